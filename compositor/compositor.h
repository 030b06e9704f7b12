#ifndef PARCLOSE_COMPOSITOR_COMPOSITOR_H
#define PARCLOSE_COMPOSITOR_COMPOSITOR_H

/*
 * The display server as a library: one output, one seat, the globals an app needs and no others. It
 * draws into the supervisor's frame memory and speaks in the channel's messages. No process-wide
 * state of its own, no exit: tests and other programs embed it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compositor/channel.h"

struct compositor;
struct cursor_shapes;
struct seat;
struct wl_client;
struct wl_display;
struct wl_event_loop;
struct wl_surface;
struct xkb_keymap;

struct compositor_config {
	uint32_t width, height; // pixels, 64..8192
	uint32_t refresh; // Hz, 1..240
	int memory_fd; // sealed, channel_memory_bytes(); stays the caller's, may be closed after
		       // the call
	// Read from files beforehand, so that nothing needs a file system later. Both stay the
	// caller's; the shapes must outlive the compositor.
	struct xkb_keymap *keymap;
	const struct cursor_shapes *shapes;
};

/*
 * What the compositor has to say: FRAME, CURSOR, CLIENT_GONE, WINDOW, TYPED, INPUT_DONE, SETTLED,
 * CLIPBOARD_TYPE, CLIPBOARD_DONE, CLIPBOARD_PASTED, FATAL. The message is valid during the call,
 * which must not call back into the compositor. After FATAL the compositor does nothing more.
 */
struct compositor_sink {
	void (*emit)(void *data, const struct channel_message *message);
};

/*
 * NULL with *why set to a static sentence when it cannot be made. The first frame is emitted when
 * the event loop first runs.
 */
struct compositor *compositor_create(const struct compositor_config *config,
	const struct compositor_sink *sink, void *data, const char **why);

// Disconnects every client and frees. NULL is allowed.
void compositor_destroy(struct compositor *compositor);

/*
 * The loop to run or to nest (wl_event_loop_get_fd()), owned by the compositor. Call
 * compositor_flush() before waiting in it.
 */
struct wl_event_loop *compositor_event_loop(struct compositor *compositor);
void compositor_flush(struct compositor *compositor);

/*
 * Takes over a connected client socket; `id`, never 0, marks the client in messages. False, with
 * the socket closed, when the client cannot be taken.
 */
bool compositor_add_client(struct compositor *compositor, int fd, uint32_t id);

// The reader of a frame is done with it. False: that slot is not with the reader.
bool compositor_release(struct compositor *compositor, uint32_t slot);

/*
 * The clients are stopped, or run again. Until they do nothing is drawn, no frame is asked for, and
 * the pointer's focus stays where it is, so no client is sent an event that it cannot read. False:
 * `on` is neither 0 nor 1.
 */
bool compositor_pause(struct compositor *compositor, uint32_t on);

// False: an unknown verb. A window that went meanwhile is no error.
bool compositor_window_act(struct compositor *compositor, uint32_t window, uint32_t verb);

/*
 * CHANNEL_INPUT, INPUT_CANCEL, INPUT_RELEASE and SETTLE (channel.h). False: it makes no sense. What
 * comes of them is emitted later, or within the call.
 */
bool compositor_input(struct compositor *compositor, const struct channel_message *message);
bool compositor_input_cancel(struct compositor *compositor, uint32_t token);
void compositor_input_release(struct compositor *compositor);
bool compositor_settle(struct compositor *compositor, const struct channel_message *message);

/*
 * CHANNEL_HUMAN, HUMAN_KEYMAP (its descriptor stays the caller's) and HUMAN_INPUT. False: it makes
 * no sense.
 */
bool compositor_human(struct compositor *compositor, uint32_t on);
bool compositor_human_keymap(
	struct compositor *compositor, const struct channel_message *message, int fd);
bool compositor_human_input(struct compositor *compositor, const struct channel_message *message);

// CHANNEL_CLIPBOARD_LIST, TAKE, PUT and CLEAR. Takes over `fd` (-1: none). False: it makes no
// sense.
bool compositor_clipboard(
	struct compositor *compositor, const struct channel_message *message, int fd);

// The seat, for whoever drives it (input/seat.h).
struct seat *compositor_seat(struct compositor *compositor);

#endif
