/*
 * Any bytes as plain HTTP, cut into pieces by the first of them. What is let pass as the head of a
 * request names the one host, once.
 */

#include <strings.h>

#include "tests/fuzz/stepwise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A second opinion on a head that was taken for good: its lines, by another reader.
static void check_head(const char *head, size_t len) {
	size_t hosts = 0, lengths = 0, encodings = 0;
	for (size_t at = 0; at < len;) {
		const char *lf = memchr(head + at, '\n', len - at);
		require(lf != NULL && lf > head + at && lf[-1] == '\r');
		size_t line = (size_t)(lf - 1 - (head + at));
		require(memchr(head + at, '\r', line) == NULL);
		require(memchr(head + at, '\0', line) == NULL);
		hosts += line >= 5 && strncasecmp(head + at, "host:", 5) == 0;
		lengths += line >= 15 && strncasecmp(head + at, "content-length:", 15) == 0;
		encodings += line >= 18 && strncasecmp(head + at, "transfer-encoding:", 18) == 0;
		require(at == 0 || line == 0 || (head[at] != ' ' && head[at] != '\t'));
		at += line + 2;
	}
	require(hosts == 1 && lengths + encodings <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 2) {
		return 0;
	}
	size_t step = 1 + data[0] % 64;
	data++;
	size--;
	struct http_request request;
	size_t scanned = 0;
	if (http_request_read(data, size, &scanned, &request) == HTTP_DONE) {
		require(request.len <= size && request.untrusted_host[0] != '\0');
		check_head((const char *)data, request.len);
	}
	unsigned int status;
	http_status_read(data, size, &status);
	compare(data, size, step);
	return 0;
}
