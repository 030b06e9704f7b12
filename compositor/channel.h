#ifndef PARCLOSE_COMPOSITOR_CHANNEL_H
#define PARCLOSE_COMPOSITOR_CHANNEL_H

/*
 * What supervisor and compositor say to each other: fixed-size messages on one SOCK_SEQPACKET pair.
 * The supervisor owns the frame memory and believes nothing: a message of another size, an unknown
 * type or a value out of range ends the compositor (session/display-take.c).
 *
 * Frame memory is one sealed memfd made by the supervisor (F_SEAL_SHRINK|GROW|SEAL):
 * CHANNEL_SLOTS frames of stride * height bytes, each slot starting at a page boundary, then one
 * cursor image of CHANNEL_CURSOR_MAX squared pixels. Pixels are DRM_FORMAT_XRGB8888 (frames) and
 * premultiplied ARGB8888 (cursor), little endian; a frame's stride is width * 4, the cursor's
 * CHANNEL_CURSOR_MAX * 4.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_VERSION 3
#define CHANNEL_SLOTS 4
#define CHANNEL_CURSOR_MAX 128
#define CHANNEL_BOXES 8
#define CHANNEL_FD 3 // the compositor finds its end here
#define CHANNEL_TITLE_BYTES 128
#define CHANNEL_TEXT_BYTES 224
#define CHANNEL_TYPED_RUNS 20
#define CHANNEL_MAX_STEPS 4096 // of one action; the text of one action: CHANNEL_MAX_TEXT bytes
#define CHANNEL_MAX_TEXT (256u * 1024)
#define CHANNEL_MAX_DELAY_MS 100000
// The longest that the compositor types a text, with so much more for each of its bytes; then the
// action ends, CHANNEL_INPUT_STUCK.
#define CHANNEL_TEXT_MS 30000
#define CHANNEL_TEXT_BYTE_MS 25
#define CHANNEL_TOUCH_POINTS 10
#define CHANNEL_MAX_KEYMAP (256u * 1024)

struct channel_box {
	int32_t x, y, width, height;
};

enum channel_type {
	// supervisor -> compositor
	CHANNEL_SETUP = 1, // `setup`, carries the memfd; first message, once
	CHANNEL_CLIENT, // `client`, carries a connected Wayland client socket
	CHANNEL_RELEASE, // `release`: the slot may be drawn into again
	CHANNEL_WINDOW_ACT, // `window_act`
	CHANNEL_INPUT, // `input`: one step of an action; performed when its last step is there
	CHANNEL_INPUT_CANCEL, // `input_cancel`: what plays or waits under this token ends
	CHANNEL_INPUT_RELEASE, // every key, button and touch point goes up, all actions are
			       // cancelled
	CHANNEL_SETTLE, // `settle`: tell when the picture rests
	CHANNEL_PAUSE, // `pause`: the clients stand still, and get no event until they run again
	CHANNEL_HUMAN, // `human`: a person has keyboard and pointer, with keys that repeat, or has
		       // them no more; the keymap is the base one again
	CHANNEL_HUMAN_KEYMAP, // `human_keymap`, carries a sealed memfd with that person's keymap
	CHANNEL_HUMAN_INPUT, // `human_input`: what their hand does, performed at once, not answered
	CHANNEL_CLIPBOARD_LIST, // `clipboard`: what types does the session's clipboard hold?
	CHANNEL_CLIPBOARD_TAKE, // `clipboard`, carries the end of a pipe to write an item into
	CHANNEL_CLIPBOARD_PUT, // `clipboard`, carries a sealed memfd with an item
	CHANNEL_CLIPBOARD_CLEAR, // `clipboard`: it holds nothing from now on
	// compositor -> supervisor
	CHANNEL_READY = 64, // confined and serving; no payload
	CHANNEL_FRAME, // `frame`: the slot holds a new frame and is the supervisor's until released
	CHANNEL_CURSOR, // `cursor`: shape or position changed
	CHANNEL_CLIENT_GONE, // `client`: the connection `id` ended
	CHANNEL_WINDOW, // `window`: appeared, changed or went
	CHANNEL_FATAL, // `fatal`: cannot go on; the compositor exits after it
	CHANNEL_TYPED, // `typed`: which way parts of a text went; before its action's INPUT_DONE
	CHANNEL_INPUT_DONE, // `input_done`: once for every action whose last step was sent
	CHANNEL_SETTLED, // `settled`: once for every CHANNEL_SETTLE
	CHANNEL_CLIPBOARD_TYPE, // `clipboard_type`: one of a list's types
	CHANNEL_CLIPBOARD_DONE, // `clipboard_done`: once for every CHANNEL_CLIPBOARD_ message above
	CHANNEL_CLIPBOARD_PASTED, // `clipboard_pasted`: once, an item that was put has been read
};

/*
 * An action is a run of steps of one token, the last one marked. The compositor checks all of it,
 * then performs it; a step that cannot be done ends the action, and what the action pressed is
 * released. Actions are performed one at a time, in the order of their last steps. A new token is
 * greater than every one before it.
 */
enum channel_input_kind {
	CHANNEL_INPUT_MOVE = 1, // x, y
	CHANNEL_INPUT_BUTTON, // code: evdev BTN_*; value: 1 down, 0 up
	CHANNEL_INPUT_SCROLL, // x, y: distance, positive right and down; value: enum channel_scroll
	CHANNEL_INPUT_KEY, // text: X keysym name, or one character; value: 1 down, 0 up
	CHANNEL_INPUT_KEYCODE, // code: evdev KEY_*; value: 1 down, 0 up
	CHANNEL_INPUT_TEXT, // text, `code` bytes of it: UTF-8, whole characters
	CHANNEL_INPUT_TOUCH, // code: point 0..9; value: enum channel_touch; x, y
	CHANNEL_INPUT_DELAY, // value: milliseconds
	CHANNEL_INPUT_FRAME, // until the client under the pointer has drawn, or 50 ms
};

enum channel_input_flag {
	CHANNEL_INPUT_LAST = 1u << 0, // the action's last step
};

enum channel_scroll {
	CHANNEL_SCROLL_NOTCHES = 0, // of a wheel
	CHANNEL_SCROLL_PIXELS,
};

enum channel_touch {
	CHANNEL_TOUCH_UP = 0,
	CHANNEL_TOUCH_DOWN,
	CHANNEL_TOUCH_MOVE,
};

enum channel_lock {
	CHANNEL_LOCK_CAPS = 1u << 0,
	CHANNEL_LOCK_NUM = 1u << 1,
};

enum channel_input_status {
	CHANNEL_INPUT_OK = 0,
	CHANNEL_INPUT_NO_TARGET, // no window was there to take any of it; nothing was delivered
	CHANNEL_INPUT_UNKNOWN_KEY, // `step` names a key that no keymap of ours can have
	CHANNEL_INPUT_NO_FOCUS, // keys or text, and no window has the keyboard
	CHANNEL_INPUT_TOO_MANY, // more keys, buttons or steps than there is room for
	CHANNEL_INPUT_CANCELLED, // by INPUT_CANCEL or INPUT_RELEASE
	CHANNEL_INPUT_LOST, // the window that took it went away in the middle
	CHANNEL_INPUT_STUCK, // the application did not answer for too long in the middle of a text
	CHANNEL_INPUT_STATUS_COUNT
};

// How a run of characters was typed.
enum channel_way {
	CHANNEL_WAY_KEYS = 1, // real keys of the base keymap
	CHANNEL_WAY_TEXT_INPUT, // text-input-v3 commit
	CHANNEL_WAY_KEYMAP, // keys of an extended keymap
	CHANNEL_WAY_PASTE, // a private paste
	CHANNEL_WAY_COUNT
};

/*
 * A wait for the picture to rest (compositor/settle.h). One that belongs to an action is asked for
 * before its first step, with it, or until a second after its INPUT_DONE, once; it begins when the
 * action is done, however that went. Any other begins at once. At most 16 wait at a time: what
 * exceeds them, comes too late, or follows an action that was cancelled or never began is answered
 * with CANCELLED, at once. INPUT_CANCEL ends a wait, INPUT_RELEASE all that belong to actions.
 */
enum channel_settle_flag {
	CHANNEL_SETTLE_SINCE_ACTION = 1u << 0, // what counts as changed begins with the action
};

enum channel_settle_reason {
	CHANNEL_SETTLE_QUIET = 0, // nothing moved any more
	CHANNEL_SETTLE_REPEATING, // only small repeating damage was left: a caret, a spinner
	CHANNEL_SETTLE_TIMEOUT, // it still moved
	CHANNEL_SETTLE_UNRESPONSIVE, // the picture rests, but an application does not answer
	CHANNEL_SETTLE_CANCELLED,
	CHANNEL_SETTLE_REASON_COUNT
};

enum channel_window_state {
	CHANNEL_WINDOW_MAPPED = 1u << 0, // clear: it went
	CHANNEL_WINDOW_FOCUSED = 1u << 1,
	CHANNEL_WINDOW_DIALOG = 1u << 2, // has a parent
};

enum channel_window_verb {
	CHANNEL_WINDOW_RAISE = 1,
	CHANNEL_WINDOW_CLOSE,
	CHANNEL_WINDOW_CYCLE, // raises the lowest window; `id` is not used
};

/*
 * The session's clipboard, asked for one thing at a time. LIST is answered by a TYPE for each type
 * that a name of less than CHANNEL_MIME_BYTES has, at most CHANNEL_MIME_TYPES, and DONE; each of
 * the others by DONE alone. TAKE and CLEAR name the selection they mean by the serial that LIST
 * gave, so that an item that came meanwhile is not taken for it. How TAKE goes on is between the
 * reader of the pipe and the application that wrote.
 */
#define CHANNEL_MIME_BYTES 128
#define CHANNEL_MIME_TYPES 64
#define CHANNEL_CLIPBOARD_MAX (16u << 20) // bytes of an item that is put

enum channel_clipboard_flag {
	CHANNEL_CLIPBOARD_ONCE = 1u << 0, // PUT: the item goes when it has been pasted
	CHANNEL_CLIPBOARD_OUTSIDE = 1u << 1, // PUT, DONE of a LIST: the item came from outside
};

enum channel_clipboard_status {
	CHANNEL_CLIPBOARD_OK = 0,
	CHANNEL_CLIPBOARD_EMPTY, // there is nothing
	CHANNEL_CLIPBOARD_CHANGED, // it is another item by now
	CHANNEL_CLIPBOARD_NO_TYPE, // the item has no such type
	CHANNEL_CLIPBOARD_FAILED, // out of memory
	CHANNEL_CLIPBOARD_STATUS_COUNT
};

struct channel_message {
	uint32_t type; // enum channel_type
	uint32_t reserved; // 0
	union {
		struct {
			uint32_t version;
			uint32_t width, height; // pixels
			uint32_t refresh; // Hz
			char layout[64]; // of the keyboard, "us" or "de(neo)"; NUL-terminated
		} setup;
		struct {
			uint32_t id; // the supervisor's mark, never 0
			uint32_t reserved;
		} client;
		struct {
			uint32_t slot;
		} release;
		struct {
			uint32_t id;
			uint32_t verb; // enum channel_window_verb
		} window_act;
		struct {
			uint32_t on; // 0 or 1
		} pause;
		struct {
			uint32_t on; // 0 or 1
		} human;
		struct {
			uint32_t bytes; // of XKB text, 1..CHANNEL_MAX_KEYMAP
			uint32_t group; // which of its layouts is active
			uint32_t locks; // enum channel_lock: what is on
		} human_keymap;
		struct {
			uint32_t kind; // MOVE, BUTTON, SCROLL, KEYCODE or TOUCH of enum
				       // channel_input_kind
			uint32_t code, value; // as there
			int32_t x, y; // the same; of BUTTON, too: where the pointer goes first
		} human_input;
		struct {
			uint32_t token; // of the action, never 0
			uint32_t kind; // enum channel_input_kind
			uint32_t flags; // enum channel_input_flag
			uint32_t code, value;
			int32_t x, y; // frame pixels or distance, in 1/256
			char text[CHANNEL_TEXT_BYTES]; // NUL-padded
		} input;
		struct {
			uint32_t token;
		} input_cancel;
		struct {
			uint32_t token; // of the action it follows, or one of its own; never 0
			uint32_t flags; // enum channel_settle_flag
			uint32_t quiet_ms; // the rest that is asked for, 1..10000
			uint32_t unchanged_ms; // the same while nothing has changed yet,
					       // quiet_ms..10000
			uint32_t timeout_ms; // 0..600000, from when the action was done
			struct channel_box region; // in the frame; empty: all of it
		} settle;
		struct {
			uint32_t slot;
			uint32_t boxes_len; // 1..CHANNEL_BOXES; more damage is said as fewer,
					    // larger boxes
			uint64_t serial; // counts frames from 1
			uint64_t time_ns; // CLOCK_MONOTONIC at commit
			struct channel_box boxes[CHANNEL_BOXES]; // inside the frame, none empty
		} frame;
		struct {
			int32_t x, y; // hotspot's place in the frame, pixels
			uint32_t visible; // 0 or 1
			uint32_t image_serial; // changes with the image in the cursor area
			uint32_t width, height; // 0..CHANNEL_CURSOR_MAX
			int32_t hot_x, hot_y; // within the image
		} cursor;
		struct {
			uint32_t id; // never 0, never used twice in a session
			uint32_t client; // the supervisor's mark of its connection
			uint32_t parent; // window id, 0: none
			uint32_t state; // enum channel_window_state
			struct channel_box box; // in the frame
			char untrusted_title[CHANNEL_TITLE_BYTES]; // NUL-padded, maybe not UTF-8
			char untrusted_app_id[64];
		} window;
		struct {
			char text[256]; // NUL-terminated, ASCII
		} fatal;
		struct {
			uint32_t token;
			uint32_t runs_len; // 1..CHANNEL_TYPED_RUNS
			struct {
				uint32_t first, count; // characters (code points) of the text
				uint32_t way; // enum channel_way
			} runs[CHANNEL_TYPED_RUNS];
		} typed;
		struct {
			uint32_t token;
			uint32_t status; // enum channel_input_status
			uint32_t step; // the step that could not be done, counted from 0
			uint32_t window; // that took the last event; 0: none
			uint32_t characters; // of its text, typed
			int32_t x, y; // the pointer's place, in frame pixels
			uint32_t reserved; // 0
			uint64_t frame; // serial of the newest frame
			uint64_t time_ns; // CLOCK_MONOTONIC when it was done
		} input_done;
		struct {
			uint32_t token;
			uint32_t reason; // enum channel_settle_reason
			uint32_t waited_ms;
			uint32_t changed; // 0 or 1: pixels of the region differ from what they were
			struct channel_box box; // around all that changed; empty when !changed
			uint64_t frame; // serial of the newest frame
		} settled;
		struct {
			uint32_t token; // greater than every one before it
			uint32_t flags; // enum channel_clipboard_flag, of PUT
			uint64_t serial; // of TAKE, and of CLEAR, where 0 is whatever there is
			uint64_t bytes; // of PUT, 1..CHANNEL_CLIPBOARD_MAX: the memfd's size
			char type[CHANNEL_MIME_BYTES]; // of TAKE and PUT, NUL-padded
		} clipboard;
		struct {
			uint32_t token; // of the LIST
			uint32_t reserved; // 0
			char untrusted_type[CHANNEL_MIME_BYTES]; // NUL-padded, any bytes
		} clipboard_type;
		struct {
			uint32_t token;
			uint32_t status; // enum channel_clipboard_status
			uint32_t flags; // enum channel_clipboard_flag, of LIST
			uint32_t types_len; // of LIST: how many TYPE came before
			uint64_t serial; // of the selection, 0: there is none
		} clipboard_done;
		struct {
			uint32_t token; // of the PUT
		} clipboard_pasted;
	};
};

static_assert(sizeof(struct channel_message) == 264, "the channel's messages have one size");
static_assert(offsetof(struct channel_message, frame) == 8, "no padding before the payload");

// Bytes from one slot to the next, and of the whole memory with its cursor area; page is 4096.
static inline size_t channel_slot_bytes(uint32_t width, uint32_t height) {
	return ((size_t)width * 4 * height + 4095) & ~(size_t)4095;
}

static inline size_t channel_memory_bytes(uint32_t width, uint32_t height) {
	return channel_slot_bytes(width, height) * CHANNEL_SLOTS +
	       (size_t)CHANNEL_CURSOR_MAX * CHANNEL_CURSOR_MAX * 4;
}

#endif
