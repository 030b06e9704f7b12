#include "compositor/compositor.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/render/allocator.h>

#include "clipboard/crossing.h"
#include "compositor/cursor.h"
#include "compositor/internal.h"
#include "compositor/memory.h"
#include "compositor/settle.h"
#include "input/human.h"
#include "input/player.h"
#include "input/seat.h"

#define CLIENT_BUFFER_BYTES (1u << 20) // events a client may leave unread before it is disconnected

void compositor_emit(struct compositor *c, const struct channel_message *message) {
	if (!c->failed && c->sink.emit != NULL) {
		c->sink.emit(c->sink_data, message);
	}
}

void compositor_fatal(struct compositor *c, const char *why) {
	struct channel_message message = {.type = CHANNEL_FATAL};
	memcpy(message.fatal.text, why, strnlen(why, sizeof(message.fatal.text) - 1));
	compositor_emit(c, &message);
	c->failed = true;
}

static void player_emits(void *data, struct channel_message *message) {
	struct compositor *c = data;
	if (message->type != CHANNEL_INPUT_DONE) {
		compositor_emit(c, message);
		return;
	}
	message->input_done.frame = c->frame_serial;
	compositor_emit(c, message);
	settle_action_done(c->settle, message);
}

static uint32_t window_of(void *data, struct wlr_surface *surface) {
	const struct view *view = view_from_surface(surface);
	return view != NULL && view->mapped ? view->id : 0;
}

static void action_began(void *data, uint32_t token) {
	struct compositor *c = data;
	settle_action_began(c->settle, token);
}

static const struct player_host player_host = {
	.emit = player_emits,
	.window_of = window_of,
	.began = action_began,
};

static const char *create(struct compositor *c) {
	const struct compositor_config *config = &c->config;
	if (config->width < 64 || config->width > 8192 || config->height < 64 ||
		config->height > 8192 || config->refresh < 1 || config->refresh > 240) {
		return "the display's size or refresh rate is out of range";
	}
	const char *why = NULL;
	c->memory = frame_memory_create(config->memory_fd, config->width, config->height, &why);
	if (c->memory == NULL) {
		return why;
	}
	c->display = wl_display_create();
	if (c->display == NULL) {
		return "out of memory";
	}
	wl_display_set_default_max_buffer_size(c->display, CLIENT_BUFFER_BYTES);
	c->loop = wl_display_get_event_loop(c->display);
	why = output_create(c);
	if (why == NULL) {
		why = globals_create(c);
	}
	if (why != NULL) {
		return why;
	}
	c->settle = settle_create(c);
	c->player = player_create(c->loop, c->seat, config->keymap, &player_host, c);
	c->human = human_create(c->seat, config->keymap);
	return c->settle != NULL && c->player != NULL && c->human != NULL && limits_create(c) &&
			       output_start(c)
		       ? NULL
		       : "out of memory";
}

struct compositor *compositor_create(const struct compositor_config *config,
	const struct compositor_sink *sink, void *data, const char **why) {
	struct compositor *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		*why = "out of memory";
		return NULL;
	}
	c->config = *config;
	wl_list_init(&c->clients);
	wl_list_init(&c->views);
	*why = create(c);
	c->config.memory_fd = -1; // not kept
	if (*why != NULL) {
		compositor_destroy(c);
		return NULL;
	}
	// From here on there is somebody to hear it.
	c->sink = *sink;
	c->sink_data = data;
	double x, y;
	seat_pointer_position(c->seat, &x, &y);
	cursor_moved(c->cursor, x, y);
	return c;
}

void compositor_destroy(struct compositor *c) {
	if (c == NULL) {
		return;
	}
	if (c->display != NULL) {
		human_destroy(c->human);
		player_destroy(c->player);
		settle_destroy(c->settle);
		wl_display_destroy_clients(c->display);
		if (c->window_idle != NULL) {
			wl_event_source_remove(c->window_idle);
		}
		limits_finish(c);
		globals_finish(c);
		output_finish(c);
		wl_display_destroy(c->display);
	}
	if (c->memory != NULL) {
		struct wlr_allocator *allocator = frame_memory_allocator(c->memory);
		frame_memory_destroy(c->memory);
		wlr_allocator_destroy(allocator);
	}
	free(c);
}

struct wl_event_loop *compositor_event_loop(struct compositor *c) {
	return c->loop;
}

void compositor_flush(struct compositor *c) {
	wl_display_flush_clients(c->display);
}

bool compositor_release(struct compositor *c, uint32_t slot) {
	if (!frame_memory_return(c->memory, slot)) {
		return false;
	}
	output_released(c);
	return true;
}

bool compositor_pause(struct compositor *c, uint32_t on) {
	if (on > 1) {
		return false;
	}
	c->paused = on == 1;
	if (c->paused) {
		compositor_input_release(c);
		settle_cancel_all(c->settle);
	}
	output_released(c);
	return true;
}

bool compositor_window_act(struct compositor *c, uint32_t window, uint32_t verb) {
	if (verb == CHANNEL_WINDOW_CYCLE) {
		stack_cycle(c);
		return true;
	}
	if (verb != CHANNEL_WINDOW_RAISE && verb != CHANNEL_WINDOW_CLOSE) {
		return false;
	}
	struct view *view;
	wl_list_for_each (view, &c->views, link) {
		if (view->id != window || !view->mapped) {
			continue;
		}
		if (verb == CHANNEL_WINDOW_RAISE) {
			stack_raise(view);
		} else {
			wlr_xdg_toplevel_send_close(view->toplevel);
		}
		break;
	}
	return true;
}

bool compositor_input(struct compositor *c, const struct channel_message *message) {
	return player_step(c->player, message);
}

bool compositor_input_cancel(struct compositor *c, uint32_t token) {
	if (token == 0) {
		return false;
	}
	player_cancel(c->player, token);
	// Its action may be done, and it wait for the picture.
	settle_cancel(c->settle, token);
	return true;
}

void compositor_input_release(struct compositor *c) {
	player_release(c->player);
	human_released(c->human);
	settle_cancel_actions(c->settle);
}

bool compositor_settle(struct compositor *c, const struct channel_message *message) {
	return settle_ask(c->settle, message);
}

bool compositor_human(struct compositor *c, uint32_t on) {
	if (on > 1) {
		return false;
	}
	player_stand_back(c->player);
	settle_cancel_actions(c->settle);
	if (on == 1) {
		human_begin(c->human);
	} else {
		human_end(c->human);
	}
	return true;
}

bool compositor_human_keymap(struct compositor *c, const struct channel_message *message, int fd) {
	return human_keymap(c->human, message, fd);
}

bool compositor_human_input(struct compositor *c, const struct channel_message *message) {
	return c->paused || human_perform(c->human, message);
}

bool compositor_clipboard(struct compositor *c, const struct channel_message *message, int fd) {
	return crossing_ask(c->crossing, message, fd);
}

struct seat *compositor_seat(struct compositor *c) {
	return c->seat;
}
