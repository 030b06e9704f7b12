#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "policy/policy.h"

/*
 * Other rules for a session that runs. What allows more than before is shown, and asked about on
 * the terminal.
 */

// The supervisor made both texts of checked policies: they are ASCII but for paths, which are not
// in them.
static void print_change(FILE *out, const char *name, const cJSON *shown) {
	const char *now = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "now"));
	const char *then = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "then"));
	const char *adds = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "adds"));
	fprintf(out, "The network of session %s now:\n%s", name, now != NULL ? now : "");
	fprintf(out, "and with the new policy:\n%s", then != NULL ? then : "");
	if (adds != NULL && adds[0] != '\0') {
		fprintf(out, "It allows more than before, first of all: %s\n", adds);
	} else {
		fprintf(out, "It allows more than before.\n");
	}
}

// The person's word, on the terminal and nowhere else.
static bool confirmed(const char *name, const cJSON *shown) {
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	FILE *terminal = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (terminal == NULL) {
		if (fd >= 0) {
			close(fd);
		}
		const char *adds =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "adds"));
		complain("the new policy allows more than before, first of all %s, and there is no "
			 "terminal to ask on; see --yes",
			adds != NULL ? adds : "?");
		return false;
	}
	print_change(terminal, name, shown);
	fprintf(terminal, "Let it? [y/N] ");
	fflush(terminal);
	char answer[16] = "";
	bool said = fgets(answer, sizeof(answer), terminal) != NULL;
	fclose(terminal);
	if (!said || (strcmp(answer, "y\n") != 0 && strcmp(answer, "yes\n") != 0)) {
		complain("nothing was changed");
		return false;
	}
	return true;
}

static int finish(struct client_answer *answer, const char *name, bool json) {
	int ret = answer->failed ? 1 : 0;
	if (answer->failed) {
		complain("%s", answer->message);
	} else if (json) {
		ret = print_json(answer->result);
		answer->result = NULL;
	} else {
		const cJSON *cut = cJSON_GetObjectItemCaseSensitive(answer->result, "cut");
		double count = cJSON_IsNumber(cut) ? cut->valuedouble : 0;
		printf("%s: the new rules hold", name);
		if (count > 0) {
			printf("; %.0f connection%s ended by them", count, count == 1 ? "" : "s");
		}
		printf("\n");
	}
	client_answer_finish(answer);
	return ret;
}

int policy_update(const char *name, const char *where, bool yes, bool json) {
	char *text = NULL;
	struct policy *policy = load_policy(where, &text);
	if (policy == NULL) {
		return 1;
	}
	policy_destroy(policy); // the session loads it itself; here it was only to be right
	struct client *client = client_open(name, false);
	if (client == NULL) {
		free(text);
		return 1;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "policy", text);
	free(text);
	struct client_answer answer;
	client_call(client, "parclose/policyUpdate", params, NULL, 0, &answer);
	int ret = 1;
	bool asked = !answer.failed &&
		     cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer.result, "confirm"));
	if (asked && !yes && !confirmed(name, answer.result)) {
		client_answer_finish(&answer);
	} else {
		if (asked) {
			params = cJSON_CreateObject();
			cJSON_AddItemToObject(params, "approve",
				cJSON_Duplicate(
					cJSON_GetObjectItemCaseSensitive(answer.result, "sha256"),
					true));
			client_answer_finish(&answer);
			client_call(client, "parclose/policyUpdate", params, NULL, 0, &answer);
		}
		ret = finish(&answer, name, json);
	}
	client_close(client);
	return ret;
}
