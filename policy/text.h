#ifndef PARCLOSE_POLICY_TEXT_H
#define PARCLOSE_POLICY_TEXT_H

/*
 * Messages built in buffers of fixed size. What came from a document is shown with its control and
 * direction characters escaped, so that a key or a path cannot write to the reader's terminal.
 */

#include <stddef.h>
#include <stdint.h>

// A NUL-terminated text in the caller's buffer; cut at a character's border when it does not fit.
struct text {
	char *data;
	size_t size, len;
};

void text_init(struct text *text, char *data, size_t size);

__attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *format, ...);

// Adds `len` bytes of UTF-8 as above; past `max` bytes of output "..." stands for the rest.
void text_add_shown(struct text *text, const char *untrusted, size_t len, size_t max);

// A short copy for one argument of a message: text_shown(s).s lives to the end of the full
// expression.
struct text_shown {
	char s[100];
};
struct text_shown text_shown(const char *untrusted);

/*
 * Reads one code point. Returns its length in bytes, 0 when `untrusted` does not begin with valid
 * UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
size_t text_utf8(const char *untrusted, size_t len, uint32_t *code_point);

// May this character be shown as it is?
int text_is_plain(uint32_t code_point);

#endif
