// What the supervisor says to a viewer, checked; frames copied; what the viewer says, queued.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "viewer/frames.h"
#include "viewer/wire.h"

#define WIDTH 96
#define HEIGHT 40
#define WHOLE ((struct channel_box){0, 0, WIDTH, HEIGHT})

// A viewer's wire and all that the supervisor has.
struct fixture {
	struct wire *wire;
	int peer; // the supervisor's end
	int memory_fd, slots_fd;
	uint8_t *memory;
	struct view_slots *slots;
	size_t fds; // open descriptors before it
};

static size_t open_fds(void) {
	size_t count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

static int make_memory(size_t bytes, int seals) {
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void *map(int fd, size_t bytes) {
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static int set_up(void **state) {
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->fds = open_fds();
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fixture->peer = pair[0];
	fixture->wire = wire_create(pair[1], false);
	fixture->memory_fd = make_memory(channel_memory_bytes(WIDTH, HEIGHT), F_SEAL_SHRINK);
	fixture->slots_fd = make_memory(sizeof(struct view_slots), F_SEAL_SHRINK);
	fixture->memory = map(fixture->memory_fd, channel_memory_bytes(WIDTH, HEIGHT));
	fixture->slots = map(fixture->slots_fd, sizeof(struct view_slots));
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	wire_destroy(fixture->wire);
	munmap(fixture->memory, channel_memory_bytes(WIDTH, HEIGHT));
	munmap(fixture->slots, sizeof(struct view_slots));
	close(fixture->memory_fd);
	close(fixture->slots_fd);
	if (fixture->peer >= 0) {
		close(fixture->peer);
	}
	assert_int_equal(open_fds(), fixture->fds);
	free(fixture);
	return 0;
}

static uint32_t say(struct fixture *fixture, struct view_message message) {
	return wire_take(fixture->wire, &message, sizeof(message), NULL, 0);
}

static uint32_t greet_with(
	struct fixture *fixture, struct view_message message, int memory_fd, int slots_fd) {
	const int fds[] = {dup(memory_fd), dup(slots_fd)};
	return wire_take(fixture->wire, &message, sizeof(message), fds, 2);
}

static void set_text(char *field, size_t size, const char *text) {
	assert_true(strlen(text) < size);
	memcpy(field, text, strlen(text) + 1);
}

static struct view_message hello(void) {
	struct view_message message = {
		.type = VIEW_HELLO,
		.hello = {.version = VIEW_VERSION, .width = WIDTH, .height = HEIGHT, .refresh = 60},
	};
	set_text(message.hello.name, sizeof(message.hello.name), "web");
	set_text(message.hello.command, sizeof(message.hello.command), "foot");
	return message;
}

static void greet(struct fixture *fixture) {
	assert_int_equal(
		greet_with(fixture, hello(), fixture->memory_fd, fixture->slots_fd), WIRE_HELLO);
}

static struct view_message frame(uint32_t slot, uint64_t generation, struct channel_box box) {
	return (struct view_message){
		.type = VIEW_FRAME,
		.frame = {.slot = slot,
			.boxes_len = 1,
			.serial = 1,
			.generation = generation,
			.boxes = {box}},
	};
}

static struct view_message good_state(void) {
	return (struct view_message){
		.type = VIEW_STATE,
		.state = {.holder = VIEW_AGENT,
			.network = VIEW_NETWORK_NONE,
			.clipboard = VIEW_CLIPBOARD_NONE,
			.viewers = 1},
	};
}

// The message ends the connection of a fresh, greeted wire; all its descriptors are gone.
static void refuses(void **state, struct view_message message) {
	struct fixture *fixture = *state;
	if (wire_told(fixture->wire)->end != WIRE_OPEN) {
		tear_down(state);
		set_up(state);
		fixture = *state;
	}
	if (!wire_told(fixture->wire)->hello) {
		greet(fixture);
	}
	assert_int_equal(say(fixture, message), WIRE_OVER);
	const struct wire_told *told = wire_told(fixture->wire);
	assert_int_equal(told->end, WIRE_WRONG);
	assert_true(told->end_reason[0] != '\0');
	assert_int_equal(wire_fd(fixture->wire), -1);
	assert_int_equal(say(fixture, good_state()), 0); // nothing is heard after it
	assert_false(told->state);
}

// ---- the greeting

static void test_hello(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	const struct wire_told *told = wire_told(fixture->wire);
	assert_true(told->hello);
	assert_int_equal(told->width, WIDTH);
	assert_int_equal(told->height, HEIGHT);
	assert_string_equal(told->name, "web");
	assert_string_equal(told->command, "foot");
	assert_non_null(wire_frames(fixture->wire));
	assert_int_equal(greet_with(fixture, hello(), fixture->memory_fd, fixture->slots_fd),
		WIRE_OVER); // once
	assert_int_equal(told->end, WIRE_WRONG);
}

static void refuses_hello(void **state, struct view_message message, int memory_fd, int slots_fd) {
	tear_down(state);
	set_up(state);
	struct fixture *fixture = *state;
	assert_int_equal(
		greet_with(fixture, message, memory_fd < 0 ? fixture->memory_fd : memory_fd,
			slots_fd < 0 ? fixture->slots_fd : slots_fd),
		WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_WRONG);
	assert_null(wire_frames(fixture->wire));
}

static void test_hello_refused(void **state) {
	struct view_message message = hello();
	message.hello.version++;
	refuses_hello(state, message, -1, -1);
	static const uint32_t sides[] = {0, WIRE_MAX_SIDE + 1, UINT32_MAX};
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		message = hello();
		message.hello.width = sides[i];
		refuses_hello(state, message, -1, -1);
		message = hello();
		message.hello.height = sides[i];
		refuses_hello(state, message, -1, -1);
	}
	message = hello();
	message.hello.height = HEIGHT * 2; // larger than its memory
	refuses_hello(state, message, -1, -1);
	message = hello();
	memset(message.hello.name, 'a', sizeof(message.hello.name));
	refuses_hello(state, message, -1, -1);
	message = hello();
	memset(message.hello.command, 'a', sizeof(message.hello.command));
	refuses_hello(state, message, -1, -1);
	message = hello();
	message.reserved = 1;
	refuses_hello(state, message, -1, -1);
	struct {
		size_t memory, slots;
		int memory_seals, slots_seals;
	} memories[] = {
		{channel_memory_bytes(WIDTH, HEIGHT), sizeof(struct view_slots), 0, F_SEAL_SHRINK},
		{channel_memory_bytes(WIDTH, HEIGHT), sizeof(struct view_slots), F_SEAL_SHRINK, 0},
		{channel_memory_bytes(WIDTH, HEIGHT) - 1, sizeof(struct view_slots), F_SEAL_SHRINK,
			F_SEAL_SHRINK},
		{channel_memory_bytes(WIDTH, HEIGHT), sizeof(struct view_slots) - 1, F_SEAL_SHRINK,
			F_SEAL_SHRINK},
	};
	for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++) {
		tear_down(state);
		set_up(state);
		struct fixture *fixture = *state;
		int memory_fd = make_memory(memories[i].memory, memories[i].memory_seals);
		int slots_fd = make_memory(memories[i].slots, memories[i].slots_seals);
		assert_int_equal(greet_with(fixture, hello(), memory_fd, slots_fd), WIRE_OVER);
		close(memory_fd);
		close(slots_fd);
	}
	// Neither without memories nor with one, nor with what is no memory.
	struct fixture *fixture;
	for (size_t fds_len = 0; fds_len < 2; fds_len++) {
		tear_down(state);
		set_up(state);
		fixture = *state;
		message = hello();
		int fd = dup(fixture->memory_fd);
		assert_int_equal(wire_take(fixture->wire, &message, sizeof(message), &fd, fds_len),
			WIRE_OVER);
		if (fds_len == 0) {
			close(fd);
		}
	}
	fixture = *state;
	refuses_hello(state, hello(), STDERR_FILENO, -1);
}

static void test_nothing_before_the_greeting(void **state) {
	struct fixture *fixture = *state;
	assert_int_equal(say(fixture, good_state()), WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_WRONG);
	tear_down(state);
	set_up(state);
	fixture = *state;
	struct view_message ended = {.type = VIEW_ENDED, .notice.text = "it never began"};
	assert_int_equal(say(fixture, ended), WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_ENDED);
	assert_string_equal(wire_told(fixture->wire)->end_reason, "it never began");
}

// ---- the other messages

static void test_boxes(void **state) {
	static const struct channel_box bad[] = {
		{-1, 0, 5, 5},
		{0, -1, 5, 5},
		{0, 0, 0, 5},
		{0, 0, 5, 0},
		{0, 0, -5, 5},
		{0, 0, 5, -5},
		{0, 0, WIDTH + 1, 5},
		{0, 0, 5, HEIGHT + 1},
		{WIDTH, 0, 1, 1},
		{0, HEIGHT, 1, 1},
		{WIDTH - 1, 0, 2, 1},
		{1, 1, INT32_MAX, INT32_MAX},
		{INT32_MAX, INT32_MAX, 1, 1},
		{INT32_MIN, 0, INT32_MIN, 1},
	};
	struct view_message message;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refuses(state, frame(0, 0, bad[i]));
		message = frame(0, 0, WHOLE);
		message.frame.boxes_len = CHANNEL_BOXES;
		for (size_t box = 1; box < CHANNEL_BOXES; box++) {
			message.frame.boxes[box] = WHOLE;
		}
		message.frame.boxes[CHANNEL_BOXES - 1] = bad[i];
		refuses(state, message);
	}
	refuses(state, frame(CHANNEL_SLOTS, 0, WHOLE));
	refuses(state, frame(UINT32_MAX, 0, WHOLE));
	static const uint32_t lengths[] = {0, CHANNEL_BOXES + 1, UINT32_MAX};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		message = frame(0, 0, WHOLE);
		message.frame.boxes_len = lengths[i];
		refuses(state, message);
	}
	tear_down(state);
	set_up(state);
	greet(*state);
	assert_int_equal(say(*state, frame(3, 0, (struct channel_box){WIDTH - 1, 0, 1, HEIGHT})),
		WIRE_FRAME);
}

static void test_cursor(void **state) {
	const struct view_message good = {
		.type = VIEW_CURSOR,
		.cursor = {.x = WIDTH,
			.y = HEIGHT,
			.visible = 1,
			.image_serial = 7,
			.width = CHANNEL_CURSOR_MAX,
			.height = 1,
			.hot_x = -CHANNEL_CURSOR_MAX,
			.hot_y = CHANNEL_CURSOR_MAX},
	};
	greet(*state);
	assert_int_equal(say(*state, good), WIRE_CURSOR);
	const struct wire_cursor *cursor = &wire_told(((struct fixture *)*state)->wire)->cursor;
	assert_int_equal(cursor->x, WIDTH);
	assert_true(cursor->visible);
	assert_int_equal(cursor->width, CHANNEL_CURSOR_MAX);
	struct view_message bad = good;
	bad.cursor.visible = 2;
	refuses(state, bad);
	bad = good;
	bad.cursor.width = CHANNEL_CURSOR_MAX + 1;
	refuses(state, bad);
	bad = good;
	bad.cursor.height = UINT32_MAX;
	refuses(state, bad);
	bad = good;
	bad.cursor.x = -1;
	refuses(state, bad);
	bad = good;
	bad.cursor.y = HEIGHT + 1;
	refuses(state, bad);
	bad = good;
	bad.cursor.hot_x = INT32_MIN;
	refuses(state, bad);
	bad = good;
	bad.cursor.hot_y = CHANNEL_CURSOR_MAX + 1;
	refuses(state, bad);
}

static void test_state(void **state) {
	struct view_message message = good_state();
	greet(*state);
	message.state.holder = VIEW_HUMAN;
	message.state.flags = VIEW_STATE_MINE | VIEW_STATE_WITHHELD;
	message.state.network = VIEW_NETWORK_OPEN;
	message.state.viewers = VIEW_MAX_VIEWERS;
	assert_int_equal(say(*state, message), WIRE_STATE);
	const struct wire_told *told = wire_told(((struct fixture *)*state)->wire);
	assert_int_equal(told->holder, VIEW_HUMAN);
	assert_int_equal(told->flags, VIEW_STATE_MINE | VIEW_STATE_WITHHELD);
	static const struct {
		size_t offset;
		uint32_t value;
	} bad[] = {
		{offsetof(struct view_message, state.holder), 0},
		{offsetof(struct view_message, state.holder), VIEW_PAUSED + 1},
		{offsetof(struct view_message, state.flags), 1u << 31},
		{offsetof(struct view_message, state.flags), VIEW_STATE_MINE}, // the agent holds it
		{offsetof(struct view_message, state.network), 0},
		{offsetof(struct view_message, state.network), VIEW_NETWORK_OPEN + 1},
		{offsetof(struct view_message, state.clipboard), 0},
		{offsetof(struct view_message, state.clipboard), VIEW_CLIPBOARD_ALL + 1},
		{offsetof(struct view_message, state.viewers), 0},
		{offsetof(struct view_message, state.viewers), VIEW_MAX_VIEWERS + 1},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tear_down(state);
		set_up(state);
		message = good_state();
		memcpy((uint8_t *)&message + bad[i].offset, &bad[i].value, sizeof(uint32_t));
		refuses(state, message);
	}
}

static void test_texts(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct view_message message = {.type = VIEW_TITLE};
	set_text(message.title.untrusted_title, sizeof(message.title.untrusted_title),
		"\xe2\x80\xae gnp.exe \x1b[2J\xff\n end");
	set_text(message.title.untrusted_app_id, sizeof(message.title.untrusted_app_id), "foot\a");
	assert_int_equal(say(fixture, message), WIRE_TITLE);
	const struct wire_told *told = wire_told(fixture->wire);
#define FFFD "\xef\xbf\xbd"
	assert_string_equal(told->title, FFFD " gnp.exe " FFFD "[2J" FFFD FFFD " end");
	assert_string_equal(told->app_id, "foot" FFFD);
	message = (struct view_message){.type = VIEW_NOTICE, .notice.urgency = 1};
	set_text(message.notice.text, sizeof(message.notice.text), "the agent asks\x1b");
	assert_int_equal(say(fixture, message), WIRE_NOTICE);
	assert_true(told->notice_urgent);
	assert_string_equal(told->notice, "the agent asks" FFFD);
	message.type = VIEW_ENDED;
	assert_int_equal(say(fixture, message), WIRE_OVER);
	assert_int_equal(told->end, WIRE_ENDED);
	assert_string_equal(told->end_reason, "the agent asks" FFFD);
	assert_int_equal(say(fixture, good_state()), 0); // it was the last word

	message = (struct view_message){.type = VIEW_TITLE};
	memset(message.title.untrusted_title, 'a', sizeof(message.title.untrusted_title));
	refuses(state, message);
	message = (struct view_message){.type = VIEW_TITLE};
	memset(message.title.untrusted_app_id, 'a', sizeof(message.title.untrusted_app_id));
	refuses(state, message);
	message = (struct view_message){.type = VIEW_NOTICE, .notice.urgency = 2};
	refuses(state, message);
	message = (struct view_message){.type = VIEW_NOTICE};
	memset(message.notice.text, 'a', sizeof(message.notice.text));
	refuses(state, message);
}

static void test_kinds_and_sizes(void **state) {
	static const uint32_t types[] = {0, VIEW_ENDED + 1, VIEW_TAKE_OVER, VIEW_INPUT, UINT32_MAX};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		refuses(state, (struct view_message){.type = types[i]});
	}
	struct view_message message = good_state();
	message.reserved = 1;
	refuses(state, message);
	static const size_t sizes[] = {0, 1, 8, sizeof(message) - 1, sizeof(message) + 1};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tear_down(state);
		set_up(state);
		struct fixture *fixture = *state;
		greet(fixture);
		message = good_state();
		assert_int_equal(wire_take(fixture->wire, &message, sizes[i], NULL, 0), WIRE_OVER);
	}
	// Nothing but the greeting comes with a descriptor.
	tear_down(state);
	set_up(state);
	struct fixture *fixture = *state;
	greet(fixture);
	int fd = dup(fixture->memory_fd);
	message = good_state();
	assert_int_equal(wire_take(fixture->wire, &message, sizeof(message), &fd, 1), WIRE_OVER);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

// ---- frames

static uint8_t *pixel(struct fixture *fixture, uint32_t slot, uint32_t x, uint32_t y) {
	return fixture->memory + channel_slot_bytes(WIDTH, HEIGHT) * slot + (y * WIDTH + x) * 4;
}

static void fill(struct fixture *fixture, uint32_t slot, uint8_t value) {
	memset(pixel(fixture, slot, 0, 0), value, WIDTH * HEIGHT * 4);
}

static void announce(struct fixture *fixture, uint32_t slot, struct channel_box box) {
	uint64_t generation = fixture->slots->generation[slot];
	assert_int_equal(say(fixture, frame(slot, generation, box)), WIRE_FRAME);
}

static uint8_t at(const struct frames_picture *picture, uint32_t x, uint32_t y) {
	return picture->pixels[y * picture->stride + x * 4];
}

static void test_only_damage_is_copied(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct frames *frames = wire_frames(fixture->wire);
	struct frames_picture picture;
	assert_int_equal(frames_copy(frames, &picture), FRAMES_SAME);
	fill(fixture, 0, 1);
	announce(fixture, 0, (struct channel_box){0, 0, 1, 1});
	// The first picture is whole, whatever was said to have changed.
	assert_int_equal(frames_copy(frames, &picture), FRAMES_COPIED);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			assert_int_equal(at(&picture, x, y), 1);
			assert_int_equal(picture.pixels[y * picture.stride + x * 4 + 2], 1);
			assert_int_equal(picture.pixels[y * picture.stride + x * 4 + 3], 0xff);
		}
	}
	assert_int_equal(picture.bytes, WIDTH * HEIGHT * 4);
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);
	assert_int_equal(frames_copy(frames, &picture), FRAMES_SAME);

	// A part that is not said to have changed is not copied again.
	fill(fixture, 1, 2);
	announce(fixture, 1, (struct channel_box){10, 5, 3, 2});
	announce(fixture, 1, (struct channel_box){0, 20, WIDTH, 3});
	assert_int_equal(frames_copy(frames, &picture), FRAMES_COPIED);
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			bool changed =
				(x >= 10 && x < 13 && y >= 5 && y < 7) || (y >= 20 && y < 23);
			assert_int_equal(at(&picture, x, y), changed ? 2 : 1);
			assert_int_equal(
				cairo_region_contains_point(picture.changed, (int)x, (int)y),
				changed);
		}
	}
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);
}

static void test_pictures_are_not_written_while_shown(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct frames *frames = wire_frames(fixture->wire);
	struct frames_picture shown[16];
	size_t count = 0;
	enum frames_result result;
	while (true) {
		assert_true(count < 16);
		fill(fixture, 0, (uint8_t)(count + 1));
		announce(fixture, 0, WHOLE);
		result = frames_copy(frames, &shown[count]);
		if (result != FRAMES_COPIED) {
			break;
		}
		cairo_region_destroy(shown[count].changed);
		count++;
	}
	assert_int_equal(result, FRAMES_BUSY);
	assert_true(count >= 2 && count <= 15);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(at(&shown[i], WIDTH - 1, HEIGHT - 1), i + 1);
	}
	// One is given back: the frame that waited is in it, and the others are as they were.
	frames_give_back(shown[0].pixels);
	assert_int_equal(frames_copy(frames, &shown[0]), FRAMES_COPIED);
	cairo_region_destroy(shown[0].changed);
	assert_int_equal(at(&shown[0], 0, 0), count + 1);
	assert_int_equal(at(&shown[1], 0, 0), 2);
	// They outlive the wire.
	wire_destroy(fixture->wire);
	fixture->wire = NULL;
	assert_int_equal(at(&shown[1], 0, 0), 2);
	for (size_t i = 0; i < count; i++) {
		frames_give_back(shown[i].pixels);
	}
}

static void test_torn_frames(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct frames *frames = wire_frames(fixture->wire);
	struct frames_picture picture;
	fill(fixture, 0, 1);
	announce(fixture, 0, WHOLE);
	assert_int_equal(frames_copy(frames, &picture), FRAMES_COPIED);
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);

	fill(fixture, 1, 2);
	announce(fixture, 1, (struct channel_box){0, 0, 8, 8});
	atomic_fetch_add(&fixture->slots->generation[1], 1);
	fill(fixture, 1, 99);
	assert_int_equal(frames_copy(frames, &picture), FRAMES_TORN);
	assert_int_equal(frames_copy(frames, &picture), FRAMES_SAME); // until a newer one is said
	// The newer frame changed something else; what was missed comes with it.
	fill(fixture, 2, 3);
	announce(fixture, 2, (struct channel_box){20, 20, 8, 8});
	assert_int_equal(frames_copy(frames, &picture), FRAMES_COPIED);
	assert_int_equal(at(&picture, 0, 0), 3);
	assert_int_equal(at(&picture, 20, 20), 3);
	assert_int_equal(at(&picture, 40, 30), 1);
	assert_true(cairo_region_contains_point(picture.changed, 0, 0));
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);
}

// Draws into slot 0 without end, each time with one value; `whole` is the generation of a drawn
// one.
struct painter {
	struct fixture *fixture;
	_Atomic uint64_t whole;
	atomic_bool stop;
};

static void *paint(void *data) {
	struct painter *painter = data;
	while (!atomic_load(&painter->stop)) {
		uint64_t next = atomic_fetch_add(&painter->fixture->slots->generation[0], 1) + 1;
		atomic_thread_fence(memory_order_seq_cst);
		fill(painter->fixture, 0, (uint8_t)next);
		atomic_store(&painter->whole, next);
	}
	return NULL;
}

static void test_a_copy_is_whole_or_none(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct painter painter = {.fixture = fixture};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, paint, &painter), 0);
	size_t copied = 0, torn = 0;
	time_t end = time(NULL) + 40; // a busy machine lets them meet seldom
	while ((copied < 200 || torn < 200) && time(NULL) < end) {
		uint64_t generation = atomic_load(&painter.whole);
		struct frames_picture picture;
		if (generation == 0) {
			sched_yield();
			continue;
		}
		assert_int_equal(say(fixture, frame(0, generation, WHOLE)), WIRE_FRAME);
		enum frames_result result = frames_copy(wire_frames(fixture->wire), &picture);
		if (result == FRAMES_TORN) {
			torn++;
			continue;
		}
		assert_int_equal(result, FRAMES_COPIED);
		copied++;
		for (size_t byte = 0; byte < picture.bytes; byte++) {
			if (picture.pixels[byte] != (byte % 4 == 3 ? 0xff : (uint8_t)generation)) {
				fail_msg("byte %zu of generation %zu is %d", byte,
					(size_t)generation, picture.pixels[byte]);
			}
		}
		cairo_region_destroy(picture.changed);
		frames_give_back(picture.pixels);
	}
	atomic_store(&painter.stop, true);
	pthread_join(thread, NULL);
	assert_true(copied > 0 && torn > 0);
}

static void test_what_was_missed_does_not_grow(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	struct frames_picture picture;
	announce(fixture, 0, WHOLE);
	assert_int_equal(frames_copy(wire_frames(fixture->wire), &picture), FRAMES_COPIED);
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);
	for (int32_t y = 0; y < HEIGHT; y += 2) {
		for (int32_t x = 0; x < WIDTH; x += 2) {
			announce(fixture, 0, (struct channel_box){x, y, 1, 1});
		}
	}
	assert_int_equal(frames_copy(wire_frames(fixture->wire), &picture), FRAMES_COPIED);
	assert_true(cairo_region_num_rectangles(picture.changed) >= 1 &&
		    cairo_region_num_rectangles(picture.changed) <= 64);
	cairo_region_destroy(picture.changed);
	frames_give_back(picture.pixels);
}

static void test_cursor_image(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	uint8_t *area = fixture->memory + channel_slot_bytes(WIDTH, HEIGHT) * CHANNEL_SLOTS;
	area[0] = 1;
	area[CHANNEL_CURSOR_MAX * 4] = 2; // the second row's first byte
	uint8_t *image = frames_cursor(wire_frames(fixture->wire), 3, 2);
	assert_non_null(image);
	assert_int_equal(image[0], 1);
	assert_int_equal(image[3 * 4], 2);
	free(image);
	assert_null(frames_cursor(wire_frames(fixture->wire), 0, 2));
	image = frames_cursor(wire_frames(fixture->wire), CHANNEL_CURSOR_MAX, CHANNEL_CURSOR_MAX);
	assert_int_equal(image[CHANNEL_CURSOR_MAX * 4], 2);
	free(image);
}

// ---- the socket

static void test_receiving(void **state) {
	struct fixture *fixture = *state;
	struct view_message message = hello();
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	*cmsg = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(2 * sizeof(int)),
	};
	memcpy(CMSG_DATA(cmsg), (int[]){fixture->memory_fd, fixture->slots_fd}, 2 * sizeof(int));
	assert_int_equal(wire_receive(fixture->wire), 0);
	assert_int_equal(sendmsg(fixture->peer, &msg, 0), sizeof(message));
	assert_int_equal(wire_receive(fixture->wire), WIRE_HELLO);

	// A flood is not read in one go.
	message = good_state();
	size_t sent = 0;
	while (send(fixture->peer, &message, sizeof(message), MSG_DONTWAIT) > 0) {
		sent++;
	}
	assert_true(sent > WIRE_TURN);
	size_t turns = 0;
	while (wire_receive(fixture->wire) != 0) {
		turns++;
	}
	assert_int_equal(turns, (sent + WIRE_TURN - 1) / WIRE_TURN);

	// A message that is cut off is wrong, a closed connection is only lost.
	assert_int_equal(send(fixture->peer, &message, 100, 0), 100);
	assert_int_equal(wire_receive(fixture->wire), WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_WRONG);
	tear_down(state);
	set_up(state);
	fixture = *state;
	char large[2 * sizeof(message)] = {0};
	assert_int_equal(send(fixture->peer, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(wire_receive(fixture->wire), WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_WRONG);
	tear_down(state);
	set_up(state);
	fixture = *state;
	close(fixture->peer);
	fixture->peer = -1;
	assert_int_equal(wire_receive(fixture->wire), WIRE_OVER);
	assert_int_equal(wire_told(fixture->wire)->end, WIRE_LOST);
	assert_int_equal(wire_receive(fixture->wire), 0);
}

static struct view_message key(uint32_t code, uint32_t value) {
	return (struct view_message){
		.type = VIEW_INPUT,
		.input = {.kind = VIEW_INPUT_KEYCODE, .code = code, .value = value},
	};
}

static struct view_message move(int32_t x) {
	return (struct view_message){
		.type = VIEW_INPUT, .input = {.kind = VIEW_INPUT_MOVE, .x = x}};
}

// Fills the socket, so that what is sent waits. Returns the messages in it.
static size_t stuff(struct fixture *fixture) {
	int bytes = 4096;
	struct view_message message = key(1, 1);
	size_t count = 0;
	setsockopt(wire_fd(fixture->wire), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	while (!wire_wants_to_write(fixture->wire)) {
		assert_true(wire_send(fixture->wire, &message, -1));
		count++;
	}
	return count - 1; // the last waits
}

static struct view_message hear(struct fixture *fixture) {
	struct view_message message;
	assert_int_equal(
		recv(fixture->peer, &message, sizeof(message), MSG_DONTWAIT), sizeof(message));
	return message;
}

static void test_sending(void **state) {
	struct fixture *fixture = *state;
	struct view_message message = {.type = VIEW_PAUSE};
	assert_true(wire_send(fixture->wire, &message, -1));
	assert_int_equal(hear(fixture).type, VIEW_PAUSE);
	assert_false(wire_wants_to_write(fixture->wire));

	// Of motion only the newest waits, and in its place.
	size_t before = stuff(fixture);
	for (int32_t x = 1; x <= 5000; x++) {
		message = move(x);
		assert_true(wire_send(fixture->wire, &message, -1));
	}
	message = key(30, 1);
	assert_true(wire_send(fixture->wire, &message, -1));
	message = move(6000);
	assert_true(wire_send(fixture->wire, &message, -1));
	for (size_t i = 0; i < before; i++) {
		assert_int_equal(hear(fixture).input.code, 1);
	}
	wire_flush(fixture->wire);
	assert_int_equal(hear(fixture).input.code, 1);
	assert_int_equal(hear(fixture).input.x, 5000);
	assert_int_equal(hear(fixture).input.code, 30);
	assert_int_equal(hear(fixture).input.x, 6000);
	assert_false(wire_wants_to_write(fixture->wire));
}

static void test_a_supervisor_that_reads_nothing(void **state) {
	struct fixture *fixture = *state;
	size_t before = stuff(fixture), accepted = 0;
	struct view_message message = {.type = VIEW_HAND_BACK};
	assert_true(wire_send(fixture->wire, &message, -1));
	for (uint32_t i = 0; i < 5000; i++) {
		message = key(30 + i % 2, 1);
		accepted += wire_send(fixture->wire, &message, -1);
	}
	assert_true(accepted >= 1 && accepted <= 1000);
	// What the user ordered is still taken; a descriptor that is not sent is closed.
	message = (struct view_message){.type = VIEW_STOP};
	assert_true(wire_send(fixture->wire, &message, -1));
	size_t fds = open_fds();
	size_t refused = 0;
	for (int i = 0; i < 300; i++) {
		message = (struct view_message){.type = VIEW_KEYMAP, .keymap.bytes = 1};
		refused += !wire_send(fixture->wire, &message, dup(fixture->memory_fd));
	}
	assert_true(refused > 0);
	assert_int_equal(open_fds(), fds + 300 - refused);
	// Then it reads again: late keys never come, but everything goes up.
	for (size_t i = 0; i < before; i++) {
		assert_int_equal(hear(fixture).type, VIEW_INPUT);
	}
	bool handed_back = false, stopped = false, released = false;
	while (wire_wants_to_write(fixture->wire)) {
		wire_flush(fixture->wire);
		while (recv(fixture->peer, &message, sizeof(message), MSG_DONTWAIT) > 0) {
			handed_back = handed_back || message.type == VIEW_HAND_BACK;
			stopped = stopped || message.type == VIEW_STOP;
			assert_false(released);
			released = message.type == VIEW_INPUT &&
				   message.input.kind == VIEW_INPUT_RELEASE;
			assert_true(released || message.type != VIEW_INPUT);
		}
	}
	assert_true(handed_back && stopped && released);
	assert_true(wire_send(fixture->wire, &(struct view_message){.type = VIEW_PAUSE}, -1));
}

static void test_sending_to_nobody(void **state) {
	struct fixture *fixture = *state;
	close(fixture->peer);
	fixture->peer = -1;
	struct view_message message = key(1, 1);
	wire_send(fixture->wire, &message, -1); // no signal, no end before the read
	assert_int_equal(wire_receive(fixture->wire), WIRE_OVER);
	message = (struct view_message){.type = VIEW_KEYMAP, .keymap.bytes = 1};
	assert_false(wire_send(fixture->wire, &message, dup(fixture->memory_fd)));
	assert_false(wire_wants_to_write(fixture->wire));
}

// ---- items of the clipboard

#define ITEM_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static struct view_message good_item(uint32_t direction, uint32_t step) {
	struct view_message message = {
		.type = VIEW_ITEM,
		.item = {.direction = direction, .step = step, .kind = VIEW_ITEM_TEXT, .bytes = 5},
	};
	memset(message.item.sha256, 'a', 64);
	message.item.shown = direction == VIEW_IN && step == VIEW_ITEM_CROSSED ? 0 : 5;
	return message;
}

// Of `fd` a copy goes along, -1: none.
static uint32_t say_item(struct fixture *fixture, struct view_message message, int fd) {
	int sent = fd >= 0 ? dup(fd) : -1;
	return wire_take(fixture->wire, &message, sizeof(message), &sent, fd >= 0);
}

static void test_items(void **state) {
	struct fixture *fixture = *state;
	greet(fixture);
	int fd = make_memory(5, ITEM_SEALS);
	struct wire_item item;
	assert_false(wire_take_item(fixture->wire, VIEW_IN, &item));
	assert_int_equal(say_item(fixture, good_item(VIEW_IN, VIEW_ITEM_WAITS), fd), WIRE_ITEM);
	assert_int_equal(say_item(fixture, good_item(VIEW_OUT, VIEW_ITEM_CROSSED), fd), WIRE_ITEM);
	// A newer one takes the place of an older, and its descriptor goes.
	assert_int_equal(say_item(fixture, good_item(VIEW_IN, VIEW_ITEM_WAITS), fd), WIRE_ITEM);
	assert_true(wire_take_item(fixture->wire, VIEW_IN, &item));
	assert_false(item.crossed || item.refused);
	assert_true(item.fd >= 0 && item.shown == 5 && item.bytes == 5);
	assert_int_equal(strlen(item.sha256), 64);
	close(item.fd);
	assert_false(wire_take_item(fixture->wire, VIEW_IN, &item));
	assert_int_equal(say_item(fixture, good_item(VIEW_IN, VIEW_ITEM_CROSSED), -1), WIRE_ITEM);
	assert_true(wire_take_item(fixture->wire, VIEW_IN, &item));
	assert_true(item.crossed && item.fd == -1);
	struct view_message refused = {
		.type = VIEW_ITEM_REFUSED, .item_refused.direction = VIEW_OUT};
	set_text(refused.item_refused.text, sizeof(refused.item_refused.text), "no\x1b[2J");
	assert_int_equal(say(fixture, refused), WIRE_ITEM);
	assert_true(wire_take_item(fixture->wire, VIEW_OUT, &item));
	assert_true(item.refused && item.fd == -1 && strchr(item.why, '\x1b') == NULL);
	close(fd);
	// What is left is the wire's to close: tear_down() counts.
	fd = make_memory(5, ITEM_SEALS);
	assert_int_equal(say_item(fixture, good_item(VIEW_OUT, VIEW_ITEM_WAITS), fd), WIRE_ITEM);
	close(fd);
}

static void refuses_item(void **state, struct view_message message, int fd) {
	tear_down(state);
	set_up(state);
	greet(*state);
	assert_int_equal(say_item(*state, message, fd), WIRE_OVER);
	assert_int_equal(wire_told(((struct fixture *)*state)->wire)->end, WIRE_WRONG);
	if (fd >= 0) {
		close(fd);
	}
}

static void test_items_refused(void **state) {
	static const struct {
		size_t offset;
		uint32_t value;
	} bad[] = {
		{offsetof(struct view_message, item.direction), 0},
		{offsetof(struct view_message, item.direction), VIEW_OUT + 1},
		{offsetof(struct view_message, item.step), 0},
		{offsetof(struct view_message, item.step), VIEW_ITEM_CROSSED + 1},
		{offsetof(struct view_message, item.kind), 0},
		{offsetof(struct view_message, item.kind), VIEW_ITEM_JPEG},
		{offsetof(struct view_message, item.flags), 1u << 2},
		{offsetof(struct view_message, item.bytes), 0},
		{offsetof(struct view_message, item.bytes), VIEW_MAX_ITEM + 1},
		{offsetof(struct view_message, item.shown), 4},
		{offsetof(struct view_message, item.shown), 6},
		{offsetof(struct view_message, item.shown), VIEW_MAX_ITEM + 1},
		{offsetof(struct view_message, item.sha256), 0x41414141},
		{offsetof(struct view_message, item.sha256) + 60, 0},
		{offsetof(struct view_message, item.sha256) + 61, 0x61616161},
	};
	struct view_message message;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		message = good_item(VIEW_OUT, VIEW_ITEM_CROSSED);
		memcpy((uint8_t *)&message + bad[i].offset, &bad[i].value, sizeof(uint32_t));
		refuses_item(state, message, -1);
		tear_down(state);
		set_up(state);
		greet(*state);
		int fd = make_memory(5, ITEM_SEALS);
		assert_int_equal(say_item(*state, message, fd), WIRE_OVER);
		close(fd);
	}
	message = good_item(VIEW_OUT, VIEW_ITEM_WAITS);
	const int seals[] = {0, F_SEAL_WRITE | F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW};
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
		tear_down(state);
		int fd = make_memory(5, seals[i]); // somebody could change it still
		set_up(state);
		greet(*state);
		assert_int_equal(say_item(*state, message, fd), WIRE_OVER);
		tear_down(state);
		close(fd);
		set_up(state);
	}
	refuses_item(state, message, -1); // without what is to be shown
	message = good_item(VIEW_IN, VIEW_ITEM_CROSSED);
	message.item.shown = 5;
	refuses_item(state, message, -1);
	struct view_message refused = {.type = VIEW_ITEM_REFUSED};
	refuses(state, refused); // of no direction
	refused.item_refused.direction = VIEW_IN;
	memset(refused.item_refused.text, 'a', sizeof(refused.item_refused.text));
	refuses(state, refused); // without an end
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_hello_refused),
		TEST(test_nothing_before_the_greeting),
		TEST(test_boxes),
		TEST(test_cursor),
		TEST(test_state),
		TEST(test_texts),
		TEST(test_kinds_and_sizes),
		TEST(test_only_damage_is_copied),
		TEST(test_pictures_are_not_written_while_shown),
		TEST(test_torn_frames),
		TEST(test_a_copy_is_whole_or_none),
		TEST(test_what_was_missed_does_not_grow),
		TEST(test_cursor_image),
		TEST(test_receiving),
		TEST(test_items),
		TEST(test_items_refused),
		TEST(test_sending),
		TEST(test_a_supervisor_that_reads_nothing),
		TEST(test_sending_to_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
