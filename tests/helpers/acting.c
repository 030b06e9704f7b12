#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/helpers/acting.h"

int acting_setup_layout(void **state, const char *layout) {
	struct acting *acting = calloc(1, sizeof(*acting));
	if (acting == NULL) {
		return -1;
	}
	stage_init_layout(&acting->stage, 640, 400, layout);
	acting->recorder = recorder_create(client_connect(&acting->stage));
	acting->window = window_open(acting->recorder->client, 0, 0, false, NULL, "w", 0x808080);
	recorder_forget(acting->recorder);
	acting->token = 1;
	*state = acting;
	return 0;
}

int acting_setup(void **state) {
	return acting_setup_layout(state, "us");
}

int acting_teardown(void **state) {
	struct acting *acting = *state;
	if (acting->window != NULL) {
		window_close(acting->window);
	}
	if (acting->recorder != NULL) {
		recorder_destroy(acting->recorder);
	}
	stage_finish(&acting->stage);
	free(acting);
	return 0;
}

// ---- steps

struct channel_message step_of(struct acting *acting, uint32_t kind, uint32_t flags) {
	struct channel_message m = {.type = CHANNEL_INPUT};
	m.input.token = acting->token;
	m.input.kind = kind;
	m.input.flags = flags;
	return m;
}

void send_step(struct acting *acting, const struct channel_message *message) {
	assert_true(compositor_input(acting->stage.compositor, message));
}

static void set_place(struct channel_message *m, double x, double y) {
	m->input.x = (int32_t)(x * 256);
	m->input.y = (int32_t)(y * 256);
}

void send_move(struct acting *acting, double x, double y, uint32_t flags) {
	struct channel_message m = step_of(acting, CHANNEL_INPUT_MOVE, flags);
	set_place(&m, x, y);
	send_step(acting, &m);
}

void send_button(struct acting *acting, uint32_t code, bool down, uint32_t flags) {
	struct channel_message m = step_of(acting, CHANNEL_INPUT_BUTTON, flags);
	m.input.code = code;
	m.input.value = down;
	send_step(acting, &m);
}

void send_scroll(struct acting *acting, double x, double y, bool pixels, uint32_t flags) {
	struct channel_message m = step_of(acting, CHANNEL_INPUT_SCROLL, flags);
	set_place(&m, x, y);
	m.input.value = pixels ? CHANNEL_SCROLL_PIXELS : CHANNEL_SCROLL_NOTCHES;
	send_step(acting, &m);
}

void send_key(struct acting *acting, const char *name, bool down, uint32_t flags) {
	struct channel_message m = step_of(acting, CHANNEL_INPUT_KEY, flags);
	memcpy(m.input.text, name, strlen(name));
	m.input.value = down;
	send_step(acting, &m);
}

void send_touch(
	struct acting *acting, uint32_t point, uint32_t what, double x, double y, uint32_t flags) {
	struct channel_message m = step_of(acting, CHANNEL_INPUT_TOUCH, flags);
	set_place(&m, x, y);
	m.input.code = point;
	m.input.value = what;
	send_step(acting, &m);
}

void send_value(struct acting *acting, uint32_t kind, uint32_t value, uint32_t flags) {
	struct channel_message m = step_of(acting, kind, flags);
	m.input.value = value;
	send_step(acting, &m);
}

void send_text(struct acting *acting, const char *text) {
	size_t len = strlen(text);
	for (size_t at = 0; at < len;) {
		size_t n = len - at < CHANNEL_TEXT_BYTES ? len - at : CHANNEL_TEXT_BYTES;
		while (at + n < len && ((unsigned char)text[at + n] & 0xc0) == 0x80) {
			n--;
		}
		struct channel_message m =
			step_of(acting, CHANNEL_INPUT_TEXT, at + n == len ? LAST : 0);
		memcpy(m.input.text, text + at, n);
		m.input.code = (uint32_t)n;
		send_step(acting, &m);
		at += n;
	}
	acting->token++;
}

// ---- what came of them

const struct channel_message *done(struct acting *acting, uint32_t token) {
	for (size_t i = 0; i < acting->stage.messages_len; i++) {
		const struct channel_message *m = &acting->stage.messages[i];
		if (m->type == CHANNEL_INPUT_DONE && m->input_done.token == token) {
			return m;
		}
	}
	return NULL;
}

const struct channel_message *wait_done(struct acting *acting, uint32_t token) {
	for (int ms = 0; done(acting, token) == NULL && ms < LONG_MS; ms++) {
		stage_run(&acting->stage, 1);
	}
	assert_non_null(done(acting, token));
	return done(acting, token);
}

void assert_done(struct acting *acting, uint32_t token, uint32_t status, uint32_t step) {
	const struct channel_message *m = done(acting, token);
	assert_non_null(m);
	assert_int_equal(m->input_done.status, status);
	assert_int_equal(m->input_done.step, step);
}

static uint32_t count_characters(const char *text) {
	uint32_t count = 0;
	for (; *text != '\0'; text++) {
		count += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return count;
}

uint32_t typed_by(struct acting *acting, uint32_t token, uint32_t way) {
	uint32_t count = 0, next = 0;
	for (size_t i = 0; i < acting->stage.messages_len; i++) {
		const struct channel_message *m = &acting->stage.messages[i];
		if (m->type != CHANNEL_TYPED || m->typed.token != token) {
			continue;
		}
		assert_true(m->typed.runs_len >= 1 && m->typed.runs_len <= CHANNEL_TYPED_RUNS);
		for (uint32_t j = 0; j < m->typed.runs_len; j++) {
			// The runs follow each other without a gap.
			assert_int_equal(m->typed.runs[j].first, next);
			next += m->typed.runs[j].count;
			count += m->typed.runs[j].way == way ? m->typed.runs[j].count : 0;
		}
	}
	return count;
}

void assert_typed(struct acting *acting, const char *text) {
	recorder_forget(acting->recorder);
	uint32_t token = acting->token;
	send_text(acting, text);
	const struct channel_message *m = wait_done(acting, token);
	assert_int_equal(m->input_done.status, CHANNEL_INPUT_OK);
	assert_int_equal(m->input_done.characters, count_characters(text));
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->text, text);
}
