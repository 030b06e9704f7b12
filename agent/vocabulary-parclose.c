#include "agent/fields.h"

// Our own words: one row, one internal action. protocols/control.md lists them for people.

#define POINT \
	{"x", field_x}, { \
		"y", field_y \
	}
#define POINT_REQUIRED \
	{"x", field_x, true}, { \
		"y", field_y, true \
	}

static bool expand_scroll(struct reading *reading, struct vocabulary_actions *actions) {
	if (reading->action.dx == 0 && reading->action.dy == 0) {
		return field_refuse(reading, "scroll: dx or dy must say how far");
	}
	*actions_add(actions, ACT_SCROLL) = reading->action;
	return true;
}

static const struct verb verbs[] = {
	{"move", ACT_MOVE, .fields = {POINT_REQUIRED}},
	{"click", ACT_CLICK, .count = 1,
		.fields = {POINT, {"button", field_button}, {"count", field_count},
			{"keys", field_keys}}},
	{"press", ACT_PRESS, .fields = {POINT, {"button", field_button}, {"keys", field_keys}}},
	{"release", ACT_RELEASE, .fields = {POINT, {"button", field_button}}},
	{"drag", ACT_DRAG,
		.fields = {{"path", field_path, true}, {"button", field_button},
			{"keys", field_keys}}},
	{"scroll", ACT_SCROLL,
		.fields = {POINT, {"dx", field_dx}, {"dy", field_dy}, {"unit", field_unit},
			{"keys", field_keys}},
		.expand = expand_scroll},
	{"key", ACT_KEY, .fields = {{"keys", field_chords, true}}, .expand = expand_chords},
	{"hold", ACT_HOLD, .fields = {{"keys", field_keys, true}, {"ms", field_ms, true}}},
	{"key_down", ACT_KEY_DOWN, .fields = {{"keys", field_keys, true}}},
	{"key_up", ACT_KEY_UP, .fields = {{"keys", field_keys, true}}},
	{"type", ACT_TEXT, .fields = {{"text", field_text, true}, {"sensitive", field_sensitive}},
		.expand = expand_text},
	{"touch", ACT_TOUCH, .fields = {{"path", field_path, true}, {"ms", field_ms}}},
	{"wait", ACT_WAIT, .fields = {{"ms", field_ms, true}}},
	{"wait_stable", ACT_WAIT_STABLE,
		.fields = {{"quietMs", field_quiet}, {"timeoutMs", field_timeout},
			{"region", field_region}}},
	{"screenshot", ACT_SCREENSHOT,
		.fields = {{"region", field_region}, {"scale", field_scale},
			{"format", field_format}, {"quality", field_quality},
			{"cursor", field_cursor}}},
	{"cursor_position", ACT_CURSOR_POSITION},
};

const struct vocabulary vocabulary_parclose = {
	.name = "parclose",
	.verb_key = "action",
	.verbs = verbs,
	.verbs_len = sizeof(verbs) / sizeof(verbs[0]),
};
