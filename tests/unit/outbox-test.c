// What waits for a supervisor that does not read, and for how long.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compositor/outbox.h"

struct fixture {
	struct wl_event_loop *loop;
	struct outbox *outbox;
	int pair[2];
	int gone;
};

static void handle_gone(void *data) {
	struct fixture *f = data;
	f->gone++;
}

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->pair), 0);
	f->loop = wl_event_loop_create();
	f->outbox = outbox_create(f->loop, f->pair[0], handle_gone, f);
	assert_non_null(f->outbox);
	*state = f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;
	outbox_destroy(f->outbox);
	wl_event_loop_destroy(f->loop);
	close(f->pair[0]);
	close(f->pair[1]);
	free(f);
	return 0;
}

static void send_frame(struct fixture *f, uint64_t serial) {
	struct channel_message m = {.type = CHANNEL_FRAME, .frame.serial = serial};
	outbox_send(f->outbox, &m);
}

// Fills the socket for certain: the rest of what is sent has to wait.
static uint64_t fill(struct fixture *f) {
	uint64_t n = 0;
	while (n < 700) {
		send_frame(f, ++n);
	}
	return n;
}

static bool next(struct fixture *f, struct channel_message *m) {
	wl_event_loop_dispatch(f->loop, 0);
	return recv(f->pair[1], m, sizeof(*m), MSG_DONTWAIT) == (ssize_t)sizeof(*m);
}

static void test_order_is_kept(void **state) {
	struct fixture *f = *state;
	uint64_t sent = fill(f);
	struct channel_message m;
	for (uint64_t i = 1; i <= sent; i++) {
		assert_true(next(f, &m));
		assert_int_equal(m.frame.serial, i);
	}
	assert_false(next(f, &m));
	assert_int_equal(f->gone, 0);
}

static void test_the_newest_word_counts(void **state) {
	struct fixture *f = *state;
	uint64_t sent = fill(f);
	for (int i = 0; i < 5000; i++) {
		struct channel_message cursor = {.type = CHANNEL_CURSOR, .cursor.x = i};
		struct channel_message window = {.type = CHANNEL_WINDOW};
		window.window.id = 1 + (uint32_t)i % 3;
		window.window.box.x = i;
		outbox_send(f->outbox, &cursor);
		outbox_send(f->outbox, &window);
	}
	assert_int_equal(f->gone, 0);
	struct channel_message m;
	for (uint64_t i = 0; i < sent; i++) {
		assert_true(next(f, &m));
	}
	int cursors = 0, windows = 0;
	while (next(f, &m)) {
		if (m.type == CHANNEL_CURSOR) {
			cursors++;
			assert_int_equal(m.cursor.x, 4999);
		} else {
			windows++;
			assert_true(m.window.box.x >= 4997);
		}
	}
	assert_int_equal(cursors, 1);
	assert_int_equal(windows, 3);
}

static void test_one_who_never_reads_is_given_up(void **state) {
	struct fixture *f = *state;
	for (uint64_t i = 0; i < 20000; i++) {
		send_frame(f, i);
	}
	assert_int_equal(f->gone, 1);
}

static void test_one_who_left_is_given_up(void **state) {
	struct fixture *f = *state;
	close(f->pair[1]);
	f->pair[1] = -1;
	send_frame(f, 1);
	send_frame(f, 2);
	assert_int_equal(f->gone, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_order_is_kept),
		TEST(test_the_newest_word_counts),
		TEST(test_one_who_never_reads_is_given_up),
		TEST(test_one_who_left_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
