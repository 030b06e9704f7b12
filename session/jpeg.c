#include "session/jpeg.h"

#include <stdlib.h>
#include <turbojpeg.h>

// Blocks of 8 x 8, three of them for a pixel's colours: the encoder wants room for the worst case.
#define SAMPLING TJSAMP_444

uint8_t *jpeg_encode(const struct raster *raster, uint32_t quality, size_t *len) {
	uint8_t *copy = raster->pixels == NULL ? raster_copy(raster) : NULL;
	const uint8_t *pixels = copy != NULL ? copy : raster->pixels;
	size_t stride = copy != NULL ? (size_t)raster->width * 4 : raster->stride;
	unsigned long size = tjBufSize((int)raster->width, (int)raster->height, SAMPLING);
	uint8_t *jpeg = malloc(size);
	tjhandle encoder = tjInitCompress();
	uint8_t *result = NULL;
	if (pixels != NULL && jpeg != NULL && encoder != NULL &&
		tjCompress2(encoder, pixels, (int)raster->width, (int)stride, (int)raster->height,
			TJPF_BGRX, &jpeg, &size, SAMPLING, (int)quality, TJFLAG_NOREALLOC) == 0) {
		result = realloc(jpeg, size);
		*len = size;
	}
	if (result == NULL) {
		free(jpeg);
	}
	if (encoder != NULL) {
		tjDestroy(encoder);
	}
	free(copy);
	return result;
}
