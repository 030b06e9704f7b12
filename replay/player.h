#ifndef PARCLOSE_REPLAY_PLAYER_H
#define PARCLOSE_REPLAY_PLAYER_H

/*
 * Where a recording stands, and how it goes on: played at a speed, stepped through, or gone to. No
 * clock and no socket of its own; `now_ns` is CLOCK_MONOTONIC, and never goes back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

struct player;
struct story;

// Stands at the beginning. Both must outlive it. NULL: out of memory.
struct player *player_create(struct recording *recording, const struct story *story);
void player_destroy(struct player *player); // NULL is allowed

void player_play(
	struct player *player, bool on, uint32_t speed_percent, bool skip, uint64_t now_ns);
void player_seek(struct player *player, uint64_t time_ns, uint64_t now_ns);

// To the next picture or marked moment, or the one before; playing ends. Where there is none: to
// the end, or the beginning.
void player_step(struct player *player, bool marks, bool back, uint64_t now_ns);

/*
 * Brings position and picture up to `now_ns`. True: the recording stands at another entry than
 * before, whose picture recording_pixels() has.
 */
bool player_advance(struct player *player, uint64_t now_ns);

// How long it takes until something changes, UINT64_MAX: nothing does by itself.
uint64_t player_wait_ns(const struct player *player);

uint64_t player_position(const struct player *player); // as of the last player_advance()
bool player_playing(const struct player *player);
uint32_t player_speed(const struct player *player); // percent
bool player_skips(const struct player *player);

// What was recorded there cannot be read, and the picture is an older one.
bool player_damaged(const struct player *player);

#endif
