#include "network/dns.h"

#include <string.h>

#define HEADER 12
#define FLAG_QR 0x8000u
#define FLAG_RD 0x0100u
#define FLAG_RA 0x0080u
#define FLAG_CD 0x0010u
#define OPCODE_MASK 0x7800u
#define FLAG_TC 0x0200u
#define CLASS_IN 1
#define TYPE_OPT 41
#define EDNS_DO 0x8000u
#define OWN_PAYLOAD 1232 // no fragments on any path (DNS flag day 2020); our answers are shorter
#define MAX_ADDITIONAL 4

struct reader {
	const unsigned char *bytes;
	size_t len, at;
};

static bool take16(struct reader *reader, uint16_t *value) {
	if (reader->len - reader->at < 2) {
		return false;
	}
	*value = (uint16_t)(reader->bytes[reader->at] << 8 | reader->bytes[reader->at + 1]);
	reader->at += 2;
	return true;
}

static bool skip(struct reader *reader, size_t len) {
	if (reader->len - reader->at < len) {
		return false;
	}
	reader->at += len;
	return true;
}

static bool is_text(unsigned char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

// Labels up to the root, without compression: a query has nothing to point to. `text` as in the
// header, 256 bytes.
static bool take_name(struct reader *reader, char *text) {
	size_t start = reader->at, written = 0;
	bool readable = true;
	while (true) {
		if (reader->at >= reader->len) {
			return false;
		}
		unsigned char label = reader->bytes[reader->at++];
		// RFC 1035 section 2.3.4: 255 bytes with all lengths.
		if (label > 63 || !skip(reader, label) || reader->at - start > 255) {
			return false;
		}
		if (label == 0) {
			break;
		}
		const unsigned char *bytes = reader->bytes + reader->at - label;
		if (written > 0) {
			text[written++] = '.';
		}
		for (size_t i = 0; i < label; i++) {
			readable = readable && is_text(bytes[i]);
			text[written++] = (char)bytes[i];
		}
	}
	text[readable ? written : 0] = '\0';
	return true;
}

// RFC 6891 section 6.1.2: the options must fill their room exactly.
static bool check_options(struct reader *reader, size_t len) {
	size_t end = reader->at + len;
	while (reader->at < end) {
		uint16_t code, size;
		if (end - reader->at < 4 || !take16(reader, &code) || !take16(reader, &size) ||
			size > end - reader->at) {
			return false;
		}
		reader->at += size;
	}
	return true;
}

// One record of the additional section. Only OPT means something; TSIG and whatever else is
// skipped. *version: of EDNS, -1 before there was one.
static bool take_additional(struct reader *reader, struct dns_query *query, int *version) {
	char name[256];
	uint16_t type, class, high, low, len;
	size_t start = reader->at;
	if (!take_name(reader, name)) {
		return false;
	}
	bool root = reader->at - start == 1;
	if (!take16(reader, &type) || !take16(reader, &class) || !take16(reader, &high) ||
		!take16(reader, &low) || !take16(reader, &len) || reader->len - reader->at < len) {
		return false;
	}
	if (type != TYPE_OPT) {
		return skip(reader, len);
	}
	if (!root || *version >= 0 || !check_options(reader, len)) {
		return false;
	}
	*version = high & 0xff;
	query->edns = true;
	query->dnssec_ok = (low & EDNS_DO) != 0;
	return true;
}

static enum dns_parsed refuse(struct dns_query *query, enum dns_rcode rcode) {
	query->rcode = rcode;
	return DNS_ERROR;
}

enum dns_parsed dns_parse(
	const unsigned char *untrusted_bytes, size_t len, struct dns_query *query) {
	*query = (struct dns_query){0};
	struct reader reader = {.bytes = untrusted_bytes, .len = len};
	uint16_t flags, questions, answers, authorities, additional, class;
	if (len < HEADER || len > DNS_MAX_QUERY || !take16(&reader, &query->id) ||
		!take16(&reader, &flags) || !take16(&reader, &questions) ||
		!take16(&reader, &answers) || !take16(&reader, &authorities) ||
		!take16(&reader, &additional) || (flags & FLAG_QR) != 0) {
		return DNS_SILENCE;
	}
	query->flags = flags & (FLAG_RD | FLAG_CD | OPCODE_MASK);
	if ((flags & OPCODE_MASK) != 0) {
		return refuse(query, DNS_NOTIMP);
	}
	if (questions != 1 || answers != 0 || authorities != 0 || additional > MAX_ADDITIONAL ||
		(flags & FLAG_TC) != 0 || !take_name(&reader, query->untrusted_name) ||
		!take16(&reader, &query->type) || !take16(&reader, &class)) {
		query->untrusted_name[0] = '\0';
		return refuse(query, DNS_FORMERR);
	}
	query->question_len = reader.at - HEADER;
	memcpy(query->question, untrusted_bytes + HEADER, query->question_len);
	int version = -1;
	for (unsigned int i = 0; i < additional; i++) {
		if (!take_additional(&reader, query, &version)) {
			return refuse(query, DNS_FORMERR);
		}
	}
	if (reader.at != len) {
		return refuse(query, DNS_FORMERR);
	}
	if (version > 0) {
		return refuse(query, DNS_BADVERS);
	}
	return class == CLASS_IN ? DNS_QUERY : refuse(query, DNS_REFUSED);
}

struct writer {
	unsigned char *at;
};

static void put16(struct writer *writer, unsigned int value) {
	*writer->at++ = (unsigned char)(value >> 8);
	*writer->at++ = (unsigned char)value;
}

static void put_bytes(struct writer *writer, const void *bytes, size_t len) {
	memcpy(writer->at, bytes, len);
	writer->at += len;
}

size_t dns_answer(const struct dns_query *query, enum dns_rcode rcode, const void *address,
	size_t address_len, uint32_t ttl, unsigned char out[static DNS_MAX_ANSWER]) {
	// 12 + 259 + 12 + 16 + 11 bytes at most.
	struct writer writer = {.at = out};
	put16(&writer, query->id);
	put16(&writer, FLAG_QR | FLAG_RA | query->flags | (rcode & 0xf));
	put16(&writer, query->question_len > 0 ? 1 : 0);
	put16(&writer, address != NULL ? 1 : 0);
	put16(&writer, 0);
	put16(&writer, query->edns ? 1 : 0);
	put_bytes(&writer, query->question, query->question_len);
	if (address != NULL) {
		put16(&writer, 0xc000 | HEADER); // the question's name
		put16(&writer, query->type);
		put16(&writer, CLASS_IN);
		put16(&writer, ttl >> 16);
		put16(&writer, ttl & 0xffff);
		put16(&writer, (unsigned int)address_len);
		put_bytes(&writer, address, address_len);
	}
	if (query->edns) {
		*writer.at++ = 0; // the root
		put16(&writer, TYPE_OPT);
		put16(&writer, OWN_PAYLOAD);
		put16(&writer, (unsigned int)rcode >> 4 << 8); // extended code, version 0
		put16(&writer, query->dnssec_ok ? EDNS_DO : 0);
		put16(&writer, 0);
	}
	return (size_t)(writer.at - out);
}
