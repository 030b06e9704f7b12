#include "network/http-head.h"

#include <string.h>
#include <strings.h>

#define MAX_FIELDS 256
#define MAX_METHOD 24 // the longest registered one has 17

// RFC 9110 section 5.6.2.
static bool is_token(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

// A byte of a line: no control character but the tabulator.
static bool is_text(unsigned char c) {
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

// ---- what a stream begins with

// What separates the words of a request line for somebody: python's str.split() on Latin-1 takes
// more than RFC 9112 section 3 does.
static bool is_blank(unsigned char c) {
	return (c >= '\t' && c <= '\r' && c != '\n') || (c >= 0x1c && c <= ' ') || c == 0x85 ||
	       c == 0xa0;
}

static bool is_letter(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(const unsigned char *bytes, size_t len, const char *word) {
	return strlen(word) == len && strncasecmp((const char *)bytes, word, len) == 0;
}

/*
 * Do the bytes behind a method's blank begin a target? HTTP/0.9 is a request without a version, and
 * llhttp (node) takes one of any method, with a Host, and the versions of RTSP and Icecast as well.
 */
static bool is_target(
	const unsigned char *method, size_t method_len, const unsigned char *bytes, size_t len) {
	if (is_word(method, method_len, "GET") ||
		(len > 0 && (bytes[0] == '/' || bytes[0] == '*'))) {
		return true;
	}
	if (is_word(method, method_len, "CONNECT")) { // NATS has a '{' there
		return len > 0 && (is_token(bytes[0]) || bytes[0] == '[');
	}
	size_t scheme = 0;
	while (scheme < len && is_letter(bytes[scheme])) {
		scheme++;
	}
	return scheme > 0 && len - scheme >= 3 && memcmp(bytes + scheme, "://", 3) == 0;
}

/*
 * Each byte is judged by those before it only, so that it does not matter how they are cut. It may
 * become a request for as long as somebody waits for the end of its line.
 */
enum http_begins http_begins(const unsigned char *untrusted_bytes, size_t len) {
	size_t start = 0;
	while (start < len && is_blank(untrusted_bytes[start])) {
		start++;
	}
	size_t method = start;
	while (method < len && is_token(untrusted_bytes[method])) {
		method++;
	}
	if (method < len && (method == start || !is_blank(untrusted_bytes[method]))) {
		return HTTP_BEGINS_OTHER;
	}
	size_t target = method;
	while (target < len && is_blank(untrusted_bytes[target])) {
		target++;
	}
	// Methods begin with a letter everywhere; what git:// begins with is a number.
	bool letter = method > start && is_letter(untrusted_bytes[start]);
	if (letter && target > method &&
		is_target(untrusted_bytes + start, method - start, untrusted_bytes + target,
			len - target)) {
		return HTTP_BEGINS_REQUEST;
	}
	static const char version[] = "HTTP/";
	const size_t version_len = sizeof(version) - 1;
	for (size_t i = method; i < len; i++) {
		if (untrusted_bytes[i] == '\n' || (untrusted_bytes[i] == '\0' && !letter)) {
			return HTTP_BEGINS_OTHER;
		}
		if (i - method >= version_len &&
			is_word(untrusted_bytes + i + 1 - version_len, version_len, version)) {
			return HTTP_BEGINS_REQUEST;
		}
	}
	return len < HTTP_HEAD_MAX ? HTTP_BEGINS_MORE : HTTP_BEGINS_REQUEST;
}

// ---- heads

struct line {
	const unsigned char *bytes;
	size_t len; // without CR LF
};

// The next line of a head that is known to be whole. False: it is not ended by CR LF, or holds
// control characters.
static bool take_line(const unsigned char **at, const unsigned char *end, struct line *line) {
	const unsigned char *lf = memchr(*at, '\n', (size_t)(end - *at));
	if (lf == NULL || lf == *at || lf[-1] != '\r') {
		return false;
	}
	*line = (struct line){.bytes = *at, .len = (size_t)(lf - 1 - *at)};
	*at = lf + 1;
	for (size_t i = 0; i < line->len; i++) {
		if (!is_text(line->bytes[i])) {
			return false;
		}
	}
	return true;
}

static bool copy(char *out, size_t size, const unsigned char *bytes, size_t len) {
	if (len == 0 || len >= size) {
		return false;
	}
	memcpy(out, bytes, len);
	out[len] = '\0';
	return true;
}

// Path, "*", "http://authority/…", or of CONNECT an authority (RFC 9112 section 3.2).
static bool take_target(const unsigned char *bytes, size_t len, struct http_request *request) {
	static const char scheme[] = "http://";
	const size_t scheme_len = sizeof(scheme) - 1;
	if (request->connect) {
		return memchr(bytes, '/', len) == NULL &&
		       copy(request->untrusted_target, sizeof(request->untrusted_target), bytes,
			       len);
	}
	if (bytes[0] == '/' || (len == 1 && bytes[0] == '*')) {
		return true;
	}
	if (len <= scheme_len || strncasecmp((const char *)bytes, scheme, scheme_len) != 0) {
		return false;
	}
	size_t authority = 0;
	while (scheme_len + authority < len &&
		memchr("/?#", bytes[scheme_len + authority], 3) == NULL) {
		authority++;
	}
	return copy(request->untrusted_target, sizeof(request->untrusted_target),
		bytes + scheme_len, authority);
}

static bool take_request_line(const struct line *line, struct http_request *request, bool *old) {
	const unsigned char *space = memchr(line->bytes, ' ', line->len);
	const unsigned char *last = memrchr(line->bytes, ' ', line->len);
	if (space == NULL || last <= space + 1) {
		return false;
	}
	size_t method = (size_t)(space - line->bytes);
	if (method == 0 || method > MAX_METHOD) {
		return false;
	}
	for (size_t i = 0; i < method; i++) {
		if (!is_token(line->bytes[i])) {
			return false;
		}
	}
	const unsigned char *target = space + 1, *version = last + 1;
	size_t target_len = (size_t)(last - target);
	for (size_t i = 0; i < target_len; i++) {
		if (target[i] <= ' ' || target[i] >= 0x7f) {
			return false;
		}
	}
	size_t version_len = (size_t)(line->bytes + line->len - version);
	if (version_len != 8 || memcmp(version, "HTTP/1.", 7) != 0 ||
		(version[7] != '0' && version[7] != '1')) {
		return false;
	}
	*old = version[7] == '0';
	request->connect = is_word(line->bytes, method, "CONNECT");
	return take_target(target, target_len, request);
}

static bool take_length(const unsigned char *value, size_t len, uint64_t *out) {
	if (len == 0 || len > 18) {
		return false;
	}
	*out = 0;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9') {
			return false;
		}
		*out = *out * 10 + (value[i] - '0');
	}
	return true;
}

static bool names_http2(const unsigned char *value, size_t len) {
	for (size_t i = 0; i + 3 <= len; i++) {
		if (strncasecmp((const char *)value + i, "h2c", 3) == 0) {
			return true;
		}
	}
	return false;
}

struct fields {
	bool host, length, encoding;
};

static bool take_field(const struct line *line, struct fields *seen, struct http_request *request) {
	size_t name = 0;
	while (name < line->len && is_token(line->bytes[name])) {
		name++;
	}
	// Also refuses folded lines and a space before the colon (RFC 9112 sections 5.1 and 5.2).
	if (name == 0 || name == line->len || line->bytes[name] != ':') {
		return false;
	}
	const unsigned char *value = line->bytes + name + 1;
	size_t len = line->len - name - 1;
	while (len > 0 && (value[0] == ' ' || value[0] == '\t')) {
		value++;
		len--;
	}
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
		len--;
	}
	if (is_word(line->bytes, name, "Host")) {
		bool again = seen->host;
		seen->host = true;
		return !again &&
		       copy(request->untrusted_host, sizeof(request->untrusted_host), value, len);
	}
	if (is_word(line->bytes, name, "Content-Length")) {
		bool again = seen->length;
		seen->length = true;
		return !again && take_length(value, len, &request->body_len);
	}
	if (is_word(line->bytes, name, "Transfer-Encoding")) {
		bool again = seen->encoding;
		seen->encoding = true;
		return !again && is_word(value, len, "chunked");
	}
	// What some servers take for a hyphen in a name is a second way to write these.
	if (is_word(line->bytes, name, "Content_Length") ||
		is_word(line->bytes, name, "Transfer_Encoding")) {
		return false;
	}
	if (is_word(line->bytes, name, "Upgrade")) {
		request->upgrade = true;
		request->upgrade_http2 = request->upgrade_http2 || names_http2(value, len);
	}
	return true;
}

static bool take_head(
	const unsigned char *at, const unsigned char *end, struct http_request *request) {
	struct line line;
	struct fields seen = {0};
	bool old = false;
	if (!take_line(&at, end, &line) || !take_request_line(&line, request, &old)) {
		return false;
	}
	for (unsigned int fields = 0;; fields++) {
		if (!take_line(&at, end, &line) || fields > MAX_FIELDS) {
			return false;
		}
		if (line.len == 0) {
			break;
		}
		if (!take_field(&line, &seen, request)) {
			return false;
		}
	}
	// RFC 9112 sections 3.2 and 6.1. Without Host nobody knows whom HTTP/1.0 means.
	if (at != end || !seen.host || (seen.length && seen.encoding) || (old && seen.encoding) ||
		(request->connect && (seen.encoding || request->body_len > 0))) {
		return false;
	}
	request->body = seen.encoding           ? HTTP_BODY_CHUNKED
			: request->body_len > 0 ? HTTP_BODY_LENGTH
						: HTTP_BODY_NONE;
	return true;
}

// The length of the head whose empty line is the first one of either kind; 0: it is not there yet.
static size_t find_end(const unsigned char *bytes, size_t len, size_t *scanned) {
	size_t at = *scanned;
	while (at < len) {
		const unsigned char *lf = memchr(bytes + at, '\n', len - at);
		if (lf == NULL) {
			break;
		}
		size_t next = (size_t)(lf - bytes) + 1;
		if (next < len && bytes[next] == '\n') {
			return next + 1;
		}
		if (next + 1 < len && bytes[next] == '\r' && bytes[next + 1] == '\n') {
			return next + 2;
		}
		if (next >= len || (bytes[next] == '\r' && next + 1 >= len)) {
			*scanned = next - 1; // this line's end again, with more bytes
			return 0;
		}
		at = next;
	}
	*scanned = len;
	return 0;
}

enum http_result http_request_read(const unsigned char *untrusted_bytes, size_t len,
	size_t *scanned, struct http_request *request) {
	size_t end = find_end(untrusted_bytes, len, scanned);
	if (end == 0) {
		return len < HTTP_HEAD_MAX ? HTTP_MORE : HTTP_BAD;
	}
	*scanned = 0;
	*request = (struct http_request){.len = end};
	return end <= HTTP_HEAD_MAX && take_head(untrusted_bytes, untrusted_bytes + end, request)
		       ? HTTP_DONE
		       : HTTP_BAD;
}

bool http_authority_split(const char *untrusted_text, char host[static 300], uint16_t *port) {
	size_t len = strcspn(untrusted_text, ":");
	if (untrusted_text[0] == '[') {
		const char *close = strchr(untrusted_text, ']');
		if (close == NULL) {
			return false;
		}
		len = (size_t)(close - untrusted_text) + 1;
	}
	*port = 0;
	if (len == 0 || len >= 300) {
		return false;
	}
	memcpy(host, untrusted_text, len);
	host[len] = '\0';
	const char *rest = untrusted_text + len;
	if (*rest == '\0') {
		return true;
	}
	unsigned int value = 0;
	size_t digits = 0;
	for (rest++; *rest >= '0' && *rest <= '9' && digits < 5; rest++, digits++) {
		value = value * 10 + (unsigned int)(*rest - '0');
	}
	*port = (uint16_t)value;
	return untrusted_text[len] == ':' && *rest == '\0' && value > 0 && value <= 65535;
}

// ---- bodies

enum chunk_state {
	CHUNK_SIZE = 0, // hexadecimal digits
	CHUNK_EXTENSION, // behind ';'
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER, // of a line: name and value, or nothing
	CHUNK_TRAILER_LF,
	CHUNK_BAD,
};

static int hex_digit(unsigned char c) {
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

// One byte of the framing. DONE: it was the body's last.
static enum http_result step(struct http_chunks *chunks, unsigned char c) {
	chunks->line_len++;
	switch ((enum chunk_state)chunks->state) {
	case CHUNK_SIZE: {
		int digit = hex_digit(c);
		if (digit >= 0 && chunks->line_len <= 15) {
			chunks->left = chunks->left * 16 + (unsigned int)digit;
			return HTTP_MORE;
		}
		if (chunks->line_len == 1 || (c != ';' && c != '\r')) {
			return HTTP_BAD;
		}
		chunks->state = c == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
		return HTTP_MORE;
	}
	case CHUNK_EXTENSION:
		if (c == '\r') {
			chunks->state = CHUNK_SIZE_LF;
			return HTTP_MORE;
		}
		return is_text(c) && chunks->line_len < 4096 ? HTTP_MORE : HTTP_BAD;
	case CHUNK_SIZE_LF:
		chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
		chunks->line_len = 0;
		return c == '\n' ? HTTP_MORE : HTTP_BAD;
	case CHUNK_DATA_CR:
		chunks->state = CHUNK_DATA_LF;
		return c == '\r' ? HTTP_MORE : HTTP_BAD;
	case CHUNK_DATA_LF:
		chunks->state = CHUNK_SIZE;
		chunks->line_len = 0;
		return c == '\n' ? HTTP_MORE : HTTP_BAD;
	case CHUNK_TRAILER:
		if (c == '\r') {
			chunks->state = CHUNK_TRAILER_LF;
			return HTTP_MORE;
		}
		// A folded line would begin with white space.
		return is_text(c) && chunks->line_len < HTTP_HEAD_MAX &&
				       (chunks->line_len > 1 || is_token(c))
			       ? HTTP_MORE
			       : HTTP_BAD;
	case CHUNK_TRAILER_LF: {
		bool empty = chunks->line_len == 2;
		chunks->state = CHUNK_TRAILER;
		chunks->line_len = 0;
		return c != '\n' ? HTTP_BAD : empty ? HTTP_DONE : HTTP_MORE;
	}
	case CHUNK_DATA:
	case CHUNK_BAD:
		break;
	}
	return HTTP_BAD;
}

enum http_result http_chunks_read(struct http_chunks *chunks, const unsigned char *untrusted_bytes,
	size_t len, size_t *taken) {
	*taken = 0;
	while (*taken < len) {
		if (chunks->state == CHUNK_DATA) {
			uint64_t there = len - *taken;
			uint64_t part = chunks->left < there ? chunks->left : there;
			chunks->left -= part;
			*taken += (size_t)part;
			chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_DATA_CR;
			continue;
		}
		enum http_result result = step(chunks, untrusted_bytes[*taken]);
		if (result == HTTP_BAD) {
			chunks->state = CHUNK_BAD;
			return HTTP_BAD;
		}
		++*taken;
		if (result == HTTP_DONE) {
			*chunks = (struct http_chunks){0};
			return HTTP_DONE;
		}
	}
	return HTTP_MORE;
}

// ---- answers

enum http_result http_status_read(
	const unsigned char *untrusted_bytes, size_t len, unsigned int *status) {
	size_t at = 0;
	while (true) {
		const unsigned char *line = untrusted_bytes + at;
		size_t there = len - at;
		static const char form[] = "HTTP/1.";
		size_t same = there < sizeof(form) - 1 ? there : sizeof(form) - 1;
		if (memcmp(line, form, same) != 0 || len >= HTTP_HEAD_MAX) {
			return HTTP_BAD;
		}
		if (there < 13) { // "HTTP/1.1 101" and what follows
			return HTTP_MORE;
		}
		unsigned int value = 0;
		for (size_t i = 9; i < 12; i++) {
			if (line[i] < '0' || line[i] > '9') {
				return HTTP_BAD;
			}
			value = value * 10 + (line[i] - '0');
		}
		if (line[8] != ' ' || (line[12] != ' ' && line[12] != '\r' && line[12] != '\n')) {
			return HTTP_BAD;
		}
		if (value >= 200 || value == 101) {
			*status = value;
			return HTTP_DONE;
		}
		size_t scanned = 0;
		size_t end = find_end(line, there, &scanned);
		if (end == 0) {
			return HTTP_MORE;
		}
		at += end;
	}
}
