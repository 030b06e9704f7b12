#ifndef PARCLOSE_REPLAY_CHANNEL_H
#define PARCLOSE_REPLAY_CHANNEL_H

/*
 * The player's end of session/view-channel.h. Nothing is queued: a viewer is told what there is
 * room for in its socket, and the rest, as it is by then, when it has read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/view-channel.h"

#define REPLAY_MARKS ((VIEW_MARKS_LEN + VIEW_MARKS_CHUNK - 1) / VIEW_MARKS_CHUNK)

enum replay_due { // in the order in which they are said
	REPLAY_DUE_REPLAY = 1u << 0,
	REPLAY_DUE_STATE = 1u << 1,
	REPLAY_DUE_FRAME = 1u << 2,
	REPLAY_DUE_CURSOR = 1u << 3,
	REPLAY_DUE_POSITION = 1u << 4,
	REPLAY_DUE_CAPTION = 1u << 5,
	REPLAY_DUE_MARKS = 1u << 6, // and the bits above it: one for each message of them
	REPLAY_DUE_ALL_MARKS = ((1u << REPLAY_MARKS) - 1) << 6,
};

struct replay_channel {
	int fd; // non-blocking
	uint32_t due; // enum replay_due
	bool broken; // the viewer is gone
	// Makes the message of one thing that is due.
	void (*fill)(void *data, uint32_t what, struct view_message *message);
	void (*sent)(void *data, uint32_t what); // it is out
	void *data;
};

// HELLO, with its two memories. False: it cannot be sent.
bool replay_hello(const struct replay_channel *channel, const struct view_message *hello,
	int frames_fd, int slots_fd);

// The last message, where it still can be sent.
void replay_end(const struct replay_channel *channel, const char *why);

// Sends what is due. True: all of it is out, or nobody is there any more.
bool replay_flush(struct replay_channel *channel);

// Reads an order of the viewer's, which is checked. False: there is none now, or, with `broken`
// set, none any more.
bool replay_receive(struct replay_channel *channel, struct view_message *order);

// Is this something that a viewer may ask of a player? The only function that reads what it said.
bool replay_check(const struct view_message *untrusted, size_t len, bool fds);

#endif
