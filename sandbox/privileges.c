#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

/*
 * What runs inside lives in a user namespace below the one that owns the mounts: even all
 * capabilities there give no right over them. Its own limit of nested user namespaces is 0, which
 * nobody inside can raise again.
 */
int privileges_second_userns(const struct policy *policy, struct sandbox_error *err) {
	if (unshare(CLONE_NEWUSER)) {
		return sandbox_fail(
			err, errno, "cannot make the inner user namespace: %s", strerror(errno));
	}
	char line[32];
	int len = snprintf(line, sizeof(line), "%d %d 1\n", AGENT_ID, AGENT_ID);
	int ret = write_file(AT_FDCWD, "/proc/self/setgroups", "deny", 4);
	if (ret == 0) {
		ret = write_file(AT_FDCWD, "/proc/self/gid_map", line, (size_t)len);
	}
	if (ret == 0) {
		ret = write_file(AT_FDCWD, "/proc/self/uid_map", line, (size_t)len);
	}
	if (ret < 0) {
		return sandbox_fail(err, -ret, "cannot map ids into the inner user namespace: %s",
			strerror(-ret));
	}
	if (!policy->process.nested_sandbox) {
		ret = write_file(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0", 1);
		if (ret < 0) {
			return sandbox_fail(err, -ret, "cannot forbid nested user namespaces: %s",
				strerror(-ret));
		}
	}
	return 0;
}

int privileges_drop(struct sandbox_error *err) {
	// Kernel keyrings belong to no namespace. Without CONFIG_KEYS there is nothing to leave
	// behind.
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) {
		return sandbox_fail(
			err, errno, "cannot leave the session keyring: %s", strerror(errno));
	}
	for (int cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap) && errno != EINVAL) {
			return sandbox_fail(
				err, errno, "cannot drop capability %d: %s", cap, strerror(errno));
		}
	}
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	if (prctl(PR_SET_SECUREBITS, bits)) {
		return sandbox_fail(err, errno, "cannot lock the secure bits: %s", strerror(errno));
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) {
		return sandbox_fail(
			err, errno, "cannot clear ambient capabilities: %s", strerror(errno));
	}
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	if (syscall(SYS_capset, &header, none)) {
		return sandbox_fail(err, errno, "cannot drop capabilities: %s", strerror(errno));
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		return sandbox_fail(err, errno, "cannot set no_new_privs: %s", strerror(errno));
	}
	return 0;
}
