#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] =
	"Usage: parclose windows [--json] NAME [raise ID | close ID | cycle]\n"
	"\n"
	"Lists a session's windows: id (* has the keyboard), size and place, process, "
	"app, title; or acts\n"
	"on one. Titles come from the "
	"programs inside: control and\n"
	"bidirectional characters are replaced, the words are theirs. cycle "
	"raises the lowest window.\n";

static void print_windows(const cJSON *windows) {
	const cJSON *item;
	cJSON_ArrayForEach (item, windows) {
		const char *title =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "title"));
		const char *app =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "appId"));
		printf("%d%s %dx%d+%d+%d pid %d %s \"%s\"\n",
			cJSON_GetObjectItemCaseSensitive(item, "id")->valueint,
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "focused")) ? "*" : "",
			cJSON_GetObjectItemCaseSensitive(item, "width")->valueint,
			cJSON_GetObjectItemCaseSensitive(item, "height")->valueint,
			cJSON_GetObjectItemCaseSensitive(item, "x")->valueint,
			cJSON_GetObjectItemCaseSensitive(item, "y")->valueint,
			cJSON_GetObjectItemCaseSensitive(item, "pid")->valueint,
			app != NULL && app[0] != '\0' ? app : "-", title != NULL ? title : "");
	}
}

int verb_windows(int argc, char *argv[]) {
	bool json;
	int code;
	if (!json_option(argc, argv, help, &json, &code)) {
		return code;
	}
	int words = argc - optind;
	const char *verb = words >= 2 ? argv[optind + 1] : NULL;
	bool takes_id = verb != NULL && strcmp(verb, "cycle") != 0;
	if (words < 1 || (verb != NULL && words != (takes_id ? 3 : 2))) {
		return wrong_usage("windows",
			"a session's NAME is needed, then nothing, raise ID, close ID or cycle");
	}
	cJSON *params = NULL;
	if (verb != NULL) {
		params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "verb", verb);
		if (takes_id) {
			char *end;
			long id = strtol(argv[optind + 2], &end, 10);
			cJSON_AddNumberToObject(params, "id", *end == '\0' ? (double)id : -1);
		}
	}
	struct client *client = client_open(argv[optind], false);
	if (client == NULL) {
		cJSON_Delete(params);
		return 1;
	}
	struct client_answer answer;
	client_call(client, verb != NULL ? "parclose/window" : "parclose/inspect", params, NULL, 0,
		&answer);
	int ret = 1;
	if (answer.failed) {
		complain("%s", answer.message);
	} else {
		ret = 0;
		cJSON *windows = cJSON_DetachItemFromObjectCaseSensitive(answer.result, "windows");
		if (verb == NULL && json) {
			ret = print_json(windows);
		} else {
			print_windows(windows);
			cJSON_Delete(windows);
		}
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}
