#ifndef PARCLOSE_SESSION_VIEW_CHANNEL_H
#define PARCLOSE_SESSION_VIEW_CHANNEL_H

/*
 * What supervisor and viewer say to each other: fixed-size messages on a SOCK_SEQPACKET pair that
 * the control method parclose/view hands out. Several viewers may watch; none can make the agent
 * wait, because nobody waits for them:
 *
 * - The frames are the supervisor's own frame memory, mapped read-only. Nothing is copied for a
 *   viewer and no slot is held for one. A second memfd, written by the supervisor alone, holds one
 *   `struct view_slots`: a slot's generation changes before the slot may be drawn into again. A
 *   viewer copies what a FRAME names, then looks at the generation once more; where it differs from
 *   the message's, the copy is thrown away, and a newer FRAME is on its way.
 * - A message that the viewer's socket has no room for is dropped. The next FRAME that fits then
 *   says in `boxes` everything that changed since the last one that was sent; of the other types
 *   the newest is sent when there is room again.
 *
 * Both sides check every field of every message; a message of another size, an unknown type or a
 * value out of range ends the connection. Texts are UTF-8, already made fit to be shown
 * (session/untrusted.h), NUL-padded.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "compositor/channel.h" // the frame memory's layout, boxes

#define VIEW_VERSION 1
#define VIEW_MAX_VIEWERS 16
#define VIEW_MAX_KEYMAP (256u * 1024) // bytes of a user's keymap, XKB text format

/*
 * A recording is shown in the same way, by a player in the supervisor's place (replay/). It says
 * REPLAY right after HELLO, and what the user then wants of it is SEEK, PLAY and STEP, and none of
 * what a session is told.
 */
#define VIEW_MARKS_LEN 1024 // parts of the same length that a recording's time is marked in
#define VIEW_MARKS_CHUNK 240 // of them in one message
#define VIEW_MAX_SPEED 6400 // percent
#define VIEW_MAX_REPLAY_NS ((uint64_t)1 << 62)

struct view_slots {
	_Atomic uint64_t generation[CHANNEL_SLOTS];
};

enum view_type {
	// supervisor -> viewer
	VIEW_HELLO = 1, // `hello`, carries two memfds: frames (read-only), struct view_slots
			// (read-only), both sealed against shrinking; first message, once
	VIEW_FRAME, // `frame`
	VIEW_CURSOR, // `cursor`
	VIEW_STATE, // `state`: after HELLO, and at each change
	VIEW_TITLE, // `title`: of the focused window
	VIEW_NOTICE, // `notice`: something to tell the user
	VIEW_ENDED, // `notice`: the session ended; the last message
	VIEW_ITEM, // `item`: the answer to PUT_ITEM, GET_ITEM and ANSWER_ITEM, or
	VIEW_ITEM_REFUSED, // `item_refused`: of these three
	// player -> viewer
	VIEW_REPLAY = 32, // `replay`; second message, once
	VIEW_MARKS, // `marks`
	VIEW_POSITION, // `position`: after REPLAY, and at each change
	VIEW_CAPTION, // `caption`: what happened last at that position
	// viewer -> supervisor; of these, INPUT and KEYMAP only count while this viewer has the
	// wheel
	VIEW_TAKE_OVER = 64, // `take_over`; the answer is a STATE. Of who has the wheel already it
			     // only changes `withhold`
	VIEW_HAND_BACK,
	VIEW_PAUSE,
	VIEW_RESUME,
	VIEW_STOP, // the session, with the usual grace
	VIEW_INPUT, // `input`
	VIEW_KEYMAP, // `keymap`, carries a memfd with the user's own layout in XKB text; before the
		     // first key of a takeover, and whenever something of it changes
	VIEW_RECORD, // `record`
	VIEW_PUT_ITEM, // `put_item`, carries a sealed memfd: the user's item, for the session
	VIEW_GET_ITEM, // the session's item, for the user
	VIEW_ANSWER_ITEM, // `answer_item`: to an ITEM that waits
	// viewer -> player
	VIEW_SEEK = 96, // `seek`
	VIEW_PLAY, // `play`
	VIEW_STEP, // `step`
};

enum view_mark {
	VIEW_MARK_AGENT = 1u << 0, // the agent did something
	VIEW_MARK_PERSON = 1u << 1, // a person did, or took over, paused, …
	VIEW_MARK_REFUSED = 1u << 2, // something was refused, or failed
	VIEW_MARK_OTHER = 1u << 3,
};

enum view_position_flag {
	VIEW_POSITION_PLAYING = 1u << 0,
	VIEW_POSITION_DAMAGED = 1u << 1, // what was there cannot be read; an older picture is shown
};

enum view_step {
	VIEW_STEP_PICTURE = 1, // from one picture to the next
	VIEW_STEP_MARK, // from one thing that happened to the next
};

enum view_holder {
	VIEW_AGENT = 1,
	VIEW_HUMAN,
	VIEW_PAUSED
};

enum view_state_flag {
	VIEW_STATE_MINE =
		1u << 0, // the human with the wheel, who may be paused, sits at this viewer
	VIEW_STATE_RECORDING = 1u << 1,
	VIEW_STATE_WITHHELD = 1u << 2, // the agent gets no pictures for now
	VIEW_STATE_STOPPING = 1u << 3,
	VIEW_STATE_XWAYLAND = 1u << 4,
};

enum view_network {
	VIEW_NETWORK_NONE = 1,
	VIEW_NETWORK_FILTERED,
	VIEW_NETWORK_OPEN
};
enum view_clipboard {
	VIEW_CLIPBOARD_NONE = 1,
	VIEW_CLIPBOARD_READ,
	VIEW_CLIPBOARD_WRITE,
	VIEW_CLIPBOARD_ALL
};

enum view_direction {
	VIEW_IN = 1, // from the user into the session
	VIEW_OUT
};

// An item of the clipboard crosses when its user, who was shown it, says so (docs/clipboard.md).
enum view_item_step {
	VIEW_ITEM_WAITS = 1, // carries a memfd with what is to be shown: text, or the picture
	VIEW_ITEM_CROSSED, // carries a memfd with the item, where it came out
};

enum view_item_kind {
	VIEW_ITEM_TEXT = 1, // UTF-8
	VIEW_ITEM_PNG,
	VIEW_ITEM_JPEG, // only of PUT_ITEM
};

enum view_item_flag {
	VIEW_ITEM_ENDS_LINE = 1u << 0, // its last byte is a newline
	VIEW_ITEM_CUT = 1u << 1, // what is shown is not all of it
};

#define VIEW_MAX_ITEM (16u << 20) // bytes of one

enum view_input_kind {
	VIEW_INPUT_MOVE = 1, // x, y
	VIEW_INPUT_BUTTON, // code: evdev BTN_*, value: 1 down, 0 up; x, y
	VIEW_INPUT_SCROLL, // x, y: distance; value: enum channel_scroll
	VIEW_INPUT_KEYCODE, // code: evdev KEY_*, value: 1 down, 0 up
	VIEW_INPUT_TOUCH, // code: point, value: enum channel_touch; x, y
	VIEW_INPUT_RELEASE, // everything that is pressed goes up (focus lost)
};

enum view_lock {
	VIEW_LOCK_CAPS = 1u << 0,
	VIEW_LOCK_NUM = 1u << 1,
};

struct view_message {
	uint32_t type; // enum view_type
	uint32_t reserved; // 0
	union {
		struct {
			uint32_t version;
			uint32_t width, height; // pixels
			uint32_t refresh; // Hz
			char name[64]; // of the session
			char command[160]; // what runs
		} hello;
		struct {
			uint32_t slot;
			uint32_t boxes_len; // 1..CHANNEL_BOXES
			uint64_t serial, generation;
			uint64_t time_ns; // CLOCK_MONOTONIC at commit
			struct channel_box boxes[CHANNEL_BOXES]; // inside the frame, none empty
		} frame;
		struct {
			int32_t x, y; // hotspot's place in the frame
			uint32_t visible; // 0 or 1
			uint32_t image_serial; // changes with the image in the cursor area
			uint32_t width, height; // 0..CHANNEL_CURSOR_MAX
			int32_t hot_x, hot_y;
		} cursor;
		struct {
			uint32_t holder; // enum view_holder
			uint32_t flags; // enum view_state_flag
			uint32_t network; // enum view_network
			uint32_t clipboard; // enum view_clipboard
			uint32_t viewers; // that watch, this one counted
			uint32_t denied; // network attempts refused so far
			uint64_t begun_s; // CLOCK_REALTIME seconds
			uint64_t paused_since_ns; // CLOCK_MONOTONIC; 0: not paused
			uint32_t rules; // of the network that are in force
			uint32_t reserved; // 0
		} state;
		struct {
			char untrusted_title[192]; // the application's words, made fit to be shown
			char untrusted_app_id[64];
		} title;
		struct {
			uint32_t urgency; // 0: for the record, 1: the user should know
			char text[248];
		} notice;
		struct {
			uint32_t withhold; // 1: the agent gets no pictures until handed back
		} take_over;
		struct {
			uint32_t kind; // enum view_input_kind
			uint32_t code, value;
			int32_t x, y; // frame pixels or distance, in 1/256
		} input;
		struct {
			uint32_t bytes; // 1..VIEW_MAX_KEYMAP
			uint32_t group; // 0..3: which of the keymap's layouts is active
			uint32_t locks; // enum view_lock: what is on
		} keymap;
		struct {
			uint32_t on; // 0 or 1
		} record;
		struct {
			uint64_t duration_ns; // at most VIEW_MAX_REPLAY_NS, as each time here
			uint64_t begun_s; // CLOCK_REALTIME seconds
			uint32_t whole; // 1: it has an end; 0: it was cut off, or is being written
		} replay;
		struct {
			uint32_t first, len; // of VIEW_MARKS_LEN; len 1..VIEW_MARKS_CHUNK
			uint8_t kinds[VIEW_MARKS_CHUNK]; // enum view_mark, of each
		} marks;
		struct {
			uint64_t time_ns;
			uint32_t flags; // enum view_position_flag
			uint32_t speed; // percent, 1..VIEW_MAX_SPEED
			uint32_t skip; // 1: what stands still is left out
		} position;
		struct {
			uint64_t time_ns; // when it happened
			uint32_t kinds; // enum view_mark; 0: nothing has happened yet
			char untrusted_text[236];
		} caption;
		struct {
			uint64_t time_ns;
		} seek;
		struct {
			uint32_t on; // 0 or 1
			uint32_t speed; // percent, 1..VIEW_MAX_SPEED
			uint32_t skip; // 0 or 1
		} play;
		struct {
			uint32_t what; // enum view_step
			uint32_t back; // 1: to the one before
		} step;
		struct {
			uint32_t direction; // enum view_direction
			uint32_t step; // enum view_item_step
			uint32_t kind; // enum view_item_kind
			uint32_t flags; // enum view_item_flag
			uint32_t bytes; // of the item, 1..VIEW_MAX_ITEM
			uint32_t shown; // bytes of the memfd that it carries; 0: none
			uint32_t lines, removed; // of a text: see clipboard/text.h
			uint32_t width, height; // of a picture, pixels
			char sha256[65]; // of the item, lower-case hexadecimal
		} item;
		struct {
			uint32_t direction; // enum view_direction
			char text[244]; // why
		} item_refused;
		struct {
			uint32_t kind; // enum view_item_kind
		} put_item;
		struct {
			uint32_t direction; // enum view_direction
			uint32_t allow; // 0: it is not to cross
			char sha256[65]; // of what was shown
		} answer_item;
	};
};

static_assert(sizeof(struct view_message) == 264, "the view channel's messages have one size");

#endif
