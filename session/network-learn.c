#include "session/network-learn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/network.h"

#define DENY "/network/egress/deny/" // of the pointers of deny rules

static int compare_ports(const struct learned *a, const struct learned *b) {
	return a->protocol != b->protocol ? (a->protocol < b->protocol ? -1 : 1)
					  : (int)a->port - (int)b->port;
}

// By whom, then by protocol and port: the same place once, and whoever is one in one row.
static int compare_whom(const struct learned *a, const struct learned *b) {
	int order = strcmp(a->name, b->name);
	if (order != 0) {
		return order;
	}
	if (a->name[0] != '\0') {
		return 0;
	}
	return a->family != b->family ? (a->family < b->family ? -1 : 1)
				      : memcmp(a->address, b->address, sizeof(a->address));
}

static int compare(const struct learned *a, const struct learned *b) {
	int order = compare_whom(a, b);
	return order != 0 ? order : compare_ports(a, b);
}

static void add(struct network_learn *learn, const struct learned *place) {
	size_t low = 0, high = learn->places_len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(&learn->places[middle], place);
		if (order == 0) {
			return;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (learn->places_len == learn->places_size) {
		size_t size = learn->places_size > 0 ? learn->places_size * 2 : 32;
		struct learned *grown =
			size > LEARN_MAX ? NULL : realloc(learn->places, size * sizeof(*grown));
		if (grown == NULL) {
			learn->too_many++;
			return;
		}
		learn->places = grown;
		learn->places_size = size;
	}
	memmove(&learn->places[low + 1], &learn->places[low],
		(learn->places_len - low) * sizeof(*place));
	learn->places[low] = *place;
	learn->places_len++;
}

void network_learn_take(struct network_learn *learn, const struct broker_decision *checked) {
	if (!checked->allowed ||
		(checked->kind != BROKER_CONNECT && checked->kind != BROKER_FLOW)) {
		return;
	}
	struct learned place = {
		.protocol = checked->protocol,
		.port = (uint16_t)checked->port,
		.denied = (checked->flags & BROKER_LEARNED) != 0 &&
			  strncmp(checked->untrusted_rule, DENY, strlen(DENY)) == 0,
	};
	memcpy(place.name, checked->untrusted_name, sizeof(place.name));
	struct learned address = {
		.protocol = place.protocol, .port = place.port, .denied = place.denied};
	address.family = checked->family;
	memcpy(address.address, checked->address, sizeof(address.address));
	struct network_address seen;
	bool has_address = checked->family != 0 && network_address_from_bytes((int)checked->family,
							   checked->address, &seen);
	if (place.name[0] != '\0') {
		add(learn, &place);
	}
	// A name alone does not lead to a private address: a rule has to name that, too.
	if (has_address && strcmp(place.name, NETWORK_HOST_NAME) != 0 &&
		(place.name[0] == '\0' || network_address_class(&seen) != NULL)) {
		add(learn, &address);
	}
}

void network_learn_finish(struct network_learn *learn) {
	free(learn->places);
	*learn = (struct network_learn){0};
}

size_t network_learn_refused(
	const struct network_learn *learn, const struct policy_network *network) {
	size_t refused = learn->too_many;
	for (size_t i = 0; i < learn->places_len; i++) {
		const struct learned *place = &learn->places[i];
		enum network_protocol protocol =
			place->protocol == IPPROTO_UDP ? NETWORK_UDP : NETWORK_TCP;
		struct network_address address;
		struct network_verdict verdict;
		if (place->name[0] != '\0') {
			verdict = network_decide_name(network, place->name, protocol, place->port);
		} else {
			network_address_from_bytes((int)place->family, place->address, &address);
			verdict = network_decide_address(network, &address, protocol, place->port);
		}
		refused += !verdict.allow;
	}
	return refused;
}

// ---- the proposal

static size_t row_of(const struct network_learn *learn, size_t at) {
	size_t end = at + 1;
	while (end < learn->places_len &&
		compare_whom(&learn->places[at], &learn->places[end]) == 0) {
		end++;
	}
	return end;
}

static cJSON *make_ports(const struct learned *row, size_t len) {
	cJSON *ports = cJSON_CreateArray();
	for (size_t i = 0; i < len; i++) {
		cJSON *port = cJSON_CreateObject();
		cJSON_AddStringToObject(
			port, "protocol", row[i].protocol == IPPROTO_UDP ? "udp" : "tcp");
		cJSON_AddNumberToObject(port, "port", row[i].port);
		cJSON_AddItemToArray(ports, port);
	}
	return ports;
}

static cJSON *make_destination(const struct learned *place) {
	cJSON *to = cJSON_CreateObject();
	if (place->name[0] != '\0') {
		cJSON_AddStringToObject(to, "domain", place->name);
		return to;
	}
	char address[INET6_ADDRSTRLEN], range[INET6_ADDRSTRLEN + 8];
	inet_ntop((int)place->family, place->address, address, sizeof(address));
	snprintf(range, sizeof(range), "%s/%d", address, place->family == AF_INET ? 32 : 128);
	cJSON_AddStringToObject(to, "cidr", range);
	return to;
}

// Those with the same ports share a rule.
static void add_to_rules(cJSON *rules, const struct learned *row, size_t len) {
	cJSON *ports = make_ports(row, len);
	cJSON *rule;
	cJSON_ArrayForEach (rule, rules) {
		if (cJSON_Compare(cJSON_GetObjectItemCaseSensitive(rule, "ports"), ports, true)) {
			cJSON_Delete(ports);
			cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(rule, "to"),
				make_destination(row));
			return;
		}
	}
	rule = cJSON_CreateObject();
	cJSON *to = cJSON_AddArrayToObject(rule, "to");
	cJSON_AddItemToArray(to, make_destination(row));
	cJSON_AddItemToObject(rule, "ports", ports);
	cJSON_AddItemToArray(rules, rule);
}

static void keep(cJSON *object, const cJSON *base, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(base, key);
	if (item != NULL) {
		cJSON_AddItemToObject(object, key, cJSON_Duplicate(item, true));
	}
}

static cJSON *make_network(const struct network_learn *learn, const cJSON *base) {
	cJSON *network = cJSON_CreateObject();
	cJSON *egress = cJSON_AddObjectToObject(network, "egress");
	cJSON_AddStringToObject(egress, "default", "deny");
	cJSON *allow = cJSON_AddArrayToObject(egress, "allow");
	cJSON *loopback = cJSON_CreateArray();
	for (size_t at = 0, end; at < learn->places_len; at = end) {
		end = row_of(learn, at);
		const struct learned *row = &learn->places[at];
		if (row->denied) {
			continue;
		}
		if (strcmp(row->name, NETWORK_HOST_NAME) != 0) {
			add_to_rules(allow, row, end - at);
			continue;
		}
		for (size_t i = at; i < end; i++) {
			cJSON *port = cJSON_CreateObject();
			cJSON_AddNumberToObject(port, "port", learn->places[i].port);
			cJSON_AddItemToArray(loopback, port);
		}
	}
	keep(egress, cJSON_GetObjectItemCaseSensitive(base, "egress"), "deny");
	cJSON *ingress = cJSON_CreateObject();
	keep(ingress, cJSON_GetObjectItemCaseSensitive(base, "ingress"), "publish");
	if (loopback->child != NULL) {
		cJSON_AddItemToObject(ingress, "hostLoopback", loopback);
	} else {
		cJSON_Delete(loopback);
	}
	if (ingress->child != NULL) {
		cJSON_AddItemToObject(network, "ingress", ingress);
	} else {
		cJSON_Delete(ingress);
	}
	return network;
}

cJSON *network_learn_propose(const struct network_learn *learn, const cJSON *base) {
	cJSON *proposal = cJSON_IsObject(base) ? cJSON_Duplicate(base, true) : cJSON_CreateObject();
	if (proposal == NULL) {
		return NULL;
	}
	cJSON *network = make_network(learn, cJSON_GetObjectItemCaseSensitive(proposal, "network"));
	cJSON_DeleteItemFromObjectCaseSensitive(proposal, "network");
	cJSON_AddItemToObject(proposal, "network", network);
	return proposal;
}
