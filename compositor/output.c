// The one output: when a frame is drawn, and what is told about it.

#include <string.h>
#include <time.h>
#include <wlr/backend.h>
#include <wlr/backend/headless.h>
#include <wlr/render/allocator.h>
#include <wlr/render/pixman.h>
#include <wlr/types/wlr_buffer.h>

#include "compositor/changes.h"
#include "compositor/cursor.h"
#include "compositor/internal.h"
#include "compositor/memory.h"
#include "compositor/settle.h"
#include "input/seat.h"

// A quiet dark grey: an empty desktop is told from a black window.
static const float background[4] = {0.118f, 0.125f, 0.137f, 1};

static uint64_t timespec_ns(const struct timespec *t) {
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

// Says a region that is not empty as at most CHANNEL_BOXES boxes. Returns their number.
static uint32_t damage_boxes(
	const pixman_region32_t *region, struct channel_box boxes[CHANNEL_BOXES]) {
	int rects_len = 0;
	const pixman_box32_t *rects = pixman_region32_rectangles(region, &rects_len);
	uint32_t len = 0;
	for (int i = 0; i < rects_len; i++) {
		struct channel_box box = {rects[i].x1, rects[i].y1, rects[i].x2 - rects[i].x1,
			rects[i].y2 - rects[i].y1};
		changes_add(boxes, &len, CHANNEL_BOXES, &box);
	}
	return len;
}

static void lend(struct compositor *c, struct wlr_buffer *buffer, const struct timespec *when,
	const pixman_region32_t *damage) {
	// Nothing is drawn over it before this function is done, though it is kept no longer then.
	const uint32_t *before = frame_memory_newest(c->memory);
	int slot = frame_memory_lend(c->memory, buffer);
	if (slot < 0) {
		compositor_fatal(c, "a frame was drawn outside the frame memory");
		return;
	}
	struct channel_message message = {.type = CHANNEL_FRAME};
	message.frame.boxes_len = damage_boxes(damage, message.frame.boxes);
	message.frame.slot = (uint32_t)slot;
	message.frame.serial = ++c->frame_serial;
	message.frame.time_ns = timespec_ns(when);
	compositor_emit(c, &message);
	settle_frame(c->settle, before, frame_memory_newest(c->memory), damage);
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, output_commit);
	const struct wlr_output_event_commit *event = data;
	const uint32_t fields = WLR_OUTPUT_STATE_BUFFER | WLR_OUTPUT_STATE_DAMAGE;
	if ((event->state->committed & fields) != fields || c->failed) {
		return;
	}
	pixman_region32_t damage;
	pixman_region32_init(&damage);
	pixman_region32_intersect_rect(
		&damage, &event->state->damage, 0, 0, c->config.width, c->config.height);
	if (pixman_region32_not_empty(&damage)) {
		lend(c, event->state->buffer, &event->when, &damage);
	}
	pixman_region32_fini(&damage);
}

static void handle_frame(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, output_frame);
	if (c->failed) {
		return;
	}
	// Clients are asked for no more until there is room for what they drew, and they run.
	if (c->paused || !frame_memory_make_room(c->memory)) {
		c->frame_waits = true;
		return;
	}
	if (!wlr_scene_output_commit(c->scene_output, NULL)) {
		compositor_fatal(c, "a frame could not be drawn");
		return;
	}
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	wlr_scene_output_send_frame_done(c->scene_output, &now);
	cursor_frame_done(c->cursor, &now);
	settle_frame_done(c->settle);
	// What lies under a resting pointer may have changed.
	seat_pointer_refresh(c->seat);
}

void output_released(struct compositor *c) {
	if (c->frame_waits && !c->paused) {
		c->frame_waits = false;
		wlr_output_schedule_frame(c->output);
	}
}

/*
 * Before the scene is there: a commit with a mode damages the whole scene again, and the first
 * frame would be drawn twice.
 */
static bool set_mode(struct compositor *c) {
	struct wlr_output_state state;
	wlr_output_state_init(&state);
	wlr_output_state_set_enabled(&state, true);
	wlr_output_state_set_custom_mode(&state, (int32_t)c->config.width,
		(int32_t)c->config.height, (int32_t)c->config.refresh * 1000);
	bool ok = wlr_output_commit_state(c->output, &state);
	wlr_output_state_finish(&state);
	return ok;
}

const char *output_create(struct compositor *c) {
	c->backend = wlr_headless_backend_create(c->loop);
	c->renderer = wlr_pixman_renderer_create();
	if (c->backend == NULL || c->renderer == NULL || !wlr_backend_start(c->backend)) {
		return "the headless backend or the renderer does not start";
	}
	c->output = wlr_headless_add_output(c->backend, c->config.width, c->config.height);
	if (c->output == NULL ||
		!wlr_output_init_render(
			c->output, frame_memory_allocator(c->memory), c->renderer) ||
		!set_mode(c)) {
		return "the output cannot be made";
	}
	// A client's buffer must never stand in for a slot.
	wlr_output_lock_attach_render(c->output, true);
	wlr_output_set_name(c->output, "PARCLOSE-1");
	wlr_output_set_description(c->output, "Parclose");

	c->scene = wlr_scene_create();
	if (c->scene == NULL) {
		return "out of memory";
	}
	struct wlr_scene_rect *back = wlr_scene_rect_create(
		&c->scene->tree, (int)c->config.width, (int)c->config.height, background);
	c->windows = wlr_scene_tree_create(&c->scene->tree);
	c->drags = wlr_scene_tree_create(&c->scene->tree);
	c->scene_output = wlr_scene_output_create(c->scene, c->output);
	if (back == NULL || c->windows == NULL || c->drags == NULL || c->scene_output == NULL) {
		return "out of memory";
	}
	c->output_commit.notify = handle_commit;
	wl_signal_add(&c->output->events.commit, &c->output_commit);
	c->output_frame.notify = handle_frame;
	wl_signal_add(&c->output->events.frame, &c->output_frame);
	return NULL;
}

static void start(void *data) {
	struct compositor *c = data;
	c->start_idle = NULL;
	if (!wlr_scene_output_commit(c->scene_output, NULL)) {
		compositor_fatal(c, "the first frame could not be drawn");
	}
}

bool output_start(struct compositor *c) {
	c->start_idle = wl_event_loop_add_idle(c->loop, start, c);
	return c->start_idle != NULL;
}

void output_finish(struct compositor *c) {
	if (c->start_idle != NULL) {
		wl_event_source_remove(c->start_idle);
	}
	if (c->output_commit.notify != NULL) {
		wl_list_remove(&c->output_commit.link);
		wl_list_remove(&c->output_frame.link);
	}
	if (c->scene != NULL) {
		wlr_scene_node_destroy(&c->scene->tree.node);
	}
	if (c->backend != NULL) {
		wlr_backend_destroy(c->backend);
	}
	if (c->renderer != NULL) {
		wlr_renderer_destroy(c->renderer);
	}
}
