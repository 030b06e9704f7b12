/*
 * The broker in this process, between two networks: sockets born in the inside one are its to
 * serve and the tests' to connect with, the servers are in the host's.
 */

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

#include "network/broker.h"
#include "network/clock.h"
#include "network/dns.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "tests/helpers/world.h"

#define PORT 8443
#define MAX_DECISIONS 20000

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

struct state {
	struct wl_event_loop *loop;
	struct broker *broker;
	struct resolver_fake fake;
	int dns;
	struct broker_decision *decisions;
	size_t decisions_len;
	uint32_t need_token, need_family;
};

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

static struct policy *load(const char *network) {
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

static void listen_at(struct state *state, enum broker_listen_kind kind, uint32_t port,
	uint32_t inside_port, int fd) {
	struct broker_message message = {.type = BROKER_LISTEN,
		.listen = {.kind = kind, .port = port, .inside_port = inside_port}};
	assert_true(broker_listen(state->broker, &message, fd));
}

static struct state *begin_with(const char *network, bool learn, size_t connections) {
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
		.policy = load(network),
		.learn = learn,
		.resolvers = "127.0.0.1:53",
		.hosts = "/nonexistent",
		.connections = connections,
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

static struct state *begin(const char *network) {
	return begin_with(network, false, 0);
}

static void end(struct state *state) {
	broker_destroy(state->broker);
	resolver_fake_end(&state->fake);
	wl_event_loop_destroy(state->loop);
	close(state->dns);
	free(state->decisions);
	free(state);
}

#define ALLOW(to) \
	"{\"egress\": {\"allow\": [{\"to\": [" to "], \"ports\": [{\"protocol\": \"tcp\", " \
	"\"port\": 8443}]}]}}"
#define ALLOW_EXAMPLES ALLOW("{\"domain\": \"*.example\"}")

// ---- doing

static bool is_readable(int fd) {
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	return poll(&wait, 1, 0) == 1;
}

// Runs the broker until `fd` has something to read; false: it had not for two seconds.
static bool wait_readable(struct state *state, int fd) {
	uint64_t until = clock_ms() + 2000;
	while (!is_readable(fd) && clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	return is_readable(fd);
}

static void run(struct state *state, uint64_t ms) {
	uint64_t until = clock_ms() + ms;
	while (clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 5);
	}
}

static const struct broker_decision *find(
	const struct state *state, enum broker_decision_kind kind) {
	for (size_t i = 0; i < state->decisions_len; i++) {
		if (state->decisions[i].kind == kind) {
			return &state->decisions[i];
		}
	}
	return NULL;
}

static const struct broker_decision *wait_decision(
	struct state *state, enum broker_decision_kind kind) {
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
static unsigned int look_up(struct state *state, const char *name, uint16_t type, char *address) {
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

static int connect_to(struct state *state, const char *name, uint16_t port) {
	char address[64];
	assert_int_equal(look_up(state, name, DNS_TYPE_A, address), DNS_NOERROR);
	return inside_connect(address, port);
}

static int accept_from(struct state *state, int server) {
	assert_true(wait_readable(state, server));
	int fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text) {
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void expect(struct state *state, int fd, const char *text) {
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
static void expect_reset(struct state *state, int fd) {
	char byte;
	assert_true(wait_readable(state, fd));
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_true(errno == ECONNRESET || errno == ECONNREFUSED);
}

static void expect_end(struct state *state, int fd) {
	char byte;
	assert_true(wait_readable(state, fd));
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

// ---- tests

static void a_name_is_relayed(void **unused) {
	struct state *state = begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "ONE.example", PORT);
	int far = accept_from(state, server);
	const struct broker_decision *stands = wait_decision(state, BROKER_CONNECT);
	assert_true(stands->allowed);
	assert_int_equal(stands->id, 1);
	assert_string_equal(stands->untrusted_name, "one.example");
	assert_string_equal(stands->untrusted_rule, "/network/egress/allow/0");
	assert_int_equal(stands->family, AF_INET);
	assert_int_equal(stands->address[3], 10);

	say(far, "220 who is there\r\n"); // the server speaks first
	expect(state, client, "220 who is there\r\n");
	say(client, "HELO one\r\n");
	expect(state, far, "HELO one\r\n");
	shutdown(client, SHUT_WR); // half closed
	expect_end(state, far);
	say(far, "still here");
	expect(state, client, "still here");
	close(far);
	expect_end(state, client);
	const struct broker_decision *closed = wait_decision(state, BROKER_CLOSED);
	assert_int_equal(closed->id, 1);
	assert_int_equal(closed->bytes_out, 10);
	assert_int_equal(closed->bytes_in, 28);
	assert_int_equal(closed->reason, BROKER_DONE);
	close(client);
	close(server);
	end(state);
}

static void both_families(void **unused) {
	struct state *state = begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	char address[64];
	int server = host_listen(HOST_SERVER_V6, &port);
	assert_int_equal(look_up(state, "six.example", DNS_TYPE_AAAA, address), DNS_NOERROR);
	assert_memory_equal(address, "fd70:6172:636c:6f73:", 20);
	int client = inside_connect(address, PORT);
	int far = accept_from(state, server);
	say(client, "*1\r\n");
	expect(state, far, "*1\r\n");
	close(client);
	expect_end(state, far);
	close(far);
	close(server);
	end(state);
}

// The first of two addresses does not answer.
static void next_address(void **unused) {
	struct state *state = begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "both.example", PORT);
	int far = accept_from(state, server);
	close(client);
	close(far);
	close(server);
	end(state);
}

static void no_lookup_leaves(void **unused) {
	struct state *state = begin(ALLOW("{\"domain\": \"one.example\"}"));
	char address[64];
	assert_int_equal(look_up(state, "two.example", DNS_TYPE_A, address), DNS_REFUSED);
	assert_int_equal(look_up(state, "secret.two.example", 16, address), DNS_REFUSED);
	assert_int_equal(look_up(state, "ONE.EXAMPLE", DNS_TYPE_AAAA, address), DNS_NOERROR);
	assert_int_equal(look_up(state, "one.example", 16, address), DNS_NOERROR); // TXT
	assert_string_equal(address, "");
	assert_int_equal(look_up(state, "one.example", 65, address), DNS_NOERROR); // HTTPS
	assert_string_equal(address, "");
	assert_int_equal(look_up(state, "host.parclose.internal", 1, address), DNS_REFUSED);
	run(state, 50);
	assert_int_equal(state->fake.asked, 0);
	end(state);
}

static void raw_addresses(void **unused) {
	struct state *state = begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	// Of the pool, but of no name; the server's own; the broker's own loopback.
	static const char *const dialled[] = {"198.18.77.77", "fd70:6172:636c:6f73::77",
		HOST_SERVER, "::ffff:203.0.113.10", "127.0.0.1", "::1", HOST_PRIVATE};
	static const enum broker_reason reasons[] = {BROKER_STALE_ADDRESS, BROKER_STALE_ADDRESS,
		BROKER_BY_RULE, BROKER_BY_RULE, BROKER_OWN_LOOPBACK, BROKER_OWN_LOOPBACK,
		BROKER_BY_RULE};
	for (size_t i = 0; i < sizeof(dialled) / sizeof(dialled[0]); i++) {
		state->decisions_len = 0;
		int client = inside_connect(dialled[i], PORT);
		expect_reset(state, client);
		const struct broker_decision *decision = wait_decision(state, BROKER_CONNECT);
		assert_false(decision->allowed);
		assert_int_equal(decision->reason, reasons[i]);
		assert_int_equal(decision->id, 0);
		close(client);
	}
	assert_false(is_readable(server));
	close(server);
	end(state);
}

static void ranges(void **unused) {
	struct state *state = begin(ALLOW("{\"cidr\": \"203.0.113.0/28\"}"));
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = inside_connect(HOST_SERVER, PORT);
	int far = accept_from(state, server);
	say(client, "GET / HTTP/1.1\r\nHost: whoever\r\n\r\n");
	expect(state, far, "GET / HTTP/1.1\r\nHost: whoever\r\n\r\n");
	int refused = inside_connect(HOST_OTHER, PORT);
	expect_reset(state, refused);
	close(refused);
	close(client);
	close(far);
	close(server);
	end(state);
}

static void rebinding(void **unused) {
	struct state *state = begin(ALLOW_EXAMPLES);
	static const char *const tricks[] = {"loop.example", "metadata.example", "private.example",
		"mapped.example", "own.example"};
	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		uint16_t port = PORT;
		int servers[] = {host_listen("127.0.0.1", &port), host_listen(HOST_METADATA, &port),
			host_listen(HOST_PRIVATE, &port), host_listen(HOST_OWN, &port)};
		state->decisions_len = 0;
		int client = connect_to(state, tricks[i], PORT);
		expect_reset(state, client);
		const struct broker_decision *decision = wait_decision(state, BROKER_CONNECT);
		assert_false(decision->allowed);
		assert_int_equal(decision->reason, BROKER_PRIVATE_ADDRESS);
		close(client);
		for (size_t j = 0; j < 4; j++) {
			assert_false(is_readable(servers[j]));
			close(servers[j]);
		}
	}
	// Of several only those are dialled that may be.
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "mixed.example", PORT);
	close(accept_from(state, server));
	close(client);
	close(server);
	end(state);
}

static void a_private_range_that_a_rule_names(void **unused) {
	struct state *state =
		begin(ALLOW("{\"domain\": \"*.example\"}, {\"cidr\": \"10.1.2.0/24\"}, {\"cidr\": "
			    "\"203.0.113.99\"}"));
	uint16_t port = PORT;
	int server = host_listen(HOST_PRIVATE, &port), own = host_listen(HOST_OWN, &port);
	int client = connect_to(state, "private.example", PORT);
	close(accept_from(state, server));
	close(client);
	client = connect_to(state, "own.example", PORT);
	close(accept_from(state, own));
	close(client);
	close(server);
	close(own);
	end(state);
}

int main(void) {
	world_enter(NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_relayed),
		cmocka_unit_test(both_families),
		cmocka_unit_test(next_address),
		cmocka_unit_test(no_lookup_leaves),
		cmocka_unit_test(raw_addresses),
		cmocka_unit_test(ranges),
		cmocka_unit_test(rebinding),
		cmocka_unit_test(a_private_range_that_a_rule_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
