#ifndef PARCLOSE_NETWORK_OUTBOX_H
#define PARCLOSE_NETWORK_OUTBOX_H

/*
 * Messages on their way to the supervisor. Sending never blocks and none is dropped: what the
 * socket does not take waits here, in order. When many wait, `full` tells to take on nothing new.
 */

#include <stdbool.h>
#include <wayland-server-core.h>

#include "network/channel.h"

#define OUTBOX_FULL 1024 // messages that wait; below half of it there is room again

struct outbox;

struct outbox_handler {
	void (*full)(void *data, bool full);
	void (*gone)(void *data); // once: the socket is broken, or there is no memory
};

// `fd` stays the caller's. NULL: out of memory.
struct outbox *outbox_create(
	struct wl_event_loop *loop, int fd, const struct outbox_handler *handler, void *data);
void outbox_destroy(struct outbox *outbox);
void outbox_send(struct outbox *outbox, const struct broker_message *message);
bool outbox_empty(const struct outbox *outbox); // nothing waits that could still be sent

#endif
