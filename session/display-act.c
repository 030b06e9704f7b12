#include <errno.h>
#include <string.h>

#include "session/display-internal.h"

/*
 * Actions on their way to the compositor and back. One at a time: the compositor never holds more
 * of them than it was asked to perform now.
 */

uint32_t display_next_token(struct display *display) {
	return display->action.token + 1;
}

bool display_acting(const struct display *display) {
	return display->action.due_done || display->action.due_settled;
}

void display_pointer(const struct display *display, int32_t *x, int32_t *y) {
	*x = display->cursor.x;
	*y = display->cursor.y;
}

static int handle_watchdog(void *data) {
	struct display *display = data;
	char reason[160];
	snprintf(reason, sizeof(reason),
		"the compositor did not answer an action within %u seconds; it was ended",
		display->action.most_ms / 1000);
	display_end(display, reason);
	return 0;
}

static void watch(struct display *display) {
	if (display->action.watchdog != NULL) {
		wl_event_source_timer_update(display->action.watchdog,
			display_acting(display) ? (int)display->action.most_ms : 0);
	}
}

int display_act(struct display *display, const struct channel_message *messages, size_t len,
	uint32_t characters, uint32_t most_ms) {
	if (display->end_reason[0] != '\0') {
		return -EPIPE;
	}
	if (display_acting(display)) {
		return -EBUSY;
	}
	if (display->action.watchdog == NULL) {
		display->action.watchdog =
			wl_event_loop_add_timer(display->loop, handle_watchdog, display);
	}
	// All of it fits, or none of it is sent.
	if (display->action.watchdog == NULL || !display_reserve(display, len)) {
		return -ENOMEM;
	}
	display->action.token++;
	display->action.steps = display->action.steps_sent = 0;
	display->action.characters = characters;
	display->action.typed = 0;
	display->action.cancelled = false;
	display->action.most_ms = most_ms;
	for (size_t i = 0; i < len; i++) {
		bool is_step = messages[i].type == CHANNEL_INPUT;
		display->action.steps += is_step;
		display->action.due_done |= is_step;
		display->action.due_settled |= !is_step;
	}
	for (size_t i = 0; i < len; i++) {
		display_send(display, &messages[i], -1);
	}
	watch(display);
	return 0;
}

void display_act_sent(struct display *display, const struct channel_message *message) {
	if (message->type == CHANNEL_INPUT) {
		display->queued_steps--;
		display->action.steps_sent++;
	}
}

void display_act_answered(struct display *display, const struct channel_message *checked) {
	display->action.due_done = display->action.due_done && checked->type != CHANNEL_INPUT_DONE;
	display->action.due_settled =
		display->action.due_settled && checked->type != CHANNEL_SETTLED;
	watch(display);
	if (checked->type == CHANNEL_INPUT_DONE) {
		// Word of the pointer itself may still be on its way.
		display->cursor.x = checked->input_done.x;
		display->cursor.y = checked->input_done.y;
	}
	display->observer->answered(display->data, checked);
}

// What has not been sent of the action never will be, and no answer to it is due.
static void take_back(struct display *display) {
	size_t kept = 0;
	for (size_t i = 0; i < display->queue_len; i++) {
		const struct channel_message *message = &display->queue[i].message;
		if (message->type == CHANNEL_INPUT) {
			display->queued_steps--;
			display->action.due_done = false;
		} else if (message->type == CHANNEL_SETTLE) {
			display->action.due_settled = false;
		} else {
			display->queue[kept++] = display->queue[i];
		}
	}
	display->queue_len = kept;
}

void display_act_cancel(struct display *display) {
	if (!display_acting(display) || display->action.cancelled) {
		return;
	}
	display->action.cancelled = true;
	take_back(display);
	if (display->action.steps_sent > 0 || display_acting(display)) {
		struct channel_message message = {.type = CHANNEL_INPUT_CANCEL};
		message.input_cancel.token = display->action.token;
		display_send(display, &message, -1);
	}
	watch(display);
}

void display_release_input(struct display *display) {
	if (display->action.steps > 0) { // to look on touches nothing
		display_act_cancel(display);
	}
	struct channel_message message = {.type = CHANNEL_INPUT_RELEASE};
	display_send(display, &message, -1);
}

void display_act_finish(struct display *display) {
	if (display->action.watchdog != NULL) {
		wl_event_source_remove(display->action.watchdog);
	}
}
