#ifndef PARCLOSE_NETWORK_DNS_H
#define PARCLOSE_NETWORK_DNS_H

/*
 * DNS messages (RFC 1035, EDNS of RFC 6891): queries in, answers out. Pure. The reader is strict:
 * one question, no compression, nothing behind the end; the writer writes only what this file
 * knows.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MAX_QUERY 4096 // a longer one is no query
#define DNS_MAX_ANSWER 512
#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, // RFC 6891 section 6.1.3; only with EDNS
};

enum dns_parsed {
	DNS_SILENCE, // not to be answered: shorter than a header, or an answer itself
	DNS_ERROR, // to be answered with `rcode`
	DNS_QUERY, // a question of class IN
};

struct dns_query {
	uint16_t id;
	uint16_t flags; // those that an answer repeats: RD and CD
	uint16_t type; // of the question
	bool edns;
	bool dnssec_ok; // repeated in the answer (RFC 3225)
	enum dns_rcode rcode; // of DNS_ERROR
	// The question as it was sent, which the answer repeats; 0: it could not be read.
	unsigned char question[255 + 4];
	size_t question_len;
	// Its name as text, without the dot at the end; empty for the root and where a label holds
	// a byte that would read otherwise in text: '.', NUL, and all but letters, digits, '-',
	// '_'.
	char untrusted_name[256];
};

enum dns_parsed dns_parse(
	const unsigned char *untrusted_bytes, size_t len, struct dns_query *query);

/*
 * Writes the answer to `query`: `rcode`, and, where `address` is not NULL, one address of
 * `address_len` bytes (4 or 16, as the question's type) that holds for `ttl` seconds. Returns its
 * length, at most DNS_MAX_ANSWER.
 */
size_t dns_answer(const struct dns_query *query, enum dns_rcode rcode, const void *address,
	size_t address_len, uint32_t ttl, unsigned char out[static DNS_MAX_ANSWER]);

#endif
