#include "compositor/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct outbox {
	struct wl_event_loop *loop;
	struct wl_event_source *writable; // NULL: nothing waits
	int fd;
	void (*gone)(void *data);
	void *data;
	bool broken;
	size_t len;
	struct channel_message waiting[OUTBOX_MAX];
};

static void broke(struct outbox *outbox) {
	if (!outbox->broken) {
		outbox->broken = true;
		outbox->gone(outbox->data);
	}
}

// 1: sent, 0: not now, -1: broken
static int try_send(struct outbox *outbox, const struct channel_message *message) {
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
	size_t sent = 0;
	int rc = 1;
	while (sent < outbox->len && (rc = try_send(outbox, &outbox->waiting[sent])) > 0) {
		sent++;
	}
	outbox->len -= sent;
	memmove(outbox->waiting, outbox->waiting + sent, outbox->len * sizeof(outbox->waiting[0]));
	if (rc < 0) {
		broke(outbox);
	}
	if (outbox->len == 0 || rc < 0) {
		wl_event_source_remove(outbox->writable);
		outbox->writable = NULL;
	}
	return 0;
}

static bool replaces(const struct channel_message *newer, const struct channel_message *older) {
	if (newer->type != older->type) {
		return false;
	}
	return newer->type == CHANNEL_CURSOR ||
	       (newer->type == CHANNEL_WINDOW && newer->window.id == older->window.id);
}

void outbox_send(struct outbox *outbox, const struct channel_message *message) {
	if (outbox->broken) {
		return;
	}
	if (outbox->len == 0) {
		int rc = try_send(outbox, message);
		if (rc < 0) {
			broke(outbox);
		}
		if (rc != 0) {
			return;
		}
	}
	for (size_t i = 0; i < outbox->len; i++) {
		if (replaces(message, &outbox->waiting[i])) {
			outbox->waiting[i] = *message;
			return;
		}
	}
	if (outbox->len == OUTBOX_MAX) {
		broke(outbox);
		return;
	}
	outbox->waiting[outbox->len++] = *message;
	if (outbox->writable == NULL) {
		outbox->writable = wl_event_loop_add_fd(
			outbox->loop, outbox->fd, WL_EVENT_WRITABLE, handle_writable, outbox);
		if (outbox->writable == NULL) {
			broke(outbox);
		}
	}
}

struct outbox *outbox_create(
	struct wl_event_loop *loop, int fd, void (*gone)(void *data), void *data) {
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	if (outbox != NULL) {
		outbox->loop = loop;
		outbox->fd = fd;
		outbox->gone = gone;
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
	free(outbox);
}
