/*
 * Runs a command in a sandbox with a policy built by hand; its stdio is ours. A tool for tests:
 *   sandbox-run [--ro P] [--rw P] [--deny P] [--exec P] [--env K=V] [--cwd D] [--nested]
 * [--wayland] [--pty]
 *     [--memory B] [--processes N] [--cpus MILLI] [--tmp B] [--files N] [--kill-init] [--repeat N]
 *     [--network | --every-port | --link] [--time] -- COMMAND...
 * Ends with the command's code, 125 when the sandbox could not be made, 126 when it ended early.
 */

#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "policy/policy.h"
#include "sandbox/sandbox.h"

#define MAX 64

struct options {
	struct policy policy;
	struct policy_path paths[MAX];
	char *executables[MAX], *env[MAX];
	struct policy_require require[4];
	bool wayland, pty, kill_init, timing, network, every_port, link;
	int repeat;
};

static void add_path(struct options *options, char *path, enum policy_access access) {
	size_t at = options->policy.filesystem.paths_len++;
	if (at >= MAX) {
		abort();
	}
	options->paths[at] = (struct policy_path){.path = path, .access = access};
	static const char *const lists[] = {"readwrite", "readonly", "denied"};
	snprintf(options->paths[at].pointer, sizeof(options->paths[at].pointer),
		"/filesystem/%sPaths/%zu", lists[access], at);
}

// Pid 1 wipes the memory of argv, so what it uses later is copied.
static void parse(struct options *options, int argc, char **argv) {
	static const struct option longs[] = {{"ro", 1, 0, 'r'}, {"rw", 1, 0, 'w'},
		{"deny", 1, 0, 'd'}, {"exec", 1, 0, 'x'}, {"env", 1, 0, 'e'}, {"cwd", 1, 0, 'c'},
		{"nested", 0, 0, 'n'}, {"wayland", 0, 0, 'W'}, {"pty", 0, 0, 'p'},
		{"memory", 1, 0, 'm'}, {"processes", 1, 0, 'P'}, {"cpus", 1, 0, 'C'},
		{"tmp", 1, 0, 't'}, {"files", 1, 0, 'f'}, {"kill-init", 0, 0, 'k'},
		{"repeat", 1, 0, 'N'}, {"time", 0, 0, 'T'}, {"require-landlock", 1, 0, 'L'},
		{"require-cgroup", 0, 0, 'G'}, {"network", 0, 0, 'I'}, {"every-port", 0, 0, 'J'},
		{"link", 0, 0, 'K'}, {0}};
	struct policy *policy = &options->policy;
	policy->filesystem.paths = options->paths;
	policy->process.executables = options->executables;
	policy->process.env = options->env;
	policy->require = options->require;
	policy->limits.open_files = 4096;
	policy->limits.tmp = 64u << 20;
	options->repeat = 1;
	int c;
	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			add_path(options, optarg, POLICY_ACCESS_READONLY);
			break;
		case 'w':
			add_path(options, optarg, POLICY_ACCESS_READWRITE);
			break;
		case 'd':
			add_path(options, optarg, POLICY_ACCESS_DENIED);
			break;
		case 'x':
			policy->process.executables_set = true;
			if (*optarg) {
				options->executables[policy->process.executables_len++] = optarg;
			}
			break;
		case 'e':
			options->env[policy->process.env_len++] = strdup(optarg);
			break;
		case 'c':
			policy->process.cwd = strdup(optarg);
			break;
		case 'n':
			policy->process.nested_sandbox = true;
			break;
		case 'W':
			options->wayland = true;
			break;
		case 'p':
			options->pty = true;
			break;
		case 'm':
			policy->limits.memory = strtoull(optarg, NULL, 0);
			break;
		case 'P':
			policy->limits.processes = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'C':
			policy->limits.cpus_milli = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 't':
			policy->limits.tmp = strtoull(optarg, NULL, 0);
			break;
		case 'f':
			policy->limits.open_files = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'k':
			options->kill_init = true;
			break;
		case 'N':
			options->repeat = (int)strtol(optarg, NULL, 0);
			break;
		case 'T':
			options->timing = true;
			break;
		case 'L':
			options->require[policy->require_len++] = (struct policy_require){
				POLICY_LAYER_LANDLOCK, (unsigned int)strtoul(optarg, NULL, 0)};
			break;
		case 'G':
			options->require[policy->require_len++] =
				(struct policy_require){POLICY_LAYER_CGROUP, 0};
			break;
		case 'I':
			options->network = true;
			break;
		case 'K':
			options->network = options->link = true;
			break;
		case 'J':
			options->network = options->every_port = true;
			break;
		default:
			exit(125);
		}
	}
	if (optind >= argc) {
		fprintf(stderr, "sandbox-run: no command\n");
		exit(125);
	}
}

static void copy_terminal(int fd) {
	char buffer[4096];
	ssize_t len = read(fd, buffer, sizeof(buffer));
	if (len > 0) {
		(void)!write(STDOUT_FILENO, buffer, (size_t)len);
	}
}

// The command's code, 126 when the sandbox was gone before.
static int serve(struct sandbox *sandbox, bool kill_init) {
	int pty = -1, code = -1;
	while (code < 0) {
		struct pollfd polls[2] = {{.fd = sandbox_event_fd(sandbox), .events = POLLIN},
			{.fd = pty, .events = POLLIN}};
		poll(polls, 2, -1);
		if (polls[1].revents) {
			copy_terminal(pty);
		}
		if (!polls[0].revents) {
			continue;
		}
		struct sandbox_event event;
		sandbox_read_event(sandbox, &event);
		switch (event.type) {
		case SANDBOX_EVENT_STARTED:
			pty = event.pty_fd;
			if (kill_init) {
				kill(sandbox_init_pid(sandbox), SIGKILL);
			}
			break;
		case SANDBOX_EVENT_FAILED:
			fprintf(stderr, "sandbox-run: %s\n", event.message);
			code = event.error == 2 ? 127 : 126;
			break;
		case SANDBOX_EVENT_EXITED:
			code = WIFEXITED(event.status) ? WEXITSTATUS(event.status)
						       : 128 + WTERMSIG(event.status);
			break;
		case SANDBOX_EVENT_GONE:
			fprintf(stderr, "sandbox-run: the sandbox is gone\n");
			code = 126;
			break;
		case SANDBOX_EVENT_NONE:
		case SANDBOX_EVENT_SOCKET:
			break;
		}
	}
	if (pty >= 0) {
		copy_terminal(pty);
		close(pty);
	}
	return code;
}

static double now_ms(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int run_once(struct options *options, char **argv) {
	const struct sandbox_route routes[] = {{AF_INET, {198, 18}, 15}, {AF_INET6, {0xfd}, 64}};
	const uint32_t resolver = htonl(0x7f000035);
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 53, .address = resolver},
		{.type = SOCK_DGRAM, .port = 53, .address = resolver},
		{.type = SOCK_STREAM,
			.port = options->every_port ? SANDBOX_EVERY_PORT : 443,
			.every_port = options->every_port},
		{.type = SOCK_STREAM, .port = 80},
	};
	const struct sandbox_network network = {routes, 2, sockets, 4, "127.0.0.53", options->link};
	const struct sandbox_options create = {.policy = &options->policy,
		.name = "test",
		.wayland = options->wayland,
		.network = options->network ? &network : NULL};
	struct sandbox_error err = {{0}};
	struct sandbox *sandbox;
	double start = now_ms();
	if (sandbox_create(&create, &sandbox, &err) < 0) {
		fprintf(stderr, "sandbox-run: %s\n", err.message);
		return 125;
	}
	double created = now_ms();
	const struct sandbox_command command = {
		.argv = (const char *const *)argv, .stdio = {0, 1, 2}, .pty = options->pty};
	int code;
	if (sandbox_spawn(sandbox, 1, &command, &err) < 0) {
		fprintf(stderr, "sandbox-run: %s\n", err.message);
		code = 125;
	} else {
		code = serve(sandbox, options->kill_init);
	}
	double ended = now_ms();
	sandbox_destroy(sandbox);
	if (options->timing) {
		fprintf(stderr, "create %.3f run %.3f destroy %.3f total %.3f\n", created - start,
			ended - created, now_ms() - ended, now_ms() - start);
	}
	return code;
}

int main(int argc, char **argv) {
	struct options options = {0};
	parse(&options, argc, argv);
	int code = 0;
	for (int i = 0; i < options.repeat; i++) {
		code = run_once(&options, argv + optind);
	}
	return code;
}
