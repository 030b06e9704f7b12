#ifndef PARCLOSE_INPUT_TYPIST_H
#define PARCLOSE_INPUT_TYPIST_H

/*
 * Types a text into the window that has the keyboard, so that it arrives exactly. Line by line, the
 * first of these that can:
 *
 * 1. the keys of the session's own keymap;
 * 2. keys of a keymap with the missing characters on spare keys (input/keyboard.h): for characters
 *    that every application takes from a key, when one such keymap is enough for the line;
 * 3. the text as text (text-input-v3), where the application takes that;
 * 4. such keymaps, as many as it takes.
 *
 * A long line goes as text where it can, for the application's sake.
 *
 * Line ends and tabs are the keys Return and Tab.
 *
 * Keys and text take different paths within an application, so keys that were sent before a text
 * must have been dealt with first: the application is asked for signs of life until they are
 * (input/ping.h). It is also asked now and then in a long text, so that one that is slow is not
 * flooded.
 *
 * A text goes into one window, whatever of its surfaces has the keyboard (a list of completions
 * may). When another window has it, even a dialog of the same application, the rest is not typed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"

struct keyboard;
struct pinger;
struct seat;
struct typist;
struct wlr_surface;

struct typist_host {
	// `count` more characters of the text went out this way.
	void (*typed)(void *data, uint32_t count, enum channel_way way);
	// The text is out, or broke off. Also from within typist_start().
	void (*done)(void *data, enum channel_input_status status);
	// The id of the window that a surface belongs to, 0: none.
	uint32_t (*window_of)(void *data, struct wlr_surface *surface);
};

// NULL: out of memory. Seat, keyboard and pinger must outlive it.
struct typist *typist_create(struct wl_event_loop *loop, struct seat *seat,
	struct keyboard *keyboard, struct pinger *pinger, const struct typist_host *host,
	void *data);
void typist_destroy(struct typist *typist); // NULL is allowed

// Begins a text of checked UTF-8, which must stay until it is done. One at a time.
void typist_start(struct typist *typist, const char *text, size_t len);
// A key was pressed by somebody else; `moves`: it may have moved the focus within the application.
void typist_note_key(struct typist *typist, bool moves);
// Stops in the middle; nobody is told.
void typist_stop(struct typist *typist);

#endif
