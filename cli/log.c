#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "session/runtime.h"

static const char help[] =
	"Usage: parclose log [--follow] [--output] NAME\n"
	"\n"
	"Prints the audit log of a session, running or ended: one JSON object a line.\n"
	"\n"
	"  -f, --follow  go on with what is written from now on, until the session ends\n"
	"      --output  what the command of a detached session printed, instead\n";

// Prints all there is more of. False: standard output takes no more, or the file cannot be read.
static bool print_rest(int fd) {
	char buffer[65536];
	ssize_t len;
	while ((len = read(fd, buffer, sizeof(buffer))) > 0) {
		if (fwrite(buffer, 1, (size_t)len, stdout) != (size_t)len) {
			return false;
		}
	}
	return len == 0 && fflush(stdout) == 0;
}

// Until the session is over; its socket closes when the last line is written.
static bool follow(const char *name, int fd) {
	struct client *client = client_open(name, true);
	char path[40], events[4096];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bool good = watch >= 0 && inotify_add_watch(watch, path, IN_MODIFY) >= 0;
	while (good && client != NULL) {
		good = print_rest(fd);
		struct pollfd polls[] = {{.fd = watch, .events = POLLIN},
			{.fd = client_fd(client), .events = POLLIN},
			{.fd = STDOUT_FILENO}}; // whoever reads may have gone
		if (!good || (poll(polls, 3, -1) < 0 && errno != EINTR) || polls[1].revents != 0 ||
			polls[2].revents != 0) {
			break;
		}
		while (read(watch, events, sizeof(events)) > 0) {}
	}
	if (watch >= 0) {
		close(watch);
	}
	client_close(client);
	return print_rest(fd) && good;
}

int verb_log(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'}, // the log is JSON anyway
		{"output", no_argument, NULL, 'o'},
		{"follow", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *file = "session.jsonl";
	bool follows = false;
	int option;
	while ((option = getopt_long(argc, argv, "fh", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			break;
		case 'o':
			file = "output.log";
			break;
		case 'f':
			follows = true;
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
	bool printed = follows ? follow(argv[optind], fd) : print_rest(fd);
	close(fd);
	return printed ? 0 : 1;
}
