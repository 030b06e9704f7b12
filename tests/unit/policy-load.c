// Reads a policy from standard input: prints it as JSON, or its error with exit code 1. For tests
// that are scripts.

#include "policy/policy.h"

#include <stdlib.h>

int main(void) {
	static char text[POLICY_MAX_BYTES + 1];
	size_t len = fread(text, 1, sizeof(text), stdin);
	struct policy_error err;
	struct policy *policy = policy_load(text, len, "test.json", &err);
	if (!policy) {
		printf("%s\n", err.message);
		return 1;
	}
	char *json = policy_to_json(policy);
	printf("%s\n", json ? json : "out of memory");
	free(json);
	policy_destroy(policy);
	return 0;
}
