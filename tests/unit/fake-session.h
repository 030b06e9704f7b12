#ifndef PARCLOSE_TESTS_FAKE_SESSION_H
#define PARCLOSE_TESTS_FAKE_SESSION_H

/*
 * A session that answers as the real one does and performs nothing, for tests of what is above it:
 * every function of session/act.h, session/service.h and session/session.h that agent/ calls.
 */

#include <stdbool.h>
#include <stddef.h>

#include "session/act.h"
#include "session/display.h"
#include "session/service.h"
#include "session/session.h"

struct session {
	struct wl_event_loop *loop;
	enum session_state state;
	enum session_holder holder;
	bool has_display, withholds; // pictures
	uint64_t frame;
	struct display_window windows[4];
	size_t windows_len;
	size_t png_len, jpeg_len; // of every picture
	// What was performed; the test cuts it off.
	char performed[65536];
	size_t acts_len; // under way
	bool at_once; // acts take no time, whatever they are
	struct wl_list acts; // act.link
	bool stopped;
	bool exec_fails; // to execute
	int exec_status; // that programs end with at once; -1: they go on
	bool exec_shows; // programs show a window
	const struct session_exec_observer *exec_observer;
	void *exec_data;
	struct wl_event_source *exec_timer;
	char clipboard[256]; // empty: nothing is there
	struct clipboard_call *clipboard_call; // under way, NULL: none
};

// Running, 1280 by 800, with one window.
void fake_init(struct session *session, struct wl_event_loop *loop);
void fake_finish(struct session *session);

// The session ends: everybody who waits is told.
void fake_end(struct session *session, const char *reason);

#endif
