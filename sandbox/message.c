#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

int sandbox_fail(struct sandbox_error *err, int code, const char *format, ...) {
	if (err) {
		va_list args;
		va_start(args, format);
		vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
	}
	return code > 0 ? -code : -EIO;
}

int raise_fd(int *fd) {
	if (*fd < 0 || *fd > STDERR_FILENO) {
		return 0;
	}
	int raised = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int code = errno;
	close(*fd);
	*fd = raised;
	return raised < 0 ? -code : 0;
}

void pid_reap(pid_t pid, int pidfd) {
	(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS)];
};

int message_send(int socket, const void *data, size_t len, const int *fds, size_t fds_len) {
	if (fds_len > MESSAGE_FDS) {
		return -EINVAL;
	}
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fds_len > 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds_len);
		struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * fds_len);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * fds_len);
	}
	ssize_t sent;
	do {
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : (size_t)sent == len ? 0 : -EIO;
}

ssize_t message_receive(int socket, void *data, size_t len, int *fds, size_t *fds_len, int flags) {
	union control control;
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	size_t room = fds_len ? *fds_len : 0;
	if (fds_len) {
		*fds_len = 0;
	}
	ssize_t got;
	do {
		got = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return -errno;
	}
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&msg); header;
		header = CMSG_NXTHDR(&msg, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
			if (fds_len && *fds_len < room) {
				fds[(*fds_len)++] = fd;
			} else {
				close(fd);
			}
		}
	}
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (fds_len && *fds_len > 0) {
			close(fds[--*fds_len]);
		}
		return -EMSGSIZE;
	}
	return got;
}
