/*
 * turns ROUNDS FD COMMAND… [::: COMMAND…]…: runs the commands in turn and prints for each the
 * median of its times from spawn to wait, in microseconds. What measures is small, so that it adds
 * little: an interpreter would add milliseconds to each. FD is put back to its start before each
 * run; -1: none.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define WARM_UP 3

extern char **environ;

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// Negative when the command does not succeed.
static double run(char **argv, const posix_spawn_file_actions_t *actions) {
	struct timespec from, to;
	pid_t pid;
	int status = 1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (posix_spawnp(&pid, argv[0], actions, NULL, argv, environ) != 0 ||
		waitpid(pid, &status, 0) != pid) {
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return status != 0 ? -1
			   : (double)(to.tv_sec - from.tv_sec) * 1e6 +
				     (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

int main(int argc, char **argv) {
	char **commands[COMMANDS_MAX];
	double *times[COMMANDS_MAX];
	size_t count = 0;
	long rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	int fd = argc > 3 ? (int)strtol(argv[2], NULL, 10) : -1;
	if (rounds <= 0) {
		fprintf(stderr, "usage: turns ROUNDS FD COMMAND... [::: COMMAND...]...\n");
		return 2;
	}
	for (int i = 3; i < argc && count < COMMANDS_MAX; i++) {
		if (i == 3 || argv[i - 1] == NULL) {
			times[count] = calloc((size_t)rounds, sizeof(double));
			commands[count++] = &argv[i];
		}
		if (strcmp(argv[i], ":::") == 0) {
			argv[i] = NULL;
		}
	}
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++) {
		posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
	}
	for (int round = -WARM_UP; round < rounds; round++) {
		for (size_t i = 0; i < count; i++) {
			// Who comes first and who follows whom changes, since each leaves the
			// kernel some cleaning up.
			size_t first = (size_t)(round + WARM_UP) / 2 % count;
			size_t at =
				round % 2 == 0 ? (first + i) % count : (first + count - i) % count;
			if (fd >= 0) {
				lseek(fd, 0, SEEK_SET);
			}
			double took = run(commands[at], &actions);
			if (took < 0 || times[at] == NULL) {
				fprintf(stderr, "turns: %s failed\n", commands[at][0]);
				return 1;
			}
			if (round >= 0) {
				times[at][round] = took;
			}
		}
	}
	for (size_t i = 0; i < count; i++) {
		qsort(times[i], (size_t)rounds, sizeof(double), compare);
		printf("%.1f\n", times[i][rounds / 2]);
		free(times[i]);
	}
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}
