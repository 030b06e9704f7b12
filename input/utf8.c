#include "input/utf8.h"

size_t utf8_decode(const char *bytes, size_t len, uint32_t *character) {
	if (len == 0) {
		return 0;
	}
	const unsigned char *b = (const unsigned char *)bytes;
	if (b[0] < 0x80) {
		*character = b[0];
		return 1;
	}
	size_t n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || len < n) {
		return 0;
	}
	uint32_t c = b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (b[i] & 0x3f);
	}
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		return 0;
	}
	*character = c;
	return n;
}
