#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/streams.h"
#include "cli/terminal.h"
#include "session/session.h"

static const char help[] =
	"Usage: parclose exec [OPTION…] NAME [--] COMMAND [ARGUMENT…]\n"
	"\n"
	"Runs COMMAND in the running session NAME, under the same policy, and exits as it did.\n"
	"\n"
	"  -e, --env KEY=VALUE  put into its environment\n"
	"  -C, --cwd DIR        an absolute directory inside; default: the policy's\n"
	"\n"
	"Exit codes: the command's own, 128+N when signal N killed it, 125 when the session cannot "
	"be\n"
	"reached or ended, 126 not executable, 127 not found, 2 wrong usage.\n";

struct exec {
	struct client *client;
	int id;
	bool done;
	int exit_code;
};

static void send_signal(struct exec *exec, int number) {
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(request, "id", 0);
	cJSON_AddStringToObject(request, "method", "parclose/signal");
	cJSON *params = cJSON_AddObjectToObject(request, "params");
	cJSON_AddNumberToObject(params, "id", exec->id);
	cJSON_AddNumberToObject(params, "signal", number);
	char *text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	if (text != NULL) {
		dprintf(client_fd(exec->client), "%s\n", text);
	}
	free(text);
}

static int handle_signal(int number, void *data) {
	send_signal(data, number);
	return 0;
}

static int handle_message(int fd, uint32_t mask, void *data) {
	struct exec *exec = data;
	do {
		cJSON *message = client_read(exec->client);
		if (message == NULL) {
			complain("the session ended");
			exec->exit_code = SESSION_EXIT_FAILED;
			exec->done = true;
			return 0;
		}
		const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
		const cJSON *code = cJSON_GetObjectItemCaseSensitive(params, "exitCode");
		if (cJSON_IsNumber(code)) {
			exec->exit_code = code->valueint;
			exec->done = true;
		}
		cJSON_Delete(message);
	} while (!exec->done && client_has_message(exec->client));
	return 0;
}

static int follow(struct exec *exec, int pty_fd) {
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	struct wl_event_loop *loop = wl_event_loop_create();
	if (loop == NULL) {
		complain("out of memory");
		return SESSION_EXIT_FAILED;
	}
	struct wl_event_source *sources[6];
	for (size_t i = 0; i < 6; i++) {
		sources[i] = wl_event_loop_add_signal(loop, forwarded[i], handle_signal, exec);
	}
	struct wl_event_source *channel = wl_event_loop_add_fd(
		loop, client_fd(exec->client), WL_EVENT_READABLE, handle_message, exec);
	struct terminal *terminal = pty_fd >= 0 ? terminal_create(loop, pty_fd) : NULL;
	if (client_has_message(exec->client)) {
		handle_message(client_fd(exec->client), WL_EVENT_READABLE, exec);
	}
	while (!exec->done && wl_event_loop_dispatch(loop, -1) >= 0) {}
	terminal_destroy(terminal);
	wl_event_source_remove(channel);
	for (size_t i = 0; i < 6; i++) {
		wl_event_source_remove(sources[i]);
	}
	wl_event_loop_destroy(loop);
	return exec->exit_code;
}

int verb_exec(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"env", required_argument, NULL, 'e'},
		{"cwd", required_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	cJSON *params = cJSON_CreateObject();
	cJSON *env = cJSON_CreateArray();
	int code = 0;
	int option;
	while ((option = getopt_long(argc, argv, "+e:C:h", long_options, NULL)) != -1) {
		if (option == 'e' && strchr(optarg, '=') != NULL && optarg[0] != '=') {
			cJSON_AddItemToArray(env, cJSON_CreateString(optarg));
		} else if (option == 'C' && optarg[0] == '/') {
			cJSON_AddStringToObject(params, "cwd", optarg);
		} else if (option == 'h') {
			fputs(help, stdout);
			goto out;
		} else {
			code = wrong_usage("exec", "unknown option, a missing value, --env without "
						   "KEY=VALUE, or a --cwd that is "
						   "not absolute");
			goto out;
		}
	}
	const char *name = optind < argc ? argv[optind] : NULL;
	int first = optind + 1;
	if (first < argc && strcmp(argv[first], "--") == 0) {
		first++;
	}
	if (name == NULL || first >= argc) {
		code = wrong_usage("exec", "a session's NAME and a COMMAND are needed");
		goto out;
	}
	cJSON *arguments = cJSON_AddArrayToObject(params, "argv");
	for (int i = first; i < argc; i++) {
		cJSON_AddItemToArray(arguments, cJSON_CreateString(argv[i]));
	}
	uint16_t rows, columns;
	bool pty = terminal_is_wanted(&rows, &columns);
	if (pty) {
		cJSON_AddBoolToObject(params, "tty", true);
		cJSON_AddNumberToObject(params, "rows", rows);
		cJSON_AddNumberToObject(params, "columns", columns);
		char term[128];
		snprintf(term, sizeof(term), "TERM=%s",
			getenv("TERM") != NULL ? getenv("TERM") : "dumb");
		cJSON_AddItemToArray(env, cJSON_CreateString(term));
	}
	cJSON_AddItemToObject(params, "env", env);
	env = NULL;
	struct exec exec = {.client = client_open(name, false)};
	if (exec.client == NULL) {
		code = SESSION_EXIT_FAILED;
		goto out;
	}
	struct client_answer answer;
	struct streams streams = {.fds = {0, 1, 2}};
	if (!pty && !streams_open(&streams)) {
		complain("cannot carry standard input and output: %s", strerror(errno));
		client_close(exec.client);
		code = SESSION_EXIT_FAILED;
		goto out;
	}
	client_call(exec.client, "parclose/exec", params, streams.fds, pty ? 0 : 3, &answer);
	params = NULL;
	streams_handed_over(&streams);
	if (answer.failed) {
		complain("%s", answer.message);
		code = answer.exit_code == 1 ? SESSION_EXIT_FAILED : answer.exit_code;
	} else {
		exec.id = cJSON_GetObjectItemCaseSensitive(answer.result, "id")->valueint;
		int pty_fd = answer.fd;
		answer.fd = -1;
		code = follow(&exec, pty_fd);
	}
	streams_finish(&streams);
	client_answer_finish(&answer);
	client_close(exec.client);
out:
	cJSON_Delete(env);
	cJSON_Delete(params);
	return code;
}
