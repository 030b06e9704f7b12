#include <string.h>

#include "agent/fields.h"

/*
 * The actions of a computer_call of OpenAI's Responses API. Names of keys are in capitals ("CTRL",
 * "ARROWLEFT", "A"), so their case says nothing. Scrolling is in pixels of the content.
 */

#define POINT \
	{"x", field_x, true}, { \
		"y", field_y, true \
	}
#define HELD {"keys", field_keys}

static bool expand_scroll(struct reading *reading, struct vocabulary_actions *actions) {
	struct action *scroll = actions_add(actions, ACT_SCROLL);
	*scroll = reading->action;
	scroll->pixels = true;
	return true;
}

static bool expand_move(struct reading *reading, struct vocabulary_actions *actions) {
	struct action held = {.kind = ACT_KEY_DOWN, .keys_len = reading->action.keys_len};
	memcpy(held.keys, reading->action.keys, sizeof(held.keys));
	reading->action.keys_len = 0;
	if (held.keys_len > 0) {
		*actions_add(actions, ACT_KEY_DOWN) = held;
	}
	*actions_add(actions, ACT_MOVE) = reading->action;
	if (held.keys_len > 0) {
		held.kind = ACT_KEY_UP;
		*actions_add(actions, ACT_KEY_UP) = held;
	}
	return true;
}

static const struct verb verbs[] = {
	{"click", ACT_CLICK, ACT_LEFT, 1, .fields = {POINT, {"button", field_button}, HELD}},
	{"double_click", ACT_CLICK, ACT_LEFT, 2, .fields = {POINT, HELD}},
	{"drag", ACT_DRAG, .fields = {{"path", field_path, true}, HELD}},
	{"keypress", ACT_KEY, .fields = {{"keys", field_keys, true}}},
	{"move", ACT_MOVE, .fields = {POINT, HELD}, .expand = expand_move},
	{"screenshot", ACT_SCREENSHOT},
	{"scroll", ACT_SCROLL,
		.fields = {POINT, {"scroll_x", field_dx}, {"scroll_y", field_dy}, HELD},
		.expand = expand_scroll},
	{"type", ACT_TEXT, .fields = {{"text", field_text, true}}, .expand = expand_text},
	{"wait", ACT_WAIT, .ms = 1000},
};

const struct vocabulary vocabulary_openai = {
	.name = "openai",
	.verb_key = "type",
	.key_case = KEYS_FOLD,
	.verbs = verbs,
	.verbs_len = sizeof(verbs) / sizeof(verbs[0]),
};
