#include "session/display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "session/png.h"
#include "session/untrusted.h"

#define MAX_CLIENTS 256
#define MAX_WINDOWS 512
#define MAX_QUEUE 512
#define MAX_MESSAGES_A_TURN 256
#define STDERR_LINE 256
#define STDERR_LINES 1000 // a session; a compositor that chatters is not allowed to fill the log

struct client {
	uint32_t id;
	pid_t pid;
};

struct queued {
	struct channel_message message;
	int fd; // ours until sent, -1: none
};

struct display {
	struct wl_event_loop *loop;
	const struct display_observer *observer;
	void *data;
	struct display_options options;

	pid_t pid;
	int pidfd, channel, stderr_fd, listen_fd, memory_fd;
	struct wl_event_source *pid_source, *channel_source, *stderr_source, *listen_source;
	struct wl_event_source *end_source; // idle: says the end outside of whatever found it
	char end_reason[256];		    // empty: alive

	uint8_t *memory; // mapped read-only; the compositor writes it at any time
	size_t memory_len;
	bool slot_held[CHANNEL_SLOTS]; // given to us by the compositor, not yet released
	int newest;		       // slot, -1: none
	uint64_t frames, serial, time_ns;
	bool ready;
	struct {
		int32_t x, y, hot_x, hot_y;
		uint32_t width, height;
		bool visible;
	} cursor;

	uint32_t next_client;
	struct client clients[MAX_CLIENTS];
	size_t clients_len;
	struct display_window *windows;
	size_t windows_len, windows_size;

	struct queued *queue; // what the compositor has not taken yet
	size_t queue_len;

	char line[STDERR_LINE];
	size_t line_len;
	unsigned int lines;
};

static void handle_end(void *data) {
	struct display *display = data;
	display->end_source = NULL;
	display->observer->ended(display->data, display->end_reason);
}

// The first reason counts; saying it waits for the event loop.
static void end(struct display *display, const char *reason) {
	if (display->end_reason[0] != '\0') {
		return;
	}
	snprintf(display->end_reason, sizeof(display->end_reason), "%s", reason);
	display->end_source = wl_event_loop_add_idle(display->loop, handle_end, display);
	if (display->channel_source != NULL) {
		wl_event_source_remove(display->channel_source);
		display->channel_source = NULL;
	}
	if (display->listen_source != NULL) {
		wl_event_source_remove(display->listen_source);
		display->listen_source = NULL;
	}
}

// ---- to the compositor

// 0, -EAGAIN when its socket is full, or another -errno.
static int send_now(struct display *display, const struct channel_message *message, int fd) {
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	ssize_t sent = sendmsg(display->channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : 0;
}

static void flush_queue(struct display *display) {
	size_t done = 0;
	for (; done < display->queue_len; done++) {
		struct queued *next = &display->queue[done];
		if (send_now(display, &next->message, next->fd) == -EAGAIN) {
			break;
		}
		if (next->fd >= 0) {
			close(next->fd);
		}
	}
	display->queue_len -= done;
	memmove(display->queue, display->queue + done, display->queue_len * sizeof(*display->queue));
	if (display->channel_source != NULL) {
		wl_event_source_fd_update(display->channel_source,
			WL_EVENT_READABLE | (display->queue_len > 0 ? WL_EVENT_WRITABLE : 0));
	}
}

// Sends in order, now or later; takes over `fd`. A compositor that stops reading ends the display.
static void send_message(struct display *display, const struct channel_message *message, int fd) {
	if (display->end_reason[0] != '\0') {
		if (fd >= 0) {
			close(fd);
		}
		return;
	}
	if (display->queue_len == MAX_QUEUE) {
		if (fd >= 0) {
			close(fd);
		}
		end(display, "the compositor stopped reading its messages");
		return;
	}
	display->queue[display->queue_len++] = (struct queued){.message = *message, .fd = fd};
	flush_queue(display);
}

static void release_slot(struct display *display, uint32_t slot) {
	display->slot_held[slot] = false;
	struct channel_message message = {.type = CHANNEL_RELEASE, .release.slot = slot};
	send_message(display, &message, -1);
}

// ---- from the compositor

static bool box_inside(const struct channel_box *box, uint32_t width, uint32_t height) {
	return box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0 &&
	       (int64_t)box->x + box->width <= width && (int64_t)box->y + box->height <= height;
}

static bool take_frame(struct display *display, const struct channel_message *untrusted) {
	uint32_t slot = untrusted->frame.slot;
	uint32_t boxes = untrusted->frame.boxes_len;
	if (slot >= CHANNEL_SLOTS || display->slot_held[slot] || boxes == 0 || boxes > CHANNEL_BOXES ||
		untrusted->frame.serial <= display->serial) {
		return false;
	}
	for (uint32_t i = 0; i < boxes; i++) {
		if (!box_inside(&untrusted->frame.boxes[i], display->options.width,
			    display->options.height)) {
			return false;
		}
	}
	int previous = display->newest;
	display->slot_held[slot] = true;
	display->newest = (int)slot;
	display->serial = untrusted->frame.serial;
	display->time_ns = untrusted->frame.time_ns;
	display->frames++;
	if (previous >= 0) {
		release_slot(display, (uint32_t)previous);
	}
	return true;
}

static bool take_cursor(struct display *display, const struct channel_message *untrusted) {
	int32_t limit = CHANNEL_CURSOR_MAX;
	if (untrusted->cursor.width > CHANNEL_CURSOR_MAX ||
		untrusted->cursor.height > CHANNEL_CURSOR_MAX || untrusted->cursor.hot_x < -limit ||
		untrusted->cursor.hot_x > limit || untrusted->cursor.hot_y < -limit ||
		untrusted->cursor.hot_y > limit || untrusted->cursor.x < 0 || untrusted->cursor.y < 0 ||
		untrusted->cursor.x > (int32_t)display->options.width ||
		untrusted->cursor.y > (int32_t)display->options.height) {
		return false;
	}
	display->cursor.x = untrusted->cursor.x;
	display->cursor.y = untrusted->cursor.y;
	display->cursor.hot_x = untrusted->cursor.hot_x;
	display->cursor.hot_y = untrusted->cursor.hot_y;
	display->cursor.width = untrusted->cursor.width;
	display->cursor.height = untrusted->cursor.height;
	display->cursor.visible = untrusted->cursor.visible != 0;
	return true;
}

static pid_t client_pid(const struct display *display, uint32_t id) {
	for (size_t i = 0; i < display->clients_len; i++) {
		if (display->clients[i].id == id) {
			return display->clients[i].pid;
		}
	}
	return 0;
}

static void take_client_gone(struct display *display, uint32_t untrusted_id) {
	for (size_t i = 0; i < display->clients_len; i++) {
		if (display->clients[i].id == untrusted_id) {
			display->clients[i] = display->clients[--display->clients_len];
			return;
		}
	}
}

static bool take_window(struct display *display, const struct channel_message *untrusted) {
	uint32_t id = untrusted->window.id;
	size_t i = 0;
	while (i < display->windows_len && display->windows[i].id != id) {
		i++;
	}
	if (id == 0) {
		return false;
	}
	if ((untrusted->window.state & CHANNEL_WINDOW_MAPPED) == 0) {
		if (i < display->windows_len) {
			display->windows_len--;
			memmove(&display->windows[i], &display->windows[i + 1],
				(display->windows_len - i) * sizeof(*display->windows));
		}
		return true;
	}
	if (i == display->windows_len) {
		if (i == MAX_WINDOWS) {
			return true; // shown on the frame all the same; the list has an end
		}
		if (i == display->windows_size) {
			size_t size = i == 0 ? 8 : i * 2;
			struct display_window *windows =
				realloc(display->windows, size * sizeof(*windows));
			if (windows == NULL) {
				return true;
			}
			display->windows = windows;
			display->windows_size = size;
		}
		display->windows_len++;
	}
	struct display_window *window = &display->windows[i];
	*window = (struct display_window){
		.id = id,
		.client = untrusted->window.client,
		.parent = untrusted->window.parent,
		.state = untrusted->window.state &
			 (CHANNEL_WINDOW_MAPPED | CHANNEL_WINDOW_FOCUSED | CHANNEL_WINDOW_DIALOG),
		.box = untrusted->window.box,
		.pid = client_pid(display, untrusted->window.client),
	};
	untrusted_text(window->title, sizeof(window->title), untrusted->window.untrusted_title,
		sizeof(untrusted->window.untrusted_title));
	untrusted_text(window->app_id, sizeof(window->app_id), untrusted->window.untrusted_app_id,
		sizeof(untrusted->window.untrusted_app_id));
	return true;
}

// The one place where the compositor's messages are checked. False: it lies.
static bool take_message(struct display *display, const struct channel_message *untrusted) {
	if (untrusted->reserved != 0) {
		return false;
	}
	switch (untrusted->type) {
	case CHANNEL_READY:
		if (display->ready) {
			return false;
		}
		display->ready = true;
		display->observer->ready(display->data);
		return true;
	case CHANNEL_FRAME:
		return take_frame(display, untrusted);
	case CHANNEL_CURSOR:
		return take_cursor(display, untrusted);
	case CHANNEL_CLIENT_GONE:
		take_client_gone(display, untrusted->client.id);
		return true;
	case CHANNEL_WINDOW:
		return take_window(display, untrusted);
	case CHANNEL_FATAL: {
		char text[192];
		char reason[256];
		untrusted_text(text, sizeof(text), untrusted->fatal.text, sizeof(untrusted->fatal.text));
		snprintf(reason, sizeof(reason), "the compositor could not go on: %s", text);
		end(display, reason);
		return true;
	}
	default:
		return false;
	}
}

static int handle_channel(int fd, uint32_t mask, void *data) {
	struct display *display = data;
	if (mask & WL_EVENT_WRITABLE) {
		flush_queue(display);
	}
	for (int i = 0; i < MAX_MESSAGES_A_TURN && display->end_reason[0] == '\0'; i++) {
		struct channel_message untrusted;
		struct iovec iov = {.iov_base = &untrusted, .iov_len = sizeof(untrusted)};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
			break;
		}
		if (len <= 0) {
			// How it ended stands in its exit status, which handle_exit() reads at once.
			wl_event_source_remove(display->channel_source);
			display->channel_source = NULL;
			break;
		}
		// No descriptor is ever taken from it: msg_control is empty, the kernel drops what it attached.
		if ((size_t)len != sizeof(untrusted) || (msg.msg_flags & MSG_TRUNC) != 0 ||
			!take_message(display, &untrusted)) {
			end(display, "the compositor sent a message that cannot be; it was ended");
			break;
		}
	}
	return 0;
}

static void take_line(struct display *display) {
	display->line[display->line_len] = '\0';
	char text[STDERR_LINE * 3];
	untrusted_text(text, sizeof(text), display->line, display->line_len);
	display->line_len = 0;
	if (text[0] != '\0' && display->lines++ < STDERR_LINES) {
		display->observer->message(display->data, text);
	}
}

static int handle_stderr(int fd, uint32_t mask, void *data) {
	struct display *display = data;
	char buffer[4096];
	ssize_t len = read(fd, buffer, sizeof(buffer));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	for (ssize_t i = 0; i < len; i++) {
		if (buffer[i] == '\n' || display->line_len == sizeof(display->line) - 1) {
			take_line(display);
		}
		if (buffer[i] != '\n') {
			display->line[display->line_len++] = buffer[i];
		}
	}
	if (len <= 0) {
		take_line(display);
		wl_event_source_remove(display->stderr_source);
		display->stderr_source = NULL;
	}
	return 0;
}

static int handle_exit(int fd, uint32_t mask, void *data) {
	struct display *display = data;
	siginfo_t info = {0};
	waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
	if (info.si_pid == 0) {
		return 0;
	}
	while (display->stderr_source != NULL) { // its last words
		handle_stderr(display->stderr_fd, 0, display);
		if (display->line_len == 0) {
			break;
		}
	}
	wl_event_source_remove(display->pid_source);
	display->pid_source = NULL;
	display->pid = 0;
	char reason[128];
	if (info.si_code == CLD_EXITED) {
		snprintf(reason, sizeof(reason), "the compositor exited with status %d", info.si_status);
	} else {
		snprintf(reason, sizeof(reason), "the compositor was killed by signal %d (%s)",
			info.si_status, strsignal(info.si_status));
	}
	end(display, reason);
	return 0;
}

// ---- the apps' connections

static int handle_connect(int fd, uint32_t mask, void *data) {
	struct display *display = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		return 0;
	}
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	if (display->clients_len == MAX_CLIENTS ||
		getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		close(client);
		return 0;
	}
	uint32_t id = ++display->next_client;
	display->clients[display->clients_len++] = (struct client){.id = id, .pid = peer.pid};
	struct channel_message message = {.type = CHANNEL_CLIENT, .client.id = id};
	send_message(display, &message, client);
	return 0;
}

int display_listen(struct display *display, int listen_fd) {
	display->listen_fd = listen_fd;
	fcntl(listen_fd, F_SETFL, O_NONBLOCK);
	display->listen_source = wl_event_loop_add_fd(display->loop, listen_fd, WL_EVENT_READABLE,
		handle_connect, display);
	return display->listen_source == NULL ? -ENOMEM : 0;
}

// ---- seeing

struct screenshot {
	const struct display *display;
	const uint8_t *frame; // the newest
	struct channel_box region;
	bool cursor;
};

static const uint8_t *screenshot_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct screenshot *shot = data;
	const struct display *display = shot->display;
	const struct channel_box *region = &shot->region;
	const uint8_t *row = shot->frame +
			     ((size_t)region->y + y) * display->options.width * 4 +
			     (size_t)region->x * 4;
	int32_t cursor_y = region->y + (int32_t)y - (display->cursor.y - display->cursor.hot_y);
	if (!shot->cursor || cursor_y < 0 || cursor_y >= (int32_t)display->cursor.height) {
		return row;
	}
	memcpy(scratch, row, (size_t)region->width * 4);
	// The image is premultiplied ARGB.
	const uint8_t *image = display->memory +
			       channel_slot_bytes(display->options.width, display->options.height) *
				       CHANNEL_SLOTS +
			       (size_t)cursor_y * CHANNEL_CURSOR_MAX * 4;
	int32_t left = display->cursor.x - display->cursor.hot_x - region->x;
	for (int32_t x = 0; x < (int32_t)display->cursor.width; x++, image += 4) {
		if (left + x < 0 || left + x >= region->width) {
			continue;
		}
		uint8_t *to = scratch + (size_t)(left + x) * 4;
		unsigned int through = 255u - image[3];
		for (int i = 0; i < 3; i++) {
			unsigned int mixed = image[i] + (to[i] * through + 127) / 255;
			to[i] = (uint8_t)(mixed > 255 ? 255 : mixed);
		}
	}
	return scratch;
}

uint8_t *display_screenshot(struct display *display, const struct channel_box *region, bool cursor,
	size_t *len) {
	if (display->newest < 0) {
		errno = EAGAIN;
		return NULL;
	}
	struct screenshot shot = {
		.display = display,
		.frame = display->memory +
			 channel_slot_bytes(display->options.width, display->options.height) *
				 (size_t)display->newest,
		.region = {0, 0, (int32_t)display->options.width, (int32_t)display->options.height},
		.cursor = cursor && display->cursor.visible,
	};
	if (region != NULL) {
		shot.region = *region;
	}
	if (!box_inside(&shot.region, display->options.width, display->options.height)) {
		errno = ERANGE;
		return NULL;
	}
	struct png_source source = {
		.width = (uint32_t)shot.region.width,
		.height = (uint32_t)shot.region.height,
		.row = screenshot_row,
		.data = &shot,
	};
	uint8_t *png = png_encode(&source, len);
	if (png == NULL) {
		errno = ENOMEM;
	}
	return png;
}

struct display_state display_state(const struct display *display) {
	return (struct display_state){
		.ready = display->ready,
		.pid = display->pid,
		.width = display->options.width,
		.height = display->options.height,
		.refresh = display->options.refresh,
		.frames = display->frames,
		.serial = display->serial,
		.time_ns = display->time_ns,
		.clients = display->clients_len,
		.windows = display->windows,
		.windows_len = display->windows_len,
	};
}

int display_window_act(struct display *display, uint32_t id, enum channel_window_verb verb) {
	bool found = verb == CHANNEL_WINDOW_CYCLE;
	for (size_t i = 0; i < display->windows_len; i++) {
		found = found || display->windows[i].id == id;
	}
	if (!found) {
		return -ESRCH;
	}
	struct channel_message message = {
		.type = CHANNEL_WINDOW_ACT,
		.window_act = {.id = id, .verb = verb},
	};
	send_message(display, &message, -1);
	return 0;
}

// ---- life

static int make_memory(struct display *display) {
	display->memory_len = channel_memory_bytes(display->options.width, display->options.height);
	display->memory_fd =
		memfd_create("parclose-frames", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (display->memory_fd < 0 || ftruncate(display->memory_fd, (off_t)display->memory_len) != 0 ||
		fcntl(display->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		return -errno;
	}
	display->memory = mmap(NULL, display->memory_len, PROT_READ, MAP_SHARED, display->memory_fd, 0);
	if (display->memory == MAP_FAILED) {
		display->memory = NULL;
		return -errno;
	}
	return 0;
}

// In the new process: nothing but the channel and a line to complain on.
static void exec_compositor(const char *path, int channel, int stderr_fd) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	// Out of the way of 0..3 first: any of the three may stand on a number that is needed.
	channel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	stderr_fd = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 10);
	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(stderr_fd, 2) < 0 ||
		dup2(channel, CHANNEL_FD) < 0) {
		_exit(126);
	}
	struct rlimit no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	char *const argv[] = {(char *)"parclose-compositor", NULL};
	char *const env[] = {(char *)"LANG=C.UTF-8", NULL};
	execve(path, argv, env);
	dprintf(2, "cannot execute %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int start(struct display *display, char *why, size_t why_size) {
	int pair[2] = {-1, -1}, errors[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
		pipe2(errors, O_CLOEXEC) != 0) {
		int error = errno;
		snprintf(why, why_size, "cannot make the compositor's channel: %s", strerror(error));
		if (pair[0] >= 0) {
			close(pair[0]);
			close(pair[1]);
		}
		return -error;
	}
	struct sandbox_error error;
	pid_t pid = sandbox_clone_isolated(&display->pidfd, &error);
	if (pid == 0) {
		exec_compositor(display->options.compositor_path, pair[1], errors[1]);
	}
	close(pair[1]);
	close(errors[1]);
	display->channel = pair[0];
	display->stderr_fd = errors[0];
	fcntl(display->stderr_fd, F_SETFL, O_NONBLOCK);
	if (pid < 0) {
		snprintf(why, why_size, "%s", error.message);
		return (int)pid;
	}
	display->pid = pid;
	return 0;
}

struct display *display_create(struct wl_event_loop *loop, const struct display_options *options,
	const struct display_observer *observer, void *data, char *why, size_t why_size) {
	struct display *display = calloc(1, sizeof(*display));
	if (display == NULL || (display->queue = calloc(MAX_QUEUE, sizeof(*display->queue))) == NULL) {
		free(display);
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	display->loop = loop;
	display->observer = observer;
	display->data = data;
	display->options = *options;
	display->newest = -1;
	display->pidfd = display->channel = display->stderr_fd = display->listen_fd = -1;
	display->memory_fd = -1;
	int ret = make_memory(display);
	if (ret != 0) {
		snprintf(why, why_size, "cannot make the frame memory: %s", strerror(-ret));
	} else {
		ret = start(display, why, why_size);
	}
	if (ret != 0) {
		display_destroy(display);
		return NULL;
	}
	display->pid_source =
		wl_event_loop_add_fd(loop, display->pidfd, WL_EVENT_READABLE, handle_exit, display);
	display->channel_source =
		wl_event_loop_add_fd(loop, display->channel, WL_EVENT_READABLE, handle_channel, display);
	display->stderr_source =
		wl_event_loop_add_fd(loop, display->stderr_fd, WL_EVENT_READABLE, handle_stderr, display);
	if (display->pid_source == NULL || display->channel_source == NULL ||
		display->stderr_source == NULL) {
		snprintf(why, why_size, "out of memory");
		display_destroy(display);
		return NULL;
	}
	struct channel_message setup = {
		.type = CHANNEL_SETUP,
		.setup = {CHANNEL_VERSION, options->width, options->height, options->refresh},
	};
	send_message(display, &setup, fcntl(display->memory_fd, F_DUPFD_CLOEXEC, 0));
	return display;
}

static void remove_source(struct wl_event_source *source) {
	if (source != NULL) {
		wl_event_source_remove(source);
	}
}

static void close_fd(int fd) {
	if (fd >= 0) {
		close(fd);
	}
}

void display_destroy(struct display *display) {
	if (display == NULL) {
		return;
	}
	remove_source(display->pid_source);
	remove_source(display->channel_source);
	remove_source(display->stderr_source);
	remove_source(display->listen_source);
	remove_source(display->end_source);
	for (size_t i = 0; i < display->queue_len; i++) {
		close_fd(display->queue[i].fd);
	}
	if (display->pid > 0) {
		kill(display->pid, SIGKILL);
		waitpid(display->pid, NULL, 0);
	}
	if (display->memory != NULL) {
		munmap(display->memory, display->memory_len);
	}
	close_fd(display->pidfd);
	close_fd(display->channel);
	close_fd(display->stderr_fd);
	close_fd(display->listen_fd);
	close_fd(display->memory_fd);
	free(display->windows);
	free(display->queue);
	free(display);
}
