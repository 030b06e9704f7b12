#include "tests/helpers/display-client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wayland-server-core.h>
#include <xkbcommon/xkbcommon.h>

#include "compositor/shapes.h"
#include "input/keymap.h"

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort(); \
		} \
	} while (0)

// ---- the stage

static void handle_emit(void *data, const struct channel_message *message) {
	struct stage *stage = data;
	CHECK(stage->messages_len < STAGE_MESSAGES);
	stage->messages[stage->messages_len++] = *message;
}

void stage_init(struct stage *stage, uint32_t width, uint32_t height) {
	stage_init_layout(stage, width, height, "us");
}

void stage_init_layout(struct stage *stage, uint32_t width, uint32_t height, const char *layout) {
	memset(stage, 0, sizeof(*stage));
	stage->width = width;
	stage->height = height;
	size_t bytes = channel_memory_bytes(width, height);
	stage->memfd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(stage->memfd >= 0 && ftruncate(stage->memfd, (off_t)bytes) == 0);
	CHECK(fcntl(stage->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
	stage->memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, stage->memfd, 0);
	CHECK(stage->memory != MAP_FAILED);
	stage->keymap = keymap_load(layout);
	stage->shapes = cursor_shapes_load(NULL);
	CHECK(stage->keymap != NULL && stage->shapes != NULL);
	struct compositor_config config = {
		.width = width,
		.height = height,
		.refresh = 60,
		.memory_fd = stage->memfd,
		.keymap = stage->keymap,
		.shapes = stage->shapes,
	};
	static const struct compositor_sink sink = {.emit = handle_emit};
	const char *why = NULL;
	stage->compositor = compositor_create(&config, &sink, stage, &why);
	if (stage->compositor == NULL) {
		fprintf(stderr, "no compositor: %s\n", why);
		abort();
	}
}

void stage_finish(struct stage *stage) {
	while (stage->clients_len > 0) {
		client_close(stage->clients[stage->clients_len - 1]);
	}
	compositor_destroy(stage->compositor);
	cursor_shapes_destroy(stage->shapes);
	xkb_keymap_unref(stage->keymap);
	munmap(stage->memory, channel_memory_bytes(stage->width, stage->height));
	close(stage->memfd);
}

static void pump_client(struct client *client) {
	if (client->dead) {
		return;
	}
	while (wl_display_prepare_read(client->display) != 0) {
		wl_display_dispatch_pending(client->display);
	}
	wl_display_flush(client->display);
	struct pollfd fd = {wl_display_get_fd(client->display), POLLIN, 0};
	if (poll(&fd, 1, 0) > 0) {
		wl_display_read_events(client->display);
	} else {
		wl_display_cancel_read(client->display);
	}
	wl_display_dispatch_pending(client->display);
	wl_display_flush(client->display);
	client->dead = wl_display_get_error(client->display) != 0;
}

static void release_old_frames(struct stage *stage, size_t *from) {
	for (; *from < stage->messages_len; (*from)++) {
		const struct channel_message *m = &stage->messages[*from];
		if (m->type == CHANNEL_FRAME && !stage->keep) {
			compositor_release(stage->compositor, m->frame.slot);
		}
	}
}

static int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void stage_run(struct stage *stage, int ms) {
	int64_t until = now_ms() + ms;
	size_t released = stage->messages_len;
	do {
		for (size_t i = 0; i < stage->clients_len; i++) {
			pump_client(stage->clients[i]);
		}
		wl_event_loop_dispatch(compositor_event_loop(stage->compositor), 1);
		release_old_frames(stage, &released);
		compositor_flush(stage->compositor);
	} while (now_ms() < until);
	for (size_t i = 0; i < stage->clients_len; i++) {
		pump_client(stage->clients[i]);
	}
}

void stage_settle(struct stage *stage) {
	stage_run(stage, 40);
}

void stage_forget(struct stage *stage) {
	stage->messages_len = 0;
}

size_t stage_count(const struct stage *stage, uint32_t type) {
	size_t n = 0;
	for (size_t i = 0; i < stage->messages_len; i++) {
		n += stage->messages[i].type == type;
	}
	return n;
}

const struct channel_message *stage_last(const struct stage *stage, uint32_t type) {
	for (size_t i = stage->messages_len; i > 0; i--) {
		if (stage->messages[i - 1].type == type) {
			return &stage->messages[i - 1];
		}
	}
	return NULL;
}

const struct channel_message *stage_window(const struct stage *stage, uint32_t id) {
	for (size_t i = stage->messages_len; i > 0; i--) {
		const struct channel_message *m = &stage->messages[i - 1];
		if (m->type == CHANNEL_WINDOW && m->window.id == id) {
			return m;
		}
	}
	return NULL;
}

uint32_t stage_pixel(const struct stage *stage, uint32_t x, uint32_t y) {
	const struct channel_message *m = stage_last(stage, CHANNEL_FRAME);
	CHECK(m != NULL);
	const uint8_t *slot =
		stage->memory + channel_slot_bytes(stage->width, stage->height) * m->frame.slot;
	uint32_t pixel;
	memcpy(&pixel, slot + ((size_t)y * stage->width + x) * 4, sizeof(pixel));
	return pixel & 0xffffff;
}

// ---- a client

static void pointer_enter(void *data, struct wl_pointer *p, uint32_t serial,
	struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y) {
	struct client *client = data;
	client->enter_serial = serial;
	client->pointer_on = surface;
	client->px = wl_fixed_to_double(x);
	client->py = wl_fixed_to_double(y);
}

static void pointer_leave(
	void *data, struct wl_pointer *p, uint32_t serial, struct wl_surface *surface) {
	struct client *client = data;
	client->pointer_on = NULL;
}

static void pointer_motion(
	void *data, struct wl_pointer *p, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
	struct client *client = data;
	client->px = wl_fixed_to_double(x);
	client->py = wl_fixed_to_double(y);
}

static void pointer_button(void *data, struct wl_pointer *p, uint32_t serial, uint32_t time,
	uint32_t button, uint32_t state) {
	struct client *client = data;
	client->button_serial = serial;
	client->button = button;
	client->button_state = state;
	client->buttons++;
}

static void pointer_axis(
	void *data, struct wl_pointer *p, uint32_t time, uint32_t axis, wl_fixed_t value) {
}

static void pointer_frame(void *data, struct wl_pointer *p) {
}

static void pointer_axis_source(void *data, struct wl_pointer *p, uint32_t source) {
}

static void pointer_axis_stop(void *data, struct wl_pointer *p, uint32_t time, uint32_t axis) {
}

static void pointer_axis_discrete(void *data, struct wl_pointer *p, uint32_t axis, int32_t n) {
}

static void pointer_axis_value120(void *data, struct wl_pointer *p, uint32_t axis, int32_t n) {
	struct client *client = data;
	client->axis_value120 += n;
}

static void pointer_axis_direction(void *data, struct wl_pointer *p, uint32_t axis, uint32_t d) {
}

static const struct wl_pointer_listener pointer_listener = {
	.enter = pointer_enter,
	.leave = pointer_leave,
	.motion = pointer_motion,
	.button = pointer_button,
	.axis = pointer_axis,
	.frame = pointer_frame,
	.axis_source = pointer_axis_source,
	.axis_stop = pointer_axis_stop,
	.axis_discrete = pointer_axis_discrete,
	.axis_value120 = pointer_axis_value120,
	.axis_relative_direction = pointer_axis_direction,
};

static void keyboard_keymap(
	void *data, struct wl_keyboard *k, uint32_t format, int32_t fd, uint32_t size) {
	close(fd);
}

static void keyboard_enter(void *data, struct wl_keyboard *k, uint32_t serial,
	struct wl_surface *surface, struct wl_array *keys) {
	struct client *client = data;
	client->keyboard_on = surface;
	client->key_serial = serial;
}

static void keyboard_leave(
	void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *surface) {
	struct client *client = data;
	client->keyboard_on = NULL;
}

static void keyboard_key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time,
	uint32_t key, uint32_t state) {
	struct client *client = data;
	client->key_serial = serial;
	client->key = key;
	client->key_state = state;
}

static void keyboard_modifiers(void *data, struct wl_keyboard *k, uint32_t serial,
	uint32_t depressed, uint32_t latched, uint32_t locked, uint32_t group) {
}

static void keyboard_repeat(void *data, struct wl_keyboard *k, int32_t rate, int32_t delay) {
	CHECK(rate == 0);
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = keyboard_keymap,
	.enter = keyboard_enter,
	.leave = keyboard_leave,
	.key = keyboard_key,
	.modifiers = keyboard_modifiers,
	.repeat_info = keyboard_repeat,
};

static void device_offer(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
}

static void device_enter(void *data, struct wl_data_device *d, uint32_t serial,
	struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y, struct wl_data_offer *offer) {
	struct client *client = data;
	client->dragged = offer;
}

static void device_leave(void *data, struct wl_data_device *d) {
	struct client *client = data;
	if (client->dragged != NULL) {
		wl_data_offer_destroy(client->dragged);
		client->dragged = NULL;
	}
}

static void device_motion(
	void *data, struct wl_data_device *d, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
}

static void device_drop(void *data, struct wl_data_device *d) {
}

static void device_selection(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
	struct client *client = data;
	if (client->selection != NULL && client->selection != offer) {
		wl_data_offer_destroy(client->selection);
	}
	client->selection = offer;
	client->selections++;
}

static const struct wl_data_device_listener device_listener = {
	.data_offer = device_offer,
	.enter = device_enter,
	.leave = device_leave,
	.motion = device_motion,
	.drop = device_drop,
	.selection = device_selection,
};

static void shell_ping(void *data, struct xdg_wm_base *shell, uint32_t serial) {
	struct client *client = data;
	if (client->mute) {
		client->pinged = serial;
	} else {
		xdg_wm_base_pong(shell, serial);
	}
}

static const struct xdg_wm_base_listener shell_listener = {.ping = shell_ping};

static void registry_global(void *data, struct wl_registry *registry, uint32_t name,
	const char *interface, uint32_t version) {
	struct client *client = data;
	CHECK(client->globals_len < 64);
	snprintf(client->globals[client->globals_len++], 64, "%s %u", interface, version);
	const struct {
		const struct wl_interface *interface;
		uint32_t version;
		void **to;
	} wanted[] = {
		{&wl_compositor_interface, 6, (void **)&client->compositor},
		{&wl_subcompositor_interface, 1, (void **)&client->subcompositor},
		{&wl_shm_interface, 1, (void **)&client->shm},
		{&wl_seat_interface, 9, (void **)&client->seat},
		{&wl_data_device_manager_interface, 3, (void **)&client->data_manager},
		{&xdg_wm_base_interface, 6, (void **)&client->shell},
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(interface, wanted[i].interface->name) == 0) {
			*wanted[i].to = wl_registry_bind(
				registry, name, wanted[i].interface, wanted[i].version);
		}
	}
}

static void registry_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
	.global = registry_global, .global_remove = registry_remove};

struct client *client_connect(struct stage *stage) {
	int pair[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	struct client *client = calloc(1, sizeof(*client));
	CHECK(client != NULL && stage->clients_len < 16);
	client->stage = stage;
	client->id = (uint32_t)(100 + stage->clients_len);
	CHECK(compositor_add_client(stage->compositor, pair[1], client->id));
	client->display = wl_display_connect_to_fd(pair[0]);
	CHECK(client->display != NULL);
	stage->clients[stage->clients_len++] = client;
	client->registry = wl_display_get_registry(client->display);
	wl_registry_add_listener(client->registry, &registry_listener, client);
	stage_settle(stage);
	CHECK(client->compositor && client->shm && client->seat && client->shell &&
		client->data_manager);
	xdg_wm_base_add_listener(client->shell, &shell_listener, client);
	client->pointer = wl_seat_get_pointer(client->seat);
	wl_pointer_add_listener(client->pointer, &pointer_listener, client);
	client->keyboard = wl_seat_get_keyboard(client->seat);
	wl_keyboard_add_listener(client->keyboard, &keyboard_listener, client);
	client->data_device =
		wl_data_device_manager_get_data_device(client->data_manager, client->seat);
	wl_data_device_add_listener(client->data_device, &device_listener, client);
	stage_settle(stage);
	return client;
}

void client_close(struct client *client) {
	struct stage *stage = client->stage;
	for (size_t i = 0; i < stage->clients_len; i++) {
		if (stage->clients[i] == client) {
			stage->clients[i] = stage->clients[--stage->clients_len];
			break;
		}
	}
	if (client->selection != NULL) {
		wl_data_offer_destroy(client->selection);
	}
	wl_data_device_destroy(client->data_device);
	wl_data_device_manager_destroy(client->data_manager);
	wl_keyboard_destroy(client->keyboard);
	wl_pointer_destroy(client->pointer);
	wl_seat_destroy(client->seat);
	xdg_wm_base_destroy(client->shell);
	wl_shm_destroy(client->shm);
	wl_subcompositor_destroy(client->subcompositor);
	wl_compositor_destroy(client->compositor);
	wl_registry_destroy(client->registry);
	wl_display_disconnect(client->display);
	free(client);
	stage_settle(stage);
}

struct wl_buffer *buffer_create(
	struct client *client, int width, int height, uint32_t colour, uint32_t **pixels) {
	size_t bytes = (size_t)width * (size_t)height * 4;
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	uint32_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	for (size_t i = 0; i < bytes / 4; i++) {
		map[i] = 0xff000000u | colour;
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(client->shm, fd, (int32_t)bytes);
	struct wl_buffer *buffer = wl_shm_pool_create_buffer(
		pool, 0, width, height, width * 4, WL_SHM_FORMAT_ARGB8888);
	wl_shm_pool_destroy(pool);
	close(fd);
	if (pixels != NULL) {
		*pixels = map;
	} else {
		munmap(map, bytes);
	}
	return buffer;
}

// ---- a window

static void toplevel_configure(void *data, struct xdg_toplevel *t, int32_t width, int32_t height,
	struct wl_array *states) {
	struct window *window = data;
	window->width = width;
	window->height = height;
	window->maximized = window->activated = window->fullscreen = false;
	uint32_t *state;
	wl_array_for_each (state, states) {
		window->maximized |= *state == XDG_TOPLEVEL_STATE_MAXIMIZED;
		window->fullscreen |= *state == XDG_TOPLEVEL_STATE_FULLSCREEN;
		window->activated |= *state == XDG_TOPLEVEL_STATE_ACTIVATED;
	}
}

static void toplevel_close(void *data, struct xdg_toplevel *t) {
	struct window *window = data;
	window->closed = true;
}

static void toplevel_bounds(void *data, struct xdg_toplevel *t, int32_t width, int32_t height) {
}

static void toplevel_capabilities(void *data, struct xdg_toplevel *t, struct wl_array *c) {
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = toplevel_configure,
	.close = toplevel_close,
	.configure_bounds = toplevel_bounds,
	.wm_capabilities = toplevel_capabilities,
};

static void xdg_configure(void *data, struct xdg_surface *xdg, uint32_t serial) {
	struct window *window = data;
	window->configured = true;
	if (window->mute) {
		window->unacked = serial;
	} else {
		xdg_surface_ack_configure(xdg, serial);
	}
}

static const struct xdg_surface_listener xdg_listener = {.configure = xdg_configure};

static void frame_done(void *data, struct wl_callback *callback, uint32_t time) {
	struct window *window = data;
	window->frames_done++;
	window->frame = NULL;
	wl_callback_destroy(callback);
}

static const struct wl_callback_listener frame_listener = {.done = frame_done};

void window_draw(struct window *window, int width, int height, uint32_t colour) {
	struct wl_buffer *old = window->buffer;
	window->buffer = buffer_create(window->client, width, height, colour, NULL);
	wl_surface_attach(window->surface, window->buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 0, 0, width, height);
	if (window->frame == NULL) {
		window->frame = wl_surface_frame(window->surface);
		wl_callback_add_listener(window->frame, &frame_listener, window);
	}
	wl_surface_commit(window->surface);
	if (old != NULL) {
		wl_buffer_destroy(old);
	}
}

struct window *window_open(struct client *client, int width, int height, bool fixed,
	struct window *parent, const char *title, uint32_t colour) {
	struct window *window = calloc(1, sizeof(*window));
	CHECK(window != NULL);
	window->client = client;
	window->surface = wl_compositor_create_surface(client->compositor);
	window->xdg = xdg_wm_base_get_xdg_surface(client->shell, window->surface);
	xdg_surface_add_listener(window->xdg, &xdg_listener, window);
	window->toplevel = xdg_surface_get_toplevel(window->xdg);
	xdg_toplevel_add_listener(window->toplevel, &toplevel_listener, window);
	xdg_toplevel_set_title(window->toplevel, title);
	if (fixed) {
		xdg_toplevel_set_min_size(window->toplevel, width, height);
		xdg_toplevel_set_max_size(window->toplevel, width, height);
	}
	if (parent != NULL) {
		xdg_toplevel_set_parent(window->toplevel, parent->toplevel);
	}
	wl_surface_commit(window->surface);
	stage_settle(client->stage);
	CHECK(window->configured);
	window_draw(window, width > 0 ? width : window->width, height > 0 ? height : window->height,
		colour);
	stage_settle(client->stage);
	return window;
}

void window_close(struct window *window) {
	if (window->frame != NULL) {
		wl_callback_destroy(window->frame);
	}
	if (window->toplevel != NULL) {
		xdg_toplevel_destroy(window->toplevel);
	}
	if (window->popup != NULL) {
		xdg_popup_destroy(window->popup);
	}
	xdg_surface_destroy(window->xdg);
	wl_surface_destroy(window->surface);
	if (window->buffer != NULL) {
		wl_buffer_destroy(window->buffer);
	}
	stage_settle(window->client->stage);
	free(window);
}
