#include "tests/helpers/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "network/dns.h"

static int factory = -1; // to the process that makes sockets inside

_Noreturn static void die(const char *what) {
	fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
	abort();
}

static void require(bool good, const char *what) {
	if (!good) {
		die(what);
	}
}

static void put_file(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

// ---- netlink

struct request {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct ifaddrmsg address;
		struct ifinfomsg link;
	};
	unsigned char attributes[128];
};

static void put_attribute(struct request *request, uint16_t type, const void *bytes, size_t len) {
	struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(len)};
	unsigned char *at = (unsigned char *)request + NLMSG_ALIGN(request->head.nlmsg_len);
	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + RTA_LENGTH(0), bytes, len);
	request->head.nlmsg_len =
		NLMSG_ALIGN(request->head.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute.rta_len);
}

static void ask_kernel(struct request *request, const char *what) {
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		unsigned char rest[512];
	} answer;
	request->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	require(fd >= 0 && send(fd, request, request->head.nlmsg_len, 0) > 0 &&
			recv(fd, &answer, sizeof(answer), 0) > 0,
		what);
	close(fd);
	errno = -answer.error.error;
	require(errno == 0 || errno == EEXIST, what);
}

static void loopback_up(void) {
	struct request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			.nlmsg_type = RTM_NEWLINK},
		.link = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};
	ask_kernel(&request, "lo up");
}

static void add_address(const char *text) {
	unsigned char bytes[16];
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	size_t len = family == AF_INET ? 4 : 16;
	inet_pton(family, text, bytes);
	struct request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
			.nlmsg_type = RTM_NEWADDR,
			.nlmsg_flags = NLM_F_CREATE},
		.address = {.ifa_family = (unsigned char)family,
			.ifa_prefixlen = (unsigned char)(len * 8),
			.ifa_flags = IFA_F_NODAD,
			.ifa_index = 1},
	};
	put_attribute(&request, IFA_LOCAL, bytes, len);
	put_attribute(&request, IFA_ADDRESS, bytes, len);
	ask_kernel(&request, text);
}

// `source`: what connections to it come from, as if it were another machine's; NULL: itself.
static void add_route(const char *text, unsigned char prefix, const char *source) {
	unsigned char bytes[16];
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	const uint32_t lo = 1;
	inet_pton(family, text, bytes);
	struct request request = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			.nlmsg_type = RTM_NEWROUTE,
			.nlmsg_flags = NLM_F_CREATE},
		.route = {.rtm_family = (unsigned char)family,
			.rtm_dst_len = prefix,
			.rtm_table = RT_TABLE_LOCAL,
			.rtm_protocol = RTPROT_STATIC,
			.rtm_scope = RT_SCOPE_HOST,
			.rtm_type = RTN_LOCAL},
	};
	if (prefix > 0) {
		put_attribute(&request, RTA_DST, bytes, family == AF_INET ? 4 : 16);
	}
	put_attribute(&request, RTA_OIF, &lo, sizeof(lo));
	if (source != NULL) {
		inet_pton(family, source, bytes);
		put_attribute(&request, RTA_PREFSRC, bytes, family == AF_INET ? 4 : 16);
	}
	ask_kernel(&request, text);
}

// ---- sockets of the inside

static void send_fd(int socket, int fd) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)"", .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	require(sendmsg(socket, &message, 0) == 1, "sendmsg");
}

static int receive_fd(int socket) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd = -1;
	require(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 &&
			message.msg_controllen >= CMSG_LEN(sizeof(int)),
		"recvmsg");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
	return fd;
}

_Noreturn static void make_sockets(int socket_fd) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	require(unshare(CLONE_NEWNET) == 0, "unshare the inside network");
	loopback_up();
	// All that a policy may want to end inside.
	add_route("0.0.0.0", 0, NULL);
	add_route("::", 0, NULL);
	send_fd(socket_fd, socket_fd); // ready
	int wanted[2];
	while (recv(socket_fd, wanted, sizeof(wanted), 0) == (ssize_t)sizeof(wanted)) {
		int fd = socket(wanted[0], wanted[1] | SOCK_CLOEXEC, 0);
		require(fd >= 0, "socket inside");
		send_fd(socket_fd, fd);
		close(fd);
	}
	_exit(0);
}

void world_enter(const char *resolv_conf) {
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct rlimit limit;
	require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	require(unshare((uid == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWNS) == 0,
		"unshare");
	if (uid != 0) {
		char map[64];
		put_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "1000 %u 1", (unsigned int)gid);
		put_file("/proc/self/gid_map", map);
		snprintf(map, sizeof(map), "1000 %u 1", (unsigned int)uid);
		put_file("/proc/self/uid_map", map);
	}
	require(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mount");
	if (resolv_conf != NULL) {
		char path[] = "/tmp/resolv.conf.XXXXXX";
		int fd = mkstemp(path);
		require(fd >= 0 && fchmod(fd, 0644) == 0 &&
				write(fd, resolv_conf, strlen(resolv_conf)) ==
					(ssize_t)strlen(resolv_conf),
			path);
		close(fd);
		require(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0,
			"bind resolv.conf");
		unlink(path);
	}
	loopback_up();
	add_address(HOST_OWN);
	add_route(HOST_SERVER, 32, "127.0.0.1");
	add_route(HOST_OTHER, 32, "127.0.0.1");
	add_route(HOST_PRIVATE, 32, "127.0.0.1");
	add_route(HOST_METADATA, 32, "127.0.0.1");
	add_route(HOST_SERVER_V6, 128, "::1");
	int pair[2];
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	pid_t pid = fork();
	require(pid >= 0, "fork");
	if (pid == 0) {
		close(pair[0]);
		make_sockets(pair[1]);
	}
	close(pair[1]);
	factory = pair[0];
	close(receive_fd(factory));
}

int inside_socket(int family, int type) {
	const int wanted[2] = {family, type};
	require(send(factory, wanted, sizeof(wanted), MSG_NOSIGNAL) == (ssize_t)sizeof(wanted),
		"ask for a socket");
	return receive_fd(factory);
}

socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *out) {
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	require(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, text);
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

static void bind_and_listen(int fd, int type, const char *address, uint16_t port) {
	struct sockaddr_storage to;
	const int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	socklen_t len = make_address(address, port, &to);
	require(bind(fd, (struct sockaddr *)&to, len) == 0 &&
			(type != SOCK_STREAM || listen(fd, 4096) == 0) &&
			fcntl(fd, F_SETFL, O_NONBLOCK) == 0,
		"bind");
}

int inside_listen(int type, const char *address, uint16_t port) {
	const char *where = address != NULL ? address : "::";
	int fd = inside_socket(strchr(where, ':') != NULL ? AF_INET6 : AF_INET, type);
	bind_and_listen(fd, type, where, port);
	return fd;
}

int host_listen(const char *address, uint16_t *port) {
	int fd = socket(
		strchr(address, ':') != NULL ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(fd >= 0, "socket");
	bind_and_listen(fd, SOCK_STREAM, address, *port);
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	getsockname(fd, (struct sockaddr *)&bound, &len);
	*port = ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
	return fd;
}

int inside_connect(const char *address, uint16_t port) {
	struct sockaddr_storage to;
	socklen_t len = make_address(address, port, &to);
	int fd = inside_socket(to.ss_family, SOCK_STREAM);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	require(connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS, "connect");
	return fd;
}

// ---- the lying resolver

static size_t answer(
	struct resolver_fake *fake, const unsigned char *query, size_t len, unsigned char *out) {
	struct dns_query parsed;
	if (dns_parse(query, len, &parsed) != DNS_QUERY) {
		return 0;
	}
	fake->asked++;
	snprintf(fake->last, sizeof(fake->last), "%s", parsed.untrusted_name);
	bool known = false;
	size_t at = 12 + parsed.question_len;
	unsigned int count = 0;
	memcpy(out + 12, parsed.question, parsed.question_len);
	for (size_t i = 0; i < fake->names_len; i++) {
		const struct fake_name *name = &fake->names[i];
		bool v6 = strchr(name->address, ':') != NULL;
		size_t bytes = v6 ? 16 : 4;
		if (strcasecmp(name->name, parsed.untrusted_name) != 0) {
			continue;
		}
		known = true;
		if (parsed.type != (v6 ? DNS_TYPE_AAAA : DNS_TYPE_A)) {
			continue;
		}
		const unsigned char head[12] = {0xc0, 12, 0, (unsigned char)parsed.type, 0, 1,
			(unsigned char)(name->ttl >> 24), (unsigned char)(name->ttl >> 16),
			(unsigned char)(name->ttl >> 8), (unsigned char)name->ttl, 0,
			(unsigned char)bytes};
		memcpy(out + at, head, sizeof(head));
		inet_pton(v6 ? AF_INET6 : AF_INET, name->address, out + at + sizeof(head));
		at += sizeof(head) + bytes;
		count++;
	}
	const unsigned char head[12] = {(unsigned char)(parsed.id >> 8), (unsigned char)parsed.id,
		0x81, known ? 0x80 : 0x83, 0, 1, 0, (unsigned char)count};
	memcpy(out, head, sizeof(head));
	return at;
}

static int handle_query(int fd, uint32_t mask, void *data) {
	struct resolver_fake *fake = data;
	unsigned char query[2048], out[2048];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(
		fake->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	size_t len = n > 0 ? answer(fake, query, (size_t)n, out) : 0;
	if (len > 0) {
		sendto(fake->fd, out, len, 0, (struct sockaddr *)&from, from_len);
	}
	return 0;
}

void resolver_fake_begin(struct resolver_fake *fake, struct wl_event_loop *loop) {
	fake->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	require(fake->fd >= 0, "socket");
	bind_and_listen(fake->fd, SOCK_DGRAM, "127.0.0.1", 53);
	fake->source = wl_event_loop_add_fd(loop, fake->fd, WL_EVENT_READABLE, handle_query, fake);
}

void resolver_fake_end(struct resolver_fake *fake) {
	wl_event_source_remove(fake->source);
	close(fake->fd);
}
