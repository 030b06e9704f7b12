#include "network/pool.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define OFFSETS 131072u // of 198.18.0.0/15; the first and the last are left out
#define BUCKETS 8192u // a power of two

static const unsigned char v4_start[4] = {198, 18, 0, 0};
static const unsigned char v6_prefix[8] = {0xfd, 0x70, 0x61, 0x72, 0x63, 0x6c, 0x6f, 0x73};

struct pool {
	size_t size, len;
	uint64_t serial; // of the newest entry ever
	uint32_t oldest, newest; // index + 1
	uint32_t buckets[BUCKETS]; // index + 1
	uint16_t owners[OFFSETS]; // index + 1
	struct pool_entry entries[];
};

struct pool *pool_create(size_t names) {
	struct pool *pool = calloc(1, sizeof(*pool) + names * sizeof(struct pool_entry));
	if (pool != NULL) {
		pool->size = names;
	}
	return pool;
}

void pool_destroy(struct pool *pool) {
	free(pool);
}

// FNV-1a. Names of one bucket form a list: who makes them collide slows nobody but 4096 names.
static uint32_t *bucket(struct pool *pool, const char *name) {
	uint32_t hash = 2166136261u;
	for (; *name != '\0'; name++) {
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	}
	return &pool->buckets[(hash ^ hash >> 16) & (BUCKETS - 1)];
}

static uint32_t number(const struct pool *pool, const struct pool_entry *entry) {
	return (uint32_t)(entry - pool->entries) + 1;
}

static void unlink_age(struct pool *pool, struct pool_entry *entry) {
	*(entry->older != 0 ? &pool->entries[entry->older - 1].newer : &pool->oldest) =
		entry->newer;
	*(entry->newer != 0 ? &pool->entries[entry->newer - 1].older : &pool->newest) =
		entry->older;
}

static void link_newest(struct pool *pool, struct pool_entry *entry) {
	entry->older = pool->newest;
	entry->newer = 0;
	*(pool->newest != 0 ? &pool->entries[pool->newest - 1].newer : &pool->oldest) =
		number(pool, entry);
	pool->newest = number(pool, entry);
}

static void forget(struct pool *pool, struct pool_entry *entry) {
	uint32_t *at = bucket(pool, entry->name);
	while (*at != number(pool, entry)) {
		at = &pool->entries[*at - 1].next;
	}
	*at = entry->next;
	pool->owners[entry->offset] = 0;
	unlink_age(pool, entry);
	entry->used = false;
}

static struct pool_entry *make_room(struct pool *pool, uint64_t now_ms) {
	if (pool->len < pool->size) {
		return &pool->entries[pool->len++];
	}
	for (uint32_t at = pool->oldest; at != 0; at = pool->entries[at - 1].newer) {
		struct pool_entry *entry = &pool->entries[at - 1];
		if (now_ms - entry->asked_ms < POOL_KEEP_MS) {
			break; // and so all newer ones
		}
		if (entry->holds == 0) {
			forget(pool, entry);
			return entry;
		}
	}
	return NULL;
}

static void set_addresses(struct pool *pool, struct pool_entry *entry) {
	do {
		pool->serial++;
		entry->offset = (uint32_t)(pool->serial % OFFSETS);
	} while (entry->offset == 0 || entry->offset == OFFSETS - 1 ||
		 pool->owners[entry->offset] != 0);
	entry->serial = pool->serial;
	pool->owners[entry->offset] = (uint16_t)number(pool, entry);
	memcpy(entry->v4, v4_start, sizeof(entry->v4));
	entry->v4[1] |= (unsigned char)(entry->offset >> 16);
	entry->v4[2] = (unsigned char)(entry->offset >> 8);
	entry->v4[3] = (unsigned char)entry->offset;
	memcpy(entry->v6, v6_prefix, sizeof(v6_prefix));
	for (int i = 0; i < 8; i++) {
		entry->v6[8 + i] = (unsigned char)(entry->serial >> (56 - 8 * i));
	}
}

static void touch(struct pool *pool, struct pool_entry *entry, uint64_t now_ms) {
	entry->asked_ms = now_ms;
	unlink_age(pool, entry);
	link_newest(pool, entry);
}

struct pool_entry *pool_name(struct pool *pool, const char *name, uint64_t now_ms) {
	uint32_t *head = bucket(pool, name);
	for (uint32_t at = *head; at != 0; at = pool->entries[at - 1].next) {
		struct pool_entry *entry = &pool->entries[at - 1];
		if (strcmp(entry->name, name) == 0) {
			touch(pool, entry, now_ms);
			return entry;
		}
	}
	size_t len = strlen(name);
	struct pool_entry *entry = len < NETWORK_NAME_SIZE ? make_room(pool, now_ms) : NULL;
	if (entry == NULL) {
		return NULL;
	}
	*entry = (struct pool_entry){.asked_ms = now_ms, .used = true};
	memcpy(entry->name, name, len + 1);
	set_addresses(pool, entry);
	entry->next = *head; // read again: making room may have changed it
	*head = number(pool, entry);
	link_newest(pool, entry);
	return entry;
}

bool pool_contains(const struct network_address *address) {
	return address->family == AF_INET
		       ? address->bytes[0] == v4_start[0] &&
				 (address->bytes[1] & 0xfe) == v4_start[1]
		       : memcmp(address->bytes, v6_prefix, sizeof(v6_prefix)) == 0;
}

struct pool_entry *pool_find(struct pool *pool, const struct network_address *address) {
	if (!pool_contains(address)) {
		return NULL;
	}
	uint64_t serial = 0;
	uint32_t offset;
	if (address->family == AF_INET) {
		offset = (address->bytes[1] & 1u) << 16 | (uint32_t)address->bytes[2] << 8 |
			 address->bytes[3];
	} else {
		for (int i = 0; i < 8; i++) {
			serial = serial << 8 | address->bytes[8 + i];
		}
		offset = (uint32_t)(serial % OFFSETS);
	}
	if (pool->owners[offset] == 0) {
		return NULL;
	}
	struct pool_entry *entry = &pool->entries[pool->owners[offset] - 1];
	return address->family == AF_INET || entry->serial == serial ? entry : NULL;
}

void pool_hold(struct pool_entry *entry) {
	entry->holds++;
}

void pool_release(struct pool *pool, struct pool_entry *entry, uint64_t now_ms) {
	entry->holds--;
	touch(pool, entry, now_ms);
}
