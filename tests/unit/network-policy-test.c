// policy/network.h: names in their one form, classes of addresses, what is refused at load, and
// every decision as a row: rules, a question, the answer.

#include "policy/policy.h"
#include "policy/warn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

// clang-format off

// ---- names

static const struct {
	const char *written, *canonical; // NULL: refused
	size_t len; // 0: strlen
} names[] = {
	{"example.org", "example.org"},
	{"EXAMPLE.Org", "example.org"},
	{"example.org.", "example.org"},
	{"a", "a"},
	{"a-b.c--d.xn--bcher-kva.example", "a-b.c--d.xn--bcher-kva.example"},
	{"_dmarc.example.org", "_dmarc.example.org"},
	{"r3---sn-a_b.example.org", "r3---sn-a_b.example.org"},
	{"1.example", "1.example"},
	{"1.2.3.4.example", "1.2.3.4.example"},
	{"0x7f.example", "0x7f.example"},
	{"0xg", "0xg"},
	{"a.0b1", "a.0b1"},
	// Nothing, and too much of it.
	{"", NULL},
	{".", NULL},
	{"..", NULL},
	{"example.org..", NULL},
	{".example.org", NULL},
	{"example..org", NULL},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org"}, // 63
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org", NULL}, // 64
	// Other characters, each of which some parser reads its own way.
	{"exa mple.org", NULL},
	{"example.org ", NULL},
	{"example.org\t", NULL},
	{"example.org\n", NULL},
	{"example.org\r", NULL},
	{"example.org\0.evil.example", NULL, 24},
	{"\0", NULL, 1},
	{"user@example.org", NULL},
	{"user:secret@example.org", NULL},
	{"example.org@evil.example", NULL},
	{"example.org:443", NULL},
	{"https://example.org", NULL},
	{"example.org/", NULL},
	{"example.org/path", NULL},
	{"example.org?", NULL},
	{"example.org#", NULL},
	{"example.org%00", NULL},
	{"example%2eorg", NULL},
	{"example\\.org", NULL},
	{"*.example.org", NULL},
	{"*", NULL},
	{"b\xc3\xbc" "cher.example", NULL},
	{"example\xe3\x80\x82org", NULL}, // the ideographic full stop, which IDNA takes for a dot
	{"\xef\xbd\x85xample.org", NULL}, // a full-width letter
	{"example\xff.org", NULL},
	{"example\xc2\xad.org", NULL}, // a soft hyphen, which IDNA drops
	{"-a.org", NULL},
	{"a-.org", NULL},
	{"a.-org", NULL},
	{"a.org-", NULL},
	// Addresses, in every form that inet_aton(3), browsers and curl take.
	{"192.0.2.1", NULL},
	{"192.0.2.1.", NULL},
	{"127.1", NULL},
	{"2130706433", NULL},
	{"0x7f000001", NULL},
	{"0X7F000001", NULL},
	{"0x7f.0.0.0x1", NULL},
	{"0177.0.0.1", NULL},
	{"017700000001", NULL},
	{"0", NULL},
	{"0x", NULL},
	{"0x.", NULL},
	{"1", NULL},
	{"example.1", NULL},
	{"example.0x1f", NULL},
	{"[::1]", NULL},
	{"::1", NULL},
	{"[example.org]", NULL},
	{"::ffff:10.0.0.1", NULL},
	{"fe80::1%lo", NULL},
};

static void test_names(void **state) {
	for (size_t i = 0; i < LEN(names); i++) {
		// No NUL behind it, so that a sanitizer sees one byte too far.
		size_t len = names[i].len > 0 ? names[i].len : strlen(names[i].written);
		char *bytes = malloc(len + (len == 0));
		assert_non_null(bytes);
		memcpy(bytes, names[i].written, len);
		char out[NETWORK_NAME_SIZE];
		const char *why = NULL;
		bool ok = network_name_canonical(bytes, len, out, &why);
		if (ok != (names[i].canonical != NULL)) {
			fail_msg("'%s' is %s", names[i].written, ok ? "taken" : why);
		}
		assert_string_equal(out, ok ? names[i].canonical : "");
		assert_true(ok || why);
		free(bytes);
	}
	char longest[256];
	for (size_t i = 0; i < sizeof(longest); i++) {
		longest[i] = i % 2 ? '.' : 'a';
	}
	char out[NETWORK_NAME_SIZE];
	const char *why;
	assert_true(network_name_canonical(longest, 253, out, &why));
	assert_int_equal(strlen(out), 253);
	assert_true(network_name_canonical(longest, 254, out, &why)); // its last byte is a dot
	assert_false(network_name_canonical(longest, 255, out, &why));
}

// ---- addresses

static const struct {
	const char *text, *class; // NULL: public
} classes[] = {
	{"1.1.1.1", NULL}, {"8.8.8.8", NULL}, {"9.255.255.255", NULL}, {"11.0.0.0", NULL},
	{"172.15.255.255", NULL}, {"172.32.0.0", NULL}, {"192.167.255.255", NULL},
	{"192.169.0.0", NULL}, {"100.63.255.255", NULL}, {"100.128.0.0", NULL},
	{"169.253.255.255", NULL}, {"169.255.0.0", NULL}, {"198.17.255.255", NULL},
	{"198.20.0.0", NULL}, {"223.255.255.255", NULL}, {"126.255.255.255", NULL},
	{"128.0.0.0", NULL}, {"192.0.1.0", NULL},
	{"192.0.2.1", NULL}, {"198.51.100.1", NULL}, {"203.0.113.1", NULL}, // for documentation
	{"0.0.0.0", "unspecified"}, {"0.1.2.3", "unspecified"},
	{"10.0.0.0", "private"}, {"10.255.255.255", "private"}, {"172.16.0.1", "private"},
	{"172.31.255.255", "private"}, {"192.168.0.0", "private"}, {"192.168.255.255", "private"},
	{"100.64.0.0", "shared (CGNAT)"}, {"100.127.255.255", "shared (CGNAT)"},
	{"127.0.0.1", "loopback"}, {"127.255.255.254", "loopback"},
	{"169.254.0.1", "link-local"}, {"169.254.169.254", "metadata"},
	{"169.254.170.2", "metadata"}, {"169.254.170.23", "metadata"},
	{"168.63.129.16", "metadata"}, {"100.100.100.200", "metadata"}, {"192.0.0.192", "metadata"},
	{"192.0.0.1", "reserved"}, {"192.88.99.1", "6to4 relay"}, {"198.18.0.1", "benchmark"},
	{"198.19.255.255", "benchmark"}, {"224.0.0.1", "multicast"}, {"239.255.255.250", "multicast"},
	{"240.0.0.1", "reserved"}, {"255.255.255.255", "reserved"},
	{"2606:4700::1", NULL}, {"2001:db8::1", NULL}, {"2a00::1", NULL}, {"2001:200::1", NULL},
	{"3fff:ffff::1", NULL},
	{"::", "unspecified"}, {"::1", "loopback"}, {"::2", "IPv4-compatible"},
	{"::10.0.0.1", "IPv4-compatible"}, {"64:ff9b::10.0.0.1", "NAT64"},
	{"64:ff9b::8.8.8.8", "NAT64"}, {"64:ff9b:1::1", "NAT64"}, {"100::1", "discard"},
	{"2001::1", "Teredo"}, {"2001:1::1", "reserved"}, {"2002:a00:1::1", "6to4"},
	{"5f00::1", "segment routing"}, {"fc00::1", "unique local"}, {"fdff::1", "unique local"},
	{"fd00:ec2::254", "metadata"}, {"fd00:ec2::23", "metadata"}, {"fd20:ce::254", "metadata"},
	{"fe80::1", "link-local"}, {"febf::1", "link-local"}, {"fec0::1", "site-local"},
	{"ff02::1", "multicast"}, {"4000::1", "reserved"}, {"200::1", "reserved"},
	{"::ffff:8.8.8.8", "IPv4-mapped"}, {"::ffff:10.0.0.1", "private"},
	{"::ffff:127.0.0.1", "loopback"}, {"::ffff:169.254.169.254", "metadata"},
};

static void test_classes(void **state) {
	for (size_t i = 0; i < LEN(classes); i++) {
		struct network_address address;
		assert_true(network_address_parse(classes[i].text, &address));
		const char *class = network_address_class(&address);
		if (strcmp(class ? class : "", classes[i].class ? classes[i].class : "") != 0) {
			fail_msg("%s is of class %s", classes[i].text, class ? class : "public");
		}
	}
}

static void test_addresses(void **state) {
	static const char *const refused[] = {"", "1", "127.1", "0x7f.0.0.1", "1.2.3.4 ", "1.2.3.256",
		"01.2.3.4", "[::1]", "fe80::1%lo", "::ffff:1.2.3", "1.2.3.4/32", "1.2.3.4:80"};
	struct network_address address;
	for (size_t i = 0; i < LEN(refused); i++) {
		if (network_address_parse(refused[i], &address)) {
			fail_msg("'%s' is taken", refused[i]);
		}
	}
	// A mapped address is the IPv4 address, whoever says it; only from others is it suspicious.
	struct sockaddr_storage storage;
	assert_true(network_address_parse("::ffff:8.8.4.4", &address));
	assert_int_equal(address.family, AF_INET);
	assert_true(address.mapped);
	assert_int_equal(network_address_to_sockaddr(&address, 443, &storage),
		sizeof(struct sockaddr_in));
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	assert_int_equal(inet_pton(AF_INET6, "::ffff:8.8.4.4", &in6.sin6_addr), 1);
	uint16_t port;
	assert_true(network_address_from_sockaddr((struct sockaddr *)&in6, &address, &port));
	assert_int_equal(port, 80);
	assert_int_equal(address.family, AF_INET);
	assert_false(address.mapped);
	assert_null(network_address_class(&address));
	char text[NETWORK_ADDRESS_SIZE];
	network_address_format(&address, text);
	assert_string_equal(text, "8.8.4.4");

	assert_true(network_address_parse("2001:db8::7", &address));
	assert_int_equal(network_address_to_sockaddr(&address, 8443, &storage),
		sizeof(struct sockaddr_in6));
	struct network_address again;
	assert_true(network_address_from_sockaddr((struct sockaddr *)&storage, &again, &port));
	assert_memory_equal(&again, &address, sizeof(again));
	assert_int_equal(port, 8443);
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	assert_false(network_address_from_sockaddr(&unix_address, &again, NULL));
	assert_false(network_address_from_bytes(AF_UNIX, "abcd", &again));
}

// ---- loading

static struct policy *load(const char *network, struct policy_error *err) {
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	fprintf(out, "{'parclose':1,%s}", network);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < len; i++) {
		text[i] = text[i] == '\'' ? '"' : text[i];
	}
	struct policy *policy = policy_load(text, len, "p", err);
	free(text);
	return policy;
}

#define EGRESS(body) "'network':{'egress':{" body "}}"
#define ALLOW(body) EGRESS("'allow':[" body "]")
#define INGRESS(body) "'network':{'ingress':{" body "}}"
#define TO(to) "{'to':[" to "]}"
#define DOMAIN(name) TO("{'domain':'" name "'}")
#define CIDR(range) TO("{'cidr':'" range "'}")
#define ON(to, ports) "{'to':[" to "],'ports':[" ports "]}"

static const struct {
	const char *network, *pointer, *words;
} refused[] = {
	{ALLOW(DOMAIN("exa mple.org")), "/network/egress/allow/0/to/0/domain", "a character that no host name has"},
	{ALLOW(DOMAIN("192.0.2.1")), "/network/egress/allow/0/to/0/domain", "write it as \"cidr\""},
	{ALLOW(DOMAIN("192.0.2.0/24")), "/network/egress/allow/0/to/0/domain", "write it as \"cidr\""},
	{ALLOW(DOMAIN("0x7f000001")), "/network/egress/allow/0/to/0/domain", "programs take it for one"},
	{ALLOW(DOMAIN("https://example.org")), "/network/egress/allow/0/to/0/domain", "neither scheme nor port"},
	{ALLOW(DOMAIN("example.org:443")), "/network/egress/allow/0/to/0/domain", "a colon"},
	{ALLOW(DOMAIN("me@example.org")), "/network/egress/allow/0/to/0/domain", "'@'"},
	{ALLOW(DOMAIN("*")), "/network/egress/allow/0/to/0/domain", "'*' stands at the beginning"},
	{ALLOW(DOMAIN("*.*.example.org")), "/network/egress/allow/0/to/0/domain", "'*' stands at the beginning"},
	{ALLOW(DOMAIN("*example.org")), "/network/egress/allow/0/to/0/domain", "'*' stands at the beginning"},
	{ALLOW(DOMAIN("a.*.example.org")), "/network/egress/allow/0/to/0/domain", "'*' stands at the beginning"},
	{ALLOW(DOMAIN("*.")), "/network/egress/allow/0/to/0/domain", "empty"},
	{ALLOW(DOMAIN("")), "/network/egress/allow/0/to/0/domain", "empty"},
	{ALLOW(DOMAIN("a\xe2\x80\xae.org")), "/network/egress/allow/0/to/0/domain", "is not a host name"},
	{ALLOW(DOMAIN("localhost")), "/network/egress/allow/0/to/0/domain", "open ingress.hostLoopback"},
	{ALLOW(DOMAIN("a.localhost.")), "/network/egress/allow/0/to/0/domain", "open ingress.hostLoopback"},
	{ALLOW(DOMAIN("Host.Parclose.Internal")), "/network/egress/allow/0/to/0/domain", "by ingress.hostLoopback alone"},
	{ALLOW(CIDR("127.0.0.1")), "/network/egress/allow/0/to/0/cidr", "open ingress.hostLoopback"},
	{ALLOW(CIDR("127.0.0.0/8")), "/network/egress/allow/0/to/0/cidr", "open ingress.hostLoopback"},
	{ALLOW(CIDR("::1")), "/network/egress/allow/0/to/0/cidr", "open ingress.hostLoopback"},
	{ALLOW(CIDR("fe80::/64")), "/network/egress/allow/0/to/0/cidr", "without an interface"},
	{ALLOW(CIDR("224.0.0.0/24")), "/network/egress/allow/0/to/0/cidr", "no address that can be connected to"},
	{ALLOW(CIDR("0.0.0.0")), "/network/egress/allow/0/to/0/cidr", "no address that can be connected to"},
	{ALLOW(CIDR("::ffff:10.0.0.0/104")), "/network/egress/allow/0/to/0/cidr", "IPv4 written as IPv6"},
	{EGRESS("'deny':[" CIDR("::ffff:10.0.0.1") "]"), "/network/egress/deny/0/to/0/cidr", "IPv4 written as IPv6"},
	{ALLOW(CIDR("10.0.0.0/33")), "/network/egress/allow/0/to/0/cidr", "is not an address range"},
	{ALLOW(CIDR("10.0.0.0/08")), "/network/egress/allow/0/to/0/cidr", "is not an address range"},
	{ALLOW(CIDR("10.0.0.0/-1")), "/network/egress/allow/0/to/0/cidr", "is not an address range"},
	{ALLOW(CIDR("example.org")), "/network/egress/allow/0/to/0/cidr", "is not an address range"},
	{ALLOW(TO("{'cidr':'10.0.0.0/8','except':['11.0.0.0/16']}")), "/network/egress/allow/0/to/0/except/0", "is not inside"},
	{ALLOW(TO("{'cidr':'10.0.0.0/8','except':['::/0']}")), "/network/egress/allow/0/to/0/except/0", "is not inside"},
	{ALLOW(TO("{'domain':'a.org','cidr':'10.0.0.0/8'}")), "/network/egress/allow/0/to/0", "exactly one"},
	{ALLOW("{'to':[]}"), "/network/egress/allow/0/to", "an empty list matches nothing"},
	{ALLOW("{'ports':[]}"), "/network/egress/allow/0/ports", "an empty list matches nothing"},
	{ALLOW(ON("{'domain':'a.org'}", "{'protocol':'udp','port':443}")), "/network/egress/allow/0/ports/0/protocol", "cannot be held to a name"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'},{'domain':'a.org'}", "{'protocol':'tcp'},{'protocol':'udp','port':443}")), "/network/egress/allow/0/ports/1/protocol", "cannot be held to a name"},
	{ALLOW("{'ports':[{'protocol':'udp','port':53}]}"), "/network/egress/allow/0/ports/0/protocol", "whose 'to' has nothing but 'cidr'"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'udp'}")), "/network/egress/allow/0/ports/0/protocol", "needs its ports named"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'udp','port':1000,'endPort':1064}")), "/network/egress/allow/0/ports/0/protocol", "at most 64"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'udp','port':1000,'endPort':1063},{'port':53}")), "/network/egress", "65 ports are named for UDP"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'icmp'}")), "/network/egress/allow/0/ports/0/protocol", "icmp cannot be let out"},
	{ALLOW("{'tls':'off'}"), "/network/egress/allow/0/tls", "use 'name' or 'any'"},
	{ALLOW("{'tls':true}"), "/network/egress/allow/0/tls", "expected a string"},
	{EGRESS("'deny':[{'tls':'any'}]"), "/network/egress/deny/0/tls", "known here: to, ports"},
	{EGRESS("'default':'block'"), "/network/egress/default", "use 'deny' or 'allow'"},
	{EGRESS("'allow':{}"), "/network/egress/allow", "expected an array"},
	{INGRESS("'default':'allow'"), "/network/ingress/default", "no address that others could connect to"},
	{INGRESS("'hostLoopback':true"), "/network/ingress/hostLoopback", "expected 'deny', 'allow' or an array"},
	{INGRESS("'hostLoopback':'some'"), "/network/ingress/hostLoopback", "use 'deny' or 'allow'"},
	{INGRESS("'hostLoopback':[5432]"), "/network/ingress/hostLoopback/0", "expected an object"},
	{INGRESS("'hostLoopback':[{}]"), "/network/ingress/hostLoopback/0", "'port' is missing"},
	{INGRESS("'hostLoopback':[{'port':0}]"), "/network/ingress/hostLoopback/0/port", "out of range"},
	{INGRESS("'hostLoopback':[{'port':1},{'port':1}]"), "/network/ingress/hostLoopback/1", "a second time"},
	{INGRESS("'publish':'all'"), "/network/ingress/publish", "expected an array"},
	{INGRESS("'publish':[8080]"), "/network/ingress/publish/0", "expected an object"},
	{INGRESS("'publish':[{'port':3000}]"), "/network/ingress/publish/0", "'host' is missing"},
	{INGRESS("'publish':[{'host':8080}]"), "/network/ingress/publish/0", "'port' is missing"},
	{INGRESS("'publish':[{'host':8080,'port':65536}]"), "/network/ingress/publish/0/port", "out of range"},
	{INGRESS("'publish':[{'host':8080,'port':1},{'host':8080,'port':2}]"), "/network/ingress/publish/1", "published a second time"},
	{"'runtimeConfig':{'proxy':1}", "/runtimeConfig/proxy", "known here: networkProxy"},
	{"'runtimeConfig':{'networkProxy':8080}", "/runtimeConfig/networkProxy", "expected a string"},
	{"'runtimeConfig':{'networkProxy':'socks5://127.0.0.1:1080'}", "/runtimeConfig/networkProxy", "begin with http://"},
	{"'runtimeConfig':{'networkProxy':'http://proxy.example:8080'}", "/runtimeConfig/networkProxy", "its host is not localhost"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1'}", "/runtimeConfig/networkProxy", "with a port"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:0'}", "/runtimeConfig/networkProxy", "its port is not"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:65536'}", "/runtimeConfig/networkProxy", "its port is not"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080/x'}", "/runtimeConfig/networkProxy", "something follows its port"},
	{"'runtimeConfig':{'networkProxy':'http://a:b@127.0.0.1:8080'}", "/runtimeConfig/networkProxy", "name or password"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.2:8080'}", "/runtimeConfig/networkProxy", "its host is not"},
	{"'runtimeConfig':{'networkProxy':'http://localhost:8080'}," EGRESS("'default':'allow'"), "/runtimeConfig/networkProxy", "have no rules"},
	{"'runtimeConfig':{'networkProxy':'http://localhost:8080'}," EGRESS("'deny':[{}]"), "/runtimeConfig/networkProxy", "have no rules"},
	{"'runtimeConfig':{'networkProxy':'http://localhost:8080'}," INGRESS("'hostLoopback':'allow'"), "/runtimeConfig/networkProxy", "must be \"deny\""},
};

static void test_refused(void **state) {
	for (size_t i = 0; i < LEN(refused); i++) {
		struct policy_error err;
		struct policy *policy = load(refused[i].network, &err);
		if (policy) {
			fail_msg("taken: %s", refused[i].network);
		}
		if (strcmp(err.pointer, refused[i].pointer) != 0 || !strstr(err.message, refused[i].words)) {
			fail_msg("%s:\n%s", refused[i].network, err.message);
		}
	}
}

// What a document comes to, as JSON: the network, and what follows it.
static const struct {
	const char *network, *effective;
} effective[] = {
	{EGRESS("'default':'allow'"),
		"'egress':{'default':'allow','allow':[],'deny':[]},'ingress':{'default':'deny','hostLoopback':'deny','publish':[]}}"},
	{ALLOW("{}"), "'allow':[{'ports':[{'protocol':'tcp'}],'tls':'name'}]"},
	{ALLOW(DOMAIN("*.Example.ORG.")), "[{'to':[{'domain':'*.example.org'}],'ports':[{'protocol':'tcp'}],'tls':'name'}]"},
	{ALLOW(DOMAIN("b\xc3\xbc" "cher.example")), "{'domain':'xn--bcher-kva.example'}"},
	{ALLOW(DOMAIN("*.B\xc3\x9c" "CHER.example")), "{'domain':'*.xn--bcher-kva.example'}"},
	{ALLOW(DOMAIN("fa\xc3\x9f.de")), "{'domain':'xn--fa-hia.de'}"}, // not fass.de: not transitional
	{ALLOW(DOMAIN("example\xe3\x80\x82org")), "{'domain':'example.org'}"},
	{ALLOW(CIDR("192.0.2.77/24")), "{'cidr':'192.0.2.0/24'}"},
	{ALLOW(CIDR("192.0.2.77/32")), "{'cidr':'192.0.2.77'}"},
	{ALLOW(CIDR("2001:DB8:0:0::/32")), "{'cidr':'2001:db8::/32'}"},
	{ALLOW(TO("{'cidr':'10.0.0.0/8','except':['10.1.0.0/16','10.2.2.2']}")),
		"{'cidr':'10.0.0.0/8','except':['10.1.0.0/16','10.2.2.2']}"},
	// UDP where a port is named and only ranges are; never ICMP.
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'port':53}")), "'ports':[{'protocol':'any','port':53}]"},
	{ALLOW(ON("{'domain':'a.org'}", "{'port':53}")), "'ports':[{'protocol':'tcp','port':53}]"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'any'}")), "'ports':[{'protocol':'tcp'}]"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'port':1,'endPort':64}")), "'ports':[{'protocol':'any','port':1,'endPort':64}]"},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'port':1,'endPort':65}")), "'ports':[{'protocol':'tcp','port':1,'endPort':65}]"},
	{ALLOW("{'tls':'any'}"), "'tls':'any'"},
	{EGRESS("'deny':[{},{'ports':[{'protocol':'icmp'},{'protocol':'udp'},{'port':7},{'protocol':'any'}]}]"),
		"'deny':[{},{'ports':[{'protocol':'icmp'},{'protocol':'udp'},{'protocol':'any','port':7},{'protocol':'any'}]}]"},
	{EGRESS("'deny':[{'ports':[{'port':1,'endPort':65535}]}]"), "{'protocol':'any','port':1,'endPort':65535}"},
	{EGRESS("'deny':[" DOMAIN("localhost") "]"), "'deny':[{'to':[{'domain':'localhost'}]}]"},
	{INGRESS("'hostLoopback':'allow'"), "'hostLoopback':'allow'"},
	{INGRESS("'hostLoopback':[]"), "'hostLoopback':'deny'"},
	{INGRESS("'hostLoopback':[{'port':5432},{'port':6379}]"), "'hostLoopback':[{'port':5432},{'port':6379}]"},
	{INGRESS("'publish':[{'host':8080,'port':3000},{'port':3000,'host':8081}]"),
		"'publish':[{'host':8080,'port':3000},{'host':8081,'port':3000}]"},
	{"'runtimeConfig':{'networkProxy':'http://[::1]:8080/'}", "'runtimeConfig':{'networkProxy':'http://[::1]:8080/'}"},
	{"'runtimeConfig':{'networkProxy':null}", "'runtimeConfig':{'networkProxy':null}"},
};

static void test_effective(void **state) {
	for (size_t i = 0; i < LEN(effective); i++) {
		struct policy_error err;
		struct policy *policy = load(effective[i].network, &err);
		if (!policy) {
			fail_msg("%s", err.message);
		}
		char *json = policy_to_json(policy);
		assert_non_null(json);
		struct policy *again = policy_load(json, strlen(json), "again", &err);
		if (!again) {
			fail_msg("%s\n%s", err.message, json);
		}
		char *second = policy_to_json(again);
		assert_string_equal(json, second);
		for (char *p = json; *p != '\0'; p++) {
			*p = *p == '"' ? '\'' : *p;
		}
		if (!strstr(json, effective[i].effective)) {
			fail_msg("%s\nis %s", effective[i].network, json);
		}
		free(json);
		free(second);
		policy_destroy(policy);
		policy_destroy(again);
	}
}

// ---- decisions

#define WEB ALLOW(ON("{'domain':'example.org'},{'domain':'*.example.net'}", "{'protocol':'tcp','port':443},{'protocol':'tcp','port':8000,'endPort':8010}"))
#define RANGE ALLOW(ON("{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']},{'cidr':'2001:db8::/32'}", "{'port':53}"))
#define OPEN EGRESS("'default':'allow','deny':[" DOMAIN("*.evil.example") "," CIDR("203.0.113.0/24") "]")
#define OPEN_NO_NAMES EGRESS("'default':'allow','deny':[" CIDR("203.0.113.0/24") "]")
#define D "/network/egress/default"
#define A0 "/network/egress/allow/0"
#define A1 "/network/egress/allow/1"
#define N0 "/network/egress/deny/0"
#define N1 "/network/egress/deny/1"
#define HL "/network/ingress/hostLoopback"
#define PX "/runtimeConfig/networkProxy"

// "+" allowed, "-" denied; then "t": any TLS name, "h": this machine's loopback; then the rule.
static const struct decision {
	const char *network, *question, *answer;
} decisions[] = {
	// Nothing asked for, nothing given.
	{"'ui':{}", "lookup example.org", "-" D},
	{"'ui':{}", "name example.org tcp 443", "-" D},
	{"'ui':{}", "address 1.1.1.1 tcp 443", "-" D},
	{"'ui':{}", "address 127.0.0.1 tcp 443", "-" D},
	{"'ui':{}", "lookup host.parclose.internal", "-" HL},
	{"'ui':{}", "name host.parclose.internal tcp 22", "-" HL},
	// By name: exactly it, or what is below, on the ports named.
	{WEB, "lookup example.org", "+" A0},
	{WEB, "lookup www.example.org", "-" D},
	{WEB, "lookup evilexample.org", "-" D},
	{WEB, "lookup example.org.evil.example", "-" D},
	{WEB, "lookup example.net", "-" D},
	{WEB, "lookup a.example.net", "+" A0},
	{WEB, "lookup a.b.c.example.net", "+" A0},
	{WEB, "lookup aexample.net", "-" D},
	{WEB, "lookup org", "-" D},
	{WEB, "name example.org tcp 443", "+" A0},
	{WEB, "name example.org tcp 80", "-" D},
	{WEB, "name example.org tcp 7999", "-" D},
	{WEB, "name example.org tcp 8000", "+" A0},
	{WEB, "name example.org tcp 8010", "+" A0},
	{WEB, "name example.org tcp 8011", "-" D},
	{WEB, "name example.org udp 443", "-" D},
	{WEB, "name example.org icmp 0", "-" D},
	{WEB, "address 1.1.1.1 tcp 443", "-" D},
	// What the resolver says of it.
	{WEB, "resolved example.org 1.1.1.1 443", "+" A0},
	{WEB, "resolved example.org 2606:4700::1 443", "+" A0},
	{WEB, "resolved example.org 1.1.1.1 80", "-" D},
	{WEB, "resolved other.org 1.1.1.1 443", "-" D},
	{WEB, "resolved example.org 127.0.0.1 443", "-" D},
	{WEB, "resolved example.org 127.8.8.8 443", "-" D},
	{WEB, "resolved example.org 0.0.0.0 443", "-" D},
	{WEB, "resolved example.org ::1 443", "-" D},
	{WEB, "resolved example.org :: 443", "-" D},
	{WEB, "resolved example.org 10.0.0.1 443", "-" D},
	{WEB, "resolved example.org 172.16.0.1 443", "-" D},
	{WEB, "resolved example.org 192.168.1.1 443", "-" D},
	{WEB, "resolved example.org 100.64.0.1 443", "-" D},
	{WEB, "resolved example.org 169.254.1.1 443", "-" D},
	{WEB, "resolved example.org 169.254.169.254 443", "-" D},
	{WEB, "resolved example.org fd00:ec2::254 443", "-" D},
	{WEB, "resolved example.org 168.63.129.16 443", "-" D},
	{WEB, "resolved example.org fc00::1 443", "-" D},
	{WEB, "resolved example.org fe80::1 443", "-" D},
	{WEB, "resolved example.org 64:ff9b::1.1.1.1 443", "-" D},
	{WEB, "resolved example.org ::ffff:1.1.1.1 443", "-" D},
	{WEB, "resolved example.org ::ffff:10.0.0.1 443", "-" D},
	{WEB, "resolved example.org 2002:a00:1::1 443", "-" D},
	{WEB, "resolved example.org 224.0.0.1 443", "-" D},
	{WEB, "resolved example.org 198.18.0.1 443", "-" D},
	// A range that holds the address on this port lets the name lead there.
	{EGRESS("'allow':[" DOMAIN("a.corp") "," ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':443}") "]"), "resolved a.corp 10.9.9.9 443", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':443}") "]"), "resolved a.corp ::ffff:10.9.9.9 443", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':443}") "]"), "resolved a.corp 10.9.9.9 80", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':443}") "]"), "resolved a.corp 192.168.0.1 443", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':443}") "]"), "lookup b.corp", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("0.0.0.0/0") "," CIDR("::/0") "]"), "resolved a.corp 10.0.0.1 443", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("0.0.0.0/0") "," CIDR("::/0") "]"), "resolved a.corp 127.0.0.1 443", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("0.0.0.0/0") "," CIDR("::/0") "]"), "resolved a.corp ::1 443", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("0.0.0.0/0") "," CIDR("::/0") "]"), "resolved a.corp 169.254.169.254 443", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("0.0.0.0/0") "," CIDR("::/0") "]"), "resolved a.corp fd00:ec2::254 443", "-" D},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("169.254.169.254") "]"), "resolved a.corp 169.254.169.254 80", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("169.254.0.0/16") "]"), "resolved a.corp 169.254.169.254 80", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "],'deny':[" CIDR("1.1.1.0/24") "]"), "resolved a.corp 1.1.1.1 443", "-" N0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "],'deny':[" CIDR("1.1.1.0/24") "]"), "resolved a.corp ::ffff:1.1.1.1 443", "-" N0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("64:ff9b::/96") "],'deny':[" CIDR("10.0.0.0/8") "]"), "resolved a.corp 64:ff9b::8.8.8.8 443", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.corp") "," CIDR("64:ff9b::/96") "],'deny':[" CIDR("10.0.0.0/8") "]"), "resolved a.corp 64:ff9b::10.1.1.1 443", "-" N0},
	{EGRESS("'allow':[" CIDR("::/0") "],'deny':[" CIDR("10.0.0.0/8") "]"), "address 2002:a01:101::1 tcp 443", "-" N0},
	{EGRESS("'allow':[" CIDR("::/0") "],'deny':[" CIDR("10.0.0.0/8") "]"), "address 2001:0:1::f5ff:fffe tcp 443", "-" N0}, // Teredo of 10.0.0.1
	{EGRESS("'allow':[" CIDR("::/0") "],'deny':[" CIDR("10.0.0.0/8") "]"), "address 10.0.0.1 tcp 443", "-" N0},
	{EGRESS("'allow':[" CIDR("::/0") "]"), "address ::ffff:10.0.0.1 tcp 443", "-" D},
	// By range: addresses, and no name.
	{RANGE, "lookup example.org", "-" D},
	{RANGE, "address 10.0.0.1 tcp 53", "+t" A0},
	{RANGE, "address 10.0.0.1 udp 53", "+t" A0},
	{RANGE, "address 10.0.0.1 tcp 54", "-" D},
	{RANGE, "address 10.0.0.1 icmp 0", "-" D},
	{RANGE, "address 10.1.0.1 tcp 53", "-" D},
	{RANGE, "address 10.2.0.1 tcp 53", "+t" A0},
	{RANGE, "address 11.0.0.1 tcp 53", "-" D},
	{RANGE, "address 2001:db8:ffff::1 udp 53", "+t" A0},
	{RANGE, "address 2001:db9::1 tcp 53", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 192.168.1.1 tcp 443", "+t" A0},
	{ALLOW(CIDR("0.0.0.0/0")), "address 127.0.0.1 tcp 443", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 0.0.0.0 tcp 443", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 169.254.169.254 tcp 80", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 255.255.255.255 tcp 80", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 198.18.0.9 tcp 80", "-" D},
	{ALLOW(CIDR("0.0.0.0/0")), "address 2001:db8::1 tcp 80", "-" D},
	{ALLOW(CIDR("::/0")), "address fd70:6172:636c:6f73::9 tcp 80", "-" D},
	{ALLOW(CIDR("::/0")), "address fe80::1 tcp 80", "-" D},
	// Deny wins, whichever is written first and however broad it is.
	{EGRESS("'deny':[" DOMAIN("a.example.org") "],'allow':[" DOMAIN("*.example.org") "]"), "lookup a.example.org", "-" N0},
	{EGRESS("'deny':[" DOMAIN("a.example.org") "],'allow':[" DOMAIN("*.example.org") "]"), "lookup b.example.org", "+" A0},
	{EGRESS("'deny':[" DOMAIN("*.example.org") "],'allow':[" DOMAIN("a.example.org") "]"), "name a.example.org tcp 443", "-" N0},
	{EGRESS("'deny':[{}],'allow':[{}]"), "name a.example.org tcp 443", "-" N0},
	{EGRESS("'deny':[{}],'allow':[" CIDR("0.0.0.0/0") "]"), "address 1.1.1.1 tcp 443", "-" N0},
	{EGRESS("'deny':[{'ports':[{'protocol':'tcp','port':25}]}],'allow':[{}]"), "name a.org tcp 25", "-" N0},
	{EGRESS("'deny':[{'ports':[{'protocol':'tcp','port':25}]}],'allow':[{}]"), "name a.org tcp 26", "+" A0},
	{EGRESS("'deny':[{'ports':[{'protocol':'tcp','port':25}]}],'allow':[{}]"), "address 1.1.1.1 tcp 25", "-" N0},
	{EGRESS("'deny':[{'ports':[{'protocol':'udp'}]}],'allow':[{}]"), "name a.org tcp 26", "+" A0},
	{EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" TO("{'cidr':'10.0.0.0/8','except':['10.5.0.0/16']}") "]"), "address 10.5.0.1 tcp 1", "+t" A0},
	{EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" TO("{'cidr':'10.0.0.0/8','except':['10.5.0.0/16']}") "]"), "address 10.6.0.1 tcp 1", "-" N0},
	// A lookup leaves when some port could be reached, and only then.
	{EGRESS("'allow':[" ON("{'domain':'a.org'}", "{'protocol':'tcp','port':443}") "],'deny':[{'ports':[{'protocol':'tcp','port':443}]}]"), "lookup a.org", "-" N0},
	{EGRESS("'allow':[" ON("{'domain':'a.org'}", "{'protocol':'tcp','port':443,'endPort':444}") "],'deny':[{'ports':[{'protocol':'tcp','port':443}]}]"), "lookup a.org", "+" A0},
	{EGRESS("'allow':[" ON("{'domain':'a.org'}", "{'protocol':'tcp','port':443,'endPort':444}") "],'deny':[{'ports':[{'protocol':'tcp','port':443}]},{'ports':[{'port':444}]}]"), "lookup a.org", "-" N0},
	{EGRESS("'allow':[" DOMAIN("a.org") "],'deny':[{'ports':[{'protocol':'tcp','port':1,'endPort':65534}]}]"), "lookup a.org", "+" A0},
	{EGRESS("'allow':[" DOMAIN("a.org") "],'deny':[{'ports':[{'protocol':'tcp','port':1,'endPort':65535}]}]"), "lookup a.org", "-" N0},
	{EGRESS("'default':'allow','deny':[" ON("{'domain':'a.org'}", "{'port':1,'endPort':79},{'port':81,'endPort':65535}") "]"), "lookup a.org", "+" D},
	{EGRESS("'default':'allow','deny':[" ON("{'domain':'a.org'}", "{'port':1,'endPort':80},{'port':81,'endPort':65535}") "]"), "lookup a.org", "-" N0},
	{EGRESS("'default':'allow','deny':[{'ports':[{'port':1,'endPort':65535}]}]"), "lookup b.org", "-" N0},
	// Allowed by default: what is public.
	{OPEN, "lookup example.org", "+" D},
	{OPEN, "lookup a.evil.example", "-" N0},
	{OPEN, "lookup evil.example", "+" D},
	{OPEN, "lookup localhost", "-" D},
	{OPEN, "lookup a.localhost", "-" D},
	{OPEN, "name example.org tcp 12345", "+" D},
	{OPEN, "name example.org udp 443", "-" D},
	{OPEN, "resolved example.org 1.1.1.1 443", "+" D},
	{OPEN, "resolved example.org 203.0.113.5 443", "-" N1},
	{OPEN, "resolved example.org 10.0.0.1 443", "-" D},
	{OPEN, "resolved example.org 169.254.169.254 80", "-" D},
	{OPEN, "resolved example.org 127.0.0.1 80", "-" D},
	// An address could be a denied name's.
	{OPEN, "address 1.1.1.1 tcp 443", "-" N0},
	{OPEN_NO_NAMES, "address 1.1.1.1 tcp 443", "+t" D},
	{OPEN_NO_NAMES, "address 2606:4700::1 tcp 443", "+t" D},
	{OPEN_NO_NAMES, "address 1.1.1.1 udp 443", "-" D},
	{OPEN_NO_NAMES, "address 203.0.113.1 tcp 443", "-" N0},
	{OPEN_NO_NAMES, "address 10.0.0.1 tcp 443", "-" D},
	{OPEN_NO_NAMES, "address 100.64.0.1 tcp 443", "-" D},
	{OPEN_NO_NAMES, "address fc00::1 tcp 443", "-" D},
	{OPEN_NO_NAMES, "address 64:ff9b::8.8.8.8 tcp 443", "-" D},
	{OPEN_NO_NAMES, "address 127.0.0.1 tcp 443", "-" D},
	{EGRESS("'default':'allow','deny':[" ON("{'domain':'a.org'}", "{'protocol':'tcp','port':80}") "]"), "address 1.1.1.1 tcp 443", "+t" D},
	{EGRESS("'default':'allow','deny':[" ON("{'domain':'a.org'}", "{'protocol':'tcp','port':80}") "]"), "address 1.1.1.1 tcp 80", "-" N0},
	{EGRESS("'default':'allow','allow':[" CIDR("1.1.1.1") "],'deny':[" DOMAIN("a.org") "]"), "address 1.1.1.1 tcp 80", "+t" A0},
	{ALLOW("{'ports':[{'protocol':'tcp','port':443}]}"), "lookup example.org", "+" A0},
	{ALLOW("{'ports':[{'protocol':'tcp','port':443}]}"), "address 1.1.1.1 tcp 443", "+t" A0},
	{ALLOW("{'ports':[{'protocol':'tcp','port':443}]}"), "address 10.1.1.1 tcp 443", "-" D},
	{ALLOW("{'ports':[{'protocol':'tcp','port':443}]}"), "address 1.1.1.1 tcp 80", "-" D},
	// TLS: the rule that relaxes it counts, wherever it stands.
	{ALLOW("{'to':[{'domain':'a.org'}],'tls':'any'}"), "name a.org tcp 443", "+t" A0},
	{ALLOW(DOMAIN("*.org") ",{'to':[{'domain':'a.org'}],'tls':'any'}"), "name a.org tcp 443", "+t" A1},
	{ALLOW(DOMAIN("*.org") ",{'to':[{'domain':'a.org'}],'tls':'any'}"), "name b.org tcp 443", "+" A0},
	{EGRESS("'default':'allow','allow':[{'to':[{'domain':'a.org'}],'tls':'any'}]"), "name a.org tcp 443", "+t" A0},
	// This machine's loopback.
	{INGRESS("'hostLoopback':'allow'"), "lookup host.parclose.internal", "+" HL},
	{INGRESS("'hostLoopback':'allow'"), "name host.parclose.internal tcp 1", "+h" HL},
	{INGRESS("'hostLoopback':'allow'"), "name host.parclose.internal udp 1", "-" HL},
	{INGRESS("'hostLoopback':'allow'"), "lookup a.host.parclose.internal", "-" D},
	{INGRESS("'hostLoopback':'allow'"), "lookup example.org", "-" D},
	{INGRESS("'hostLoopback':'allow'"), "address 127.0.0.1 tcp 1", "-" D},
	{INGRESS("'hostLoopback':'allow'"), "resolved host.parclose.internal 127.0.0.1 1", "+h" HL},
	{INGRESS("'hostLoopback':'allow'"), "resolved host.parclose.internal 10.0.0.1 1", "-" HL},
	{INGRESS("'hostLoopback':'allow'"), "resolved host.parclose.internal 1.1.1.1 1", "-" HL},
	{INGRESS("'hostLoopback':[{'port':5432}]"), "lookup host.parclose.internal", "+" HL},
	{INGRESS("'hostLoopback':[{'port':5432}]"), "name host.parclose.internal tcp 5432", "+h" HL},
	{INGRESS("'hostLoopback':[{'port':5432}]"), "name host.parclose.internal tcp 5433", "-" HL},
	{EGRESS("'default':'allow'"), "lookup host.parclose.internal", "-" HL},
	{ALLOW(DOMAIN("*.internal")), "lookup host.parclose.internal", "-" HL},
	// A proxy, and nothing else.
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "address 127.0.0.1 tcp 8080", "+th" PX},
	{"'runtimeConfig':{'networkProxy':'http://localhost:8080'}", "address ::1 tcp 8080", "+th" PX},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "address 127.0.0.1 tcp 8081", "-" PX},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "address 127.0.0.1 udp 8080", "-" PX},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "address 1.1.1.1 tcp 8080", "-" PX},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "lookup example.org", "-" PX},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "lookup host.parclose.internal", "-" HL},
};

// clang-format on

static struct network_verdict ask(const struct policy_network *network, const char *question) {
	char what[16], name[64], address[64], protocol[8] = "tcp";
	unsigned int port;
	enum network_protocol number = NETWORK_TCP;
	struct network_address parsed;
	if (sscanf(question, "lookup %63s", name) == 1) {
		return network_decide_lookup(network, name);
	}
	if (sscanf(question, "resolved %63s %63s %u", name, address, &port) == 3) {
		assert_true(network_address_parse(address, &parsed));
		return network_decide_resolved(network, name, &parsed, NETWORK_TCP, (uint16_t)port);
	}
	assert_int_equal(sscanf(question, "%15s %63s %7s %u", what, name, protocol, &port), 4);
	number = strcmp(protocol, "udp") == 0    ? NETWORK_UDP
		 : strcmp(protocol, "icmp") == 0 ? NETWORK_ICMP
						 : NETWORK_TCP;
	if (strcmp(what, "name") == 0) {
		return network_decide_name(network, name, number, (uint16_t)port);
	}
	assert_string_equal(what, "address");
	assert_true(network_address_parse(name, &parsed));
	return network_decide_address(network, &parsed, number, (uint16_t)port);
}

static void test_decisions(void **state) {
	for (size_t i = 0; i < LEN(decisions); i++) {
		struct policy_error err;
		struct policy *policy = load(decisions[i].network, &err);
		if (!policy) {
			fail_msg("%s", err.message);
		}
		struct network_verdict v = ask(&policy->network, decisions[i].question);
		char answer[100];
		snprintf(answer, sizeof(answer), "%s%s%s%s", v.allow ? "+" : "-",
			v.any_tls_name ? "t" : "", v.host_loopback ? "h" : "", v.rule);
		if (strcmp(answer, decisions[i].answer) != 0) {
			fail_msg("%s\n%s: %s (%s), expected %s", decisions[i].network,
				decisions[i].question, answer, v.reason, decisions[i].answer);
		}
		assert_non_null(v.reason);
		policy_destroy(policy);
	}
}

static void test_name_denied(void **state) {
	struct policy_error err;
	struct policy *policy = load(OPEN, &err);
	assert_non_null(policy);
	struct network_verdict v;
	assert_true(network_name_denied(&policy->network, "a.evil.example", NETWORK_TCP, 443, &v));
	assert_string_equal(v.rule, N0);
	assert_false(v.allow);
	assert_false(network_name_denied(&policy->network, "example.org", NETWORK_TCP, 443, &v));
	policy_destroy(policy);
}

// ---- what has to be served

// clang-format off
static const struct {
	const char *network, *serves;
} served[] = {
	{"'ui':{}", "nothing"},
	{EGRESS("'deny':[{}]"), "nothing"},
	{EGRESS("'allow':[]"), "nothing"},
	{WEB, "dns tcp 443 8000 8001 8002 8003 8004 8005 8006 8007 8008 8009 8010"},
	{RANGE, "dns tcp 53 udp 53 to 10.0.0.0/8 2001:db8::/32"},
	{OPEN, "dns tcp all to 0.0.0.0/0 ::/0"},
	{ALLOW("{'ports':[{'protocol':'tcp','port':9},{'protocol':'tcp','port':7},{'protocol':'tcp','port':9}]}"), "dns tcp 7 9 to 0.0.0.0/0 ::/0"},
	{ALLOW(ON("{'domain':'a.org'}", "{'port':1,'endPort':65}")), "dns tcp all"},
	{ALLOW(DOMAIN("a.org")), "dns tcp all"},
	{ALLOW(CIDR("10.1.0.0/16") "," CIDR("10.0.0.0/8") "," CIDR("10.2.0.0/16") "," CIDR("fc00::1")), "dns tcp all to 10.0.0.0/8 fc00::1/128"},
	{INGRESS("'publish':[{'host':1,'port':2}]"), "dns"},
	{INGRESS("'hostLoopback':'allow'"), "dns tcp all"},
	{INGRESS("'hostLoopback':[{'port':6379},{'port':5432}]"), "dns tcp 5432 6379"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "dns"},
};
// clang-format on

static void test_served(void **state) {
	for (size_t i = 0; i < LEN(served); i++) {
		struct policy_error err;
		struct policy *policy = load(served[i].network, &err);
		assert_non_null(policy);
		struct network_serve serve;
		assert_true(network_serve_init(&serve, &policy->network));
		assert_int_equal(serve.names, network_needed(&policy->network));
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		assert_non_null(out);
		fprintf(out, serve.names ? "dns" : "nothing");
		fprintf(out, serve.tcp_all ? " tcp all" : serve.tcp_len > 0 ? " tcp" : "");
		for (size_t j = 0; j < serve.tcp_len; j++) {
			fprintf(out, " %u", (unsigned int)serve.tcp[j]);
		}
		fprintf(out, serve.udp_len > 0 ? " udp" : "");
		for (size_t j = 0; j < serve.udp_len; j++) {
			fprintf(out, " %u", (unsigned int)serve.udp[j]);
		}
		fprintf(out, serve.routes_len > 0 ? " to" : "");
		for (size_t j = 0; j < serve.routes_len; j++) {
			char address[NETWORK_ADDRESS_SIZE];
			network_address_format(&serve.routes[j].address, address);
			fprintf(out, " %s/%u", address, serve.routes[j].prefix);
		}
		assert_int_equal(fclose(out), 0);
		assert_string_equal(text, served[i].serves);
		free(text);
		network_serve_finish(&serve);
		policy_destroy(policy);
	}
}

// ---- tighter or not

// clang-format off
static const struct {
	const char *old, *next;
	const char *adds; // NULL: it only tightens
} updates[] = {
	{"'ui':{}", "'ui':{}", NULL},
	{OPEN, OPEN, NULL},
	{WEB, WEB, NULL},
	{RANGE, RANGE, NULL},
	{WEB, "'ui':{}", NULL},
	{OPEN, "'ui':{}", NULL},
	{OPEN, WEB, "example.org, TCP port 443 at the address 203.0.113.0"},
	{"'ui':{}", WEB, "example.org, TCP port 443"},
	{WEB, OPEN, "every name, TCP port 1"},
	{OPEN_NO_NAMES, OPEN, NULL},
	{OPEN, OPEN_NO_NAMES, "*.evil.example, TCP port 1"},
	{WEB, ALLOW(ON("{'domain':'a.example.net'}", "{'protocol':'tcp','port':8003,'endPort':8004}")), NULL},
	{WEB, ALLOW(ON("{'domain':'*.a.example.net'}", "{'protocol':'tcp','port':443}")), NULL},
	{WEB, ALLOW(ON("{'domain':'example.net'}", "{'protocol':'tcp','port':443}")), "example.net, TCP port 443"},
	{WEB, ALLOW(ON("{'domain':'*.example.org'}", "{'protocol':'tcp','port':443}")), "*.example.org, TCP port 443"},
	{WEB, ALLOW(ON("{'domain':'*.net'}", "{'protocol':'tcp','port':443}")), "*.net, TCP port 443"},
	{WEB, ALLOW(ON("{'domain':'example.org'}", "{'protocol':'tcp','port':8000,'endPort':8011}")), "example.org, TCP port 8011"},
	{WEB, ALLOW(ON("{'domain':'example.org'}", "{'protocol':'tcp','port':442,'endPort':443}")), "example.org, TCP port 442"},
	{WEB, ALLOW("{'to':[{'domain':'example.org'}],'ports':[{'protocol':'tcp','port':443}],'tls':'any'}"), "example.org, TCP port 443"},
	{ALLOW("{'to':[{'domain':'example.org'}],'tls':'any'}"), ALLOW(DOMAIN("example.org")), NULL},
	// Two rules that together are one.
	{ALLOW(ON("{'domain':'a.org'}", "{'protocol':'tcp','port':1,'endPort':10}") "," ON("{'domain':'a.org'}", "{'protocol':'tcp','port':11,'endPort':20}")),
		ALLOW(ON("{'domain':'a.org'}", "{'protocol':'tcp','port':5,'endPort':15}")), NULL},
	{ALLOW(CIDR("10.0.0.0/9") "," CIDR("10.128.0.0/9")), ALLOW(CIDR("10.0.0.0/8")), NULL},
	{ALLOW(CIDR("10.0.0.0/9") "," CIDR("10.192.0.0/10")), ALLOW(CIDR("10.0.0.0/8")), "10.128.0.0, TCP port 1"},
	{ALLOW(TO("{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}")), ALLOW(CIDR("10.1.2.0/24")), "10.1.2.0, TCP port 1"},
	{ALLOW(TO("{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}")), ALLOW(CIDR("10.2.0.0/24")), NULL},
	{EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" CIDR("10.1.0.0/16") "]"), ALLOW(CIDR("10.0.0.0/8")), "10.1.0.0, TCP port 1"},
	{EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" CIDR("10.1.0.0/16") "]"), ALLOW(CIDR("10.2.0.0/16")), NULL},
	{ALLOW(CIDR("10.0.0.0/8")), EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" CIDR("10.1.0.0/16") "]"), NULL},
	{ALLOW(ON("{'cidr':'10.0.0.0/8'}", "{'protocol':'tcp','port':53}")), ALLOW(ON("{'cidr':'10.0.0.0/9'}", "{'port':53}")), "10.0.0.0, UDP port 53"},
	{RANGE, ALLOW(ON("{'cidr':'10.0.0.0/16'}", "{'protocol':'udp','port':53}")), NULL},
	// What a range does for a name.
	{ALLOW(DOMAIN("a.corp")), ALLOW(DOMAIN("a.corp") "," CIDR("10.0.0.0/8")), "a.corp, TCP port 1 at the address 10.0.0.0"},
	{ALLOW(DOMAIN("a.corp") "," CIDR("0.0.0.0/0")), ALLOW(DOMAIN("a.corp") "," CIDR("169.254.169.254")), "a.corp, TCP port 1 at the address 169.254.169.254"},
	{EGRESS("'allow':[" DOMAIN("a.corp") "],'deny':[" CIDR("1.1.1.0/24") "]"), ALLOW(DOMAIN("a.corp")), "a.corp, TCP port 1 at the address 1.1.1.0"},
	// A translator's range, where IPv4 was denied.
	{EGRESS("'allow':[" CIDR("64:ff9b:1:5::/64") "],'deny':[" CIDR("10.0.0.0/8") "]"), ALLOW(CIDR("64:ff9b:1:5::/64")), "64:ff9b:1:5::a00:0, TCP port 1"},
	// A name denied that a connection to an address may ask for.
	{EGRESS("'allow':[" CIDR("1.1.1.0/24") "],'deny':[" DOMAIN("a.org") "]"), ALLOW(CIDR("1.1.1.0/24")), "a.org, TCP port 1"},
	{EGRESS("'allow':[" DOMAIN("b.org") "],'deny':[" DOMAIN("a.org") "]"), ALLOW(DOMAIN("b.org")), NULL},
	// In, and to this machine.
	{"'ui':{}", INGRESS("'publish':[{'host':8080,'port':80}]"), "port 80 inside, published as 8080"},
	{INGRESS("'publish':[{'host':8080,'port':80},{'host':8081,'port':80}]"), INGRESS("'publish':[{'host':8081,'port':80}]"), NULL},
	{INGRESS("'publish':[{'host':8080,'port':80}]"), INGRESS("'publish':[{'host':8080,'port':81}]"), "port 81 inside, published as 8080"},
	{"'ui':{}", INGRESS("'hostLoopback':[{'port':22}]"), "host.parclose.internal, TCP port 22"},
	{INGRESS("'hostLoopback':'allow'"), INGRESS("'hostLoopback':[{'port':22}]"), NULL},
	{INGRESS("'hostLoopback':[{'port':22}]"), INGRESS("'hostLoopback':'allow'"), "host.parclose.internal, TCP port 1"},
	{INGRESS("'hostLoopback':[{'port':1},{'port':2}]"), INGRESS("'hostLoopback':'allow'"), "host.parclose.internal, TCP port 3"},
	{"'ui':{}", "'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "127.0.0.1, TCP port 8080"},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "'ui':{}", NULL},
	{"'runtimeConfig':{'networkProxy':'http://127.0.0.1:8080'}", "'runtimeConfig':{'networkProxy':'http://127.0.0.1:8081'}", "127.0.0.1, TCP port 8081"},
};
// clang-format on

static void test_updates(void **state) {
	for (size_t i = 0; i < LEN(updates); i++) {
		struct policy_error err;
		struct policy *old = load(updates[i].old, &err),
			      *next = load(updates[i].next, &err);
		if (!old || !next) {
			fail_msg("%s", err.message);
		}
		char what[200];
		bool tightens =
			network_only_tightens(&old->network, &next->network, what, sizeof(what));
		if (tightens != (updates[i].adds == NULL) ||
			strcmp(what, updates[i].adds ? updates[i].adds : "") != 0) {
			fail_msg("%s\nto %s\nadds '%s'", updates[i].old, updates[i].next, what);
		}
		policy_destroy(old);
		policy_destroy(next);
	}
}

// Whatever is asked, a policy that tightens never allows what the one before did not.
static void test_tightening_holds(void **state) {
	size_t compared = 0;
	for (size_t i = 0; i < LEN(decisions); i += 5) {
		for (size_t j = 0; j < LEN(decisions); j += 5) {
			struct policy_error err;
			struct policy *old = load(decisions[i].network, &err);
			struct policy *next = load(decisions[j].network, &err);
			char what[200];
			bool tightens = network_only_tightens(
				&old->network, &next->network, what, sizeof(what));
			bool more = false;
			for (size_t k = 0; k < LEN(decisions); k++) {
				struct network_verdict a =
					ask(&old->network, decisions[k].question);
				struct network_verdict b =
					ask(&next->network, decisions[k].question);
				more = more || (b.allow && !a.allow);
			}
			if (tightens && more) {
				fail_msg("%s\ndoes not tighten %s", decisions[j].network,
					decisions[i].network);
			}
			compared += tightens;
			policy_destroy(old);
			policy_destroy(next);
		}
	}
	assert_true(compared > 100);
}

// ---- warnings

// clang-format off
static const struct {
	const char *network, *warnings; // each begins with its pointer
} warned[] = {
	{"'ui':{}", ""},
	{WEB, ""},
	{ALLOW(DOMAIN("*.org")), "/network/egress/allow/0/to/0: '*.org' "},
	{ALLOW(DOMAIN("*.co.uk") "," DOMAIN("*.example.co.uk")), "/network/egress/allow/0/to/0: '*.co.uk' "},
	{ALLOW(TO("{'domain':'a.org'},{'domain':'*.github.io'}")), "/network/egress/allow/0/to/1: '*.github.io' "},
	{ALLOW(DOMAIN("github.io")), ""},
	{ALLOW(DOMAIN("*.\xe5\x85\xac\xe5\x8f\xb8.cn")), "/network/egress/allow/0/to/0: '*.xn--55qx5d.cn' "},
	{EGRESS("'deny':[" DOMAIN("*.org") "]"), ""},
	{ALLOW(CIDR("198.18.5.0/24")), "/network/egress/allow/0/to/0: addresses in 198.18.0.0/15"},
	{ALLOW(CIDR("0.0.0.0/0")), ""},
	{EGRESS("'allow':[" CIDR("1.1.1.1") "],'deny':[" DOMAIN("a.org") "]"), "/network/egress/deny/0/to/0: 'a.org' stays"},
	{EGRESS("'allow':[" CIDR("10.0.0.0/8") "],'deny':[" DOMAIN("a.org") "]"), ""},
	{EGRESS("'allow':[" CIDR("0.0.0.0/0") "],'deny':[" DOMAIN("a.org") "]"), "/network/egress/deny/0/to/0: 'a.org' stays"},
	{EGRESS("'allow':[" ON("{'cidr':'1.1.1.1'}", "{'port':80}") "],'deny':[" ON("{'domain':'a.org'}", "{'port':81}") "]"), ""},
};
// clang-format on

static void collect_warning(const char *message, void *data) {
	fprintf(data, "%s\n", message);
}

static void test_warnings(void **state) {
	for (size_t i = 0; i < LEN(warned); i++) {
		struct policy_error err;
		struct policy *policy = load(warned[i].network, &err);
		assert_non_null(policy);
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		assert_non_null(out);
		policy_warnings(policy, collect_warning, out);
		assert_int_equal(fclose(out), 0);
		size_t want = strlen(warned[i].warnings);
		const char *end = strchr(text, '\n');
		if (strncmp(text, warned[i].warnings, want) != 0 ||
			(end ? end[1] != '\0' || want == 0 : want > 0)) {
			fail_msg("%s warns:\n%s", warned[i].network, text);
		}
		free(text);
		policy_destroy(policy);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_effective),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_name_denied),
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_tightening_holds),
		cmocka_unit_test(test_warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
