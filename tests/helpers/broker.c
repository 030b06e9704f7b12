#include "tests/helpers/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "network/clock.h"
#include "network/dns.h"
#include "policy/network.h"
#include "policy/policy.h"

static const struct fake_name names[] = {
	{"one.example", HOST_SERVER, 30},
	{"two.example", HOST_OTHER, 30},
	{"six.example", HOST_SERVER_V6, 30},
	{"both.example", "203.0.113.200", 30}, // nobody listens there
	{"both.example", HOST_SERVER, 30},
	{"loop.example", "127.0.0.1", 0},
	{"metadata.example", HOST_METADATA, 0},
	{"private.example", HOST_PRIVATE, 0},
	{"mapped.example", "::ffff:10.1.2.3", 0},
	{"own.example", HOST_OWN, 0},
	{"mixed.example", "10.1.2.3", 0},
	{"mixed.example", HOST_SERVER, 0},
};

uint32_t bench_patience_ms;

static void handle_emit(void *data, const struct broker_message *message) {
	struct state *state = data;
	if (message->type == BROKER_DECISION) {
		assert_true(state->decisions_len < MAX_DECISIONS);
		state->decisions[state->decisions_len++] = message->decision;
	} else if (message->type == BROKER_NEED_SOCKET) {
		state->need_token = message->need_socket.token;
		state->need_family = message->need_socket.family;
	}
}

struct policy *bench_policy(const char *network) {
	char text[4096];
	struct policy_error error;
	int len = snprintf(text, sizeof(text), "{\"parclose\": 1, \"network\": %s}", network);
	struct policy *policy = policy_load(text, (size_t)len, "test", &error);
	if (policy == NULL) {
		print_error("%s\n", error.message);
	}
	assert_non_null(policy);
	return policy;
}

void listen_at(struct state *state, enum broker_listen_kind kind, uint32_t port,
	uint32_t inside_port, int fd) {
	struct broker_message message = {.type = BROKER_LISTEN,
		.listen = {.kind = kind, .port = port, .inside_port = inside_port}};
	assert_true(broker_listen(state->broker, &message, fd));
}

struct state *bench_begin_with(const char *network, bool learn, size_t connections) {
	static const struct broker_sink sink = {.emit = handle_emit};
	struct state *state = calloc(1, sizeof(*state));
	const char *why = NULL;
	state->decisions = calloc(MAX_DECISIONS, sizeof(*state->decisions));
	state->loop = wl_event_loop_create();
	state->fake.names = names;
	state->fake.names_len = sizeof(names) / sizeof(names[0]);
	resolver_fake_begin(&state->fake, state->loop);
	const struct broker_config config = {
		.loop = state->loop,
		.policy = bench_policy(network),
		.learn = learn,
		.resolvers = "127.0.0.1:53",
		.hosts = "/nonexistent",
		.connections = connections,
		.patience_ms = bench_patience_ms,
	};
	state->broker = broker_create(&config, &sink, state, &why);
	assert_non_null(state->broker);
	listen_at(state, BROKER_LISTEN_DNS_UDP, 53, 0,
		inside_listen(SOCK_DGRAM, NETWORK_DNS_ADDRESS, 53));
	listen_at(state, BROKER_LISTEN_DNS_TCP, 53, 0,
		inside_listen(SOCK_STREAM, NETWORK_DNS_ADDRESS, 53));
	listen_at(state, BROKER_LISTEN_TCP, PORT, 0, inside_listen(SOCK_STREAM, NULL, PORT));
	state->dns = inside_socket(AF_INET, SOCK_DGRAM);
	return state;
}

struct state *bench_begin(const char *network) {
	return bench_begin_with(network, false, 0);
}

void bench_end(struct state *state) {
	broker_destroy(state->broker);
	resolver_fake_end(&state->fake);
	wl_event_loop_destroy(state->loop);
	close(state->dns);
	free(state->decisions);
	free(state);
}

// ---- doing

bool is_readable(int fd) {
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	return poll(&wait, 1, 0) == 1;
}

// Runs the broker until `fd` has something to read; false: it had not for two seconds.
bool wait_readable(struct state *state, int fd) {
	uint64_t until = clock_ms() + 2000;
	while (!is_readable(fd) && clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	return is_readable(fd);
}

void bench_run(struct state *state, uint64_t ms) {
	uint64_t until = clock_ms() + ms;
	while (clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 5);
	}
}

const struct broker_decision *find(const struct state *state, enum broker_decision_kind kind) {
	for (size_t i = 0; i < state->decisions_len; i++) {
		if (state->decisions[i].kind == kind) {
			return &state->decisions[i];
		}
	}
	return NULL;
}

const struct broker_decision *wait_decision(struct state *state, enum broker_decision_kind kind) {
	uint64_t until = clock_ms() + 8000;
	while (find(state, kind) == NULL && clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	const struct broker_decision *decision = find(state, kind);
	assert_non_null(decision);
	return decision;
}

static size_t make_query(const char *name, uint16_t type, unsigned char *out) {
	static const unsigned char head[12] = {0x12, 0x34, 1, 0, 0, 1};
	memcpy(out, head, sizeof(head));
	size_t at = 12;
	while (*name != '\0') {
		size_t len = strcspn(name, ".");
		out[at++] = (unsigned char)len;
		memcpy(out + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	const unsigned char tail[5] = {0, (unsigned char)(type >> 8), (unsigned char)type, 0, 1};
	memcpy(out + at, tail, sizeof(tail));
	return at + sizeof(tail);
}

// Asks inside; returns the code, and the address as text (empty: none).
unsigned int look_up(struct state *state, const char *name, uint16_t type, char *address) {
	unsigned char query[512], got[512];
	struct sockaddr_storage to;
	socklen_t to_len = make_address(NETWORK_DNS_ADDRESS, 53, &to);
	size_t len = make_query(name, type, query);
	assert_int_equal(
		sendto(state->dns, query, len, 0, (struct sockaddr *)&to, to_len), (ssize_t)len);
	assert_true(wait_readable(state, state->dns));
	ssize_t n = recv(state->dns, got, sizeof(got), 0);
	assert_true(n >= (ssize_t)len);
	assert_memory_equal(got, query, 2);
	address[0] = '\0';
	if (got[7] == 1) {
		inet_ntop(type == DNS_TYPE_A ? AF_INET : AF_INET6, got + len + 12, address, 64);
	}
	return got[3] & 0xf;
}

int connect_to(struct state *state, const char *name, uint16_t port) {
	char address[64];
	assert_int_equal(look_up(state, name, DNS_TYPE_A, address), DNS_NOERROR);
	return inside_connect(address, port);
}

int accept_from(struct state *state, int server) {
	assert_true(wait_readable(state, server));
	int fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

void say(int fd, const char *text) {
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void expect(struct state *state, int fd, const char *text) {
	char got[4096];
	size_t len = 0;
	while (len < strlen(text)) {
		assert_true(wait_readable(state, fd));
		ssize_t n = recv(fd, got + len, sizeof(got) - len - 1, 0);
		assert_true(n > 0);
		len += (size_t)n;
	}
	got[len] = '\0';
	assert_string_equal(got, text);
}

// The connection is broken off, without a byte.
void expect_reset(struct state *state, int fd) {
	char byte;
	assert_true(wait_readable(state, fd));
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_true(errno == ECONNRESET || errno == ECONNREFUSED);
}

void expect_end(struct state *state, int fd) {
	char byte;
	assert_true(wait_readable(state, fd));
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}
