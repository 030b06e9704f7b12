#ifndef PARCLOSE_SESSION_RECORD_H
#define PARCLOSE_SESSION_RECORD_H

/*
 * Recording a session: the screen and the audit log's events on one timeline (session/recorder.h).
 * It is the user's: nothing inside can begin, end or read it. A recording that fails is the end of
 * the recording, not of the session. What the user types while they have control is not in it, and
 * while they withhold pictures neither is the screen.
 */

#include <stdbool.h>
#include <stddef.h>

#include "session/recorder.h"

struct cJSON;
struct display_frame;
struct record;
struct session;

struct record_why {
	char text[1200];
};

/*
 * Begins. `fd`: an empty file that can be written, taken over also on failure, and its name for
 * people; -1: a new one in the session's state directory. 0, or -errno with a sentence in *why:
 * -EALREADY it is being recorded.
 */
int record_start(
	struct session *session, int fd, const char *path, const char *who, struct record_why *why);

// Ends; false: it was not being recorded. *state and *path (size bytes) may be NULL.
bool record_stop(struct session *session, const char *who, struct recorder_state *state, char *path,
	size_t size);

// The session is over.
void record_finish(struct session *session, const char *reason);

// What is recorded now. False: nothing.
bool record_state(struct session *session, struct recorder_state *state, const char **path);

// What happened. Nothing is recorded: nothing happens.
void record_frame(struct session *session, const struct display_frame *frame);
void record_slot_released(struct session *session, unsigned int slot);
void record_cursor(struct session *session);
void record_event(struct session *session, const char *event, const struct cJSON *fields);
void record_follow_lease(struct session *session); // pictures are withheld, or are no more

#endif
