// One line-speaking partner: lengths, bounds, both kinds of descriptors, and every way to end.

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "session/connection.h"
#include "session/rpc.h"

struct fixture {
	struct wl_event_loop *loop;
	struct connection *connection;
	int in, out; // our ends: what we write to it, what it writes to us
	size_t lines, last_len, fds;
	char first_byte;
	int ended, closed;
	bool echo, destroy, hold;
};

static void handle_line(void *data, const char *untrusted_line, size_t len) {
	struct fixture *f = data;
	f->lines++;
	f->last_len = len;
	f->first_byte = len > 0 ? untrusted_line[0] : '\0';
	int fds[CONNECTION_MAX_FDS];
	if (f->first_byte == 'f') {
		f->fds = connection_take_fds(f->connection, fds);
		for (size_t i = 0; i < f->fds; i++) {
			assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
			close(fds[i]);
		}
	}
	if (f->echo) {
		char *text = strndup(untrusted_line, len);
		assert_non_null(text);
		connection_send_json(f->connection, cJSON_CreateString(text));
		free(text);
	}
	if (f->hold) {
		connection_hold(f->connection, true);
	}
	if (f->destroy) {
		connection_destroy(f->connection);
		f->connection = NULL;
	}
}

static void handle_ended(void *data) {
	((struct fixture *)data)->ended++;
}

static void handle_closed(void *data) {
	struct fixture *f = data;
	f->closed++;
	f->connection = NULL;
}

static const struct connection_handler plain = {.line = handle_line, .closed = handle_closed};
static const struct connection_handler patient = {
	.line = handle_line, .ended = handle_ended, .closed = handle_closed};

static void turn(struct fixture *f, int times) {
	for (int i = 0; i < times; i++) {
		assert_int_equal(wl_event_loop_dispatch(f->loop, 0), 0);
	}
}

static void open_socket(struct fixture *f, const struct connection_handler *handler) {
	int pair[2];
	*f = (struct fixture){.loop = wl_event_loop_create()};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->in = f->out = pair[1];
	f->connection = connection_create(f->loop, pair[0], pair[0], handler, f);
	assert_non_null(f->connection);
}

static void open_pipes(struct fixture *f, const struct connection_handler *handler) {
	int to[2], from[2];
	*f = (struct fixture){.loop = wl_event_loop_create()};
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	f->in = to[1];
	f->out = from[0];
	f->connection = connection_create(f->loop, to[0], from[1], handler, f);
	assert_non_null(f->connection);
}

static void finish(struct fixture *f) {
	connection_destroy(f->connection);
	if (f->out >= 0 && f->out != f->in) {
		close(f->out);
	}
	if (f->in >= 0) {
		close(f->in);
	}
	wl_event_loop_destroy(f->loop);
}

static void say(struct fixture *f, const char *text, size_t len) {
	for (size_t done = 0; done < len;) {
		size_t some = len - done < 32768 ? len - done : 32768;
		assert_int_equal(write(f->in, text + done, some), (ssize_t)some);
		done += some;
		turn(f, 4);
	}
}

// Reads what is there now, NUL-terminated.
static size_t hear(struct fixture *f, char *text, size_t size) {
	fcntl(f->out, F_SETFL, O_NONBLOCK);
	size_t len = 0;
	ssize_t n;
	while (len < size - 1 && (n = read(f->out, text + len, size - 1 - len)) > 0) {
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

static void test_lines(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	say(&f, "one\ntwo\n\nthr", 12);
	assert_int_equal(f.lines, 3);
	assert_int_equal(f.last_len, 0);
	say(&f, "ee\n", 3);
	assert_int_equal(f.lines, 4);
	assert_int_equal(f.last_len, 5);
	finish(&f);
}

static void test_longest_line(void **state) {
	struct fixture f;
	char *text = malloc(CONNECTION_MAX_LINE + 2);
	assert_non_null(text);
	memset(text, 'x', CONNECTION_MAX_LINE + 1);
	char answer[256];
	open_socket(&f, &plain);
	text[CONNECTION_MAX_LINE] = '\n';
	say(&f, text, CONNECTION_MAX_LINE + 1);
	assert_int_equal(f.lines, 1);
	assert_int_equal(f.last_len, CONNECTION_MAX_LINE);
	assert_int_equal(hear(&f, answer, sizeof(answer)), 0);
	// One more is too much, is said once, and the next line is heard again.
	text[CONNECTION_MAX_LINE] = 'x';
	text[CONNECTION_MAX_LINE + 1] = '\n';
	say(&f, text, CONNECTION_MAX_LINE + 2);
	say(&f, "next\n", 5);
	assert_int_equal(f.lines, 2);
	assert_int_equal(f.last_len, 4);
	hear(&f, answer, sizeof(answer));
	assert_string_equal(answer,
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
		"\"the message is longer than 1 MiB\"}}\n");
	finish(&f);
	free(text);
}

static void test_far_too_long(void **state) {
	struct fixture f;
	char chunk[32768];
	memset(chunk, '[', sizeof(chunk));
	open_pipes(&f, &plain);
	for (int i = 0; i < 320; i++) { // 10 MiB
		say(&f, chunk, sizeof(chunk));
	}
	say(&f, "\nnext\n", 6);
	assert_int_equal(f.lines, 1);
	assert_int_equal(f.last_len, 4);
	char answer[512];
	hear(&f, answer, sizeof(answer));
	assert_ptr_equal(strchr(answer, '\n') + 1, answer + strlen(answer)); // one line
	finish(&f);
}

static void test_descriptors(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	for (int count = 1; count <= 4; count++) {
		int fds[4] = {0};
		struct iovec iov = {.iov_base = (void *)"f\nx\n", .iov_len = 4};
		union {
			struct cmsghdr header;
			char bytes[CMSG_SPACE(4 * sizeof(int))];
		} control = {0};
		struct msghdr msg = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, (size_t)count * sizeof(int));
		assert_int_equal(sendmsg(f.in, &msg, 0), 4);
		turn(&f, 2);
		assert_int_equal(f.fds, count <= 3 ? count : 3);
	}
	assert_int_equal(f.closed, 1); // four are too many
	assert_int_equal(f.lines, 6);
	finish(&f);
}

static void test_send_descriptor(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	connection_send_fd(f.connection, cJSON_CreateTrue(), dup(0));
	char text[16];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	assert_int_equal(recvmsg(f.out, &msg, MSG_CMSG_CLOEXEC), 5);
	assert_memory_equal(text, "true\n", 5);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	assert_int_equal(close(fd), 0);
	finish(&f);
	open_pipes(&f, &plain); // which cannot carry one
	connection_send_fd(f.connection, cJSON_CreateTrue(), dup(0));
	turn(&f, 1);
	assert_int_equal(f.closed, 1);
	finish(&f);
}

static cJSON *large(void) {
	static char text[1 << 20];
	memset(text, 'l', sizeof(text) - 1);
	return cJSON_CreateString(text);
}

static void test_never_reads(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	int sent = 0;
	for (; f.closed == 0 && sent < 100; sent++) {
		connection_send_json(f.connection, large());
		turn(&f, 1);
	}
	assert_true(sent >= 4 && sent <= 8);
	finish(&f);
}

static void test_reads_late(void **state) {
	struct fixture f;
	void (*const opens[])(struct fixture *, const struct connection_handler *) = {
		open_socket, open_pipes};
	for (size_t i = 0; i < 2; i++) {
		opens[i](&f, &plain);
		connection_send_json(f.connection, large());
		connection_send_json(f.connection, large());
		assert_true(connection_pending(f.connection) > 1000000);
		connection_finish(f.connection);
		turn(&f, 2);
		assert_int_equal(f.closed, 0);
		char *text = malloc(3 << 20);
		assert_non_null(text);
		size_t len = 0;
		for (int turns = 0; f.closed == 0 && turns < 10000; turns++) {
			len += hear(&f, text + len, (3 << 20) - len);
			turn(&f, 1);
		}
		len += hear(&f, text + len, (3 << 20) - len);
		assert_int_equal(len, 2 * ((1 << 20) + 2));
		assert_memory_equal(text + (1 << 20) - 1, "l\"\n\"", 4);
		free(text);
		finish(&f);
	}
}

static void test_ends(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	say(&f, "unfinished", 10);
	close(f.in);
	f.in = f.out = -1;
	turn(&f, 2);
	assert_int_equal(f.closed, 1);
	assert_int_equal(f.lines, 0);
	finish(&f);

	open_socket(&f, &patient); // half closed
	f.echo = true;
	say(&f, "a\n", 2);
	shutdown(f.in, SHUT_WR);
	turn(&f, 3);
	assert_int_equal(f.ended, 1);
	assert_int_equal(f.closed, 0);
	connection_send_json(f.connection, cJSON_CreateString("late"));
	char text[64];
	hear(&f, text, sizeof(text));
	assert_string_equal(text, "\"a\"\n\"late\"\n");
	close(f.in);
	f.in = f.out = -1;
	turn(&f, 2);
	assert_int_equal(f.closed, 1);
	finish(&f);

	open_pipes(&f, &patient);
	close(f.in);
	f.in = -1;
	turn(&f, 5);
	assert_int_equal(f.ended, 1); // once, and the hang-up does not wake us again
	assert_int_equal(f.closed, 0);
	close(f.out);
	f.out = -1;
	turn(&f, 2);
	assert_int_equal(f.closed, 1); // nobody reads any more
	finish(&f);

	open_socket(&f, &plain);
	f.destroy = true; // within its own line
	say(&f, "one\ntwo\n", 8);
	assert_int_equal(f.lines, 1);
	assert_int_equal(f.closed, 0);
	finish(&f);

	open_socket(&f, &plain);
	connection_send_json(f.connection, NULL); // out of memory
	assert_int_equal(f.closed, 0); // never within the call
	turn(&f, 1);
	assert_int_equal(f.closed, 1);
	finish(&f);
}

static void test_files(void **state) {
	struct fixture f = {.loop = wl_event_loop_create(), .in = -1, .out = -1, .echo = true};
	char path[] = "/tmp/connection-test-XXXXXX";
	int in = mkstemp(path);
	assert_int_equal(write(in, "one\ntwo\n", 8), 8);
	lseek(in, 0, SEEK_SET);
	unlink(path);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	int out = mkstemp(path);
	unlink(path);
	assert_int_equal(write(out, "kept ", 5), 5);
	int look = dup(out);
	f.connection = connection_create(f.loop, in, out, &patient, &f);
	assert_non_null(f.connection);
	turn(&f, 4);
	assert_int_equal(f.lines, 2);
	assert_int_equal(f.ended, 1);
	char text[32] = "";
	assert_int_equal(pread(look, text, sizeof(text), 0), 17);
	assert_string_equal(text, "kept \"one\"\n\"two\"\n");
	close(look);
	finish(&f);

	f = (struct fixture){.loop = wl_event_loop_create(), .in = -1, .out = -1};
	f.connection = connection_create(
		f.loop, open("/dev/null", O_RDONLY), open("/dev/null", O_WRONLY), &plain, &f);
	assert_non_null(f.connection);
	turn(&f, 2);
	assert_int_equal(f.closed, 1);
	finish(&f);
}

// Flags of a pipe that others share stay as they are.
static void test_shared_flags(void **state) {
	struct fixture f;
	open_pipes(&f, &plain);
	assert_int_equal(fcntl(f.in, F_GETFL) & O_NONBLOCK, 0);
	int theirs[2], ours[2];
	assert_int_equal(pipe2(theirs, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ours, O_CLOEXEC), 0);
	int shared = dup(ours[1]);
	struct connection *connection = connection_create(f.loop, theirs[0], ours[1], &plain, &f);
	assert_non_null(connection);
	assert_int_equal(fcntl(shared, F_GETFL) & O_NONBLOCK, 0);
	connection_destroy(connection);
	close(shared);
	close(theirs[1]);
	close(ours[0]);
	finish(&f);
}

static void test_rpc(void **state) {
	cJSON *error;
	assert_null(rpc_parse("{\"a\":1,\"a\":2}", 13, &error));
	char *text = cJSON_PrintUnformatted(error);
	assert_non_null(strstr(text, "-32700"));
	assert_non_null(strstr(text, "duplicate key"));
	free(text);
	cJSON_Delete(error);
	cJSON *id = cJSON_CreateString("i");
	cJSON *message = rpc_result(id, cJSON_CreateObject());
	text = cJSON_PrintUnformatted(message);
	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{}}");
	free(text);
	cJSON_Delete(message);
	message = rpc_notification("m", NULL);
	text = cJSON_PrintUnformatted(message);
	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}");
	free(text);
	cJSON_Delete(message);
	assert_null(rpc_result(id, NULL));
	cJSON_Delete(id);
}

// What is said to one that is held is neither lost nor handled twice, nor read in vain.
static void test_hold(void **state) {
	struct fixture f;
	open_socket(&f, &plain);
	f.hold = true;
	say(&f, "a\nb\nc", 5);
	assert_int_equal(f.lines, 1);
	for (int i = 0; i < 3; i++) {
		connection_hold(f.connection, false);
		turn(&f, 2);
	}
	assert_int_equal(f.lines, 2);
	assert_int_equal(f.first_byte, 'b');
	f.hold = false;
	connection_hold(f.connection, true);
	say(&f, "c\nd\n", 4);
	assert_int_equal(f.lines, 2);
	connection_hold(f.connection, false);
	turn(&f, 4);
	assert_int_equal(f.lines, 4);
	assert_int_equal(f.first_byte, 'd');
	connection_hold(f.connection, true);
	close(f.in);
	f.in = f.out = -1;
	turn(&f, 4);
	assert_int_equal(f.closed, 1);
	finish(&f);
	open_socket(&f, &plain);
	f.hold = true;
	say(&f, "a\nb\n", 4);
	f.destroy = true;
	connection_hold(f.connection, false);
	turn(&f, 2);
	assert_null(f.connection);
	finish(&f);
	open_socket(&f, &plain); // destroyed before it goes on
	f.hold = true;
	say(&f, "a\nb\n", 4);
	connection_hold(f.connection, false);
	finish(&f);
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_far_too_long),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_send_descriptor),
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_reads_late),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_shared_flags),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_rpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
