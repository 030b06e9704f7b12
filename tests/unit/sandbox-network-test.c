/*
 * The network of a sandbox, without anybody who serves it: what ends inside, what the sockets that
 * are handed out get to see, and what programs inside can take or change of it. Argument: the built
 * tests/hostile/ports.c.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sandbox-helper.h"

static struct outcome outcome;
static char ports[4096], ports_dir[4096]; // the program inside

static struct sandbox *create(struct bench *bench, const struct sandbox_network *network) {
	bench_init(bench);
	bench_path(bench, POLICY_ACCESS_READONLY, ports_dir);
	const struct sandbox_options options = {
		.policy = &bench->policy, .name = "unit", .network = network};
	struct sandbox_error err = {{0}};
	struct sandbox *sandbox;
	if (sandbox_create(&options, &sandbox, &err) < 0) {
		fail_msg("%s", err.message);
	}
	return sandbox;
}

static void inside(struct sandbox *sandbox, const char *const *argv, const char *output) {
	const struct sandbox_command command = {.argv = argv};
	run_in(sandbox, 1, &command, &outcome);
	if (output && strcmp(outcome.output, output) != 0) {
		fail_msg("%s %s %s: wanted '%s', got %d '%s' %s", argv[1], argv[2], argv[3], output,
			outcome.code, outcome.output, outcome.message);
	}
}

static void dial(
	struct sandbox *sandbox, const char *address, const char *port, const char *output) {
	inside(sandbox, (const char *const[]){ports, "dial", address, port, NULL}, output);
}

static void datagram(
	struct sandbox *sandbox, const char *address, const char *port, const char *output) {
	inside(sandbox, (const char *const[]){ports, "send", address, port, NULL}, output);
}

static void shell(struct sandbox *sandbox, const char *script, const char *output) {
	inside(sandbox, (const char *const[]){"/bin/sh", "-c", script, NULL}, output);
}

static void spawn(struct sandbox *sandbox, const char *script) {
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const struct sandbox_command command = {.argv = argv, .stdio = {-1, -1, -1}};
	assert_int_equal(sandbox_spawn(sandbox, 99, &command, NULL), 0);
}

// Takes the connection that waits and says what was dialled: "[::ffff:198.18.0.7]:443".
static const char *accepted(int fd) {
	static char text[INET6_ADDRSTRLEN + 16];
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct sockaddr_in6 address;
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN];
	assert_int_equal(poll(&wait, 1, 5000), 1);
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(connection >= 0);
	assert_int_equal(getsockname(connection, (struct sockaddr *)&address, &len), 0);
	// Whatever the machine's own is.
	char congestion[16] = "";
	len = sizeof(congestion) - 1;
	assert_int_equal(getsockopt(connection, IPPROTO_TCP, TCP_CONGESTION, congestion, &len), 0);
	assert_string_equal(congestion, "reno");
	close(connection);
	assert_int_equal(address.sin6_family, AF_INET6);
	inet_ntop(AF_INET6, &address.sin6_addr, host, sizeof(host));
	snprintf(text, sizeof(text), "[%s]:%u", host, ntohs(address.sin6_port));
	return text;
}

#define POOL_V4 {AF_INET, {198, 18}, 15}
#define POOL_V6 {AF_INET6, {0xfd, 0x70, 0x61, 0x72, 0x63, 0x6c, 0x6f, 0x73}, 64}

static const struct sandbox_route pools[] = {POOL_V4, POOL_V6};

// ---- a socket a port

static void test_ports(void **state) {
	(void)state;
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 443},
		{.type = SOCK_DGRAM, .port = 3478},
		{.type = SOCK_STREAM, .port = 53, .address = htonl(0x7f000035)},
		{.type = SOCK_DGRAM, .port = 53, .address = htonl(0x7f000035)},
	};
	const struct sandbox_network network = {pools, 2, sockets, 4, "127.0.0.53", false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	int tcp = sandbox_take_socket(sandbox, 0), udp = sandbox_take_socket(sandbox, 1);
	assert_true(tcp >= 0 && udp >= 0);
	assert_int_equal(sandbox_take_socket(sandbox, 0), -1);
	assert_int_equal(sandbox_take_socket(sandbox, 4), -1);
	dial(sandbox, "198.18.0.7", "443", "connected\n");
	assert_string_equal(accepted(tcp), "[::ffff:198.18.0.7]:443");
	dial(sandbox, "198.19.255.255", "443", "connected\n");
	assert_string_equal(accepted(tcp), "[::ffff:198.19.255.255]:443");
	dial(sandbox, "fd70:6172:636c:6f73::5", "443", "connected\n");
	assert_string_equal(accepted(tcp), "[fd70:6172:636c:6f73::5]:443");
	dial(sandbox, "127.0.0.53", "53", "connected\n");

	// What nobody serves is said to be so at once, and what has no route as well.
	dial(sandbox, "198.18.0.7", "80", "refused\n");
	dial(sandbox, "fd70:6172:636c:6f73::5", "80", "refused\n");
	datagram(sandbox, "198.18.0.7", "443", "refused\n");
	datagram(sandbox, "fd70:6172:636c:6f73::5", "443", "refused\n");
	dial(sandbox, "198.20.0.1", "443", "unreachable\n");
	dial(sandbox, "2001:db8::1", "443", "unreachable\n");
	datagram(sandbox, "192.0.2.1", "53", "unreachable\n");
	sandbox_destroy(sandbox);

	// The sockets are the holder's, and do not keep anything of the sandbox alive but its
	// network.
	assert_true(recv(udp, &(char){0}, 1, 0) < 0 && errno == EAGAIN);
	close(tcp);
	close(udp);
}

static void test_loopback(void **state) {
	(void)state;
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 3128, .address = htonl(INADDR_LOOPBACK)},
		{.type = SOCK_STREAM, .port = 3129, .loopback6 = true},
	};
	const struct sandbox_network network = {pools, 2, sockets, 2, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	dial(sandbox, "127.0.0.1", "3128", "connected\n");
	dial(sandbox, "198.18.0.1", "3128", "refused\n");
	dial(sandbox, "::1", "3129", "connected\n");
	dial(sandbox, "127.0.0.1", "3129", "refused\n");
	sandbox_destroy(sandbox);
}

static void test_datagrams(void **state) {
	(void)state;
	const struct sandbox_socket sockets[] = {{.type = SOCK_DGRAM, .port = 3478}};
	const struct sandbox_route routes[] = {
		{AF_INET, {192, 0, 2}, 24}, {AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32}};
	const struct sandbox_network network = {routes, 2, sockets, 1, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	int udp = sandbox_take_socket(sandbox, 0);
	static const char *const to[] = {"192.0.2.77", "2001:db8::77"};
	static const char *const seen[] = {"::ffff:192.0.2.77", "2001:db8::77"};
	for (size_t i = 0; i < 2; i++) {
		char script[sizeof(ports) + 64], data[8], host[INET6_ADDRSTRLEN];
		snprintf(script, sizeof(script), "timeout 0.2 %s send %s 3478; true", ports, to[i]);
		shell(sandbox, script, "");
		union {
			struct cmsghdr header;
			char bytes[256];
		} control;
		struct iovec iov = {data, sizeof(data)};
		struct msghdr msg = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control)};
		assert_int_equal(recvmsg(udp, &msg, 0), 3);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		assert_non_null(cmsg);
		assert_int_equal(cmsg->cmsg_level, IPPROTO_IPV6);
		assert_int_equal(cmsg->cmsg_type, IPV6_PKTINFO);
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		inet_ntop(AF_INET6, &info.ipi6_addr, host, sizeof(host));
		assert_string_equal(host, seen[i]);
	}
	close(udp);
	sandbox_destroy(sandbox);
}

// ---- one socket for every port

static void test_every_port(void **state) {
	(void)state;
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = SANDBOX_EVERY_PORT, .every_port = true}};
	const struct sandbox_route routes[] = {{AF_INET, {0}, 0}, {AF_INET6, {0}, 0}};
	const struct sandbox_network network = {routes, 2, sockets, 1, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	int tcp = sandbox_take_socket(sandbox, 0);
	dial(sandbox, "203.0.113.9", "22", "connected\n");
	assert_string_equal(accepted(tcp), "[::ffff:203.0.113.9]:22");
	dial(sandbox, "2001:db8::9", "65535", "connected\n");
	assert_string_equal(accepted(tcp), "[2001:db8::9]:65535");
	dial(sandbox, "203.0.113.9", "1", "connected\n");
	assert_string_equal(accepted(tcp), "[::ffff:203.0.113.9]:1");
	// Its own loopback stays the session's own.
	dial(sandbox, "127.0.0.1", "22", "refused\n");
	dial(sandbox, "127.255.0.1", "22", "refused\n");
	dial(sandbox, "::1", "22", "refused\n");
	datagram(sandbox, "203.0.113.9", "443", "refused\n");
	// A program that listens everywhere takes nothing of what goes outside.
	shell(sandbox,
		"python3 -c 'import socket\n"
		"own = socket.create_server((\"\", 8080))\n"
		"own.settimeout(1)\n"
		"a = socket.create_connection((\"203.0.113.9\", 8080), 2)\n"
		"b = socket.create_connection((\"127.0.0.1\", 8080), 2)\n"
		"print(own.accept()[0].getsockname())\n"
		"try: print(own.accept())\n"
		"except TimeoutError: print(\"no more\")'",
		"('127.0.0.1', 8080)\nno more\n");
	assert_string_equal(accepted(tcp), "[::ffff:203.0.113.9]:8080");
	close(tcp);
	sandbox_destroy(sandbox);
}

// ---- what else is there

static void test_names(void **state) {
	(void)state;
	struct bench bench;
	const struct sandbox_network network = {pools, 2, NULL, 0, "127.0.0.53", false};
	struct sandbox *sandbox = create(&bench, &network);
	shell(sandbox, "cat /etc/resolv.conf; grep hosts /etc/nsswitch.conf",
		"nameserver 127.0.0.53\nhosts: files dns\n");
	sandbox_destroy(sandbox);
	sandbox = create(&bench, NULL);
	shell(sandbox,
		"grep -v '^#' /etc/resolv.conf; grep hosts /etc/nsswitch.conf; "
		"wc -l < /proc/net/route",
		"hosts: files\n1\n");
	dial(sandbox, "198.18.0.1", "443", "unreachable\n");
	sandbox_destroy(sandbox);
}

static void test_link(void **state) {
	(void)state;
	struct bench bench;
	const struct sandbox_network network = {pools, 2, NULL, 0, NULL, true};
	struct sandbox *sandbox = create(&bench, &network);
	// Up, with an address of each family, none of its own making; and all goes as without it.
	shell(sandbox,
		"cat /sys/class/net/eth0/operstate 2>/dev/null; grep -c eth0 /proc/net/dev; "
		"grep eth0 /proc/net/if_inet6 | cut -c1-32; wc -l < /proc/net/route",
		"2\nfd706172636c6f740000000000000001\n1\n");
	dial(sandbox, "198.18.0.1", "443", "refused\n");
	dial(sandbox, "192.0.0.9", "443", "unreachable\n");
	dial(sandbox, "fe80::1", "443", "Invalid argument\n");
	datagram(sandbox, "224.0.0.251", "5353", "unreachable\n");
	sandbox_destroy(sandbox);
}

static void test_request(void **state) {
	(void)state;
	struct bench bench;
	const struct sandbox_network network = {pools, 2, NULL, 0, NULL};
	struct sandbox *sandbox = create(&bench, &network);
	assert_int_equal(sandbox_request_socket(sandbox, 77, AF_INET), 0);
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_SOCKET);
	assert_int_equal(event.id, 77);
	assert_int_equal(event.error, 0);
	assert_int_equal(event.pty_fd, -1);
	// It is one of in there: the pool's addresses answer.
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xc6120001)};
	assert_int_equal(connect(event.socket_fd, (const struct sockaddr *)&to, sizeof(to)), -1);
	assert_true(errno == ECONNREFUSED || errno == EINPROGRESS);
	close(event.socket_fd);
	assert_int_equal(sandbox_request_socket(sandbox, 78, AF_PACKET), 0);
	event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_SOCKET);
	assert_int_equal(event.error, EAFNOSUPPORT);
	assert_int_equal(event.socket_fd, -1);
	sandbox_destroy(sandbox);
}

static void test_too_many(void **state) {
	(void)state;
	struct sandbox_socket sockets[SANDBOX_MAX_SOCKETS + 1] = {{0}};
	const size_t most = SANDBOX_MAX_SOCKETS;
	for (size_t i = 0; i < most + 1; i++) {
		sockets[i] = (struct sandbox_socket){
			.type = i % 2 ? SOCK_DGRAM : SOCK_STREAM, .port = (uint16_t)(1000 + i)};
	}
	struct sandbox_network network = {pools, 2, sockets, most, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	dial(sandbox, "198.18.0.1", "1198", "connected\n");
	int last = sandbox_take_socket(sandbox, most - 2);
	assert_string_equal(accepted(last), "[::ffff:198.18.0.1]:1198");
	close(last);
	sandbox_destroy(sandbox);
	network.sockets_len++;
	const struct sandbox_options options = {
		.policy = &bench.policy, .name = "unit", .network = &network};
	struct sandbox_error err;
	assert_true(sandbox_create(&options, &sandbox, &err) < 0);
	assert_non_null(strstr(err.message, "at most"));
	// A socket that cannot be made ends the start, with the reason.
	sockets[1] = sockets[0];
	network.sockets_len = 2;
	assert_true(sandbox_create(&options, &sandbox, &err) < 0);
	assert_non_null(strstr(err.message, "sockets: Address already in use"));
}

static void test_routes(void **state) {
	(void)state;
	enum {
		COUNT = 1000
	};
	static struct sandbox_route routes[COUNT];
	for (unsigned int i = 0; i < COUNT; i++) {
		routes[i] = (struct sandbox_route){.family = i % 2 ? AF_INET6 : AF_INET,
			.address = {i % 2 ? 0x20 : 11, (unsigned char)(i >> 8), (unsigned char)i},
			.prefix = 24};
	}
	const struct sandbox_network network = {routes, COUNT, NULL, 0, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	dial(sandbox, "11.0.0.1", "80", "refused\n");
	dial(sandbox, "11.3.230.1", "80", "refused\n");
	dial(sandbox, "2003:e700::1", "80", "refused\n");
	dial(sandbox, "11.4.0.1", "80", "unreachable\n");
	sandbox_destroy(sandbox);
}

static void test_extend(void **state) {
	(void)state;
	const struct sandbox_socket first[] = {{.type = SOCK_STREAM, .port = 443}};
	const struct sandbox_network network = {pools, 2, first, 1, NULL, false};
	struct bench bench;
	struct sandbox *sandbox = create(&bench, &network);
	dial(sandbox, "198.18.0.1", "22", "refused\n");
	dial(sandbox, "192.0.2.1", "22", "unreachable\n");
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 22}, {.type = SOCK_DGRAM, .port = 3478}};
	const struct sandbox_route routes[] = {
		{AF_INET, {192, 0, 2}, 24}, {AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32}};
	const struct sandbox_network more = {routes, 2, sockets, 2, NULL, false};
	struct sandbox_error err;
	int fds[2] = {-1, -1};
	if (sandbox_extend(sandbox, &more, fds, &err) < 0) {
		fail_msg("%s", err.message);
	}
	dial(sandbox, "198.18.0.1", "22", "connected\n");
	assert_string_equal(accepted(fds[0]), "[::ffff:198.18.0.1]:22");
	dial(sandbox, "2001:db8::1", "22", "connected\n");
	assert_string_equal(accepted(fds[0]), "[2001:db8::1]:22");
	close(fds[0]);
	close(fds[1]);
	// Every port, later.
	const struct sandbox_socket every[] = {
		{.type = SOCK_STREAM, .port = SANDBOX_EVERY_PORT, .every_port = true}};
	const struct sandbox_network all = {NULL, 0, every, 1, NULL, false};
	assert_int_equal(sandbox_extend(sandbox, &all, fds, &err), 0);
	dial(sandbox, "198.18.0.1", "4711", "connected\n");
	assert_string_equal(accepted(fds[0]), "[::ffff:198.18.0.1]:4711");
	close(fds[0]);
	// A port that a program inside has taken is said to be.
	spawn(sandbox, "exec python3 -c 'import socket, time\n"
		       "s = socket.create_server((\"\", 8023))\n"
		       "time.sleep(60)'");
	const struct sandbox_socket taken[] = {{.type = SOCK_STREAM, .port = 8023}};
	const struct sandbox_network last = {NULL, 0, taken, 1, NULL, false};
	for (int i = 0; i < 100 && sandbox_extend(sandbox, &last, fds, &err) == 0; i++) {
		close(fds[0]);
		usleep(50000);
	}
	assert_string_equal(err.message,
		"TCP port 8023 cannot be served inside: Address already in use by a program of the "
		"session");
	sandbox_destroy(sandbox);
	sandbox = create(&bench, NULL);
	assert_int_equal(sandbox_extend(sandbox, &more, fds, &err), -ENOTSUP);
	sandbox_destroy(sandbox);
}

// A machine without IPv6 (ipv6.disable=1), as far as a process can see it.
static bool forbid_ipv6(void) {
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int run_without_ipv6(void) {
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 443},
		{.type = SOCK_DGRAM, .port = 3478},
		{.type = SOCK_STREAM, .port = SANDBOX_EVERY_PORT, .every_port = true},
	};
	const struct sandbox_network network = {pools, 2, sockets, 3, NULL, true};
	struct bench bench;
	struct sandbox *sandbox;
	struct sandbox_error err;
	bench_init(&bench);
	bench_path(&bench, POLICY_ACCESS_READONLY, ports_dir);
	const struct sandbox_options options = {
		.policy = &bench.policy, .name = "unit", .network = &network};
	if (!forbid_ipv6() || sandbox_create(&options, &sandbox, &err) < 0) {
		return 1;
	}
	for (size_t i = 0; i < 3; i++) {
		int family = 0, fd = sandbox_take_socket(sandbox, i);
		socklen_t len = sizeof(family);
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) || family != AF_INET) {
			return 2;
		}
	}
	const char *const argv[] = {ports, "dial", "198.18.0.1", "4711", NULL};
	const struct sandbox_command command = {.argv = argv};
	run_in(sandbox, 1, &command, &outcome);
	sandbox_destroy(sandbox);
	return strcmp(outcome.output, "connected\n") == 0 ? 0 : 3;
}

static void test_without_ipv6(void **state) {
	(void)state;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		_exit(run_without_ipv6());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void attack(bool nested) {
	const struct sandbox_socket sockets[] = {
		{.type = SOCK_STREAM, .port = 8443},
		{.type = SOCK_DGRAM, .port = 3478},
		{.type = SOCK_STREAM, .port = 53, .address = htonl(0x7f000035)},
		{.type = SOCK_DGRAM, .port = 53, .address = htonl(0x7f000035)},
		{.type = SOCK_STREAM, .port = SANDBOX_EVERY_PORT, .every_port = true},
	};
	const struct sandbox_network network = {pools, 2, sockets, 5, "127.0.0.53", false};
	struct bench bench;
	bench_init(&bench);
	bench.policy.process.nested_sandbox = nested;
	bench_path(&bench, POLICY_ACCESS_READONLY, ports_dir);
	const struct sandbox_options options = {
		.policy = &bench.policy, .name = "unit", .network = &network};
	struct sandbox_error err;
	struct sandbox *sandbox;
	assert_int_equal(sandbox_create(&options, &sandbox, &err), 0);
	inside(sandbox,
		(const char *const[]){ports, "--tcp", "8443", "--tcp", "53", "--tcp", "1", "--udp",
			"3478", "--udp", "53", NULL},
		NULL);
	sandbox_destroy(sandbox);
	if (outcome.code != 0 || strstr(outcome.output, "broken")) {
		fail_msg("%d %s\n%s", outcome.code, outcome.message, outcome.output);
	}
	assert_non_null(strstr(outcome.output, "held tun-device"));
	assert_int_equal(strstr(outcome.output, "in a user namespace of its own") != NULL, nested);
}

static void test_attacks(void **state) {
	(void)state;
	attack(false);
	attack(true);
}

int main(int argc, char **argv) {
	if (argc < 2 || !realpath(argv[1], ports)) {
		fprintf(stderr, "usage: sandbox-network-test PORTS\n");
		return 2;
	}
	snprintf(ports_dir, sizeof(ports_dir), "%s", ports);
	*strrchr(ports_dir, '/') = '\0';
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_every_port),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_without_ipv6),
		cmocka_unit_test(test_attacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
