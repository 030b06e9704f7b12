// The network section but for its egress (load-egress.c), and runtimeConfig.

#include "policy/fields.h"
#include "policy/network-internal.h"
#include "policy/text.h"

#include <stdlib.h>
#include <string.h>

const char *const network_verdict_words[] = {"deny", "allow", NULL};

static bool check_default(struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	if (!load_word(loader, value, network_verdict_words, &index)) {
		return false;
	}
	return index == 0 ||
	       load_fail(loader, "'allow' cannot be enforced: programs inside have no address that "
				 "others could connect to; remove it, and name ports in 'publish'");
}

static bool check_port(struct loader *loader, const cJSON *value, const struct field *field) {
	uint64_t port;
	return load_integer(loader, value, 1, 65535, &port);
}

// ---- hostLoopback: "deny", "allow", or ports

static const struct field loopback_fields[] = {
	{"port", check_port},
	{0},
};

static bool add_loopback(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy_network *network = &loader->policy->network;
	if (!load_object(loader, entry, loopback_fields)) {
		return false;
	}
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(entry, "port");
	if (!port) {
		return load_fail(loader, "'port' is missing; add it");
	}
	for (size_t i = 0; i < network->host_loopback_len; i++) {
		if (network->host_loopback[i] == (uint16_t)port->valuedouble) {
			return load_fail(loader, "port %.0f is named a second time; keep one",
				port->valuedouble);
		}
	}
	network->host_loopback[network->host_loopback_len++] = (uint16_t)port->valuedouble;
	return true;
}

static bool check_host_loopback(
	struct loader *loader, const cJSON *value, const struct field *field) {
	struct policy_network *network = &loader->policy->network;
	if (cJSON_IsArray(value)) {
		return load_alloc(loader, &network->host_loopback,
			       (size_t)cJSON_GetArraySize(value), sizeof(uint16_t)) &&
		       load_array(loader, value, add_loopback, NULL);
	}
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "'deny', 'allow' or an array of ports", value);
	}
	size_t index;
	if (!load_word(loader, value, network_verdict_words, &index)) {
		return false;
	}
	network->host_loopback_all = index == 1;
	return true;
}

// ---- publish

static const struct field publish_fields[] = {
	{"host", check_port},
	{"port", check_port},
	{0},
};

static bool add_publish(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy_network *network = &loader->policy->network;
	if (!load_object(loader, entry, publish_fields)) {
		return false;
	}
	const cJSON *host = cJSON_GetObjectItemCaseSensitive(entry, "host");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(entry, "port");
	if (!host || !port) {
		return load_fail(loader,
			"'%s' is missing; write {\"host\": 8080, \"port\": 3000} for this "
			"machine's "
			"127.0.0.1:8080 to lead to port 3000 inside",
			host ? "port" : "host");
	}
	for (size_t i = 0; i < network->publish_len; i++) {
		if (network->publish[i].host == (uint16_t)host->valuedouble) {
			return load_fail(loader,
				"host port %.0f is published a second time; keep one",
				host->valuedouble);
		}
	}
	network->publish[network->publish_len++] = (struct network_publish){
		.host = (uint16_t)host->valuedouble, .port = (uint16_t)port->valuedouble};
	return true;
}

static bool check_publish(struct loader *loader, const cJSON *value, const struct field *field) {
	struct policy_network *network = &loader->policy->network;
	return load_alloc(loader, &network->publish, (size_t)cJSON_GetArraySize(value),
		       sizeof(*network->publish)) &&
	       load_array(loader, value, add_publish, NULL);
}

static const struct field ingress_fields[] = {
	{"default", check_default},
	{"hostLoopback", check_host_loopback},
	{"publish", check_publish},
	{0},
};

const struct field network_fields[] = {
	{"egress", check_egress},
	{"ingress", check_section, .fields = ingress_fields},
	{0},
};

// ---- runtimeConfig.networkProxy

static const char *parse_proxy(const char *url, struct policy_network *network) {
	static const char *const hosts[] = {"localhost:", "127.0.0.1:", "[::1]:"};
	if (strncmp(url, "http://", 7) == 0) {
		url += 7;
	} else if (strncmp(url, "https://", 8) == 0) {
		url += 8;
	} else {
		return "it does not begin with http:// or https://";
	}
	if (strchr(url, '@')) {
		return "it holds a user's name or password, which everybody inside would see";
	}
	size_t i = 0;
	while (i < 3 && strncmp(url, hosts[i], strlen(hosts[i])) != 0) {
		i++;
	}
	if (i == 3) {
		return "its host is not localhost, 127.0.0.1 or [::1] with a port";
	}
	url += strlen(hosts[i]);
	size_t digits = strspn(url, "0123456789");
	unsigned long port = digits > 0 && digits <= 5 ? strtoul(url, NULL, 10) : 0;
	if (port < 1 || port > 65535 || url[0] == '0') {
		return "its port is not a number from 1 to 65535";
	}
	if (url[digits] != '\0' && strcmp(url + digits, "/") != 0) {
		return "something follows its port";
	}
	network->proxy_port = (uint16_t)port;
	network->proxy_v6 = i == 2;
	return NULL;
}

static bool check_proxy(struct loader *loader, const cJSON *value, const struct field *field) {
	struct policy_network *network = &loader->policy->network;
	if (cJSON_IsNull(value)) {
		return true;
	}
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	const char *why = parse_proxy(value->valuestring, network);
	if (why) {
		return load_fail(loader,
			"'%s' is no proxy: %s; write it like http://127.0.0.1:8080",
			text_shown(value->valuestring).s, why);
	}
	return (network->proxy = load_copy(loader, value->valuestring)) != NULL;
}

const struct field runtime_fields[] = {
	{"networkProxy", check_proxy},
	{0},
};

bool network_check_together(struct loader *loader) {
	const struct policy_network *network = &loader->policy->network;
	if (!network->proxy) {
		return true;
	}
	load_enter(loader, "runtimeConfig");
	load_enter(loader, "networkProxy");
	if (network->default_allow || network->rules_len > 0) {
		return load_fail(loader,
			"a proxy is the only way out: network.egress must deny by default and have "
			"no rules; remove one of the two");
	}
	if (network->host_loopback_all || network->host_loopback_len > 0) {
		return load_fail(loader,
			"a proxy is the only way out: ingress.hostLoopback must be "
			"\"deny\"; remove one of the two");
	}
	loader->pointer[0] = '\0';
	return true;
}
