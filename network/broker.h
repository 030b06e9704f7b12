#ifndef PARCLOSE_NETWORK_BROKER_H
#define PARCLOSE_NETWORK_BROKER_H

/*
 * The network broker: the one way out of a sandbox, whose network namespace has nothing but `lo`.
 * It serves sockets that were born inside from outside: DNS, TCP, UDP; and published ports the
 * other way round. All rules are the policy's (policy/network.h). This is the library;
 * `parclose-network` (main.c) is the process around it.
 */

#include <stdbool.h>
#include <wayland-server-core.h>

#include "network/channel.h"

#define BROKER_PATIENCE_MS 30000

struct broker;
struct policy;

struct broker_config {
	struct wl_event_loop *loop; // outlives the broker
	struct policy *policy; // becomes the broker's
	bool learn; // BROKER_LEARN
	const char *resolvers; // "192.0.2.1:53,…"; NULL: the host's resolv.conf(5), read now
	const char *hosts; // path of hosts(5), read now
	// For the rest of a ClientHello or of a request's head that has begun; 0:
	// BROKER_PATIENCE_MS.
	uint32_t patience_ms;
	size_t connections; // at most so many at a time; 0: as many as there are descriptors for
};

struct broker_sink {
	void (*emit)(void *data, const struct broker_message *message);
};

// NULL: cannot be done, *why is static; the policy is destroyed.
struct broker *broker_create(const struct broker_config *config, const struct broker_sink *sink,
	void *data, const char **why);

// Ends everything, said CLOSED.
void broker_destroy(struct broker *broker);

// LISTEN: takes over `fd`. False: it is no such socket.
bool broker_listen(struct broker *broker, const struct broker_message *message, int fd);

// The policy that holds from now on, which becomes the broker's. Returns how many connections and
// flows it cut.
uint32_t broker_update(struct broker *broker, struct policy *policy);

// INSIDE_SOCKET: takes over `fd` (-1: none). False: nobody asked for it.
bool broker_inside_socket(struct broker *broker, const struct broker_message *message, int fd);

// Nothing new is taken while paused: what emit() was given is not read fast enough.
void broker_pause(struct broker *broker, bool paused);

#endif
