// Recordings played: where one stands, what happened in it, what of it cannot be read.

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
#include "replay/channel.h"
#include "replay/player.h"
#include "replay/stage.h"
#include "replay/story.h"

#define WIDTH 70
#define HEIGHT 50
#define SECOND ((uint64_t)1000000000)
#define STEP (SECOND / 10)
#define FRAMES 40 // one every STEP, a key frame every KEY
#define KEY 10

struct fixture {
	int fd;
	uint64_t offset[FRAMES]; // of each frame's record
	struct recording *recording;
	struct story *story;
	struct player *player;
};

static uint32_t colour(size_t frame) {
	return (uint32_t)(frame * 0x10203 + 0x111111) & 0xffffff;
}

static void event(struct recording_writer *writer, uint64_t time_ns, const char *json) {
	assert_int_equal(recording_write_event(writer, time_ns, json, strlen(json)), 0);
}

static void write_file(struct fixture *fixture) {
	struct recording_writer *writer = NULL;
	const struct recording_info info = {.width = WIDTH, .height = HEIGHT, .name = "n"};
	assert_int_equal(recording_writer_create(dup(fixture->fd), &info, &writer), 0);
	const struct channel_box whole = {0, 0, WIDTH, HEIGHT};
	static uint32_t pixels[WIDTH * HEIGHT];
	event(writer, 0, "{\"event\":\"holder\",\"holder\":\"agent\"}"); // before any picture
	for (size_t i = 0; i < FRAMES; i++) {
		for (size_t j = 0; j < WIDTH * HEIGHT; j++) {
			pixels[j] = colour(i);
		}
		fixture->offset[i] = recording_writer_bytes(writer);
		assert_int_equal(recording_write_frame(
					 writer, i * STEP, i + 1, pixels, &whole, 1, i % KEY == 0),
			0);
	}
	// Then nothing for a minute.
	event(writer, 60 * SECOND,
		"{\"event\":\"act\",\"as\":\"agent\",\"action\":\"click\",\"x\":3,"
		"\"y\":4,\"effect\":\"changed\"}");
	event(writer, 62 * SECOND, "{\"event\":\"holder\",\"holder\":\"human\"}");
	event(writer, 62 * SECOND,
		"{\"event\":\"taken-over\",\"by\":\"a viewer\",\"withheld\":true}");
	event(writer, 63 * SECOND,
		"{\"event\":\"act\",\"as\":\"agent\",\"action\":\"key\",\"keys\":"
		"[\"ctrl\",\"s\"],\"effect\":\"refused\",\"message\":\"no\"}");
	event(writer, 64 * SECOND, "{\"event\":\"handed-back\",\"by\":\"a viewer\"}");
	event(writer, 64 * SECOND, "{\"event\":\"holder\",\"holder\":\"agent\"}");
	event(writer, 65 * SECOND, "{\"event\":\"paused\",\"by\":\"\xe2\x80\xae\x1b[31mx\"}");
	event(writer, 65 * SECOND, "{\"event\":\"holder\",\"holder\":\"paused\"}");
	event(writer, 65 * SECOND + 1,
		"{\"event\":\"network\",\"kind\":\"lookup\",\"allowed\":true}");
	event(writer, 65 * SECOND + 2,
		"{\"event\":\"network\",\"kind\":\"connect\",\"allowed\":"
		"false,\"name\":\"a.example\",\"port\":443,\"reason\":\"no-rule\"}");
	event(writer, 66 * SECOND, "not JSON");
	event(writer, 66 * SECOND, "[1,2]");
	event(writer, 67 * SECOND, "{\"event\":7,\"holder\":{}}");
	assert_int_equal(recording_write_end(writer, 70 * SECOND, "over"), 0);
	recording_writer_destroy(writer);
}

static void open_again(struct fixture *fixture) {
	player_destroy(fixture->player);
	story_destroy(fixture->story);
	recording_close(fixture->recording);
	struct recording_error error;
	fixture->recording = recording_open(dup(fixture->fd), &error);
	assert_non_null(fixture->recording);
	fixture->story = story_create(fixture->recording);
	while (story_read(fixture->story, 1)) {}
	fixture->player = player_create(fixture->recording, fixture->story);
	assert_non_null(fixture->player);
}

static int set_up(void **state) {
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->fd = memfd_create("recording", MFD_CLOEXEC);
	write_file(fixture);
	open_again(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	player_destroy(fixture->player);
	story_destroy(fixture->story);
	recording_close(fixture->recording);
	close(fixture->fd);
	free(fixture);
	return 0;
}

static void assert_shows(struct fixture *fixture, size_t frame) {
	const uint32_t *pixels = recording_pixels(fixture->recording);
	assert_int_equal(pixels[0], colour(frame));
	assert_int_equal(pixels[WIDTH * HEIGHT - 1], colour(frame));
}

// ---- where it stands

static void test_playing(void **state) {
	struct fixture *fixture = *state;
	struct player *player = fixture->player;
	uint64_t now = 1000 * SECOND;
	assert_true(player_advance(player, now));
	assert_shows(fixture, 0);
	assert_int_equal(player_wait_ns(player), UINT64_MAX);
	assert_false(player_advance(player, now + SECOND)); // it does not play
	now += 2 * SECOND;
	player_play(player, true, 100, false, now);
	assert_int_equal(player_wait_ns(player), SECOND / 20); // the position is told before
	assert_false(player_advance(player, now += STEP / 2));
	assert_true(player_advance(player, now += STEP / 2));
	assert_int_equal(player_position(player), STEP);
	assert_shows(fixture, 1);
	player_play(player, true, 400, false, now);
	assert_true(player_advance(player, now += STEP));
	assert_shows(fixture, 5);
	player_play(player, true, 50, false, now);
	assert_false(player_advance(player, now += STEP));
	assert_true(player_advance(player, now += STEP));
	assert_shows(fixture, 6);
	// Whoever was stopped for an hour goes on where it was.
	player_play(player, true, 100, false, now);
	player_advance(player, now += 3600 * SECOND);
	assert_int_equal(player_position(player), 6 * STEP + SECOND);
	player_play(player, false, 100, false, now);
	assert_false(player_advance(player, now += SECOND));
	assert_int_equal(player_position(player), 6 * STEP + SECOND);
}

static void test_the_end(void **state) {
	struct fixture *fixture = *state;
	struct player *player = fixture->player;
	player_seek(player, UINT64_MAX, 0);
	player_advance(player, 0);
	assert_int_equal(player_position(player), 70 * SECOND);
	assert_shows(fixture, FRAMES - 1);
	player_seek(player, 70 * SECOND - STEP, 0);
	player_play(player, true, 100, false, 0);
	player_advance(player, 2 * STEP);
	assert_false(player_playing(player));
	assert_int_equal(player_wait_ns(player), UINT64_MAX);
	player_play(player, true, 100, false, 3 * STEP); // from the beginning again
	player_advance(player, 3 * STEP);
	assert_int_equal(player_position(player), 0);
	assert_true(player_playing(player));
}

static void test_skipping(void **state) {
	struct fixture *fixture = *state;
	struct player *player = fixture->player;
	player_seek(player, (FRAMES - 1) * STEP, 0);
	player_play(player, true, 100, true, 0);
	player_advance(player, STEP);
	assert_int_equal(player_position(player), 60 * SECOND - SECOND / 2);
	// What follows within two seconds is not skipped.
	player_advance(player, STEP + SECOND);
	assert_int_equal(player_position(player), 60 * SECOND + SECOND / 2);
	player_advance(player, 2 * STEP + SECOND);
	assert_int_equal(player_position(player), 60 * SECOND + SECOND / 2 + STEP);
}

static void test_stepping(void **state) {
	struct fixture *fixture = *state;
	struct player *player = fixture->player;
	player_play(player, true, 100, false, 0);
	player_step(player, false, false, 0);
	assert_false(player_playing(player));
	player_advance(player, 0);
	assert_shows(fixture, 1);
	for (size_t i = 2; i < FRAMES; i++) {
		player_step(player, false, false, 0);
		player_advance(player, 0);
		assert_shows(fixture, i);
	}
	player_step(player, false, false, 0); // none: to the end
	assert_int_equal(player_position(player), 70 * SECOND);
	for (size_t i = FRAMES - 1; i-- > 0;) { // before the one that is shown
		player_step(player, false, true, 0);
		player_advance(player, 0);
		assert_shows(fixture, i);
		assert_int_equal(player_position(player), i * STEP);
	}
	player_step(player, false, true, 0);
	assert_int_equal(player_position(player), 0);
	const uint64_t marks[] = {60 * SECOND, 62 * SECOND, 63 * SECOND, 64 * SECOND, 65 * SECOND,
		65 * SECOND + 2, 67 * SECOND, 70 * SECOND};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		player_step(player, true, false, 0);
		assert_int_equal(player_position(player), marks[i]);
	}
	for (size_t i = sizeof(marks) / sizeof(marks[0]) - 1; i-- > 0;) {
		player_step(player, true, true, 0);
		assert_int_equal(player_position(player), marks[i]);
	}
	player_step(player, true, true, 0);
	assert_int_equal(player_position(player), 0);
}

// ---- what happened

static const char *told_at(struct fixture *fixture, uint64_t time_ns) {
	static char line[240];
	const struct story_moment *moment = story_at(fixture->story, time_ns, true);
	assert_non_null(moment);
	story_tell(fixture->story, moment, line, sizeof(line));
	return line;
}

static void test_story(void **state) {
	struct fixture *fixture = *state;
	assert_null(story_at(fixture->story, 59 * SECOND, false));
	assert_string_equal(told_at(fixture, 61 * SECOND), "The agent: click at 3, 4");
	assert_int_equal(story_at(fixture->story, 61 * SECOND, true)->kinds, VIEW_MARK_AGENT);
	assert_string_equal(told_at(fixture, 62 * SECOND),
		"A person takes over, by a viewer; pictures are withheld, from here, too");
	const struct story_moment *moment = story_at(fixture->story, 62 * SECOND, false);
	assert_int_equal(moment->holder, VIEW_HUMAN);
	assert_true(moment->withheld);
	assert_string_equal(told_at(fixture, 63 * SECOND), "The agent: key ctrl+s – refused: no");
	assert_int_equal(story_at(fixture->story, 63 * SECOND, true)->kinds,
		VIEW_MARK_AGENT | VIEW_MARK_REFUSED);
	moment = story_at(fixture->story, 64 * SECOND, false);
	assert_int_equal(moment->holder, VIEW_AGENT);
	assert_false(moment->withheld);
	assert_string_equal(told_at(fixture, 66 * SECOND),
		"Network, denied: connect a.example port 443 – no-rule");
	assert_int_equal(story_at(fixture->story, 66 * SECOND, true)->kinds, VIEW_MARK_REFUSED);
	assert_string_equal(told_at(fixture, 65 * SECOND + 1),
		"Paused, by \xef\xbf\xbd\xef\xbf\xbd[31mx"); // nothing of it turns or colours
	assert_int_equal(story_at(fixture->story, 66 * SECOND, false)->holder, VIEW_PAUSED);
	assert_string_equal(told_at(fixture, 68 * SECOND), "");
	uint8_t kinds[VIEW_MARKS_LEN];
	story_marks(fixture->story, 70 * SECOND, kinds);
	for (size_t i = 0; i < VIEW_MARKS_LEN; i++) {
		uint32_t wanted =
			i == VIEW_MARKS_LEN * 60 / 70   ? VIEW_MARK_AGENT
			: i == VIEW_MARKS_LEN * 62 / 70 ? VIEW_MARK_PERSON
			: i == VIEW_MARKS_LEN * 63 / 70 ? VIEW_MARK_AGENT | VIEW_MARK_REFUSED
			: i == VIEW_MARKS_LEN * 64 / 70 ? VIEW_MARK_PERSON
			: i == VIEW_MARKS_LEN * 65 / 70 ? VIEW_MARK_PERSON | VIEW_MARK_REFUSED
			: i == VIEW_MARKS_LEN * 67 / 70 ? VIEW_MARK_OTHER
							: 0;
		assert_int_equal(kinds[i], wanted);
	}
	story_marks(fixture->story, SECOND, kinds); // what is later is at the end
	assert_int_equal(kinds[0], 0);
	assert_int_not_equal(kinds[VIEW_MARKS_LEN - 1], 0);
}

// ---- damage

static void damage_frame(struct fixture *fixture, size_t frame) {
	const uint8_t wrong = 0x5a;
	uint8_t was;
	off_t at = (off_t)fixture->offset[frame] + FORMAT_RECORD + FORMAT_FRAME_HEAD + 3;
	assert_int_equal(pread(fixture->fd, &was, 1, at), 1);
	assert_int_equal(pwrite(fixture->fd, &(uint8_t){was ^ wrong}, 1, at), 1);
}

static void assert_at(struct fixture *fixture, size_t frame, size_t shown, bool damaged) {
	player_seek(fixture->player, frame * STEP, 0);
	player_advance(fixture->player, 0);
	assert_int_equal(player_damaged(fixture->player), damaged);
	assert_shows(fixture, shown);
}

static void test_damage(void **state) {
	struct fixture *fixture = *state;
	damage_frame(fixture, 13);
	damage_frame(fixture, 30);
	open_again(fixture);
	assert_at(fixture, 12, 12, false);
	assert_at(fixture, 13, 12, true);
	assert_at(fixture, 19, 12, true);
	assert_at(fixture, 20, 20, false);
	assert_at(fixture, 5, 5, false);
	assert_at(fixture, 17, 12, true); // from afar, and known already
	assert_at(fixture, 29, 29, false);
	assert_at(fixture, 35, 29, true); // a key frame
	assert_at(fixture, 16, 12, true);
	// The very first picture, and with it all up to the next key frame.
	damage_frame(fixture, 0);
	open_again(fixture);
	player_advance(fixture->player, 0);
	assert_true(player_damaged(fixture->player));
	assert_int_equal(recording_pixels(fixture->recording)[0], 0);
	assert_at(fixture, 10, 10, false);
	assert_int_equal(player_position(fixture->player), 10 * STEP);
}

static void test_nothing_in_it(void **state) {
	struct fixture *fixture = *state;
	assert_int_equal(ftruncate(fixture->fd, FORMAT_HEADER), 0);
	open_again(fixture);
	assert_false(player_advance(fixture->player, 0));
	player_play(fixture->player, true, 100, true, 0);
	player_advance(fixture->player, SECOND);
	assert_false(player_playing(fixture->player));
	player_step(fixture->player, false, false, 0);
	player_step(fixture->player, true, true, 0);
	player_seek(fixture->player, SECOND, 0);
	assert_false(player_advance(fixture->player, 0));
	assert_int_equal(player_position(fixture->player), 0);
	assert_null(story_at(fixture->story, UINT64_MAX, false));
}

// ---- the frame memory

static void test_stage(void **state) {
	struct stage *stage = stage_create(WIDTH, HEIGHT);
	assert_non_null(stage);
	static uint32_t pixels[WIDTH * HEIGHT];
	struct damage damage = {.len = 0};
	uint32_t slot, other;
	uint64_t generation, serial, now;
	assert_false(stage_newest(stage, &slot, &generation, &serial));
	assert_true(stage_show(stage, pixels, &damage));
	assert_int_equal(damage.len, 1);
	assert_int_equal(damage.boxes[0].width, WIDTH);
	assert_true(stage_newest(stage, &slot, &generation, &serial));
	damage.len = 0;
	assert_false(stage_show(stage, pixels, &damage)); // the same
	assert_int_equal(damage.len, 0);
	pixels[40 * WIDTH + 7] = 1;
	pixels[41 * WIDTH + 9] = 2;
	assert_true(stage_show(stage, pixels, &damage));
	assert_int_equal(damage.len, 1);
	assert_int_equal(damage.boxes[0].x, 7);
	assert_int_equal(damage.boxes[0].width, 3);
	assert_true(damage.boxes[0].y >= 0 && damage.boxes[0].y <= 40);
	assert_true(damage.boxes[0].y + damage.boxes[0].height >= 42);
	assert_true(damage.boxes[0].y + damage.boxes[0].height <= HEIGHT);
	assert_true(stage_newest(stage, &other, &now, &serial));
	assert_int_not_equal(other, slot); // a copy that is being made is not disturbed yet
	pixels[0] = 3;
	assert_true(stage_show(stage, pixels, &damage));
	assert_true(stage_newest(stage, &other, &now, &serial));
	assert_int_equal(other, slot);
	assert_true(now > generation); // and is told
	// What a viewer maps is the picture.
	const uint32_t *mapped = mmap(NULL, channel_memory_bytes(WIDTH, HEIGHT), PROT_READ,
		MAP_SHARED, stage_frames_fd(stage), 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	assert_memory_equal(
		mapped + slot * channel_slot_bytes(WIDTH, HEIGHT) / 4, pixels, sizeof(pixels));
	munmap((void *)mapped, channel_memory_bytes(WIDTH, HEIGHT));
	assert_ptr_equal(
		mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, stage_frames_fd(stage), 0), MAP_FAILED);
	// A pointer: its serial follows its image, not its place.
	uint32_t image[128 * 128] = {1};
	struct recording_cursor cursor = {.width = 128, .height = 128, .visible = true};
	uint32_t first = stage_show_cursor(stage, &cursor, image);
	cursor.x = 9;
	assert_int_equal(stage_show_cursor(stage, &cursor, image), first);
	image[128 * 128 - 1] = 2;
	assert_int_not_equal(stage_show_cursor(stage, &cursor, image), first);
	stage_destroy(stage);
}

// ---- what a viewer asks for

static bool good(struct view_message message) {
	return replay_check(&message, sizeof(message), false);
}

static void test_check(void **state) {
	for (uint32_t type = 0; type < 200; type++) {
		struct view_message message = {.type = type, .play = {1, 100, 1}};
		if (type == VIEW_STEP) {
			message = (struct view_message){.type = type, .step = {VIEW_STEP_MARK, 1}};
		}
		bool known = type >= VIEW_SEEK && type <= VIEW_STEP;
		assert_int_equal(good(message), known);
		assert_false(replay_check(&message, sizeof(message) - 1, false));
		assert_false(replay_check(&message, sizeof(message), true));
		message.reserved = 1;
		assert_false(good(message));
	}
	assert_false(good((struct view_message){.type = VIEW_SEEK, .seek.time_ns = UINT64_MAX}));
	assert_false(good((struct view_message){.type = VIEW_PLAY, .play = {2, 100, 0}}));
	assert_false(good((struct view_message){.type = VIEW_PLAY, .play = {1, 0, 0}}));
	assert_false(
		good((struct view_message){.type = VIEW_PLAY, .play = {1, VIEW_MAX_SPEED + 1, 0}}));
	assert_false(good((struct view_message){.type = VIEW_PLAY, .play = {1, 100, 2}}));
	assert_false(good((struct view_message){.type = VIEW_STEP, .step = {0, 0}}));
	assert_false(good((struct view_message){.type = VIEW_STEP, .step = {3, 0}}));
	assert_false(good((struct view_message){.type = VIEW_STEP, .step = {1, 2}}));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_playing),
		WITH_FIXTURE(test_the_end),
		WITH_FIXTURE(test_skipping),
		WITH_FIXTURE(test_stepping),
		WITH_FIXTURE(test_story),
		WITH_FIXTURE(test_damage),
		WITH_FIXTURE(test_nothing_in_it),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
