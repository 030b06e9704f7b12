/*
 * parclose-network: the network broker of one session, as a process that holds nothing but its
 * channel to the supervisor, the sockets it was given and those it makes. It reads the policy and
 * the host's resolver configuration, confines itself, says READY, serves. Whatever is wrong with
 * the channel ends it.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wayland-server-core.h>

#include "network/broker.h"
#include "network/clock.h"
#include "network/outbox.h"
#include "policy/policy.h"
#include "sandbox/sandbox.h"

#define LAST_WORDS_MS 2000
#define MEMORY_MAX (512u << 20)

struct server {
	struct broker *broker; // NULL: it has ended
	struct outbox *outbox;
	bool over;
	int status; // to exit with
};

static int fail(const char *what) {
	dprintf(STDERR_FILENO, "network: %s\n", what);
	struct broker_message message = {.type = BROKER_FATAL};
	size_t len = strnlen(what, sizeof(message.fatal.text) - 1);
	for (size_t i = 0; i < len; i++) {
		message.fatal.text[i] = what[i] >= ' ' && what[i] <= '~' ? what[i] : '?';
	}
	if (send(BROKER_FD, &message, sizeof(message), MSG_NOSIGNAL) < 0) {
		dprintf(STDERR_FILENO, "network: the supervisor is gone as well\n");
	}
	return EXIT_FAILURE;
}

/*
 * Reads one message, with at most one descriptor in *fd (-1: none). 1: read, 0: nothing now, -1:
 * the channel ended, -2: it failed, or this is no message.
 */
static int receive(struct broker_message *message, int *fd, int flags) {
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	*fd = -1;
	ssize_t n;
	do {
		n = recvmsg(BROKER_FD, &header, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		return 0;
	}
	bool good = n == (ssize_t)sizeof(*message) &&
		    (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && message->reserved == 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); n > 0 && c != NULL;
		c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (*fd < 0) {
				*fd = got;
			} else {
				close(got);
				good = false;
			}
		}
	}
	if (!good && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return good ? 1 : n == 0 ? -1 : -2;
}

// The policy in a sealed memfd, which stays the caller's. NULL: *why says, for a person.
static struct policy *read_policy(int fd, char *why, size_t size) {
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	struct stat stat;
	int got = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;
	if (got < 0 || (got & seals) != seals || fstat(fd, &stat) != 0 ||
		stat.st_size > POLICY_MAX_BYTES) {
		snprintf(why, size, "the supervisor sent no sealed policy");
		return NULL;
	}
	size_t len = (size_t)stat.st_size;
	char *text = malloc(len + 1);
	struct policy_error error = {.message = "out of memory"};
	struct policy *policy = NULL;
	if (text != NULL && pread(fd, text, len, 0) == (ssize_t)len) {
		policy = policy_load(text, len, "policy", &error);
	}
	free(text);
	if (policy == NULL) {
		snprintf(why, size, "%s", error.message);
	}
	return policy;
}

static void end(struct server *server, int status) {
	server->over = true;
	server->status = status;
}

// ---- what it says

static void handle_full(void *data, bool full) {
	struct server *server = data;
	if (server->broker != NULL) {
		broker_pause(server->broker, full);
	}
}

static void handle_gone(void *data) {
	end(data, EXIT_SUCCESS); // nobody is left to serve for
}

static const struct outbox_handler outbox_handler = {.full = handle_full, .gone = handle_gone};

static void handle_emit(void *data, const struct broker_message *message) {
	struct server *server = data;
	outbox_send(server->outbox, message);
}

// ---- what it is told

static void update(struct server *server, uint32_t serial, int fd) {
	char why[600];
	struct broker_message message = {.type = BROKER_UPDATED};
	struct policy *policy = read_policy(fd, why, sizeof(why));
	message.updated.serial = serial;
	if (policy == NULL) {
		dprintf(STDERR_FILENO, "network: %s\n", why);
		message.updated.status = BROKER_UPDATE_REFUSED;
	} else {
		message.updated.cut = broker_update(server->broker, policy);
	}
	outbox_send(server->outbox, &message);
}

// Does what a message asks; takes over `fd`. False: it makes no sense.
static bool act(struct server *server, const struct broker_message *message, int fd) {
	switch (message->type) {
	case BROKER_LISTEN:
		return fd >= 0 && broker_listen(server->broker, message, fd);
	case BROKER_INSIDE_SOCKET:
		return broker_inside_socket(server->broker, message, fd);
	case BROKER_UPDATE:
		update(server, message->update.serial, fd);
		break;
	case BROKER_STOP:
		end(server, EXIT_SUCCESS);
		break;
	default:
		if (fd >= 0) {
			close(fd);
		}
		return false;
	}
	if (fd >= 0) {
		close(fd);
	}
	return true;
}

static int handle_channel(int fd, uint32_t mask, void *data) {
	struct server *server = data;
	struct broker_message message;
	int got = -1;
	int rc = 1;
	while (!server->over && (rc = receive(&message, &got, MSG_DONTWAIT)) > 0) {
		if (!act(server, &message, got)) {
			end(server, fail("the supervisor sent a message that makes no sense"));
		}
	}
	if (rc < 0) {
		end(server, rc == -1 ? EXIT_SUCCESS
				     : fail("the supervisor sent something that is no message"));
	}
	return 0;
}

// Ends all connections and waits a moment for the supervisor to hear of it.
static void say_last_words(struct server *server, struct wl_event_loop *loop) {
	struct broker *broker = server->broker;
	server->broker = NULL;
	broker_destroy(broker);
	uint64_t until_ms = clock_ms() + LAST_WORDS_MS, now_ms;
	while (!outbox_empty(server->outbox) && (now_ms = clock_ms()) < until_ms) {
		if (wl_event_loop_dispatch(loop, (int)(until_ms - now_ms)) < 0 && errno != EINTR) {
			return;
		}
	}
}

/*
 * What hostile programs make it hold must not take the machine's memory: each connection may have
 * 64 KiB each way that wait to be looked at. Without more, those that want it end.
 */
static void limit_memory(void) {
#if !defined(PARCLOSE_SANITIZED) // whose shadow has no bounds
	const struct rlimit limit = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
	setrlimit(RLIMIT_DATA, &limit);
#endif
}

// Confines the process for good and serves until the session ends. Returns the exit status.
static int serve(struct server *server, struct wl_event_loop *loop) {
	struct sandbox_error error = {0};
	limit_memory();
	if (sandbox_confine_networked(&error) != 0) {
		char text[sizeof(error.message) + 32];
		snprintf(text, sizeof(text), "cannot confine itself: %s", error.message);
		return fail(text);
	}
	struct wl_event_source *source =
		wl_event_loop_add_fd(loop, BROKER_FD, WL_EVENT_READABLE, handle_channel, server);
	struct broker_message ready = {.type = BROKER_READY};
	if (source == NULL) {
		return fail("out of memory");
	}
	outbox_send(server->outbox, &ready);
	while (!server->over) {
		if (wl_event_loop_dispatch(loop, -1) < 0 && errno != EINTR) {
			return fail("the event loop failed");
		}
	}
	wl_event_source_remove(source);
	say_last_words(server, loop);
	return server->status;
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	struct broker_message setup;
	int memory = -1;
	if (fcntl(BROKER_FD, F_SETFD, FD_CLOEXEC) != 0 || receive(&setup, &memory, 0) != 1 ||
		setup.type != BROKER_SETUP || setup.setup.version != BROKER_VERSION) {
		return fail("not started by a supervisor of this version");
	}
	char text[600];
	struct policy *policy = read_policy(memory, text, sizeof(text));
	if (memory >= 0) {
		close(memory);
	}
	if (policy == NULL) {
		return fail(text);
	}
	struct server server = {0};
	struct wl_event_loop *loop = wl_event_loop_create();
	server.outbox =
		loop != NULL ? outbox_create(loop, BROKER_FD, &outbox_handler, &server) : NULL;
	if (server.outbox == NULL) {
		return fail("out of memory");
	}
	const struct broker_config config = {
		.loop = loop,
		.policy = policy,
		.learn = (setup.setup.flags & BROKER_LEARN) != 0,
		.hosts = "/etc/hosts",
	};
	const struct broker_sink sink = {.emit = handle_emit};
	const char *why = NULL;
	server.broker = broker_create(&config, &sink, &server, &why);
	if (server.broker == NULL) {
		snprintf(text, sizeof(text), "cannot read the host's resolver configuration: %s",
			why);
		return fail(text);
	}
	int status = serve(&server, loop);
	broker_destroy(server.broker);
	outbox_destroy(server.outbox);
	wl_event_loop_destroy(loop);
	return status;
}
