#include "network/client-hello.h"

#include <string.h>

#define RECORD_HEADER 5
#define RECORD_MAX 16384 // RFC 8446 section 5.1
#define TYPE_CHANGE_CIPHER 20
#define TYPE_HANDSHAKE 22
#define TYPE_APPLICATION 23
#define TYPE_HEARTBEAT 24
#define SSL2_HELLO_LEAST 9 // bytes behind its length
#define HANDSHAKE_CLIENT_HELLO 1
#define HANDSHAKE_SERVER_HELLO 2
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_ENCRYPTED_CLIENT_HELLO 0xfe0d
#define NAME_TYPE_HOST 0
#define MAX_EXTENSIONS 128 // Chromium sends 18

// SHA-256 of "HelloRetryRequest": the random of a ServerHello that is one (RFC 8446 section 4.1.3).
static const unsigned char retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe,
	0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
	0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/*
 * The handshake's bytes, through the records that carry them. `left`: of the handshake message, or
 * of the vector that is being read; never beyond `message_left`.
 */
struct reader {
	const unsigned char *bytes;
	size_t len, at; // of the stream
	size_t record_left; // of the current record's payload
	bool more; // the stream ended before what was asked for
	bool bad;
};

static bool open_record(struct reader *reader) {
	while (reader->record_left == 0) {
		const unsigned char *head = reader->bytes + reader->at;
		size_t there = reader->len - reader->at;
		// An empty or other record in the middle of a handshake message is forbidden.
		if ((there > 0 && head[0] != TYPE_HANDSHAKE) || (there > 1 && head[1] != 3)) {
			reader->bad = true;
			return false;
		}
		if (there < RECORD_HEADER) {
			reader->more = true;
			return false;
		}
		size_t size = (size_t)head[3] << 8 | head[4];
		if (size == 0 || size > RECORD_MAX) {
			reader->bad = true;
			return false;
		}
		reader->at += RECORD_HEADER;
		reader->record_left = size;
	}
	return true;
}

// Takes `len` bytes out of *left, into `out` where that is not NULL.
static bool take(struct reader *reader, size_t *left, void *out, size_t len) {
	if (reader->bad || reader->more || len > *left) {
		reader->bad = reader->bad || !reader->more;
		return false;
	}
	*left -= len;
	unsigned char *to = out;
	while (len > 0) {
		if (!open_record(reader)) {
			return false;
		}
		size_t part = len < reader->record_left ? len : reader->record_left;
		size_t there = reader->len - reader->at;
		if (there == 0) {
			reader->more = true;
			return false;
		}
		part = part < there ? part : there;
		if (to != NULL) {
			memcpy(to, reader->bytes + reader->at, part);
			to += part;
		}
		reader->at += part;
		reader->record_left -= part;
		len -= part;
	}
	return true;
}

// A big-endian number of `width` bytes.
static bool take_number(struct reader *reader, size_t *left, unsigned int width, size_t *value) {
	unsigned char bytes[3] = {0};
	if (!take(reader, left, bytes, width)) {
		return false;
	}
	*value = 0;
	for (unsigned int i = 0; i < width; i++) {
		*value = *value << 8 | bytes[i];
	}
	return true;
}

// The length of a vector that lies in *left, taken out of it.
static bool take_vector(struct reader *reader, size_t *left, unsigned int width, size_t *size) {
	if (!take_number(reader, left, width, size)) {
		return false;
	}
	if (*size > *left) {
		reader->bad = true;
		return false;
	}
	*left -= *size;
	return true;
}

static bool skip_vector(
	struct reader *reader, size_t *left, unsigned int width, size_t least, size_t most) {
	size_t size;
	if (!take_vector(reader, left, width, &size)) {
		return false;
	}
	if (size < least || size > most) {
		reader->bad = true;
		return false;
	}
	return take(reader, &size, NULL, size);
}

// RFC 6066 section 3: a list; of the one type there is, at most one.
static bool take_server_name(struct reader *reader, size_t size, struct client_hello *hello) {
	size_t list, type, len;
	if (!take_vector(reader, &size, 2, &list) || !take_number(reader, &list, 1, &type) ||
		!take_vector(reader, &list, 2, &len)) {
		return false;
	}
	if (size != 0 || list != 0 || type != NAME_TYPE_HOST || len == 0 ||
		len >= sizeof(hello->untrusted_name)) {
		reader->bad = true;
		return false;
	}
	size_t rest = len;
	if (!take(reader, &rest, hello->untrusted_name, len)) {
		return false;
	}
	hello->untrusted_name[len] = '\0';
	hello->has_name = true;
	reader->bad = memchr(hello->untrusted_name, '\0', len) != NULL;
	return !reader->bad;
}

static bool take_extensions(struct reader *reader, size_t left, struct client_hello *hello) {
	uint16_t seen[MAX_EXTENSIONS];
	size_t seen_len = 0;
	while (left > 0) {
		size_t type, size;
		if (!take_number(reader, &left, 2, &type) ||
			!take_vector(reader, &left, 2, &size)) {
			return false;
		}
		for (size_t i = 0; i < seen_len; i++) {
			reader->bad = reader->bad || seen[i] == type;
		}
		if (reader->bad || seen_len == MAX_EXTENSIONS) {
			reader->bad = true;
			return false;
		}
		seen[seen_len++] = (uint16_t)type;
		hello->encrypted = hello->encrypted || type == EXTENSION_ENCRYPTED_CLIENT_HELLO;
		if (type == EXTENSION_SERVER_NAME ? !take_server_name(reader, size, hello)
						  : !take(reader, &size, NULL, size)) {
			return false;
		}
	}
	return true;
}

static bool take_hello(struct reader *reader, struct client_hello *hello) {
	size_t head = 4, left, type, extensions;
	if (!take_number(reader, &head, 1, &type)) {
		return false;
	}
	if (type != HANDSHAKE_CLIENT_HELLO) {
		reader->bad = true;
		return false;
	}
	if (!take_number(reader, &head, 3, &left)) {
		return false;
	}
	if (left > CLIENT_HELLO_MAX) {
		reader->bad = true;
		return false;
	}
	unsigned char version[2];
	if (!take(reader, &left, version, 2) || !take(reader, &left, NULL, 32) ||
		!skip_vector(reader, &left, 1, 0, 32) || // legacy_session_id
		!skip_vector(reader, &left, 2, 2, 65534) || // cipher_suites
		!skip_vector(reader, &left, 1, 1, 255)) { // legacy_compression_methods
		return false;
	}
	if (version[0] != 3) {
		reader->bad = true;
		return false;
	}
	if (left == 0) {
		return true; // no extensions, as TLS 1.0 knew it
	}
	if (!take_vector(reader, &left, 2, &extensions)) {
		return false;
	}
	if (left != 0) {
		reader->bad = true;
		return false;
	}
	return take_extensions(reader, extensions, hello);
}

enum client_hello_result client_hello_read(
	const unsigned char *untrusted_bytes, size_t len, struct client_hello *hello) {
	*hello = (struct client_hello){0};
	struct reader reader = {.bytes = untrusted_bytes, .len = len};
	bool whole = take_hello(&reader, hello);
	// A record may not hold the end of this message and the beginning of another one.
	if (reader.bad || (whole && reader.record_left != 0)) {
		return CLIENT_HELLO_BAD;
	}
	if (!whole) {
		return len < CLIENT_HELLO_MAX ? CLIENT_HELLO_MORE : CLIENT_HELLO_BAD;
	}
	hello->len = reader.at;
	return CLIENT_HELLO_DONE;
}

enum tls_begins tls_begins(const unsigned char *untrusted_bytes, size_t len) {
	const unsigned char *b = untrusted_bytes;
	// Go takes any version below 16.0 in a first record, and alerts before it.
	if (b[0] >= TYPE_CHANGE_CIPHER && b[0] <= TYPE_HEARTBEAT) {
		return len < 2 ? TLS_BEGINS_MORE : b[1] < 16 ? TLS_BEGINS : TLS_BEGINS_OTHER;
	}
	// The ClientHello of SSL 2.0 asks for newer versions, too, and names nobody (RFC 5246
	// appendix E.2).
	if ((b[0] & 0x80) == 0 || (len > 2 && b[2] != HANDSHAKE_CLIENT_HELLO) ||
		(len > 1 && ((b[0] & 0x7f) << 8 | b[1]) < SSL2_HELLO_LEAST)) {
		return TLS_BEGINS_OTHER;
	}
	return len < 4 ? TLS_BEGINS_MORE : b[3] == 0 || b[3] == 3 ? TLS_BEGINS : TLS_BEGINS_OTHER;
}

enum tls_record tls_record_look(const unsigned char *untrusted_bytes, size_t len, size_t *size) {
	if (len < RECORD_HEADER + 1) {
		return TLS_RECORD_MORE;
	}
	size_t payload = (size_t)untrusted_bytes[3] << 8 | untrusted_bytes[4];
	if (untrusted_bytes[0] < TYPE_CHANGE_CIPHER || untrusted_bytes[0] > TYPE_APPLICATION ||
		untrusted_bytes[1] != 3 || payload == 0 || payload > RECORD_MAX + 256) {
		return TLS_RECORD_BAD;
	}
	*size = RECORD_HEADER + payload;
	return untrusted_bytes[0] == TYPE_HANDSHAKE &&
			       untrusted_bytes[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO
		       ? TLS_RECORD_HELLO
		       : TLS_RECORD_OTHER;
}

enum server_hello server_hello_look(const unsigned char *untrusted_bytes, size_t len) {
	// Record header, handshake type and length, version, random.
	static const size_t at_type = RECORD_HEADER, at_random = RECORD_HEADER + 4 + 2;
	if ((len > 0 && untrusted_bytes[0] != TYPE_HANDSHAKE) ||
		(len > at_type && untrusted_bytes[at_type] != HANDSHAKE_SERVER_HELLO)) {
		return SERVER_HELLO_FINAL;
	}
	size_t random = len > at_random ? len - at_random : 0;
	random = random < sizeof(retry_random) ? random : sizeof(retry_random);
	if (memcmp(untrusted_bytes + (random > 0 ? at_random : 0),
		    random > 0 ? retry_random : untrusted_bytes, random) != 0) {
		return SERVER_HELLO_FINAL;
	}
	return random == sizeof(retry_random) ? SERVER_HELLO_RETRY : SERVER_HELLO_MORE;
}
