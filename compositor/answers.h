#ifndef PARCLOSE_COMPOSITOR_ANSWERS_H
#define PARCLOSE_COMPOSITOR_ANSWERS_H

/*
 * Whether the applications have answered since some moment, that is, since they were sent input:
 *  - the client of one window has answered a ping, and has got the first frame callback that it
 *    asked for;
 *  - no window that is seen owes an answer to a configure event, and none is about to open.
 * What was sent to a client before the ping has been read when the answer is here. It may not have
 * been acted on: GTK answers before the widgets see the input. So pings go on as long as the
 * picture rests, and a client that takes long for one was busy until then.
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct compositor;

struct answers {
	struct compositor *c;
	uint32_t window; // whose client is asked; 0, or gone: the one in focus
	bool ponged; // once at least
	struct wl_resource *ping; // who was asked while the answer is due; NULL: nobody
	uint32_t ping_serial;
	int64_t ping_ms; // when the last one was sent
	uint64_t frame_due; // the round of callbacks to wait for, 0: none is asked for
	bool frame_got;
	bool owed; // at the last look
	int64_t owed_ms; // when something was owed last, as far as is known
	struct wl_listener ping_destroy;
};

#define ANSWERS_EVERY_MS 30 // a ping
#define ANSWERS_LATE_MS 20 // an answer later than this was held up by something

// From here on. Nothing is sent before the first look.
void answers_init(struct answers *answers, struct compositor *c, uint32_t window);
void answers_finish(struct answers *answers); // may be called twice

/*
 * Looks at a time of a monotonic clock whether something is owed. `rests`: the picture does;
 * `frames_done` counts the rounds of frame callbacks that were sent; `new`: a popup that has not
 * been seen yet counts. Nothing is certain while answers->ping is due.
 */
bool answers_look(
	struct answers *answers, int64_t now_ms, bool rests, uint64_t frames_done, bool new);

// Of every request while answers are waited for. True: it is the answer to a ping.
bool answers_take(
	struct answers *answers, int64_t now_ms, const struct wl_protocol_logger_message *message);

#endif
