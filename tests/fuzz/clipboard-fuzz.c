/*
 * Any bytes as a text that is to cross, and as the beginning of a file: what comes of it is UTF-8,
 * has nothing in it that acts on whoever reads it, and comes out the same when it is checked again.
 * Built with -Dfuzz=true by clang; run as clipboard-fuzz [CORPUS].
 */

#include <stdlib.h>
#include <string.h>

#include "clipboard/kind.h"
#include "clipboard/mime.h"
#include "clipboard/text.h"
#include "input/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static void require_harmless(const char *text, size_t len) {
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t bytes = utf8_decode(text + at, len - at, &c);
		require(bytes > 0);
		require(c == '\t' || c == '\n' || (c >= 0x20 && !(c >= 0x7f && c <= 0x9f)));
		require(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) &&
			c != 0xfeff);
		at += bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const char *untrusted = (const char *)data;
	struct clipboard_text text, again;
	enum clipboard_flaw flaw = clipboard_text_check(untrusted, size, &text);
	require(clipboard_flaw_words(flaw)[0] != '\0');
	if (flaw == CLIPBOARD_GOOD) {
		require(text.len > 0 && text.len <= size && text.text[text.len] == '\0' &&
			strlen(text.text) == text.len);
		require(strlen(text.preview) <= CLIPBOARD_PREVIEW_BYTES);
		require_harmless(text.text, text.len);
		require_harmless(text.preview, strlen(text.preview));
		require(clipboard_text_check(text.text, text.len, &again) == CLIPBOARD_GOOD);
		require(again.len == text.len && again.removed == 0 &&
			memcmp(again.text, text.text, text.len) == 0 && again.lines == text.lines &&
			again.ends_line == text.ends_line);
		clipboard_text_finish(&again);
		clipboard_text_finish(&text);
	}
	require(text.text == NULL && text.preview == NULL);
	require(strchr(kind_of_file(untrusted, size, false), '/') != NULL);
	require(strchr(kind_of_file(untrusted, size, true), '/') != NULL);
	require(kind_whole_characters(untrusted, size) + 3 >= size);
	char name[130];
	size_t len = size < sizeof(name) - 1 ? size : sizeof(name) - 1;
	memcpy(name, data, len);
	name[len] = '\0';
	require(!(mime_is_text(name) && mime_is_picture(name)) && mime_aliases(name) != NULL);
	return 0;
}
