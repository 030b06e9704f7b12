#ifndef PARCLOSE_POLICY_NETWORK_INTERNAL_H
#define PARCLOSE_POLICY_NETWORK_INTERNAL_H

// What the files about the network share within this folder.

#include "policy/network.h"

#include <stdio.h>

// What it takes to dial an address, beside a rule that allows its name or its range.
enum address_kind {
	ADDRESS_PUBLIC, // nothing more
	ADDRESS_SPECIAL, // the cidr of an allow rule holds it
	ADDRESS_METADATA, // the same, and the range is narrow: nobody means it with 0.0.0.0/0
	ADDRESS_NEVER, // no rule helps
};

struct address_class {
	enum address_kind kind;
	const char *name; // NULL: ADDRESS_PUBLIC
};

struct address_class address_classify(const struct network_address *address);

// The IPv4 address that a translator or tunnel outside would make of this one (NAT64, 6to4, Teredo,
// IPv4-compatible).
bool address_embedded(const struct network_address *address, struct network_address *v4);

// Calls `each` for the range of every class, so that no range is forgotten where two policies are
// compared.
void address_class_ranges(void (*each)(const struct network_cidr *cidr, void *data), void *data);

// The last address of a range.
struct network_address cidr_last(const struct network_cidr *cidr);
bool cidr_within(const struct network_cidr *outer, const struct network_cidr *inner);

// Is `name` one below `base`?
bool name_is_below(const char *name, const char *base);
// "localhost" and what is below it: always the session's own (RFC 6761 section 6.3).
bool name_is_localhost(const char *name);

bool destination_holds_name(const struct network_destination *to, const char *name);
bool destination_holds_address(
	const struct network_destination *to, const struct network_address *address);

// Frees what the structure owns.
void network_finish(struct policy_network *network);

// The network section in words and as JSON, for explain.c.
void network_explain(const struct policy_network *network, FILE *out);
// "network":{…},"runtimeConfig":{…}
void network_put_json(const struct policy_network *network, FILE *out);

#endif
