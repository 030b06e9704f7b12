#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/export.h"

// A row of the picture with the cursor in it.
static const uint8_t *paint_row(void *data, uint32_t y, uint8_t *scratch) {
	const struct painter *painter = data;
	const struct recording_cursor *cursor = recording_cursor(painter->recording);
	const uint32_t *row = recording_pixels(painter->recording) + (size_t)y * painter->width;
	int32_t top = cursor->y - cursor->hot_y, left = cursor->x - cursor->hot_x;
	int32_t line = (int32_t)y - top;
	if (!cursor->visible || line < 0 || line >= (int32_t)cursor->height) {
		return (const uint8_t *)row;
	}
	memcpy(scratch, row, (size_t)painter->width * 4);
	const uint32_t *image =
		recording_cursor_image(painter->recording) + (size_t)line * cursor->width;
	for (int32_t x = 0; x < (int32_t)cursor->width; x++) {
		if (left + x < 0 || left + x >= (int32_t)painter->width) {
			continue;
		}
		uint8_t *to = scratch + (size_t)(left + x) * 4;
		unsigned int through = 255u - (image[x] >> 24);
		for (int i = 0; i < 3; i++) { // premultiplied
			unsigned int mixed =
				(image[x] >> (8 * i) & 255u) + (to[i] * through + 127) / 255;
			to[i] = (uint8_t)(mixed > 255 ? 255 : mixed);
		}
	}
	return scratch;
}

struct raster painter_raster(struct painter *painter, const struct recording *recording) {
	const struct recording_info *info = recording_info(recording);
	*painter = (struct painter){.recording = recording, .width = info->width};
	return (struct raster){
		.width = info->width, .height = info->height, .row = paint_row, .data = painter};
}

bool write_bytes(int fd, const void *bytes, size_t len) {
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const uint8_t *)bytes + done, len - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		done += (size_t)n;
	}
	return true;
}
