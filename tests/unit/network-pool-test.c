// Which address stands for which name, and for how long.

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "network/pool.h"

static struct network_address v4_of(const struct pool_entry *entry) {
	struct network_address address;
	assert_true(network_address_from_bytes(AF_INET, entry->v4, &address));
	return address;
}

static struct network_address v6_of(const struct pool_entry *entry) {
	struct network_address address;
	assert_true(network_address_from_bytes(AF_INET6, entry->v6, &address));
	return address;
}

static struct pool_entry *name_number(struct pool *pool, int number, uint64_t now_ms) {
	char name[64];
	snprintf(name, sizeof(name), "n%d.example", number);
	return pool_name(pool, name, now_ms);
}

static void each_has_its_own(void **unused) {
	struct pool *pool = pool_create(POOL_NAMES);
	for (int i = 0; i < POOL_NAMES; i++) {
		struct pool_entry *entry = name_number(pool, i, 1);
		assert_non_null(entry);
		struct network_address v4 = v4_of(entry), v6 = v6_of(entry);
		assert_true(pool_contains(&v4) && pool_contains(&v6));
		assert_ptr_equal(pool_find(pool, &v4), entry);
		assert_ptr_equal(pool_find(pool, &v6), entry);
	}
	for (int i = 0; i < POOL_NAMES; i++) {
		char name[64];
		struct pool_entry *entry = name_number(pool, i, 2);
		snprintf(name, sizeof(name), "n%d.example", i);
		struct network_address v4 = v4_of(entry);
		assert_string_equal(entry->name, name);
		assert_ptr_equal(pool_find(pool, &v4), entry);
	}
	pool_destroy(pool);
}

static void oldest_first(void **unused) {
	struct pool *pool = pool_create(3);
	struct pool_entry *first = name_number(pool, 0, 1000);
	struct network_address old_v4 = v4_of(first), old_v6 = v6_of(first);
	name_number(pool, 1, 2000);
	name_number(pool, 2, 3000);
	assert_null(name_number(pool, 3, 3000 + POOL_KEEP_MS / 2));
	name_number(pool, 0, 4000); // asked for again: the second is the oldest now
	name_number(pool, 1, 4500);
	name_number(pool, 2, 5000);
	uint64_t later = 4000 + POOL_KEEP_MS;
	assert_null(name_number(pool, 3, later - 1));
	assert_non_null(name_number(pool, 3, later)); // in place of 0
	assert_null(pool_find(pool, &old_v4));
	assert_null(pool_find(pool, &old_v6));
	pool_destroy(pool);
}

static void held_ones_stay(void **unused) {
	struct pool *pool = pool_create(2);
	struct pool_entry *held = name_number(pool, 0, 1);
	pool_hold(held);
	struct network_address v4 = v4_of(held);
	name_number(pool, 1, 2);
	uint64_t later = 10 * POOL_KEEP_MS;
	assert_non_null(name_number(pool, 2, later)); // in place of 1
	assert_ptr_equal(pool_find(pool, &v4), held);
	assert_string_equal(held->name, "n0.example");
	assert_null(name_number(pool, 3, later)); // one is held, the other new
	pool_release(pool, held, later);
	assert_null(name_number(pool, 3, later)); // it was in use until now
	assert_non_null(name_number(pool, 3, later + POOL_KEEP_MS));
	pool_destroy(pool);
}

// An address that was another name's comes back late, of IPv6 never.
static void addresses_are_not_given_again_soon(void **unused) {
	struct pool *pool = pool_create(4);
	uint64_t now_ms = 1;
	unsigned char first_v4[4], first_v6[16];
	struct pool_entry *first = name_number(pool, 0, now_ms);
	memcpy(first_v4, first->v4, 4);
	memcpy(first_v6, first->v6, 16);
	int again = 0;
	for (int i = 1; i < 140000; i++) {
		now_ms += POOL_KEEP_MS;
		struct pool_entry *entry = name_number(pool, i, now_ms);
		assert_non_null(entry);
		assert_true(entry->v4[3] != 0 || entry->v4[2] != 0 || entry->v4[1] != 18);
		again = again == 0 && memcmp(entry->v4, first_v4, 4) == 0 ? i : again;
		assert_int_not_equal(memcmp(entry->v6, first_v6, 16), 0);
	}
	assert_true(again > 131000);
	pool_destroy(pool);
}

static void what_is_outside(void **unused) {
	struct pool *pool = pool_create(4);
	static const char *const texts[] = {"198.17.255.255", "198.20.0.0",
		"fd70:6172:636c:6f74::1", "198.18.0.0", "198.19.255.255",
		"fd70:6172:636c:6f73::", "127.0.0.1"};
	name_number(pool, 0, 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct network_address address;
		assert_true(network_address_parse(texts[i], &address));
		assert_null(pool_find(pool, &address));
		assert_int_equal(pool_contains(&address), i >= 3 && i <= 5);
	}
	pool_destroy(pool);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(oldest_first),
		cmocka_unit_test(held_ones_stay),
		cmocka_unit_test(addresses_are_not_given_again_soon),
		cmocka_unit_test(what_is_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
