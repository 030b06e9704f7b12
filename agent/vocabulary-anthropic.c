#include "agent/fields.h"

/*
 * The `computer` tool of Anthropic's API, all its versions in one: computer_20241022, _20250124 and
 * _20251124. A later version only adds. Modifiers held during a click come in `text` or in `key`,
 * both are in use.
 */

#define COORDINATE {"coordinate", field_point}
#define COORDINATE_REQUIRED {"coordinate", field_point, true}
#define HELD \
	{"text", field_keys}, { \
		"key", field_keys \
	}
#define CLICK_FIELDS .fields = {COORDINATE, HELD}

static bool expand_scroll(struct reading *reading, struct vocabulary_actions *actions) {
	struct action *scroll = actions_add(actions, ACT_SCROLL);
	*scroll = reading->action;
	double amount = reading->amount >= 0 ? reading->amount : 3;
	bool vertical = reading->direction == 'u' || reading->direction == 'd';
	bool back = reading->direction == 'u' || reading->direction == 'l';
	*(vertical ? &scroll->dy : &scroll->dx) = back ? -amount : amount;
	return true;
}

// The first version had no start_coordinate: the drag began where the pointer was.
static bool expand_left_drag(struct reading *reading, struct vocabulary_actions *actions) {
	struct act_point to = reading->action.point;
	if (reading->has_other_x) {
		return expand_drag(reading, actions, reading->other, to);
	}
	struct action *press = actions_add(actions, ACT_PRESS);
	*press = reading->action;
	press->kind = ACT_PRESS;
	press->has_point = false;
	// Twice: what is dragged is only told of where it is by a motion after the drag began.
	for (size_t i = 0; i < 2; i++) {
		struct action *move = actions_add(actions, ACT_MOVE);
		move->has_point = true;
		move->point = to;
	}
	struct action *release = actions_add(actions, ACT_RELEASE);
	release->button = reading->action.button;
	return true;
}

static const struct verb verbs[] = {
	// computer_20241022
	{"screenshot", ACT_SCREENSHOT},
	{"cursor_position", ACT_CURSOR_POSITION},
	{"mouse_move", ACT_MOVE, .fields = {COORDINATE_REQUIRED}},
	{"left_click", ACT_CLICK, ACT_LEFT, 1, CLICK_FIELDS},
	{"right_click", ACT_CLICK, ACT_RIGHT, 1, CLICK_FIELDS},
	{"middle_click", ACT_CLICK, ACT_MIDDLE, 1, CLICK_FIELDS},
	{"double_click", ACT_CLICK, ACT_LEFT, 2, CLICK_FIELDS},
	{"left_click_drag", ACT_DRAG, ACT_LEFT,
		.fields = {{"start_coordinate", field_other}, COORDINATE_REQUIRED, HELD},
		.expand = expand_left_drag},
	{"key", ACT_KEY, .fields = {{"text", field_chords, true}}, .expand = expand_chords},
	{"type", ACT_TEXT, .fields = {{"text", field_text, true}}, .expand = expand_text},
	// computer_20250124
	{"triple_click", ACT_CLICK, ACT_LEFT, 3, CLICK_FIELDS},
	{"left_mouse_down", ACT_PRESS, ACT_LEFT, .fields = {COORDINATE}},
	{"left_mouse_up", ACT_RELEASE, ACT_LEFT, .fields = {COORDINATE}},
	{"scroll", ACT_SCROLL,
		.fields = {COORDINATE, {"scroll_direction", field_direction, true},
			{"scroll_amount", field_amount}, HELD},
		.expand = expand_scroll},
	{"hold_key", ACT_HOLD,
		.fields = {{"text", field_keys, true}, {"duration", field_seconds, true}}},
	{"wait", ACT_WAIT, .fields = {{"duration", field_seconds, true}}},
	// computer_20251124
	{"zoom", ACT_SCREENSHOT, .fields = {{"region", field_corners, true}}},
};

const struct vocabulary vocabulary_anthropic = {
	.name = "anthropic",
	.verb_key = "action",
	.verbs = verbs,
	.verbs_len = sizeof(verbs) / sizeof(verbs[0]),
};
