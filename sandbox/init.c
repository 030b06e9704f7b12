#include "sandbox/internal.h"
#include "sandbox/root.h"
#include "sandbox/syscalls.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

/*
 * Pid 1 of a sandbox: sets it up, gives up every right, then starts and reaps what the supervisor
 * asks for. It is forked without exec (an exec would cost more than the rest of the set-up), so it
 * wipes and closes what the supervisor had. The end of the socket is the end of the sandbox.
 */

#define NAME "parclose-init"
#define WORKERS_MAX 1024
#define HELPER_STACK (64u << 10)

struct worker {
	uint32_t id;
	pid_t pid;
	bool last; // pid 1 ends with it
	int report; // read end of the exec report; -1 once the outcome is known
	int master; // of the pty until STARTED hands it over; -1 without
};

struct init {
	const struct init_context *context;
	int socket, children; // signalfd for SIGCHLD
	struct halt halt;
	struct worker *workers; // owned
	size_t len, cap;
	bool started; // a command has been
	char *buffer; // MESSAGE_MAX bytes, owned
	void *stack; // HELPER_STACK bytes, owned
	struct go_message go;
};

static int cmp_int(const void *a, const void *b) {
	return *(const int *)a - *(const int *)b;
}

// Closes everything but what pid 1 needs; leaves 0, 1 and 2 at /dev/null.
static int shed_descriptors(const struct init_context *context) {
	size_t count = 0, room = 1;
	for (size_t i = 0; i < context->paths->len; i++) {
		room += context->paths->entries[i].mount_fd >= 0;
	}
	int *keep = malloc(room * sizeof(*keep));
	if (!keep) {
		return -ENOMEM;
	}
	keep[count++] = context->socket;
	for (size_t i = 0; i < context->paths->len; i++) {
		if (context->paths->entries[i].mount_fd >= 0) {
			keep[count++] = context->paths->entries[i].mount_fd;
		}
	}
	qsort(keep, count, sizeof(*keep), cmp_int);
	int ret = 0;
	unsigned int next = 0;
	for (size_t i = 0; i < count && ret == 0; i++) {
		if ((unsigned int)keep[i] > next) {
			ret = sys_close_range(next, (unsigned int)keep[i] - 1, 0);
		}
		next = (unsigned int)keep[i] + 1;
	}
	free(keep);
	return ret < 0 ? ret : sys_close_range(next, ~0u, 0);
}

// A closed 0, 1 or 2 would be taken by the next open and written to by mistake.
static int open_null(void) {
	int fd = open("/dev/null", O_RDWR); // commands inherit it
	if (fd < 0) {
		return -errno;
	}
	for (int i = 0; i < 3; i++) {
		if (fd != i && dup2(fd, i) < 0) {
			return -errno;
		}
	}
	if (fd > 2) {
		close(fd);
	}
	return 0;
}

// The listening socket is bound by its path inside; a client finds it there and nowhere else.
static int make_listening(const char *name, struct sandbox_error *err) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), AGENT_RUNTIME "/%s", name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
		listen(fd, 128)) {
		int code = errno;
		if (fd >= 0) {
			close(fd);
		}
		return sandbox_fail(
			err, code, "cannot make the socket %s: %s", name, strerror(code));
	}
	return fd;
}

static int await_mapped(int socket) {
	uint32_t type;
	ssize_t len = message_receive(socket, &type, sizeof(type), NULL, NULL, 0);
	return len == sizeof(type) && type == MESSAGE_MAPPED ? 0 : -EPIPE;
}

static int await_go(int socket, struct go_message *go) {
	ssize_t len = message_receive(socket, go, sizeof(*go), NULL, NULL, 0);
	return len == sizeof(*go) && go->type == MESSAGE_GO && memchr(go->name, '\0', NAME_BYTES)
		       ? 0
		       : -EPIPE;
}

// What whoever started the supervisor ignores (nohup(1)), or it itself, would be ignored by every
// command: a pipe's writer would not end with its reader.
static void forget_dispositions(void) {
	for (int number = 1; number <= SIGRTMAX; number++) {
		signal(number, SIG_DFL); // fails for those that have no other
	}
}

// What needs no name: the supervisor is still finding one.
static int begin(
	struct init *init, struct netns *netns, struct root *root, struct sandbox_error *err) {
	const struct init_context *context = init->context;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	forget_dispositions();
	int ret = shed_descriptors(context);
	if (ret == 0) {
		ret = open_null();
	}
	if (ret < 0) {
		return sandbox_fail(err, -ret, "cannot shed descriptors: %s", strerror(-ret));
	}
	ret = netns_begin(netns, context, init->stack, HELPER_STACK);
	prctl(PR_SET_NAME, NAME);
	umask(022);
	setsid(); // from the supervisor's terminal
	if (ret == 0) {
		ret = await_mapped(init->socket);
	}
	if (ret < 0) {
		return sandbox_fail(err, -ret, "cannot begin the set-up: %s", strerror(-ret));
	}
	ret = identity_assume(context->identity);
	if (ret < 0) {
		return sandbox_fail(
			err, -ret, "cannot become the unprivileged identity: %s", strerror(-ret));
	}
	return root_begin(root, context, err);
}

static int finish(
	struct init *init, struct netns *netns, struct root *root, struct sandbox_error *err) {
	struct go_message *go = &init->go;
	int ret = await_go(init->socket, go);
	// Only now, so that the root of the cgroup namespace is the cgroup just entered.
	if (ret == 0 && unshare(CLONE_NEWCGROUP)) {
		ret = -errno;
	}
	if (ret < 0) {
		return sandbox_fail(err, -ret, "cannot go on with the set-up: %s", strerror(-ret));
	}
	if (sethostname(go->name, strlen(go->name)) || setdomainname("", 0)) {
		return sandbox_fail(err, errno, "cannot set the host name: %s", strerror(errno));
	}
	ret = root_finish(root, go->name, err);
	if (ret == 0 && (ret = open_null()) < 0) { // the one inside
		ret = sandbox_fail(err, -ret, "cannot open /dev/null inside: %s", strerror(-ret));
	}
	return ret == 0 ? netns_enter(netns, err) : ret;
}

static int set_up(struct init *init, struct sandbox_error *err) {
	struct netns netns;
	struct root root = {.fd = -1};
	int ret = begin(init, &netns, &root, err);
	if (ret == 0) {
		ret = finish(init, &netns, &root, err);
	}
	root_free(&root);
	return ret;
}

// After this there is no way back, for pid 1 as for all it will start.
static int give_up_rights(
	const struct init *init, struct landlock_facts *facts, struct sandbox_error *err) {
	const struct policy *policy = init->context->policy;
	const struct go_message *go = &init->go;
	// Before the user namespace: its limits are this process's own at the time it is made.
	int ret = limits_apply_self(go->affinity, policy);
	if (ret < 0) {
		return sandbox_fail(err, -ret, "cannot set resource limits: %s", strerror(-ret));
	}
	ret = privileges_second_userns(policy, err);
	if (ret == 0) {
		ret = privileges_drop(err);
	}
	if (ret == 0) {
		ret = landlock_apply(policy, init->context->paths, facts, err);
	}
	if (ret == 0) {
		// Wiped because /proc/1/{cmdline,environ} are these bytes.
		char *strings = (char *)(uintptr_t)go->strings; // NOLINT: in this copy, too
		memset(strings, 0, go->strings_len);
		snprintf(strings, go->strings_len, "%s", NAME);
		// A change of credentials undoes both; only now are they final.
		prctl(PR_SET_DUMPABLE, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ret = filter_load(policy->process.nested_sandbox, go->affinity > 0,
			policy->process.executables_set);
		if (ret < 0) {
			ret = sandbox_fail(err, -ret, "cannot load the system call filter: %s",
				strerror(-ret));
		}
	}
	return ret;
}

static void send_event(struct init *init, struct event_message *event, int fd) {
	event->type = MESSAGE_EVENT;
	if (message_send(init->socket, event, sizeof(*event), &fd, fd >= 0 ? 1 : 0) < 0) {
		_exit(1);
	}
}

static void send_failed(struct init *init, uint32_t id, int error, const char *text) {
	struct event_message event = {.event = SANDBOX_EVENT_FAILED, .id = id, .error = error};
	snprintf(event.text, sizeof(event.text), "%s", text);
	send_event(init, &event, -1);
}

/*
 * The exec has happened (it closed the pipe's other end), has failed (a report), or is still to
 * come. Returns false when the worker has failed and is to be forgotten.
 */
static bool read_report(struct init *init, struct worker *worker) {
	struct worker_failure failure;
	ssize_t len = read(worker->report, &failure, sizeof(failure));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return true;
	}
	close_fd(&worker->report);
	bool failed = len == sizeof(failure);
	if (failed) {
		failure.text[sizeof(failure.text) - 1] = '\0';
		send_failed(init, worker->id, failure.error, failure.text);
	} else {
		struct event_message event = {
			.event = SANDBOX_EVENT_STARTED, .id = worker->id, .pid = worker->pid};
		send_event(init, &event, worker->master);
	}
	close_fd(&worker->master);
	return !failed;
}

static void forget(struct init *init, size_t at) {
	close_fd(&init->workers[at].report);
	close_fd(&init->workers[at].master);
	init->workers[at] = init->workers[--init->len];
}

static void reap(struct init *init) {
	struct signalfd_siginfo info;
	while (read(init->children, &info, sizeof(info)) > 0) {}
	pid_t pid;
	int status;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < init->len; i++) {
			struct worker *worker = &init->workers[i];
			if (worker->pid != pid) {
				continue;
			}
			if (worker->report < 0 || read_report(init, worker)) {
				struct event_message event = {.event = SANDBOX_EVENT_EXITED,
					.id = worker->id,
					.pid = pid,
					.status = status};
				send_event(init, &event, -1);
				if (worker->last) {
					_exit(0); // the kernel ends everything else in here
				}
			}
			forget(init, i);
			break;
		}
	}
}

// Returns the slave with *master set, or -errno.
static int open_terminal(const struct spawn_message *head, int *master) {
	int slave = -1, unlocked = 0;
	*master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0) {
		return -errno;
	}
	struct winsize size = {
		.ws_row = head->rows ? head->rows : 24,
		.ws_col = head->columns ? head->columns : 80,
	};
	struct termios attributes;
	if (ioctl(*master, TIOCSPTLCK, &unlocked) == 0) {
		slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	}
	if (slave < 0 || ioctl(*master, TIOCSWINSZ, &size) || tcgetattr(slave, &attributes)) {
		int code = errno;
		close_fd(&slave);
		close_fd(master);
		return -code;
	}
	attributes.c_iflag |= IUTF8;
	(void)tcsetattr(slave, TCSANOW, &attributes);
	return slave;
}

static bool room_for_worker(struct init *init) {
	if (init->len < init->cap) {
		return true;
	}
	size_t cap = init->cap ? init->cap * 2 : 16;
	struct worker *workers =
		cap > WORKERS_MAX ? NULL : realloc(init->workers, cap * sizeof(*workers));
	if (!workers) {
		return false;
	}
	init->workers = workers;
	init->cap = cap;
	return true;
}

static void start_worker(struct init *init, struct worker_request *request) {
	const uint32_t id = request->head.id;
	int master = -1;
	if (!room_for_worker(init)) {
		send_failed(init, id, EAGAIN, "too many commands are running in this sandbox");
		return;
	}
	if (request->head.pty) {
		request->terminal = open_terminal(&request->head, &master);
		if (request->terminal < 0) {
			send_failed(init, id, -request->terminal,
				"cannot open a terminal in the sandbox");
			return;
		}
	}
	bool carries = request->head.carry != SANDBOX_CARRY_NONE;
	request->alone = !init->started && !carries;
	init->started = init->started || !carries;
	int report[2] = {-1, -1};
	pid_t pid = pipe2(report, O_CLOEXEC | O_NONBLOCK)
			    ? -errno
			    : worker_start(init->context, request, report[1]);
	close_fd(&request->terminal);
	close_fd(&report[1]);
	if (pid < 0) {
		char text[128];
		snprintf(text, sizeof(text), "cannot start a process in the sandbox: %s%s",
			strerror(-pid), pid == -EAGAIN ? " (limits.processes is reached)" : "");
		send_failed(init, id, -pid, text);
		close_fd(&report[0]);
		close_fd(&master);
		return;
	}
	init->workers[init->len++] = (struct worker){.id = id,
		.pid = pid,
		.last = request->head.last,
		.report = report[0],
		.master = master};
}

// Cuts `count` strings off the message into a NULL-terminated list; NULL when they are not there.
static char **unpack(char **at, size_t *left, uint32_t count) {
	if (count > SANDBOX_MAX_ARGS) {
		return NULL;
	}
	char **list = calloc((size_t)count + 1, sizeof(*list));
	for (uint32_t i = 0; list && i < count; i++) {
		char *end = memchr(*at, '\0', *left);
		if (!end) {
			free(list);
			return NULL;
		}
		list[i] = *at;
		*left -= (size_t)(end + 1 - *at);
		*at = end + 1;
	}
	return list;
}

static void handle_spawn(struct init *init, size_t len, const int *fds, size_t fds_len) {
	struct worker_request request = {.stdio = {-1, -1, -1}, .terminal = -1};
	if (len < sizeof(request.head)) {
		_exit(1);
	}
	memcpy(&request.head, init->buffer, sizeof(request.head));
	char *at = init->buffer + sizeof(request.head);
	size_t left = len - sizeof(request.head), used = 0;
	request.argv = unpack(&at, &left, request.head.argc);
	request.env = unpack(&at, &left, request.head.envc);
	char **cwd = unpack(&at, &left, request.head.has_cwd ? 1 : 0);
	for (int i = 0; i < 3; i++) {
		if (request.head.stdio & (1u << i)) {
			request.stdio[i] = used < fds_len ? fds[used] : -1;
			used++;
		}
	}
	if (!request.argv || !request.argv[0] || !request.env || !cwd || used != fds_len) {
		_exit(1);
	}
	request.cwd = cwd[0];
	start_worker(init, &request);
	free(request.argv);
	free(request.env);
	free(cwd);
}

static void handle_signal(struct init *init, size_t len) {
	struct signal_message message;
	if (len != sizeof(message)) {
		_exit(1);
	}
	memcpy(&message, init->buffer, sizeof(message));
	for (size_t i = 0; i < init->len; i++) {
		if (init->workers[i].id == message.id) {
			// Before its setsid() the group is not there yet; the process is.
			if (kill(-init->workers[i].pid, message.signal) && errno == ESRCH) {
				(void)kill(init->workers[i].pid, message.signal);
			}
		}
	}
}

// A socket of this network namespace, for who serves a port of it from outside.
static void handle_socket(struct init *init, size_t len) {
	struct socket_message message;
	if (len != sizeof(message)) {
		_exit(1);
	}
	memcpy(&message, init->buffer, sizeof(message));
	int fd = socket(message.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct event_message event = {
		.event = SANDBOX_EVENT_SOCKET, .id = message.id, .error = fd < 0 ? errno : 0};
	send_event(init, &event, fd);
	close_fd(&fd);
}

static void handle_message(struct init *init) {
	int fds[3];
	size_t fds_len = 3;
	ssize_t len = message_receive(init->socket, init->buffer, MESSAGE_MAX, fds, &fds_len, 0);
	uint32_t type;
	if (len < (ssize_t)sizeof(type)) {
		_exit(0); // the supervisor has gone: the kernel ends everything else in here
	}
	memcpy(&type, init->buffer, sizeof(type));
	switch (type) {
	case MESSAGE_SPAWN:
		handle_spawn(init, (size_t)len, fds, fds_len);
		break;
	case MESSAGE_SIGNAL:
		handle_signal(init, (size_t)len);
		break;
	case MESSAGE_SOCKET:
		handle_socket(init, (size_t)len);
		break;
	case MESSAGE_HALT:
		if (!halt_stop(&init->halt) && fds_len > 0 && write(fds[0], "", 1) < 0) {
			_exit(1);
		}
		break;
	case MESSAGE_CONTINUE:
		halt_continue(&init->halt);
		break;
	default:
		_exit(1);
	}
	for (size_t i = 0; i < fds_len; i++) {
		close(fds[i]);
	}
}

// Those whose outcome is not known yet, and may be now.
static void poll_reports(struct init *init) {
	for (size_t i = 0; i < init->len;) {
		if (init->workers[i].report >= 0 && !read_report(init, &init->workers[i])) {
			forget(init, i);
		} else {
			i++;
		}
	}
}

_Noreturn static void serve(struct init *init) {
	struct pollfd *polls = calloc(WORKERS_MAX + 2, sizeof(*polls));
	if (!polls) {
		_exit(1);
	}
	for (;;) {
		polls[0] = (struct pollfd){.fd = init->socket, .events = POLLIN};
		polls[1] = (struct pollfd){.fd = init->children, .events = POLLIN};
		nfds_t count = 2;
		for (size_t i = 0; i < init->len; i++) {
			if (init->workers[i].report >= 0) {
				polls[count++] = (struct pollfd){
					.fd = init->workers[i].report, .events = POLLIN};
			}
		}
		if (poll(polls, count, -1) < 0 && errno != EINTR) {
			_exit(1);
		}
		poll_reports(init);
		if (polls[1].revents) {
			reap(init);
		}
		if (polls[0].revents) {
			handle_message(init);
		}
	}
}

_Noreturn void init_main(const struct init_context *context) {
	struct init init = {.context = context, .socket = context->socket, .children = -1};
	struct sandbox_error err = {{0}};
	struct landlock_facts facts = {0};
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);

	int sockets[2] = {-1, -1}; // in this order, those that were asked for
	size_t sockets_len = 0;
	init.buffer = malloc(MESSAGE_MAX);
	init.stack = malloc(HELPER_STACK);
	int ret = init.buffer && init.stack ? set_up(&init, &err)
					    : sandbox_fail(&err, ENOMEM, "out of memory");
	if (ret == 0) {
		init.children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
		if (init.children < 0) {
			ret = sandbox_fail(
				&err, errno, "cannot watch for ends: %s", strerror(errno));
		}
	}
	static const char *const names[] = {AGENT_WAYLAND, AGENT_CONTROL};
	const bool wanted[] = {context->wayland, context->control};
	for (size_t i = 0; ret == 0 && i < 2; i++) {
		if (wanted[i]) {
			int fd = make_listening(names[i], &err);
			ret = fd < 0 ? fd : 0;
			sockets[sockets_len++] = fd;
		}
	}
	if (ret == 0) {
		ret = give_up_rights(&init, &facts, &err);
	}
	if (ret < 0) {
		struct error_message message = {.type = MESSAGE_ERROR, .code = -ret};
		snprintf(message.text, sizeof(message.text), "%s", err.message);
		(void)message_send(init.socket, &message, sizeof(message), NULL, 0);
		_exit(1);
	}
	const struct ready_message ready = {
		.type = MESSAGE_READY, .landlock = facts.abi, .scopes = facts.scopes};
	if (message_send(init.socket, &ready, sizeof(ready), sockets, sockets_len) < 0) {
		_exit(1);
	}
	close_fd(&sockets[0]);
	close_fd(&sockets[1]);
	serve(&init);
}
