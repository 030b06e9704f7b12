#include <getopt.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char takeover_help[] =
	"Usage: parclose takeover [--json] NAME\n"
	"\n"
	"Takes keyboard and pointer of a session from the agent: what it holds down goes up, and "
	"what it\n"
	"asks for is refused until `parclose release`. Looking is not refused. Acts with --human "
	"then.\n";

static const char release_help[] = "Usage: parclose release [--json] NAME\n"
				   "\n"
				   "Hands keyboard and pointer of a session back to the agent.\n";

static int change_holder(int argc, char *argv[], const char *method, const char *help) {
	bool json;
	int code;
	if (!json_option(argc, argv, help, &json, &code)) {
		return code;
	}
	if (argc - optind != 1) {
		return wrong_usage(argv[0], "a session's NAME is needed");
	}
	struct client *client = client_open(argv[optind], false);
	if (client == NULL) {
		return 1;
	}
	struct client_answer answer;
	int ret = 1;
	client_call(client, method, NULL, NULL, 0, &answer);
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
	return change_holder(argc, argv, "parclose/takeover", takeover_help);
}

int verb_release(int argc, char *argv[]) {
	return change_holder(argc, argv, "parclose/release", release_help);
}
