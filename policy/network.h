#ifndef PARCLOSE_POLICY_NETWORK_H
#define PARCLOSE_POLICY_NETWORK_H

/*
 * What the policy says about the network, and every decision made from it. Pure: nothing here looks
 * anything up, opens a socket or keeps state, so that the broker (network/), the supervisor and the
 * tests decide alike. All functions may be called from any thread; a policy is never written to.
 *
 * The order of decisions about a connection from inside:
 *   1. network_name_canonical()   what was asked for is a name, in its one form
 *   2. network_decide_lookup()    before anything leaves for the name
 *   3. network_decide_name()      a connection to it, on this port
 *   4. network_decide_resolved()  each address that the host's resolver gave; only then is one
 * dialled and for an address dialled without a name: network_decide_address().
 *
 * A deny rule beats every allow rule. Without a matching rule `egress.default` decides.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct sockaddr_storage;

#define NETWORK_NAME_SIZE 254 // a canonical name (253 bytes, RFC 1035 section 2.3.4) and its NUL
#define NETWORK_POINTER_SIZE 64 // of the JSON pointer of a rule
#define NETWORK_MAX_LISTENED 64 // ports that get a listening socket of their own

/*
 * Addresses inside that stand for names. 198.18.0.0/15 is for benchmarks between networks (RFC
 * 2544), so nobody's; the other is a /64 of a ULA prefix (RFC 4193).
 */
#define NETWORK_POOL_V4 "198.18.0.0/15"
#define NETWORK_POOL_V6 "fd70:6172:636c:6f73::/64"
#define NETWORK_DNS_ADDRESS "127.0.0.53" // inside, port 53, UDP and TCP
// The name by which programs inside reach this machine's 127.0.0.1 and ::1, where hostLoopback
// lets.
#define NETWORK_HOST_NAME "host.parclose.internal"

enum network_protocol {
	NETWORK_TCP,
	NETWORK_UDP,
	NETWORK_ICMP,
};

/*
 * An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is always held as AF_INET: it is what the kernel
 * would connect to. Made by the constructors below only.
 */
struct network_address {
	int family; // AF_INET or AF_INET6
	unsigned char bytes[16]; // network order; AF_INET: the first 4, the rest 0
	bool mapped; // was given as IPv4-mapped IPv6 by another side: counts as a class of its own
};

struct network_cidr {
	struct network_address address; // bits behind the prefix are 0
	unsigned int prefix; // 0..32 or 0..128
};

// Exactly one of a name and a range.
struct network_destination {
	char *name; // canonical; NULL: it is a range
	bool below; // "*." stood before it: the names below `name`, of any depth, and not itself
	struct network_cidr cidr;
	struct network_cidr *except; // `except_len` of them, each inside `cidr`
	size_t except_len;
};

struct network_ports {
	bool protocols[3]; // by enum network_protocol
	uint16_t first, last; // 1..65535; all of them when none was given
};

// One entry of egress.allow or egress.deny.
struct network_rule {
	bool deny;
	struct network_destination *to; // none: every destination
	size_t to_len;
	struct network_ports *ports; // none: every port of every protocol
	size_t ports_len;
	bool any_tls_name; // "tls": "any"
	char pointer[NETWORK_POINTER_SIZE]; // "/network/egress/allow/0"
};

// TCP: 127.0.0.1:host and [::1]:host of this machine lead to `port` inside.
struct network_publish {
	uint16_t host, port;
};

// Embedded in struct policy, which owns it.
struct policy_network {
	bool default_allow;
	struct network_rule *rules; // those of `allow`, then those of `deny`, in document order
	size_t rules_len;

	struct network_publish *publish;
	size_t publish_len;

	bool host_loopback_all; // every port of this machine's loopback
	uint16_t *host_loopback; // these ports of it
	size_t host_loopback_len;

	char *proxy; // runtimeConfig.networkProxy as written, NULL: none
	uint16_t proxy_port; // of it, on this machine's loopback
	bool proxy_v6; // [::1], else 127.0.0.1 ("localhost" too)
};

// How one question was decided.
struct network_verdict {
	bool allow;
	// TLS on this connection may be for any name and none, and so may requests in plain HTTP.
	bool any_tls_name;
	// Dial this machine's loopback on the same port, and look nothing up.
	bool host_loopback;
	// JSON pointer of what decided: a rule, "/network/egress/default",
	// "/network/ingress/hostLoopback",
	// "/runtimeConfig/networkProxy".
	char rule[NETWORK_POINTER_SIZE];
	// For a person, static storage: "no rule allows it", "a private address, which no rule
	// names".
	const char *reason;
};

/*
 * The one form of a name: lower case, no dot at its end. False, with *why for a person, for what is
 * no host name: empty, too long (labels over 63, all over 253 bytes), bytes other than letters,
 * digits, '-' and '_' (NUL, '@', ':', '[', '%', spaces and whatever is not ASCII included), a
 * hyphen at a label's border, and whatever some program takes for an address: a last label of
 * digits or of 0x and hexadecimal digits (WHATWG URL, section 3.5 "ends in a number").
 */
bool network_name_canonical(const char *untrusted_name, size_t len,
	char out[static NETWORK_NAME_SIZE], const char **why);

// "192.0.2.1" or "2001:db8::1" in the forms inet_pton(3) takes, no brackets, no zone, no port.
bool network_address_parse(const char *untrusted_text, struct network_address *out);

// As told by the host's resolver or another peer: 4 bytes for AF_INET, 16 for AF_INET6. False for
// another family.
bool network_address_from_bytes(
	int family, const void *untrusted_bytes, struct network_address *out);

// As told by our own kernel, where a socket for both families shows IPv4 as mapped. *port may be
// NULL.
bool network_address_from_sockaddr(
	const struct sockaddr *addr, struct network_address *out, uint16_t *port);

// For connect(2): returns the length of what was written.
size_t network_address_to_sockaddr(
	const struct network_address *address, uint16_t port, struct sockaddr_storage *out);

#define NETWORK_ADDRESS_SIZE 46 // INET6_ADDRSTRLEN
// The text of an address, without brackets.
void network_address_format(
	const struct network_address *address, char out[static NETWORK_ADDRESS_SIZE]);

/*
 * Why an address is no ordinary public one: "loopback", "private", "link-local", "shared (CGNAT)",
 * "unique local", "IPv4-mapped", "NAT64", "6to4", "Teredo", "metadata", "multicast", "reserved", …;
 * NULL for a public one. Of the IANA special-purpose registries all that is not globally reachable,
 * but for the ranges for documentation, which lead nowhere. Static storage.
 */
const char *network_address_class(const struct network_address *address);

// Is `address` inside `cidr`?
bool network_cidr_contains(const struct network_cidr *cidr, const struct network_address *address);
// "192.0.2.0/24" or a single address. Bits behind the prefix are cleared.
bool network_cidr_parse(const char *untrusted_text, struct network_cidr *out);

/*
 * May anything leave for this name? Yes when a TCP connection to it could be allowed on some port.
 * Decided before any lookup.
 */
struct network_verdict network_decide_lookup(
	const struct policy_network *network, const char *name);

// A connection to `name` (canonical) on this port, before its addresses are known.
struct network_verdict network_decide_name(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port);

/*
 * The same when the host's resolver has said `address` for it. Denied for ranges of deny rules and
 * for every class of network_address_class(), unless the cidr of an allow rule holds the address on
 * this port. Metadata services need a cidr no wider than /16 (IPv6: /48); this machine's loopback,
 * 0.0.0.0 and ::, multicast and scoped addresses are never dialled.
 */
struct network_verdict network_decide_resolved(const struct policy_network *network,
	const char *name, const struct network_address *address, enum network_protocol protocol,
	uint16_t port);

/*
 * An address dialled from inside without a name: by a rule with a cidr, or where all is allowed by
 * default (or by a rule without `to`) and it is a public address. But not so while a deny rule
 * holds names on this port, for nobody can tell whose address it is. Addresses in the pool are
 * names, and never come here. With networkProxy: 127.0.0.1 (or ::1) on its port, host_loopback.
 */
struct network_verdict network_decide_address(const struct policy_network *network,
	const struct network_address *address, enum network_protocol protocol, uint16_t port);

/*
 * Does a deny rule hold this name on this port? For a connection to an address without a name whose
 * TLS or HTTP then names one.
 */
bool network_name_denied(const struct policy_network *network, const char *name,
	enum network_protocol protocol, uint16_t port, struct network_verdict *verdict);

// Is there anything that a broker must serve? Without it there is no broker, and no DNS inside.
bool network_needed(const struct policy_network *network);

// What has to be listened to inside, and which ranges end inside. The proxy's port is not among
// them: it is listened to on the loopback address that `proxy` names.
struct network_serve {
	bool tcp_all; // too many ports for a socket each: one socket, and a redirection
	uint16_t tcp[NETWORK_MAX_LISTENED]; // when not tcp_all; ascending, no doubles
	size_t tcp_len;
	uint16_t udp[NETWORK_MAX_LISTENED]; // ascending; never "all", which the loader refuses
	size_t udp_len;
	bool names; // DNS, also where it refuses every name, and the routes of both pools
	// Routes `local … dev lo` for ranges of allow rules, 0.0.0.0/0 and ::/0 where addresses of
	// anywhere may be dialled; ranges inside another left out.
	struct network_cidr *routes;
	size_t routes_len;
};
// False: out of memory. Ended with network_serve_finish().
bool network_serve_init(struct network_serve *serve, const struct policy_network *network);
void network_serve_finish(struct network_serve *serve);

/*
 * Does `next` allow nothing that `old` does not allow? True only when that is certain. False also
 * when the two are too large to compare, or out of memory; *what then says for a person the first
 * thing found that `next` adds ("*.example.org:443"), `size` bytes.
 */
bool network_only_tightens(const struct policy_network *old, const struct policy_network *next,
	char *what, size_t size);

#endif
