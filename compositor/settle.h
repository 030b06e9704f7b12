#ifndef PARCLOSE_COMPOSITOR_SETTLE_H
#define PARCLOSE_COMPOSITOR_SETTLE_H

/*
 * When the picture has come to rest, and what changed in it: from damage, frame callbacks, acks and
 * pings, never by looking at pictures from time to time.
 *
 * A wait is over when, since its beginning or the last thing that counts, quiet_ms have gone by in
 * which
 *  - no pixel of its region changed, small places that change again and again apart (spots.h);
 *  - no application owed an answer (answers.h), the one that took the input above all.
 * It begins when its action is done. Changes count from the action's first event on; an animation
 * that ran before counts as well, a caret that blinked before does not.
 *
 * The pixels of two frames are compared while an action or a wait is under way; else only where a
 * frame damages little, which may be such a caret.
 */

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#include "compositor/channel.h"

#define SETTLE_MAX_WAITS 16
#define SETTLE_ASK_MS 1000 // so long after an action is done one may still ask about it

struct compositor;
struct settle;

struct settle *settle_create(struct compositor *c); // NULL: out of memory
void settle_destroy(struct settle *settle); // before the display; NULL is allowed

/*
 * A CHANNEL_SETTLE. False: it makes no sense. Its SETTLED comes later, or at once with CANCELLED
 * when SETTLE_MAX_WAITS are waiting, the clients are paused, or the action was cancelled, never
 * began, or was done too long ago.
 */
bool settle_ask(struct settle *settle, const struct channel_message *message);
void settle_cancel(struct settle *settle, uint32_t token);
void settle_cancel_actions(struct settle *settle); // every wait for what an action does
void settle_cancel_all(struct settle *settle);

// What the player says: an action is about to send its first event; it is done.
void settle_action_began(struct settle *settle, uint32_t token);
void settle_action_done(struct settle *settle, const struct channel_message *input_done);

// A frame was drawn over `before` (NULL: nobody knows any more what there was); `damage` lies
// inside it and is not empty.
void settle_frame(struct settle *settle, const uint32_t *before, const uint32_t *after,
	const pixman_region32_t *damage);
// The frame callbacks that were due have been sent.
void settle_frame_done(struct settle *settle);

#endif
