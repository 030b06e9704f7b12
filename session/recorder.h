#ifndef PARCLOSE_SESSION_RECORDER_H
#define PARCLOSE_SESSION_RECORDER_H

/*
 * Writes a recording (recording/recording.h) from a thread of its own, so that neither a slow disk
 * nor compressing makes the supervisor wait. It looks at the frame memory as a viewer does: frames
 * that come faster than they can be written are merged, and it takes at most a quarter of a
 * processor. Events are never dropped: where so many wait that the disk cannot keep up, the
 * recording ends.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/recording.h"

struct display_cursor;
struct display_frame;
struct recorder;

struct recorder_options {
	int fd; // an empty file, taken over also on failure
	struct recording_info info;
	const uint8_t *memory; // the frame memory, until recorder_destroy()
	int notify_fd; // an eventfd that is written to when the recording failed; the caller's
};

// 0 or -errno.
int recorder_create(const struct recorder_options *options, struct recorder **out);

// What happens; none of these waits. Frames and slots are those of session/display.h.
void recorder_frame(struct recorder *recorder, const struct display_frame *frame);
void recorder_slot_released(struct recorder *recorder, uint32_t slot);
void recorder_cursor(struct recorder *recorder, const struct display_cursor *cursor);
void recorder_event(struct recorder *recorder, const char *json, size_t len);
void recorder_withhold(struct recorder *recorder, bool on); // no picture meanwhile

struct recorder_state {
	int error; // -errno, 0: none. -ENOSPC also where little room is left on the disk
	uint64_t bytes, frames, events, duration_ns;
};
struct recorder_state recorder_state(struct recorder *recorder);

/*
 * Writes what waits and the end, closes the file and frees. A disk that does not answer for
 * two seconds is left to itself. *state (may be NULL) is the last one.
 */
void recorder_destroy(struct recorder *recorder, const char *reason, struct recorder_state *state);

#endif
