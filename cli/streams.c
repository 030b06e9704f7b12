#include "cli/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// A descendant that outlives the command may keep its end of the pipe open a moment.
#define LAST_WORDS_MS 1000

_Noreturn static void carry(int from, int to) {
	char bytes[8192];
	ssize_t len;
	for (;;) {
		len = read(from, bytes, sizeof(bytes));
		if (len < 0 && errno == EIO && tcgetpgrp(from) >= 0) {
			// In the background the terminal is not ours to read, until it is again.
			nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
			continue;
		}
		if (len == 0 || (len < 0 && errno != EINTR)) {
			break;
		}
		for (ssize_t done = 0; done < len;) {
			ssize_t n = write(to, bytes + done, (size_t)(len - done));
			if (n < 0 && errno != EINTR) {
				_exit(0);
			}
			done += n > 0 ? n : 0;
		}
	}
	_exit(0);
}

static bool start_carrier(struct streams *streams, int fd) {
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) != 0) {
		return false;
	}
	int ours = fd == 0 ? pair[1] : pair[0];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		// Keys that signal are for the command; the carrier ends with its pipe or its
		// parent. SIGTTIN would stop the whole job.
		static const int ignored[] = {
			SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};
		for (unsigned int i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
			signal(ignored[i], SIG_IGN);
		}
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
			dup2(fd, 0) < 0 || dup2(ours, 1) < 0) {
			_exit(1);
		}
		close_range(2, ~0u, 0);
		if (fd == 0) {
			carry(0, 1);
		}
		carry(1, 0);
	}
	close(ours);
	streams->fds[fd] = fd == 0 ? pair[0] : pair[1];
	streams->carriers[fd] = pid > 0 ? pid : 0;
	return pid > 0;
}

bool streams_open(struct streams *streams) {
	*streams = (struct streams){.fds = {0, 1, 2}};
	bool ok = true;
	for (int fd = 0; fd < 3 && ok; fd++) {
		ok = !isatty(fd) || start_carrier(streams, fd);
	}
	if (!ok) {
		streams_finish(streams);
	}
	return ok;
}

void streams_handed_over(struct streams *streams) {
	for (int fd = 0; fd < 3; fd++) {
		if (streams->fds[fd] != fd) {
			close(streams->fds[fd]);
			streams->fds[fd] = fd;
		}
	}
}

void streams_finish(struct streams *streams) {
	streams_handed_over(streams);
	int waited = 0;
	for (int fd = 0; fd < 3; fd++) {
		if (streams->carriers[fd] == 0) {
			continue;
		}
		while (fd != 0 && waited < LAST_WORDS_MS &&
			waitpid(streams->carriers[fd], NULL, WNOHANG) == 0) {
			nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
			waited += 2;
		}
		// Reaped already, the pid is no child of ours any more: waitpid() says so.
		if (waitpid(streams->carriers[fd], NULL, WNOHANG) == 0) {
			kill(streams->carriers[fd], SIGKILL);
			waitpid(streams->carriers[fd], NULL, 0);
		}
		streams->carriers[fd] = 0;
	}
}
