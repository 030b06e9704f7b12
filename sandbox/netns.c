#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <limits.h>
#include <linux/futex.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

/*
 * The network namespace is by far the dearest of all, so a helper makes it while pid 1 builds the
 * root. The helper shares pid 1's memory (a copy would cost what it saves), therefore its errno as
 * well: it makes system calls only, and they touch errno only when they fail, which fails the
 * start. A sanitizer's runtime keeps more a thread than errno, so its build goes without the helper
 * and pid 1 does all the work in netns_enter().
 */

enum state {
	STATE_WAITING, // the helper has not run yet; pid 1 may take the work back
	STATE_WORKING,
	STATE_DONE, // the namespace is there, the helper waits so that it stays
	STATE_FAILED, // `error` says why
	STATE_TAKEN,
};

static int futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout) {
	return (int)sys_result(syscall(SYS_futex, word, operation, value, timeout, NULL, 0));
}

static void set_state(struct netns *netns, uint32_t state) {
	__atomic_store_n(&netns->state, state, __ATOMIC_SEQ_CST);
	(void)futex(&netns->state, FUTEX_WAKE, INT_MAX, NULL);
}

static bool change_state(struct netns *netns, uint32_t from, uint32_t to) {
	return __atomic_compare_exchange_n(
		&netns->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

int netns_loopback_up(void) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int ret = ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
	close(fd);
	return ret;
}

// Makes the sockets and hands them to the supervisor.
static int hand_out(const struct init_context *context) {
	const struct sandbox_network *network = context->network;
	int fds[SANDBOX_MAX_SOCKETS];
	size_t made = 0;
	int ret = 0;
	for (; made < network->sockets_len && ret == 0; made++) {
		fds[made] = socket_make(&network->sockets[made], context->ipv6);
		ret = fds[made] < 0 ? fds[made] : 0;
	}
	if (ret == 0) {
		const uint32_t type = MESSAGE_SOCKETS;
		ret = message_send(context->socket, &type, sizeof(type), fds, made);
	}
	// Pid 1 may be the one that works here, and keeps nothing of it.
	for (size_t i = 0; i < made; i++) {
		close_fd(&fds[i]);
	}
	return ret;
}

static int make(struct netns *netns) {
	const struct init_context *context = netns->context;
	const struct sandbox_network *network = context->network;
	netns->stage = "the network namespace";
	int ret = unshare(CLONE_NEWNET) ? -errno : netns_loopback_up();
	if (ret < 0 || !network) {
		return ret;
	}
	netns->stage = "the routes to what the policy allows";
	ret = routes_add(network, context->ipv6, true);
	for (size_t i = 0; i < network->sockets_len && ret == 0; i++) {
		if (network->sockets[i].every_port) {
			netns->stage = "the packet rule for every port; it needs a kernel with "
				       "nf_tables and its tproxy "
				       "expression (CONFIG_NFT_TPROXY), a policy with at most 64 "
				       "single ports does not";
			ret = redirect_every_port();
		}
	}
	if (ret == 0 && network->sockets_len > 0) {
		netns->stage = "the network's sockets";
		ret = hand_out(context);
	}
	return ret;
}

static int help(void *data) {
	struct netns *netns = data;
	if (change_state(netns, STATE_WAITING, STATE_WORKING)) {
		netns->error = make(netns);
		set_state(netns, netns->error < 0 ? STATE_FAILED : STATE_DONE);
		for (;;) {
			pause(); // killed by netns_enter()
		}
	}
	return 0;
}

int netns_begin(struct netns *netns, const struct init_context *context, void *stack, size_t size) {
	*netns = (struct netns){.context = context, .pidfd = -1, .state = STATE_WAITING};
#ifdef PARCLOSE_SANITIZED
	(void)help, (void)stack, (void)size;
#else
	netns->pid = clone(
		help, (char *)stack + size, CLONE_VM | CLONE_PIDFD | SIGCHLD, netns, &netns->pidfd);
#endif
	return netns->pid < 0 ? -errno : 0;
}

int netns_enter(struct netns *netns, struct sandbox_error *err) {
	const struct timespec patience = {.tv_sec = 10};
	int ret = 0;
	if (change_state(netns, STATE_WAITING, STATE_TAKEN)) {
		ret = make(netns); // no processor was free for the helper
	}
	while (ret == 0 && __atomic_load_n(&netns->state, __ATOMIC_SEQ_CST) == STATE_WORKING) {
		ret = futex(&netns->state, FUTEX_WAIT, STATE_WORKING, &patience);
		ret = ret == -EAGAIN || ret == -EINTR ? 0 : ret;
	}
	if (ret == 0 && netns->state == STATE_DONE) {
		ret = setns(netns->pidfd, CLONE_NEWNET) ? -errno : 0;
	} else if (ret == 0 && netns->state == STATE_FAILED) {
		ret = netns->error;
	}
	// Not waited for: it executes nothing more, and is reaped like any other child.
	int killed = netns->pid > 0 ? sys_pidfd_send_signal(netns->pidfd, SIGKILL) : 0;
	close_fd(&netns->pidfd);
	ret = ret < 0 ? ret : killed == -ESRCH ? 0 : killed;
	return ret == 0 ? 0
			: sandbox_fail(err, -ret, "cannot make %s: %s",
				  netns->stage ? netns->stage : "the network namespace",
				  strerror(-ret));
}
