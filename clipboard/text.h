#ifndef PARCLOSE_CLIPBOARD_TEXT_H
#define PARCLOSE_CLIPBOARD_TEXT_H

/*
 * Text on its way through the gate. What was checked is strict UTF-8 without NUL, its lines end
 * with "\n", and nothing is left in it that acts on whoever pastes or reads it instead of being
 * read: no control character but tab and newline (so no escape sequence, and no end of a bracketed
 * paste), no bidirectional embedding, override or isolate, no tag character, no byte order mark.
 * Those are taken out, one by one, and seen in the preview. Marks and joiners that scripts and
 * emoji need stay, and are seen there, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIPBOARD_PREVIEW_BYTES 4000 // at most, without its NUL

enum clipboard_flaw {
	CLIPBOARD_GOOD,
	CLIPBOARD_EMPTY, // or nothing is left of it
	CLIPBOARD_NOT_UTF8,
	CLIPBOARD_NUL,
	CLIPBOARD_NO_MEMORY,
};

struct clipboard_text {
	char *text; // `len` bytes and a NUL; owned
	size_t len;
	char *preview; // what it was, made visible, and cut when it is long; owned
	bool preview_cut;
	uint32_t lines; // that have anything in them or an end, at least 1
	bool ends_line; // the last byte is a newline: pasted into a shell, it runs
	uint32_t removed; // characters that were taken out
};

/*
 * The one function that checks. CLIPBOARD_GOOD: *out is filled, for clipboard_text_finish(). Any
 * other: nothing is kept, and the item does not cross.
 */
enum clipboard_flaw clipboard_text_check(
	const char *untrusted, size_t len, struct clipboard_text *out);
void clipboard_text_finish(struct clipboard_text *text); // may be called twice

const char *clipboard_flaw_words(enum clipboard_flaw flaw); // "is not UTF-8"

#endif
