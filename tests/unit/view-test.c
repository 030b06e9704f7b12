// What viewers say, checked; what has changed, kept in few boxes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "session/damage.h"
#include "session/view.h"

#define WIDTH 640
#define HEIGHT 480

static struct view_message input(
	uint32_t kind, uint32_t code, uint32_t value, int32_t x, int32_t y) {
	return (struct view_message){.type = VIEW_INPUT, .input = {kind, code, value, x, y}};
}

static bool carries(uint32_t type) {
	return type == VIEW_KEYMAP || type == VIEW_PUT_ITEM;
}

static bool good(struct view_message message) {
	return view_check(&message, carries(message.type), WIDTH, HEIGHT);
}

static void test_input(void **state) {
	const int32_t right = WIDTH * 256 - 1, below = HEIGHT * 256 - 1;
	assert_true(good(input(VIEW_INPUT_MOVE, 0, 0, 0, 0)));
	assert_true(good(input(VIEW_INPUT_MOVE, 0, 0, right, below)));
	assert_false(good(input(VIEW_INPUT_MOVE, 0, 0, right + 1, 0)));
	assert_false(good(input(VIEW_INPUT_MOVE, 0, 0, 0, below + 1)));
	assert_false(good(input(VIEW_INPUT_MOVE, 0, 0, -1, 0)));
	assert_false(good(input(VIEW_INPUT_MOVE, 0, 0, 0, INT32_MIN)));
	assert_false(good(input(VIEW_INPUT_MOVE, 1, 0, 0, 0)));
	assert_false(good(input(VIEW_INPUT_MOVE, 0, 1, 0, 0)));
	assert_true(good(input(VIEW_INPUT_BUTTON, 0x110, 1, 5, 5)));
	assert_true(good(input(VIEW_INPUT_BUTTON, 0x117, 0, 5, 5)));
	assert_false(good(input(VIEW_INPUT_BUTTON, 0x10f, 1, 5, 5)));
	assert_false(good(input(VIEW_INPUT_BUTTON, 0x118, 1, 5, 5)));
	assert_false(good(input(VIEW_INPUT_BUTTON, 0x110, 2, 5, 5)));
	assert_false(good(input(VIEW_INPUT_BUTTON, 0x110, 1, 5, below + 1)));
	assert_true(good(input(VIEW_INPUT_SCROLL, 0, CHANNEL_SCROLL_PIXELS, -256, 256)));
	assert_true(good(input(VIEW_INPUT_SCROLL, 0, 0, 100000 * 256 - 256, 0)));
	assert_false(good(input(VIEW_INPUT_SCROLL, 0, 0, INT32_MAX, 0)));
	assert_false(good(input(VIEW_INPUT_SCROLL, 0, 0, 0, INT32_MIN)));
	assert_false(good(input(VIEW_INPUT_SCROLL, 0, 2, 0, 0)));
	assert_true(good(input(VIEW_INPUT_KEYCODE, 1, 1, 0, 0)));
	assert_true(good(input(VIEW_INPUT_KEYCODE, 247, 0, 0, 0)));
	assert_false(good(input(VIEW_INPUT_KEYCODE, 0, 1, 0, 0)));
	assert_false(good(input(VIEW_INPUT_KEYCODE, 248, 1, 0, 0)));
	assert_false(good(input(VIEW_INPUT_KEYCODE, 30, 2, 0, 0)));
	assert_true(good(input(VIEW_INPUT_TOUCH, 9, CHANNEL_TOUCH_MOVE, 1, 1)));
	assert_false(good(input(VIEW_INPUT_TOUCH, 10, CHANNEL_TOUCH_DOWN, 1, 1)));
	assert_false(good(input(VIEW_INPUT_TOUCH, 0, 3, 1, 1)));
	assert_true(good(input(VIEW_INPUT_RELEASE, 0, 0, 0, 0)));
	assert_false(good(input(0, 0, 0, 0, 0)));
	assert_false(good(input(VIEW_INPUT_RELEASE + 1, 0, 0, 0, 0)));
}

static void test_types(void **state) {
	for (uint32_t type = 0; type < 200; type++) {
		struct view_message message = {.type = type};
		message.keymap.bytes = 1; // also withhold, on, kind and direction
		bool known = type >= VIEW_TAKE_OVER && type <= VIEW_ANSWER_ITEM;
		assert_int_equal(view_check(&message, carries(type), WIDTH, HEIGHT), known);
		message.reserved = 1;
		assert_false(view_check(&message, carries(type), WIDTH, HEIGHT));
		message.reserved = 0;
		// A descriptor where there is none to be, none where there is one, and two.
		assert_false(view_check(&message, !carries(type), WIDTH, HEIGHT));
		assert_false(view_check(&message, 2, WIDTH, HEIGHT));
	}
	struct view_message keymap = {.type = VIEW_KEYMAP};
	assert_false(good(keymap));
	keymap.keymap.bytes = VIEW_MAX_KEYMAP;
	assert_true(good(keymap));
	keymap.keymap.bytes = VIEW_MAX_KEYMAP + 1;
	assert_false(good(keymap));
	assert_false(good((struct view_message){.type = VIEW_TAKE_OVER, .take_over.withhold = 2}));
	assert_false(good((struct view_message){.type = VIEW_RECORD, .record.on = 2}));
	struct view_message item = {.type = VIEW_PUT_ITEM};
	for (item.put_item.kind = 0; item.put_item.kind < 6; item.put_item.kind++) {
		assert_int_equal(good(item), item.put_item.kind >= VIEW_ITEM_TEXT &&
						     item.put_item.kind <= VIEW_ITEM_JPEG);
	}
	struct view_message answer = {
		.type = VIEW_ANSWER_ITEM, .answer_item = {.direction = VIEW_OUT, .allow = 1}};
	assert_true(good(answer));
	answer.answer_item.allow = 2;
	assert_false(good(answer));
	answer.answer_item.allow = 0;
	answer.answer_item.direction = VIEW_OUT + 1;
	assert_false(good(answer));
	answer.answer_item.direction = VIEW_IN;
	memset(answer.answer_item.sha256, 'a', sizeof(answer.answer_item.sha256)); // no end
	assert_false(good(answer));
}

static void test_damage_is_never_lost(void **state) {
	static uint8_t changed[HEIGHT][WIDTH];
	srand(4);
	for (int round = 0; round < 200; round++) {
		struct damage damage = {0};
		memset(changed, 0, sizeof(changed));
		int count = 1 + rand() % 30;
		for (int i = 0; i < count; i++) {
			struct channel_box box = {.x = rand() % WIDTH, .y = rand() % HEIGHT};
			box.width = 1 + rand() % (WIDTH - box.x);
			box.height = 1 + rand() % (round % 2 ? 4 : HEIGHT - box.y);
			box.height = box.y + box.height > HEIGHT ? HEIGHT - box.y : box.height;
			for (int y = box.y; y < box.y + box.height; y++) {
				memset(&changed[y][box.x], 1, (size_t)box.width);
			}
			damage_add(&damage, &box);
		}
		assert_true(damage.len >= 1 && damage.len <= CHANNEL_BOXES);
		for (uint32_t i = 0; i < damage.len; i++) {
			const struct channel_box *box = &damage.boxes[i];
			assert_true(
				box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0);
			assert_true(box->x + box->width <= WIDTH && box->y + box->height <= HEIGHT);
			for (int y = box->y; y < box->y + box->height; y++) {
				memset(&changed[y][box->x], 0, (size_t)box->width);
			}
		}
		assert_null(memchr(changed, 1, sizeof(changed)));
	}
}

static void test_damage_stays_small(void **state) {
	struct damage damage = {0};
	damage_add(&damage, &(struct channel_box){10, 10, 50, 50});
	damage_add(&damage, &(struct channel_box){20, 20, 5, 5}); // within
	assert_int_equal(damage.len, 1);
	damage_add(&damage, &(struct channel_box){0, 0, 100, 100}); // around
	assert_int_equal(damage.len, 1);
	assert_int_equal(damage.boxes[0].width, 100);
	damage_add(&damage, &(struct channel_box){200, 200, 1, 1}); // beside
	assert_int_equal(damage.len, 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_damage_is_never_lost),
		cmocka_unit_test(test_damage_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
