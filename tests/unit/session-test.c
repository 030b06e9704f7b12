// What of the supervisor needs no other process: names, shown text, PNG.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "session/png.h"
#include "session/runtime.h"
#include "session/session.h"
#include "session/untrusted.h"

static void test_names(void **state) {
	static const char *const good[] = {"a", "A9", "web-1", "org.gnome.Calculator", "0", "x_y",
		"123456789012345678901234567890123456789012345678"};
	static const char *const bad[] = {"", ".", "..", "-x", "_x", "a/b", "../a", "a b", "a\n",
		"\xc3\xa9", "a:b", "1234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(runtime_name_valid(good[i]));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(runtime_name_valid(bad[i]));
	}
}

static void test_untrusted_text(void **state) {
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
			"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"a\nb\tc\x1b[0m", "a\xef\xbf\xbd"
				   "b\xef\xbf\xbd"
				   "c\xef\xbf\xbd[0m"},
		{"\x7f", "\xef\xbf\xbd"},
		{"\xc2\x85", "\xef\xbf\xbd"}, // C1
		{"\xe2\x80\xae"
		 "evil",
			"\xef\xbf\xbd"
			"evil"}, // right-to-left override
		{"\xe2\x81\xa6", "\xef\xbf\xbd"}, // isolate
		{"\xe2\x80\x8b", "\xef\xbf\xbd"}, // zero width
		{"\xef\xbb\xbf", "\xef\xbf\xbd"}, // byte order mark
		{"\xf3\xa0\x81\x81", "\xef\xbf\xbd"}, // tag
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"}, // overlong
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, // surrogate
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"x\xe2\x82", "x\xef\xbf\xbd\xef\xbf\xbd"}, // cut off
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[64];
		untrusted_text(out, sizeof(out), cases[i].in, strlen(cases[i].in));
		assert_string_equal(out, cases[i].out);
	}
	char out[5];
	untrusted_text(out, sizeof(out), "abcdefgh", 8); // cut to fit
	assert_string_equal(out, "abcd");
	untrusted_text(out, sizeof(out), "ab\xe2\x82\xac", 5); // at a character
	assert_string_equal(out, "ab");
	untrusted_text(out, sizeof(out), "ab\0cd", 5); // at the NUL
	assert_string_equal(out, "ab");
	const char no_nul[3] = {'x', 'y', 'z'};
	untrusted_text(out, sizeof(out), no_nul, sizeof(no_nul));
	assert_string_equal(out, "xyz");
}

static uint32_t be32(const uint8_t *bytes) {
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

// 3 x 4; the third row is like the second, the fourth comes from the scratch memory and is like it,
// too.
static const uint8_t *test_row(void *data, uint32_t y, uint8_t *scratch) {
	static const uint32_t rows[2][4] = {{0xffff0000, 0x0000ff00, 0x000000ff, 0xdeadbeef},
		{0x00000000, 0x00ffffff, 0x00123456, 0xdeadbeef}};
	*(uint32_t *)data += 1;
	if (y < 3) {
		return (const uint8_t *)rows[y == 0 ? 0 : 1];
	}
	memcpy(scratch, rows[1], 12);
	return scratch;
}

static void test_png(void **state) {
	uint32_t calls = 0;
	const struct png_source source = {.width = 3, .height = 4, .row = test_row, .data = &calls};
	size_t len;
	uint8_t *png = png_encode(&source, &len);
	assert_non_null(png);
	assert_int_equal(calls, 4);
	assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
	size_t at = 8;
	const char *const kinds[] = {"IHDR", "IDAT", "IEND"};
	uint8_t raw[64];
	uLongf raw_len = sizeof(raw);
	for (int i = 0; i < 3; i++) {
		uint32_t size = be32(png + at);
		assert_memory_equal(png + at + 4, kinds[i], 4);
		assert_int_equal(be32(png + at + 8 + size), crc32(0, png + at + 4, size + 4));
		if (i == 0) {
			assert_int_equal(be32(png + at + 8), 3);
			assert_int_equal(be32(png + at + 12), 4);
		} else if (i == 1) {
			assert_int_equal(uncompress(raw, &raw_len, png + at + 8, size), Z_OK);
		}
		at += 12 + size;
	}
	assert_int_equal(at, len);
	static const uint8_t expected[] = {0, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0xff, //
		0, 0, 0, 0, 0xff, 0xff, 0xff, 0x12, 0x34, 0x56, //
		2, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
		2, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	assert_int_equal(raw_len, sizeof(expected));
	assert_memory_equal(raw, expected, sizeof(expected));
	free(png);
}

// More than the first guess of the output's size, and nothing that packs.
static const uint8_t *noise_row(void *data, uint32_t y, uint8_t *scratch) {
	uint32_t *seed = data;
	for (uint32_t i = 0; i < 1000 * 4; i++) {
		*seed = *seed * 1664525 + 1013904223;
		scratch[i] = (uint8_t)(*seed >> 24);
	}
	return scratch;
}

static void test_png_of_noise(void **state) {
	uint32_t seed = 1;
	const struct png_source source = {
		.width = 1000, .height = 500, .row = noise_row, .data = &seed};
	size_t len;
	uint8_t *png = png_encode(&source, &len);
	assert_non_null(png);
	assert_true(len > 1500000);
	uint32_t size = be32(png + 33);
	assert_int_equal(len, 33 + 12 + size + 12);
	assert_int_equal(be32(png + 33 + 8 + size), crc32(0, png + 37, size + 4));
	uLongf raw_len = 500 * 3001;
	uint8_t *raw = malloc(raw_len);
	assert_non_null(raw);
	assert_int_equal(uncompress(raw, &raw_len, png + 41, size), Z_OK);
	assert_int_equal(raw_len, 500 * 3001);
	free(raw);
	free(png);
}

static void test_exit_codes(void **state) {
	assert_int_equal(session_exit_code(3 << 8), 3);
	assert_int_equal(session_exit_code(9), 137);
	assert_int_equal(session_exit_code(15 | 0x80), 143); // with a core
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_untrusted_text),
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_png_of_noise),
		cmocka_unit_test(test_exit_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
