#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "replay/replay.h"
#include "sandbox/sandbox.h"
#include "session/untrusted.h"
#include "session/view-channel.h"

static const char help[] =
	"Usage: parclose replay FILE\n"
	"\n"
	"Opens a window on a recording, as `parclose record` made it: play it at any speed, step "
	"through\n"
	"its pictures, and go from one thing that was done to the next. FILE may be anybody's: it "
	"is read\n"
	"by a process of its own that holds nothing else. Returns when the window is closed.\n";

// In the child of sandbox_clone_isolated().
_Noreturn static void exec_player(int program, int channel, int file) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	// Out of the way of 0..4 first: any of them may stand on a number that is needed.
	channel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	file = fcntl(file, F_DUPFD_CLOEXEC, 10);
	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(null_fd, 2) < 0 ||
		dup2(channel, REPLAY_CHANNEL_FD) < 0 || dup2(file, REPLAY_FILE_FD) < 0) {
		_exit(126);
	}
	struct rlimit no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	char *const argv[] = {(char *)"parclose-replay", NULL};
	char *const env[] = {(char *)"LANG=C.UTF-8", NULL};
	execveat(program, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

// Starts the player of an open file. Returns the viewer's end of its channel, or -1 with a
// complaint.
static int start_player(int file) {
	char path[4096];
	int pair[2], pidfd = -1;
	struct sandbox_error error;
	if (!find_helper("parclose-replay", path, sizeof(path))) {
		return -1;
	}
	int program = open(path, O_PATH | O_CLOEXEC);
	if (program < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		complain("cannot start %s: %s", path, strerror(errno));
		return -1;
	}
	pid_t pid = sandbox_clone_isolated(&pidfd, &error);
	if (pid == 0) {
		exec_player(program, pair[1], file);
	}
	close(program);
	close(pair[1]);
	if (pid < 0) {
		complain("cannot isolate what reads the recording: %s", error.message);
		close(pair[0]);
		return -1;
	}
	close(pidfd);
	return pair[0];
}

// Waits for the player's first message, which stays there. False with a complaint: it cannot show
// the file.
static bool is_shown(int channel, const char *name) {
	struct view_message untrusted;
	ssize_t len;
	do {
		len = recv(channel, &untrusted, sizeof(untrusted), MSG_PEEK);
	} while (len < 0 && errno == EINTR);
	if (len == sizeof(untrusted) && untrusted.type == VIEW_HELLO) {
		return true;
	}
	char why[sizeof(untrusted.notice.text)] = "what reads the recording ended without a word";
	if (len == sizeof(untrusted) && untrusted.type == VIEW_ENDED) {
		untrusted_text(
			why, sizeof(why), untrusted.notice.text, sizeof(untrusted.notice.text));
	}
	complain("%s: %s", name, why);
	return false;
}

int verb_replay(int argc, char *argv[]) {
	bool json;
	int code;
	if (!json_option(argc, argv, help, &json, &code)) {
		return code;
	}
	if (json || argc - optind != 1) {
		return wrong_usage("replay", "one recording's FILE is needed");
	}
	const char *name = argv[optind];
	int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe is no reason to wait
	if (file < 0) {
		complain("%s: %s", name, strerror(errno));
		return 1;
	}
	int channel = start_player(file);
	close(file);
	if (channel >= 0 && is_shown(channel, name)) {
		become_viewer(
			channel, true); // the player dies with this process, whatever it becomes
	}
	return 1;
}
