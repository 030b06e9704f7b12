#ifndef PARCLOSE_SESSION_PNG_H
#define PARCLOSE_SESSION_PNG_H

#include <stddef.h>
#include <stdint.h>

// A picture that is asked for row by row, from the top, each once.
struct png_source {
	uint32_t width, height; // pixels, 1..65535 each
	/*
	 * The row `y`: `width` little-endian 0x??RRGGBB words. Points into memory of the source's
	 * or to `scratch` (width * 4 bytes, which the encoder lends); must stay as it is until the
	 * next but one call.
	 */
	const uint8_t *(*row)(void *data, uint32_t y, uint8_t *scratch);
	void *data;
};

/*
 * Encodes as PNG, 8-bit RGB, zlib level 1. A row like the one above it takes the filter "up", which
 * makes it zeros; the others take none: on screens of user interface the rest of the filters cost
 * time and gain nothing. Encode only: no picture is ever parsed. Returns bytes the caller frees,
 * *len of them; NULL when out of memory. Source: W3C PNG specification, third edition.
 */
uint8_t *png_encode(const struct png_source *source, size_t *len);

#endif
