#ifndef PARCLOSE_VIEWER_FRAMES_H
#define PARCLOSE_VIEWER_FRAMES_H

/*
 * From the supervisor's frame memory to pictures of the viewer's own. A picture is not written to
 * while somebody shows it, so there are a few; each remembers which parts of it are older than the
 * newest frame, and only these are copied.
 *
 * A frame's fourth byte means nothing; a picture's is opaque. So it has the format that every
 * renderer takes as it is: with GTK 4.24 that halves what drawing in software costs.
 */

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compositor/channel.h"

struct frames;

struct frames_picture {
	const uint8_t *pixels; // ARGB8888, opaque, little endian, height * stride bytes
	size_t bytes, stride;
	uint64_t serial, time_ns; // of the frame
	cairo_region_t *changed; // since the picture before it; the caller frees
};

enum frames_result {
	FRAMES_SAME, // nothing newer than the last picture
	FRAMES_COPIED,
	FRAMES_TORN, // it was drawn over meanwhile; a newer frame will be announced
	FRAMES_BUSY, // every picture is still shown, or there is no memory; try again
};

/*
 * Maps both memories read-only; the descriptors stay the caller's. Sizes are 1..WIRE_MAX_SIDE.
 * NULL: too small, not sealed against shrinking, or out of memory.
 */
struct frames *frames_create(int memory_fd, int slots_fd, uint32_t width, uint32_t height);

// The memory goes; pictures that are shown stay until each was given back. NULL is allowed.
void frames_destroy(struct frames *frames);

// A newer frame is in `slot`; `boxes` are checked.
void frames_announce(struct frames *frames, uint32_t slot, uint64_t generation, uint64_t serial,
	uint64_t time_ns, const struct channel_box *boxes, uint32_t boxes_len);

// Brings a free picture up to the newest frame. COPIED: it is the caller's until given back.
enum frames_result frames_copy(struct frames *frames, struct frames_picture *picture);
void frames_give_back(const uint8_t *pixels); // of any frames, by any thread

// The cursor's image, premultiplied ARGB8888 of width * 4 bytes a row; the caller frees with
// free(). NULL: no image or no memory.
uint8_t *frames_cursor(const struct frames *frames, uint32_t width, uint32_t height);

#endif
