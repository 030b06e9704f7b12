#include "policy/json-chars.h"

#include "policy/text.h"

#include <string.h>

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return -1;
}

bool json_hex4(const char *p, const char *end, uint32_t *unit) {
	if (end - p < 4) {
		return false;
	}
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0) {
			return false;
		}
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return true;
}

size_t json_decode(const char *p, const char *end, uint32_t *cp) {
	if (p == end || *p != '\\') {
		return text_utf8(p, (size_t)(end - p), cp);
	}
	if (end - p < 2) {
		return 0;
	}
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	if (p[1] != 'u') {
		const char *at = p[1] != '\0' ? strchr(letters, p[1]) : NULL;
		if (!at) {
			return 0;
		}
		*cp = (unsigned char)meant[at - letters];
		return 2;
	}
	if (!json_hex4(p + 2, end, cp)) {
		return 0;
	}
	if (*cp < 0xd800 || *cp > 0xdfff) {
		return 6;
	}
	uint32_t low;
	if (*cp > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u' ||
		!json_hex4(p + 8, end, &low) || low < 0xdc00 || low > 0xdfff) {
		return 0;
	}
	*cp = 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

size_t json_encode(uint32_t cp, char out[static 4]) {
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (cp & 0x3f));
		cp >>= 6;
	}
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	out[0] = (char)(lead[n] | cp);
	return n;
}

void json_place(const char *text, const char *pos, uint32_t *line, uint32_t *column) {
	*line = 1;
	const char *line_start = text;
	for (const char *p = text; p < pos; p++) {
		if (*p == '\n') {
			(*line)++;
			line_start = p + 1;
		}
	}
	*column = (uint32_t)(pos - line_start) + 1;
}

bool json_is_space(char c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char *json_skip_space(const char *p, const char *end) {
	while (p < end && json_is_space(*p)) {
		p++;
	}
	return p;
}
