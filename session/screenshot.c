#include <errno.h>
#include <string.h>

#include "session/display-internal.h"
#include "session/png.h"

struct screenshot {
	const struct display *display;
	const uint8_t *frame; // the newest
	struct channel_box region;
	bool cursor;
};

static const uint8_t *screenshot_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct screenshot *shot = data;
	const struct display *display = shot->display;
	const struct channel_box *region = &shot->region;
	const uint8_t *row = shot->frame + ((size_t)region->y + y) * display->options.width * 4 +
			     (size_t)region->x * 4;
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

uint8_t *display_screenshot(
	struct display *display, const struct channel_box *region, bool cursor, size_t *len) {
	if (display->newest < 0) {
		errno = EAGAIN;
		return NULL;
	}
	struct screenshot shot = {
		.display = display,
		.frame = display->memory +
			 channel_slot_bytes(display->options.width, display->options.height) *
				 (size_t)display->newest,
		.region = {0, 0, (int32_t)display->options.width, (int32_t)display->options.height},
		.cursor = cursor && display->cursor.visible,
	};
	if (region != NULL) {
		shot.region = *region;
	}
	if (!display_box_inside(&shot.region, display->options.width, display->options.height)) {
		errno = ERANGE;
		return NULL;
	}
	struct png_source source = {
		.width = (uint32_t)shot.region.width,
		.height = (uint32_t)shot.region.height,
		.row = screenshot_row,
		.data = &shot,
	};
	uint8_t *png = png_encode(&source, len);
	if (png == NULL) {
		errno = ENOMEM;
	}
	return png;
}
