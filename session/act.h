#ifndef PARCLOSE_SESSION_ACT_H
#define PARCLOSE_SESSION_ACT_H

/*
 * What somebody does in a session, and what came of it. One internal set of actions: every
 * vocabulary (agent/vocabulary.h), the control socket and the command line come down to it. Points
 * are pixels of the session's display.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compositor/channel.h"

struct session;

#define ACT_MAX_KEYS 8 // of a chord, or held
#define ACT_KEY_BYTES 32
#define ACT_MAX_PATH 1024
#define ACT_MAX_CLICKS 10
#define ACT_MAX_MS 100000u
#define ACT_MAX_SCROLL_NOTCHES 1000
#define ACT_MAX_SCROLL_PIXELS 100000
#define ACT_MAX_QUEUE 256 // actions waiting in one session

enum act_kind {
	ACT_MOVE = 1, // point
	ACT_CLICK, // point (optional: where the pointer is), button, count, keys held
	ACT_PRESS, // point (optional), button, keys held until RELEASE
	ACT_RELEASE, // point (optional), button
	ACT_DRAG, // path of at least two points, button, keys held
	ACT_SCROLL, // point (optional), dx, dy, pixels, keys held
	ACT_KEY, // keys: one chord, pressed and released
	ACT_HOLD, // keys, for ms
	ACT_KEY_DOWN, // keys, until KEY_UP
	ACT_KEY_UP, // keys
	ACT_TEXT, // text
	ACT_TOUCH, // path: down at the first point, along it, up at the last; ms held at its end
	ACT_WAIT, // ms
	ACT_WAIT_STABLE, // settle: quiet_ms, timeout_ms, region
	ACT_SCREENSHOT, // picture
	ACT_CURSOR_POSITION,
	ACT_KIND_COUNT
};

enum act_button {
	ACT_LEFT,
	ACT_RIGHT,
	ACT_MIDDLE,
	ACT_BACK,
	ACT_FORWARD,
	ACT_BUTTON_COUNT
};

struct act_point {
	int32_t x, y;
};

enum picture_format {
	PICTURE_PNG,
	PICTURE_JPEG,
	PICTURE_RAW
};

struct picture_options {
	struct channel_box region; // in the frame; empty: all of it
	double scale; // 0 or 1: as it is; 0.05 to 1: made smaller by averaging
	enum picture_format format;
	uint32_t quality; // of jpeg, 1..100; 0: 80
	bool cursor; // drawn in
};

struct settle_options {
	bool wait;
	// 0: SETTLE_QUIET_MS; and after an act that may well have an effect, while none is seen,
	// SETTLE_UNCHANGED_MS: applications also think where nobody sees it.
	uint32_t quiet_ms;
	uint32_t timeout_ms; // 0: SETTLE_TIMEOUT_MS
	struct channel_box region; // empty: all of the frame
};

#define SETTLE_QUIET_MS 120
#define SETTLE_UNCHANGED_MS 400
#define SETTLE_TIMEOUT_MS 2000

struct action {
	enum act_kind kind;
	bool has_point;
	struct act_point point;
	enum act_button button;
	uint32_t count; // of clicks, 1..ACT_MAX_CLICKS
	char keys[ACT_MAX_KEYS][ACT_KEY_BYTES]; // X keysym names or single characters, canonical
	size_t keys_len;
	struct act_point *path; // owned
	size_t path_len;
	double dx, dy; // positive right and down
	bool pixels; // dx, dy: of the content's pixels, not notches
	char *text; // owned, UTF-8; of control characters only line breaks and tabs. "\r\n" and
		    // "\r" are typed as "\n", and count as one character
	bool sensitive; // text: its length is logged, nothing else
	uint32_t ms;
	struct settle_options settle; // of WAIT_STABLE
	struct picture_options picture; // of SCREENSHOT
};

void action_finish(struct action *action); // frees what it owns and clears it

enum act_effect {
	ACT_CHANGED, // pixels of the display changed after it
	ACT_NOTHING_CHANGED, // delivered, and nothing on the display changed
	ACT_DELIVERED, // delivered; nobody asked to wait for what comes of it, or the session
		       // ended meanwhile
	ACT_REFUSED, // somebody else holds the session, it is paused, or the action was cancelled
	ACT_UNSUPPORTED, // this session cannot do it: no display, a key that no keyboard has
	ACT_FAILED, // it makes no sense (a point off the display), no window was there to take it,
		    // or it broke off in the middle
};

struct act_way {
	uint32_t first, count; // characters of the text
	enum channel_way way;
};

struct act_result {
	enum act_effect effect;
	char message[300]; // "" or why and what to do about it, for the model
	bool has_box; // of CHANGED
	struct channel_box box;
	uint64_t frame; // serial of the newest frame
	bool waited; // settled_ms, settled and reason hold
	bool settled;
	uint32_t settled_ms;
	enum channel_settle_reason reason;
	uint32_t window; // that took it, 0: none
	uint32_t user_had_ms; // since the agent's last action the user had control for so long, 0:
			      // they did not
	struct act_point cursor; // after it; negative: it is not told
	uint32_t characters; // of ACT_TEXT, typed
	const struct act_way *ways; // of ACT_TEXT; `ways_len`, valid during the call
	size_t ways_len;
};

const char *act_effect_name(enum act_effect effect); // "changed"; DELIVERED is "delivered"
const char *act_way_name(enum channel_way way); // "keys", "text-input", "keymap", "paste"
const char *act_settle_reason_name(enum channel_settle_reason reason);

// Who acts. Only the holder of the session may (session_holder()); to look and to wait is never
// refused.
enum act_holder {
	ACT_AGENT,
	ACT_HUMAN
};

struct act; // one that is under way

/*
 * Performs `action` (contents copied, the caller keeps it) after everything asked for before it,
 * then waits for the picture to rest if `settle->wait` (NULL: it does not). `from` names who asks,
 * for the audit log. A SCREENSHOT takes no picture: it says when session_picture() should. `done`
 * is called once, from the event loop, never from within session_act(), unless session_act_cancel()
 * forgot it before. NULL: out of memory, ACT_MAX_QUEUE actions wait, or the session ends.
 */
typedef void (*act_done)(void *data, const struct act_result *result);
struct act *session_act(struct session *session, enum act_holder who, const char *from,
	const struct action *action, const struct settle_options *settle, act_done done,
	void *data);

// Nobody is told any more; what is pressed goes up.
void session_act_cancel(struct act *act);

enum session_holder {
	HOLDER_AGENT,
	HOLDER_HUMAN,
	HOLDER_PAUSED
};
enum session_holder session_holder(const struct session *session);
const char *session_holder_name(enum session_holder holder); // "agent", "human", "paused"
// A change releases everything that is pressed and refuses what waits.
void session_set_holder(struct session *session, enum session_holder holder);

// A picture of the session's newest frame. The caller frees `bytes`.
struct picture {
	uint8_t *bytes;
	size_t len;
	uint32_t width, height; // of the picture
	uint32_t stride; // of PICTURE_RAW: XRGB8888, little endian
	enum picture_format format;
	uint64_t frame;
};

const char *picture_format_name(enum picture_format format); // "png", "jpeg", "raw"

// 0, or -errno: -EAGAIN no frame yet, -ERANGE the region is not inside the frame, -EINVAL scale or
// quality out of range, -ENOMEM, -ENODEV no display, -EACCES the user withholds pictures while they
// have control.
int session_picture(
	struct session *session, const struct picture_options *options, struct picture *picture);

#endif
