#include "policy/json.h"

#include "policy/json-chars.h"
#include "policy/text.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// cJSON before 1.7.18 read a number through a buffer of 64 bytes; nobody needs a longer one.
#define MAX_NUMBER_BYTES 63

// The bytes between a string's quotes, still escaped.
struct span {
	const char *start;
	size_t len;
};

// One container that is open, and where in it we are.
struct frame {
	bool array;
	bool begun; // `index` or `key` names a value
	size_t index;
	struct span key;
	size_t first_key; // in scan.keys
};

struct scan {
	const char *text, *pos, *end;
	struct frame frames[JSON_MAX_DEPTH];
	unsigned int depth;
	// Keys of all objects that are open, innermost last. Compared when an object closes:
	// sorting keeps a document of many keys from costing the square of their number.
	struct span *keys;
	size_t keys_len, keys_cap;
	struct json_error *err;
};

// A key as a person reads it; `pointer` escapes it as RFC 6901 does.
static void add_key(struct text *text, struct span key, bool pointer) {
	const char *p = key.start, *end = key.start + key.len;
	size_t start = text->len;
	while (p < end) {
		uint32_t cp;
		size_t n = json_decode(p, end, &cp);
		if (n == 0) {
			return;
		}
		if (!pointer && text->len - start > 60) {
			text_add(text, "...");
			return;
		}
		if (text->len + 8 >= text->size) {
			return;
		}
		if (pointer && (cp == '~' || cp == '/')) {
			text_add(text, cp == '~' ? "~0" : "~1");
		} else {
			char bytes[4];
			text_add_shown(text, bytes, json_encode(cp, bytes), 8);
		}
		p += n;
	}
}

static void set_pointer(struct scan *s) {
	struct text text;
	text_init(&text, s->err->pointer, sizeof(s->err->pointer));
	for (unsigned int i = 0; i < s->depth; i++) {
		const struct frame *frame = &s->frames[i];
		if (!frame->begun) {
			break;
		}
		if (frame->array) {
			text_add(&text, "/%zu", frame->index);
		} else {
			text_add(&text, "/");
			add_key(&text, frame->key, true);
		}
	}
}

__attribute__((format(printf, 3, 4))) static bool fail(
	struct scan *s, const char *pos, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(s->err->reason, sizeof(s->err->reason), format, args);
	va_end(args);
	json_place(s->text, pos, &s->err->line, &s->err->column);
	set_pointer(s);
	return false;
}

static bool fail_memory(struct scan *s) {
	*s->err = (struct json_error){.reason = "out of memory"};
	return false;
}

// At a byte that cannot stand here.
static bool fail_expected(struct scan *s, const char *expected) {
	if (s->pos == s->end) {
		return fail(s, s->pos, "the document ends where %s should be", expected);
	}
	unsigned char c = (unsigned char)*s->pos;
	if (c == '/' && s->end - s->pos > 1 && (s->pos[1] == '/' || s->pos[1] == '*')) {
		return fail(s, s->pos, "comments are not JSON");
	}
	if (c > 0x20 && c < 0x7f) {
		return fail(s, s->pos, "expected %s, found '%c'", expected, c);
	}
	return fail(s, s->pos, "expected %s, found byte 0x%02x", expected, (unsigned int)c);
}

static bool next_is(const struct scan *s, char c) {
	return s->pos < s->end && *s->pos == c;
}

static bool is_digit(const char *p, const char *end) {
	return p < end && *p >= '0' && *p <= '9';
}

// Says what json_decode() found wrong.
static bool fail_character(struct scan *s) {
	if (*s->pos != '\\') {
		return fail(s, s->pos, "invalid UTF-8");
	}
	uint32_t unit;
	if (s->end - s->pos >= 2 && s->pos[1] == 'u') {
		if (!json_hex4(s->pos + 2, s->end, &unit)) {
			return fail(s, s->pos, "\\u needs four hexadecimal digits");
		}
		return fail(s, s->pos, "lone surrogate \\u%04x", (unsigned int)unit);
	}
	return fail(s, s->pos, "unknown escape; use \\\\ for a backslash");
}

static bool scan_string(struct scan *s, struct span *span) {
	const char *quote = s->pos++;
	while (!next_is(s, '"')) {
		if (s->pos == s->end) {
			return fail(s, quote, "string without a closing quote");
		}
		unsigned char c = (unsigned char)*s->pos;
		if (c < 0x20) {
			return fail(s, s->pos, "control character in a string; write it as \\u%04x",
				(unsigned int)c);
		}
		uint32_t cp;
		size_t n = json_decode(s->pos, s->end, &cp);
		if (n == 0) {
			return fail_character(s);
		}
		if (cp == 0) {
			return fail(s, s->pos, "\\u0000 is not allowed");
		}
		s->pos += n;
	}
	*span = (struct span){quote + 1, (size_t)(s->pos - quote - 1)};
	s->pos++;
	return true;
}

static void skip_digits(struct scan *s) {
	while (is_digit(s->pos, s->end)) {
		s->pos++;
	}
}

static bool is_finite_number(const char *start, size_t len) {
	char copy[MAX_NUMBER_BYTES + 1];
	memcpy(copy, start, len);
	copy[len] = '\0';
	char *dot = strchr(copy, '.');
	if (dot) {
		*dot = localeconv()->decimal_point[0];
	}
	return isfinite(strtod(copy, NULL));
}

static bool scan_number(struct scan *s) {
	const char *start = s->pos;
	if (*s->pos == '-') {
		s->pos++;
	}
	if (!is_digit(s->pos, s->end)) {
		return fail_expected(s, "a digit");
	}
	if (*s->pos == '0' && is_digit(s->pos + 1, s->end)) {
		return fail(s, start, "number with a leading zero");
	}
	skip_digits(s);
	if (next_is(s, '.')) {
		s->pos++;
		if (!is_digit(s->pos, s->end)) {
			return fail_expected(s, "a digit");
		}
		skip_digits(s);
	}
	if (next_is(s, 'e') || next_is(s, 'E')) {
		s->pos++;
		if (next_is(s, '+') || next_is(s, '-')) {
			s->pos++;
		}
		if (!is_digit(s->pos, s->end)) {
			return fail_expected(s, "a digit");
		}
		skip_digits(s);
	}
	size_t len = (size_t)(s->pos - start);
	if (len > MAX_NUMBER_BYTES) {
		return fail(s, start, "number of %zu bytes; at most %d", len, MAX_NUMBER_BYTES);
	}
	if (!is_finite_number(start, len)) {
		return fail(s, start, "number too large");
	}
	return true;
}

static int compare_decoded(const struct span *a, const struct span *b) {
	const char *p = a->start, *q = b->start;
	const char *p_end = p + a->len, *q_end = q + b->len;
	while (p < p_end && q < q_end) {
		uint32_t c = 0, d = 0;
		p += json_decode(p, p_end, &c);
		q += json_decode(q, q_end, &d);
		if (c != d) {
			return c < d ? -1 : 1;
		}
	}
	return (p < p_end) - (q < q_end);
}

// Equal keys end up side by side, in the order they were written.
static int compare_keys(const void *left, const void *right) {
	const struct span *a = left, *b = right;
	int order = compare_decoded(a, b);
	return order != 0 ? order : (a->start > b->start) - (a->start < b->start);
}

static bool remember_key(struct scan *s, struct span key) {
	if (s->keys_len == s->keys_cap) {
		size_t cap = s->keys_cap ? s->keys_cap * 2 : 64;
		struct span *keys = realloc(s->keys, cap * sizeof(*keys));
		if (!keys) {
			return fail_memory(s);
		}
		s->keys = keys;
		s->keys_cap = cap;
	}
	s->keys[s->keys_len++] = key;
	return true;
}

static bool check_duplicates(struct scan *s, struct frame *frame) {
	struct span *keys = s->keys + frame->first_key;
	size_t len = s->keys_len - frame->first_key;
	if (len > 1) {
		qsort(keys, len, sizeof(*keys), compare_keys);
	}
	const struct span *first = NULL;
	for (size_t i = 1; i < len; i++) {
		if (compare_decoded(&keys[i - 1], &keys[i]) == 0 &&
			(!first || keys[i].start < first->start)) {
			first = &keys[i];
		}
	}
	s->keys_len = frame->first_key;
	if (!first) {
		return true;
	}
	frame->key = *first;
	char shown[100];
	struct text text;
	text_init(&text, shown, sizeof(shown));
	add_key(&text, *first, false);
	return fail(s, first->start - 1, "duplicate key '%s'", shown);
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s, struct frame *frame) {
	if (!next_is(s, '"')) {
		return fail_expected(s, "a key in double quotes");
	}
	struct span key;
	if (!scan_string(s, &key) || !remember_key(s, key)) {
		return false;
	}
	frame->key = key;
	frame->begun = true;
	s->pos = json_skip_space(s->pos, s->end);
	if (!next_is(s, ':')) {
		return fail_expected(s, "':'");
	}
	s->pos = json_skip_space(s->pos + 1, s->end);
	return scan_value(s);
}

static bool scan_container(struct scan *s) {
	bool array = *s->pos == '[';
	char close = array ? ']' : '}';
	if (s->depth == JSON_MAX_DEPTH) {
		return fail(s, s->pos, "nested deeper than %d levels", JSON_MAX_DEPTH);
	}
	struct frame *frame = &s->frames[s->depth++];
	*frame = (struct frame){.array = array, .first_key = s->keys_len};
	s->pos = json_skip_space(s->pos + 1, s->end);
	while (!next_is(s, close)) {
		if (array) {
			frame->index += frame->begun;
			frame->begun = true;
		}
		if (!(array ? scan_value(s) : scan_member(s, frame))) {
			return false;
		}
		s->pos = json_skip_space(s->pos, s->end);
		if (next_is(s, close)) {
			break;
		}
		if (!next_is(s, ',')) {
			return fail_expected(s, array ? "',' or ']'" : "',' or '}'");
		}
		const char *comma = s->pos;
		s->pos = json_skip_space(s->pos + 1, s->end);
		if (next_is(s, close)) {
			return fail(s, comma, "comma before '%c'", close);
		}
	}
	s->pos++;
	if (!array && !check_duplicates(s, frame)) {
		return false;
	}
	s->depth--;
	return true;
}

static bool scan_literal(struct scan *s, const char *literal) {
	size_t len = strlen(literal);
	if ((size_t)(s->end - s->pos) < len || memcmp(s->pos, literal, len) != 0) {
		return fail_expected(s, "a value");
	}
	s->pos += len;
	return true;
}

static bool scan_value(struct scan *s) {
	struct span ignored;
	switch (s->pos < s->end ? *s->pos : '\0') {
	case '{':
	case '[':
		return scan_container(s);
	case '"':
		return scan_string(s, &ignored);
	case 't':
		return scan_literal(s, "true");
	case 'f':
		return scan_literal(s, "false");
	case 'n':
		return scan_literal(s, "null");
	default:
		if (next_is(s, '-') || is_digit(s->pos, s->end)) {
			return scan_number(s);
		}
		return fail_expected(s, "a value");
	}
}

static bool scan_document(struct scan *s) {
	if (s->end - s->pos >= 3 && memcmp(s->pos, "\xef\xbb\xbf", 3) == 0) {
		return fail(s, s->pos, "byte order mark; save the document without it");
	}
	s->pos = json_skip_space(s->pos, s->end);
	if (s->pos == s->end) {
		return fail(s, s->text, "the document is empty");
	}
	if (!scan_value(s)) {
		return false;
	}
	s->pos = json_skip_space(s->pos, s->end);
	if (s->pos < s->end) {
		return fail(s, s->pos, "more text after the end of the document");
	}
	return true;
}

cJSON *json_parse(const char *untrusted_text, size_t len, struct json_error *err) {
	*err = (struct json_error){0};
	struct scan scan = {
		.text = untrusted_text,
		.pos = untrusted_text,
		.end = untrusted_text + len,
		.err = err,
	};
	bool ok = scan_document(&scan);
	free(scan.keys);
	if (!ok) {
		return NULL;
	}
	cJSON *tree = cJSON_ParseWithLength(untrusted_text, len);
	if (!tree) {
		// What the scan accepted cJSON accepts too, as the fuzz target holds it to.
		fail_memory(&scan);
	}
	return tree;
}
