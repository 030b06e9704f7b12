#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "session/runtime.h"

static const char help[] =
	"Usage: parclose log [--output] NAME\n"
	"\n"
	"Prints the audit log of a session, running or ended: one JSON object a line.\n"
	"\n"
	"      --output  what the command of a detached session printed, instead\n";

int verb_log(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'}, // the log is JSON anyway
		{"output", no_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *file = "session.jsonl";
	int option;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			break;
		case 'o':
			file = "output.log";
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("log", "unknown option");
		}
	}
	if (optind + 1 != argc) {
		return wrong_usage("log", "one session's NAME is needed");
	}
	int fd = runtime_open_state(argv[optind], file);
	if (fd < 0) {
		complain("there is no %s of a session '%s': %s", file, argv[optind], strerror(-fd));
		return 1;
	}
	char buffer[65536];
	ssize_t len;
	while ((len = read(fd, buffer, sizeof(buffer))) > 0) {
		if (fwrite(buffer, 1, (size_t)len, stdout) != (size_t)len) {
			break;
		}
	}
	close(fd);
	return len != 0 || fflush(stdout) != 0;
}
