#include "clipboard/kind.h"

#include <stdint.h>
#include <string.h>

#include "input/utf8.h"

#define MAGIC(type, bytes) {type, bytes, sizeof(bytes) - 1}

static const struct {
	const char *type, *magic;
	size_t len;
} kinds[] = {
	MAGIC("application/x-executable", "\x7f"
					  "ELF"),
	MAGIC("text/x-script", "#!"), // asks to be executed
	MAGIC("text/x-desktop-entry", "[Desktop Entry]"), // may start a program, opened
	MAGIC("image/png", "\x89PNG\r\n\x1a\n"),
	MAGIC("image/jpeg", "\xff\xd8\xff"),
	MAGIC("image/gif", "GIF8"),
	MAGIC("application/pdf", "%PDF-"),
	MAGIC("application/zip", "PK\x03\x04"), // documents of office programs, too
	MAGIC("application/gzip", "\x1f\x8b"),
	MAGIC("application/x-xz", "\xfd"
				  "7zXZ"),
	MAGIC("application/zstd", "\x28\xb5\x2f\xfd"),
};

size_t kind_whole_characters(const char *untrusted, size_t len) {
	for (size_t back = 1; back <= 4 && back <= len; back++) {
		uint8_t byte = (uint8_t)untrusted[len - back];
		if ((byte & 0xc0) == 0x80) {
			continue;
		}
		size_t needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
		return needs > back ? len - back : len;
	}
	return len;
}

static bool is_text(const char *untrusted, size_t len) {
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t bytes = utf8_decode(untrusted + at, len - at, &c);
		if (bytes == 0 || c == 0) {
			return false;
		}
		at += bytes;
	}
	return true;
}

const char *kind_of_file(const char *untrusted, size_t len, bool cut) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (len >= kinds[i].len && memcmp(untrusted, kinds[i].magic, kinds[i].len) == 0) {
			return kinds[i].type;
		}
	}
	return is_text(untrusted, cut ? kind_whole_characters(untrusted, len) : len)
		       ? "text/plain"
		       : "application/octet-stream";
}
