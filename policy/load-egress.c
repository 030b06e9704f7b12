/*
 * network.egress. Its form is checked first, by tables; then the rules are made, those of `allow`
 * in front, and what could not be enforced is refused.
 */

#include "policy/fields.h"
#include "policy/network-internal.h"
#include "policy/text.h"

#include <assert.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const protocol_words[] = {"any", "tcp", "udp", "icmp", NULL};
static const char *const tls_words[] = {"name", "any", NULL};

// ---- names and ranges

// *canonical is what the policy holds of it.
static bool need_domain(struct loader *loader, const cJSON *value,
	char canonical[static NETWORK_NAME_SIZE], bool *below) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	const char *written = value->valuestring, *name = written, *why = NULL;
	*below = strncmp(name, "*.", 2) == 0;
	name += *below ? 2 : 0;
	bool plain = true;
	for (const char *p = name; *p != '\0'; p++) {
		plain = plain && (unsigned char)*p < 0x80;
	}
	bool ok = false;
	if (plain) {
		ok = network_name_canonical(name, strlen(name), canonical, &why);
	} else {
		// RFC 5891, with the mapping of UTS 46 that browsers use.
		char *ascii = NULL;
		int result = idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
		if (result == IDN2_MALLOC) {
			return load_fail_memory(loader);
		}
		if (result == IDN2_OK) {
			ok = network_name_canonical(ascii, strlen(ascii), canonical, &why);
		} else {
			why = idn2_strerror(result);
		}
		idn2_free(ascii);
	}
	if (!ok) {
		struct network_cidr cidr;
		return load_fail(loader,
			network_cidr_parse(written, &cidr)
				? "'%s' is not a host name: %s; write it as \"cidr\""
				: "'%s' is not a host name: %s; write it like example.org or "
				  "*.example.org",
			text_shown(written).s, why);
	}
	return true;
}

static bool check_domain(struct loader *loader, const cJSON *value, const struct field *field) {
	char canonical[NETWORK_NAME_SIZE];
	bool below;
	return need_domain(loader, value, canonical, &below);
}

static bool need_cidr(struct loader *loader, const cJSON *value, struct network_cidr *cidr) {
	static const struct network_cidr mapped = {
		.address = {.family = AF_INET6, .bytes = {[10] = 0xff, [11] = 0xff}},
		.prefix = 96,
	};
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	if (!network_cidr_parse(value->valuestring, cidr)) {
		return load_fail(loader,
			"'%s' is not an address range; write it like 192.0.2.0/24 or 2001:db8::/32",
			text_shown(value->valuestring).s);
	}
	return !cidr_within(&mapped, cidr) ||
	       load_fail(loader,
		       "'%s' is IPv4 written as IPv6, and would hold no connection; write it as "
		       "IPv4, like 192.0.2.0/24",
		       text_shown(value->valuestring).s);
}

static bool check_cidr(struct loader *loader, const cJSON *value, const struct field *field) {
	struct network_cidr cidr;
	return need_cidr(loader, value, &cidr);
}

static bool check_except_entry(
	struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct network_cidr inner;
	if (!need_cidr(loader, entry, &inner)) {
		return false;
	}
	const cJSON *outer_text = data;
	struct network_cidr outer;
	// A wrong "cidr" is reported at its own place.
	if (cJSON_IsString(outer_text) && network_cidr_parse(outer_text->valuestring, &outer) &&
		!cidr_within(&outer, &inner)) {
		return load_fail(loader, "'%s' is not inside '%s'; remove it or correct it",
			text_shown(entry->valuestring).s, text_shown(outer_text->valuestring).s);
	}
	return true;
}

static const struct field to_fields[] = {
	{"domain", check_domain},
	{"cidr", check_cidr},
	{"except", check_ignored}, // below, where its "cidr" is known
	{0},
};

static bool check_to_entry(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	if (!load_object(loader, entry, to_fields)) {
		return false;
	}
	const cJSON *cidr = cJSON_GetObjectItemCaseSensitive(entry, "cidr");
	const cJSON *domain = cJSON_GetObjectItemCaseSensitive(entry, "domain");
	if (!cidr == !domain) {
		return load_fail(loader, "exactly one of 'domain' and 'cidr' must be given");
	}
	const cJSON *except = cJSON_GetObjectItemCaseSensitive(entry, "except");
	if (!except) {
		return true;
	}
	size_t mark = load_enter(loader, "except");
	if (!cidr) {
		return load_fail(loader, "only a 'cidr' has exceptions; remove it");
	}
	if (!load_array(loader, except, check_except_entry, (void *)cidr)) {
		return false;
	}
	load_leave(loader, mark);
	return true;
}

static bool need_entries(struct loader *loader, const cJSON *value, const char *meaning) {
	if (cJSON_IsArray(value) && !value->child) {
		return load_fail(loader, "an empty list matches nothing; remove the key to mean %s",
			meaning);
	}
	return true;
}

static bool check_to(struct loader *loader, const cJSON *value, const struct field *field) {
	return need_entries(loader, value, "every destination") &&
	       load_array(loader, value, check_to_entry, NULL);
}

// ---- ports

static bool check_protocol(struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	return load_word(loader, value, protocol_words, &index);
}

static bool check_port(struct loader *loader, const cJSON *value, const struct field *field) {
	uint64_t port;
	return load_integer(loader, value, 1, 65535, &port);
}

static const struct field port_fields[] = {
	{"protocol", check_protocol},
	{"port", check_port},
	{"endPort", check_port},
	{0},
};

static bool check_port_entry(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	if (!load_object(loader, entry, port_fields)) {
		return false;
	}
	const cJSON *protocol = cJSON_GetObjectItemCaseSensitive(entry, "protocol");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(entry, "port");
	const cJSON *end_port = cJSON_GetObjectItemCaseSensitive(entry, "endPort");
	if (end_port && !port) {
		load_enter(loader, "endPort");
		return load_fail(loader, "there is no 'port' before it; add it");
	}
	if (end_port && end_port->valuedouble < port->valuedouble) {
		load_enter(loader, "endPort");
		return load_fail(loader, "%.0f is less than 'port', %.0f; exchange them",
			end_port->valuedouble, port->valuedouble);
	}
	if (port && protocol && strcmp(protocol->valuestring, "icmp") == 0) {
		load_enter(loader, "port");
		return load_fail(loader, "icmp has no ports; remove it");
	}
	return true;
}

static bool check_ports(struct loader *loader, const cJSON *value, const struct field *field) {
	return need_entries(loader, value, "every port") &&
	       load_array(loader, value, check_port_entry, NULL);
}

static bool check_tls(struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	return load_word(loader, value, tls_words, &index);
}

static const struct field allow_rule_fields[] = {
	{"to", check_to},
	{"ports", check_ports},
	{"tls", check_tls},
	{0},
};

static const struct field deny_rule_fields[] = {
	{"to", check_to},
	{"ports", check_ports},
	{0},
};

static bool check_rule(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	return load_object(loader, entry, data);
}

static bool check_rules(struct loader *loader, const cJSON *value, const struct field *field) {
	return load_array(loader, value, check_rule, (void *)field->fields);
}

// ---- rules, from what is of the right form

static const char *unreachable(const struct network_cidr *cidr) {
	struct address_class class = address_classify(&cidr->address);
	struct network_address last = cidr_last(cidr);
	// A range with both ends in a class that is never dialled, but not across several of them.
	if (class.kind != ADDRESS_NEVER || address_classify(&last).name != class.name) {
		return NULL;
	}
	return strcmp(class.name, "loopback") == 0
		       ? "is loopback, which inside is the session's own; to reach this machine's, "
			 "open ingress.hostLoopback"
	       : strcmp(class.name, "link-local") == 0
		       ? "is link-local, which means nothing without an interface; remove it"
		       : "holds no address that can be connected to; remove it";
}

static bool store_domain(
	struct loader *loader, const cJSON *domain, bool deny, struct network_destination *to) {
	char canonical[NETWORK_NAME_SIZE];
	size_t mark = load_enter(loader, "domain");
	if (!need_domain(loader, domain, canonical, &to->below)) {
		return false;
	}
	if (!deny && name_is_localhost(canonical)) {
		return load_fail(loader,
			"'%s' inside is the session itself; to reach this "
			"machine's loopback, open ingress.hostLoopback",
			canonical);
	}
	if (strcmp(canonical, NETWORK_HOST_NAME) == 0) {
		return load_fail(loader, "'%s' is opened and closed by ingress.hostLoopback alone",
			canonical);
	}
	load_leave(loader, mark);
	return (to->name = load_copy(loader, canonical)) != NULL;
}

static bool store_cidr(struct loader *loader, const cJSON *entry, const cJSON *cidr, bool deny,
	struct network_destination *to) {
	size_t mark = load_enter(loader, "cidr");
	if (!need_cidr(loader, cidr, &to->cidr)) {
		return false;
	}
	const char *why = deny ? NULL : unreachable(&to->cidr);
	if (why) {
		return load_fail(loader, "'%s' %s", text_shown(cidr->valuestring).s, why);
	}
	load_leave(loader, mark);
	const cJSON *except = cJSON_GetObjectItemCaseSensitive(entry, "except");
	if (!load_alloc(
		    loader, &to->except, (size_t)cJSON_GetArraySize(except), sizeof(*to->except))) {
		return false;
	}
	const cJSON *child;
	cJSON_ArrayForEach (child, except) {
		if (!need_cidr(loader, child, &to->except[to->except_len++])) {
			return false;
		}
	}
	return true;
}

static bool store_to_entry(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct network_rule *rule = data;
	struct network_destination *to = &rule->to[rule->to_len++];
	const cJSON *domain = cJSON_GetObjectItemCaseSensitive(entry, "domain");
	const cJSON *cidr = cJSON_GetObjectItemCaseSensitive(entry, "cidr");
	return domain ? store_domain(loader, domain, rule->deny, to)
		      : store_cidr(loader, entry, cidr, rule->deny, to);
}

static bool has_range(const struct network_rule *rule) {
	for (size_t i = 0; i < rule->to_len; i++) {
		if (!rule->to[i].name) {
			return true;
		}
	}
	return false;
}

static bool has_name(const struct network_rule *rule) {
	for (size_t i = 0; i < rule->to_len; i++) {
		if (rule->to[i].name) {
			return true;
		}
	}
	return false;
}

/*
 * What an allow rule's entry comes to. UDP has no connections and names nobody, so it goes to
 * ranges only, through a socket for each port; where it was not asked for in as many words it is
 * left out instead of refused.
 */
static bool narrow_allowed(struct loader *loader, const struct network_rule *rule,
	const char *protocol, struct network_ports *ports) {
	size_t mark = load_enter(loader, "protocol");
	bool listed = ports->last - ports->first < NETWORK_MAX_LISTENED;
	bool asked = strcmp(protocol, "udp") == 0;
	if (strcmp(protocol, "icmp") == 0) {
		return load_fail(loader, "icmp cannot be let out: only TCP, and UDP to a 'cidr', "
					 "are carried; remove it");
	}
	if (asked && (has_name(rule) || rule->to_len == 0)) {
		return load_fail(loader, "udp cannot be held to a name, so it goes to ranges only; "
					 "put it into a rule "
					 "whose 'to' has nothing but 'cidr'");
	}
	if (asked && !listed) {
		return load_fail(loader, "udp needs its ports named, at most %d; add 'port'",
			NETWORK_MAX_LISTENED);
	}
	ports->protocols[NETWORK_ICMP] = false;
	ports->protocols[NETWORK_UDP] = ports->protocols[NETWORK_UDP] && listed && has_range(rule);
	load_leave(loader, mark);
	return true;
}

static bool store_port_entry(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct network_rule *rule = data;
	struct network_ports *ports = &rule->ports[rule->ports_len++];
	const cJSON *protocol = cJSON_GetObjectItemCaseSensitive(entry, "protocol");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(entry, "port");
	const cJSON *end_port = cJSON_GetObjectItemCaseSensitive(entry, "endPort");
	const char *word = protocol ? protocol->valuestring : "any";
	*ports = (struct network_ports){
		.protocols = {strcmp(word, "tcp") == 0, strcmp(word, "udp") == 0,
			strcmp(word, "icmp") == 0},
		.first = port ? (uint16_t)port->valuedouble : 1,
		.last = end_port ? (uint16_t)end_port->valuedouble
			: port   ? (uint16_t)port->valuedouble
				 : UINT16_MAX,
	};
	if (strcmp(word, "any") == 0) {
		ports->protocols[NETWORK_TCP] = ports->protocols[NETWORK_UDP] = true;
		ports->protocols[NETWORK_ICMP] = !port;
	}
	return rule->deny || narrow_allowed(loader, rule, word, ports);
}

static bool store_rule(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy_network *network = &loader->policy->network;
	struct network_rule *rule = &network->rules[network->rules_len++];
	const cJSON *to = cJSON_GetObjectItemCaseSensitive(entry, "to");
	const cJSON *ports = cJSON_GetObjectItemCaseSensitive(entry, "ports");
	const cJSON *tls = cJSON_GetObjectItemCaseSensitive(entry, "tls");
	rule->deny = *(const bool *)data;
	rule->any_tls_name = tls && strcmp(tls->valuestring, "any") == 0;
	struct text pointer;
	text_init(&pointer, rule->pointer, sizeof(rule->pointer));
	text_add(&pointer, "%s", loader->pointer);

	size_t ports_len = (size_t)cJSON_GetArraySize(ports);
	// An allow rule says what it comes to; a deny rule without ports takes everything.
	bool every = !ports && !rule->deny;
	if (!load_alloc(loader, &rule->to, (size_t)cJSON_GetArraySize(to), sizeof(*rule->to)) ||
		!load_alloc(loader, &rule->ports, ports_len + every, sizeof(*rule->ports))) {
		return false;
	}
	size_t mark = load_enter(loader, "to");
	if (to && !load_array(loader, to, store_to_entry, rule)) {
		return false;
	}
	load_leave(loader, mark);
	mark = load_enter(loader, "ports");
	if (ports && !load_array(loader, ports, store_port_entry, rule)) {
		return false;
	}
	load_leave(loader, mark);
	if (every) {
		rule->ports[rule->ports_len++] =
			(struct network_ports){{[NETWORK_TCP] = true}, 1, UINT16_MAX};
	}
	return true;
}

static bool store_rules(struct loader *loader, const cJSON *egress, bool deny) {
	const char *key = deny ? "deny" : "allow";
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(egress, key);
	size_t mark = load_enter(loader, key);
	if (list && !load_array(loader, list, store_rule, &deny)) {
		return false;
	}
	load_leave(loader, mark);
	return true;
}

// Each has a socket of its own.
static bool check_udp_count(struct loader *loader) {
	const struct policy_network *network = &loader->policy->network;
	unsigned char seen[8192] = {0};
	size_t count = 0;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		for (size_t j = 0; j < rule->ports_len && !rule->deny; j++) {
			const struct network_ports *ports = &rule->ports[j];
			for (unsigned int port = ports->first;
				ports->protocols[NETWORK_UDP] && port <= ports->last; port++) {
				unsigned char bit = (unsigned char)(1 << port % 8);
				count += !(seen[port / 8] & bit);
				seen[port / 8] |= bit;
			}
		}
	}
	return count <= NETWORK_MAX_LISTENED ||
	       load_fail(loader,
		       "%zu ports are named for UDP, at most %d can be carried; say \"protocol\": "
		       "\"tcp\" where only that is meant",
		       count, NETWORK_MAX_LISTENED);
}

static bool check_default(struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	if (!load_word(loader, value, network_verdict_words, &index)) {
		return false;
	}
	loader->policy->network.default_allow = index == 1;
	return true;
}

static const struct field egress_fields[] = {
	{"default", check_default},
	{"allow", check_rules, .fields = allow_rule_fields},
	{"deny", check_rules, .fields = deny_rule_fields},
	{0},
};

bool check_egress(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!load_object(loader, value, egress_fields)) {
		return false;
	}
	const cJSON *allow = cJSON_GetObjectItemCaseSensitive(value, "allow");
	const cJSON *deny = cJSON_GetObjectItemCaseSensitive(value, "deny");
	size_t len = (size_t)cJSON_GetArraySize(allow) + (size_t)cJSON_GetArraySize(deny);
	return load_alloc(
		       loader, &loader->policy->network.rules, len, sizeof(struct network_rule)) &&
	       store_rules(loader, value, false) && store_rules(loader, value, true) &&
	       check_udp_count(loader);
}
