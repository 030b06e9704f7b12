#ifndef PARCLOSE_SANDBOX_INTERNAL_H
#define PARCLOSE_SANDBOX_INTERNAL_H

/*
 * What the files of this folder share. Two processes run this code: the supervisor (sandbox.c,
 * requests.c, extend.c, paths.c, limits.c) and pid 1, forked from it without exec (init.c, root.c,
 * privileges.c, worker.c). They speak over one SOCK_SEQPACKET pair and trust each other; what runs
 * inside never gets that socket.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "policy/policy.h"
#include "sandbox/paths.h"
#include "sandbox/sandbox.h"

#define AGENT_ID 1000
#define AGENT_NAME "agent"
#define AGENT_HOME "/home/agent"
#define AGENT_RUNTIME "/run/user/1000"
#define AGENT_WAYLAND "wayland-0"
#define AGENT_CONTROL "parclose.sock"

// Writes the sentence into err (which may be NULL) and returns -code.
int sandbox_fail(struct sandbox_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static inline void close_fd(int *fd) {
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

// Moves a descriptor out of the way of 0, 1 and 2, which pid 1 replaces. -errno on failure, *fd
// closed.
int raise_fd(int *fd);

// ---- who the sandbox is outside (identity.c)

struct identity {
	bool privileged; // started by root: ids below are picked, grants are idmapped
	uid_t uid; // outside
	gid_t gid;
};

// -EPERM when this process is one that no sandbox may be started from (setuid, mixed ids).
int identity_pick(struct identity *identity, struct sandbox_error *err);

// Writes the maps of the user namespace that process `pid` has just been created in.
int identity_write_maps(const struct identity *identity, pid_t pid, struct sandbox_error *err);

// Inside: become AGENT_ID while keeping the capabilities of the own user namespace.
int identity_assume(const struct identity *identity);

// Do idmapped mounts work on the root file system (idmap.c)? Root only.
bool idmap_works(void);

// Kills and waits (message.c).
void pid_reap(pid_t pid, int pidfd);

// ---- limits (limits.c)

enum limits_kind {
	LIMITS_NONE,
	LIMITS_CGROUP_V1,
	LIMITS_CGROUP_V2,
	LIMITS_RLIMIT,
	LIMITS_AFFINITY,
};

#define LIMITS_DIRS 3

struct limits {
	enum limits_kind memory, processes, cpus;
	char *dirs[LIMITS_DIRS]; // cgroup directories made for this sandbox, owned
	size_t dirs_len;
	unsigned int affinity; // CPUs to stay on; 0: not held by affinity
};

// Makes the cgroups that the policy's limits need. On failure nothing is left behind.
int limits_init(struct limits *limits, const struct policy *policy, const char *name,
	struct sandbox_error *err);
// Moves `pid` into them.
int limits_enter(struct limits *limits, pid_t pid, struct sandbox_error *err);
// Removes the directories; the processes in them must be gone.
void limits_finish(struct limits *limits);
// In pid 1: the limits that a process sets on itself. `affinity`: as in struct limits.
int limits_apply_self(unsigned int affinity, const struct policy *policy);

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_PREFIX "parclose-" // then the supervisor's pid and "-"

// Removes empty cgroups in `dir` of supervisors that were killed before they could.
void limits_remove_stale(const char *dir);
void limits_remove_dir(const char *dir); // a cgroup whose processes are gone

struct limits_found {
	bool v2, v1;
	bool memory, pids, cpu;
	char describe[64];
};
void limits_find(struct limits_found *found);

// ---- a cgroup to freeze everything in (freezer.c)

struct freezer {
	char *dir; // owned; NULL: there is none
	bool borrowed; // made by somebody else, who removes it
};

// A descriptor of the directory, for clone3 to start in, which the caller closes; -1: none can be
// made here.
int freezer_init(struct freezer *freezer);
// The processes have moved to another cgroup.
void freezer_use(struct freezer *freezer, const char *dir);
// Removes it; the processes in it must be gone.
void freezer_finish(struct freezer *freezer);
// Returns when all of it is frozen. 0, -ETIMEDOUT: some of it will be frozen later; or -errno.
int freezer_freeze(struct freezer *freezer, bool on);

// ---- the supervisor's half (sandbox.c: life; requests.c)

struct sandbox {
	pid_t pid;
	int pidfd;
	int socket;
	int wayland_fd, control_fd; // -1 once taken
	bool wayland, control; // asked for
	int *sockets; // of the network, `sockets_len`, owned; -1 once taken
	size_t sockets_len;
	bool has_sockets; // pid 1 has handed them out
	int netns; // of theirs, -1: there are none
	bool ipv6;
	struct limits limits;
	struct freezer freezer;
	const struct policy *policy; // until sandbox_await()
	uid_t outside;
	struct sandbox_enforced enforced;
	bool gone; // the socket has ended
	bool stuck; // pid 1 took nothing for a while; until it speaks again it is not waited for

	uint32_t *live; // ids of commands that have not ended, owned
	size_t live_len, live_cap;
};

// ---- seccomp (filter.c; the rules are in make-filters.c)

// Puts the filter for what runs inside over the calling process; no_new_privs must be set.
// `nested_userns`: CLONE_NEW{USER,PID,NET} and chroot stay. `pin_cpus`: sched_setaffinity is
// refused. `listed_executables`: no memory file is made that could be executed.
int filter_load(bool nested_userns, bool pin_cpus, bool listed_executables);
// The same with the allow-list of a display server.
int filter_load_server(void);
// The same with that of the network broker.
int filter_load_broker(void);

// ---- landlock (landlock.c)

// ABI of the running kernel, 0 without Landlock.
unsigned int landlock_abi(void);

struct landlock_facts {
	unsigned int abi, scopes;
};

// Inside the finished root: the policy as a Landlock domain over the calling process.
int landlock_apply(const struct policy *policy, const struct paths *paths,
	struct landlock_facts *facts, struct sandbox_error *err);
// A domain that grants nothing at all.
int landlock_apply_empty(struct sandbox_error *err);

// ---- pid 1

struct init_context {
	const struct policy *policy;
	const struct paths *paths;
	const struct identity *identity;
	bool wayland, control; // listening sockets to make
	const struct sandbox_network *network; // NULL: nothing but a loopback
	bool ipv6; // the kernel has it
	int socket;
};

// Never returns. Runs in the child of clone3.
_Noreturn void init_main(const struct init_context *context);

// The network namespace, made by a helper beside pid 1 (netns.c).
struct netns {
	const struct init_context *context;
	pid_t pid;
	int pidfd, error;
	const char *stage; // what failed, for a person; static storage
	uint32_t state;
};

// `stack` stays in use for as long as pid 1 lives. The network's sockets go to the supervisor from
// here (MESSAGE_SOCKETS).
int netns_begin(struct netns *netns, const struct init_context *context, void *stack, size_t size);
// Waits for the namespace and moves pid 1 into it.
int netns_enter(struct netns *netns, struct sandbox_error *err);

int netns_loopback_up(void); // 0 or -errno

// Its descriptor, from a socket of it; -errno. (extend.c)
int extend_open(int socket);
// Adds to it; `fds` gets the sockets. Blocks for a moment.
int extend(int netns, const struct sandbox_network *more, bool ipv6, int *fds,
	struct sandbox_error *err);

// What is in that namespace. All run in the helper: system calls only, nothing is allocated.
// `first`: nothing was added before, and there are no addresses yet. routes.c
int routes_add(const struct sandbox_network *network, bool ipv6, bool first);
int redirect_every_port(void); // redirect.c
int socket_make(const struct sandbox_socket *wanted, bool ipv6); // sockets.c; the descriptor

// Moves the calling process into an empty, read-only file system.
int root_enter_empty(struct sandbox_error *err);

// Ends all privilege (privileges.c). Order matters, see there.
int privileges_second_userns(const struct policy *policy, struct sandbox_error *err);
int privileges_drop(struct sandbox_error *err);

// Writes a short string to a file; 0 or -errno.
int write_file(int dir, const char *path, const char *text, size_t len);

// ---- between the two

enum message_type {
	MESSAGE_MAPPED = 1, // to pid 1: its ids are mapped
	MESSAGE_GO, // to pid 1: struct go_message; it is in its cgroups
	MESSAGE_SPAWN, // to pid 1: struct spawn_message, then strings, and fds
	MESSAGE_SIGNAL, // to pid 1
	MESSAGE_HALT, // to pid 1, with a pipe that it closes when nothing inside runs; a byte
		      // before that: something still does
	MESSAGE_CONTINUE, // to pid 1, the same when everything inside runs again
	MESSAGE_SOCKET, // to pid 1: struct socket_message
	MESSAGE_SOCKETS, // before READY, where there is a network: its sockets, in order
	MESSAGE_READY, // from pid 1: struct ready_message, with the Wayland socket
	MESSAGE_ERROR, // from pid 1 before READY: struct error_message
	MESSAGE_EVENT, // from pid 1: struct event_message, with a pty or a socket
};

#define NAME_BYTES 256

struct go_message {
	uint32_t type;
	uint32_t affinity; // as in struct limits
	// Where argv and environ lie, in the supervisor's memory as in its copy; wiped in pid 1.
	uint64_t strings, strings_len;
	char name[NAME_BYTES];
};

struct signal_message {
	uint32_t type, id;
	int32_t signal;
};

struct socket_message {
	uint32_t type, id;
	int32_t family;
};

struct spawn_message {
	uint32_t type, id;
	uint32_t argc, envc; // strings follow: argv, env, then cwd when has_cwd
	uint16_t rows, columns;
	uint8_t has_cwd, pty;
	uint8_t stdio; // bit n: fd n is attached, in order
	uint8_t last; // pid 1 ends when this command has
	uint8_t carry; // enum sandbox_carry
	uint32_t strings_len;
};

struct ready_message {
	uint32_t type;
	uint32_t landlock, scopes;
};

struct error_message {
	uint32_t type;
	int32_t code;
	char text[512];
};

struct event_message {
	uint32_t type, event, id;
	int32_t pid, status, error;
	char text[256];
};

#define MESSAGE_MAX (SANDBOX_MAX_ARG_BYTES + 4096)

#define MESSAGE_FDS SANDBOX_MAX_SOCKETS

// One packet with up to `fds_len` descriptors (at most MESSAGE_FDS). 0 or -errno.
int message_send(int socket, const void *data, size_t len, const int *fds, size_t fds_len);
// Length of the packet, 0 at the end of the stream, or -errno. *fds_len: room in, count out.
ssize_t message_receive(int socket, void *data, size_t len, int *fds, size_t *fds_len, int flags);

// ---- stopping all that runs inside by signals (halt.c), in pid 1

struct halt {
	bool on;
	pid_t *kept; // were stopped before, and stay so; owned, `kept_len`
	size_t kept_len;
};

// Returns when nothing inside but pid 1 runs any more, or with false after some time. Again: looks
// again.
bool halt_stop(struct halt *halt);
void halt_continue(struct halt *halt);

// ---- workers (worker.c), in pid 1

struct worker_request {
	struct spawn_message head;
	char **argv, **env; // into the message
	const char *cwd;
	int stdio[3]; // -1: /dev/null
	int terminal; // slave end, -1 without
	bool alone; // nothing but pid 1 has ever run inside
};

struct worker_failure {
	int error; // errno
	char text[248];
};

/*
 * Forks and becomes the command. Returns the pid or -errno. `report` (close-on-exec) gets a struct
 * worker_failure when the command could not be executed, else nothing before its end.
 */
pid_t worker_start(
	const struct init_context *context, const struct worker_request *request, int report);

#endif
