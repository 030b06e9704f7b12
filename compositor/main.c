/*
 * parclose-compositor: the display server of one session, as a process that holds nothing but its
 * channel to the supervisor, the frame memory and its clients. It reads keymap and cursors,
 * confines itself, says READY, serves. Whatever is wrong with the channel ends it.
 */

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wayland-server-core.h>
#include <wlr/util/log.h>
#include <xkbcommon/xkbcommon.h>

#include "compositor/channel.h"
#include "compositor/compositor.h"
#include "compositor/outbox.h"
#include "compositor/shapes.h"
#include "input/keymap.h"
#include "sandbox/sandbox.h"

struct server {
	struct compositor *compositor;
	struct outbox *outbox;
	bool over;
	int status; // to exit with
};

// Log lines may quote what clients said: one line each, printable ASCII, of bounded length.
__attribute__((format(printf, 2, 0))) static void log_line(
	enum wlr_log_importance importance, const char *format, va_list args) {
	if (importance > WLR_ERROR) {
		return; // wlroots tells a line for every surface otherwise
	}
	char text[512];
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n < 0) {
		return;
	}
	for (char *p = text; *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e) {
			*p = '?';
		}
	}
	char line[600];
	n = snprintf(line, sizeof(line), "compositor: %s\n", text);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) {
		// Nobody listens; there is nobody to tell.
	}
}

__attribute__((format(printf, 1, 0))) static void log_handler(const char *format, va_list args) {
	log_line(WLR_ERROR, format, args);
}

static int fail(const char *what) {
	wlr_log(WLR_ERROR, "%s", what);
	struct channel_message message = {.type = CHANNEL_FATAL};
	memcpy(message.fatal.text, what, strnlen(what, sizeof(message.fatal.text) - 1));
	if (send(CHANNEL_FD, &message, sizeof(message), MSG_NOSIGNAL) < 0) {
		wlr_log_errno(WLR_ERROR, "the supervisor is gone as well");
	}
	return EXIT_FAILURE;
}

/*
 * Reads one message, with at most one descriptor in *fd (-1: none). 1: read, 0: nothing now, -1:
 * the channel ended, -2: it failed, or this is no message.
 */
static int receive(struct channel_message *message, int *fd, int flags) {
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	*fd = -1;
	ssize_t n;
	do {
		n = recvmsg(CHANNEL_FD, &header, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		return 0;
	}
	bool good = n == (ssize_t)sizeof(*message) &&
		    (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && message->reserved == 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); n > 0 && c != NULL;
		c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (*fd < 0) {
				*fd = got;
			} else {
				close(got);
				good = false;
			}
		}
	}
	if (!good && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return good ? 1 : n == 0 ? -1 : -2;
}

static void end(struct server *server, int status) {
	server->over = true;
	server->status = status;
}

static void handle_gone(void *data) {
	end(data, EXIT_SUCCESS); // nobody is left to serve for
}

static void handle_emit(void *data, const struct channel_message *message) {
	struct server *server = data;
	if (server->outbox == NULL) {
		return; // on the way out
	}
	outbox_send(server->outbox, message);
	if (message->type == CHANNEL_FATAL) {
		wlr_log(WLR_ERROR, "%s", message->fatal.text);
		end(server, EXIT_FAILURE);
	}
}

// Does what a message asks; takes over `fd`. False: it makes no sense.
static bool act(struct server *server, const struct channel_message *message, int fd) {
	if (message->type == CHANNEL_CLIENT) {
		if (fd < 0 || message->client.id == 0 || message->client.reserved != 0) {
			if (fd >= 0) {
				close(fd);
			}
			return false;
		}
		if (!compositor_add_client(server->compositor, fd, message->client.id)) {
			struct channel_message gone = {.type = CHANNEL_CLIENT_GONE};
			gone.client.id = message->client.id;
			outbox_send(server->outbox, &gone);
		}
		return true;
	}
	if (message->type == CHANNEL_HUMAN_KEYMAP) {
		bool good = fd >= 0 && compositor_human_keymap(server->compositor, message, fd);
		if (fd >= 0) {
			close(fd);
		}
		return good;
	}
	if (message->type >= CHANNEL_CLIPBOARD_LIST && message->type <= CHANNEL_CLIPBOARD_CLEAR) {
		return compositor_clipboard(server->compositor, message, fd);
	}
	if (fd >= 0) {
		close(fd);
		return false;
	}
	switch (message->type) {
	case CHANNEL_HUMAN:
		return compositor_human(server->compositor, message->human.on);
	case CHANNEL_HUMAN_INPUT:
		return compositor_human_input(server->compositor, message);
	case CHANNEL_RELEASE:
		return compositor_release(server->compositor, message->release.slot);
	case CHANNEL_PAUSE:
		return compositor_pause(server->compositor, message->pause.on);
	case CHANNEL_WINDOW_ACT:
		return compositor_window_act(
			server->compositor, message->window_act.id, message->window_act.verb);
	case CHANNEL_INPUT:
		return compositor_input(server->compositor, message);
	case CHANNEL_INPUT_CANCEL:
		return compositor_input_cancel(server->compositor, message->input_cancel.token);
	case CHANNEL_INPUT_RELEASE:
		compositor_input_release(server->compositor);
		return true;
	case CHANNEL_SETTLE:
		return compositor_settle(server->compositor, message);
	default:
		return false;
	}
}

static int handle_channel(int fd, uint32_t mask, void *data) {
	struct server *server = data;
	struct channel_message message;
	int got = -1;
	int rc = 1;
	while (!server->over && (rc = receive(&message, &got, MSG_DONTWAIT)) > 0) {
		if (!act(server, &message, got)) {
			wlr_log(WLR_ERROR, "the supervisor sent a message that makes no sense");
			end(server, EXIT_FAILURE);
		}
	}
	if (rc == -2) {
		wlr_log(WLR_ERROR, "the supervisor sent something that is no message");
	}
	if (rc < 0) {
		end(server, rc == -1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	return 0;
}

/*
 * Gives back the pages that only starting needed: of some forty libraries that come with wlroots,
 * most never run again here. What is unwritable and from a file comes back by itself when touched.
 */
static int forget_segments(struct dl_phdr_info *info, size_t size, void *data) {
	const uintptr_t page = 4096;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0) {
			uintptr_t start = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
			uintptr_t end_at = info->dlpi_addr + segment->p_vaddr + segment->p_filesz;
			madvise((void *)start, end_at - start, MADV_DONTNEED);
		}
	}
	return 0;
}

// Confines the process for good and serves until the session ends. Returns the exit status.
static int serve(struct server *server, struct wl_event_loop *loop) {
	dl_iterate_phdr(forget_segments, NULL);
	struct sandbox_error error = {0};
	if (sandbox_confine_self(&error) != 0) {
		char text[sizeof(error.message) + 32];
		snprintf(text, sizeof(text), "cannot confine itself: %s", error.message);
		return fail(text);
	}
	struct channel_message ready = {.type = CHANNEL_READY};
	outbox_send(server->outbox, &ready);
	while (!server->over) {
		compositor_flush(server->compositor);
		if (wl_event_loop_dispatch(loop, -1) < 0 && errno != EINTR) {
			return fail("the event loop failed");
		}
	}
	return server->status;
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	wlr_log_init(WLR_ERROR, log_line);
	wl_log_set_handler_server(log_handler);

	struct channel_message setup;
	int memory = -1;
	if (fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC) != 0 || receive(&setup, &memory, 0) != 1 ||
		setup.type != CHANNEL_SETUP || setup.setup.version != CHANNEL_VERSION ||
		memory < 0) {
		return fail("not started by a supervisor of this version");
	}
	struct cursor_shapes *shapes = cursor_shapes_load(NULL);
	if (shapes == NULL) {
		return fail("out of memory");
	}
	setup.setup.layout[sizeof(setup.setup.layout) - 1] = '\0';
	struct xkb_keymap *keymap = keymap_load(setup.setup.layout);
	if (keymap == NULL) {
		char text[160];
		snprintf(text, sizeof(text),
			"the keyboard layout \"%s\" cannot be loaded: is it one of xkb-data's?",
			setup.setup.layout);
		return fail(text);
	}
	struct server server = {0};
	const struct compositor_config config = {
		.width = setup.setup.width,
		.height = setup.setup.height,
		.refresh = setup.setup.refresh,
		.memory_fd = memory,
		.keymap = keymap,
		.shapes = shapes,
	};
	const struct compositor_sink sink = {.emit = handle_emit};
	const char *why = NULL;
	server.compositor = compositor_create(&config, &sink, &server, &why);
	close(memory);
	xkb_keymap_unref(keymap);
	if (server.compositor == NULL) {
		return fail(why);
	}
	struct wl_event_loop *loop = compositor_event_loop(server.compositor);
	struct wl_event_source *source =
		wl_event_loop_add_fd(loop, CHANNEL_FD, WL_EVENT_READABLE, handle_channel, &server);
	server.outbox = outbox_create(loop, CHANNEL_FD, handle_gone, &server);
	if (source == NULL || server.outbox == NULL) {
		return fail("out of memory");
	}
	int status = serve(&server, loop);
	wl_event_source_remove(source);
	outbox_destroy(server.outbox);
	server.outbox = NULL;
	compositor_destroy(server.compositor);
	cursor_shapes_destroy(shapes);
	return status;
}
