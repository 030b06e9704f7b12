/*
 * Any bytes as a query of DNS inside. The name that is decided on spells exactly the labels that
 * were asked for, and the answer asks the same question.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "network/dns.h"
#include "policy/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

// The labels of `text` in the form of the wire.
static size_t encode(const char *text, unsigned char *out) {
	size_t at = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ".");
		out[at++] = (unsigned char)len;
		memcpy(out + at, text, len);
		at += len;
		text += len + (text[len] == '.');
	}
	out[at++] = 0;
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const unsigned char address[16] = {0xfd};
	struct dns_query query;
	unsigned char out[DNS_MAX_ANSWER], name[300];
	enum dns_parsed parsed = dns_parse(data, size, &query);
	if (parsed == DNS_SILENCE) {
		return 0;
	}
	size_t plain = dns_answer(&query, query.rcode, NULL, 0, 0, out);
	require(plain <= sizeof(out) && memcmp(out, data, 2) == 0 && (out[2] & 0x80) != 0);
	if (parsed == DNS_ERROR) {
		return 0;
	}
	require(query.question_len >= 5 && query.question_len <= sizeof(query.question));
	require(memcmp(query.question, data + 12, query.question_len) == 0);
	if (query.untrusted_name[0] != '\0') {
		size_t len = encode(query.untrusted_name, name);
		require(len + 4 == query.question_len);
		require(memcmp(name, query.question, len) == 0);
		char canonical[NETWORK_NAME_SIZE];
		const char *why;
		network_name_canonical(
			query.untrusted_name, strlen(query.untrusted_name), canonical, &why);
	}
	size_t full = dns_answer(&query, DNS_NOERROR, address, 16, 60, out);
	require(full == plain + 28 && full <= sizeof(out));
	require(memcmp(out + 12, query.question, query.question_len) == 0);
	return 0;
}
