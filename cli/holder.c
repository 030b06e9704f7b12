#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char takeover_help[] =
	"Usage: parclose takeover [OPTION…] NAME\n"
	"\n"
	"Takes keyboard and pointer of a session from the agent: what it holds down goes up, and "
	"what it\n"
	"asks for is refused until `parclose release`. Looking is not refused. Then act with "
	"--human.\n"
	"\n"
	"      --withhold  nobody gets pictures until it is handed back, either\n"
	"      --json      print who holds the session as JSON\n";

static const char release_help[] = "Usage: parclose release [--json] NAME\n"
				   "\n"
				   "Hands keyboard and pointer of a session back to the agent.\n";

// Asks for it; `params` (may be NULL) is consumed.
static int change_holder(const char *session, const char *method, cJSON *params, bool json) {
	struct client *client = client_open(session, false);
	if (client == NULL) {
		cJSON_Delete(params);
		return 1;
	}
	struct client_answer answer;
	int ret = 1;
	client_call(client, method, params, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s", answer.message);
	} else {
		ret = 0;
		if (json) {
			ret = print_json(answer.result);
			answer.result = NULL;
		}
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}

int verb_takeover(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"withhold", no_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false, withhold = false;
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(takeover_help, stdout);
			return 0;
		}
		if (option != 'w' && option != 'j') {
			return wrong_usage("takeover", "unknown option");
		}
		json = json || option == 'j';
		withhold = withhold || option == 'w';
	}
	if (argc - optind != 1) {
		return wrong_usage("takeover", "a session's NAME is needed");
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "withhold", withhold);
	return change_holder(argv[optind], "parclose/takeover", params, json);
}

int verb_release(int argc, char *argv[]) {
	bool json;
	int code;
	if (!json_option(argc, argv, release_help, &json, &code)) {
		return code;
	}
	if (argc - optind != 1) {
		return wrong_usage("release", "a session's NAME is needed");
	}
	return change_holder(argv[optind], "parclose/release", NULL, json);
}
