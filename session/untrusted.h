#ifndef PARCLOSE_SESSION_UNTRUSTED_H
#define PARCLOSE_SESSION_UNTRUSTED_H

#include <stddef.h>
#include <stdint.h>

/*
 * Text from the agent's side, made fit to be shown: at most `len` bytes, up to the first NUL. What
 * is not UTF-8, and every control, bidirectional or invisible formatting character, becomes U+FFFD;
 * the result is cut at a character so that it fits `size` bytes with its NUL (size >= 4). Unicode
 * 16, UAX #9 and UAX #44.
 */
void untrusted_text(char *out, size_t size, const char *untrusted, size_t len);

/*
 * Decodes the character that the `len` (at least one) bytes begin with. Returns how many it takes,
 * or 0 when they are not well-formed UTF-8 (Unicode 16, table 3-7).
 */
size_t untrusted_character(const char *untrusted, size_t len, uint32_t *out);

#endif
