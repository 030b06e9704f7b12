#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "session/runtime.h"

static const char pause_help[] =
	"Usage: parclose pause NAME…\n"
	"       parclose pause --all\n"
	"\n"
	"Stops every process of sessions where it stands, and every event to them. Nobody can act "
	"in a\n"
	"paused session, and its time limit does not count. Go on with `parclose resume`. A paused "
	"session\n"
	"that is stopped is killed: nothing inside runs again.\n"
	"\n"
	"  -a, --all         every session of yours\n";

static const char resume_help[] = "Usage: parclose resume NAME…\n"
				  "       parclose resume --all\n"
				  "\n"
				  "Lets paused sessions go on.\n"
				  "\n"
				  "  -a, --all         every session of yours\n";

struct pause {
	const char *method;
	int ret;
};

static void ask_one(struct pause *pause, const char *name) {
	struct client *client = client_open(name, false);
	if (client == NULL) {
		pause->ret = 1;
		return;
	}
	struct client_answer answer;
	client_call(client, pause->method, NULL, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s: %s", name, answer.message);
		pause->ret = 1;
	}
	client_answer_finish(&answer);
	client_close(client);
}

static void visit(void *data, const char *name, bool alive) {
	if (alive) {
		ask_one(data, name);
	}
}

static int run(int argc, char *argv[], const char *help, const char *method) {
	static const struct option long_options[] = {
		{"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct pause pause = {.method = method};
	bool all = false;
	int option;
	while ((option = getopt_long(argc, argv, "ah", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			all = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage(argv[0], "unknown option");
		}
	}
	if (all == (optind < argc)) {
		return wrong_usage(argv[0], "session NAMEs or --all are needed, not both");
	}
	struct runtime_why why;
	if (all && runtime_each(visit, &pause, &why) != 0) {
		complain("%s", why.text);
		return 1;
	}
	for (int i = optind; i < argc; i++) {
		ask_one(&pause, argv[i]);
	}
	return pause.ret;
}

int verb_pause(int argc, char *argv[]) {
	return run(argc, argv, pause_help, "parclose/pause");
}

int verb_resume(int argc, char *argv[]) {
	return run(argc, argv, resume_help, "parclose/resume");
}
