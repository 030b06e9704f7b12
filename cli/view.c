#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] =
	"Usage: parclose view NAME\n"
	"\n"
	"Opens a window on the session: watch, take over and hand back, pause, stop. Returns when "
	"the\n"
	"window is closed; the session goes on. Several windows may show one session.\n";

// The window becomes this process. Returns only when it cannot.
static void become_viewer(int channel) {
	char viewer[4096], self[4096], fd[16];
	if (!find_helper("parclose-viewer", viewer, sizeof(viewer))) {
		return;
	}
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	snprintf(fd, sizeof(fd), "%d", channel);
	if (fcntl(channel, F_SETFD, 0) == 0) {
		execl(viewer, "parclose-viewer", "--fd", fd, len > 0 ? "--cli" : NULL, self, NULL);
	}
	complain("cannot start %s: %s", viewer, strerror(errno));
}

int verb_view(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		return wrong_usage("view", "unknown option");
	}
	if (argc - optind != 1) {
		return wrong_usage("view", "a session's NAME is needed");
	}
	struct client *client = client_open(argv[optind], false);
	if (client == NULL) {
		return 1;
	}
	struct client_answer answer;
	client_call(client, "parclose/view", NULL, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s", answer.message);
	} else if (answer.fd < 0) {
		complain("the session gave no view of itself");
	} else {
		become_viewer(answer.fd); // the control connection closes with it
	}
	client_answer_finish(&answer);
	client_close(client);
	return 1;
}
