#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Makes sandbox/filters.inc at build time: the system call filters as the kernel takes them.
 * Compiling them at each start would take a sixth of it, for the same result every time.
 *
 * What stays reachable of the kernel inside. Deny-list, as flatpak's: a desktop's programs use too
 * much for the reverse. Mount, namespaces, keys, tracing and what has no business in a desktop is
 * refused; where a program has a fall-back for an old kernel the answer is ENOSYS, else EPERM.
 */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef TIOCSTI
#define TIOCSTI 0x5412
#endif
#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

struct filter_options {
	bool nested_userns, pin_cpus, listed_executables;
};

struct denied {
	const char *name;
	int number; // for a libseccomp older than the call; the same on all architectures since
		    // 424; -1: none
	int code;
};

static const struct denied denied[] = {
	// The kernel log, accounting, quotas, modules, the machine.
	{"syslog", -1, EPERM},
	{"uselib", -1, EPERM},
	{"acct", -1, EPERM},
	{"quotactl", -1, EPERM},
	{"quotactl_fd", 443, EPERM},
	{"init_module", -1, EPERM},
	{"finit_module", -1, EPERM},
	{"delete_module", -1, EPERM},
	{"kexec_load", -1, EPERM},
	{"kexec_file_load", -1, EPERM},
	{"reboot", -1, EPERM},
	{"swapon", -1, EPERM},
	{"swapoff", -1, EPERM},
	{"iopl", -1, EPERM},
	{"ioperm", -1, EPERM},
	{"vhangup", -1, EPERM},
	{"modify_ldt", -1, EPERM},
	{"vm86", -1, EPERM},
	{"vm86old", -1, EPERM},
	{"nfsservctl", -1, ENOSYS},
	{"lookup_dcookie", -1, EPERM},
	{"settimeofday", -1, EPERM},
	{"clock_settime", -1, EPERM},
	{"adjtimex", -1, EPERM},
	{"clock_adjtime", -1, EPERM},
	// Keyrings belong to no namespace.
	{"add_key", -1, EPERM},
	{"keyctl", -1, EPERM},
	{"request_key", -1, EPERM},
	// NUMA placement: old, large, of no use to a desktop.
	{"move_pages", -1, EPERM},
	{"mbind", -1, EPERM},
	{"get_mempolicy", -1, EPERM},
	{"set_mempolicy", -1, EPERM},
	{"migrate_pages", -1, EPERM},
	{"set_mempolicy_home_node", 450, EPERM},
	// Mounts, old and new ways.
	{"setns", -1, EPERM},
	{"mount", -1, EPERM},
	{"umount", -1, EPERM},
	{"umount2", -1, EPERM},
	{"pivot_root", -1, EPERM},
	{"open_tree", 428, ENOSYS},
	{"move_mount", 429, ENOSYS},
	{"fsopen", 430, ENOSYS},
	{"fsconfig", 431, ENOSYS},
	{"fsmount", 432, ENOSYS},
	{"fspick", 433, ENOSYS},
	{"mount_setattr", 442, ENOSYS},
	{"open_tree_attr", 467, ENOSYS},
	{"listns", 470, ENOSYS},
	// Its flags are behind a pointer, which a filter cannot see; the C library falls back to
	// clone().
	{"clone3", 435, ENOSYS},
	// Other processes' memory and descriptors.
	{"ptrace", -1, EPERM},
	{"process_vm_readv", -1, EPERM},
	{"process_vm_writev", -1, EPERM},
	{"kcmp", -1, EPERM},
	{"pidfd_getfd", 438, EPERM},
	{"process_madvise", 440, EPERM},
	// Attack surface with a history.
	{"bpf", -1, EPERM},
	{"userfaultfd", -1, EPERM},
	{"perf_event_open", -1, EPERM},
	{"io_uring_setup", 425, EPERM},
	{"io_uring_enter", 426, EPERM},
	{"io_uring_register", 427, EPERM},
	{"fanotify_init", -1, EPERM},
	{"fanotify_mark", -1, EPERM},
	{"name_to_handle_at", -1, EPERM},
	{"open_by_handle_at", -1, EPERM},
	{"lsm_set_self_attr", 460, EPERM},
};

// Takes the first error; libseccomp returns -errno.
static void add(int *ret, int added) {
	*ret = *ret < 0 ? *ret : added;
}

static void add_denied(scmp_filter_ctx context, int *ret) {
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		int number = seccomp_syscall_resolve_name(denied[i].name);
		if (number == __NR_SCMP_ERROR) {
			number = denied[i].number;
		}
		// A negative number is a call that this architecture does not have.
		if (number >= 0) {
			add(ret,
				seccomp_rule_add_exact_array(context,
					SCMP_ACT_ERRNO((uint32_t)denied[i].code), number, 0, NULL));
		}
	}
}

static void add_namespaces(
	scmp_filter_ctx context, const struct filter_options *options, int *ret) {
	const struct {
		uint64_t flag;
		bool nested; // stays when user namespaces may be made inside
	} flags[] = {
		{CLONE_NEWUSER, true},
		{CLONE_NEWPID, true},
		{CLONE_NEWNET, true},
		{CLONE_NEWNS, false},
		{CLONE_NEWIPC, true}, // Firefox
		{CLONE_NEWUTS, false},
		{CLONE_NEWCGROUP, false},
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (options->nested_userns && flags[i].nested) {
			continue;
		}
		const struct scmp_arg_cmp arg =
			SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i].flag, flags[i].flag);
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, arg));
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1, arg));
	}
	// In clone() this bit is part of the exit signal.
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
			 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWTIME, CLONE_NEWTIME)));
	if (!options->nested_userns) {
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(chroot), 0));
	}
}

/*
 * UNIX, INET, INET6 and route netlink. VSOCK above all is not: no network namespace holds it.
 * Compared as 64 bits though the kernel reads 32: a value with high bits set is above the last one
 * and so refused.
 */
static void add_families(scmp_filter_ctx context, int *ret) {
	static const int allowed[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	const size_t count = sizeof(allowed) / sizeof(allowed[0]);
	size_t next = 0;
	for (int family = 0; family <= allowed[count - 1]; family++) {
		if (family == allowed[next]) {
			next++;
			continue;
		}
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				 SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family)));
	}
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			 SCMP_A0(SCMP_CMP_GT, (scmp_datum_t)allowed[count - 1])));
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket),
			 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_NE, 0)));
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair),
			 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)));
}

/*
 * Of the Internet's sockets TCP, UDP and ICMP's echo. MPTCP, SCTP, DCCP, UDP-Lite, SMC and L2TP are
 * much code with a history, some of it loaded on the host because a program asks, and programs do
 * without. Raw sockets are left to the kernel, which refuses them where they could reach anything.
 * The kernel reads 32 bits: a protocol with high bits set is above the last one and so refused.
 */
static void add_protocols(scmp_filter_ctx context, int *ret) {
	static const int families[] = {AF_INET, AF_INET6};
	static const int types[] = {SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP};
	static const struct {
		int type, last;
	} protocols[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_ICMPV6}};
	for (size_t i = 0; i < 2; i++) {
		const struct scmp_arg_cmp family = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]);
		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
			add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
					 SCMP_SYS(socket), 2, family,
					 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)types[j])));
		}
		for (size_t j = 0; j < sizeof(protocols) / sizeof(protocols[0]); j++) {
			add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
					 SCMP_SYS(socket), 3, family,
					 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf,
						 (scmp_datum_t)protocols[j].type),
					 SCMP_A2(SCMP_CMP_GT, (scmp_datum_t)protocols[j].last)));
		}
	}
}

/*
 * Who closes a TCP socket last waits, with SO_LINGER, until the other end has read everything, and
 * neither O_NONBLOCK nor a signal that is blocked helps. A socket that was sent to the supervisor
 * or to the compositor is closed by them, even unread (unix(7), SCM_RIGHTS; inet_release() in
 * net/ipv4/af_inet.c). So nobody lingers here: the call succeeds without effect, because programs
 * take its failure for one of the connection. Compared as the 32 bits that the kernel reads.
 */
static void add_linger(scmp_filter_ctx context, int *ret) {
	const scmp_datum_t all = UINT32_MAX;
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(0), SCMP_SYS(setsockopt), 2,
			 SCMP_A1(SCMP_CMP_MASKED_EQ, all, SOL_SOCKET),
			 SCMP_A2(SCMP_CMP_MASKED_EQ, all, SO_LINGER)));
}

/*
 * A file with the set-user-ID bit that the agent makes in a granted directory would be one of the
 * user's (or root's) on the host, for everybody there. nosuid mounts only protect the inside.
 */
static void add_mode_bits(scmp_filter_ctx context, int *ret) {
	static const struct {
		const char *name;
		unsigned int arg;
		bool create; // the mode counts only with O_CREAT or O_TMPFILE, in the argument
			     // before it
	} calls[] = {
		{"chmod", 1, false},
		{"fchmod", 1, false},
		{"fchmodat", 2, false},
		{"fchmodat2", 2, false},
		{"mknod", 1, false},
		{"mknodat", 2, false},
		{"creat", 1, false},
		{"open", 2, true},
		{"openat", 3, true},
	};
	const scmp_datum_t bits[] = {S_ISUID, S_ISGID};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int number = seccomp_syscall_resolve_name(calls[i].name);
		if (number == __NR_SCMP_ERROR && strcmp(calls[i].name, "fchmodat2") == 0) {
			number = 452;
		}
		for (size_t b = 0; b < 2 && number >= 0; b++) {
			const struct scmp_arg_cmp mode =
				SCMP_CMP(calls[i].arg, SCMP_CMP_MASKED_EQ, bits[b], bits[b]);
			if (!calls[i].create) {
				add(ret, seccomp_rule_add_exact(
						 context, SCMP_ACT_ERRNO(EPERM), number, 1, mode));
				continue;
			}
			// Without O_CREAT the C library leaves the argument as it happens to be.
			add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPERM), number, 2,
					 SCMP_CMP(calls[i].arg - 1, SCMP_CMP_MASKED_EQ, O_CREAT,
						 O_CREAT),
					 mode));
			add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPERM), number, 2,
					 SCMP_CMP(calls[i].arg - 1, SCMP_CMP_MASKED_EQ, O_TMPFILE,
						 O_TMPFILE),
					 mode));
		}
	}
	// Its mode is behind a pointer; programs fall back to openat().
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(ENOSYS), 437 /* openat2 */, 0));
}

static void add_rest(scmp_filter_ctx context, const struct filter_options *options, int *ret) {
	// The kernel looks at the low 32 bits only (CVE-2019-10063). TIOCSETD loads line
	// disciplines on demand.
	static const unsigned int requests[] = {TIOCSTI, TIOCLINUX, TIOCSETD};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, requests[i])));
	}
	add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(personality), 1,
			 SCMP_A0(SCMP_CMP_NE, 0)));
	if (options->pin_cpus) {
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sched_setaffinity), 0));
	}
	// Landlock does not see a memfd, and no mount makes it noexec. Programs that know no such
	// flag fall back.
	if (options->listed_executables) {
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(ENOSYS),
				 SCMP_SYS(memfd_create), 1,
				 SCMP_A1(SCMP_CMP_MASKED_EQ, MFD_NOEXEC_SEAL, 0)));
	}
}

static void add_agent(scmp_filter_ctx context, const struct filter_options *options, int *ret) {
	// A foreign architecture (i386 and x32 on x86-64) would number the same calls otherwise.
	add(ret, seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
	add_denied(context, ret);
	add_namespaces(context, options, ret);
	add_families(context, ret);
	add_protocols(context, ret);
	add_linger(context, ret);
	add_mode_bits(context, ret);
	add_rest(context, options, ret);
}

static const char *const server_calls[] = {
	// Memory.
	"brk",
	"madvise",
	"mremap",
	"munmap",
	"memfd_create",
	"ftruncate",
	"fallocate",
	// Descriptors.
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"fstat",
	"lseek",
	"poll",
	"ppoll",
	"pread64",
	"pwrite64",
	"pwritev2",
	"read",
	"readv",
	"write",
	"writev",
	"pipe2",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"signalfd4",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"select",
	"pselect6",
	// Sockets that it was handed or that it accepts.
	"accept4",
	"getpeername",
	"getsockname",
	"getsockopt",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	// Time, random numbers, itself.
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"gettimeofday",
	"nanosleep",
	"time",
	"getrandom",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrusage",
	"sched_yield",
	"sched_getaffinity",
	"futex",
	"futex_wait",
	"futex_wake",
	"rseq",
	"set_robust_list",
	"uname",
	"sysinfo",
	"restart_syscall",
	"membarrier",
	// Signals and the end.
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sigaltstack",
	"tgkill",
	"tkill",
	"kill",
	"exit",
	"exit_group",
};

// What a library tries on the way and lives without; death would be too hard an answer.
static const char *const server_refused[] = {
	"access",
	"faccessat",
	"faccessat2",
	"getcwd",
	"ioctl",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"prctl",
	"prlimit64",
	"getrlimit",
	"readlink",
	"readlinkat",
	"sched_setscheduler",
	"sched_getscheduler",
	"sched_getparam",
	"sched_get_priority_min",
	"sched_get_priority_max",
	"setpriority",
	"stat",
	"lstat",
	"statfs",
	"fstatfs",
	"statx",
	"unlink",
	"unlinkat",
	"clone3",
};

// What the display server lives without, and the network broker is there for.
static const char *const broker_calls[] = {"bind", "connect", "splice"};

/*
 * TCP and UDP, and no other socket: none of the host's abstract ones, no raw ones, no netlink. The
 * broker binds what c-ares and datagrams leave from; listening stays forbidden.
 */
static void add_broker_sockets(scmp_filter_ctx context, int *ret) {
	static const unsigned int families[] = {AF_INET, AF_INET6};
	static const unsigned int types[][3] = {
		{SOCK_STREAM, 0, IPPROTO_TCP}, {SOCK_DGRAM, 0, IPPROTO_UDP}};
	for (size_t i = 0; i < 8; i++) {
		const unsigned int *type = types[i / 2 % 2];
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
				 SCMP_A0(SCMP_CMP_EQ, families[i / 4]),
				 SCMP_A1(SCMP_CMP_MASKED_EQ,
					 ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), type[0]),
				 SCMP_A2(SCMP_CMP_EQ, type[1 + i % 2])));
	}
	for (size_t i = 0; i < sizeof(broker_calls) / sizeof(broker_calls[0]); i++) {
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ALLOW,
				 seccomp_syscall_resolve_name(broker_calls[i]), 0));
	}
}

// A server parses hostile bytes and needs little: an allow-list, and death for the rest.
static void add_server(scmp_filter_ctx context, bool broker, int *ret) {
	if (broker) {
		add_broker_sockets(context, ret);
	} else {
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 0));
		add(ret, seccomp_rule_add_exact(
				 context, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(connect), 0));
	}
	for (size_t i = 0; i < sizeof(server_calls) / sizeof(server_calls[0]); i++) {
		int number = seccomp_syscall_resolve_name(server_calls[i]);
		if (number >= 0) {
			add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ALLOW, number, 0));
		}
	}
	for (size_t i = 0; i < sizeof(server_refused) / sizeof(server_refused[0]); i++) {
		int number = seccomp_syscall_resolve_name(server_refused[i]);
		if (number >= 0) {
			add(ret,
				seccomp_rule_add_exact(context, SCMP_ACT_ERRNO(EACCES), number, 0));
		}
	}
	// Memory never becomes code.
	const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	for (size_t i = 0; i < 2; i++) {
		add(ret, seccomp_rule_add_exact(context, SCMP_ACT_ALLOW, calls[i], 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
	}
}

static int print(scmp_filter_ctx context, const char *name, FILE *out) {
	FILE *file = tmpfile();
	int fd = file ? fileno(file) : -1;
	int ret = fd < 0 ? -errno : seccomp_export_bpf(context, fd);
	struct sock_filter line;
	if (ret < 0 || lseek(fd, 0, SEEK_SET) != 0) {
		return ret < 0 ? ret : -errno;
	}
	fprintf(out, "static const struct sock_filter %s[] = {\n", name);
	while (read(fd, &line, sizeof(line)) == sizeof(line)) {
		fprintf(out, "\t{0x%04x, %u, %u, 0x%08x},\n", line.code, line.jt, line.jf, line.k);
	}
	fprintf(out, "};\n\n");
	fclose(file);
	return 0;
}

int main(int argc, char **argv) {
	static const char *const names[] = {"filter_0", "filter_1", "filter_2", "filter_3",
		"filter_4", "filter_5", "filter_6", "filter_7", "filter_server", "filter_broker"};
	const unsigned int count = sizeof(names) / sizeof(names[0]), agents = count - 2;
	FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!out) {
		fprintf(stderr, "usage: make-filters FILE\n");
		return 1;
	}
	fprintf(out, "// Made by make-filters.c.\n\n");
	for (unsigned int i = 0; i < count; i++) {
		// filter.c counts in the same bits.
		const struct filter_options options = {
			.nested_userns = i & 1, .pin_cpus = i & 2, .listed_executables = i & 4};
		int ret = 0;
		scmp_filter_ctx context =
			seccomp_init(i < agents ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
		if (!context) {
			return 1;
		}
		// A tree instead of a list: fewer comparisons for each call that the kernel cannot
		// cache.
		add(&ret, seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2));
		if (i < agents) {
			add_agent(context, &options, &ret);
		} else {
			add_server(context, i > agents, &ret);
		}
		ret = ret < 0 ? ret : print(context, names[i], out);
		seccomp_release(context);
		if (ret < 0) {
			fprintf(stderr, "make-filters: %s: %s\n", names[i], strerror(-ret));
			return 1;
		}
	}
	return fclose(out) ? 1 : 0;
}
