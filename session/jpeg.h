#ifndef PARCLOSE_SESSION_JPEG_H
#define PARCLOSE_SESSION_JPEG_H

#include "session/raster.h"

/*
 * Encodes as JPEG (baseline, 4:4:4: coloured text stays readable) with a quality of 1 to 100.
 * Encode only: no picture is ever parsed. Returns bytes the caller frees, *len of them; NULL when
 * out of memory.
 */
uint8_t *jpeg_encode(const struct raster *raster, uint32_t quality, size_t *len);

#endif
