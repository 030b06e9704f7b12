// Texts as clients receive them (tests/helpers/acting.h).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "input/keymap.h"
#include "input/layout.h"
#include "tests/helpers/acting.h"

#define ASCII \
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`" \
	"abcdefghijklmnopqrstuvwxyz{|}~"
#define FAMILY "\U0001F468\u200D\U0001F469\u200D\U0001F467"
#define PURPOSE_NORMAL 0
#define PURPOSE_TERMINAL 13

static size_t put(char *at, uint32_t c) {
	if (c < 0x80) {
		*at = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1;) {
		at[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	at[0] = (char)((0xf00u >> n) | c);
	return n;
}

// `count` characters from `first` on, each a different one.
static char *row_of(uint32_t first, uint32_t count, uint32_t step) {
	char *text = calloc(count + 1, 4);
	assert_non_null(text);
	size_t len = 0;
	for (uint32_t i = 0; i < count; i++) {
		len += put(text + len, first + i * step);
	}
	return text;
}

// ---- keys

static void test_ascii_takes_no_new_keymap(void **state) {
	struct acting *acting = *state;
	int keymaps = acting->recorder->keymaps;
	assert_typed(acting, ASCII);
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_KEYS), 95);
	assert_int_equal(acting->recorder->keymaps, keymaps);
	assert_typed(acting, "a\nb\t\tc\n\n");
}

static void test_line_ends_of_every_kind_are_return(void **state) {
	struct acting *acting = *state;
	send_text(acting, "a\r\nb\rc\nd");
	assert_int_equal(wait_done(acting, 1)->input_done.characters, 8);
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->text, "a\nb\nc\nd");
}

// What is in a layout is typed with its keys, what is not with others, and all of it arrives.
static void check_layout(const char *layout, const char *own) {
	void *state;
	assert_int_equal(acting_setup_layout(&state, layout), 0);
	struct acting *acting = state;
	int keymaps = acting->recorder->keymaps;
	assert_typed(acting, own);
	assert_int_equal(acting->recorder->keymaps, keymaps);
	assert_typed(acting, ASCII "\n");
	assert_typed(acting, "é ^` ñ ß Ж я €\n");
	assert_typed(acting, own);
	acting_teardown(&state);
}

static void test_layouts(void **state) {
	check_layout("us", "Hello, World!");
	check_layout("de", "Zyklus äöüÄÖÜß €@{[]}\\~|µ ²³");
	check_layout("fr", "AZERTY azerty éèçàù €@#{[|\\]} 0123");
	check_layout("ru", "Съешь ещё этих мягких ёЁ №");
	check_layout("de(neo)", "Xylophon …_[]^!<>=& αβγ ſẞ ℕℝ∀");
	check_layout("us(intl)", "quotes a\x62\x63 ñ¿¡ €");
	check_layout("jp", "yen \\ and _");
	check_layout("il", "שלום עולם");
	assert_null(keymap_load("nowhere"));
	assert_null(keymap_load("us(nowhere)"));
	assert_null(keymap_load("us("));
	assert_null(keymap_load(""));
	assert_null(keymap_load("../us"));
}

// A dead key makes no character: it would take the next one along.
static void test_dead_keys_are_not_used(void **state) {
	struct xkb_keymap *keymap = keymap_load("de");
	struct layout *layout = layout_create(keymap);
	struct layout_press press;
	assert_true(layout_find_symbol(layout, 0, XKB_KEY_dead_circumflex, &press));
	assert_false(layout_find_character(layout, 0, '^', &press));
	assert_true(layout_find_character(layout, 0, '@', &press));
	assert_int_equal(press.code, KEY_Q);
	// The keypad is not for texts.
	assert_true(layout_find_character(layout, 0, '7', &press));
	assert_int_equal(press.code, KEY_7);
	layout_destroy(layout);
	xkb_keymap_unref(keymap);
}

static void test_locked_and_held_modifiers(void **state) {
	struct acting *acting = *state;
	send_key(acting, "Caps_Lock", true, 0);
	send_key(acting, "Caps_Lock", false, LAST);
	acting->token++;
	assert_typed(acting, "aAbB1! éÉ");
	send_key(acting, "Shift_L", true, LAST);
	acting->token++;
	assert_typed(acting, "aAbB1! éÉ");
	recorder_forget(acting->recorder);
	send_key(acting, "1", true, 0); // Shift is still down
	send_key(acting, "1", false, LAST);
	acting->token++;
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->log, "+exclam;-exclam;");
	send_key(acting, "Shift_L", false, 0);
	send_key(acting, "Caps_Lock", true, 0);
	send_key(acting, "Caps_Lock", false, LAST);
	acting->token++;
	assert_typed(acting, "aA");
	// A key that is held is typed all the same.
	send_key(acting, "a", true, LAST);
	acting->token++;
	stage_settle(&acting->stage);
	assert_typed(acting, "aaa");
}

// ---- beyond the layout, for a client that takes only keys

static void test_one_keymap_serves_a_text(void **state) {
	struct acting *acting = *state;
	int keymaps = acting->recorder->keymaps;
	assert_typed(acting, "Café — naïve\nÜber straße\nплюс\ne\u0301\n");
	assert_int_equal(acting->recorder->keymaps, keymaps + 1);
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_KEYMAP), 12 + 11 + 4 + 2);
	assert_typed(acting, "é plain é");
	assert_int_equal(acting->recorder->keymaps, keymaps + 1);
}

static void test_an_extended_keymap_is_for_one_client(void **state) {
	struct acting *acting = *state;
	struct recorder *other = recorder_create(client_connect(&acting->stage));
	int mine = acting->recorder->keymaps, others = other->keymaps;
	assert_typed(acting, "é");
	assert_int_equal(acting->recorder->keymaps, mine + 1);
	assert_int_equal(other->keymaps, others);
	// It goes with the focus.
	struct window *window = window_open(other->client, 100, 100, true, NULL, "other", 0x00ff00);
	assert_int_equal(acting->recorder->keymaps, mine + 2);
	send_text(acting, "é");
	wait_done(acting, 2);
	stage_settle(&acting->stage);
	assert_string_equal(other->text, "é");
	window_close(window);
	struct client *client = other->client;
	recorder_destroy(other);
	client_close(client);
	assert_typed(acting, "é");
	// A program that starts now learns of it, and is not left with it.
	other = recorder_create(client_connect(&acting->stage));
	assert_int_equal(other->keymaps, 1);
	window = window_open(other->client, 100, 100, true, NULL, "other", 0x00ff00);
	assert_int_equal(other->keymaps, 2);
	assert_int_equal(xkb_keymap_num_levels_for_key(other->keymap, KEY_OPEN + 8, 0),
		xkb_keymap_num_levels_for_key(acting->stage.keymap, KEY_OPEN + 8, 0));
	window_close(window);
	recorder_destroy(other);
}

static void test_every_plane(void **state) {
	struct acting *acting = *state;
	static const struct {
		uint32_t first, count, step;
	} rows[] = {
		{0xa0, 40, 1},
		{0x180, 60, 29},
		{0x900, 60, 17},
		{0x2000, 60, 101},
		{0x3040, 60, 331},
		{0xac00, 60, 179},
		{0xe000, 60, 37},
		{0xfb00, 20, 31},
		{0xfff0, 14, 1},
		{0x10000, 60, 1021},
		{0x1f300, 60, 17},
		{0x20000, 60, 1021},
		{0xe0100, 60, 4},
		{0x100000, 60, 1021},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = row_of(rows[i].first, rows[i].count, rows[i].step);
		assert_typed(acting, text);
		free(text);
	}
}

static void test_clusters(void **state) {
	struct acting *acting = *state;
	assert_typed(acting, FAMILY " e\u0301 a\u0308\u0323 \U0001F3F4\U000E0067\U000E007F "
				    "\U0001F1E9\U0001F1EA \u0915\u094D\u0937\u093F");
	assert_int_equal(acting->recorder->commits, 0);
}

static void test_five_hundred_different_characters(void **state) {
	struct acting *acting = *state;
	char *text = row_of(0x4e00, 500, 1);
	assert_typed(acting, text);
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_KEYMAP), 500);
	free(text);
}

static void test_ten_thousand_characters(void **state) {
	struct acting *acting = *state;
	char *text = calloc(10001, 1);
	assert_non_null(text);
	for (int i = 0; i < 10000; i++) {
		text[i] = i % 61 == 60 ? '\n' : ASCII[(i * 7) % 95];
	}
	assert_typed(acting, text);
	free(text);
}

// ---- for a client that takes text

static void test_text_is_for_what_keys_cannot(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, true, PURPOSE_NORMAL);
	assert_typed(acting, "plain\n");
	assert_typed(acting, "Café " FAMILY "\nCafé\nand " FAMILY FAMILY);
	assert_int_equal(typed_by(acting, 2, CHANNEL_WAY_TEXT_INPUT), 5 + 5 + 4 + 10);
	assert_int_equal(typed_by(acting, 2, CHANNEL_WAY_KEYMAP), 4);
	assert_int_equal(acting->recorder->commits, 2);
	char *many = row_of(0x4e00, 500, 1);
	assert_typed(acting, many);
	assert_int_equal(typed_by(acting, 3, CHANNEL_WAY_TEXT_INPUT), 500);
	free(many);
}

// Each key costs an application time, the more the longer the line.
static void test_a_long_line_is_text(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, true, PURPOSE_NORMAL);
	assert_typed(acting, ASCII ASCII "\n" ASCII ASCII "\n");
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_TEXT_INPUT), 190);
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_KEYS), 192);
	char *line = calloc(10001, 1);
	assert_non_null(line);
	for (int i = 0; i < 10000; i++) {
		line[i] = i == 10 ? '\n' : ASCII[(i * 7) % 95];
	}
	assert_typed(acting, line);
	assert_int_equal(typed_by(acting, 2, CHANNEL_WAY_KEYS), 11);
	free(line);
}

static void test_a_terminal_gets_keys(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, false, PURPOSE_TERMINAL);
	assert_typed(acting, "Café " FAMILY "\n");
	assert_int_equal(acting->recorder->commits, 0);
}

static void test_long_text_is_cut_between_characters(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, false, PURPOSE_NORMAL);
	char *text = calloc(600, sizeof(FAMILY));
	assert_non_null(text);
	for (int i = 0; i < 500; i++) {
		memcpy(text + (size_t)i * strlen(FAMILY), FAMILY, strlen(FAMILY));
	}
	send_text(acting, text);
	for (int ms = 0; done(acting, 1) == NULL && ms < LONG_MS; ms++) {
		stage_run(&acting->stage, 1);
		// Whatever has come so far ends with a whole family.
		assert_int_equal(acting->recorder->text_len % strlen(FAMILY), 0);
	}
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->text, text);
	assert_true(acting->recorder->commits > 4);
	free(text);
}

// Keys wait in the client's queue while it already answers, as in Qt; a text would overtake them.
static void test_a_text_waits_for_the_keys_before_it(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, true, PURPOSE_NORMAL);
	assert_typed(acting, "x");
	recorder_forget(acting->recorder);
	acting->recorder->busy = true;
	send_text(acting, "abcdefgh\n");
	send_text(acting, "ijklmnop");
	send_text(acting, FAMILY "!");
	for (int ms = 0; done(acting, 4) == NULL && ms < LONG_MS; ms += 20) {
		stage_run(&acting->stage, 20);
		recorder_catch_up(acting->recorder, 1);
	}
	recorder_catch_up(acting->recorder, 100);
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->text, "abcdefgh\nijklmnop" FAMILY "!");
	assert_int_equal(acting->recorder->commits, 1);
}

// One that changes what is typed is not waited for without end.
static void test_a_text_that_is_corrected(void **state) {
	struct acting *acting = *state;
	recorder_take_text(acting->recorder, true, PURPOSE_NORMAL);
	assert_typed(acting, "x");
	send_text(acting, "teh");
	wait_done(acting, 2);
	stage_settle(&acting->stage);
	memcpy(acting->recorder->text, "xthe", 4);
	recorder_catch_up(acting->recorder, 0);
	send_text(acting, FAMILY);
	assert_int_equal(wait_done(acting, 3)->input_done.status, CHANNEL_INPUT_OK);
	stage_settle(&acting->stage);
	assert_string_equal(acting->recorder->text, "xthe" FAMILY);
}

// ---- clients that fail

static void test_a_client_that_stops_reading(void **state) {
	struct acting *acting = *state;
	struct recorder *other = recorder_create(client_connect(&acting->stage));
	char *text = calloc(20001, 1);
	assert_non_null(text);
	memset(text, 'a', 20000);
	struct client *silent = acting->recorder->client;
	struct stage *stage = &acting->stage;
	assert_ptr_equal(stage->clients[0], silent);
	stage->clients[0] = stage->clients[1]; // is not pumped any more
	stage->clients_len = 1;
	send_text(acting, text);
	const struct channel_message *m = wait_done(acting, 1);
	assert_int_equal(m->input_done.status, CHANNEL_INPUT_STUCK);
	assert_true(m->input_done.characters >= 256 && m->input_done.characters < 5000);
	// Nobody else is harmed.
	struct window *window = window_open(other->client, 100, 100, true, NULL, "other", 0);
	send_text(acting, "fine");
	assert_int_equal(wait_done(acting, 2)->input_done.status, CHANNEL_INPUT_OK);
	stage_settle(stage);
	assert_string_equal(other->text, "fine");
	window_close(window);
	stage->clients[1] = silent;
	stage->clients_len = 2;
	stage_settle(stage);
	assert_false(silent->dead);
	assert_int_equal(acting->recorder->text_len, done(acting, 1)->input_done.characters);
	recorder_destroy(other);
	free(text);
}

static void test_a_client_that_dies(void **state) {
	struct acting *acting = *state;
	char *text = calloc(20001, 1);
	assert_non_null(text);
	memset(text, 'a', 20000);
	send_text(acting, text);
	free(text);
	assert_null(done(acting, 1));
	struct client *client = acting->recorder->client;
	window_close(acting->window);
	acting->window = NULL;
	recorder_destroy(acting->recorder);
	acting->recorder = NULL;
	client_close(client);
	const struct channel_message *m = wait_done(acting, 1);
	assert_int_equal(m->input_done.status, CHANNEL_INPUT_LOST);
	assert_true(m->input_done.characters < 20000);
}

// The rest is not typed into whatever has the keyboard then, be it a dialog of the same program.
static void test_a_dialog_in_the_middle(void **state) {
	struct acting *acting = *state;
	char *text = calloc(200001, 1);
	assert_non_null(text);
	memset(text, 'a', 200000);
	send_text(acting, text);
	free(text);
	assert_null(done(acting, 1));
	struct window *dialog = window_open(
		acting->recorder->client, 100, 100, true, acting->window, "dialog", 0xff0000);
	const struct channel_message *m = wait_done(acting, 1);
	assert_int_equal(m->input_done.status, CHANNEL_INPUT_LOST);
	uint32_t typed = m->input_done.characters;
	assert_true(typed > 0 && typed < 200000);
	stage_settle(&acting->stage);
	assert_int_equal(acting->recorder->text_len, typed);
	window_close(dialog);
}

static void test_a_text_is_cancelled(void **state) {
	struct acting *acting = *state;
	char *text = row_of(0x4e00, 3000, 1);
	send_text(acting, text);
	free(text);
	stage_run(&acting->stage, 5);
	assert_null(done(acting, 1));
	assert_true(compositor_input_cancel(acting->stage.compositor, 1));
	assert_int_equal(done(acting, 1)->input_done.status, CHANNEL_INPUT_CANCELLED);
	uint32_t typed = done(acting, 1)->input_done.characters;
	assert_true(typed > 0 && typed < 3000);
	assert_int_equal(typed_by(acting, 1, CHANNEL_WAY_KEYMAP), typed);
	stage_settle(&acting->stage);
	assert_int_equal(acting->recorder->text_len, typed * 3);
}

// ---- the table under it

// Every character that can be in a text can be on a key, and means the same to libxkbcommon.
static void test_every_character_has_a_symbol(void **state) {
	for (uint32_t c = 0x20; c < 0x110000; c++) {
		bool nothing = (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xdfff) ||
			       (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
		if (!nothing) {
			assert_int_equal(xkb_keysym_to_utf32(layout_symbol_of(c)), c);
		}
	}
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, acting_setup, acting_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_ascii_takes_no_new_keymap),
		TEST(test_line_ends_of_every_kind_are_return),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_dead_keys_are_not_used),
		TEST(test_locked_and_held_modifiers),
		TEST(test_one_keymap_serves_a_text),
		TEST(test_an_extended_keymap_is_for_one_client),
		TEST(test_every_plane),
		TEST(test_clusters),
		TEST(test_five_hundred_different_characters),
		TEST(test_ten_thousand_characters),
		TEST(test_text_is_for_what_keys_cannot),
		TEST(test_a_long_line_is_text),
		TEST(test_a_terminal_gets_keys),
		TEST(test_long_text_is_cut_between_characters),
		TEST(test_a_text_waits_for_the_keys_before_it),
		TEST(test_a_text_that_is_corrected),
		TEST(test_a_client_that_stops_reading),
		TEST(test_a_client_that_dies),
		TEST(test_a_dialog_in_the_middle),
		TEST(test_a_text_is_cancelled),
		cmocka_unit_test(test_every_character_has_a_symbol),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
