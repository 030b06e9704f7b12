#ifndef PARCLOSE_CLIPBOARD_CROSSING_H
#define PARCLOSE_CLIPBOARD_CROSSING_H

/*
 * The compositor's half of the gate: does with the session's clipboard what the supervisor asks
 * (compositor/channel.h, CHANNEL_CLIPBOARD_…). It decides nothing, and sees no content: an item
 * goes from the application to the supervisor's pipe, or from the supervisor's memfd to the
 * application.
 */

#include <stdbool.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"

struct crossing;
struct wlr_seat;

// `emit` is called within crossing_ask() and from the event loop. NULL: out of memory.
struct crossing *crossing_create(struct wl_display *display, struct wlr_seat *seat,
	void (*emit)(void *data, const struct channel_message *message), void *data);
// Before the seat is destroyed. NULL is allowed.
void crossing_destroy(struct crossing *crossing);

// Takes over `fd` (-1: none). False: the message makes no sense.
bool crossing_ask(struct crossing *crossing, const struct channel_message *message, int fd);

#endif
