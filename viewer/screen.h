#ifndef PARCLOSE_VIEWER_SCREEN_H
#define PARCLOSE_VIEWER_SCREEN_H

/*
 * The widget that shows the session's frames and its pointer, and nothing else: what the agent
 * draws, a pointer's image included, never leaves the frame's rectangle.
 */

#include <gtk/gtk.h>

struct frames;
struct statistics;
struct wire_cursor;

#define VIEWER_TYPE_SCREEN (viewer_screen_get_type())
G_DECLARE_FINAL_TYPE(ViewerScreen, viewer_screen, VIEWER, SCREEN, GtkWidget)

enum screen_mode {
	SCREEN_FIT, // as large as there is room
	SCREEN_ACTUAL, // one pixel of the session is one of the monitor's
};

/*
 * Shows frames of `width` x `height` from now on; they must outlive the screen. `newest` is called
 * right before a frame is copied, to learn of newer ones; `first` when the first one is shown.
 */
void screen_set_frames(ViewerScreen *screen, struct frames *frames, int width, int height,
	void (*newest)(void *data), void (*first)(void *data), void *data);

// There is a newer frame; it is copied when the desktop wants the next picture.
void screen_announce(ViewerScreen *screen);

// The session's pointer; `mark` (NULL: none) is the colour of who moves it.
void screen_set_cursor(ViewerScreen *screen, const struct wire_cursor *cursor, const GdkRGBA *mark);

void screen_set_mode(ViewerScreen *screen, enum screen_mode mode);
enum screen_mode screen_mode(ViewerScreen *screen);

// No session any more: the last frame stays, darkened.
void screen_set_over(ViewerScreen *screen);

// Has a frame been shown?
bool screen_has_frame(ViewerScreen *screen);

struct screen_point {
	double x, y; // pixels of the frame, from 0 to just below its size
	bool inside; // false: it was moved to the nearest edge
};

// From the widget's coordinates. False: nothing is shown yet.
bool screen_to_frame(ViewerScreen *screen, double x, double y, struct screen_point *point);

// Pixels of the frame that one unit of the widget's coordinates covers; 1 while nothing is shown.
double screen_pixels_per_unit(ViewerScreen *screen);

// What is noted about each frame; the caller's, NULL: nothing.
void screen_set_statistics(ViewerScreen *screen, struct statistics *statistics);

#endif
