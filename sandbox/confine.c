#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

// What sandbox_confine_self() still needs after the exec between the two.
static const int kept_capabilities[] = {CAP_SYS_ADMIN, CAP_SETPCAP};

static int keep_capabilities(void) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &header, sets)) {
		return -errno;
	}
	const size_t count = sizeof(kept_capabilities) / sizeof(kept_capabilities[0]);
	for (size_t i = 0; i < count; i++) {
		sets[CAP_TO_INDEX(kept_capabilities[i])].inheritable |=
			CAP_TO_MASK(kept_capabilities[i]);
	}
	if (syscall(SYS_capset, &header, sets)) {
		return -errno;
	}
	for (size_t i = 0; i < count; i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept_capabilities[i], 0, 0)) {
			return -errno;
		}
	}
	return 0;
}

_Noreturn static void give_up(void) {
	_exit(125);
}

static pid_t clone_isolated(uint64_t network, int *pidfd, struct sandbox_error *err) {
	struct identity identity;
	int ret = identity_pick(&identity, err);
	int pair[2] = {-1, -1};
	if (ret < 0) {
		return ret;
	}
	if (pipe2(pair, O_CLOEXEC)) {
		return sandbox_fail(err, errno, "cannot make a pipe: %s", strerror(errno));
	}
	struct sys_clone_args args = {
		.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_NEWUSER | CLONE_NEWNS |
			 CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
			 CLONE_NEWTIME | network,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = sys_clone3(&args);
	if (pid == 0) {
		char go;
		close(pair[1]);
		// Nothing to read: the caller died, or could not write the maps.
		if (read(pair[0], &go, 1) != 1 || identity_assume(&identity) < 0 ||
			keep_capabilities() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL)) {
			give_up();
		}
		close(pair[0]);
		return 0;
	}
	close(pair[0]);
	if (pid < 0) {
		close(pair[1]);
		*pidfd = -1;
		return sandbox_fail(
			err, (int)-pid, "cannot create the namespaces: %s", strerror((int)-pid));
	}
	ret = identity_write_maps(&identity, (pid_t)pid, err);
	if (ret == 0 && write(pair[1], "", 1) != 1) {
		ret = sandbox_fail(err, EPIPE, "the isolated process died while it was set up");
	}
	close(pair[1]);
	if (ret < 0) {
		pid_reap((pid_t)pid, *pidfd);
		close_fd(pidfd);
		return ret;
	}
	return (pid_t)pid;
}

pid_t sandbox_clone_isolated(int *pidfd, struct sandbox_error *err) {
	return clone_isolated(CLONE_NEWNET, pidfd, err);
}

pid_t sandbox_clone_networked(int *pidfd, struct sandbox_error *err) {
	return clone_isolated(0, pidfd, err);
}

static int confine(int (*load_filter)(void), struct sandbox_error *err) {
	int ret = root_enter_empty(err);
	if (ret == 0) {
		ret = privileges_drop(err);
	}
	if (ret == 0) {
		ret = landlock_apply_empty(err);
	}
	if (ret < 0) {
		return ret;
	}
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = load_filter();
	return ret < 0 ? sandbox_fail(err, -ret, "cannot load the system call filter: %s",
				 strerror(-ret))
		       : 0;
}

int sandbox_confine_self(struct sandbox_error *err) {
	return confine(filter_load_server, err);
}

int sandbox_confine_networked(struct sandbox_error *err) {
	return confine(filter_load_broker, err);
}
