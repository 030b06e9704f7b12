#include "input/action.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "input/layout.h"
#include "input/utf8.h"

#define CODE_MAX 247 // evdev; XKB keycodes end at 255

struct action *action_create(uint32_t token) {
	struct action *action = calloc(1, sizeof(*action));
	if (action != NULL) {
		action->token = token;
		wl_list_init(&action->link);
	}
	return action;
}

void action_destroy(struct action *action) {
	if (action != NULL) {
		wl_list_remove(&action->link);
		if (action->text != NULL) {
			explicit_bzero(action->text, action->text_size); // may be a password
		}
		free(action->text);
		free(action->steps);
		free(action);
	}
}

// The first thing that is wrong is what is told.
static void note(struct action *action, enum channel_input_status status) {
	if (action->status == CHANNEL_INPUT_OK) {
		action->status = status;
		action->wrong = action->count;
	}
}

/*
 * Whether it is a character of a text at all: no key and no input method makes control characters
 * other than tab and newline, or what Unicode calls noncharacters.
 */
static bool is_typable(uint32_t c) {
	if (c < 0x20) {
		return c == '\t' || c == '\n' || c == '\r';
	}
	return !(c >= 0x7f && c <= 0x9f) && !(c >= 0xfdd0 && c <= 0xfdef) && (c & 0xfffe) != 0xfffe;
}

// Whether `len` bytes, the rest of the field NUL, are a piece of a text; *typable: all of it.
static bool text_is_good(const char *text, uint32_t len, bool *typable) {
	if (len == 0 || len > CHANNEL_TEXT_BYTES) {
		return false;
	}
	*typable = true;
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t n = utf8_decode(text + at, len - at, &c);
		if (n == 0 || c == 0) {
			return false;
		}
		*typable &= is_typable(c);
		at += n;
	}
	for (size_t at = len; at < CHANNEL_TEXT_BYTES; at++) {
		if (text[at] != '\0') {
			return false;
		}
	}
	return true;
}

static bool key_name_is_good(const char *name) {
	size_t len = strnlen(name, CHANNEL_TEXT_BYTES);
	bool typable;
	return len < CHANNEL_TEXT_BYTES && text_is_good(name, (uint32_t)len, &typable);
}

static bool makes_sense(const struct channel_message *message, bool *typable) {
	*typable = true;
	uint32_t code = message->input.code, value = message->input.value;
	switch (message->input.kind) {
	case CHANNEL_INPUT_MOVE:
		return true;
	case CHANNEL_INPUT_BUTTON:
		return code >= BTN_LEFT && code <= BTN_TASK && value <= 1;
	case CHANNEL_INPUT_SCROLL:
		return value == CHANNEL_SCROLL_NOTCHES || value == CHANNEL_SCROLL_PIXELS;
	case CHANNEL_INPUT_KEY:
		return value <= 1 && key_name_is_good(message->input.text);
	case CHANNEL_INPUT_KEYCODE:
		return code >= 1 && code <= CODE_MAX && value <= 1;
	case CHANNEL_INPUT_TEXT:
		return text_is_good(message->input.text, code, typable);
	case CHANNEL_INPUT_TOUCH:
		return code < CHANNEL_TOUCH_POINTS && value <= CHANNEL_TOUCH_MOVE;
	case CHANNEL_INPUT_DELAY:
		return value <= CHANNEL_MAX_DELAY_MS;
	case CHANNEL_INPUT_FRAME:
		return true;
	default:
		return false;
	}
}

// Doubles an array until `want` elements fit. False: out of memory.
static bool grow(void **array, size_t *size, size_t want, size_t element) {
	size_t more = *size != 0 ? *size : 16;
	while (more < want) {
		more *= 2;
	}
	if (more == *size) {
		return true;
	}
	void *grown = realloc(*array, more * element);
	if (grown == NULL) {
		return false;
	}
	*array = grown;
	*size = more;
	return true;
}

static bool add_text(struct action *action, const char *text, size_t len) {
	if (action->text_len + len > CHANNEL_MAX_TEXT ||
		!grow((void **)&action->text, &action->text_size, action->text_len + len, 1)) {
		return false;
	}
	memcpy(action->text + action->text_len, text, len);
	action->text_len += len;
	return true;
}

static bool add_step(struct action *action, const struct channel_message *message) {
	const char *text = message->input.text;
	struct action_step step = {
		.kind = message->input.kind,
		.number = action->count,
		.code = message->input.code,
		.value = message->input.value,
		.x = message->input.x,
		.y = message->input.y,
	};
	if (step.kind == CHANNEL_INPUT_KEY) {
		step.symbol = layout_symbol_from_name(text);
	}
	if (step.kind == CHANNEL_INPUT_TEXT) {
		uint32_t len = step.code;
		step.code = (uint32_t)action->text_len;
		step.value = len;
		if (!add_text(action, text, len)) {
			return false;
		}
		struct action_step *last =
			action->steps_len > 0 ? &action->steps[action->steps_len - 1] : NULL;
		if (last != NULL && last->kind == CHANNEL_INPUT_TEXT) {
			last->value += len;
			return true;
		}
	}
	if (!grow((void **)&action->steps, &action->steps_size, action->steps_len + 1,
		    sizeof(action->steps[0]))) {
		return false;
	}
	action->steps[action->steps_len++] = step;
	return true;
}

bool action_add(struct action *action, const struct channel_message *message) {
	bool typable;
	if (message->input.token != action->token || action->whole ||
		(message->input.flags & ~(uint32_t)CHANNEL_INPUT_LAST) != 0 ||
		!makes_sense(message, &typable)) {
		return false;
	}
	if (action->count >= CHANNEL_MAX_STEPS) {
		note(action, CHANNEL_INPUT_TOO_MANY);
	} else if (!typable) {
		note(action, CHANNEL_INPUT_UNKNOWN_KEY);
	}
	if (action->status == CHANNEL_INPUT_OK && !add_step(action, message)) {
		note(action, CHANNEL_INPUT_TOO_MANY);
	}
	if (action->status == CHANNEL_INPUT_OK && message->input.kind == CHANNEL_INPUT_KEY &&
		action->steps[action->steps_len - 1].symbol == XKB_KEY_NoSymbol) {
		note(action, CHANNEL_INPUT_UNKNOWN_KEY);
	}
	if (action->count < CHANNEL_MAX_STEPS) {
		action->count++;
	}
	action->whole = (message->input.flags & CHANNEL_INPUT_LAST) != 0;
	return true;
}
