#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * More routes and sockets for a sandbox that runs. Nobody inside has a right over its network any
 * more, pid 1 neither; who made its user namespace has. A child of the supervisor enters the two
 * namespaces, makes what is wanted, hands it over and is gone. It is in no pid or mount namespace
 * of the sandbox's, so nothing inside can name it.
 */

#define EXTEND_MS 5000

struct outcome {
	int32_t code; // 0 or an errno
	uint32_t at; // which socket it was; network->sockets_len: none
};

int extend_open(int socket) {
	int fd = ioctl(socket, SIOCGSKNS);
	return fd < 0 ? -errno : fd;
}

// Threads of the supervisor do not exist in here, and may have held any lock: system calls only.
_Noreturn static void work(int netns, const struct sandbox_network *more, bool ipv6, int channel) {
	int fds[SANDBOX_MAX_SOCKETS];
	struct outcome outcome = {.at = (uint32_t)more->sockets_len};
	int userns = ioctl(netns, NS_GET_USERNS);
	int ret = userns < 0 || setns(userns, CLONE_NEWUSER) || setns(netns, CLONE_NEWNET) ? -errno
											   : 0;
	if (ret == 0) {
		ret = routes_add(more, ipv6, false);
	}
	size_t made = 0;
	while (made < more->sockets_len && ret == 0) {
		ret = more->sockets[made].every_port ? redirect_every_port() : 0;
		fds[made] = ret < 0 ? ret : socket_make(&more->sockets[made], ipv6);
		ret = fds[made] < 0 ? fds[made] : 0;
		if (ret == 0) {
			made++;
		} else {
			outcome.at = (uint32_t)made;
		}
	}
	outcome.code = -ret;
	(void)message_send(channel, &outcome, sizeof(outcome), fds, ret == 0 ? made : 0);
	_exit(0);
}

static int receive(
	int channel, const struct sandbox_network *more, int *fds, struct sandbox_error *err) {
	struct outcome outcome;
	size_t fds_len = more->sockets_len;
	struct pollfd wait = {.fd = channel, .events = POLLIN};
	int ready;
	do {
		ready = poll(&wait, 1, EXTEND_MS);
	} while (ready < 0 && errno == EINTR);
	ssize_t len =
		ready == 1 ? message_receive(channel, &outcome, sizeof(outcome), fds, &fds_len, 0)
			   : -ETIMEDOUT;
	if (len == sizeof(outcome) && outcome.code == 0 && fds_len == more->sockets_len) {
		return 0;
	}
	for (size_t i = 0; len >= 0 && i < fds_len; i++) {
		close(fds[i]);
	}
	if (len == sizeof(outcome) && outcome.code != 0 && outcome.at < more->sockets_len) {
		const struct sandbox_socket *socket = &more->sockets[outcome.at];
		return sandbox_fail(err, outcome.code, "%s port %u cannot be served inside: %s%s",
			socket->type == SOCK_DGRAM ? "UDP" : "TCP", (unsigned int)socket->port,
			strerror(outcome.code),
			outcome.code == EADDRINUSE ? " by a program of the session" : "");
	}
	return sandbox_fail(err, len == sizeof(outcome) ? outcome.code : EIO,
		"the network inside cannot be extended: %s",
		len == sizeof(outcome) ? strerror(outcome.code) : "no answer");
}

int extend(int netns, const struct sandbox_network *more, bool ipv6, int *fds,
	struct sandbox_error *err) {
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		return sandbox_fail(err, errno, "cannot make a socket pair: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid == 0) {
		work(netns, more, ipv6, pair[1]);
	}
	int code = errno;
	close(pair[1]);
	int ret = pid < 0 ? sandbox_fail(err, code, "cannot start a process: %s", strerror(code))
			  : receive(pair[0], more, fds, err);
	close(pair[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
	}
	return ret;
}
