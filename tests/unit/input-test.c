// Actions as clients receive them (tests/helpers/acting.h).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <time.h>

#include "tests/helpers/acting.h"

static const char *log_of(struct acting *acting) {
	stage_settle(&acting->stage);
	return acting->recorder->log;
}

static int64_t now_us(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// ---- steps

static void test_a_click_is_done_in_the_call(void **state) {
	struct acting *acting = *state;
	send_move(acting, 100, 50, 0);
	send_button(acting, BTN_LEFT, true, 0);
	assert_null(done(acting, 1));
	send_button(acting, BTN_LEFT, false, LAST);
	assert_done(acting, 1, CHANNEL_INPUT_OK, 0);
	const struct channel_message *m = done(acting, 1);
	assert_int_equal(m->input_done.x, 100);
	assert_int_equal(m->input_done.y, 50);
	assert_int_equal(m->input_done.window, 1);
	assert_int_not_equal(m->input_done.frame, 0);
	assert_non_null(strstr(log_of(acting), "move 100 50;+0x110;-0x110;"));
}

static void test_an_unknown_key_does_nothing(void **state) {
	struct acting *acting = *state;
	send_key(acting, "a", true, 0);
	send_key(acting, "a", false, 0);
	send_key(acting, "Nonsense", true, LAST);
	assert_done(acting, 1, CHANNEL_INPUT_UNKNOWN_KEY, 2);
	assert_string_equal(log_of(acting), "");
	// Nor does a text with what no key makes.
	acting->token = 2;
	send_text(acting, "ab\001c");
	assert_done(acting, 2, CHANNEL_INPUT_UNKNOWN_KEY, 0);
	assert_string_equal(log_of(acting), "");
}

static void test_keys_bring_their_modifiers(void **state) {
	struct acting *acting = *state;
	send_key(acting, "plus", true, 0);
	send_key(acting, "plus", false, 0);
	send_key(acting, "Control_L", true, 0);
	send_key(acting, "A", true, 0);
	send_key(acting, "A", false, 0);
	send_key(acting, "Control_L", false, LAST);
	assert_string_equal(log_of(acting), "+Shift_L;+plus;-plus;-Shift_L;"
					    "+Control_L;+Shift_L;+A;-A;-Shift_L;-Control_L;");
	assert_done(acting, 1, CHANNEL_INPUT_OK, 0);
}

static void test_keys_go_by_name_character_and_code(void **state) {
	struct acting *acting = *state;
	send_key(acting, "%", true, 0);
	send_key(acting, "%", false, 0);
	send_key(acting, "U20AC", true, 0); // beyond the layout
	send_key(acting, "U20AC", false, 0);
	send_key(acting, "é", true, 0);
	send_key(acting, "é", false, 0);
	send_key(acting, "XF86Copy", true, 0); // where a spare key is
	send_key(acting, "XF86Copy", false, 0);
	struct channel_message m = step_of(acting, CHANNEL_INPUT_KEYCODE, 0);
	m.input.code = KEY_F5;
	m.input.value = 1;
	send_step(acting, &m);
	m.input.value = 0;
	m.input.flags = LAST;
	send_step(acting, &m);
	assert_done(acting, 1, CHANNEL_INPUT_OK, 0);
	assert_string_equal(log_of(acting), "+Shift_L;+percent;-percent;-Shift_L;+U20AC;-U20AC;"
					    "+eacute;-eacute;+XF86Copy;-XF86Copy;+F5;-F5;");
}

static void test_what_is_held_stays_until_a_later_action(void **state) {
	struct acting *acting = *state;
	send_key(acting, "Shift_L", true, LAST);
	acting->token = 2;
	send_key(acting, "Shift_L", true, 0);
	send_key(acting, "a", true, 0);
	send_key(acting, "a", false, 0);
	send_key(acting, "Shift_L", false, LAST); // pressed by the first, and stays
	acting->token = 3;
	send_key(acting, "Shift_L", false, LAST);
	assert_string_equal(log_of(acting), "+Shift_L;+A;-A;-Shift_L;");
}

static void test_scrolling_is_in_notches_and_pixels(void **state) {
	struct acting *acting = *state;
	send_move(acting, 300, 200, LAST);
	stage_settle(&acting->stage);
	recorder_forget(acting->recorder);
	acting->token = 2;
	send_scroll(acting, 0, 2, false, 0);
	send_scroll(acting, -0.5, 0, false, 0);
	send_scroll(acting, 0, 40, true, 0);
	send_scroll(acting, 0, 0, true, LAST);
	assert_string_equal(log_of(acting), "source 0;120:240;axis 0 30;source 0;120:-60;axis 1 "
					    "-7.5;source 0;120:40;axis 0 5;");
}

static void test_touches(void **state) {
	struct acting *acting = *state;
	send_touch(acting, 0, CHANNEL_TOUCH_DOWN, 10, 20, 0);
	send_touch(acting, 3, CHANNEL_TOUCH_DOWN, 30, 40, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_MOVE, 11.5, 22, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_UP, 0, 0, LAST);
	assert_done(acting, 1, CHANNEL_INPUT_OK, 0);
	assert_int_equal(done(acting, 1)->input_done.window, 1);
	assert_string_equal(log_of(acting), "down 0 10 20;down 3 30 40;drag 0 11.5 22;up 0;");
	recorder_forget(acting->recorder);
	compositor_input_release(acting->stage.compositor);
	assert_string_equal(log_of(acting), "up 3;");
}

static void test_a_delay_passes(void **state) {
	struct acting *acting = *state;
	int64_t start = now_us();
	send_key(acting, "a", true, 0);
	send_value(acting, CHANNEL_INPUT_DELAY, 80, 0);
	send_key(acting, "a", false, LAST);
	assert_null(done(acting, 1));
	wait_done(acting, 1);
	assert_true(now_us() - start >= 79000);
	assert_string_equal(log_of(acting), "+a;-a;");
}

// Whoever draws after a motion is waited for; whoever does not is not for long.
static void test_a_frame_is_waited_for(void **state) {
	struct acting *acting = *state;
	send_move(acting, 10, 10, 0);
	send_value(acting, CHANNEL_INPUT_FRAME, 0, 0);
	send_key(acting, "a", true, 0);
	send_key(acting, "a", false, LAST);
	assert_null(done(acting, 1));
	wl_surface_commit(acting->window->surface);
	wait_done(acting, 1);
	acting->token = 2;
	int64_t start = now_us();
	for (int i = 0; i < 10; i++) {
		send_move(acting, 20 + i, 10, 0);
		send_value(acting, CHANNEL_INPUT_FRAME, 0, i == 9 ? LAST : 0);
	}
	wait_done(acting, 2);
	assert_true(now_us() - start >= 10 * 15000);
}

static void test_actions_keep_their_order(void **state) {
	struct acting *acting = *state;
	send_key(acting, "a", true, 0);
	send_value(acting, CHANNEL_INPUT_DELAY, 60, 0);
	send_key(acting, "a", false, LAST);
	for (acting->token = 2; acting->token < 5; acting->token++) {
		char name[2] = {(char)('a' + acting->token), '\0'};
		send_key(acting, name, true, 0);
		send_key(acting, name, false, LAST);
	}
	stage_run(&acting->stage, 20);
	assert_null(done(acting, 2));
	wait_done(acting, 4);
	assert_string_equal(log_of(acting), "+a;-a;+c;-c;+d;-d;+e;-e;");
}

// ---- cancelling

static void test_a_cancelled_action_lets_go(void **state) {
	struct acting *acting = *state;
	send_key(acting, "b", true, LAST);
	acting->token = 2;
	send_key(acting, "a", true, 0);
	send_button(acting, BTN_RIGHT, true, 0);
	send_touch(acting, 1, CHANNEL_TOUCH_DOWN, 5, 5, 0);
	send_value(acting, CHANNEL_INPUT_DELAY, 10000, 0);
	send_button(acting, BTN_RIGHT, false, 0);
	send_key(acting, "a", false, LAST);
	acting->token = 3;
	send_move(acting, 5, 5, LAST);
	stage_settle(&acting->stage);
	assert_null(done(acting, 2));
	assert_null(done(acting, 3));
	assert_true(compositor_input_cancel(acting->stage.compositor, 2));
	assert_done(acting, 2, CHANNEL_INPUT_CANCELLED, 4);
	assert_done(acting, 3, CHANNEL_INPUT_OK, 0);
	assert_non_null(strstr(log_of(acting), "up 1;-0x111;-a;move 5 5;"));
	assert_null(strstr(acting->recorder->log, "-b;"));
	compositor_input_release(acting->stage.compositor);
	assert_non_null(strstr(log_of(acting), "-b;"));
}

static void test_actions_that_wait_are_cancelled(void **state) {
	struct acting *acting = *state;
	send_value(acting, CHANNEL_INPUT_DELAY, 10000, LAST);
	acting->token = 2;
	send_key(acting, "a", true, LAST);
	acting->token = 3;
	send_key(acting, "b", true, 0); // not whole
	compositor_input_cancel(acting->stage.compositor, 3);
	compositor_input_cancel(acting->stage.compositor, 2);
	compositor_input_cancel(acting->stage.compositor, 99);
	assert_done(acting, 2, CHANNEL_INPUT_CANCELLED, 0);
	assert_null(done(acting, 3));
	send_key(acting, "b", false, LAST);
	assert_done(acting, 3, CHANNEL_INPUT_CANCELLED, 0);
	// One that nobody finishes does not stand in the way.
	acting->token = 4;
	send_key(acting, "c", true, 0);
	compositor_input_release(acting->stage.compositor);
	assert_done(acting, 1, CHANNEL_INPUT_CANCELLED, 0);
	acting->token = 5;
	send_key(acting, "d", true, 0);
	send_key(acting, "d", false, LAST);
	assert_done(acting, 5, CHANNEL_INPUT_OK, 0);
	assert_null(done(acting, 4));
	assert_string_equal(log_of(acting), "+d;-d;");
}

// ---- what cannot be done

static void test_messages_that_make_no_sense(void **state) {
	struct acting *acting = *state;
	struct compositor *c = acting->stage.compositor;
	send_move(acting, 1, 1, LAST);
	acting->token = 2;
	struct channel_message good = step_of(acting, CHANNEL_INPUT_MOVE, LAST);
	struct channel_message m = good;
#define BAD(change) \
	do { \
		m = good; \
		change; \
		assert_false(compositor_input(c, &m)); \
		m = good; \
		m.input.token = ++acting->token; \
		good.input.token = ++acting->token; \
		assert_true(compositor_input(c, &m)); \
	} while (0)
	BAD(m.input.token = 0);
	BAD(m.input.token = 1); // not greater than those before
	BAD(m.input.kind = 0);
	BAD(m.input.kind = CHANNEL_INPUT_FRAME + 1);
	BAD(m.input.flags = 2);
	BAD(m.input.kind = CHANNEL_INPUT_BUTTON; m.input.code = BTN_LEFT; m.input.value = 2);
	BAD(m.input.kind = CHANNEL_INPUT_BUTTON; m.input.code = KEY_A; m.input.value = 1);
	BAD(m.input.kind = CHANNEL_INPUT_SCROLL; m.input.value = 2);
	BAD(m.input.kind = CHANNEL_INPUT_KEYCODE; m.input.code = 0);
	BAD(m.input.kind = CHANNEL_INPUT_KEYCODE; m.input.code = 248);
	BAD(m.input.kind = CHANNEL_INPUT_KEY); // no name
	BAD(m.input.kind = CHANNEL_INPUT_KEY; memset(m.input.text, 'a', CHANNEL_TEXT_BYTES));
	BAD(m.input.kind = CHANNEL_INPUT_KEY; memcpy(m.input.text, "a\0b", 3));
	BAD(m.input.kind = CHANNEL_INPUT_TOUCH; m.input.code = CHANNEL_TOUCH_POINTS);
	BAD(m.input.kind = CHANNEL_INPUT_TOUCH; m.input.value = CHANNEL_TOUCH_MOVE + 1);
	BAD(m.input.kind = CHANNEL_INPUT_DELAY; m.input.value = CHANNEL_MAX_DELAY_MS + 1);
	BAD(m.input.kind = CHANNEL_INPUT_TEXT; m.input.code = 0);
	BAD(m.input.kind = CHANNEL_INPUT_TEXT; m.input.code = CHANNEL_TEXT_BYTES + 1);
	const char *const texts[] = {"\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "a\xff"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		BAD(m.input.kind = CHANNEL_INPUT_TEXT; m.input.code = (uint32_t)strlen(texts[i]);
			memcpy(m.input.text, texts[i], strlen(texts[i])));
	}
	BAD(m.input.kind = CHANNEL_INPUT_TEXT; m.input.code = 1; memcpy(m.input.text, "ab", 2));
	// A step of another action before the last of this one.
	acting->token += 10;
	send_move(acting, 1, 1, 0);
	acting->token++;
	m = step_of(acting, CHANNEL_INPUT_MOVE, LAST);
	assert_false(compositor_input(c, &m));
#undef BAD
}

static void test_too_many_steps_or_too_much_text(void **state) {
	struct acting *acting = *state;
	for (int i = 0; i <= CHANNEL_MAX_STEPS; i++) {
		send_key(acting, "a", i % 2 == 0, i == CHANNEL_MAX_STEPS ? LAST : 0);
	}
	assert_done(acting, 1, CHANNEL_INPUT_TOO_MANY, CHANNEL_MAX_STEPS);
	acting->token = 2;
	char *text = malloc(CHANNEL_MAX_TEXT + 2);
	assert_non_null(text);
	memset(text, 'a', CHANNEL_MAX_TEXT + 1);
	text[CHANNEL_MAX_TEXT + 1] = '\0';
	send_text(acting, text);
	assert_int_equal(done(acting, 2)->input_done.status, CHANNEL_INPUT_TOO_MANY);
	assert_int_equal(done(acting, 2)->input_done.characters, 0);
	free(text);
	assert_string_equal(log_of(acting), "");
}

static void test_too_many_keys_at_once(void **state) {
	struct acting *acting = *state;
	for (int i = 0; i < 26; i++) {
		char name[2] = {(char)('a' + i), '\0'};
		send_key(acting, name, true, 0);
	}
	for (int i = 0; i < 10; i++) {
		char name[2] = {(char)('0' + i), '\0'};
		send_key(acting, name, true, i == 9 ? LAST : 0);
	}
	assert_done(acting, 1, CHANNEL_INPUT_TOO_MANY, 32);
	// All of them are up again.
	const char *log = log_of(acting);
	int balance = 0;
	for (const char *at = log; *at != '\0'; at++) {
		balance += *at == '+' ? 1 : *at == '-' ? -1 : 0;
	}
	assert_int_equal(balance, 0);
	assert_non_null(strstr(log, "+z;"));
}

static void test_without_a_window(void **state) {
	struct acting *acting = *state;
	window_close(acting->window);
	acting->window = NULL;
	send_move(acting, 100, 100, 0);
	send_button(acting, BTN_LEFT, true, 0);
	send_button(acting, BTN_LEFT, false, LAST);
	assert_done(acting, 1, CHANNEL_INPUT_NO_TARGET, 0);
	assert_int_equal(done(acting, 1)->input_done.window, 0);
	acting->token = 2;
	send_key(acting, "a", true, 0);
	send_key(acting, "a", false, LAST);
	assert_done(acting, 2, CHANNEL_INPUT_NO_FOCUS, 0);
	acting->token = 3;
	send_text(acting, "abc");
	assert_done(acting, 3, CHANNEL_INPUT_NO_FOCUS, 0);
	acting->token = 4;
	send_touch(acting, 0, CHANNEL_TOUCH_DOWN, 10, 10, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_UP, 10, 10, LAST);
	assert_done(acting, 4, CHANNEL_INPUT_NO_TARGET, 0);
	acting->token = 5;
	send_move(acting, 7, 8, LAST); // that needs nobody
	assert_done(acting, 5, CHANNEL_INPUT_OK, 0);
	assert_int_equal(done(acting, 5)->input_done.x, 7);
}

static void test_a_client_that_dies_holding_everything(void **state) {
	struct acting *acting = *state;
	send_button(acting, BTN_LEFT, true, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_DOWN, 10, 10, 0);
	send_key(acting, "a", true, 0);
	send_value(acting, CHANNEL_INPUT_DELAY, 50, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_MOVE, 20, 10, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_UP, 20, 10, 0);
	send_key(acting, "a", false, 0);
	send_button(acting, BTN_LEFT, false, LAST);
	window_close(acting->window);
	acting->window = NULL;
	struct client *client = acting->recorder->client;
	recorder_destroy(acting->recorder);
	client_close(client);
	wait_done(acting, 1);
	acting->recorder = recorder_create(client_connect(&acting->stage));
	acting->window = window_open(acting->recorder->client, 0, 0, false, NULL, "w", 0);
	acting->token = 2;
	send_touch(acting, 0, CHANNEL_TOUCH_DOWN, 10, 10, 0);
	send_touch(acting, 0, CHANNEL_TOUCH_UP, 10, 10, 0);
	send_key(acting, "a", true, 0);
	send_key(acting, "a", false, LAST);
	assert_done(acting, 2, CHANNEL_INPUT_OK, 0);
	assert_non_null(strstr(log_of(acting), "down 0 10 10;up 0;+a;-a;"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, acting_setup, acting_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_click_is_done_in_the_call),
		TEST(test_an_unknown_key_does_nothing),
		TEST(test_keys_bring_their_modifiers),
		TEST(test_keys_go_by_name_character_and_code),
		TEST(test_what_is_held_stays_until_a_later_action),
		TEST(test_scrolling_is_in_notches_and_pixels),
		TEST(test_touches),
		TEST(test_a_delay_passes),
		TEST(test_a_frame_is_waited_for),
		TEST(test_actions_keep_their_order),
		TEST(test_a_cancelled_action_lets_go),
		TEST(test_actions_that_wait_are_cancelled),
		TEST(test_messages_that_make_no_sense),
		TEST(test_too_many_steps_or_too_much_text),
		TEST(test_too_many_keys_at_once),
		TEST(test_without_a_window),
		TEST(test_a_client_that_dies_holding_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
