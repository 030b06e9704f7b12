#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

// Bytes read from one side and not yet taken by the other.
struct pipe_buffer {
	char bytes[8192];
	size_t len;
};

struct terminal {
	int pty, in, out; // `in` and `out` are descriptions of our own, so O_NONBLOCK is ours alone
	struct termios saved;
	struct wl_event_source *pty_source, *in_source, *out_source, *size_source;
	struct pipe_buffer to_user, to_pty;
};

bool terminal_is_wanted(uint16_t *rows, uint16_t *columns) {
	struct winsize size = {0};
	if (!isatty(0) || !isatty(1) || ioctl(1, TIOCGWINSZ, &size) != 0) {
		return false;
	}
	*rows = size.ws_row;
	*columns = size.ws_col;
	return true;
}

static ssize_t fill(struct pipe_buffer *buffer, int fd) {
	ssize_t n = read(fd, buffer->bytes + buffer->len, sizeof(buffer->bytes) - buffer->len);
	if (n > 0) {
		buffer->len += (size_t)n;
	}
	return n;
}

static void drain(struct pipe_buffer *buffer, int fd) {
	ssize_t n = write(fd, buffer->bytes, buffer->len);
	if (n > 0) {
		buffer->len -= (size_t)n;
		memmove(buffer->bytes, buffer->bytes + n, buffer->len);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		buffer->len = 0;
	}
}

// Each side is read only while there is room for it, and written only while there is something.
static void update(struct terminal *terminal) {
	uint32_t pty_mask =
		(terminal->to_user.len < sizeof(terminal->to_user.bytes) ? WL_EVENT_READABLE : 0) |
		(terminal->to_pty.len > 0 ? WL_EVENT_WRITABLE : 0);
	if (terminal->pty_source != NULL) {
		wl_event_source_fd_update(terminal->pty_source, pty_mask);
	}
	if (terminal->in_source != NULL) {
		wl_event_source_fd_update(terminal->in_source,
			terminal->to_pty.len < sizeof(terminal->to_pty.bytes) ? WL_EVENT_READABLE
									      : 0);
	}
	wl_event_source_fd_update(
		terminal->out_source, terminal->to_user.len > 0 ? WL_EVENT_WRITABLE : 0);
}

static void drop(struct wl_event_source **source) {
	if (*source != NULL) {
		wl_event_source_remove(*source);
		*source = NULL;
	}
}

static int handle_pty(int fd, uint32_t mask, void *data) {
	struct terminal *terminal = data;
	if (mask & WL_EVENT_WRITABLE) {
		drain(&terminal->to_pty, fd);
	}
	if (mask & (WL_EVENT_READABLE | WL_EVENT_HANGUP)) {
		ssize_t n = fill(&terminal->to_user, fd);
		if (n == 0 || (n < 0 && errno == EIO)) { // EIO: nobody holds the other end
			drop(&terminal->pty_source);
		}
	}
	drain(&terminal->to_user, terminal->out);
	update(terminal);
	return 0;
}

static int handle_in(int fd, uint32_t mask, void *data) {
	struct terminal *terminal = data;
	ssize_t n = fill(&terminal->to_pty, fd);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(&terminal->in_source);
	}
	drain(&terminal->to_pty, terminal->pty);
	update(terminal);
	return 0;
}

static int handle_out(int fd, uint32_t mask, void *data) {
	struct terminal *terminal = data;
	drain(&terminal->to_user, fd);
	update(terminal);
	return 0;
}

static int handle_size(int signal_number, void *data) {
	struct terminal *terminal = data;
	struct winsize size;
	if (ioctl(1, TIOCGWINSZ, &size) == 0) {
		ioctl(terminal->pty, TIOCSWINSZ, &size);
	}
	return 0;
}

struct terminal *terminal_create(struct wl_event_loop *loop, int pty_fd) {
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	if (terminal == NULL) {
		close(pty_fd);
		return NULL;
	}
	terminal->pty = pty_fd;
	fcntl(pty_fd, F_SETFL, O_NONBLOCK);
	// Opened anew: O_NONBLOCK on the shell's own description would outlive us.
	terminal->in = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	terminal->out = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (terminal->in < 0) {
		terminal->in = fcntl(0, F_DUPFD_CLOEXEC, 3);
	}
	if (terminal->out < 0) {
		terminal->out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	}
	tcgetattr(0, &terminal->saved);
	struct termios raw = terminal->saved;
	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
	terminal->pty_source =
		wl_event_loop_add_fd(loop, terminal->pty, WL_EVENT_READABLE, handle_pty, terminal);
	terminal->in_source =
		wl_event_loop_add_fd(loop, terminal->in, WL_EVENT_READABLE, handle_in, terminal);
	terminal->out_source = wl_event_loop_add_fd(loop, terminal->out, 0, handle_out, terminal);
	terminal->size_source = wl_event_loop_add_signal(loop, SIGWINCH, handle_size, terminal);
	if (terminal->pty_source == NULL || terminal->in_source == NULL ||
		terminal->out_source == NULL) {
		terminal_destroy(terminal);
		return NULL;
	}
	return terminal;
}

void terminal_destroy(struct terminal *terminal) {
	if (terminal == NULL) {
		return;
	}
	// What the command printed last. A terminal that takes nothing gets a second, no more.
	for (int i = 0; i < 100; i++) {
		ssize_t n =
			terminal->pty_source == NULL ? 0 : fill(&terminal->to_user, terminal->pty);
		if (n <= 0 && terminal->to_user.len == 0) {
			break;
		}
		drain(&terminal->to_user, terminal->out);
		if (terminal->to_user.len > 0) {
			struct pollfd wait = {.fd = terminal->out, .events = POLLOUT};
			poll(&wait, 1, 10);
		}
	}
	drop(&terminal->pty_source);
	drop(&terminal->in_source);
	drop(&terminal->out_source);
	drop(&terminal->size_source);
	// Answers that the agent asked the terminal for are not for the shell that reads next.
	tcsetattr(0, TCSAFLUSH, &terminal->saved);
	close(terminal->pty);
	close(terminal->in);
	close(terminal->out);
	free(terminal);
}
