#ifndef PARCLOSE_AGENT_ACTS_H
#define PARCLOSE_AGENT_ACTS_H

/*
 * Actions of a vocabulary, performed one after the other in a session until one fails. They wait
 * for the session to be ready, and for the picture to rest after each.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "session/act.h"

struct acts;
struct held;
struct vocabulary;

#define ACTS_MAX 100 // in one go
#define ACTS_READY_MS 15000 // for a session to be ready
// Of all pictures of one answer, so that it fits CONNECTION_MAX_PENDING in base64.
#define ACTS_PICTURE_BYTES (5u << 19)

enum acts_pictures {
	ACTS_PICTURES_NONE, // a request for one is refused
	ACTS_PICTURES_ASKED, // those that actions ask for
	ACTS_PICTURES_AFTER, // and one at the end
};

struct acts_options {
	struct wl_event_loop *loop;
	struct session *session;
	const struct vocabulary *vocabulary;
	enum act_holder who;
	const char *from; // for the audit log; borrowed until `done`
	struct settle_options settle; // after each action
	// A program was just started: its first window is waited for this long, its picture until
	// it rests. 0: it is not.
	uint32_t first_window_ms;
	enum acts_pictures pictures;
	struct picture_options picture; // of the one at the end
	// Told of the CPU time of each picture; NULL: nobody counts.
	void (*worked)(void *data, uint64_t ns);
	void *worked_data;
	const char *pointer; // JSON pointer of the actions, or of the only one; static
	struct held *held; // what whoever asks has pressed, kept true; NULL: nobody counts
};

// What came of one action, whatever it came to inside.
struct acts_outcome {
	struct act_result result; // its `message` and `ways` are not used: see here
	char message[840]; // "" or why, and what to do about it
	struct act_way *ways;
	size_t ways_len;
	bool has_cursor; // result.cursor holds
	bool acted; // the session had it: result's frame and the like hold
};

struct acts_picture {
	struct picture picture;
	bool region; // only a part of the display
};

struct acts_report {
	size_t total, completed; // the failed one, if any, is neither completed nor skipped
	const struct acts_outcome *outcomes; // of each that was tried
	size_t outcomes_len;
	const struct acts_picture *pictures;
	size_t pictures_len;
	char note[160]; // "" or why a picture is not what was asked for
};

// The report is valid during the call; the acts are freed after it.
typedef void (*acts_done)(void *data, const struct acts_report *report);

/*
 * Performs `actions`: an array of at most ACTS_MAX, or one object; copied. `done` is called once,
 * from the event loop and never from within, unless acts_cancel() came first. NULL: out of memory.
 */
struct acts *acts_start(
	const struct acts_options *options, const cJSON *actions, acts_done done, void *data);

// Stops at once and frees; what is pressed goes up. Nobody is told. NULL is allowed.
void acts_cancel(struct acts *acts);

// The session is no more: what waits for anything but the session itself (which tells its own)
// fails now. NULL is allowed.
void acts_session_ended(struct acts *acts, const char *reason);

bool acts_failed(const struct acts_report *report); // the last one tried

#endif
