/*
 * A window that tells what it hears: each event of its seat, one JSON object a line, on standard
 * output. What it draws is asked for on the command line, so that tests know what should change.
 *
 *   witness [--draw never|click|key|caret|spinner|animation] [--delay MS] [--size WxH]
 *           [--title TITLE] [--text-input] [--hang]
 *
 * click, key: a press draws another colour, MS after it. caret: a bar of 2x20 blinks twice a
 * second. spinner: a square of 24 turns, 10 times a second. animation: everything changes with each
 * frame.
 * --hang: after the first click nothing is read or answered any more.
 */

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <wayland-client.h>
#include <xkbcommon/xkbcommon.h>

#include "text-input-v3-client-protocol.h"
#include "xdg-shell-client-protocol.h"

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "witness: %s:%d: %s\n", __FILE__, __LINE__, #x); \
			exit(1); \
		} \
	} while (0)

enum draw {
	DRAW_NEVER,
	DRAW_CLICK,
	DRAW_KEY,
	DRAW_CARET,
	DRAW_SPINNER,
	DRAW_ANIMATION,
};
static const char *const draw_names[] = {"never", "click", "key", "caret", "spinner", "animation"};

struct picture {
	struct wl_buffer *buffer;
	uint32_t *pixels;
	bool busy;
};

static struct witness {
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct wl_seat *seat;
	struct wl_pointer *pointer;
	struct wl_keyboard *keyboard;
	struct wl_touch *touch;
	struct xdg_wm_base *shell;
	struct zwp_text_input_manager_v3 *text_inputs;
	struct zwp_text_input_v3 *text_input; // NULL: none was asked for
	uint32_t text_input_serial; // commits sent
	struct wl_surface *surface;
	struct xdg_surface *xdg;
	struct xdg_toplevel *toplevel;
	struct xkb_context *xkb;
	struct xkb_keymap *keymap;
	struct xkb_state *state;
	struct picture pictures[3];
	int32_t width, height; // of the pictures; 0: there are none yet
	int32_t told_width, told_height;
	uint32_t step; // of what is drawn
	bool activated, stale, hung, closed;
	int64_t next; // milliseconds at which step grows; 0: never

	enum draw draw;
	int delay;
	int32_t fixed_width, fixed_height;
	bool hang;
} w;

static int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// ---- telling

static cJSON *event(const char *name) {
	cJSON *object = cJSON_CreateObject();
	CHECK(object != NULL && cJSON_AddStringToObject(object, "event", name) != NULL);
	return object;
}

static void add(cJSON *object, const char *name, double value) {
	CHECK(cJSON_AddNumberToObject(object, name, value) != NULL);
}

static void add_text(cJSON *object, const char *name, const char *value) {
	CHECK(cJSON_AddStringToObject(object, name, value) != NULL);
}

static void tell(cJSON *object) {
	char *line = cJSON_PrintUnformatted(object);
	CHECK(line != NULL && puts(line) >= 0 && fflush(stdout) == 0);
	free(line);
	cJSON_Delete(object);
}

static void tell_point(const char *name, wl_fixed_t x, wl_fixed_t y) {
	cJSON *object = event(name);
	add(object, "x", wl_fixed_to_double(x));
	add(object, "y", wl_fixed_to_double(y));
	tell(object);
}

// ---- drawing

static void handle_release(void *data, struct wl_buffer *buffer) {
	struct picture *picture = data;
	picture->busy = false;
}

static const struct wl_buffer_listener buffer_listener = {.release = handle_release};

static void make_pictures(int32_t width, int32_t height) {
	size_t bytes = (size_t)width * 4 * (size_t)height;
	if (w.width > 0) {
		size_t old = (size_t)w.width * 4 * (size_t)w.height;
		for (size_t i = 0; i < 3; i++) {
			wl_buffer_destroy(w.pictures[i].buffer);
			munmap(w.pictures[i].pixels, old);
		}
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = memfd_create("picture", MFD_CLOEXEC);
		CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
		void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(memory != MAP_FAILED);
		struct wl_shm_pool *pool = wl_shm_create_pool(w.shm, fd, (int32_t)bytes);
		struct wl_buffer *buffer = wl_shm_pool_create_buffer(
			pool, 0, width, height, width * 4, WL_SHM_FORMAT_XRGB8888);
		wl_shm_pool_destroy(pool);
		close(fd);
		w.pictures[i] = (struct picture){.buffer = buffer, .pixels = memory};
		wl_buffer_add_listener(buffer, &buffer_listener, &w.pictures[i]);
	}
	w.width = width;
	w.height = height;
}

static void fill(
	uint32_t *pixels, int32_t x, int32_t y, int32_t width, int32_t height, uint32_t colour) {
	for (int32_t row = y; row < y + height && row < w.height; row++) {
		for (int32_t column = x; column < x + width && column < w.width; column++) {
			pixels[(size_t)row * (size_t)w.width + (size_t)column] = colour;
		}
	}
}

static void handle_drawn(void *data, struct wl_callback *callback, uint32_t time) {
	wl_callback_destroy(callback);
	cJSON *object = event("drawn");
	add(object, "step", (double)(uintptr_t)data);
	tell(object);
	if (w.draw == DRAW_ANIMATION) {
		w.step++;
		w.stale = true;
	}
}

static const struct wl_callback_listener drawn_listener = {.done = handle_drawn};

// Draws step `w.step`, unless every picture is still being shown.
static void draw(void) {
	if (w.told_width != w.width || w.told_height != w.height) {
		make_pictures(w.told_width, w.told_height);
	}
	struct picture *picture = NULL;
	for (size_t i = 0; i < 3; i++) {
		if (!w.pictures[i].busy) {
			picture = &w.pictures[i];
		}
	}
	if (picture == NULL) {
		return;
	}
	bool whole = w.draw == DRAW_CLICK || w.draw == DRAW_KEY || w.draw == DRAW_ANIMATION;
	fill(picture->pixels, 0, 0, w.width, w.height,
		whole ? 0x203040 + w.step * 0x0b1d35 : 0x203040);
	int32_t x = 40, y = 40, width = 0, height = 0;
	if (w.draw == DRAW_CARET) {
		width = 2;
		height = 20;
		fill(picture->pixels, x, y, width, height, w.step % 2 ? 0xffffff : 0x203040);
	} else if (w.draw == DRAW_SPINNER) {
		width = height = 24;
		fill(picture->pixels, x, y, width, height, 0x606060);
		fill(picture->pixels, x + (int32_t)(w.step % 4) * 6, y, 6, height, 0xffffff);
	}
	wl_surface_attach(w.surface, picture->buffer, 0, 0);
	if (whole || w.step == 0) {
		wl_surface_damage_buffer(w.surface, 0, 0, INT32_MAX, INT32_MAX);
	} else {
		wl_surface_damage_buffer(w.surface, x, y, width, height);
	}
	struct wl_callback *callback = wl_surface_frame(w.surface);
	wl_callback_add_listener(callback, &drawn_listener, (void *)(uintptr_t)w.step);
	wl_surface_commit(w.surface);
	picture->busy = true;
	w.stale = false;
}

static void advance(void) {
	w.step++;
	w.stale = true;
	w.next = w.draw == DRAW_CARET     ? now_ms() + 500
		 : w.draw == DRAW_SPINNER ? now_ms() + 100
					  : 0;
}

static void handle_press(enum draw kind) {
	if (w.draw == kind) {
		w.next = now_ms() + w.delay;
	}
	if (kind == DRAW_CLICK && w.hang) {
		w.hung = true;
	}
}

// ---- the pointer

static void handle_pointer_enter(void *data, struct wl_pointer *pointer, uint32_t serial,
	struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y) {
	tell_point("pointer-enter", x, y);
}

static void handle_pointer_leave(
	void *data, struct wl_pointer *pointer, uint32_t serial, struct wl_surface *surface) {
	tell(event("pointer-leave"));
}

static void handle_motion(
	void *data, struct wl_pointer *pointer, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
	tell_point("motion", x, y);
}

static void handle_button(void *data, struct wl_pointer *pointer, uint32_t serial, uint32_t time,
	uint32_t button, uint32_t state) {
	cJSON *object = event("button");
	add(object, "button", button);
	add(object, "state", state);
	add(object, "time", time);
	tell(object);
	if (state == WL_POINTER_BUTTON_STATE_PRESSED) {
		handle_press(DRAW_CLICK);
	}
}

static void handle_axis(
	void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis, wl_fixed_t value) {
	cJSON *object = event("axis");
	add(object, "axis", axis);
	add(object, "value", wl_fixed_to_double(value));
	tell(object);
}

static void handle_frame(void *data, struct wl_pointer *pointer) {
	tell(event("frame"));
}

static void handle_axis_source(void *data, struct wl_pointer *pointer, uint32_t source) {
	cJSON *object = event("axis-source");
	add(object, "source", source);
	tell(object);
}

static void handle_axis_stop(void *data, struct wl_pointer *pointer, uint32_t time, uint32_t axis) {
	cJSON *object = event("axis-stop");
	add(object, "axis", axis);
	tell(object);
}

static void handle_axis_discrete(
	void *data, struct wl_pointer *pointer, uint32_t axis, int32_t discrete) {
	cJSON *object = event("axis-discrete");
	add(object, "axis", axis);
	add(object, "value", discrete);
	tell(object);
}

static void handle_axis_value120(
	void *data, struct wl_pointer *pointer, uint32_t axis, int32_t value120) {
	cJSON *object = event("axis-value120");
	add(object, "axis", axis);
	add(object, "value", value120);
	tell(object);
}

static void handle_axis_direction(
	void *data, struct wl_pointer *pointer, uint32_t axis, uint32_t direction) {
}

static const struct wl_pointer_listener pointer_listener = {
	.enter = handle_pointer_enter,
	.leave = handle_pointer_leave,
	.motion = handle_motion,
	.button = handle_button,
	.axis = handle_axis,
	.frame = handle_frame,
	.axis_source = handle_axis_source,
	.axis_stop = handle_axis_stop,
	.axis_discrete = handle_axis_discrete,
	.axis_value120 = handle_axis_value120,
	.axis_relative_direction = handle_axis_direction,
};

// ---- the keyboard

static void handle_keymap(
	void *data, struct wl_keyboard *keyboard, uint32_t format, int32_t fd, uint32_t size) {
	char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1 && text != MAP_FAILED);
	close(fd);
	uint64_t hash = 0xcbf29ce484222325; // FNV-1a
	for (uint32_t i = 0; i < size; i++) {
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3;
	}
	xkb_state_unref(w.state);
	xkb_keymap_unref(w.keymap);
	w.keymap = xkb_keymap_new_from_buffer(w.xkb, text, strnlen(text, size),
		XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS);
	munmap(text, size);
	CHECK(w.keymap != NULL);
	w.state = xkb_state_new(w.keymap);
	CHECK(w.state != NULL);
	char name[20];
	snprintf(name, sizeof(name), "%016llx", (unsigned long long)hash);
	cJSON *object = event("keymap");
	add(object, "bytes", size);
	add_text(object, "hash", name);
	tell(object);
}

static void handle_keyboard_enter(void *data, struct wl_keyboard *keyboard, uint32_t serial,
	struct wl_surface *surface, struct wl_array *keys) {
	cJSON *object = event("keyboard-enter");
	add(object, "pressed", (double)(keys->size / sizeof(uint32_t)));
	tell(object);
}

static void handle_keyboard_leave(
	void *data, struct wl_keyboard *keyboard, uint32_t serial, struct wl_surface *surface) {
	tell(event("keyboard-leave"));
}

static void handle_key(void *data, struct wl_keyboard *keyboard, uint32_t serial, uint32_t time,
	uint32_t key, uint32_t state) {
	CHECK(w.state != NULL);
	char sym[64] = "", utf8[64] = "";
	xkb_keysym_get_name(xkb_state_key_get_one_sym(w.state, key + 8), sym, sizeof(sym));
	xkb_state_key_get_utf8(w.state, key + 8, utf8, sizeof(utf8));
	cJSON *object = event("key");
	add(object, "code", key);
	add(object, "state", state);
	add(object, "time", time);
	add_text(object, "sym", sym);
	add_text(object, "text", utf8);
	tell(object);
	if (state == WL_KEYBOARD_KEY_STATE_PRESSED) {
		handle_press(DRAW_KEY);
	}
}

static void handle_modifiers(void *data, struct wl_keyboard *keyboard, uint32_t serial,
	uint32_t depressed, uint32_t latched, uint32_t locked, uint32_t group) {
	CHECK(w.state != NULL);
	xkb_state_update_mask(w.state, depressed, latched, locked, 0, 0, group);
	cJSON *object = event("modifiers");
	add(object, "depressed", depressed);
	add(object, "latched", latched);
	add(object, "locked", locked);
	add(object, "group", group);
	tell(object);
}

static void handle_repeat_info(
	void *data, struct wl_keyboard *keyboard, int32_t rate, int32_t delay) {
	cJSON *object = event("repeat-info");
	add(object, "rate", rate);
	add(object, "delay", delay);
	tell(object);
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = handle_keymap,
	.enter = handle_keyboard_enter,
	.leave = handle_keyboard_leave,
	.key = handle_key,
	.modifiers = handle_modifiers,
	.repeat_info = handle_repeat_info,
};

// ---- touch

static void handle_touch_down(void *data, struct wl_touch *touch, uint32_t serial, uint32_t time,
	struct wl_surface *surface, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	cJSON *object = event("touch-down");
	add(object, "id", id);
	add(object, "x", wl_fixed_to_double(x));
	add(object, "y", wl_fixed_to_double(y));
	tell(object);
	handle_press(DRAW_CLICK);
}

static void handle_touch_up(
	void *data, struct wl_touch *touch, uint32_t serial, uint32_t time, int32_t id) {
	cJSON *object = event("touch-up");
	add(object, "id", id);
	tell(object);
}

static void handle_touch_motion(
	void *data, struct wl_touch *touch, uint32_t time, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	cJSON *object = event("touch-motion");
	add(object, "id", id);
	add(object, "x", wl_fixed_to_double(x));
	add(object, "y", wl_fixed_to_double(y));
	tell(object);
}

static void handle_touch_frame(void *data, struct wl_touch *touch) {
	tell(event("touch-frame"));
}

static void handle_touch_cancel(void *data, struct wl_touch *touch) {
	tell(event("touch-cancel"));
}

static void handle_touch_shape(
	void *data, struct wl_touch *touch, int32_t id, wl_fixed_t major, wl_fixed_t minor) {
}

static void handle_touch_orientation(
	void *data, struct wl_touch *touch, int32_t id, wl_fixed_t orientation) {
}

static const struct wl_touch_listener touch_listener = {
	.down = handle_touch_down,
	.up = handle_touch_up,
	.motion = handle_touch_motion,
	.frame = handle_touch_frame,
	.cancel = handle_touch_cancel,
	.shape = handle_touch_shape,
	.orientation = handle_touch_orientation,
};

// ---- text input

static void handle_text_enter(
	void *data, struct zwp_text_input_v3 *text_input, struct wl_surface *surface) {
	tell(event("text-enter"));
	zwp_text_input_v3_enable(text_input);
	zwp_text_input_v3_set_cursor_rectangle(text_input, 40, 40, 2, 20);
	zwp_text_input_v3_commit(text_input);
	w.text_input_serial++;
}

static void handle_text_leave(
	void *data, struct zwp_text_input_v3 *text_input, struct wl_surface *surface) {
	tell(event("text-leave"));
	zwp_text_input_v3_disable(text_input);
	zwp_text_input_v3_commit(text_input);
	w.text_input_serial++;
}

static void handle_preedit(void *data, struct zwp_text_input_v3 *text_input, const char *text,
	int32_t cursor_begin, int32_t cursor_end) {
	cJSON *object = event("text-preedit");
	add_text(object, "text", text != NULL ? text : "");
	tell(object);
}

static void handle_commit_string(
	void *data, struct zwp_text_input_v3 *text_input, const char *text) {
	cJSON *object = event("text-commit");
	add_text(object, "text", text != NULL ? text : "");
	tell(object);
}

static void handle_delete_text(
	void *data, struct zwp_text_input_v3 *text_input, uint32_t before, uint32_t after) {
	cJSON *object = event("text-delete");
	add(object, "before", before);
	add(object, "after", after);
	tell(object);
}

static void handle_text_done(void *data, struct zwp_text_input_v3 *text_input, uint32_t serial) {
	cJSON *object = event("text-done");
	CHECK(cJSON_AddBoolToObject(object, "current", serial == w.text_input_serial) != NULL);
	tell(object);
	// A client answers what changed in its text; a compositor may wait for that.
	zwp_text_input_v3_set_cursor_rectangle(text_input, 40, 40, 2, 20);
	zwp_text_input_v3_commit(text_input);
	w.text_input_serial++;
}

static const struct zwp_text_input_v3_listener text_input_listener = {
	.enter = handle_text_enter,
	.leave = handle_text_leave,
	.preedit_string = handle_preedit,
	.commit_string = handle_commit_string,
	.delete_surrounding_text = handle_delete_text,
	.done = handle_text_done,
};

// ---- the window and what it is made of

static void handle_capabilities(void *data, struct wl_seat *seat, uint32_t capabilities) {
	cJSON *object = event("capabilities");
	add(object, "mask", capabilities);
	tell(object);
	if ((capabilities & WL_SEAT_CAPABILITY_POINTER) && w.pointer == NULL) {
		w.pointer = wl_seat_get_pointer(seat);
		wl_pointer_add_listener(w.pointer, &pointer_listener, NULL);
	}
	if ((capabilities & WL_SEAT_CAPABILITY_KEYBOARD) && w.keyboard == NULL) {
		w.keyboard = wl_seat_get_keyboard(seat);
		wl_keyboard_add_listener(w.keyboard, &keyboard_listener, NULL);
	}
	if ((capabilities & WL_SEAT_CAPABILITY_TOUCH) && w.touch == NULL) {
		w.touch = wl_seat_get_touch(seat);
		wl_touch_add_listener(w.touch, &touch_listener, NULL);
	}
}

static void handle_seat_name(void *data, struct wl_seat *seat, const char *name) {
}

static const struct wl_seat_listener seat_listener = {
	.capabilities = handle_capabilities,
	.name = handle_seat_name,
};

static void handle_ping(void *data, struct xdg_wm_base *shell, uint32_t serial) {
	xdg_wm_base_pong(shell, serial);
}

static const struct xdg_wm_base_listener shell_listener = {.ping = handle_ping};

static void handle_toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
	int32_t height, struct wl_array *states) {
	w.told_width = w.fixed_width > 0 ? w.fixed_width : width > 0 ? width : 640;
	w.told_height = w.fixed_height > 0 ? w.fixed_height : height > 0 ? height : 480;
	w.activated = false;
	uint32_t *state;
	wl_array_for_each (state, states) {
		w.activated = w.activated || *state == XDG_TOPLEVEL_STATE_ACTIVATED;
	}
}

static void handle_toplevel_close(void *data, struct xdg_toplevel *toplevel) {
	tell(event("close"));
	w.closed = true;
}

static void handle_bounds(
	void *data, struct xdg_toplevel *toplevel, int32_t width, int32_t height) {
}

static void handle_wm_capabilities(
	void *data, struct xdg_toplevel *toplevel, struct wl_array *capabilities) {
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = handle_toplevel_configure,
	.close = handle_toplevel_close,
	.configure_bounds = handle_bounds,
	.wm_capabilities = handle_wm_capabilities,
};

static void handle_configure(void *data, struct xdg_surface *xdg, uint32_t serial) {
	xdg_surface_ack_configure(xdg, serial);
	cJSON *object = event("configure");
	add(object, "width", w.told_width);
	add(object, "height", w.told_height);
	CHECK(cJSON_AddBoolToObject(object, "activated", w.activated) != NULL);
	tell(object);
	w.stale = w.stale || w.told_width != w.width || w.told_height != w.height;
	if (!w.stale) {
		wl_surface_commit(w.surface);
	}
}

static const struct xdg_surface_listener xdg_listener = {.configure = handle_configure};

static void *bind(struct wl_registry *registry, uint32_t name, const struct wl_interface *interface,
	uint32_t offered, uint32_t wanted) {
	return wl_registry_bind(registry, name, interface, offered < wanted ? offered : wanted);
}

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
	const char *interface, uint32_t version) {
	if (strcmp(interface, "wl_compositor") == 0) {
		w.compositor = bind(registry, name, &wl_compositor_interface, version, 4);
	} else if (strcmp(interface, "wl_shm") == 0) {
		w.shm = bind(registry, name, &wl_shm_interface, version, 1);
	} else if (strcmp(interface, "wl_seat") == 0) {
		w.seat = bind(registry, name, &wl_seat_interface, version, 9);
		wl_seat_add_listener(w.seat, &seat_listener, NULL);
	} else if (strcmp(interface, "xdg_wm_base") == 0) {
		w.shell = bind(registry, name, &xdg_wm_base_interface, version, 6);
		xdg_wm_base_add_listener(w.shell, &shell_listener, NULL);
	} else if (strcmp(interface, "zwp_text_input_manager_v3") == 0) {
		w.text_inputs =
			bind(registry, name, &zwp_text_input_manager_v3_interface, version, 1);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
	.global = handle_global,
	.global_remove = handle_global_remove,
};

// Waits for events and for the next step of what is drawn. False: the display is gone.
static bool run_once(void) {
	if (w.stale && w.told_width > 0) {
		draw();
	}
	while (wl_display_prepare_read(w.display) != 0) {
		if (wl_display_dispatch_pending(w.display) < 0) {
			return false;
		}
	}
	int64_t left = w.next > 0 ? w.next - now_ms() : INT_MAX;
	struct pollfd fd = {wl_display_get_fd(w.display), POLLIN, 0};
	wl_display_flush(w.display);
	if (poll(&fd, 1, w.next == 0 ? -1 : left > 0 ? (int)left : 0) > 0) {
		if (wl_display_read_events(w.display) < 0) {
			return false;
		}
	} else {
		wl_display_cancel_read(w.display);
	}
	if (w.next > 0 && now_ms() >= w.next) {
		advance();
	}
	return wl_display_dispatch_pending(w.display) >= 0;
}

static void usage(void) {
	fprintf(stderr, "witness: see the head of tests/helpers/witness.c\n");
	exit(2);
}

int main(int argc, char **argv) {
	bool text_input = false;
	const char *title = "witness";
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--text-input") == 0) {
			text_input = true;
			continue;
		} else if (strcmp(argv[i], "--hang") == 0) {
			w.hang = true;
			continue;
		} else if (value == NULL) {
			usage();
		} else if (strcmp(argv[i], "--draw") == 0) {
			size_t kind = 0, kinds = sizeof(draw_names) / sizeof(draw_names[0]);
			while (kind < kinds && strcmp(draw_names[kind], value) != 0) {
				kind++;
			}
			if (kind == kinds) {
				usage();
			}
			w.draw = (enum draw)kind;
		} else if (strcmp(argv[i], "--delay") == 0) {
			w.delay = (int)strtol(value, NULL, 10);
		} else if (strcmp(argv[i], "--size") == 0) {
			if (sscanf(value, "%dx%d", &w.fixed_width, &w.fixed_height) != 2) {
				usage();
			}
		} else if (strcmp(argv[i], "--title") == 0) {
			title = value;
		} else {
			usage();
		}
		i++;
	}
	w.xkb = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	w.display = wl_display_connect(NULL);
	CHECK(w.xkb != NULL && w.display != NULL);
	struct wl_registry *registry = wl_display_get_registry(w.display);
	wl_registry_add_listener(registry, &registry_listener, NULL);
	wl_display_roundtrip(w.display);
	CHECK(w.compositor != NULL && w.shm != NULL && w.shell != NULL && w.seat != NULL);
	if (text_input) {
		CHECK(w.text_inputs != NULL);
		w.text_input = zwp_text_input_manager_v3_get_text_input(w.text_inputs, w.seat);
		zwp_text_input_v3_add_listener(w.text_input, &text_input_listener, NULL);
	}
	w.surface = wl_compositor_create_surface(w.compositor);
	w.xdg = xdg_wm_base_get_xdg_surface(w.shell, w.surface);
	xdg_surface_add_listener(w.xdg, &xdg_listener, NULL);
	w.toplevel = xdg_surface_get_toplevel(w.xdg);
	xdg_toplevel_add_listener(w.toplevel, &toplevel_listener, NULL);
	xdg_toplevel_set_title(w.toplevel, title);
	xdg_toplevel_set_app_id(w.toplevel, "witness");
	if (w.fixed_width > 0) {
		xdg_toplevel_set_min_size(w.toplevel, w.fixed_width, w.fixed_height);
		xdg_toplevel_set_max_size(w.toplevel, w.fixed_width, w.fixed_height);
	}
	wl_surface_commit(w.surface);
	if (w.draw == DRAW_CARET || w.draw == DRAW_SPINNER) {
		w.next = now_ms() + 500;
	}
	while (!w.closed && !w.hung && run_once()) {}
	while (w.hung) {
		pause();
	}
	return w.closed ? 0 : 1;
}
