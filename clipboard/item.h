#ifndef PARCLOSE_CLIPBOARD_ITEM_H
#define PARCLOSE_CLIPBOARD_ITEM_H

/*
 * An item that was put into the session's clipboard, and its way to the applications that paste it.
 * They give us descriptors of their choice, so nothing here waits for one: what is not a pipe or a
 * local socket is closed, what is not read within ITEM_DEADLINE_MS too, and no more than
 * ITEM_MAX_TRANSFERS are under way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#define ITEM_DEADLINE_MS 2000
#define ITEM_MAX_TRANSFERS 16
// An application that pastes may ask twice, so an item for one paste stays a moment longer.
#define ITEM_LINGER_MS 300

struct item;
struct items; // all transfers of one session
struct wlr_data_source;

struct items *items_create(struct wl_event_loop *loop); // NULL: out of memory
// Ends every transfer. The items must be gone. NULL is allowed.
void items_destroy(struct items *items);

struct item_options {
	int fd; // sealed, `bytes` long; taken over, also on failure
	size_t bytes;
	const char *type; // its aliases are offered, too
	bool once; // it goes ITEM_LINGER_MS after it was pasted
	bool outside; // MIME_OUTSIDE is offered
	// Called once, when an application has read all of it. May be NULL.
	void (*pasted)(void *data);
	void *data;
};

/*
 * A source for wlr_seat_set_selection(), which owns it; the item goes with it, transfers under way
 * are brought to their end. NULL: out of memory, or the descriptor is not a memfd sealed against
 * change with that many bytes.
 */
struct wlr_data_source *item_create(struct items *items, const struct item_options *options);

#endif
