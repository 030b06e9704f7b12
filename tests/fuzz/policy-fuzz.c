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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static FILE *sink;
	if (!sink && !(sink = fopen("/dev/null", "w"))) {
		abort();
	}
	const char *text = (const char *)data;
	check_json(text, size);
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
