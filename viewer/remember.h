#ifndef PARCLOSE_VIEWER_REMEMBER_H
#define PARCLOSE_VIEWER_REMEMBER_H

/*
 * How large the window was, for each size of a session's screen, in
 * $XDG_STATE_HOME/parclose-viewer/windows. A file that cannot be read or written is as good as
 * none.
 */

#include <stdbool.h>

#include "viewer/screen.h"

struct remembered {
	int width, height; // of the window; 0: not known
	bool maximized;
	enum screen_mode mode;
};

struct remembered remember_load(int screen_width, int screen_height);
void remember_save(int screen_width, int screen_height, const struct remembered *remembered);

#endif
