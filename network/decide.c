#include "network/internal.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void take(struct target *target, const struct network_verdict *verdict) {
	target->allowed = verdict->allow;
	target->reason = BROKER_BY_RULE;
	snprintf(target->rule, sizeof(target->rule), "%s", verdict->rule);
}

static void refuse(struct target *target, enum broker_reason reason) {
	target->allowed = target->learned = false;
	target->reason = reason;
}

static bool is_loopback(const struct network_address *address) {
	static const unsigned char one[16] = {[15] = 1};
	return address->family == AF_INET ? address->bytes[0] == 127
					  : memcmp(address->bytes, one, sizeof(one)) == 0;
}

static bool holds_port(
	const struct network_rule *rule, enum network_protocol protocol, uint16_t port) {
	bool holds = rule->ports_len == 0;
	for (size_t i = 0; i < rule->ports_len; i++) {
		const struct network_ports *ports = &rule->ports[i];
		holds = holds ||
			(ports->protocols[protocol] && port >= ports->first && port <= ports->last);
	}
	return holds;
}

// Does the cidr of an allow rule hold it on this port? Of a connection that the policy allows.
static bool is_named(const struct policy_network *network, const struct network_address *address,
	enum network_protocol protocol, uint16_t port) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		bool counts = !rule->deny && holds_port(rule, protocol, port);
		for (size_t j = 0; j < rule->to_len && counts; j++) {
			const struct network_destination *to = &rule->to[j];
			bool named = to->name == NULL && network_cidr_contains(&to->cidr, address);
			for (size_t k = 0; k < to->except_len; k++) {
				named = named && !network_cidr_contains(&to->except[k], address);
			}
			if (named) {
				return true;
			}
		}
	}
	return false;
}

static bool names_are_denied(const struct policy_network *network) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len && rule->deny; j++) {
			if (rule->to[j].name != NULL) {
				return true;
			}
		}
	}
	return false;
}

// An address that learning does not open either: this machine's own, and what is dialled for
// secrets only.
static bool is_sensitive(const struct network_address *address) {
	static const char *const classes[] = {"loopback", "unspecified", "multicast", "metadata",
		"link-local", "IPv4-mapped", "reserved"};
	const char *class = network_address_class(address);
	for (size_t i = 0; class != NULL && i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcmp(class, classes[i]) == 0) {
			return true;
		}
	}
	return dial_is_own(address);
}

// What is denied is allowed while learning, and the decision says so.
static void learn(const struct broker *broker, struct target *target) {
	if (!target->allowed && broker->learn) {
		target->allowed = target->learned = true;
	}
}

void decide_target(struct broker *broker, const struct network_address *address,
	enum network_protocol protocol, uint16_t port, struct target *target) {
	const struct policy_network *network = &broker->policy->network;
	*target = (struct target){.address = *address, .port = port};
	struct network_verdict verdict;
	if (pool_contains(address)) {
		target->entry = pool_find(broker->pool, address);
		if (target->entry == NULL) {
			refuse(target, BROKER_STALE_ADDRESS);
			return;
		}
		verdict = network_decide_name(network, target->entry->name, protocol, port);
		take(target, &verdict);
		target->guarded = !verdict.any_tls_name && !verdict.host_loopback;
		// Learning is about the network, not about this machine.
		if (strcmp(target->entry->name, NETWORK_HOST_NAME) != 0) {
			learn(broker, target);
		}
		target->kind = verdict.host_loopback ? TARGET_LOOPBACK : TARGET_NAME;
		return;
	}
	verdict = network_decide_address(network, address, protocol, port);
	take(target, &verdict);
	target->kind = verdict.host_loopback ? TARGET_LOOPBACK : TARGET_ADDRESS;
	if (target->kind == TARGET_LOOPBACK) {
		return;
	}
	if (is_loopback(address)) {
		refuse(target, BROKER_OWN_LOOPBACK);
		return;
	}
	if (!target->allowed && !is_sensitive(address)) {
		learn(broker, target);
	}
	if (target->allowed && !is_named(network, address, protocol, port) &&
		dial_is_own(address)) {
		refuse(target, BROKER_PRIVATE_ADDRESS);
	}
	target->guarded = names_are_denied(network);
}

size_t decide_addresses(struct broker *broker, struct target *target,
	const struct resolve_answer *answer, struct network_address *out,
	struct network_address *denied) {
	const struct policy_network *network = &broker->policy->network;
	struct network_verdict verdict, refused = {0};
	size_t len = 0, learned = 0;
	struct network_address learnable[DIAL_ADDRESSES];
	for (size_t i = 0; i < answer->len && len < DIAL_ADDRESSES; i++) {
		const struct network_address *address = &answer->addresses[i];
		verdict = network_decide_resolved(
			network, target->entry->name, address, NETWORK_TCP, target->port);
		// The name itself may be one that is only learned.
		bool allowed =
			verdict.allow || (target->learned && !network_address_class(address));
		if (allowed && (is_named(network, address, NETWORK_TCP, target->port) ||
				       !dial_is_own(address))) {
			out[len++] = *address;
			continue;
		}
		*denied = *address;
		refused = verdict;
		if (broker->learn && learned < DIAL_ADDRESSES && !is_sensitive(address)) {
			learnable[learned++] = *address;
		}
	}
	if (len == 0 && learned > 0) {
		memcpy(out, learnable, learned * sizeof(*learnable));
		take(target, &refused);
		target->allowed = target->learned = true;
		return learned;
	}
	if (len == 0) {
		refuse(target, answer->len == 0 ? BROKER_NO_ADDRESS : BROKER_PRIVATE_ADDRESS);
		target->allowed = answer->len == 0;
	}
	return len;
}

void decide_again(struct broker *broker, struct target *target, enum network_protocol protocol,
	const struct network_address *dialled) {
	struct target now;
	const struct policy_network *network = &broker->policy->network;
	if (target->entry == NULL) {
		decide_target(broker, &target->address, protocol, target->port, &now);
	} else {
		now = *target;
		struct network_verdict verdict =
			network_decide_name(network, target->entry->name, protocol, target->port);
		take(&now, &verdict);
		if (verdict.host_loopback != (target->kind == TARGET_LOOPBACK)) {
			refuse(&now, BROKER_BY_RULE);
		}
		if (now.allowed && dialled != NULL && target->kind == TARGET_NAME) {
			verdict = network_decide_resolved(
				network, target->entry->name, dialled, protocol, target->port);
			take(&now, &verdict);
			if (now.allowed && !is_named(network, dialled, protocol, target->port) &&
				dial_is_own(dialled)) {
				refuse(&now, BROKER_PRIVATE_ADDRESS);
			}
		}
		now.guarded = !verdict.any_tls_name && !verdict.host_loopback;
		now.learned = false;
		if (strcmp(target->entry->name, NETWORK_HOST_NAME) != 0) {
			learn(broker, &now);
		}
	}
	// What nobody has looked at may have said anything.
	if (now.guarded && !target->guarded && !broker->learn) {
		refuse(&now, BROKER_BY_RULE);
	}
	target->allowed = now.allowed;
	target->learned = now.learned;
	memcpy(target->rule, now.rule, sizeof(target->rule));
}

bool decide_denied(void *data, const char *name) {
	struct guarded *guarded = data;
	struct network_verdict verdict;
	snprintf(guarded->said, sizeof(guarded->said), "%s", name);
	return network_name_denied(
		&guarded->broker->policy->network, name, NETWORK_TCP, guarded->port, &verdict);
}

bool decide_said_again(const struct guarded *guarded) {
	struct network_verdict verdict;
	return guarded->said[0] == '\0' ||
	       !network_name_denied(&guarded->broker->policy->network, guarded->said, NETWORK_TCP,
		       guarded->port, &verdict);
}
