#include "policy/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *text, char *data, size_t size) {
	*text = (struct text){.data = data, .size = size};
	data[0] = '\0';
}

size_t text_utf8(const char *untrusted, size_t len, uint32_t *code_point) {
	const unsigned char *p = (const unsigned char *)untrusted;
	if (len == 0) {
		return 0;
	}
	if (p[0] < 0x80) {
		*code_point = p[0];
		return 1;
	}
	size_t need;
	uint32_t cp, least;
	if ((p[0] & 0xe0) == 0xc0) {
		need = 2, cp = p[0] & 0x1f, least = 0x80;
	} else if ((p[0] & 0xf0) == 0xe0) {
		need = 3, cp = p[0] & 0x0f, least = 0x800;
	} else if ((p[0] & 0xf8) == 0xf0) {
		need = 4, cp = p[0] & 0x07, least = 0x10000;
	} else {
		return 0;
	}
	if (len < need) {
		return 0;
	}
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
		return 0;
	}
	*code_point = cp;
	return need;
}

int text_is_plain(uint32_t cp) {
	return !(cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
		 (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff);
}

// Drops a sequence that was cut in its middle.
static void trim_partial(struct text *text) {
	size_t start = text->len;
	while (start > 0 && ((unsigned char)text->data[start - 1] & 0xc0) == 0x80) {
		start--;
	}
	uint32_t cp;
	if (start > 0 && (unsigned char)text->data[start - 1] >= 0xc0 &&
		text_utf8(text->data + start - 1, text->len - (start - 1), &cp) == 0) {
		text->len = start - 1;
		text->data[text->len] = '\0';
	}
}

void text_add(struct text *text, const char *format, ...) {
	size_t room = text->size - text->len;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text->data + text->len, room, format, args);
	va_end(args);
	if (n < 0) {
		text->data[text->len] = '\0';
	} else if ((size_t)n >= room) {
		text->len = text->size - 1;
		trim_partial(text);
	} else {
		text->len += (size_t)n;
	}
}

void text_add_shown(struct text *text, const char *untrusted, size_t len, size_t max) {
	size_t start = text->len;
	while (len > 0) {
		uint32_t cp;
		size_t n = text_utf8(untrusted, len, &cp);
		char piece[16];
		if (n == 0) {
			snprintf(piece, sizeof(piece), "\\x%02x",
				(unsigned int)(unsigned char)*untrusted);
			n = 1;
		} else if (!text_is_plain(cp)) {
			snprintf(piece, sizeof(piece), "\\u%04x", (unsigned int)cp);
		} else {
			memcpy(piece, untrusted, n);
			piece[n] = '\0';
		}
		if (text->len - start + strlen(piece) > max) {
			text_add(text, "...");
			return;
		}
		text_add(text, "%s", piece);
		untrusted += n;
		len -= n;
	}
}

struct text_shown text_shown(const char *untrusted) {
	struct text_shown shown;
	struct text text;
	text_init(&text, shown.s, sizeof(shown.s));
	text_add_shown(&text, untrusted, strlen(untrusted), 80);
	return shown;
}
