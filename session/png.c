#include "session/png.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put_be32(uint8_t *out, uint32_t value) {
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

/*
 * Completes a chunk whose `len` bytes of data stand at chunk + 8: length and type before, checksum of type and
 * data behind. Returns where the next chunk begins.
 */
static uint8_t *finish_chunk(uint8_t *chunk, const char type[4], size_t len) {
	put_be32(chunk, (uint32_t)len);
	memcpy(chunk + 4, type, 4);
	put_be32(chunk + 8 + len, (uint32_t)crc32(0, chunk + 4, (uInt)(len + 4)));
	return chunk + 12 + len;
}

uint8_t *png_encode(const struct png_image *image, size_t *len) {
	size_t row_bytes = 1 + (size_t)image->width * 3;
	size_t raw_bytes = row_bytes * image->height;
	uint8_t *raw = malloc(raw_bytes);
	size_t bound = compressBound((uLong)raw_bytes);
	uint8_t *png = malloc(8 + 12 + 13 + 12 + bound + 12);
	if (raw == NULL || png == NULL) {
		free(raw);
		free(png);
		return NULL;
	}
	for (uint32_t y = 0; y < image->height; y++) {
		uint8_t *out = raw + y * row_bytes;
		const uint8_t *in = image->pixels + y * image->stride;
		*out++ = 0; // filter: none
		for (uint32_t x = 0; x < image->width; x++, in += 4, out += 3) {
			out[0] = in[2];
			out[1] = in[1];
			out[2] = in[0];
		}
	}
	memcpy(png, "\x89PNG\r\n\x1a\n", 8);
	uint8_t *at = png + 8;
	put_be32(at + 8, image->width);
	put_be32(at + 12, image->height);
	memcpy(at + 16, "\x08\x02\x00\x00\x00", 5); // 8 bit, RGB, deflate, adaptive, not interlaced
	at = finish_chunk(at, "IHDR", 13);
	uLongf packed = bound;
	int ret = compress2(at + 8, &packed, raw, (uLong)raw_bytes, 1);
	free(raw);
	if (ret != Z_OK) {
		free(png);
		return NULL;
	}
	at = finish_chunk(at, "IDAT", packed);
	at = finish_chunk(at, "IEND", 0);
	*len = (size_t)(at - png);
	return png;
}
