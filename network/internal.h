#ifndef PARCLOSE_NETWORK_INTERNAL_H
#define PARCLOSE_NETWORK_INTERNAL_H

// What the files of the broker share. All in one thread and one event loop.

#include "network/broker.h"
#include "network/dial.h"
#include "network/guard.h"
#include "network/pipes.h"
#include "network/pool.h"
#include "network/relay.h"
#include "network/resolve.h"
#include "policy/network.h"
#include "policy/policy.h"

#define ACCEPTS_A_TURN 64
#define DATAGRAMS_A_TURN 64

struct listener {
	struct wl_list link; // struct broker.listeners
	struct broker *broker;
	enum broker_listen_kind kind;
	int fd; // owned
	int family;
	uint16_t port, inside_port;
	struct wl_event_source *source;
	bool stalled; // for want of descriptors
};

struct broker {
	struct wl_event_loop *loop;
	struct policy *policy; // owned
	bool learn, paused, has_v6;
	uint32_t patience_ms;
	struct broker_sink sink;
	void *data;
	struct pool *pool;
	struct resolver *resolver;
	struct pipes pipes;
	struct wl_list listeners; // struct listener.link
	size_t listeners_len;

	struct wl_list connections; // struct connection.link, oldest first
	struct wl_list silent; // struct connection.silent: nothing came from inside yet
	size_t connections_len, connections_max;
	uint32_t next_token; // of NEED_SOCKET
	size_t needs_len;

	struct wl_list dialogues; // struct dialogue.link: DNS by TCP
	size_t dialogues_len;

	struct wl_list flows; // struct flow.link, the one used longest ago first
	size_t flows_len;

	struct wl_event_source *sweep; // once a second while there is anything to time
	bool sweeping;
	uint64_t next_id;
};

// Something has a time limit: broker_sweep() runs each second from now on.
void broker_watch_time(struct broker *broker);

// ---- decisions (audit.c)

struct decision {
	enum broker_decision_kind kind;
	enum broker_reason reason;
	bool allowed, learned;
	uint64_t id;
	uint32_t protocol; // IPPROTO_
	uint16_t port;
	const char *name, *rule, *detail; // NULL: none
	const struct network_address *address; // NULL: none
	uint64_t bytes_out, bytes_in, duration_ms;
};
void audit(struct broker *broker, const struct decision *decision);

// ---- TCP (connection.c)

struct connection;

// Takes over the accepted socket.
void connection_accept(struct broker *broker, const struct listener *listener, int fd);
void connection_end(struct connection *connection, enum broker_reason reason);
// Decides again; true: it was cut.
bool connection_reconsider(struct connection *connection);
bool connection_inside_socket(struct broker *broker, uint32_t token, int error, int fd);
// Time limits. True: there are connections.
bool connections_sweep(struct broker *broker, uint64_t now_ms);
void connections_end(struct broker *broker, enum broker_reason reason);
uint32_t connections_reconsider(struct broker *broker);

// ---- DNS inside (name-service.c)

void name_service_datagrams(struct listener *listener);
void name_service_accept(struct broker *broker, int fd);
void name_service_pause(struct broker *broker); // as broker->paused says
void name_service_end(struct broker *broker);
bool name_service_sweep(struct broker *broker, uint64_t now_ms);

// ---- UDP (udp.c)

void udp_datagrams(struct listener *listener);
bool udp_prepare(struct listener *listener);
bool udp_sweep(struct broker *broker, uint64_t now_ms);
void udp_end(struct broker *broker, struct listener *listener, enum broker_reason reason);
uint32_t udp_reconsider(struct broker *broker);

// ---- who may go where (decide.c)

enum target_kind {
	TARGET_NAME, // look `name` up
	TARGET_ADDRESS, // dial `address`
	TARGET_LOOPBACK, // dial this machine's loopback
};

struct target {
	enum target_kind kind;
	struct pool_entry *entry; // of the pool; NULL: an address was dialled
	struct network_address address; // that was dialled inside
	uint16_t port;
	bool guarded; // the guard must look at it
	// The decision:
	bool allowed, learned;
	enum broker_reason reason;
	char rule[NETWORK_POINTER_SIZE];
};

// What a connection from inside to `address` is for, and whether it may be. Fills *target whole.
void decide_target(struct broker *broker, const struct network_address *address,
	enum network_protocol protocol, uint16_t port, struct target *target);

/*
 * Those of a name's addresses that may be dialled, at most DIAL_ADDRESSES. None: *target says why,
 * and *denied is one of them, if there were any.
 */
size_t decide_addresses(struct broker *broker, struct target *target,
	const struct resolve_answer *answer, struct network_address *out,
	struct network_address *denied);

// The same question again, for a connection that stands with `dialled`; NULL: it has not been
// dialled yet.
void decide_again(struct broker *broker, struct target *target, enum network_protocol protocol,
	const struct network_address *dialled);

// For struct guard, `data` is a struct guarded.
struct guarded {
	struct broker *broker;
	uint16_t port;
	char said[NETWORK_NAME_SIZE]; // the last name that a connection to an address said
};
bool decide_denied(void *data, const char *name);
// May that name still be said?
bool decide_said_again(const struct guarded *guarded);

#endif
