#ifndef PARCLOSE_SESSION_VIEW_H
#define PARCLOSE_SESSION_VIEW_H

/*
 * Those who watch a session: the supervisor's end of session/view-channel.h. A viewer is told what
 * there is room for in its socket, and the rest, brought up to date, when it has read; so one that
 * stands still costs a few additions a frame, whatever happens on the screen.
 */

#include <stdbool.h>
#include <stdint.h>

#include "session/view-channel.h"

struct display_frame;
struct session;
struct view;

// For a session with a display. NULL: out of memory.
struct view *view_create(struct session *session);

// Tells every viewer that the session is over, and `why`, and frees. NULL is allowed.
void view_destroy(struct view *view, const char *why);

/*
 * A new viewer: returns its end of the channel, which the caller closes, with HELLO and all that is
 * known already in it. -EUSERS: VIEW_MAX_VIEWERS watch; -ENOMEM, -EMFILE, …
 */
int view_attach(struct view *view);

uint32_t view_viewers(const struct view *view); // that watch. NULL is allowed: 0

// What happened. NULL is allowed: there is no display.
void view_frame(struct view *view, const struct display_frame *frame);
void view_slot_released(struct view *view, uint32_t slot); // before it may be drawn into
void view_cursor(struct view *view);
void view_windows(struct view *view);
void view_state(struct view *view); // who holds the session, whether it is recorded, …
void view_notice(struct view *view, bool urgent, const char *text);

/*
 * Is this a message that a viewer may send, with that many descriptors, to a session of that size?
 * (session/view-check.c)
 */
bool view_check(
	const struct view_message *untrusted, uint32_t fds, uint32_t width, uint32_t height);

#endif
