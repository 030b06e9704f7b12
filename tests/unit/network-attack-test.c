/*
 * What hostile programs inside try against the broker, and what it does for all others meanwhile.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "network/clock.h"
#include "network/dns.h"
#include "network/pool.h"
#include "policy/network.h"
#include "tests/helpers/broker.h"
#include "tests/helpers/hello.h"

// ---- other names under way

static size_t make_hello(const char *name, unsigned char *out) {
	const struct hello_wish wish = {.name = name, .record = 90};
	return hello_make(&wish, out, 4096);
}

// A ClientHello in segments of one byte.
static void hello_byte_by_byte(void **unused) {
	static const char *const said[] = {"one.example", "two.example"};
	for (size_t i = 0; i < 2; i++) {
		struct state *state = bench_begin(ALLOW_EXAMPLES);
		uint16_t port = PORT;
		unsigned char hello[4096], got[4096];
		int server = host_listen(HOST_SERVER, &port);
		int client = connect_to(state, "one.example", PORT);
		size_t len = make_hello(said[i], hello), had = 0;
		int far = accept_from(state, server);
		for (size_t at = 0; at < len; at++) {
			if (send(client, hello + at, 1, MSG_NOSIGNAL) != 1) {
				break;
			}
			bench_run(state, 0);
			wl_event_loop_dispatch(state->loop, 0);
			assert_false(at + 1 < len && is_readable(far) && i == 0);
		}
		if (i == 0) {
			while (had < len) {
				assert_true(wait_readable(state, far));
				ssize_t n = recv(far, got + had, sizeof(got) - had, 0);
				assert_true(n > 0);
				had += (size_t)n;
			}
			assert_int_equal(had, len);
			assert_memory_equal(got, hello, len);
		} else {
			expect_reset(state, far);
			const struct broker_decision *request =
				wait_decision(state, BROKER_REQUEST);
			assert_false(request->allowed);
			assert_int_equal(request->reason, BROKER_TLS_OTHER_NAME);
			assert_string_equal(request->untrusted_name, "one.example");
			assert_string_equal(request->untrusted_detail, "two.example");
			const struct broker_decision *closed = wait_decision(state, BROKER_CLOSED);
			assert_int_equal(closed->reason, BROKER_TLS_OTHER_NAME);
			assert_int_equal(closed->bytes_out, 0);
		}
		close(client);
		close(far);
		close(server);
		bench_end(state);
	}
}

// One after the other, and the second with the first.
static void host_is_swapped(void **unused) {
	static const char one[] = "GET /1 HTTP/1.1\r\nHost: one.example:8443\r\n\r\n",
			  two[] = "GET /2 HTTP/1.1\r\nHost: two.example\r\n\r\n";
	for (int together = 0; together < 2; together++) {
		struct state *state = bench_begin(ALLOW_EXAMPLES);
		uint16_t port = PORT;
		char got[4096];
		int server = host_listen(HOST_SERVER, &port);
		int client = connect_to(state, "one.example", PORT);
		int far = accept_from(state, server);
		if (together) {
			char both[200];
			snprintf(both, sizeof(both), "%s%s", one, two);
			say(client, both);
		} else {
			say(client, one);
			expect(state, far, one);
			say(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
			expect(state, client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
			say(client, two);
		}
		const struct broker_decision *request = wait_decision(state, BROKER_REQUEST);
		assert_int_equal(request->reason, BROKER_HTTP_OTHER_HOST);
		assert_string_equal(request->untrusted_detail, "two.example");
		// Whatever arrived, nothing of the second request is in it.
		ssize_t n;
		while (wait_readable(state, far) && (n = recv(far, got, sizeof(got), 0)) > 0) {
			assert_null(memmem(got, (size_t)n, "/2", 2));
		}
		close(client);
		close(far);
		close(server);
		bench_end(state);
	}
}

// What came behind the request for a tunnel goes on when the server has answered, and only then.
static void a_tunnel_is_waited_for(void **unused) {
	static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: one.example\r\nConnection: "
				      "Upgrade\r\nUpgrade: websocket\r\n\r\n",
			  accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: "
				       "websocket\r\nConnection: Upgrade\r\n\r\n",
			  refused[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
			  two[] = "GET /2 HTTP/1.1\r\nHost: two.example\r\n\r\n";
	for (int good = 0; good < 2; good++) {
		struct state *state = bench_begin(ALLOW_EXAMPLES);
		uint16_t port = PORT;
		char both[400];
		int server = host_listen(HOST_SERVER, &port);
		int client = connect_to(state, "one.example", PORT);
		int far = accept_from(state, server);
		snprintf(both, sizeof(both), "%s%s", upgrade, two);
		say(client, both);
		expect(state, far, upgrade);
		bench_run(state, 50);
		assert_false(is_readable(far));
		say(far, good ? accepted : refused);
		if (good) {
			expect(state, client, accepted);
			expect(state, far, two);
			say(far, "\x81\x02hi");
			expect(state, client, "\x81\x02hi");
		} else {
			expect_reset(state, far);
			assert_int_equal(wait_decision(state, BROKER_REQUEST)->reason,
				BROKER_HTTP_OTHER_HOST);
		}
		close(client);
		close(far);
		close(server);
		bench_end(state);
	}
}

// A tunnel on a connection that was used gets one of its own, so that no earlier answer passes for
// the tunnel's.
static void a_tunnel_gets_its_own(void **unused) {
	static const char get[] = "GET /1 HTTP/1.1\r\nHost: one.example\r\n\r\n",
			  upgrade[] = "GET /ws HTTP/1.1\r\nHost: one.example\r\nConnection: "
				      "Upgrade\r\nUpgrade: websocket\r\n\r\n",
			  answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			  accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: "
				       "websocket\r\nConnection: Upgrade\r\n\r\n";
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT);
	int far = accept_from(state, server);
	say(client, get);
	expect(state, far, get);
	say(far, answer);
	expect(state, client, answer);
	say(client, upgrade);
	expect_end(state, far);
	int own = accept_from(state, server);
	expect(state, own, upgrade);
	say(own, accepted);
	expect(state, client, accepted);
	say(client, "\x81\x82more");
	expect(state, own, "\x81\x82more");
	say(own, "\x81\x02hi");
	expect(state, client, "\x81\x02hi");
	close(client);
	expect_end(state, own);
	close(own);
	close(far);
	assert_int_equal(wait_decision(state, BROKER_CLOSED)->bytes_out,
		sizeof(get) + sizeof(upgrade) - 2 + 6);
	// Who sends it before the answer is there loses that answer, and gains nothing by it.
	client = connect_to(state, "one.example", PORT);
	far = accept_from(state, server);
	say(client, get);
	expect(state, far, get);
	say(client, upgrade);
	say(client, "GET /2 HTTP/1.1\r\nHost: two.example\r\n\r\n");
	own = accept_from(state, server);
	expect(state, own, upgrade);
	send(far, accepted, sizeof(accepted) - 1, MSG_NOSIGNAL);
	bench_run(state, 50);
	assert_false(is_readable(client));
	assert_false(is_readable(own));
	say(own, answer);
	expect_reset(state, own);
	close(client);
	close(own);
	close(far);
	// Not even that where the request before has not gone yet.
	client = connect_to(state, "one.example", PORT);
	far = accept_from(state, server);
	char both[400];
	snprintf(both, sizeof(both), "%s%s", get, upgrade);
	say(client, both);
	expect_reset(state, client);
	close(client);
	close(far);
	// And where nothing listens any more it is broken off.
	client = connect_to(state, "one.example", PORT);
	far = accept_from(state, server);
	say(client, get);
	expect(state, far, get);
	close(server);
	say(client, upgrade);
	expect_reset(state, client);
	close(client);
	close(far);
	bench_end(state);
}

static void a_rule_can_relax_it(void **unused) {
	struct state *state = bench_begin(
		"{\"egress\": {\"allow\": [{\"to\": [{\"domain\": \"one.example\"}], \"tls\": "
		"\"any\", \"ports\": [{\"protocol\": \"tcp\", \"port\": 8443}]}]}}");
	uint16_t port = PORT;
	unsigned char hello[4096];
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT);
	int far = accept_from(state, server);
	size_t len = make_hello("two.example", hello);
	assert_int_equal(send(client, hello, len, 0), (ssize_t)len);
	assert_true(wait_readable(state, far));
	close(client);
	close(far);
	close(server);
	bench_end(state);
}

// ---- rules that change meanwhile

#define EXAMPLES_BUT_OTHER \
	"{\"egress\": {\"allow\": [{\"to\": [{\"domain\": \"*.example\"}], \"ports\": " \
	"[{\"protocol\": " \
	"\"tcp\", \"port\": 8443}]}], \"deny\": [{\"to\": [{\"cidr\": \"203.0.113.20/32\"}]}]}}"

// What the new rules deny was being dialled under the old ones, and answers only now.
static void denied_while_it_is_dialled(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_OTHER, &port), fill[2];
	struct sockaddr_storage to;
	socklen_t len = make_address(HOST_OTHER, PORT, &to);
	assert_int_equal(listen(server, 0), 0);
	for (int i = 0; i < 2; i++) { // nobody else is answered until they are accepted
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fill[i], (struct sockaddr *)&to, len);
	}
	int client = connect_to(state, "two.example", PORT);
	say(client, "*1\r\n");
	bench_run(state, 50);
	assert_null(find(state, BROKER_CONNECT));
	broker_update(state->broker, bench_policy(EXAMPLES_BUT_OTHER));
	assert_int_equal(listen(server, 16), 0);
	for (int i = 0; i < 2; i++) {
		int accepted = accept(server, NULL, NULL);
		close(accepted);
		close(fill[i]);
	}
	bench_run(state, 2500); // the kernel tries again after one second
	expect_reset(state, client);
	const struct broker_decision *connect = find(state, BROKER_CONNECT);
	assert_non_null(connect);
	assert_false(connect->allowed);
	assert_int_equal(connect->id, 0);
	close(client);
	close(server);
	bench_end(state);
}

// A connection in which nobody looked at whom it was for does not outlive the rule that let it.
static void looked_at_from_now_on(void **unused) {
	struct state *state = bench_begin(
		"{\"egress\": {\"allow\": [{\"to\": [{\"domain\": \"one.example\"}], \"tls\": "
		"\"any\", \"ports\": [{\"protocol\": \"tcp\", \"port\": 8443}]}]}}");
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT);
	int far = accept_from(state, server);
	say(client, "GET / HTTP/1.1\r\nHost: two.example\r\n\r\n");
	assert_true(wait_readable(state, far));
	assert_int_equal(broker_update(state->broker, bench_policy(ALLOW_EXAMPLES)), 1);
	expect_reset(state, client);
	close(client);
	close(far);
	close(server);
	bench_end(state);
}

#define RANGE_BUT(name) \
	"{\"egress\": {\"allow\": [{\"to\": [{\"cidr\": \"203.0.113.10/32\"}], \"ports\": " \
	"[{\"protocol\": \"tcp\", \"port\": 8443}]}], \"deny\": [{\"to\": [{\"domain\": \"" name \
	"\"}]}]}}"

// Connected to an address, it has said a name that is denied only now.
static void said_before_it_was_denied(void **unused) {
	for (int denied = 0; denied < 2; denied++) {
		struct state *state = bench_begin(RANGE_BUT("three.example"));
		uint16_t port = PORT;
		unsigned char hello[4096];
		int server = host_listen(HOST_SERVER, &port);
		int client = inside_connect(HOST_SERVER, PORT);
		int far = accept_from(state, server);
		size_t len = make_hello("two.example", hello);
		assert_int_equal(send(client, hello, len, 0), (ssize_t)len);
		assert_true(wait_readable(state, far));
		struct policy *next =
			bench_policy(denied ? RANGE_BUT("two.example") : RANGE_BUT("four.example"));
		assert_int_equal(broker_update(state->broker, next), denied);
		close(client);
		close(far);
		close(server);
		bench_end(state);
	}
}

// This machine's own address is open on the port that a range names it on, and on no other.
static void own_address_by_port(void **unused) {
	struct state *state = bench_begin("{\"egress\": {\"allow\": [{\"to\": [{\"domain\": "
					  "\"*.example\"}], \"ports\": [{\"protocol\": "
					  "\"tcp\", \"port\": 8443}]}, {\"to\": [{\"cidr\": "
					  "\"203.0.113.99/32\"}], \"ports\": "
					  "[{\"protocol\": \"tcp\", \"port\": 22}]}]}}");
	uint16_t port = PORT;
	int server = host_listen(HOST_OWN, &port);
	int client = connect_to(state, "own.example", PORT);
	expect_reset(state, client);
	const struct broker_decision *connect = wait_decision(state, BROKER_CONNECT);
	assert_false(connect->allowed);
	assert_int_equal(connect->reason, BROKER_PRIVATE_ADDRESS);
	close(client);
	close(server);
	bench_end(state);
}

// ---- too much

// Connections that never say anything do not keep others from theirs.
static void ten_thousand_half_open(void **unused) {
	enum {
		SILENT = 10000,
		KEPT = 300
	};
	static int silent[SILENT];
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < SILENT + 8 * KEPT) {
		print_message("only %lu descriptors\n", (unsigned long)limit.rlim_cur);
		skip();
	}
	struct state *state = bench_begin_with(ALLOW_EXAMPLES, false, KEPT);
	uint16_t port = PORT;
	char address[64];
	int server = host_listen(HOST_SERVER, &port);
	assert_int_equal(look_up(state, "one.example", DNS_TYPE_A, address), DNS_NOERROR);
	int before = inside_connect(address, PORT);
	int before_far = accept_from(state, server);
	say(before, "*1\r\n");
	expect(state, before_far, "*1\r\n");
	for (size_t i = 0; i < SILENT; i++) {
		silent[i] = inside_connect(address, PORT);
		wl_event_loop_dispatch(state->loop, 0);
		int far = accept(server, NULL, NULL);
		if (far >= 0) {
			close(far); // the server does not care
		}
	}
	bench_run(state, 100);
	// An old and a new one work.
	say(before, "*2\r\n");
	expect(state, before_far, "*2\r\n");
	uint64_t begun = clock_ms();
	int fresh = inside_connect(address, PORT), far = -1;
	say(fresh, "*3\r\n");
	while (clock_ms() - begun < 5000) {
		assert_true(wait_readable(state, server));
		far = accept(server, NULL, NULL);
		assert_true(far >= 0);
		bench_run(state, 5);
		if (is_readable(far)) {
			char got[8] = {0};
			if (recv(far, got, sizeof(got) - 1, 0) == 4) {
				assert_string_equal(got, "*3\r\n");
				break;
			}
		}
		close(far);
	}
	assert_true(clock_ms() - begun < 2000);
	for (size_t i = 0; i < SILENT; i++) {
		close(silent[i]);
	}
	close(before);
	close(before_far);
	close(fresh);
	close(far);
	close(server);
	bench_end(state);
}

#if !defined(PARCLOSE_SANITIZED) // whose shadow has no bounds
static size_t data_bytes(void) {
	char line[256];
	size_t kib = 0;
	FILE *file = fopen("/proc/self/status", "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		kib = strncmp(line, "VmData:", 7) == 0 ? strtoul(line + 7, NULL, 10) : kib;
	}
	fclose(file);
	return kib << 10;
}

// Heads that never end fill the memory that the broker may have: who wants more of it is ended, and
// everybody else is served.
static void memory_runs_out(void **unused) {
	enum {
		GREEDY = 300
	};
	static int greedy[GREEDY];
	static char head[40000];
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	struct rlimit before;
	size_t failed = 0;
	int server = host_listen(HOST_SERVER, &port);
	memset(head, 'x', sizeof(head));
	memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
	getrlimit(RLIMIT_DATA, &before);
	const struct rlimit limit = {
		.rlim_cur = data_bytes() + (4u << 20), .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_DATA, &limit), 0);
	for (size_t i = 0; i < GREEDY; i++) {
		greedy[i] = connect_to(state, "one.example", PORT);
		send(greedy[i], head, sizeof(head), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(accept_from(state, server));
	}
	bench_run(state, 200);
	for (size_t i = 0; i < state->decisions_len; i++) {
		failed += state->decisions[i].reason == BROKER_FAILED;
	}
	assert_true(failed > 0);
	int client = connect_to(state, "one.example", PORT);
	say(client, "*1\r\n");
	int far = accept_from(state, server);
	expect(state, far, "*1\r\n");
	assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
	for (size_t i = 0; i < GREEDY; i++) {
		close(greedy[i]);
	}
	close(client);
	close(far);
	close(server);
	bench_end(state);
}
#endif

static void the_pool_is_exhausted(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	char name[64], address[64], first[64];
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	assert_int_equal(look_up(state, "one.example", DNS_TYPE_A, first), DNS_NOERROR);
	for (int i = 1; i < POOL_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_int_equal(look_up(state, name, DNS_TYPE_A, address), DNS_NOERROR);
	}
	state->decisions_len = 0;
	assert_int_equal(look_up(state, "two.example", DNS_TYPE_A, address), DNS_SERVFAIL);
	const struct broker_decision *decision = wait_decision(state, BROKER_LOOKUP);
	assert_int_equal(decision->reason, BROKER_POOL_FULL);
	// Those that are in it stay, each at its place.
	assert_int_equal(look_up(state, "one.example", DNS_TYPE_A, address), DNS_NOERROR);
	assert_string_equal(address, first);
	int client = inside_connect(address, PORT);
	close(accept_from(state, server));
	assert_int_equal(state->fake.asked, 2); // A and AAAA of the one that was dialled
	close(client);
	close(server);
	bench_end(state);
}

// A head that does not end is not waited for.
static void slow_heads(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT);
	int far = accept_from(state, server);
	say(client, "POST / HTTP/1.1\r\nHost: one");
	expect_reset(state, far);
	const struct broker_decision *closed = wait_decision(state, BROKER_CLOSED);
	assert_int_equal(closed->reason, BROKER_TOO_SLOW);
	assert_int_equal(closed->bytes_out, 0);
	close(client);
	close(far);
	close(server);
	bench_end(state);
}

// ---- DNS

static void dns_by_tcp(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	static const unsigned char query[] = {0, 29, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3,
		'o', 'n', 'e', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};
	unsigned char got[512], two[2 * sizeof(query)];
	int client = inside_connect(NETWORK_DNS_ADDRESS, 53);
	for (size_t i = 0; i < sizeof(query); i++) { // byte by byte
		assert_int_equal(send(client, query + i, 1, MSG_NOSIGNAL), 1);
		bench_run(state, 1);
	}
	assert_true(wait_readable(state, client));
	assert_int_equal(recv(client, got, sizeof(got), 0), 2 + 29 + 16);
	assert_int_equal(got[1], 29 + 16);
	memcpy(two, query, sizeof(query));
	memcpy(two + sizeof(query), query, sizeof(query));
	send(client, two, sizeof(two), MSG_NOSIGNAL);
	bench_run(state, 20);
	assert_int_equal(recv(client, got, sizeof(got), 0), 2 * (2 + 29 + 16));
	assert_int_equal(send(client, "\xff\xff", 2, MSG_NOSIGNAL), 2); // no query is so long
	assert_true(wait_readable(state, client));
	assert_true(recv(client, got, sizeof(got), 0) <= 0);
	close(client);
	// Idle ones give way.
	int many[80];
	for (size_t i = 0; i < 80; i++) {
		many[i] = inside_connect(NETWORK_DNS_ADDRESS, 53);
		bench_run(state, 1);
	}
	send(many[79], query, sizeof(query), MSG_NOSIGNAL);
	assert_true(wait_readable(state, many[79]));
	for (size_t i = 0; i < 80; i++) {
		close(many[i]);
	}
	bench_end(state);
}

// Data in names goes nowhere, allowed or not.
static void dns_tunnel(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	char address[64];
	assert_int_equal(look_up(state, "6461746120746f2073617665.example", DNS_TYPE_A, address),
		DNS_NOERROR);
	assert_int_equal(look_up(state, "6461746120746f2073617665.example", 16, address),
		DNS_NOERROR); // TXT
	assert_int_equal(look_up(state, "6461746120746f2073617665.example", 10, address),
		DNS_NOERROR); // NULL
	assert_int_equal(look_up(state, "tunnel.elsewhere", 16, address), DNS_REFUSED);
	bench_run(state, 50);
	assert_int_equal(state->fake.asked, 0);
	bench_end(state);
}

static int quick_main(void **unused) {
	bench_patience_ms = 300;
	return 0;
}

static int slow_again(void **unused) {
	bench_patience_ms = 0;
	return 0;
}

int main(void) {
	world_enter(NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_byte_by_byte),
		cmocka_unit_test(host_is_swapped),
		cmocka_unit_test(a_tunnel_is_waited_for),
		cmocka_unit_test(a_tunnel_gets_its_own),
		cmocka_unit_test(a_rule_can_relax_it),
		cmocka_unit_test(denied_while_it_is_dialled),
		cmocka_unit_test(looked_at_from_now_on),
		cmocka_unit_test(said_before_it_was_denied),
		cmocka_unit_test(own_address_by_port),
		cmocka_unit_test(ten_thousand_half_open),
#if !defined(PARCLOSE_SANITIZED)
		cmocka_unit_test(memory_runs_out),
#endif
		cmocka_unit_test(the_pool_is_exhausted),
		cmocka_unit_test_setup_teardown(slow_heads, quick_main, slow_again),
		cmocka_unit_test(dns_by_tcp),
		cmocka_unit_test(dns_tunnel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
