/*
 * A network broker that lies. Stands in the place of parclose-network; which lie it tells stands in
 * the file `lie` beside it.
 */

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/channel.h"

static void say(const void *bytes, size_t len) {
	if (send(BROKER_FD, bytes, len, MSG_NOSIGNAL) < 0) {
		_exit(3);
	}
}

static void say_type(uint32_t type) {
	const struct broker_message message = {.type = type};
	say(&message, sizeof(message));
}

static struct broker_message denied(const char *name) {
	struct broker_message message = {.type = BROKER_DECISION};
	message.decision.kind = BROKER_CONNECT;
	message.decision.protocol = IPPROTO_TCP;
	message.decision.port = 443;
	snprintf(message.decision.untrusted_name, sizeof(message.decision.untrusted_name), "%s",
		name);
	return message;
}

static void say_with_descriptor(void) {
	struct broker_message message = denied("example.org");
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &(int){0}, sizeof(int));
	sendmsg(BROKER_FD, &msg, 0);
}

static void tell(const char *lie) {
	struct broker_message message = denied("example.org");
	if (strcmp(lie, "short-message") == 0) {
		say(&message, sizeof(message) - 1);
	} else if (strcmp(lie, "long-message") == 0) {
		char bytes[sizeof(message) + 1] = {0};
		memcpy(bytes, &message, sizeof(message));
		say(bytes, sizeof(bytes));
	} else if (strcmp(lie, "empty-message") == 0) {
		say("", 0);
	} else if (strcmp(lie, "unknown-type") == 0) {
		say_type(99);
	} else if (strcmp(lie, "supervisors-type") == 0) {
		say_type(BROKER_LISTEN);
	} else if (strcmp(lie, "ready-twice") == 0) {
		say_type(BROKER_READY);
	} else if (strcmp(lie, "control-in-name") == 0) {
		message.decision.untrusted_name[3] = '\x1b';
		say(&message, sizeof(message));
	} else if (strcmp(lie, "name-without-end") == 0) {
		memset(message.decision.untrusted_name, 'a', BROKER_NAME_BYTES);
		say(&message, sizeof(message));
	} else if (strcmp(lie, "reason-unknown") == 0) {
		message.decision.reason = BROKER_REASON_COUNT;
		say(&message, sizeof(message));
	} else if (strcmp(lie, "kind-unknown") == 0) {
		message.decision.kind = 77;
		say(&message, sizeof(message));
	} else if (strcmp(lie, "updated-unasked") == 0) {
		message = (struct broker_message){.type = BROKER_UPDATED, .updated.serial = 1};
		say(&message, sizeof(message));
	} else if (strcmp(lie, "needs-too-many") == 0) {
		// Faster than they can be given: the supervisor reads all of it in one turn.
		for (uint32_t i = 1; i <= BROKER_MAX_NEEDS * 4; i++) {
			message = (struct broker_message){
				.type = BROKER_NEED_SOCKET, .need_socket = {i, AF_INET}};
			say(&message, sizeof(message));
		}
	} else if (strcmp(lie, "need-of-another-family") == 0) {
		message = (struct broker_message){
			.type = BROKER_NEED_SOCKET, .need_socket = {1, AF_NETLINK}};
		say(&message, sizeof(message));
	} else if (strcmp(lie, "descriptor") == 0) {
		say_with_descriptor();
		return; // it is dropped, and no lie
	} else if (strcmp(lie, "flood") == 0) {
		for (unsigned int i = 0; i < 20000; i++) {
			char name[64];
			snprintf(name, sizeof(name), "n%u.example", i);
			message = denied(name);
			say(&message, sizeof(message));
		}
		return;
	} else if (strcmp(lie, "chatter") == 0) {
		for (unsigned int i = 0; i < 5000; i++) {
			dprintf(2, "line %u \x1b[31m\n", i);
		}
		return;
	} else if (strcmp(lie, "exit") == 0) {
		_exit(42);
	} else if (strcmp(lie, "abort") == 0) {
		abort();
	} else if (strcmp(lie, "fatal") == 0) {
		message = (struct broker_message){
			.type = BROKER_FATAL, .fatal.text = "the dog ate it"};
		say(&message, sizeof(message));
		_exit(1);
	} else if (strcmp(lie, "deaf") == 0) {
		return; // answers nothing, not STOP either
	}
}

int main(int argc, char *argv[]) {
	char path[4096], lie[64] = "";
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 8);
	if (argc != 1 || len <= 0) {
		return 5;
	}
	path[len] = '\0';
	snprintf(strrchr(path, '/') + 1, 8, "lie");
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, lie, sizeof(lie) - 1) < 0) {
		return 6;
	}
	struct broker_message setup;
	if (recv(BROKER_FD, &setup, sizeof(setup), 0) != sizeof(setup) ||
		setup.type != BROKER_SETUP) {
		return 7;
	}
	bool early = strcmp(lie, "exit") == 0 || strcmp(lie, "fatal") == 0;
	if (!early) {
		say_type(BROKER_READY);
	}
	tell(lie);
	for (;;) {
		pause();
	}
}
