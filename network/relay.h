#ifndef PARCLOSE_NETWORK_RELAY_H
#define PARCLOSE_NETWORK_RELAY_H

/*
 * Two TCP sockets, and what goes from one to the other. Each direction is first checked: its bytes
 * are shown to `check`, which says how many may go on; once it lets it free the kernel moves them
 * (splice). A slow reader holds up its writer; an end of one direction is passed on while the other
 * goes on; a connection that is broken off on one side is broken off on the other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "network/pipes.h"

#define RELAY_HELD_MAX (64u << 10) // bytes of one direction that wait to be checked

enum relay_side {
	RELAY_INSIDE,
	RELAY_OUTSIDE,
};

enum relay_word {
	RELAY_CHECK, // go on showing
	RELAY_FREE, // all of it may go, and all that follows
	RELAY_FRESH, // of bytes from inside: what may not go waits for another connection outside
	RELAY_REFUSE, // the relay ends, RELAY_REFUSED
};

enum relay_end {
	RELAY_DONE, // both directions came to their end
	RELAY_RESET, // broken off
	RELAY_REFUSED, // by check
	RELAY_FAILED, // no memory or no descriptors
};

/*
 * None of them may touch the relay but by relay_bytes(), and relay_finish() to end it.
 */
struct relay_handler {
	/*
	 * The first `len` bytes that came from `from` and have not gone on; `eof`: no more come.
	 * *pass: how many of them may go (0 at first). It is shown the rest again with more. With
	 * RELAY_HELD_MAX bytes that may not go it must decide, or they wait for relay_recheck().
	 */
	enum relay_word (*check)(void *data, enum relay_side from,
		const unsigned char *untrusted_bytes, size_t len, bool eof, size_t *pass);
	/*
	 * After RELAY_FRESH: the connection outside is closed, and another one is to be attached.
	 * False: it ended the relay instead.
	 */
	bool (*fresh)(void *data);
	void (*ended)(void *data, enum relay_end how); // once; relay_finish() is still to be called
};

// One direction.
struct relay_flow {
	bool checked;
	bool eof; // its source has ended
	bool shut; // and its target was told
	bool blocked; // its target takes no more at the moment
	unsigned char *held; // owned; NULL while empty
	size_t held_len, held_size, pass;
	struct pipe *pipe; // NULL: empty
	size_t piped;
	uint64_t bytes; // that went on
};

struct relay_port {
	struct relay *relay;
	enum relay_side side;
	int fd; // owned; -1: not there yet
	struct wl_event_source *source; // NULL: not watched
	uint32_t mask;
};

struct relay {
	struct wl_event_loop *loop;
	struct pipes *pipes;
	const struct relay_handler *handler;
	void *data;
	struct relay_port ports[2]; // by enum relay_side
	struct relay_flow flows[2]; // by the side they come from
	uint64_t active_ms; // CLOCK_MONOTONIC, when bytes went last
	bool freed; // a direction became free: the other one is to be shown again
	bool over;
};

// Both directions are checked. `pipes` outlives it.
void relay_init(struct relay *relay, struct wl_event_loop *loop, struct pipes *pipes,
	const struct relay_handler *handler, void *data);

// Takes over the socket of a side before the other one is there: only keeps it. relay_watch() has
// it read and checked from the event loop on. False: out of memory.
void relay_put(struct relay *relay, enum relay_side side, int fd);
bool relay_watch(struct relay *relay, enum relay_side side);

// A side's connected, non-blocking socket is there; takes it over. May end the relay.
void relay_attach(struct relay *relay, enum relay_side side, int fd);

// Something became known: asks `check` again. May end the relay.
void relay_recheck(struct relay *relay);

// Payload bytes that came from `side` and went on.
uint64_t relay_bytes(const struct relay *relay, enum relay_side side);

// Closes both sockets; `reset`: so that their peers see it was broken off.
void relay_finish(struct relay *relay, bool reset);

#endif
