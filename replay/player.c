#include "replay/player.h"

#include <stdlib.h>

#include "replay/story.h"

#define SECOND ((uint64_t)1000000000)
#define STILL (2 * SECOND) // of the recording: so long nothing may happen before it is skipped
#define BEFORE (SECOND / 2) // what is left of it
#define LONGEST (3600 * SECOND)
#define REPORT (SECOND / 20) // of the clock: so often the position is told

struct player {
	struct recording *recording;
	const struct story *story;
	uint64_t position_ns; // of the recording
	uint64_t since_ns; // of the clock: when it stood there
	bool playing, skip;
	uint32_t speed; // percent
	size_t first; // entry with a picture, recording_len(): there is none
	size_t shown; // the entry whose picture it is; SIZE_MAX: none yet
	// Entries that cannot be read, because one of them is damaged: from..until - 1, none where
	// they are equal.
	size_t broken_from, broken_until;
	bool damaged; // it stands at one of these
};

struct player *player_create(struct recording *recording, const struct story *story) {
	struct player *player = calloc(1, sizeof(*player));
	if (player != NULL) {
		player->recording = recording;
		player->story = story;
		player->speed = 100;
		player->shown = SIZE_MAX;
		while (player->first < recording_len(recording) &&
			recording_kind(recording, player->first) != RECORDING_KEY) {
			player->first++;
		}
	}
	return player;
}

void player_destroy(struct player *player) {
	free(player);
}

static bool is_picture(const struct player *player, size_t entry) {
	enum recording_kind kind = recording_kind(player->recording, entry);
	return kind == RECORDING_KEY || kind == RECORDING_FRAME || kind == RECORDING_CURSOR;
}

static uint64_t duration(const struct player *player) {
	return recording_duration(player->recording);
}

// ---- where it stands

static void move_to(struct player *player, uint64_t time_ns, uint64_t now_ns) {
	player->position_ns = time_ns < duration(player) ? time_ns : duration(player);
	player->since_ns = now_ns;
}

// The entry after a time; recording_len(): there is none.
static size_t entry_after(const struct player *player, uint64_t time_ns) {
	size_t at = recording_find(player->recording, time_ns);
	return at == SIZE_MAX ? 0 : at + 1;
}

// Leaves out what comes next if nothing happens in it.
static void skip_still(struct player *player) {
	size_t next = entry_after(player, player->position_ns);
	uint64_t until = next < recording_len(player->recording)
				 ? recording_time(player->recording, next)
				 : duration(player);
	if (until - player->position_ns > STILL) {
		player->position_ns = until - BEFORE;
	}
}

static void follow_clock(struct player *player, uint64_t now_ns) {
	uint64_t passed_ns = now_ns - player->since_ns;
	player->since_ns = now_ns;
	if (!player->playing) {
		return;
	}
	// Whoever was stopped for long goes on where it was, and hears no hours at once.
	passed_ns = passed_ns < SECOND ? passed_ns : SECOND;
	move_to(player, player->position_ns + passed_ns * player->speed / 100, now_ns);
	if (player->skip) {
		skip_still(player);
	}
	if (player->position_ns >= duration(player)) {
		player->playing = false;
	}
}

// ---- the picture

// Around an entry that cannot be read: from the one that is damaged to the next key frame.
static void find_damage(struct player *player, size_t wanted) {
	struct recording *recording = player->recording;
	struct recording_error ignored;
	size_t len = recording_len(recording), from = wanted, until = wanted + 1;
	while (from > 0 && recording_kind(recording, from) != RECORDING_KEY) {
		from--;
	}
	while (until < len && recording_kind(recording, until) != RECORDING_KEY) {
		until++;
	}
	while (from < wanted && recording_seek(recording, from, &ignored)) {
		from++;
	}
	player->broken_from = from;
	player->broken_until = until;
}

// Goes to `wanted`, or where it cannot be read to the last entry before the damage.
static void show(struct player *player, size_t wanted) {
	struct recording *recording = player->recording;
	struct recording_error ignored;
	if (wanted < player->broken_from || wanted >= player->broken_until) {
		if (recording_seek(recording, wanted, &ignored)) {
			player->damaged = false;
			return;
		}
		find_damage(player, wanted);
	}
	player->damaged = true;
	if (player->broken_from == 0 ||
		!recording_seek(recording, player->broken_from - 1, &ignored)) {
		recording_clear(recording);
	}
}

bool player_advance(struct player *player, uint64_t now_ns) {
	follow_clock(player, now_ns);
	size_t wanted = recording_find(player->recording, player->position_ns);
	// The first picture is a moment later than the beginning, and nothing is to be seen before.
	if (wanted == SIZE_MAX || wanted < player->first) {
		wanted = player->first;
	}
	if (wanted == player->shown || wanted >= recording_len(player->recording)) {
		return false;
	}
	show(player, wanted);
	player->shown = wanted;
	return true;
}

// ---- orders

void player_play(
	struct player *player, bool on, uint32_t speed_percent, bool skip, uint64_t now_ns) {
	follow_clock(player, now_ns);
	if (on && player->position_ns >= duration(player)) {
		move_to(player, 0, now_ns); // from the beginning again
	}
	player->playing = on;
	player->speed = speed_percent;
	player->skip = skip;
}

void player_seek(struct player *player, uint64_t time_ns, uint64_t now_ns) {
	move_to(player, time_ns, now_ns);
}

// When the last picture before a time was; 0: there is none.
static uint64_t picture_before(const struct player *player, uint64_t time_ns) {
	for (size_t i = time_ns > 0 ? entry_after(player, time_ns - 1) : 0; i-- > 0;) {
		if (is_picture(player, i)) {
			return recording_time(player->recording, i);
		}
	}
	return 0;
}

void player_step(struct player *player, bool marks, bool back, uint64_t now_ns) {
	follow_clock(player, now_ns);
	player->playing = false;
	uint64_t time_ns = back ? 0 : duration(player);
	if (marks) {
		const struct story_moment *moment =
			story_next(player->story, player->position_ns, back);
		time_ns = moment != NULL ? moment->time_ns : time_ns;
	} else if (back) {
		// Before the one that is shown, which may be from long ago.
		time_ns = picture_before(player, picture_before(player, player->position_ns + 1));
	} else {
		size_t len = recording_len(player->recording);
		for (size_t i = entry_after(player, player->position_ns); i < len; i++) {
			if (is_picture(player, i)) {
				time_ns = recording_time(player->recording, i);
				break;
			}
		}
	}
	move_to(player, time_ns, now_ns);
}

// ---- asking

uint64_t player_wait_ns(const struct player *player) {
	if (!player->playing) {
		return UINT64_MAX;
	}
	size_t next = entry_after(player, player->position_ns);
	uint64_t until = next < recording_len(player->recording)
				 ? recording_time(player->recording, next)
				 : duration(player);
	uint64_t left_ns = until - player->position_ns;
	left_ns = left_ns < LONGEST ? left_ns : LONGEST; // of which a percentage can be taken
	uint64_t wait_ns = left_ns * 100 / player->speed;
	return wait_ns < REPORT ? wait_ns : REPORT;
}

uint64_t player_position(const struct player *player) {
	return player->position_ns;
}

bool player_playing(const struct player *player) {
	return player->playing;
}

uint32_t player_speed(const struct player *player) {
	return player->speed;
}

bool player_skips(const struct player *player) {
	return player->skip;
}

bool player_damaged(const struct player *player) {
	return player->damaged;
}
