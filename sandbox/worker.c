#include "sandbox/file.h"
#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

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

static const char control_environment[] = "PARCLOSE_SOCKET=" AGENT_RUNTIME "/" AGENT_CONTROL;

__attribute__((format(printf, 3, 4))) static int fail(
	struct worker_failure *failure, int code, const char *format, ...) {
	va_list args;
	va_start(args, format);
	failure->error = code;
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return 127;
}

/*
 * Where the policy leads everything through a proxy, programs are told of it; what ignores that
 * reaches nothing.
 */
static const char *const proxy_variables[] = {
	"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", NULL};
static const char no_proxy[] = "NO_PROXY=localhost,127.0.0.1,::1";
#define PROXY_VARIABLES 5

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

// Not part of its caller, whose variables a vfork may clobber.
__attribute__((noinline)) static const char **make_environment(
	const struct init_context *context, const struct worker_request *request) {
	const struct policy *policy = context->policy;
	size_t len = 0;
	size_t room = sizeof(base_environment) / sizeof(base_environment[0]) +
		      sizeof(display_environment) / sizeof(display_environment[0]) + 1 +
		      policy->process.env_len + request->head.envc + PROXY_VARIABLES + 1;
	const char *proxy = policy->network.proxy;
	// The texts that are made here lie behind the list.
	size_t text_len = proxy ? strlen(proxy) + sizeof("https_proxy=") : 0;
	const char **list = calloc(1, room * sizeof(*list) + PROXY_VARIABLES * text_len);
	if (!list) {
		return NULL;
	}
	char *text = (char *)(list + room);
	for (size_t i = 0; proxy && proxy_variables[i]; i++, text += text_len) {
		snprintf(text, text_len, "%s=%s", proxy_variables[i], proxy);
		set_variable(list, &len, text);
	}
	if (proxy) {
		set_variable(list, &len, no_proxy);
	}
	for (size_t i = 0; base_environment[i]; i++) {
		set_variable(list, &len, base_environment[i]);
	}
	for (size_t i = 0; context->wayland && display_environment[i]; i++) {
		set_variable(list, &len, display_environment[i]);
	}
	if (context->control) {
		set_variable(list, &len, control_environment);
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

// Returns only when it could not, with *failure filled in.
static int become_command(const struct init_context *context, const struct worker_request *request,
	const char *const *env, struct worker_failure *failure) {
	setsid();
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int ret = take_stdio(request);
	if (ret < 0) {
		return fail(failure, -ret, "cannot set up standard input and output: %s",
			strerror(-ret));
	}
	const char *policy_cwd = context->policy->process.cwd;
	const char *cwd = request->cwd ? request->cwd : policy_cwd ? policy_cwd : AGENT_HOME;
	if (chdir(cwd)) {
		return fail(failure, errno,
			"cannot enter the directory '%.150s' inside the sandbox: %s", cwd,
			strerror(errno));
	}
	int code = execute(request->argv, env);
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
	if (code == EACCES && context->policy->process.executables_set) {
		return fail(failure, code,
			"'%.120s' may not be executed: it is not in process.executables, or not "
			"executable",
			command);
	}
	return fail(failure, code, "'%.120s' cannot be executed inside the sandbox: %s", command,
		strerror(code));
}

// Out of everybody's sight in the sandbox: it was not executed, so it cannot be looked into.
static int carry_file(
	const struct worker_request *request, int report, struct worker_failure *failure) {
	setsid();
	prctl(PR_SET_NAME, "parclose-file");
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int ret = take_stdio(request);
	if (ret == 0 && report > 3) {
		ret = sys_close_range(3, (unsigned int)report - 1, 0);
	}
	ret = ret < 0 ? ret : sys_close_range((unsigned int)report + 1, ~0u, 0);
	char path[FILE_MAX_PATH], name[FILE_MAX_NAME + 1];
	const char *asked = request->argv[0];
	int len =
		snprintf(path, sizeof(path), "%s%s", asked[0] == '/' ? "" : AGENT_HOME "/", asked);
	int dir = -1, file = -1;
	if (ret == 0 && (len < 0 || (size_t)len >= sizeof(path))) {
		ret = -ENAMETOOLONG;
	} else if (ret == 0) {
		ret = dir = file_open_parent(path, name);
	}
	if (ret >= 0 && request->head.carry == SANDBOX_CARRY_OUT) {
		uint64_t bytes;
		ret = file = file_open_in(dir, name, &bytes);
		ret = ret < 0 ? ret : file_pour(file, 1);
	} else if (ret >= 0) {
		struct stat st;
		ret = fstat(0, &st) != 0 ? -errno
					 : file_write_in(dir, name, 0, (uint64_t)st.st_size,
						   request->head.carry == SANDBOX_CARRY_OVER);
	}
	return ret >= 0 ? 0 : fail(failure, -ret, "%.150s %s", asked, file_words(-ret));
}

/*
 * A command that is stopped by another one before its exec must not keep pid 1 waiting. While there
 * is no other it may, and the copy of pid 1's memory, most of what a start costs here, is not made.
 */
pid_t worker_start(
	const struct init_context *context, const struct worker_request *request, int report) {
	const char **env = make_environment(context, request);
	if (!env) {
		return -ENOMEM;
	}
	pid_t pid = request->alone ? vfork() : fork();
	if (pid == 0) {
		struct worker_failure failure = {0};
		int code = request->head.carry == SANDBOX_CARRY_NONE
				   ? become_command(context, request, env, &failure)
				   : carry_file(request, report, &failure);
		if (code != 0) {
			(void)!write(report, &failure, sizeof(failure));
		}
		_exit(code);
	}
	int ret = pid < 0 ? -errno : pid;
	free(env);
	return ret;
}
