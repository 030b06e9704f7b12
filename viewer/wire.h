#ifndef PARCLOSE_VIEWER_WIRE_H
#define PARCLOSE_VIEWER_WIRE_H

/*
 * The viewer's end of the view channel (session/view-channel.h). What the supervisor says is
 * checked in one place, wire_take(), and kept as the newest of each kind; what the user wants is
 * sent without ever waiting. The supervisor is the user's own, yet it shows a stranger's pixels and
 * titles: a message that is wrong ends the connection, and the window says so.
 *
 * No toolkit in here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "session/view-channel.h"

struct frames;
struct wire;

// What is new since the last wire_receive().
enum wire_news {
	WIRE_HELLO = 1u << 0,
	WIRE_FRAME = 1u << 1, // frames_copy() has something to do
	WIRE_CURSOR = 1u << 2,
	WIRE_STATE = 1u << 3,
	WIRE_TITLE = 1u << 4,
	WIRE_NOTICE = 1u << 5,
	WIRE_REPLAY = 1u << 7,
	WIRE_MARKS = 1u << 8,
	WIRE_POSITION = 1u << 9,
	WIRE_CAPTION = 1u << 10,
	WIRE_ITEM = 1u << 11, // wire_take_item() has something to give
	WIRE_OVER = 1u << 6, // nothing more will come, `end` says why
};

enum wire_end {
	WIRE_OPEN = 0,
	WIRE_ENDED, // the session ended; `end_reason` is the supervisor's
	WIRE_LOST, // the connection broke without a word
	WIRE_WRONG, // the supervisor said what it may not say; `end_reason` names it
};

struct wire_cursor {
	int32_t x, y; // hotspot's place in the frame
	int32_t hot_x, hot_y;
	uint32_t width, height; // of the image; 0: none
	uint32_t image_serial;
	bool visible;
};

// Of a recording, where a player is at the other end.
struct wire_replay {
	bool on; // it is one, by wire_create()
	bool known; // what follows was told
	bool whole;
	uint64_t duration_ns;
	uint64_t begun_s; // CLOCK_REALTIME
	uint8_t marks[VIEW_MARKS_LEN]; // enum view_mark
	uint64_t position_ns; // at most the duration
	uint32_t position_flags; // enum view_position_flag
	uint32_t speed; // percent, 1..VIEW_MAX_SPEED
	bool skip;
	uint64_t caption_ns;
	uint32_t caption_kinds; // enum view_mark; 0: nothing has happened yet
	char caption[236];
};

// An item of the clipboard that is shown, has crossed, or was refused.
struct wire_item {
	enum view_direction direction;
	bool refused, crossed; // neither: it waits for the user's word
	char why[244]; // of `refused`
	enum view_item_kind kind;
	uint32_t flags; // enum view_item_flag
	uint32_t bytes, lines, removed, width, height;
	char sha256[65];
	int fd; // sealed, `shown` bytes; the receiver's. -1: none
	uint32_t shown;
};

// Everything that was told so far. Texts are checked UTF-8, without control, bidirectional or
// invisible characters.
struct wire_told {
	bool hello, state; // were there any yet?
	uint32_t width, height; // of the frame, pixels; 1..WIRE_MAX_SIDE
	char name[64], command[160];
	enum view_holder holder;
	uint32_t flags; // enum view_state_flag
	enum view_network network;
	enum view_clipboard clipboard;
	uint32_t viewers, denied, rules;
	uint64_t begun_s; // CLOCK_REALTIME
	char title[192], app_id[64]; // an application's words
	bool notice_urgent;
	char notice[248];
	struct wire_cursor cursor;
	struct wire_replay replay;
	enum wire_end end;
	char end_reason[300];
};

#define WIRE_MAX_SIDE 8192 // display.width and display.height of a policy
#define WIRE_TURN 64 // messages a wire_receive() takes at most

/*
 * Takes over `fd`, a SOCK_SEQPACKET socket, and makes it non-blocking. `replay`: a player is at its
 * other end, who can neither say what a session says to its user, nor be one. NULL: out of memory.
 */
struct wire *wire_create(int fd, bool replay);
void wire_destroy(struct wire *wire); // NULL is allowed

const struct wire_told *wire_told(const struct wire *wire);
struct frames *wire_frames(struct wire *wire); // NULL before HELLO; owned by the wire

// The newest item of that direction, once. False: there is none.
bool wire_take_item(struct wire *wire, enum view_direction direction, struct wire_item *item);

int wire_fd(const struct wire *wire); // -1 when it is over
bool wire_wants_to_write(const struct wire *wire);

// Reads what is there, at most WIRE_TURN messages. Returns enum wire_news.
uint32_t wire_receive(struct wire *wire);

/*
 * One message of `len` bytes that came with `fds_len` descriptors, which are taken over. Returns
 * enum wire_news. The only function that reads what the supervisor said.
 */
uint32_t wire_take(struct wire *wire, const struct view_message *untrusted, size_t len,
	const int *fds, size_t fds_len);

/*
 * Sends now or when there is room; `fd` (-1: none) is taken over. Of pointer motion, and of places
 * in a recording, only the newest waits. A supervisor that reads nothing for long gets no more
 * input: then this returns false, and what was pressed goes up.
 */
bool wire_send(struct wire *wire, const struct view_message *message, int fd);

void wire_flush(struct wire *wire); // when the socket can be written to

#endif
