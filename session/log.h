#ifndef PARCLOSE_SESSION_LOG_H
#define PARCLOSE_SESSION_LOG_H

/*
 * The audit log: one JSON object a line, appended with one write each, so that a reader never sees
 * half a line and a crash loses nothing that was said. Every line has `time` (UTC, RFC 3339,
 * microseconds) and `event`.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct log; // one open log, made by log_open(), freed by log_close()

#define LOG_FILE "session.jsonl"
#define LOG_ROTATE_BYTES (8u << 20) // at opening, a longer log becomes session.jsonl.1

// Opens the log in a session's state directory (borrowed only during the call). NULL: errno says
// why.
struct log *log_open(int state_fd);

/*
 * Writes an event; `fields` (may be NULL) is consumed. False when the line could not be written
 * whole: the caller decides whether the session may go on without a log.
 */
bool log_event(struct log *log, const char *event, cJSON *fields);

void log_close(struct log *log);

// Writes the end of a session whose supervisor `pid` could not do it any more.
void log_bury(int state_fd, pid_t pid);

#endif
