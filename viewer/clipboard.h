#ifndef PARCLOSE_VIEWER_CLIPBOARD_H
#define PARCLOSE_VIEWER_CLIPBOARD_H

/*
 * The user's own clipboard, on their own desktop, and the two acts by which an item goes from it
 * into the session or comes out: the window's actions put-in and take-out. Nothing is read from it
 * and nothing put on it otherwise. It is the toolkit's, so it is that of every desktop that the
 * toolkit runs on.
 */

#include <gtk/gtk.h>
#include <stdbool.h>

struct clipboard;
struct wire;

// `notice` tells the user something. All must outlive it.
struct clipboard *clipboard_create(GtkWindow *window, struct wire *wire,
	void (*notice)(void *data, const char *text), void *data);
void clipboard_destroy(struct clipboard *clipboard); // NULL is allowed

void clipboard_update(
	struct clipboard *clipboard); // the session's state has changed. NULL is allowed
void clipboard_take(struct clipboard *clipboard); // there is WIRE_ITEM news

#endif
