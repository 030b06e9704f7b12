#ifndef PARCLOSE_SESSION_NETWORK_PLAN_H
#define PARCLOSE_SESSION_NETWORK_PLAN_H

/*
 * What a session's network is made of, from its policy: the ranges that end inside, the sockets
 * that are born there, and what the broker is told that each of them is for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/channel.h"
#include "sandbox/sandbox.h"

struct policy_network;

struct network_plan {
	bool needed; // else there is no broker, and nothing below
	struct sandbox_network sandbox; // points into what follows
	struct sandbox_route *routes; // owned
	struct sandbox_socket sockets[SANDBOX_MAX_SOCKETS];
	enum broker_listen_kind kinds[SANDBOX_MAX_SOCKETS]; // of sockets
	bool every_port;
};

/*
 * `learn`: everything is served, whatever the policy allows. The plan must not be moved: it points
 * into itself. False: out of memory. Ended with network_plan_finish().
 */
bool network_plan_init(struct network_plan *plan, const struct policy_network *network, bool learn);
void network_plan_finish(struct network_plan *plan);

// What `next` needs that is not there yet, as a plan of its own. False: out of memory.
bool network_plan_missing(const struct network_plan *plan, const struct policy_network *next,
	struct network_plan *missing);
// It is there now. False: there is no room for it, and nothing has changed.
bool network_plan_add(struct network_plan *plan, const struct network_plan *more);

#endif
