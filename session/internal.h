#ifndef PARCLOSE_SESSION_INTERNAL_H
#define PARCLOSE_SESSION_INTERNAL_H

/*
 * The session as session.c, inspect.c and the control socket see it. Nothing here is for other
 * folders.
 */

#include <cjson/cJSON.h>

#include "sandbox/sandbox.h"
#include "session/clipboard-gate.h"
#include "session/runtime.h"
#include "session/service.h"
#include "session/session.h"

struct act_queue;
struct channel_message;
struct control;
struct display;
struct log;
struct output;
struct session_exec_observer;
struct record;
struct session_network;
struct view;

// One command inside, from its request to its end.
struct exec {
	struct wl_list link; // session.execs
	uint32_t id;
	bool started;
	bool carries; // a file, and is no command
	const struct session_exec_observer *observer; // NULL: nobody asks any more
	void *data;
};

struct session {
	uint32_t grace_ms; // once stopping
	struct wl_event_loop *loop;
	const struct policy *policy; // the one in force
	const char *policy_text; // its document
	struct policy *own_policy; // of an update, NULL: still the one it began with
	char *own_text;
	const struct session_observer *observer;
	void *data;
	enum session_state state;
	time_t begun;
	char *command; // for people

	struct runtime runtime;
	struct log *log;
	struct sandbox *sandbox;
	struct display *display;
	struct session_network *network; // NULL: none
	char *proposal; // of a session that learned, once it has ended
	size_t proposal_left_out;
	struct act_queue *act_queue;
	struct clipboard_call *clipboard; // that is under way, NULL: none
	struct gate gate;
	const char *picture_path; // of parclose-picture; NULL: it is not there
	struct control *control, *inside; // `inside`: of the programs inside, where they may
	struct output *output;
	struct view *view; // NULL until somebody watches
	struct record *record; // NULL: nothing is recorded
	struct {
		bool on;
		time_t since; // for people
		uint64_t since_ns; // CLOCK_MONOTONIC
		uint64_t total_ns; // of earlier pauses
	} pause;
	struct { // session/lease.h
		bool human; // the person has the wheel, or will when the pause ends
		const struct viewer *viewer; // through this one, NULL: through none
		bool withheld; // the agent gets no pictures
		uint64_t since_ns; // CLOCK_MONOTONIC
		uint64_t unreported_ms; // that they had it, and the agent does not know yet
	} lease;
	uint64_t asked_ns; // CLOCK_MONOTONIC: when the agent asked the user last; 0: never
	uint32_t timeout_ms; // of running, pauses not counted; 0: none
	uint64_t begun_ns; // CLOCK_MONOTONIC
	struct wl_event_source *sandbox_source, *timeout_source, *grace_source, *end_source;

	struct wl_list execs; // exec.link
	uint32_t next_id;
	uint32_t main_id; // of the session's own command, 0: none
	bool main_started, main_exited;
	bool display_ready;

	struct session_result result; // the first reason to end counts
	bool has_result;
};

// A line in the audit log; `fields` (may be NULL) is consumed. A session whose policy wants a whole
// log does not go on without one.
void session_record(struct session *session, const char *event, cJSON *fields);

// ---- commands inside (session/exec.c; for others see session/service.h)

// Pid 1 said something of one of them: tells whoever asked for it, and forgets it when it is over.
void exec_take_event(struct session *session, const struct sandbox_event *event);
// Forgets all of them; nobody is told.
void exec_destroy_all(struct session *session);

// ---- actions (session/act.h)

struct act_queue *act_queue_create(struct session *session); // NULL: out of memory
void act_queue_destroy(struct act_queue *queue); // NULL is allowed
// The display answered (display_observer.answered).
void act_queue_take_answer(struct act_queue *queue, const struct channel_message *checked);
// Nothing can be done any more: tells everybody who waits, at once. `broken`: the session did not
// end as it should.
void act_queue_end(struct act_queue *queue, const char *reason, bool broken);

// ---- the clipboard (session/clipboard.h, session/gate-request.h)

// The display answered (display_observer.clipboard).
void clipboard_take_answer(struct session *session, const struct channel_message *checked);
// Nothing can be done any more: tells whoever waits, at once.
void clipboard_end(struct session *session);

struct display *session_display(struct session *session); // NULL without a display

// One more viewer: its end of the view channel, or -errno: -ENODEV there is no display, -EUSERS
// too many watch already.
int session_watch(struct session *session);

uint64_t session_now_ns(void); // CLOCK_MONOTONIC

// (Re)arms or stops the time limit, which counts while the session is not paused.
void session_arm_timeout(struct session *session);

#endif
