/*
 * parclose-network as it is started by a supervisor, which this test plays: confined, and serving
 * sockets of another network.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "network/channel.h"
#include "network/clock.h"
#include "network/dns.h"
#include "policy/network.h"
#include "sandbox/sandbox.h"
#include "tests/helpers/world.h"

#define PORT 8443

static const char *program;

static const struct fake_name names[] = {{"one.example", HOST_SERVER, 30}};

struct state {
	struct wl_event_loop *loop;
	struct resolver_fake fake;
	int channel, pidfd;
	pid_t pid;
};

static int make_policy(const char *network) {
	int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	dprintf(fd, "{\"parclose\": 1, \"network\": %s}", network);
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
	return fd;
}

static void send_message(struct state *state, const struct broker_message *message, int fd) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(state->channel, &msg, MSG_NOSIGNAL), (ssize_t)sizeof(*message));
	if (fd >= 0) {
		close(fd);
	}
}

static bool wait_readable(struct state *state, int fd) {
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	uint64_t until = clock_ms() + 5000;
	while (poll(&wait, 1, 0) == 0 && clock_ms() < until) {
		wl_event_loop_dispatch(state->loop, 10);
	}
	return poll(&wait, 1, 0) == 1;
}

// The next message of this type; others are passed over.
static struct broker_message wait_message(struct state *state, enum broker_type type) {
	struct broker_message message = {0};
	while (message.type != type) {
		assert_true(wait_readable(state, state->channel));
		ssize_t n = recv(state->channel, &message, sizeof(message), 0);
		if (n != (ssize_t)sizeof(message)) {
			print_error("the broker is gone\n");
		}
		assert_int_equal(n, (ssize_t)sizeof(message));
		if (message.type == BROKER_FATAL && type != BROKER_FATAL) {
			print_error("%s\n", message.fatal.text);
			fail();
		}
	}
	return message;
}

static void start(struct state *state) {
	int pair[2];
	struct sandbox_error error;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	int executable = open(program, O_PATH | O_CLOEXEC);
	assert_true(executable >= 0);
	state->pid = sandbox_clone_networked(&state->pidfd, &error);
	if (state->pid == 0) {
		if (dup2(pair[1], BROKER_FD) == BROKER_FD) {
			char *const argv[] = {(char *)"parclose-network", NULL};
			// Looking for leaks needs what the filter forbids.
			char *const env[] = {(char *)"ASAN_OPTIONS=detect_leaks=0", NULL};
			execveat(executable, "", argv, env, AT_EMPTY_PATH);
		}
		_exit(127);
	}
	if (state->pid < 0) {
		print_error("%s\n", error.message);
	}
	assert_true(state->pid > 0);
	close(executable);
	close(pair[1]);
	state->channel = pair[0];
}

static void listen_at(struct state *state, enum broker_listen_kind kind, uint32_t port, int fd) {
	const struct broker_message message = {
		.type = BROKER_LISTEN, .listen = {.kind = kind, .port = port}};
	send_message(state, &message, fd);
}

static struct state *begin(const char *network) {
	struct state *state = calloc(1, sizeof(*state));
	state->loop = wl_event_loop_create();
	state->fake.names = names;
	state->fake.names_len = 1;
	resolver_fake_begin(&state->fake, state->loop);
	start(state);
	const struct broker_message setup = {
		.type = BROKER_SETUP, .setup = {.version = BROKER_VERSION}};
	send_message(state, &setup, make_policy(network));
	return state;
}

static int wait_exit(struct state *state) {
	struct pollfd wait = {.fd = state->pidfd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	int status;
	assert_int_equal(waitpid(state->pid, &status, 0), state->pid);
	return status;
}

static void end(struct state *state) {
	close(state->channel);
	close(state->pidfd);
	resolver_fake_end(&state->fake);
	wl_event_loop_destroy(state->loop);
	free(state);
}

#define ALLOW \
	"{\"egress\": {\"allow\": [{\"to\": [{\"domain\": \"one.example\"}], \"ports\": " \
	"[{\"protocol\": \"tcp\", \"port\": 8443}]}]}}"
#define DENY "{\"egress\": {\"default\": \"deny\"}}"

static int connect_inside(struct state *state) {
	static const unsigned char query[] =
		"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03one\x07"
		"example\x00\x00\x01\x00\x01";
	unsigned char got[512];
	char address[64];
	struct sockaddr_storage to;
	int dns = inside_socket(AF_INET, SOCK_DGRAM);
	socklen_t to_len = make_address(NETWORK_DNS_ADDRESS, 53, &to);
	assert_true(sendto(dns, query, sizeof(query) - 1, 0, (struct sockaddr *)&to, to_len) > 0);
	assert_true(wait_readable(state, dns));
	ssize_t n = recv(dns, got, sizeof(got), 0);
	assert_int_equal(n, sizeof(query) - 1 + 16);
	inet_ntop(AF_INET, got + n - 4, address, sizeof(address));
	close(dns);
	return inside_connect(address, PORT);
}

static void read_status(pid_t pid, const char *key, char *out, size_t size) {
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	out[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':') {
			snprintf(out, size, "%s", line + strlen(key) + 2);
			out[strcspn(out, "\n")] = '\0';
		}
	}
	fclose(file);
}

// Its memory has an end; with AddressSanitizer it has none.
static void check_memory(pid_t pid) {
#if !defined(PARCLOSE_SANITIZED)
	char path[64], line[256];
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		found = found || (strstr(line, "Max data size") != NULL &&
					 strstr(line, "536870912            536870912") != NULL);
	}
	fclose(file);
	assert_true(found);
#endif
}

// What the kernel says of it: the same network, no capability, no other mount, a filter.
static void check_confinement(pid_t pid) {
	check_memory(pid);
	static const char *const none[] = {"CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"};
	char value[256], path[64], mine[64], its[64];
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		read_status(pid, none[i], value, sizeof(value));
		assert_string_equal(value, "0000000000000000");
	}
	read_status(pid, "NoNewPrivs", value, sizeof(value));
	assert_string_equal(value, "1");
	read_status(pid, "Seccomp", value, sizeof(value));
	assert_string_equal(value, "2");
	static const char *const own[] = {"user", "mnt", "pid", "ipc", "uts", "net"};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, own[i]);
		ssize_t n = readlink(path, its, sizeof(its) - 1);
		its[n > 0 ? n : 0] = '\0';
		snprintf(path, sizeof(path), "/proc/self/ns/%s", own[i]);
		ssize_t m = readlink(path, mine, sizeof(mine) - 1);
		mine[m > 0 ? m : 0] = '\0';
		if (n < 0) {
			continue; // another user's, to us
		}
		assert_int_equal(strcmp(its, mine) == 0, strcmp(own[i], "net") == 0);
	}
}

static void it_serves(void **unused) {
	struct state *state = begin(ALLOW);
	uint16_t port = PORT;
	int server = host_listen(HOST_SERVER, &port);
	listen_at(state, BROKER_LISTEN_DNS_UDP, 53,
		inside_listen(SOCK_DGRAM, NETWORK_DNS_ADDRESS, 53));
	listen_at(state, BROKER_LISTEN_TCP, PORT, inside_listen(SOCK_STREAM, NULL, PORT));
	wait_message(state, BROKER_READY);
	check_confinement(state->pid);
	int client = connect_inside(state);
	assert_true(wait_readable(state, server));
	int far = accept(server, NULL, NULL);
	struct broker_message message = wait_message(state, BROKER_DECISION);
	assert_int_equal(message.decision.kind, BROKER_LOOKUP);
	message = wait_message(state, BROKER_DECISION);
	assert_int_equal(message.decision.kind, BROKER_CONNECT);
	assert_true(message.decision.allowed);

	// Much, both ways, through splice.
	static char block[1 << 20];
	size_t got = 0;
	memset(block, 1, sizeof(block)); // neither TLS nor HTTP
	while (got < 64 * sizeof(block)) {
		ssize_t n = send(client, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
		assert_true(n > 0 || errno == EAGAIN);
		n = recv(far, block, sizeof(block), MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
	}
	// A policy that forbids it cuts it.
	const struct broker_message update = {.type = BROKER_UPDATE, .update = {.serial = 7}};
	send_message(state, &update, make_policy(DENY));
	message = wait_message(state, BROKER_DECISION);
	assert_int_equal(message.decision.kind, BROKER_CLOSED);
	assert_int_equal(message.decision.reason, BROKER_POLICY_CHANGED);
	assert_true(message.decision.bytes_out >= got);
	message = wait_message(state, BROKER_UPDATED);
	assert_int_equal(message.updated.serial, 7);
	assert_int_equal(message.updated.status, BROKER_UPDATE_OK);
	assert_int_equal(message.updated.cut, 1);

	const struct broker_message stop = {.type = BROKER_STOP};
	send_message(state, &stop, -1);
	assert_int_equal(wait_exit(state), 0);
	close(client);
	close(far);
	close(server);
	end(state);
}

static void a_bad_policy_is_refused(void **unused) {
	struct state *state = begin("{\"egress\": 7}");
	struct broker_message message = wait_message(state, BROKER_FATAL);
	assert_non_null(strstr(message.fatal.text, "/network/egress"));
	assert_int_equal(wait_exit(state), EXIT_FAILURE << 8);
	end(state);
}

static void a_bad_update_changes_nothing(void **unused) {
	struct state *state = begin(ALLOW);
	wait_message(state, BROKER_READY);
	const struct broker_message update = {.type = BROKER_UPDATE, .update = {.serial = 1}};
	send_message(state, &update, make_policy("7"));
	struct broker_message message = wait_message(state, BROKER_UPDATED);
	assert_int_equal(message.updated.status, BROKER_UPDATE_REFUSED);
	close(state->channel); // the supervisor dies
	assert_int_equal(wait_exit(state), 0);
	state->channel = dup(0);
	end(state);
}

static void nonsense_ends_it(void **unused) {
	struct state *state = begin(ALLOW);
	wait_message(state, BROKER_READY);
	listen_at(state, BROKER_LISTEN_TCP, PORT, dup(0));
	wait_message(state, BROKER_FATAL);
	assert_int_equal(wait_exit(state), EXIT_FAILURE << 8);
	end(state);
}

// Thousands of decisions that the supervisor does not read: nothing is lost, nothing grows.
static void a_slow_supervisor(void **unused) {
	struct state *state = begin(ALLOW);
	listen_at(state, BROKER_LISTEN_DNS_UDP, 53,
		inside_listen(SOCK_DGRAM, NETWORK_DNS_ADDRESS, 53));
	wait_message(state, BROKER_READY);
	static const unsigned char query[] =
		"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03two\x07"
		"example\x00\x00\x01\x00\x01";
	struct sockaddr_storage to;
	int dns = inside_socket(AF_INET, SOCK_DGRAM);
	socklen_t to_len = make_address(NETWORK_DNS_ADDRESS, 53, &to);
	size_t answered = 0, decisions = 0;
	unsigned char got[512];
	for (int i = 0; i < 4000; i++) {
		sendto(dns, query, sizeof(query) - 1, 0, (struct sockaddr *)&to, to_len);
		struct pollfd wait = {.fd = dns, .events = POLLIN};
		if (poll(&wait, 1, i < 1000 ? 1000 : 1) == 1) {
			answered += recv(dns, got, sizeof(got), 0) > 0;
		}
	}
	assert_true(answered >= 1000 && answered < 3000);
	struct broker_message message;
	struct pollfd wait = {.fd = state->channel, .events = POLLIN};
	while (poll(&wait, 1, 500) == 1) {
		assert_int_equal(
			recv(state->channel, &message, sizeof(message), 0), sizeof(message));
		decisions += message.type == BROKER_DECISION;
	}
	assert_true(decisions >= answered);
	close(dns);
	const struct broker_message stop = {.type = BROKER_STOP};
	send_message(state, &stop, -1);
	assert_int_equal(wait_exit(state), 0);
	end(state);
}

int main(int argc, char **argv) {
	assert(argc == 2);
	program = argv[1];
	world_enter("nameserver 127.0.0.1\noptions timeout:1\n");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_serves),
		cmocka_unit_test(a_bad_policy_is_refused),
		cmocka_unit_test(a_bad_update_changes_nothing),
		cmocka_unit_test(nonsense_ends_it),
		cmocka_unit_test(a_slow_supervisor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
