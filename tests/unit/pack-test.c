/*
 * What packs pictures, against zlib's way back: pieces and room of awkward sizes.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "session/pack.h"

enum kind {
	ZEROS,
	NOISE,
	SCREEN,
	KINDS
};

static void fill(uint8_t *bytes, size_t len, enum kind kind) {
	uint32_t seed = 1;
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = kind == ZEROS   ? 0
			   : kind == NOISE ? (uint8_t)(seed >> 24)
			   : i % 977 < 900 ? (uint8_t)(i / 4096)
					   : (uint8_t)(seed >> 30);
	}
}

// Packs `len` bytes in pieces of `piece`, with no more than `room` at a time.
static void check(const uint8_t *bytes, size_t len, size_t piece, size_t room, bool plain) {
	struct packer *packer = packer_create(plain);
	size_t size = len + len / 8 + 1024, used = 0;
	uint8_t *packed = malloc(size), *back = malloc(len);
	assert_non_null(packer);
	assert_non_null(packed);
	assert_non_null(back);
	for (size_t at = 0; at < len; at += piece) {
		size_t in_len = len - at < piece ? len - at : piece;
		struct packing packing = {.in = bytes + at, .in_len = in_len};
		int ret;
		do {
			assert_true(used < size);
			size_t lent = size - used < room ? size - used : room;
			packing.out = packed + used;
			packing.out_len = lent;
			ret = packer_step(packer, &packing, at + in_len == len);
			used += lent - packing.out_len;
			assert_true(ret >= 0);
			assert_true(ret == 1 || packing.out_len == 0);
		} while (ret == 0);
		assert_int_equal(packing.in_len, 0);
		assert_ptr_equal(packing.in, bytes + at + in_len);
	}
	uLongf back_len = len;
	assert_int_equal(uncompress(back, &back_len, packed, used), Z_OK);
	assert_int_equal(back_len, len);
	assert_memory_equal(back, bytes, len);
	packer_destroy(packer);
	free(packed);
	free(back);
}

static void check_all(bool plain) {
	static const size_t lens[] = {
		1, 2, 3, 7, 8, 9, 255, 256, 257, 3841, 32768, 65535, 65536, 200001};
	static const size_t pieces[] = {1, 5, 768, 4097, 61456, 1 << 20};
	static const size_t rooms[] = {1, 3, 8, 9, 100, 4096, 1 << 20};
	for (size_t l = 0; l < sizeof(lens) / sizeof(*lens); l++) {
		for (enum kind kind = 0; kind < KINDS; kind++) {
			uint8_t *bytes = malloc(lens[l]);
			assert_non_null(bytes);
			fill(bytes, lens[l], kind);
			for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
				for (size_t r = 0; r < sizeof(rooms) / sizeof(*rooms); r++) {
					check(bytes, lens[l], pieces[p], rooms[r], plain);
				}
			}
			free(bytes);
		}
	}
}

static void test_as_built(void **state) {
	check_all(false);
#ifdef HAVE_ISAL
	void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(library); // it was not zlib
	dlclose(library);
#endif
}

static void test_plain(void **state) {
	check_all(true);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_built),
		cmocka_unit_test(test_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
