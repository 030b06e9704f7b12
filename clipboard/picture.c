#include "clipboard/picture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define FAST_PIXELS (2u << 20) // of more, time matters more than size

// Room for the pixels of a picture of that size, its head filled in.
static uint8_t *make_room(
	uint32_t width, uint32_t height, size_t *out_len, enum picture_flaw *flaw) {
	if (width < 1 || height < 1 || width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE ||
		(uint64_t)width * height > PICTURE_MAX_PIXELS) {
		*flaw = PICTURE_TOO_LARGE;
		return NULL;
	}
	const struct picture_pixels head = {
		.magic = PICTURE_MAGIC, .width = width, .height = height};
	*out_len = sizeof(head) + (size_t)width * height * 4;
	uint8_t *out = malloc(*out_len);
	if (out == NULL) {
		*flaw = PICTURE_FAILED;
		return NULL;
	}
	memcpy(out, &head, sizeof(head));
	return out;
}

static void *decode_png(
	const void *untrusted, size_t len, size_t *out_len, enum picture_flaw *flaw) {
	png_image image = {.version = PNG_IMAGE_VERSION};
	if (png_image_begin_read_from_memory(&image, untrusted, len) == 0) {
		png_image_free(&image);
		return NULL;
	}
	uint8_t *out = make_room(image.width, image.height, out_len, flaw);
	image.format = PNG_FORMAT_RGBA;
	if (out != NULL && (png_image_finish_read(&image, NULL, out + sizeof(struct picture_pixels),
				    0, NULL) == 0 ||
				   // A warning only: what is missing is made up.
				   PNG_IMAGE_FAILED(image))) {
		free(out);
		out = NULL;
	}
	png_image_free(&image);
	return out;
}

static void *decode_jpeg(
	const void *untrusted, size_t len, size_t *out_len, enum picture_flaw *flaw) {
	tjhandle decoder = tjInitDecompress();
	int width, height, sampling, colours;
	uint8_t *out = NULL;
	if (decoder != NULL && tjDecompressHeader3(decoder, untrusted, len, &width, &height,
				       &sampling, &colours) == 0) {
		out = make_room((uint32_t)width, (uint32_t)height, out_len, flaw);
	}
	// Scans without end and files that are cut are refused.
	if (out != NULL && tjDecompress2(decoder, untrusted, len,
				   out + sizeof(struct picture_pixels), width, width * 4, height,
				   TJPF_RGBA, TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0) {
		free(out);
		out = NULL;
	}
	if (decoder != NULL) {
		tjDestroy(decoder);
	}
	return out;
}

void *picture_decode(const void *untrusted, size_t len, size_t *out_len, enum picture_flaw *flaw) {
	*flaw = PICTURE_NONE;
	if (len > 8 && memcmp(untrusted, "\x89PNG\r\n\x1a\n", 8) == 0) {
		return decode_png(untrusted, len, out_len, flaw);
	}
	if (len > 3 && memcmp(untrusted, "\xff\xd8\xff", 3) == 0) {
		return decode_jpeg(untrusted, len, out_len, flaw);
	}
	return NULL;
}

// The pixels without their fourth byte where that says nothing. NULL: it does, or no memory.
static uint8_t *without_alpha(const uint8_t *pixels, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (pixels[i * 4 + 3] != 255) {
			return NULL;
		}
	}
	uint8_t *rgb = malloc(count * 3);
	for (size_t i = 0; rgb != NULL && i < count; i++) {
		memcpy(rgb + i * 3, pixels + i * 4, 3);
	}
	return rgb;
}

void *picture_encode(const void *pixels, size_t len, size_t *out_len, enum picture_flaw *flaw) {
	uint32_t width, height;
	*flaw = PICTURE_FAILED;
	if (!picture_check(pixels, len, &width, &height)) {
		return NULL;
	}
	const uint8_t *rgba = (const uint8_t *)pixels + sizeof(struct picture_pixels);
	size_t count = (size_t)width * height;
	uint8_t *rgb = without_alpha(rgba, count);
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = width,
		.height = height,
		.format = rgb != NULL ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA,
		.flags = count > FAST_PIXELS ? PNG_IMAGE_FLAG_FAST : 0,
	};
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
	void *out = malloc(size);
	if (out != NULL && png_image_write_to_memory(
				   &image, out, &size, 0, rgb != NULL ? rgb : rgba, 0, NULL) == 0) {
		free(out);
		out = NULL;
	}
	png_image_free(&image);
	free(rgb);
	*out_len = size;
	return out;
}
