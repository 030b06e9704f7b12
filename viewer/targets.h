#ifndef PARCLOSE_VIEWER_TARGETS_H
#define PARCLOSE_VIEWER_TARGETS_H

/*
 * Whether the user's item is marked as a password, on X11. There GDK tells of the types that it
 * knows and of those with a slash in their name, and a password manager's mark has none; so the
 * owner of the clipboard is asked directly, on a connection of its own.
 */

#include <gdk/gdk.h>
#include <stdbool.h>

struct targets; // a question that is under way

enum targets_answer {
	TARGETS_PLAIN,
	TARGETS_SECRET,
	TARGETS_UNKNOWN, // the owner does not answer
};

/*
 * Calls `done` once, never within the call, unless targets_cancel() comes first. On what is not
 * X11 the answer is TARGETS_PLAIN.
 */
struct targets *targets_ask(GdkDisplay *display, const char *mark,
	void (*done)(void *data, enum targets_answer answer), void *data);
void targets_cancel(struct targets *targets); // NULL is allowed

#endif
