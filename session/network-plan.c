#include "session/network-plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/network.h"

#define DNS_PORT 53

static void add_socket(struct network_plan *plan, enum broker_listen_kind kind,
	const struct sandbox_socket *socket) {
	size_t at = plan->sandbox.sockets_len++;
	plan->sockets[at] = *socket;
	plan->kinds[at] = kind;
}

static bool add_route(struct network_plan *plan, const struct network_cidr *cidr) {
	struct sandbox_route route = {.family = cidr->address.family, .prefix = cidr->prefix};
	memcpy(route.address, cidr->address.bytes, sizeof(route.address));
	struct sandbox_route *grown =
		realloc(plan->routes, (plan->sandbox.routes_len + 1) * sizeof(*grown));
	if (grown == NULL) {
		return false;
	}
	grown[plan->sandbox.routes_len++] = route;
	plan->routes = grown;
	plan->sandbox.routes = grown;
	return true;
}

static bool add_range(struct network_plan *plan, const char *text) {
	struct network_cidr cidr;
	return network_cidr_parse(text, &cidr) && add_route(plan, &cidr);
}

// A program inside may be published on a port that connections go out to, too: then it must be able
// to listen there, and the outgoing ones come by another way.
static bool publishes_served(
	const struct policy_network *network, const struct network_serve *serve) {
	for (size_t i = 0; i < network->publish_len; i++) {
		for (size_t j = 0; j < serve->tcp_len; j++) {
			if (network->publish[i].port == serve->tcp[j]) {
				return true;
			}
		}
	}
	return false;
}

static void add_sockets(struct network_plan *plan, const struct policy_network *network,
	const struct network_serve *serve) {
	if (plan->every_port) {
		const struct sandbox_socket every = {
			.type = SOCK_STREAM, .port = SANDBOX_EVERY_PORT, .every_port = true};
		add_socket(plan, BROKER_LISTEN_TCP_REDIRECTED, &every);
	}
	for (size_t i = 0; i < serve->tcp_len && !plan->every_port; i++) {
		const struct sandbox_socket tcp = {.type = SOCK_STREAM, .port = serve->tcp[i]};
		add_socket(plan, BROKER_LISTEN_TCP, &tcp);
	}
	if (network->proxy != NULL) {
		const struct sandbox_socket proxy = {.type = SOCK_STREAM,
			.port = network->proxy_port,
			.address = htonl(INADDR_LOOPBACK),
			.loopback6 = network->proxy_v6};
		add_socket(plan, BROKER_LISTEN_PROXY, &proxy);
	}
	for (size_t i = 0; i < serve->udp_len; i++) {
		const struct sandbox_socket udp = {.type = SOCK_DGRAM, .port = serve->udp[i]};
		add_socket(plan, BROKER_LISTEN_UDP, &udp);
	}
	if (serve->names) {
		struct sandbox_socket dns = {.type = SOCK_DGRAM, .port = DNS_PORT};
		inet_pton(AF_INET, NETWORK_DNS_ADDRESS, &dns.address);
		add_socket(plan, BROKER_LISTEN_DNS_UDP, &dns);
		dns.type = SOCK_STREAM;
		add_socket(plan, BROKER_LISTEN_DNS_TCP, &dns);
		plan->sandbox.resolver = NETWORK_DNS_ADDRESS;
	}
}

static_assert(2 * NETWORK_MAX_LISTENED + 4 <= SANDBOX_MAX_SOCKETS, "every socket has its place");

bool network_plan_init(
	struct network_plan *plan, const struct policy_network *network, bool learn) {
	*plan = (struct network_plan){.needed = learn || network_needed(network)};
	if (!plan->needed) {
		return true;
	}
	plan->sandbox.sockets = plan->sockets;
	struct network_serve serve;
	if (!network_serve_init(&serve, network)) {
		return false;
	}
	if (learn) {
		serve.tcp_all = serve.names = true;
		serve.tcp_len = 0;
	}
	plan->every_port = serve.tcp_all || publishes_served(network, &serve);
	add_sockets(plan, network, &serve);
	bool added = true;
	if (learn) {
		added = add_range(plan, "0.0.0.0/0") && add_range(plan, "::/0");
	} else {
		for (size_t i = 0; i < serve.routes_len && added; i++) {
			added = add_route(plan, &serve.routes[i]);
		}
		added = added && (!serve.names || (add_range(plan, NETWORK_POOL_V4) &&
							  add_range(plan, NETWORK_POOL_V6)));
	}
	network_serve_finish(&serve);
	if (!added) {
		network_plan_finish(plan);
	}
	return added;
}

void network_plan_finish(struct network_plan *plan) {
	free(plan->routes);
	*plan = (struct network_plan){0};
}

// ---- another policy, for what stands already

static bool has_socket(
	const struct network_plan *plan, enum broker_listen_kind kind, uint16_t port) {
	for (size_t i = 0; i < plan->sandbox.sockets_len; i++) {
		if (plan->kinds[i] == kind && plan->sockets[i].port == port) {
			return true;
		}
	}
	return false;
}

static bool has_route(const struct network_plan *plan, const struct sandbox_route *route) {
	struct network_address address;
	network_address_from_bytes(route->family, route->address, &address);
	for (size_t i = 0; i < plan->sandbox.routes_len; i++) {
		struct network_cidr outer = {.prefix = plan->routes[i].prefix};
		network_address_from_bytes(
			plan->routes[i].family, plan->routes[i].address, &outer.address);
		if (outer.prefix <= route->prefix && network_cidr_contains(&outer, &address)) {
			return true;
		}
	}
	return false;
}

bool network_plan_missing(const struct network_plan *plan, const struct policy_network *next,
	struct network_plan *missing) {
	if (!network_plan_init(missing, next, false)) {
		return false;
	}
	size_t sockets = 0, routes = 0;
	for (size_t i = 0; i < missing->sandbox.sockets_len; i++) {
		bool tcp = missing->kinds[i] == BROKER_LISTEN_TCP ||
			   missing->kinds[i] == BROKER_LISTEN_TCP_REDIRECTED;
		if ((!tcp || !plan->every_port) &&
			!has_socket(plan, missing->kinds[i], missing->sockets[i].port)) {
			missing->sockets[sockets] = missing->sockets[i];
			missing->kinds[sockets++] = missing->kinds[i];
		}
	}
	for (size_t i = 0; i < missing->sandbox.routes_len; i++) {
		if (!has_route(plan, &missing->routes[i])) {
			missing->routes[routes++] = missing->routes[i];
		}
	}
	missing->sandbox.sockets_len = sockets;
	missing->sandbox.routes_len = routes;
	return true;
}

bool network_plan_add(struct network_plan *plan, const struct network_plan *more) {
	size_t sockets = plan->sandbox.sockets_len, routes = plan->sandbox.routes_len;
	struct sandbox_route *grown =
		realloc(plan->routes, (routes + more->sandbox.routes_len + 1) * sizeof(*grown));
	if (grown == NULL) {
		return false;
	}
	plan->routes = grown;
	plan->sandbox.routes = grown;
	if (sockets + more->sandbox.sockets_len > SANDBOX_MAX_SOCKETS) {
		return false;
	}
	for (size_t i = 0; i < more->sandbox.routes_len; i++) {
		plan->routes[routes + i] = more->routes[i];
	}
	for (size_t i = 0; i < more->sandbox.sockets_len; i++) {
		plan->sockets[sockets + i] = more->sockets[i];
		plan->kinds[sockets + i] = more->kinds[i];
		plan->every_port = plan->every_port || more->sockets[i].every_port;
	}
	plan->sandbox.routes_len += more->sandbox.routes_len;
	plan->sandbox.sockets_len += more->sandbox.sockets_len;
	return true;
}
