#include "session/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/rpc.h"

#define KEPT_BUFFER (64u << 10) // an empty buffer that grew beyond is given back
#define PIPE_BYTES (256 << 10) // of 64 MiB that a user has (pipe(7))

// How a descriptor is kept from blocking us.
enum end_kind {
	END_SOCKET, // by the flags of each call
	END_NONBLOCKING, // by its own O_NONBLOCK
	END_POLLED, // asked before each call, and only as much as poll(2) promises
	END_FILE, // never blocks for long
};

struct end {
	int fd;
	enum end_kind kind;
	struct wl_event_source *source; // NULL: not watched
	int always_fd; // an eventfd that is watched instead of what epoll does not take, -1: none
};

struct connection {
	struct wl_event_loop *loop;
	const struct connection_handler *handler;
	void *data;
	struct end in, out; // one socket: `out.source` is not used

	char *line; // what is read and not yet handled
	size_t line_len, line_size;
	size_t scanned; // of it, without a newline
	bool discarding; // until the next newline
	int fds[CONNECTION_MAX_FDS]; // came with the current line
	size_t fds_len;

	char *pending; // `pending_len` bytes from `pending_from` on are still to be written
	size_t pending_from, pending_len, pending_size;

	struct wl_event_source *end_source; // idle: says `closed` outside of whoever sends
	struct wl_event_source *go_on_source; // idle: handles what was kept while it was held
	bool deaf; // nothing more is read
	bool held; // nothing is read for now
	bool finishing; // closes when all is written
	bool dead; // closed as far as anybody else is concerned; freed on a turn of its own
	bool handling; // within `line` or `ended`
	bool destroyed; // by its owner, while handling
};

static bool is_one_socket(const struct connection *connection) {
	return connection->in.fd == connection->out.fd;
}

// ---- the ends

/*
 * Descriptors that we inherit are shared with others, for whom O_NONBLOCK must not change. A pipe
 * or terminal can be opened anew through /proc, with flags of our own; where that is not allowed,
 * it is polled.
 */
static void prepare_end(struct end *end, int fd, int access) {
	*end = (struct end){.fd = fd, .kind = END_POLLED, .always_fd = -1};
	struct stat st;
	if (fstat(fd, &st) != 0) {
		return;
	}
	if (S_ISSOCK(st.st_mode)) {
		end->kind = END_SOCKET;
		return;
	}
	if (S_ISREG(st.st_mode)) {
		end->kind = END_FILE;
		return;
	}
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own >= 0) {
		close(fd);
		end->fd = own;
		end->kind = END_NONBLOCKING;
	}
	if (S_ISFIFO(st.st_mode) && access == O_WRONLY &&
		fcntl(end->fd, F_GETPIPE_SZ) < PIPE_BYTES) {
		// A picture is then one or two writes and reads; where it is not granted, it is
		// more.
		fcntl(end->fd, F_SETPIPE_SZ, PIPE_BYTES);
	}
}

static void finish_end(struct end *end) {
	if (end->source != NULL) {
		wl_event_source_remove(end->source);
	}
	if (end->always_fd >= 0) {
		close(end->always_fd);
	}
	if (end->fd >= 0) {
		close(end->fd);
	}
}

static bool watch_end(struct end *end, struct wl_event_loop *loop, uint32_t mask,
	wl_event_loop_fd_func_t handle, void *data) {
	end->source = wl_event_loop_add_fd(loop, end->fd, mask, handle, data);
	if (end->source == NULL && errno == EPERM) { // a file or /dev/null: always ready
		end->always_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
		end->source = end->always_fd < 0 ? NULL
						 : wl_event_loop_add_fd(loop, end->always_fd,
							   mask & WL_EVENT_READABLE, handle, data);
	}
	return end->source != NULL;
}

static bool is_ready(const struct end *end, short events) {
	struct pollfd wait = {.fd = end->fd, .events = events};
	return end->kind != END_POLLED || poll(&wait, 1, 0) > 0;
}

// ---- the end of it

static void drop_fds(struct connection *connection) {
	for (size_t i = 0; i < connection->fds_len; i++) {
		close(connection->fds[i]);
	}
	connection->fds_len = 0;
}

static void free_connection(struct connection *connection) {
	drop_fds(connection);
	if (connection->end_source != NULL) {
		wl_event_source_remove(connection->end_source);
	}
	if (is_one_socket(connection)) {
		connection->out.fd = -1;
	}
	if (connection->go_on_source != NULL) {
		wl_event_source_remove(connection->go_on_source);
	}
	finish_end(&connection->in);
	finish_end(&connection->out);
	free(connection->line);
	free(connection->pending);
	free(connection);
}

static void handle_end(void *data) {
	struct connection *connection = data;
	connection->end_source = NULL;
	connection->handler->closed(connection->data);
	free_connection(connection);
}

static void die(struct connection *connection) {
	if (connection->dead || connection->destroyed) {
		return;
	}
	connection->dead = true;
	struct end *ends[] = {&connection->in, &connection->out};
	for (size_t i = 0; i < 2; i++) {
		if (ends[i]->source != NULL) {
			wl_event_source_remove(ends[i]->source);
			ends[i]->source = NULL;
		}
	}
	connection->end_source = wl_event_loop_add_idle(connection->loop, handle_end, connection);
}

void connection_destroy(struct connection *connection) {
	if (connection == NULL) {
		return;
	}
	if (connection->handling) {
		connection->destroyed = true;
		return;
	}
	free_connection(connection);
}

// ---- writing

static void update_masks(struct connection *connection) {
	if (connection->dead) {
		return;
	}
	uint32_t in = connection->deaf || connection->held ? 0 : WL_EVENT_READABLE;
	uint32_t out = connection->pending_len > 0 ? WL_EVENT_WRITABLE : 0;
	if (is_one_socket(connection)) {
		wl_event_source_fd_update(connection->in.source, in | out);
		return;
	}
	if (connection->out.always_fd < 0) {
		wl_event_source_fd_update(connection->out.source, out);
	}
	if (connection->deaf && connection->in.source != NULL) {
		wl_event_source_remove(connection->in.source); // its hang-up would wake us for ever
		connection->in.source = NULL;
	}
}

static ssize_t write_end(const struct end *end, const char *bytes, size_t len) {
	if (end->kind == END_SOCKET) {
		return send(end->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (!is_ready(end, POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	// pipe(7): what poll() calls writable takes PIPE_BUF bytes.
	return write(
		end->fd, bytes, end->kind == END_POLLED && len > PIPE_BUF ? (size_t)PIPE_BUF : len);
}

static void flush(struct connection *connection) {
	while (!connection->dead && connection->pending_len > 0) {
		ssize_t n = write_end(&connection->out,
			connection->pending + connection->pending_from, connection->pending_len);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			if (errno != EAGAIN) {
				die(connection);
			}
			break;
		}
		connection->pending_from += (size_t)n;
		connection->pending_len -= (size_t)n;
	}
	if (connection->pending_len == 0) {
		connection->pending_from = 0;
		if (connection->pending_size > KEPT_BUFFER) {
			free(connection->pending);
			connection->pending = NULL;
			connection->pending_size = 0;
		}
		if (connection->finishing) {
			die(connection);
		}
	}
	update_masks(connection);
}

// Sends the line's beginning with a descriptor beside it. Returns the bytes sent, 0 on failure.
static size_t send_with_fd(const struct end *end, const char *text, size_t len, int fd) {
	struct iovec iov = {.iov_base = (char *)text, .iov_len = len};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	ssize_t n =
		end->kind != END_SOCKET ? -1 : sendmsg(end->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n > 0 ? (size_t)n : 0;
}

static bool append(struct connection *connection, const char *bytes, size_t len) {
	if (len == 0) {
		return true; // all of it went with a descriptor
	}
	if (connection->pending_from + connection->pending_len + len > connection->pending_size) {
		if (connection->pending_from > 0) {
			memmove(connection->pending, connection->pending + connection->pending_from,
				connection->pending_len);
			connection->pending_from = 0;
		}
		size_t size = connection->pending_len + len + 4096;
		if (size > connection->pending_size) {
			char *pending = realloc(connection->pending, size);
			if (pending == NULL) {
				return false;
			}
			connection->pending = pending;
			connection->pending_size = size;
		}
	}
	memcpy(connection->pending + connection->pending_from + connection->pending_len, bytes,
		len);
	connection->pending_len += len;
	return true;
}

void connection_send_fd(struct connection *connection, cJSON *message, int fd) {
	char *text = message == NULL ? NULL : cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (connection->dead || connection->destroyed) {
		goto out;
	}
	if (text == NULL || connection->pending_len > CONNECTION_MAX_PENDING ||
		(fd >= 0 && connection->pending_len > 0)) {
		die(connection);
		goto out;
	}
	size_t len = strlen(text);
	text[len++] = '\n';
	size_t sent = fd >= 0 ? send_with_fd(&connection->out, text, len, fd) : 0;
	if ((fd >= 0 && sent == 0) || !append(connection, text + sent, len - sent)) {
		die(connection);
		goto out;
	}
	flush(connection);
out:
	if (fd >= 0) {
		close(fd);
	}
	cJSON_free(text);
}

void connection_send_json(struct connection *connection, cJSON *message) {
	connection_send_fd(connection, message, -1);
}

size_t connection_pending(const struct connection *connection) {
	return connection->pending_len;
}

void connection_finish(struct connection *connection) {
	connection->deaf = true;
	connection->finishing = true;
	flush(connection);
}

// ---- reading

size_t connection_take_fds(struct connection *connection, int fds[CONNECTION_MAX_FDS]) {
	size_t len = connection->fds_len;
	memcpy(fds, connection->fds, len * sizeof(*fds));
	connection->fds_len = 0;
	return len;
}

static void receive_fds(struct connection *connection, struct msghdr *msg) {
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
		cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (connection->fds_len == CONNECTION_MAX_FDS) {
				close(fd);
				die(connection);
				continue;
			}
			connection->fds[connection->fds_len++] = fd;
		}
	}
}

// As read(2): 0 at the end, -1 with errno.
static ssize_t read_end(struct connection *connection, char *bytes, size_t len) {
	struct end *end = &connection->in;
	if (end->kind != END_SOCKET) {
		if (!is_ready(end, POLLIN)) {
			errno = EAGAIN;
			return -1;
		}
		return read(end->fd, bytes, len);
	}
	struct iovec iov = {.iov_base = bytes, .iov_len = len};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(CONNECTION_MAX_FDS * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(end->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n >= 0) {
		receive_fds(connection, &msg);
		if ((msg.msg_flags & MSG_CTRUNC) != 0) {
			die(connection);
		}
	}
	return n;
}

static void take_line(struct connection *connection, const char *untrusted_line, size_t len) {
	if (connection->discarding) {
		connection->discarding = false;
	} else if (len > CONNECTION_MAX_LINE) {
		connection_send_json(connection, rpc_error(NULL, RPC_INVALID_REQUEST,
							 "the message is longer than 1 MiB", NULL));
	} else {
		connection->handling = true;
		connection->handler->line(connection->data, untrusted_line, len);
		connection->handling = false;
	}
	drop_fds(connection);
}

static bool goes_on(const struct connection *connection) {
	return !connection->dead && !connection->destroyed && !connection->deaf;
}

static bool handles(const struct connection *connection) {
	return goes_on(connection) && !connection->held;
}

static void take_lines(struct connection *connection) {
	size_t from = 0;
	char *newline;
	while (handles(connection) &&
		(newline = memchr(connection->line + connection->scanned, '\n',
			 connection->line_len - connection->scanned)) != NULL) {
		size_t end = (size_t)(newline - connection->line);
		take_line(connection, connection->line + from, end - from);
		from = connection->scanned = end + 1;
	}
	if (!goes_on(connection)) {
		return;
	}
	connection->line_len -= from;
	if (connection->held) {
		memmove(connection->line, connection->line + from, connection->line_len);
		connection->scanned = 0; // lines may be left
		return;
	}
	if (connection->line_len > CONNECTION_MAX_LINE || connection->discarding) {
		if (!connection->discarding) {
			connection->discarding = true;
			connection_send_json(
				connection, rpc_error(NULL, RPC_INVALID_REQUEST,
						    "the message is longer than 1 MiB", NULL));
		}
		connection->line_len = 0;
	}
	memmove(connection->line, connection->line + from, connection->line_len);
	connection->scanned = connection->line_len;
	if (connection->line_len == 0 && connection->line_size > KEPT_BUFFER) {
		free(connection->line);
		connection->line = NULL;
		connection->line_size = 0;
	}
}

static void take_end(struct connection *connection) {
	connection->deaf = true;
	if (connection->handler->ended == NULL) {
		die(connection);
		return;
	}
	update_masks(connection);
	connection->handling = true;
	connection->handler->ended(connection->data);
	connection->handling = false;
}

static void read_some(struct connection *connection) {
	if (connection->line_size - connection->line_len < 4096) {
		size_t size = connection->line_size == 0 ? 8192 : connection->line_size * 2;
		char *line = realloc(connection->line, size);
		if (line == NULL) {
			die(connection);
			return;
		}
		connection->line = line;
		connection->line_size = size;
	}
	ssize_t n = read_end(connection, connection->line + connection->line_len,
		connection->line_size - connection->line_len);
	if (n > 0) {
		connection->line_len += (size_t)n;
		take_lines(connection);
	} else if (n == 0) {
		take_end(connection);
	} else if (errno != EAGAIN && errno != EINTR) {
		die(connection);
	}
}

static int handle_ready(int fd, uint32_t mask, void *data) {
	struct connection *connection = data;
	bool from_in = fd == connection->in.fd || fd == connection->in.always_fd;
	if ((mask & WL_EVENT_WRITABLE) != 0) {
		flush(connection);
	}
	if (from_in && handles(connection) && (mask & ~(uint32_t)WL_EVENT_WRITABLE) != 0) {
		read_some(connection);
	} else if ((mask & (WL_EVENT_HANGUP | WL_EVENT_ERROR)) != 0) {
		die(connection); // nobody reads any more
	}
	if (connection->destroyed) {
		free_connection(connection);
	}
	return 0;
}

static void handle_go_on(void *data) {
	struct connection *connection = data;
	connection->go_on_source = NULL;
	if (handles(connection) && connection->line_len > 0) {
		take_lines(connection);
	}
	if (connection->destroyed) {
		free_connection(connection);
	}
}

void connection_hold(struct connection *connection, bool held) {
	if (connection->held == held || connection->dead || connection->destroyed) {
		return;
	}
	connection->held = held;
	update_masks(connection);
	if (!held && connection->go_on_source == NULL) {
		connection->go_on_source =
			wl_event_loop_add_idle(connection->loop, handle_go_on, connection);
	}
}

struct connection *connection_create(struct wl_event_loop *loop, int in_fd, int out_fd,
	const struct connection_handler *handler, void *data) {
	struct connection *connection = calloc(1, sizeof(*connection));
	if (connection == NULL) {
		close(in_fd);
		if (out_fd != in_fd) {
			close(out_fd);
		}
		return NULL;
	}
	connection->loop = loop;
	connection->handler = handler;
	connection->data = data;
	bool ok;
	if (in_fd == out_fd) {
		connection->in = (struct end){.fd = in_fd, .kind = END_SOCKET, .always_fd = -1};
		connection->out = connection->in;
		ok = watch_end(&connection->in, loop, WL_EVENT_READABLE, handle_ready, connection);
	} else {
		prepare_end(&connection->in, in_fd, O_RDONLY);
		prepare_end(&connection->out, out_fd, O_WRONLY);
		ok = watch_end(
			     &connection->in, loop, WL_EVENT_READABLE, handle_ready, connection) &&
		     watch_end(&connection->out, loop, 0, handle_ready, connection);
	}
	if (!ok) {
		free_connection(connection);
		return NULL;
	}
	return connection;
}
