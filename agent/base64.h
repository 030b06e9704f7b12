#ifndef PARCLOSE_AGENT_BASE64_H
#define PARCLOSE_AGENT_BASE64_H

// RFC 4648, section 4: with padding, without line breaks.

#include <stddef.h>
#include <stdint.h>

static inline size_t base64_len(size_t len) {
	return (len + 2) / 3 * 4;
}

// Writes base64_len(len) characters, no NUL.
void base64_encode(const uint8_t *bytes, size_t len, char *out);

#endif
