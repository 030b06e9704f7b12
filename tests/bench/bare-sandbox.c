/*
 * The floor under the start of a sandbox: /bin/true with the namespaces, mounts, capabilities and
 * system call filter of ours, asked of the kernel one after the other by a program that does
 * nothing else. It reads no policy, keeps no log, makes no file of /etc, sets no Landlock rule and
 * serves nobody. For ordinary users only. With --filter it writes the filter, for a peer to load.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filters.inc"

#define STACK (64u << 10)

extern char **environ;

static void require(bool ok, const char *what) {
	if (!ok) {
		perror(what);
		_exit(125);
	}
}

static void put(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void map_ids(const char *process, unsigned int inside_uid, unsigned int inside_gid,
	unsigned int uid, unsigned int gid) {
	char path[64], line[64];
	snprintf(path, sizeof(path), "/proc/%s/setgroups", process);
	put(path, "deny");
	snprintf(path, sizeof(path), "/proc/%s/gid_map", process);
	snprintf(line, sizeof(line), "%u %u 1\n", inside_gid, gid);
	put(path, line);
	snprintf(path, sizeof(path), "/proc/%s/uid_map", process);
	snprintf(line, sizeof(line), "%u %u 1\n", inside_uid, uid);
	put(path, line);
}

static void add(const char *source, const char *target, const char *type, unsigned long flags,
	const char *options) {
	require(mount(source, target, type, flags, options) == 0, target);
}

// `target` is relative to the new root, `source` the same path outside it.
static void share(const char *target, bool directory) {
	char source[64];
	struct stat info;
	snprintf(source, sizeof(source), "/%s", target);
	if (stat(source, &info) != 0) {
		return;
	}
	require((directory ? mkdir(target, 0755) : mknod(target, S_IFREG | 0444, 0)) == 0, target);
	add(source, target, NULL, MS_BIND | MS_REC, NULL);
}

static void build_root(void) {
	static const char *const made[] = {"etc", "etc/ssl", "var", "var/cache", "dev", "dev/pts",
		"dev/shm", "proc", "tmp", "home", "home/agent", "run", "run/user", "run/user/1000"};
	static const char *const shared[] = {"usr", "var/cache/fontconfig", "etc/alternatives",
		"etc/fonts", "etc/libreoffice", "etc/ssl/certs", "etc/terminfo"};
	static const char *const files[] = {"etc/ld.so.cache", "etc/mime.types", "dev/null",
		"dev/zero", "dev/full", "dev/random", "dev/urandom", "dev/tty"};
	static const char *const private[] = {"dev/shm", "tmp", "home/agent", "run/user/1000"};
	static const char *const masked[] = {
		"proc/keys", "proc/key-users", "proc/kallsyms", "proc/timer_list"};
	const unsigned long safe = MS_NOSUID | MS_NODEV;
	add(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	add("tmpfs", "/tmp", "tmpfs", safe, "size=4m,mode=0755");
	require(chdir("/tmp") == 0, "/tmp");
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		require(mkdir(made[i], 0755) == 0, made[i]);
	}
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		share(shared[i], true);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		share(files[i], false);
	}
	require(symlink("usr/bin", "bin") == 0 && symlink("usr/lib", "lib") == 0 &&
			symlink("usr/lib64", "lib64") == 0,
		"links");
	add("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		add("tmpfs", private[i], "tmpfs", safe, "mode=0755");
	}
	add("proc", "proc", "proc", safe | MS_NOEXEC, NULL);
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		add("dev/null", masked[i], NULL, MS_BIND, NULL);
	}
	require(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
			chdir("/") == 0,
		"pivot_root");
}

// As in a sandbox of ours, beside the making of the root.
static int make_network(void *data) {
	volatile bool *made = (volatile bool *)data;
	require(unshare(CLONE_NEWNET) == 0, "network namespace");
	*made = true;
	pause(); // until it is killed: the namespace lives as long as this
	return 0;
}

static void give_up_rights(void) {
	require(unshare(CLONE_NEWUSER) == 0, "inner user namespace");
	map_ids("self", 1000, 1000, 1000, 1000);
	put("/proc/sys/user/max_user_namespaces", "0");
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		require(prctl(PR_CAPBSET_DROP, cap) == 0, "capabilities");
	}
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	require(syscall(SYS_capset, &header, none) == 0, "capabilities");
	require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	const struct sock_fprog program = {
		.len = sizeof(filter_0) / sizeof(filter_0[0]),
		.filter = (struct sock_filter *)(uintptr_t)filter_0,
	};
	require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "filter");
}

_Noreturn static void be_init(int go) {
	static char stack[STACK] __attribute__((aligned(16)));
	volatile bool made = false;
	char byte;
	int helper = -1, status;
	require(clone(make_network, stack + STACK, CLONE_VM | CLONE_PIDFD | SIGCHLD, (void *)&made,
			&helper) > 0,
		"helper");
	require(read(go, &byte, 1) == 1, "go");
	build_root();
	while (!made) {
		sched_yield();
	}
	require(setns(helper, CLONE_NEWNET) == 0, "network namespace");
	require(syscall(SYS_pidfd_send_signal, helper, SIGKILL, NULL, 0) == 0, "helper");
	close(helper);
	give_up_rights();
	char command[] = "/bin/true";
	char *argv[] = {command, NULL};
	pid_t pid = vfork();
	if (pid == 0) {
		execve(argv[0], argv, environ);
		_exit(127);
	}
	while (wait(&status) != pid) {}
	_exit(WEXITSTATUS(status));
}

int main(int argc, char *argv[]) {
	if (argc == 2 && strcmp(argv[1], "--filter") == 0) {
		return write(STDOUT_FILENO, filter_0, sizeof(filter_0)) != sizeof(filter_0);
	}
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			 CLONE_NEWTIME | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD,
	};
	int go[2], status;
	require(pipe2(go, O_CLOEXEC) == 0, "pipe");
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	require(pid >= 0, "clone3");
	if (pid == 0) {
		close(go[1]);
		be_init(go[0]);
	}
	char process[24];
	snprintf(process, sizeof(process), "%ld", pid);
	map_ids(process, 1000, 1000, getuid(), getgid());
	require(write(go[1], "", 1) == 1, "go");
	require(waitpid((pid_t)pid, &status, 0) == pid, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
