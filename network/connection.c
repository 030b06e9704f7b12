/*
 * One TCP connection: from inside to a name or an address, or from the host to a published port.
 * What is dialled is what was decided on: a struct target is filled once, and only its addresses
 * are handed to dial_start().
 */

#include "network/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/clock.h"
#include "sandbox/unpaced.h"

#define LOOKUP_MS 30000
#define IDLE_MS (124u * 60 * 1000) // RFC 5382, REQ-5
#define EVICT_IDLE_MS 30000

enum phase {
	PHASE_LOOKUP,
	PHASE_DIAL, // of a published port: until it is connected inside
	PHASE_OPEN,
};

struct connection {
	struct wl_list link; // struct broker.connections
	struct wl_list silent; // struct broker.silent, or of itself
	struct broker *broker;
	enum phase phase;
	bool published;
	struct target target;
	struct network_address dialled;
	struct resolve_wait wait;
	struct dial *dial; // NULL: none under way
	uint32_t token; // of NEED_SOCKET; 0: none is waited for
	int family; // that it was asked for
	struct wl_event_source *connecting; // of a published port, while `inside` connects
	int inside; // the same; -1
	struct relay relay;
	struct guard *guard; // NULL: nothing is to be looked at (any more); owned
	struct guarded guarded;
	uint64_t id; // 0: it does not stand yet
	uint64_t began_ms, deadline_ms; // 0: no deadline
};

static const char *name_of(const struct connection *connection) {
	return connection->target.entry != NULL ? connection->target.entry->name : NULL;
}

static void tell(struct connection *connection, enum broker_decision_kind kind, bool allowed,
	enum broker_reason reason, const char *detail) {
	const struct relay *relay = &connection->relay;
	const struct network_address *address =
		connection->dialled.family != 0 ? &connection->dialled
		: connection->target.entry == NULL && !connection->published
			? &connection->target.address
			: NULL;
	bool closed = kind == BROKER_CLOSED;
	const struct decision decision = {
		.kind = kind,
		.reason = reason,
		.allowed = allowed,
		.learned = connection->target.learned,
		.id = connection->id,
		.protocol = IPPROTO_TCP,
		.port = connection->target.port,
		.name = name_of(connection),
		.rule = connection->target.rule,
		.detail = detail,
		.address = address,
		.bytes_out = closed ? relay_bytes(relay, RELAY_INSIDE) : 0,
		.bytes_in = closed ? relay_bytes(relay, RELAY_OUTSIDE) : 0,
		.duration_ms = clock_ms() - connection->began_ms,
	};
	audit(connection->broker, &decision);
}

static void connection_free(struct connection *connection, bool reset) {
	struct broker *broker = connection->broker;
	if (connection->phase == PHASE_LOOKUP && connection->wait.done != NULL) {
		resolver_forget(&connection->wait);
	}
	dial_cancel(connection->dial);
	if (connection->connecting != NULL) {
		wl_event_source_remove(connection->connecting);
	}
	if (connection->inside >= 0) {
		close(connection->inside);
	}
	relay_finish(&connection->relay, reset);
	if (connection->target.entry != NULL) {
		pool_release(broker->pool, connection->target.entry, clock_ms());
	}
	wl_list_remove(&connection->link);
	wl_list_remove(&connection->silent);
	broker->connections_len--;
	free(connection->guard);
	free(connection);
}

void connection_end(struct connection *connection, enum broker_reason reason) {
	enum broker_decision_kind kind = connection->published ? BROKER_PUBLISHED : BROKER_CONNECT;
	if (connection->id != 0) {
		tell(connection, BROKER_CLOSED, true, reason, NULL);
	} else if (connection->target.allowed && reason != BROKER_POLICY_CHANGED) {
		tell(connection, kind, true, reason, NULL);
	} else {
		tell(connection, kind, false, reason, NULL);
	}
	connection_free(connection, reason != BROKER_DONE);
}

// ---- what goes through

static void not_silent(struct connection *connection) {
	wl_list_remove(&connection->silent);
	wl_list_init(&connection->silent);
}

// Learning lets pass what the guard refuses, too.
static enum relay_word refused(struct connection *connection) {
	struct guard *guard = connection->guard;
	if (!connection->broker->learn) {
		return RELAY_REFUSE;
	}
	bool before = connection->target.learned;
	connection->target.learned = true;
	tell(connection, BROKER_REQUEST, true, guard->reason, guard->untrusted_detail);
	connection->target.learned = before;
	free(guard);
	connection->guard = NULL;
	connection->deadline_ms = 0;
	return RELAY_FREE;
}

static enum relay_word handle_check(void *data, enum relay_side from,
	const unsigned char *untrusted_bytes, size_t len, bool eof, size_t *pass) {
	struct connection *connection = data;
	if (connection->guard == NULL) {
		if (from == RELAY_INSIDE && len > 0) {
			not_silent(connection);
		}
		return RELAY_FREE;
	}
	enum guard_word word =
		from == RELAY_INSIDE
			? guard_client(connection->guard, untrusted_bytes, len, eof, pass)
			: guard_server(connection->guard, untrusted_bytes, len, eof, pass);
	if (word == GUARD_REFUSE) {
		return refused(connection);
	}
	// Who has only begun to say for whom it is has said nothing yet.
	if (from == RELAY_INSIDE && !connection->guard->undecided &&
		(*pass > 0 || word == GUARD_FREE)) {
		not_silent(connection);
	}
	if (connection->guard->waiting && connection->deadline_ms == 0) {
		connection->deadline_ms = clock_ms() + connection->broker->patience_ms;
	} else if (!connection->guard->waiting && connection->phase == PHASE_OPEN) {
		connection->deadline_ms = 0;
	}
	// The guard goes with the client's side: then nothing depends on what the server says.
	if (word == GUARD_FREE && from == RELAY_INSIDE) {
		free(connection->guard);
		connection->guard = NULL;
	}
	return word == GUARD_FREE ? RELAY_FREE : word == GUARD_FRESH ? RELAY_FRESH : RELAY_CHECK;
}

static void handle_ended(void *data, enum relay_end how) {
	struct connection *connection = data;
	if (how == RELAY_REFUSED) {
		enum broker_reason reason = connection->guard->reason;
		if (connection->id != 0) {
			tell(connection, BROKER_REQUEST, false, reason,
				connection->guard->untrusted_detail);
		} else {
			tell(connection, BROKER_CONNECT, false, reason,
				connection->guard->untrusted_detail);
			connection_free(connection, true);
			return;
		}
		connection_end(connection, reason);
		return;
	}
	connection_end(connection, how == RELAY_DONE    ? BROKER_DONE
				   : how == RELAY_RESET ? BROKER_RESET
							: BROKER_FAILED);
}

static bool handle_fresh(void *data);

static const struct relay_handler relay_handler = {
	.check = handle_check, .fresh = handle_fresh, .ended = handle_ended};

static void set_options(int fd) {
	const int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// ---- the way out

static void handle_dialled(void *data, int fd, const struct network_address *address) {
	struct connection *connection = data;
	const int on = 1;
	connection->dial = NULL;
	connection->dialled = *address;
	if (fd < 0) {
		connection_end(connection,
			fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -EADDRNOTAVAIL
				? BROKER_FAILED
				: BROKER_UNREACHABLE);
		return;
	}
	set_options(fd);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	connection->phase = PHASE_OPEN;
	connection->deadline_ms = connection->guard != NULL && connection->guard->waiting
					  ? clock_ms() + connection->broker->patience_ms
					  : 0;
	if (connection->id == 0) {
		connection->id = ++connection->broker->next_id;
		tell(connection, BROKER_CONNECT, true, BROKER_BY_RULE, NULL);
	} else if (connection->guard != NULL) {
		guard_renew(connection->guard);
	}
	relay_attach(&connection->relay, RELAY_OUTSIDE, fd);
}

// False: the connection has ended.
static bool dial(
	struct connection *connection, const struct network_address *addresses, size_t len) {
	connection->phase = PHASE_DIAL;
	connection->deadline_ms = 0; // dial_start() has its own
	connection->dial = dial_start(connection->broker->loop, addresses, len,
		connection->target.port, handle_dialled, connection);
	if (connection->dial == NULL) {
		connection_end(connection, BROKER_FAILED);
		return false;
	}
	return true;
}

// A tunnel gets a connection of its own, to the same address.
static bool handle_fresh(void *data) {
	struct connection *connection = data;
	const struct network_address address = connection->dialled;
	return dial(connection, &address, 1);
}

static void handle_resolved(void *data, const struct resolve_answer *answer) {
	struct connection *connection = data;
	struct network_address addresses[DIAL_ADDRESSES];
	connection->wait.done = NULL;
	size_t len = decide_addresses(
		connection->broker, &connection->target, answer, addresses, &connection->dialled);
	if (len == 0) {
		connection_end(connection, connection->target.reason);
		return;
	}
	connection->dialled = (struct network_address){0};
	dial(connection, addresses, len);
}

static void look_up(struct connection *connection) {
	connection->phase = PHASE_LOOKUP;
	connection->deadline_ms = clock_ms() + LOOKUP_MS;
	connection->wait = (struct resolve_wait){.done = handle_resolved, .data = connection};
	wl_list_init(&connection->wait.link);
	const struct resolve_answer *answer =
		resolver_ask(connection->broker->resolver, name_of(connection), &connection->wait);
	if (answer != NULL) {
		handle_resolved(connection, answer);
	}
}

static void begin(struct connection *connection) {
	static const struct network_address loopback[2] = {
		{.family = AF_INET, .bytes = {127, 0, 0, 1}},
		{.family = AF_INET6, .bytes = {[15] = 1}},
	};
	switch (connection->target.kind) {
	case TARGET_NAME:
		look_up(connection);
		break;
	case TARGET_ADDRESS:
		dial(connection, &connection->target.address, 1);
		break;
	case TARGET_LOOPBACK:
		dial(connection, loopback, 2);
		break;
	}
}

// ---- limits

// Makes room for one more. The first to go is who has said nothing for longest, then who has been
// idle for long.
static bool make_room(struct broker *broker) {
	if (broker->connections_len < broker->connections_max) {
		return true;
	}
	struct connection *connection, *idlest = NULL;
	if (!wl_list_empty(&broker->silent)) {
		idlest = wl_container_of(broker->silent.next, idlest, silent);
		connection_end(idlest, BROKER_TOO_MANY);
		return true;
	}
	wl_list_for_each (connection, &broker->connections, link) {
		if (idlest == NULL || connection->relay.active_ms < idlest->relay.active_ms) {
			idlest = connection;
		}
	}
	if (idlest == NULL || clock_ms() - idlest->relay.active_ms < EVICT_IDLE_MS) {
		return false;
	}
	connection_end(idlest, BROKER_TOO_MANY);
	return true;
}

bool connections_sweep(struct broker *broker, uint64_t now_ms) {
	struct connection *connection, *next;
	wl_list_for_each_safe (connection, next, &broker->connections, link) {
		if ((connection->deadline_ms != 0 && now_ms >= connection->deadline_ms) ||
			now_ms - connection->relay.active_ms > IDLE_MS) {
			connection_end(connection, BROKER_TOO_SLOW);
		}
	}
	return !wl_list_empty(&broker->connections);
}

void connections_end(struct broker *broker, enum broker_reason reason) {
	struct connection *connection, *next;
	wl_list_for_each_safe (connection, next, &broker->connections, link) {
		connection_end(connection, reason);
	}
}

static bool is_published(
	const struct policy_network *network, struct target *target, uint16_t host_port) {
	for (size_t i = 0; i < network->publish_len; i++) {
		if (network->publish[i].port == target->port &&
			network->publish[i].host == host_port) {
			snprintf(target->rule, sizeof(target->rule), "/network/ingress/publish/%zu",
				i);
			return true;
		}
	}
	snprintf(target->rule, sizeof(target->rule), "/network/ingress/publish");
	return false;
}

bool connection_reconsider(struct connection *connection) {
	struct target *target = &connection->target;
	if (connection->published) {
		target->allowed = is_published(
			&connection->broker->policy->network, target, connection->guarded.port);
	} else {
		decide_again(connection->broker, target, NETWORK_TCP,
			connection->dialled.family != 0 ? &connection->dialled : NULL);
		target->allowed = target->allowed &&
				  (target->learned || decide_said_again(&connection->guarded));
	}
	if (target->allowed && connection->phase == PHASE_DIAL && !connection->published &&
		target->kind == TARGET_NAME) {
		// What is being dialled was chosen by the rules before.
		dial_cancel(connection->dial);
		connection->dial = NULL;
		look_up(connection);
		return false;
	}
	if (target->allowed) {
		return false;
	}
	connection_end(connection, BROKER_POLICY_CHANGED);
	return true;
}

uint32_t connections_reconsider(struct broker *broker) {
	uint32_t cut = 0;
	struct connection *connection, *next;
	wl_list_for_each_safe (connection, next, &broker->connections, link) {
		cut += connection_reconsider(connection);
	}
	return cut;
}

// ---- the way in

static struct connection *connection_create(struct broker *broker) {
	struct connection *connection = make_room(broker) ? calloc(1, sizeof(*connection)) : NULL;
	if (connection == NULL) {
		return NULL;
	}
	connection->broker = broker;
	connection->inside = -1;
	connection->began_ms = clock_ms();
	relay_init(&connection->relay, broker->loop, &broker->pipes, &relay_handler, connection);
	wl_list_insert(broker->connections.prev, &connection->link);
	wl_list_insert(broker->silent.prev, &connection->silent);
	broker->connections_len++;
	broker_watch_time(broker);
	return connection;
}

// Before there is a connection to tell it of.
static void turn_away(struct broker *broker, const struct listener *listener,
	const struct network_address *address, uint16_t port, int fd) {
	const struct decision decision = {
		.kind = listener->kind == BROKER_LISTEN_PUBLISH ? BROKER_PUBLISHED : BROKER_CONNECT,
		.reason = BROKER_TOO_MANY,
		.protocol = IPPROTO_TCP,
		.port = port,
		.address = address,
	};
	audit(broker, &decision);
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void ask_for_socket(struct connection *connection, int family) {
	struct broker *broker = connection->broker;
	struct broker_message message = {.type = BROKER_NEED_SOCKET};
	if (broker->needs_len == BROKER_MAX_NEEDS) {
		connection_end(connection, BROKER_TOO_MANY);
		return;
	}
	broker->needs_len++;
	broker->next_token = broker->next_token == UINT32_MAX ? 1 : broker->next_token + 1;
	connection->token = broker->next_token;
	connection->family = family;
	message.need_socket.token = connection->token;
	message.need_socket.family = (uint32_t)family;
	broker->sink.emit(broker->data, &message);
}

static void accept_published(struct broker *broker, const struct listener *listener, int fd) {
	struct connection *connection = connection_create(broker);
	if (connection == NULL) {
		turn_away(broker, listener, NULL, listener->inside_port, fd);
		return;
	}
	// Who is turned away first is who keeps silent inside; this one is not from there.
	not_silent(connection);
	connection->published = true;
	connection->target.port = listener->inside_port;
	connection->guarded.port = listener->port;
	connection->phase = PHASE_DIAL;
	connection->deadline_ms = connection->began_ms + DIAL_TIME_MS;
	set_options(fd);
	relay_put(&connection->relay, RELAY_OUTSIDE, fd);
	connection->target.allowed =
		is_published(&broker->policy->network, &connection->target, listener->port);
	if (!connection->target.allowed) {
		connection_end(connection, BROKER_BY_RULE);
		return;
	}
	ask_for_socket(connection, AF_INET);
}

static int handle_inside(int fd, uint32_t mask, void *data) {
	struct connection *connection = data;
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(connection->inside, SOL_SOCKET, SO_ERROR, &error, &len);
	wl_event_source_remove(connection->connecting);
	connection->connecting = NULL;
	if (error != 0 || (mask & WL_EVENT_WRITABLE) == 0) {
		close(connection->inside);
		connection->inside = -1;
		if (connection->family == AF_INET) {
			ask_for_socket(connection, AF_INET6); // it may listen to ::1 only
		} else {
			connection_end(connection, BROKER_UNREACHABLE);
		}
		return 0;
	}
	int inside = connection->inside;
	connection->inside = -1;
	connection->phase = PHASE_OPEN;
	connection->deadline_ms = 0;
	connection->id = ++connection->broker->next_id;
	tell(connection, BROKER_PUBLISHED, true, BROKER_BY_RULE, NULL);
	relay_attach(&connection->relay, RELAY_INSIDE, inside);
	return 0;
}

static void connect_inside(struct connection *connection) {
	const struct network_address address = {
		.family = connection->family,
		.bytes = {connection->family == AF_INET ? 127 : 0,
			[3] = connection->family == AF_INET, [15] = connection->family == AF_INET6},
	};
	struct sockaddr_storage to;
	size_t len = network_address_to_sockaddr(&address, connection->target.port, &to);
	if (connect(connection->inside, (struct sockaddr *)&to, (socklen_t)len) != 0 &&
		errno != EINPROGRESS) {
		connection_end(connection, BROKER_UNREACHABLE);
		return;
	}
	connection->connecting = wl_event_loop_add_fd(connection->broker->loop, connection->inside,
		WL_EVENT_WRITABLE, handle_inside, connection);
	if (connection->connecting == NULL) {
		connection_end(connection, BROKER_FAILED);
	}
}

bool connection_inside_socket(struct broker *broker, uint32_t token, int error, int fd) {
	if (token == 0 || broker->needs_len == 0) {
		if (fd >= 0) {
			close(fd);
		}
		return false;
	}
	broker->needs_len--;
	struct connection *connection, *found = NULL;
	wl_list_for_each (connection, &broker->connections, link) {
		found = connection->token == token ? connection : found;
	}
	if (found == NULL) { // it ended meanwhile
		if (fd >= 0) {
			close(fd);
		}
		return true;
	}
	found->token = 0;
	found->inside = fd;
	if (error != 0 || fd < 0) {
		connection_end(found, BROKER_FAILED);
		return true;
	}
	set_options(fd);
	unpaced(fd);
	connect_inside(found);
	return true;
}

void connection_accept(struct broker *broker, const struct listener *listener, int fd) {
	if (listener->kind == BROKER_LISTEN_PUBLISH) {
		accept_published(broker, listener, fd);
		return;
	}
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	struct network_address address;
	uint16_t port;
	if (getsockname(fd, (struct sockaddr *)&local, &len) != 0 ||
		!network_address_from_sockaddr((struct sockaddr *)&local, &address, &port)) {
		close(fd);
		return;
	}
	struct connection *connection = connection_create(broker);
	if (connection == NULL) {
		turn_away(broker, listener, &address, port, fd);
		return;
	}
	relay_put(&connection->relay, RELAY_INSIDE, fd);
	struct target *target = &connection->target;
	decide_target(broker, &address, NETWORK_TCP, port, target);
	if (target->entry != NULL) {
		pool_hold(target->entry);
	}
	if (!target->allowed) {
		connection_end(connection, target->reason);
		return;
	}
	set_options(fd);
	connection->guarded = (struct guarded){.broker = broker, .port = port};
	if (target->guarded) {
		connection->guard = malloc(sizeof(*connection->guard));
		if (connection->guard == NULL) {
			connection_end(connection, BROKER_FAILED);
			return;
		}
		guard_init(connection->guard, name_of(connection), port, decide_denied,
			&connection->guarded);
	}
	// What the client says is looked at while dialling.
	if (!relay_watch(&connection->relay, RELAY_INSIDE)) {
		connection_end(connection, BROKER_FAILED);
		return;
	}
	begin(connection);
}
