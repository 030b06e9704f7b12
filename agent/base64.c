#include "agent/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *bytes, size_t len, char *out) {
	for (; len >= 3; bytes += 3, len -= 3) {
		*out++ = alphabet[bytes[0] >> 2];
		*out++ = alphabet[(bytes[0] & 3) << 4 | bytes[1] >> 4];
		*out++ = alphabet[(bytes[1] & 15) << 2 | bytes[2] >> 6];
		*out++ = alphabet[bytes[2] & 63];
	}
	if (len > 0) {
		uint8_t second = len > 1 ? bytes[1] : 0;
		*out++ = alphabet[bytes[0] >> 2];
		*out++ = alphabet[(bytes[0] & 3) << 4 | second >> 4];
		*out++ = len > 1 ? alphabet[(second & 15) << 2] : '=';
		*out++ = '=';
	}
}
