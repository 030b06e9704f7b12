// Actions: what they become on the way to the compositor, and what comes of them. The display is
// one of the test's own, which writes down what it is sent and answers as it is told.

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "session/act-steps.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/view.h"

// ---- a display that does as it is told

struct display {
	uint32_t token;
	bool due_done, due_settled;
	struct channel_message messages[CHANNEL_MAX_STEPS + 1];
	size_t len;
	uint32_t characters, most_ms;
	int acts, cancels, releases;
	int refuse; // -errno of the next display_act()
};

static struct display display;

uint32_t display_next_token(struct display *d) {
	return d->token + 1;
}

bool display_acting(const struct display *d) {
	return d->due_done || d->due_settled;
}

int display_act(struct display *d, const struct channel_message *messages, size_t len,
	uint32_t characters, uint32_t most_ms) {
	if (d->refuse != 0) {
		return d->refuse;
	}
	assert_false(display_acting(d));
	assert_true(len > 0 && len <= CHANNEL_MAX_STEPS + 1);
	d->token++;
	d->acts++;
	d->len = len;
	d->characters = characters;
	d->most_ms = most_ms;
	memcpy(d->messages, messages, len * sizeof(*messages));
	for (size_t i = 0; i < len; i++) {
		bool settle = messages[i].type == CHANNEL_SETTLE;
		assert_true(settle || messages[i].type == CHANNEL_INPUT);
		assert_int_equal(
			settle ? messages[i].settle.token : messages[i].input.token, d->token);
		d->due_settled |= settle;
		d->due_done |= !settle;
	}
	return 0;
}

void display_act_cancel(struct display *d) {
	d->cancels += display_acting(d);
}

void display_release_input(struct display *d) {
	display_act_cancel(d);
	d->releases++;
}

void display_pointer(const struct display *d, int32_t *x, int32_t *y) {
	*x = 7;
	*y = 9;
}

struct display_state display_state(const struct display *d) {
	return (struct display_state){.width = 800, .height = 600, .serial = 42};
}

static char *last_event; // of the audit log
static int events;

static uint64_t now_ns;

uint64_t session_now_ns(void) {
	return now_ns;
}

void session_record(struct session *session, const char *event, cJSON *fields) {
	free(last_event);
	last_event = cJSON_PrintUnformatted(fields);
	cJSON_Delete(fields);
	events++;
}

static int views_told;

void view_state(struct view *view) {
	views_told++;
}

// ---- steps in words

static void put(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(char *out, const char *format, ...) {
	size_t len = strlen(out);
	va_list args;
	va_start(args, format);
	vsnprintf(out + len, 4096 - len, format, args);
	va_end(args);
}

static void put_message(char *out, const struct channel_message *m) {
	put(out, "%s", out[0] != '\0' ? " " : "");
	if (m->type == CHANNEL_SETTLE) {
		put(out, "settle:%u:%u-%u:%u:%d", m->settle.flags, m->settle.quiet_ms,
			m->settle.unchanged_ms, m->settle.timeout_ms, m->settle.region.width);
		return;
	}
	double x = m->input.x / 256.0, y = m->input.y / 256.0;
	switch ((enum channel_input_kind)m->input.kind) {
	case CHANNEL_INPUT_MOVE:
		put(out, "%g,%g", x, y);
		break;
	case CHANNEL_INPUT_BUTTON:
		put(out, "%c%x", m->input.value != 0 ? '+' : '-', m->input.code);
		break;
	case CHANNEL_INPUT_SCROLL:
		put(out, "%s:%g,%g", m->input.value == CHANNEL_SCROLL_PIXELS ? "pixels" : "notches",
			x, y);
		break;
	case CHANNEL_INPUT_KEY:
		put(out, "%c%s", m->input.value != 0 ? '+' : '-', m->input.text);
		break;
	case CHANNEL_INPUT_TEXT:
		put(out, "'%.*s'", (int)m->input.code, m->input.text);
		break;
	case CHANNEL_INPUT_TOUCH:
		put(out, "touch%u:%u:%g,%g", m->input.code, m->input.value, x, y);
		break;
	case CHANNEL_INPUT_DELAY:
		put(out, "%ums", m->input.value);
		break;
	case CHANNEL_INPUT_FRAME:
		put(out, "frame");
		break;
	default:
		fail();
	}
	put(out, "%s", (m->input.flags & CHANNEL_INPUT_LAST) != 0 ? "!" : "");
}

// The action's steps in words, or why it cannot be done.
static const char *words(const struct action *action, const struct settle_options *settle) {
	static char out[4096];
	static const struct settle_options none;
	static const struct act_held held = {.keys = {"Alt_L"}, .len = 1};
	settle = settle != NULL ? settle : &none;
	out[0] = '\0';
	if (!act_check(action, settle, 800, 600, out)) {
		return out;
	}
	out[0] = '\0';
	struct act_steps steps;
	assert_true(act_steps_make(&steps, 5, action, settle, &held));
	uint32_t count = 0;
	for (size_t i = 0; i < steps.len; i++) {
		count += steps.messages[i].type == CHANNEL_INPUT;
		put_message(out, &steps.messages[i]);
	}
	assert_int_equal(count, steps.steps);
	act_steps_finish(&steps);
	return out;
}

static struct act_point diagonal[] = {{10, 10}, {310, 410}};
static struct act_point nearby[] = {{10, 10}, {16, 10}};
static struct act_point corner[] = {{0, 0}, {0, 50}, {90, 50}};

static void test_steps(void **state) {
	static const struct settle_options settle = {.wait = true};
	static const struct settle_options part = {
		.wait = true, .quiet_ms = 50, .timeout_ms = 900, .region = {0, 0, 800, 600}};
	static const struct {
		struct action action;
		const struct settle_options *settle;
		const char *steps;
	} cases[] = {
		{{.kind = ACT_MOVE, .has_point = true, .point = {799, 599}}, NULL, "799,599!"},
		{{.kind = ACT_CLICK, .has_point = true, .point = {3, 4}, .count = 1}, NULL,
			"3,4 +110 -110!"},
		{{.kind = ACT_CLICK, .count = 1, .button = ACT_RIGHT}, &settle,
			"+111 -111! settle:1:120-400:2000:0"},
		{{.kind = ACT_CLICK, .count = 3, .keys = {"Control_L", "Shift_L"}, .keys_len = 2},
			&part,
			"+Control_L +Shift_L +110 -110 10ms +110 -110 10ms +110 -110 -Shift_L "
			"-Control_L! settle:1:50-50:900:800"},
		{{.kind = ACT_PRESS, .keys = {"a"}, .keys_len = 1, .button = ACT_BACK}, NULL,
			"+a +113!"},
		{{.kind = ACT_RELEASE, .has_point = true, .point = {1, 2}, .button = ACT_FORWARD},
			NULL, "1,2 -114 -Alt_L!"},
		{{.kind = ACT_DRAG, .path = diagonal, .path_len = 2, .keys = {"x"}, .keys_len = 1},
			NULL,
			"+x 10,10 +110 frame 12.3984,13.1992 18.3984,21.1992 frame 76.7188,98.9609 "
			"135.039,176.719 193.359,254.48 251.68,332.238 310,410 frame 60ms frame "
			"-110 -x!"},
		{{.kind = ACT_DRAG, .path = nearby, .path_len = 2}, NULL,
			"10,10 +110 frame 12,10 14,10 frame 16,10 frame 60ms frame -110!"},
		{{.kind = ACT_DRAG, .path = corner, .path_len = 3, .button = ACT_MIDDLE}, NULL,
			"0,0 +112 frame 0,4 0,14 frame 0,50 frame 90,50 frame 60ms frame -112!"},
		{{.kind = ACT_SCROLL, .dy = 2.5, .has_point = true, .point = {5, 5}}, NULL,
			"5,5 notches:0,1 notches:0,1 notches:0,0.5!"},
		{{.kind = ACT_SCROLL, .dx = -1, .dy = 11, .keys = {"Control_L"}, .keys_len = 1},
			NULL,
			"+Control_L notches:-1,1 notches:0,1 notches:0,1 notches:0,1 notches:0,1 "
			"notches:0,1 notches:0,1 notches:0,1 notches:0,1 notches:0,1 frame "
			"notches:0,1 -Control_L!"},
		{{.kind = ACT_SCROLL, .dx = 250, .dy = -30, .pixels = true}, NULL,
			"pixels:100,-30 pixels:100,0 pixels:50,0!"},
		{{.kind = ACT_KEY, .keys = {"Control_L", "s"}, .keys_len = 2}, NULL,
			"+Control_L +s -s -Control_L!"},
		{{.kind = ACT_HOLD, .keys = {"w"}, .keys_len = 1, .ms = 300}, NULL, "+w 300ms -w!"},
		{{.kind = ACT_KEY_DOWN, .keys = {"a", "b"}, .keys_len = 2}, NULL, "+a +b!"},
		{{.kind = ACT_KEY_UP, .keys = {"a", "b"}, .keys_len = 2}, NULL, "-b -a!"},
		{{.kind = ACT_TEXT, .text = (char *)"a\r\nb\rc\n\t"}, &settle,
			"'a\nb\nc\n\t'! settle:1:120-400:2000:0"},
		{{.kind = ACT_TOUCH, .path = nearby, .path_len = 1, .ms = 500}, NULL,
			"touch0:1:10,10 500ms touch0:0:10,10!"},
		{{.kind = ACT_TOUCH, .path = nearby, .path_len = 2}, NULL,
			"touch0:1:10,10 frame touch0:2:12,10 touch0:2:14,10 frame touch0:2:16,10 "
			"frame touch0:0:16,10!"},
		{{.kind = ACT_WAIT, .ms = 100000}, NULL, ""},
		{{.kind = ACT_SCREENSHOT}, &settle, "settle:0:120-120:2000:0"},
		{{.kind = ACT_CURSOR_POSITION}, NULL, ""},
		{{.kind = ACT_WAIT_STABLE, .settle = {.quiet_ms = 10000, .timeout_ms = 600000}},
			NULL, "settle:0:10000-10000:600000:0"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(words(&cases[i].action, cases[i].settle), cases[i].steps);
	}
}

static void test_check(void **state) {
	static struct act_point outside[] = {{10, 10}, {800, 10}};
	static const struct settle_options far_off = {.wait = true, .region = {1, 0, 800, 10}};
	static const struct settle_options negative = {.wait = true, .region = {0, 0, 0, -1}};
	static const struct settle_options long_quiet = {.wait = true, .quiet_ms = 10001};
	static const struct {
		struct action action;
		const struct settle_options *settle;
		const char *part; // of the sentence
	} cases[] = {
		{{.kind = ACT_MOVE, .has_point = true, .point = {800, 0}}, NULL,
			"the point 800,0 is not on the display, which is 800 x 600 pixels: x is 0 "
			"to 799, y is 0 to 599"},
		{{.kind = ACT_CLICK, .count = 1, .has_point = true, .point = {0, -1}}, NULL,
			"0,-1"},
		{{.kind = ACT_CLICK, .count = 1, .has_point = true, .point = {INT32_MIN, 0}}, NULL,
			"-2147483648,0"},
		{{.kind = ACT_MOVE}, NULL, "a point to move to"},
		{{.kind = ACT_CLICK}, NULL, "1 to 10 times"},
		{{.kind = ACT_CLICK, .count = 11}, NULL, "1 to 10 times"},
		{{.kind = ACT_CLICK, .count = 1, .button = ACT_BUTTON_COUNT}, NULL, "button"},
		{{.kind = ACT_CLICK, .count = 1, .keys_len = 9}, NULL, "at most 8"},
		{{.kind = ACT_KEY}, NULL, "name of a key"},
		{{.kind = ACT_KEY, .keys = {"a", ""}, .keys_len = 2}, NULL, "key 2"},
		{{.kind = ACT_KEY, .keys = {"\n"}, .keys_len = 1}, NULL, "key 1"},
		{{.kind = ACT_KEY, .keys = {"\xff"}, .keys_len = 1}, NULL, "key 1"},
		{{.kind = ACT_KEY,
			 .keys_len = 1,
			 .keys = {{'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
				 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
				 'x', 'x', 'x', 'x', 'x', 'x'}}},
			NULL, "key 1"},
		{{.kind = ACT_HOLD, .keys = {"a"}, .keys_len = 1, .ms = 100001}, NULL, "100001 ms"},
		{{.kind = ACT_WAIT, .ms = 100001}, NULL, "at most 100000"},
		{{.kind = ACT_DRAG, .path = diagonal, .path_len = 1}, NULL, "use 2 to 1024"},
		{{.kind = ACT_DRAG, .path = diagonal, .path_len = 1025}, NULL, "1025 points"},
		{{.kind = ACT_DRAG, .path = outside, .path_len = 2}, NULL, "800,10"},
		{{.kind = ACT_TOUCH}, NULL, "use 1 to 1024"},
		{{.kind = ACT_SCROLL}, NULL, "distance"},
		{{.kind = ACT_SCROLL, .dy = 0.001}, NULL, "distance"},
		{{.kind = ACT_SCROLL, .dy = -1001}, NULL, "1000 notches"},
		{{.kind = ACT_SCROLL, .dx = 100001, .pixels = true}, NULL, "100000 pixels"},
		{{.kind = ACT_SCROLL, .dx = (double)NAN}, NULL, "1000 notches"},
		{{.kind = ACT_SCROLL, .dx = (double)INFINITY}, NULL, "1000 notches"},
		{{.kind = ACT_TEXT}, NULL, "no text"},
		{{.kind = ACT_TEXT, .text = (char *)""}, NULL, "no text"},
		{{.kind = ACT_TEXT, .text = (char *)"a\xc3\xa4\x07"}, NULL,
			"character 3 of the text is the control character U+0007"},
		{{.kind = ACT_TEXT, .text = (char *)"\x7f"}, NULL, "U+007F"},
		{{.kind = ACT_TEXT, .text = (char *)"\xc2\x9b"}, NULL, "U+009B"},
		{{.kind = ACT_TEXT, .text = (char *)"a\xef\xbf\xbe"}, NULL,
			"character 2 of the text is U+FFFE"},
		{{.kind = ACT_TEXT, .text = (char *)"\xef\xb7\x90"}, NULL, "U+FDD0"},
		{{.kind = ACT_TEXT, .text = (char *)"\xf4\x8f\xbf\xbf"}, NULL, "U+10FFFF"},
		{{.kind = ACT_TEXT, .text = (char *)"ab\xed\xa0\x80"}, NULL,
			"not UTF-8 from its character 3"},
		{{.kind = ACT_TEXT, .text = (char *)"\xf0\x9f\x98"}, NULL, "not UTF-8"},
		{{.kind = ACT_SCREENSHOT}, &far_off, "1,0 800x10"},
		{{.kind = ACT_SCREENSHOT}, &negative, "not inside"},
		{{.kind = ACT_SCREENSHOT}, &long_quiet, "10 s"},
		{{.kind = ACT_WAIT_STABLE, .settle = {.timeout_ms = 600001}}, NULL, "600 s"},
		{{.kind = 0}, NULL, "no such action"},
		{{.kind = ACT_KIND_COUNT}, NULL, "no such action"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[ACT_WHY] = "";
		static const struct settle_options none;
		assert_false(act_check(&cases[i].action,
			cases[i].settle != NULL ? cases[i].settle : &none, 800, 600, why));
		if (strstr(why, cases[i].part) == NULL) {
			fail_msg("case %zu: '%s' does not say '%s'", i, why, cases[i].part);
		}
	}
}

// A long text comes in whole characters, and all of it comes.
static void test_long_text(void **state) {
	static const char *const characters[] = {
		"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	char *text = calloc(1, CHANNEL_MAX_TEXT + 8);
	assert_non_null(text);
	size_t len = 0;
	uint32_t count = 0;
	for (; len + 4 <= CHANNEL_MAX_TEXT; count++) {
		const char *c = characters[count * 7 % 4];
		memcpy(text + len, c, strlen(c));
		len += strlen(c);
	}
	memset(text + len, 'z', CHANNEL_MAX_TEXT - len);
	count += (uint32_t)(CHANNEL_MAX_TEXT - len);
	const struct action action = {.kind = ACT_TEXT, .text = text};
	static const struct settle_options settle;
	static const struct act_held held;
	char why[ACT_WHY];
	assert_true(act_check(&action, &settle, 800, 600, why));
	struct act_steps steps;
	assert_true(act_steps_make(&steps, 1, &action, &settle, &held));
	assert_int_equal(steps.characters, count);
	size_t at = 0;
	for (size_t i = 0; i < steps.len; i++) {
		const struct channel_message *m = &steps.messages[i];
		assert_true(m->input.code > CHANNEL_TEXT_BYTES - 4 || i + 1 == steps.len);
		assert_true(m->input.code <= CHANNEL_TEXT_BYTES);
		assert_true((m->input.text[0] & 0xc0) != 0x80);
		assert_memory_equal(m->input.text, text + at, m->input.code);
		at += m->input.code;
	}
	assert_int_equal(at, CHANNEL_MAX_TEXT);
	act_steps_finish(&steps);
	text[CHANNEL_MAX_TEXT] = 'z';
	assert_false(act_check(&action, &settle, 800, 600, why));
	free(text);
}

// The longest of everything stays within what one action may have.
static void test_largest(void **state) {
	static struct act_point path[ACT_MAX_PATH];
	for (size_t i = 0; i < ACT_MAX_PATH; i++) {
		path[i] = (struct act_point){i % 2 == 0 ? 0 : 799, (int32_t)(i % 600)};
	}
	const struct action actions[] = {
		{.kind = ACT_DRAG, .path = path, .path_len = ACT_MAX_PATH},
		{.kind = ACT_TOUCH, .path = path, .path_len = ACT_MAX_PATH, .ms = ACT_MAX_MS},
		{.kind = ACT_SCROLL, .dx = 1000, .dy = -1000},
		{.kind = ACT_SCROLL, .dx = -100000, .dy = 99999.5, .pixels = true},
	};
	static const struct settle_options settle = {.wait = true, .timeout_ms = 600000};
	static const struct act_held held;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct act_steps steps;
		char why[ACT_WHY];
		assert_true(act_check(&actions[i], &settle, 800, 600, why));
		assert_true(act_steps_make(&steps, 1, &actions[i], &settle, &held));
		assert_true(steps.steps <= CHANNEL_MAX_STEPS);
		assert_true(steps.most_ms > 600000 && steps.most_ms < 800000);
		int64_t x = 0, y = 0;
		for (size_t k = 0; k < steps.len; k++) {
			if (steps.messages[k].input.kind == CHANNEL_INPUT_SCROLL) {
				x += steps.messages[k].input.x;
				y += steps.messages[k].input.y;
			}
		}
		if (actions[i].kind == ACT_SCROLL) {
			assert_int_equal(x, (int64_t)(actions[i].dx * 256));
			assert_int_equal(y, (int64_t)(actions[i].dy * 256));
		}
		act_steps_finish(&steps);
	}
}

// ---- one after the other

struct seen {
	int calls;
	struct act_result result;
	struct act_way ways[4];
	int order; // of all calls
};

static int order;
static struct session session;

static void handle_result(void *data, const struct act_result *result) {
	struct seen *seen = data;
	seen->calls++;
	seen->result = *result;
	seen->order = ++order;
	for (size_t i = 0; i < result->ways_len && i < 4; i++) {
		seen->ways[i] = result->ways[i];
	}
}

static int set_up(void **state) {
	display = (struct display){0};
	session = (struct session){.loop = wl_event_loop_create(), .display = &display};
	session.act_queue = act_queue_create(&session);
	order = events = views_told = 0;
	return session.act_queue == NULL;
}

static int tear_down(void **state) {
	act_queue_destroy(session.act_queue);
	wl_event_loop_destroy(session.loop);
	free(last_event);
	last_event = NULL;
	return 0;
}

static void turn(void) {
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wl_event_loop_dispatch(session.loop, 0), 0);
	}
}

static const struct action click = {
	.kind = ACT_CLICK, .count = 1, .has_point = true, .point = {5, 6}};
static const struct settle_options rest = {.wait = true};

static struct act *act_as(enum act_holder who, const struct action *action,
	const struct settle_options *settle, struct seen *seen) {
	*seen = (struct seen){0};
	return session_act(&session, who, "test", action, settle, handle_result, seen);
}

static struct act *act(
	const struct action *action, const struct settle_options *settle, struct seen *seen) {
	struct act *made = act_as(ACT_AGENT, action, settle, seen);
	assert_non_null(made);
	return made;
}

static void say_done(enum channel_input_status status) {
	struct channel_message m = {.type = CHANNEL_INPUT_DONE};
	m.input_done.token = display.token;
	m.input_done.status = status;
	m.input_done.window = 3;
	m.input_done.x = 5;
	m.input_done.y = 6;
	display.due_done = false;
	act_queue_take_answer(session.act_queue, &m);
}

static void say_settled(enum channel_settle_reason reason, bool changed) {
	struct channel_message m = {.type = CHANNEL_SETTLED};
	m.settled.token = display.token;
	m.settled.reason = reason;
	m.settled.waited_ms = 77;
	m.settled.changed = changed;
	m.settled.box = changed ? (struct channel_box){1, 2, 3, 4} : (struct channel_box){0};
	display.due_settled = false;
	act_queue_take_answer(session.act_queue, &m);
}

static void test_click(void **state) {
	struct seen seen;
	act(&click, NULL, &seen);
	assert_int_equal(display.acts, 0); // never from within
	turn();
	assert_int_equal(display.acts, 1);
	assert_int_equal(seen.calls, 0);
	say_done(CHANNEL_INPUT_OK);
	assert_int_equal(seen.calls, 0);
	turn();
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.result.effect, ACT_DELIVERED);
	assert_int_equal(seen.result.window, 3);
	assert_int_equal(seen.result.frame, 42);
	assert_int_equal(seen.result.cursor.x, 7);
	assert_false(seen.result.waited);
	assert_non_null(
		strstr(last_event, "\"action\":\"click\",\"as\":\"agent\",\"from\":\"test\""));
	turn();
	assert_int_equal(seen.calls, 1);
}

static void test_settles(void **state) {
	struct seen seen;
	act(&click, &rest, &seen);
	turn();
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_int_equal(seen.calls, 0);
	say_settled(CHANNEL_SETTLE_REPEATING, true);
	turn();
	assert_int_equal(seen.result.effect, ACT_CHANGED);
	assert_true(seen.result.waited && seen.result.settled && seen.result.has_box);
	assert_int_equal(seen.result.settled_ms, 77);
	assert_int_equal(seen.result.box.height, 4);

	act(&click, &rest, &seen);
	turn();
	say_done(CHANNEL_INPUT_OK);
	say_settled(CHANNEL_SETTLE_TIMEOUT, false);
	turn();
	assert_int_equal(seen.result.effect, ACT_NOTHING_CHANGED);
	assert_true(seen.result.waited && !seen.result.settled && !seen.result.has_box);

	const struct action stable = {.kind = ACT_WAIT_STABLE};
	act(&stable, NULL, &seen);
	turn();
	assert_int_equal(display.len, 1);
	say_settled(CHANNEL_SETTLE_QUIET, false);
	turn();
	assert_int_equal(seen.result.effect, ACT_NOTHING_CHANGED);
	assert_int_equal(events, 2); // to look is not logged
}

static void test_order(void **state) {
	struct seen seen[4];
	const struct action bad = {.kind = ACT_MOVE, .has_point = true, .point = {800, 0}};
	const struct action look = {.kind = ACT_CURSOR_POSITION};
	act(&click, NULL, &seen[0]);
	act(&bad, NULL, &seen[1]);
	act(&look, NULL, &seen[2]);
	act(&click, NULL, &seen[3]);
	turn();
	assert_int_equal(display.acts, 1);
	assert_int_equal(seen[1].calls + seen[2].calls, 0);
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_int_equal(display.acts, 2);
	say_done(CHANNEL_INPUT_OK);
	turn();
	for (int i = 0; i < 4; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_int_equal(seen[i].order, i + 1);
	}
	assert_int_equal(seen[1].result.effect, ACT_FAILED);
	assert_non_null(strstr(seen[1].result.message, "800 x 600"));
	assert_int_equal(seen[2].result.effect, ACT_DELIVERED);
	assert_int_equal(seen[2].result.cursor.y, 9);
}

static void test_bound(void **state) {
	static struct seen seen[ACT_MAX_QUEUE + 1];
	for (int i = 0; i < ACT_MAX_QUEUE; i++) {
		act(&click, NULL, &seen[i]);
	}
	assert_null(act_as(ACT_AGENT, &click, NULL, &seen[ACT_MAX_QUEUE]));
	for (int i = 0; i < ACT_MAX_QUEUE; i++) {
		turn();
		assert_int_equal(display.acts, i + 1);
		say_done(CHANNEL_INPUT_OK);
	}
	turn();
	for (int i = 0; i < ACT_MAX_QUEUE; i++) {
		assert_int_equal(seen[i].order, i + 1);
	}
	assert_non_null(act_as(ACT_AGENT, &click, NULL, &seen[ACT_MAX_QUEUE]));
}

static void test_failures(void **state) {
	static const struct {
		enum channel_input_status status;
		enum act_effect effect;
		const char *part;
	} cases[] = {
		{CHANNEL_INPUT_NO_TARGET, ACT_FAILED, "no window at 5,6"},
		{CHANNEL_INPUT_UNKNOWN_KEY, ACT_UNSUPPORTED, "no key 'Hyper'"},
		{CHANNEL_INPUT_NO_FOCUS, ACT_FAILED, "keyboard"},
		{CHANNEL_INPUT_TOO_MANY, ACT_FAILED, "too many"},
		{CHANNEL_INPUT_CANCELLED, ACT_REFUSED, "cancelled"},
	};
	struct action action = click;
	memcpy(action.keys[0], "Hyper", 6);
	action.keys_len = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen, next;
		act(&action, &rest, &seen);
		act(&click, NULL, &next);
		turn();
		say_done(cases[i].status);
		turn();
		// The answer does not wait for a settling that makes no sense, the next one does.
		assert_int_equal(seen.calls, 1);
		assert_int_equal(seen.result.effect, cases[i].effect);
		assert_non_null(strstr(seen.result.message, cases[i].part));
		assert_int_equal(display.cancels, i + 1);
		assert_int_equal(display.acts, 2 * i + 1);
		say_settled(CHANNEL_SETTLE_CANCELLED, false);
		turn();
		assert_int_equal(display.acts, 2 * i + 2);
		say_done(CHANNEL_INPUT_OK);
		turn();
		assert_int_equal(next.result.effect, ACT_DELIVERED);
	}
	struct seen seen;
	const struct action move = {.kind = ACT_MOVE, .has_point = true};
	act(&move, NULL, &seen);
	turn();
	say_done(CHANNEL_INPUT_NO_TARGET); // onto nothing is where it was to go
	turn();
	assert_int_equal(seen.result.effect, ACT_DELIVERED);
	display.refuse = -EPIPE;
	act(&move, NULL, &seen);
	turn();
	assert_int_equal(seen.result.effect, ACT_FAILED);
}

// A compositor that lies about a text has it neither told nor logged.
static void test_no_text_is_told(void **state) {
	char text[3 * CHANNEL_TEXT_BYTES + 1] = "";
	memset(text, 'q', sizeof(text) - 1);
	struct action actions[] = {
		{.kind = ACT_TEXT, .text = text, .sensitive = true},
		{.kind = ACT_KEY, .keys = {"qqqq"}, .keys_len = 1, .sensitive = true},
	};
	for (size_t i = 0; i < 2; i++) {
		struct seen seen;
		act(&actions[i], NULL, &seen);
		turn();
		say_done(CHANNEL_INPUT_UNKNOWN_KEY);
		turn();
		assert_int_equal(seen.result.effect, ACT_UNSUPPORTED);
		assert_null(strstr(seen.result.message, "qq"));
		assert_null(strstr(last_event, "qq"));
	}
}

// Who is refused may ask for ever; the log does not grow with it.
static void test_vain_acts_fill_no_log(void **state) {
	struct seen seen;
	session_set_holder(&session, HOLDER_HUMAN);
	int before = events;
	for (int i = 0; i < 3000; i++) {
		act(&click, NULL, &seen);
		turn();
		assert_int_equal(seen.result.effect, ACT_REFUSED);
	}
	assert_int_equal(events - before, 100);
	now_ns += 1000000000;
	for (int i = 0; i < 100; i++) {
		act(&click, NULL, &seen);
		turn();
	}
	assert_int_equal(events - before, 110);
	session_set_holder(&session, HOLDER_AGENT);
	act(&click, NULL, &seen);
	turn();
	say_done(
		CHANNEL_INPUT_OK); // what was done always has its line, and tells how many had none
	turn();
	assert_non_null(strstr(last_event, "\"effect\":\"delivered\",\"unlogged\":90"));
}

static void test_withheld(void **state) {
	struct seen seen;
	const struct action actions[] = {
		{.kind = ACT_WAIT_STABLE},
		{.kind = ACT_WAIT},
		{.kind = ACT_CURSOR_POSITION},
		{.kind = ACT_SCREENSHOT},
	};
	for (int withheld = 1; withheld >= 0; withheld--) {
		session.lease.human = true;
		session.lease.withheld = withheld != 0;
		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
			act(&actions[i], i < 2 ? &rest : NULL, &seen);
			turn();
			if (i < 2) {
				say_settled(CHANNEL_SETTLE_QUIET, true);
				turn();
			}
			assert_int_equal(seen.calls, 1);
			assert_int_equal(seen.result.effect == ACT_REFUSED, withheld && i != 1);
			assert_int_equal(seen.result.has_box, !withheld && i < 2);
			assert_int_equal(seen.result.waited, !withheld && i < 2);
			assert_int_equal(seen.result.cursor.x, withheld ? -1 : 7);
		}
	}
}

static void test_text_result(void **state) {
	struct seen seen;
	struct action text = {.kind = ACT_TEXT, .text = (char *)"0123456789", .sensitive = true};
	act(&text, &rest, &seen);
	turn();
	assert_int_equal(display.characters, 10);
	struct channel_message m = {.type = CHANNEL_TYPED};
	m.typed.runs_len = 3;
	m.typed.runs[0].count = 2;
	m.typed.runs[0].way = CHANNEL_WAY_KEYS;
	m.typed.runs[1].first = 2;
	m.typed.runs[1].count = 3;
	m.typed.runs[1].way = CHANNEL_WAY_KEYS;
	m.typed.runs[2].first = 5;
	m.typed.runs[2].count = 1;
	m.typed.runs[2].way = CHANNEL_WAY_PASTE;
	act_queue_take_answer(session.act_queue, &m);
	m.type = CHANNEL_INPUT_DONE;
	m = (struct channel_message){.type = CHANNEL_INPUT_DONE};
	m.input_done.status = CHANNEL_INPUT_STUCK;
	m.input_done.characters = 6;
	display.due_done = false;
	act_queue_take_answer(session.act_queue, &m);
	turn();
	assert_int_equal(seen.calls, 0); // what it did until then may still be drawn
	say_settled(CHANNEL_SETTLE_UNRESPONSIVE, true);
	turn();
	assert_int_equal(seen.result.effect, ACT_FAILED);
	assert_non_null(strstr(seen.result.message, "6 of 10 characters"));
	assert_true(seen.result.has_box && !seen.result.settled);
	assert_int_equal(seen.result.ways_len, 2);
	assert_int_equal(seen.ways[0].count, 5);
	assert_int_equal(seen.ways[1].first, 5);
	assert_int_equal(seen.ways[1].way, CHANNEL_WAY_PASTE);
	assert_non_null(strstr(last_event, "\"bytes\":10"));
	assert_null(strstr(last_event, "0123"));
	text.sensitive = false;
	act(&text, NULL, &seen);
	turn();
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_non_null(strstr(last_event, "\"text\":\"0123456789\""));
}

static void test_held_keys(void **state) {
	struct seen seen;
	const struct action press = {.kind = ACT_PRESS, .keys = {"Shift_L"}, .keys_len = 1};
	const struct action release = {.kind = ACT_RELEASE};
	for (int i = 0; i < 2; i++) {
		act(&press, NULL, &seen);
		turn();
		say_done(i == 0 ? CHANNEL_INPUT_OK : CHANNEL_INPUT_NO_TARGET);
		turn();
		act(&release, NULL, &seen);
		turn();
		// What a failed press held down, the compositor let go of.
		assert_int_equal(display.len, i == 0 ? 2 : 1);
		say_done(CHANNEL_INPUT_OK);
		turn();
	}
}

static void test_cancel(void **state) {
	struct seen seen[3];
	struct act *first = act(&click, &rest, &seen[0]);
	struct act *second = act(&click, NULL, &seen[1]);
	act(&click, NULL, &seen[2]);
	turn();
	session_act_cancel(second);
	session_act_cancel(first);
	assert_int_equal(display.cancels, 1);
	turn();
	assert_int_equal(display.acts, 1); // until the display has let go of it
	say_done(CHANNEL_INPUT_CANCELLED);
	say_settled(CHANNEL_SETTLE_CANCELLED, false);
	turn();
	assert_int_equal(display.acts, 2);
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_int_equal(seen[0].calls + seen[1].calls, 0);
	assert_int_equal(seen[2].calls, 1);
	struct act *finished = act(&click, NULL, &seen[0]);
	turn();
	say_done(CHANNEL_INPUT_OK);
	session_act_cancel(finished); // done, and not yet told
	turn();
	assert_int_equal(seen[0].calls, 0);
}

static void test_wait(void **state) {
	struct seen seen, next;
	const struct action wait = {.kind = ACT_WAIT, .ms = 30};
	act(&wait, NULL, &seen);
	act(&click, NULL, &next);
	turn();
	assert_int_equal(display.acts, 0);
	for (int i = 0; i < 100 && seen.calls == 0; i++) {
		wl_event_loop_dispatch(session.loop, 10);
	}
	turn();
	assert_int_equal(seen.result.effect, ACT_DELIVERED);
	assert_int_equal(display.acts, 1);
	say_done(CHANNEL_INPUT_OK);
	struct act *cancelled = act(&wait, NULL, &seen);
	turn();
	session_act_cancel(cancelled);
	act(&click, NULL, &next);
	turn();
	assert_int_equal(display.acts, 2);
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_int_equal(next.calls, 1);
}

static void test_lease(void **state) {
	struct seen seen[5];
	const struct action look = {.kind = ACT_WAIT_STABLE};
	assert_int_equal(session_holder(&session), HOLDER_AGENT);
	act(&click, &rest, &seen[0]);
	act(&click, NULL, &seen[1]);
	act(&look, NULL, &seen[2]);
	turn();
	session_set_holder(&session, HOLDER_HUMAN);
	session_set_holder(&session, HOLDER_HUMAN); // once
	assert_int_equal(display.releases, 1);
	assert_int_equal(views_told, 1);
	assert_non_null(strstr(last_event, "\"holder\":\"human\""));
	turn();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_int_equal(seen[i].result.effect, ACT_REFUSED);
		assert_non_null(strstr(seen[i].result.message, "the user has taken over"));
	}
	say_done(CHANNEL_INPUT_CANCELLED);
	say_settled(CHANNEL_SETTLE_CANCELLED, false);
	turn();
	say_settled(CHANNEL_SETTLE_QUIET, true); // to look is not refused
	turn();
	assert_int_equal(seen[2].result.effect, ACT_CHANGED);

	act(&click, NULL, &seen[0]);
	assert_int_equal(seen[0].calls, 0);
	turn();
	assert_int_equal(seen[0].result.effect, ACT_REFUSED);
	assert_non_null(act_as(ACT_HUMAN, &click, NULL, &seen[1]));
	turn();
	say_done(CHANNEL_INPUT_OK);
	turn();
	assert_int_equal(seen[1].result.effect, ACT_DELIVERED);
	session_set_holder(&session, HOLDER_PAUSED);
	act(&click, NULL, &seen[0]);
	turn();
	assert_non_null(strstr(seen[0].result.message, "paused"));
	session_set_holder(&session, HOLDER_AGENT);
	assert_int_equal(display.releases, 3);
	assert_non_null(act_as(ACT_HUMAN, &click, NULL, &seen[1]));
	turn();
	assert_non_null(strstr(seen[1].result.message, "take it over first"));
}

static void test_end(void **state) {
	struct seen seen[3];
	act(&click, &rest, &seen[2]);
	act(&click, &rest, &seen[0]);
	act(&click, NULL, &seen[1]);
	turn();
	say_done(CHANNEL_INPUT_OK);
	say_settled(CHANNEL_SETTLE_QUIET, false);
	turn();
	act_queue_end(session.act_queue, "the compositor was killed", true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen[i].calls, 1); // at once
		assert_int_equal(seen[i].result.effect, ACT_FAILED);
		assert_non_null(strstr(seen[i].result.message, "was killed"));
	}
	assert_null(act_as(ACT_AGENT, &click, NULL, &seen[2]));
	turn();
	assert_int_equal(seen[0].calls, 1);
}

// A click on the last window's "close": it was done, whatever it led to.
static void test_end_while_settling(void **state) {
	struct seen seen;
	act(&click, &rest, &seen);
	turn();
	say_done(CHANNEL_INPUT_OK);
	turn();
	act_queue_end(session.act_queue, "the command exited", false);
	assert_int_equal(seen.result.effect, ACT_DELIVERED);
	assert_non_null(strstr(seen.result.message, "the command exited"));
}

static void test_without_display(void **state) {
	struct seen seen;
	session.display = NULL;
	act(&click, NULL, &seen);
	turn();
	assert_int_equal(seen.result.effect, ACT_UNSUPPORTED);
	const struct action wait = {.kind = ACT_WAIT};
	act(&wait, NULL, &seen);
	turn();
	assert_int_equal(seen.result.effect, ACT_DELIVERED);
	session_set_holder(&session, HOLDER_HUMAN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_largest),
		cmocka_unit_test_setup_teardown(test_click, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_text_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vain_acts_fill_no_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_withheld, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_text_result, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_while_settling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_display, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
