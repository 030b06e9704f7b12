#include "clipboard/sha256.h"

#include <stdio.h>
#include <string.h>

// FIPS 180-4, section 4.2.2.
static const uint32_t constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t value, unsigned int by) {
	return value >> by | value << (32 - by);
}

static void add_block(uint32_t state[8], const uint8_t *block) {
	uint32_t w[64];
	for (size_t i = 0; i < 16; i++) {
		w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
		       (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
	}
	for (size_t i = 16; i < 64; i++) {
		uint32_t low = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t high = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + low + w[i - 7] + high;
	}
	uint32_t v[8];
	memcpy(v, state, sizeof(v));
	for (size_t i = 0; i < 64; i++) {
		uint32_t one = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t first = v[7] + one + choice + constants[i] + w[i];
		uint32_t zero = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += first;
		v[0] = first + zero + majority;
	}
	for (size_t i = 0; i < 8; i++) {
		state[i] += v[i];
	}
}

void sha256_begin(struct sha256 *sha) {
	*sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				       0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t len) {
	if (len == 0) {
		return;
	}
	const uint8_t *at = bytes;
	size_t held = sha->bytes % 64;
	sha->bytes += len;
	if (held > 0) {
		size_t part = len < 64 - held ? len : 64 - held;
		memcpy(sha->block + held, at, part);
		at += part;
		len -= part;
		if (held + part < 64) {
			return;
		}
		add_block(sha->state, sha->block);
	}
	for (; len >= 64; len -= 64, at += 64) {
		add_block(sha->state, at);
	}
	if (len > 0) {
		memcpy(sha->block, at, len);
	}
}

void sha256_end(struct sha256 *sha, char hex[SHA256_HEX_BYTES]) {
	uint64_t bits = sha->bytes * 8;
	static const uint8_t padding[64] = {0x80};
	size_t held = sha->bytes % 64;
	sha256_add(sha, padding, held < 56 ? 56 - held : 120 - held);
	uint8_t length[8];
	for (size_t i = 0; i < 8; i++) {
		length[7 - i] = (uint8_t)(bits >> (i * 8));
	}
	sha256_add(sha, length, sizeof(length));
	for (size_t i = 0; i < 8; i++) {
		snprintf(hex + i * 8, 9, "%08x", sha->state[i]);
	}
}

void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_BYTES]) {
	struct sha256 sha;
	sha256_begin(&sha);
	sha256_add(&sha, bytes, len);
	sha256_end(&sha, hex);
}
