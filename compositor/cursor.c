#include "compositor/cursor.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/render/pass.h>
#include <wlr/render/wlr_renderer.h>
#include <wlr/render/wlr_texture.h>
#include <wlr/types/wlr_cursor_shape_v1.h>
#include <wlr/types/wlr_fractional_scale_v1.h>
#include <wlr/types/wlr_seat.h>

#include "compositor/internal.h"
#include "compositor/memory.h"
#include "compositor/shapes.h"
#include "input/seat.h"

struct cursor {
	struct compositor *c;
	struct wlr_surface *surface; // whose content is the image; NULL: a shape, or hidden
	int64_t hot_x, hot_y; // as the client said, moved by its commits
	struct channel_message said; // the CURSOR message to send next
	struct wl_event_source *idle; // NULL: nothing to say

	struct wl_listener request_set_cursor, request_set_shape;
	struct wl_listener surface_commit, surface_destroy;
};

static void say(void *data) {
	struct cursor *cursor = data;
	cursor->idle = NULL;
	compositor_emit(cursor->c, &cursor->said);
}

static void changed(struct cursor *cursor) {
	if (cursor->idle == NULL) {
		cursor->idle = wl_event_loop_add_idle(cursor->c->loop, say, cursor);
	}
}

static int32_t clamp(int64_t value, int64_t low, int64_t high) {
	return (int32_t)(value < low ? low : value > high ? high : value);
}

static void set_image(
	struct cursor *cursor, uint32_t width, uint32_t height, int64_t hot_x, int64_t hot_y) {
	bool visible = width > 0 && height > 0;
	cursor->said.cursor.image_serial++;
	cursor->said.cursor.visible = visible;
	cursor->said.cursor.width = visible ? width : 0;
	cursor->said.cursor.height = visible ? height : 0;
	cursor->said.cursor.hot_x = visible ? clamp(hot_x, 0, (int64_t)width - 1) : 0;
	cursor->said.cursor.hot_y = visible ? clamp(hot_y, 0, (int64_t)height - 1) : 0;
	changed(cursor);
}

static void set_surface(struct cursor *cursor, struct wlr_surface *surface) {
	if (cursor->surface == surface) {
		return;
	}
	if (cursor->surface != NULL) {
		wl_list_remove(&cursor->surface_commit.link);
		wl_list_remove(&cursor->surface_destroy.link);
		wlr_surface_send_leave(cursor->surface, cursor->c->output);
	}
	cursor->surface = surface;
	if (surface != NULL) {
		wl_signal_add(&surface->events.commit, &cursor->surface_commit);
		wl_signal_add(&surface->events.destroy, &cursor->surface_destroy);
		wlr_surface_send_enter(surface, cursor->c->output);
		wlr_fractional_scale_v1_notify_scale(surface, 1);
		wlr_surface_set_preferred_buffer_scale(surface, 1);
	}
}

static void set_shape(struct cursor *cursor, uint32_t shape) {
	set_surface(cursor, NULL);
	const struct cursor_image *image = cursor_shapes_get(cursor->c->config.shapes, shape);
	uint32_t *pixels = frame_memory_cursor_pixels(cursor->c->memory);
	for (uint32_t y = 0; y < image->height; y++) {
		memcpy(pixels + (size_t)y * CHANNEL_CURSOR_MAX,
			image->pixels + (size_t)y * image->width, (size_t)image->width * 4);
	}
	set_image(cursor, image->width, image->height, image->hot_x, image->hot_y);
}

// Through the renderer, which knows crop, scale and transform, and guards against shrunken client
// memory.
static void draw_surface(struct cursor *cursor) {
	struct wlr_surface *surface = cursor->surface;
	struct wlr_texture *texture = wlr_surface_get_texture(surface);
	if (texture == NULL || surface->current.width <= 0 || surface->current.height <= 0) {
		set_image(cursor, 0, 0, 0, 0);
		return;
	}
	struct wlr_render_pass *pass = wlr_renderer_begin_buffer_pass(
		cursor->c->renderer, frame_memory_cursor(cursor->c->memory), NULL);
	if (pass == NULL) {
		return;
	}
	wlr_render_pass_add_rect(
		pass, &(struct wlr_render_rect_options){
			      .box = {.width = CHANNEL_CURSOR_MAX, .height = CHANNEL_CURSOR_MAX},
			      .blend_mode = WLR_RENDER_BLEND_MODE_NONE,
		      });
	struct wlr_fbox source;
	wlr_surface_get_buffer_source_box(surface, &source);
	// A cursor beyond any sense of size is shown as a square of the largest.
	int width = clamp(surface->current.width, 1, 4 * CHANNEL_CURSOR_MAX);
	int height = clamp(surface->current.height, 1, 4 * CHANNEL_CURSOR_MAX);
	wlr_render_pass_add_texture(pass, &(struct wlr_render_texture_options){
						  .texture = texture,
						  .src_box = source,
						  .dst_box = {.width = width, .height = height},
						  .transform = surface->current.transform,
						  .blend_mode = WLR_RENDER_BLEND_MODE_NONE,
					  });
	wlr_render_pass_submit(pass);
	set_image(cursor, (uint32_t)clamp(width, 1, CHANNEL_CURSOR_MAX),
		(uint32_t)clamp(height, 1, CHANNEL_CURSOR_MAX), cursor->hot_x, cursor->hot_y);
}

static void handle_surface_commit(struct wl_listener *listener, void *data) {
	struct cursor *cursor = wl_container_of(listener, cursor, surface_commit);
	const struct wlr_surface_state *state = &cursor->surface->current;
	cursor->hot_x = clamp(cursor->hot_x - state->dx, INT32_MIN, INT32_MAX);
	cursor->hot_y = clamp(cursor->hot_y - state->dy, INT32_MIN, INT32_MAX);
	const uint32_t drawn = WLR_SURFACE_STATE_BUFFER | WLR_SURFACE_STATE_OFFSET |
			       WLR_SURFACE_STATE_SURFACE_DAMAGE | WLR_SURFACE_STATE_BUFFER_DAMAGE |
			       WLR_SURFACE_STATE_VIEWPORT | WLR_SURFACE_STATE_TRANSFORM |
			       WLR_SURFACE_STATE_SCALE;
	if (state->committed & drawn) {
		draw_surface(cursor);
	}
	if (!wl_list_empty(&state->frame_callback_list)) {
		wlr_output_schedule_frame(cursor->c->output);
	}
}

static void handle_surface_destroy(struct wl_listener *listener, void *data) {
	struct cursor *cursor = wl_container_of(listener, cursor, surface_destroy);
	wl_list_remove(&cursor->surface_commit.link);
	wl_list_remove(&cursor->surface_destroy.link);
	cursor->surface = NULL;
	set_image(cursor, 0, 0, 0, 0);
}

static bool has_pointer(struct cursor *cursor, const struct wlr_seat_client *client) {
	return client != NULL && client == seat_wlr(cursor->c->seat)->pointer_state.focused_client;
}

static void handle_request_set_cursor(struct wl_listener *listener, void *data) {
	struct cursor *cursor = wl_container_of(listener, cursor, request_set_cursor);
	const struct wlr_seat_pointer_request_set_cursor_event *event = data;
	if (!has_pointer(cursor, event->seat_client)) {
		return;
	}
	set_surface(cursor, event->surface);
	cursor->hot_x = event->hotspot_x;
	cursor->hot_y = event->hotspot_y;
	if (event->surface != NULL) {
		draw_surface(cursor);
	} else {
		set_image(cursor, 0, 0, 0, 0);
	}
}

static void handle_request_set_shape(struct wl_listener *listener, void *data) {
	struct cursor *cursor = wl_container_of(listener, cursor, request_set_shape);
	const struct wlr_cursor_shape_manager_v1_request_set_shape_event *event = data;
	if (event->device_type == WLR_CURSOR_SHAPE_MANAGER_V1_DEVICE_TYPE_POINTER &&
		has_pointer(cursor, event->seat_client)) {
		set_shape(cursor, event->shape);
	}
}

void cursor_moved(struct cursor *cursor, double x, double y) {
	cursor->said.cursor.x = (int32_t)x;
	cursor->said.cursor.y = (int32_t)y;
	changed(cursor);
}

void cursor_reset(struct cursor *cursor) {
	set_shape(cursor, WP_CURSOR_SHAPE_DEVICE_V1_SHAPE_DEFAULT);
}

void cursor_frame_done(struct cursor *cursor, const struct timespec *now) {
	if (cursor->surface != NULL) {
		wlr_surface_send_frame_done(cursor->surface, now);
	}
}

struct cursor *cursor_create(struct compositor *c) {
	struct cursor *cursor = calloc(1, sizeof(*cursor));
	if (cursor == NULL) {
		return NULL;
	}
	cursor->c = c;
	cursor->said.type = CHANNEL_CURSOR;
	cursor->surface_commit.notify = handle_surface_commit;
	cursor->surface_destroy.notify = handle_surface_destroy;
	cursor->request_set_cursor.notify = handle_request_set_cursor;
	wl_signal_add(&seat_wlr(c->seat)->events.request_set_cursor, &cursor->request_set_cursor);
	cursor->request_set_shape.notify = handle_request_set_shape;
	wl_signal_add(&c->cursor_shapes->events.request_set_shape, &cursor->request_set_shape);
	cursor_reset(cursor);
	return cursor;
}

void cursor_destroy(struct cursor *cursor) {
	if (cursor == NULL) {
		return;
	}
	if (cursor->idle != NULL) {
		wl_event_source_remove(cursor->idle);
	}
	if (cursor->surface != NULL) {
		wl_list_remove(&cursor->surface_commit.link);
		wl_list_remove(&cursor->surface_destroy.link);
	}
	wl_list_remove(&cursor->request_set_cursor.link);
	wl_list_remove(&cursor->request_set_shape.link);
	free(cursor);
}
