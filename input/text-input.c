#include "input/text-input.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_text_input_v3.h>

#define PURPOSE_TERMINAL 13 // zwp_text_input_v3.content_purpose

struct text_inputs {
	struct wlr_text_input_manager_v3 *manager;
	struct wlr_seat *seat;
	struct wl_list inputs; // input.link
	uint64_t told_ms;
	struct wl_listener new_input, focus_change;
};

struct input {
	struct text_inputs *inputs;
	struct wlr_text_input_v3 *wlr;
	struct wl_list link;
	struct wl_listener enable, disable, commit, destroy;
};

static void note_word(struct text_inputs *inputs) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	inputs->told_ms = (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void handle_enable(struct wl_listener *listener, void *data) {
	struct input *input = wl_container_of(listener, input, enable);
	note_word(input->inputs);
}

static void handle_disable(struct wl_listener *listener, void *data) {
	struct input *input = wl_container_of(listener, input, disable);
	note_word(input->inputs);
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct input *input = wl_container_of(listener, input, commit);
	note_word(input->inputs);
}

static void forget(struct input *input) {
	wl_list_remove(&input->enable.link);
	wl_list_remove(&input->disable.link);
	wl_list_remove(&input->commit.link);
	wl_list_remove(&input->destroy.link);
	wl_list_remove(&input->link);
	free(input);
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct input *input = wl_container_of(listener, input, destroy);
	forget(input);
}

static bool is_of(const struct input *input, const struct wlr_surface *surface) {
	return surface != NULL && wl_resource_get_client(surface->resource) ==
					  wl_resource_get_client(input->wlr->resource);
}

// A text input follows the keyboard: it is on the surface that has it, if that is its client's.
static void focus(struct input *input, struct wlr_surface *surface) {
	struct wlr_surface *on = is_of(input, surface) ? surface : NULL;
	if (input->wlr->focused_surface == on) {
		return;
	}
	if (input->wlr->focused_surface != NULL) {
		wlr_text_input_v3_send_leave(input->wlr);
	}
	if (on != NULL) {
		wlr_text_input_v3_send_enter(input->wlr, on);
	}
}

static void handle_new_input(struct wl_listener *listener, void *data) {
	struct text_inputs *inputs = wl_container_of(listener, inputs, new_input);
	struct wlr_text_input_v3 *wlr = data;
	struct input *input = calloc(1, sizeof(*input));
	if (input == NULL) {
		wl_client_post_no_memory(wl_resource_get_client(wlr->resource));
		return;
	}
	input->inputs = inputs;
	input->wlr = wlr;
	wl_list_insert(&inputs->inputs, &input->link);
	input->enable.notify = handle_enable;
	wl_signal_add(&wlr->events.enable, &input->enable);
	input->disable.notify = handle_disable;
	wl_signal_add(&wlr->events.disable, &input->disable);
	input->commit.notify = handle_commit;
	wl_signal_add(&wlr->events.commit, &input->commit);
	input->destroy.notify = handle_destroy;
	wl_signal_add(&wlr->events.destroy, &input->destroy);
	focus(input, inputs->seat->keyboard_state.focused_surface);
}

static void handle_focus_change(struct wl_listener *listener, void *data) {
	struct text_inputs *inputs = wl_container_of(listener, inputs, focus_change);
	const struct wlr_seat_keyboard_focus_change_event *event = data;
	struct input *input;
	wl_list_for_each (input, &inputs->inputs, link) {
		focus(input, event->new_surface);
	}
}

struct text_inputs *text_inputs_create(struct wl_display *display, struct wlr_seat *seat) {
	struct text_inputs *inputs = calloc(1, sizeof(*inputs));
	if (inputs == NULL) {
		return NULL;
	}
	inputs->seat = seat;
	wl_list_init(&inputs->inputs);
	inputs->manager = wlr_text_input_manager_v3_create(display);
	if (inputs->manager == NULL) {
		free(inputs);
		return NULL;
	}
	inputs->new_input.notify = handle_new_input;
	wl_signal_add(&inputs->manager->events.new_text_input, &inputs->new_input);
	inputs->focus_change.notify = handle_focus_change;
	wl_signal_add(&seat->keyboard_state.events.focus_change, &inputs->focus_change);
	return inputs;
}

void text_inputs_destroy(struct text_inputs *inputs) {
	if (inputs == NULL) {
		return;
	}
	struct input *input, *next;
	wl_list_for_each_safe (input, next, &inputs->inputs, link) {
		forget(input);
	}
	wl_list_remove(&inputs->new_input.link);
	wl_list_remove(&inputs->focus_change.link);
	free(inputs);
}

const struct wl_global *text_inputs_global(const struct text_inputs *inputs) {
	return inputs->manager->global;
}

static bool is_for_terminal(const struct input *input) {
	return input->wlr->current_enabled &&
	       input->wlr->current.content_type.purpose == PURPOSE_TERMINAL;
}

bool text_inputs_known(const struct text_inputs *inputs) {
	const struct input *input;
	wl_list_for_each (input, &inputs->inputs, link) {
		if (is_of(input, inputs->seat->keyboard_state.focused_surface) &&
			!is_for_terminal(input)) {
			return true;
		}
	}
	return false;
}

static struct input *enabled(const struct text_inputs *inputs) {
	const struct wlr_surface *surface = inputs->seat->keyboard_state.focused_surface;
	struct input *input;
	wl_list_for_each (input, &inputs->inputs, link) {
		if (surface != NULL && input->wlr->focused_surface == surface &&
			input->wlr->current_enabled && !is_for_terminal(input)) {
			return input;
		}
	}
	return NULL;
}

bool text_inputs_enabled(const struct text_inputs *inputs) {
	return enabled(inputs) != NULL;
}

bool text_inputs_commit(struct text_inputs *inputs, const char *text) {
	struct input *input = enabled(inputs);
	if (input == NULL) {
		return false;
	}
	wlr_text_input_v3_send_commit_string(input->wlr, text);
	wlr_text_input_v3_send_done(input->wlr);
	return true;
}

uint64_t text_inputs_told_ms(const struct text_inputs *inputs) {
	return inputs->told_ms;
}

const char *text_inputs_untrusted_before(const struct text_inputs *inputs, size_t *len) {
	const struct input *input = enabled(inputs);
	if (input == NULL || input->wlr->current.surrounding.text == NULL) {
		return NULL;
	}
	const char *untrusted_text = input->wlr->current.surrounding.text;
	uint32_t untrusted_cursor = input->wlr->current.surrounding.cursor;
	*len = strnlen(untrusted_text, untrusted_cursor);
	return untrusted_text;
}
