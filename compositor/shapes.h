#ifndef PARCLOSE_COMPOSITOR_SHAPES_H
#define PARCLOSE_COMPOSITOR_SHAPES_H

// Cursor images by name, read from the system's Xcursor theme once, before the file system is given
// up.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_SHAPES_SIZE 24 // nominal, pixels

struct cursor_image {
	uint32_t width, height; // 1..CHANNEL_CURSOR_MAX
	int32_t hot_x, hot_y; // within the image
	uint32_t *pixels; // premultiplied ARGB8888, owned by the shapes
};

struct cursor_shapes;

/*
 * Reads every shape of wp_cursor_shape_v1 that `icons_dir` (NULL: /usr/share/icons) has a theme
 * for, first animation step only. Without any theme an arrow of our own remains. NULL: out of
 * memory.
 */
struct cursor_shapes *cursor_shapes_load(const char *icons_dir);
void cursor_shapes_destroy(struct cursor_shapes *shapes);

// `shape` as in the protocol; a shape that was not found is the arrow. Never NULL.
const struct cursor_image *cursor_shapes_get(const struct cursor_shapes *shapes, uint32_t shape);

/*
 * Parses an Xcursor file (Xcursor(3)): the first image of the nominal size nearest to `size`.
 * False: malformed or no usable image. On success image->pixels is the caller's to free.
 */
bool cursor_image_parse(
	const uint8_t *untrusted, size_t len, uint32_t size, struct cursor_image *image);

#endif
