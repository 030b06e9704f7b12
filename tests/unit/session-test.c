// What of the supervisor needs no other process: names, shown text, PNG.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <turbojpeg.h>
#include <zlib.h>

#include "session/jpeg.h"
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
	const struct raster source = {.width = 3, .height = 4, .row = test_row, .data = &calls};
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
	const struct raster source = {
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

// ---- smaller

static const uint8_t *pixel_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct raster *raster = data;
	return raster->pixels + raster->stride * y;
}

static struct raster plain_raster(
	struct raster *self, const uint32_t *pixels, uint32_t width, uint32_t height) {
	*self = (struct raster){.width = width,
		.height = height,
		.row = pixel_row,
		.data = self,
		.pixels = (const uint8_t *)pixels,
		.stride = (size_t)width * 4};
	return *self;
}

static void test_shrink(void **state) {
	static const struct {
		uint32_t from[2], to[2];
		uint32_t pixels[16], expected[8];
	} cases[] = {
		{{2, 2}, {1, 1}, {0xff000000, 0x00ff00ff, 0x00ff00ff, 0x00000000}, {0x00800080}},
		{{2, 2}, {2, 2}, {1, 2, 3, 0xff000004}, {1, 2, 3, 4}},
		// Two thirds of a pixel each: (2a + b) / 3, (b + 2c) / 3.
		{{3, 1}, {2, 1}, {0x00300000, 0x00060000, 0x000000ff}, {0x00220000, 0x000200aa}},
		{{1, 3}, {1, 2}, {0x00300000, 0x00060000, 0x000000ff}, {0x00220000, 0x000200aa}},
		{{4, 1}, {3, 1}, {0x4, 0x8, 0xc, 0x10}, {0x5, 0xa, 0xf}},
		{{5, 1}, {2, 1}, {10, 20, 30, 40, 50}, {18, 42}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raster raster;
		plain_raster(&raster, cases[i].pixels, cases[i].from[0], cases[i].from[1]);
		uint32_t *out = (uint32_t *)raster_shrink(&raster, cases[i].to[0], cases[i].to[1]);
		assert_non_null(out);
		for (uint32_t k = 0; k < cases[i].to[0] * cases[i].to[1]; k++) {
			assert_int_equal(out[k], cases[i].expected[k]);
		}
		free(out);
	}
}

// White stays white, at every ratio, and nothing is written beside.
static void test_shrink_keeps_white(void **state) {
	uint32_t *pixels = malloc(97 * 61 * 4);
	assert_non_null(pixels);
	memset(pixels, 0xff, 97 * 61 * 4);
	for (uint32_t width = 1; width <= 97; width++) {
		uint32_t height = 1 + width * 60 / 97;
		struct raster raster;
		plain_raster(&raster, pixels, 97, 61);
		uint32_t *out = (uint32_t *)raster_shrink(&raster, width, height);
		assert_non_null(out);
		for (uint32_t k = 0; k < width * height; k++) {
			assert_int_equal(out[k], 0xffffff);
		}
		free(out);
	}
	free(pixels);
}

// Decoded again it is what it was, within what the quality allows; also row by row.
static void test_jpeg(void **state) {
	uint32_t pixels[24 * 10], decoded[24 * 10];
	for (uint32_t i = 0; i < 240; i++) {
		uint32_t x = i % 24, y = i / 24;
		pixels[i] = x << 19 | (y * 20) << 8 | (255 - x * 10);
	}
	struct raster raster;
	plain_raster(&raster, pixels, 24, 10);
	size_t sizes[3];
	for (int i = 0; i < 3; i++) {
		raster.pixels = (const uint8_t *)pixels;
		struct raster given = raster;
		if (i == 1) {
			given.pixels = NULL; // the encoder must ask for the rows
		}
		uint8_t *jpeg = jpeg_encode(&given, i == 2 ? 5 : 95, &sizes[i]);
		assert_non_null(jpeg);
		assert_memory_equal(jpeg, "\xff\xd8\xff", 3);
		tjhandle decoder = tjInitDecompress();
		assert_int_equal(tjDecompress2(decoder, jpeg, sizes[i], (unsigned char *)decoded,
					 24, 96, 10, TJPF_BGRX, TJFLAG_ACCURATEDCT),
			0);
		tjDestroy(decoder);
		for (uint32_t k = 0; i < 2 && k < 240; k++) {
			for (int shift = 0; shift < 24; shift += 8) {
				int was = (int)(pixels[k] >> shift & 0xff);
				int is = (int)(decoded[k] >> shift & 0xff);
				assert_true(abs(was - is) <= 12);
			}
		}
		free(jpeg);
	}
	assert_int_equal(sizes[0], sizes[1]);
	assert_true(sizes[2] < sizes[0]);
}

// Each thread has a scratch of its own.
static const uint8_t *copied_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct raster *raster = data;
	return memcpy(scratch, raster->pixels + raster->stride * y, (size_t)raster->width * 4);
}

static void test_jpeg_too_large(void **state) {
	static uint32_t pixels[65501];
	struct raster raster;
	size_t len;
	plain_raster(&raster, pixels, 65501, 1);
	assert_null(jpeg_encode(&raster, 80, &len));
	plain_raster(&raster, pixels, 1, 65501);
	assert_null(jpeg_encode(&raster, 80, &len));
}

// Noise to the left, which takes more than the first guess of the size.
static void fill_pixels(uint8_t *pixels, uint32_t width, uint32_t height) {
	uint32_t seed = 1;
	for (size_t i = 0; i < (size_t)width * height * 4; i++) {
		uint32_t x = (uint32_t)(i / 4 % width), y = (uint32_t)(i / 4 / width);
		seed = seed * 1664525 + 1013904223;
		pixels[i] = (uint8_t)(x < width / 2 ? seed >> 24 : x * 5 + y * 3 + i % 4 * 50);
	}
}

static void decode(tjhandle decoder, const uint8_t *jpeg, size_t len, uint8_t *pixels,
	uint32_t width, uint32_t height) {
	assert_int_equal(tjDecompress2(decoder, jpeg, len, pixels, (int)width, 0, (int)height,
				 TJPF_BGRX, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING),
		0);
}

// What is encoded as two halves decodes to the very pixels of one whole.
static void test_jpeg_halves(void **state) {
	static const struct {
		uint32_t width, height, quality;
		bool halves;
	} cases[] = {
		{1, 256, 5, true},
		{1, 256, 90, true},
		{33, 257, 80, true},
		{33, 257, 90, true},
		{17, 273, 80, true},
		{17, 273, 95, true},
		{1280, 800, 80, true},
		{1280, 800, 100, true},
		{640, 255, 80, false}, // a row too few
		{8184, 1024, 90, true},
		{8192, 1024, 90, false}, // too large an interval
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const uint32_t width = cases[i].width, height = cases[i].height;
		const uint32_t quality = cases[i].quality;
		size_t bytes = (size_t)width * height * 4, len;
		uint8_t *pixels = malloc(bytes), *ours = malloc(bytes), *whole = malloc(bytes);
		assert_non_null(pixels);
		assert_non_null(ours);
		assert_non_null(whole);
		fill_pixels(pixels, width, height);
		struct raster raster;
		plain_raster(&raster, (const uint32_t *)pixels, width, height);
		struct raster given = raster;
		given.row = i % 2 == 0 ? pixel_row : copied_row;
		uint8_t *jpeg = jpeg_encode(&given, quality, &len);
		assert_non_null(jpeg);
		bool restarts = memmem(jpeg, len, "\xff\xdd\x00\x04", 4) != NULL;
		assert_int_equal(restarts, cases[i].halves);
		tjhandle decoder = tjInitDecompress(), encoder = tjInitCompress();
		decode(decoder, jpeg, len, ours, width, height);
		free(jpeg);
		unsigned char *other = NULL;
		unsigned long other_len = 0;
		const int sampling = quality < 90 ? TJSAMP_420 : TJSAMP_444;
		assert_int_equal(
			tjCompress2(encoder, pixels, (int)width, 0, (int)height, TJPF_BGRX, &other,
				&other_len, sampling, (int)quality, TJFLAG_ACCURATEDCT),
			0);
		decode(decoder, other, other_len, whole, width, height);
		assert_memory_equal(ours, whole, bytes);
		tjFree(other);
		tjDestroy(decoder);
		tjDestroy(encoder);
		free(pixels);
		free(ours);
		free(whole);
	}
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
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_shrink_keeps_white),
		cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_jpeg_halves),
		cmocka_unit_test(test_jpeg_too_large),
		cmocka_unit_test(test_exit_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
