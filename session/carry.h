#ifndef PARCLOSE_SESSION_CARRY_H
#define PARCLOSE_SESSION_CARRY_H

/*
 * Files of a session, read and written for somebody who may. A fork of pid 1, confined like any
 * program inside, opens them (sandbox/file.h); here only bytes go by. Whether a file may cross is
 * decided above (gate-request.h). Nothing waits: a file goes by in parts, one a turn of the loop.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clipboard/sha256.h"

#define CARRY_DEADLINE_MS 30000

struct carry; // one that is under way
struct session;

struct carry_result {
	char why[300]; // "": it was done; else a sentence without its end
	// Of carry_out() and carry_measure(): sealed, `bytes` long; the receiver's. -1: none.
	int fd;
	size_t bytes;
	char sha256[SHA256_HEX_BYTES];
};

// Called once, from the event loop, never within the call that began it.
typedef void (*carry_done)(void *data, struct carry_result *result);

/*
 * Each returns NULL with *why set to a sentence when it cannot even begin. `path` is inside,
 * relative to the home directory unless absolute.
 */

// The file's content. A longer one than `max_bytes` is refused whole.
struct carry *carry_out(struct session *session, const char *path, size_t max_bytes,
	carry_done done, void *data, const char **why);
// A new file of the `bytes` bytes of `fd`, a sealed memfd, which stays the caller's.
struct carry *carry_in(struct session *session, const char *path, int fd, bool replace,
	carry_done done, void *data, const char **why);
// The hash of `fd`, a sealed memfd, taken over.
struct carry *carry_measure(struct session *session, int fd, size_t bytes, carry_done done,
	void *data, const char **why);

// Nobody is told any more, and what is done inside is ended.
void carry_cancel(struct carry *carry);

#endif
