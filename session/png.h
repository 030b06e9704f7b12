#ifndef PARCLOSE_SESSION_PNG_H
#define PARCLOSE_SESSION_PNG_H

#include <stddef.h>
#include <stdint.h>

// A picture as rows of little-endian 0x??RRGGBB words. Borrowed.
struct png_image {
	const uint8_t *pixels;
	uint32_t width, height; // pixels, 1..65535 each
	size_t stride;		// bytes from row to row
};

/*
 * Encodes as PNG, 8-bit RGB, no filter, zlib level 1: on screens of user interface the filters cost time and gain
 * nothing. Encode only: no picture is ever parsed. Returns bytes the caller frees, *len of them; NULL when out
 * of memory. Source: W3C PNG specification, third edition.
 */
uint8_t *png_encode(const struct png_image *image, size_t *len);

#endif
