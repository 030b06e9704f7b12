#ifndef PARCLOSE_COMPOSITOR_SPOTS_H
#define PARCLOSE_COMPOSITOR_SPOTS_H

/*
 * Small places of the picture that change again and again by themselves: a caret, a spinner, a
 * clock. Nobody needs to wait for them, and what they do is no answer to what somebody did.
 *
 * A spot is sure when it changed SPOTS_HITS times and for SPOTS_AGE_MS within the same box, and
 * nothing was done meanwhile that could have been the cause: fading buttons and letters that are
 * typed are small and come in rows, too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "compositor/channel.h"

#define SPOTS_MAX 16
#define SPOTS_HITS 3
#define SPOTS_AGE_MS 500 // transitions of GTK, Qt and Material take at most 450
#define SPOTS_GAP_MS 3000 // a spot that rested for so long has ended
#define SPOTS_STATES 16

enum spots_verdict {
	SPOTS_NONE, // nothing that repeats, or not yet known to
	SPOTS_AGAIN, // a sure spot shows a picture that it has shown before
	SPOTS_NEW, // a sure spot shows another picture
};

struct spot {
	uint32_t id; // 0: unused
	struct channel_box box;
	bool sure;
	uint32_t hits; // frames in which it changed
	int64_t first_ms, last_ms;
	enum spots_verdict verdict; // on its last change
	// Hashes of the pictures it has shown, oldest overwritten first.
	uint64_t states[SPOTS_STATES];
	uint32_t states_len, states_next;
};

struct spots {
	uint32_t width, height; // of the frame
	int64_t most; // pixels of a box that is small enough: 1 % of the frame, at least 32x32
	uint32_t last_id;
	struct spot spots[SPOTS_MAX];
};

void spots_init(struct spots *spots, uint32_t width, uint32_t height);

/*
 * Notes that the pixels of `box`, small enough, differ between two frames. `*id`: the spot's. Times
 * are of a monotonic clock, and never go back.
 */
enum spots_verdict spots_note(struct spots *spots, const struct channel_box *box,
	const uint32_t *before, const uint32_t *after, int64_t now_ms, uint32_t *id);

// Whether the spot goes on at its usual pace.
bool spots_alive(const struct spots *spots, uint32_t id, int64_t now_ms);

void spots_forget(struct spots *spots, const struct channel_box *box); // all that meet it
void spots_forget_unsure(struct spots *spots); // something was done

#endif
