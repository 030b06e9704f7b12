#include "tests/unit/sandbox-helper.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char tree[64];

void bench_init(struct bench *bench) {
	*bench = (struct bench){0};
	bench->policy.filesystem.paths = bench->paths;
	bench->policy.process.env = bench->env;
	bench->policy.process.executables = bench->executables;
	bench->policy.require = bench->require;
	bench->policy.limits.open_files = 1024;
	bench->policy.limits.tmp = 16u << 20;
}

void bench_path(struct bench *bench, enum policy_access access, const char *path) {
	static const char *const lists[] = {"readwrite", "readonly", "denied"};
	size_t at = bench->policy.filesystem.paths_len++;
	if (at >= BENCH_PATHS) {
		abort();
	}
	bench->paths[at] = (struct policy_path){.path = (char *)path, .access = access};
	snprintf(bench->paths[at].pointer, sizeof(bench->paths[at].pointer),
		"/filesystem/%sPaths/%zu", lists[access], at);
}

struct sandbox_event next_event(struct sandbox *sandbox) {
	struct sandbox_event event = {.type = SANDBOX_EVENT_NONE};
	struct pollfd poll_fd = {.fd = sandbox_event_fd(sandbox), .events = POLLIN};
	if (poll(&poll_fd, 1, 10000) == 1) {
		sandbox_read_event(sandbox, &event);
	}
	return event;
}

void run_in(struct sandbox *sandbox, uint32_t id, const struct sandbox_command *command,
	struct outcome *outcome) {
	char path[] = "/tmp/parclose-output-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC | O_APPEND);
	unlink(path);
	struct sandbox_command with = *command;
	with.stdio[0] = -1;
	with.stdio[1] = with.stdio[2] = fd;
	struct sandbox_error err = {{0}};
	*outcome = (struct outcome){.code = -1};
	if (sandbox_spawn(sandbox, id, &with, &err) < 0) {
		outcome->code = 125;
		snprintf(outcome->message, sizeof(outcome->message), "%s", err.message);
	}
	while (outcome->code < 0) {
		struct sandbox_event event = next_event(sandbox);
		if (event.type == SANDBOX_EVENT_STARTED && event.pty_fd >= 0) {
			char text[4096];
			ssize_t got;
			while ((got = read(event.pty_fd, text, sizeof(text))) >
				0) { // EIO at the end
				(void)!write(fd, text, (size_t)got);
			}
			close(event.pty_fd);
		}
		if (event.type == SANDBOX_EVENT_FAILED) {
			snprintf(outcome->message, sizeof(outcome->message), "%s", event.message);
			outcome->code = event.error == ENOENT ? 127 : 126;
		} else if (event.type == SANDBOX_EVENT_EXITED) {
			outcome->code = WIFEXITED(event.status) ? WEXITSTATUS(event.status)
								: 128 + WTERMSIG(event.status);
		} else if (event.type != SANDBOX_EVENT_STARTED) {
			snprintf(outcome->message, sizeof(outcome->message), "event %d",
				(int)event.type);
			outcome->code = 124;
		}
	}
	ssize_t len = pread(fd, outcome->output, sizeof(outcome->output) - 1, 0);
	outcome->output[len > 0 ? len : 0] = '\0';
	close(fd);
}

void run_command(const struct bench *bench, const char *const *argv, struct outcome *outcome) {
	const struct sandbox_options options = {.policy = &bench->policy, .name = "test"};
	struct sandbox *sandbox;
	struct sandbox_error err = {{0}};
	int ret = sandbox_create(&options, &sandbox, &err);
	if (ret < 0) {
		*outcome = (struct outcome){.code = 125};
		snprintf(outcome->message, sizeof(outcome->message), "%s", err.message);
		return;
	}
	const struct sandbox_command command = {.argv = argv};
	run_in(sandbox, 1, &command, outcome);
	sandbox_destroy(sandbox);
}

void run_shell(const struct bench *bench, const char *script, struct outcome *outcome) {
	const char *const argv[] = {"sh", "-c", script, NULL};
	run_command(bench, argv, outcome);
}

const char *tree_create(void) {
	snprintf(tree, sizeof(tree), "/tmp/parclose-test-XXXXXX");
	if (!mkdtemp(tree) || chmod(tree, 0755)) {
		abort();
	}
	return tree;
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw) {
	(void)stat;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void tree_remove(void) {
	nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *in_tree(const char *format, ...) {
	static char texts[32][256];
	static size_t next;
	char *text = texts[next++ % 32];
	int len = snprintf(text, sizeof(texts[0]), "%s/", tree);
	va_list args;
	va_start(args, format);
	vsnprintf(text + len, sizeof(texts[0]) - (size_t)len, format, args);
	va_end(args);
	return text;
}

void make_dir(const char *path) {
	if (mkdir(path, 0755)) {
		abort();
	}
}

void make_file(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		abort();
	}
	close(fd);
}

bool file_has(const char *path, const char *text) {
	char content[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	ssize_t len = read(fd, content, sizeof(content) - 1);
	close(fd);
	content[len > 0 ? len : 0] = '\0';
	return strcmp(content, text) == 0;
}
