#include "sandbox/internal.h"
#include "sandbox/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Ranges that end inside: a local route on lo, so that a socket of this namespace answers for each
 * address of them, and the kernel at once where nobody listens.
 */

#define LOOPBACK 1 // the interface's number, the same in every namespace
#define MESSAGE_ROOM 96 // more than any message here takes

/*
 * getaddrinfo(3) with AI_ADDRCONFIG, and programs that look at the interfaces themselves, ask for a
 * family only where an address other than 127.0.0.1 and ::1 is there. These two are nobody's: the
 * dummy address of RFC 7600, and one of a /64 beside the addresses that stand for names.
 */
static const unsigned char dummy_v4[4] = {192, 0, 0, 8};
static const unsigned char dummy_v6[16] = {
	0xfd, 0x70, 0x61, 0x72, 0x63, 0x6c, 0x6f, 0x74, 0, 0, 0, 0, 0, 0, 0, 1};

static size_t address_bytes(int family) {
	return family == AF_INET ? 4 : 16;
}

static void put_address(struct netlink *netlink, int family, const unsigned char *bytes) {
	const struct ifaddrmsg fixed = {
		.ifa_family = (unsigned char)family,
		.ifa_prefixlen = family == AF_INET ? 32 : 128,
		.ifa_flags = IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = LOOPBACK,
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
}

// All of one family.
static int add_family(struct netlink *netlink, const struct sandbox_network *network, int family) {
	put_address(netlink, family, family == AF_INET ? dummy_v4 : dummy_v6);
	int ret = 0;
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

int routes_add(const struct sandbox_network *network, bool ipv6) {
	struct netlink netlink;
	int ret = netlink_open(&netlink, NETLINK_ROUTE);
	if (ret < 0) {
		return ret;
	}
	ret = add_family(&netlink, network, AF_INET);
	if (ret == 0 && ipv6) {
		ret = add_family(&netlink, network, AF_INET6);
		// IPv6 is there and switched off: its addresses are then reached by nobody.
		ret = ret == -EACCES || ret == -EOPNOTSUPP ? 0 : ret;
	}
	netlink_close(&netlink);
	return ret;
}
