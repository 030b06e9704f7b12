#ifndef PARCLOSE_SESSION_REENCODE_H
#define PARCLOSE_SESSION_REENCODE_H

/*
 * A picture, made anew by two runs of parclose-picture (clipboard/picture.h). Nothing here waits,
 * and nothing here reads the picture.
 */

#include <stddef.h>
#include <stdint.h>

#define REENCODE_DEADLINE_MS 6000 // of each of the two

struct reencode; // one that is under way
struct session;

struct reencode_result {
	char why[200]; // "": it was done; else a sentence without its end
	int fd; // a PNG file in a sealed memfd, `bytes` long; the receiver's. -1: none
	size_t bytes;
	uint32_t width, height; // pixels
};

// Called once, from the event loop, never within the call that began it.
typedef void (*reencode_done)(void *data, struct reencode_result *result);

// `untrusted_fd`: a sealed memfd, taken over. NULL with *why: it cannot even begin.
struct reencode *reencode_begin(struct session *session, int untrusted_fd, reencode_done done,
	void *data, const char **why);
void reencode_cancel(struct reencode *reencode); // nobody is told any more

#endif
