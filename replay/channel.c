#include "replay/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session/untrusted.h"

static int send_message(
	int fd, const struct view_message *message, const int *fds, size_t fds_len) {
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fds_len > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fds_len * sizeof(int));
	}
	ssize_t sent;
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

bool replay_hello(const struct replay_channel *channel, const struct view_message *hello,
	int frames_fd, int slots_fd) {
	return send_message(channel->fd, hello, (int[]){frames_fd, slots_fd}, 2) == 0;
}

void replay_end(const struct replay_channel *channel, const char *why) {
	struct view_message ended = {.type = VIEW_ENDED, .notice.urgency = 1};
	untrusted_text(ended.notice.text, sizeof(ended.notice.text), why, strlen(why));
	send_message(channel->fd, &ended, NULL, 0);
}

bool replay_flush(struct replay_channel *channel) {
	while (channel->due != 0 && !channel->broken) {
		uint32_t what = channel->due & -channel->due;
		struct view_message message = {0};
		channel->fill(channel->data, what, &message);
		int ret = send_message(channel->fd, &message, NULL, 0);
		if (ret == -EAGAIN) {
			return false;
		}
		channel->broken = ret < 0;
		channel->due &= ~what;
		channel->sent(channel->data, what);
	}
	return true;
}

bool replay_check(const struct view_message *untrusted, size_t len, bool fds) {
	if (len != sizeof(*untrusted) || fds || untrusted->reserved != 0) {
		return false;
	}
	switch (untrusted->type) {
	case VIEW_SEEK:
		return untrusted->seek.time_ns <= VIEW_MAX_REPLAY_NS;
	case VIEW_PLAY:
		return untrusted->play.on <= 1 && untrusted->play.skip <= 1 &&
		       untrusted->play.speed >= 1 && untrusted->play.speed <= VIEW_MAX_SPEED;
	case VIEW_STEP:
		return untrusted->step.back <= 1 && (untrusted->step.what == VIEW_STEP_PICTURE ||
							    untrusted->step.what == VIEW_STEP_MARK);
	default:
		return false;
	}
}

bool replay_receive(struct replay_channel *channel, struct view_message *order) {
	struct view_message untrusted;
	struct iovec iov = {.iov_base = &untrusted, .iov_len = sizeof(untrusted)};
	// No room for descriptors: the kernel drops what comes with a message, and says so.
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t len = recvmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (len <= 0 || (msg.msg_flags & MSG_TRUNC) != 0 ||
		!replay_check(&untrusted, (size_t)len, (msg.msg_flags & MSG_CTRUNC) != 0)) {
		channel->broken = true;
		return false;
	}
	*order = untrusted;
	return true;
}
