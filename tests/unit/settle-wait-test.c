// Whom a wait waits for, how it is asked for and given up, and what ill-meaning clients do to it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "compositor/settle.h"
#include "tests/helpers/scene.h"

// ---- answers

static struct window *open_small(struct client *client) {
	return window_open(client, 100, 100, true, NULL, "small", BLUE);
}

static void test_a_configure_is_waited_for(void **state) {
	struct scene *scene = *state;
	struct client *other = client_connect(&scene->stage);
	struct window *small = open_small(other);
	small->mute = true;
	// It loses the focus, which it is told, and is seen still.
	scene->client->mute = false;
	click(scene, 1);
	step(scene, 2, CHANNEL_INPUT_MOVE, 0, 0, 10, 10, false);
	step(scene, 2, CHANNEL_INPUT_BUTTON, BTN_LEFT, 1, 0, 0, false);
	step(scene, 2, CHANNEL_INPUT_BUTTON, BTN_LEFT, 0, 0, 0, true);
	ask(scene, 2, SINCE, 50, LONG_MS);
	// The main window covers the small one now: that one does not matter any more.
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_QUIET);
	assert_int_not_equal(small->unacked, 0);

	// The other way round: the main window is seen around it.
	xdg_surface_ack_configure(small->xdg, small->unacked);
	small->mute = false;
	scene->window->mute = true;
	scene->window->unacked = 0;
	compositor_window_act(scene->stage.compositor, 2, CHANNEL_WINDOW_RAISE);
	ask(scene, 3, 0, 50, LONG_MS);
	assert_null(run(scene, 3, 700));
	assert_int_not_equal(scene->window->unacked, 0);
	xdg_surface_ack_configure(scene->window->xdg, scene->window->unacked);
	assert_settled(run(scene, 3, LONG_MS), CHANNEL_SETTLE_QUIET);

	// Never.
	scene->window->unacked = 0;
	compositor_window_act(scene->stage.compositor, 1, CHANNEL_WINDOW_RAISE);
	ask(scene, 4, 0, 50, 600);
	const struct channel_message *m = run(scene, 4, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_UNRESPONSIVE);
	assert_true(m->settled.waited_ms >= 600);
	window_close(small);
}

static void test_a_window_that_opens_is_waited_for(void **state) {
	struct scene *scene = *state;
	struct wl_surface *surface = wl_compositor_create_surface(scene->client->compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(scene->client->shell, surface);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(xdg);
	wl_surface_commit(surface); // and never a picture
	ask(scene, 1, 0, 50, 1000);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_UNRESPONSIVE);
	assert_unchanged(m);
	// But not for ever.
	ask(scene, 2, 0, 50, LONG_MS);
	m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_true(m->settled.waited_ms >= 2000);
	xdg_toplevel_destroy(toplevel);
	xdg_surface_destroy(xdg);
	wl_surface_destroy(surface);
	// One that keeps its word.
	ask(scene, 3, 0, 50, LONG_MS);
	run(scene, 0, 20);
	struct window *small = window_open(scene->client, 100, 100, true, NULL, "small", BLUE);
	m = run(scene, 3, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, (struct channel_box){270, 150, 100, 100});
	window_close(small);
}

static void test_who_does_not_answer_is_unresponsive(void **state) {
	struct scene *scene = *state;
	scene->client->mute = true;
	ask(scene, 1, 0, 50, 500);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_UNRESPONSIVE);
	assert_true(m->settled.waited_ms >= 500);
	assert_unchanged(m);
	// An old answer, and one to nothing, are none.
	uint32_t old = scene->client->pinged;
	ask(scene, 2, 0, 50, 600);
	run(scene, 0, 100);
	assert_int_not_equal(scene->client->pinged, old);
	xdg_wm_base_pong(scene->client->shell, old);
	xdg_wm_base_pong(scene->client->shell, 0);
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_UNRESPONSIVE);
	// What moves and does not answer moves above all.
	scene->movers[0] = (struct mover){.box = {100, 100, 200, 100}, .every_ms = 20};
	ask(scene, 3, 0, 800, 1200);
	assert_settled(run(scene, 3, LONG_MS), CHANNEL_SETTLE_TIMEOUT);
}

static void test_a_late_answer_is_waited_for(void **state) {
	struct scene *scene = *state;
	scene->client->mute = true;
	click(scene, 1);
	ask(scene, 1, SINCE, 200, LONG_MS);
	assert_null(run(scene, 1, 600));
	int64_t before = now_ms();
	scene->client->mute = false;
	xdg_wm_base_pong(scene->client->shell, scene->client->pinged);
	// What it draws then is of the answer.
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_true(now_ms() - before >= 195);
	assert_true(m->settled.waited_ms >= 600);
}

// Answers at once, as toolkits do before a widget sees the input, and then works at it.
static void test_work_after_the_answer_is_waited_for(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	ask(scene, 1, SINCE, 150, LONG_MS);
	run(scene, 0, 10);
	scene->client->mute = true;
	assert_null(run(scene, 1, 700));
	assert_int_not_equal(scene->client->pinged, 0);
	scene->client->mute = false;
	xdg_wm_base_pong(scene->client->shell, scene->client->pinged);
	run(scene, 0, 30);
	const struct channel_box box = {100, 100, 50, 50};
	draw(scene, box, RED);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, box);
}

// A long rest is asked for before "nothing changed" is said, a short one after a change.
static void test_nothing_changed_takes_longer_to_be_sure_of(void **state) {
	struct scene *scene = *state;
	struct channel_message message = {.type = CHANNEL_SETTLE};
	message.settle.token = 1;
	message.settle.flags = SINCE;
	message.settle.quiet_ms = 100;
	message.settle.unchanged_ms = 1500;
	message.settle.timeout_ms = LONG_MS;
	click(scene, 1);
	assert_true(compositor_settle(scene->stage.compositor, &message));
	assert_null(run(scene, 1, 500)); // it thinks where nobody sees it
	const struct channel_box box = {100, 100, 50, 50};
	draw(scene, box, RED);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, box);
	assert_true(m->settled.waited_ms >= 600 && m->settled.waited_ms < 1500);

	message.settle.token = 2;
	click(scene, 2);
	assert_true(compositor_settle(scene->stage.compositor, &message));
	m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_unchanged(m);
	assert_true(m->settled.waited_ms >= 1500);

	message.settle.token = 3;
	message.settle.unchanged_ms = 99;
	assert_false(compositor_settle(scene->stage.compositor, &message));
	message.settle.unchanged_ms = 10001;
	assert_false(compositor_settle(scene->stage.compositor, &message));
}

static void test_another_client_need_not_answer(void **state) {
	struct scene *scene = *state;
	struct client *other = client_connect(&scene->stage);
	struct window *small = open_small(other);
	scene->client->mute = true; // the small one has the focus
	ask(scene, 1, 0, 50, LONG_MS);
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_QUIET);
	// The one that took the input is asked, not the one in focus.
	step(scene, 2, CHANNEL_INPUT_MOVE, 0, 0, 10, 10, true);
	ask(scene, 2, SINCE, 50, 500);
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_UNRESPONSIVE);
	scene->client->mute = false;
	window_close(small);
}

static void test_nobody_is_there(void **state) {
	struct scene *scene = *state;
	window_close(scene->window);
	scene->window = NULL;
	ask(scene, 1, 0, 50, LONG_MS);
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_QUIET);
	click(scene, 2); // NO_TARGET: delivered to nobody, but done
	ask(scene, 2, SINCE, 50, LONG_MS);
	const struct channel_message *m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_unchanged(m);
}

static void test_a_client_that_goes_answers_no_more(void **state) {
	struct scene *scene = *state;
	struct client *other = client_connect(&scene->stage);
	struct window *small = open_small(other);
	other->mute = true;
	click(scene, 1);
	ask(scene, 1, SINCE, 100, LONG_MS);
	assert_null(run(scene, 1, 300));
	assert_int_not_equal(other->pinged, 0);
	wl_surface_destroy(small->surface); // an error that ends the connection
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_true(other->dead);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, (struct channel_box){270, 150, 100, 100});
	small->surface = NULL;
	wl_buffer_destroy(small->buffer);
	xdg_toplevel_destroy(small->toplevel);
	xdg_surface_destroy(small->xdg);
	wl_callback_destroy(small->frame != NULL ? small->frame : wl_display_sync(other->display));
	free(small);
}

static void test_a_covered_window_is_not_waited_for(void **state) {
	struct scene *scene = *state;
	struct client *other = client_connect(&scene->stage);
	click(scene, 1);
	ask(scene, 1, SINCE, 400, LONG_MS);
	run(scene, 0, 60);
	struct window *cover = window_open(other, 0, 0, false, NULL, "cover", BLUE);
	make_opaque(cover);
	// It asks for a frame that never comes.
	int done = scene->window->frames_done;
	window_draw(scene->window, WIDTH, HEIGHT, RED);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, everything);
	assert_int_equal(scene->window->frames_done, done);
	window_close(cover);
}

// ---- actions

static void test_what_came_before_the_question_counts(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	const struct channel_box box = {7, 9, 11, 13};
	draw(scene, box, RED);
	run(scene, 0, 100);
	ask(scene, 1, SINCE, 50, LONG_MS);
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, box);
	assert_true(m->settled.waited_ms >= 100); // since the action was done
	// In a region, too; and a wait of its own begins with the question.
	click(scene, 2);
	draw(scene, box, BLUE);
	run(scene, 0, 100);
	assert_true(ask_region(scene, 2, SINCE, 50, LONG_MS, (struct channel_box){10, 0, 50, 50}));
	ask(scene, 3, 0, 50, LONG_MS);
	assert_changed(run(scene, 2, LONG_MS), (struct channel_box){10, 9, 8, 13});
	assert_unchanged(run(scene, 3, LONG_MS));
}

static void test_a_question_may_come_too_late(void **state) {
	struct scene *scene = *state;
	click(scene, 1);
	run(scene, 0, SETTLE_ASK_MS + 300);
	ask(scene, 1, SINCE, 50, LONG_MS);
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	// So it does when it was settled.
	click(scene, 2);
	ask(scene, 2, SINCE, 50, LONG_MS);
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_QUIET);
	stage_forget(&scene->stage);
	ask(scene, 2, SINCE, 50, LONG_MS);
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_CANCELLED);
}

static void test_a_question_may_come_first(void **state) {
	struct scene *scene = *state;
	ask(scene, 5, SINCE, 50, 300);
	draw(scene, (struct channel_box){0, 0, 9, 9}, RED); // before the action
	assert_null(run(scene, 5, 600));
	step(scene, 5, CHANNEL_INPUT_MOVE, 0, 0, 300, 200, false);
	step(scene, 5, CHANNEL_INPUT_DELAY, 0, 400, 0, 0, true);
	run(scene, 0, 100);
	const struct channel_box box = {20, 20, 9, 9};
	draw(scene, box, RED); // while it plays
	assert_null(run(scene, 5, 150));
	const struct channel_message *m = run(scene, 5, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, box);
	assert_true(m->settled.waited_ms < LONG_MS / 4);
}

static void test_an_action_that_never_began_is_not_waited_for(void **state) {
	struct scene *scene = *state;
	for (uint32_t token = 1; token <= 2; token++) {
		struct channel_message message = {.type = CHANNEL_INPUT};
		message.input.token = token;
		message.input.kind = CHANNEL_INPUT_KEY;
		message.input.value = 1;
		message.input.flags = CHANNEL_INPUT_LAST;
		memcpy(message.input.text, "NoSuchKey", sizeof("NoSuchKey"));
		if (token == 1) {
			ask(scene, token, SINCE, 50, LONG_MS);
		}
		assert_true(compositor_input(scene->stage.compositor, &message));
		if (token == 2) {
			ask(scene, token, SINCE, 50, LONG_MS);
		}
		assert_settled(run(scene, token, LONG_MS), CHANNEL_SETTLE_CANCELLED);
		assert_int_equal(stage_last(&scene->stage, CHANNEL_INPUT_DONE)->input_done.status,
			CHANNEL_INPUT_UNKNOWN_KEY);
	}
}

static void test_waits_are_cancelled(void **state) {
	struct scene *scene = *state;
	struct compositor *c = scene->stage.compositor;
	scene->movers[0] = (struct mover){.box = {100, 100, 200, 100}, .every_ms = 20};
	// Of its own.
	ask(scene, 1, 0, 5000, LONG_MS);
	run(scene, 0, 100);
	assert_true(compositor_input_cancel(c, 1));
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_CANCELLED);
	assert_changed(m, scene->movers[0].box); // what there was until then
	// Of an action that is done; that plays; that waits; that is not whole.
	click(scene, 2);
	step(scene, 3, CHANNEL_INPUT_DELAY, 0, 60000, 0, 0, true);
	click(scene, 4);
	step(scene, 5, CHANNEL_INPUT_MOVE, 0, 0, 0, 0, false);
	for (uint32_t token = 2; token <= 5; token++) {
		ask(scene, token, SINCE, 5000, LONG_MS);
	}
	for (uint32_t token = 5; token >= 2; token--) {
		assert_null(run(scene, token, 50));
		assert_true(compositor_input_cancel(c, token));
		assert_settled(run(scene, token, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	}
	assert_true(compositor_input_cancel(c, 77)); // nobody
	assert_false(compositor_input_cancel(c, 0));
	// Release: every action's, no other.
	step(scene, 6, CHANNEL_INPUT_DELAY, 0, 60000, 0, 0, true);
	click(scene, 7);
	ask(scene, 6, SINCE, 5000, LONG_MS);
	ask(scene, 7, SINCE, 5000, LONG_MS);
	ask(scene, 8, 0, 5000, 2000);
	compositor_input_release(c);
	assert_settled(run(scene, 6, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	assert_settled(run(scene, 7, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	assert_settled(run(scene, 8, LONG_MS), CHANNEL_SETTLE_TIMEOUT);
}

static void test_sixteen_wait_at_once(void **state) {
	struct scene *scene = *state;
	for (uint32_t token = 1; token <= SETTLE_MAX_WAITS; token++) {
		ask(scene, token, token % 2 == 0 ? SINCE : 0, 400, LONG_MS);
	}
	ask(scene, 100, 0, 400, LONG_MS);
	ask(scene, 101, SINCE, 400, LONG_MS);
	assert_settled(run(scene, 100, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	assert_settled(run(scene, 101, LONG_MS), CHANNEL_SETTLE_CANCELLED);
	// Far more actions than are remembered take no wait's place.
	for (uint32_t token = 2; token <= 300; token++) {
		click(scene, token);
	}
	for (uint32_t token = 1; token <= SETTLE_MAX_WAITS; token++) {
		assert_settled(run(scene, token, LONG_MS), CHANNEL_SETTLE_QUIET);
	}
	stage_forget(&scene->stage);
	ask(scene, 100, 0, 50, LONG_MS);
	assert_settled(run(scene, 100, LONG_MS), CHANNEL_SETTLE_QUIET);
}

static void test_what_makes_no_sense(void **state) {
	struct scene *scene = *state;
	const struct {
		uint32_t token, flags, quiet_ms, timeout_ms;
		struct channel_box region;
	} cases[] = {
		{0, 0, 100, 100, {0, 0, 0, 0}},
		{1, 2, 100, 100, {0, 0, 0, 0}},
		{1, 0, 0, 100, {0, 0, 0, 0}},
		{1, 0, 10001, 100, {0, 0, 0, 0}},
		{1, 0, 100, 600001, {0, 0, 0, 0}},
		{1, 0, 100, 100, {-1, 0, 10, 10}},
		{1, 0, 100, 100, {0, 0, 10, 0}},
		{1, 0, 100, 100, {0, 0, -10, 10}},
		{1, 0, 100, 100, {0, 0, WIDTH + 1, 10}},
		{1, 0, 100, 100, {10, 0, INT32_MAX, 10}},
		{1, 0, 100, 100, {WIDTH, 0, 1, 10}},
		{1, 0, 100, 100, {0, HEIGHT - 5, 1, 6}},
		{1, 0, 100, 100, {3, 0, 0, 0}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(ask_region(scene, cases[i].token, cases[i].flags, cases[i].quiet_ms,
			cases[i].timeout_ms, cases[i].region));
	}
	assert_true(ask_region(scene, 1, 0, 1, 600000, everything));
	assert_false(ask_region(scene, 1, 0, 100, 100, everything)); // asked already
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_QUIET);
}

// ---- a reader that is slow, clients that mean ill

static void test_what_could_not_be_drawn_is_not_rest(void **state) {
	struct scene *scene = *state;
	scene->stage.keep = true;
	for (uint32_t i = 1; i <= CHANNEL_SLOTS + 1; i++) {
		draw(scene, (struct channel_box){0, 0, 100, 100}, i);
		run(scene, 0, 50);
	}
	ask(scene, 1, 0, 50, 400);
	assert_settled(run(scene, 1, LONG_MS), CHANNEL_SETTLE_TIMEOUT);
	ask(scene, 2, 0, 50, LONG_MS);
	uint32_t newest = stage_last(&scene->stage, CHANNEL_FRAME)->frame.slot;
	// Only the newest is given back: nothing is left to compare with, but to draw into.
	assert_true(compositor_release(scene->stage.compositor, newest));
	const struct channel_message *m = run(scene, 2, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_QUIET);
	assert_changed(m, (struct channel_box){0, 0, 100, 100});
	assert_int_equal(stage_last(&scene->stage, CHANNEL_FRAME)->frame.slot, newest);
	scene->stage.keep = false;
	for (uint32_t i = 0; i < CHANNEL_SLOTS; i++) {
		compositor_release(scene->stage.compositor, i);
	}
}

static void test_ten_thousand_boxes_in_every_frame(void **state) {
	struct scene *scene = *state;
	ask(scene, 1, 0, 10000, 600000);
	for (uint32_t n = 1; n <= 5; n++) {
		for (int i = 0; i < 10000; i++) {
			int x = i % 160 * 4, y = i / 160 * 4;
			scene->pixels[y * WIDTH + x] = n;
			wl_surface_damage_buffer(scene->window->surface, x, y, 1, 1);
			if (i % 500 == 0) {
				stage_run(&scene->stage, 0);
			}
		}
		show(scene, (struct channel_box){0, 0, 1, 1});
		assert_null(run(scene, 1, 100));
	}
	assert_true(compositor_input_cancel(scene->stage.compositor, 1));
	const struct channel_message *m = run(scene, 1, LONG_MS);
	assert_settled(m, CHANNEL_SETTLE_CANCELLED);
	assert_changed(m, (struct channel_box){0, 0, 637, 249});
	// It can go on.
	ask(scene, 2, 0, 50, LONG_MS);
	assert_settled(run(scene, 2, LONG_MS), CHANNEL_SETTLE_QUIET);
}

static void test_windows_come_and_go_while_somebody_waits(void **state) {
	struct scene *scene = *state;
	struct client *other = client_connect(&scene->stage);
	other->mute = true;
	for (uint32_t i = 0; i < 8; i++) {
		struct window *small = open_small(other);
		small->mute = true;
		step(scene, 10 * i + 1, CHANNEL_INPUT_MOVE, 0, 0, 310, 200, true);
		ask(scene, 10 * i + 1, SINCE, 100, 1000);
		ask(scene, 10 * i + 2, 0, 100, 1000);
		run(scene, 0, 30);
		window_close(small);
	}
	client_close(other);
	for (uint32_t i = 0; i < 8; i++) {
		assert_non_null(run(scene, 10 * i + 1, LONG_MS));
		assert_non_null(run(scene, 10 * i + 2, LONG_MS));
	}
	ask(scene, 100, 0, 50, LONG_MS);
	assert_settled(run(scene, 100, LONG_MS), CHANNEL_SETTLE_QUIET);
}

// With waits, pings and idle work under way.
static void test_the_end_in_the_middle(void **state) {
	struct scene *scene = *state;
	scene->client->mute = true;
	ask(scene, 1, 0, 5000, LONG_MS);
	ask(scene, 2, SINCE, 5000, LONG_MS);
	step(scene, 3, CHANNEL_INPUT_DELAY, 0, 60000, 0, 0, true);
	ask(scene, 3, SINCE, 5000, LONG_MS);
	run(scene, 0, 50);
	ask(scene, 4, 0, 5000, LONG_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_a_configure_is_waited_for),
		TEST(test_a_window_that_opens_is_waited_for),
		TEST(test_who_does_not_answer_is_unresponsive),
		TEST(test_a_late_answer_is_waited_for),
		TEST(test_work_after_the_answer_is_waited_for),
		TEST(test_nothing_changed_takes_longer_to_be_sure_of),
		TEST(test_another_client_need_not_answer),
		TEST(test_nobody_is_there),
		TEST(test_a_client_that_goes_answers_no_more),
		TEST(test_a_covered_window_is_not_waited_for),
		TEST(test_what_came_before_the_question_counts),
		TEST(test_a_question_may_come_too_late),
		TEST(test_a_question_may_come_first),
		TEST(test_an_action_that_never_began_is_not_waited_for),
		TEST(test_waits_are_cancelled),
		TEST(test_sixteen_wait_at_once),
		TEST(test_what_makes_no_sense),
		TEST(test_what_could_not_be_drawn_is_not_rest),
		TEST(test_ten_thousand_boxes_in_every_frame),
		TEST(test_windows_come_and_go_while_somebody_waits),
		TEST(test_the_end_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
