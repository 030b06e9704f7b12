/*
 * Attacks on the sandbox from inside. Prints "held NAME" or "broken NAME: what happened" a line;
 * ends with 1 when anything was broken. Run as the command of a sandbox: inside [--file
 * HOST_FILE]... [--socket HOST_SOCKET]... [--abstract HOST_NAME]... [--pid OUTER_PID]...
 *     [--env NAME]... [--nested]
 * The named things exist outside; reaching any of them is a break. --env allows one more variable.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool any_broken;

static int number(const char *text) {
	return (int)strtol(text, NULL, 10);
}

__attribute__((format(printf, 3, 4))) static void report(
	bool held, const char *name, const char *format, ...) {
	if (held) {
		printf("held %s\n", name);
		return;
	}
	any_broken = true;
	printf("broken %s: ", name);
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

// Held when the call failed, with one of the two codes when they are given (0: any).
static void must_fail(const char *name, long result, int code, int other) {
	int got = errno;
	report(result < 0 && (code == 0 || got == code || got == other), name, "%s (%s)",
		result < 0 ? "failed for another reason" : "succeeded",
		strerror(result < 0 ? got : 0));
}

static bool read_all(const char *path, char *text, size_t size) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	size_t len = 0;
	ssize_t got;
	while (len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0) {
		len += (size_t)got;
	}
	close(fd);
	text[len] = '\0';
	return true;
}

static void attack_processes(int argc, char **argv) {
	// Everything visible is pid 1, or descends from it in this pid namespace: few, and small
	// numbers.
	DIR *proc = opendir("/proc");
	int count = 0, highest = 0;
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		if (isdigit((unsigned char)entry->d_name[0])) {
			int pid = number(entry->d_name);
			count++;
			highest = pid > highest ? pid : highest;
		}
	}
	if (proc) {
		closedir(proc);
	}
	report(count >= 2 && count < 40 && highest < 5000, "processes-outer-invisible",
		"%d processes, highest pid %d", count, highest);
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--pid") == 0) {
			pid_t pid = (pid_t)strtol(argv[i + 1], NULL, 10);
			must_fail("kill-outer", kill(pid, 0), ESRCH, EPERM);
			must_fail("pidfd-outer", syscall(SYS_pidfd_open, pid, 0), ESRCH, EPERM);
			must_fail("ptrace-outer", ptrace(PTRACE_ATTACH, pid, NULL, NULL), ESRCH,
				EPERM);
			must_fail("getpgid-outer", getpgid(pid), ESRCH, EPERM);
		}
	}
	char byte;
	struct iovec local = {&byte, 1}, remote = {environ, 1};
	must_fail("process-vm-readv", process_vm_readv(1, &local, 1, &remote, 1, 0), EPERM, ESRCH);
	must_fail(
		"process-vm-writev", process_vm_writev(1, &local, 1, &remote, 1, 0), EPERM, ESRCH);
	must_fail("ptrace-init", ptrace(PTRACE_ATTACH, 1, NULL, NULL), EPERM, 0);
	must_fail("ptrace-traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM, 0);
	must_fail("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0), EPERM, 0);
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	must_fail("pidfd-getfd", syscall(SYS_pidfd_getfd, pidfd, 3, 0), EPERM, EBADF);
	if (pidfd >= 0) {
		close(pidfd);
	}
	static const char *const secrets[] = {"mem", "environ", "maps", "auxv", "root", "cwd",
		"exe", "fd", "ns/user", "stack", "syscall", NULL};
	for (size_t i = 0; secrets[i]; i++) {
		char path[64], name[64], link[256];
		snprintf(path, sizeof(path), "/proc/1/%s", secrets[i]);
		snprintf(name, sizeof(name), "proc-1-%s", secrets[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		bool open_failed = fd < 0;
		if (fd >= 0) {
			close(fd);
		}
		report(open_failed && (i < 4 || i > 6 || readlink(path, link, sizeof(link)) < 0),
			name, "can be opened");
	}
	char text[4096];
	memset(text, 0, sizeof(text));
	bool exact = read_all("/proc/1/cmdline", text, sizeof(text)) &&
		     strcmp(text, "parclose-init") == 0;
	for (size_t i = strlen(text); i < sizeof(text); i++) {
		exact = exact &&
			text[i] == '\0'; // nothing of the supervisor's own arguments behind it
	}
	report(exact, "proc-1-cmdline", "is '%s' and more", text);
	must_fail("oom-score-init", open("/proc/1/oom_score_adj", O_WRONLY), 0, 0);
}

static void attack_terminal(void) {
	// With a terminal these would type into it; without one the answer must be the same.
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	int fd = tty >= 0 ? tty : 0;
	char c = '\n';
	static const uint64_t high[] = {0, 1ULL << 32, 0xdeadbeefULL << 32};
	for (size_t i = 0; i < 3; i++) {
		char name[32];
		snprintf(name, sizeof(name), "ioctl-tiocsti-%zu", i);
		must_fail(name, syscall(SYS_ioctl, fd, 0x5412ULL | high[i], &c), EPERM, 0);
		snprintf(name, sizeof(name), "ioctl-tioclinux-%zu", i);
		c = 3;
		must_fail(name, syscall(SYS_ioctl, fd, 0x541CULL | high[i], &c), EPERM, 0);
		int discipline = 2;
		snprintf(name, sizeof(name), "ioctl-tiocsetd-%zu", i);
		must_fail(name, syscall(SYS_ioctl, fd, 0x5423ULL | high[i], &discipline), EPERM, 0);
	}
	if (tty >= 0) {
		close(tty);
	}
}

static void must_not_open(const char *name, int domain, int type, int protocol) {
	int fd = socket(domain, type, protocol);
	int code = errno;
	report(fd < 0 && (code == EAFNOSUPPORT || code == EPROTONOSUPPORT), name, "%s",
		fd < 0 ? strerror(code) : "was opened");
	if (fd >= 0) {
		close(fd);
	}
}

static void must_open(const char *name, int domain, int type, int protocol) {
	int fd = socket(domain, type, protocol);
	report(fd >= 0, name, "%s", strerror(errno));
	if (fd >= 0) {
		close(fd);
	}
}

// A socket that lingers holds up whoever it was sent to, when they close it.
static void attack_linger(void) {
	static const uint64_t high[] = {0, 1ULL << 32, 1ULL << 63};
	for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		struct linger linger = {.l_onoff = 1, .l_linger = 3600};
		socklen_t len = sizeof(linger);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		syscall(SYS_setsockopt, fd, SOL_SOCKET | high[i], SO_LINGER | high[i], &linger,
			len);
		bool got = getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0;
		report(got && linger.l_onoff == 0, "socket-linger", "it lingers for %d s",
			linger.l_linger);
		close(fd);
	}
}

static void attack_sockets(int argc, char **argv) {
	attack_linger();
	must_not_open("socket-vsock", 40, SOCK_STREAM, 0);
	must_not_open("socket-packet", AF_PACKET, SOCK_RAW, 0);
	must_not_open("socket-alg", 38, SOCK_SEQPACKET, 0);
	must_not_open("socket-key", 15, SOCK_RAW, 2);
	must_not_open("socket-bluetooth", 31, SOCK_RAW, 1);
	must_not_open("socket-can", 29, SOCK_RAW, 1);
	must_not_open("socket-xdp", 44, SOCK_RAW, 0);
	must_not_open("socket-tipc", 30, SOCK_RDM, 0);
	must_not_open("socket-rds", 21, SOCK_SEQPACKET, 0);
	must_not_open("socket-unspec", 0, SOCK_STREAM, 0);
	must_not_open("netlink-netfilter", AF_NETLINK, SOCK_RAW, 12);
	must_not_open("netlink-audit", AF_NETLINK, SOCK_RAW, 9);
	must_not_open("netlink-uevent", AF_NETLINK, SOCK_RAW, 15);
	must_not_open("netlink-generic", AF_NETLINK, SOCK_RAW, 16);
	for (int domain = AF_INET; domain <= AF_INET6; domain += AF_INET6 - AF_INET) {
		must_not_open("socket-mptcp", domain, SOCK_STREAM | SOCK_CLOEXEC, 262);
		must_not_open("socket-smc", domain, SOCK_STREAM, 256);
		must_not_open("socket-sctp", domain, SOCK_STREAM, 132);
		must_not_open("socket-sctp-packets", domain, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		must_not_open("socket-dccp", domain, SOCK_DCCP, 33);
		must_not_open("socket-udplite", domain, SOCK_DGRAM, 136);
		must_not_open("socket-l2tp", domain, SOCK_DGRAM, 115);
		must_open("socket-tcp-stays", domain, SOCK_STREAM, 6);
		must_open("socket-udp-stays", domain, SOCK_DGRAM, 17);
	}
	must_open("socket-unix-stays", AF_UNIX, SOCK_STREAM, 0);
	must_open("socket-inet-stays", AF_INET, SOCK_STREAM, 0);
	must_open("socket-inet6-stays", AF_INET6, SOCK_DGRAM, 0);
	must_open("netlink-route-stays", AF_NETLINK, SOCK_RAW, 0);
	int fd = (int)syscall(SYS_socket, 40ULL | (1ULL << 32), SOCK_STREAM, 0);
	must_fail("socket-vsock-high-bits", fd, EAFNOSUPPORT, 0);
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | (1ULL << 32), 262ULL | (1ULL << 33));
	must_fail("socket-mptcp-high-bits", fd, EPROTONOSUPPORT, 0);
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_RAW, 255);
	must_fail("socket-raw", fd, EPERM, 0);
	int pair[2];
	must_fail("socketpair-tipc", socketpair(30, SOCK_STREAM, 0, pair), EAFNOSUPPORT, 0);

	struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(53)};
	inet_pton(AF_INET, "1.1.1.1", &outside.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must_fail("connect-internet", connect(fd, (struct sockaddr *)&outside, sizeof(outside)),
		ENETUNREACH, 0);
	close(fd);
	for (int i = 1; i + 1 < argc; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		socklen_t len = sizeof(address);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (strcmp(argv[i], "--socket") == 0) {
			snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[i + 1]);
			must_fail("connect-host-socket",
				connect(fd, (struct sockaddr *)&address, len), ENOENT, EACCES);
		} else if (strcmp(argv[i], "--abstract") == 0) {
			snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s",
				argv[i + 1]);
			len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					  strlen(argv[i + 1]));
			must_fail("connect-host-abstract",
				connect(fd, (struct sockaddr *)&address, len), ECONNREFUSED, EPERM);
		}
		close(fd);
	}
	static const char *const usual[] = {"/run/dbus/system_bus_socket", "/var/run/docker.sock",
		"/run/systemd/private", "/run/user/0/bus", "/run/user/1000/bus",
		"/tmp/.X11-unix/X0", "/run/user/1000/pipewire-0", "/run/snapd.socket", NULL};
	for (size_t i = 0; usual[i]; i++) {
		struct stat stat_buffer;
		report(stat(usual[i], &stat_buffer) < 0, "usual-socket", "%s is there", usual[i]);
	}
}

static int in_child(void *unused) {
	(void)unused;
	return 0;
}

static void attack_namespaces(bool nested) {
	static const struct {
		const char *name;
		int flag;
		bool nested;
	} flags[] = {{"user", CLONE_NEWUSER, true}, {"mount", CLONE_NEWNS, false},
		{"pid", CLONE_NEWPID, true}, {"net", CLONE_NEWNET, true},
		{"ipc", CLONE_NEWIPC, true}, {"uts", CLONE_NEWUTS, false},
		{"cgroup", 0x02000000, false}, {"time", 0x80, false}};
	static char stack[65536];
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char name[48];
		if (nested && flags[i].nested) {
			continue;
		}
		snprintf(name, sizeof(name), "unshare-%s", flags[i].name);
		must_fail(name, unshare(flags[i].flag), EPERM, 0);
		snprintf(name, sizeof(name), "unshare-user-%s", flags[i].name);
		must_fail(name, unshare(CLONE_NEWUSER | flags[i].flag), EPERM, 0);
		if (flags[i].flag != 0x80) {
			snprintf(name, sizeof(name), "clone-%s", flags[i].name);
			must_fail(name,
				clone(in_child, stack + sizeof(stack), flags[i].flag | SIGCHLD,
					NULL),
				EPERM, 0);
		}
	}
	uint64_t clone_args[11] = {CLONE_NEWUSER};
	must_fail("clone3", syscall(435, clone_args, sizeof(clone_args)), ENOSYS, 0);
	int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	must_fail("setns", syscall(SYS_setns, ns, 0), EPERM, 0);
	if (ns >= 0) {
		close(ns);
	}
	// The second lock: even where the filter lets it pass, the kernel's own limit is 0.
	char text[64];
	if (!nested) {
		report(read_all("/proc/sys/user/max_user_namespaces", text, sizeof(text)) &&
				number(text) == 0,
			"max-user-namespaces", "is %s", text);
		must_fail("raise-max-user-namespaces",
			open("/proc/sys/user/max_user_namespaces", O_WRONLY), 0, 0);
		must_fail("chroot", chroot("/tmp"), EPERM, 0);
	}
}

static void attack_mounts(void) {
	must_fail("mount", mount("tmpfs", "/tmp", "tmpfs", 0, NULL), EPERM, 0);
	must_fail("mount-remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM, 0);
	must_fail("umount", umount2("/proc", MNT_DETACH), EPERM, 0);
	must_fail("pivot-root", syscall(SYS_pivot_root, ".", "."), EPERM, 0);
	static const struct {
		const char *name;
		long number;
	} calls[] = {{"open-tree", 428}, {"move-mount", 429}, {"fsopen", 430}, {"fsconfig", 431},
		{"fsmount", 432}, {"fspick", 433}, {"mount-setattr", 442}, {"open-tree-attr", 467}};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		must_fail(calls[i].name, syscall(calls[i].number, 0, 0, 0, 0, 0), ENOSYS, 0);
	}
}

static void attack_kernel(void) {
	static const struct {
		const char *name;
		long number;
	} calls[] = {{"io-uring-setup", 425}, {"io-uring-enter", 426}, {"io-uring-register", 427},
		{"bpf", SYS_bpf}, {"userfaultfd", SYS_userfaultfd},
		{"perf-event-open", SYS_perf_event_open}, {"keyctl", SYS_keyctl},
		{"add-key", SYS_add_key}, {"request-key", SYS_request_key}, {"syslog", SYS_syslog},
		{"init-module", SYS_init_module}, {"kexec-load", SYS_kexec_load},
		{"open-by-handle-at", SYS_open_by_handle_at},
		{"name-to-handle-at", SYS_name_to_handle_at}, {"fanotify-init", SYS_fanotify_init},
		{"acct", SYS_acct}, {"quotactl", SYS_quotactl}, {"swapon", SYS_swapon},
		{"reboot", SYS_reboot}, {"mbind", SYS_mbind}, {"move-pages", SYS_move_pages},
		{"lsm-set-self-attr", 460}};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		must_fail(calls[i].name, syscall(calls[i].number, 0, 0, 0, 0, 0), EPERM, 0);
	}
	must_fail("personality", syscall(SYS_personality, 0x0040000), EPERM, 0);
#ifdef __x86_64__
	// The same machine by other doors: x32 numbers, and i386's gate.
	must_fail("x32-socket", syscall(0x40000000 | SYS_getpid), ENOSYS, 0);
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L /* getpid */) : "memory");
	report(result == -ENOSYS, "i386-gate", "answered %ld", result);
#endif
}

static void must_not_write(const char *path) {
	char name[96];
	snprintf(name, sizeof(name), "write %s", path);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	report(fd < 0, name, "was opened for writing");
	if (fd >= 0) {
		close(fd);
	}
}

static bool starts(const char *text, const char *with) {
	return strncmp(text, with, strlen(with)) == 0;
}

// Every mount, by what the kernel says of it: read-only unless it is the sandbox's own, never a
// set-user-ID or a device.
static void attack_mount_flags(void) {
	static const char *const writable[] = {
		"/tmp", "/home/agent", "/run/user/1000", "/dev/", "/proc", NULL};
	char line[1024];
	FILE *file = fopen("/proc/self/mounts", "re");
	while (file && fgets(line, sizeof(line), file)) {
		char point[256], type[32], flags[512];
		if (sscanf(line, "%*s %255s %31s %511s", point, type, flags) != 3) {
			report(false, "mounts", "cannot read '%s'", line);
			continue;
		}
		bool own = false, device = starts(point, "/dev/") && !starts(type, "tmpfs");
		for (size_t i = 0; writable[i]; i++) {
			own = own || starts(point, writable[i]);
		}
		report(own || starts(flags, "ro,"), "mount-read-only", "%s is writable", point);
		report(device || starts(type, "devtmpfs") ||
				(strstr(flags, "nosuid") && strstr(flags, "nodev")),
			"mount-nosuid-nodev", "%s has %s", point, flags);
	}
	report(file != NULL, "mounts", "cannot be read");
	if (file) {
		fclose(file);
	}
	must_fail("chmod-usr", chmod("/usr/bin/env", 0777), EROFS, 0);
	must_fail("chmod-etc-fonts", chmod("/etc/ld.so.cache", 0777), EROFS, 0);
	must_fail("chmod-root", chmod("/", 0777), EROFS, 0);
	must_fail("chmod-etc", chmod("/etc", 0777), EROFS, 0);
}

// Standard output can be a file of the host's that is open for writing only. No mount holds that,
// Landlock does.
static void attack_descriptors(void) {
	for (int fd = 0; fd <= 2; fd++) {
		char path[32], name[32];
		struct stat stat_buffer;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		snprintf(name, sizeof(name), "reopen-%d", fd);
		if (fstat(fd, &stat_buffer) == 0 && S_ISREG(stat_buffer.st_mode)) {
			must_fail(name, open(path, O_RDWR | O_CLOEXEC), EACCES, 0);
		}
	}
}

static void attack_files(int argc, char **argv) {
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--file") == 0) {
			must_fail("open-host-file", open(argv[i + 1], O_RDONLY | O_CLOEXEC), 0, 0);
			char path[4200];
			snprintf(path, sizeof(path), "/proc/1/root%s", argv[i + 1]);
			must_fail("open-host-file-by-init", open(path, O_RDONLY | O_CLOEXEC), 0, 0);
		}
	}
	static const char *const directories[] = {"/", "/usr", "/usr/bin", "/etc", "/dev", "/home",
		"/run", "/var", "/proc", "/proc/sys", NULL};
	for (size_t i = 0; directories[i]; i++) {
		char path[128], name[160];
		snprintf(path, sizeof(path), "%s/parclose-attack", directories[i]);
		snprintf(name, sizeof(name), "create %s", path);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		report(fd < 0, name, "was made");
		if (fd >= 0) {
			close(fd);
		}
	}
	must_not_write("/etc/passwd");
	must_not_write("/etc/ld.so.cache");
	must_not_write("/usr/bin/env");
	must_not_write("/proc/sys/kernel/core_pattern");
	must_not_write("/proc/sys/kernel/hostname");
	must_not_write("/proc/sys/vm/overcommit_memory");
	must_not_write("/proc/sys/fs/file-max");
	must_not_write("/proc/sysrq-trigger-x");
	must_not_write("/proc/irq/0/smp_affinity");
	must_not_write("/sys/kernel/uevent_helper");
	must_fail("rename-usr", rename("/usr/bin/env", "/usr/bin/env2"), 0, 0);
	must_fail("mknod-null", mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)), EPERM, EACCES);
	must_fail("mknod-disk", mknod("/tmp/disk", S_IFBLK | 0666, makedev(8, 0)), EPERM, EACCES);
	static const char *const hidden[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list",
		"/proc/kallsyms", "/proc/key-users", NULL};
	char text[64];
	for (size_t i = 0; hidden[i]; i++) {
		report(!read_all(hidden[i], text, sizeof(text)) || text[0] == '\0', hidden[i],
			"has text");
	}
	// The root's own place in the host's tree must have no way up.
	struct stat root, above;
	report(stat("/", &root) == 0 && stat("/..", &above) == 0 && root.st_ino == above.st_ino &&
			root.st_dev == above.st_dev,
		"root-is-the-top", "there is something above");
	report(getcwd(text, sizeof(text)) && text[0] == '/', "cwd-is-inside", "%s", text);
	int made = open("/tmp/own", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	report(made >= 0, "tmp-is-usable", "%s", strerror(errno));
	must_fail("fchmod-setuid", fchmod(made, 04755), EPERM, 0);
	must_fail("chmod-setgid", chmod("/tmp/own", 02755), EPERM, 0);
	must_fail("create-setuid", open("/tmp/own2", O_RDWR | O_CREAT, 04755), EPERM, 0);
	must_fail("openat2", syscall(437, AT_FDCWD, "/tmp/own3", NULL, 0), ENOSYS, 0);
}

static void attack_rights(int argc, char **argv) {
	char text[8192];
	static const char *const zero[] = {
		"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", NULL};
	bool have = read_all("/proc/self/status", text, sizeof(text));
	for (size_t i = 0; zero[i]; i++) {
		const char *line = have ? strstr(text, zero[i]) : NULL;
		report(line && strtoull(line + strlen(zero[i]), NULL, 16) == 0, zero[i],
			"not zero");
	}
	const char *line = have ? strstr(text, "NoNewPrivs:") : NULL;
	report(line && number(line + 11) == 1, "NoNewPrivs", "not set");
	line = have ? strstr(text, "\nSeccomp:") : NULL;
	report(line && number(line + 9) == 2, "Seccomp", "no filter");
	report(getuid() == 1000 && geteuid() == 1000 && getgid() == 1000 && getegid() == 1000,
		"ids", "uid %d gid %d", (int)getuid(), (int)getgid());
	must_fail("setuid-0", setuid(0), 0, 0);
	must_fail("setgid-0", setgid(0), 0, 0);
	must_fail("setgroups", syscall(SYS_setgroups, 0, NULL), EPERM, 0);
	must_fail("capset-bounding", prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) - 1, 0, 0);
	must_fail("sethostname", sethostname("x", 1), EPERM, 0);
	must_fail("setpriority", setpriority(0, 0, -10), EACCES, EPERM);
	// A set-user-ID program that the host has must give nothing.
	static const char *const setuid_programs[] = {
		"/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", NULL};
	struct stat stat_buffer;
	for (size_t i = 0; setuid_programs[i]; i++) {
		if (stat(setuid_programs[i], &stat_buffer) == 0 &&
			(stat_buffer.st_mode & S_ISUID)) {
			report(stat_buffer.st_uid != 0, "setuid-owner", "%s is root's inside",
				setuid_programs[i]);
		}
	}
	int fds[16];
	size_t count = 0;
	DIR *listing = opendir("/proc/self/fd");
	for (struct dirent *entry; listing && (entry = readdir(listing));) {
		if (entry->d_name[0] != '.' && number(entry->d_name) != dirfd(listing) &&
			count < 16) {
			fds[count++] = number(entry->d_name);
		}
	}
	bool exact = count == 3;
	for (size_t i = 0; i < count; i++) {
		exact = exact && fds[i] <= 2;
	}
	report(exact, "descriptors", "%zu are open", count);
	if (listing) {
		closedir(listing);
	}
	static const char *const allowed[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG",
		"XDG_RUNTIME_DIR", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "TERM", NULL};
	for (char **variable = environ; *variable; variable++) {
		size_t len = strcspn(*variable, "=");
		bool known = false;
		for (size_t i = 0; allowed[i]; i++) {
			known = known || (strlen(allowed[i]) == len &&
						 strncmp(allowed[i], *variable, len) == 0);
		}
		for (int i = 1; i + 1 < argc; i++) {
			known = known ||
				(strcmp(argv[i], "--env") == 0 && strlen(argv[i + 1]) == len &&
					strncmp(argv[i + 1], *variable, len) == 0);
		}
		report(known, "environment", "%.*s came in", (int)len, *variable);
	}
}

int main(int argc, char **argv) {
	setvbuf(stdout, NULL, _IOLBF,
		0); // where nothing holds, an attack may end this very program
	bool nested = false;
	for (int i = 1; i < argc; i++) {
		nested = nested || strcmp(argv[i], "--nested") == 0;
	}
	attack_rights(argc, argv);
	attack_processes(argc, argv);
	attack_terminal();
	attack_sockets(argc, argv);
	attack_namespaces(nested);
	attack_mounts();
	attack_kernel();
	attack_mount_flags();
	attack_descriptors();
	attack_files(argc, argv);
	return any_broken ? 1 : 0;
}
