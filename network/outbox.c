#include "network/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct outbox {
	struct wl_event_loop *loop;
	struct wl_event_source *writable; // NULL: nothing waits
	int fd;
	const struct outbox_handler *handler;
	void *data;
	bool broken, full;
	struct broker_message *waiting; // `len` from `first` on, owned
	size_t first, len, size;
};

static void broke(struct outbox *outbox) {
	if (!outbox->broken) {
		outbox->broken = true;
		outbox->handler->gone(outbox->data);
	}
}

static void set_full(struct outbox *outbox) {
	bool full = outbox->full ? outbox->len > OUTBOX_FULL / 2 : outbox->len >= OUTBOX_FULL;
	if (full != outbox->full) {
		outbox->full = full;
		outbox->handler->full(outbox->data, full);
	}
}

// 1: sent, 0: not now, -1: broken
static int try_send(struct outbox *outbox, const struct broker_message *message) {
	ssize_t n;
	do {
		n = send(outbox->fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*message)) {
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) ? 0 : -1;
}

static int handle_writable(int fd, uint32_t mask, void *data) {
	struct outbox *outbox = data;
	int rc = 1;
	while (outbox->len > 0 && (rc = try_send(outbox, &outbox->waiting[outbox->first])) > 0) {
		outbox->first++;
		outbox->len--;
	}
	if (outbox->len == 0 || rc < 0) {
		wl_event_source_remove(outbox->writable);
		outbox->writable = NULL;
	}
	if (outbox->len == 0) {
		outbox->first = 0;
	}
	if (rc < 0) {
		broke(outbox);
		return 0;
	}
	set_full(outbox);
	return 0;
}

static bool make_room(struct outbox *outbox) {
	if (outbox->first + outbox->len == outbox->size && outbox->first > outbox->size / 2) {
		memmove(outbox->waiting, outbox->waiting + outbox->first,
			outbox->len * sizeof(*outbox->waiting));
		outbox->first = 0;
	}
	if (outbox->first + outbox->len < outbox->size) {
		return true;
	}
	size_t size = outbox->size == 0 ? 64 : outbox->size * 2;
	struct broker_message *waiting = realloc(outbox->waiting, size * sizeof(*waiting));
	if (waiting == NULL) {
		return false;
	}
	outbox->waiting = waiting;
	outbox->size = size;
	return true;
}

void outbox_send(struct outbox *outbox, const struct broker_message *message) {
	if (outbox->broken) {
		return;
	}
	int rc = outbox->len == 0 ? try_send(outbox, message) : 0;
	if (rc > 0) {
		return;
	}
	if (rc < 0 || !make_room(outbox)) {
		broke(outbox);
		return;
	}
	outbox->waiting[outbox->first + outbox->len++] = *message;
	if (outbox->writable == NULL) {
		outbox->writable = wl_event_loop_add_fd(
			outbox->loop, outbox->fd, WL_EVENT_WRITABLE, handle_writable, outbox);
		if (outbox->writable == NULL) {
			broke(outbox);
			return;
		}
	}
	set_full(outbox);
}

bool outbox_empty(const struct outbox *outbox) {
	return outbox->len == 0 || outbox->broken;
}

struct outbox *outbox_create(
	struct wl_event_loop *loop, int fd, const struct outbox_handler *handler, void *data) {
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	if (outbox != NULL) {
		outbox->loop = loop;
		outbox->fd = fd;
		outbox->handler = handler;
		outbox->data = data;
	}
	return outbox;
}

void outbox_destroy(struct outbox *outbox) {
	if (outbox == NULL) {
		return;
	}
	if (outbox->writable != NULL) {
		wl_event_source_remove(outbox->writable);
	}
	free(outbox->waiting);
	free(outbox);
}
