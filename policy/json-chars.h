#ifndef PARCLOSE_POLICY_JSON_CHARS_H
#define PARCLOSE_POLICY_JSON_CHARS_H

// What json.c and json-locate.c share: single characters of a document and their place.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The four digits of a \u escape; false when they are not there.
bool json_hex4(const char *p, const char *end, uint32_t *unit);

// One character of a string, escape or not. Returns the bytes it took, 0 when it is malformed.
size_t json_decode(const char *p, const char *end, uint32_t *code_point);

// A valid code point as UTF-8; returns its bytes.
size_t json_encode(uint32_t code_point, char out[static 4]);

bool json_is_space(char c);
const char *json_skip_space(const char *p, const char *end);

// Line and column of `pos`, from 1, columns in bytes.
void json_place(const char *text, const char *pos, uint32_t *line, uint32_t *column);

#endif
