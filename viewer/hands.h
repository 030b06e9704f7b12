#ifndef PARCLOSE_VIEWER_HANDS_H
#define PARCLOSE_VIEWER_HANDS_H

/*
 * The user's hands: pointer, keyboard and touch over the screen go to the session while, and only
 * while, the user has the wheel at this window and the window has the desktop's attention.
 */

#include <gtk/gtk.h>
#include <stdbool.h>

#include "viewer/screen.h"

struct hands;
struct wire;

enum hands_chord {
	HANDS_HAND_BACK, // HANDS_HAND_BACK_KEYS
	HANDS_STOP_ALL, // HANDS_STOP_ALL_KEYS
	HANDS_PUT_IN, // HANDS_PUT_IN_KEYS
	HANDS_TAKE_OUT, // HANDS_TAKE_OUT_KEYS
};

/*
 * The chords that are never the session's, in GTK's spelling. Home as in going home, as remote
 * desktops have it; no desktop is known that takes these for itself.
 */
#define HANDS_HAND_BACK_KEYS "<Control><Alt>Home"
#define HANDS_STOP_ALL_KEYS "<Control><Alt><Shift>End"
// V and C as in paste and copy; with Shift alone they are the terminals'.
#define HANDS_PUT_IN_KEYS "<Control><Alt><Shift>v"
#define HANDS_TAKE_OUT_KEYS "<Control><Alt><Shift>c"

// `chord` is called when the user presses one. All must outlive the hands; NULL: out of memory.
struct hands *hands_create(GtkWindow *window, ViewerScreen *screen, struct wire *wire,
	void (*chord)(void *data, enum hands_chord chord), void *data);
void hands_destroy(struct hands *hands); // NULL is allowed

// Has the user the wheel at this window? Losing it lets go of everything.
void hands_set_mine(struct hands *hands, bool mine);

bool hands_mine(const struct hands *hands);

// Does what the user does go to the session right now?
bool hands_are_in(const struct hands *hands);

#endif
