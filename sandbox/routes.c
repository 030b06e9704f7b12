#include "sandbox/internal.h"
#include "sandbox/netlink.h"
#include "sandbox/unpaced.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Ranges that end inside: a local route on lo, so that a socket of this namespace answers for each
 * address of them, and the kernel at once where nobody listens.
 */

#define LOOPBACK 1 // the interface's number, the same in every namespace
#define MESSAGE_ROOM 96 // more than any message here takes

/*
 * Chromium tells its pages that they are offline (navigator.onLine) where no interface but the
 * loopback is up and has an address, and getaddrinfo(3) with AI_ADDRCONFIG asks for a family only
 * where an address other than 127.0.0.1 and ::1 is there. So there is an interface whose other end
 * is in here, too, and leads nowhere, and an address of each family. (Firefox wants a route to an
 * address of its maker's, which would be one that nobody answers at.) These two are nobody's: the
 * dummy address of RFC 7600, and one of a /64 beside the addresses that stand for names.
 */
#define LINK 64 // its number, and that of its other end is one more
#define LINK_NAME "eth0"
#define LINK_END "eth0-end"
static const unsigned char dummy_v4[4] = {192, 0, 0, 8};
static const unsigned char dummy_v6[16] = {
	0xfd, 0x70, 0x61, 0x72, 0x63, 0x6c, 0x6f, 0x74, 0, 0, 0, 0, 0, 0, 0, 1};

static size_t address_bytes(int family) {
	return family == AF_INET ? 4 : 16;
}

static void put_link_up(struct netlink *netlink, int number) {
	const struct ifinfomsg fixed = {
		.ifi_index = number, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	netlink_begin(netlink, RTM_NEWLINK, NLM_F_ACK, &fixed, sizeof(fixed));
}

// No address of its own making, and so nothing said on it. Before it is up.
static void put_link_silent(struct netlink *netlink, int number) {
	const unsigned char none = IN6_ADDR_GEN_MODE_NONE;
	const struct ifinfomsg fixed = {.ifi_index = number};
	netlink_begin(netlink, RTM_NEWLINK, NLM_F_ACK, &fixed, sizeof(fixed));
	size_t spec = netlink_enter(netlink, IFLA_AF_SPEC);
	size_t inet6 = netlink_enter(netlink, AF_INET6);
	netlink_put(netlink, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	netlink_leave(netlink, inet6);
	netlink_leave(netlink, spec);
}

// 0, or -errno: then there is none, and everything but the browsers' word works.
static int add_link(struct netlink *netlink, bool ipv6) {
	const struct ifinfomsg fixed = {.ifi_index = LINK}, end = {.ifi_index = LINK + 1};
	netlink_begin(
		netlink, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof(fixed));
	netlink_put_string(netlink, IFLA_IFNAME, LINK_NAME);
	size_t info = netlink_enter(netlink, IFLA_LINKINFO);
	netlink_put_string(netlink, IFLA_INFO_KIND, "veth");
	size_t data = netlink_enter(netlink, IFLA_INFO_DATA);
	size_t peer = netlink_enter(netlink, VETH_INFO_PEER);
	netlink_put_raw(netlink, &end, sizeof(end));
	netlink_put_string(netlink, IFLA_IFNAME, LINK_END);
	netlink_leave(netlink, peer);
	netlink_leave(netlink, data);
	netlink_leave(netlink, info);
	for (int i = 0; i < 2 && ipv6; i++) {
		put_link_silent(netlink, LINK + i);
	}
	put_link_up(netlink, LINK);
	put_link_up(netlink, LINK + 1);
	return netlink_send(netlink);
}

static void put_address(
	struct netlink *netlink, int family, const unsigned char *bytes, int number) {
	const struct ifaddrmsg fixed = {
		.ifa_family = (unsigned char)family,
		.ifa_prefixlen = family == AF_INET ? 32 : 128,
		.ifa_flags = IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned int)number,
	};
	netlink_begin(netlink, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, &fixed, sizeof(fixed));
	netlink_put(netlink, IFA_LOCAL, bytes, address_bytes(family));
	netlink_put(netlink, IFA_ADDRESS, bytes, address_bytes(family));
}

static void put_route(struct netlink *netlink, const struct sandbox_route *route) {
	const struct rtmsg fixed = {
		.rtm_family = (unsigned char)route->family,
		.rtm_dst_len = (unsigned char)route->prefix,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = route->family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_LOCAL,
	};
	const uint32_t interface = LOOPBACK;
	// The same route twice is one.
	netlink_begin(netlink, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &fixed,
		sizeof(fixed));
	if (route->prefix > 0) {
		netlink_put(netlink, RTA_DST, route->address, address_bytes(route->family));
	}
	netlink_put(netlink, RTA_OIF, &interface, sizeof(interface));
	// Of who dials; sockets.c has it for who is dialled.
	size_t metrics = netlink_enter(netlink, RTA_METRICS);
	netlink_put_string(netlink, RTAX_CC_ALGO, UNPACED);
	netlink_leave(netlink, metrics);
}

// All of one family.
static int add_family(
	struct netlink *netlink, const struct sandbox_network *network, int family, int number) {
	int ret = 0;
	if (number > 0) {
		put_address(netlink, family, family == AF_INET ? dummy_v4 : dummy_v6, number);
	}
	for (size_t i = 0; i < network->routes_len && ret == 0; i++) {
		if (network->routes[i].family != family) {
			continue;
		}
		if (!netlink_has_room(netlink, MESSAGE_ROOM)) {
			ret = netlink_send(netlink);
		}
		put_route(netlink, &network->routes[i]);
	}
	return ret == 0 ? netlink_send(netlink) : ret;
}

int routes_add(const struct sandbox_network *network, bool ipv6, bool first) {
	struct netlink netlink;
	int ret = netlink_open(&netlink, NETLINK_ROUTE);
	if (ret < 0) {
		return ret;
	}
	int number = !first ? 0 : network->link && add_link(&netlink, ipv6) == 0 ? LINK : LOOPBACK;
	ret = add_family(&netlink, network, AF_INET, number);
	if (ret == 0 && ipv6) {
		ret = add_family(&netlink, network, AF_INET6, number);
		// IPv6 is there and switched off: its addresses are then reached by nobody.
		ret = ret == -EACCES || ret == -EOPNOTSUPP ? 0 : ret;
	}
	netlink_close(&netlink);
	return ret;
}
