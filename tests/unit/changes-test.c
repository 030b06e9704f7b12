// What differs between two frames, and which of it repeats: plain memory and made-up times.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compositor/changes.h"
#include "compositor/spots.h"

#define WIDTH 300
#define HEIGHT 200

struct pair {
	uint32_t before[WIDTH * HEIGHT], after[WIDTH * HEIGHT];
	struct changes changes;
};

static int setup(void **state) {
	*state = calloc(1, sizeof(struct pair));
	return *state != NULL ? 0 : -1;
}

static int teardown(void **state) {
	free(*state);
	return 0;
}

static void fill(uint32_t *frame, struct channel_box box, uint32_t pixel) {
	for (int32_t y = box.y; y < box.y + box.height; y++) {
		for (int32_t x = box.x; x < box.x + box.width; x++) {
			frame[y * WIDTH + x] = pixel;
		}
	}
}

static void find(struct pair *pair, struct channel_box damage) {
	pixman_region32_t region;
	pixman_region32_init_rect(
		&region, damage.x, damage.y, (unsigned)damage.width, (unsigned)damage.height);
	changes_find(&pair->changes, pair->before, pair->after, WIDTH, &region);
	pixman_region32_fini(&region);
}

static const struct channel_box whole = {0, 0, WIDTH, HEIGHT};

static void assert_box(struct channel_box box, int x, int y, int width, int height) {
	assert_int_equal(box.x, x);
	assert_int_equal(box.y, y);
	assert_int_equal(box.width, width);
	assert_int_equal(box.height, height);
}

static void test_equal_frames_have_no_changes(void **state) {
	struct pair *pair = *state;
	find(pair, whole);
	assert_int_equal(pair->changes.len, 0);
	// The byte that is not shown may hold anything.
	fill(pair->after, whole, 0xff000000u);
	find(pair, whole);
	assert_int_equal(pair->changes.len, 0);
	fill(pair->after, whole, 0xff000001u);
	find(pair, whole);
	assert_int_equal(pair->changes.len, 1);
}

static void test_a_change_is_found_to_the_pixel(void **state) {
	struct pair *pair = *state;
	// Across the borders of what is compared at once, and in every corner.
	const struct channel_box cases[] = {{0, 0, 1, 1}, {WIDTH - 1, HEIGHT - 1, 1, 1},
		{WIDTH - 1, 0, 1, HEIGHT}, {0, HEIGHT - 1, WIDTH, 1}, {63, 63, 2, 2},
		{60, 20, 200, 150}, whole};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(pair->after, 0, sizeof(pair->after));
		fill(pair->after, cases[i], 0x010000);
		find(pair, whole);
		assert_int_equal(pair->changes.len, 1);
		assert_memory_equal(&pair->changes.boxes[0], &cases[i], sizeof(cases[i]));
	}
}

static void test_only_the_damage_is_compared(void **state) {
	struct pair *pair = *state;
	fill(pair->after, whole, 0xffffff);
	find(pair, (struct channel_box){10, 20, 100, 30});
	assert_int_equal(pair->changes.len, 1);
	assert_box(pair->changes.boxes[0], 10, 20, 100, 30);
}

static void test_what_is_far_apart_has_its_own_box(void **state) {
	struct pair *pair = *state;
	fill(pair->after, (struct channel_box){10, 10, 5, 5}, 1);
	fill(pair->after, (struct channel_box){20, 10, 5, 5}, 1);
	fill(pair->after, (struct channel_box){250, 150, 10, 10}, 1);
	find(pair, whole);
	assert_int_equal(pair->changes.len, 2);
	assert_box(pair->changes.boxes[0], 10, 10, 15, 5);
	assert_box(pair->changes.boxes[1], 250, 150, 10, 10);
}

// Any number of places, damaged in any number of pieces: few boxes, and all of it is in them.
static void test_many_changes_are_joined(void **state) {
	struct pair *pair = *state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		srand(seed);
		memset(pair->after, 0, sizeof(pair->after));
		pixman_region32_t region;
		pixman_region32_init(&region);
		for (unsigned i = 0; i < seed * 50; i++) {
			int x = rand() % WIDTH, y = rand() % HEIGHT;
			pair->after[y * WIDTH + x] = 1;
			pixman_region32_union_rect(&region, &region, x, y, 1, 1);
		}
		changes_find(&pair->changes, pair->before, pair->after, WIDTH, &region);
		assert_true(pair->changes.len >= 1 && pair->changes.len <= CHANGES_MAX);
		for (uint32_t i = 0; i < pair->changes.len; i++) {
			const struct channel_box *box = &pair->changes.boxes[i];
			assert_true(box->x >= 0 && box->x + box->width <= WIDTH);
			assert_true(box->y >= 0 && box->y + box->height <= HEIGHT);
			fill(pair->after, *box, 0);
		}
		assert_memory_equal(pair->before, pair->after, sizeof(pair->after));
		pixman_region32_fini(&region);
	}
}

// ---- spots

// A frame in which `box` gets one colour.
static enum spots_verdict tick(struct pair *pair, struct spots *spots, struct channel_box box,
	uint32_t colour, int64_t ms) {
	memcpy(pair->before, pair->after, sizeof(pair->before));
	fill(pair->after, box, colour);
	uint32_t id = 0;
	enum spots_verdict verdict = spots_note(spots, &box, pair->before, pair->after, ms, &id);
	assert_int_not_equal(id, 0);
	assert_int_equal(spots_alive(spots, id, ms), spots->spots[0].sure);
	return verdict;
}

static const struct channel_box caret = {50, 50, 2, 18};

static void test_a_caret_is_sure_after_a_while(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tick(pair, &spots, caret, i % 2 == 0, i * 500), SPOTS_NONE);
	}
	assert_int_equal(tick(pair, &spots, caret, 0, 1500), SPOTS_AGAIN);
	assert_int_equal(tick(pair, &spots, caret, 1, 2000), SPOTS_AGAIN);
	// A letter in its place is not what it showed before.
	assert_int_equal(tick(pair, &spots, caret, 7, 2500), SPOTS_NEW);
	assert_int_equal(tick(pair, &spots, caret, 7, 3000), SPOTS_AGAIN);
	// After a rest it begins anew.
	assert_int_equal(tick(pair, &spots, caret, 0, 3000 + SPOTS_GAP_MS + 1), SPOTS_NONE);
}

static void test_a_quick_row_is_no_spot_yet(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	// A button that fades.
	for (int64_t ms = 0; ms < SPOTS_AGE_MS; ms += 16) {
		assert_int_equal(tick(pair, &spots, caret, (uint32_t)ms, 10000 + ms), SPOTS_NONE);
	}
}

static void test_what_was_done_is_no_repetition(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	// A box that is ticked again and again.
	for (int i = 0; i < 20; i++) {
		spots_forget_unsure(&spots);
		assert_int_equal(tick(pair, &spots, caret, i % 2 == 0, i * 600), SPOTS_NONE);
	}
	// One that was sure stays it.
	for (int i = 0; i < 4; i++) {
		tick(pair, &spots, caret, i % 2 == 0, 20000 + i * 600);
	}
	spots_forget_unsure(&spots);
	assert_int_equal(tick(pair, &spots, caret, 1, 20000 + 4 * 600), SPOTS_AGAIN);
}

static void test_a_spot_that_grows_begins_anew(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	for (int i = 0; i < 5; i++) {
		tick(pair, &spots, caret, i % 2 == 0, i * 500);
	}
	assert_true(spots.spots[0].sure);
	struct channel_box letter = {48, 50, 10, 12};
	assert_int_equal(tick(pair, &spots, letter, 3, 2600), SPOTS_NONE);
	assert_false(spots.spots[0].sure);
	assert_box(spots.spots[0].box, 48, 50, 10, 18);
	// Two that are joined leave one.
	struct channel_box other = {100, 50, 4, 4}, both = {40, 50, 64, 4};
	tick(pair, &spots, letter, 4, 2700);
	spots_note(&spots, &other, pair->before, pair->after, 2700, &(uint32_t){0});
	tick(pair, &spots, both, 5, 2800);
	int used = 0;
	for (size_t i = 0; i < SPOTS_MAX; i++) {
		used += spots.spots[i].id != 0;
	}
	assert_int_equal(used, 1);
}

static void test_what_covers_a_spot_ends_it(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	for (int i = 0; i < 5; i++) {
		tick(pair, &spots, caret, i % 2 == 0, i * 500);
	}
	struct channel_box beside = {100, 100, 100, 100};
	spots_forget(&spots, &beside);
	assert_true(spots.spots[0].sure);
	spots_forget(&spots, &whole);
	assert_int_equal(tick(pair, &spots, caret, 1, 2500), SPOTS_NONE);
}

static void test_more_spots_than_there_is_room_for(void **state) {
	struct pair *pair = *state;
	struct spots spots;
	spots_init(&spots, WIDTH, HEIGHT);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 2 * SPOTS_MAX; i++) {
			struct channel_box box = {i % 8 * 30, i / 8 * 30, 5, 5};
			uint32_t id = 0;
			pair->after[box.y * WIDTH + box.x] = (uint32_t)round;
			assert_int_equal(spots_note(&spots, &box, pair->before, pair->after,
						 round * 500 + i, &id),
				SPOTS_NONE);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_equal_frames_have_no_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_change_is_found_to_the_pixel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_damage_is_compared, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_far_apart_has_its_own_box, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_changes_are_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_caret_is_sure_after_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_quick_row_is_no_spot_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_done_is_no_repetition, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_spot_that_grows_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_covers_a_spot_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_spots_than_there_is_room_for, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
