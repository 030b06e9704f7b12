#ifndef PARCLOSE_SANDBOX_H
#define PARCLOSE_SANDBOX_H

/*
 * The process layer: namespaces, a root built from nothing, Landlock, seccomp, limits, and pid 1.
 * Order and reasons: docs/architecture.md, "Process layer".
 *
 * Functions return 0 or -errno and put a sentence for a person into `struct sandbox_error`: the
 * thing, the place, the remedy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct policy;
struct sandbox;

struct sandbox_error {
	char message[512];
};

// How each layer is held in a sandbox that runs; for `inspect`, `enforced`.
struct sandbox_enforced {
	char namespaces[96]; // "user,mount,pid,net,ipc,uts,cgroup,time"
	char identity[64]; // "uid 1000 inside, 1000 outside"
	unsigned int landlock; // the ABI in force, 0: none
	unsigned int landlock_scopes;
	bool seccomp;
	bool nested_userns; // may user namespaces be made inside
	char memory[48], processes[48], cpus[48]; // "cgroup v1", "rlimit", "affinity", "none"
	char pause[48]; // "cgroup v2", or "signals", which a program can undo for itself
};

// A range of addresses that ends inside: sockets of the sandbox answer for each of them.
struct sandbox_route {
	int family; // AF_INET or AF_INET6
	unsigned char address[16]; // network order; AF_INET: the first 4
	unsigned int prefix; // bits
};

// A socket that is born inside and handed out, bound and non-blocking.
struct sandbox_socket {
	int type; // SOCK_STREAM: it listens; SOCK_DGRAM: it tells whom each datagram was for
		  // (IPV6_RECVPKTINFO; of an AF_INET socket, IP_PKTINFO)
	uint32_t address; // an IPv4 address, network order; 0: every one, of IPv6 and IPv4
	bool loopback6; // at ::1 only, whatever `address` says
	uint16_t port;
	// SOCK_STREAM, at SANDBOX_EVERY_PORT: connections to any port of any address come here but
	// to 127.0.0.0/8 and ::1. What was dialled is the accepted socket's own address.
	bool every_port;
};

#define SANDBOX_MAX_SOCKETS 200
#define SANDBOX_EVERY_PORT 1 // no program inside can bind it

/*
 * What a sandbox has beside a loopback interface that leads nowhere. Programs inside can change
 * nothing of it. Where the machine has no IPv6, the sockets are of AF_INET, and IPv6 routes are
 * left out.
 */
struct sandbox_network {
	const struct sandbox_route *routes;
	size_t routes_len;
	const struct sandbox_socket *sockets;
	size_t sockets_len; // at most SANDBOX_MAX_SOCKETS
	const char *resolver; // of /etc/resolv.conf, "127.0.0.53"; NULL: no names inside
	// An interface eth0 that is up and leads nowhere, where the kernel can make one (veth):
	// Chromium takes a machine without any for offline.
	bool link;
};

struct sandbox_options {
	// Pid 1 is a fork that wipes its copy of argv and environ: the policy's strings must not
	// lie there.
	const struct policy *policy; // outlives the call of sandbox_await()
	const char *name; // of the session, for sandbox_create(); the hostname inside
	// A Wayland listening socket is made inside as $XDG_RUNTIME_DIR/wayland-0 and handed out.
	bool wayland;
	// The same as $XDG_RUNTIME_DIR/parclose.sock, which $PARCLOSE_SOCKET names inside.
	bool control;
	// NULL: none. Read during sandbox_begin() only.
	const struct sandbox_network *network;
};

/*
 * Builds the sandbox up to a running pid 1 that waits for sandbox_spawn(). Blocks for the few
 * milliseconds this takes. On success *out is owned by the caller (sandbox_destroy()).
 */
int sandbox_create(
	const struct sandbox_options *options, struct sandbox **out, struct sandbox_error *err);

/*
 * The same in three steps, for a caller that has something else to do meanwhile. begin() returns
 * while pid 1 builds all that needs no name; name() gives it the name and the limits; await()
 * blocks until the sandbox stands. After name() a command may be spawned: it starts as soon as the
 * sandbox stands. When name() or await() fails the sandbox is good for sandbox_destroy() only.
 */
int sandbox_begin(
	const struct sandbox_options *options, struct sandbox **out, struct sandbox_error *err);
int sandbox_name(struct sandbox *sandbox, const char *name, struct sandbox_error *err);
int sandbox_await(struct sandbox *sandbox, struct sandbox_error *err);

// Kills everything inside without waiting for the end of it, which takes the kernel a while.
void sandbox_kill(struct sandbox *sandbox);

// Kills everything inside, waits for the kernel to have reaped pid 1, removes the cgroups, frees.
// NULL is allowed.
void sandbox_destroy(struct sandbox *sandbox);

// pid of pid 1 as seen outside, and its pidfd (owned by the sandbox; readable when pid 1 is gone).
pid_t sandbox_init_pid(const struct sandbox *sandbox);
int sandbox_init_pidfd(const struct sandbox *sandbox);

// The Wayland listening socket made inside; -1 without one. There after sandbox_await(); the caller
// takes it over (once).
int sandbox_take_wayland_fd(struct sandbox *sandbox);
int sandbox_take_control_fd(struct sandbox *sandbox); // the same, of `control`
// The same, of network->sockets[at].
int sandbox_take_socket(struct sandbox *sandbox, size_t at);

/*
 * Adds routes and sockets to the network of a sandbox that runs, all or (but for routes) nothing;
 * `fds` gets the sockets, in order, which are the caller's. Blocks for a millisecond or two. Only
 * of a sandbox that was begun with sockets: -ENOTSUP.
 */
int sandbox_extend(struct sandbox *sandbox, const struct sandbox_network *more, int *fds,
	struct sandbox_error *err);

/*
 * Asks pid 1 for a TCP socket of `family` made inside: an event tells of it, with the caller's mark
 * `id`. 0 or -errno.
 */
int sandbox_request_socket(struct sandbox *sandbox, uint32_t id, int family);

const struct sandbox_enforced *sandbox_enforced(const struct sandbox *sandbox);

// Socket to pid 1 (owned by the sandbox): when readable call sandbox_read_event().
int sandbox_event_fd(const struct sandbox *sandbox);

#define SANDBOX_MAX_ARGS 4096
#define SANDBOX_MAX_ARG_BYTES (128u << 10)

// A file to carry, instead of a command to execute; no link in its path is followed (file.h).
enum sandbox_carry {
	SANDBOX_CARRY_NONE,
	SANDBOX_CARRY_OUT, // the file argv[0] is read into stdio[1], a pipe
	SANDBOX_CARRY_IN, // all of stdio[0], a sealed memfd, becomes the new file argv[0]
	SANDBOX_CARRY_OVER, // the same; a file of that name is replaced
};

struct sandbox_command {
	/*
	 * Not for others than pid 1: a fork of it, confined as any command, does it. FAILED says
	 * why not, at any time; EXITED with status 0 that all of it is done. argv[0] is relative to
	 * the home directory unless absolute.
	 */
	enum sandbox_carry carry;
	const char *const
		*argv; // NULL-terminated; argv[0] without a slash is looked for in PATH inside
	const char *const
		*env; // NULL-terminated "KEY=VALUE" put over the sandbox's own; NULL: none
	const char *cwd; // absolute, inside; NULL: the policy's, else the home directory
	int stdio[3]; // handed over by copy; -1: /dev/null. Not used with `pty`
	bool pty; // a new terminal of the sandbox's own is the command's stdio
	uint16_t rows, columns; // of that terminal; 0: 24 x 80
	bool last; // the sandbox ends with it: after its EXITED comes GONE, unasked
};

/*
 * Asks pid 1 to start a command. `id` is the caller's mark for later events. Returns 0 when the
 * request is on its way; the outcome is an event. -E2BIG: arguments larger than the bounds above.
 */
int sandbox_spawn(struct sandbox *sandbox, uint32_t id, const struct sandbox_command *command,
	struct sandbox_error *err);

// Sends `signal` to the command `id`'s process group. -ESRCH when it is gone.
int sandbox_signal(struct sandbox *sandbox, uint32_t id, int signal);

/*
 * Stops every process inside but pid 1, however fast they fork, and lets them run again. Waits for
 * it, at most two seconds; -ETIMEDOUT: it was asked for, and is done as soon as the machine can.
 * Again: nothing happens. A process that was stopped before stays so when the others run again.
 */
int sandbox_pause(struct sandbox *sandbox, struct sandbox_error *err);
int sandbox_resume(struct sandbox *sandbox, struct sandbox_error *err);

enum sandbox_event_type {
	SANDBOX_EVENT_NONE, // nothing more to read now
	SANDBOX_EVENT_STARTED, // `pty_fd` is set (caller closes it) when a pty was asked for, else
			       // -1
	SANDBOX_EVENT_FAILED, // could not be executed: `error` is an errno, `message` says what
	SANDBOX_EVENT_EXITED, // `status` as from waitpid()
	SANDBOX_EVENT_GONE, // pid 1 closed its end: the sandbox is over
	SANDBOX_EVENT_SOCKET, // `socket_fd` (caller closes it), or -1 and `error` is an errno
};

struct sandbox_event {
	enum sandbox_event_type type;
	uint32_t id;
	pid_t pid; // inside
	int status;
	int error;
	int pty_fd, socket_fd; // -1: none
	char message[256];
};

// Reads one event without blocking.
void sandbox_read_event(struct sandbox *sandbox, struct sandbox_event *event);

// ---- what this machine can enforce, for `doctor` and `require` (sandbox/probe.c)

struct sandbox_probe {
	bool userns;
	char userns_why[256]; // the cause and the remedy when false
	unsigned int landlock; // ABI, 0: none
	unsigned int landlock_errata;
	bool seccomp;
	bool idmap; // idmapped mounts (needed as root only)
	bool proc; // a fresh /proc can be mounted in a user namespace
	char cgroup[64]; // "v2 (writable)", "v1: memory,pids,cpu", "none"
	bool cgroup_memory, cgroup_pids, cgroup_cpu;
	bool freezer; // a cgroup can be made to pause in
	bool network; // routes and sockets can be made in a network namespace
	bool ipv6; // of both families
	bool every_port; // and sandbox_socket.every_port works
};

// Tries each layer for real in a short-lived child. Fills *probe whole.
void sandbox_probe(struct sandbox_probe *probe);

/*
 * Confines the calling, single-threaded process that has read all it will ever read from files: the
 * file system becomes an empty one, no capability, no_new_privs, Landlock with nothing granted,
 * seccomp with the list of a display server. Used by the compositor (sandbox/confine.c). Must be
 * started in own namespaces by sandbox_clone_isolated(). 0 or -errno.
 */
int sandbox_confine_self(struct sandbox_error *err);

/*
 * clone3 with every namespace new, identity mapped to an unprivileged one, dies with the caller; in
 * the child returns 0, in the caller the child's pid with *pidfd set (caller closes), or -errno.
 * The child must execve at once.
 */
pid_t sandbox_clone_isolated(int *pidfd, struct sandbox_error *err);

/*
 * The same two for the network broker, which stays in the network of the caller: it makes
 * connections out of it (TCP and UDP, no other kind of socket), and listens nowhere by itself.
 */
pid_t sandbox_clone_networked(int *pidfd, struct sandbox_error *err);
int sandbox_confine_networked(struct sandbox_error *err);

#endif
