#ifndef PARCLOSE_NETWORK_PIPES_H
#define PARCLOSE_NETWORK_PIPES_H

/*
 * Pipes to splice(2) through. A connection has one only while bytes of its own lie in it, so that
 * thousands of idle ones have none.
 */

#include <stddef.h>

#define PIPE_BYTES \
	(512u << 10) // a quarter less processor time than 256 KiB; a user has 64 MiB (pipe(7))
#define PIPES_KEPT 16

struct pipe {
	int read, write;
	struct pipe *next;
};

struct pipes {
	struct pipe *kept; // empty ones, owned
	size_t kept_len;
};

// An empty pipe, which is given back empty, or ended. NULL: no descriptors, or no memory.
struct pipe *pipes_take(struct pipes *pipes);
void pipes_give(struct pipes *pipes, struct pipe *pipe);
void pipes_end(struct pipe *pipe);
void pipes_finish(struct pipes *pipes);

#endif
