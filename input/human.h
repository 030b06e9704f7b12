#ifndef PARCLOSE_INPUT_HUMAN_H
#define PARCLOSE_INPUT_HUMAN_H

/*
 * A person's own hand on the seat, with their own keymap and keys that repeat. Each event is
 * performed at once and not answered; one that changes nothing (a key that is down already, a touch
 * on nothing) is no error. Messages are those of compositor/channel.h.
 */

#include <stdbool.h>

struct channel_message;
struct human;
struct seat;
struct xkb_keymap;

// NULL: out of memory. `keymap` is the session's own. The seat must outlive it.
struct human *human_create(struct seat *seat, struct xkb_keymap *keymap);
void human_destroy(struct human *human); // NULL is allowed

// They have the seat, or have it no more. Nothing may be held down. Either way the session's own
// keymap is there.
void human_begin(struct human *human);
void human_end(struct human *human);

/*
 * CHANNEL_HUMAN_KEYMAP with its descriptor, which stays the caller's. False: it makes no sense. A
 * text that is no keymap changes nothing, and neither does one that comes when they do not have the
 * seat. With a new keymap all that is pressed goes up.
 */
bool human_keymap(struct human *human, const struct channel_message *message, int fd);

// All that was pressed went up, and with it the locks: theirs are there again.
void human_released(struct human *human);

// CHANNEL_HUMAN_INPUT. False: it makes no sense. Without the seat nothing happens.
bool human_perform(struct human *human, const struct channel_message *message);

#endif
