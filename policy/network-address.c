#include "policy/network-internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

// ---- the constructors

static bool is_mapped(const unsigned char bytes[16]) {
	static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

bool network_address_from_bytes(
	int family, const void *untrusted_bytes, struct network_address *out) {
	*out = (struct network_address){0};
	if (family == AF_INET) {
		out->family = AF_INET;
		memcpy(out->bytes, untrusted_bytes, 4);
		return true;
	}
	if (family != AF_INET6) {
		return false;
	}
	if (is_mapped(untrusted_bytes)) {
		out->family = AF_INET;
		out->mapped = true;
		memcpy(out->bytes, (const unsigned char *)untrusted_bytes + 12, 4);
	} else {
		out->family = AF_INET6;
		memcpy(out->bytes, untrusted_bytes, 16);
	}
	return true;
}

bool network_address_parse(const char *untrusted_text, struct network_address *out) {
	unsigned char bytes[16];
	int family = strchr(untrusted_text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, untrusted_text, bytes) != 1) {
		*out = (struct network_address){0};
		return false;
	}
	return network_address_from_bytes(family, bytes, out);
}

bool network_address_from_sockaddr(
	const struct sockaddr *addr, struct network_address *out, uint16_t *port) {
	bool ok = false;
	uint16_t be_port = 0;
	*out = (struct network_address){0};
	if (addr->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, addr, sizeof(in));
		be_port = in.sin_port;
		ok = network_address_from_bytes(AF_INET, &in.sin_addr, out);
	} else if (addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, addr, sizeof(in6));
		be_port = in6.sin6_port;
		ok = network_address_from_bytes(AF_INET6, &in6.sin6_addr, out);
		out->mapped = false;
	}
	if (port) {
		*port = ntohs(be_port);
	}
	return ok;
}

size_t network_address_to_sockaddr(
	const struct network_address *address, uint16_t port, struct sockaddr_storage *out) {
	*out = (struct sockaddr_storage){0};
	if (address->family == AF_INET) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&in.sin_addr, address->bytes, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&in6.sin6_addr, address->bytes, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

void network_address_format(
	const struct network_address *address, char out[static NETWORK_ADDRESS_SIZE]) {
	if (!inet_ntop(address->family, address->bytes, out, NETWORK_ADDRESS_SIZE)) {
		memcpy(out, "?", 2);
	}
}

// ---- ranges

static size_t address_len(int family) {
	return family == AF_INET6 ? 16 : 4;
}

// The bits of byte `i` that lie in front of the prefix's end.
static unsigned char prefix_mask(unsigned int prefix, size_t i) {
	if (prefix >= 8 * (i + 1)) {
		return 0xff;
	}
	return prefix <= 8 * i ? 0 : (unsigned char)(0xff00 >> (prefix - 8 * i));
}

static bool same_prefix(
	const struct network_address *a, const struct network_address *b, unsigned int prefix) {
	if (a->family != b->family) {
		return false;
	}
	for (size_t i = 0; i < address_len(a->family); i++) {
		if ((a->bytes[i] ^ b->bytes[i]) & prefix_mask(prefix, i)) {
			return false;
		}
	}
	return true;
}

bool network_cidr_contains(const struct network_cidr *cidr, const struct network_address *address) {
	return same_prefix(&cidr->address, address, cidr->prefix);
}

bool cidr_within(const struct network_cidr *outer, const struct network_cidr *inner) {
	return outer->prefix <= inner->prefix && network_cidr_contains(outer, &inner->address);
}

struct network_address cidr_last(const struct network_cidr *cidr) {
	struct network_address last = cidr->address;
	for (size_t i = 0; i < address_len(last.family); i++) {
		last.bytes[i] |= (unsigned char)~prefix_mask(cidr->prefix, i);
	}
	return last;
}

bool network_cidr_parse(const char *untrusted_text, struct network_cidr *out) {
	char text[INET6_ADDRSTRLEN];
	size_t len = strcspn(untrusted_text, "/");
	*out = (struct network_cidr){0};
	if (len >= sizeof(text)) {
		return false;
	}
	memcpy(text, untrusted_text, len);
	text[len] = '\0';
	// Not by the constructor above: what is written as IPv6 has a prefix of IPv6.
	out->address.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(out->address.family, text, out->address.bytes) != 1) {
		return false;
	}
	unsigned int bits = out->address.family == AF_INET6 ? 128 : 32;
	out->prefix = bits;
	if (untrusted_text[len] == '/') {
		const char *digits = untrusted_text + len + 1;
		size_t n = strspn(digits, "0123456789");
		if (n == 0 || n > 3 || digits[n] != '\0' || (n > 1 && digits[0] == '0')) {
			return false;
		}
		out->prefix = (unsigned int)strtoul(digits, NULL, 10);
	}
	if (out->prefix > bits) {
		return false;
	}
	for (size_t i = 0; i < address_len(out->address.family); i++) {
		out->address.bytes[i] &= prefix_mask(out->prefix, i);
	}
	return true;
}

// ---- classes

struct class_row {
	struct address_class class;
	int family;
	unsigned char bytes[16];
	unsigned int prefix;
};

/*
 * The first row that holds an address is its class. From the registries of RFC 6890 (IANA IPv4 and
 * IPv6 Special-Purpose Address Space) and, for metadata, from the manuals of those who run the
 * services. The ranges for documentation are left out on purpose.
 */
static const struct class_row classes[] = {
	// Amazon, Google, Azure, OpenStack, and others; credentials of containers at Amazon.
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {169, 254, 169, 254}, 32},
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {169, 254, 170, 2}, 32},
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {169, 254, 170, 23}, 32},
	// Azure, Alibaba, Oracle.
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {168, 63, 129, 16}, 32},
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {100, 100, 100, 200}, 32},
	{{ADDRESS_METADATA, "metadata"}, AF_INET, {192, 0, 0, 192}, 32},
	{{ADDRESS_NEVER, "unspecified"}, AF_INET, {0, 0, 0, 0}, 8},
	{{ADDRESS_SPECIAL, "private"}, AF_INET, {10, 0, 0, 0}, 8},
	{{ADDRESS_SPECIAL, "shared (CGNAT)"}, AF_INET, {100, 64, 0, 0}, 10},
	{{ADDRESS_NEVER, "loopback"}, AF_INET, {127, 0, 0, 0}, 8},
	{{ADDRESS_SPECIAL, "link-local"}, AF_INET, {169, 254, 0, 0}, 16},
	{{ADDRESS_SPECIAL, "private"}, AF_INET, {172, 16, 0, 0}, 12},
	{{ADDRESS_SPECIAL, "reserved"}, AF_INET, {192, 0, 0, 0}, 24},
	{{ADDRESS_SPECIAL, "6to4 relay"}, AF_INET, {192, 88, 99, 0}, 24},
	{{ADDRESS_SPECIAL, "private"}, AF_INET, {192, 168, 0, 0}, 16},
	{{ADDRESS_SPECIAL, "benchmark"}, AF_INET, {198, 18, 0, 0}, 15},
	{{ADDRESS_NEVER, "multicast"}, AF_INET, {224, 0, 0, 0}, 4},
	{{ADDRESS_NEVER, "reserved"}, AF_INET, {240, 0, 0, 0}, 4},

	// Amazon, Google.
	{{ADDRESS_METADATA, "metadata"}, AF_INET6, {0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54},
		128},
	{{ADDRESS_METADATA, "metadata"}, AF_INET6, {0xfd, 0, 0x0e, 0xc2, [15] = 0x23}, 128},
	{{ADDRESS_METADATA, "metadata"}, AF_INET6, {0xfd, 0x20, 0, 0xce, [14] = 2, [15] = 0x54},
		128},
	{{ADDRESS_NEVER, "loopback"}, AF_INET6, {[15] = 1}, 128},
	{{ADDRESS_NEVER, "unspecified"}, AF_INET6, {0}, 128},
	// Never made by the constructors; for ranges.
	{{ADDRESS_NEVER, "IPv4-mapped"}, AF_INET6, {[10] = 0xff, [11] = 0xff}, 96},
	{{ADDRESS_SPECIAL, "IPv4-compatible"}, AF_INET6, {0}, 96},
	{{ADDRESS_SPECIAL, "NAT64"}, AF_INET6, {0, 0x64, 0xff, 0x9b}, 96},
	{{ADDRESS_SPECIAL, "NAT64"}, AF_INET6, {0, 0x64, 0xff, 0x9b, 0, 1}, 48},
	{{ADDRESS_SPECIAL, "discard"}, AF_INET6, {1}, 64},
	{{ADDRESS_SPECIAL, "Teredo"}, AF_INET6, {0x20, 1}, 32},
	{{ADDRESS_SPECIAL, "reserved"}, AF_INET6, {0x20, 1, 0, 0}, 23},
	{{ADDRESS_SPECIAL, "6to4"}, AF_INET6, {0x20, 2}, 16},
	{{ADDRESS_SPECIAL, "segment routing"}, AF_INET6, {0x5f}, 16},
	{{ADDRESS_SPECIAL, "unique local"}, AF_INET6, {0xfc}, 7},
	{{ADDRESS_NEVER, "link-local"}, AF_INET6, {0xfe, 0x80}, 10},
	{{ADDRESS_SPECIAL, "site-local"}, AF_INET6, {0xfe, 0xc0}, 10},
	{{ADDRESS_NEVER, "multicast"}, AF_INET6, {0xff}, 8},
	// Nothing but 2000::/3 has been given out (RFC 4291 section 2.4).
	{{ADDRESS_PUBLIC, NULL}, AF_INET6, {0x20}, 3},
	{{ADDRESS_SPECIAL, "reserved"}, AF_INET6, {0}, 0},
};

static struct network_cidr row_cidr(const struct class_row *row) {
	struct network_cidr cidr = {.address.family = row->family, .prefix = row->prefix};
	memcpy(cidr.address.bytes, row->bytes, sizeof(row->bytes));
	return cidr;
}

struct address_class address_classify(const struct network_address *address) {
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct network_cidr cidr = row_cidr(&classes[i]);
		if (network_cidr_contains(&cidr, address)) {
			return classes[i].class;
		}
	}
	// No honest resolver answers AAAA with it.
	return address->mapped ? (struct address_class){ADDRESS_SPECIAL, "IPv4-mapped"}
			       : (struct address_class){ADDRESS_PUBLIC, NULL};
}

const char *network_address_class(const struct network_address *address) {
	return address_classify(address).name;
}

void address_class_ranges(void (*each)(const struct network_cidr *cidr, void *data), void *data) {
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct network_cidr cidr = row_cidr(&classes[i]);
		each(&cidr, data);
	}
}

bool address_embedded(const struct network_address *address, struct network_address *v4) {
	static const unsigned char zeros[12];
	const unsigned char *b = address->bytes;
	*v4 = (struct network_address){.family = AF_INET};
	if (address->family != AF_INET6) {
		return false;
	}
	if (b[0] == 0x20 && b[1] == 2) { // RFC 3056 section 2
		memcpy(v4->bytes, b + 2, 4);
		return true;
	}
	if (b[0] == 0x20 && b[1] == 1 && b[2] == 0 && b[3] == 0) { // RFC 4380 section 4
		for (size_t i = 0; i < 4; i++) {
			v4->bytes[i] = (unsigned char)~b[12 + i];
		}
		return true;
	}
	bool nat64 = b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b;
	if (nat64 || memcmp(b, zeros, sizeof(zeros)) == 0) { // RFC 6052, RFC 8215; RFC 4291
		memcpy(v4->bytes, b + 12, 4);
		return true;
	}
	return false;
}
