#include "policy/warn.h"

#include "policy/network-internal.h"

#include <dlfcn.h>
#include <libpsl.h>
#include <stdarg.h>
#include <string.h>

struct warner {
	policy_warn_fn warn;
	void *data;
	const psl_ctx_t *suffixes; // NULL: not to be had
	int (*is_public_suffix)(const psl_ctx_t *suffixes, const char *name);
};

__attribute__((format(printf, 2, 3))) static void say(
	const struct warner *warner, const char *format, ...) {
	char message[700];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	warner->warn(message, warner->data);
}

// The library's list is never freed: there is one in a process.
static void open_suffixes(struct warner *warner) {
	const psl_ctx_t *(*builtin)(void) = NULL;
	void *library = dlopen("libpsl.so.5", RTLD_NOW | RTLD_LOCAL);
	void *list = library ? dlsym(library, "psl_builtin") : NULL;
	void *ask = library ? dlsym(library, "psl_is_public_suffix") : NULL;
	if (list && ask) {
		memcpy(&builtin, &list, sizeof(builtin));
		memcpy(&warner->is_public_suffix, &ask, sizeof(warner->is_public_suffix));
		warner->suffixes = builtin();
	}
}

static void warn_wildcard(
	struct warner *warner, const struct network_rule *rule, size_t index, bool *said) {
	const char *name = rule->to[index].name;
	if (!warner->suffixes) {
		open_suffixes(warner);
	}
	// Without the list it is known at least of a single label.
	if (warner->suffixes ? warner->is_public_suffix(warner->suffixes, name) != 0
			     : !strchr(name, '.')) {
		say(warner,
			"%s/to/%zu: '*.%s' holds names of many owners, anybody can have one "
			"(publicsuffix.org); name those that are meant",
			rule->pointer, index, name);
	} else if (!warner->suffixes && !*said) {
		*said = true;
		say(warner,
			"%s/to/%zu: whether anybody can have a name in '*.%s' cannot be told: "
			"libpsl is not installed",
			rule->pointer, index, name);
	}
}

static void warn_pool(const struct warner *warner, const struct network_rule *rule, size_t index) {
	static const char *const pools[] = {NETWORK_POOL_V4, NETWORK_POOL_V6};
	for (size_t i = 0; i < 2; i++) {
		struct network_cidr pool;
		if (network_cidr_parse(pools[i], &pool) &&
			cidr_within(&pool, &rule->to[index].cidr)) {
			say(warner,
				"%s/to/%zu: addresses in %s stand for names inside; this only lets "
				"names lead there",
				rule->pointer, index, pools[i]);
		}
	}
}

static bool share_a_port(const struct network_rule *a, const struct network_rule *b) {
	if (a->ports_len == 0 || b->ports_len == 0) {
		return true;
	}
	for (size_t i = 0; i < a->ports_len; i++) {
		for (size_t j = 0; j < b->ports_len; j++) {
			if (a->ports[i].protocols[NETWORK_TCP] &&
				b->ports[j].protocols[NETWORK_TCP] &&
				a->ports[i].first <= b->ports[j].last &&
				b->ports[j].first <= a->ports[i].last) {
				return true;
			}
		}
	}
	return false;
}

// A private network's range holds no name that a stranger could mean.
static bool is_public(const struct network_cidr *cidr) {
	struct network_address last = cidr_last(cidr);
	const char *first_class = network_address_class(&cidr->address);
	return first_class == NULL || network_address_class(&last) != first_class;
}

static const struct network_rule *first_range(
	const struct policy_network *network, const struct network_rule *deny) {
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len && !rule->deny; j++) {
			const struct network_destination *to = &rule->to[j];
			if (!to->name && is_public(&to->cidr) && share_a_port(rule, deny)) {
				return rule;
			}
		}
	}
	return NULL;
}

static void warn_reachable(const struct warner *warner, const struct policy_network *network,
	const struct network_rule *deny, size_t index) {
	const struct network_rule *range = first_range(network, deny);
	if (range) {
		say(warner,
			"%s/to/%zu: '%s%s' stays reachable where its address lies in the range of "
			"%s "
			"and neither TLS nor HTTP says its name; deny its addresses, too",
			deny->pointer, index, deny->to[index].below ? "*." : "",
			deny->to[index].name, range->pointer);
	}
}

void policy_warnings(const struct policy *policy, policy_warn_fn warn, void *data) {
	const struct policy_network *network = &policy->network;
	struct warner warner = {.warn = warn, .data = data};
	bool said = false;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->to_len; j++) {
			const struct network_destination *to = &rule->to[j];
			if (rule->deny && to->name) {
				warn_reachable(&warner, network, rule, j);
			} else if (!rule->deny && to->name && to->below) {
				warn_wildcard(&warner, rule, j, &said);
			} else if (!rule->deny && !to->name) {
				warn_pool(&warner, rule, j);
			}
		}
	}
}
