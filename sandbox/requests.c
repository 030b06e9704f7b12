#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

/*
 * What is asked of a sandbox that stands, or soon will: commands, signals, a pause, sockets; and
 * what pid 1 says of them.
 */

// Pid 1 takes a command in well under a millisecond.
#define SPAWN_TIMEOUT_MS 500
// Everything inside stands or runs again within a millisecond; under heavy load it gets this long.
#define HALT_TIMEOUT_MS 2000

static bool live_add(struct sandbox *sandbox, uint32_t id) {
	if (sandbox->live_len == sandbox->live_cap) {
		size_t cap = sandbox->live_cap ? sandbox->live_cap * 2 : 8;
		uint32_t *live = realloc(sandbox->live, cap * sizeof(*live));
		if (!live) {
			return false;
		}
		sandbox->live = live;
		sandbox->live_cap = cap;
	}
	sandbox->live[sandbox->live_len++] = id;
	return true;
}

static bool live_find(const struct sandbox *sandbox, uint32_t id, size_t *at) {
	for (*at = 0; *at < sandbox->live_len; ++*at) {
		if (sandbox->live[*at] == id) {
			return true;
		}
	}
	return false;
}

static void live_remove(struct sandbox *sandbox, uint32_t id) {
	size_t at;
	if (live_find(sandbox, id, &at)) {
		sandbox->live[at] = sandbox->live[--sandbox->live_len];
	}
}

// null, zero, full, random, urandom; not mem, which has the same major number.
static bool is_kin_of_null(dev_t device) {
	static const unsigned int minors[] = {3, 5, 7, 8, 9};
	bool found = false;
	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		found = found || device == makedev(1, minors[i]);
	}
	return found;
}

/*
 * What may be handed in. A directory (or an O_PATH descriptor of anything) is a way past the
 * mounts; a block device, or a character device that is no terminal or /dev/null's kin, a way past
 * the file system.
 */
static bool is_stream(int fd) {
	struct stat stat;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_PATH) || fstat(fd, &stat)) {
		return false;
	}
	return S_ISREG(stat.st_mode) || S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode) ||
	       (S_ISCHR(stat.st_mode) && (isatty(fd) || is_kin_of_null(stat.st_rdev)));
}

// Appends the strings of `list` to the message; the count or -E2BIG.
static long pack(char *to, size_t *used, size_t room, const char *const *list) {
	long count = 0;
	for (; list && list[count]; count++) {
		size_t len = strlen(list[count]) + 1;
		if (len > room - *used || count >= SANDBOX_MAX_ARGS) {
			return -E2BIG;
		}
		memcpy(to + *used, list[count], len);
		*used += len;
	}
	return count;
}

static int send_patiently(
	struct sandbox *sandbox, const void *data, size_t len, const int *fds, size_t fds_len) {
	for (int waited = 0;; waited += 5) {
		int ret = message_send(sandbox->socket, data, len, fds, fds_len);
		if (ret != -EAGAIN || sandbox->stuck) {
			return ret;
		}
		if (waited >= SPAWN_TIMEOUT_MS) {
			sandbox->stuck = true;
			return ret;
		}
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
}

int sandbox_spawn(struct sandbox *sandbox, uint32_t id, const struct sandbox_command *command,
	struct sandbox_error *err) {
	if (!command->argv || !command->argv[0] || (command->cwd && command->cwd[0] != '/')) {
		return sandbox_fail(
			err, EINVAL, "a command needs a name and an absolute directory");
	}
	size_t at;
	if (live_find(sandbox, id, &at)) {
		return sandbox_fail(err, EEXIST, "command %" PRIu32 " is running already", id);
	}
	for (int i = 0; i < 3 && !command->pty; i++) {
		if (command->stdio[i] >= 0 && !is_stream(command->stdio[i])) {
			return sandbox_fail(err, EINVAL,
				"descriptor %d of the command is a directory or a device; use a "
				"file, a pipe, a "
				"socket or a terminal",
				i);
		}
	}
	char *buffer = malloc(MESSAGE_MAX);
	if (!buffer) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	struct spawn_message head = {
		.type = MESSAGE_SPAWN,
		.id = id,
		.rows = command->rows,
		.columns = command->columns,
		.has_cwd = command->cwd != NULL,
		.pty = command->pty,
		.last = command->last,
		.carry = (uint8_t)command->carry,
	};
	const char *const cwd[] = {command->cwd, NULL};
	size_t used = 0, room = SANDBOX_MAX_ARG_BYTES;
	char *strings = buffer + sizeof(head);
	long argc = pack(strings, &used, room, command->argv);
	long envc = argc < 0 ? argc : pack(strings, &used, room, command->env);
	long ret = envc < 0 ? envc : pack(strings, &used, room, cwd);
	if (ret < 0) {
		free(buffer);
		return sandbox_fail(err, E2BIG,
			"the command and its environment are larger than %u KiB",
			SANDBOX_MAX_ARG_BYTES >> 10);
	}
	head.argc = (uint32_t)argc;
	head.envc = (uint32_t)envc;
	head.strings_len = (uint32_t)used;
	int fds[3];
	size_t fds_len = 0;
	for (int i = 0; i < 3 && !command->pty; i++) {
		if (command->stdio[i] >= 0) {
			head.stdio |= (uint8_t)(1u << i);
			fds[fds_len++] = command->stdio[i];
		}
	}
	memcpy(buffer, &head, sizeof(head));
	if (!live_add(sandbox, id)) {
		free(buffer);
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	int sent = send_patiently(sandbox, buffer, sizeof(head) + used, fds, fds_len);
	free(buffer);
	if (sent < 0) {
		live_remove(sandbox, id);
		return sandbox_fail(
			err, -sent, "the sandbox does not take commands: %s", strerror(-sent));
	}
	return 0;
}

int sandbox_signal(struct sandbox *sandbox, uint32_t id, int signal) {
	size_t at;
	if (!live_find(sandbox, id, &at)) {
		return -ESRCH;
	}
	const struct signal_message message = {.type = MESSAGE_SIGNAL, .id = id, .signal = signal};
	return message_send(sandbox->socket, &message, sizeof(message), NULL, 0);
}

int sandbox_extend(struct sandbox *sandbox, const struct sandbox_network *more, int *fds,
	struct sandbox_error *err) {
	if (sandbox->netns < 0) {
		return sandbox_fail(err, ENOTSUP,
			"the sandbox was started without a network that could be extended");
	}
	return extend(sandbox->netns, more, sandbox->ipv6, fds, err);
}

int sandbox_request_socket(struct sandbox *sandbox, uint32_t id, int family) {
	const struct socket_message message = {.type = MESSAGE_SOCKET, .id = id, .family = family};
	return message_send(sandbox->socket, &message, sizeof(message), NULL, 0);
}

// Asks pid 1 and waits until it has closed the descriptor that goes with the message.
static int ask_to_halt(struct sandbox *sandbox, uint32_t type, struct sandbox_error *err) {
	int done[2];
	if (pipe2(done, O_CLOEXEC)) {
		return sandbox_fail(err, errno, "cannot make a pipe: %s", strerror(errno));
	}
	int ret = send_patiently(sandbox, &type, sizeof(type), &done[1], 1);
	close(done[1]);
	if (ret == 0) {
		struct pollfd wait = {.fd = done[0], .events = POLLIN};
		do {
			ret = poll(&wait, 1, HALT_TIMEOUT_MS);
		} while (ret < 0 && errno == EINTR);
		char late;
		ret = ret == 1 && read(done[0], &late, 1) == 0 ? 0 : -ETIMEDOUT;
	}
	close(done[0]);
	return ret == 0 ? 0
			: sandbox_fail(err, -ret, "not everything inside could be reached: %s",
				  strerror(-ret));
}

static int freeze(struct sandbox *sandbox, bool on, struct sandbox_error *err) {
	int ret = freezer_freeze(&sandbox->freezer, on);
	return ret == 0 ? 0
			: sandbox_fail(err, -ret, "cannot %s %s: %s", on ? "freeze" : "thaw",
				  sandbox->freezer.dir, strerror(-ret));
}

int sandbox_pause(struct sandbox *sandbox, struct sandbox_error *err) {
	return sandbox->freezer.dir ? freeze(sandbox, true, err)
				    : ask_to_halt(sandbox, MESSAGE_HALT, err);
}

int sandbox_resume(struct sandbox *sandbox, struct sandbox_error *err) {
	return sandbox->freezer.dir ? freeze(sandbox, false, err)
				    : ask_to_halt(sandbox, MESSAGE_CONTINUE, err);
}

void sandbox_read_event(struct sandbox *sandbox, struct sandbox_event *event) {
	*event = (struct sandbox_event){.type = SANDBOX_EVENT_NONE, .pty_fd = -1, .socket_fd = -1};
	struct event_message message;
	int fd = -1;
	size_t fds = 1;
	ssize_t len = sandbox->gone ? 0
				    : message_receive(sandbox->socket, &message, sizeof(message),
					      &fd, &fds, MSG_DONTWAIT);
	if (len == -EAGAIN) {
		return;
	}
	if (len != sizeof(message) || message.type != MESSAGE_EVENT) {
		sandbox->gone = true;
		sandbox->live_len = 0;
		event->type = SANDBOX_EVENT_GONE;
		if (len > 0 && fds == 1) {
			close(fd);
		}
		return;
	}
	sandbox->stuck = false;
	event->type = (enum sandbox_event_type)message.event;
	event->id = message.id;
	event->pid = message.pid;
	event->status = message.status;
	event->error = message.error;
	if (event->type == SANDBOX_EVENT_SOCKET) {
		event->socket_fd = fds == 1 ? fd : -1;
		return;
	}
	event->pty_fd = fds == 1 ? fd : -1;
	message.text[sizeof(message.text) - 1] = '\0';
	snprintf(event->message, sizeof(event->message), "%s", message.text);
	if (event->type != SANDBOX_EVENT_STARTED) {
		live_remove(sandbox, event->id);
	}
}
