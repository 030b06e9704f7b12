#include "clipboard/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/utf8.h"

enum fate {
	FATE_STAYS,
	FATE_SHOWN, // stays, and is not seen by itself
	FATE_REMOVED,
	FATE_NEWLINE, // another character for the end of a line
};

static bool within(uint32_t c, uint32_t first, uint32_t last) {
	return c >= first && c <= last;
}

// Unicode 16; UAX #9 for the bidirectional controls, UTS #39 and UTR #36 for why.
static enum fate fate_of(uint32_t c) {
	if (c == '\t' || c == '\n') {
		return FATE_STAYS;
	}
	if (c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029) {
		return FATE_NEWLINE;
	}
	if (c < 0x20 || within(c, 0x7f, 0x9f) || within(c, 0x202a, 0x202e) ||
		within(c, 0x2066, 0x206f) || c == 0xfeff || within(c, 0xfff9, 0xfffb) ||
		within(c, 0xe0000, 0xe007f) || (c & 0xfffe) == 0xfffe ||
		within(c, 0xfdd0, 0xfdef)) {
		return FATE_REMOVED;
	}
	if (c == 0xad || c == 0x61c || c == 0x180e || within(c, 0x200b, 0x200f) ||
		within(c, 0x2060, 0x2065) || c == 0x034f || c == 0x115f || c == 0x1160 ||
		c == 0x3164 || c == 0xffa0 || within(c, 0xe0100, 0xe01ef)) {
		return FATE_SHOWN;
	}
	return FATE_STAYS;
}

struct preview {
	char *text;
	size_t len;
	bool cut;
};

static void preview_add(struct preview *preview, const char *bytes, size_t len) {
	preview->cut = preview->cut || preview->len + len > CLIPBOARD_PREVIEW_BYTES;
	if (!preview->cut) {
		memcpy(preview->text + preview->len, bytes, len);
		preview->len += len;
	}
}

// The symbol that stands for a control character (U+2400…), or the number of any other.
static void preview_name(struct preview *preview, uint32_t c) {
	char name[32];
	int len;
	if (c < 0x20 || c == 0x7f) {
		uint32_t symbol = 0x2400 + (c == 0x7f ? 0x21 : c);
		len = snprintf(name, sizeof(name), "\xe2%c%c", (char)(0x80 | (symbol >> 6 & 0x3f)),
			(char)(0x80 | (symbol & 0x3f)));
	} else {
		len = snprintf(name, sizeof(name), "\xe2\x9f\xa8U+%04X\xe2\x9f\xa9", c);
	}
	preview_add(preview, name, (size_t)len);
}

enum clipboard_flaw clipboard_text_check(
	const char *untrusted, size_t len, struct clipboard_text *out) {
	*out = (struct clipboard_text){0};
	if (len == 0) {
		return CLIPBOARD_EMPTY;
	}
	// Nothing becomes longer by being checked.
	out->text = malloc(len + 1);
	struct preview preview = {.text = malloc(CLIPBOARD_PREVIEW_BYTES + 1)};
	out->preview = preview.text;
	enum clipboard_flaw flaw =
		out->text == NULL || preview.text == NULL ? CLIPBOARD_NO_MEMORY : CLIPBOARD_GOOD;
	for (size_t at = 0; at < len && flaw == CLIPBOARD_GOOD;) {
		uint32_t c;
		size_t bytes = utf8_decode(untrusted + at, len - at, &c);
		if (bytes == 0 || c == 0) {
			flaw = bytes == 0 ? CLIPBOARD_NOT_UTF8 : CLIPBOARD_NUL;
			break;
		}
		enum fate fate = fate_of(c);
		if (fate == FATE_NEWLINE) {
			if (c == '\r' && at + 1 < len && untrusted[at + 1] == '\n') {
				bytes++;
			}
			out->text[out->len++] = '\n';
			preview_add(&preview, "\n", 1);
		} else if (fate == FATE_REMOVED) {
			out->removed++;
			preview_name(&preview, c);
		} else {
			memcpy(out->text + out->len, untrusted + at, bytes);
			out->len += bytes;
			if (fate == FATE_SHOWN) {
				preview_name(&preview, c);
			} else {
				preview_add(&preview, untrusted + at, bytes);
			}
		}
		at += bytes;
	}
	if (flaw == CLIPBOARD_GOOD && out->len == 0) {
		flaw = CLIPBOARD_EMPTY;
	}
	if (flaw != CLIPBOARD_GOOD) {
		clipboard_text_finish(out);
		return flaw;
	}
	out->text[out->len] = '\0';
	preview.text[preview.len] = '\0';
	out->preview_cut = preview.cut;
	out->ends_line = out->text[out->len - 1] == '\n';
	for (size_t i = 0; i < out->len; i++) {
		out->lines += out->text[i] == '\n';
	}
	out->lines += !out->ends_line;
	return CLIPBOARD_GOOD;
}

void clipboard_text_finish(struct clipboard_text *text) {
	free(text->text);
	free(text->preview);
	*text = (struct clipboard_text){0};
}

const char *clipboard_flaw_words(enum clipboard_flaw flaw) {
	static const char *const words[] = {
		[CLIPBOARD_GOOD] = "can cross",
		[CLIPBOARD_EMPTY] = "has nothing in it that could be pasted",
		[CLIPBOARD_NOT_UTF8] = "is not UTF-8",
		[CLIPBOARD_NUL] = "has a NUL character in it",
		[CLIPBOARD_NO_MEMORY] = "is too large for the memory there is",
	};
	return words[flaw];
}
