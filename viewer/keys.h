#ifndef PARCLOSE_VIEWER_KEYS_H
#define PARCLOSE_VIEWER_KEYS_H

// The window's keyboard shortcuts: one table makes them work and shows them.

#include <gtk/gtk.h>
#include <stdbool.h>

// They work while what the user types does not go to the session.
void keys_add_to(GtkWindow *window, bool replay); // `replay`: it shows a recording

// The window that lists them.
void keys_show(GtkWindow *parent, bool replay);

#endif
