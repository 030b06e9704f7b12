/*
 * The broker's other ways: published ports, the host's loopback, the proxy, datagrams; policies
 * that change, learning; and how bytes go through.
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
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "network/clock.h"
#include "network/dns.h"
#include "policy/network.h"
#include "policy/policy.h"
#include "tests/helpers/broker.h"

static int host_connect(const char *address, uint16_t port) {
	struct sockaddr_storage to;
	socklen_t len = make_address(address, port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS);
	return fd;
}

// Waits until the broker asks for a socket inside, and gives it one.
static void give_socket(struct state *state, int family) {
	uint64_t until = clock_ms() + 2000;
	while (state->need_token == 0 && clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	assert_int_not_equal(state->need_token, 0);
	assert_int_equal(state->need_family, family);
	const struct broker_message message = {
		.type = BROKER_INSIDE_SOCKET, .inside_socket.token = state->need_token};
	int fd = inside_socket(family, SOCK_STREAM);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	state->need_token = 0;
	assert_true(broker_inside_socket(state->broker, &message, fd));
}

static void a_published_port(void **unused) {
	struct state *state =
		bench_begin("{\"ingress\": {\"publish\": [{\"host\": 8080, \"port\": 3000}]}}");
	uint16_t port = 8080;
	listen_at(state, BROKER_LISTEN_PUBLISH, 8080, 3000, host_listen("127.0.0.1", &port));
	int inside = inside_listen(SOCK_STREAM, "127.0.0.1", 3000);
	int client = host_connect("127.0.0.1", 8080);
	give_socket(state, AF_INET);
	int near = accept_from(state, inside);
	say(client, "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
	expect(state, near, "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n");
	say(near, "hello");
	close(near);
	expect(state, client, "hello");
	expect_end(state, client);
	close(client);
	const struct broker_decision *closed = wait_decision(state, BROKER_CLOSED);
	assert_int_equal(closed->bytes_out, 5); // out of the session
	assert_int_equal(closed->bytes_in, 40);
	const struct broker_decision *stood = wait_decision(state, BROKER_PUBLISHED);
	assert_true(stood->allowed);
	assert_int_equal(stood->port, 3000);
	close(inside);

	// One that listens to ::1 only, and none at all.
	inside = inside_listen(SOCK_STREAM, "::1", 3000);
	client = host_connect("127.0.0.1", 8080);
	give_socket(state, AF_INET);
	give_socket(state, AF_INET6);
	near = accept_from(state, inside);
	say(near, "six");
	expect(state, client, "six");
	close(near);
	close(client);
	close(inside);
	client = host_connect("127.0.0.1", 8080);
	give_socket(state, AF_INET);
	give_socket(state, AF_INET6);
	expect_reset(state, client);
	close(client);

	// The supervisor cannot give one; and an answer nobody waits for any more.
	client = host_connect("127.0.0.1", 8080);
	while (state->need_token == 0) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	const struct broker_message message = {.type = BROKER_INSIDE_SOCKET,
		.inside_socket = {.token = state->need_token, .status = EMFILE}};
	assert_true(broker_inside_socket(state->broker, &message, -1));
	assert_false(broker_inside_socket(state->broker, &message, -1));
	expect_reset(state, client);
	close(client);
	bench_end(state);
}

static void the_hosts_loopback(void **unused) {
	struct state *state = bench_begin("{\"ingress\": {\"hostLoopback\": [{\"port\": 8443}]}}");
	uint16_t port = PORT, other = 0;
	int server = host_listen("127.0.0.1", &port), secret = host_listen("127.0.0.1", &other);
	listen_at(state, BROKER_LISTEN_TCP, other, 0, inside_listen(SOCK_STREAM, NULL, other));
	int client = connect_to(state, NETWORK_HOST_NAME, PORT);
	int far = accept_from(state, server);
	say(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect(state, far, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	close(client);
	close(far);
	assert_int_equal(state->fake.asked, 0);
	state->decisions_len = 0;
	client = connect_to(state, NETWORK_HOST_NAME, other);
	expect_reset(state, client);
	assert_false(wait_decision(state, BROKER_CONNECT)->allowed);
	close(client);
	// On ::1 only.
	close(server);
	server = host_listen("::1", &port);
	client = connect_to(state, NETWORK_HOST_NAME, PORT);
	close(accept_from(state, server));
	close(client);
	assert_false(is_readable(secret));
	close(secret);
	close(server);
	bench_end(state);
}

static void the_proxy(void **unused) {
	static const char text[] = "{\"parclose\": 1, \"runtimeConfig\": {\"networkProxy\": "
				   "\"http://127.0.0.1:3128\"}}";
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	struct policy_error error;
	struct policy *policy = policy_load(text, sizeof(text) - 1, "test", &error);
	assert_non_null(policy);
	broker_update(state->broker, policy);
	uint16_t port = 3128, other = PORT;
	int proxy = host_listen("127.0.0.1", &port), server = host_listen(HOST_SERVER, &other);
	listen_at(
		state, BROKER_LISTEN_PROXY, 3128, 0, inside_listen(SOCK_STREAM, "127.0.0.1", 3128));
	int client = inside_connect("127.0.0.1", 3128);
	int far = accept_from(state, proxy);
	say(client, "CONNECT two.example:443 HTTP/1.1\r\nHost: two.example\r\n\r\n");
	expect(state, far, "CONNECT two.example:443 HTTP/1.1\r\nHost: two.example\r\n\r\n");
	close(client);
	close(far);
	// And nothing else is reached.
	char address[64];
	assert_int_equal(look_up(state, "one.example", DNS_TYPE_A, address), DNS_REFUSED);
	client = inside_connect(HOST_SERVER, PORT);
	expect_reset(state, client);
	close(client);
	assert_false(is_readable(server));
	close(server);
	close(proxy);
	bench_end(state);
}

// ---- datagrams

#define UDP_POLICY \
	"{\"egress\": {\"allow\": [{\"to\": [{\"cidr\": \"203.0.113.0/28\"}, {\"cidr\": " \
	"\"2001:db8::/64\"}], \"ports\": [{\"protocol\": \"udp\", \"port\": 5353}]}]}}"

static int host_datagrams(const char *address) {
	struct sockaddr_storage to;
	socklen_t len = make_address(address, 5353, &to);
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int on = 1;
	setsockopt(fd, IPPROTO_IP, 15 /* IP_FREEBIND */, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

static int inside_datagrams(const char *address, uint16_t port) {
	struct sockaddr_storage to;
	socklen_t len = make_address(address, port, &to);
	int fd = inside_socket(to.ss_family, SOCK_DGRAM);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

static void datagrams(void **unused) {
	struct state *state = bench_begin(UDP_POLICY);
	listen_at(state, BROKER_LISTEN_UDP, 5353, 0, inside_listen(SOCK_DGRAM, NULL, 5353));
	static const char *const addresses[] = {HOST_SERVER, HOST_SERVER_V6};
	for (size_t i = 0; i < 2; i++) {
		int server = host_datagrams(addresses[i]);
		int one = inside_datagrams(addresses[i], 5353);
		int two = inside_datagrams(addresses[i], 5353);
		struct sockaddr_storage from[2];
		char got[64];
		state->decisions_len = 0;
		const int clients[] = {one, two};
		for (size_t j = 0; j < 2; j++) {
			socklen_t from_len = sizeof(from[j]);
			assert_int_equal(send(clients[j], "ask", 3, 0), 3);
			assert_true(wait_readable(state, server));
			assert_int_equal(recvfrom(server, got, sizeof(got), 0,
						 (struct sockaddr *)&from[j], &from_len),
				3);
		}
		// Each answer comes to who asked, from whom was asked: the sockets are connected.
		for (size_t j = 0; j < 2; j++) {
			socklen_t len =
				i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
			assert_int_equal(sendto(server, j == 0 ? "one" : "two", 3, 0,
						 (struct sockaddr *)&from[j], len),
				3);
			assert_true(wait_readable(state, clients[j]));
			assert_int_equal(recv(clients[j], got, sizeof(got), 0), 3);
			assert_memory_equal(got, j == 0 ? "one" : "two", 3);
		}
		const struct broker_decision *flow = wait_decision(state, BROKER_FLOW);
		assert_true(flow->allowed);
		assert_int_equal(flow->protocol, IPPROTO_UDP);
		// Somebody else's datagram does not come in.
		int stranger = host_datagrams(i == 0 ? HOST_OTHER : "::1");
		socklen_t len = i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		sendto(stranger, "bad", 3, 0, (struct sockaddr *)&from[0], len);
		bench_run(state, 50);
		assert_false(is_readable(one));
		close(stranger);
		close(one);
		close(two);
		close(server);
	}
	// What no rule names, the pool included.
	int elsewhere = host_datagrams(HOST_OTHER);
	static const char *const denied[] = {HOST_OTHER, "198.18.0.1", "127.0.0.1", HOST_PRIVATE};
	for (size_t i = 0; i < 4; i++) {
		state->decisions_len = 0;
		int client = inside_datagrams(denied[i], 5353);
		assert_int_equal(send(client, "ask", 3, 0), 3);
		const struct broker_decision *flow = wait_decision(state, BROKER_FLOW);
		assert_false(flow->allowed);
		assert_int_equal(flow->id, 0);
		close(client);
	}
	assert_false(is_readable(elsewhere));
	close(elsewhere);
	bench_end(state);
}

// Datagrams to a name would need it to be looked up: not even learning does that.
static void no_datagrams_to_names(void **unused) {
	struct state *state = bench_begin_with(UDP_POLICY, true, 0);
	listen_at(state, BROKER_LISTEN_UDP, 5353, 0, inside_listen(SOCK_DGRAM, NULL, 5353));
	char address[64];
	assert_int_equal(look_up(state, "one.example", DNS_TYPE_A, address), DNS_NOERROR);
	int client = inside_datagrams(address, 5353);
	assert_int_equal(send(client, "ask", 3, 0), 3);
	const struct broker_decision *flow = wait_decision(state, BROKER_FLOW);
	assert_false(flow->allowed);
	assert_string_equal(flow->untrusted_name, "one.example");
	close(client);
	bench_end(state);
}

static void many_flows(void **unused) {
	struct state *state = bench_begin(UDP_POLICY);
	listen_at(state, BROKER_LISTEN_UDP, 5353, 0, inside_listen(SOCK_DGRAM, NULL, 5353));
	int server = host_datagrams(HOST_SERVER);
	struct sockaddr_storage to;
	socklen_t to_len = make_address(HOST_SERVER, 5353, &to);
	bool refused = false;
	for (int i = 0; i < 1200; i++) {
		int client = inside_socket(AF_INET, SOCK_DGRAM);
		assert_true(sendto(client, "x", 1, 0, (struct sockaddr *)&to, to_len) == 1);
		wl_event_loop_dispatch(state->loop, 10);
		close(client);
	}
	bench_run(state, 100);
	for (size_t i = 0; i < state->decisions_len; i++) {
		refused = refused || (state->decisions[i].kind == BROKER_FLOW &&
					     state->decisions[i].reason == BROKER_TOO_MANY);
	}
	assert_true(refused);
	close(server);
	bench_end(state);
}

// ---- policies that change

static void an_update_cuts(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int one = host_listen(HOST_SERVER, &port), two = host_listen(HOST_OTHER, &port);
	int kept = connect_to(state, "one.example", PORT), kept_far = accept_from(state, one);
	int cut = connect_to(state, "two.example", PORT), cut_far = accept_from(state, two);
	say(kept, "*1\r\n");
	expect(state, kept_far, "*1\r\n");
	assert_int_equal(
		broker_update(state->broker, bench_policy(ALLOW("{\"domain\": \"one.example\"}"))),
		1);
	expect_reset(state, cut);
	expect_reset(state, cut_far);
	const struct broker_decision *closed = wait_decision(state, BROKER_CLOSED);
	assert_int_equal(closed->reason, BROKER_POLICY_CHANGED);
	assert_string_equal(closed->untrusted_name, "two.example");
	say(kept, "*2\r\n");
	expect(state, kept_far, "*2\r\n");
	// A range that is denied now cuts what was dialled into it.
	assert_int_equal(
		broker_update(state->broker,
			bench_policy("{\"egress\": {\"allow\": [{\"to\": [{\"domain\": "
				     "\"one.example\"}], \"ports\": [{\"protocol\": \"tcp\", "
				     "\"port\": 8443}]}], \"deny\": [{\"to\": [{\"cidr\": "
				     "\"203.0.113.0/24\"}]}]}}")),
		1);
	expect_reset(state, kept);
	// The address is still the name's, and the name is asked again.
	char address[64];
	assert_int_equal(look_up(state, "two.example", DNS_TYPE_A, address), DNS_REFUSED);
	close(kept);
	close(kept_far);
	close(cut);
	close(cut_far);
	close(one);
	close(two);
	bench_end(state);
}

static void learning(void **unused) {
	struct state *state = bench_begin_with("{}", true, 0);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port), private = host_listen(HOST_PRIVATE, &port);
	int loop = host_listen("127.0.0.1", &port), own = host_listen(HOST_OWN, &port);
	int client = connect_to(state, "one.example", PORT);
	close(accept_from(state, server));
	const struct broker_decision *lookup = wait_decision(state, BROKER_LOOKUP);
	assert_true(lookup->allowed);
	assert_int_equal(lookup->flags, BROKER_LEARNED);
	const struct broker_decision *stands = wait_decision(state, BROKER_CONNECT);
	assert_true(stands->allowed);
	assert_int_equal(stands->flags, BROKER_LEARNED);
	assert_string_equal(stands->untrusted_rule, "/network/egress/default");
	close(client);
	state->decisions_len = 0;
	client = connect_to(state, "private.example", PORT);
	close(accept_from(state, private));
	assert_int_equal(wait_decision(state, BROKER_CONNECT)->flags, BROKER_LEARNED);
	close(client);
	client = inside_connect(HOST_SERVER, PORT);
	close(accept_from(state, server));
	close(client);
	// But not this machine itself.
	static const char *const never[] = {"loop.example", "own.example", "metadata.example"};
	for (size_t i = 0; i < 3; i++) {
		client = connect_to(state, never[i], PORT);
		expect_reset(state, client);
		close(client);
	}
	char address[64];
	assert_int_equal(look_up(state, NETWORK_HOST_NAME, DNS_TYPE_A, address), DNS_REFUSED);
	// Another name under way is told, and let through.
	state->decisions_len = 0;
	client = connect_to(state, "one.example", PORT);
	int far = accept_from(state, server);
	say(client, "GET / HTTP/1.1\r\nHost: two.example\r\n\r\n");
	expect(state, far, "GET / HTTP/1.1\r\nHost: two.example\r\n\r\n");
	const struct broker_decision *request = wait_decision(state, BROKER_REQUEST);
	assert_true(request->allowed);
	assert_int_equal(request->flags, BROKER_LEARNED);
	assert_int_equal(request->reason, BROKER_HTTP_OTHER_HOST);
	close(client);
	close(far);
	close(server);
	close(private);
	close(loop);
	close(own);
	bench_end(state);
}

static void denied_names_at_an_address(void **unused) {
	struct state *state = bench_begin(
		"{\"egress\": {\"allow\": [{\"to\": [{\"cidr\": \"203.0.113.0/24\"}], \"ports\": "
		"[{\"protocol\": \"tcp\", \"port\": 8443}]}], \"deny\": [{\"to\": [{\"domain\": "
		"\"two.example\"}]}]}}");
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = inside_connect(HOST_SERVER, PORT), far = accept_from(state, server);
	say(client, "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
	expect(state, far, "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
	say(client, "GET / HTTP/1.1\r\nHost: two.example\r\n\r\n");
	expect_reset(state, far);
	assert_int_equal(wait_decision(state, BROKER_REQUEST)->reason, BROKER_HTTP_OTHER_HOST);
	close(client);
	close(far);
	close(server);
	bench_end(state);
}

// ---- bytes

static unsigned char pattern(uint64_t at) {
	return (unsigned char)(at * 2654435761u >> 13);
}

// As much as `fd` takes, of what comes after *sent.
static void push(int fd, uint64_t *sent, uint64_t most) {
	static unsigned char block[1 << 16];
	while (*sent < most) {
		size_t len = most - *sent < sizeof(block) ? (size_t)(most - *sent) : sizeof(block);
		for (size_t i = 0; i < len; i++) {
			block[i] = pattern(*sent + i);
		}
		ssize_t n = send(fd, block, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0) {
			assert_int_equal(errno, EAGAIN);
			return;
		}
		*sent += (uint64_t)n;
	}
}

// At most 64 KiB; false: nothing is there.
static bool pull_some(int fd, uint64_t *got, size_t most) {
	static unsigned char block[1 << 16];
	ssize_t n = recv(fd, block, most, MSG_DONTWAIT);
	if (n > 0) {
		bool same = true;
		for (ssize_t i = 0; i < n; i++) {
			same = same && block[i] == pattern(*got + (uint64_t)i);
		}
		assert_true(same);
		*got += (uint64_t)n;
	}
	return n > 0;
}

static void pull(int fd, uint64_t *got) {
	while (pull_some(fd, got, 1 << 16)) {}
}

// Who reads slowly holds up who writes; nothing is lost, and little is kept in between.
static void a_slow_reader(void **unused) {
	enum {
		MOST = 64 << 20
	};
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT), far = accept_from(state, server);
	say(client, "*1\r\n");
	expect(state, far, "*1\r\n");
	fcntl(client, F_SETFL, O_NONBLOCK);
	const int little = 1 << 16; // else the kernel would take most of it
	setsockopt(client, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	setsockopt(far, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	uint64_t sent = 0, before = UINT64_MAX, got = 0, back_sent = 0, back_got = 0;
	while (sent != before) { // until nothing moves any more
		before = sent;
		push(client, &sent, MOST);
		bench_run(state, 60);
	}
	assert_true(sent < MOST / 2);
	// The other way goes on meanwhile.
	push(far, &back_sent, 1 << 16);
	bench_run(state, 20);
	pull(client, &back_got);
	assert_int_equal(back_got, back_sent);
	while (got < MOST) {
		uint64_t last = got + sent;
		push(client, &sent, MOST);
		wl_event_loop_dispatch(state->loop, 1);
		pull(far, &got);
		(void)last;
	}
	shutdown(client, SHUT_WR);
	expect_end(state, far);
	close(far);
	expect_end(state, client);
	assert_int_equal(wait_decision(state, BROKER_CLOSED)->bytes_out, MOST + 4);
	close(client);
	close(server);
	bench_end(state);
}

// Both sides have ended, and what one sent is not read: nothing is done again and again meanwhile.
static void an_end_that_waits(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT), far = accept_from(state, server);
	uint64_t sent = 0, before = UINT64_MAX;
	say(client, "*1\r\n");
	expect(state, far, "*1\r\n");
	shutdown(far, SHUT_WR);
	expect_end(state, client);
	fcntl(client, F_SETFL, O_NONBLOCK);
	while (sent != before) {
		before = sent;
		push(client, &sent, UINT64_MAX);
		bench_run(state, 60);
	}
	// Until all of it, and the end, has come to the broker's side.
	shutdown(client, SHUT_WR);
	int left = 1;
	uint64_t got = 0;
	while (ioctl(client, TIOCOUTQ, &left) == 0 && left > 0) {
		wl_event_loop_dispatch(state->loop, 1);
		pull_some(far, &got, 4096);
	}
	close(client);
	bench_run(state, 100);
	assert_true(got < sent);
	int turns = 0;
	for (uint64_t until = clock_ms() + 500; clock_ms() < until; turns++) {
		wl_event_loop_dispatch(state->loop, 100);
	}
	assert_true(turns < 50);
	while (got < sent) {
		wl_event_loop_dispatch(state->loop, 1);
		pull(far, &got);
	}
	expect_end(state, far);
	close(far);
	close(server);
	bench_end(state);
}

// A resolver that says something else each time is asked once, and each connection goes where it
// was decided to.
static void an_answer_is_pinned(void **unused) {
	static const struct fake_name first[] = {{"turn.example", HOST_SERVER, 0}},
				      then[] = {{"turn.example", HOST_OTHER, 0}};
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port), other = host_listen(HOST_OTHER, &port);
	state->fake.names = first;
	state->fake.names_len = 1;
	int one = connect_to(state, "turn.example", PORT);
	close(accept_from(state, server));
	unsigned int asked = state->fake.asked;
	state->fake.names = then;
	int two = connect_to(state, "turn.example", PORT);
	close(accept_from(state, server));
	assert_int_equal(state->fake.asked, asked);
	bench_run(state, 2100); // the least that an answer is kept
	int three = connect_to(state, "turn.example", PORT);
	close(accept_from(state, other));
	assert_true(state->fake.asked > asked);
	close(one);
	close(two);
	close(three);
	close(server);
	close(other);
	bench_end(state);
}

// Broken off on one side, broken off on the other; and what had come before is not lost.
static void resets(void **unused) {
	const struct linger now = {.l_onoff = 1};
	for (int from_server = 0; from_server < 2; from_server++) {
		struct state *state = bench_begin(ALLOW_EXAMPLES);
		uint16_t port = PORT;
		int server = host_listen(HOST_SERVER, &port);
		int client = connect_to(state, "one.example", PORT);
		int far = accept_from(state, server);
		int first = from_server ? far : client, other = from_server ? client : far;
		say(first, "*1\r\n");
		expect(state, other, "*1\r\n");
		setsockopt(first, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(first);
		expect_reset(state, other);
		assert_int_equal(wait_decision(state, BROKER_CLOSED)->reason, BROKER_RESET);
		close(other);
		close(server);
		bench_end(state);
	}
}

static void nobody_listens(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	int client = connect_to(state, "one.example", PORT);
	expect_reset(state, client);
	const struct broker_decision *decision = wait_decision(state, BROKER_CONNECT);
	assert_true(decision->allowed);
	assert_int_equal(decision->reason, BROKER_UNREACHABLE);
	assert_int_equal(decision->id, 0);
	close(client);
	state->decisions_len = 0;
	client = connect_to(state, "unknown.example", PORT);
	expect_reset(state, client);
	assert_int_equal(wait_decision(state, BROKER_CONNECT)->reason, BROKER_NO_ADDRESS);
	close(client);
	bench_end(state);
}

// An idle broker wakes up for nothing.
static void nothing_to_do(void **unused) {
	struct state *state = bench_begin(ALLOW_EXAMPLES);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	int client = connect_to(state, "one.example", PORT);
	close(accept_from(state, server));
	close(client);
	wait_decision(state, BROKER_CLOSED);
	bench_run(state, 2500); // the sweep ends
	uint64_t begun = clock_ms();
	wl_event_loop_dispatch(state->loop, 1500);
	assert_true(clock_ms() - begun >= 1400);
	close(server);
	bench_end(state);
}

int main(void) {
	world_enter(NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_port),
		cmocka_unit_test(the_hosts_loopback),
		cmocka_unit_test(the_proxy),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(no_datagrams_to_names),
		cmocka_unit_test(many_flows),
		cmocka_unit_test(an_update_cuts),
		cmocka_unit_test(learning),
		cmocka_unit_test(denied_names_at_an_address),
		cmocka_unit_test(a_slow_reader),
		cmocka_unit_test(an_end_that_waits),
		cmocka_unit_test(an_answer_is_pinned),
		cmocka_unit_test(resets),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(nothing_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
