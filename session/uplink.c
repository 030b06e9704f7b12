#include "session/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "session/untrusted.h"

#define MAX_MESSAGES_A_TURN 256
#define MAX_QUEUE 1024
#define MAX_NEEDS BROKER_MAX_NEEDS
#define READY_MS 20000 // it takes milliseconds; a machine under heavy load gets this long
#define FINISH_MS 500 // a broker that has been told to stop says its last words within a few
#define STDERR_LINE 256
#define STDERR_LINES 1000

struct queued {
	struct broker_message message;
	int fd; // ours until sent, -1: none
};

struct uplink {
	struct wl_event_loop *loop;
	const struct uplink_observer *observer;
	void *data;
	pid_t pid;
	int pidfd, channel, stderr_fd;
	struct wl_event_source *pid_source, *channel_source, *stderr_source;
	struct wl_event_source *ready_source; // until it is ready
	struct wl_event_source *end_source; // idle: says the end outside of whatever found it
	char end_reason[320]; // empty: alive
	bool ready, finishing;
	uint32_t serial; // of the last update
	uint32_t needs; // sockets that are asked for and not given yet

	struct queued *queue; // what the broker has not taken yet
	size_t queue_len, queue_size;

	char line[STDERR_LINE];
	size_t line_len;
	unsigned int lines;
};

static void remove_source(struct wl_event_source **source) {
	if (*source != NULL) {
		wl_event_source_remove(*source);
		*source = NULL;
	}
}

static void close_fd(int fd) {
	if (fd >= 0) {
		close(fd);
	}
}

static void handle_end(void *data) {
	struct uplink *uplink = data;
	uplink->end_source = NULL;
	uplink->observer->ended(uplink->data, uplink->end_reason);
}

// The first reason counts; saying it waits for the event loop.
static void end(struct uplink *uplink, const char *reason) {
	if (uplink->end_reason[0] != '\0') {
		return;
	}
	snprintf(uplink->end_reason, sizeof(uplink->end_reason), "%s", reason);
	remove_source(&uplink->channel_source);
	if (!uplink->finishing) {
		uplink->end_source = wl_event_loop_add_idle(uplink->loop, handle_end, uplink);
	}
}

// ---- to the broker

// 0, -EAGAIN when its socket is full, or another -errno.
static int send_now(struct uplink *uplink, const struct broker_message *message, int fd) {
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	ssize_t sent = sendmsg(uplink->channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : 0;
}

static void flush_queue(struct uplink *uplink) {
	size_t done = 0;
	for (; done < uplink->queue_len; done++) {
		struct queued *next = &uplink->queue[done];
		int ret = send_now(uplink, &next->message, next->fd);
		if (ret == -EAGAIN) {
			break;
		}
		close_fd(next->fd);
		if (ret == -ETOOMANYREFS) { // unix(7): of this user's, in all processes
			end(uplink, "too many descriptors are on their way between processes");
		}
	}
	uplink->queue_len -= done;
	if (uplink->queue_len > 0) {
		memmove(uplink->queue, uplink->queue + done,
			uplink->queue_len * sizeof(*uplink->queue));
	}
	if (uplink->channel_source != NULL) {
		wl_event_source_fd_update(uplink->channel_source,
			WL_EVENT_READABLE | (uplink->queue_len > 0 ? WL_EVENT_WRITABLE : 0));
	}
}

// Sends in order, now or later; takes over `fd` (-1: none).
static void send_message(struct uplink *uplink, const struct broker_message *message, int fd) {
	if (uplink->queue_len == uplink->queue_size) {
		size_t size = uplink->queue_size > 0 ? uplink->queue_size * 2 : 32;
		struct queued *queue =
			size > MAX_QUEUE ? NULL : realloc(uplink->queue, size * sizeof(*queue));
		if (queue == NULL) {
			close_fd(fd);
			end(uplink, "the network broker stopped reading its messages");
			return;
		}
		uplink->queue = queue;
		uplink->queue_size = size;
	}
	uplink->queue[uplink->queue_len++] = (struct queued){.message = *message, .fd = fd};
	flush_queue(uplink);
}

// The document as a memory file that nobody can change. The descriptor or -errno.
static int seal_text(const char *text) {
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	size_t len = strlen(text);
	int fd = memfd_create("parclose-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fcntl(fd, F_ADD_SEALS, seals) != 0) {
		int error = errno != 0 ? errno : EIO;
		close_fd(fd);
		return -error;
	}
	return fd;
}

void uplink_listen(struct uplink *uplink, enum broker_listen_kind kind, uint16_t port,
	uint16_t inside_port, int fd) {
	struct broker_message message = {
		.type = BROKER_LISTEN, .listen = {kind, port, inside_port}};
	send_message(uplink, &message, fd);
}

void uplink_give_socket(struct uplink *uplink, uint32_t token, int fd, int error) {
	struct broker_message message = {.type = BROKER_INSIDE_SOCKET,
		.inside_socket = {token, fd >= 0 ? 0 : (uint32_t)(error > 0 ? error : EIO)}};
	uplink->needs -= uplink->needs > 0;
	send_message(uplink, &message, fd);
}

int uplink_update(struct uplink *uplink, const char *policy_text) {
	int fd = uplink->end_reason[0] != '\0' ? -EPIPE : seal_text(policy_text);
	if (fd < 0) {
		return fd;
	}
	struct broker_message message = {.type = BROKER_UPDATE, .update.serial = ++uplink->serial};
	send_message(uplink, &message, fd);
	return (int)uplink->serial;
}

// ---- from the broker

// False: it lies, or says that it cannot go on.
static bool take(struct uplink *uplink, const struct broker_message *checked) {
	const struct uplink_observer *observer = uplink->observer;
	switch (checked->type) {
	case BROKER_READY:
		if (uplink->ready) {
			return false;
		}
		uplink->ready = true;
		remove_source(&uplink->ready_source);
		observer->ready(uplink->data);
		return true;
	case BROKER_FATAL: {
		char reason[320];
		snprintf(reason, sizeof(reason), "the network broker cannot go on: %s",
			checked->fatal.text);
		end(uplink, reason);
		return true;
	}
	case BROKER_NEED_SOCKET:
		if (uplink->needs == MAX_NEEDS) {
			return false;
		}
		uplink->needs++;
		observer->need_socket(
			uplink->data, checked->need_socket.token, (int)checked->need_socket.family);
		return true;
	case BROKER_UPDATED:
		if (checked->updated.serial == 0 || checked->updated.serial > uplink->serial) {
			return false;
		}
		observer->updated(uplink->data, checked->updated.serial,
			checked->updated.status == BROKER_UPDATE_OK, checked->updated.cut);
		return true;
	default:
		observer->decided(uplink->data, &checked->decision);
		return true;
	}
}

// Reads one message. False: there is none now, or none will come any more.
static bool receive(struct uplink *uplink) {
	unsigned char untrusted[sizeof(struct broker_message)];
	struct broker_message checked;
	struct iovec iov = {.iov_base = untrusted, .iov_len = sizeof(untrusted)};
	// No descriptor is ever taken from it: msg_control is empty, the kernel drops what it
	// attached.
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t len = recvmsg(uplink->channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (len <= 0) {
		// How it ended stands in its exit status, which handle_exit() reads at once.
		remove_source(&uplink->channel_source);
		return false;
	}
	if ((msg.msg_flags & MSG_TRUNC) != 0 || !uplink_check(untrusted, (size_t)len, &checked) ||
		!take(uplink, &checked)) {
		end(uplink, "the network broker sent a message that cannot be; it was ended");
		return false;
	}
	return uplink->end_reason[0] == '\0';
}

static int handle_channel(int fd, uint32_t mask, void *data) {
	struct uplink *uplink = data;
	if (mask & WL_EVENT_WRITABLE) {
		flush_queue(uplink);
	}
	for (int i = 0; i < MAX_MESSAGES_A_TURN && receive(uplink); i++) {}
	return 0;
}

static void take_line(struct uplink *uplink) {
	char text[STDERR_LINE * 3];
	untrusted_text(text, sizeof(text), uplink->line, uplink->line_len);
	uplink->line_len = 0;
	if (text[0] != '\0' && uplink->lines++ < STDERR_LINES) {
		uplink->observer->message(uplink->data, text);
	}
}

static int handle_stderr(int fd, uint32_t mask, void *data) {
	struct uplink *uplink = data;
	char buffer[4096];
	ssize_t len = read(fd, buffer, sizeof(buffer));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	for (ssize_t i = 0; i < len; i++) {
		if (buffer[i] == '\n' || uplink->line_len == sizeof(uplink->line)) {
			take_line(uplink);
		}
		if (buffer[i] != '\n') {
			uplink->line[uplink->line_len++] = buffer[i];
		}
	}
	if (len <= 0) {
		take_line(uplink);
		remove_source(&uplink->stderr_source);
	}
	return 0;
}

static int handle_exit(int fd, uint32_t mask, void *data) {
	struct uplink *uplink = data;
	siginfo_t info = {0};
	waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
	if (info.si_pid == 0) {
		return 0;
	}
	remove_source(&uplink->pid_source);
	uplink->pid = 0;
	// Its last words: why, and what had been decided.
	for (int i = 0; i < MAX_MESSAGES_A_TURN && receive(uplink); i++) {}
	if (uplink->stderr_source != NULL) {
		handle_stderr(uplink->stderr_fd, 0, uplink);
	}
	char reason[128];
	if (info.si_code == CLD_EXITED) {
		snprintf(reason, sizeof(reason), "the network broker exited with status %d",
			info.si_status);
	} else {
		snprintf(reason, sizeof(reason), "the network broker was killed by signal %d (%s)",
			info.si_status, strsignal(info.si_status));
	}
	end(uplink, reason);
	return 0;
}

bool uplink_is_ready(const struct uplink *uplink) {
	return uplink->ready;
}

pid_t uplink_pid(const struct uplink *uplink) {
	return uplink->pid;
}

// ---- life

// In the new process: nothing but the channel and a line to complain on.
static void exec_broker(int program, int channel, int stderr_fd) {
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	// Out of the way of 0..3 first: any of the three may stand on a number that is needed.
	channel = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	stderr_fd = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 10);
	null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(stderr_fd, 2) < 0 ||
		dup2(channel, BROKER_FD) < 0) {
		_exit(126);
	}
	struct rlimit no_core = {0};
	setrlimit(RLIMIT_CORE, &no_core);
	// A connection takes four descriptors and more; there may be thousands.
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	char *const argv[] = {(char *)"parclose-network", NULL};
	char *const env[] = {(char *)"LANG=C.UTF-8", NULL};
	// By descriptor: this identity may not be able to walk the path.
	execveat(program, "", argv, env, AT_EMPTY_PATH);
	dprintf(2, "cannot execute the network broker: %s\n", strerror(errno));
	_exit(127);
}

static bool start(
	struct uplink *uplink, const struct uplink_options *options, char *why, size_t why_size) {
	int pair[2] = {-1, -1}, errors[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
		pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
		snprintf(why, why_size, "cannot make the network broker's channel: %s",
			strerror(errno));
		close_fd(pair[0]);
		close_fd(pair[1]);
		return false;
	}
	int program = open(options->broker_path, O_PATH | O_CLOEXEC);
	struct sandbox_error error;
	pid_t pid = -1;
	if (program < 0) {
		snprintf(error.message, sizeof(error.message), "cannot open %.300s: %s",
			options->broker_path, strerror(errno));
	} else {
		pid = sandbox_clone_networked(&uplink->pidfd, &error);
	}
	if (pid == 0) {
		exec_broker(program, pair[1], errors[1]);
	}
	close_fd(program);
	close(pair[1]);
	close(errors[1]);
	uplink->channel = pair[0];
	uplink->stderr_fd = errors[0];
	if (pid < 0) {
		snprintf(why, why_size, "%s", error.message);
		return false;
	}
	uplink->pid = pid;
	return true;
}

static int handle_late(void *data) {
	end(data, "the network broker did not come up in time; it was ended");
	return 0;
}

static bool watch(struct uplink *uplink) {
	struct wl_event_loop *loop = uplink->loop;
	uplink->pid_source =
		wl_event_loop_add_fd(loop, uplink->pidfd, WL_EVENT_READABLE, handle_exit, uplink);
	uplink->channel_source = wl_event_loop_add_fd(
		loop, uplink->channel, WL_EVENT_READABLE, handle_channel, uplink);
	uplink->stderr_source = wl_event_loop_add_fd(
		loop, uplink->stderr_fd, WL_EVENT_READABLE, handle_stderr, uplink);
	uplink->ready_source = wl_event_loop_add_timer(loop, handle_late, uplink);
	return uplink->pid_source != NULL && uplink->channel_source != NULL &&
	       uplink->stderr_source != NULL && uplink->ready_source != NULL &&
	       wl_event_source_timer_update(uplink->ready_source, READY_MS) == 0;
}

struct uplink *uplink_create(struct wl_event_loop *loop, const struct uplink_options *options,
	const struct uplink_observer *observer, void *data, char *why, size_t why_size) {
	struct uplink *uplink = calloc(1, sizeof(*uplink));
	if (uplink == NULL) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	uplink->loop = loop;
	uplink->observer = observer;
	uplink->data = data;
	uplink->pidfd = uplink->channel = uplink->stderr_fd = -1;
	int text = seal_text(options->policy_text);
	bool started = false;
	if (text < 0) {
		snprintf(why, why_size, "cannot hand the policy to the network broker: %s",
			strerror(-text));
	} else {
		started = start(uplink, options, why, why_size);
	}
	if (started && !watch(uplink)) {
		snprintf(why, why_size, "out of memory");
		started = false;
	}
	if (!started) {
		close_fd(text);
		uplink_destroy(uplink);
		return NULL;
	}
	struct broker_message setup = {
		.type = BROKER_SETUP, .setup = {BROKER_VERSION, options->learn ? BROKER_LEARN : 0}};
	send_message(uplink, &setup, text);
	return uplink;
}

void uplink_finish(struct uplink *uplink) {
	if (uplink == NULL || uplink->finishing) {
		return;
	}
	uplink->finishing = true;
	while (receive(uplink)) {}
	if (!uplink->ready || uplink->end_reason[0] != '\0') {
		return; // nothing was decided, or nothing more will be
	}
	const struct broker_message stop = {.type = BROKER_STOP};
	send_message(uplink, &stop, -1);
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	long left = FINISH_MS;
	while (uplink->channel_source != NULL && uplink->queue_len == 0 && left > 0) {
		struct pollfd wait = {.fd = uplink->channel, .events = POLLIN};
		poll(&wait, 1, (int)left);
		while (receive(uplink)) {}
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = FINISH_MS - (now.tv_sec - start.tv_sec) * 1000 -
		       (now.tv_nsec - start.tv_nsec) / 1000000;
	}
}

void uplink_destroy(struct uplink *uplink) {
	if (uplink == NULL) {
		return;
	}
	remove_source(&uplink->pid_source);
	remove_source(&uplink->channel_source);
	remove_source(&uplink->stderr_source);
	remove_source(&uplink->ready_source);
	remove_source(&uplink->end_source);
	for (size_t i = 0; i < uplink->queue_len; i++) {
		close_fd(uplink->queue[i].fd);
	}
	if (uplink->pid > 0) {
		kill(uplink->pid, SIGKILL);
		waitpid(uplink->pid, NULL, 0);
	}
	close_fd(uplink->pidfd);
	close_fd(uplink->channel);
	close_fd(uplink->stderr_fd);
	free(uplink->queue);
	free(uplink);
}
