// The decisions: one question each, answered from the rules alone.

#include "policy/network-internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define AT_DEFAULT "/network/egress/default"
#define AT_HOST_LOOPBACK "/network/ingress/hostLoopback"
#define AT_PROXY "/runtimeConfig/networkProxy"

static struct network_verdict verdict(bool allow, const char *rule, const char *reason) {
	struct network_verdict v = {.allow = allow, .reason = reason};
	memcpy(v.rule, rule, strnlen(rule, sizeof(v.rule) - 1));
	return v;
}

// ---- what a rule holds

bool destination_holds_name(const struct network_destination *to, const char *name) {
	return to->name &&
	       (to->below ? name_is_below(name, to->name) : strcmp(name, to->name) == 0);
}

bool destination_holds_address(
	const struct network_destination *to, const struct network_address *address) {
	if (to->name || !network_cidr_contains(&to->cidr, address)) {
		return false;
	}
	for (size_t i = 0; i < to->except_len; i++) {
		if (network_cidr_contains(&to->except[i], address)) {
			return false;
		}
	}
	return true;
}

static bool rule_holds_port(
	const struct network_rule *rule, enum network_protocol protocol, uint16_t port) {
	for (size_t i = 0; i < rule->ports_len; i++) {
		const struct network_ports *ports = &rule->ports[i];
		if (ports->protocols[protocol] &&
			(protocol == NETWORK_ICMP ||
				(port >= ports->first && port <= ports->last))) {
			return true;
		}
	}
	return rule->ports_len == 0;
}

static bool rule_holds_name(const struct network_rule *rule, const char *name) {
	for (size_t i = 0; i < rule->to_len; i++) {
		if (destination_holds_name(&rule->to[i], name)) {
			return true;
		}
	}
	return rule->to_len == 0;
}

// By a range; a rule without `to` names no address.
static bool rule_names_address(
	const struct network_rule *rule, const struct network_address *address) {
	for (size_t i = 0; i < rule->to_len; i++) {
		if (destination_holds_address(&rule->to[i], address)) {
			return true;
		}
	}
	return false;
}

static bool rule_has_names(const struct network_rule *rule) {
	for (size_t i = 0; i < rule->to_len; i++) {
		if (rule->to[i].name) {
			return true;
		}
	}
	return false;
}

// ---- which rule decides

static const struct network_rule *name_deny(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (rule->deny && rule_holds_port(rule, protocol, port) &&
			rule_holds_name(rule, name)) {
			return rule;
		}
	}
	return NULL;
}

// The first one, but one that relaxes TLS beats one that does not: rules add up.
static const struct network_rule *name_allow(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port) {
	const struct network_rule *found = NULL;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (!rule->deny && (!found || (rule->any_tls_name && !found->any_tls_name)) &&
			rule_holds_port(rule, protocol, port) && rule_holds_name(rule, name)) {
			found = rule;
		}
	}
	return found;
}

static bool deny_names_address(
	const struct network_rule *rule, const struct network_address *address) {
	struct network_address v4;
	return rule->to_len == 0 || rule_names_address(rule, address) ||
	       (address_embedded(address, &v4) && rule_names_address(rule, &v4));
}

static const struct network_rule *address_deny(const struct policy_network *network,
	const struct network_address *address, enum network_protocol protocol, uint16_t port) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (rule->deny && rule_holds_port(rule, protocol, port) &&
			deny_names_address(rule, address)) {
			return rule;
		}
	}
	return NULL;
}

static bool names_metadata(const struct network_rule *rule, const struct network_address *address) {
	for (size_t i = 0; i < rule->to_len; i++) {
		const struct network_destination *to = &rule->to[i];
		if (destination_holds_address(to, address) &&
			to->cidr.prefix >= (address->family == AF_INET ? 16 : 48)) {
			return true;
		}
	}
	return false;
}

static const struct network_rule *address_allow(const struct policy_network *network,
	const struct network_address *address, enum network_protocol protocol, uint16_t port) {
	bool metadata = address_classify(address).kind == ADDRESS_METADATA;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (!rule->deny && rule_holds_port(rule, protocol, port) &&
			(metadata ? names_metadata(rule, address)
				  : rule_names_address(rule, address))) {
			return rule;
		}
	}
	return NULL;
}

// ---- names

static struct network_verdict decide_host(
	const struct policy_network *network, enum network_protocol protocol, uint16_t port) {
	struct network_verdict v = verdict(
		false, AT_HOST_LOOPBACK, "this machine's loopback is not opened on this port");
	if (protocol != NETWORK_TCP) {
		return v;
	}
	v.allow = network->host_loopback_all;
	for (size_t i = 0; i < network->host_loopback_len; i++) {
		v.allow = v.allow || network->host_loopback[i] == port;
	}
	if (v.allow) {
		v.host_loopback = true;
		v.reason = "this machine's loopback is opened on this port";
	}
	return v;
}

struct network_verdict network_decide_name(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port) {
	if (strcmp(name, NETWORK_HOST_NAME) == 0) {
		return decide_host(network, protocol, port);
	}
	if (network->proxy) {
		return verdict(false, AT_PROXY, "nothing but the proxy is reached");
	}
	if (name_is_localhost(name)) {
		return verdict(false, AT_DEFAULT, "localhost is the session itself");
	}
	const struct network_rule *rule = name_deny(network, name, protocol, port);
	if (rule) {
		return verdict(false, rule->pointer, "a rule denies it");
	}
	if (protocol != NETWORK_TCP) {
		return verdict(false, AT_DEFAULT, "names are reached by TCP only");
	}
	rule = name_allow(network, name, protocol, port);
	if (rule) {
		struct network_verdict v = verdict(true, rule->pointer, "a rule allows it");
		v.any_tls_name = rule->any_tls_name;
		return v;
	}
	return network->default_allow ? verdict(true, AT_DEFAULT, "allowed by default")
				      : verdict(false, AT_DEFAULT, "no rule allows it");
}

bool network_name_denied(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port, struct network_verdict *v) {
	const struct network_rule *rule = name_deny(network, name, protocol, port);
	if (!rule) {
		return false;
	}
	*v = verdict(false, rule->pointer, "a rule denies the name it then asked for");
	return true;
}

/*
 * The ports are cut into intervals by the rules, within which nothing changes. An interval begins
 * at 1, with the first port of an entry, or behind the last one of an entry: those are tried.
 */
struct network_verdict network_decide_lookup(
	const struct policy_network *network, const char *name) {
	if (strcmp(name, NETWORK_HOST_NAME) == 0) {
		bool open = network->host_loopback_all || network->host_loopback_len > 0;
		return verdict(open, AT_HOST_LOOPBACK,
			open ? "this machine's loopback is opened"
			     : "this machine's loopback is not opened");
	}
	struct network_verdict first = network_decide_name(network, name, NETWORK_TCP, 1);
	struct network_verdict denied = first;
	if (first.allow || network->proxy) {
		return first;
	}
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		// A deny rule that holds other names opens no interval for this one.
		if (!rule_holds_name(rule, name)) {
			continue;
		}
		for (size_t j = 0; j < rule->ports_len; j++) {
			uint16_t last = rule->ports[j].last;
			uint16_t port = !rule->deny         ? rule->ports[j].first
					: last < UINT16_MAX ? (uint16_t)(last + 1)
							    : UINT16_MAX;
			struct network_verdict v =
				network_decide_name(network, name, NETWORK_TCP, port);
			if (v.allow) {
				return v;
			}
			// A rule that denies says more than a default.
			if (strcmp(denied.rule, AT_DEFAULT) == 0) {
				denied = v;
			}
		}
	}
	return denied;
}

static struct network_verdict deny_class(const struct address_class class) {
	// Static words for each, so that the verdict owns nothing.
	static const struct {
		const char *name, *reason;
	} reasons[] = {
		{"metadata", "the address of a metadata service, which no rule names"},
		{"unspecified", "the unspecified address is this machine"},
		{"loopback", "a loopback address is this machine"},
		{"multicast", "multicast is not carried"},
		{"private", "a private address, which no rule names"},
		{"shared (CGNAT)", "a shared address (CGNAT), which no rule names"},
		{"link-local", "a link-local address, which no rule names"},
		{"unique local", "a unique local address, which no rule names"},
		{"IPv4-mapped", "an IPv4-mapped address, which no rule names"},
		{"NAT64", "an address of NAT64, which no rule names"},
		{"6to4", "an address of 6to4, which no rule names"},
		{"Teredo", "an address of Teredo, which no rule names"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(reasons[i].name, class.name) == 0) {
			return verdict(false, AT_DEFAULT, reasons[i].reason);
		}
	}
	return verdict(false, AT_DEFAULT, "a special address, which no rule names");
}

struct network_verdict network_decide_resolved(const struct policy_network *network,
	const char *name, const struct network_address *address, enum network_protocol protocol,
	uint16_t port) {
	struct network_verdict v = network_decide_name(network, name, protocol, port);
	struct address_class class = address_classify(address);
	if (!v.allow) {
		return v;
	}
	if (v.host_loopback) {
		return strcmp(class.name ? class.name : "", "loopback") == 0
			       ? v
			       : verdict(false, AT_HOST_LOOPBACK, "not this machine's loopback");
	}
	const struct network_rule *deny = address_deny(network, address, protocol, port);
	if (deny) {
		return verdict(false, deny->pointer, "a rule denies its address");
	}
	if (class.kind == ADDRESS_PUBLIC ||
		(class.kind != ADDRESS_NEVER && address_allow(network, address, protocol, port))) {
		return v;
	}
	return deny_class(class);
}

// ---- addresses dialled without a name

static bool in_pool(const struct network_address *address) {
	struct network_cidr pool;
	return (network_cidr_parse(NETWORK_POOL_V4, &pool) &&
		       network_cidr_contains(&pool, address)) ||
	       (network_cidr_parse(NETWORK_POOL_V6, &pool) &&
		       network_cidr_contains(&pool, address));
}

static bool is_loopback(const struct network_address *address) {
	return address_classify(address).name &&
	       strcmp(address_classify(address).name, "loopback") == 0;
}

// What lets connections to everywhere out: a rule without `to`, or the default.
static bool open_everywhere(const struct policy_network *network, enum network_protocol protocol,
	uint16_t port, const char **pointer) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (!rule->deny && rule->to_len == 0 && rule_holds_port(rule, protocol, port)) {
			*pointer = rule->pointer;
			return true;
		}
	}
	*pointer = AT_DEFAULT;
	return network->default_allow && protocol == NETWORK_TCP;
}

static const struct network_rule *denies_names(
	const struct policy_network *network, enum network_protocol protocol, uint16_t port) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (rule->deny && rule_has_names(rule) && rule_holds_port(rule, protocol, port)) {
			return rule;
		}
	}
	return NULL;
}

struct network_verdict network_decide_address(const struct policy_network *network,
	const struct network_address *address, enum network_protocol protocol, uint16_t port) {
	if (network->proxy) {
		struct network_verdict v =
			verdict(false, AT_PROXY, "nothing but the proxy is reached");
		if (is_loopback(address) && protocol == NETWORK_TCP &&
			port == network->proxy_port) {
			v.allow = v.host_loopback = v.any_tls_name = true;
			v.reason = "the proxy";
		}
		return v;
	}
	const struct network_rule *rule = address_deny(network, address, protocol, port);
	if (rule) {
		return verdict(false, rule->pointer, "a rule denies it");
	}
	struct address_class class = address_classify(address);
	if (class.kind == ADDRESS_NEVER) {
		return deny_class(class);
	}
	if (in_pool(address)) {
		return verdict(false, AT_DEFAULT, "no name stands behind this address");
	}
	rule = address_allow(network, address, protocol, port);
	if (rule) {
		struct network_verdict v = verdict(true, rule->pointer, "a rule allows it");
		v.any_tls_name = true;
		return v;
	}
	const char *pointer;
	if (!open_everywhere(network, protocol, port, &pointer)) {
		return verdict(false, AT_DEFAULT,
			protocol == NETWORK_TCP ? "no rule allows this address"
						: "no rule allows this address by UDP");
	}
	if (class.kind != ADDRESS_PUBLIC) {
		return deny_class(class);
	}
	rule = denies_names(network, protocol, port);
	if (rule) {
		return verdict(false, rule->pointer,
			"an address without a name, while a rule denies names");
	}
	struct network_verdict v = verdict(true, pointer,
		strcmp(pointer, AT_DEFAULT) == 0 ? "allowed by default" : "a rule allows it");
	v.any_tls_name = true;
	return v;
}
