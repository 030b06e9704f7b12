/*
 * Does one set of rules allow nothing that another does not? The rules cut names, addresses and
 * ports into regions within which every decision is the same, so it is enough to ask both for one
 * of each: names: those written; a name below each "*." that nobody has written; one that no rule
 * holds. addresses: the first of each range, and the one behind its last. ports: 1, the first of
 * each entry, and the one behind its last.
 */

#include "policy/network-internal.h"
#include "policy/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Beyond it the question is not worth its time: about a second.
#define MAX_QUESTIONS 100e6

// No canonical name has such a label, for no program can ask for it: "!" is refused.
#define FRESH_LABEL "!"

struct samples {
	char (*names)[NETWORK_NAME_SIZE + 2];
	size_t names_len, names_size;
	struct network_address *addresses;
	size_t addresses_len, addresses_size;
	uint16_t *ports;
	size_t ports_len, ports_size;
	bool failed; // out of memory
};

// One entry more in *array, or NULL.
static void *grow(struct samples *samples, void *array, size_t *len, size_t *size, size_t entry) {
	void *old;
	memcpy(&old, array, sizeof(old));
	if (*len == *size) {
		size_t bigger = *size > 0 ? 2 * *size : 64;
		void *grown = realloc(old, bigger * entry);
		if (!grown) {
			samples->failed = true;
			return NULL;
		}
		*size = bigger;
		memcpy(array, &grown, sizeof(grown));
		old = grown;
	}
	return (char *)old + (*len)++ * entry;
}

static void add_name(struct samples *samples, const char *prefix, const char *name) {
	char (*slot)[NETWORK_NAME_SIZE + 2] = grow(
		samples, &samples->names, &samples->names_len, &samples->names_size, sizeof(*slot));
	if (slot) {
		snprintf(*slot, sizeof(*slot), "%s%s", prefix, name);
		for (size_t i = 0; i + 1 < samples->names_len; i++) {
			if (strcmp(samples->names[i], *slot) == 0) {
				samples->names_len--;
				return;
			}
		}
	}
}

static void add_address(struct samples *samples, const struct network_address *address) {
	for (size_t i = 0; i < samples->addresses_len; i++) {
		if (samples->addresses[i].family == address->family &&
			samples->addresses[i].mapped == address->mapped &&
			memcmp(samples->addresses[i].bytes, address->bytes, 16) == 0) {
			return;
		}
	}
	struct network_address *slot = grow(samples, &samples->addresses, &samples->addresses_len,
		&samples->addresses_size, sizeof(*slot));
	if (slot) {
		*slot = *address;
	}
}

static void add_port(struct samples *samples, unsigned int port) {
	for (size_t i = 0; i < samples->ports_len; i++) {
		if (samples->ports[i] == port) {
			return;
		}
	}
	if (port > UINT16_MAX) {
		return;
	}
	uint16_t *slot = grow(
		samples, &samples->ports, &samples->ports_len, &samples->ports_size, sizeof(*slot));
	if (slot) {
		*slot = (uint16_t)port;
	}
}

static void add_one(struct samples *samples, struct network_address address) {
	add_address(samples, &address);
	// An answer of the resolver may also come mapped, and is then held to more.
	if (address.family == AF_INET) {
		address.mapped = true;
		add_address(samples, &address);
	}
}

// The first address, and the one behind the last.
static void add_range(const struct network_cidr *cidr, void *data) {
	struct samples *samples = data;
	add_one(samples, cidr->address);
	struct network_address next = cidr_last(cidr);
	for (size_t i = next.family == AF_INET6 ? 16 : 4; i > 0; i--) {
		if (++next.bytes[i - 1] != 0) {
			add_one(samples, next);
			return;
		}
	}
}

// 2002:V4::/16 + its bits: a range of IPv4 is a range there, too (RFC 3056 section 2).
static void add_cidr(struct samples *samples, const struct network_cidr *cidr) {
	add_range(cidr, samples);
	if (cidr->address.family == AF_INET) {
		struct network_cidr v6 = {
			.address = {.family = AF_INET6, .bytes = {0x20, 2}},
			.prefix = 16 + cidr->prefix,
		};
		memcpy(v6.address.bytes + 2, cidr->address.bytes, 4);
		add_range(&v6, samples);
	}
}

// An address with the last four bytes that a translator would take for `v4`.
static void add_translated(struct samples *samples, const struct network_address *v4) {
	for (size_t i = 0, n = samples->addresses_len; i < n && !samples->failed; i++) {
		struct network_address v6 = samples->addresses[i], embedded;
		if (!address_embedded(&v6, &embedded)) {
			continue;
		}
		bool inverted = memcmp(v6.bytes + 12, embedded.bytes, 4) != 0;
		for (size_t j = 0; j < 4; j++) {
			v6.bytes[12 + j] = inverted ? (unsigned char)~v4->bytes[j] : v4->bytes[j];
		}
		add_address(samples, &v6);
	}
}

static void add_denied_translated(struct samples *samples, const struct policy_network *network) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len; j++) {
			const struct network_destination *to = &rule->to[j];
			if (rule->deny && !to->name && to->cidr.address.family == AF_INET) {
				struct network_address last = cidr_last(&to->cidr);
				add_translated(samples, &to->cidr.address);
				add_translated(samples, &last);
			}
		}
	}
}

static void add_rules(struct samples *samples, const struct policy_network *network) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len; j++) {
			const struct network_destination *to = &rule->to[j];
			if (to->name) {
				add_name(samples, to->below ? FRESH_LABEL "." : "", to->name);
				continue;
			}
			add_cidr(samples, &to->cidr);
			for (size_t k = 0; k < to->except_len; k++) {
				add_cidr(samples, &to->except[k]);
			}
		}
		for (size_t j = 0; j < rule->ports_len; j++) {
			add_port(samples, rule->ports[j].first);
			add_port(samples, rule->ports[j].last + 1u);
		}
	}
	for (size_t i = 0; i < network->host_loopback_len; i++) {
		add_port(samples, network->host_loopback[i]);
	}
	if (network->proxy) {
		add_port(samples, network->proxy_port);
	}
}

static void collect(struct samples *samples, const struct policy_network *old,
	const struct policy_network *next) {
	static const char *const ranges[] = {"127.0.0.1", NETWORK_POOL_V4, NETWORK_POOL_V6};
	add_name(samples, FRESH_LABEL, "");
	add_name(samples, "", NETWORK_HOST_NAME);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct network_cidr cidr;
		if (network_cidr_parse(ranges[i], &cidr)) {
			add_cidr(samples, &cidr);
		}
	}
	address_class_ranges(add_range, samples);
	add_port(samples, 1);
	add_rules(samples, old);
	add_rules(samples, next);
	add_denied_translated(samples, old);
	// Behind a port of its own begins another interval as well.
	for (size_t i = 0, n = samples->ports_len; i < n; i++) {
		add_port(samples, samples->ports[i] + 1u);
	}
}

// ---- asking

static bool says_more(const struct network_verdict *old, const struct network_verdict *next) {
	return next->allow && (!old->allow || (next->any_tls_name && !old->any_tls_name) ||
				      next->host_loopback != old->host_loopback);
}

static void describe_name(
	struct text *text, const char *name, enum network_protocol protocol, uint16_t port) {
	if (strcmp(name, FRESH_LABEL) == 0) {
		name = "every name";
	} else if (strncmp(name, FRESH_LABEL ".", 2) == 0) {
		text_add(text, "*");
		name++;
	}
	text_add(text, "%s, %s port %u", name, protocol == NETWORK_UDP ? "UDP" : "TCP",
		(unsigned int)port);
}

static bool names_tighten(const struct policy_network *old, const struct policy_network *next,
	const struct samples *samples, uint16_t port, struct text *text) {
	for (size_t i = 0; i < samples->names_len; i++) {
		const char *name = samples->names[i];
		struct network_verdict before = network_decide_name(old, name, NETWORK_TCP, port);
		struct network_verdict after = network_decide_name(next, name, NETWORK_TCP, port);
		if (says_more(&before, &after)) {
			describe_name(text, name, NETWORK_TCP, port);
			return false;
		}
		if (!after.allow) {
			continue;
		}
		for (size_t j = 0; j < samples->addresses_len; j++) {
			const struct network_address *address = &samples->addresses[j];
			before = network_decide_resolved(old, name, address, NETWORK_TCP, port);
			after = network_decide_resolved(next, name, address, NETWORK_TCP, port);
			if (says_more(&before, &after)) {
				char shown[NETWORK_ADDRESS_SIZE];
				network_address_format(address, shown);
				describe_name(text, name, NETWORK_TCP, port);
				text_add(text, " at the address %s", shown);
				return false;
			}
		}
	}
	return true;
}

static bool addresses_tighten(const struct policy_network *old, const struct policy_network *next,
	const struct samples *samples, enum network_protocol protocol, uint16_t port,
	struct text *text) {
	for (size_t j = 0; j < samples->addresses_len; j++) {
		const struct network_address *address = &samples->addresses[j];
		struct network_verdict before =
			network_decide_address(old, address, protocol, port);
		struct network_verdict after =
			network_decide_address(next, address, protocol, port);
		if (says_more(&before, &after)) {
			char shown[NETWORK_ADDRESS_SIZE];
			network_address_format(address, shown);
			describe_name(text, shown, protocol, port);
			return false;
		}
	}
	return true;
}

// A name that a connection to an address may ask for, where `old` would have denied it.
static bool name_denies_stay(const struct policy_network *old, const struct policy_network *next,
	const struct samples *samples, uint16_t port, struct text *text) {
	for (size_t i = 0; i < samples->names_len; i++) {
		struct network_verdict v;
		if (network_name_denied(old, samples->names[i], NETWORK_TCP, port, &v) &&
			!network_name_denied(next, samples->names[i], NETWORK_TCP, port, &v)) {
			describe_name(text, samples->names[i], NETWORK_TCP, port);
			return false;
		}
	}
	return true;
}

static bool has_ranges(const struct policy_network *network) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len && !rule->deny; j++) {
			if (!rule->to[j].name) {
				return true;
			}
		}
		if (!rule->deny && rule->to_len == 0) {
			return true;
		}
	}
	return network->default_allow;
}

static bool published_before(
	const struct policy_network *old, const struct policy_network *next, struct text *text) {
	for (size_t i = 0; i < next->publish_len; i++) {
		bool found = false;
		for (size_t j = 0; j < old->publish_len; j++) {
			found = found || (old->publish[j].host == next->publish[i].host &&
						 old->publish[j].port == next->publish[i].port);
		}
		if (!found) {
			text_add(text, "port %u inside, published as %u",
				(unsigned int)next->publish[i].port,
				(unsigned int)next->publish[i].host);
			return false;
		}
	}
	return true;
}

static bool compare(const struct policy_network *old, const struct policy_network *next,
	const struct samples *samples, struct text *text) {
	if (!published_before(old, next, text)) {
		return false;
	}
	size_t rules = old->rules_len + next->rules_len + 1;
	double questions = (double)samples->ports_len * (double)(samples->names_len + 2) *
			   (double)samples->addresses_len * (double)rules;
	if (samples->failed || questions > MAX_QUESTIONS) {
		text_add(text, "%s",
			samples->failed ? "out of memory" : "the two are too large to be compared");
		return false;
	}
	bool ranges = has_ranges(next);
	for (size_t i = 0; i < samples->ports_len; i++) {
		uint16_t port = samples->ports[i];
		if (!names_tighten(old, next, samples, port, text) ||
			!addresses_tighten(old, next, samples, NETWORK_TCP, port, text) ||
			!addresses_tighten(old, next, samples, NETWORK_UDP, port, text) ||
			(ranges && !name_denies_stay(old, next, samples, port, text))) {
			return false;
		}
	}
	return true;
}

bool network_only_tightens(const struct policy_network *old, const struct policy_network *next,
	char *what, size_t size) {
	struct text text;
	text_init(&text, what, size);
	struct samples samples = {0};
	collect(&samples, old, next);
	bool tightens = compare(old, next, &samples, &text);
	free(samples.names);
	free(samples.addresses);
	free(samples.ports);
	return tightens;
}
