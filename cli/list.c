#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "session/runtime.h"

static const char help[] =
	"Usage: parclose list [--all] [--json]\n"
	"\n"
	"Lists the sessions that run. A session whose supervisor was killed is listed once as "
	"lost, with\n"
	"what is known of its end, and what it left on disk is removed.\n"
	"\n"
	"  -a, --all   also the sessions that ended, from their logs, with the reason\n"
	"      --json  as JSON\n";

static void visit(void *data, const char *name, bool alive) {
	cJSON *sessions = data;
	cJSON *item = NULL;
	if (alive) {
		struct client *client = client_open(name, true);
		struct client_answer answer = {.failed = true, .fd = -1};
		if (client != NULL) {
			client_call(client, "parclose/inspect", NULL, NULL, 0, &answer);
		}
		if (!answer.failed) {
			item = answer.result;
			answer.result = NULL;
		} else { // its socket is not there yet, or not any more
			item = cJSON_CreateObject();
			cJSON_AddStringToObject(item, "name", name);
			cJSON_AddStringToObject(item, "state", "starting");
		}
		client_answer_finish(&answer);
		client_close(client);
	} else {
		pid_t pid;
		struct runtime_why why;
		if (runtime_bury(name, &pid, &why) != 0) {
			return;
		}
		char reason[160];
		snprintf(reason, sizeof(reason),
			"the supervisor (pid %d) was killed; nothing of it runs", (int)pid);
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", name);
		cJSON_AddStringToObject(item, "state", "lost");
		cJSON_AddStringToObject(item, "reason", reason);
	}
	cJSON_AddItemToArray(sessions, item);
}

// The last whole line of a session's log as JSON, or NULL.
static cJSON *last_event(const char *name) {
	int fd = runtime_open_state(name, "session.jsonl");
	if (fd < 0) {
		return NULL;
	}
	off_t size = lseek(fd, 0, SEEK_END);
	char tail[65536];
	off_t from = size > (off_t)sizeof(tail) - 1 ? size - (off_t)sizeof(tail) + 1 : 0;
	ssize_t len = pread(fd, tail, sizeof(tail) - 1, from);
	close(fd);
	if (len <= 0) {
		return NULL;
	}
	tail[len] = '\0';
	while (len > 0 && tail[len - 1] == '\n') {
		tail[--len] = '\0';
	}
	char *line = strrchr(tail, '\n');
	return cJSON_Parse(line != NULL ? line + 1 : tail);
}

static void visit_log(void *data, const char *name) {
	cJSON *sessions = data;
	const cJSON *item;
	cJSON_ArrayForEach (item, sessions) {
		const char *listed =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
		if (listed != NULL && strcmp(listed, name) == 0) {
			return;
		}
	}
	cJSON *event = last_event(name);
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "event"));
	if (kind != NULL && strcmp(kind, "ended") == 0) {
		cJSON *out = cJSON_CreateObject();
		cJSON_AddStringToObject(out, "name", name);
		cJSON_AddStringToObject(out, "state", "ended");
		static const char *const keys[][2] = {
			{"time", "ended"}, {"reason", "reason"}, {"exitCode", "exitCode"}};
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			cJSON *value = cJSON_DetachItemFromObjectCaseSensitive(event, keys[i][0]);
			if (value != NULL) {
				cJSON_AddItemToObject(out, keys[i][1], value);
			}
		}
		cJSON_AddItemToArray(sessions, out);
	}
	cJSON_Delete(event);
}

static const char *text_of(const cJSON *item, const char *key) {
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));
	return text != NULL ? text : "";
}

static void print_table(const cJSON *sessions) {
	if (cJSON_GetArraySize(sessions) == 0) {
		return;
	}
	printf("%-20s %-9s %8s  %-20s %s\n", "NAME", "STATE", "PID", "SINCE", "COMMAND OR REASON");
	const cJSON *item;
	cJSON_ArrayForEach (item, sessions) {
		const cJSON *pid = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(item, "supervisor"), "pid");
		char pid_text[16] = "-";
		if (cJSON_IsNumber(pid)) {
			snprintf(pid_text, sizeof(pid_text), "%d", pid->valueint);
		}
		const char *reason = text_of(item, "reason");
		printf("%-20s %-9s %8s  %-20.20s %s\n", text_of(item, "name"),
			text_of(item, "state"), pid_text,
			text_of(item, reason[0] != '\0' ? "ended" : "started"),
			reason[0] != '\0' ? reason : text_of(item, "command"));
	}
}

int verb_list(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"all", no_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool all = false, json = false;
	int option;
	while ((option = getopt_long(argc, argv, "ah", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			all = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("list", "unknown option");
		}
	}
	if (optind < argc) {
		return wrong_usage("list", "'%s' is one word too many", argv[optind]);
	}
	cJSON *sessions = cJSON_CreateArray();
	struct runtime_why why;
	if (runtime_each(visit, sessions, &why) != 0 ||
		(all && runtime_each_log(visit_log, sessions, &why) != 0)) {
		complain("%s", why.text);
		cJSON_Delete(sessions);
		return 1;
	}
	if (json) {
		return print_json(sessions);
	}
	print_table(sessions);
	cJSON_Delete(sessions);
	return 0;
}
