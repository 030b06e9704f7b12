/*
 * Any bytes as a picture that is to cross: no crash, nothing but the pixels of a picture of a
 * bounded size comes of it, and the file that is made anew of these decodes to the same pixels.
 * Built with -Dfuzz=true by clang; run as picture-fuzz [CORPUS].
 */

#include <stdlib.h>
#include <string.h>

#include "clipboard/picture.h"

#define MOST_TWICE (64u << 10) // bytes of pixels that are encoded and decoded again

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	enum picture_flaw flaw;
	uint32_t width, height;
	size_t len = 0, png_len = 0, again_len = 0;
	picture_check(data, size, &width, &height);
	void *pixels = picture_decode(data, size, &len, &flaw);
	if (pixels == NULL) {
		require(flaw >= PICTURE_NONE && flaw <= PICTURE_FAILED);
		return 0;
	}
	require(picture_check(pixels, len, &width, &height));
	if (len <= MOST_TWICE) {
		void *png = picture_encode(pixels, len, &png_len, &flaw);
		require(png != NULL);
		void *again = picture_decode(png, png_len, &again_len, &flaw);
		require(again != NULL && again_len == len && memcmp(again, pixels, len) == 0);
		free(again);
		free(png);
	}
	free(pixels);
	return 0;
}
