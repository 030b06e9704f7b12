// What has to be listened to inside, and which ranges have to end there, for the rules to be
// served.

#include "policy/network-internal.h"

#include <stdlib.h>
#include <string.h>

bool network_needed(const struct policy_network *network) {
	if (network->default_allow || network->publish_len > 0 || network->host_loopback_all ||
		network->host_loopback_len > 0 || network->proxy) {
		return true;
	}
	return network->rules_len > 0 && !network->rules[0].deny;
}

// ---- ports

// Adds to an ascending list without doubles. False: it is full.
static bool add_port(uint16_t *ports, size_t *len, uint16_t port) {
	size_t at = 0;
	while (at < *len && ports[at] < port) {
		at++;
	}
	if (at < *len && ports[at] == port) {
		return true;
	}
	if (*len == NETWORK_MAX_LISTENED) {
		return false;
	}
	memmove(ports + at + 1, ports + at, (*len - at) * sizeof(*ports));
	ports[at] = port;
	++*len;
	return true;
}

static bool add_range(uint16_t *ports, size_t *len, uint16_t first, uint16_t last) {
	if (last - first >= NETWORK_MAX_LISTENED) {
		return false;
	}
	for (unsigned int port = first; port <= last; port++) {
		if (!add_port(ports, len, (uint16_t)port)) {
			return false;
		}
	}
	return true;
}

static void collect_ports(struct network_serve *serve, const struct policy_network *network) {
	serve->tcp_all = network->default_allow || network->host_loopback_all;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->ports_len && !rule->deny; j++) {
			const struct network_ports *ports = &rule->ports[j];
			if (ports->protocols[NETWORK_TCP] && !serve->tcp_all) {
				serve->tcp_all = !add_range(
					serve->tcp, &serve->tcp_len, ports->first, ports->last);
			}
			// The loader has counted them.
			if (ports->protocols[NETWORK_UDP]) {
				add_range(serve->udp, &serve->udp_len, ports->first, ports->last);
			}
		}
	}
	for (size_t i = 0; i < network->host_loopback_len && !serve->tcp_all; i++) {
		serve->tcp_all = !add_port(serve->tcp, &serve->tcp_len, network->host_loopback[i]);
	}
	if (serve->tcp_all) {
		serve->tcp_len = 0;
	}
}

// ---- routes

static bool add_route(struct network_serve *serve, const struct network_cidr *cidr) {
	size_t kept = 0;
	for (size_t i = 0; i < serve->routes_len; i++) {
		if (cidr_within(&serve->routes[i], cidr)) {
			return true;
		}
	}
	for (size_t i = 0; i < serve->routes_len; i++) {
		if (!cidr_within(cidr, &serve->routes[i])) {
			serve->routes[kept++] = serve->routes[i];
		}
	}
	serve->routes_len = kept;
	struct network_cidr *grown =
		realloc(serve->routes, (serve->routes_len + 1) * sizeof(*grown));
	if (!grown) {
		return false;
	}
	grown[serve->routes_len++] = *cidr;
	serve->routes = grown;
	return true;
}

static bool add_everywhere(struct network_serve *serve) {
	struct network_cidr v4, v6;
	return network_cidr_parse("0.0.0.0/0", &v4) && network_cidr_parse("::/0", &v6) &&
	       add_route(serve, &v4) && add_route(serve, &v6);
}

static bool collect_routes(struct network_serve *serve, const struct policy_network *network) {
	if (network->default_allow && !add_everywhere(serve)) {
		return false;
	}
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (rule->deny) {
			continue;
		}
		if (rule->to_len == 0 && !add_everywhere(serve)) {
			return false;
		}
		for (size_t j = 0; j < rule->to_len; j++) {
			if (!rule->to[j].name && !add_route(serve, &rule->to[j].cidr)) {
				return false;
			}
		}
	}
	return true;
}

bool network_serve_init(struct network_serve *serve, const struct policy_network *network) {
	*serve = (struct network_serve){.names = network_needed(network)};
	collect_ports(serve, network);
	if (!collect_routes(serve, network)) {
		network_serve_finish(serve);
		return false;
	}
	return true;
}

void network_serve_finish(struct network_serve *serve) {
	free(serve->routes);
	*serve = (struct network_serve){0};
}

// ---- ownership

void network_finish(struct policy_network *network) {
	for (size_t i = 0; i < network->rules_len; i++) {
		struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len; j++) {
			free(rule->to[j].name);
			free(rule->to[j].except);
		}
		free(rule->to);
		free(rule->ports);
	}
	free(network->rules);
	free(network->publish);
	free(network->host_loopback);
	free(network->proxy);
}
