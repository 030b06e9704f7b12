#include "agent/waiter.h"

#include <stdlib.h>

struct waiter {
	struct wl_event_source *timer;
	uint32_t left_ms;
	bool (*ask)(void *data);
	void (*done)(void *data, bool in_time);
	void *data;
};

static int handle_timer(void *data) {
	struct waiter *waiter = data;
	bool yes = waiter->ask(waiter->data);
	if (!yes && waiter->left_ms > WAITER_MS) {
		waiter->left_ms -= WAITER_MS;
		wl_event_source_timer_update(waiter->timer, WAITER_MS);
		return 0;
	}
	void (*done)(void *, bool) = waiter->done;
	void *its_data = waiter->data;
	waiter_destroy(waiter);
	done(its_data, yes);
	return 0;
}

struct waiter *waiter_create(struct wl_event_loop *loop, uint32_t most_ms, bool (*ask)(void *data),
	void (*done)(void *data, bool in_time), void *data) {
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	if (waiter == NULL) {
		return NULL;
	}
	*waiter = (struct waiter){
		.timer = wl_event_loop_add_timer(loop, handle_timer, waiter),
		.left_ms = most_ms,
		.ask = ask,
		.done = done,
		.data = data,
	};
	if (waiter->timer == NULL) {
		free(waiter);
		return NULL;
	}
	wl_event_source_timer_update(waiter->timer, WAITER_MS);
	return waiter;
}

void waiter_destroy(struct waiter *waiter) {
	if (waiter != NULL) {
		wl_event_source_remove(waiter->timer);
		free(waiter);
	}
}
