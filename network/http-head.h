#ifndef PARCLOSE_NETWORK_HTTP_HEAD_H
#define PARCLOSE_NETWORK_HTTP_HEAD_H

/*
 * Requests in plain HTTP/1 (RFC 9112), as far as it must be known to whom each one goes: where a
 * request ends, and which host it names. Pure. What two programs could read differently (bare LF,
 * folded lines, two lengths, two hosts, …) is bad, not interpreted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX (48u * 1024) // bytes of a head

enum http_begins {
	HTTP_BEGINS_MORE, // not to be told yet
	HTTP_BEGINS_REQUEST, // is one, or will be taken for one by somebody
	HTTP_BEGINS_OTHER, // another protocol
};

// What does a stream from a client begin with? `len` > 0. Servers skip empty lines before a request
// (RFC 9112 section 2.2): the caller has taken CR and LF off the front.
enum http_begins http_begins(const unsigned char *untrusted_bytes, size_t len);

enum http_result {
	HTTP_MORE,
	HTTP_DONE,
	HTTP_BAD,
};

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
};

struct http_request {
	size_t len; // bytes of the head with its empty line
	enum http_body body;
	uint64_t body_len; // of BODY_LENGTH
	bool connect; // CONNECT: `untrusted_target` is where to
	bool upgrade; // has Upgrade: the stream may become another protocol
	bool upgrade_http2; // to "h2c", in which requests would name hosts again
	// Where it goes to, "host" or "host:port" as written. The target's is empty where that is a
	// path or "*"; the Host field's is always there.
	char untrusted_target[300], untrusted_host[300];
};

// Reads the head at the beginning of `len` bytes. *scanned: 0 at first, then kept by the caller
// from one call to the next with more bytes of the same head.
enum http_result http_request_read(const unsigned char *untrusted_bytes, size_t len,
	size_t *scanned, struct http_request *request);

/*
 * Splits "host", "host:port" and "[address]:port"; *port: 0 where there is none. `host` gets the
 * part before the port, brackets included, for network_name_canonical() to refuse. False: no such
 * text.
 */
bool http_authority_split(const char *untrusted_text, char host[static 300], uint16_t *port);

// Where a chunked body is (RFC 9112 section 7.1); begin with zeros.
struct http_chunks {
	uint32_t state;
	uint32_t line_len; // bytes of the line so far
	uint64_t left; // bytes of the chunk
};

// Goes over `len` bytes of a chunked body; *taken: how many of them belong to it. DONE: it ended
// there.
enum http_result http_chunks_read(struct http_chunks *chunks, const unsigned char *untrusted_bytes,
	size_t len, size_t *taken);

// The status of the final or 101 answer at the beginning of the server's bytes, interim ones before
// it left out.
enum http_result http_status_read(
	const unsigned char *untrusted_bytes, size_t len, unsigned int *status);

#endif
