#include "tests/helpers/recorder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "text-input-v3-client-protocol.h"

#define TEXT_MAX (1u << 20)

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort(); \
		} \
	} while (0)

__attribute__((format(printf, 2, 3))) static void note(
	struct recorder *recorder, const char *format, ...) {
	va_list args;
	va_start(args, format);
	size_t room = sizeof(recorder->log) - recorder->log_len;
	int n = vsnprintf(recorder->log + recorder->log_len, room, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < room) {
		recorder->log_len += (size_t)n;
	}
}

// ---- pointer: "move X Y", "+BTN", "-BTN", "axis AXIS VALUE" with " 120:N" where that is said

static void pointer_enter(void *data, struct wl_pointer *p, uint32_t serial,
	struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y) {
}

static void pointer_leave(
	void *data, struct wl_pointer *p, uint32_t serial, struct wl_surface *surface) {
}

static void pointer_motion(
	void *data, struct wl_pointer *p, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
	note(data, "move %g %g;", wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void pointer_button(void *data, struct wl_pointer *p, uint32_t serial, uint32_t time,
	uint32_t button, uint32_t state) {
	note(data, "%c%#x;", state == WL_POINTER_BUTTON_STATE_PRESSED ? '+' : '-', button);
}

static void pointer_axis(
	void *data, struct wl_pointer *p, uint32_t time, uint32_t axis, wl_fixed_t value) {
	note(data, "axis %u %g;", axis, wl_fixed_to_double(value));
}

static void pointer_frame(void *data, struct wl_pointer *p) {
}

static void pointer_axis_source(void *data, struct wl_pointer *p, uint32_t source) {
	note(data, "source %u;", source);
}

static void pointer_axis_stop(void *data, struct wl_pointer *p, uint32_t time, uint32_t axis) {
	note(data, "stop %u;", axis);
}

static void pointer_axis_discrete(void *data, struct wl_pointer *p, uint32_t axis, int32_t n) {
}

static void pointer_axis_value120(void *data, struct wl_pointer *p, uint32_t axis, int32_t n) {
	note(data, "120:%d;", n);
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

// ---- touch: "down N X Y", "drag N X Y", "up N", "cancel"

static void touch_down(void *data, struct wl_touch *t, uint32_t serial, uint32_t time,
	struct wl_surface *surface, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	note(data, "down %d %g %g;", id, wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void touch_up(void *data, struct wl_touch *t, uint32_t serial, uint32_t time, int32_t id) {
	note(data, "up %d;", id);
}

static void touch_motion(
	void *data, struct wl_touch *t, uint32_t time, int32_t id, wl_fixed_t x, wl_fixed_t y) {
	note(data, "drag %d %g %g;", id, wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void touch_frame(void *data, struct wl_touch *t) {
}

static void touch_cancel(void *data, struct wl_touch *t) {
	note(data, "cancel;");
}

static void touch_shape(
	void *data, struct wl_touch *t, int32_t id, wl_fixed_t major, wl_fixed_t minor) {
}

static void touch_orientation(void *data, struct wl_touch *t, int32_t id, wl_fixed_t angle) {
}

static const struct wl_touch_listener touch_listener = {
	.down = touch_down,
	.up = touch_up,
	.motion = touch_motion,
	.frame = touch_frame,
	.cancel = touch_cancel,
	.shape = touch_shape,
	.orientation = touch_orientation,
};

// ---- keyboard: "+NAME", "-NAME" of the symbol

static void keyboard_keymap(
	void *data, struct wl_keyboard *k, uint32_t format, int32_t fd, uint32_t size) {
	struct recorder *recorder = data;
	char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(text != MAP_FAILED);
	xkb_state_unref(recorder->state);
	xkb_keymap_unref(recorder->keymap);
	recorder->keymap = xkb_keymap_new_from_string(
		recorder->context, text, XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS);
	CHECK(recorder->keymap != NULL);
	recorder->state = xkb_state_new(recorder->keymap);
	recorder->keymaps++;
	munmap(text, size);
	close(fd);
}

static void keyboard_enter(void *data, struct wl_keyboard *k, uint32_t serial,
	struct wl_surface *surface, struct wl_array *keys) {
}

static void keyboard_leave(
	void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *surface) {
}

static void keyboard_key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time,
	uint32_t key, uint32_t state) {
	struct recorder *recorder = data;
	char name[64];
	xkb_keysym_t symbol = xkb_state_key_get_one_sym(recorder->state, key + 8);
	xkb_keysym_get_name(symbol, name, sizeof(name));
	note(recorder, "%c%s;", state == WL_KEYBOARD_KEY_STATE_PRESSED ? '+' : '-', name);
	if (state != WL_KEYBOARD_KEY_STATE_PRESSED) {
		return;
	}
	char utf8[8];
	int n = xkb_state_key_get_utf8(recorder->state, key + 8, utf8, sizeof(utf8));
	bool chord = xkb_state_mod_name_is_active(
			     recorder->state, XKB_MOD_NAME_CTRL, XKB_STATE_MODS_EFFECTIVE) > 0;
	if (n <= 0 || chord) {
		return;
	}
	CHECK(recorder->queue_len < RECORDER_QUEUE);
	snprintf(recorder->queue[recorder->queue_len++].utf8, sizeof(utf8), "%s",
		utf8[0] == '\r' ? "\n" : utf8);
	if (!recorder->busy) {
		recorder_catch_up(recorder, 1);
	}
}

static void keyboard_modifiers(void *data, struct wl_keyboard *k, uint32_t serial,
	uint32_t depressed, uint32_t latched, uint32_t locked, uint32_t group) {
	struct recorder *recorder = data;
	xkb_state_update_mask(recorder->state, depressed, latched, locked, 0, 0, group);
}

static void keyboard_repeat(void *data, struct wl_keyboard *k, int32_t rate, int32_t delay) {
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = keyboard_keymap,
	.enter = keyboard_enter,
	.leave = keyboard_leave,
	.key = keyboard_key,
	.modifiers = keyboard_modifiers,
	.repeat_info = keyboard_repeat,
};

// ---- text: "text STRING"

static void tell(struct recorder *recorder) {
	if (!recorder->enabled || !recorder->tells) {
		return;
	}
	// Only the current line, as GTK 3 and Qt do.
	const char *line = recorder->text + recorder->text_len;
	while (line > recorder->text && line[-1] != '\n') {
		line--;
	}
	if (strlen(line) > 200) {
		line = recorder->text + recorder->text_len - 200;
		while (((unsigned char)*line & 0xc0) == 0x80) {
			line++;
		}
	}
	int32_t len = (int32_t)strlen(line);
	zwp_text_input_v3_set_surrounding_text(recorder->input, line, len, len);
	zwp_text_input_v3_commit(recorder->input);
}

static void add_text(struct recorder *recorder, const char *text) {
	size_t len = strlen(text);
	CHECK(recorder->text_len + len < TEXT_MAX);
	memcpy(recorder->text + recorder->text_len, text, len + 1);
	recorder->text_len += len;
	tell(recorder);
}

void recorder_catch_up(struct recorder *recorder, size_t keys) {
	keys = keys < recorder->queue_len ? keys : recorder->queue_len;
	for (size_t i = 0; i < keys; i++) {
		add_text(recorder, recorder->queue[i].utf8);
	}
	recorder->queue_len -= keys;
	memmove(recorder->queue, recorder->queue + keys,
		recorder->queue_len * sizeof(recorder->queue[0]));
}

static void text_enter(void *data, struct zwp_text_input_v3 *input, struct wl_surface *surface) {
	struct recorder *recorder = data;
	recorder->enabled = true;
	zwp_text_input_v3_enable(input);
	zwp_text_input_v3_set_content_type(input, 0, recorder->purpose);
	if (recorder->tells) {
		tell(recorder);
	} else {
		zwp_text_input_v3_commit(input);
	}
}

static void text_leave(void *data, struct zwp_text_input_v3 *input, struct wl_surface *surface) {
	struct recorder *recorder = data;
	recorder->enabled = false;
	zwp_text_input_v3_disable(input);
	zwp_text_input_v3_commit(input);
}

static void text_preedit(
	void *data, struct zwp_text_input_v3 *input, const char *text, int32_t begin, int32_t end) {
}

static void text_commit(void *data, struct zwp_text_input_v3 *input, const char *text) {
	struct recorder *recorder = data;
	CHECK(recorder->committed == NULL && text != NULL && strlen(text) < 4000);
	recorder->committed = strdup(text);
}

static void text_delete(
	void *data, struct zwp_text_input_v3 *input, uint32_t before, uint32_t after) {
}

// Applied at once, whatever keys wait: as toolkits do.
static void text_done(void *data, struct zwp_text_input_v3 *input, uint32_t serial) {
	struct recorder *recorder = data;
	if (recorder->committed != NULL) {
		add_text(recorder, recorder->committed);
		free(recorder->committed);
		recorder->committed = NULL;
		recorder->commits++;
	}
}

static const struct zwp_text_input_v3_listener text_listener = {
	.enter = text_enter,
	.leave = text_leave,
	.preedit_string = text_preedit,
	.commit_string = text_commit,
	.delete_surrounding_text = text_delete,
	.done = text_done,
};

static void registry_global(void *data, struct wl_registry *registry, uint32_t name,
	const char *interface, uint32_t version) {
	struct recorder *recorder = data;
	if (strcmp(interface, zwp_text_input_manager_v3_interface.name) == 0) {
		recorder->manager =
			wl_registry_bind(registry, name, &zwp_text_input_manager_v3_interface, 1);
	}
}

static void registry_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
	.global = registry_global, .global_remove = registry_remove};

void recorder_take_text(struct recorder *recorder, bool tells, uint32_t purpose) {
	recorder->tells = tells;
	recorder->purpose = purpose;
	recorder->registry = wl_display_get_registry(recorder->client->display);
	wl_registry_add_listener(recorder->registry, &registry_listener, recorder);
	stage_settle(recorder->client->stage);
	CHECK(recorder->manager != NULL);
	recorder->input =
		zwp_text_input_manager_v3_get_text_input(recorder->manager, recorder->client->seat);
	zwp_text_input_v3_add_listener(recorder->input, &text_listener, recorder);
	stage_settle(recorder->client->stage);
}

struct recorder *recorder_create(struct client *client) {
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	CHECK(recorder != NULL);
	recorder->client = client;
	recorder->text = calloc(1, TEXT_MAX);
	recorder->context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
	CHECK(recorder->text != NULL && recorder->context != NULL);
	recorder->keyboard = wl_seat_get_keyboard(client->seat);
	wl_keyboard_add_listener(recorder->keyboard, &keyboard_listener, recorder);
	recorder->pointer = wl_seat_get_pointer(client->seat);
	wl_pointer_add_listener(recorder->pointer, &pointer_listener, recorder);
	recorder->touch = wl_seat_get_touch(client->seat);
	wl_touch_add_listener(recorder->touch, &touch_listener, recorder);
	stage_settle(client->stage);
	return recorder;
}

void recorder_destroy(struct recorder *recorder) {
	if (recorder->input != NULL) {
		zwp_text_input_v3_destroy(recorder->input);
		zwp_text_input_manager_v3_destroy(recorder->manager);
		wl_registry_destroy(recorder->registry);
	}
	free(recorder->committed);
	wl_keyboard_destroy(recorder->keyboard);
	wl_pointer_destroy(recorder->pointer);
	wl_touch_destroy(recorder->touch);
	xkb_state_unref(recorder->state);
	xkb_keymap_unref(recorder->keymap);
	xkb_context_unref(recorder->context);
	free(recorder->text);
	free(recorder);
}

void recorder_forget(struct recorder *recorder) {
	recorder->log_len = 0;
	recorder->log[0] = '\0';
	recorder->text_len = 0;
	recorder->text[0] = '\0';
}
