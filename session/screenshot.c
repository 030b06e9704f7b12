#include <errno.h>
#include <string.h>

#include "session/display-internal.h"

static const uint8_t *screenshot_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct display_raster *shot = data;
	const struct display *display = shot->display;
	const struct channel_box *region = &shot->region;
	const uint8_t *row = shot->first + (size_t)y * display->options.width * 4;
	int32_t cursor_y = region->y + (int32_t)y - (display->cursor.y - display->cursor.hot_y);
	if (!shot->cursor || cursor_y < 0 || cursor_y >= (int32_t)display->cursor.height) {
		return row;
	}
	memcpy(scratch, row, (size_t)region->width * 4);
	// The image is premultiplied ARGB.
	const uint8_t *image = display->memory +
			       channel_slot_bytes(display->options.width, display->options.height) *
				       CHANNEL_SLOTS +
			       (size_t)cursor_y * CHANNEL_CURSOR_MAX * 4;
	int32_t left = display->cursor.x - display->cursor.hot_x - region->x;
	for (int32_t x = 0; x < (int32_t)display->cursor.width; x++, image += 4) {
		if (left + x < 0 || left + x >= region->width) {
			continue;
		}
		uint8_t *to = scratch + (size_t)(left + x) * 4;
		unsigned int through = 255u - image[3];
		for (int i = 0; i < 3; i++) {
			unsigned int mixed = image[i] + (to[i] * through + 127) / 255;
			to[i] = (uint8_t)(mixed > 255 ? 255 : mixed);
		}
	}
	return scratch;
}

int display_raster(struct display *display, const struct channel_box *region, bool cursor,
	struct display_raster *shot) {
	uint32_t width = display->options.width, height = display->options.height;
	if (display->newest < 0) {
		return -EAGAIN;
	}
	*shot = (struct display_raster){
		.display = display,
		.region = region->width != 0 || region->height != 0 || region->x != 0 ||
					  region->y != 0
				  ? *region
				  : (struct channel_box){0, 0, (int32_t)width, (int32_t)height},
		.cursor = cursor && display->cursor.visible,
	};
	if (!display_box_inside(&shot->region, width, height)) {
		return -ERANGE;
	}
	shot->first = display->memory +
		      channel_slot_bytes(width, height) * (size_t)display->newest +
		      ((size_t)shot->region.y * width + (size_t)shot->region.x) * 4;
	shot->raster = (struct raster){
		.width = (uint32_t)shot->region.width,
		.height = (uint32_t)shot->region.height,
		.row = screenshot_row,
		.data = shot,
		.pixels = shot->cursor ? NULL : shot->first,
		.stride = (size_t)width * 4,
	};
	return 0;
}
