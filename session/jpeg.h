#ifndef PARCLOSE_SESSION_JPEG_H
#define PARCLOSE_SESSION_JPEG_H

#include "session/raster.h"

/*
 * Encodes as baseline JPEG with a quality of 1 to 100: from 90 on 4:4:4, which keeps the edges of
 * coloured text, below it 4:2:0, which takes two thirds of the time. Encode only: no picture is
 * ever parsed. Returns bytes the caller frees, *len of them; NULL when out of memory, and for more
 * than 65500 pixels a side, which libjpeg does not have.
 */
uint8_t *jpeg_encode(const struct raster *raster, uint32_t quality, size_t *len);

#endif
