#ifndef PARCLOSE_CLIPBOARD_SHA256_H
#define PARCLOSE_CLIPBOARD_SHA256_H

#include <stddef.h>

#define SHA256_HEX_BYTES 65

// SHA-256 (FIPS 180-4) of `len` bytes, in lower-case hexadecimal digits with a NUL.
void sha256_hex(const void *bytes, size_t len, char hex[SHA256_HEX_BYTES]);

#endif
