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

#define CHANNEL_VERSION 1
#define CHANNEL_SLOTS 4
#define CHANNEL_CURSOR_MAX 128
#define CHANNEL_BOXES 8
#define CHANNEL_FD 3 // the compositor finds its end here
#define CHANNEL_TITLE_BYTES 128

struct channel_box {
	int32_t x, y, width, height;
};

enum channel_type {
	// supervisor -> compositor
	CHANNEL_SETUP = 1, // `setup`, carries the memfd; first message, once
	CHANNEL_CLIENT, // `client`, carries a connected Wayland client socket
	CHANNEL_RELEASE, // `release`: the slot may be drawn into again
	CHANNEL_WINDOW_ACT, // `window_act`
	// compositor -> supervisor
	CHANNEL_READY = 64, // confined and serving; no payload
	CHANNEL_FRAME, // `frame`: the slot holds a new frame and is the supervisor's until released
	CHANNEL_CURSOR, // `cursor`: shape or position changed
	CHANNEL_CLIENT_GONE, // `client`: the connection `id` ended
	CHANNEL_WINDOW, // `window`: appeared, changed or went
	CHANNEL_FATAL, // `fatal`: cannot go on; the compositor exits after it
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

struct channel_message {
	uint32_t type; // enum channel_type
	uint32_t reserved; // 0
	union {
		struct {
			uint32_t version;
			uint32_t width, height; // pixels
			uint32_t refresh; // Hz
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
