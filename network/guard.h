#ifndef PARCLOSE_NETWORK_GUARD_H
#define PARCLOSE_NETWORK_GUARD_H

/*
 * What a connection may carry, as far as it says to whom it goes: the ClientHello's name in TLS and
 * the Host of every request in plain HTTP must be the name that was connected to. Any other
 * protocol goes as it is: name and port have decided. Pure; the bytes are the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network/channel.h"
#include "network/http-head.h"
#include "policy/network.h"

#define GUARD_BEGUN_MAX 256 // bytes; longer text without an end of line waits for it

enum guard_word {
	GUARD_MORE, // *pass bytes may go, the rest waits
	GUARD_FREE, // whatever comes from this side may go from now on
	GUARD_FRESH, // *pass bytes may go; the rest, which asks for a tunnel, waits for a
		     // connection that nothing was asked on yet, and guard_renew()
	GUARD_REFUSE, // `reason` and `untrusted_detail` say why
};

struct guard {
	const char *name; // canonical; NULL: connected to an address
	uint16_t port;
	/*
	 * For connections to an address: is this canonical name denied on this port? NULL: of a
	 * connection to a name.
	 */
	bool (*denied)(void *data, const char *name);
	void *data;

	enum broker_reason reason;
	char untrusted_detail[BROKER_NAME_BYTES]; // printable ASCII; what it named
	bool waiting; // for the end of something that has begun: a ClientHello, a head
	bool undecided; // what this is cannot be told yet

	// ---- private
	// Text that may yet become a request: it went, so that nobody who waits for its answer
	// waits for ever, and is read again with what follows.
	unsigned char begun[GUARD_BEGUN_MAX];
	size_t begun_len;
	uint32_t state;
	bool first; // no request has gone on this connection
	bool fresh_asked;
	size_t scanned;
	struct http_request request;
	uint64_t body_left;
	struct http_chunks chunks;
	bool body_done; // of a request that asks for a tunnel
};

// Of a connection to `name`, which must outlive it, or to an address.
void guard_init(struct guard *guard, const char *name, uint16_t port,
	bool (*denied)(void *data, const char *name), void *data);

// The first bytes from the client that have not gone yet; `eof`: no more come. *pass is 0 before.
enum guard_word guard_client(struct guard *guard, const unsigned char *untrusted_bytes, size_t len,
	bool eof, size_t *pass);

// There is a fresh connection to the same place. guard_client() is to be asked again.
void guard_renew(struct guard *guard);

/*
 * The same of the server's. What the server said may be what the client's bytes wait for: after it,
 * guard_client() is to be asked again.
 */
enum guard_word guard_server(struct guard *guard, const unsigned char *untrusted_bytes, size_t len,
	bool eof, size_t *pass);

#endif
