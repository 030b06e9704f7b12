#include "network/guard.h"

#include <stdlib.h>
#include <string.h>

#include "network/client-hello.h"

enum state {
	BEGIN = 0, // nothing is known
	TLS_FIRST, // a ClientHello has begun
	TLS_REST, // it has gone; another one may follow until the server has chosen
	TLS_RETRY, // the server has asked for another one
	HTTP_HEAD,
	HTTP_BODY_SIZED,
	HTTP_BODY_CHUNKS,
	HTTP_TUNNEL_ASKED, // until the server's status
	ANY, // whatever it is
};

void guard_init(struct guard *guard, const char *name, uint16_t port,
	bool (*denied)(void *data, const char *name), void *data) {
	*guard = (struct guard){
		.name = name, .port = port, .denied = denied, .data = data, .first = true};
}

static enum guard_word refuse(
	struct guard *guard, enum broker_reason reason, const char *untrusted_detail) {
	guard->reason = reason;
	size_t i = 0;
	for (; untrusted_detail[i] != '\0' && i < sizeof(guard->untrusted_detail) - 1; i++) {
		char c = untrusted_detail[i];
		guard->untrusted_detail[i] = c;
		if (c <= ' ' || c > '~') {
			guard->untrusted_detail[i] = '?';
		}
	}
	guard->untrusted_detail[i] = '\0';
	return GUARD_REFUSE;
}

static enum guard_word set_free(struct guard *guard) {
	guard->state = ANY;
	return GUARD_FREE;
}

// Is the name that was said the one this connection may be for?
static bool is_name(const struct guard *guard, const char *untrusted_name) {
	char name[NETWORK_NAME_SIZE];
	const char *why;
	bool good = network_name_canonical(untrusted_name, strlen(untrusted_name), name, &why);
	if (guard->name == NULL) {
		return !good || !guard->denied(guard->data, name);
	}
	return good && strcmp(name, guard->name) == 0;
}

// ---- TLS

static enum guard_word take_hello(
	struct guard *guard, const unsigned char *bytes, size_t len, bool eof, size_t *pass) {
	struct client_hello hello;
	switch (client_hello_read(bytes, len, &hello)) {
	case CLIENT_HELLO_MORE:
		return eof ? refuse(guard, BROKER_TLS_BAD, "") : GUARD_MORE;
	case CLIENT_HELLO_BAD:
		return refuse(guard, BROKER_TLS_BAD, "");
	case CLIENT_HELLO_DONE:
		break;
	}
	if (!hello.has_name && guard->name != NULL) {
		return refuse(guard, BROKER_TLS_NO_NAME, "");
	}
	if (hello.has_name && !is_name(guard, hello.untrusted_name)) {
		return refuse(guard,
			hello.encrypted ? BROKER_TLS_ENCRYPTED_NAME : BROKER_TLS_OTHER_NAME,
			hello.untrusted_name);
	}
	*pass += hello.len;
	return GUARD_MORE;
}

// Records behind the first ClientHello. There is no end of these that the client alone could tell:
// early data may come between the two (RFC 8446 section 4.2.10).
static enum guard_word take_records(
	struct guard *guard, const unsigned char *bytes, size_t len, bool eof, size_t *pass) {
	while (*pass < len) {
		size_t size = 0, before = *pass;
		enum guard_word word = GUARD_MORE;
		switch (tls_record_look(bytes + *pass, len - *pass, &size)) {
		case TLS_RECORD_MORE:
			return eof ? set_free(guard) : GUARD_MORE;
		case TLS_RECORD_BAD:
			return refuse(guard, BROKER_TLS_BAD, "");
		case TLS_RECORD_HELLO:
			word = take_hello(guard, bytes + *pass, len - *pass, eof, pass);
			break;
		case TLS_RECORD_OTHER:
			if (size > len - *pass) {
				return eof ? set_free(guard) : GUARD_MORE;
			}
			*pass += size;
			continue;
		}
		if (word == GUARD_MORE && *pass > before && guard->state == TLS_RETRY) {
			return set_free(guard); // a third one there is not
		}
		if (word != GUARD_MORE || *pass == before) {
			return word;
		}
	}
	return GUARD_MORE;
}

// ---- plain HTTP

static enum guard_word other_host(struct guard *guard, const char *untrusted_host) {
	return refuse(guard, BROKER_HTTP_OTHER_HOST, untrusted_host);
}

static bool is_authority(const struct guard *guard, const char *untrusted_authority) {
	char host[300];
	uint16_t port;
	return http_authority_split(untrusted_authority, host, &port) && is_name(guard, host) &&
	       (port == 0 || port == guard->port || guard->name == NULL);
}

// The text that went before it was known what it is, and what follows; NULL: out of memory.
static unsigned char *join(const struct guard *guard, const unsigned char *bytes, size_t len) {
	unsigned char *whole = malloc(guard->begun_len + len);
	if (whole != NULL) {
		memcpy(whole, guard->begun, guard->begun_len);
		memcpy(whole + guard->begun_len, bytes, len);
	}
	return whole;
}

// As http_request_read(), of a head whose beginning has gone; request->len is what is left of it.
static enum http_result read_head(struct guard *guard, const unsigned char *bytes, size_t len) {
	if (guard->begun_len == 0) {
		return http_request_read(bytes, len, &guard->scanned, &guard->request);
	}
	unsigned char *whole = join(guard, bytes, len);
	if (whole == NULL) {
		return HTTP_BAD;
	}
	enum http_result result =
		http_request_read(whole, guard->begun_len + len, &guard->scanned, &guard->request);
	free(whole);
	if (result == HTTP_DONE) {
		guard->request.len -= guard->begun_len;
		guard->begun_len = 0;
	}
	return result;
}

static enum guard_word take_head(
	struct guard *guard, const unsigned char *bytes, size_t len, size_t *pass) {
	struct http_request *request = &guard->request;
	switch (read_head(guard, bytes, len)) {
	case HTTP_MORE:
		return GUARD_MORE;
	case HTTP_BAD:
		return refuse(guard, BROKER_HTTP_BAD, "");
	case HTTP_DONE:
		break;
	}
	if (request->untrusted_target[0] != '\0' &&
		!is_authority(guard, request->untrusted_target)) {
		return other_host(guard, request->untrusted_target);
	}
	if (!is_authority(guard, request->untrusted_host)) {
		return other_host(guard, request->untrusted_host);
	}
	// Which of several answers is the tunnel's cannot be told without reading them all.
	bool tunnel = request->upgrade || request->connect;
	if (tunnel && !guard->first) {
		guard->fresh_asked = true;
		return GUARD_FRESH;
	}
	guard->first = false;
	*pass += request->len;
	guard->body_left = request->body_len;
	guard->body_done = request->body == HTTP_BODY_NONE;
	guard->chunks = (struct http_chunks){0};
	guard->state = tunnel                               ? HTTP_TUNNEL_ASKED
		       : request->body == HTTP_BODY_LENGTH  ? HTTP_BODY_SIZED
		       : request->body == HTTP_BODY_CHUNKED ? HTTP_BODY_CHUNKS
							    : HTTP_HEAD;
	return GUARD_MORE;
}

// The bytes of a request's body. *done: it ended.
static enum guard_word take_body(
	struct guard *guard, const unsigned char *bytes, size_t len, size_t *pass, bool *done) {
	if (guard->request.body == HTTP_BODY_LENGTH) {
		uint64_t part = len - *pass < guard->body_left ? len - *pass : guard->body_left;
		guard->body_left -= part;
		*pass += (size_t)part;
		*done = guard->body_left == 0;
		return GUARD_MORE;
	}
	size_t taken;
	enum http_result result =
		http_chunks_read(&guard->chunks, bytes + *pass, len - *pass, &taken);
	*pass += taken;
	*done = result == HTTP_DONE;
	return result == HTTP_BAD ? refuse(guard, BROKER_HTTP_BAD, "") : GUARD_MORE;
}

static enum guard_word take_requests(
	struct guard *guard, const unsigned char *bytes, size_t len, size_t *pass) {
	while (*pass < len) {
		size_t before = *pass;
		bool done = false;
		enum guard_word word = GUARD_MORE;
		switch ((enum state)guard->state) {
		case HTTP_HEAD:
			word = take_head(guard, bytes + *pass, len - *pass, pass);
			break;
		case HTTP_BODY_SIZED:
		case HTTP_BODY_CHUNKS:
			word = take_body(guard, bytes, len, pass, &done);
			if (done) {
				guard->state = HTTP_HEAD;
			}
			break;
		case HTTP_TUNNEL_ASKED: // its body goes; what is behind it waits
			if (!guard->body_done) {
				word = take_body(guard, bytes, len, pass, &guard->body_done);
			}
			break;
		default:
			return GUARD_MORE;
		}
		if (word != GUARD_MORE || *pass == before) {
			return word;
		}
	}
	return GUARD_MORE;
}

// ---- both

// What the stream begins with, of all that came so far.
static enum http_begins text_begins(
	const struct guard *guard, const unsigned char *bytes, size_t len) {
	unsigned char *whole = guard->begun_len > 0 ? join(guard, bytes, len) : NULL;
	if (guard->begun_len > 0 && whole == NULL) {
		return HTTP_BEGINS_REQUEST; // which will be refused
	}
	enum http_begins begins =
		http_begins(whole != NULL ? whole : bytes, guard->begun_len + len);
	free(whole);
	return begins;
}

static enum guard_word take_beginning(
	struct guard *guard, const unsigned char *bytes, size_t len, bool eof, size_t *pass) {
	while (guard->begun_len == 0 && *pass < len &&
		(bytes[*pass] == '\r' || bytes[*pass] == '\n')) {
		++*pass; // servers skip empty lines before a request
	}
	if (*pass == len) {
		return eof ? set_free(guard) : GUARD_MORE;
	}
	switch (guard->begun_len == 0 ? tls_begins(bytes + *pass, len - *pass) : TLS_BEGINS_OTHER) {
	case TLS_BEGINS:
		guard->state = TLS_FIRST;
		return GUARD_MORE;
	case TLS_BEGINS_MORE:
		return eof ? set_free(guard) : GUARD_MORE;
	case TLS_BEGINS_OTHER:
		break;
	}
	size_t text = len - *pass;
	switch (text_begins(guard, bytes + *pass, text)) {
	case HTTP_BEGINS_MORE:
		if (eof) {
			return set_free(guard);
		}
		text = text < GUARD_BEGUN_MAX - guard->begun_len
			       ? text
			       : GUARD_BEGUN_MAX - guard->begun_len;
		memcpy(guard->begun + guard->begun_len, bytes + *pass, text);
		guard->begun_len += text;
		*pass += text;
		return GUARD_MORE;
	case HTTP_BEGINS_REQUEST:
		guard->state = HTTP_HEAD;
		return GUARD_MORE;
	case HTTP_BEGINS_OTHER:
		break;
	}
	return set_free(guard);
}

static enum guard_word take(struct guard *guard, const unsigned char *untrusted_bytes, size_t len,
	bool eof, size_t *pass) {
	enum guard_word word = GUARD_MORE;
	if (guard->state == BEGIN) {
		word = take_beginning(guard, untrusted_bytes, len, eof, pass);
	}
	if (guard->state == TLS_FIRST) {
		size_t before = *pass;
		word = take_hello(guard, untrusted_bytes + before, len - before, eof, pass);
		if (word == GUARD_MORE && *pass > before) {
			guard->state = TLS_REST;
		}
	}
	switch ((enum state)guard->state) {
	case ANY:
		return GUARD_FREE;
	case TLS_REST:
	case TLS_RETRY:
		return word == GUARD_MORE ? take_records(guard, untrusted_bytes, len, eof, pass)
					  : word;
	case HTTP_HEAD:
	case HTTP_BODY_SIZED:
	case HTTP_BODY_CHUNKS:
	case HTTP_TUNNEL_ASKED:
		return take_requests(guard, untrusted_bytes, len, pass);
	case BEGIN:
	case TLS_FIRST:
		break;
	}
	return word;
}

void guard_renew(struct guard *guard) {
	guard->fresh_asked = false;
	guard->first = true;
}

enum guard_word guard_client(struct guard *guard, const unsigned char *untrusted_bytes, size_t len,
	bool eof, size_t *pass) {
	if (guard->fresh_asked) {
		return GUARD_MORE;
	}
	enum guard_word word = take(guard, untrusted_bytes, len, eof, pass);
	guard->waiting = word == GUARD_MORE && *pass < len;
	guard->undecided = word == GUARD_MORE && guard->state == BEGIN;
	return word;
}

static enum guard_word take_status(
	struct guard *guard, const unsigned char *bytes, size_t len, bool eof) {
	unsigned int status = 0;
	enum http_result result = http_status_read(bytes, len, &status);
	if (result == HTTP_MORE) {
		return eof ? GUARD_FREE : GUARD_MORE;
	}
	const struct http_request *request = &guard->request;
	bool tunnel = result == HTTP_DONE &&
		      (request->connect ? status < 300 && status != 101 : status == 101);
	if (result == HTTP_BAD || (tunnel && request->upgrade_http2)) {
		return refuse(guard, BROKER_HTTP_BAD, "what was answered to a tunnel");
	}
	if (tunnel) {
		return set_free(guard);
	}
	guard->state = guard->body_done                    ? HTTP_HEAD
		       : request->body == HTTP_BODY_LENGTH ? HTTP_BODY_SIZED
							   : HTTP_BODY_CHUNKS;
	return GUARD_FREE;
}

enum guard_word guard_server(struct guard *guard, const unsigned char *untrusted_bytes, size_t len,
	bool eof, size_t *pass) {
	switch ((enum state)guard->state) {
	case ANY:
	case HTTP_HEAD:
	case HTTP_BODY_SIZED:
	case HTTP_BODY_CHUNKS:
		// A first head that asks for a tunnel makes the server's answer of interest.
		if (guard->state != HTTP_HEAD || !guard->first) {
			return GUARD_FREE;
		}
		break;
	case TLS_REST:
		switch (server_hello_look(untrusted_bytes, len)) {
		case SERVER_HELLO_MORE:
			return eof ? GUARD_FREE : GUARD_MORE;
		case SERVER_HELLO_RETRY:
			guard->state = TLS_RETRY;
			return GUARD_FREE;
		case SERVER_HELLO_FINAL:
			guard->state = ANY;
			return GUARD_FREE;
		}
		break;
	case HTTP_TUNNEL_ASKED:
		return take_status(guard, untrusted_bytes, len, eof);
	case BEGIN:
	case TLS_FIRST:
	case TLS_RETRY:
		break;
	}
	*pass = len; // servers that speak first
	return GUARD_MORE;
}
