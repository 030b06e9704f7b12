#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

// In a process of its own: `parclose view NAME`, apart from the terminal's signals. The caller may
// have threads, so only what is safe then is called.
static void become_view(const char *name) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	int null_fd = open("/dev/null", O_RDWR);
	if (null_fd >= 0) {
		dup2(null_fd, 0);
		dup2(null_fd, 1);
		// Whoever reads a pipe to its end does not wait for a window to be closed.
		if (!isatty(2)) {
			dup2(null_fd, 2);
		}
	}
	execl("/proc/self/exe", "parclose", "view", name, NULL);
}

void spawn_view(const char *name) {
	pid_t pid = fork();
	if (pid == 0) {
		// Its parent is nobody's business: nobody here waits for it.
		if (fork() == 0) {
			become_view(name);
		}
		_exit(0);
	}
	int status;
	if (pid < 0) {
		complain("cannot start a window: %s", strerror(errno));
	} else {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
	}
}
