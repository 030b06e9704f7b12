// The clipboard inside and the compositor's half of the gate, with real clients that behave, and
// others that do not.

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "clipboard/item.h"
#include "clipboard/mime.h"
#include "clipboard/selection.h"
#include "tests/helpers/display-client.h"

#define MIB (1u << 20)

static uint32_t token;

static int64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int count_fds(void) {
	int count = 0;
	for (int fd = 0; fd < 1024; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

// ---- the supervisor's side

static int item_fd(size_t bytes, int seals) {
	int fd = memfd_create("item", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char line[64];
	memset(line, 'x', sizeof(line));
	for (size_t done = 0; done < bytes;) {
		ssize_t n = write(fd, line, bytes - done < 64 ? bytes - done : 64);
		assert_true(n > 0);
		done += (size_t)n;
	}
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static bool ask(struct stage *stage, enum channel_type type, const char *mime, uint64_t number,
	uint32_t flags, int fd) {
	struct channel_message message = {.type = type};
	message.clipboard.token = ++token;
	message.clipboard.flags = flags;
	if (type == CHANNEL_CLIPBOARD_PUT) {
		message.clipboard.bytes = number;
	} else {
		message.clipboard.serial = number;
	}
	if (mime != NULL) {
		snprintf(message.clipboard.type, sizeof(message.clipboard.type), "%s", mime);
	}
	return compositor_clipboard(stage->compositor, &message, fd);
}

static const struct channel_message *done_of(struct stage *stage) {
	const struct channel_message *done = stage_last(stage, CHANNEL_CLIPBOARD_DONE);
	assert_non_null(done);
	assert_int_equal(done->clipboard_done.token, token);
	return done;
}

static enum channel_clipboard_status status_of(struct stage *stage) {
	return done_of(stage)->clipboard_done.status;
}

static uint64_t list(struct stage *stage) {
	assert_true(ask(stage, CHANNEL_CLIPBOARD_LIST, NULL, 0, 0, -1));
	return done_of(stage)->clipboard_done.serial;
}

static void put(struct stage *stage, size_t bytes, uint32_t flags) {
	int fd = item_fd(bytes, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, bytes, flags, fd));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_OK);
	stage_settle(stage);
}

// ---- a client's side

struct served {
	char type[64];
	int fd;
	bool cancelled;
	int sends;
};

static void handle_target(void *data, struct wl_data_source *source, const char *type) {
}

static void handle_send(void *data, struct wl_data_source *source, const char *type, int32_t fd) {
	struct served *served = data;
	snprintf(served->type, sizeof(served->type), "%s", type);
	served->sends++;
	if (served->fd >= 0) {
		close(served->fd);
	}
	served->fd = fd;
}

static void handle_cancelled(void *data, struct wl_data_source *source) {
	struct served *served = data;
	served->cancelled = true;
}

static void handle_dnd(void *data, struct wl_data_source *source) {
}

static void handle_action(void *data, struct wl_data_source *source, uint32_t action) {
}

static const struct wl_data_source_listener source_listener = {
	.target = handle_target,
	.send = handle_send,
	.cancelled = handle_cancelled,
	.dnd_drop_performed = handle_dnd,
	.dnd_finished = handle_dnd,
	.action = handle_action,
};

static struct wl_data_source *copy(
	struct client *client, struct served *served, const char *const *types) {
	struct wl_data_source *source =
		wl_data_device_manager_create_data_source(client->data_manager);
	*served = (struct served){.fd = -1};
	wl_data_source_add_listener(source, &source_listener, served);
	for (; *types != NULL; types++) {
		wl_data_source_offer(source, *types);
	}
	wl_data_device_set_selection(client->data_device, source, client->key_serial);
	return source;
}

static void paste_into(struct stage *stage, struct client *client, const char *type, int fd) {
	assert_non_null(client->selection);
	wl_data_offer_receive(client->selection, type, fd);
	close(fd);
	stage_settle(stage);
}

// What comes out of a paste by a reader that behaves.
static size_t paste(struct stage *stage, struct client *client, const char *type) {
	int pipe_fds[2];
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_non_null(client->selection);
	wl_data_offer_receive(client->selection, type, pipe_fds[1]);
	wl_display_flush(client->display);
	close(pipe_fds[1]);
	static char bytes[65536];
	size_t total = 0;
	int64_t until = now_ms() + 5000;
	for (;;) {
		ssize_t n = read(pipe_fds[0], bytes, sizeof(bytes));
		if (n == 0) {
			break;
		}
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_true(now_ms() < until);
			stage_run(stage, 1);
			continue;
		}
		for (ssize_t i = 0; i < n; i++) {
			assert_int_equal(bytes[i], 'x');
		}
		total += (size_t)n;
	}
	close(pipe_fds[0]);
	return total;
}

static int setup(void **state) {
	struct stage *stage = calloc(1, sizeof(*stage));
	stage_init(stage, 640, 400);
	token = 0;
	*state = stage;
	return 0;
}

static int teardown(void **state) {
	stage_finish(*state);
	free(*state);
	return 0;
}

// ---- out

static void test_an_item_is_listed_and_taken(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage);
	struct window *window = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	assert_int_equal(list(stage), 0);
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_EMPTY);
	char longest[200];
	memset(longest, 'a', sizeof(longest));
	longest[CHANNEL_MIME_BYTES] = '\0';
	struct served served;
	const char *const types[] = {MIME_TEXT, "text/html", longest, "", MIME_SECRET, NULL};
	struct wl_data_source *source = copy(a, &served, types);
	stage_settle(stage);
	uint64_t serial = list(stage);
	assert_true(serial > 0);
	// A name that does not fit, and one that is none, are left out.
	assert_int_equal(done_of(stage)->clipboard_done.types_len, 3);
	assert_int_equal(done_of(stage)->clipboard_done.flags, 0);
	assert_int_equal(stage_count(stage, CHANNEL_CLIPBOARD_TYPE), 3);
	assert_string_equal(
		stage_last(stage, CHANNEL_CLIPBOARD_TYPE)->clipboard_type.untrusted_type,
		MIME_SECRET);

	int pipe_fds[2];
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_TAKE, "text/html", serial, 0, pipe_fds[1]));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_OK);
	stage_settle(stage);
	assert_string_equal(served.type, "text/html");
	assert_int_equal(write(served.fd, "hello", 5), 5);
	close(served.fd);
	char bytes[8];
	assert_int_equal(read(pipe_fds[0], bytes, sizeof(bytes)), 5);
	assert_int_equal(read(pipe_fds[0], bytes, sizeof(bytes)), 0); // nobody else has it open
	close(pipe_fds[0]);

	served.fd = -1;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_TAKE, "image/png", serial, 0, pipe_fds[1]));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_NO_TYPE);
	assert_int_equal(read(pipe_fds[0], bytes, sizeof(bytes)), 0);
	close(pipe_fds[0]);
	// Another item is not taken for this one.
	struct served other;
	struct wl_data_source *newer = copy(a, &other, types);
	stage_settle(stage);
	assert_true(served.cancelled);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_TAKE, MIME_TEXT, serial, 0, pipe_fds[1]));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_CHANGED);
	stage_settle(stage);
	assert_int_equal(other.sends, 0);
	close(pipe_fds[0]);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_CLEAR, NULL, serial, 0, -1));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_CHANGED);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_CLEAR, NULL, 0, 0, -1));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_OK);
	stage_settle(stage);
	assert_true(other.cancelled);
	assert_null(a->selection);
	wl_data_source_destroy(newer);
	wl_data_source_destroy(source);
	window_close(window);
}

// ---- in

static void test_an_item_is_put_pasted_once_and_gone(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	struct window *two = window_open(b, 0, 0, false, NULL, "two", 0xff0000);
	put(stage, 3 * MIB + 5, CHANNEL_CLIPBOARD_ONCE | CHANNEL_CLIPBOARD_OUTSIDE);
	uint32_t put_token = token;
	assert_null(a->selection); // it has not the focus
	assert_true(list(stage) > 0);
	assert_int_equal(done_of(stage)->clipboard_done.flags, CHANNEL_CLIPBOARD_OUTSIDE);
	assert_int_equal(done_of(stage)->clipboard_done.types_len, 6);
	assert_int_equal(paste(stage, b, MIME_OUTSIDE), 0);
	assert_int_equal(paste(stage, b, "image/png"), 0);
	assert_null(stage_last(stage, CHANNEL_CLIPBOARD_PASTED));
	assert_int_equal(paste(stage, b, "UTF8_STRING"), 3 * MIB + 5);
	assert_int_equal(
		stage_last(stage, CHANNEL_CLIPBOARD_PASTED)->clipboard_pasted.token, put_token);
	// Some applications ask for what they paste in several types.
	assert_int_equal(paste(stage, b, MIME_TEXT), 3 * MIB + 5);
	stage_run(stage, ITEM_LINGER_MS + 50);
	assert_null(b->selection);
	assert_int_equal(list(stage), 0);
	assert_int_equal(stage_count(stage, CHANNEL_CLIPBOARD_PASTED), 1);

	// Not for one paste only: it stays, and goes on to who gets the focus.
	put(stage, 100, 0);
	assert_int_equal(paste(stage, b, MIME_TEXT), 100);
	stage_run(stage, ITEM_LINGER_MS + 50);
	assert_int_equal(paste(stage, b, MIME_TEXT), 100);
	compositor_window_act(stage->compositor, 1, CHANNEL_WINDOW_RAISE);
	stage_settle(stage);
	assert_int_equal(paste(stage, a, MIME_TEXT), 100);
	// What an application copies takes its place.
	struct served served;
	const char *const types[] = {MIME_TEXT, NULL};
	struct wl_data_source *source = copy(a, &served, types);
	stage_settle(stage);
	list(stage);
	assert_int_equal(done_of(stage)->clipboard_done.flags, 0);
	wl_data_source_destroy(source);
	stage_settle(stage);
	window_close(two);
	window_close(one);
}

static void test_what_makes_no_sense_is_no_item(void **state) {
	struct stage *stage = *state;
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int before = count_fds();
	assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 10, 0, item_fd(10, 0)));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_FAILED);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 10, 0,
		item_fd(10, F_SEAL_SHRINK | F_SEAL_GROW)));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_FAILED);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 11, 0, item_fd(10, seals)));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_FAILED);
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 10, 0, pipe_fds[0]));
	assert_int_equal(status_of(stage), CHANNEL_CLIPBOARD_FAILED);
	close(pipe_fds[1]);
	assert_false(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 0, 0, item_fd(10, seals)));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, CHANNEL_CLIPBOARD_MAX + 1, 0,
		item_fd(10, seals)));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_PUT, NULL, 10, 0, item_fd(10, seals)));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 10, 4, item_fd(10, seals)));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 10, 0, -1));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_LIST, NULL, 0, 0, item_fd(10, seals)));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_LIST, MIME_TEXT, 0, 0, -1));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_LIST, NULL, 0, CHANNEL_CLIPBOARD_ONCE, -1));
	assert_false(ask(stage, CHANNEL_CLIPBOARD_TAKE, MIME_TEXT, 1, 0, -1));
	assert_true(ask(stage, CHANNEL_CLIPBOARD_LIST, NULL, 0, 0, -1));
	token -= 1; // used already
	assert_false(ask(stage, CHANNEL_CLIPBOARD_LIST, NULL, 0, 0, -1));
	assert_int_equal(count_fds(), before);
}

// ---- descriptors that readers give

static void test_no_descriptor_holds_the_compositor_up(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage);
	struct window *window = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	put(stage, MIB, 0);
	int before = count_fds();
	char path[] = "/tmp/clipboard-test-XXXXXX";
	int file = mkstemp(path);
	assert_true(file >= 0);
	paste_into(stage, a, MIME_TEXT, file);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0); // a file is never written to
	unlink(path);
	paste_into(stage, a, MIME_TEXT, epoll_create1(EPOLL_CLOEXEC));
	paste_into(stage, a, MIME_TEXT, open("/dev/full", O_WRONLY | O_CLOEXEC));
	paste_into(stage, a, MIME_TEXT, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	paste_into(stage, a, MIME_TEXT, open("/", O_PATH | O_CLOEXEC));
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0); // nobody will ever read
	close(pipe_fds[0]);
	paste_into(stage, a, MIME_TEXT, pipe_fds[1]);
	assert_int_equal(pipe(pipe_fds), 0); // the wrong end
	paste_into(stage, a, MIME_TEXT, pipe_fds[0]);
	close(pipe_fds[1]);
	stage_settle(stage);
	assert_int_equal(count_fds(), before);

	// Blocking pipes, a named one, a socket: none is read for long, none waited for.
	int64_t start = now_ms();
	int kept[6];
	assert_int_equal(pipe(kept), 0);
	wl_data_offer_receive(a->selection, MIME_TEXT, kept[1]);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	kept[2] = open(path, O_RDWR | O_CLOEXEC);
	kept[3] = open(path, O_WRONLY | O_CLOEXEC);
	unlink(path);
	wl_data_offer_receive(a->selection, MIME_TEXT, kept[3]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, &kept[4]), 0);
	wl_data_offer_receive(a->selection, MIME_TEXT, kept[5]);
	stage_settle(stage);
	assert_int_equal(count_fds(), before + 12); // the event loop has its own of each
	// The flags of a description are shared with whoever has it open.
	for (int i = 0; i < 100; i++) {
		fcntl(kept[1], F_SETFL, fcntl(kept[1], F_GETFL) & ~O_NONBLOCK);
		char byte;
		assert_int_equal(read(kept[0], &byte, 1), 1); // one byte a turn
		stage_run(stage, 1);
	}
	assert_true(now_ms() - start < 1900);
	assert_null(stage_last(stage, CHANNEL_CLIPBOARD_PASTED));
	stage_run(stage, ITEM_DEADLINE_MS);
	assert_int_equal(count_fds(), before + 6); // they were given up
	for (size_t i = 0; i < 6; i++) {
		close(kept[i]);
	}
	// A reader that behaves is served all the while, whatever else waits.
	int more[ITEM_MAX_TRANSFERS][2];
	for (size_t i = 0; i < ITEM_MAX_TRANSFERS; i++) {
		if (i + 1 == ITEM_MAX_TRANSFERS) {
			assert_int_equal(paste(stage, a, MIME_TEXT), MIB);
		}
		assert_int_equal(pipe(more[i]), 0);
		wl_data_offer_receive(a->selection, MIME_TEXT, more[i][1]);
		stage_settle(stage);
	}
	assert_int_equal(paste(stage, a, MIME_TEXT), 0); // one too many
	for (size_t i = 0; i < ITEM_MAX_TRANSFERS; i++) {
		close(more[i][0]);
		close(more[i][1]);
	}
	stage_settle(stage);
	assert_int_equal(count_fds(), before);
	window_close(window);
}

static void test_an_item_that_goes_is_pasted_to_its_end(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage);
	struct window *window = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	int before = count_fds();
	put(stage, MIB, CHANNEL_CLIPBOARD_ONCE);
	int pipe_fds[2];
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	wl_data_offer_receive(a->selection, MIME_TEXT, pipe_fds[1]);
	close(pipe_fds[1]);
	stage_settle(stage);
	assert_true(ask(stage, CHANNEL_CLIPBOARD_CLEAR, NULL, 0, 0, -1));
	stage_settle(stage);
	size_t total = 0;
	char bytes[65536];
	for (;;) {
		stage_run(stage, 1);
		ssize_t n = read(pipe_fds[0], bytes, sizeof(bytes));
		if (n <= 0) {
			break;
		}
		total += (size_t)n;
	}
	assert_int_equal(total, MIB);
	close(pipe_fds[0]);
	// The display may go in the middle of one.
	put(stage, MIB, 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	wl_data_offer_receive(a->selection, MIME_TEXT, pipe_fds[1]);
	stage_settle(stage);
	assert_int_equal(count_fds(), before + 5);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	window_close(window);
}

static void test_nothing_grows_over_many_transfers(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage);
	struct window *window = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	int fds = count_fds();
	size_t in_use = 0;
	for (int i = 0; i < 400; i++) {
		if (i == 100) {
			in_use = mallinfo2().uordblks;
		}
		stage_forget(stage);
		int fd = item_fd(1000, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
		assert_true(ask(stage, CHANNEL_CLIPBOARD_PUT, MIME_TEXT, 1000, 0, fd));
		struct wl_data_offer *old = a->selection;
		for (int turn = 0; turn < 10 && a->selection == old; turn++) {
			stage_run(stage, 0);
		}
		assert_int_equal(paste(stage, a, MIME_TEXT), 1000);
	}
	assert_true(ask(stage, CHANNEL_CLIPBOARD_CLEAR, NULL, 0, 0, -1));
	stage_settle(stage);
	assert_int_equal(count_fds(), fds);
	assert_true(mallinfo2().uordblks < in_use + 16384);
	window_close(window);
}

// ---- sources

static void test_a_flood_of_selections_is_bounded(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage);
	struct window *window = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	const char *const types[] = {MIME_TEXT, NULL};
	static struct served served[2000];
	struct wl_data_source *sources[2000];
	int64_t start = now_ms();
	a->selections = 0;
	for (size_t i = 0; i < 2000; i++) {
		sources[i] = copy(a, &served[i], types);
		if (i % 50 == 49) {
			stage_run(stage, 1);
			for (size_t j = i - 49; j <= i; j++) {
				wl_data_source_destroy(sources[j]);
			}
		}
	}
	stage_settle(stage);
	int64_t took = now_ms() - start;
	assert_false(a->dead);
	assert_true(a->selections >= SELECTION_BURST);
	assert_true(a->selections <= SELECTION_BURST + SELECTION_PER_SECOND * took / 1000 +
					     2000 / 50 +
					     2); // and the ends of those that were current
	// It is heard again soon.
	stage_run(stage, 100);
	struct served last;
	struct wl_data_source *source = copy(a, &last, types);
	stage_settle(stage);
	assert_false(last.cancelled);
	wl_data_source_destroy(source);
	window_close(window);
}

static void test_types_are_bounded(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", 0xff0000);
	// One name that is too long.
	static char name[SELECTION_MAX_TYPE_NAME + 2];
	memset(name, 'a', SELECTION_MAX_TYPE_NAME + 1);
	const char *const types[] = {MIME_TEXT, name, NULL};
	struct served served;
	struct wl_data_source *source = copy(a, &served, types);
	stage_settle(stage);
	assert_true(served.cancelled);
	assert_int_equal(list(stage), 0);
	wl_data_source_destroy(source);
	// Ten thousand: whoever does that is disconnected, long before it costs anything.
	source = wl_data_device_manager_create_data_source(b->data_manager);
	int64_t start = now_ms();
	for (int i = 0; i < 10000 && !b->dead; i++) {
		snprintf(name, sizeof(name), "text/x-%d", i);
		wl_data_source_offer(source, name);
		if (i % 100 == 0) {
			stage_run(stage, 0);
		}
	}
	stage_settle(stage);
	assert_true(b->dead);
	assert_false(a->dead);
	assert_true(now_ms() - start < 5000);
	wl_data_source_destroy(source);
	window_close(one);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		TEST(test_an_item_is_listed_and_taken),
		TEST(test_an_item_is_put_pasted_once_and_gone),
		TEST(test_what_makes_no_sense_is_no_item),
		TEST(test_no_descriptor_holds_the_compositor_up),
		TEST(test_an_item_that_goes_is_pasted_to_its_end),
		TEST(test_nothing_grows_over_many_transfers),
		TEST(test_a_flood_of_selections_is_bounded),
		TEST(test_types_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
