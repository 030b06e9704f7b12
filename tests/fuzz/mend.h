#ifndef PARCLOSE_FUZZ_MEND_H
#define PARCLOSE_FUZZ_MEND_H

// Any bytes made a recording whose sums are right, so that what is behind them is tried.

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "recording/format.h"

static inline void mend(uint8_t *bytes, size_t len) {
	if (len < FORMAT_HEADER) {
		return;
	}
	memcpy(bytes, FORMAT_MAGIC, 8);
	put32(bytes + 8, FORMAT_VERSION);
	put32(bytes + 12, FORMAT_HEADER);
	put32(bytes + 16, get32(bytes + 16) % 300); // large pictures only cost time
	put32(bytes + 20, get32(bytes + 20) % 300);
	put32(bytes + 32, FORMAT_TILE);
	put32(bytes + FORMAT_HEADER - 4, (uint32_t)crc32(0, bytes, FORMAT_HEADER - 4));
	for (size_t at = FORMAT_HEADER; len - at >= FORMAT_RECORD;) {
		uint8_t *head = bytes + at;
		size_t left = len - at - FORMAT_RECORD;
		size_t payload = get32(head + 4) < left ? get32(head + 4) : left;
		put32(head + 4, (uint32_t)payload);
		put32(head + 16, (uint32_t)crc32(0, head + FORMAT_RECORD, (uInt)payload));
		put32(head + 20, (uint32_t)crc32(0, head, 20));
		at += FORMAT_RECORD + payload;
	}
}

#endif
