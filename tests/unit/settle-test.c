// When the picture rests, and what changed in it, with real clients.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <wayland-server-core.h>

#include "tests/helpers/scene.h"

// ---- rest

static void test_a_resting_picture_is_quiet(void **state) {
	struct scene *scene = *state;
	int64_t before = now_ms();
	ask(scene, 1, 0, 200, LONG_MS);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_unchanged(m);
	assert_true(m->settled.waited_ms >= 200 && m->settled.waited_ms < LONG_MS / 4);
	assert_true(now_ms() - before >= 200);
	assert_int_equal(m->settled.frame, stage_last(&scene->stage, CHANNEL_FRAME)->frame.serial);
}

// A static screen costs nothing: not while nobody waits, and not after somebody did.
static void test_nothing_goes_on_when_nobody_waits(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	ask(scene, 1, SINCE, 50, LONG_MS);
	assert_non_null(run(scene, 1, LONG_MS));
	stage_run(&scene->stage, 200);
	struct pollfd fd = {
		wl_event_loop_get_fd(compositor_event_loop(scene->stage.compositor)), POLLIN, 0};
	assert_int_equal(poll(&fd, 1, 1500), 0);
}

static void test_an_action_changes_what_it_changes(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	ask(scene, 1, SINCE, 100, LONG_MS);
	const struct channel_box first = {101, 53, 30, 21}, second = {133, 50, 1, 70};
	fill(scene, first, RED);
	show(scene, everything);
	run(scene, 0, 50);
	fill(scene, second, BLUE);
	show(scene, everything);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, (struct channel_box){101, 50, 33, 70});
	assert_int_equal(m->settled.frame, stage_last(&scene->stage, CHANNEL_FRAME)->frame.serial);
	// It rested for so long after the last change.
	assert_true(m->settled.waited_ms >= 100 + 40);
	const struct channel_message *done = stage_last(&scene->stage, CHANNEL_INPUT_DONE);
	assert_int_equal(done->input_done.token, 1);
	assert_int_equal(done->input_done.status, CHANNEL_INPUT_OK);
	assert_int_not_equal(done->input_done.frame, 0);
	assert_true(done->input_done.frame < m->settled.frame);
}

static void test_drawing_the_same_is_no_change(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	ask(scene, 1, SINCE, 200, LONG_MS);
	int64_t start = now_ms();
	while (now_ms() - start < 150) {
		show(scene, everything);
		run(scene, 0, 20);
	}
	size_t frames = stage_count(&scene->stage, CHANNEL_FRAME);
	assert_true(frames >= 2); // it was damaged and drawn
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_unchanged(m);
}

static void test_moving_the_pointer_is_no_change(void **state) {
	struct scene *scene = *state;
	for (uint32_t i = 1; i <= 5; i++) {
		step(scene, i, CHANNEL_INPUT_MOVE, 0, 0, (int)i * 100, (int)i * 50, true);
		ask(scene, i, SINCE, 30, LONG_MS);
		const struct channel_message *m = run(scene, i, LONG_MS);
		assert_settled(m, CHANNEL_SETTLE_QUIET);
		assert_unchanged(m);
	}
	assert_true(stage_count(&scene->stage, CHANNEL_CURSOR) >= 5);
}

static void test_an_animation_ends_at_the_timeout(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = {100, 100, 200, 100}, .every_ms = 20};
	ask(scene, 1, 0, 800, 1500);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_TIMEOUT);
	assert_changed(m, scene->movers[0].box);
	assert_true(m->settled.waited_ms >= 1500 && m->settled.waited_ms < LONG_MS / 4);
}

static void test_no_time_at_all(void **state) {
	struct scene *scene = *state;
	ask(scene, 1, 0, 100, 0);
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_TIMEOUT);
}

// ---- carets and spinners

static const struct channel_box caret = {50, 60, 2, 18};

static void test_a_caret_that_blinked_before_is_no_change(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = caret, .every_ms = 500, .colours = 2};
	run(scene, 0, 3200);
	click(scene, 1);
	ask(scene, 1, SINCE, 700, LONG_MS); // longer than it rests
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_REPEATING);
	assert_unchanged(m);
	assert_true(m->settled.waited_ms < LONG_MS / 4);
	// Between two blinks there is nothing to be seen of it.
	click(scene, 2);
	ask(scene, 2, SINCE, 50, LONG_MS);
	m = run(scene, 2, LONG_MS);
	assert_non_null(m);
	assert_true(m->settled.reason == CHANNEL_SETTLE_QUIET ||
		    m->settled.reason == CHANNEL_SETTLE_REPEATING);
	assert_unchanged(m);
}

static void test_typing_at_a_caret_is_a_change(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = caret, .every_ms = 250, .colours = 2};
	run(scene, 0, 2500);
	scene->movers[0].every_ms = 0;
	click(scene, 1);
	ask(scene, 1, SINCE, 100, LONG_MS);
	const struct channel_box letter = {50, 62, 2, 10}; // all of it where the caret was
	draw(scene, letter, 0x123456);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_non_null(m);
	assert_changed(m, letter);
}

static void test_a_caret_that_comes_is_a_change(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	ask(scene, 1, SINCE, 100, LONG_MS);
	scene->movers[0] = (struct mover){.box = caret, .every_ms = 500, .colours = 2};
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, caret);
}

static void test_a_spinner_does_not_block(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = {200, 200, 24, 24}, .every_ms = 30};
	click(scene, 1);
	ask(scene, 1, SINCE, 700, LONG_MS);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_REPEATING);
	assert_changed(m, scene->movers[0].box); // nobody knew it
	assert_true(m->settled.waited_ms < LONG_MS / 2);
	// By now everybody does.
	click(scene, 2);
	ask(scene, 2, SINCE, 700, LONG_MS);
	m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_REPEATING);
	assert_unchanged(m);
	// Something else is a change, and waited for; the spinner is neither.
	click(scene, 3);
	ask(scene, 3, SINCE, 700, LONG_MS);
	run(scene, 0, 100);
	const struct channel_box answer = {226, 190, 200, 100}; // close by
	fill(scene, answer, RED);
	fill(scene, scene->movers[0].box, 0xabcdef); // in the same frame
	show(scene, everything);
	m = run(scene, 3, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_REPEATING);
	assert_changed(m, answer);
	assert_true(m->settled.waited_ms >= 790);
	// It is none the worse for that.
	click(scene, 4);
	ask(scene, 4, SINCE, 700, LONG_MS);
	m = run(scene, 4, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_REPEATING);
	assert_unchanged(m);
}

static void test_a_spinner_that_ends_is_a_change(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = {200, 200, 24, 24}, .every_ms = 30};
	run(scene, 0, 1500);
	scene->movers[0].every_ms = 0;
	click(scene, 1);
	ask(scene, 1, SINCE, 500, LONG_MS);
	draw(scene, scene->movers[0].box, 0x00ff00); // done
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_non_null(m);
	assert_changed(m, scene->movers[0].box);
}

// ---- a part of the picture

static void test_only_the_region_counts(void **state) {
	struct scene *scene = *state;
	scene->movers[0] = (struct mover){.box = {0, 0, 300, 100}, .every_ms = 20};
	assert_true(ask_region(
		scene, 1, 0, 100, LONG_MS, (struct channel_box){0, 100, WIDTH, HEIGHT - 100}));
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_unchanged(m);
	// One pixel of it is in the region.
	assert_true(ask_region(scene, 2, 0, 800, 1200, (struct channel_box){299, 99, 300, 300}));
	m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_TIMEOUT);
	assert_changed(m, (struct channel_box){299, 99, 1, 1});
}

static void test_a_box_that_spans_the_region_is_looked_at_closely(void **state) {
	struct scene *scene = *state;
	assert_true(ask_region(scene, 1, 0, 100, LONG_MS, (struct channel_box){100, 100, 30, 30}));
	// One change of the shape of an L; the region is in its empty corner but for a line.
	fill(scene, (struct channel_box){90, 90, 5, 60}, RED);
	fill(scene, (struct channel_box){90, 128, 60, 5}, RED);
	show(scene, everything);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, (struct channel_box){100, 128, 30, 2});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_a_resting_picture_is_quiet),
		TEST(test_nothing_goes_on_when_nobody_waits),
		TEST(test_an_action_changes_what_it_changes),
		TEST(test_drawing_the_same_is_no_change),
		TEST(test_moving_the_pointer_is_no_change),
		TEST(test_an_animation_ends_at_the_timeout),
		TEST(test_no_time_at_all),
		TEST(test_a_caret_that_blinked_before_is_no_change),
		TEST(test_typing_at_a_caret_is_a_change),
		TEST(test_a_caret_that_comes_is_a_change),
		TEST(test_a_spinner_does_not_block),
		TEST(test_a_spinner_that_ends_is_a_change),
		TEST(test_only_the_region_counts),
		TEST(test_a_box_that_spans_the_region_is_looked_at_closely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
