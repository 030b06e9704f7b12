// The network section in words, and as JSON. All text in it is ASCII: names are canonical, the
// proxy's URL has a fixed form.

#include "policy/network-internal.h"

#include <inttypes.h>
#include <string.h>

// ---- what both write

static void put_cidr(const struct network_cidr *cidr, FILE *out) {
	char address[NETWORK_ADDRESS_SIZE];
	network_address_format(&cidr->address, address);
	bool single = cidr->prefix == (strchr(address, ':') ? 128 : 32);
	fprintf(out, single ? "%s" : "%s/%u", address, cidr->prefix);
}

static const char *protocol_word(const struct network_ports *ports) {
	bool tcp = ports->protocols[NETWORK_TCP], udp = ports->protocols[NETWORK_UDP];
	if (ports->protocols[NETWORK_ICMP]) {
		return tcp ? "any" : "icmp";
	}
	return tcp && udp ? "any" : udp ? "udp" : "tcp";
}

static bool every_port(const struct network_ports *ports) {
	return ports->first == 1 && ports->last == UINT16_MAX;
}

// ---- in words

static void print_name(FILE *out, const char *name) {
	fprintf(out, "  %-16s ", name);
}

static void print_line(FILE *out, const char *name, const char *what) {
	print_name(out, name);
	fprintf(out, "%s\n", what);
}

static void print_destination(const struct network_destination *to, FILE *out) {
	if (to->name) {
		fprintf(out, "%s%s", to->below ? "*." : "", to->name);
		return;
	}
	put_cidr(&to->cidr, out);
	for (size_t i = 0; i < to->except_len; i++) {
		fprintf(out, i == 0 ? " but not " : ", ");
		put_cidr(&to->except[i], out);
	}
}

static void print_ports(const struct network_ports *ports, FILE *out) {
	if (ports->protocols[NETWORK_ICMP] && !ports->protocols[NETWORK_TCP]) {
		fprintf(out, "ICMP");
		return;
	}
	bool tcp = ports->protocols[NETWORK_TCP], udp = ports->protocols[NETWORK_UDP];
	fprintf(out, "%s ", tcp && udp ? "TCP and UDP" : udp ? "UDP" : "TCP");
	if (every_port(ports)) {
		fprintf(out, "on every port");
	} else if (ports->first == ports->last) {
		fprintf(out, "%u", (unsigned int)ports->first);
	} else {
		fprintf(out, "%u to %u", (unsigned int)ports->first, (unsigned int)ports->last);
	}
}

static void print_rule(const struct network_rule *rule, FILE *out) {
	print_name(out, rule->deny ? "denied" : "allowed");
	for (size_t i = 0; i < rule->to_len; i++) {
		fprintf(out, i > 0 ? "; " : "");
		print_destination(&rule->to[i], out);
	}
	if (rule->to_len == 0) {
		fprintf(out, rule->deny ? "everything" : "every name and every public address");
	}
	for (size_t i = 0; i < rule->ports_len; i++) {
		fprintf(out, i > 0 ? ", " : " by ");
		print_ports(&rule->ports[i], out);
	}
	if (rule->any_tls_name) {
		fprintf(out, "; what TLS and HTTP call it is not looked at");
	}
	fprintf(out, "\n");
}

static void explain_egress(const struct policy_network *network, FILE *out) {
	bool allows = network->default_allow, denies = false, names = network->default_allow;
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		denies = denies || rule->deny;
		allows = allows || !rule->deny;
		for (size_t j = 0; j < rule->to_len && !rule->deny; j++) {
			names = names || rule->to[j].name;
		}
		names = names || (!rule->deny && rule->to_len == 0);
	}
	if (network->proxy) {
		print_name(out, "out");
		fprintf(out, "this machine's proxy %s, and nothing else; no name lookups\n",
			network->proxy);
		return;
	}
	if (!allows) {
		print_line(out, "out", "nothing, no name lookups either");
		return;
	}
	print_line(out, "out",
		network->default_allow
			? "every name and every public address by TCP, but for what is denied"
			: "nothing but what is allowed here, no other name lookups either");
	for (size_t i = 0; i < network->rules_len; i++) {
		print_rule(&network->rules[i], out);
	}
	if (denies) {
		print_line(out, "where both hold", "it is denied");
	}
	if (names) {
		print_line(out, "names",
			"TLS has to be for the name asked for, and every HTTP request");
		print_line(out, "private networks",
			"a name may lead to an address of them only where a range above holds it");
	}
}

static void explain_loopback(const struct policy_network *network, FILE *out) {
	if (!network->host_loopback_all && network->host_loopback_len == 0) {
		return;
	}
	print_name(out, "this machine");
	fprintf(out, "its own 127.0.0.1 and ::1 are reached as " NETWORK_HOST_NAME ", on ");
	if (network->host_loopback_all) {
		fprintf(out, "every port: all that listens there trusts you, and now this");
	}
	for (size_t i = 0; i < network->host_loopback_len; i++) {
		fprintf(out, "%s%u", i > 0 ? ", " : "port ",
			(unsigned int)network->host_loopback[i]);
	}
	fprintf(out, "\n");
}

void network_explain(const struct policy_network *network, FILE *out) {
	fprintf(out, "Network\n");
	explain_egress(network, out);
	explain_loopback(network, out);
	for (size_t i = 0; i < network->publish_len; i++) {
		print_name(out, i == 0 ? "in" : "");
		fprintf(out, "port %u inside, from 127.0.0.1:%u of this machine\n",
			(unsigned int)network->publish[i].port,
			(unsigned int)network->publish[i].host);
	}
	if (network->publish_len == 0) {
		print_line(out, "in", "nothing");
	}
}

// ---- as JSON

static void put_destination(const struct network_destination *to, FILE *out) {
	if (to->name) {
		fprintf(out, "{\"domain\":\"%s%s\"}", to->below ? "*." : "", to->name);
		return;
	}
	fprintf(out, "{\"cidr\":\"");
	put_cidr(&to->cidr, out);
	fprintf(out, "\"");
	for (size_t i = 0; i < to->except_len; i++) {
		fprintf(out, i == 0 ? ",\"except\":[\"" : ",\"");
		put_cidr(&to->except[i], out);
		fprintf(out, "\"");
	}
	fprintf(out, to->except_len > 0 ? "]}" : "}");
}

static void put_ports(const struct network_ports *ports, FILE *out) {
	fprintf(out, "{\"protocol\":\"%s\"", protocol_word(ports));
	// An entry for every port of any protocol is for ICMP, too; with ports it is not.
	bool spelled = ports->protocols[NETWORK_TCP] && ports->protocols[NETWORK_UDP] &&
		       !ports->protocols[NETWORK_ICMP];
	if (!every_port(ports) || spelled) {
		fprintf(out, ",\"port\":%u", (unsigned int)ports->first);
	}
	if (ports->first != ports->last && (!every_port(ports) || spelled)) {
		fprintf(out, ",\"endPort\":%u", (unsigned int)ports->last);
	}
	fputc('}', out);
}

static void put_rules(const struct policy_network *network, bool deny, FILE *out) {
	const char *separator = "";
	fputc('[', out);
	for (size_t i = 0; i < network->rules_len; i++) {
		const struct network_rule *rule = &network->rules[i];
		if (rule->deny != deny) {
			continue;
		}
		fprintf(out, "%s{", separator);
		separator = ",";
		const char *key = "";
		if (rule->to_len > 0) {
			fprintf(out, "\"to\":[");
			for (size_t j = 0; j < rule->to_len; j++) {
				fputs(j > 0 ? "," : "", out);
				put_destination(&rule->to[j], out);
			}
			fputc(']', out);
			key = ",";
		}
		if (rule->ports_len > 0) {
			fprintf(out, "%s\"ports\":[", key);
			for (size_t j = 0; j < rule->ports_len; j++) {
				fputs(j > 0 ? "," : "", out);
				put_ports(&rule->ports[j], out);
			}
			fputc(']', out);
			key = ",";
		}
		if (!deny) {
			fprintf(out, "%s\"tls\":\"%s\"", key, rule->any_tls_name ? "any" : "name");
		}
		fputc('}', out);
	}
	fputc(']', out);
}

void network_put_json(const struct policy_network *network, FILE *out) {
	fprintf(out, "\"network\":{\"egress\":{\"default\":\"%s\",\"allow\":",
		network->default_allow ? "allow" : "deny");
	put_rules(network, false, out);
	fprintf(out, ",\"deny\":");
	put_rules(network, true, out);
	fprintf(out, "},\"ingress\":{\"default\":\"deny\",\"hostLoopback\":");
	if (network->host_loopback_len == 0) {
		fprintf(out, network->host_loopback_all ? "\"allow\"" : "\"deny\"");
	}
	for (size_t i = 0; i < network->host_loopback_len; i++) {
		fprintf(out, "%s{\"port\":%u}", i == 0 ? "[" : ",",
			(unsigned int)network->host_loopback[i]);
	}
	fprintf(out, network->host_loopback_len > 0 ? "],\"publish\":[" : ",\"publish\":[");
	for (size_t i = 0; i < network->publish_len; i++) {
		fprintf(out, "%s{\"host\":%u,\"port\":%u}", i == 0 ? "" : ",",
			(unsigned int)network->publish[i].host,
			(unsigned int)network->publish[i].port);
	}
	fprintf(out, "]}},\"runtimeConfig\":{\"networkProxy\":");
	fprintf(out, network->proxy ? "\"%s\"}" : "null}", network->proxy);
}
