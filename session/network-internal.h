#ifndef PARCLOSE_SESSION_NETWORK_INTERNAL_H
#define PARCLOSE_SESSION_NETWORK_INTERNAL_H

/*
 * A session's network as its own files see it: network.c (life, and what the broker says),
 * network-publish.c, network-update.c. Nothing here is for others.
 */

#include <wayland-server-core.h>

#include "session/network-audit.h"
#include "session/network-learn.h"
#include "session/network-plan.h"
#include "session/network.h"
#include "session/uplink.h"

struct policy_network;

// A port of this machine's loopback that leads inside.
struct published {
	uint16_t host, port;
	int fds[2]; // our copies of the listening sockets, to end them with; -1: none
};

struct session_network {
	struct session *session;
	const struct session_network_parent *parent;
	struct network_plan plan;
	struct uplink *uplink;
	struct network_audit audit;
	bool learning;
	struct network_learn learn;

	struct published *published; // owned
	size_t published_len;

	struct wl_event_source *timer; // viewers, and lines that were left out
	bool armed;
	uint64_t told_denied; // when viewers were last told of one
	char told[480];

	struct {
		uint32_t serial; // of what is under way, 0: nothing is
		struct policy *next; // owned
		char *text; // its document, owned
		session_network_updated done; // NULL: nobody waits
		void *data;
	} update;
};

/*
 * Has the ports of `wanted` published, and no others (NULL: none). On failure what was published
 * before still is.
 */
bool network_publish(struct session_network *network, const struct policy_network *wanted,
	char *why, size_t size);

// The broker's answer to the change that is under way.
void network_update_answered(struct session_network *network, bool done, uint32_t cut);
void network_update_forget(struct session_network *network); // the session ends

#endif
