#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] = "Usage: parclose inspect [--json] NAME\n"
			   "\n"
			   "Everything about a running session: its processes, its windows, its "
			   "policy, and how each layer\n"
			   "is enforced.\n";

static void print_value(const char *key, const cJSON *value, int depth) {
	if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
		printf("%*s%s:%s\n", depth * 2, "", key, value->child == NULL ? " none" : "");
		const cJSON *item;
		int index = 0;
		cJSON_ArrayForEach (item, value) {
			char number[16];
			snprintf(number, sizeof(number), "%d", index++);
			print_value(item->string != NULL ? item->string : number, item, depth + 1);
		}
	} else if (cJSON_IsString(value)) {
		printf("%*s%s: %s\n", depth * 2, "", key, value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		printf("%*s%s: %.15g\n", depth * 2, "", key, value->valuedouble);
	} else {
		printf("%*s%s: %s\n", depth * 2, "", key,
			cJSON_IsTrue(value)    ? "yes"
			: cJSON_IsFalse(value) ? "no"
					       : "none");
	}
}

static double number(const cJSON *object, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text(const cJSON *object, const char *key) {
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return value != NULL ? value : "";
}

static void print_network(const cJSON *network) {
	const char *mode = text(network, "mode");
	printf("network: %s\n", strcmp(mode, "none") == 0 ? "none"
				: strcmp(mode, "open") == 0
					? "open: everything that no rule denies, but for "
					  "private networks"
				: strcmp(mode, "learning") == 0
					? "learning: everything is let out, and written down"
					: "filtered: only what the policy allows");
	if (strcmp(mode, "none") == 0) {
		return;
	}
	const cJSON *broker = cJSON_GetObjectItemCaseSensitive(network, "broker");
	printf("  broker: pid %.0f%s\n", number(broker, "pid"),
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(broker, "ready")) ? ""
										: ", starting");
	printf("  connections: %.0f open\n", number(network, "connections"));
	printf("  decisions: %.0f allowed, %.0f denied\n", number(network, "allowed"),
		number(network, "denied"));
	printf("  bytes: %.0f out, %.0f in, of connections that have ended\n",
		number(network, "bytesOut"), number(network, "bytesIn"));
	const cJSON *denied;
	cJSON_ArrayForEach (denied, cJSON_GetObjectItemCaseSensitive(network, "lastDenied")) {
		printf("  denied: %s %s", text(denied, "time"), text(denied, "words"));
		const char *rule = text(denied, "rule");
		if (rule[0] != '\0') {
			printf(" (%s)", rule);
		}
		if (number(denied, "count") > 1) {
			printf(", %.0f times", number(denied, "count"));
		}
		printf("\n");
	}
}

int verb_inspect(int argc, char *argv[]) {
	bool json;
	int code;
	if (!json_option(argc, argv, help, &json, &code)) {
		return code;
	}
	if (optind + 1 != argc) {
		return wrong_usage("inspect", "one session's NAME is needed");
	}
	struct client *client = client_open(argv[optind], false);
	if (client == NULL) {
		return 1;
	}
	struct client_answer answer;
	client_call(client, "parclose/inspect", NULL, NULL, 0, &answer);
	int ret = 1;
	if (answer.failed) {
		complain("%s", answer.message);
	} else if (json) {
		ret = print_json(answer.result);
		answer.result = NULL;
	} else {
		const cJSON *item;
		cJSON_ArrayForEach (item, answer.result) {
			if (strcmp(item->string, "network") == 0) {
				print_network(item);
			} else {
				print_value(item->string, item, 0);
			}
		}
		ret = 0;
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}
