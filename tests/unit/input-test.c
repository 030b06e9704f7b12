// Actions and texts as clients receive them (tests/helpers/recorder.h).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <wlr/types/wlr_compositor.h>

#include "input/player.h"
#include "input/seat.h"
#include "tests/helpers/recorder.h"

#define GREY 0x808080u

// A stage with a player, one window and its recorder.
struct scene {
	struct stage stage;
	struct player *player;
	struct recorder *recorder;
	struct window *window;
	uint32_t token;
	struct channel_message said[256]; // by the player
	size_t said_len;
	char began[256]; // "b1": token 1 began and ended
};

static void handle_emit(void *data, struct channel_message *message) {
	struct scene *scene = data;
	assert_true(scene->said_len < 256);
	scene->said[scene->said_len++] = *message;
}

static uint32_t window_of(void *data, struct wlr_surface *surface) {
	return wl_resource_get_id(surface->resource);
}

static void handle_began(void *data, uint32_t token) {
	struct scene *scene = data;
	snprintf(scene->began + strlen(scene->began), 8, "b%u", token);
}

static const struct player_host player_host = {
	.emit = handle_emit,
	.window_of = window_of,
	.began = handle_began,
};

static int setup(void **state) {
	struct scene *scene = calloc(1, sizeof(*scene));
	if (scene == NULL) {
		return -1;
	}
	stage_init(&scene->stage, 640, 400);
	scene->player = player_create(compositor_event_loop(scene->stage.compositor),
		compositor_seat(scene->stage.compositor), scene->stage.keymap, &player_host, scene);
	assert_non_null(scene->player);
	scene->recorder = recorder_create(client_connect(&scene->stage));
	scene->window = window_open(scene->recorder->client, 0, 0, false, NULL, "w", GREY);
	recorder_forget(scene->recorder);
	*state = scene;
	return 0;
}

static int teardown(void **state) {
	struct scene *scene = *state;
	player_destroy(scene->player);
	if (scene->window != NULL) {
		window_close(scene->window);
	}
	if (scene->recorder != NULL) {
		recorder_destroy(scene->recorder);
	}
	stage_finish(&scene->stage);
	free(scene);
	return 0;
}

// ---- steps

#define LAST CHANNEL_INPUT_LAST

static struct channel_message step_of(struct scene *scene, uint32_t kind, uint32_t flags) {
	struct channel_message m = {.type = CHANNEL_INPUT};
	m.input.token = scene->token;
	m.input.kind = kind;
	m.input.flags = flags;
	return m;
}

static void send_move(struct scene *scene, double x, double y, uint32_t flags) {
	struct channel_message m = step_of(scene, CHANNEL_INPUT_MOVE, flags);
	m.input.x = (int32_t)(x * 256);
	m.input.y = (int32_t)(y * 256);
	assert_true(player_step(scene->player, &m));
}

static void send_button(struct scene *scene, uint32_t code, bool down, uint32_t flags) {
	struct channel_message m = step_of(scene, CHANNEL_INPUT_BUTTON, flags);
	m.input.code = code;
	m.input.value = down;
	assert_true(player_step(scene->player, &m));
}

static void send_key(struct scene *scene, const char *name, bool down, uint32_t flags) {
	struct channel_message m = step_of(scene, CHANNEL_INPUT_KEY, flags);
	memcpy(m.input.text, name, strlen(name));
	m.input.value = down;
	assert_true(player_step(scene->player, &m));
}

static void send_value(struct scene *scene, uint32_t kind, uint32_t value, uint32_t flags) {
	struct channel_message m = step_of(scene, kind, flags);
	m.input.value = value;
	assert_true(player_step(scene->player, &m));
}

static const struct channel_message *done(struct scene *scene, uint32_t token) {
	for (size_t i = 0; i < scene->said_len; i++) {
		if (scene->said[i].type == CHANNEL_INPUT_DONE &&
			scene->said[i].input_done.token == token) {
			return &scene->said[i];
		}
	}
	return NULL;
}

static void assert_done(struct scene *scene, uint32_t token, uint32_t status, uint32_t step) {
	const struct channel_message *m = done(scene, token);
	assert_non_null(m);
	assert_int_equal(m->input_done.status, status);
	assert_int_equal(m->input_done.step, step);
}

// ---- tests

static void test_a_click_is_done_in_the_call(void **state) {
	struct scene *scene = *state;
	scene->token = 1;
	send_move(scene, 100, 50, 0);
	send_button(scene, BTN_LEFT, true, 0);
	assert_int_equal(scene->said_len, 0);
	send_button(scene, BTN_LEFT, false, LAST);
	assert_done(scene, 1, CHANNEL_INPUT_OK, 0);
	assert_string_equal(scene->began, "b1");
	const struct channel_message *m = done(scene, 1);
	assert_int_equal(m->input_done.x, 100);
	assert_int_equal(m->input_done.y, 50);
	assert_int_not_equal(m->input_done.window, 0);
	stage_settle(&scene->stage);
	assert_non_null(strstr(scene->recorder->log, "move 100 50;+0x110;-0x110;"));
}

static void test_an_unknown_key_does_nothing(void **state) {
	struct scene *scene = *state;
	scene->token = 1;
	send_key(scene, "a", true, 0);
	send_key(scene, "a", false, 0);
	send_key(scene, "Nonsense", true, LAST);
	assert_done(scene, 1, CHANNEL_INPUT_UNKNOWN_KEY, 2);
	assert_string_equal(scene->began, "");
	stage_settle(&scene->stage);
	assert_string_equal(scene->recorder->log, "");
}

static void test_keys_bring_their_modifiers(void **state) {
	struct scene *scene = *state;
	scene->token = 1;
	send_key(scene, "plus", true, 0);
	send_key(scene, "plus", false, 0);
	send_key(scene, "Control_L", true, 0);
	send_key(scene, "A", true, 0);
	send_key(scene, "A", false, 0);
	send_key(scene, "Control_L", false, LAST);
	stage_settle(&scene->stage);
	assert_string_equal(scene->recorder->log, "+Shift_L;+plus;-plus;-Shift_L;"
						  "+Control_L;+Shift_L;+A;-A;-Shift_L;-Control_L;");
	assert_done(scene, 1, CHANNEL_INPUT_OK, 0);
}

static void test_what_is_held_stays_until_a_later_action(void **state) {
	struct scene *scene = *state;
	scene->token = 1;
	send_key(scene, "Shift_L", true, LAST);
	scene->token = 2;
	send_key(scene, "Shift_L", true, 0);
	send_key(scene, "a", true, 0);
	send_key(scene, "a", false, 0);
	send_key(scene, "Shift_L", false, LAST); // pressed by the first, and stays
	scene->token = 3;
	send_key(scene, "Shift_L", false, LAST);
	stage_settle(&scene->stage);
	assert_string_equal(scene->recorder->log, "+Shift_L;+A;-A;-Shift_L;");
}

static void test_a_cancelled_action_lets_go(void **state) {
	struct scene *scene = *state;
	scene->token = 1;
	send_key(scene, "b", true, LAST);
	scene->token = 2;
	send_key(scene, "a", true, 0);
	send_button(scene, BTN_RIGHT, true, 0);
	send_value(scene, CHANNEL_INPUT_DELAY, 10000, 0);
	send_button(scene, BTN_RIGHT, false, 0);
	send_key(scene, "a", false, LAST);
	scene->token = 3;
	send_move(scene, 5, 5, LAST);
	stage_settle(&scene->stage);
	assert_null(done(scene, 2));
	assert_null(done(scene, 3));
	player_cancel(scene->player, 2);
	stage_settle(&scene->stage);
	assert_done(scene, 2, CHANNEL_INPUT_CANCELLED, 3);
	assert_done(scene, 3, CHANNEL_INPUT_OK, 0);
	assert_non_null(strstr(scene->recorder->log, "-0x111;-a;move 5 5;"));
	assert_null(strstr(scene->recorder->log, "-b;"));
	player_release(scene->player);
	stage_settle(&scene->stage);
	assert_non_null(strstr(scene->recorder->log, "-b;"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_click_is_done_in_the_call),
		TEST(test_an_unknown_key_does_nothing),
		TEST(test_keys_bring_their_modifiers),
		TEST(test_what_is_held_stays_until_a_later_action),
		TEST(test_a_cancelled_action_lets_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
