#ifndef PARCLOSE_SESSION_NETWORK_H
#define PARCLOSE_SESSION_NETWORK_H

/*
 * A session's network: what it is made of (network-plan.h), who serves it (uplink.h), what came of
 * it (network-audit.h, network-learn.h), and the change of its rules while it runs.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

struct policy;
struct session;
struct session_network;
struct session_options;

// What a sandbox is to be begun with, NULL: nothing. False: out of memory. *out is owned by the
// session (session_network_destroy()), NULL where the session has no network.
struct session_network_parent {
	void (*ready)(struct session *session); // the broker is
	void (*ended)(struct session *session, const char *reason); // and so every connection
};
bool session_network_create(struct session *session, const struct session_options *options,
	const struct session_network_parent *parent, struct session_network **out);
const struct sandbox_network *session_network_sandbox(const struct session_network *network);

// Starts the broker, beside the sandbox that is being built. False with a sentence in `why`.
bool session_network_start(struct session_network *network, const struct session_options *options,
	char *why, size_t size);
// The sandbox stands: its sockets are served from now on, and published ports are.
bool session_network_serve(struct session_network *network, char *why, size_t size);

// An event SANDBOX_EVENT_SOCKET.
void session_network_take_socket(
	struct session_network *network, const struct sandbox_event *event);

// Ends every connection and writes down how it ended. NULL is allowed, as in all below.
void session_network_finish(struct session_network *network);
void session_network_destroy(struct session_network *network);

bool session_network_ready(const struct session_network *network); // NULL: yes
bool session_network_is_open(const struct session *session); // all is allowed that is not denied
uint32_t session_network_rules(const struct session *session); // how many are in force
uint64_t session_network_denied(const struct session_network *network); // so far

// The `network` of `inspect`, and its words for `enforced.network`.
cJSON *session_network_inspect(const struct session *session);
const char *session_network_enforced(const struct session_network *network);

/*
 * Has `next` (its document: `text`) hold from now on; it differs from the session's policy in its
 * network rules only. `done` is called once, later: with a sentence when it did not come to that,
 * else NULL and how many connections ended by it. Ownership of `next` goes over. -EBUSY: another
 * change is under way; -errno.
 */
typedef void (*session_network_updated)(void *data, const char *why, uint32_t cut);
int session_network_update(struct session *session, struct policy *next, const char *text,
	session_network_updated done, void *data);
void session_network_forget(struct session *session, const void *data); // nobody waits any more

/*
 * Can the rules of a session that runs become those of `next`? If not, a sentence in `why`.
 * *loosens: it allows something that was denied, the first of which is in `adds`.
 */
bool session_network_may_update(struct session *session, const struct policy *next, bool *loosens,
	char *adds, size_t adds_size, char *why, size_t why_size);

// What was learned, as a policy's document that the caller frees; NULL: nothing is being learned.
// *left_out: how many places it does not allow after all, because deny rules stay.
char *session_network_proposal(struct session *session, size_t *left_out);

#endif
