#include "input/seat.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <wlr/interfaces/wlr_keyboard.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_keyboard.h>
#include <wlr/types/wlr_pointer_constraints_v1.h>
#include <wlr/types/wlr_relative_pointer_v1.h>
#include <wlr/types/wlr_seat.h>
#include <xkbcommon/xkbcommon.h>

#include "input/keymap.h"
#include "input/text-input.h"

#define BUTTONS_MAX 8
#define AXIS_PER_NOTCH 15.0 // what libinput reports for a wheel click, in degrees
#define REPEAT_RATE 25 // a second; sway's
#define REPEAT_DELAY_MS 600

/*
 * Pixels are turned by a finely resolved wheel: Chromium scrolls by exactly 120 of them for a
 * notch, Firefox by 114, GTK and Qt by so many lines or parts of a page. Sent as a distance (source
 * "finger" or "continuous"), of which the protocol says that it is in pixels, only GTK 4 and Qt
 * take it so; Chromium 156 makes 12 pixels of one, Firefox 153 four or eleven.
 */
#define PIXELS_PER_NOTCH 120.0

struct seat {
	struct wlr_seat *wlr;
	struct seat_config config;
	const struct seat_host *host;
	void *data;

	struct wlr_keyboard keyboard;
	struct text_inputs *text_inputs;
	uint64_t activity, activity_ms, moves, moves_ms; // see seat_activity()
	double x, y;
	uint32_t buttons[BUTTONS_MAX];
	size_t buttons_len;

	// While a button is down, events stay with the surface that got the press, wherever the
	// pointer goes.
	struct wlr_surface *pressed; // NULL: none
	double pressed_dx, pressed_dy; // frame to surface coordinates

	// While a point is down, its events stay with the surface that got it.
	struct {
		bool down;
		double dx, dy; // frame to surface coordinates
	} touches[SEAT_TOUCH_POINTS];

	struct wlr_pointer_constraint_v1 *constraint; // the active one, may be NULL

	struct wl_listener key, modifiers, keyboard_grab_end;
	struct wl_listener pointer_focus_change, pressed_destroy;
	struct wl_listener new_constraint, constraint_destroy;
};

static const struct wlr_keyboard_impl keyboard_impl = {.name = "parclose-keyboard"};

static uint64_t now_usec(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint32_t now_msec(void) {
	return (uint32_t)(now_usec() / 1000u);
}

static void note_activity(struct seat *seat, bool moves) {
	seat->activity++;
	seat->activity_ms = now_usec() / 1000u;
	if (moves) {
		seat->moves++;
		seat->moves_ms = seat->activity_ms;
	}
}

// ---- constraints: a client may lock or confine the pointer while it is over its surface

static void constraint_set(struct seat *seat, struct wlr_pointer_constraint_v1 *constraint) {
	if (seat->constraint == constraint) {
		return;
	}
	struct wlr_pointer_constraint_v1 *old = seat->constraint;
	if (old != NULL) {
		wl_list_remove(&seat->constraint_destroy.link);
		seat->constraint = NULL;
		// May destroy `old`, when it was made for one time.
		wlr_pointer_constraint_v1_send_deactivated(old);
	}
	if (constraint != NULL) {
		seat->constraint = constraint;
		wl_signal_add(&constraint->events.destroy, &seat->constraint_destroy);
		wlr_pointer_constraint_v1_send_activated(constraint);
	}
}

static void constraint_look(struct seat *seat) {
	struct wlr_surface *surface = seat->wlr->pointer_state.focused_surface;
	struct wlr_pointer_constraint_v1 *constraint = NULL;
	if (seat->config.constraints != NULL && surface != NULL) {
		constraint = wlr_pointer_constraints_v1_constraint_for_surface(
			seat->config.constraints, surface, seat->wlr);
	}
	constraint_set(seat, constraint);
}

static void handle_new_constraint(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, new_constraint);
	const struct wlr_pointer_constraint_v1 *constraint = data;
	if (constraint->surface == seat->wlr->pointer_state.focused_surface) {
		constraint_look(seat);
	}
}

static void handle_constraint_destroy(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, constraint_destroy);
	wl_list_remove(&seat->constraint_destroy.link);
	seat->constraint = NULL;
}

// Whether the active constraint, if any, lets the pointer go to a point of the frame.
static bool constraint_allows(struct seat *seat, double x, double y) {
	if (seat->constraint == NULL) {
		return true;
	}
	if (seat->constraint->type == WLR_POINTER_CONSTRAINT_V1_LOCKED) {
		return false;
	}
	double sx, sy;
	return seat->host->surface_at(seat->data, x, y, &sx, &sy) == seat->constraint->surface &&
	       pixman_region32_contains_point(
		       &seat->constraint->region, (int)floor(sx), (int)floor(sy), NULL);
}

// ---- pointer

static void pressed_forget(struct seat *seat) {
	if (seat->pressed != NULL) {
		wl_list_remove(&seat->pressed_destroy.link);
		seat->pressed = NULL;
	}
}

static void handle_pressed_destroy(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, pressed_destroy);
	pressed_forget(seat);
}

static void handle_pointer_focus_change(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, pointer_focus_change);
	const struct wlr_seat_pointer_focus_change_event *event = data;
	const struct wl_client *old = event->old_surface != NULL
					      ? wl_resource_get_client(event->old_surface->resource)
					      : NULL;
	const struct wl_client *new = event->new_surface != NULL
					      ? wl_resource_get_client(event->new_surface->resource)
					      : NULL;
	if (old != new) {
		seat->host->pointer_client_changed(seat->data);
	}
	constraint_look(seat);
}

// Puts the focus on what is under the pointer; `motion`: and says where in it.
static void pointer_update(struct seat *seat, bool motion) {
	uint32_t time = now_msec();
	if (seat->pressed != NULL && seat->wlr->drag == NULL) {
		if (motion) {
			wlr_seat_pointer_notify_motion(seat->wlr, time, seat->x - seat->pressed_dx,
				seat->y - seat->pressed_dy);
		}
		return;
	}
	double sx = 0, sy = 0;
	struct wlr_surface *surface =
		seat->host->surface_at(seat->data, seat->x, seat->y, &sx, &sy);
	if (surface == NULL) {
		wlr_seat_pointer_notify_clear_focus(seat->wlr);
		return;
	}
	bool entered = surface != seat->wlr->pointer_state.focused_surface;
	wlr_seat_pointer_notify_enter(seat->wlr, surface, sx, sy);
	if (motion || entered) {
		wlr_seat_pointer_notify_motion(seat->wlr, time, sx, sy);
		wlr_seat_pointer_notify_frame(seat->wlr);
	}
}

void seat_pointer_move(struct seat *seat, double x, double y) {
	x = fmin(fmax(x, 0), seat->config.width - 1);
	y = fmin(fmax(y, 0), seat->config.height - 1);
	double dx = x - seat->x, dy = y - seat->y;
	if (seat->config.relative_pointers != NULL && (dx != 0 || dy != 0)) {
		wlr_relative_pointer_manager_v1_send_relative_motion(
			seat->config.relative_pointers, seat->wlr, now_usec(), dx, dy, dx, dy);
	}
	if (!constraint_allows(seat, x, y)) {
		wlr_seat_pointer_notify_frame(seat->wlr);
		return;
	}
	seat->x = x;
	seat->y = y;
	pointer_update(seat, true);
	wlr_seat_pointer_notify_frame(seat->wlr);
	seat->host->pointer_moved(seat->data, x, y);
}

void seat_pointer_position(const struct seat *seat, double *x, double *y) {
	*x = seat->x;
	*y = seat->y;
}

void seat_pointer_refresh(struct seat *seat) {
	pointer_update(seat, false);
}

static bool button_note(struct seat *seat, uint32_t button, bool pressed) {
	for (size_t i = 0; i < seat->buttons_len; i++) {
		if (seat->buttons[i] != button) {
			continue;
		}
		if (pressed) {
			return false;
		}
		seat->buttons[i] = seat->buttons[--seat->buttons_len];
		return true;
	}
	if (!pressed || seat->buttons_len == BUTTONS_MAX) {
		return false;
	}
	seat->buttons[seat->buttons_len++] = button;
	return true;
}

bool seat_pointer_button(struct seat *seat, uint32_t button, bool pressed) {
	if (!button_note(seat, button, pressed)) {
		return false;
	}
	if (pressed && seat->buttons_len == 1) {
		double sx = 0, sy = 0;
		struct wlr_surface *surface =
			seat->host->surface_at(seat->data, seat->x, seat->y, &sx, &sy);
		seat->host->pressed(seat->data, surface);
		pointer_update(seat, false);
		if (surface != NULL && surface == seat->wlr->pointer_state.focused_surface) {
			seat->pressed = surface;
			seat->pressed_dx = seat->x - sx;
			seat->pressed_dy = seat->y - sy;
			wl_signal_add(&surface->events.destroy, &seat->pressed_destroy);
		}
	}
	note_activity(seat, true);
	wlr_seat_pointer_notify_button(seat->wlr, now_msec(), button,
		pressed ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED);
	wlr_seat_pointer_notify_frame(seat->wlr);
	if (seat->buttons_len == 0) {
		pressed_forget(seat);
		pointer_update(seat, false);
	}
	return true;
}

static void scroll(struct seat *seat, bool horizontal, double notches) {
	int32_t value120 = (int32_t)lround(notches * WLR_POINTER_AXIS_DISCRETE_STEP);
	if (value120 == 0) {
		return; // would be an axis_stop
	}
	wlr_seat_pointer_notify_axis(seat->wlr, now_msec(),
		horizontal ? WL_POINTER_AXIS_HORIZONTAL_SCROLL : WL_POINTER_AXIS_VERTICAL_SCROLL,
		notches * AXIS_PER_NOTCH, value120, WL_POINTER_AXIS_SOURCE_WHEEL,
		WL_POINTER_AXIS_RELATIVE_DIRECTION_IDENTICAL);
	wlr_seat_pointer_notify_frame(seat->wlr);
}

void seat_pointer_scroll(struct seat *seat, bool horizontal, double notches) {
	scroll(seat, horizontal, notches);
}

void seat_pointer_scroll_pixels(struct seat *seat, bool horizontal, double pixels) {
	scroll(seat, horizontal, pixels / PIXELS_PER_NOTCH);
}

bool seat_button_is_down(const struct seat *seat, uint32_t button) {
	for (size_t i = 0; i < seat->buttons_len; i++) {
		if (seat->buttons[i] == button) {
			return true;
		}
	}
	return false;
}

struct wlr_surface *seat_pointer_surface(const struct seat *seat) {
	const struct wlr_drag *drag = seat->wlr->drag;
	if (drag != NULL && drag->grab_type == WLR_DRAG_GRAB_KEYBOARD_POINTER) {
		return drag->focus;
	}
	return seat->wlr->pointer_state.focused_surface;
}

// ---- touch

bool seat_touch_down(struct seat *seat, uint32_t point, double x, double y) {
	double sx = 0, sy = 0;
	struct wlr_surface *surface = seat->host->surface_at(seat->data, x, y, &sx, &sy);
	if (point >= SEAT_TOUCH_POINTS || seat->touches[point].down || surface == NULL ||
		!wlr_surface_accepts_touch(surface, seat->wlr)) {
		return false;
	}
	seat->host->pressed(seat->data, surface);
	note_activity(seat, true);
	wlr_seat_touch_notify_down(seat->wlr, surface, now_msec(), (int32_t)point, sx, sy);
	wlr_seat_touch_notify_frame(seat->wlr);
	seat->touches[point].down = true;
	seat->touches[point].dx = x - sx;
	seat->touches[point].dy = y - sy;
	return true;
}

bool seat_touch_move(struct seat *seat, uint32_t point, double x, double y) {
	if (point >= SEAT_TOUCH_POINTS || !seat->touches[point].down ||
		wlr_seat_touch_get_point(seat->wlr, (int32_t)point) == NULL) {
		return false;
	}
	const struct wlr_drag *drag = seat->wlr->drag;
	if (drag != NULL && drag->grab_type == WLR_DRAG_GRAB_KEYBOARD_TOUCH &&
		drag->touch_id == (int32_t)point) {
		double sx = 0, sy = 0;
		struct wlr_surface *over = seat->host->surface_at(seat->data, x, y, &sx, &sy);
		if (over != NULL) {
			wlr_seat_touch_point_focus(
				seat->wlr, over, now_msec(), (int32_t)point, sx, sy);
		} else {
			wlr_seat_touch_point_clear_focus(seat->wlr, now_msec(), (int32_t)point);
		}
		seat->host->pointer_moved(seat->data, x, y); // the icon goes along
		wlr_seat_touch_notify_motion(seat->wlr, now_msec(), (int32_t)point, sx, sy);
	} else {
		wlr_seat_touch_notify_motion(seat->wlr, now_msec(), (int32_t)point,
			x - seat->touches[point].dx, y - seat->touches[point].dy);
	}
	wlr_seat_touch_notify_frame(seat->wlr);
	return true;
}

bool seat_touch_up(struct seat *seat, uint32_t point) {
	if (point >= SEAT_TOUCH_POINTS || !seat->touches[point].down) {
		return false;
	}
	seat->touches[point].down = false;
	if (wlr_seat_touch_get_point(seat->wlr, (int32_t)point) == NULL) {
		return true; // its client is gone
	}
	note_activity(seat, true);
	wlr_seat_touch_notify_up(seat->wlr, now_msec(), (int32_t)point);
	wlr_seat_touch_notify_frame(seat->wlr);
	return true;
}

struct wlr_surface *seat_touch_surface(const struct seat *seat, uint32_t point) {
	const struct wlr_touch_point *at = wlr_seat_touch_get_point(seat->wlr, (int32_t)point);
	return at != NULL ? at->surface : NULL;
}

// ---- keyboard

static void handle_key(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, key);
	const struct wlr_keyboard_key_event *event = data;
	wlr_seat_keyboard_notify_key(seat->wlr, event->time_msec, event->keycode, event->state);
}

static void handle_modifiers(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, modifiers);
	wlr_seat_keyboard_notify_modifiers(seat->wlr, &seat->keyboard.modifiers);
}

bool seat_key_is_down(const struct seat *seat, uint32_t key) {
	for (size_t i = 0; i < seat->keyboard.num_keycodes; i++) {
		if (seat->keyboard.keycodes[i] == key) {
			return true;
		}
	}
	return false;
}

bool seat_key(struct seat *seat, uint32_t key, bool pressed) {
	if (seat_key_is_down(seat, key) == pressed ||
		(pressed && seat->keyboard.num_keycodes == WLR_KEYBOARD_KEYS_CAP)) {
		return false;
	}
	struct wlr_keyboard_key_event event = {
		.time_msec = now_msec(),
		.keycode = key,
		.update_state = true,
		.state = pressed ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED,
	};
	note_activity(seat, false);
	wlr_keyboard_notify_key(&seat->keyboard, &event);
	return true;
}

bool seat_set_keymap(struct seat *seat, struct xkb_keymap *keymap, struct wlr_seat_client *client) {
	if (!keymap_give(&seat->keyboard, keymap)) {
		return false;
	}
	seat_send_keymap(seat, client);
	return true;
}

void seat_send_keymap(struct seat *seat, struct wlr_seat_client *client) {
	if (client != NULL) {
		keymap_send(&seat->keyboard, client);
	}
}

bool seat_share_keymap(struct seat *seat, struct xkb_keymap *keymap) {
	seat->keyboard.modifiers = (struct wlr_keyboard_modifiers){0};
	if (!keymap_give(&seat->keyboard, keymap)) {
		return false;
	}
	struct wlr_seat_client *client;
	wl_list_for_each (client, &seat->wlr->clients, link) {
		keymap_send(&seat->keyboard, client);
	}
	return true;
}

void seat_lock_modifiers(struct seat *seat, uint32_t locked, uint32_t group) {
	wlr_keyboard_notify_modifiers(&seat->keyboard, 0, 0, locked, group);
}

void seat_set_repeat(struct seat *seat, bool repeat) {
	wlr_keyboard_set_repeat_info(
		&seat->keyboard, repeat ? REPEAT_RATE : 0, repeat ? REPEAT_DELAY_MS : 0);
}

uint32_t seat_locked_modifiers(const struct seat *seat) {
	return seat->keyboard.modifiers.locked;
}

bool seat_is_chord(const struct seat *seat) {
	const uint32_t others = WLR_MODIFIER_CTRL | WLR_MODIFIER_ALT | WLR_MODIFIER_LOGO;
	return (wlr_keyboard_get_modifiers((struct wlr_keyboard *)&seat->keyboard) & others) != 0;
}

struct wlr_surface *seat_keyboard_surface(const struct seat *seat) {
	return seat->wlr->keyboard_state.focused_surface;
}

void seat_keyboard_focus(struct seat *seat, struct wlr_surface *surface) {
	if (surface != seat_keyboard_surface(seat)) {
		note_activity(seat, true);
	}
	if (surface == NULL) {
		wlr_seat_keyboard_notify_clear_focus(seat->wlr);
		return;
	}
	wlr_seat_keyboard_notify_enter(seat->wlr, surface, seat->keyboard.keycodes,
		seat->keyboard.num_keycodes, &seat->keyboard.modifiers);
}

void seat_dismiss_popups(struct seat *seat) {
	if (seat->wlr->drag == NULL) {
		wlr_seat_pointer_end_grab(seat->wlr);
		wlr_seat_keyboard_end_grab(seat->wlr);
	}
}

static void handle_keyboard_grab_end(struct wl_listener *listener, void *data) {
	struct seat *seat = wl_container_of(listener, seat, keyboard_grab_end);
	seat->host->keyboard_freed(seat->data);
}

void seat_release_all(struct seat *seat) {
	if (seat->wlr->drag != NULL) {
		// Ending the grab by hand cancels the drag: a release would drop it where it is.
		if (seat->wlr->drag->grab_type == WLR_DRAG_GRAB_KEYBOARD_TOUCH) {
			wlr_seat_touch_end_grab(seat->wlr);
		} else {
			wlr_seat_pointer_end_grab(seat->wlr);
		}
	}
	while (seat->buttons_len > 0) {
		seat_pointer_button(seat, seat->buttons[0], false);
	}
	for (uint32_t point = 0; point < SEAT_TOUCH_POINTS; point++) {
		seat_touch_up(seat, point);
	}
	while (seat->keyboard.num_keycodes > 0) {
		seat_key(seat, seat->keyboard.keycodes[0], false);
	}
	// Latches and locks go as well: the next holder starts from a clean keyboard.
	wlr_keyboard_notify_modifiers(&seat->keyboard, 0, 0, 0, 0);
}

struct seat *seat_create(struct wl_display *display, const struct seat_config *config,
	const struct seat_host *host, void *data) {
	struct seat *seat = calloc(1, sizeof(*seat));
	if (seat == NULL) {
		return NULL;
	}
	seat->config = *config;
	seat->host = host;
	seat->data = data;
	seat->x = config->width / 2;
	seat->y = config->height / 2;
	seat->wlr = wlr_seat_create(display, "seat0");
	if (seat->wlr == NULL) {
		free(seat);
		return NULL;
	}
	wlr_keyboard_init(&seat->keyboard, &keyboard_impl, "parclose-keyboard");
	// Repeat is the client's doing, by time: a slow driver between press and release would type
	// twice.
	wlr_keyboard_set_repeat_info(&seat->keyboard, 0, 0);
	if (!wlr_keyboard_set_keymap(&seat->keyboard, config->keymap)) {
		wlr_keyboard_finish(&seat->keyboard);
		wlr_seat_destroy(seat->wlr);
		free(seat);
		return NULL;
	}
	seat->key.notify = handle_key;
	wl_signal_add(&seat->keyboard.events.key, &seat->key);
	seat->modifiers.notify = handle_modifiers;
	wl_signal_add(&seat->keyboard.events.modifiers, &seat->modifiers);
	seat->keyboard_grab_end.notify = handle_keyboard_grab_end;
	wl_signal_add(&seat->wlr->events.keyboard_grab_end, &seat->keyboard_grab_end);
	seat->pressed_destroy.notify = handle_pressed_destroy;
	seat->constraint_destroy.notify = handle_constraint_destroy;
	seat->pointer_focus_change.notify = handle_pointer_focus_change;
	wl_signal_add(&seat->wlr->pointer_state.events.focus_change, &seat->pointer_focus_change);
	if (config->constraints != NULL) {
		seat->new_constraint.notify = handle_new_constraint;
		wl_signal_add(&config->constraints->events.new_constraint, &seat->new_constraint);
	}
	seat->text_inputs = text_inputs_create(display, seat->wlr);
	if (seat->text_inputs == NULL) {
		seat_destroy(seat);
		return NULL;
	}
	wlr_seat_set_keyboard(seat->wlr, &seat->keyboard);
	wlr_seat_set_capabilities(seat->wlr, WL_SEAT_CAPABILITY_POINTER |
						     WL_SEAT_CAPABILITY_KEYBOARD |
						     WL_SEAT_CAPABILITY_TOUCH);
	return seat;
}

void seat_destroy(struct seat *seat) {
	if (seat == NULL) {
		return;
	}
	pressed_forget(seat);
	constraint_set(seat, NULL);
	wl_list_remove(&seat->key.link);
	wl_list_remove(&seat->modifiers.link);
	wl_list_remove(&seat->keyboard_grab_end.link);
	wl_list_remove(&seat->pointer_focus_change.link);
	if (seat->config.constraints != NULL) {
		wl_list_remove(&seat->new_constraint.link);
	}
	text_inputs_destroy(seat->text_inputs);
	wlr_seat_destroy(seat->wlr);
	wlr_keyboard_finish(&seat->keyboard);
	free(seat);
}

struct wlr_seat *seat_wlr(struct seat *seat) {
	return seat->wlr;
}

struct text_inputs *seat_text_inputs(struct seat *seat) {
	return seat->text_inputs;
}

struct wl_client *seat_keyboard_client(const struct seat *seat) {
	const struct wlr_seat_client *client = seat->wlr->keyboard_state.focused_client;
	return client != NULL ? client->client : NULL;
}

uint64_t seat_activity(const struct seat *seat) {
	return seat->activity;
}

uint64_t seat_moves(const struct seat *seat) {
	return seat->moves;
}

uint64_t seat_activity_ms(const struct seat *seat) {
	return seat->activity_ms;
}

uint64_t seat_moves_ms(const struct seat *seat) {
	return seat->moves_ms;
}
