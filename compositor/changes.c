#include "compositor/changes.h"

#define TILE 64
#define NEAR 8 // pixels between what still belongs together: letters of a word
#define RECTS_MAX 256 // of a damage; one in more pieces is looked at as a whole
#define COLOUR 0x00ffffffu

struct channel_box changes_union(const struct channel_box *a, const struct channel_box *b) {
	int32_t x1 = a->x < b->x ? a->x : b->x, y1 = a->y < b->y ? a->y : b->y;
	int32_t ax = a->x + a->width, bx = b->x + b->width;
	int32_t ay = a->y + a->height, by = b->y + b->height;
	int32_t x2 = ax > bx ? ax : bx, y2 = ay > by ? ay : by;
	return (struct channel_box){x1, y1, x2 - x1, y2 - y1};
}

bool changes_intersect(
	struct channel_box *out, const struct channel_box *a, const struct channel_box *b) {
	int32_t x1 = a->x > b->x ? a->x : b->x, y1 = a->y > b->y ? a->y : b->y;
	int32_t ax = a->x + a->width, bx = b->x + b->width;
	int32_t ay = a->y + a->height, by = b->y + b->height;
	int32_t x2 = ax < bx ? ax : bx, y2 = ay < by ? ay : by;
	if (x1 >= x2 || y1 >= y2) {
		return false;
	}
	*out = (struct channel_box){x1, y1, x2 - x1, y2 - y1};
	return true;
}

void changes_add(
	struct channel_box *boxes, uint32_t *len, uint32_t max, const struct channel_box *box) {
	if (*len < max) {
		boxes[(*len)++] = *box;
		return;
	}
	uint32_t best = 0;
	int64_t best_growth = INT64_MAX;
	for (uint32_t i = 0; i < *len; i++) {
		struct channel_box both = changes_union(&boxes[i], box);
		int64_t growth = changes_area(&both) - changes_area(&boxes[i]);
		if (growth < best_growth) {
			best_growth = growth;
			best = i;
		}
	}
	boxes[best] = changes_union(&boxes[best], box);
}

static bool row_differs(const uint32_t *a, const uint32_t *b, int32_t width) {
	uint32_t all = 0; // no early way out: this is what the compiler can vectorise
	for (int32_t x = 0; x < width; x++) {
		all |= a[x] ^ b[x];
	}
	return (all & COLOUR) != 0;
}

bool changes_fit(
	const uint32_t *before, const uint32_t *after, uint32_t width, struct channel_box *box) {
	int32_t left = box->width, right = -1, top = -1, bottom = -1;
	for (int32_t y = 0; y < box->height; y++) {
		size_t at = (size_t)(box->y + y) * width + (size_t)box->x;
		const uint32_t *a = before + at, *b = after + at;
		if (!row_differs(a, b, box->width)) {
			continue;
		}
		top = top < 0 ? y : top;
		bottom = y;
		int32_t x = 0;
		while (x < left && ((a[x] ^ b[x]) & COLOUR) == 0) {
			x++;
		}
		left = x < left ? x : left;
		x = box->width - 1;
		while (x > right && ((a[x] ^ b[x]) & COLOUR) == 0) {
			x--;
		}
		right = x > right ? x : right;
	}
	if (top < 0) {
		return false;
	}
	*box = (struct channel_box){
		box->x + left, box->y + top, right - left + 1, bottom - top + 1};
	return true;
}

static bool near(const struct channel_box *a, const struct channel_box *b) {
	return a->x - NEAR < b->x + b->width && b->x - NEAR < a->x + a->width &&
	       a->y - NEAR < b->y + b->height && b->y - NEAR < a->y + a->height;
}

static void note(struct changes *changes, const struct channel_box *box) {
	for (uint32_t i = 0; i < changes->len; i++) {
		if (near(&changes->boxes[i], box)) {
			changes->boxes[i] = changes_union(&changes->boxes[i], box);
			return;
		}
	}
	changes_add(changes->boxes, &changes->len, CHANGES_MAX, box);
}

// Joins until no two boxes are near: each round leaves at least one less.
static void join(struct changes *changes) {
	bool again = true;
	while (again) {
		again = false;
		for (uint32_t i = 0; i < changes->len; i++) {
			for (uint32_t j = changes->len - 1; j > i; j--) {
				if (near(&changes->boxes[i], &changes->boxes[j])) {
					changes->boxes[i] = changes_union(
						&changes->boxes[i], &changes->boxes[j]);
					changes->boxes[j] = changes->boxes[--changes->len];
					again = true;
				}
			}
		}
	}
}

void changes_find(struct changes *changes, const uint32_t *before, const uint32_t *after,
	uint32_t width, const pixman_region32_t *damage) {
	changes->len = 0;
	int rects_len = 0;
	const pixman_box32_t *rects = pixman_region32_rectangles(damage, &rects_len);
	if (rects_len > RECTS_MAX) {
		rects = pixman_region32_extents(damage);
		rects_len = 1;
	}
	for (int i = 0; i < rects_len; i++) {
		for (int32_t y = rects[i].y1; y < rects[i].y2; y += TILE) {
			for (int32_t x = rects[i].x1; x < rects[i].x2; x += TILE) {
				int32_t w = rects[i].x2 - x, h = rects[i].y2 - y;
				struct channel_box tile = {
					x, y, w < TILE ? w : TILE, h < TILE ? h : TILE};
				if (changes_fit(before, after, width, &tile)) {
					note(changes, &tile);
				}
			}
		}
	}
	join(changes);
}
