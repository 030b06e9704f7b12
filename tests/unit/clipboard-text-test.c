// What is taken out of a text, shown of it, and refused; and the hash that names it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clipboard/mime.h"
#include "clipboard/sha256.h"
#include "clipboard/text.h"

static const struct {
	const char *in, *out, *preview; // preview NULL: as `out`
	uint32_t removed, lines;
} good[] = {
	{"hello", "hello", NULL, 0, 1},
	{"a\tb\n", "a\tb\n", NULL, 0, 1},
	{"\n\n", "\n\n", NULL, 0, 2},
	{"a\r\nb\rc\n\rd", "a\nb\nc\n\nd", NULL, 0, 5},
	{"a\xc2\x85"
	 "b\xe2\x80\xa8"
	 "c\xe2\x80\xa9"
	 "d",
		"a\nb\nc\nd", NULL, 0, 4},
	{"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xd7\xa9",
		"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xd7\xa9", NULL, 0, 1},
	// Escape sequences, the end of a bracketed paste, with ESC and with the C1 character.
	{"\x1b[201~x", "[201~x", "\xe2\x90\x9b[201~x", 1, 1},
	{"\xc2\x9b"
	 "201~x",
		"201~x",
		"\xe2\x9f\xa8U+009B\xe2\x9f\xa9"
		"201~x",
		1, 1},
	{"\x1b\x1b[\x1b", "[", "\xe2\x90\x9b\xe2\x90\x9b[\xe2\x90\x9b", 3, 1},
	{"a\x08\x7f"
	 "b",
		"ab",
		"a\xe2\x90\x88\xe2\x90\xa1"
		"b",
		2, 1},
	// Bidirectional override and isolate; tags; byte order mark; a noncharacter.
	{"a\xe2\x80\xae"
	 "b\xe2\x81\xa6",
		"ab",
		"a\xe2\x9f\xa8U+202E\xe2\x9f\xa9"
		"b\xe2\x9f\xa8U+2066\xe2\x9f\xa9",
		2, 1},
	{"x\xf3\xa0\x81\x81", "x", "x\xe2\x9f\xa8U+E0041\xe2\x9f\xa9", 1, 1},
	{"\xef\xbb\xbfx\xef\xbf\xbe", "x",
		"\xe2\x9f\xa8U+FEFF\xe2\x9f\xa9x\xe2\x9f\xa8U+FFFE\xe2\x9f\xa9", 2, 1},
	// Joiners and marks stay, and are seen.
	{"a\xe2\x80\x8d"
	 "b\xe2\x80\x8f",
		"a\xe2\x80\x8d"
		"b\xe2\x80\x8f",
		"a\xe2\x9f\xa8U+200D\xe2\x9f\xa9"
		"b\xe2\x9f\xa8U+200F\xe2\x9f\xa9",
		0, 1},
};

static void test_good_text(void **state) {
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct clipboard_text text;
		assert_int_equal(clipboard_text_check(good[i].in, strlen(good[i].in), &text),
			CLIPBOARD_GOOD);
		assert_string_equal(text.text, good[i].out);
		assert_int_equal(text.len, strlen(good[i].out));
		assert_string_equal(
			text.preview, good[i].preview != NULL ? good[i].preview : good[i].out);
		assert_int_equal(text.removed, good[i].removed);
		assert_int_equal(text.lines, good[i].lines);
		assert_int_equal(text.ends_line, text.text[text.len - 1] == '\n');
		assert_false(text.preview_cut);
		// What was checked is as it is when it is checked again.
		struct clipboard_text again;
		assert_int_equal(clipboard_text_check(text.text, text.len, &again), CLIPBOARD_GOOD);
		assert_string_equal(again.text, text.text);
		assert_int_equal(again.removed, 0);
		clipboard_text_finish(&again);
		clipboard_text_finish(&text);
		clipboard_text_finish(&text);
	}
}

static void test_flawed_text(void **state) {
	static const struct {
		const char *in;
		size_t len;
		enum clipboard_flaw flaw;
	} flawed[] = {
		{"", 0, CLIPBOARD_EMPTY},
		{"\x1b\x01", 2, CLIPBOARD_EMPTY},
		{"a\0b", 3, CLIPBOARD_NUL},
		{"\0", 1, CLIPBOARD_NUL},
		{"\xc0\x80", 2, CLIPBOARD_NOT_UTF8}, // overlong
		{"\xe0\x80\xaf", 3, CLIPBOARD_NOT_UTF8},
		{"\xed\xa0\x80", 3, CLIPBOARD_NOT_UTF8}, // a surrogate
		{"\xf4\x90\x80\x80", 4, CLIPBOARD_NOT_UTF8}, // beyond Unicode
		{"a\x80", 2, CLIPBOARD_NOT_UTF8},
		{"a\xe2\x82", 3, CLIPBOARD_NOT_UTF8}, // broken off
		{"\xff\xfe"
		 "a",
			3, CLIPBOARD_NOT_UTF8},
	};
	for (size_t i = 0; i < sizeof(flawed) / sizeof(flawed[0]); i++) {
		struct clipboard_text text;
		assert_int_equal(
			clipboard_text_check(flawed[i].in, flawed[i].len, &text), flawed[i].flaw);
		assert_null(text.text);
		assert_null(text.preview);
	}
}

static void test_a_long_text_is_whole_and_its_preview_cut(void **state) {
	enum {
		LEN = 100001
	};
	char *in = malloc(LEN);
	memset(in, 'x', LEN);
	struct clipboard_text text;
	assert_int_equal(clipboard_text_check(in, LEN, &text), CLIPBOARD_GOOD);
	assert_int_equal(text.len, LEN);
	assert_true(text.preview_cut);
	assert_int_equal(strlen(text.preview), CLIPBOARD_PREVIEW_BYTES);
	clipboard_text_finish(&text);
	// Cut between characters, also where one is shown by its number.
	for (int i = 0; i + 3 <= LEN; i += 3) {
		memcpy(in + i, "\xe2\x80\x8d", 3);
	}
	assert_int_equal(clipboard_text_check(in, LEN - LEN % 3, &text), CLIPBOARD_GOOD);
	assert_true(text.preview_cut);
	assert_int_equal(strlen(text.preview) % 12, 0);
	clipboard_text_finish(&text);
	free(in);
}

// FIPS 180-4's examples, and lengths about the ends of blocks.
static void test_sha256(void **state) {
	char hex[SHA256_HEX_BYTES];
	sha256_hex("", 0, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	assert_string_equal(
		hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	char *a = malloc(1000000);
	memset(a, 'a', 1000000);
	sha256_hex(a, 1000000, hex);
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	sha256_hex(a, 64, hex);
	assert_string_equal(
		hex, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
	sha256_hex(a, 55, hex);
	assert_string_equal(
		hex, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
	free(a);
}

static void test_types(void **state) {
	assert_true(mime_is_text(MIME_TEXT));
	assert_true(mime_is_text("text/html"));
	assert_true(mime_is_text("TEXT/plain;format=flowed;CHARSET=UTF-8"));
	assert_false(mime_is_text("text/plain;charset=utf-16"));
	assert_false(mime_is_text("image/png"));
	assert_false(mime_is_text("UTF8_STRING"));
	assert_string_equal(mime_aliases(MIME_TEXT)[0], "text/plain");
	assert_null(mime_aliases("text/html")[0]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_text),
		cmocka_unit_test(test_flawed_text),
		cmocka_unit_test(test_a_long_text_is_whole_and_its_preview_cut),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
