#include "session/untrusted.h"

#include <stdbool.h>
#include <string.h>

size_t untrusted_character(const char *untrusted, size_t len, uint32_t *out) {
	const unsigned char *bytes = (const unsigned char *)untrusted;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = bytes[0];
	size_t need = first < 0x80             ? 1
		      : (first & 0xe0) == 0xc0 ? 2
		      : (first & 0xf0) == 0xe0 ? 3
		      : (first & 0xf8) == 0xf0 ? 4
					       : 0;
	if (need == 0 || need > len) {
		return 0;
	}
	uint32_t c = need == 1 ? first : first & (0xffu >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((bytes[i] & 0xc0) != 0x80) {
			return 0;
		}
		c = c << 6 | (bytes[i] & 0x3f);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		return 0;
	}
	*out = c;
	return need;
}

// Would it change how other text looks, or not be seen at all?
static bool is_deceptive(uint32_t c) {
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

void untrusted_text(char *out, size_t size, const char *untrusted, size_t len) {
	size_t used = 0;
	for (size_t i = 0; i < len && untrusted[i] != '\0';) {
		uint32_t c = 0;
		size_t bytes = untrusted_character(untrusted + i, len - i, &c);
		const char *from = untrusted + i;
		size_t put = bytes;
		if (bytes == 0 || is_deceptive(c)) {
			from = "\xef\xbf\xbd";
			put = 3;
		}
		if (used + put >= size) {
			break;
		}
		memcpy(out + used, from, put);
		used += put;
		i += bytes == 0 ? 1 : bytes;
	}
	out[used] = '\0';
}
