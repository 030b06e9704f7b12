#ifndef PARCLOSE_SESSION_VIEW_ITEMS_H
#define PARCLOSE_SESSION_VIEW_ITEMS_H

/*
 * What a viewer asks of the clipboard's gate, and the answers that wait for room in its socket: one
 * a direction, the newest.
 */

#include <stdbool.h>

#include "session/view-channel.h"

struct session;

struct view_items {
	struct session *session;
	void (*due)(void *data); // there is an answer to send
	void *data;
	struct {
		bool there;
		struct view_message message;
		int fd; // -1: none
	} answers[2]; // by enum gate_direction
};

void view_items_init(
	struct view_items *items, struct session *session, void (*due)(void *data), void *data);
void view_items_finish(struct view_items *items); // ends what is under way

// Does what a checked message asks for; `fd` stays the caller's.
void view_items_take(struct view_items *items, const struct view_message *message, int fd);

// The answer to send now, with its descriptor (-1: none). NULL: there is none.
const struct view_message *view_items_next(const struct view_items *items, int *fd);
void view_items_sent(struct view_items *items); // that one

#endif
