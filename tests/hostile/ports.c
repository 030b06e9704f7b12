/*
 * A program inside that wants the network's sockets for itself, or another network. Run as the
 * command of a sandbox: ports [--tcp PORT]... [--udp PORT]...: ports that are served from outside.
 * Prints "held NAME" or "broken NAME: what happened" a line; ends with 1 when anything was broken.
 *
 * ports dial ADDRESS PORT: connects, and prints "connected" or the error, and how long it took.
 * ports send ADDRESS PORT: the same with a datagram, and waits for an error.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool any_broken;

static void report(bool held, const char *name, int error) {
	any_broken = any_broken || !held;
	if (held) {
		printf("held %s\n", name);
	} else {
		printf("broken %s: %s\n", name, error ? strerror(error) : "it succeeded");
	}
}

static socklen_t fill(struct sockaddr_storage *out, const char *address, uint16_t port) {
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
		abort();
	}
	memcpy(out, &v6, sizeof(v6));
	return sizeof(v6);
}

// ---- the ports

// Shares, or takes, a port that is served from outside: at every address and at single ones.
static void attack_port(int type, const char *address, uint16_t port, unsigned int options) {
	struct sockaddr_storage to;
	socklen_t len = fill(&to, address, port);
	int fd = socket(to.ss_family, type, 0);
	const int on = 1;
	if (options & 1) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	}
	if (options & 2) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	}
	if (options & 4) {
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	}
	int ret = bind(fd, (const struct sockaddr *)&to, len);
	int error = ret ? errno : 0;
	if (!ret && type == SOCK_STREAM) {
		ret = listen(fd, 1);
		error = ret ? errno : 0;
	}
	char name[128];
	snprintf(name, sizeof(name), "take-%s-%s-%u-options-%u",
		type == SOCK_STREAM ? "tcp" : "udp", address, port, options);
	report(ret && (error == EADDRINUSE || error == EACCES), name, error);
	close(fd);
}

static void attack_ports(int type, uint16_t port) {
	static const char *const addresses[] = {
		"0.0.0.0", "::", "127.0.0.1", "127.0.0.53", "198.18.0.1", "::1", "192.0.0.8"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		for (unsigned int options = 0; options < 8; options++) {
			attack_port(type, addresses[i], port, options);
		}
	}
}

static void attack_options(void) {
	const int on = 1, number = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
	int ret = setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));
	report(ret && errno == EPERM, "socket-transparent", ret ? errno : 0);
	ret = setsockopt(fd6, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
	report(ret && errno == EPERM, "socket-transparent-6", ret ? errno : 0);
	ret = setsockopt(fd, SOL_SOCKET, SO_MARK, &number, sizeof(number));
	report(ret && errno == EPERM, "socket-mark", ret ? errno : 0);
	close(fd);
	close(fd6);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	report(fd < 0 && errno == EPERM, "socket-raw", fd < 0 ? errno : 0);
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	report(fd < 0 && errno == EACCES, "socket-ping", fd < 0 ? errno : 0);
}

static void attack_settings(void) {
	static const char *const settings[] = {"/proc/sys/net/ipv4/ip_unprivileged_port_start",
		"/proc/sys/net/ipv4/ip_nonlocal_bind", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/ping_group_range", "/proc/sys/net/ipv6/conf/all/forwarding"};
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd = open(settings[i], O_WRONLY);
		report(fd < 0, settings[i], 0);
		if (fd >= 0) {
			close(fd);
		}
	}
}

// ---- the tables

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct rtmsg route;
		struct ifaddrmsg address;
	} body;
	unsigned char attributes[128];
};

static void put(struct request *request, uint16_t type, const void *data, size_t len) {
	struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};
	unsigned char *at = (unsigned char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + NLA_HDRLEN, data, len);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)NLA_ALIGN(NLA_HDRLEN + len);
}

static void ask(const char *name, struct request *request) {
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		unsigned char rest[512];
	} answer;
	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0 ||
		recv(fd, &answer, sizeof(answer), 0) < 0) {
		report(true, name, 0);
	} else {
		report(answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == -EPERM,
			name, -answer.error.error);
	}
	close(fd);
}

static void attack_tables(void) {
	const int lo = 1;
	const unsigned char pool[4] = {198, 18, 0, 0}, other[4] = {8, 8, 8, 8};
	struct request link = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
				       .nlmsg_type = RTM_NEWLINK},
		.body.link = {.ifi_index = lo, .ifi_change = IFF_UP}};
	ask("loopback-down", &link);
	static const char *const kinds[] = {"veth", "dummy", "tun", "ipvlan", "bridge"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct request make = {
			.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
				.nlmsg_type = RTM_NEWLINK,
				.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL}};
		unsigned char info[32] = {0};
		struct nlattr kind = {.nla_len = (uint16_t)(NLA_HDRLEN + strlen(kinds[i]) + 1),
			.nla_type = IFLA_INFO_KIND};
		memcpy(info, &kind, sizeof(kind));
		memcpy(info + NLA_HDRLEN, kinds[i], strlen(kinds[i]) + 1);
		put(&make, IFLA_LINKINFO, info, NLA_ALIGN(kind.nla_len));
		char name[64];
		snprintf(name, sizeof(name), "new-%s", kinds[i]);
		ask(name, &make);
	}
	struct request gone = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
				       .nlmsg_type = RTM_DELROUTE},
		.body.route = {.rtm_family = AF_INET,
			.rtm_dst_len = 15,
			.rtm_table = RT_TABLE_LOCAL,
			.rtm_type = RTN_LOCAL}};
	put(&gone, RTA_DST, pool, sizeof(pool));
	ask("pool-route-gone", &gone);
	struct request route = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
					.nlmsg_type = RTM_NEWROUTE,
					.nlmsg_flags = NLM_F_CREATE},
		.body.route = {.rtm_family = AF_INET,
			.rtm_dst_len = 32,
			.rtm_table = RT_TABLE_LOCAL,
			.rtm_scope = RT_SCOPE_HOST,
			.rtm_type = RTN_LOCAL}};
	put(&route, RTA_DST, other, sizeof(other));
	put(&route, RTA_OIF, &lo, sizeof(lo));
	ask("new-route", &route);
	struct request address = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
					  .nlmsg_type = RTM_NEWADDR,
					  .nlmsg_flags = NLM_F_CREATE},
		.body.address = {
			.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = (unsigned int)lo}};
	put(&address, IFA_LOCAL, other, sizeof(other));
	ask("new-address", &address);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	report(fd < 0, "netfilter-socket", 0);
	fd = open("/dev/net/tun", O_RDWR);
	report(fd < 0, "tun-device", 0);
}

// ---- going somewhere

static int64_t now_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int go(int type, const char *address, const char *port) {
	struct sockaddr_storage to;
	socklen_t len = fill(&to, address, (uint16_t)strtoul(port, NULL, 10));
	int fd = socket(to.ss_family, type, 0);
	const struct timeval patience = {.tv_sec = 5};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	int64_t start = now_us();
	int ret = connect(fd, (const struct sockaddr *)&to, len);
	if (!ret && type == SOCK_DGRAM) {
		char answer;
		ret = send(fd, "ask", 3, 0) < 0 || recv(fd, &answer, 1, 0) < 0 ? -1 : 0;
	}
	int error = ret ? errno : 0;
	int64_t took = now_us() - start;
	printf("%s%s\n",
		!error                  ? "connected"
		: error == ECONNREFUSED ? "refused"
		: error == ENETUNREACH  ? "unreachable"
		: error == EAGAIN       ? "nothing came"
					: strerror(error),
		took > 500000 && error != EAGAIN ? ", and that took long" : "");
	return error != 0;
}

int main(int argc, char **argv) {
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "dial") == 0) {
		return go(SOCK_STREAM, argv[2], argv[3]);
	}
	if (argc == 4 && strcmp(argv[1], "send") == 0) {
		return go(SOCK_DGRAM, argv[2], argv[3]);
	}
	for (int i = 1; i + 1 < argc; i++) {
		uint16_t port = (uint16_t)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--tcp") == 0) {
			attack_ports(SOCK_STREAM, port);
		} else if (strcmp(argv[i], "--udp") == 0) {
			attack_ports(SOCK_DGRAM, port);
		}
	}
	// Root of a user namespace of its own is still nobody here.
	if (unshare(CLONE_NEWUSER) == 0) {
		printf("in a user namespace of its own\n");
	}
	attack_options();
	attack_settings();
	attack_tables();
	return any_broken ? 1 : 0;
}
