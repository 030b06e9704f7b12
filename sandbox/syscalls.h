#ifndef PARCLOSE_SANDBOX_SYSCALLS_H
#define PARCLOSE_SANDBOX_SYSCALLS_H

/*
 * The system calls that the C library does not wrap, or wraps only when new. All return a result or
 * -errno.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// Not in every header set that this builds with.
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

#ifndef CLONE_INTO_CGROUP // linux/sched.h
#define CLONE_INTO_CGROUP 0x200000000ull
#endif

struct sys_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};

static inline long sys_result(long ret) {
	return ret < 0 ? -errno : ret;
}

static inline long sys_clone3(struct sys_clone_args *args) {
	return sys_result(syscall(SYS_clone3, args, sizeof(*args)));
}

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t resolve) {
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	return (int)sys_result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

static inline int sys_open_tree(int dir, const char *path, unsigned int flags) {
	return (int)sys_result(syscall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC));
}

static inline int sys_move_mount(int from, int to) {
	return (int)sys_result(syscall(SYS_move_mount, from, "", to, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static inline int sys_mount_setattr(int fd, unsigned int flags, struct mount_attr *attr) {
	return (int)sys_result(
		syscall(SYS_mount_setattr, fd, "", flags | AT_EMPTY_PATH, attr, sizeof(*attr)));
}

static inline int sys_fsopen(const char *type) {
	return (int)sys_result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static inline int sys_fsconfig(int fd, unsigned int command, const char *key, const char *value) {
	return (int)sys_result(syscall(SYS_fsconfig, fd, command, key, value, 0));
}

static inline int sys_fsmount(int fd, unsigned int attr) {
	return (int)sys_result(syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attr));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old) {
	return (int)sys_result(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int sys_close_range(unsigned int first, unsigned int last, unsigned int flags) {
	return (int)sys_result(syscall(SYS_close_range, first, last, flags));
}

static inline int sys_faccessat2(int dir, const char *path, int mode, int flags) {
	return (int)sys_result(syscall(SYS_faccessat2, dir, path, mode, flags));
}

static inline int sys_pidfd_send_signal(int pidfd, int sig) {
	return (int)sys_result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

static inline int sys_landlock_create(
	const struct landlock_ruleset_attr *attr, size_t size, uint32_t flags) {
	return (int)sys_result(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

static inline int sys_landlock_beneath(int ruleset, int fd, uint64_t access) {
	struct landlock_path_beneath_attr attr = {.allowed_access = access, .parent_fd = fd};
	return (int)sys_result(
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0));
}

static inline int sys_landlock_restrict(int ruleset, uint32_t flags) {
	return (int)sys_result(syscall(SYS_landlock_restrict_self, ruleset, flags));
}

#endif
