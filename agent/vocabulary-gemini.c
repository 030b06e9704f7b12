#include <string.h>

#include "agent/fields.h"

/*
 * The function calls of Gemini's computer use, the names of the 2.5 preview and those since 3.5.
 * Coordinates and magnitudes are thousandths of the display's width or height. What only a browser
 * can do that its host drives from outside is not done here.
 */

#define POINT \
	{"x", field_x}, { \
		"y", field_y \
	}
#define POINT_REQUIRED \
	{"x", field_x, true}, { \
		"y", field_y, true \
	}
#define GRID 1000
#define SCROLL_DEFAULT 800

static bool field_consent_wanted(struct reading *reading, const cJSON *value) {
	const cJSON *decision = cJSON_GetObjectItemCaseSensitive(value, "decision");
	if (!cJSON_IsObject(value) || (decision != NULL && !cJSON_IsString(decision))) {
		return field_refuse(reading, "not a safety decision");
	}
	reading->wants_consent =
		decision != NULL && strcmp(decision->valuestring, "require_confirmation") == 0;
	return true;
}

static bool field_consent(struct reading *reading, const cJSON *value) {
	reading->has_consent = cJSON_IsTrue(value) ||
			       (cJSON_IsString(value) && strcmp(value->valuestring, "true") == 0);
	return reading->has_consent || field_refuse(reading, "not true");
}

static const struct field common[] = {
	{"intent", field_ignored}, // what the model says it is up to
	{"safety_decision", field_consent_wanted},
	{"safety_acknowledgement", field_consent},
	{0},
};

static bool check(struct reading *reading) {
	if (reading->wants_consent && !reading->has_consent) {
		reading->err->unsupported = true;
		return field_refuse(reading,
			"its safety_decision is require_confirmation: ask the user, and if they "
			"agree send it again with \"safety_acknowledgement\": true");
	}
	return true;
}

static bool expand_scroll(struct reading *reading, struct vocabulary_actions *actions) {
	struct action *scroll = actions_add(actions, ACT_SCROLL);
	*scroll = reading->action;
	if (!scroll->has_point) {
		scroll->has_point = true;
		scroll->point.x = (int32_t)(reading->width / 2);
		scroll->point.y = (int32_t)(reading->height / 2);
	}
	scroll->pixels = true;
	double amount = (reading->amount >= 0 ? reading->amount : SCROLL_DEFAULT) / GRID;
	bool vertical = reading->direction == 'u' || reading->direction == 'd';
	bool back = reading->direction == 'u' || reading->direction == 'l';
	amount *= vertical ? reading->height : reading->width;
	*(vertical ? &scroll->dy : &scroll->dx) = back ? -amount : amount;
	return true;
}

static bool expand_drag_and_drop(struct reading *reading, struct vocabulary_actions *actions) {
	return expand_drag(reading, actions, reading->action.point, reading->other);
}

static void add_key(struct vocabulary_actions *actions, const char *held, const char *key) {
	struct action *action = actions_add(actions, ACT_KEY);
	if (held != NULL) {
		memcpy(action->keys[action->keys_len++], held, strlen(held) + 1);
	}
	memcpy(action->keys[action->keys_len++], key, strlen(key) + 1);
}

static bool expand_typing(struct reading *reading, struct vocabulary_actions *actions) {
	if (reading->action.text[0] == '\0' && !reading->clear && !reading->enter) {
		return field_refuse(reading, "the text is empty");
	}
	if (reading->action.has_point) {
		struct action *click = actions_add(actions, ACT_CLICK);
		click->has_point = true;
		click->point = reading->action.point;
		click->count = 1;
	}
	if (reading->clear) {
		add_key(actions, "Control_L", "a");
		add_key(actions, NULL, "BackSpace");
	}
	if (reading->action.text[0] != '\0') {
		actions_add(actions, ACT_TEXT)->text = reading->action.text;
		reading->action.text = NULL;
	}
	if (reading->enter) {
		add_key(actions, NULL, "Return");
	}
	return true;
}

static bool expand_typing_at(struct reading *reading, struct vocabulary_actions *actions) {
	reading->clear = reading->clear || !reading->has_clear;
	return expand_typing(reading, actions);
}

static bool expand_back(struct reading *reading, struct vocabulary_actions *actions) {
	(void)reading;
	add_key(actions, "Alt_L", "Left");
	return true;
}

static bool expand_forward(struct reading *reading, struct vocabulary_actions *actions) {
	(void)reading;
	add_key(actions, "Alt_L", "Right");
	return true;
}

#define BROWSER_HELP "this is a whole desktop; start a browser with the tool `launch`"
#define ADDRESS_HELP \
	"this is a whole desktop; in a browser's window use hotkey {\"keys\": \"control+l\"}, " \
	"then type the address with press_enter"
#define DIRECTION {"direction", field_direction, true}
#define MAGNITUDE {"magnitude", field_amount}
// Return is pressed only on request: what it sends off cannot be taken back.
#define ENTER {"press_enter", field_enter}
#define CLEAR {"clear_before_typing", field_clear}
#define DESTINATION \
	{"destination_x", field_other_x, true}, { \
		"destination_y", field_other_y, true \
	}

static const struct verb verbs[] = {
	// since Gemini 3.5
	{"click", ACT_CLICK, ACT_LEFT, 1, .fields = {POINT_REQUIRED}},
	{"double_click", ACT_CLICK, ACT_LEFT, 2, .fields = {POINT_REQUIRED}},
	{"triple_click", ACT_CLICK, ACT_LEFT, 3, .fields = {POINT_REQUIRED}},
	{"middle_click", ACT_CLICK, ACT_MIDDLE, 1, .fields = {POINT_REQUIRED}},
	{"right_click", ACT_CLICK, ACT_RIGHT, 1, .fields = {POINT_REQUIRED}},
	{"mouse_down", ACT_PRESS, .fields = {POINT}},
	{"mouse_up", ACT_RELEASE, .fields = {POINT}},
	{"move", ACT_MOVE, .fields = {POINT_REQUIRED}},
	{"type", ACT_TEXT, .fields = {{"text", field_text, true}, ENTER, CLEAR},
		.expand = expand_typing},
	{"drag_and_drop", ACT_DRAG, .fields = {POINT_REQUIRED, DESTINATION},
		.expand = expand_drag_and_drop},
	{"wait", ACT_WAIT, .ms = 1000, .fields = {{"seconds", field_seconds}}},
	{"press_key", ACT_KEY, .fields = {{"key", field_keys, true}}},
	{"key_down", ACT_KEY_DOWN, .fields = {{"key", field_keys, true}}},
	{"key_up", ACT_KEY_UP, .fields = {{"key", field_keys, true}}},
	{"hotkey", ACT_KEY, .fields = {{"keys", field_keys, true}}},
	{"take_screenshot", ACT_SCREENSHOT},
	{"scroll", ACT_SCROLL, .fields = {POINT, DIRECTION, MAGNITUDE}, .expand = expand_scroll},
	{"go_back", ACT_KEY, .expand = expand_back},
	{"go_forward", ACT_KEY, .expand = expand_forward},
	{"navigate", .help = ADDRESS_HELP},
	// the previews' names
	{"click_at", ACT_CLICK, ACT_LEFT, 1, .fields = {POINT_REQUIRED}},
	{"hover_at", ACT_MOVE, .fields = {POINT_REQUIRED}},
	{"type_text_at", ACT_TEXT,
		.fields = {POINT_REQUIRED, {"text", field_text, true}, ENTER, CLEAR},
		.expand = expand_typing_at},
	{"scroll_document", ACT_SCROLL, .fields = {DIRECTION}, .expand = expand_scroll},
	{"scroll_at", ACT_SCROLL, .fields = {POINT_REQUIRED, DIRECTION, MAGNITUDE},
		.expand = expand_scroll},
	{"wait_5_seconds", ACT_WAIT, .ms = 5000},
	{"key_combination", ACT_KEY, .fields = {{"keys", field_keys, true}}},
	{"open_web_browser", .help = BROWSER_HELP},
	{"search", .help = ADDRESS_HELP},
};

const struct vocabulary vocabulary_gemini = {
	.name = "gemini",
	.verb_key = "name",
	.fields_key = "args",
	.key_case = KEYS_FOLD_CHORDS,
	.grid = GRID,
	.verbs = verbs,
	.verbs_len = sizeof(verbs) / sizeof(verbs[0]),
	.common = common,
	.check = check,
};
