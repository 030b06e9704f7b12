#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "session/runtime.h"

static const char help[] =
	"Usage: parclose stop [--grace SECS] NAME…\n"
	"       parclose stop [--grace SECS] --all\n"
	"\n"
	"Ends sessions: every command gets SIGTERM, and after the grace (2 seconds) everything "
	"inside is\n"
	"killed. Returns when nothing of them runs any more.\n"
	"\n"
	"  -a, --all         every session of yours\n"
	"  -g, --grace SECS  how long commands may take to end; 0 kills at once\n";

struct stop {
	double grace_ms;
	int ret;
};

static void stop_one(struct stop *stop, const char *name) {
	pid_t pid;
	struct runtime_why why;
	if (runtime_name_valid(name) && runtime_bury(name, &pid, &why) == 0) {
		complain("the session '%s' was lost already: its supervisor (pid %d) was killed",
			name, (int)pid);
		return;
	}
	struct client *client = client_open(name, false);
	if (client == NULL) {
		stop->ret = 1;
		return;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "graceMs", stop->grace_ms);
	struct client_answer answer;
	client_call(client, "parclose/stop", params, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s: %s", name, answer.message);
		stop->ret = 1;
	} else {
		cJSON *message;
		while ((message = client_read(client)) !=
			NULL) { // until the session closes it: then it is over
			cJSON_Delete(message);
		}
	}
	client_answer_finish(&answer);
	client_close(client);
}

static void visit(void *data, const char *name, bool alive) {
	stop_one(data, name);
}

int verb_stop(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"all", no_argument, NULL, 'a'},
		{"grace", required_argument, NULL, 'g'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct stop stop = {.grace_ms = 2000};
	bool all = false;
	int option;
	while ((option = getopt_long(argc, argv, "ag:h", long_options, NULL)) != -1) {
		uint32_t ms = 0;
		switch (option) {
		case 'a':
			all = true;
			break;
		case 'g':
			if (strcmp(optarg, "0") != 0 &&
				(!parse_seconds(optarg, &ms) || ms > 600000)) {
				return wrong_usage(
					"stop", "--grace '%s' is not 0 to 600 seconds", optarg);
			}
			stop.grace_ms = ms;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("stop", "unknown option");
		}
	}
	if (all == (optind < argc)) {
		return wrong_usage("stop", "session NAMEs or --all are needed, not both");
	}
	struct runtime_why why;
	if (all && runtime_each(visit, &stop, &why) != 0) {
		complain("%s", why.text);
		return 1;
	}
	for (int i = optind; i < argc; i++) {
		stop_one(&stop, argv[i]);
	}
	return stop.ret;
}
