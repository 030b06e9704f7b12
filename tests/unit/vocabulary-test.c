// agent/vocabulary.h and agent/keys.h: what each action of each vocabulary comes to, and what is
// said about one that is wrong.

#include "agent/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keys.h"
#include "policy/json.h"

#define WIDTH 1280
#define HEIGHT 800

void action_finish(struct action *action) {
	free(action->path);
	free(action->text);
	*action = (struct action){0};
}

// ---- an action as a line of text, so that a table can say what is expected

static void print_box(FILE *out, const char *name, struct channel_box box) {
	if (box.width != 0) {
		fprintf(out, " %s=%d,%d,%dx%d", name, box.x, box.y, box.width, box.height);
	}
}

static void print_action(FILE *out, const struct action *action) {
	static const char *const kinds[ACT_KIND_COUNT] = {
		[ACT_MOVE] = "move",
		[ACT_CLICK] = "click",
		[ACT_PRESS] = "press",
		[ACT_RELEASE] = "release",
		[ACT_DRAG] = "drag",
		[ACT_SCROLL] = "scroll",
		[ACT_KEY] = "key",
		[ACT_HOLD] = "hold",
		[ACT_KEY_DOWN] = "down",
		[ACT_KEY_UP] = "up",
		[ACT_TEXT] = "text",
		[ACT_TOUCH] = "touch",
		[ACT_WAIT] = "wait",
		[ACT_WAIT_STABLE] = "stable",
		[ACT_SCREENSHOT] = "screenshot",
		[ACT_CURSOR_POSITION] = "cursor",
	};
	static const char *const buttons[] = {"left", "right", "middle", "back", "forward"};
	fprintf(out, "%s", kinds[action->kind]);
	if (action->has_point) {
		fprintf(out, " %d,%d", action->point.x, action->point.y);
	}
	if (action->button != ACT_LEFT) {
		fprintf(out, " %s", buttons[action->button]);
	}
	if (action->count > 1) {
		fprintf(out, " x%u", action->count);
	}
	for (size_t i = 0; i < action->path_len; i++) {
		fprintf(out, "%s%d,%d", i > 0 ? ">" : " ", action->path[i].x, action->path[i].y);
	}
	if (action->dx != 0 || action->dy != 0) {
		fprintf(out, " by %g,%g%s", action->dx, action->dy, action->pixels ? "px" : "");
	}
	for (size_t i = 0; i < action->keys_len; i++) {
		fprintf(out, "%s%s", i > 0 ? "+" : " ", action->keys[i]);
	}
	if (action->text != NULL) {
		fprintf(out, " '%s'%s", action->text, action->sensitive ? " sensitive" : "");
	}
	if (action->ms != 0) {
		fprintf(out, " %ums", action->ms);
	}
	print_box(out, "region", action->picture.region);
	print_box(out, "watch", action->settle.region);
	if (action->settle.quiet_ms != 0 || action->settle.timeout_ms != 0) {
		fprintf(out, " quiet=%u timeout=%u", action->settle.quiet_ms,
			action->settle.timeout_ms);
	}
	if (action->picture.scale != 0) {
		fprintf(out, " scale=%g", action->picture.scale);
	}
	if (action->picture.format == PICTURE_JPEG) {
		fprintf(out, " jpeg");
	}
	if (action->picture.quality != 0) {
		fprintf(out, " q%u", action->picture.quality);
	}
	if (action->kind == ACT_SCREENSHOT && !action->picture.cursor) {
		fprintf(out, " bare");
	}
}

// What one JSON action comes to, or "pointer: message" ("unsupported pointer: …"). Freed by the
// caller.
static char *read_action(const char *vocabulary, const char *json) {
	const struct vocabulary *found = vocabulary_find(vocabulary);
	assert_non_null(found);
	struct json_error json_err;
	cJSON *tree = json_parse(json, strlen(json), &json_err);
	if (tree == NULL) {
		fail_msg("%s: %s", json, json_err.reason);
	}
	static struct vocabulary_actions actions;
	struct vocabulary_error err;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	if (vocabulary_read(found, tree, "", WIDTH, HEIGHT, &actions, &err)) {
		assert_true(actions.len >= 1 && actions.len <= VOCABULARY_MAX_ACTIONS);
		for (size_t i = 0; i < actions.len; i++) {
			fprintf(out, "%s", i > 0 ? "; " : "");
			print_action(out, &actions.items[i]);
		}
	} else {
		assert_int_equal(actions.len, 0);
		fprintf(out, "%s%s: %s", err.unsupported ? "unsupported " : "", err.pointer,
			err.message);
	}
	fclose(out);
	vocabulary_actions_finish(&actions);
	cJSON_Delete(tree);
	return text;
}

// clang-format off
static const struct {
	const char *vocabulary, *json, *actions;
} accepted[] = {
	{"parclose", "{\"action\":\"move\",\"x\":10,\"y\":20}", "move 10,20"},
	{"parclose", "{\"action\":\"move\",\"x\":0,\"y\":0}", "move 0,0"},
	{"parclose", "{\"action\":\"move\",\"x\":-1,\"y\":99999}", "move -1,99999"},
	{"parclose", "{\"action\":\"click\"}", "click"},
	{"parclose", "{\"action\":\"click\",\"x\":0,\"y\":0}", "click 0,0"},
	{"parclose", "{\"action\":\"click\",\"x\":null,\"y\":null,\"button\":null}", "click"},
	{"parclose", "{\"y\":2,\"x\":1,\"keys\":[\"ctrl\",\"shift\"],\"count\":3,\"button\":\"middle\",\"action\":\"click\"}",
		"click 1,2 middle x3 Control_L+Shift_L"},
	{"parclose", "{\"action\":\"click\",\"keys\":\"ctrl+shift\"}", "click Control_L+Shift_L"},
	{"parclose", "{\"action\":\"click\",\"keys\":[]}", "click"},
	{"parclose", "{\"action\":\"press\",\"x\":1,\"y\":2,\"button\":\"right\",\"keys\":[\"alt\"]}", "press 1,2 right Alt_L"},
	{"parclose", "{\"action\":\"release\",\"button\":\"right\"}", "release right"},
	{"parclose", "{\"action\":\"release\",\"x\":0,\"y\":3}", "release 0,3"},
	{"parclose", "{\"action\":\"drag\",\"path\":[[0,0],[10,20],[30,40]],\"button\":\"left\",\"keys\":[\"shift\"]}",
		"drag 0,0>10,20>30,40 Shift_L"},
	{"parclose", "{\"action\":\"scroll\",\"x\":5,\"y\":6,\"dy\":3}", "scroll 5,6 by 0,3"},
	{"parclose", "{\"action\":\"scroll\",\"dx\":-1.5,\"dy\":0,\"unit\":\"notches\"}", "scroll by -1.5,0"},
	{"parclose", "{\"action\":\"scroll\",\"dy\":5000,\"unit\":\"pixels\",\"keys\":[\"ctrl\"]}", "scroll by 0,5000px Control_L"},
	{"parclose", "{\"action\":\"key\",\"keys\":\"ctrl+s\"}", "key Control_L+s"},
	{"parclose", "{\"action\":\"key\",\"keys\":[\"ctrl\",\"S\"]}", "key Control_L+S"},
	{"parclose", "{\"action\":\"key\",\"keys\":\"Down Down Return\"}", "key Down; key Down; key Return"},
	{"parclose", "{\"action\":\"hold\",\"keys\":[\"w\"],\"ms\":1500}", "hold w 1500ms"},
	{"parclose", "{\"action\":\"key_down\",\"keys\":\"shift\"}", "down Shift_L"},
	{"parclose", "{\"action\":\"key_up\",\"keys\":[\"shift\"]}", "up Shift_L"},
	{"parclose", "{\"action\":\"type\",\"text\":\"h\\u00e9\\n\"}", "text 'h\xc3\xa9\n'"},
	{"parclose", "{\"action\":\"type\",\"text\":\"secret\",\"sensitive\":true}", "text 'secret' sensitive"},
	{"parclose", "{\"action\":\"touch\",\"path\":[[3,4]]}", "touch 3,4"},
	{"parclose", "{\"action\":\"touch\",\"path\":[{\"x\":3,\"y\":4},{\"x\":5,\"y\":6}],\"ms\":500}", "touch 3,4>5,6 500ms"},
	{"parclose", "{\"action\":\"wait\",\"ms\":0}", "wait"},
	{"parclose", "{\"action\":\"wait\",\"ms\":100000}", "wait 100000ms"},
	{"parclose", "{\"action\":\"wait_stable\"}", "stable"},
	{"parclose", "{\"action\":\"wait_stable\",\"quietMs\":50,\"timeoutMs\":900,\"region\":{\"x\":0,\"y\":0,\"width\":9,\"height\":8}}",
		"stable watch=0,0,9x8 quiet=50 timeout=900"},
	{"parclose", "{\"action\":\"screenshot\"}", "screenshot"},
	{"parclose", "{\"action\":\"screenshot\",\"region\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4},\"scale\":0.5,\"format\":\"jpeg\",\"quality\":75,\"cursor\":false}",
		"screenshot region=1,2,3x4 scale=0.5 jpeg q75 bare"},
	{"parclose", "{\"action\":\"cursor_position\"}", "cursor"},

	{"anthropic", "{\"action\":\"screenshot\"}", "screenshot"},
	{"anthropic", "{\"action\":\"cursor_position\"}", "cursor"},
	{"anthropic", "{\"action\":\"mouse_move\",\"coordinate\":[0,799]}", "move 0,799"},
	{"anthropic", "{\"action\":\"left_click\"}", "click"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[0,0]}", "click 0,0"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[7,8],\"text\":\"ctrl\"}", "click 7,8 Control_L"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[7,8],\"key\":\"ctrl+shift\"}", "click 7,8 Control_L+Shift_L"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[7,8],\"text\":\"\"}", "click 7,8"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[7,8],\"text\":null}", "click 7,8"},
	{"anthropic", "{\"action\":\"right_click\",\"coordinate\":[7,8]}", "click 7,8 right"},
	{"anthropic", "{\"action\":\"middle_click\",\"coordinate\":[7,8]}", "click 7,8 middle"},
	{"anthropic", "{\"action\":\"double_click\",\"coordinate\":[7,8]}", "click 7,8 x2"},
	{"anthropic", "{\"action\":\"triple_click\",\"coordinate\":[7,8]}", "click 7,8 x3"},
	{"anthropic", "{\"action\":\"left_click_drag\",\"start_coordinate\":[1,2],\"coordinate\":[3,4]}", "drag 1,2>3,4"},
	{"anthropic", "{\"action\":\"left_click_drag\",\"start_coordinate\":[0,0],\"coordinate\":[0,4],\"text\":\"alt\"}", "drag 0,0>0,4 Alt_L"},
	{"anthropic", "{\"action\":\"left_click_drag\",\"coordinate\":[3,4]}", "press; move 3,4; move 3,4; release"},
	{"anthropic", "{\"action\":\"left_mouse_down\"}", "press"},
	{"anthropic", "{\"action\":\"left_mouse_down\",\"coordinate\":[3,0]}", "press 3,0"},
	{"anthropic", "{\"action\":\"left_mouse_up\"}", "release"},
	{"anthropic", "{\"action\":\"key\",\"text\":\"ctrl+s\"}", "key Control_L+s"},
	{"anthropic", "{\"action\":\"key\",\"text\":\"ctrl+a BackSpace\"}", "key Control_L+a; key BackSpace"},
	{"anthropic", "{\"action\":\"type\",\"text\":\"ctrl+s\"}", "text 'ctrl+s'"},
	{"anthropic", "{\"action\":\"hold_key\",\"text\":\"shift+w\",\"duration\":1.5}", "hold Shift_L+w 1500ms"},
	{"anthropic", "{\"action\":\"hold_key\",\"text\":\"w\",\"duration\":100}", "hold w 100000ms"},
	{"anthropic", "{\"action\":\"scroll\",\"coordinate\":[5,6],\"scroll_direction\":\"up\",\"scroll_amount\":3}", "scroll 5,6 by 0,-3"},
	{"anthropic", "{\"action\":\"scroll\",\"coordinate\":[5,6],\"scroll_direction\":\"down\",\"scroll_amount\":10,\"text\":\"ctrl\"}", "scroll 5,6 by 0,10 Control_L"},
	{"anthropic", "{\"action\":\"scroll\",\"scroll_direction\":\"left\",\"scroll_amount\":1}", "scroll by -1,0"},
	{"anthropic", "{\"action\":\"scroll\",\"scroll_direction\":\"right\"}", "scroll by 3,0"},
	{"anthropic", "{\"action\":\"wait\",\"duration\":0.25}", "wait 250ms"},
	{"anthropic", "{\"action\":\"zoom\",\"region\":[100,200,400,350]}", "screenshot region=100,200,300x150"},
	{"anthropic", "{\"action\":\"zoom\",\"region\":[0,0,1,1]}", "screenshot region=0,0,1x1"},

	{"openai", "{\"type\":\"click\",\"x\":0,\"y\":5,\"button\":\"left\"}", "click 0,5"},
	{"openai", "{\"type\":\"click\",\"x\":4,\"y\":5,\"button\":\"wheel\",\"keys\":[\"CTRL\"]}", "click 4,5 middle Control_L"},
	{"openai", "{\"type\":\"click\",\"x\":4,\"y\":5,\"button\":\"right\",\"keys\":null}", "click 4,5 right"},
	{"openai", "{\"type\":\"click\",\"x\":4,\"y\":5,\"button\":\"back\"}", "click 4,5 back"},
	{"openai", "{\"type\":\"click\",\"x\":4,\"y\":5,\"button\":\"forward\"}", "click 4,5 forward"},
	{"openai", "{\"type\":\"double_click\",\"x\":4,\"y\":5,\"keys\":[\"SHIFT\"]}", "click 4,5 x2 Shift_L"},
	{"openai", "{\"type\":\"drag\",\"path\":[{\"x\":0,\"y\":0},{\"x\":5,\"y\":0}]}", "drag 0,0>5,0"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"CTRL\",\"L\"]}", "key Control_L+l"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"CMD\",\"SHIFT\",\"P\"]}", "key Super_L+Shift_L+p"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"ARROWLEFT\"]}", "key Left"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"A\"]}", "key a"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"CTRL+C\"]}", "key Control_L+c"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"CTRL\",\"+\"]}", "key Control_L++"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\" \"]}", "key space"},
	{"openai", "{\"type\":\"move\",\"x\":0,\"y\":0}", "move 0,0"},
	{"openai", "{\"type\":\"move\",\"x\":1,\"y\":2,\"keys\":[\"ALT\"]}", "down Alt_L; move 1,2; up Alt_L"},
	{"openai", "{\"type\":\"screenshot\"}", "screenshot"},
	{"openai", "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":0,\"scroll_y\":-400}", "scroll 1,2 by 0,-400px"},
	{"openai", "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_x\":5000,\"scroll_y\":0,\"keys\":[\"SHIFT\"]}", "scroll 1,2 by 5000,0px Shift_L"},
	{"openai", "{\"type\":\"type\",\"text\":\"CTRL\"}", "text 'CTRL'"},
	{"openai", "{\"type\":\"wait\"}", "wait 1000ms"},

	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":0,\"y\":0}}", "click 0,0"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":500,\"y\":250,\"intent\":\"open the menu\"}}", "click 640,200"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":1000,\"y\":999}}", "click 1279,799"},
	{"gemini", "{\"name\":\"double_click\",\"args\":{\"x\":500,\"y\":500}}", "click 640,400 x2"},
	{"gemini", "{\"name\":\"triple_click\",\"args\":{\"x\":500,\"y\":500}}", "click 640,400 x3"},
	{"gemini", "{\"name\":\"middle_click\",\"args\":{\"x\":500,\"y\":500}}", "click 640,400 middle"},
	{"gemini", "{\"name\":\"right_click\",\"args\":{\"x\":500,\"y\":500}}", "click 640,400 right"},
	{"gemini", "{\"name\":\"mouse_down\",\"args\":{\"x\":500,\"y\":500}}", "press 640,400"},
	{"gemini", "{\"name\":\"mouse_up\"}", "release"},
	{"gemini", "{\"name\":\"move\",\"args\":{\"x\":1,\"y\":1}}", "move 1,0"},
	{"gemini", "{\"name\":\"type\",\"args\":{\"text\":\"hi\"}}", "text 'hi'"},
	{"gemini", "{\"name\":\"type\",\"args\":{\"text\":\"hi\",\"press_enter\":true}}", "text 'hi'; key Return"},
	{"gemini", "{\"name\":\"drag_and_drop\",\"args\":{\"x\":0,\"y\":0,\"destination_x\":500,\"destination_y\":0}}", "drag 0,0>640,0"},
	{"gemini", "{\"name\":\"wait\",\"args\":{}}", "wait 1000ms"},
	{"gemini", "{\"name\":\"wait\",\"args\":{\"seconds\":3}}", "wait 3000ms"},
	{"gemini", "{\"name\":\"press_key\",\"args\":{\"key\":\"pageup\"}}", "key Page_Up"},
	{"gemini", "{\"name\":\"press_key\",\"args\":{\"key\":\"A\"}}", "key A"},
	{"gemini", "{\"name\":\"key_down\",\"args\":{\"key\":\"command\"}}", "down Super_L"},
	{"gemini", "{\"name\":\"key_up\",\"args\":{\"key\":\"command\"}}", "up Super_L"},
	{"gemini", "{\"name\":\"hotkey\",\"args\":{\"keys\":\"control+A\"}}", "key Control_L+a"},
	{"gemini", "{\"name\":\"hotkey\",\"args\":{\"keys\":[\"Control\",\"Shift\",\"t\"]}}", "key Control_L+Shift_L+t"},
	{"gemini", "{\"name\":\"take_screenshot\",\"args\":{}}", "screenshot"},
	{"gemini", "{\"name\":\"scroll\",\"args\":{\"x\":500,\"y\":500,\"direction\":\"down\",\"magnitude\":500}}", "scroll 640,400 by 0,400px"},
	{"gemini", "{\"name\":\"scroll\",\"args\":{\"direction\":\"left\"}}", "scroll 640,400 by -1024,0px"},
	{"gemini", "{\"name\":\"go_back\",\"args\":{}}", "key Alt_L+Left"},
	{"gemini", "{\"name\":\"go_forward\"}", "key Alt_L+Right"},
	{"gemini", "{\"name\":\"click_at\",\"args\":{\"x\":500,\"y\":0}}", "click 640,0"},
	{"gemini", "{\"name\":\"hover_at\",\"args\":{\"x\":500,\"y\":0}}", "move 640,0"},
	{"gemini", "{\"name\":\"type_text_at\",\"args\":{\"x\":0,\"y\":0,\"text\":\"hi\"}}",
		"click 0,0; key Control_L+a; key BackSpace; text 'hi'"},
	{"gemini", "{\"name\":\"type_text_at\",\"args\":{\"x\":0,\"y\":0,\"text\":\"hi\",\"press_enter\":true,\"clear_before_typing\":true}}",
		"click 0,0; key Control_L+a; key BackSpace; text 'hi'; key Return"},
	{"gemini", "{\"name\":\"type_text_at\",\"args\":{\"x\":0,\"y\":0,\"text\":\"hi\",\"press_enter\":true,\"clear_before_typing\":false}}",
		"click 0,0; text 'hi'; key Return"},
	{"gemini", "{\"name\":\"type_text_at\",\"args\":{\"x\":0,\"y\":0,\"text\":\"\"}}", "click 0,0; key Control_L+a; key BackSpace"},
	{"gemini", "{\"name\":\"scroll_document\",\"args\":{\"direction\":\"down\"}}", "scroll 640,400 by 0,640px"},
	{"gemini", "{\"name\":\"scroll_at\",\"args\":{\"x\":0,\"y\":0,\"direction\":\"up\",\"magnitude\":800}}", "scroll 0,0 by 0,-640px"},
	{"gemini", "{\"name\":\"wait_5_seconds\",\"args\":{}}", "wait 5000ms"},
	{"gemini", "{\"name\":\"key_combination\",\"args\":{\"keys\":\"control+c\"}}", "key Control_L+c"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":0,\"y\":0,\"safety_decision\":{\"decision\":\"regular\"}}}", "click 0,0"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":0,\"y\":0,\"safety_decision\":{\"decision\":\"require_confirmation\",\"explanation\":\"buys\"},\"safety_acknowledgement\":\"true\"}}", "click 0,0"},
};

static const struct {
	const char *vocabulary, *json, *error;
} refused[] = {
	{"parclose", "7", ": an action is an object with 'action'"},
	{"parclose", "[]", ": an action is an object with 'action'"},
	{"parclose", "{}", ": 'action' must name the action; use move, click, press, release, drag, scroll, key, hold, "
		"key_down, key_up, type, touch, wait, wait_stable, screenshot, cursor_position"},
	{"parclose", "{\"action\":5}", "/action: 'action' must name the action; use move, click, press, release, drag, "
		"scroll, key, hold, key_down, key_up, type, touch, wait, wait_stable, screenshot, cursor_position"},
	{"parclose", "{\"action\":\"left_click\"}", "/action: there is no action 'left_click'; use move, click, press, "
		"release, drag, scroll, key, hold, key_down, key_up, type, touch, wait, wait_stable, screenshot, cursor_position"},
	{"parclose", "{\"action\":\"Click\"}", "/action: there is no action 'Click'; use move, click, press, "
		"release, drag, scroll, key, hold, key_down, key_up, type, touch, wait, wait_stable, screenshot, cursor_position"},
	{"parclose", "{\"action\":\"click\",\"x\":1}", ": click: a point is x and y, and y is missing"},
	{"parclose", "{\"action\":\"click\",\"y\":0}", ": click: a point is x and y, and x is missing"},
	{"parclose", "{\"action\":\"click\",\"x\":null,\"y\":0}", ": click: a point is x and y, and x is missing"},
	{"parclose", "{\"action\":\"move\"}", ": move needs the field 'x'; it takes x (required), y (required)"},
	{"parclose", "{\"action\":\"move\",\"x\":\"1\",\"y\":2}", "/x: not a number"},
	{"parclose", "{\"action\":\"move\",\"x\":1.5,\"y\":2}", "/x: 1.5 is not a whole number"},
	{"parclose", "{\"action\":\"move\",\"x\":1,\"y\":1e9}", "/y: 1e+09 is out of range; use -100000 to 100000"},
	{"parclose", "{\"action\":\"click\",\"X\":1}", "/X: click has no field 'X'; it takes x, y, button, count, keys"},
	{"parclose", "{\"action\":\"click\",\"a/b~\":1}", "/a~1b~0: click has no field 'a/b~'; it takes x, y, button, count, keys"},
	{"parclose", "{\"action\":\"cursor_position\",\"x\":1}", "/x: cursor_position has no field 'x'; it takes none"},
	{"parclose", "{\"action\":\"click\",\"button\":\"primary\"}", "/button: not a button; use left, right, middle, back or forward"},
	{"parclose", "{\"action\":\"click\",\"button\":1}", "/button: not a button; use left, right, middle, back or forward"},
	{"parclose", "{\"action\":\"click\",\"count\":0}", "/count: 0 is out of range; use 1 to 10"},
	{"parclose", "{\"action\":\"click\",\"count\":11}", "/count: 11 is out of range; use 1 to 10"},
	{"parclose", "{\"action\":\"click\",\"keys\":[1]}", "/keys: an array of keys holds their names"},
	{"parclose", "{\"action\":\"click\",\"keys\":\"a b\"}", "/keys: more than 1 chords in a row"},
	{"parclose", "{\"action\":\"key\",\"keys\":[]}", "/keys: not keys; use a chord such as \"ctrl+s\" or an array of names"},
	{"parclose", "{\"action\":\"key\",\"keys\":\"\"}", "/keys: a key's name is missing"},
	{"parclose", "{\"action\":\"key\",\"keys\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]}", "/keys: more than 8 keys at a time"},
	{"parclose", "{\"action\":\"hold\",\"keys\":\"a\"}", ": hold needs the field 'ms'; it takes keys (required), ms (required)"},
	{"parclose", "{\"action\":\"hold\",\"keys\":[],\"ms\":1}", "/keys: not keys; use a chord such as \"ctrl+s\" or an array of names"},
	{"parclose", "{\"action\":\"drag\",\"path\":[[1,2]]}", "/path: not a path; use an array of 2 to 1024 points"},
	{"parclose", "{\"action\":\"drag\",\"path\":[[1,2],[3]]}", "/path: not a point; use [x, y] in pixels"},
	{"parclose", "{\"action\":\"drag\",\"path\":[[1,2],{\"x\":1}]}", "/path: not a point; use {\"x\", \"y\"} in pixels"},
	{"parclose", "{\"action\":\"drag\",\"path\":[[1,2],[3,\"4\"]]}", "/path: not a number"},
	{"parclose", "{\"action\":\"touch\",\"path\":[]}", "/path: not a path; use an array of 1 to 1024 points"},
	{"parclose", "{\"action\":\"scroll\",\"x\":1,\"y\":1}", ": scroll: dx or dy must say how far"},
	{"parclose", "{\"action\":\"scroll\",\"dy\":1001}", ": scroll: at most 1000 notches at a time"},
	{"parclose", "{\"action\":\"scroll\",\"dy\":1,\"unit\":\"lines\"}", "/unit: not a unit; use notches or pixels"},
	{"parclose", "{\"action\":\"type\",\"text\":\"\"}", ": the text is empty"},
	{"parclose", "{\"action\":\"type\",\"text\":5}", "/text: not text"},
	{"parclose", "{\"action\":\"type\",\"text\":\"a\",\"sensitive\":1}", "/sensitive: not true or false"},
	{"parclose", "{\"action\":\"wait\",\"ms\":100001}", "/ms: 100001 is out of range; use 0 to 100000"},
	{"parclose", "{\"action\":\"wait\",\"ms\":-1}", "/ms: -1 is out of range; use 0 to 100000"},
	{"parclose", "{\"action\":\"wait_stable\",\"region\":[1,2,3,4]}", "/region: not a region; use {\"x\", \"y\", \"width\", \"height\"} in pixels"},
	{"parclose", "{\"action\":\"wait_stable\",\"region\":{\"x\":0,\"y\":0,\"width\":0,\"height\":1}}",
		"/region: not a region: x and y are whole pixels from 0, width and height from 1"},
	{"parclose", "{\"action\":\"screenshot\",\"scale\":2}", "/scale: 2 is out of range; use 0.05 to 1"},
	{"parclose", "{\"action\":\"screenshot\",\"format\":\"raw\"}", "/format: not a format; use png or jpeg"},
	{"parclose", "{\"action\":\"screenshot\",\"quality\":0}", "/quality: 0 is out of range; use 1 to 100"},

	{"anthropic", "{\"action\":\"mouse_move\"}", ": mouse_move needs the field 'coordinate'; it takes coordinate (required)"},
	{"anthropic", "{\"action\":\"mouse_move\",\"coordinate\":[1,2],\"text\":\"a\"}", "/text: mouse_move has no field 'text'; it takes coordinate (required)"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":[1,2,3]}", "/coordinate: not a point; use [x, y] in pixels"},
	{"anthropic", "{\"action\":\"left_click\",\"coordinate\":\"1,2\"}", "/coordinate: not a point; use [x, y] in pixels"},
	{"anthropic", "{\"action\":\"left_click_drag\",\"start_coordinate\":[1,2]}",
		": left_click_drag needs the field 'coordinate'; it takes start_coordinate, coordinate (required), text, key"},
	{"anthropic", "{\"action\":\"scroll\",\"scroll_direction\":\"sideways\"}", "/scroll_direction: not a direction; use up, down, left or right"},
	{"anthropic", "{\"action\":\"scroll\",\"scroll_direction\":\"up\",\"scroll_amount\":-1}", "/scroll_amount: -1 is out of range; use 0 to 1000"},
	{"anthropic", "{\"action\":\"hold_key\",\"text\":\"a\",\"duration\":101}", "/duration: 101 is out of range; use 0 to 100"},
	{"anthropic", "{\"action\":\"wait\"}", ": wait needs the field 'duration'; it takes duration (required)"},
	{"anthropic", "{\"action\":\"zoom\",\"region\":[4,4,4,9]}", "/region: the second corner [4, 9] is not right of and below the first [4, 4]"},
	{"anthropic", "{\"action\":\"zoom\",\"region\":[1,2,3]}", "/region: not a region; use [x0, y0, x1, y1] in pixels"},
	{"anthropic", "{\"action\":\"zoom\",\"region\":[1,2,3,4,5]}", "/region: not a region; use [x0, y0, x1, y1] in pixels"},
	{"anthropic", "{\"action\":\"key\",\"text\":\"ctrl+\"}", "/text: a key's name is missing"},

	{"openai", "{\"type\":\"click\",\"x\":1,\"button\":\"left\"}", ": click needs the field 'y'; it takes x (required), y (required), button, keys"},
	{"openai", "{\"type\":\"scroll\",\"x\":1,\"y\":2,\"scroll_y\":100001}", "/scroll_y: 100001 is out of range; use -100000 to 100000"},
	{"openai", "{\"type\":\"drag\",\"path\":[]}", "/path: not a path; use an array of 2 to 1024 points"},
	{"openai", "{\"action\":\"click\"}", ": 'type' must name the action; use click, double_click, drag, keypress, move, screenshot, scroll, type, wait"},
	{"openai", "{\"type\":\"keypress\",\"keys\":[\"CTRL\",\"control-c!\"]}",
		"/keys: 'control-c!' is no key; use an X keysym name such as Return, one character, or a chord such as ctrl+s"},

	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":1001,\"y\":0}}", "/args/x: 1001 is out of range; use 0 to 1000"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":-1,\"y\":0}}", "/args/x: -1 is out of range; use 0 to 1000"},
	{"gemini", "{\"name\":\"click\",\"args\":[]}", ": an action is {\"name\": its name, \"args\": {its fields}}"},
	{"gemini", "{\"name\":\"click\",\"x\":1,\"y\":1}", ": an action is {\"name\": its name, \"args\": {its fields}}"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":1,\"y\":1,\"speed\":3}}", "/args/speed: click has no field 'speed'; it takes x (required), y (required)"},
	{"gemini", "{\"name\":\"type\",\"args\":{\"text\":\"\"}}", "/args: the text is empty"},
	{"gemini", "{\"name\":\"navigate\",\"args\":{\"url\":\"http://localhost\"}}",
		"unsupported /name: navigate is not done here: this is a whole desktop; in a browser's window use hotkey "
		"{\"keys\": \"control+l\"}, then type the address with press_enter"},
	{"gemini", "{\"name\":\"open_web_browser\",\"args\":{}}",
		"unsupported /name: open_web_browser is not done here: this is a whole desktop; start a browser with the tool `launch`"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":0,\"y\":0,\"safety_decision\":{\"decision\":\"require_confirmation\"}}}",
		"unsupported /args: its safety_decision is require_confirmation: ask the user, and if they agree send it again "
		"with \"safety_acknowledgement\": true"},
	{"gemini", "{\"name\":\"click\",\"args\":{\"x\":0,\"y\":0,\"safety_acknowledgement\":\"no\"}}", "/args/safety_acknowledgement: not true"},
};
// clang-format on

static void test_accepted(void **state) {
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		char *text = read_action(accepted[i].vocabulary, accepted[i].json);
		if (strcmp(text, accepted[i].actions) != 0) {
			fail_msg("%s %s:\n  is  %s\n  not %s", accepted[i].vocabulary,
				accepted[i].json, text, accepted[i].actions);
		}
		free(text);
	}
}

static void test_refused(void **state) {
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char *text = read_action(refused[i].vocabulary, refused[i].json);
		if (strcmp(text, refused[i].error) != 0) {
			fail_msg("%s %s:\n  is  %s\n  not %s", refused[i].vocabulary,
				refused[i].json, text, refused[i].error);
		}
		free(text);
	}
}

// Every action of every vocabulary stands in the tables above.
static void test_tables(void **state) {
	static const char *const names[] = {"parclose", "anthropic", "openai", "gemini"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct vocabulary *vocabulary = vocabulary_find(names[i]);
		assert_string_equal(vocabulary_name(vocabulary), names[i]);
		const char *action;
		for (size_t j = 0; (action = vocabulary_action(vocabulary, j)) != NULL; j++) {
			char quoted[64];
			snprintf(quoted, sizeof(quoted), "\"%s\"", action);
			bool found = strcmp(action, "search") == 0; // as open_web_browser
			for (size_t k = 0; k < sizeof(accepted) / sizeof(accepted[0]); k++) {
				found = found || (strcmp(accepted[k].vocabulary, names[i]) == 0 &&
							 strstr(accepted[k].json, quoted) != NULL);
			}
			for (size_t k = 0; k < sizeof(refused) / sizeof(refused[0]); k++) {
				found = found ||
					(strcmp(refused[k].vocabulary, names[i]) == 0 &&
						strstr(refused[k].json, quoted) != NULL &&
						strncmp(refused[k].error, "unsupported", 11) == 0);
			}
			if (!found) {
				fail_msg("no row tries %s of %s", action, names[i]);
			}
		}
	}
	assert_null(vocabulary_find("claude"));
}

// What is as large as allowed, and one more.
static void test_limits(void **state) {
	size_t size = CHANNEL_MAX_TEXT + 64;
	char *json = malloc(size);
	assert_non_null(json);
	for (size_t over = 0; over < 2; over++) {
		int head = snprintf(json, size, "{\"action\":\"type\",\"text\":\"");
		memset(json + head, 'x', CHANNEL_MAX_TEXT + over);
		snprintf(json + head + CHANNEL_MAX_TEXT + over, 8, "\"}");
		char *text = read_action("parclose", json);
		if (over == 0) {
			assert_int_equal(strlen(text), CHANNEL_MAX_TEXT + strlen("text ''"));
		} else {
			assert_string_equal(text,
				"/text: 262145 bytes are too many for one action; use at most "
				"262144 at a time");
		}
		free(text);
	}
	free(json);
	for (size_t points = ACT_MAX_PATH; points <= ACT_MAX_PATH + 1; points++) {
		cJSON *action = cJSON_CreateObject();
		cJSON_AddStringToObject(action, "action", "drag");
		cJSON *path = cJSON_AddArrayToObject(action, "path");
		for (size_t i = 0; i < points; i++) {
			cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){(int)i, 0}, 2));
		}
		static struct vocabulary_actions actions;
		struct vocabulary_error err;
		bool ok = vocabulary_read(vocabulary_find("parclose"), action, "/actions/7", WIDTH,
			HEIGHT, &actions, &err);
		assert_int_equal(ok, points == ACT_MAX_PATH);
		if (ok) {
			assert_int_equal(actions.items[0].path_len, points);
		} else {
			assert_string_equal(err.pointer, "/actions/7/path");
		}
		vocabulary_actions_finish(&actions);
		cJSON_Delete(action);
	}
}

// A field's name of any length fits the pointer, cut.
static void test_long_field(void **state) {
	char json[600] = "{\"action\":\"click\",\"";
	memset(json + strlen(json), 'k', 500);
	snprintf(json + strlen(json), sizeof(json) - strlen(json), "\":1}");
	char *text = read_action("parclose", json);
	assert_int_equal(strspn(text + 1, "k"), 158);
	assert_non_null(
		strstr(text, "click has no field 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk'; "));
	free(text);
}

// clang-format off
static const struct {
	const char *text;
	enum key_case key_case;
	const char *chords; // "" when refused
} chords[] = {
	{"ctrl+s", KEYS_AS_WRITTEN, "Control_L+s"},
	{"CTRL+SHIFT+T", KEYS_AS_WRITTEN, "Control_L+Shift_L+T"},
	{"CTRL+SHIFT+T", KEYS_FOLD_CHORDS, "Control_L+Shift_L+t"},
	{"T", KEYS_FOLD_CHORDS, "T"},
	{"T", KEYS_FOLD, "t"},
	{"ctrl++", KEYS_AS_WRITTEN, "Control_L++"},
	{"ctrl+plus", KEYS_AS_WRITTEN, "Control_L+plus"},
	{"+", KEYS_AS_WRITTEN, "+"},
	{"-", KEYS_AS_WRITTEN, "-"},
	{"_", KEYS_AS_WRITTEN, "_"},
	{"ctrl+-", KEYS_AS_WRITTEN, "Control_L+-"},
	{"ctrl + s", KEYS_AS_WRITTEN, "Control_L+s"},
	{" ", KEYS_AS_WRITTEN, "space"},
	{"space", KEYS_AS_WRITTEN, "space"},
	{"ctrl+space", KEYS_AS_WRITTEN, "Control_L+space"},
	{"Down Down ctrl+Return", KEYS_AS_WRITTEN, "Down Down Control_L+Return"},
	{"  a  b  ", KEYS_AS_WRITTEN, "a b"},
	{"enter", KEYS_AS_WRITTEN, "Return"},
	{"Return", KEYS_AS_WRITTEN, "Return"},
	{"esc", KEYS_AS_WRITTEN, "Escape"},
	{"ESC", KEYS_FOLD, "Escape"},
	{"ArrowLeft", KEYS_AS_WRITTEN, "Left"},
	{"left", KEYS_AS_WRITTEN, "Left"},
	{"Page_Up", KEYS_AS_WRITTEN, "Page_Up"},
	{"page-up", KEYS_AS_WRITTEN, "Page_Up"},
	{"PGUP", KEYS_AS_WRITTEN, "Page_Up"},
	{"Prior", KEYS_AS_WRITTEN, "Page_Up"},
	{"Next", KEYS_AS_WRITTEN, "Page_Down"},
	{"BackSpace", KEYS_AS_WRITTEN, "BackSpace"},
	{"backspace", KEYS_AS_WRITTEN, "BackSpace"},
	{"del", KEYS_AS_WRITTEN, "Delete"},
	{"cmd+c", KEYS_AS_WRITTEN, "Super_L+c"},
	{"super", KEYS_AS_WRITTEN, "Super_L"},
	{"win+r", KEYS_AS_WRITTEN, "Super_L+r"},
	{"Meta", KEYS_AS_WRITTEN, "Super_L"},
	{"Meta_L", KEYS_AS_WRITTEN, "Meta_L"},
	{"option+alt", KEYS_AS_WRITTEN, "Alt_L+Alt_L"},
	{"ControlRight", KEYS_AS_WRITTEN, "Control_R"},
	{"f1", KEYS_AS_WRITTEN, "F1"},
	{"F12", KEYS_AS_WRITTEN, "F12"},
	{"f35", KEYS_AS_WRITTEN, "F35"},
	{"f36", KEYS_AS_WRITTEN, "f36"},
	{"f", KEYS_AS_WRITTEN, "f"},
	{"KP_0", KEYS_AS_WRITTEN, "KP_0"},
	{"numpad9", KEYS_AS_WRITTEN, "KP_9"},
	{"KP_Enter", KEYS_AS_WRITTEN, "KP_Enter"},
	{"XF86AudioRaiseVolume", KEYS_AS_WRITTEN, "XF86AudioRaiseVolume"},
	{"dead_acute", KEYS_AS_WRITTEN, "dead_acute"},
	{"Nonsense", KEYS_AS_WRITTEN, "Nonsense"}, // the compositor says that there is no such key
	{"\xc3\xa9", KEYS_AS_WRITTEN, "\xc3\xa9"},
	{"ctrl+\xf0\x9f\x98\x80", KEYS_AS_WRITTEN, "Control_L+\xf0\x9f\x98\x80"},
	{"\n", KEYS_AS_WRITTEN, "Return"},
	{"\t", KEYS_AS_WRITTEN, "Tab"},
	{"", KEYS_AS_WRITTEN, ""},
	{"ctrl+", KEYS_AS_WRITTEN, ""},
	{"+a", KEYS_AS_WRITTEN, ""},
	{"\x1b", KEYS_AS_WRITTEN, ""},
	{"\xc2\x85", KEYS_AS_WRITTEN, ""},
	{"\xc3\xa9\xc3\xa9", KEYS_AS_WRITTEN, ""},
	{"a\x1b[2J", KEYS_AS_WRITTEN, ""},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", KEYS_AS_WRITTEN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", KEYS_AS_WRITTEN, ""},
	{"1+2+3+4+5+6+7+8", KEYS_AS_WRITTEN, "1+2+3+4+5+6+7+8"},
	{"1+2+3+4+5+6+7+8+9", KEYS_AS_WRITTEN, ""},
	{"1 2 3 4", KEYS_AS_WRITTEN, "1 2 3 4"},
	{"1 2 3 4 5", KEYS_AS_WRITTEN, ""}, // more than the four the test has room for
};
// clang-format on

static void test_keys(void **state) {
	for (size_t i = 0; i < sizeof(chords) / sizeof(chords[0]); i++) {
		struct key_chord got[4];
		char why[200] = "", text[1200] = "";
		size_t len =
			keys_chords(chords[i].text, chords[i].key_case, got, 4, why, sizeof(why));
		for (size_t j = 0; j < len; j++) {
			for (size_t k = 0; k < got[j].len; k++) {
				size_t used = strlen(text);
				snprintf(text + used, sizeof(text) - used, "%s%s",
					k > 0   ? "+"
					: j > 0 ? " "
						: "",
					got[j].names[k]);
			}
		}
		if (strcmp(text, chords[i].chords) != 0 || (len == 0) != (why[0] != '\0')) {
			fail_msg("'%s' is '%s' (%s), not '%s'", chords[i].text, text, why,
				chords[i].chords);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_field),
		cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
