#ifndef PARCLOSE_SESSION_RASTER_H
#define PARCLOSE_SESSION_RASTER_H

// Pixels on their way to an encoder.

#include <stddef.h>
#include <stdint.h>

// A picture that is asked for row by row, each once.
struct raster {
	uint32_t width, height; // pixels, 1..65535 each
	/*
	 * The row `y`: `width` little-endian 0x??RRGGBB words. Points into memory of the raster's
	 * or to `scratch` (width * 4 bytes, which the caller lends); must stay as it is until the
	 * next but one call with the same scratch. Threads may ask at once.
	 */
	const uint8_t *(*row)(void *data, uint32_t y, uint8_t *scratch);
	void *data;
	const uint8_t *pixels; // where every row simply lies in memory: the first; else NULL
	size_t stride; // of `pixels`
};

/*
 * Makes it smaller: each pixel is the mean of what it covers. `width` and `height` are at most the
 * raster's, each at least 1. Returns width * 4 bytes a row, which the caller frees; NULL when out
 * of memory.
 */
uint8_t *raster_shrink(const struct raster *raster, uint32_t width, uint32_t height);

// All rows, width * 4 bytes each; the caller frees. NULL: out of memory.
uint8_t *raster_copy(const struct raster *raster);

#endif
