#include "session/raster.h"

#include <stdlib.h>
#include <string.h>

/*
 * A row of `from` pixels as `to` means, in 8.8 fixed point. Both rows are thought from * to wide: a
 * pixel that was is `to` wide there, one that will be is `from` wide.
 */
static void shrink_row(const uint8_t *row, uint32_t from, uint16_t *out, uint32_t to) {
	const float factor = 256.0f / (float)from;
	uint32_t sum[3] = {0}, room = from; // left of the pixel that is being made
	for (uint32_t x = 0; x < from; x++, row += 4) {
		uint32_t part = room < to ? room : to;
		for (int i = 0; i < 3; i++) {
			sum[i] += row[i] * part;
		}
		room -= part;
		if (room == 0) {
			for (int i = 0; i < 3; i++) {
				*out++ = (uint16_t)((float)sum[i] * factor + 0.5f);
				sum[i] = row[i] * (to - part);
			}
			room = from - (to - part);
		}
	}
}

// Adds a shrunk row, `weight` times.
static void add_row(uint32_t *sums, const uint16_t *row, size_t len, uint32_t weight) {
	for (size_t i = 0; i < len; i++) {
		sums[i] += row[i] * weight;
	}
}

static void finish_row(uint32_t *sums, uint32_t width, uint32_t weights, uint8_t *out) {
	const float factor = 1.0f / (256.0f * (float)weights);
	for (uint32_t x = 0; x < width; x++, out += 4, sums += 3) {
		for (int i = 0; i < 3; i++) {
			out[i] = (uint8_t)((float)sums[i] * factor + 0.5f);
			sums[i] = 0;
		}
		out[3] = 0;
	}
}

uint8_t *raster_shrink(const struct raster *raster, uint32_t width, uint32_t height) {
	size_t len = (size_t)width * 3;
	uint8_t *out = malloc((size_t)width * 4 * height);
	uint8_t *scratch = malloc((size_t)raster->width * 4);
	uint32_t *sums = calloc(len, sizeof(*sums));
	uint16_t *line = malloc(len * sizeof(*line));
	uint8_t *at = out;
	uint32_t room = raster->height; // as in a row
	for (uint32_t y = 0; out != NULL && scratch != NULL && sums != NULL && line != NULL &&
			     y < raster->height;
		y++) {
		shrink_row(raster->row(raster->data, y, scratch), raster->width, line, width);
		uint32_t part = room < height ? room : height;
		add_row(sums, line, len, part);
		room -= part;
		if (room == 0) {
			finish_row(sums, width, raster->height, at);
			at += (size_t)width * 4;
			add_row(sums, line, len, height - part);
			room = raster->height - (height - part);
		}
	}
	if (scratch == NULL || sums == NULL || line == NULL) {
		free(out);
		out = NULL;
	}
	free(scratch);
	free(sums);
	free(line);
	return out;
}

uint8_t *raster_copy(const struct raster *raster) {
	size_t stride = (size_t)raster->width * 4;
	uint8_t *out = malloc(stride * raster->height);
	for (uint32_t y = 0; out != NULL && y < raster->height; y++) {
		uint8_t *to = out + stride * y;
		const uint8_t *row = raster->row(raster->data, y, to);
		if (row != to) {
			memcpy(to, row, stride);
		}
	}
	return out;
}
