#ifndef PARCLOSE_NETWORK_CLIENT_HELLO_H
#define PARCLOSE_NETWORK_CLIENT_HELLO_H

/*
 * The server name of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), read from the
 * first bytes of a stream, however they are cut into records and segments. Pure, no allocation.
 * The reader is strict: what two implementations could read differently is bad.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_HELLO_MAX (48u * 1024) // bytes of stream until its end; post-quantum ones have 2 KiB

enum client_hello_result {
	CLIENT_HELLO_MORE, // as far as it goes it is one; its end is not there yet
	CLIENT_HELLO_DONE,
	CLIENT_HELLO_BAD, // no ClientHello, or none that everybody reads alike
};

struct client_hello {
	size_t len; // bytes of stream that it takes, whole records
	bool has_name;
	bool encrypted; // has encrypted_client_hello (RFC 9849): `untrusted_name` is the outer one
	char untrusted_name[256]; // as sent, without NUL in it
};

// Looks at the stream's first `len` bytes, from their beginning each time.
enum client_hello_result client_hello_read(
	const unsigned char *untrusted_bytes, size_t len, struct client_hello *hello);

enum tls_begins {
	TLS_BEGINS, // is TLS, or will be taken for it by somebody: client_hello_read()
	TLS_BEGINS_MORE, // not to be told yet
	TLS_BEGINS_OTHER, // another protocol
};
// What does a stream from a client begin with? `len` > 0.
enum tls_begins tls_begins(const unsigned char *untrusted_bytes, size_t len);

/*
 * What comes from the client behind its first ClientHello: until the server has chosen, a second
 * one may follow (RFC 8446 section 4.1.4), and it is looked at as well.
 */
enum tls_record {
	TLS_RECORD_MORE, // not enough bytes to tell
	TLS_RECORD_HELLO, // a ClientHello begins here: client_hello_read()
	TLS_RECORD_OTHER, // another record, of `size` bytes with its header
	TLS_RECORD_BAD,
};
enum tls_record tls_record_look(const unsigned char *untrusted_bytes, size_t len, size_t *size);

// The server's first bytes: does it ask for a second ClientHello?
enum server_hello {
	SERVER_HELLO_MORE,
	SERVER_HELLO_RETRY, // a HelloRetryRequest
	SERVER_HELLO_FINAL, // anything else
};
#define SERVER_HELLO_BYTES 43 // enough to tell
enum server_hello server_hello_look(const unsigned char *untrusted_bytes, size_t len);

#endif
