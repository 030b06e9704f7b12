#include "cli/act.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"

const char *act_option(struct act_options *options, int option, const char *text) {
	switch (option) {
	case 'H':
		options->human = true;
		return NULL;
	case 'J':
		options->json = true;
		return NULL;
	case 'N':
		options->no_wait = true;
		return NULL;
	case 'w':
		if (text != NULL && !parse_whole(text, 1, 10000, &options->quiet_ms)) {
			return "--wait-stable is not 1 to 10000 milliseconds";
		}
		return NULL;
	}
	return "unknown option";
}

static bool parse_point(const char *text, int *x, int *y) {
	int used = 0;
	return sscanf(text, "%d,%d%n", x, y, &used) == 2 && text[used] == '\0';
}

bool act_add_point(cJSON *action, const char *text) {
	int x, y;
	return parse_point(text, &x, &y) && cJSON_AddNumberToObject(action, "x", x) != NULL &&
	       cJSON_AddNumberToObject(action, "y", y) != NULL;
}

cJSON *act_path_point(const char *text) {
	int pair[2];
	return parse_point(text, &pair[0], &pair[1]) ? cJSON_CreateIntArray(pair, 2) : NULL;
}

cJSON *act_new(const char *kind) {
	cJSON *action = cJSON_CreateObject();
	cJSON_AddStringToObject(action, "action", kind);
	return action;
}

static double number(const cJSON *object, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

// "changed 10,20 300x200, rested after 130 ms"
static void print_result(const cJSON *result) {
	const char *effect =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "effect"));
	const cJSON *box = cJSON_GetObjectItemCaseSensitive(result, "changed");
	const cJSON *settled = cJSON_GetObjectItemCaseSensitive(result, "settled");
	printf("%s", effect != NULL ? effect : "?");
	if (box != NULL) {
		printf(" %.0f,%.0f %.0fx%.0f", number(box, "x"), number(box, "y"),
			number(box, "width"), number(box, "height"));
	}
	if (settled != NULL) {
		printf(", %s after %.0f ms", cJSON_IsTrue(settled) ? "rested" : "did not rest",
			number(result, "settled_ms"));
	}
	const char *message =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "message"));
	printf("%s%s\n", message != NULL ? ": " : "", message != NULL ? message : "");
}

static bool is_failure(const cJSON *result) {
	static const char *const failures[] = {"refused", "unsupported", "failed"};
	const char *effect =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "effect"));
	bool failed = effect == NULL;
	for (size_t i = 0; !failed && i < sizeof(failures) / sizeof(failures[0]); i++) {
		failed = strcmp(effect, failures[i]) == 0;
	}
	return failed;
}

// Returns the exit code: 1 when one of them failed.
static int tell(const cJSON *report, bool json) {
	const cJSON *results = cJSON_GetObjectItemCaseSensitive(report, "results");
	bool several = cJSON_GetArraySize(results) > 1 || number(report, "skipped") > 0;
	int ret = cJSON_GetArraySize(results) == 0;
	int index = 0;
	const cJSON *result;
	cJSON_ArrayForEach (result, results) {
		index++;
		if (!is_failure(result)) {
			if (!json) {
				print_result(result);
			}
			continue;
		}
		ret = 1;
		const char *message =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "message"));
		if (several) {
			complain("action %d: %s; %.0f after it were not performed", index,
				message != NULL ? message : "it failed", number(report, "skipped"));
		} else {
			complain("%s", message != NULL ? message : "it failed");
		}
	}
	return ret;
}

int act_perform(const char *session, const struct act_options *options, const char *vocabulary,
	cJSON *actions) {
	if (!cJSON_IsArray(actions)) {
		cJSON *array = cJSON_CreateArray();
		cJSON_AddItemToArray(array, actions);
		actions = array;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddItemToObject(params, "actions", actions);
	if (vocabulary != NULL) {
		cJSON_AddStringToObject(params, "vocabulary", vocabulary);
	}
	if (options->human) {
		cJSON_AddStringToObject(params, "as", "human");
	}
	if (options->no_wait) {
		cJSON_AddFalseToObject(params, "settle");
	} else if (options->quiet_ms > 0) {
		cJSON_AddNumberToObject(
			cJSON_AddObjectToObject(params, "settle"), "quietMs", options->quiet_ms);
	}
	struct client *client = client_open(session, false);
	if (client == NULL) {
		cJSON_Delete(params);
		return 1;
	}
	struct client_answer answer;
	client_call(client, "parclose/act", params, NULL, 0, &answer);
	int ret = 1;
	if (answer.failed) {
		complain("%s", answer.message);
	} else {
		ret = tell(answer.result, options->json);
		if (options->json && print_json(answer.result) != 0) {
			ret = 1;
		}
		answer.result = options->json ? NULL : answer.result;
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}
