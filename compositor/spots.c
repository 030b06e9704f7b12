#include "compositor/spots.h"

#include <string.h>

#include "compositor/changes.h"

#define SMALL_LEAST (32 * 32)

void spots_init(struct spots *spots, uint32_t width, uint32_t height) {
	int64_t most = (int64_t)width * height / 100;
	*spots = (struct spots){
		.width = width, .height = height, .most = most > SMALL_LEAST ? most : SMALL_LEAST};
}

// Not against forgery: a client that makes two pictures with one hash deceives about itself only.
static uint64_t hash(const struct spots *spots, const struct channel_box *box, const uint32_t *px) {
	uint64_t h = 0x9e3779b97f4a7c15u;
	for (int32_t y = 0; y < box->height; y++) {
		const uint32_t *row = px + (size_t)(box->y + y) * spots->width + (size_t)box->x;
		for (int32_t x = 0; x < box->width; x++) {
			h = (h ^ (row[x] & 0x00ffffffu)) * 0xff51afd7ed558ccdu;
			h ^= h >> 32;
		}
	}
	return h;
}

static bool has_state(const struct spot *spot, uint64_t state) {
	for (uint32_t i = 0; i < spot->states_len; i++) {
		if (spot->states[i] == state) {
			return true;
		}
	}
	return false;
}

static void add_state(struct spot *spot, uint64_t state) {
	spot->states[spot->states_next] = state;
	spot->states_next = (spot->states_next + 1) % SPOTS_STATES;
	if (spot->states_len < SPOTS_STATES) {
		spot->states_len++;
	}
}

static bool contains(const struct channel_box *outer, const struct channel_box *inner) {
	struct channel_box both;
	return changes_intersect(&both, outer, inner) && memcmp(&both, inner, sizeof(both)) == 0;
}

static void begin(struct spots *spots, struct spot *spot, const struct channel_box *box,
	const uint32_t *before, const uint32_t *after, int64_t now_ms) {
	*spot = (struct spot){
		.id = ++spots->last_id,
		.box = *box,
		.hits = 1,
		.first_ms = now_ms,
		.last_ms = now_ms,
	};
	add_state(spot, hash(spots, box, before));
	add_state(spot, hash(spots, box, after));
}

enum spots_verdict spots_note(struct spots *spots, const struct channel_box *box,
	const uint32_t *before, const uint32_t *after, int64_t now_ms, uint32_t *id) {
	struct spot *found = NULL, *oldest = &spots->spots[0];
	struct channel_box all = *box, common;
	for (uint32_t i = 0; i < SPOTS_MAX; i++) {
		struct spot *spot = &spots->spots[i];
		if (spot->id != 0 && now_ms - spot->last_ms > SPOTS_GAP_MS) {
			spot->id = 0;
		}
		if (oldest->id != 0 && (spot->id == 0 || spot->last_ms < oldest->last_ms)) {
			oldest = spot;
		}
		if (spot->id == 0 || !changes_intersect(&common, &spot->box, box)) {
			continue;
		}
		if (contains(&spot->box, box)) {
			found = spot;
		} else {
			// It is not what was here before; but it may be its full size.
			all = changes_union(&all, &spot->box);
			spot->id = 0;
			oldest = spot;
		}
	}
	if (found == NULL || found->id == 0) {
		if (changes_area(&all) > spots->most) {
			all = *box;
		}
		begin(spots, oldest, &all, before, after, now_ms);
		*id = oldest->id;
		return SPOTS_NONE;
	}
	*id = found->id;
	if (found->last_ms == now_ms) {
		return found->verdict; // another piece of the same frame
	}
	found->hits++;
	found->last_ms = now_ms;
	uint64_t state = hash(spots, &found->box, after);
	bool again = has_state(found, state);
	if (!again) {
		add_state(found, state);
	}
	found->verdict = !found->sure ? SPOTS_NONE : again ? SPOTS_AGAIN : SPOTS_NEW;
	found->sure |= found->hits >= SPOTS_HITS && now_ms - found->first_ms >= SPOTS_AGE_MS;
	return found->verdict;
}

bool spots_alive(const struct spots *spots, uint32_t id, int64_t now_ms) {
	for (uint32_t i = 0; i < SPOTS_MAX; i++) {
		const struct spot *spot = &spots->spots[i];
		if (spot->id == id && spot->sure) {
			int64_t pace = (spot->last_ms - spot->first_ms) / (spot->hits - 1);
			return now_ms - spot->last_ms <= 2 * pace + 50;
		}
	}
	return false;
}

void spots_forget(struct spots *spots, const struct channel_box *box) {
	struct channel_box common;
	for (uint32_t i = 0; i < SPOTS_MAX; i++) {
		if (spots->spots[i].id != 0 &&
			changes_intersect(&common, &spots->spots[i].box, box)) {
			spots->spots[i].id = 0;
		}
	}
}

void spots_forget_unsure(struct spots *spots) {
	for (uint32_t i = 0; i < SPOTS_MAX; i++) {
		if (!spots->spots[i].sure) {
			spots->spots[i].id = 0;
		}
	}
}
