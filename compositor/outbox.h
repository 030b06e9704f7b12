#ifndef PARCLOSE_COMPOSITOR_OUTBOX_H
#define PARCLOSE_COMPOSITOR_OUTBOX_H

/*
 * Messages on their way to the supervisor. Sending never blocks; what the socket does not take yet
 * waits here, in order, a newer word about the same cursor or window in place of the older one.
 */

#include <stdbool.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"

#define OUTBOX_MAX 1024

struct outbox;

// `gone` is called once, when the socket is broken or more than OUTBOX_MAX messages wait. `fd`
// stays the caller's.
struct outbox *outbox_create(
	struct wl_event_loop *loop, int fd, void (*gone)(void *data), void *data);
void outbox_destroy(struct outbox *outbox);
void outbox_send(struct outbox *outbox, const struct channel_message *message);

#endif
