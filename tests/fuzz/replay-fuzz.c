/*
 * Any file as a recording that is played, with any orders of a viewer's: no crash, no hang, and
 * nothing is said of it that a viewer does not take. Its sums are put right, as a liar would.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recording/recording.h"
#include "replay/channel.h"
#include "replay/player.h"
#include "replay/stage.h"
#include "replay/story.h"
#include "tests/fuzz/mend.h"

#define MOST (1u << 18)
#define ORDERS 32 // bytes at the end of the input

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static void show(struct recording *recording, struct player *player, struct stage *stage,
	struct story *story, uint64_t now_ns) {
	struct damage damage = {.len = 0};
	if (player_advance(player, now_ns)) {
		bool any = stage_show(stage, recording_pixels(recording), &damage);
		require(any == (damage.len > 0));
	}
	const struct recording_info *info = recording_info(recording);
	for (uint32_t i = 0; i < damage.len; i++) {
		const struct channel_box *box = &damage.boxes[i];
		require(box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0 &&
			(uint32_t)(box->x + box->width) <= info->width &&
			(uint32_t)(box->y + box->height) <= info->height);
	}
	const struct recording_cursor *cursor = recording_cursor(recording);
	require(cursor->width <= CHANNEL_CURSOR_MAX && cursor->height <= CHANNEL_CURSOR_MAX);
	stage_show_cursor(stage, cursor, recording_cursor_image(recording));
	require(player_position(player) <= recording_duration(recording));
	const struct story_moment *moment = story_at(story, player_position(player), true);
	if (moment != NULL) {
		char line[236];
		story_tell(story, moment, line, sizeof(line));
		require(memchr(line, '\0', sizeof(line)) != NULL && moment->kinds != 0 &&
			moment->time_ns <= recording_duration(recording));
		for (const char *p = line; *p != '\0'; p++) {
			require((unsigned char)*p >= 0x20 && *p != 0x7f);
		}
	}
}

static void play(struct recording *recording, const uint8_t orders[ORDERS]) {
	struct story *story = story_create(recording);
	struct player *player = story == NULL ? NULL : player_create(recording, story);
	const struct recording_info *info = recording_info(recording);
	struct stage *stage = stage_create(info->width, info->height);
	require(player != NULL && stage != NULL);
	while (story_read(story, 1000000)) {}
	uint8_t marks[VIEW_MARKS_LEN];
	story_marks(story, recording_duration(recording), marks);
	for (size_t i = 0; i < VIEW_MARKS_LEN; i++) {
		require(marks[i] < 16);
	}
	uint64_t now_ns = 0, duration_ns = recording_duration(recording);
	for (size_t i = 0; i < ORDERS; i++) {
		switch (orders[i] % 4) {
		case 0:
			player_seek(player, duration_ns / 64 * (orders[i] / 4), now_ns);
			break;
		case 1:
			player_play(player, (orders[i] & 4) != 0,
				orders[i] / 8 % 2 != 0 ? VIEW_MAX_SPEED : 1, (orders[i] & 16) != 0,
				now_ns);
			break;
		case 2:
			player_step(player, (orders[i] & 4) != 0, (orders[i] & 8) != 0, now_ns);
			break;
		default:
			now_ns += (uint64_t)orders[i] * 10000000u;
			break;
		}
		show(recording, player, stage, story, now_ns);
		player_wait_ns(player);
	}
	player_destroy(player);
	story_destroy(story);
	stage_destroy(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	if (len <= ORDERS || len > MOST) {
		return 0;
	}
	uint8_t *bytes = malloc(len);
	int fd = memfd_create("recording", MFD_CLOEXEC);
	require(bytes != NULL && fd >= 0);
	memcpy(bytes, data, len);
	mend(bytes, len - ORDERS);
	require(write(fd, bytes, len - ORDERS) == (ssize_t)(len - ORDERS));
	struct recording_error error;
	struct recording *recording = recording_open(fd, &error);
	if (recording != NULL) {
		play(recording, bytes + len - ORDERS);
		recording_close(recording);
	}
	free(bytes);
	return 0;
}
