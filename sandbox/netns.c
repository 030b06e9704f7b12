#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <limits.h>
#include <linux/futex.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/*
 * The network namespace is by far the dearest of all, so a helper makes it while pid 1 builds the
 * root. The helper shares pid 1's memory (a copy would cost what it saves), therefore its errno as
 * well: it makes system calls only, and they touch errno only when they fail, which fails the
 * start.
 */

enum state {
	STATE_WORKING,
	STATE_DONE, // the namespace is there, the helper waits so that it stays
	STATE_FAILED, // `error` says why
	STATE_LEAVE, // it has been entered
};

static int futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout) {
	return (int)sys_result(syscall(SYS_futex, word, operation, value, timeout, NULL, 0));
}

static void set_state(struct netns *netns, uint32_t state) {
	__atomic_store_n(&netns->state, state, __ATOMIC_SEQ_CST);
	(void)futex(&netns->state, FUTEX_WAKE, INT_MAX, NULL);
}

static int loopback_up(void) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int ret = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
	close(fd);
	return ret;
}

static int help(void *data) {
	struct netns *netns = data;
	int ret = unshare(CLONE_NEWNET) ? -errno : loopback_up();
	netns->error = ret;
	set_state(netns, ret < 0 ? STATE_FAILED : STATE_DONE);
	while (ret == 0 && __atomic_load_n(&netns->state, __ATOMIC_SEQ_CST) == STATE_DONE) {
		(void)futex(&netns->state, FUTEX_WAIT, STATE_DONE, NULL);
	}
	return 0;
}

int netns_begin(struct netns *netns, void *stack, size_t size) {
	netns->state = STATE_WORKING;
	netns->pidfd = -1;
	netns->pid = clone(
		help, (char *)stack + size, CLONE_VM | CLONE_PIDFD | SIGCHLD, netns, &netns->pidfd);
	return netns->pid < 0 ? -errno : 0;
}

int netns_enter(struct netns *netns) {
	const struct timespec patience = {.tv_sec = 10};
	uint32_t state;
	int ret = 0;
	while ((state = __atomic_load_n(&netns->state, __ATOMIC_SEQ_CST)) == STATE_WORKING &&
		ret == 0) {
		ret = futex(&netns->state, FUTEX_WAIT, STATE_WORKING, &patience);
		ret = ret == -EAGAIN || ret == -EINTR ? 0 : ret;
	}
	if (state == STATE_DONE) {
		ret = setns(netns->pidfd, CLONE_NEWNET) ? -errno : 0;
	} else if (state == STATE_FAILED) {
		ret = netns->error;
	}
	set_state(netns, STATE_LEAVE);
	if (ret < 0) {
		return ret; // the end of pid 1 ends the helper
	}
	close_fd(&netns->pidfd);
	while (waitpid(netns->pid, NULL, 0) < 0 && errno == EINTR) {}
	return 0;
}
