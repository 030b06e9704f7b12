#ifndef PARCLOSE_VIEWER_WINDOW_H
#define PARCLOSE_VIEWER_WINDOW_H

#include <gtk/gtk.h>

#define VIEWER_TYPE_WINDOW (viewer_window_get_type())
G_DECLARE_FINAL_TYPE(ViewerWindow, viewer_window, VIEWER, WINDOW, GtkApplicationWindow)

struct statistics;
struct wire;

/*
 * A window on the session at the other end of `wire`, which is taken over. `cli`: the parclose
 * program, for what goes beyond this session; NULL: not known. `statistics` (NULL: none) outlive
 * it.
 */
GtkWindow *viewer_window_new(GtkApplication *application, struct wire *wire, const char *cli,
	struct statistics *statistics);

#endif
