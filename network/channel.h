#ifndef PARCLOSE_NETWORK_CHANNEL_H
#define PARCLOSE_NETWORK_CHANNEL_H

/*
 * What supervisor and network broker say to each other: fixed-size messages on one SOCK_SEQPACKET
 * pair. The broker parses hostile bytes and the supervisor believes it nothing: a message of
 * another size, an unknown type or a value out of range ends the broker.
 *
 * Order: SETUP; the broker loads the policy, reads the host's resolver configuration, confines
 * itself for good and says READY (or FATAL, and exits). LISTEN may follow SETUP at once: sockets
 * are served from when they arrive, and the kernel keeps what connects before. STOP, or the end of
 * the channel, ends every connection; the broker says CLOSED for each, then exits with 0.
 *
 * An unsealed or badly formed policy, a LISTEN without its descriptor or with a socket of the wrong
 * kind, and an unknown type are errors of the supervisor's own: FATAL.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define BROKER_VERSION 1
#define BROKER_FD 3 // the broker finds its end here
#define BROKER_NAME_BYTES 256 // a canonical host name and its NUL
#define BROKER_RULE_BYTES 64 // a JSON pointer and its NUL
#define BROKER_MAX_LISTENERS 256

enum broker_type {
	// supervisor -> broker
	BROKER_SETUP = 1, // `setup`, carries a sealed memfd with the policy's text; first, once
	BROKER_LISTEN, // `listen`, carries a listening (TCP) or bound (UDP) socket
	BROKER_UPDATE, // `update`, carries a sealed memfd with the policy that holds from now on
	BROKER_INSIDE_SOCKET, // `inside_socket`, carries a socket; once for every NEED_SOCKET
	BROKER_STOP, // no payload
	// broker -> supervisor
	BROKER_READY = 64, // confined; no payload
	BROKER_FATAL, // `fatal`: cannot go on; the broker exits after it
	BROKER_NEED_SOCKET, // `need_socket`: a TCP socket of the session's network, for a published
			    // port
	BROKER_UPDATED, // `updated`: once for every UPDATE
	BROKER_DECISION, // `decision`
};

enum broker_setup_flag {
	BROKER_LEARN = 1u << 0, // what the policy denies is allowed, and its decision says so
};

enum broker_listen_kind {
	BROKER_LISTEN_DNS_UDP = 1, // at NETWORK_DNS_ADDRESS (policy/network.h), port 53
	BROKER_LISTEN_DNS_TCP,
	BROKER_LISTEN_TCP, // at [::]:port, with IPv4 or without: who connects had an address of
			   // the pool or of an allowed range, which getsockname() tells
	BROKER_LISTEN_TCP_REDIRECTED, // the same where nftables sends connections to any port; the
				      // accepted socket's own address tells the port, too
	BROKER_LISTEN_UDP, // at [::]:port or 0.0.0.0:port, for the policy's ranges
	BROKER_LISTEN_PUBLISH, // on the host's loopback; goes to `inside_port` inside
	BROKER_LISTEN_PROXY, // inside, on its loopback, at the port of the policy's networkProxy;
			     // goes to the same port of the host's loopback
	BROKER_LISTEN_KIND_COUNT
};

enum broker_decision_kind {
	BROKER_LOOKUP = 1, // DNS inside asked for `name`; protocol 0, port: the query's type
	BROKER_CONNECT, // a TCP connection from inside; `id` is its mark where it stands
	BROKER_REQUEST, // what connection `id` said about whom it is for was refused
	BROKER_FLOW, // datagrams from one port inside to one address; `id` is its mark
	BROKER_PUBLISHED, // a connection from the host to a published port; `id` is its mark
	BROKER_CLOSED, // what had the mark `id` has ended; bytes and duration are set
	BROKER_DECISION_KIND_COUNT
};

/*
 * Why. broker_reason_words() has a sentence for each. ALLOWED and DENIED are the policy's own word,
 * with `rule`; with the others `rule` is the one that had allowed, or empty.
 */
enum broker_reason {
	BROKER_BY_RULE = 0, // `rule` allowed or denied it
	BROKER_BAD_NAME, // what was asked for is not a host name
	BROKER_BAD_TYPE, // a query for something else than addresses; answered with no data
	BROKER_BAD_QUERY, // not a well-formed query, or something else than a query
	BROKER_POOL_FULL, // too many names at once have connections
	BROKER_STALE_ADDRESS, // an address of the pool that stands for no name (any more)
	BROKER_OWN_LOOPBACK, // 127.0.0.0/8 or ::1 inside: never served from outside
	BROKER_NO_ADDRESS, // the host's resolver knows no address for the name
	BROKER_PRIVATE_ADDRESS, // all its addresses are ones that no rule names; `address` is one
	BROKER_UNREACHABLE, // dialling failed: refused, no route, no answer in time
	BROKER_TLS_NO_NAME, // a ClientHello without a server name
	BROKER_TLS_OTHER_NAME, // a ClientHello for another name, in `detail`
	BROKER_TLS_ENCRYPTED_NAME, // Encrypted ClientHello, towards the outer name in `detail`
	BROKER_TLS_BAD, // begins like a ClientHello, and is none that can be read
	BROKER_HTTP_OTHER_HOST, // a request for another host, in `detail`
	BROKER_HTTP_BAD, // not a request that everybody reads alike
	BROKER_TOO_MANY, // a limit of connections, flows or lookups
	BROKER_TOO_SLOW, // a deadline of the broker's: handshake, request head, idle
	BROKER_DONE, // CLOSED: both sides ended it
	BROKER_RESET, // CLOSED: one side broke it off
	BROKER_POLICY_CHANGED, // CLOSED: the new policy forbids it, by `rule`
	BROKER_STOPPED, // CLOSED: the session ended
	BROKER_FAILED, // the machine lacks memory, descriptors or ports
	BROKER_REASON_COUNT
};

enum broker_decision_flag {
	BROKER_LEARNED = 1u << 0, // allowed only because of BROKER_LEARN; `rule` is what denied it
};

enum broker_update_status {
	BROKER_UPDATE_OK = 0,
	BROKER_UPDATE_REFUSED, // not a policy; the old one still holds
	BROKER_UPDATE_STATUS_COUNT
};

struct broker_decision {
	uint64_t id; // counts from 1, never used twice; 0: nothing stands that ends later
	uint64_t bytes_out, bytes_in; // of CLOSED: payload that left, that came in
	uint64_t duration_ms; // of CLOSED: since it stood; else: how long deciding took
	uint32_t kind; // enum broker_decision_kind
	uint32_t allowed; // 0 or 1: by the policy. Allowed without `id`: it came to nothing
	uint32_t protocol; // IPPROTO_TCP or IPPROTO_UDP, 0: none
	uint32_t port; // 0..65535; of PUBLISHED: the port inside
	uint32_t reason; // enum broker_reason
	uint32_t flags; // enum broker_decision_flag
	uint32_t family; // AF_INET, AF_INET6, 0: there is no address
	unsigned char address[16]; // dialled or refused outside; AF_INET uses the first 4 bytes
	char untrusted_name[BROKER_NAME_BYTES]; // canonical, NUL-padded; empty: by address
	char untrusted_detail[BROKER_NAME_BYTES]; // printable ASCII, NUL-padded; what it said
	char untrusted_rule[BROKER_RULE_BYTES]; // JSON pointer, NUL-padded; may be empty
	uint32_t reserved; // 0
};

struct broker_message {
	uint32_t type; // enum broker_type
	uint32_t reserved; // 0
	union {
		struct {
			uint32_t version;
			uint32_t flags; // enum broker_setup_flag
		} setup;
		struct {
			uint32_t kind; // enum broker_listen_kind
			uint32_t port; // 1..65535; of PUBLISH: the host's
			uint32_t inside_port; // of PUBLISH, 1..65535; else 0
		} listen;
		struct {
			uint32_t serial; // the supervisor's mark, greater than every one before
		} update;
		struct {
			uint32_t token;
			uint32_t status; // 0, or an errno and there is no descriptor
		} inside_socket;
		struct {
			char text[256]; // NUL-terminated, printable ASCII
		} fatal;
		struct {
			uint32_t token; // never 0; at most BROKER_MAX_NEEDS are unanswered
			uint32_t family; // AF_INET or AF_INET6
		} need_socket;
		struct {
			uint32_t serial;
			uint32_t status; // enum broker_update_status
			uint32_t cut; // connections and flows that ended by it, each said CLOSED
		} updated;
		struct broker_decision decision;
	};
};

#define BROKER_MAX_NEEDS 64

static_assert(sizeof(struct broker_message) == 8 + 656, "the channel's messages have one size");
static_assert(offsetof(struct broker_message, decision) == 8, "no padding before the payload");

// What a reason says, for a person: "the TLS handshake names another host". Static storage; a
// number that is no reason gives NULL.
const char *broker_reason_words(uint32_t reason);

// The same as one word of the audit line: "tls-other-name".
const char *broker_reason_word(uint32_t reason);

#endif
