#ifndef PARCLOSE_POLICY_JSON_H
#define PARCLOSE_POLICY_JSON_H

/*
 * Strictness around cJSON, which by itself lets oddities through. json_parse() first holds the
 * bytes to RFC 8259 to the letter (UTF-8, no duplicate keys, no trailing bytes, no embedded NUL
 * also as \u0000, no lone surrogates, bounded depth and numbers), then lets cJSON build the tree.
 * Positions are found again on demand by json_locate(), so that the tree needs none.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 32

struct json_error {
	char reason[160]; // "duplicate key 'display'"
	// Of the innermost value read so far; control characters escaped, cut at its end when too
	// long.
	char pointer[160];
	uint32_t line, column; // from 1, columns in bytes
};

// Returns a tree the caller frees with cJSON_Delete(), or NULL with *err filled in.
cJSON *json_parse(const char *untrusted_text, size_t len, struct json_error *err);

/*
 * Finds the value that `pointer` (RFC 6901) names in a text json_parse() accepted; with `want_key`
 * the place of its key. Returns false when there is none.
 */
bool json_locate(const char *text, size_t len, const char *pointer, bool want_key, uint32_t *line,
	uint32_t *column);

#endif
