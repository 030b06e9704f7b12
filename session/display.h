#ifndef PARCLOSE_SESSION_DISPLAY_H
#define PARCLOSE_SESSION_DISPLAY_H

/*
 * The supervisor's half of the display: starts the compositor, owns the frame memory, accepts the
 * apps' connections, and checks everything the compositor says (compositor/channel.h). A compositor
 * that lies is ended; that is the display's end, said once through the observer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"
#include "session/raster.h"

struct display;

struct display_options {
	const char *compositor_path; // the parclose-compositor program
	uint32_t width, height; // pixels
	uint32_t refresh; // Hz
	const char *layout; // of the keyboard, "us" or "de(neo)"; shorter than channel setup.layout
};

struct display_frame {
	uint32_t slot;
	uint32_t boxes_len; // 1..CHANNEL_BOXES
	uint64_t serial; // counts frames from 1
	uint64_t time_ns; // CLOCK_MONOTONIC at commit
	const struct channel_box *boxes; // what changed, inside the frame; valid during the call
};

struct display_cursor {
	int32_t x, y; // hotspot's place in the frame, pixels
	int32_t hot_x, hot_y; // within the image
	uint32_t width, height; // of the image in the cursor area
	uint32_t image_serial; // changes with the image
	bool visible;
};

// Called from the event loop; never from display_create() or display_destroy().
struct display_observer {
	void (*ready)(void *data);
	// A new frame. Its slot is not drawn into until `released` was called for it.
	void (*frame)(void *data, const struct display_frame *frame);
	void (*released)(void *data, uint32_t slot); // before the compositor hears of it
	void (*cursor)(void *data); // display_cursor() is new
	void (*windows)(void *data); // display_state().windows are new
	void (*message)(
		void *data, const char *text); // a line of the compositor's, fit to be shown
	// A TYPED, INPUT_DONE or SETTLED of what display_act() sent. Every field is in its range,
	// and `display_acting()` already says whether it was the last.
	void (*answered)(void *data, const struct channel_message *checked);
	// A CLIPBOARD_TYPE, DONE or PASTED of what display_clipboard() sent; a type's name is still
	// the agent's, of sane length and ended.
	void (*clipboard)(void *data, const struct channel_message *checked);
	void (*ended)(
		void *data, const char *reason); // at most once; the display is of no use after it
};

struct display_window {
	uint32_t id;
	uint32_t client;
	uint32_t parent; // 0: none
	uint32_t state; // enum channel_window_state
	struct channel_box box;
	pid_t pid; // of the connection's owner, as seen outside; 0 when it is gone
	char title[CHANNEL_TITLE_BYTES * 3]; // fit to be shown
	char app_id[64 * 3];
};

struct display_state {
	bool ready;
	pid_t pid; // the compositor's, as seen outside
	uint32_t width, height, refresh;
	uint64_t frames; // received so far
	uint64_t serial; // of the newest, 0: none yet
	uint64_t time_ns; // CLOCK_MONOTONIC of the newest's commit
	size_t clients;
	const struct display_window *windows; // mapped ones, `windows_len`
	size_t windows_len;
};

// Returns NULL with a sentence in `why`. The observer and its data are borrowed until
// display_destroy().
struct display *display_create(struct wl_event_loop *loop, const struct display_options *options,
	const struct display_observer *observer, void *data, char *why, size_t why_size);

// Serves apps that connect to `listen_fd` (taken over).
int display_listen(struct display *display, int listen_fd);

/*
 * Has the compositor died? Its reason, valid as long as the display, or NULL. Asked when a program
 * ends: programs end because their display does, and word of that may come first.
 */
const char *display_check(struct display *display);

// The frame memory (compositor/channel.h): owned by the display, written by the compositor.
int display_memory_fd(const struct display *display);
const uint8_t *display_memory(const struct display *display);

// The newest frame, all of it said to have changed. False: there is none yet.
bool display_newest(const struct display *display, struct display_frame *frame);
struct display_cursor display_cursor(const struct display *display);

// Valid until the next turn of the event loop.
struct display_state display_state(const struct display *display);

// The newest frame, for an encoder. Valid until the next turn of the event loop, in one place.
struct display_raster {
	struct raster raster;
	struct channel_box region; // the rest is display_raster()'s
	const struct display *display;
	const uint8_t *first; // pixel of the region
	bool cursor;
};

// `region` in frame pixels, all zero for the whole frame; the cursor is drawn in on request.
// -EAGAIN no frame yet, -ERANGE region not inside the frame.
int display_raster(struct display *display, const struct channel_box *region, bool cursor,
	struct display_raster *shot);

// Asks for a change to a window. -ESRCH: no such window.
int display_window_act(struct display *display, uint32_t id, enum channel_window_verb verb);

/*
 * Has an action performed: `messages` are its CHANNEL_INPUT steps, the last one marked, then at
 * most one CHANNEL_SETTLE; or that alone. All have the token display_next_token() gave. They are
 * copied, and sent as the compositor takes them. `characters` are those of its text; a compositor
 * that has not answered all of it after `most_ms` is ended. 0, -EBUSY: another is under way,
 * -EPIPE: the display ended, or -ENOMEM.
 */
int display_act(struct display *display, const struct channel_message *messages, size_t len,
	uint32_t characters, uint32_t most_ms);
uint32_t display_next_token(struct display *display);

// Is an action under way? Also one that was cancelled, until the compositor has said so.
bool display_acting(const struct display *display);

// Cancels the action under way, if any.
void display_act_cancel(struct display *display);

// The same, and every key, button and touch point goes up.
void display_release_input(struct display *display);

/*
 * Asks for something to be done with the session's clipboard: a CHANNEL_CLIPBOARD_ message whose
 * token is filled in here; `fd` (-1: none) is taken over. Answered by a CLIPBOARD_DONE. 0, -EBUSY:
 * the answer to another is due, -EPIPE: the display ended.
 */
int display_clipboard(struct display *display, struct channel_message *message, int fd);

// Where the pointer is, in frame pixels.
void display_pointer(const struct display *display, int32_t *x, int32_t *y);
// The sandbox's programs stand still, or run again.
void display_pause(struct display *display, bool on);

// A person's own hand (session/display-human.c): on, they have keyboard and pointer.
void display_human(struct display *display, bool on);

struct display_keymap {
	int fd; // not trusted, stays the caller's
	uint32_t bytes; // 1..CHANNEL_MAX_KEYMAP
	uint32_t group, locks; // as in channel.h
};
// Takes a copy of their keymap. 0, or -errno: -EINVAL it is no memory file of that size, -EAGAIN
// the compositor does not keep up.
int display_human_keymap(struct display *display, const struct display_keymap *keymap);

// A CHANNEL_HUMAN_INPUT. Where the compositor does not keep up, events are lost, and what is
// pressed goes up.
void display_human_input(struct display *display, const struct channel_message *message);

// Kills the compositor and frees. NULL is allowed.
void display_destroy(struct display *display);

#endif
