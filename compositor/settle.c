#include "compositor/settle.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wlr/types/wlr_scene.h>

#include "compositor/answers.h"
#include "compositor/changes.h"
#include "compositor/internal.h"
#include "compositor/spots.h"

#define WATCHES_MAX (2 * SETTLE_MAX_WAITS) // at least as many actions as waits
#define BOXES_MAX 16 // of changes that nobody asked about yet
#define POPUP_MS 1000 // of a wait, in which popups are given time to be seen
#define LITTLE 4 // largest spots' area in a frame that is looked at while nobody waits
#define LONG_AGO (-((int64_t)1 << 40))

enum stage {
	STAGE_UNUSED,
	STAGE_COMING, // the wait is here before its action began
	STAGE_PLAYING,
	STAGE_DONE, // what is waited for has begun
};

// An action whose changes are noted, a wait, or both in one.
struct watch {
	struct settle *settle;
	enum stage stage;
	uint32_t token;
	bool of_action;
	bool failed; // the action never began, or was cancelled
	int64_t start_ms; // of DONE

	bool asked; // a wait; else what follows is not used
	uint32_t quiet_ms, unchanged_ms, timeout_ms;
	struct channel_box region; // empty: everything

	// The picture.
	struct channel_box boxes[BOXES_MAX]; // what changed, in the region once there is one
	uint32_t boxes_len;
	int64_t changed_ms; // last
	int64_t ignored_ms; // a spot, last
	// Spots that showed something new: a change, unless they turn out to be still at it.
	struct {
		uint32_t id, hits;
		struct channel_box box;
	} repeats[SPOTS_MAX];
	uint32_t repeats_len;

	struct answers answers; // of DONE
};

struct settle {
	struct compositor *c;
	struct spots spots;
	struct watch watches[WATCHES_MAX];
	uint32_t forgotten; // an action up to this token that is not among the watches is over
	uint64_t frames_done;
	struct wl_event_source *timer;
	struct wl_event_source *idle; // NULL: no look is due
	struct wl_protocol_logger *logger; // NULL: nobody waits
};

static int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t later(int64_t a, int64_t b) {
	return a > b ? a : b;
}

static bool is_empty(const struct channel_box *box) {
	return box->width == 0 || box->height == 0;
}

// ---- the picture

// Whether changes are noted for it now.
static bool is_noting(const struct watch *watch, int64_t now) {
	return watch->stage == STAGE_PLAYING ||
	       (watch->stage == STAGE_DONE &&
		       (watch->asked || now - watch->start_ms <= SETTLE_ASK_MS));
}

static void add_box(struct watch *watch, const struct channel_box *box) {
	changes_add(watch->boxes, &watch->boxes_len, BOXES_MAX, box);
}

static void add_repeat(struct watch *watch, uint32_t spot, const struct channel_box *box) {
	for (uint32_t i = 0; i < watch->repeats_len; i++) {
		if (watch->repeats[i].id == spot) {
			watch->repeats[i].hits++;
			watch->repeats[i].box = changes_union(&watch->repeats[i].box, box);
			return;
		}
	}
	if (watch->repeats_len == SPOTS_MAX) {
		add_box(watch, box);
		return;
	}
	watch->repeats[watch->repeats_len].id = spot;
	watch->repeats[watch->repeats_len].hits = 1;
	watch->repeats[watch->repeats_len++].box = *box;
}

struct frame {
	const uint32_t *before, *after; // `before` NULL: boxes are as exact as can be
	int64_t now;
};

static void note_change(struct watch *watch, const struct frame *frame,
	const struct channel_box *change, enum spots_verdict verdict, uint32_t spot) {
	struct channel_box box = *change;
	if (watch->asked && !is_empty(&watch->region)) {
		if (!changes_intersect(&box, change, &watch->region) ||
			(frame->before != NULL && !changes_fit(frame->before, frame->after,
							  watch->settle->spots.width, &box))) {
			return;
		}
	}
	switch (verdict) {
	case SPOTS_NONE:
		watch->changed_ms = frame->now;
		add_box(watch, &box);
		break;
	case SPOTS_NEW:
		watch->ignored_ms = frame->now;
		add_repeat(watch, spot, &box);
		break;
	case SPOTS_AGAIN:
		watch->ignored_ms = frame->now;
		break;
	}
}

static int64_t damage_area(const pixman_region32_t *damage) {
	int len = 0;
	const pixman_box32_t *rects = pixman_region32_rectangles(damage, &len);
	int64_t area = 0;
	for (int i = 0; i < len; i++) {
		area += (int64_t)(rects[i].x2 - rects[i].x1) * (rects[i].y2 - rects[i].y1);
	}
	return area;
}

// The damage itself as changes, where pixels are not there or not worth the work.
static void damage_as_changes(struct changes *changes, const pixman_region32_t *damage) {
	int len = 0;
	const pixman_box32_t *rects = pixman_region32_rectangles(damage, &len);
	if (len > CHANGES_MAX) {
		rects = pixman_region32_extents(damage);
		len = 1;
	}
	changes->len = (uint32_t)len;
	for (int i = 0; i < len; i++) {
		changes->boxes[i] = (struct channel_box){rects[i].x1, rects[i].y1,
			rects[i].x2 - rects[i].x1, rects[i].y2 - rects[i].y1};
	}
}

static void note_all(struct settle *settle, const struct frame *frame,
	const struct channel_box *change, enum spots_verdict verdict, uint32_t spot) {
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		if (is_noting(&settle->watches[i], frame->now)) {
			note_change(&settle->watches[i], frame, change, verdict, spot);
		}
	}
}

static void note_changes(
	struct settle *settle, const struct frame *frame, const struct changes *changes) {
	struct spots *spots = &settle->spots;
	for (uint32_t i = 0; i < changes->len; i++) {
		uint32_t spot = 0;
		enum spots_verdict verdict = SPOTS_NONE;
		if (changes_area(&changes->boxes[i]) <= spots->most) {
			verdict = spots_note(spots, &changes->boxes[i], frame->before, frame->after,
				frame->now, &spot);
		} else {
			spots_forget(spots, &changes->boxes[i]);
		}
		note_all(settle, frame, &changes->boxes[i], verdict, spot);
	}
}

// False: there was nothing of the box in it.
static bool subtract(pixman_region32_t *region, const struct channel_box *box) {
	const pixman_box32_t rect = {box->x, box->y, box->x + box->width, box->y + box->height};
	if (pixman_region32_contains_rectangle(region, &rect) == PIXMAN_REGION_OUT) {
		return false;
	}
	pixman_region32_t other;
	pixman_region32_init_with_extents(&other, &rect);
	pixman_region32_subtract(region, region, &other);
	pixman_region32_fini(&other);
	return true;
}

void settle_frame(struct settle *settle, const uint32_t *before, const uint32_t *after,
	const pixman_region32_t *damage) {
	struct frame frame = {before, after, now_ms()};
	struct spots *spots = &settle->spots;
	bool noting = false;
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		noting |= is_noting(&settle->watches[i], frame.now);
	}
	struct changes changes;
	bool exact = before != NULL && (noting || damage_area(damage) <= LITTLE * spots->most);
	if (!exact) {
		damage_as_changes(&changes, damage);
		for (uint32_t i = 0; i < changes.len; i++) {
			spots_forget(spots, &changes.boxes[i]);
			note_all(settle, &frame, &changes.boxes[i], SPOTS_NONE, 0);
		}
		return;
	}
	// Sure spots are looked at by themselves, so that they stay what they are beside a change.
	pixman_region32_t rest;
	pixman_region32_init(&rest);
	pixman_region32_copy(&rest, damage);
	struct changes pieces = {0};
	for (uint32_t i = 0; i < SPOTS_MAX; i++) {
		struct channel_box box = spots->spots[i].box;
		if (spots->spots[i].id != 0 && spots->spots[i].sure && subtract(&rest, &box) &&
			changes_fit(before, after, spots->width, &box)) {
			pieces.boxes[pieces.len++] = box;
		}
	}
	changes_find(&changes, before, after, spots->width, &rest);
	pixman_region32_fini(&rest);
	note_changes(settle, &frame, &changes);
	note_changes(settle, &frame, &pieces);
}

// ---- the clients

static void look_soon(struct settle *settle);

// Nobody else tells of answers. Called before the request is carried out: no place to do much.
static void handle_message(void *data, enum wl_protocol_logger_type direction,
	const struct wl_protocol_logger_message *message) {
	struct settle *settle = data;
	if (direction != WL_PROTOCOL_LOGGER_REQUEST) {
		return;
	}
	bool heard = strcmp(message->message->name, "ack_configure") == 0;
	int64_t now = now_ms();
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct answers *answers = &settle->watches[i].answers;
		if (settle->watches[i].stage != STAGE_DONE ||
			!answers_take(answers, now, message)) {
			continue;
		}
		heard = true;
		// It worked until now, and what was seen meanwhile may have come of the input.
		if (answers->owed_ms == now) {
			spots_forget_unsure(&settle->spots);
		}
	}
	if (heard) {
		look_soon(settle);
	}
}

// ---- the end of a wait

static void watch_finish(struct watch *watch) {
	struct settle *settle = watch->settle;
	answers_finish(&watch->answers);
	if (watch->of_action && watch->token > settle->forgotten) {
		settle->forgotten = watch->token;
	}
	watch->stage = STAGE_UNUSED;
}

static void say(struct settle *settle, uint32_t token, enum channel_settle_reason reason,
	uint32_t waited_ms, const struct channel_box *boxes, uint32_t boxes_len) {
	struct channel_message message = {.type = CHANNEL_SETTLED};
	message.settled.token = token;
	message.settled.reason = reason;
	message.settled.waited_ms = waited_ms;
	message.settled.changed = boxes_len > 0;
	for (uint32_t i = 0; i < boxes_len; i++) {
		message.settled.box =
			i == 0 ? boxes[0] : changes_union(&message.settled.box, &boxes[i]);
	}
	message.settled.frame = settle->c->frame_serial;
	compositor_emit(settle->c, &message);
}

static void conclude(struct watch *watch, enum channel_settle_reason reason, int64_t now) {
	for (uint32_t i = 0; i < watch->repeats_len; i++) {
		if (watch->repeats[i].hits < SPOTS_HITS ||
			!spots_alive(&watch->settle->spots, watch->repeats[i].id, now)) {
			add_box(watch, &watch->repeats[i].box);
		}
	}
	say(watch->settle, watch->token, reason,
		watch->stage == STAGE_DONE ? (uint32_t)(now - watch->start_ms) : 0, watch->boxes,
		watch->boxes_len);
	watch_finish(watch);
}

/*
 * Ends a wait that is over; else says when to look again. Whatever may end it before then lets us
 * look by itself: frames, answers.
 */
static int64_t look(struct watch *watch, int64_t now) {
	int64_t moved = later(watch->start_ms, watch->changed_ms);
	bool busy = answers_look(&watch->answers, now, now - moved >= ANSWERS_EVERY_MS,
		watch->settle->frames_done, now - watch->start_ms < POPUP_MS);
	// What is about to be drawn is not known yet.
	bool drawing = wlr_scene_output_needs_frame(watch->settle->c->scene_output);
	// An application may first think, in a process that we do not see, and then draw: that
	// nothing changed takes longer to be sure of.
	bool unchanged = watch->boxes_len == 0 && watch->repeats_len == 0;
	int64_t rested = moved + (unchanged ? watch->unchanged_ms : watch->quiet_ms);
	int64_t over = later(rested, watch->answers.owed_ms + watch->quiet_ms);
	int64_t deadline = watch->start_ms + watch->timeout_ms;
	if (!busy && !drawing && watch->answers.ping == NULL && now >= over) {
		conclude(watch,
			now - watch->ignored_ms < watch->quiet_ms ? CHANNEL_SETTLE_REPEATING
								  : CHANNEL_SETTLE_QUIET,
			now);
	} else if (now >= deadline) {
		conclude(watch,
			busy && !drawing && now >= rested ? CHANNEL_SETTLE_UNRESPONSIVE
							  : CHANNEL_SETTLE_TIMEOUT,
			now);
	} else {
		int64_t next = later(now, watch->answers.ping_ms) + ANSWERS_EVERY_MS;
		next = over > now && over < next ? over : next;
		return next < deadline ? next : deadline;
	}
	return INT64_MAX;
}

static void look_all(struct settle *settle) {
	int64_t now = now_ms(), next = INT64_MAX;
	bool waiting = false;
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &settle->watches[i];
		if (watch->asked && watch->stage == STAGE_DONE) {
			int64_t at = look(watch, now);
			next = at < next ? at : next;
		}
		waiting |= watch->asked && watch->stage != STAGE_UNUSED;
	}
	wl_event_source_timer_update(settle->timer, next == INT64_MAX ? 0 : (int)(next - now));
	if (!waiting && settle->logger != NULL) {
		wl_protocol_logger_destroy(settle->logger);
		settle->logger = NULL;
	}
}

static int handle_timer(void *data) {
	look_all(data);
	return 0;
}

static void handle_idle(void *data) {
	struct settle *settle = data;
	settle->idle = NULL;
	look_all(settle);
}

static void look_soon(struct settle *settle) {
	if (settle->idle == NULL) {
		settle->idle = wl_event_loop_add_idle(settle->c->loop, handle_idle, settle);
	}
}

void settle_frame_done(struct settle *settle) {
	settle->frames_done++;
	if (settle->logger != NULL) {
		look_soon(settle);
	}
}

// ---- actions and waits

static struct watch *find_action(struct settle *settle, uint32_t token) {
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &settle->watches[i];
		if (watch->stage != STAGE_UNUSED && watch->of_action && watch->token == token) {
			return watch;
		}
	}
	return NULL;
}

// In place of the action that was done first, where there is no room: no wait is lost.
static struct watch *watch_create(
	struct settle *settle, uint32_t token, bool of_action, enum stage stage) {
	struct watch *found = NULL;
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &settle->watches[i];
		if (watch->stage == STAGE_UNUSED) {
			found = watch;
			break;
		}
		if (!watch->asked && watch->stage == STAGE_DONE &&
			(found == NULL || watch->start_ms < found->start_ms)) {
			found = watch;
		}
	}
	if (found->stage != STAGE_UNUSED) {
		watch_finish(found);
	}
	*found = (struct watch){
		.settle = settle,
		.stage = stage,
		.token = token,
		.of_action = of_action,
		.start_ms = now_ms(),
		.changed_ms = LONG_AGO,
		.ignored_ms = LONG_AGO,
	};
	return found;
}

void settle_action_began(struct settle *settle, uint32_t token) {
	struct watch *watch = find_action(settle, token);
	if (watch == NULL) {
		watch = watch_create(settle, token, true, STAGE_PLAYING);
	}
	watch->stage = STAGE_PLAYING;
	spots_forget_unsure(&settle->spots);
}

void settle_action_done(struct settle *settle, const struct channel_message *input_done) {
	uint32_t token = input_done->input_done.token;
	struct watch *watch = find_action(settle, token);
	if (watch == NULL) {
		watch = watch_create(settle, token, true, STAGE_COMING);
	}
	// One that broke off may have changed much, and is waited for like any other.
	watch->failed = watch->stage != STAGE_PLAYING ||
			input_done->input_done.status == CHANNEL_INPUT_CANCELLED;
	watch->stage = STAGE_DONE;
	watch->start_ms = now_ms();
	answers_init(&watch->answers, settle->c, input_done->input_done.window);
	spots_forget_unsure(&settle->spots);
	if (watch->asked && watch->failed) {
		conclude(watch, CHANNEL_SETTLE_CANCELLED, watch->start_ms);
	} else if (watch->asked) {
		look_soon(settle);
	}
}

static bool makes_sense(const struct settle *settle, const struct channel_message *message) {
	const struct channel_box *region = &message->settle.region;
	int32_t width = (int32_t)settle->spots.width, height = (int32_t)settle->spots.height;
	bool whole = region->x == 0 && region->y == 0 && region->width == 0 && region->height == 0;
	bool inside = region->x >= 0 && region->y >= 0 && region->width > 0 && region->height > 0 &&
		      region->x < width && region->y < height &&
		      region->width <= width - region->x && region->height <= height - region->y;
	return message->settle.token != 0 &&
	       (message->settle.flags & ~(uint32_t)CHANNEL_SETTLE_SINCE_ACTION) == 0 &&
	       message->settle.quiet_ms >= 1 && message->settle.quiet_ms <= 10000 &&
	       message->settle.unchanged_ms >= message->settle.quiet_ms &&
	       message->settle.unchanged_ms <= 10000 && message->settle.timeout_ms <= 600000 &&
	       (whole || inside);
}

// What was noted for the whole frame, as far as it is in the region: by boxes, not by pixels.
static void cut(struct watch *watch) {
	if (is_empty(&watch->region)) {
		return;
	}
	uint32_t len = 0;
	for (uint32_t i = 0; i < watch->boxes_len; i++) {
		struct channel_box box = watch->boxes[i];
		if (changes_intersect(&box, &box, &watch->region)) {
			watch->boxes[len++] = box;
		}
	}
	watch->boxes_len = len;
	len = 0;
	for (uint32_t i = 0; i < watch->repeats_len; i++) {
		struct channel_box box = watch->repeats[i].box;
		if (changes_intersect(&box, &box, &watch->region)) {
			watch->repeats[len] = watch->repeats[i];
			watch->repeats[len++].box = box;
		}
	}
	watch->repeats_len = len;
}

bool settle_ask(struct settle *settle, const struct channel_message *message) {
	if (!makes_sense(settle, message)) {
		return false;
	}
	uint32_t token = message->settle.token, waiting = 0;
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		const struct watch *watch = &settle->watches[i];
		if (watch->stage == STAGE_UNUSED || !watch->asked) {
			continue;
		}
		if (watch->token == token) {
			return false; // asked twice
		}
		waiting++;
	}
	bool of_action = (message->settle.flags & CHANNEL_SETTLE_SINCE_ACTION) != 0;
	struct watch *watch = of_action ? find_action(settle, token) : NULL;
	bool late = watch != NULL ? watch->stage == STAGE_DONE &&
					    now_ms() - watch->start_ms > SETTLE_ASK_MS
				  : of_action && token <= settle->forgotten;
	// A paused client answers nobody, and is not to be asked.
	bool cancelled = waiting == SETTLE_MAX_WAITS || late || settle->c->paused ||
			 (watch != NULL && watch->failed);
	if (!cancelled && settle->logger == NULL) {
		settle->logger =
			wl_display_add_protocol_logger(settle->c->display, handle_message, settle);
	}
	if (cancelled || settle->logger == NULL) {
		say(settle, token, CHANNEL_SETTLE_CANCELLED, 0, NULL, 0);
		return true;
	}
	if (watch == NULL) {
		watch = watch_create(
			settle, token, of_action, of_action ? STAGE_COMING : STAGE_DONE);
		answers_init(&watch->answers, settle->c, 0);
	}
	watch->asked = true;
	watch->quiet_ms = message->settle.quiet_ms;
	watch->unchanged_ms = message->settle.unchanged_ms;
	watch->timeout_ms = message->settle.timeout_ms;
	watch->region = message->settle.region;
	cut(watch);
	look_soon(settle);
	return true;
}

void settle_cancel(struct settle *settle, uint32_t token) {
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &settle->watches[i];
		if (watch->stage != STAGE_UNUSED && watch->asked && watch->token == token) {
			conclude(watch, CHANNEL_SETTLE_CANCELLED, now_ms());
			look_soon(settle);
		}
	}
}

static void cancel_many(struct settle *settle, bool of_actions_only) {
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = &settle->watches[i];
		if (watch->stage != STAGE_UNUSED && watch->asked &&
			(watch->of_action || !of_actions_only)) {
			conclude(watch, CHANNEL_SETTLE_CANCELLED, now_ms());
			look_soon(settle);
		}
	}
}

void settle_cancel_actions(struct settle *settle) {
	cancel_many(settle, true);
}

void settle_cancel_all(struct settle *settle) {
	cancel_many(settle, false);
}

struct settle *settle_create(struct compositor *c) {
	struct settle *settle = calloc(1, sizeof(*settle));
	if (settle == NULL) {
		return NULL;
	}
	settle->c = c;
	spots_init(&settle->spots, c->config.width, c->config.height);
	settle->timer = wl_event_loop_add_timer(c->loop, handle_timer, settle);
	if (settle->timer == NULL) {
		free(settle);
		return NULL;
	}
	return settle;
}

void settle_destroy(struct settle *settle) {
	if (settle == NULL) {
		return;
	}
	for (uint32_t i = 0; i < WATCHES_MAX; i++) {
		answers_finish(&settle->watches[i].answers);
	}
	if (settle->idle != NULL) {
		wl_event_source_remove(settle->idle);
	}
	if (settle->logger != NULL) {
		wl_protocol_logger_destroy(settle->logger);
	}
	wl_event_source_remove(settle->timer);
	free(settle);
}
