#ifndef PARCLOSE_VIEWER_PREVIEW_H
#define PARCLOSE_VIEWER_PREVIEW_H

// The question before an item crosses: what it is, and whether it may.

#include <gtk/gtk.h>
#include <stdbool.h>

struct wire_item;

/*
 * Asks above `parent`. `shown`: the text to show, or a PNG file. `origin` (NULL: not known) says
 * where the item comes from. `answer` is called once, also when the window is closed, which means
 * no. Returns the window, which gtk_window_destroy() takes away without an answer.
 */
GtkWindow *preview_ask(GtkWindow *parent, const struct wire_item *item, GBytes *shown,
	const char *session, const char *origin, void (*answer)(void *data, bool yes), void *data);

#endif
