#ifndef PARCLOSE_NETWORK_RESOLVE_H
#define PARCLOSE_NETWORK_RESOLVE_H

/*
 * Names to addresses, through the host's own hosts(5) and resolvers (c-ares). An answer is pinned
 * for as long as it holds, at most RESOLVE_PIN_MS, so that the connections of one page load go to
 * the same addresses. Whether a name may be asked for is decided before: asking is a message out.
 */

#include <wayland-server-core.h>

#include "policy/network.h"

#define RESOLVE_ADDRESSES 16
#define RESOLVE_PIN_MS 60000
#define RESOLVE_MAX_PENDING 256 // lookups at a time; more are answered with none

struct resolver;

struct resolve_answer {
	struct network_address addresses[RESOLVE_ADDRESSES]; // as the resolver ordered them
	size_t len; // 0: there is none
};

// One who waits for an answer; lies in its owner's memory.
struct resolve_wait {
	// Called once. `answer` is valid during the call.
	void (*done)(void *data, const struct resolve_answer *answer);
	void *data;
	struct wl_list link; // struct lookup.waits; private
};

// `servers`: "192.0.2.1,192.0.2.2:5353", or NULL for the host's (resolv.conf(5), read here, once),
// as hosts(5) at `hosts`. NULL: cannot be done, *why is static.
struct resolver *resolver_create(
	struct wl_event_loop *loop, const char *servers, const char *hosts, const char **why);
// Nobody may wait any more.
void resolver_destroy(struct resolver *resolver);

/*
 * Asks for a canonical name. What is known is returned at once, valid until the event loop runs
 * again, and *wait is not used; else NULL, and wait->done follows.
 */
const struct resolve_answer *resolver_ask(
	struct resolver *resolver, const char *name, struct resolve_wait *wait);

// wait->done will not be called; for one whose it has not been yet.
void resolver_forget(struct resolve_wait *wait);

#endif
