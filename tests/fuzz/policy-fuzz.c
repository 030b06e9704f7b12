/*
 * Any bytes as a policy: no crash, and the promises that must hold for every document. Built with
 * -Dfuzz=true by clang; run as policy-fuzz -max_len=4096 -dict=policy.dict [CORPUS].
 */

#include "policy/json.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static void check_json(const char *text, size_t size) {
	struct json_error err;
	cJSON *tree = json_parse(text, size, &err);
	if (!tree) {
		// "out of memory" would mean that cJSON refuses what the scan accepted.
		require(err.line > 0 && err.column > 0 && err.reason[0] != '\0');
		require(memchr(err.pointer, '\0', sizeof(err.pointer)));
		return;
	}
	uint32_t line, column;
	require(json_locate(text, size, "", false, &line, &column));
	size_t index = 0;
	for (const cJSON *child = tree->child; child; child = child->next, index++) {
		char pointer[32];
		snprintf(pointer, sizeof(pointer), "/%zu", index);
		if (cJSON_IsArray(tree)) {
			require(json_locate(text, size, pointer, false, &line, &column));
		} else if (!strpbrk(child->string, "~/") && strlen(child->string) < 30) {
			snprintf(pointer, sizeof(pointer), "/%s", child->string);
			require(json_locate(text, size, pointer, true, &line, &column));
			require(cJSON_GetObjectItemCaseSensitive(tree, child->string) == child);
		}
	}
	cJSON_Delete(tree);
}

// The bytes as a name: its one form is one, and what is below it is not it.
static void check_name(const char *bytes, size_t size) {
	char name[NETWORK_NAME_SIZE], again[NETWORK_NAME_SIZE];
	const char *why = NULL;
	if (!network_name_canonical(bytes, size, name, &why)) {
		require(why && name[0] == '\0');
		return;
	}
	require(network_name_canonical(name, strlen(name), again, &why));
	require(strcmp(name, again) == 0);
	struct network_cidr cidr;
	struct network_address address;
	require(!network_cidr_parse(name, &cidr) && !network_address_parse(name, &address));
}

// Every decision can be asked for, and none contradicts another.
static void check_network(const struct policy_network *network) {
	static const char *const names[] = {
		"example.org", "a.b.example", NETWORK_HOST_NAME, "localhost"};
	static const char *const addresses[] = {"1.1.1.1", "10.0.0.1", "127.0.0.1", "2606:4700::1",
		"::1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"};
	static const uint16_t ports[] = {1, 53, 443, 65535};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct network_verdict lookup = network_decide_lookup(network, names[i]);
		for (size_t k = 0; k < sizeof(ports) / sizeof(ports[0]); k++) {
			struct network_verdict name =
				network_decide_name(network, names[i], NETWORK_TCP, ports[k]);
			require(lookup.allow || !name.allow);
			require(name.reason && name.rule[0] == '/');
			for (size_t j = 0; j < sizeof(addresses) / sizeof(addresses[0]); j++) {
				struct network_address address;
				require(network_address_parse(addresses[j], &address));
				struct network_verdict v = network_decide_resolved(
					network, names[i], &address, NETWORK_TCP, ports[k]);
				require(name.allow || !v.allow);
				const char *class = network_address_class(&address);
				bool loopback = class && strcmp(class, "loopback") == 0;
				require(!v.allow || v.host_loopback == loopback);
				v = network_decide_address(
					network, &address, NETWORK_TCP, ports[k]);
				require(!v.allow || v.host_loopback == loopback);
			}
		}
	}
	struct network_serve serve;
	require(network_serve_init(&serve, network));
	require(serve.names == network_needed(network));
	network_serve_finish(&serve);
	if (network->rules_len < 6) {
		char what[200];
		require(network_only_tightens(network, network, what, sizeof(what)) ||
			strstr(what, "too large"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static FILE *sink;
	if (!sink && !(sink = fopen("/dev/null", "w"))) {
		abort();
	}
	const char *text = (const char *)data;
	check_json(text, size);
	check_name(text, size);
	struct policy_error err;
	struct policy *policy = policy_load(text, size, "fuzz", &err);
	if (!policy) {
		require(strncmp(err.message, "fuzz:", 5) == 0);
		require(!strstr(err.message, "out of memory") || err.line > 0);
		for (const char *p = err.message; *p != '\0'; p++) {
			require((unsigned char)*p >= 0x20 && *p != 0x7f);
		}
		return 0;
	}
	policy_explain(policy, sink);
	check_network(&policy->network);
	char *first = policy_to_json(policy);
	require(first);
	struct policy *again = policy_load(first, strlen(first), "again", &err);
	require(again);
	char *second = policy_to_json(again);
	require(second && strcmp(first, second) == 0);
	free(first);
	free(second);
	policy_destroy(policy);
	policy_destroy(again);
	return 0;
}
