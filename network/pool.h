#ifndef PARCLOSE_NETWORK_POOL_H
#define PARCLOSE_NETWORK_POOL_H

/*
 * Addresses inside that stand for names: each name has one of IPv4 and one of IPv6, the same for as
 * long as it is in the pool. The number of names is bounded. A name makes room for a new one only
 * while it has no connection and nobody asked for it for POOL_KEEP_MS, the one asked for longest
 * ago first; its addresses are given to others as late as can be, those of IPv6 never again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/network.h"

#define POOL_NAMES 4096
#define POOL_TTL 60 // seconds: what DNS inside says of an answer
#define POOL_KEEP_MS 120000

struct pool;

// Owned by the pool; valid while held, else until the next pool_name().
struct pool_entry {
	char name[NETWORK_NAME_SIZE];
	unsigned char v4[4], v6[16]; // network order
	// ---- the pool's own
	uint32_t offset; // in the IPv4 range
	uint64_t serial;
	uint64_t asked_ms;
	uint32_t holds;
	uint32_t next; // of the same bucket, index + 1
	uint32_t older, newer; // in the order asked, index + 1
	bool used;
};

// `names`: how many, 1..POOL_NAMES. NULL: out of memory.
struct pool *pool_create(size_t names);
void pool_destroy(struct pool *pool);

// The entry for a canonical name, made if there is none. `now_ms` never decreases. NULL: full.
struct pool_entry *pool_name(struct pool *pool, const char *name, uint64_t now_ms);

// Whose address this is; NULL: nobody's (any more).
struct pool_entry *pool_find(struct pool *pool, const struct network_address *address);

// Is this an address of the pool's ranges at all?
bool pool_contains(const struct network_address *address);

// While held an entry stays.
void pool_hold(struct pool_entry *entry);
void pool_release(struct pool *pool, struct pool_entry *entry, uint64_t now_ms);

#endif
