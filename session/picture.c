#include <errno.h>
#include <stdlib.h>

#include "session/act.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/lease.h"
#include "session/jpeg.h"
#include "session/png.h"

#define DEFAULT_QUALITY 80
#define LEAST_SCALE 0.05

const char *picture_format_name(enum picture_format format) {
	static const char *const names[] = {"png", "jpeg", "raw"};
	return names[format];
}

static const uint8_t *memory_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct raster *raster = data;
	return raster->pixels + raster->stride * y;
}

static uint32_t scaled(uint32_t length, double scale) {
	uint32_t result = (uint32_t)(length * scale + 0.5);
	return result < 1 ? 1 : result > length ? length : result;
}

int session_picture(
	struct session *session, const struct picture_options *options, struct picture *picture) {
	double scale = options->scale != 0 ? options->scale : 1;
	if (session->display == NULL) {
		return -ENODEV;
	}
	if (!(scale >= LEAST_SCALE && scale <= 1) || options->quality > 100) {
		return -EINVAL;
	}
	if (lease_withholds(session)) {
		return -EACCES;
	}
	struct display_raster shot;
	int ret = display_raster(session->display, &options->region, options->cursor, &shot);
	if (ret != 0) {
		return ret;
	}
	struct raster raster = shot.raster;
	uint8_t *pixels = NULL;
	if (scale < 1) {
		uint32_t width = scaled(raster.width, scale);
		uint32_t height = scaled(raster.height, scale);
		pixels = raster_shrink(&raster, width, height);
		if (pixels == NULL) {
			return -ENOMEM;
		}
		raster = (struct raster){
			width, height, memory_row, &raster, pixels, (size_t)width * 4};
	}
	*picture = (struct picture){
		.width = raster.width,
		.height = raster.height,
		.format = options->format,
		.frame = display_state(session->display).serial,
	};
	switch (options->format) {
	case PICTURE_PNG:
		picture->bytes = png_encode(&raster, &picture->len);
		break;
	case PICTURE_JPEG:
		picture->bytes = jpeg_encode(&raster,
			options->quality != 0 ? options->quality : DEFAULT_QUALITY, &picture->len);
		break;
	case PICTURE_RAW:
		picture->stride = raster.width * 4;
		picture->len = (size_t)picture->stride * raster.height;
		if (pixels != NULL) {
			picture->bytes = pixels;
			return 0;
		}
		picture->bytes = raster_copy(&raster);
		break;
	}
	free(pixels);
	return picture->bytes != NULL ? 0 : -ENOMEM;
}
