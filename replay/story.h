#ifndef PARCLOSE_REPLAY_STORY_H
#define PARCLOSE_REPLAY_STORY_H

/*
 * What happened in a recording, by its events: what is marked on its time, what can be gone to, and
 * in words. The events are JSON of anybody's (protocols/recording.md): what cannot be read is left
 * out, and every text is made fit to be shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/recording.h"
#include "session/view-channel.h"

struct story;

struct story_moment {
	uint64_t time_ns;
	size_t entry; // of the recording
	uint32_t kinds; // enum view_mark; 0: only who holds the session changes
	enum view_holder holder; // from then on
	bool withheld; // pictures from the agent, and from the recording
};

// The recording must outlive it. NULL: out of memory.
struct story *story_create(struct recording *recording);
void story_destroy(struct story *story); // NULL is allowed

// Reads on, for about `budget_ns`. True: there is more to be read.
bool story_read(struct story *story, uint64_t budget_ns);

/*
 * The last moment that is not later, as far as was read; `marked`: only those with a kind. NULL:
 * there is none.
 */
const struct story_moment *story_at(const struct story *story, uint64_t time_ns, bool marked);

// The next marked moment after a time, or the last one before it. NULL: there is none.
const struct story_moment *story_next(const struct story *story, uint64_t time_ns, bool back);

// The kinds of what happened in each of VIEW_MARKS_LEN equal parts of `duration_ns`.
void story_marks(const struct story *story, uint64_t duration_ns, uint8_t kinds[VIEW_MARKS_LEN]);

// What happened, in one line that is fit to be shown (size >= 4).
void story_tell(
	const struct story *story, const struct story_moment *moment, char *out, size_t size);

#endif
