#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Set-up takes milliseconds; a machine under heavy load gets this long.
#define READY_TIMEOUT_MS 20000

// What pid 1 must know or hold, gathered before it exists.
struct plan {
	const struct sandbox_options *options;
	struct identity identity;
	struct paths paths;
	bool ipv6; // the kernel has it; looked at only where there is a network
};

// Where the kernel put our argument and environment strings (proc_pid_stat(5), fields 48 to 51).
static int find_own_strings(struct go_message *go) {
	char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0) {
		return -EIO;
	}
	text[len] = '\0';
	char *field = strrchr(text, ')'); // the name before it may hold anything
	for (int i = 2; field && i < 48; i++) {
		field = strchr(field + 1, ' ');
	}
	uintptr_t arg_start, arg_end, env_start, env_end;
	if (!field ||
		sscanf(field, "%" SCNuPTR "%" SCNuPTR "%" SCNuPTR "%" SCNuPTR, &arg_start, &arg_end,
			&env_start, &env_end) != 4 ||
		arg_start == 0 || arg_end != env_start || env_end < env_start) {
		return -EIO;
	}
	go->strings = arg_start;
	go->strings_len = env_end - arg_start;
	return 0;
}

static int check_required(
	const struct policy *policy, const struct limits *limits, struct sandbox_error *err) {
	for (size_t i = 0; i < policy->require_len; i++) {
		const struct policy_require *require = &policy->require[i];
		switch (require->layer) {
		case POLICY_LAYER_USERNS: // nothing starts without
		case POLICY_LAYER_SECCOMP:
			break;
		case POLICY_LAYER_LANDLOCK:
			if (landlock_abi() < require->version || landlock_abi() == 0) {
				return sandbox_fail(err, ENOSYS,
					"/require/%zu: this kernel has Landlock ABI %u, the policy "
					"requires %u; use a "
					"newer kernel or boot with lsm=landlock,...",
					i, landlock_abi(), require->version ? require->version : 1);
			}
			break;
		case POLICY_LAYER_CGROUP:
			if (limits->dirs_len == 0) {
				struct limits_found found;
				limits_find(&found);
				if (!found.v1 && !found.v2) {
					return sandbox_fail(err, ENOSYS,
						"/require/%zu: no control group can be made here "
						"(%s); start from a "
						"systemd user session with delegation, or as root",
						i, found.describe);
				}
			}
			break;
		}
	}
	return 0;
}

// clone3, into a cgroup of its own where one can be made.
static long clone_process(struct sandbox *sandbox) {
	struct sys_clone_args args = {
		// The rest, CLONE_NEWNET and CLONE_NEWCGROUP, pid 1 makes: one beside its other
		// work, one once it is in its
		// cgroup.
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWNS |
			 CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWTIME,
		.pidfd = (uintptr_t)&sandbox->pidfd,
		.exit_signal = SIGCHLD,
	};
	int group = freezer_init(&sandbox->freezer);
	long pid = -ENOENT;
	if (group >= 0) {
		struct sys_clone_args into = args;
		into.flags |= CLONE_INTO_CGROUP;
		into.cgroup = (uint64_t)group;
		pid = sys_clone3(&into);
		if (pid < 0) { // the kernel or a rule of the parent group's refuses it
			freezer_finish(&sandbox->freezer);
		}
		if (pid != 0) {
			close(group);
		}
	}
	return pid < 0 ? sys_clone3(&args) : pid;
}

static int clone_init(
	struct sandbox *sandbox, const struct plan *plan, int socket, struct sandbox_error *err) {
	long pid = clone_process(sandbox);
	if (pid == 0) {
		const struct init_context context = {
			.policy = plan->options->policy,
			.paths = &plan->paths,
			.identity = &plan->identity,
			.wayland = plan->options->wayland,
			.control = plan->options->control,
			.network = plan->options->network,
			.ipv6 = plan->ipv6,
			.socket = socket,
		};
		init_main(&context);
	}
	if (pid < 0) {
		sandbox->pidfd = -1;
		return sandbox_fail(err, (int)-pid,
			"cannot create the namespaces: %s; `parclose doctor` names the setting "
			"that forbids user "
			"namespaces here",
			strerror((int)-pid));
	}
	sandbox->pid = (pid_t)pid;
	return 0;
}

union first_message {
	uint32_t type;
	struct ready_message ready;
	struct error_message error;
};

// The next message of the set-up, with room for *fds_len descriptors. Its length or -errno.
static ssize_t await_message(struct sandbox *sandbox, union first_message *message, int *fds,
	size_t *fds_len, struct sandbox_error *err) {
	struct pollfd poll_fd = {.fd = sandbox->socket, .events = POLLIN};
	int ready;
	do {
		ready = poll(&poll_fd, 1, READY_TIMEOUT_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		*fds_len = 0;
		return sandbox_fail(err, ETIMEDOUT, "the sandbox did not come up in %d s",
			READY_TIMEOUT_MS / 1000);
	}
	return message_receive(sandbox->socket, message, sizeof(*message), fds, fds_len, 0);
}

static int await_ready(struct sandbox *sandbox, struct sandbox_error *err) {
	union first_message message;
	int fds[SANDBOX_MAX_SOCKETS];
	size_t fds_len = SANDBOX_MAX_SOCKETS, due = (size_t)sandbox->wayland + sandbox->control;
	ssize_t len = await_message(sandbox, &message, fds, &fds_len, err);
	if (len == sizeof(message.type) && message.type == MESSAGE_SOCKETS &&
		sandbox->sockets_len > 0 && fds_len == sandbox->sockets_len) {
		memcpy(sandbox->sockets, fds, fds_len * sizeof(*fds));
		sandbox->has_sockets = true;
		sandbox->netns = extend_open(fds[0]);
		fds_len = SANDBOX_MAX_SOCKETS;
		len = await_message(sandbox, &message, fds, &fds_len, err);
	}
	if (len == -ETIMEDOUT) {
		return -ETIMEDOUT;
	}
	if (len == sizeof(message.ready) && message.type == MESSAGE_READY && fds_len == due &&
		sandbox->has_sockets == (sandbox->sockets_len > 0)) {
		sandbox->wayland_fd = sandbox->wayland ? fds[0] : -1;
		sandbox->control_fd = sandbox->control ? fds[due - 1] : -1;
		sandbox->enforced.landlock = message.ready.landlock;
		sandbox->enforced.landlock_scopes = message.ready.scopes;
		return 0;
	}
	for (size_t i = 0; i < fds_len; i++) {
		close(fds[i]);
	}
	if (len == sizeof(message.error) && message.type == MESSAGE_ERROR) {
		message.error.text[sizeof(message.error.text) - 1] = '\0';
		return sandbox_fail(err, message.error.code, "%s", message.error.text);
	}
	return sandbox_fail(err, EIO, "pid 1 of the sandbox died while it was set up");
}

static const char *limit_word(enum limits_kind kind) {
	switch (kind) {
	case LIMITS_CGROUP_V1:
		return "cgroup v1";
	case LIMITS_CGROUP_V2:
		return "cgroup v2";
	case LIMITS_RLIMIT:
		return "rlimit";
	case LIMITS_AFFINITY:
		return "affinity";
	case LIMITS_NONE:
		break;
	}
	return "none";
}

static void describe(struct sandbox *sandbox) {
	struct sandbox_enforced *enforced = &sandbox->enforced;
	snprintf(enforced->namespaces, sizeof(enforced->namespaces), "%s",
		"user,mount,pid,net,ipc,uts,cgroup,time");
	snprintf(enforced->identity, sizeof(enforced->identity), "uid %d inside, %u outside",
		AGENT_ID, (unsigned int)sandbox->outside);
	enforced->seccomp = true;
	enforced->nested_userns = sandbox->policy->process.nested_sandbox;
	snprintf(enforced->memory, sizeof(enforced->memory), "%s",
		limit_word(sandbox->limits.memory));
	snprintf(enforced->processes, sizeof(enforced->processes), "%s",
		limit_word(sandbox->limits.processes));
	snprintf(enforced->cpus, sizeof(enforced->cpus), "%s", limit_word(sandbox->limits.cpus));
	snprintf(enforced->pause, sizeof(enforced->pause), "%s",
		sandbox->freezer.dir ? "cgroup v2" : "signals");
}

static int start(struct sandbox *sandbox, const struct plan *plan, struct sandbox_error *err) {
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		return sandbox_fail(err, errno, "cannot make a socket pair: %s", strerror(errno));
	}
	sandbox->socket = pair[0];
	// The supervisor never waits for pid 1.
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK)) {
		int code = errno;
		close(pair[1]);
		return sandbox_fail(err, code, "cannot set up a socket: %s", strerror(code));
	}
	int ret = raise_fd(&pair[1]);
	ret = ret < 0 ? sandbox_fail(err, -ret, "out of descriptors")
		      : clone_init(sandbox, plan, pair[1], err);
	close_fd(&pair[1]);
	if (ret == 0) {
		ret = identity_write_maps(&plan->identity, sandbox->pid, err);
	}
	const uint32_t mapped = MESSAGE_MAPPED;
	if (ret == 0) {
		// A failure to send means a dead pid 1, which await_ready() reports.
		(void)message_send(sandbox->socket, &mapped, sizeof(mapped), NULL, 0);
	}
	return ret;
}

static int plan_network(struct sandbox *sandbox, struct plan *plan, struct sandbox_error *err) {
	const size_t count = plan->options->network->sockets_len;
	if (count > SANDBOX_MAX_SOCKETS) {
		return sandbox_fail(err, E2BIG,
			"a sandbox has at most %d sockets served from outside",
			SANDBOX_MAX_SOCKETS);
	}
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	plan->ipv6 = sandbox->ipv6 = fd >= 0;
	close_fd(&fd);
	sandbox->sockets = calloc(count > 0 ? count : 1, sizeof(*sandbox->sockets));
	if (!sandbox->sockets) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < count; i++) {
		sandbox->sockets[i] = -1;
	}
	sandbox->sockets_len = count;
	return 0;
}

int sandbox_begin(
	const struct sandbox_options *options, struct sandbox **out, struct sandbox_error *err) {
	*out = NULL;
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
	if (!sandbox) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	*sandbox = (struct sandbox){
		.pidfd = -1,
		.socket = -1,
		.wayland_fd = -1,
		.control_fd = -1,
		.netns = -1,
		.wayland = options->wayland,
		.control = options->control,
		.policy = options->policy,
	};
	struct plan plan = {.options = options};
	int ret = options->network ? plan_network(sandbox, &plan, err) : 0;
	if (ret == 0) {
		ret = identity_pick(&plan.identity, err);
	}
	if (ret == 0) {
		sandbox->outside = plan.identity.uid;
		ret = paths_init(&plan.paths, options->policy, err);
	}
	if (ret == 0 && plan.identity.privileged) {
		ret = paths_idmap(&plan.paths, plan.identity.uid, plan.identity.gid, err);
	}
	if (ret == 0) {
		ret = start(sandbox, &plan, err);
	}
	paths_finish(&plan.paths);
	if (ret < 0) {
		sandbox_destroy(sandbox);
		return ret;
	}
	*out = sandbox;
	return 0;
}

// Where limits moved pid 1 to another cgroup of v2, that is the one to freeze.
static void use_freezer(struct sandbox *sandbox) {
	const struct limits *limits = &sandbox->limits;
	if (limits->memory == LIMITS_CGROUP_V2 || limits->processes == LIMITS_CGROUP_V2 ||
		limits->cpus == LIMITS_CGROUP_V2) {
		freezer_use(&sandbox->freezer, limits->dirs[0]);
	}
}

int sandbox_name(struct sandbox *sandbox, const char *name, struct sandbox_error *err) {
	struct go_message go = {.type = MESSAGE_GO};
	if (strlen(name) >= sizeof(go.name)) {
		return sandbox_fail(err, ENAMETOOLONG, "the name '%.32s...' is too long", name);
	}
	snprintf(go.name, sizeof(go.name), "%s", name);
	if (find_own_strings(&go) < 0) {
		return sandbox_fail(err, EIO, "cannot read /proc/self/stat; /proc must be mounted");
	}
	int ret = limits_init(&sandbox->limits, sandbox->policy, name, err);
	if (ret == 0) {
		ret = check_required(sandbox->policy, &sandbox->limits, err);
	}
	if (ret == 0) {
		ret = limits_enter(&sandbox->limits, sandbox->pid, err);
		use_freezer(sandbox);
	}
	if (ret < 0) {
		return ret;
	}
	go.affinity = sandbox->limits.affinity;
	(void)message_send(sandbox->socket, &go, sizeof(go), NULL, 0);
	return 0;
}

int sandbox_await(struct sandbox *sandbox, struct sandbox_error *err) {
	int ret = await_ready(sandbox, err);
	if (ret == 0) {
		describe(sandbox);
	}
	sandbox->policy = NULL;
	return ret;
}

int sandbox_create(
	const struct sandbox_options *options, struct sandbox **out, struct sandbox_error *err) {
	int ret = sandbox_begin(options, out, err);
	if (ret == 0) {
		ret = sandbox_name(*out, options->name, err);
	}
	if (ret == 0) {
		ret = sandbox_await(*out, err);
	}
	if (ret < 0) {
		sandbox_destroy(*out);
		*out = NULL;
	}
	return ret;
}

void sandbox_kill(struct sandbox *sandbox) {
	if (sandbox && sandbox->pid > 0) {
		(void)sys_pidfd_send_signal(sandbox->pidfd, SIGKILL);
	}
}

void sandbox_destroy(struct sandbox *sandbox) {
	if (!sandbox) {
		return;
	}
	if (sandbox->pid > 0) {
		// The death of pid 1 kills all in its pid namespace, and it is reaped after the
		// last of them.
		pid_reap(sandbox->pid, sandbox->pidfd);
	}
	close_fd(&sandbox->pidfd);
	close_fd(&sandbox->socket);
	close_fd(&sandbox->wayland_fd);
	close_fd(&sandbox->control_fd);
	for (size_t i = 0; i < sandbox->sockets_len; i++) {
		close_fd(&sandbox->sockets[i]);
	}
	free(sandbox->sockets);
	close_fd(&sandbox->netns);
	freezer_finish(&sandbox->freezer);
	limits_finish(&sandbox->limits);
	free(sandbox->live);
	free(sandbox);
}

pid_t sandbox_init_pid(const struct sandbox *sandbox) {
	return sandbox->pid;
}

int sandbox_init_pidfd(const struct sandbox *sandbox) {
	return sandbox->pidfd;
}

int sandbox_take_wayland_fd(struct sandbox *sandbox) {
	int fd = sandbox->wayland_fd;
	sandbox->wayland_fd = -1;
	return fd;
}

int sandbox_take_control_fd(struct sandbox *sandbox) {
	int fd = sandbox->control_fd;
	sandbox->control_fd = -1;
	return fd;
}

int sandbox_take_socket(struct sandbox *sandbox, size_t at) {
	int fd = at < sandbox->sockets_len ? sandbox->sockets[at] : -1;
	if (fd >= 0) {
		sandbox->sockets[at] = -1;
	}
	return fd;
}

const struct sandbox_enforced *sandbox_enforced(const struct sandbox *sandbox) {
	return &sandbox->enforced;
}

int sandbox_event_fd(const struct sandbox *sandbox) {
	return sandbox->socket;
}
