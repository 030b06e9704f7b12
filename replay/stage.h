#ifndef PARCLOSE_REPLAY_STAGE_H
#define PARCLOSE_REPLAY_STAGE_H

// The frame memory of a player, as session/view-channel.h has it: where pictures stand to be copied
// by a viewer.

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"
#include "session/damage.h"

struct stage;

// For pictures of that size (1..8192). NULL: out of memory.
struct stage *stage_create(uint32_t width, uint32_t height);
void stage_destroy(struct stage *stage); // NULL is allowed

// What goes with HELLO; the stage's own.
int stage_frames_fd(const struct stage *stage);
int stage_slots_fd(const struct stage *stage);

/*
 * Puts a picture (`width` words to a row) up. What of it is new is added to *damage; true: anything
 * is.
 */
bool stage_show(struct stage *stage, const uint32_t *pixels, struct damage *damage);

// Puts a pointer's image up. Returns its serial, the one before where it is the same image.
uint32_t stage_show_cursor(
	struct stage *stage, const struct recording_cursor *cursor, const uint32_t *image);

// Where the newest picture is. False: there is none.
bool stage_newest(
	const struct stage *stage, uint32_t *slot, uint64_t *generation, uint64_t *serial);

#endif
