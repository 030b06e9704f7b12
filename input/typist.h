#ifndef PARCLOSE_INPUT_TYPIST_H
#define PARCLOSE_INPUT_TYPIST_H

/*
 * Types a text into the surface that has the keyboard, so that it arrives exactly: on whatever way
 * that takes (enum channel_way).
 */

#include <stdbool.h>
#include <stddef.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"

struct layout;
struct seat;
struct typist;

struct typist_host {
	// `count` more characters of the text went out this way.
	void (*typed)(void *data, uint32_t count, enum channel_way way);
	// The text is out, or broke off. Also from within typist_start().
	void (*done)(void *data, enum channel_input_status status);
};

// NULL: out of memory. Seat and layout must outlive it.
struct typist *typist_create(struct wl_event_loop *loop, struct seat *seat, struct layout *layout,
	const struct typist_host *host, void *data);
void typist_destroy(struct typist *typist); // NULL is allowed

// Begins a text of checked UTF-8, which must stay until it is done. One at a time.
void typist_start(struct typist *typist, const char *text, size_t len);
// Stops in the middle; nobody is told.
void typist_stop(struct typist *typist);

#endif
