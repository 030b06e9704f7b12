#include "session/act-steps.h"

#include <limits.h>
#include <linux/input-event-codes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/untrusted.h"

#define CLICK_GAP_MS 10 // between clicks: an application may do something at each
#define FRAME_MS 50 // that CHANNEL_INPUT_FRAME waits at most
#define ANSWER_MS 10000 // that the compositor may take beside everything that is known

/*
 * A drag begins for GTK after 8 pixels (gtk-dnd-drag-threshold) and for Qt after 10
 * (QStyleHints::startDragDistance); applications look at where it was before and after.
 */
#define DRAG_FIRST 4
#define DRAG_THRESHOLD 14
#define DRAG_STRIDE 100 // pixels from one motion to the next
#define DRAG_MOTIONS 2048 // at most, beside the path's own points
#define DRAG_FRAMES 64 // waits on a path of many points
#define DRAG_DWELL_MS 60 // over the target: it has to accept what is dragged

#define SCROLL_PIXELS 100 // of one step
#define SCROLL_BURST 10 // steps from one FRAME to the next

/*
 * Three that would otherwise come from libm, which costs every start of parclose its loading.
 */

static int64_t round_to(double value) {
	return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static double smaller(double a, double b) {
	return a < b ? a : b;
}

static double distance(const struct act_point *a, const struct act_point *b) {
	double dx = b->x - a->x, dy = b->y - a->y;
	double square = dx * dx + dy * dy, root = square / 2 + 1, next = root;
	while (square > 0 && (next = (root + square / root) / 2) < root) { // Newton, from above
		root = next;
	}
	return square > 0 ? root : 0;
}

// ---- checking

static bool fail(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(char *why, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(why, ACT_WHY, format, args);
	va_end(args);
	return false;
}

static bool check_point(const struct act_point *point, uint32_t width, uint32_t height, char *why) {
	if (point->x < 0 || point->y < 0 || (uint32_t)point->x >= width ||
		(uint32_t)point->y >= height) {
		return fail(why,
			"the point %d,%d is not on the display, which is %u x %u pixels: x is 0 to "
			"%u, y is 0 to %u",
			point->x, point->y, width, height, width - 1, height - 1);
	}
	return true;
}

static bool check_keys(const struct action *action, char *why) {
	if (action->keys_len > ACT_MAX_KEYS) {
		return fail(why, "at most %d keys can be pressed together", ACT_MAX_KEYS);
	}
	for (size_t i = 0; i < action->keys_len; i++) {
		const char *key = action->keys[i];
		size_t len = strnlen(key, ACT_KEY_BYTES);
		bool good = len > 0 && len < ACT_KEY_BYTES;
		for (size_t at = 0; good && at < len;) {
			uint32_t c = 0;
			size_t bytes = untrusted_character(key + at, len - at, &c);
			good = bytes > 0 && c >= 0x20 && c != 0x7f;
			at += bytes;
		}
		if (!good) {
			return fail(why, "key %zu is not the name of a key", i + 1);
		}
	}
	return true;
}

// Which character of a text cannot be typed? Control characters have no meaning as text.
static bool check_text(const char *text, char *why) {
	size_t len = text == NULL ? 0 : strlen(text);
	if (len == 0) {
		return fail(why, "there is no text to type");
	}
	if (len > CHANNEL_MAX_TEXT) {
		return fail(why, "the text has %zu bytes; at most %u can be typed at once", len,
			CHANNEL_MAX_TEXT);
	}
	unsigned int character = 1;
	for (size_t at = 0; at < len; character++) {
		uint32_t c = 0;
		size_t bytes = untrusted_character(text + at, len - at, &c);
		if (bytes == 0) {
			return fail(
				why, "the text is not UTF-8 from its character %u on", character);
		}
		if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || (c >= 0x7f && c < 0xa0)) {
			return fail(why,
				"character %u of the text is the control character U+%04X; only "
				"line breaks and tabs can be typed, other keys are pressed by name",
				character, (unsigned int)c);
		}
		// Code points that Unicode keeps for programs' own use: no key makes them.
		if ((c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe) {
			return fail(why,
				"character %u of the text is U+%04X, which is no character; leave "
				"it out",
				character, (unsigned int)c);
		}
		at += bytes;
	}
	return true;
}

static bool check_path(
	const struct action *action, size_t least, uint32_t width, uint32_t height, char *why) {
	if (action->path_len < least || action->path_len > ACT_MAX_PATH) {
		return fail(why, "the path has %zu points; use %zu to %d", action->path_len, least,
			ACT_MAX_PATH);
	}
	for (size_t i = 0; i < action->path_len; i++) {
		if (!check_point(&action->path[i], width, height, why)) {
			return false;
		}
	}
	return true;
}

static bool check_scroll(const struct action *action, char *why) {
	double most = action->pixels ? ACT_MAX_SCROLL_PIXELS : ACT_MAX_SCROLL_NOTCHES;
	if (!(action->dx >= -most && action->dx <= most && action->dy >= -most &&
		    action->dy <= most)) { // nor is it NaN
		return fail(why, "at most %d %s can be scrolled at once", (int)most,
			action->pixels ? "pixels" : "notches");
	}
	if (round_to(action->dx * 256) == 0 && round_to(action->dy * 256) == 0) {
		return fail(why, "a distance to scroll is needed");
	}
	return true;
}

static bool check_settle(
	const struct settle_options *settle, uint32_t width, uint32_t height, char *why) {
	const struct channel_box *box = &settle->region;
	bool everything = box->x == 0 && box->y == 0 && box->width == 0 && box->height == 0;
	if (!everything && (box->x < 0 || box->y < 0 || box->width <= 0 || box->height <= 0 ||
				   (int64_t)box->x + box->width > width ||
				   (int64_t)box->y + box->height > height)) {
		return fail(why,
			"the region %d,%d %dx%d is not inside the display, which is %u x %u pixels",
			box->x, box->y, box->width, box->height, width, height);
	}
	if (settle->quiet_ms > 10000 || settle->timeout_ms > 600000) {
		return fail(
			why, "a picture that rests for at most 10 s is waited for at most 600 s");
	}
	return true;
}

bool act_check(const struct action *action, const struct settle_options *settle, uint32_t width,
	uint32_t height, char why[ACT_WHY]) {
	if ((action->has_point && !check_point(&action->point, width, height, why)) ||
		!check_keys(action, why) ||
		(settle->wait && !check_settle(settle, width, height, why))) {
		return false;
	}
	if ((unsigned int)action->button >= ACT_BUTTON_COUNT) {
		return fail(why, "there is no such button");
	}
	if (action->ms > ACT_MAX_MS) {
		return fail(why, "%u ms are too long; use at most %u", action->ms, ACT_MAX_MS);
	}
	switch (action->kind) {
	case ACT_MOVE:
		return action->has_point || fail(why, "a point to move to is needed");
	case ACT_CLICK:
		return (action->count >= 1 && action->count <= ACT_MAX_CLICKS) ||
		       fail(why, "click 1 to %d times", ACT_MAX_CLICKS);
	case ACT_DRAG:
		return check_path(action, 2, width, height, why);
	case ACT_TOUCH:
		return check_path(action, 1, width, height, why);
	case ACT_SCROLL:
		return check_scroll(action, why);
	case ACT_KEY:
	case ACT_HOLD:
	case ACT_KEY_DOWN:
	case ACT_KEY_UP:
		return action->keys_len > 0 || fail(why, "the name of a key is needed");
	case ACT_TEXT:
		return check_text(action->text, why);
	case ACT_WAIT_STABLE:
		return check_settle(&action->settle, width, height, why);
	case ACT_PRESS:
	case ACT_RELEASE:
	case ACT_WAIT:
	case ACT_SCREENSHOT:
	case ACT_CURSOR_POSITION:
		return true;
	case ACT_KIND_COUNT:
		break;
	}
	return fail(why, "there is no such action");
}

// ---- making

struct maker {
	struct act_steps *steps;
	uint32_t token;
	uint64_t ms; // that the steps can take
	bool failed; // out of memory
};

static struct channel_message *add(struct maker *maker, enum channel_type type) {
	static struct channel_message nowhere;
	struct act_steps *steps = maker->steps;
	if (steps->len == steps->size) {
		size_t size = steps->size == 0 ? 8 : steps->size * 2;
		struct channel_message *messages =
			maker->failed ? NULL : realloc(steps->messages, size * sizeof(*messages));
		if (messages == NULL) {
			maker->failed = true;
			nowhere = (struct channel_message){0};
			return &nowhere;
		}
		steps->messages = messages;
		steps->size = size;
	}
	struct channel_message *message = &steps->messages[steps->len++];
	*message = (struct channel_message){.type = type};
	return message;
}

static struct channel_message *add_step(struct maker *maker, enum channel_input_kind kind) {
	struct channel_message *message = add(maker, CHANNEL_INPUT);
	message->input.token = maker->token;
	message->input.kind = kind;
	maker->steps->steps++;
	return message;
}

static void add_move(struct maker *maker, double x, double y) {
	struct channel_message *message = add_step(maker, CHANNEL_INPUT_MOVE);
	message->input.x = (int32_t)round_to(x * 256);
	message->input.y = (int32_t)round_to(y * 256);
}

static void add_touch(struct maker *maker, enum channel_touch what, double x, double y) {
	struct channel_message *message = add_step(maker, CHANNEL_INPUT_TOUCH);
	message->input.value = what;
	message->input.x = (int32_t)round_to(x * 256);
	message->input.y = (int32_t)round_to(y * 256);
}

static void add_button(struct maker *maker, enum act_button button, bool down) {
	static const uint16_t codes[] = {
		[ACT_LEFT] = BTN_LEFT,
		[ACT_RIGHT] = BTN_RIGHT,
		[ACT_MIDDLE] = BTN_MIDDLE,
		[ACT_BACK] = BTN_SIDE,
		[ACT_FORWARD] = BTN_EXTRA,
	};
	static_assert(sizeof(codes) / sizeof(codes[0]) == ACT_BUTTON_COUNT, "a code for each");
	struct channel_message *message = add_step(maker, CHANNEL_INPUT_BUTTON);
	message->input.code = codes[button];
	message->input.value = down;
}

static void add_key(struct maker *maker, const char *key, bool down) {
	struct channel_message *message = add_step(maker, CHANNEL_INPUT_KEY);
	message->input.value = down;
	memcpy(message->input.text, key, strnlen(key, ACT_KEY_BYTES - 1));
}

static void add_keys(struct maker *maker, const char keys[][ACT_KEY_BYTES], size_t len, bool down) {
	for (size_t i = 0; i < len; i++) {
		add_key(maker, keys[down ? i : len - 1 - i], down);
	}
}

static void add_delay(struct maker *maker, uint32_t ms) {
	if (ms > 0) {
		add_step(maker, CHANNEL_INPUT_DELAY)->input.value = ms;
		maker->ms += ms;
	}
}

static void add_frame(struct maker *maker) {
	add_step(maker, CHANNEL_INPUT_FRAME);
	maker->ms += FRAME_MS;
}

static void make_click(struct maker *maker, const struct action *action) {
	for (uint32_t i = 0; i < action->count; i++) {
		add_delay(maker, i > 0 ? CLICK_GAP_MS : 0);
		add_button(maker, action->button, true);
		add_button(maker, action->button, false);
	}
}

// Along the path, from its first point (where it is already) to its last.
static void make_motion(struct maker *maker, const struct action *action,
	void (*motion)(struct maker *maker, double x, double y)) {
	size_t segments = action->path_len - 1;
	int most = DRAG_MOTIONS / (int)(segments > 0 ? segments : 1);
	size_t wait_every = segments / DRAG_FRAMES + 1;
	for (size_t i = 1; i <= segments; i++) {
		double x = action->path[i - 1].x, y = action->path[i - 1].y;
		double dx = action->path[i].x - x, dy = action->path[i].y - y;
		double length = distance(&action->path[i - 1], &action->path[i]), begun = 0;
		if (i == 1 && length > 0) {
			double first = smaller(DRAG_FIRST, length / 3) / length;
			begun = smaller(DRAG_THRESHOLD, length * 2 / 3) / length;
			motion(maker, x + dx * first, y + dy * first);
			motion(maker, x + dx * begun, y + dy * begun);
			add_frame(maker);
		}
		int motions = (int)(length * (1 - begun) / DRAG_STRIDE) + 1;
		motions = motions < most ? motions : most;
		for (int k = 1; k <= motions; k++) {
			double part = begun + (1 - begun) * k / motions;
			motion(maker, x + dx * part, y + dy * part);
		}
		if (i % wait_every == 0) {
			add_frame(maker);
		}
	}
}

static void make_drag(struct maker *maker, const struct action *action) {
	add_move(maker, action->path[0].x, action->path[0].y);
	add_button(maker, action->button, true);
	add_frame(maker);
	make_motion(maker, action, add_move);
	add_delay(maker, DRAG_DWELL_MS);
	add_frame(maker);
	add_button(maker, action->button, false);
}

static void add_touch_motion(struct maker *maker, double x, double y) {
	add_touch(maker, CHANNEL_TOUCH_MOVE, x, y);
}

static void make_touch(struct maker *maker, const struct action *action) {
	const struct act_point *last = &action->path[action->path_len - 1];
	add_touch(maker, CHANNEL_TOUCH_DOWN, action->path[0].x, action->path[0].y);
	if (action->path_len > 1) {
		add_frame(maker);
		make_motion(maker, action, add_touch_motion);
	}
	add_delay(maker, action->ms);
	add_touch(maker, CHANNEL_TOUCH_UP, last->x, last->y);
}

// Takes what one step may scroll of what is left.
static int32_t take_distance(int64_t *left, int64_t most) {
	int64_t part = *left > most ? most : *left < -most ? -most : *left;
	*left -= part;
	return (int32_t)part;
}

// One wheel notch after the other, as a wheel does it, and never faster than the window draws.
static void make_scroll(struct maker *maker, const struct action *action) {
	int64_t most = action->pixels ? SCROLL_PIXELS * 256 : 256;
	int64_t x = round_to(action->dx * 256), y = round_to(action->dy * 256);
	for (int i = 1; x != 0 || y != 0; i++) {
		struct channel_message *message = add_step(maker, CHANNEL_INPUT_SCROLL);
		message->input.value =
			action->pixels ? CHANNEL_SCROLL_PIXELS : CHANNEL_SCROLL_NOTCHES;
		message->input.x = take_distance(&x, most);
		message->input.y = take_distance(&y, most);
		if (i % SCROLL_BURST == 0 && (x != 0 || y != 0)) {
			add_frame(maker);
		}
	}
}

// A line break is one character, however it is written.
static void make_text(struct maker *maker, const char *text) {
	size_t len = strlen(text);
	struct channel_message *chunk = NULL;
	for (size_t at = 0; at < len;) {
		uint32_t c = 0;
		size_t bytes = untrusted_character(text + at, len - at, &c);
		if (chunk == NULL || chunk->input.code + bytes > CHANNEL_TEXT_BYTES) {
			chunk = add_step(maker, CHANNEL_INPUT_TEXT);
		}
		char *to = chunk->input.text + chunk->input.code;
		if (c == '\r') {
			*to = '\n';
			at += text[at + 1] == '\n';
		} else {
			memcpy(to, text + at, bytes);
		}
		at += bytes;
		chunk->input.code += (uint32_t)bytes;
		maker->steps->characters++;
		if (maker->failed) {
			return;
		}
	}
	maker->ms += CHANNEL_TEXT_MS + len * CHANNEL_TEXT_BYTE_MS;
}

static void make_settle(
	struct maker *maker, const struct settle_options *settle, bool follows, bool has_effect) {
	struct channel_message *message = add(maker, CHANNEL_SETTLE);
	message->settle.token = maker->token;
	message->settle.flags = follows ? CHANNEL_SETTLE_SINCE_ACTION : 0;
	message->settle.quiet_ms = settle->quiet_ms != 0 ? settle->quiet_ms : SETTLE_QUIET_MS;
	message->settle.unchanged_ms = has_effect && settle->quiet_ms == 0
					       ? SETTLE_UNCHANGED_MS
					       : message->settle.quiet_ms;
	message->settle.timeout_ms =
		settle->timeout_ms != 0 ? settle->timeout_ms : SETTLE_TIMEOUT_MS;
	message->settle.region = settle->region;
	maker->ms += message->settle.timeout_ms;
}

static void make_input(
	struct maker *maker, const struct action *action, const struct act_held *held) {
	bool holds = action->kind == ACT_CLICK || action->kind == ACT_PRESS ||
		     action->kind == ACT_DRAG || action->kind == ACT_SCROLL;
	if (holds) {
		add_keys(maker, action->keys, action->keys_len, true);
	}
	if (action->has_point) {
		add_move(maker, action->point.x, action->point.y);
	}
	switch (action->kind) {
	case ACT_CLICK:
		make_click(maker, action);
		break;
	case ACT_PRESS:
	case ACT_RELEASE:
		add_button(maker, action->button, action->kind == ACT_PRESS);
		break;
	case ACT_DRAG:
		make_drag(maker, action);
		break;
	case ACT_SCROLL:
		make_scroll(maker, action);
		break;
	case ACT_KEY:
	case ACT_HOLD:
		add_keys(maker, action->keys, action->keys_len, true);
		add_delay(maker, action->kind == ACT_HOLD ? action->ms : 0);
		add_keys(maker, action->keys, action->keys_len, false);
		break;
	case ACT_KEY_DOWN:
	case ACT_KEY_UP:
		add_keys(maker, action->keys, action->keys_len, action->kind == ACT_KEY_DOWN);
		break;
	case ACT_TEXT:
		make_text(maker, action->text);
		break;
	case ACT_TOUCH:
		make_touch(maker, action);
		break;
	default: // MOVE has moved
		break;
	}
	if (holds && action->kind != ACT_PRESS) {
		add_keys(maker, action->keys, action->keys_len, false);
	} else if (action->kind == ACT_RELEASE) {
		add_keys(maker, held->keys, held->len, false);
	}
}

bool act_is_input(enum act_kind kind) {
	return kind != ACT_WAIT && kind != ACT_WAIT_STABLE && kind != ACT_SCREENSHOT &&
	       kind != ACT_CURSOR_POSITION;
}

bool act_steps_make(struct act_steps *steps, uint32_t token, const struct action *action,
	const struct settle_options *settle, const struct act_held *held) {
	*steps = (struct act_steps){0};
	struct maker maker = {.steps = steps, .token = token};
	if (act_is_input(action->kind)) {
		make_input(&maker, action, held);
	}
	if (steps->len > 0 && !maker.failed) {
		steps->messages[steps->len - 1].input.flags = CHANNEL_INPUT_LAST;
	}
	if (action->kind == ACT_WAIT_STABLE) {
		make_settle(&maker, &action->settle, false, false);
	} else if (settle->wait) {
		make_settle(&maker, settle, steps->steps > 0,
			steps->steps > 0 && action->kind != ACT_MOVE && action->kind != ACT_WAIT);
	}
	uint64_t most_ms = maker.ms + ANSWER_MS;
	steps->most_ms = most_ms < INT_MAX ? (uint32_t)most_ms : INT_MAX;
	if (maker.failed || steps->steps > CHANNEL_MAX_STEPS) {
		act_steps_finish(steps);
		return false;
	}
	return true;
}

void act_steps_finish(struct act_steps *steps) {
	free(steps->messages);
	*steps = (struct act_steps){0};
}
