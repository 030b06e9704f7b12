#ifndef PARCLOSE_AGENT_WAITER_H
#define PARCLOSE_AGENT_WAITER_H

/*
 * Waits for something of a session that nobody tells about: that it is ready, that a window came.
 * It asks again every WAITER_MS until the answer is yes or the time is up; nothing else in
 * Parclose polls, and this only in the moments after something was started.
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#define WAITER_MS 20

struct waiter;

/*
 * Asks for the first time after WAITER_MS. `done` is called once, from the event loop, and the
 * waiter is freed before it. NULL when out of memory.
 */
struct waiter *waiter_create(struct wl_event_loop *loop, uint32_t most_ms, bool (*ask)(void *data),
	void (*done)(void *data, bool in_time), void *data);

// Forgets about it. NULL is allowed.
void waiter_destroy(struct waiter *waiter);

#endif
