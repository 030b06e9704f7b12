// Recordings: what is written is read again, and nothing that is not.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "recording/format.h"
#include "recording/recording.h"

#define WIDTH 101 // neither is a multiple of a tile
#define HEIGHT 67
#define SECOND 1000000000u

static int memory_file(void) {
	int fd = memfd_create("recording", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct recording_writer *begin(int fd, uint32_t width, uint32_t height) {
	struct recording_info info = {.width = width,
		.height = height,
		.begun_ns = 12345,
		.name = "a name",
		.command = "say \"hello\\\" \x01 gr\xc3\xbc\xc3\x9f"};
	struct recording_writer *writer = NULL;
	assert_int_equal(recording_writer_create(dup(fd), &info, &writer), 0);
	return writer;
}

static struct recording *must_open(int fd) {
	struct recording_error error;
	struct recording *recording = recording_open(dup(fd), &error);
	if (recording == NULL) {
		fail_msg("%s", error.message);
	}
	return recording;
}

static struct channel_box random_box(void) {
	struct channel_box box = {.x = rand() % WIDTH, .y = rand() % HEIGHT};
	box.width = 1 + rand() % (WIDTH - box.x);
	box.height = 1 + rand() % (HEIGHT - box.y);
	return box;
}

static void paint(uint32_t *pixels, const struct channel_box *box) {
	uint32_t colour = (uint32_t)rand() & 0xffffff;
	for (int32_t y = box->y; y < box->y + box->height; y++) {
		for (int32_t x = box->x; x < box->x + box->width; x++) {
			pixels[y * WIDTH + x] = rand() % 4 ? colour : (uint32_t)rand() & 0xffffff;
		}
	}
}

#define FRAMES 60

// FRAMES random pictures, kept in `pictures`; some with key frames, events and cursors between.
static void write_much(int fd, uint32_t (*pictures)[WIDTH * HEIGHT]) {
	struct recording_writer *writer = begin(fd, WIDTH, HEIGHT);
	uint32_t image[CHANNEL_CURSOR_MAX * CHANNEL_CURSOR_MAX];
	for (size_t i = 0; i < sizeof(image) / sizeof(image[0]); i++) {
		image[i] = (uint32_t)(i * 2654435761u);
	}
	uint32_t pixels[WIDTH * HEIGHT] = {0};
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct channel_box boxes[3] = {random_box(), random_box(), random_box()};
		size_t len = i == 0 ? 1 : 1 + (size_t)(rand() % 3);
		if (i == 0) {
			boxes[0] = (struct channel_box){0, 0, WIDTH, HEIGHT};
		}
		for (size_t j = 0; j < len; j++) {
			paint(pixels, &boxes[j]);
		}
		memcpy(pictures[i], pixels, sizeof(pixels));
		assert_int_equal(recording_write_frame(writer, (uint64_t)i * SECOND, i + 1, pixels,
					 boxes, len, i % 17 == 5),
			0);
		const struct recording_cursor cursor = {(int32_t)i, 20, 3, 4, 16, 24, true};
		assert_int_equal(recording_write_cursor(writer, (uint64_t)i * SECOND, &cursor,
					 i % 17 == 5 || i == 0 ? image : NULL),
			0);
		char event[64];
		int event_len = snprintf(event, sizeof(event), "{\"event\":\"e\",\"n\":%u}", i);
		assert_int_equal(recording_write_event(writer, (uint64_t)i * SECOND + 1, event,
					 (size_t)event_len),
			0);
	}
	assert_int_equal(recording_write_end(writer, (uint64_t)FRAMES * SECOND, "the \"end\""), 0);
	assert_int_equal(recording_writer_bytes(writer), lseek(fd, 0, SEEK_END));
	recording_writer_destroy(writer);
}

static uint32_t pictures[FRAMES][WIDTH * HEIGHT];

static void check_at(struct recording *recording, uint32_t i) {
	struct recording_error error;
	size_t at = recording_find(recording, (uint64_t)i * SECOND);
	assert_int_equal(recording_kind(recording, at), RECORDING_CURSOR);
	if (!recording_seek(recording, at, &error)) {
		fail_msg("%s", error.message);
	}
	assert_memory_equal(recording_pixels(recording), pictures[i], sizeof(pictures[i]));
	const struct recording_cursor *cursor = recording_cursor(recording);
	assert_int_equal(cursor->x, (int)i);
	assert_int_equal(cursor->width, 16);
	assert_int_equal(cursor->height, 24);
	assert_int_equal(recording_cursor_image(recording)[3 * 16 + 5],
		(uint32_t)((3 * CHANNEL_CURSOR_MAX + 5) * 2654435761u));
}

static void test_round_trip(void **state) {
	int fd = memory_file();
	srand(1);
	write_much(fd, pictures);
	struct recording *recording = must_open(fd);
	const struct recording_info *info = recording_info(recording);
	assert_int_equal(info->width, WIDTH);
	assert_int_equal(info->height, HEIGHT);
	assert_int_equal(info->begun_ns, 12345);
	assert_string_equal(info->name, "a name");
	assert_string_equal(info->command, "say \"hello\\\" \x01 gr\xc3\xbc\xc3\x9f");
	size_t len = recording_len(recording);
	assert_int_equal(len, FRAMES * 3 + 1);
	assert_int_equal(recording_kind(recording, len - 1), RECORDING_END);
	assert_int_equal(recording_duration(recording), (uint64_t)FRAMES * SECOND);
	char *json = recording_event(recording, len - 1);
	assert_string_equal(
		json, "{\"event\":\"recording-end\",\"reason\":\"the \\u0022end\\u0022\"}");
	free(json);
	json = recording_event(recording, 3 * 7 + 2);
	assert_string_equal(json, "{\"event\":\"e\",\"n\":7}");
	free(json);
	assert_null(recording_event(recording, 0));
	for (uint32_t i = 0; i < FRAMES; i++) { // on
		check_at(recording, i);
	}
	for (int i = 0; i < 200; i++) { // and to and fro
		check_at(recording, (uint32_t)(rand() % FRAMES));
	}
	assert_int_equal(recording_find(recording, 0), 1);
	assert_int_equal(recording_find(recording, UINT64_MAX), len - 1);
	recording_close(recording);
	close(fd);
}

static void test_only_what_differs_is_written(void **state) {
	int fd = memory_file();
	struct recording_writer *writer = begin(fd, 1280, 800);
	uint32_t *pixels = calloc(1280 * 800, sizeof(*pixels));
	const struct channel_box whole = {0, 0, 1280, 800};
	assert_int_equal(recording_write_frame(writer, 1, 1, pixels, NULL, 0, true), 0);
	uint64_t empty = recording_writer_bytes(writer);
	assert_int_equal(recording_write_frame(writer, 1, 1, pixels, &whole, 1, false), 0);
	uint64_t first = recording_writer_bytes(writer);
	assert_true(first > empty);
	// The same again, and the byte that is no colour: nothing is written.
	assert_int_equal(recording_write_frame(writer, 2, 2, pixels, &whole, 1, false), 0);
	for (size_t i = 0; i < 1280 * 800; i++) {
		pixels[i] |= 0xff000000;
	}
	assert_int_equal(recording_write_frame(writer, 3, 3, pixels, &whole, 1, false), 0);
	assert_int_equal(recording_writer_bytes(writer), first);
	// One pixel, of which the whole screen is said to have changed.
	pixels[1280 * 400 + 640] ^= 1;
	assert_int_equal(recording_write_frame(writer, 4, 4, pixels, &whole, 1, false), 0);
	assert_true(recording_writer_bytes(writer) - first < 400);
	recording_writer_destroy(writer);
	free(pixels);
	close(fd);
}

static int copy_of(const uint8_t *bytes, size_t len) {
	int fd = memory_file();
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	return fd;
}

// Reads all there is to read. Returns how many entries could be.
static size_t read_all(int fd) {
	struct recording_error error = {0};
	struct recording *recording = recording_open(fd, &error);
	if (recording == NULL) {
		assert_true(error.message[0] != '\0');
		return 0;
	}
	size_t len = recording_len(recording), good = 0;
	for (size_t i = 0; i < len; i++) {
		good += recording_seek(recording, i, &error);
		free(recording_event(recording, i));
	}
	recording_close(recording);
	return good;
}

static void test_cut_anywhere(void **state) {
	int fd = memory_file();
	srand(2);
	write_much(fd, pictures);
	size_t size = (size_t)lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc(size);
	assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
	size_t before = 0;
	for (size_t len = 0; len < size; len += len < 3000 ? 1 : 997) {
		size_t good = read_all(copy_of(bytes, len));
		assert_true(good >= before); // a longer file never has less in it
		before = good;
	}
	assert_int_equal(read_all(copy_of(bytes, size)), FRAMES * 3 + 1);
	// With zeros after the cut, as some file systems leave after a crash.
	for (size_t len = size - 3000; len < size; len += 37) {
		uint8_t *torn = malloc(size);
		memcpy(torn, bytes, size);
		memset(torn + len, 0, size - len);
		assert_true(read_all(copy_of(torn, size)) <= FRAMES * 3 + 1);
		free(torn);
	}
	free(bytes);
	close(fd);
}

static void test_bits_that_fell_over(void **state) {
	int fd = memory_file();
	srand(3);
	write_much(fd, pictures);
	size_t size = (size_t)lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc(size);
	assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
	for (int round = 0; round < 300; round++) {
		size_t at = round < 200 ? (size_t)round : (size_t)rand() % size;
		bytes[at] ^= (uint8_t)(1u << rand() % 8);
		assert_true(read_all(copy_of(bytes, size)) < FRAMES * 3 + 1);
		assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
	}
	free(bytes);
	close(fd);
}

static void test_what_is_no_recording(void **state) {
	struct recording_error error;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_null(recording_open(ends[0], &error));
	close(ends[1]);
	assert_int_equal(read_all(copy_of((const uint8_t *)"PARCLREC", 8)), 0);
	// Sizes out of range, with a header that is whole otherwise, cannot be written either.
	struct recording_info info = {.width = 8193, .height = 10};
	struct recording_writer *writer = NULL;
	assert_int_equal(recording_writer_create(memory_file(), &info, &writer), -EINVAL);
	info.width = 0;
	assert_int_equal(recording_writer_create(memory_file(), &info, &writer), -EINVAL);
	assert_null(writer);
}

static void test_a_disk_that_is_full(void **state) {
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct recording_info info = {.width = 10, .height = 10};
	struct recording_writer *writer = NULL;
	assert_int_equal(recording_writer_create(full, &info, &writer), -ENOSPC);
	assert_null(writer);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_only_what_differs_is_written),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_bits_that_fell_over),
		cmocka_unit_test(test_what_is_no_recording),
		cmocka_unit_test(test_a_disk_that_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
