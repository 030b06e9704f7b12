#ifndef PARCLOSE_SESSION_ASK_H
#define PARCLOSE_SESSION_ASK_H

// What the agent wants of the user, told at the windows that show the session.

#include <stdint.h>

struct session;

#define ASK_SECONDS 2 // at least, from one to the next
#define ASK_BYTES 200 // that are told of it

/*
 * Tells every window, and the audit log, in words that are marked as the agent's. `from` is who
 * asks, for the log. 0 with *viewers set, which may be none; -EAGAIN: it asked a moment ago;
 * -EINVAL: there is nothing in it.
 */
int session_ask(
	struct session *session, const char *from, const char *untrusted, uint32_t *viewers);

#endif
