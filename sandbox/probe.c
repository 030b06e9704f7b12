#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifndef LANDLOCK_CREATE_RULESET_ERRATA
#define LANDLOCK_CREATE_RULESET_ERRATA (1U << 1)
#endif

// What the child in the namespaces found out.
struct finding {
	int mount, proc, seccomp; // 0 or errno
	int network, every_port;
	bool ipv6;
};

// In a network namespace of its own: what a sandbox with a network is made of.
static void probe_network(struct finding *finding) {
	const struct sandbox_route routes[] = {
		{AF_INET, {198, 18}, 15}, {AF_INET6, {0xfd, 0x70}, 64}};
	const struct sandbox_network network = {.routes = routes, .routes_len = 2};
	struct sandbox_socket wanted = {.type = SOCK_STREAM, .port = 443};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	finding->ipv6 = fd >= 0;
	close_fd(&fd);
	fd = netns_loopback_up();
	if (fd == 0) {
		fd = routes_add(&network, finding->ipv6, true);
	}
	if (fd == 0) {
		fd = socket_make(&wanted, finding->ipv6);
	}
	finding->network = fd < 0 ? -fd : 0;
	close_fd(&fd);
	wanted.port = SANDBOX_EVERY_PORT;
	wanted.every_port = true;
	fd = redirect_every_port();
	if (fd == 0) {
		fd = socket_make(&wanted, finding->ipv6);
	}
	finding->every_port = fd < 0 ? -fd : 0;
	close_fd(&fd);
}

static int try_mount(const char *type) {
	int context = sys_fsopen(type);
	if (context < 0) {
		return -context;
	}
	int ret = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL);
	if (ret == 0) {
		int mount = sys_fsmount(
			context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		ret = mount < 0 ? mount : 0;
		close_fd(&mount);
	}
	close(context);
	return -ret;
}

_Noreturn static void probe_inside(const struct identity *identity, int socket) {
	struct finding finding = {0};
	char go;
	if (read(socket, &go, 1) != 1 || identity_assume(identity) < 0) {
		_exit(1);
	}
	finding.mount = try_mount("tmpfs");
	finding.proc = try_mount("proc");
	probe_network(&finding);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	finding.seccomp = -filter_load(false, false, false);
	(void)!write(socket, &finding, sizeof(finding));
	_exit(0);
}

static long read_setting(const char *path) {
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 ? strtol(text, NULL, 10) : -1;
}

static void explain(struct sandbox_probe *probe, const char *stage, int code) {
	const char *why = "the container or its seccomp profile forbids user namespaces: allow "
			  "clone/unshare with CLONE_NEWUSER there, or run outside it";
	if (read_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1) {
		why = "AppArmor restricts user namespaces: install an AppArmor profile with "
		      "`userns,` for "
		      "parclose, or set sysctl kernel.apparmor_restrict_unprivileged_userns=0";
	} else if (read_setting("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
		why = "set sysctl kernel.unprivileged_userns_clone=1";
	} else if (read_setting("/proc/sys/user/max_user_namespaces") == 0) {
		why = "set sysctl user.max_user_namespaces to more than 0";
	} else if (code == ENOSYS) {
		why = "the kernel is too old: Linux 5.12 or newer is needed";
	} else if (code == ENOSPC) {
		why = "too many namespaces exist or they are nested too deep";
	}
	probe->userns = false;
	snprintf(probe->userns_why, sizeof(probe->userns_why), "%s: %s; %s", stage, strerror(code),
		why);
}

static void probe_namespaces(struct sandbox_probe *probe) {
	struct identity identity;
	struct sandbox_error err = {{0}};
	int pair[2];
	if (identity_pick(&identity, &err) < 0) {
		snprintf(probe->userns_why, sizeof(probe->userns_why), "%.255s", err.message);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		explain(probe, "socketpair", errno);
		return;
	}
	int pidfd = -1;
	struct sys_clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWNS |
			 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWCGROUP | CLONE_NEWTIME,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = sys_clone3(&args);
	if (pid == 0) {
		close(pair[0]);
		probe_inside(&identity, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		explain(probe, "clone3", (int)-pid);
		return;
	}
	struct finding finding;
	struct pollfd poll_fd = {.fd = pair[0], .events = POLLIN};
	int ret = identity_write_maps(&identity, (pid_t)pid, &err);
	if (ret < 0) {
		explain(probe, "writing the id maps", -ret);
	} else if (write(pair[0], "", 1) != 1 || poll(&poll_fd, 1, 5000) != 1 ||
		   read(pair[0], &finding, sizeof(finding)) != sizeof(finding)) {
		explain(probe, "taking the identity in the namespace", EIO);
	} else {
		probe->userns = finding.mount == 0;
		probe->proc = finding.proc == 0;
		probe->seccomp = finding.seccomp == 0;
		probe->network = finding.network == 0;
		probe->ipv6 = finding.ipv6;
		probe->every_port = finding.network == 0 && finding.every_port == 0;
		if (finding.mount) {
			explain(probe, "mounting in the namespace", finding.mount);
		}
	}
	close(pair[0]);
	pid_reap((pid_t)pid, pidfd);
	close_fd(&pidfd);
}

void sandbox_probe(struct sandbox_probe *probe) {
	*probe = (struct sandbox_probe){0};
	probe_namespaces(probe);
	probe->landlock = landlock_abi();
	int errata = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_ERRATA);
	probe->landlock_errata = errata > 0 ? (unsigned int)errata : 0;
	probe->idmap = geteuid() == 0 && idmap_works();
	struct limits_found found;
	limits_find(&found);
	snprintf(probe->cgroup, sizeof(probe->cgroup), "%s", found.describe);
	probe->cgroup_memory = found.memory;
	probe->cgroup_pids = found.pids;
	probe->cgroup_cpu = found.cpu;
	struct freezer freezer;
	int group = freezer_init(&freezer);
	probe->freezer = group >= 0;
	close_fd(&group);
	freezer_finish(&freezer);
}
