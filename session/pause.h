#ifndef PARCLOSE_SESSION_PAUSE_H
#define PARCLOSE_SESSION_PAUSE_H

/*
 * A paused session stands still: none of its programs runs, no event reaches them, nobody acts in
 * it, no command starts, and its time limit does not count. It can be watched, and stopped: then
 * nothing inside runs another instruction.
 */

#include <stdbool.h>

struct session;

/*
 * `who` is for the log. Doing it again changes nothing. 0, or -errno: -EBUSY the session is ending,
 * -ETIMEDOUT the machine is too busy to have done it yet, and will.
 */
int session_pause(struct session *session, const char *who);
int session_resume(struct session *session, const char *who);

#endif
