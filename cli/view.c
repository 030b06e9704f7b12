#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "session/runtime.h"

static const char help[] =
	"Usage: parclose view [NAME]\n"
	"       parclose view --all\n"
	"\n"
	"Opens a window on a session, without NAME on the only one there is: watch, take over and "
	"hand\n"
	"back, pause, stop. Returns when the window is closed; the session goes on. Several "
	"windows "
	"may\n"
	"show one session.\n"
	"\n"
	"  -a, --all   a window for every session of yours\n";

#define MAX_SESSIONS 64 // windows that --all opens

struct sessions {
	char names[MAX_SESSIONS][RUNTIME_NAME_MAX + 1];
	size_t len;
};

static void visit(void *data, const char *name, bool alive) {
	struct sessions *sessions = data;
	if (alive && sessions->len < MAX_SESSIONS) {
		snprintf(sessions->names[sessions->len++], sizeof(sessions->names[0]), "%s", name);
	}
}

// Where a starter of the desktop's has no terminal, a window says that there is nothing to view.
static int tell_nothing(void) {
	char viewer[4096];
	if (!isatty(STDERR_FILENO) && (getenv("WAYLAND_DISPLAY") || getenv("DISPLAY")) &&
		find_helper("parclose-viewer", viewer, sizeof(viewer))) {
		execl(viewer, "parclose-viewer", "--nothing", NULL);
	}
	complain("there is no session to view; start one: parclose run -- COMMAND");
	return 1;
}

void become_viewer(int channel, bool replay) {
	char viewer[4096], self[4096], fd[16];
	if (!find_helper("parclose-viewer", viewer, sizeof(viewer))) {
		return;
	}
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	snprintf(fd, sizeof(fd), "%d", channel);
	if (fcntl(channel, F_SETFD, 0) == 0) {
		const char *argv[7] = {"parclose-viewer", "--fd", fd};
		size_t words = 3;
		if (replay) {
			argv[words++] = "--replay";
		}
		if (len > 0) {
			argv[words++] = "--cli";
			argv[words++] = self;
		}
		execv(viewer, (char *const *)argv);
	}
	complain("cannot start %s: %s", viewer, strerror(errno));
}

// Like become_viewer(), for a session by its name. Always 1.
static int view(const char *name) {
	struct client *client = client_open(name, false);
	if (client == NULL) {
		return 1;
	}
	struct client_answer answer;
	client_call(client, "parclose/view", NULL, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s: %s", name, answer.message);
	} else if (answer.fd < 0) {
		complain("%s: the session gave no view of itself", name);
	} else {
		become_viewer(answer.fd, false); // the control connection closes with it
	}
	client_answer_finish(&answer);
	client_close(client);
	return 1;
}

static int view_all(const struct sessions *sessions) {
	int ret = 0;
	for (size_t i = 0; i < sessions->len; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			_exit(view(sessions->names[i]));
		}
		if (pid < 0) {
			complain("cannot start a window for %s: %s", sessions->names[i],
				strerror(errno));
			ret = 1;
		}
	}
	int status;
	pid_t pid;
	while ((pid = wait(&status)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
			ret = 1;
		}
	}
	return ret;
}

int verb_view(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool all = false;
	int option;
	while ((option = getopt_long(argc, argv, "ah", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (option != 'a') {
			return wrong_usage("view", "unknown option");
		}
		all = true;
	}
	if (argc - optind > (all ? 0 : 1)) {
		return wrong_usage("view", all ? "--all and a NAME exclude each other"
					       : "one session's NAME is enough");
	}
	if (optind < argc) {
		return view(argv[optind]);
	}
	static struct sessions sessions;
	struct runtime_why why;
	if (runtime_each(visit, &sessions, &why) != 0) {
		complain("%s", why.text);
		return 1;
	}
	if (sessions.len == 0) {
		return tell_nothing();
	}
	if (sessions.len > 1 && !all) {
		complain("there are %zu sessions, of which %s is one; name one, or say --all",
			sessions.len, sessions.names[0]);
		return 1;
	}
	return all ? view_all(&sessions) : view(sessions.names[0]);
}
