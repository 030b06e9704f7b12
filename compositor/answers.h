#ifndef PARCLOSE_COMPOSITOR_ANSWERS_H
#define PARCLOSE_COMPOSITOR_ANSWERS_H

/*
 * Whether the applications have answered since some moment, that is, since they were sent input:
 *  - the client of one window has answered a ping, and has got the first frame callback that it
 *    asked for;
 *  - no window that is seen, or about to be, owes an answer to a configure event.
 * What was sent to a client before the ping has been read, and its requests carried out, when the
 * answer is here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct compositor;

struct answers {
	struct compositor *c;
	uint32_t window; // whose client is asked; 0, or gone: the one in focus
	bool pinged, ponged;
	struct wl_resource *ping; // who was asked while the answer is due; NULL: nobody
	uint32_t ping_serial;
	uint64_t frame_due; // the round of callbacks to wait for, 0: none is asked for
	bool frame_got;
	struct wl_listener ping_destroy;
};

// From here on. Nothing is sent before the first look.
void answers_init(struct answers *answers, struct compositor *c, uint32_t window);
void answers_finish(struct answers *answers); // may be called twice

/*
 * Whether something is still owed. Pings at the first call. `frames_done` counts the rounds of
 * frame callbacks that were sent; `new`: a window that has not drawn for the first time yet counts.
 */
bool answers_owed(struct answers *answers, uint64_t frames_done, bool new);

// Of every request while answers are waited for. True: it is the answer to the ping.
bool answers_take(struct answers *answers, const struct wl_protocol_logger_message *message);

#endif
