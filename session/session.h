#ifndef PARCLOSE_SESSION_SESSION_H
#define PARCLOSE_SESSION_SESSION_H

/*
 * The supervisor of one session: claims the name, starts compositor and sandbox, runs the command,
 * serves the control socket, and ends all of it in whatever order its parts die.
 *
 *   starting ──> running ──> stopping ──> ended
 *       └───────────┴───────────────────────^   (a part died, or nothing is left to wait for)
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <wayland-server-core.h>

struct policy;
struct session;
struct session_service;

enum session_state {
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_STOPPING, // the command was asked to go and has its grace
	SESSION_ENDED,
};

struct session_options {
	const struct policy *policy; // borrowed until session_destroy()
	const char *name; // NULL: made from the command
	const char *const
		*argv; // NULL: the policy's commandLine; with neither the session waits for `exec`
	uint32_t timeout_ms; // 0: the policy's
	const char *compositor_path;
	const char *network_path; // of the broker; of no use to a policy without a network
	const char *policy_text; // the policy's document; borrowed as `policy`
	bool learn; // let everything out and write down what the policy would have to allow
	const char *picture_path; // parclose-picture; borrowed. NULL: no picture crosses
	const char *const *env; // over the policy's, NULL-terminated; NULL: none
	int stdio[3]; // of the command; -1: /dev/null. Not used with `pty`
	bool pty; // the command gets a terminal of the sandbox's own
	uint16_t rows, columns; // of that terminal
	bool capture_output; // stdout and stderr of the command go to the session's output.log
	const struct session_service *service; // session/service.h; borrowed, NULL: none
};

// Exit codes of `run` and `exec` that are not the command's own.
#define SESSION_EXIT_TIMEOUT 124
#define SESSION_EXIT_FAILED 125 // Parclose could not start it, or the session broke
#define SESSION_EXIT_NOT_EXECUTABLE 126
#define SESSION_EXIT_NOT_FOUND 127

struct session_result {
	int exit_code; // what `run` exits with
	bool broken; // it did not end by its command, a request or the timeout: `reason` is an
		     // error
	char reason[512]; // for a person
};

// Called from the event loop.
struct session_observer {
	// The command runs. `pty_fd` (taken over) is its terminal's other end, -1 without one.
	void (*started)(void *data, int pty_fd);
	void (*ended)(void *data, const struct session_result *result); // exactly once
};

// Returns NULL with *result saying why. The caller frees with session_destroy(), also after
// `ended`.
struct session *session_create(struct wl_event_loop *loop, const struct session_options *options,
	const struct session_observer *observer, void *data, struct session_result *result);

/*
 * With `learn`: the policy that would have let what the session did, as a document that the caller
 * frees; also after `ended`. NULL: nothing was learned. *left_out: how many places it does not
 * allow after all, because deny rules stay.
 */
char *session_proposal(const struct session *session, size_t *left_out);

const char *session_name(const struct session *session);
enum session_state session_state(const struct session *session);

// Sends a signal to the command (`run` passes its own on).
void session_signal(struct session *session, int signal);

// Begins the end: SIGTERM to every command, SIGKILL to everything after `grace_ms`. `who` is for
// the log.
void session_stop(struct session *session, const char *who, uint32_t grace_ms);

#define SESSION_GRACE_MS 2000

// Ends everything at once if it runs, gives the name back, frees. NULL is allowed.
void session_destroy(struct session *session);

// The exit code a shell would give for a waitpid() status.
int session_exit_code(int status);

#endif
