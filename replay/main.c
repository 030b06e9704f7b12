#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wayland-server-core.h>

#include "recording/recording.h"
#include "replay/channel.h"
#include "replay/player.h"
#include "replay/replay.h"
#include "replay/stage.h"
#include "replay/story.h"
#include "sandbox/sandbox.h"
#include "session/untrusted.h"

/*
 * parclose-replay: shows a recording to a viewer as a session is shown. Who made the file is not
 * known, so all of it is read in here: by a process that `parclose replay` starts in namespaces of
 * its own, and that confines itself before it reads a byte. It has the file, the viewer's socket,
 * and nothing else.
 */

#define READ_NS 10000000u // of events, before the viewer has its turn again

struct replay {
	struct wl_event_loop *loop;
	struct wl_event_source *source, *timer;
	struct replay_channel channel;
	struct recording *recording;
	struct story *story;
	struct player *player;
	struct stage *stage;
	struct damage damage; // since the last FRAME that went out
	uint8_t marks[VIEW_MARKS_LEN];
	const struct story_moment *caption; // as last told; NULL: none
	enum view_holder holder; // as last told
	bool withheld;
	uint64_t position_ns; // as last told
	bool reads; // there are more events
	bool writable; // it is waited for
};

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// ---- what is said

static void fill_frame(struct replay *replay, struct view_message *message) {
	message->type = VIEW_FRAME;
	stage_newest(replay->stage, &message->frame.slot, &message->frame.generation,
		&message->frame.serial);
	message->frame.time_ns = now_ns();
	message->frame.boxes_len = replay->damage.len;
	memcpy(message->frame.boxes, replay->damage.boxes,
		replay->damage.len * sizeof(message->frame.boxes[0]));
}

static void fill_cursor(struct replay *replay, struct view_message *message) {
	const struct recording_cursor *cursor = recording_cursor(replay->recording);
	message->type = VIEW_CURSOR;
	message->cursor.image_serial =
		stage_show_cursor(replay->stage, cursor, recording_cursor_image(replay->recording));
	message->cursor.x = cursor->x;
	message->cursor.y = cursor->y;
	message->cursor.hot_x = cursor->hot_x;
	message->cursor.hot_y = cursor->hot_y;
	message->cursor.width = cursor->width;
	message->cursor.height = cursor->height;
	message->cursor.visible = cursor->visible;
}

static void fill_state(const struct replay *replay, struct view_message *message) {
	message->type = VIEW_STATE;
	message->state.holder = replay->holder;
	message->state.flags = replay->withheld ? VIEW_STATE_WITHHELD : 0;
	// Of a recording nobody knows; a viewer does not show them.
	message->state.network = VIEW_NETWORK_NONE;
	message->state.clipboard = VIEW_CLIPBOARD_NONE;
	message->state.viewers = 1;
	message->state.begun_s = recording_info(replay->recording)->begun_ns / 1000000000u;
}

static void fill_replay(const struct replay *replay, struct view_message *message) {
	size_t len = recording_len(replay->recording);
	message->type = VIEW_REPLAY;
	message->replay.duration_ns = recording_duration(replay->recording);
	message->replay.begun_s = recording_info(replay->recording)->begun_ns / 1000000000u;
	message->replay.whole =
		len > 0 && recording_kind(replay->recording, len - 1) == RECORDING_END;
}

static void fill_position(const struct replay *replay, struct view_message *message) {
	const struct player *player = replay->player;
	message->type = VIEW_POSITION;
	message->position.time_ns = replay->position_ns;
	message->position.flags = (player_playing(player) ? VIEW_POSITION_PLAYING : 0) |
				  (player_damaged(player) ? VIEW_POSITION_DAMAGED : 0);
	message->position.speed = player_speed(player);
	message->position.skip = player_skips(player);
}

static void fill_caption(const struct replay *replay, struct view_message *message) {
	message->type = VIEW_CAPTION;
	if (replay->caption != NULL) {
		message->caption.time_ns = replay->caption->time_ns;
		message->caption.kinds = replay->caption->kinds;
		story_tell(replay->story, replay->caption, message->caption.untrusted_text,
			sizeof(message->caption.untrusted_text));
	}
}

static void fill_marks(const struct replay *replay, uint32_t what, struct view_message *message) {
	uint32_t chunk = (uint32_t)__builtin_ctz(what / REPLAY_DUE_MARKS);
	uint32_t first = chunk * VIEW_MARKS_CHUNK, left = VIEW_MARKS_LEN - first;
	message->type = VIEW_MARKS;
	message->marks.first = first;
	message->marks.len = left < VIEW_MARKS_CHUNK ? left : VIEW_MARKS_CHUNK;
	memcpy(message->marks.kinds, replay->marks + first, message->marks.len);
}

static void fill(void *data, uint32_t what, struct view_message *message) {
	struct replay *replay = data;
	switch (what) {
	case REPLAY_DUE_REPLAY:
		fill_replay(replay, message);
		break;
	case REPLAY_DUE_STATE:
		fill_state(replay, message);
		break;
	case REPLAY_DUE_FRAME:
		fill_frame(replay, message);
		break;
	case REPLAY_DUE_CURSOR:
		fill_cursor(replay, message);
		break;
	case REPLAY_DUE_POSITION:
		fill_position(replay, message);
		break;
	case REPLAY_DUE_CAPTION:
		fill_caption(replay, message);
		break;
	default:
		fill_marks(replay, what, message);
		break;
	}
}

static void handle_sent(void *data, uint32_t what) {
	struct replay *replay = data;
	if (what == REPLAY_DUE_FRAME) {
		replay->damage.len = 0;
	}
}

// ---- how it stands

static void follow_picture(struct replay *replay) {
	if (!player_advance(replay->player, now_ns())) {
		return;
	}
	if (stage_show(replay->stage, recording_pixels(replay->recording), &replay->damage)) {
		replay->channel.due |= REPLAY_DUE_FRAME;
	}
	replay->channel.due |= REPLAY_DUE_CURSOR | REPLAY_DUE_POSITION;
}

static void follow_story(struct replay *replay) {
	uint64_t time_ns = player_position(replay->player);
	const struct story_moment *now = story_at(replay->story, time_ns, false);
	const struct story_moment *caption = story_at(replay->story, time_ns, true);
	enum view_holder holder = now != NULL ? now->holder : VIEW_AGENT;
	bool withheld = now != NULL && now->withheld;
	if (holder != replay->holder || withheld != replay->withheld) {
		replay->holder = holder;
		replay->withheld = withheld;
		replay->channel.due |= REPLAY_DUE_STATE;
	}
	if (caption != replay->caption) {
		replay->caption = caption;
		replay->channel.due |= REPLAY_DUE_CAPTION;
	}
}

static void read_story(struct replay *replay) {
	if (!replay->reads) {
		return;
	}
	replay->caption = NULL; // it may have moved in memory
	replay->reads = story_read(replay->story, READ_NS);
	uint8_t marks[VIEW_MARKS_LEN];
	story_marks(replay->story, recording_duration(replay->recording), marks);
	for (uint32_t i = 0; i < REPLAY_MARKS; i++) {
		uint32_t first = i * VIEW_MARKS_CHUNK, left = VIEW_MARKS_LEN - first;
		uint32_t len = left < VIEW_MARKS_CHUNK ? left : VIEW_MARKS_CHUNK;
		if (memcmp(marks + first, replay->marks + first, len) != 0) {
			replay->channel.due |= REPLAY_DUE_MARKS << i;
		}
	}
	memcpy(replay->marks, marks, sizeof(marks));
}

// Brings everything up to date, says what there is room for, and knows when to come again.
static void go_on(struct replay *replay) {
	read_story(replay);
	follow_picture(replay);
	follow_story(replay);
	if (player_position(replay->player) != replay->position_ns) {
		replay->position_ns = player_position(replay->player);
		replay->channel.due |= REPLAY_DUE_POSITION;
	}
	bool writable = !replay_flush(&replay->channel);
	if (writable != replay->writable) {
		replay->writable = writable;
		wl_event_source_fd_update(
			replay->source, WL_EVENT_READABLE | (writable ? WL_EVENT_WRITABLE : 0));
	}
	uint64_t wait_ns = replay->reads ? 0 : player_wait_ns(replay->player);
	int wait_ms = wait_ns == UINT64_MAX ? 0 : (int)(wait_ns / 1000000u) + 1;
	wl_event_source_timer_update(replay->timer, wait_ms);
}

static int handle_timer(void *data) {
	go_on(data);
	return 0;
}

// ---- what is asked for

static void obey(struct replay *replay, const struct view_message *order) {
	switch (order->type) {
	case VIEW_SEEK:
		player_seek(replay->player, order->seek.time_ns, now_ns());
		break;
	case VIEW_PLAY:
		player_play(replay->player, order->play.on == 1, order->play.speed,
			order->play.skip == 1, now_ns());
		break;
	default:
		player_step(replay->player, order->step.what == VIEW_STEP_MARK,
			order->step.back == 1, now_ns());
		break;
	}
	replay->channel.due |= REPLAY_DUE_POSITION; // the answer, also where nothing changed
}

static int handle_viewer(int fd, uint32_t mask, void *data) {
	struct replay *replay = data;
	struct view_message order;
	// Of many orders the newest counts: whoever drags the scrubber does not wait for the past.
	for (int i = 0; i < 64 && replay_receive(&replay->channel, &order); i++) {
		obey(replay, &order);
	}
	go_on(replay);
	return 0;
}

// ---- life

static bool begin(struct replay *replay, struct recording_error *error) {
	replay->recording = recording_open(REPLAY_FILE_FD, error);
	if (replay->recording == NULL) {
		return false;
	}
	const struct recording_info *info = recording_info(replay->recording);
	snprintf(error->message, sizeof(error->message), "out of memory");
	replay->story = story_create(replay->recording);
	replay->player =
		replay->story == NULL ? NULL : player_create(replay->recording, replay->story);
	replay->stage = stage_create(info->width, info->height);
	if (replay->player == NULL || replay->stage == NULL) {
		return false;
	}
	replay->holder = VIEW_AGENT;
	replay->reads = true;
	struct view_message hello = {
		.type = VIEW_HELLO,
		.hello = {.version = VIEW_VERSION, .width = info->width, .height = info->height},
	};
	untrusted_text(hello.hello.name, sizeof(hello.hello.name), info->name, sizeof(info->name));
	untrusted_text(hello.hello.command, sizeof(hello.hello.command), info->command,
		sizeof(info->command));
	replay->channel.due = REPLAY_DUE_REPLAY | REPLAY_DUE_STATE | REPLAY_DUE_POSITION |
			      REPLAY_DUE_CAPTION | REPLAY_DUE_ALL_MARKS;
	replay->source = wl_event_loop_add_fd(
		replay->loop, REPLAY_CHANNEL_FD, WL_EVENT_READABLE, handle_viewer, replay);
	replay->timer = wl_event_loop_add_timer(replay->loop, handle_timer, replay);
	return replay->source != NULL && replay->timer != NULL &&
	       replay_hello(&replay->channel, &hello, stage_frames_fd(replay->stage),
		       stage_slots_fd(replay->stage));
}

int main(void) {
	struct recording_error error;
	struct sandbox_error confine_error = {0};
	struct replay replay = {
		.channel = {.fd = REPLAY_CHANNEL_FD, .fill = fill, .sent = handle_sent},
	};
	replay.channel.data = &replay;
	signal(SIGPIPE, SIG_IGN);
	tzset(); // reads a file, and nothing more is read from here on
	replay.loop = wl_event_loop_create();
	if (replay.loop == NULL || fcntl(REPLAY_FILE_FD, F_SETFD, FD_CLOEXEC) != 0 ||
		fcntl(REPLAY_CHANNEL_FD, F_SETFD, FD_CLOEXEC) != 0) {
		return 1; // not started by parclose replay
	}
	if (sandbox_confine_self(&confine_error) != 0) {
		replay_end(&replay.channel, confine_error.message);
		return 1;
	}
	if (!begin(&replay, &error)) {
		replay_end(&replay.channel, error.message);
		return 1;
	}
	go_on(&replay);
	while (!replay.channel.broken) {
		if (wl_event_loop_dispatch(replay.loop, -1) < 0 && errno != EINTR) {
			return 1;
		}
	}
	return 0;
}
