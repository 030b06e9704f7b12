#ifndef PARCLOSE_INPUT_ACTION_H
#define PARCLOSE_INPUT_ACTION_H

// An action as it comes in: collected step by step, checked, kept until it is performed.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-util.h>
#include <xkbcommon/xkbcommon.h>

#include "compositor/channel.h"

struct action_step {
	uint32_t kind; // enum channel_input_kind
	uint32_t number; // of the message, from 0
	uint32_t code, value; // TEXT: its place in action.text, and its length
	int32_t x, y;
	xkb_keysym_t symbol; // of KEY
};

struct action {
	struct wl_list link;
	uint32_t token;
	struct action_step *steps;
	size_t steps_len, steps_size;
	char *text; // of all TEXT steps, not terminated
	size_t text_len, text_size;
	uint32_t count; // messages so far
	// What is known to be wrong with it: OK, UNKNOWN_KEY or TOO_MANY, and the step.
	enum channel_input_status status;
	uint32_t wrong;
	bool whole; // its last step is there
	bool cancelled; // before that
};

struct action *action_create(uint32_t token); // NULL: out of memory
void action_destroy(struct action *action); // NULL is allowed

/*
 * Adds a CHANNEL_INPUT of the action's token. False: it makes no sense. TEXT steps that follow each
 * other become one.
 */
bool action_add(struct action *action, const struct channel_message *message);

#endif
