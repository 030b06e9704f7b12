#ifndef PARCLOSE_INPUT_UTF8_H
#define PARCLOSE_INPUT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the first character of `len` bytes. Returns how many bytes it takes, 0: there is none, or
 * the bytes are not well-formed UTF-8 (Unicode 16, table 3-7).
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *character);

#endif
