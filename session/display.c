#include "session/display-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "session/untrusted.h"

#define MAX_MESSAGES_A_TURN 256
#define STDERR_LINES 1000 // a session; a compositor that chatters is not allowed to fill the log

static void handle_end(void *data) {
	struct display *display = data;
	display->end_source = NULL;
	display->observer->ended(display->data, display->end_reason);
}

// The first reason counts; saying it waits for the event loop.
void display_end(struct display *display, const char *reason) {
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
		display_act_sent(display, &next->message);
	}
	display->queue_len -= done;
	memmove(display->queue, display->queue + done,
		display->queue_len * sizeof(*display->queue));
	bool waits = display->queue_len > 0;
	if (display->channel_source != NULL && waits != display->waits_to_send) {
		display->waits_to_send = waits;
		wl_event_source_fd_update(display->channel_source,
			WL_EVENT_READABLE | (waits ? WL_EVENT_WRITABLE : 0));
	}
}

bool display_reserve(struct display *display, size_t more) {
	size_t size = display->queue_len + more;
	if (size <= display->queue_size) {
		return true;
	}
	size = size > display->queue_size * 2 ? size : display->queue_size * 2;
	struct queued *queue = realloc(display->queue, size * sizeof(*queue));
	if (queue == NULL) {
		return false;
	}
	display->queue = queue;
	display->queue_size = size;
	return true;
}

void display_send(struct display *display, const struct channel_message *message, int fd) {
	const char *broken = NULL;
	if (display->end_reason[0] != '\0') {
		broken = display->end_reason;
	} else if (display->queue_len - display->queued_steps >= MAX_QUEUE) {
		broken = "the compositor stopped reading its messages";
	} else if (!display_reserve(display, 1)) {
		broken = "out of memory";
	}
	if (broken != NULL) {
		if (fd >= 0) {
			close(fd);
		}
		display_end(display, broken);
		return;
	}
	display->queued_steps += message->type == CHANNEL_INPUT;
	display->queue[display->queue_len++] = (struct queued){.message = *message, .fd = fd};
	flush_queue(display);
}

void display_release_slot(struct display *display, uint32_t slot) {
	display->slot_held[slot] = false;
	display->observer->released(display->data, slot);
	struct channel_message message = {.type = CHANNEL_RELEASE, .release.slot = slot};
	display_send(display, &message, -1);
}

// ---- from the compositor

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
			// How it ended stands in its exit status, which handle_exit() reads at
			// once.
			wl_event_source_remove(display->channel_source);
			display->channel_source = NULL;
			break;
		}
		// No descriptor is ever taken from it: msg_control is empty, the kernel drops what
		// it attached.
		if ((size_t)len != sizeof(untrusted) || (msg.msg_flags & MSG_TRUNC) != 0 ||
			!display_take(display, &untrusted)) {
			display_end(display,
				"the compositor sent a message that cannot be; it was ended");
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
		snprintf(reason, sizeof(reason), "the compositor exited with status %d",
			info.si_status);
	} else {
		snprintf(reason, sizeof(reason), "the compositor was killed by signal %d (%s)",
			info.si_status, strsignal(info.si_status));
	}
	display_end(display, reason);
	return 0;
}

// Has the kernel begun to take the process down? PF_EXITING in the flags of proc_pid_stat(5).
static bool is_exiting(pid_t pid) {
	char path[32], text[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0) {
		close(fd);
	}
	unsigned int flags = 0;
	text[len > 0 ? len : 0] = '\0';
	const char *comm_end = strrchr(text, ')');
	return comm_end != NULL && sscanf(comm_end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       (flags & 0x4) != 0;
}

const char *display_check(struct display *display) {
	if (display->end_reason[0] == '\0' && display->pid_source != NULL &&
		is_exiting(display->pid)) {
		struct pollfd wait = {.fd = display->pidfd, .events = POLLIN};
		if (poll(&wait, 1, 1000) == 1) {
			handle_exit(display->pidfd, 0, display);
		}
	}
	return display->end_reason[0] != '\0' ? display->end_reason : NULL;
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
	display_send(display, &message, client);
	return 0;
}

int display_listen(struct display *display, int listen_fd) {
	display->listen_fd = listen_fd;
	fcntl(listen_fd, F_SETFL, O_NONBLOCK);
	display->listen_source = wl_event_loop_add_fd(
		display->loop, listen_fd, WL_EVENT_READABLE, handle_connect, display);
	return display->listen_source == NULL ? -ENOMEM : 0;
}

int display_memory_fd(const struct display *display) {
	return display->memory_fd;
}

const uint8_t *display_memory(const struct display *display) {
	return display->memory;
}

bool display_newest(const struct display *display, struct display_frame *frame) {
	*frame = (struct display_frame){
		.slot = display->newest < 0 ? 0 : (uint32_t)display->newest,
		.boxes_len = 1,
		.serial = display->serial,
		.time_ns = display->time_ns,
		.boxes = &display->whole,
	};
	return display->newest >= 0;
}

struct display_cursor display_cursor(const struct display *display) {
	return display->cursor;
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
	display_send(display, &message, -1);
	return 0;
}

// ---- life

static int make_memory(struct display *display) {
	display->memory_len = channel_memory_bytes(display->options.width, display->options.height);
	display->memory_fd =
		memfd_create("parclose-frames", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (display->memory_fd < 0 ||
		ftruncate(display->memory_fd, (off_t)display->memory_len) != 0 ||
		fcntl(display->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
			0) {
		return -errno;
	}
	display->memory =
		mmap(NULL, display->memory_len, PROT_READ, MAP_SHARED, display->memory_fd, 0);
	if (display->memory == MAP_FAILED) {
		display->memory = NULL;
		return -errno;
	}
	// Pid 1 of the sandbox is a fork of this process and has no business with the screen.
	return madvise(display->memory, display->memory_len, MADV_DONTFORK) != 0 ? -errno : 0;
}

// In the new process: nothing but the channel and a line to complain on.
static void exec_compositor(int program, int channel, int stderr_fd) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	// Out of the way of 0..3 first: any of the three may stand on a number that is needed.
	channel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	stderr_fd = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 10);
	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(stderr_fd, 2) < 0 ||
		dup2(channel, CHANNEL_FD) < 0) {
		_exit(126);
	}
	struct rlimit no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	char *const argv[] = {(char *)"parclose-compositor", NULL};
	char *const env[] = {(char *)"LANG=C.UTF-8", NULL};
	// By descriptor: this identity may not be able to walk the path, where that lies in root's
	// home.
	execveat(program, "", argv, env, AT_EMPTY_PATH);
	dprintf(2, "cannot execute the compositor: %s\n", strerror(errno));
	_exit(127);
}

static int start(struct display *display, char *why, size_t why_size) {
	int pair[2] = {-1, -1}, errors[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
		pipe2(errors, O_CLOEXEC) != 0) {
		int error = errno;
		snprintf(
			why, why_size, "cannot make the compositor's channel: %s", strerror(error));
		if (pair[0] >= 0) {
			close(pair[0]);
			close(pair[1]);
		}
		return -error;
	}
	int program = open(display->options.compositor_path, O_PATH | O_CLOEXEC);
	struct sandbox_error error;
	pid_t pid = program < 0 ? -errno : sandbox_clone_isolated(&display->pidfd, &error);
	if (pid == 0) {
		exec_compositor(program, pair[1], errors[1]);
	}
	if (program < 0) {
		snprintf(error.message, sizeof(error.message), "cannot open %s: %s",
			display->options.compositor_path, strerror((int)-pid));
	} else {
		close(program);
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
	if (display == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	display->loop = loop;
	display->observer = observer;
	display->data = data;
	display->options = *options;
	display->whole =
		(struct channel_box){0, 0, (int32_t)options->width, (int32_t)options->height};
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
	display->channel_source = wl_event_loop_add_fd(
		loop, display->channel, WL_EVENT_READABLE, handle_channel, display);
	display->stderr_source = wl_event_loop_add_fd(
		loop, display->stderr_fd, WL_EVENT_READABLE, handle_stderr, display);
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
	snprintf(setup.setup.layout, sizeof(setup.setup.layout), "%s", options->layout);
	display_send(display, &setup, fcntl(display->memory_fd, F_DUPFD_CLOEXEC, 0));
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
	display_act_finish(display);
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
