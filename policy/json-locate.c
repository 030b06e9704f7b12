#include "policy/json.h"

#include "policy/json-chars.h"
#include "policy/text.h"

#include <string.h>

// The text was accepted once, yet no step here trusts that it was.

static const char *past_string(const char *p, const char *end) {
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && end - p > 1) {
			p++;
		}
	}
	return p < end ? p + 1 : end;
}

static const char *past_value(const char *p, const char *end) {
	if (p < end && *p == '"') {
		return past_string(p, end);
	}
	if (p == end || (*p != '{' && *p != '[')) {
		while (p < end && !json_is_space(*p) && *p != ',' && *p != ']' && *p != '}') {
			p++;
		}
		return p;
	}
	size_t depth = 0;
	do {
		if (*p == '"') {
			p = past_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[') {
			depth++;
		} else if (*p == '}' || *p == ']') {
			depth--;
		}
		p++;
	} while (p < end && depth > 0);
	return p;
}

// Is the key between `p` and `end` what a pointer's segment names?
static bool key_matches(const char *p, const char *end, const char *segment, size_t segment_len) {
	const char *seg_end = segment + segment_len;
	while (p < end && segment < seg_end) {
		uint32_t c, d;
		size_t n = json_decode(p, end, &c);
		size_t m = text_utf8(segment, (size_t)(seg_end - segment), &d);
		if (n == 0 || m == 0) {
			return false;
		}
		if (d == '~') {
			if (seg_end - segment < 2 || (segment[1] != '0' && segment[1] != '1')) {
				return false;
			}
			d = segment[1] == '0' ? '~' : '/';
			m = 2;
		}
		if (c != d) {
			return false;
		}
		p += n;
		segment += m;
	}
	return p == end && segment == seg_end;
}

// Both return the child's place or NULL.
static const char *find_member(
	const char *p, const char *end, const char *segment, size_t segment_len, const char **key) {
	p = json_skip_space(p + 1, end);
	while (p < end && *p == '"') {
		const char *key_start = p;
		p = past_string(p, end);
		bool match = key_matches(key_start + 1, p - 1, segment, segment_len);
		p = json_skip_space(p, end);
		if (p == end || *p != ':') {
			return NULL;
		}
		p = json_skip_space(p + 1, end);
		if (match) {
			*key = key_start;
			return p;
		}
		p = json_skip_space(past_value(p, end), end);
		if (p == end || *p != ',') {
			return NULL;
		}
		p = json_skip_space(p + 1, end);
	}
	return NULL;
}

static const char *find_element(
	const char *p, const char *end, const char *segment, size_t segment_len) {
	size_t index = 0;
	if (segment_len == 0 || segment_len > 9 || (segment[0] == '0' && segment_len > 1)) {
		return NULL;
	}
	for (size_t i = 0; i < segment_len; i++) {
		if (segment[i] < '0' || segment[i] > '9') {
			return NULL;
		}
		index = index * 10 + (size_t)(segment[i] - '0');
	}
	p = json_skip_space(p + 1, end);
	if (p < end && *p == ']') {
		return NULL;
	}
	for (; index > 0; index--) {
		p = json_skip_space(past_value(p, end), end);
		if (p == end || *p != ',') {
			return NULL;
		}
		p = json_skip_space(p + 1, end);
	}
	return p;
}

bool json_locate(const char *text, size_t len, const char *pointer, bool want_key, uint32_t *line,
	uint32_t *column) {
	const char *end = text + len;
	const char *p = json_skip_space(text, end), *key = NULL;
	while (*pointer != '\0') {
		if (*pointer++ != '/' || p == end) {
			return false;
		}
		size_t segment_len = strcspn(pointer, "/");
		key = NULL;
		if (*p == '{') {
			p = find_member(p, end, pointer, segment_len, &key);
		} else if (*p == '[') {
			p = find_element(p, end, pointer, segment_len);
		} else {
			return false;
		}
		if (!p) {
			return false;
		}
		pointer += segment_len;
	}
	if (p == end || (want_key && !key)) {
		return false;
	}
	json_place(text, want_key ? key : p, line, column);
	return true;
}
