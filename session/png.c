#include "session/png.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEADER_BYTES (8 + 12 + 13) // signature and IHDR
#define FILTER_NONE 0
#define FILTER_UP 2

struct encoder {
	z_stream stream;
	uint8_t *png;
	size_t size; // of `png`
	uint8_t *line; // a filter byte and a row of RGB
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

static bool deflate_all(struct encoder *encoder, int flush) {
	z_stream *stream = &encoder->stream;
	for (;;) {
		if (stream->avail_out == 0) {
			size_t used = encoder->size;
			uint8_t *png = realloc(encoder->png, used * 2);
			if (png == NULL) {
				return false;
			}
			encoder->png = png;
			encoder->size = used * 2;
			stream->next_out = png + used;
			stream->avail_out = (uInt)used;
		}
		int ret = deflate(stream, flush);
		if (ret == Z_STREAM_END || (flush == Z_NO_FLUSH && stream->avail_in == 0)) {
			return true;
		}
		if (ret != Z_OK && ret != Z_BUF_ERROR) {
			return false;
		}
	}
}

static bool add_rows(struct encoder *encoder, const struct raster *raster) {
	size_t bytes = 1 + (size_t)raster->width * 3;
	const uint8_t *above = NULL;
	for (uint32_t y = 0; y < raster->height; y++) {
		const uint8_t *row = raster->row(raster->data, y, encoder->scratch[y % 2]);
		if (above != NULL && memcmp(row, above, (size_t)raster->width * 4) == 0) {
			memset(encoder->line, 0, bytes);
			encoder->line[0] = FILTER_UP;
		} else {
			encoder->line[0] = FILTER_NONE;
			uint8_t *out = encoder->line + 1;
			for (uint32_t x = 0; x < raster->width; x++, out += 3) {
				out[0] = row[x * 4 + 2];
				out[1] = row[x * 4 + 1];
				out[2] = row[x * 4];
			}
		}
		above = row;
		encoder->stream.next_in = encoder->line;
		encoder->stream.avail_in = (uInt)bytes;
		if (!deflate_all(encoder, Z_NO_FLUSH)) {
			return false;
		}
	}
	return deflate_all(encoder, Z_FINISH);
}

uint8_t *png_encode(const struct raster *raster, size_t *len) {
	struct encoder encoder = {.size = 256 * 1024};
	encoder.png = malloc(encoder.size);
	encoder.line = malloc(1 + (size_t)raster->width * 3);
	encoder.scratch[0] = malloc((size_t)raster->width * 4);
	encoder.scratch[1] = malloc((size_t)raster->width * 4);
	uint8_t *result = NULL;
	if (encoder.png == NULL || encoder.line == NULL || encoder.scratch[0] == NULL ||
		encoder.scratch[1] == NULL || deflateInit(&encoder.stream, 1) != Z_OK) {
		goto out;
	}
	encoder.stream.next_out = encoder.png + HEADER_BYTES + 8;
	encoder.stream.avail_out = (uInt)(encoder.size - HEADER_BYTES - 8);
	bool done = add_rows(&encoder, raster);
	size_t packed = encoder.stream.total_out;
	deflateEnd(&encoder.stream);
	// The checksum of IDAT and the whole of IEND come behind.
	uint8_t *png = done ? realloc(encoder.png, HEADER_BYTES + 12 + packed + 12) : NULL;
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
	at = finish_chunk(at, "IDAT", packed);
	at = finish_chunk(at, "IEND", 0);
	*len = (size_t)(at - png);
	result = png;
out:
	free(encoder.png);
	free(encoder.line);
	free(encoder.scratch[0]);
	free(encoder.scratch[1]);
	return result;
}
