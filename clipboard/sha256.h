#ifndef PARCLOSE_CLIPBOARD_SHA256_H
#define PARCLOSE_CLIPBOARD_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_BYTES 65

struct sha256 {
	uint32_t state[8];
	uint64_t bytes; // so far
	uint8_t block[64]; // the part of the last block that there is
};

void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
// In lower-case hexadecimal digits with a NUL. Nothing can be added any more.
void sha256_end(struct sha256 *sha, char hex[SHA256_HEX_BYTES]);

// SHA-256 (FIPS 180-4) of `len` bytes at once.
void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_BYTES]);

#endif
