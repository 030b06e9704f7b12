/*
 * The network section in its whole shape. Nothing of it is stored: this version gives no network at
 * all, so whatever asks for more is refused once its own form has been found right.
 */

#include "policy/fields.h"
#include "policy/text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_words[] = {"deny", "allow", NULL};
static const char *const protocol_words[] = {"any", "tcp", "udp", "icmp", NULL};

struct cidr {
	int family;
	unsigned char address[16];
	unsigned int prefix; // bits
};

static bool parse_cidr(const char *s, struct cidr *cidr) {
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(s, "/");
	if (len >= sizeof(address)) {
		return false;
	}
	memcpy(address, s, len);
	address[len] = '\0';
	*cidr = (struct cidr){.family = strchr(address, ':') ? AF_INET6 : AF_INET};
	unsigned int bits = cidr->family == AF_INET6 ? 128 : 32;
	if (inet_pton(cidr->family, address, cidr->address) != 1) {
		return false;
	}
	cidr->prefix = bits;
	if (s[len] == '\0') {
		return true;
	}
	const char *prefix = s + len + 1;
	size_t digits = strspn(prefix, "0123456789");
	if (digits == 0 || digits > 3 || prefix[digits] != '\0' ||
		(digits > 1 && prefix[0] == '0')) {
		return false;
	}
	cidr->prefix = (unsigned int)strtoul(prefix, NULL, 10);
	return cidr->prefix <= bits;
}

static bool cidr_contains(const struct cidr *outer, const struct cidr *inner) {
	if (outer->family != inner->family || outer->prefix > inner->prefix) {
		return false;
	}
	for (unsigned int bit = 0; bit < outer->prefix; bit++) {
		unsigned char mask = (unsigned char)(0x80 >> (bit % 8));
		if ((outer->address[bit / 8] ^ inner->address[bit / 8]) & mask) {
			return false;
		}
	}
	return true;
}

// RFC 1123 section 2.1; "*." in front stands for every name below. At least one letter, lest it be
// an address.
static bool is_domain(const char *s) {
	if (strncmp(s, "*.", 2) == 0) {
		s += 2;
	}
	size_t total = strlen(s);
	if (total == 0 || total > 253) {
		return false;
	}
	bool letter = false;
	while (true) {
		size_t len = strcspn(s, ".");
		if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-') {
			return false;
		}
		for (size_t i = 0; i < len; i++) {
			bool is_letter =
				(s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
			letter = letter || is_letter;
			if (!is_letter && s[i] != '-' && !(s[i] >= '0' && s[i] <= '9')) {
				return false;
			}
		}
		if (s[len] == '\0') {
			return letter;
		}
		s += len + 1;
	}
}

static bool check_domain(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	return is_domain(value->valuestring) ||
	       load_fail(loader,
		       "'%s' is not a host name; write it like example.org or *.example.org",
		       text_shown(value->valuestring).s);
}

static bool need_cidr(struct loader *loader, const cJSON *value, struct cidr *cidr) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	return parse_cidr(value->valuestring, cidr) ||
	       load_fail(loader,
		       "'%s' is not an address range; write it like 192.0.2.0/24 or 2001:db8::/32",
		       text_shown(value->valuestring).s);
}

static bool check_cidr(struct loader *loader, const cJSON *value, const struct field *field) {
	struct cidr cidr;
	return need_cidr(loader, value, &cidr);
}

static bool check_except_entry(
	struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct cidr inner;
	if (!need_cidr(loader, entry, &inner)) {
		return false;
	}
	const cJSON *outer_text = data;
	struct cidr outer;
	// A wrong "cidr" is reported at its own place.
	if (cJSON_IsString(outer_text) && parse_cidr(outer_text->valuestring, &outer) &&
		!cidr_contains(&outer, &inner)) {
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

static const struct field rule_fields[] = {
	{"to", check_to},
	{"ports", check_ports},
	{0},
};

static bool check_rule(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	return load_object(loader, entry, rule_fields);
}

static bool check_allow(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!load_array(loader, value, check_rule, NULL)) {
		return false;
	}
	return !value->child || load_fail_unenforced(loader, "letting connections out");
}

// Takes away from what is nothing already: any rule of the right form holds.
static bool check_deny(struct loader *loader, const cJSON *value, const struct field *field) {
	return load_array(loader, value, check_rule, NULL);
}

static bool check_publish(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsArray(value)) {
		return load_fail_type(loader, "an array", value);
	}
	return !value->child || load_fail_unenforced(loader, "publishing ports");
}

static const struct field egress_fields[] = {
	{"default", check_word, NOT_STORED, .words = verdict_words, .allowed = 1},
	{"allow", check_allow},
	{"deny", check_deny},
	{0},
};

static const struct field ingress_fields[] = {
	{"default", check_word, NOT_STORED, .words = verdict_words, .allowed = 1},
	{"hostLoopback", check_word, NOT_STORED, .words = verdict_words, .allowed = 1},
	{"publish", check_publish},
	{0},
};

const struct field network_fields[] = {
	{"egress", check_section, .fields = egress_fields},
	{"ingress", check_section, .fields = ingress_fields},
	{0},
};
