#include "network/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/unpaced.h"

struct attempt {
	struct dial *dial;
	struct network_address address;
	int fd; // -1: not begun, or failed
	struct wl_event_source *source;
};

struct dial {
	struct wl_event_loop *loop;
	struct wl_event_source *next_timer, *end_timer, *idle;
	struct attempt attempts[DIAL_ADDRESSES];
	size_t len, begun, pending;
	uint16_t port;
	int error; // of the last attempt that failed
	dial_done done;
	void *data;
};

static void attempt_stop(struct attempt *attempt) {
	if (attempt->source != NULL) {
		wl_event_source_remove(attempt->source);
		attempt->source = NULL;
	}
	if (attempt->fd >= 0) {
		close(attempt->fd);
		attempt->fd = -1;
	}
}

void dial_cancel(struct dial *dial) {
	if (dial == NULL) {
		return;
	}
	for (size_t i = 0; i < dial->begun; i++) {
		attempt_stop(&dial->attempts[i]);
	}
	struct wl_event_source *sources[] = {dial->next_timer, dial->end_timer, dial->idle};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i] != NULL) {
			wl_event_source_remove(sources[i]);
		}
	}
	free(dial);
}

static void finish(struct dial *dial, int fd, const struct network_address *address) {
	dial_done done = dial->done;
	void *data = dial->data;
	const struct network_address copy =
		address != NULL ? *address : dial->attempts[dial->len - 1].address;
	dial_cancel(dial);
	done(data, fd, &copy);
}

static void begin_next(struct dial *dial);

static int handle_connected(int fd, uint32_t mask, void *data) {
	struct attempt *attempt = data;
	struct dial *dial = attempt->dial;
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		error = errno;
	}
	if (error == 0 && (mask & WL_EVENT_WRITABLE) != 0) {
		int connected = attempt->fd;
		wl_event_source_remove(attempt->source);
		attempt->source = NULL;
		attempt->fd = -1;
		finish(dial, connected, &attempt->address);
		return 0;
	}
	dial->error = error != 0 ? error : ECONNREFUSED;
	attempt_stop(attempt);
	dial->pending--;
	begin_next(dial);
	return 0;
}

static int begin(struct dial *dial, struct attempt *attempt) {
	struct sockaddr_storage to;
	size_t len = network_address_to_sockaddr(&attempt->address, dial->port, &to);
	attempt->dial = dial;
	attempt->fd =
		socket(attempt->address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (attempt->fd < 0) {
		return -errno;
	}
	if (dial_is_own(&attempt->address)) {
		unpaced(attempt->fd);
	}
	if (connect(attempt->fd, (struct sockaddr *)&to, (socklen_t)len) != 0 &&
		errno != EINPROGRESS) {
		int error = errno;
		attempt_stop(attempt);
		return -error;
	}
	attempt->source = wl_event_loop_add_fd(
		dial->loop, attempt->fd, WL_EVENT_WRITABLE, handle_connected, attempt);
	if (attempt->source == NULL) {
		attempt_stop(attempt);
		return -ENOMEM;
	}
	dial->pending++;
	return 0;
}

static void handle_failed(void *data) {
	struct dial *dial = data;
	dial->idle = NULL;
	finish(dial, -dial->error, NULL);
}

// Begins with the next address that lets itself be begun with; the end of all when there is none.
static void begin_next(struct dial *dial) {
	while (dial->begun < dial->len) {
		struct attempt *attempt = &dial->attempts[dial->begun++];
		int ret = begin(dial, attempt);
		if (ret == 0) {
			wl_event_source_timer_update(
				dial->next_timer, dial->begun < dial->len ? DIAL_NEXT_MS : 0);
			return;
		}
		dial->error = -ret;
	}
	if (dial->pending == 0 && dial->idle == NULL) {
		dial->idle = wl_event_loop_add_idle(dial->loop, handle_failed, dial);
	}
}

static int handle_next(void *data) {
	begin_next(data);
	return 0;
}

static int handle_end(void *data) {
	finish(data, -ETIMEDOUT, NULL);
	return 0;
}

struct dial *dial_start(struct wl_event_loop *loop, const struct network_address *addresses,
	size_t len, uint16_t port, dial_done done, void *data) {
	struct dial *dial = calloc(1, sizeof(*dial));
	if (dial == NULL) {
		return NULL;
	}
	dial->loop = loop;
	dial->len = len < DIAL_ADDRESSES ? len : DIAL_ADDRESSES;
	dial->port = port;
	dial->error = EHOSTUNREACH;
	dial->done = done;
	dial->data = data;
	for (size_t i = 0; i < dial->len; i++) {
		dial->attempts[i] = (struct attempt){.address = addresses[i], .fd = -1};
	}
	dial->next_timer = wl_event_loop_add_timer(loop, handle_next, dial);
	dial->end_timer = wl_event_loop_add_timer(loop, handle_end, dial);
	if (dial->next_timer == NULL || dial->end_timer == NULL) {
		dial_cancel(dial);
		return NULL;
	}
	wl_event_source_timer_update(dial->end_timer, DIAL_TIME_MS);
	begin_next(dial);
	return dial;
}

/*
 * A datagram socket that is connected sends nothing; the kernel only chooses where it would send
 * from, and to an address of its own that is the address itself. True at any moment, whatever
 * interfaces come and go.
 */
bool dial_is_own(const struct network_address *address) {
	struct sockaddr_storage to, from;
	size_t len = network_address_to_sockaddr(address, 9, &to);
	int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool own = true;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, (socklen_t)len) != 0) {
		own = false; // and nobody will reach it
	} else if (fd >= 0) {
		socklen_t from_len = sizeof(from);
		struct network_address source;
		own = getsockname(fd, (struct sockaddr *)&from, &from_len) != 0 ||
		      !network_address_from_sockaddr((struct sockaddr *)&from, &source, NULL) ||
		      (source.family == address->family &&
			      memcmp(source.bytes, address->bytes, sizeof(source.bytes)) == 0);
	}
	if (fd >= 0) {
		close(fd);
	}
	return own;
}
