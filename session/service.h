#ifndef PARCLOSE_SESSION_SERVICE_H
#define PARCLOSE_SESSION_SERVICE_H

/*
 * What else is spoken on a session's sockets. The control socket answers the methods that it knows
 * itself (protocols/control.md); every other message goes to the service that the program's main
 * put in: other methods, answers, batches, and what is no message at all. The socket inside the
 * sandbox knows the service only. So the session need not know who speaks what.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "session/display.h"

struct sandbox_command;
struct sandbox_error;
struct session;
struct session_peer; // a connection, as the service sees it

struct session_service {
	// Somebody says something for the service for the first time. NULL: no memory, the
	// connection is closed. `inside`: from within the sandbox, where methods named parclose/…
	// are refused before they come here (but for those in a batch).
	void *(*open)(struct session *session, struct session_peer *peer, bool inside);
	// One JSON-RPC message, strictly parsed, an object or an array; valid during the call.
	void (*message)(void *state, const cJSON *message);
	// How many messages wait for their answers. A peer that says nothing more, but listens,
	// still gets those.
	size_t (*due)(const void *state);
	// The connection is gone, or the session ends. Nothing may be sent any more, and acts that
	// still wait are to be cancelled.
	void (*close)(void *state);
};

// Sends one message, consumed; from anywhere but `close`. A reader that lets too much wait is
// closed.
void session_peer_send(struct session_peer *peer, cJSON *message);

size_t session_peer_pending(const struct session_peer *peer); // bytes that it has not read yet

/*
 * Programs inside have the supervisor work for them outside of their limits, so all of them
 * together get a part of its time: what a service works for a peer beside `message` and
 * `session_peer_send` it counts here, in nanoseconds of CPU time, and begins nothing large while
 * the peer has had more than its part. Peers outside always rest.
 */
void session_peer_worked(struct session_peer *peer, uint64_t ns);
bool session_peer_rested(const struct session_peer *peer);
uint64_t session_cpu_ns(void); // CPU time of this thread so far

// ---- what a service may ask for, besides session/session.h and session/act.h

struct wl_event_loop *session_loop(struct session *session);

// The display as it is until the next turn of the event loop. False: the session has none.
bool session_display_state(struct session *session, struct display_state *state);

// -ENODEV: the session has no display; -ESRCH: no such window; -EBUSY: the session is paused.
int session_window_act(struct session *session, uint32_t id, enum channel_window_verb verb);

// The whole answer to `inspect`; the caller frees. NULL when out of memory.
cJSON *session_inspect(struct session *session);

struct session_exec_result {
	bool failed; // it could not be executed: `message`, `exit_code`
	int exit_code;
	char message[300];
	int pty_fd; // taken over by the receiver, -1: none
};

// What happens to a command that somebody other than `run` started.
struct session_exec_observer {
	void (*started)(void *data, uint32_t id, const struct session_exec_result *result);
	void (*exited)(void *data, uint32_t id, int status); // as from waitpid()
};

/*
 * Starts a command in the running session. Returns its id, or 0 with a sentence in *err. The
 * observer is called until `exited`, a failed `started`, session_exec_forget() or
 * session_exec_release().
 */
uint32_t session_exec(struct session *session, const struct sandbox_command *command,
	const struct session_exec_observer *observer, void *data, struct sandbox_error *err);
// -ESRCH: it is gone. -EBUSY: SIGCONT, and the session is paused.
int session_exec_signal(struct session *session, uint32_t id, int signal);

// The caller is gone: nobody is told any more, and the command hears SIGHUP as from a lost
// terminal.
void session_exec_forget(struct session *session, void *data);

// Nobody is told any more, and the command goes on.
void session_exec_release(struct session *session, void *data);

#endif
