/*
 * Who may go where, and what is told of it: the broker between two networks.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "network/dial.h"
#include "network/dns.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "tests/helpers/broker.h"

static void a_name_is_relayed(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
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
	bench_end(state);
}

static void both_families(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
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
	bench_end(state);
}

// The first of two addresses does not answer.
static void next_address(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "both.example", PORT);
	int far = accept_from(state, server);
	close(client);
	close(far);
	close(server);
	bench_end(state);
}

static void no_lookup_leaves(void **unused) {
	struct state *state = bench_begin(ALLOW("{\"domain\": \"one.example\"}"));
	char address[64];
	assert_int_equal(look_up(state, "two.example", DNS_TYPE_A, address), DNS_REFUSED);
	assert_int_equal(look_up(state, "secret.two.example", 16, address), DNS_REFUSED);
	assert_int_equal(look_up(state, "ONE.EXAMPLE", DNS_TYPE_AAAA, address), DNS_NOERROR);
	assert_int_equal(look_up(state, "one.example", 16, address), DNS_NOERROR); // TXT
	assert_string_equal(address, "");
	assert_int_equal(look_up(state, "one.example", 65, address), DNS_NOERROR); // HTTPS
	assert_string_equal(address, "");
	assert_int_equal(look_up(state, "host.parclose.internal", 1, address), DNS_REFUSED);
	bench_run(state, 50);
	assert_int_equal(state->fake.asked, 0);
	bench_end(state);
}

static void raw_addresses(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
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
	bench_end(state);
}

static void ranges(void **unused) {
	struct state *state = bench_begin(ALLOW("{\"cidr\": \"203.0.113.0/28\"}"));
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
	bench_end(state);
}

static void rebinding(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
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
	bench_end(state);
}

static void a_private_range_that_a_rule_names(void **unused) {
	struct state *state = bench_begin(
		ALLOW("{\"domain\": \"*.example\"}, {\"cidr\": \"10.1.2.0/24\"}, {\"cidr\": "
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
	bench_end(state);
}

static void handle_dialled(void *data, int fd, const struct network_address *address) {
	(void)address;
	*(int *)data = fd;
}

// How a connection of the broker's to this address is paced.
static void dial_to(const char *address, char text[32]) {
	uint16_t port = PORT;
	int server = host_listen(address, &port), fd = INT_MIN;
	unsigned char bytes[4];
	struct network_address to;
	assert_int_equal(inet_pton(AF_INET, address, bytes), 1);
	assert_true(network_address_from_bytes(AF_INET, bytes, &to));
	struct wl_event_loop *loop = wl_event_loop_create();
	assert_non_null(loop);
	assert_non_null(dial_start(loop, &to, 1, port, handle_dialled, &fd));
	while (fd == INT_MIN) {
		assert_true(wl_event_loop_dispatch(loop, 10000) >= 0);
	}
	assert_true(fd >= 0);
	socklen_t len = 31;
	memset(text, 0, 32);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &len), 0);
	close(fd);
	close(server);
	wl_event_loop_destroy(loop);
}

// What stays on the machine is not paced; to 127.0.0.2 the kernel goes from 127.0.0.1, so that one
// shows what the others have.
static void what_stays_here(void **unused) {
	char machine[32] = "", used[32];
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%31s", machine), 1);
	fclose(file);
	dial_to(HOST_OWN, used);
	assert_string_equal(used, "reno");
	dial_to("127.0.0.2", used);
	assert_string_equal(used, machine);
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
		cmocka_unit_test(what_stays_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
