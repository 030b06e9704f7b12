#ifndef PARCLOSE_COMPOSITOR_CHANGES_H
#define PARCLOSE_COMPOSITOR_CHANGES_H

/*
 * What really differs between two frames. Toolkits damage more than they change, and damage without
 * changing anything; only pixels tell. Frames are XRGB8888 without gaps between rows; the X byte is
 * not looked at.
 */

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

#include "compositor/channel.h"

#define CHANGES_MAX 32

// Boxes around pixels that differ; each touches a differing pixel on its four sides.
struct changes {
	struct channel_box boxes[CHANGES_MAX];
	uint32_t len;
};

/*
 * Compares two frames, `width` pixels wide, where `damage` says, which lies inside them, and fills
 * `changes`: what is close together shares a box, and boxes are joined where there are too many.
 * Costs at most one
 * pass over both frames, whatever the damage is.
 */
void changes_find(struct changes *changes, const uint32_t *before, const uint32_t *after,
	uint32_t width, const pixman_region32_t *damage);

// Makes `box`, which lies inside the frame, fit exactly around what differs in it. False: nothing.
bool changes_fit(
	const uint32_t *before, const uint32_t *after, uint32_t width, struct channel_box *box);

// Puts `box` among the `*len` of at most `max` boxes, joined with another one when they are full.
void changes_add(
	struct channel_box *boxes, uint32_t *len, uint32_t max, const struct channel_box *box);

struct channel_box changes_union(const struct channel_box *a, const struct channel_box *b);
// False, and `*out` is not written: they do not meet.
bool changes_intersect(
	struct channel_box *out, const struct channel_box *a, const struct channel_box *b);

static inline int64_t changes_area(const struct channel_box *box) {
	return (int64_t)box->width * box->height;
}

#endif
