#include "sandbox/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/*
 * A control group (v2) of the sandbox's own, for one thing: to freeze all in it. No process can
 * undo that from within or notice it but by the clock, unlike a stop by signals (halt.c): a timer,
 * for one, can send its owner SIGCONT. No controller is needed, so any group that may have children
 * will do.
 */

#define FREEZE_TIMEOUT_MS 2000

// The group this process is in, or "" when no group can be made in it.
static void find_own(char path[PATH_MAX]) {
	char text[4096];
	path[0] = '\0';
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	// The line of v2 is "0::PATH" (cgroups(7)).
	char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line) {
		return;
	}
	line = strstr(line, "0::") + 3;
	line[strcspn(line, "\n")] = '\0';
	static const char *const mounts[] = {CGROUP_ROOT "/unified", CGROUP_ROOT};
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char procs[PATH_MAX];
		const char *group = strcmp(line, "/") == 0 ? "" : line;
		if (snprintf(path, PATH_MAX, "%s%s", mounts[i], group) < PATH_MAX &&
			snprintf(procs, sizeof(procs), "%s/cgroup.procs", path) <
				(int)sizeof(procs) &&
			!strstr(path, "/..") && access(path, W_OK | X_OK) == 0 &&
			access(procs, W_OK) == 0) {
			return;
		}
	}
	path[0] = '\0';
}

int freezer_init(struct freezer *freezer) {
	char own[PATH_MAX], path[PATH_MAX];
	*freezer = (struct freezer){0};
	find_own(own);
	if (!own[0]) {
		return -1;
	}
	limits_remove_stale(own);
	for (unsigned int attempt = 0; attempt < 100; attempt++) {
		if (snprintf(path, sizeof(path), "%s/" CGROUP_PREFIX "%d-pause-%u", own,
			    (int)getpid(), attempt) >= (int)sizeof(path)) {
			return -1;
		}
		if (mkdir(path, 0755) == 0) {
			freezer->dir = strdup(path);
			int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (!freezer->dir || fd < 0) {
				close_fd(&fd);
				(void)rmdir(path);
				freezer_finish(freezer);
			}
			return fd;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return -1;
}

void freezer_use(struct freezer *freezer, const char *dir) {
	char *copy = strdup(dir);
	freezer_finish(freezer);
	*freezer = (struct freezer){.dir = copy, .borrowed = true};
}

void freezer_finish(struct freezer *freezer) {
	if (freezer->dir && !freezer->borrowed) {
		limits_remove_dir(freezer->dir);
	}
	free(freezer->dir);
	*freezer = (struct freezer){0};
}

// Is every process of the group frozen?
static bool is_frozen(int events) {
	char text[128];
	ssize_t len = pread(events, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return strstr(text, "frozen 1") != NULL;
}

int freezer_freeze(struct freezer *freezer, bool on) {
	int dir = open(freezer->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return -errno;
	}
	int ret = write_file(dir, "cgroup.freeze", on ? "1" : "0", 1);
	int events = ret < 0 || !on ? -1 : openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	close(dir);
	if (events < 0) {
		return ret;
	}
	struct timespec begun, now;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (bool frozen = is_frozen(events); !frozen; frozen = is_frozen(events)) {
		// A change of the file is an exceptional condition.
		struct pollfd change = {.fd = events, .events = POLLPRI};
		(void)poll(&change, 1, 50);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 >
			FREEZE_TIMEOUT_MS) {
			ret = is_frozen(events) ? 0 : -ETIMEDOUT;
			break;
		}
	}
	close(events);
	return ret;
}
