#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

// A closed list: nothing of the supervisor's own environment comes in.
static const char *const base_environment[] = {
	"PATH=" DEFAULT_PATH,
	"HOME=" AGENT_HOME,
	"USER=" AGENT_NAME,
	"LOGNAME=" AGENT_NAME,
	"SHELL=/bin/sh",
	"LANG=C.UTF-8",
	"XDG_RUNTIME_DIR=" AGENT_RUNTIME,
	NULL,
};

static const char *const display_environment[] = {
	"WAYLAND_DISPLAY=" AGENT_WAYLAND,
	"XDG_SESSION_TYPE=wayland",
	NULL,
};

__attribute__((format(printf, 3, 4))) static int fail(
	struct worker_failure *failure, int code, const char *format, ...) {
	va_list args;
	va_start(args, format);
	failure->error = code;
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return 127;
}

// Puts "KEY=VALUE" in, over an earlier one of the same key.
static void set_variable(const char **list, size_t *len, const char *variable) {
	const char *equals = strchr(variable, '=');
	if (!equals || equals == variable) {
		return;
	}
	size_t key = (size_t)(equals - variable) + 1;
	for (size_t i = 0; i < *len; i++) {
		if (strncmp(list[i], variable, key) == 0) {
			list[i] = variable;
			return;
		}
	}
	list[(*len)++] = variable;
	list[*len] = NULL;
}

static const char **make_environment(
	const struct init_context *context, const struct worker_request *request) {
	const struct policy *policy = context->policy;
	size_t len = 0;
	size_t room = sizeof(base_environment) / sizeof(base_environment[0]) +
		      sizeof(display_environment) / sizeof(display_environment[0]) +
		      policy->process.env_len + request->head.envc + 1;
	const char **list = calloc(room, sizeof(*list));
	if (!list) {
		return NULL;
	}
	for (size_t i = 0; base_environment[i]; i++) {
		set_variable(list, &len, base_environment[i]);
	}
	for (size_t i = 0; context->wayland && display_environment[i]; i++) {
		set_variable(list, &len, display_environment[i]);
	}
	for (size_t i = 0; i < policy->process.env_len; i++) {
		set_variable(list, &len, policy->process.env[i]);
	}
	for (uint32_t i = 0; i < request->head.envc; i++) {
		set_variable(list, &len, request->env[i]);
	}
	return list;
}

static int take_stdio(const struct worker_request *request) {
	for (int i = 0; i < 3; i++) {
		int from = request->terminal >= 0 ? request->terminal : request->stdio[i];
		// Pid 1's own 0, 1 and 2 are /dev/null. Received descriptors are never below 3.
		if (from >= 0 && dup2(from, i) < 0) {
			return -errno;
		}
	}
	if (request->terminal >= 0 && ioctl(0, TIOCSCTTY, 0)) {
		return -errno;
	}
	return sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

// As execvp(3), but by the PATH inside and without its guess that an unknown format is a shell
// script.
static int execute(char *const *argv, const char *const *env) {
	char *const *environment = (char *const *)env;
	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environment);
		return errno;
	}
	const char *path = DEFAULT_PATH;
	for (size_t i = 0; env[i]; i++) {
		if (strncmp(env[i], "PATH=", 5) == 0) {
			path = env[i] + 5;
		}
	}
	int code = ENOENT;
	while (*path) {
		size_t len = strcspn(path, ":");
		char file[4096];
		int n = snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, argv[0]);
		if (len > 0 && n > 0 && (size_t)n < sizeof(file)) {
			execve(file, argv, environment);
			if (errno != ENOENT && errno != ENOTDIR) {
				code = errno;
				if (errno != EACCES) {
					return code;
				}
			}
		}
		path += len + (path[len] == ':');
	}
	return code;
}

struct start {
	const struct init_context *context;
	const struct worker_request *request;
	struct worker_failure *failure;
	const char **env;
};

/*
 * Runs in pid 1's memory while pid 1 waits: nothing here may allocate or keep anything, and
 * *failure is how it speaks. Descriptors, signals, directory and session are the child's own.
 */
static int become_command(void *data) {
	const struct start *start = data;
	const struct worker_request *request = start->request;
	struct worker_failure *failure = start->failure;
	setsid();
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int ret = take_stdio(request);
	if (ret < 0) {
		return fail(failure, -ret, "cannot set up standard input and output: %s",
			strerror(-ret));
	}
	const char *policy_cwd = start->context->policy->process.cwd;
	const char *cwd = request->cwd ? request->cwd : policy_cwd ? policy_cwd : AGENT_HOME;
	if (chdir(cwd)) {
		return fail(failure, errno,
			"cannot enter the directory '%.150s' inside the sandbox: %s", cwd,
			strerror(errno));
	}
	int code = execute(request->argv, start->env);
	const char *command = request->argv[0];
	if (code == ENOENT && !strchr(command, '/')) {
		return fail(failure, code, "'%.150s' was not found in PATH inside the sandbox",
			command);
	}
	if (code == ENOENT) {
		return fail(failure, code,
			"'%.120s' does not exist inside the sandbox, or the interpreter it names "
			"does not",
			command);
	}
	if (code == EACCES && start->context->policy->process.executables_set) {
		return fail(failure, code,
			"'%.120s' may not be executed: it is not in process.executables, or not "
			"executable",
			command);
	}
	return fail(failure, code, "'%.120s' cannot be executed inside the sandbox: %s", command,
		strerror(code));
}

pid_t worker_start(const struct init_context *context, const struct worker_request *request,
	void *stack, struct worker_failure *failure) {
	*failure = (struct worker_failure){0};
	struct start start = {
		.context = context,
		.request = request,
		.failure = failure,
		.env = make_environment(context, request),
	};
	if (!start.env) {
		(void)fail(failure, ENOMEM, "out of memory");
		return -1;
	}
	// As vfork(): a copy of this process's memory would only be thrown away.
	pid_t pid = clone(become_command, (char *)stack + WORKER_STACK,
		CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
	int code = errno;
	free(start.env);
	if (pid < 0) {
		(void)fail(failure, code, "cannot start a process in the sandbox: %s%s",
			strerror(code), code == EAGAIN ? " (limits.processes is reached)" : "");
	} else if (failure->error != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
		pid = -1;
	}
	return pid;
}
