// The thread that records: whole frames whatever the compositor does meanwhile, every event, and
// nobody waits for its disk.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "session/display.h"
#include "session/recorder.h"

#define WIDTH 320
#define HEIGHT 200

static const struct channel_box whole = {0, 0, WIDTH, HEIGHT};

struct stage {
	uint8_t *memory;
	int fd, notify;
	struct recorder *recorder;
	uint32_t serial;
	int newest; // slot
};

static uint64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void rest_ms(long ms) {
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

// Records to `fd`, which stays ours.
static void begin(struct stage *stage, int fd) {
	*stage = (struct stage){.fd = fd, .newest = -1};
	stage->memory = calloc(1, channel_memory_bytes(WIDTH, HEIGHT));
	stage->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(stage->memory != NULL && stage->notify >= 0);
	const struct recorder_options options = {
		.fd = dup(fd),
		.info = {.width = WIDTH, .height = HEIGHT, .name = "s", .command = "c"},
		.memory = stage->memory,
		.notify_fd = stage->notify,
	};
	assert_int_equal(recorder_create(&options, &stage->recorder), 0);
}

static void finish(struct stage *stage) {
	close(stage->fd);
	close(stage->notify);
	free(stage->memory);
}

// Draws as a compositor does: into a slot that nobody is told of, which is then the newest.
static void draw(struct stage *stage) {
	uint32_t slot = ((uint32_t)stage->newest + 1) % CHANNEL_SLOTS;
	uint32_t *pixels = (uint32_t *)(stage->memory + channel_slot_bytes(WIDTH, HEIGHT) * slot);
	uint32_t colour = ++stage->serial * 0x010305u & 0xffffff;
	for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
		// The thread may look at a slot that was taken from it, and must find that out.
		__atomic_store_n(&pixels[i], colour, __ATOMIC_RELAXED);
	}
	const struct display_frame frame = {
		.slot = slot,
		.boxes_len = 1,
		.serial = stage->serial,
		.time_ns = now_ns(),
		.boxes = &whole,
	};
	recorder_frame(stage->recorder, &frame);
	if (stage->newest >= 0) {
		recorder_slot_released(stage->recorder, (uint32_t)stage->newest);
	}
	stage->newest = (int)slot;
}

static struct recording *read_back(const struct stage *stage) {
	struct recording_error error;
	struct recording *recording = recording_open(dup(stage->fd), &error);
	if (recording == NULL) {
		fail_msg("%s", error.message);
	}
	return recording;
}

static void test_no_frame_is_torn(void **state) {
	struct stage stage;
	begin(&stage, memfd_create("recording", MFD_CLOEXEC));
	uint64_t end = now_ns() + 1500000000u;
	while (now_ns() < end) {
		draw(&stage); // as fast as can be: most slots are taken back while they are copied
		char event[40];
		int len =
			snprintf(event, sizeof(event), "{\"event\":\"n\",\"n\":%u}", stage.serial);
		recorder_event(stage.recorder, event, (size_t)len);
		if (stage.serial % 64 == 0) {
			rest_ms(3);
		}
	}
	struct recorder_state last;
	recorder_destroy(stage.recorder, "done", &last);
	assert_int_equal(last.error, 0);
	assert_int_equal(last.events, stage.serial);
	struct recording *recording = read_back(&stage);
	struct recording_error error;
	size_t len = recording_len(recording), frames = 0, events = 0;
	for (size_t i = 0; i < len; i++) {
		enum recording_kind kind = recording_kind(recording, i);
		events += kind == RECORDING_EVENT;
		if (kind != RECORDING_KEY && kind != RECORDING_FRAME) {
			continue;
		}
		frames++;
		assert_true(recording_seek(recording, i, &error));
		const uint32_t *pixels = recording_pixels(recording);
		for (size_t j = 1; j < (size_t)WIDTH * HEIGHT; j++) {
			assert_int_equal(pixels[j], pixels[0]);
		}
	}
	assert_int_equal(events, stage.serial);
	assert_int_equal(frames, last.frames);
	assert_true(frames >= 3 && frames <= 30);
	// The last frame is the newest there was.
	assert_int_equal(recording_pixels(recording)[0], stage.serial * 0x010305u & 0xffffff);
	assert_int_equal(recording_kind(recording, len - 1), RECORDING_END);
	recording_close(recording);
	finish(&stage);
}

static void test_nothing_happens(void **state) {
	struct stage stage;
	begin(&stage, memfd_create("recording", MFD_CLOEXEC));
	draw(&stage);
	rest_ms(300);
	uint64_t bytes = recorder_state(stage.recorder).bytes;
	assert_true(bytes > 0);
	rest_ms(300);
	assert_int_equal(recorder_state(stage.recorder).bytes, bytes);
	recorder_withhold(stage.recorder, true);
	draw(&stage);
	rest_ms(200);
	assert_int_equal(recorder_state(stage.recorder).bytes, bytes);
	struct recorder_state last;
	recorder_destroy(stage.recorder, "done", &last); // what was withheld is not written now
	assert_int_equal(last.frames, 1);
	finish(&stage);
}

static void test_a_disk_that_hangs(void **state) {
	// A pipe that nobody reads looks like one: a write does not come back.
	int ends[2];
	struct stage stage;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	begin(&stage, ends[1]);
	uint64_t begun = now_ns(), longest = 0;
	char event[1000];
	memset(event, ' ', sizeof(event));
	for (int i = 0; i < 8000; i++) { // 8 MB, and half of it may wait
		uint64_t before = now_ns();
		recorder_event(stage.recorder, event, sizeof(event));
		if (i % 100 == 0) {
			draw(&stage);
		}
		uint64_t took = now_ns() - before;
		longest = took > longest ? took : longest;
	}
	assert_true(longest < 500000000u);
	assert_int_equal(recorder_state(stage.recorder).error, -ENOBUFS);
	struct recorder_state last;
	begun = now_ns();
	recorder_destroy(stage.recorder, "done", &last);
	assert_true(now_ns() - begun < 4000000000u);
	assert_int_equal(last.error, -ENOBUFS);
	// Let it go on, into memory that is not looked at any more.
	char sink[65536];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 400; i++) {
		while (read(ends[0], sink, sizeof(sink)) > 0) {}
		rest_ms(1);
	}
	close(ends[0]);
	close(stage.fd);
	close(stage.notify);
	free(stage.memory);
}

static void test_a_disk_that_is_full(void **state) {
	const struct recorder_options options = {
		.fd = open("/dev/full", O_WRONLY | O_CLOEXEC),
		.info = {.width = WIDTH, .height = HEIGHT},
	};
	struct recorder *recorder = NULL;
	assert_int_equal(recorder_create(&options, &recorder), -ENOSPC);
	assert_null(recorder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_frame_is_torn),
		cmocka_unit_test(test_nothing_happens),
		cmocka_unit_test(test_a_disk_that_hangs),
		cmocka_unit_test(test_a_disk_that_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
