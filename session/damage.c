#include "session/damage.h"

static struct channel_box around(const struct channel_box *a, const struct channel_box *b) {
	int32_t x1 = a->x < b->x ? a->x : b->x, y1 = a->y < b->y ? a->y : b->y;
	int32_t ax = a->x + a->width, bx = b->x + b->width;
	int32_t ay = a->y + a->height, by = b->y + b->height;
	return (struct channel_box){x1, y1, (ax > bx ? ax : bx) - x1, (ay > by ? ay : by) - y1};
}

static int64_t area(const struct channel_box *box) {
	return (int64_t)box->width * box->height;
}

void damage_add(struct damage *damage, const struct channel_box *box) {
	uint32_t best = 0;
	int64_t best_growth = INT64_MAX;
	for (uint32_t i = 0; i < damage->len; i++) {
		struct channel_box both = around(&damage->boxes[i], box);
		if (area(&both) == area(box)) { // covers that one
			damage->boxes[i] = *box;
			return;
		}
		int64_t growth = area(&both) - area(&damage->boxes[i]);
		if (growth < best_growth) {
			best_growth = growth;
			best = i;
		}
	}
	// What lies in a box already takes no place of its own.
	if (damage->len > 0 && (damage->len == CHANNEL_BOXES || best_growth == 0)) {
		damage->boxes[best] = around(&damage->boxes[best], box);
		return;
	}
	damage->boxes[damage->len++] = *box;
}
