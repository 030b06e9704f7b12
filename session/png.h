#ifndef PARCLOSE_SESSION_PNG_H
#define PARCLOSE_SESSION_PNG_H

#include "session/raster.h"

/*
 * Encodes as PNG, 8-bit RGB, packed with the least effort. A row like the one above it takes the
 * filter "up", which makes it zeros; the others take none: on screens of user interface the rest of
 * the filters cost time and gain nothing. Encode only: no picture is ever parsed. Returns bytes the
 * caller frees, *len of them; NULL when out of memory. Source: W3C PNG specification, third
 * edition.
 */
uint8_t *png_encode(const struct raster *raster, size_t *len);

#endif
