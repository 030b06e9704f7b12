#include "policy/policy.h"

#include <string.h>

static const char locked[] = "{\n"
			     "\t\"parclose\": 1,\n"
			     "\t\"ui\": {\"disable\": false, \"clipboard\": \"none\"},\n"
			     "\t\"require\": [\"userns\", \"landlock\", \"seccomp\"]\n"
			     "}\n";

// A browser's own sandbox makes user namespaces, and it runs a process a site, each with many
// threads.
static const char browser[] = "{\n"
			      "\t\"parclose\": 1,\n"
			      "\t\"process\": {\"nestedSandbox\": true},\n"
			      "\t\"ui\": {\"disable\": false, \"clipboard\": \"none\"},\n"
			      "\t\"limits\": {\"processes\": 2048, \"openFiles\": 8192},\n"
			      "\t\"require\": [\"userns\", \"landlock\", \"seccomp\"]\n"
			      "}\n";

const char *policy_builtin(const char *name) {
	static const struct {
		const char *name, *text;
	} builtins[] = {{"locked", locked}, {"browser", browser}};
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strcmp(name, builtins[i].name) == 0) {
			return builtins[i].text;
		}
	}
	return NULL;
}
