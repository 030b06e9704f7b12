#ifndef PARCLOSE_SESSION_GATE_REQUEST_H
#define PARCLOSE_SESSION_GATE_REQUEST_H

/*
 * What a user asks of the gate: to put an item in, to take one out, to allow what was shown. Who
 * asks speaks JSON (control-clipboard.c, control-file.c) or the view channel (view-clipboard.c);
 * what happens is the same. One request a direction at a time, and each has its deadline.
 */

#include "session/clipboard-gate.h"

struct gate_answer {
	const char *why; // NULL: it went well; else a sentence without its end
	bool crossed; // false: the item is shown, and waits for gate_approve()
	bool confirmed;
	const struct gate_item *item; // borrowed during the call
};

struct gate_asker {
	const void *owner; // who asks: only they may allow what they were shown
	const char *by; // the same, for the audit log
	// Called once for each request, perhaps within it, unless gate_forget() comes first.
	void (*done)(void *data, const struct gate_answer *answer);
	void *data;
};

// Of the clipboard. `fd`: a sealed memfd, taken over.
void gate_put(struct session *session, const struct gate_asker *asker, const char *type, int fd);
// `type` NULL: the first of the policy's that there is.
void gate_get(struct session *session, const struct gate_asker *asker, const char *type);

// Files. `path` is inside, relative to the home directory unless absolute.
void gate_put_file(struct session *session, const struct gate_asker *asker, const char *path,
	int fd, bool replace);
void gate_get_file(struct session *session, const struct gate_asker *asker, const char *path);

// Lets what was shown to this owner cross, if it is that.
void gate_approve(struct session *session, const struct gate_asker *asker,
	enum gate_direction direction, const char *sha256);
// The user does not want it to.
void gate_decline(
	struct session *session, const struct gate_asker *asker, enum gate_direction direction);

// The owner is gone: what they asked for ends, and they are not told.
void gate_forget(struct session *session, const void *owner);
void gate_finish(struct session *session); // the same of everybody

#endif
