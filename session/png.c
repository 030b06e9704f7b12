#include "session/png.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "session/pack.h"

#define HEADER_BYTES (8 + 12 + 13) // signature and IHDR
#define FILTER_NONE 0
#define FILTER_UP 2

#define BATCH_ROWS 16 // filtered at once, so that they are packed while the cache has them

struct encoder {
	struct packer *packer;
	uint8_t *png;
	size_t len, size; // of `png`: used, and in all
	uint8_t *lines; // a filter byte and a row of RGB, BATCH_ROWS times
	uint8_t *scratch[2]; // two, so that a row and the one above it can both be the source's
			     // inventions
};

static void put_be32(uint8_t *out, uint32_t value) {
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

/*
 * Completes a chunk whose `len` bytes of data stand at chunk + 8: length and type before, checksum
 * of type and data behind. Returns where the next chunk begins.
 */
static uint8_t *finish_chunk(uint8_t *chunk, const char type[4], size_t len) {
	put_be32(chunk, (uint32_t)len);
	memcpy(chunk + 4, type, 4);
	put_be32(chunk + 8 + len, (uint32_t)crc32(0, chunk + 4, (uInt)(len + 4)));
	return chunk + 12 + len;
}

static bool pack(struct encoder *encoder, size_t len, bool last) {
	struct packing packing = {.in = encoder->lines, .in_len = len};
	for (;;) {
		packing.out = encoder->png + encoder->len;
		packing.out_len = encoder->size - encoder->len;
		int ret = packer_step(encoder->packer, &packing, last);
		encoder->len = encoder->size - packing.out_len;
		if (ret != 0) {
			return ret > 0;
		}
		uint8_t *png = realloc(encoder->png, encoder->size * 2);
		if (png == NULL) {
			return false;
		}
		encoder->png = png;
		encoder->size *= 2;
	}
}

static void put_le32(uint8_t *out, uint32_t value) {
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
	out[2] = (uint8_t)(value >> 16);
	out[3] = (uint8_t)(value >> 24);
}

// A pixel's bytes B, G, R, X as R + G * 2^8 + B * 2^16.
static uint32_t take_rgb(const uint8_t *pixel) {
	return pixel[2] | (uint32_t)pixel[1] << 8 | (uint32_t)pixel[0] << 16;
}

// Whole words, four pixels at a time: byte by byte it takes as long as the packing.
static uint8_t *put_pixels(const uint8_t *row, uint32_t width, uint8_t *out) {
	uint32_t x = 0;
	for (; x + 4 <= width; x += 4, row += 16, out += 12) {
		uint32_t a = take_rgb(row), b = take_rgb(row + 4);
		uint32_t c = take_rgb(row + 8), d = take_rgb(row + 12);
		put_le32(out, a | b << 24);
		put_le32(out + 4, b >> 8 | c << 16);
		put_le32(out + 8, c >> 16 | d << 8);
	}
	for (; x < width; x++, row += 4) {
		*out++ = row[2];
		*out++ = row[1];
		*out++ = row[0];
	}
	return out;
}

static bool add_rows(struct encoder *encoder, const struct raster *raster) {
	size_t bytes = 1 + (size_t)raster->width * 3;
	const uint8_t *above = NULL;
	uint8_t *out = encoder->lines;
	for (uint32_t y = 0; y < raster->height; y++) {
		const uint8_t *row = raster->row(raster->data, y, encoder->scratch[y % 2]);
		if (above != NULL && memcmp(row, above, (size_t)raster->width * 4) == 0) {
			memset(out, 0, bytes);
			*out = FILTER_UP;
			out += bytes;
		} else {
			*out = FILTER_NONE;
			out = put_pixels(row, raster->width, out + 1);
		}
		above = row;
		if ((y + 1) % BATCH_ROWS == 0 || y + 1 == raster->height) {
			if (!pack(encoder, (size_t)(out - encoder->lines),
				    y + 1 == raster->height)) {
				return false;
			}
			out = encoder->lines;
		}
	}
	return true;
}

uint8_t *png_encode(const struct raster *raster, size_t *len) {
	struct encoder encoder = {.len = HEADER_BYTES + 8, .size = 256 * 1024};
	encoder.packer = packer_create(false);
	encoder.png = malloc(encoder.size);
	encoder.lines = malloc((1 + (size_t)raster->width * 3) * BATCH_ROWS);
	encoder.scratch[0] = malloc((size_t)raster->width * 4);
	encoder.scratch[1] = malloc((size_t)raster->width * 4);
	uint8_t *result = NULL;
	if (encoder.packer == NULL || encoder.png == NULL || encoder.lines == NULL ||
		encoder.scratch[0] == NULL || encoder.scratch[1] == NULL ||
		!add_rows(&encoder, raster)) {
		goto out;
	}
	// The checksum of IDAT and the whole of IEND come behind.
	uint8_t *png = realloc(encoder.png, encoder.len + 4 + 12);
	if (png == NULL) {
		goto out;
	}
	encoder.png = NULL;
	memcpy(png, "\x89PNG\r\n\x1a\n", 8);
	uint8_t *at = png + 8;
	put_be32(at + 8, raster->width);
	put_be32(at + 12, raster->height);
	memcpy(at + 16, "\x08\x02\x00\x00\x00", 5); // 8 bit, RGB, deflate, adaptive, not interlaced
	at = finish_chunk(at, "IHDR", 13);
	at = finish_chunk(at, "IDAT", encoder.len - HEADER_BYTES - 8);
	at = finish_chunk(at, "IEND", 0);
	*len = (size_t)(at - png);
	result = png;
out:
	packer_destroy(encoder.packer);
	free(encoder.png);
	free(encoder.lines);
	free(encoder.scratch[0]);
	free(encoder.scratch[1]);
	return result;
}
