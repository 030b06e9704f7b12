#ifndef PARCLOSE_VIEWER_LAYOUT_H
#define PARCLOSE_VIEWER_LAYOUT_H

/*
 * The user's own keyboard layout, as their desktop has it: what the session's keyboard becomes
 * while the user has the wheel.
 */

#include <gdk/gdk.h>
#include <stdbool.h>
#include <stdint.h>

struct layout;
struct wire;

// NULL: out of memory. Watches the default seat's keyboard.
struct layout *layout_create(GdkDisplay *display);
void layout_destroy(struct layout *layout); // NULL is allowed

/*
 * Tells the session, if it does not know yet: the keymap, which of its layouts is active, and which
 * locks are on. `event` is the key press that follows, NULL: none yet. With `anew`, the session
 * knows nothing. False: the desktop's keymap cannot be had, and the session keeps its own.
 */
bool layout_send(struct layout *layout, struct wire *wire, GdkEvent *event, bool anew);

#endif
