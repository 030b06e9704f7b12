#ifndef PARCLOSE_SESSION_CONTROL_INTERNAL_H
#define PARCLOSE_SESSION_CONTROL_INTERNAL_H

/*
 * The control socket as its own files see it: control.c (who speaks, and what is whose),
 * control-methods.c, control-clipboard.c, control-exec.c, control-policy.c, control-screenshot.c,
 * control-view.c.
 * Nothing here is for others.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "session/connection.h"
#include "session/internal.h"
#include "session/rpc.h"

// Somebody who speaks with us.
struct session_peer {
	struct wl_list link; // control.peers
	struct control *control;
	struct session *session;
	struct connection *connection;
	void *service_state; // NULL: the service was not needed yet
	bool ended; // says nothing more; the connection stays for what is due
	struct wl_event_source *due_source; // idle: looks whether anything is, NULL: none
	struct wl_list calls; // call.link, of control-exec.c
	struct wl_list shots; // shot.link, of control-screenshot.c
	struct wl_list clips; // clip.link, of control-clipboard.c
	struct policy_change *change; // of the rules, NULL: none (control-policy.c)
	pid_t pid; // when it connected; 0: not known
};

typedef void (*control_method)(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);

void control_inspect(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_screenshot(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_window(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_takeover(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_release(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_stop(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_view(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_pause(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_resume(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_record(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_clipboard(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_policy_update(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_file(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_exec(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);
void control_signal(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params);

// The peer is gone, and nobody waits for its commands and pictures any more.
void control_forget_calls(struct session_peer *peer);
void control_forget_shots(struct session_peer *peer);
void control_forget_clips(struct session_peer *peer);
void control_forget_policy(struct session_peer *peer);

// Sends `result` (consumed), with `fd` (taken over; -1: none) beside it.
void control_answer(struct session_peer *peer, const cJSON *rpc_id, cJSON *result, int fd);
// `data` (may be NULL) is consumed.
void control_refuse(struct session_peer *peer, const cJSON *rpc_id, enum rpc_code code,
	const char *text, cJSON *data);

/*
 * Reads an integer parameter into *value: absent leaves it as it is. False when it is there and is
 * no integer between least and most.
 */
bool control_int(const cJSON *params, const char *key, double least, double most, int32_t *value);

#endif
