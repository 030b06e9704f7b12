#include "viewer/hands.h"

#include <gdk/wayland/gdkwayland.h>
#include <linux/input-event-codes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viewer/layout.h"
#include "viewer/wire.h"

#define FIXED_ONE 256
#define SCROLL_MAX 1000 // notches or pixels of one event
#define LAST_KEYCODE 247 // 255, the last an XKB keycode can be, less 8
#define KEYCODE_OFFSET 8 // of an XKB keycode to the kernel's, on Wayland and on X11
#define BUTTONS 8 // BTN_LEFT and those after it

struct hands {
	GtkWindow *window;
	ViewerScreen *screen;
	struct wire *wire;
	struct layout *layout;
	GtkEventController *keys, *rest, *pointer;
	double pointer_x, pointer_y; // in the screen's coordinates
	void (*chord)(void *data, enum hands_chord chord);
	void *chord_data;
	bool mine, in;
	bool inhibiting; // the desktop's own shortcuts, as far as it allows
	bool key_down[LAST_KEYCODE + 1], button_down[BUTTONS];
	GdkEventSequence *touch[CHANNEL_TOUCH_POINTS]; // NULL: not down
	bool chord_down[LAST_KEYCODE + 1]; // its press was a chord's; its release is nobody's
};

static void send_input(
	struct hands *hands, uint32_t kind, uint32_t code, uint32_t value, double x, double y) {
	const struct view_message message = {
		.type = VIEW_INPUT,
		.input = {kind, code, value, (int32_t)lround(x * FIXED_ONE),
			(int32_t)lround(y * FIXED_ONE)},
	};
	wire_send(hands->wire, &message, -1);
}

// ---- in and out

static void forget_pressed(struct hands *hands) {
	memset(hands->key_down, 0, sizeof(hands->key_down));
	memset(hands->button_down, 0, sizeof(hands->button_down));
	memset(hands->touch, 0, sizeof(hands->touch));
}

/*
 * On Wayland the desktop decides whether its own shortcuts go to the window, and takes them back
 * with the focus. X11 has only a grab of the whole keyboard, which outlives the focus: a user who
 * clicks into another window would go on typing into the session. There the desktop keeps its keys.
 */
static void inhibit(struct hands *hands, bool on) {
	GdkSurface *surface = gtk_native_get_surface(GTK_NATIVE(hands->window));
	if (on == hands->inhibiting || surface == NULL ||
		!GDK_IS_WAYLAND_DISPLAY(gdk_surface_get_display(surface))) {
		return;
	}
	hands->inhibiting = on;
	if (on) {
		gdk_toplevel_inhibit_system_shortcuts(GDK_TOPLEVEL(surface), NULL);
	} else {
		gdk_toplevel_restore_system_shortcuts(GDK_TOPLEVEL(surface));
	}
}

static void update(struct hands *hands) {
	bool in = hands->mine && gtk_window_is_active(hands->window) &&
		  gtk_window_get_focus(hands->window) == GTK_WIDGET(hands->screen);
	if (in == hands->in) {
		return;
	}
	hands->in = in;
	inhibit(hands, in);
	gtk_widget_set_cursor_from_name(GTK_WIDGET(hands->screen), in ? "none" : NULL);
	forget_pressed(hands);
	if (in) {
		layout_send(hands->layout, hands->wire, NULL, true);
	} else if (hands->mine) {
		send_input(hands, VIEW_INPUT_RELEASE, 0, 0, 0, 0);
	}
}

void hands_set_mine(struct hands *hands, bool mine) {
	hands->mine = mine;
	update(hands);
}

bool hands_mine(const struct hands *hands) {
	return hands->mine;
}

bool hands_are_in(const struct hands *hands) {
	return hands->in;
}

// ---- keyboard

static bool is_chord(GdkEvent *event, const char *keys) {
	guint keyval;
	GdkModifierType modifiers;
	return gtk_accelerator_parse(keys, &keyval, &modifiers) &&
	       gdk_key_event_matches(event, keyval, modifiers) == GDK_KEY_MATCH_EXACT;
}

static bool take_chord(struct hands *hands, GdkEvent *event) {
	static const struct {
		const char *keys;
		enum hands_chord chord;
	} always[] = {
		{HANDS_STOP_ALL_KEYS, HANDS_STOP_ALL},
		{HANDS_PUT_IN_KEYS, HANDS_PUT_IN},
		{HANDS_TAKE_OUT_KEYS, HANDS_TAKE_OUT},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(always); i++) {
		if (is_chord(event, always[i].keys)) {
			hands->chord(hands->chord_data, always[i].chord);
			return true;
		}
	}
	if (hands->mine && is_chord(event, HANDS_HAND_BACK_KEYS)) {
		hands->chord(hands->chord_data, HANDS_HAND_BACK);
		return true;
	}
	return false;
}

// Every key event of the window, before any widget or shortcut of the window itself.
static gboolean handle_key(struct hands *hands, GdkEvent *event) {
	GdkEventType type = gdk_event_get_event_type(event);
	if (type != GDK_KEY_PRESS && type != GDK_KEY_RELEASE) {
		return GDK_EVENT_PROPAGATE;
	}
	guint keycode = gdk_key_event_get_keycode(event);
	uint32_t code = keycode < KEYCODE_OFFSET + 1 ? 0 : keycode - KEYCODE_OFFSET;
	bool known = code >= 1 && code <= LAST_KEYCODE;
	if (type == GDK_KEY_PRESS) {
		// A press that repeats is not a chord a second time.
		if (known && hands->chord_down[code]) {
			return GDK_EVENT_STOP;
		}
		if (take_chord(hands, event)) {
			if (known) {
				hands->chord_down[code] = true;
			}
			return GDK_EVENT_STOP;
		}
		if (!hands->in) {
			return GDK_EVENT_PROPAGATE;
		}
		// The session's programs repeat keys themselves.
		if (known && !hands->key_down[code]) {
			layout_send(hands->layout, hands->wire, event, false);
			hands->key_down[code] = true;
			send_input(hands, VIEW_INPUT_KEYCODE, code, 1, 0, 0);
		}
		return GDK_EVENT_STOP;
	}
	if (known && hands->chord_down[code]) {
		hands->chord_down[code] = false;
		return GDK_EVENT_STOP;
	}
	if (known && hands->key_down[code]) {
		hands->key_down[code] = false;
		send_input(hands, VIEW_INPUT_KEYCODE, code, 0, 0, 0);
	}
	return hands->in ? GDK_EVENT_STOP : GDK_EVENT_PROPAGATE;
}

// ---- pointer and touch

static void handle_pointer(struct hands *hands, double x, double y) {
	hands->pointer_x = x;
	hands->pointer_y = y;
}

// The event's place in the frame. False: no frame is there, or the event has no place.
static bool event_point(struct hands *hands, GdkEvent *event, struct screen_point *point) {
	if (gdk_event_get_event_type(event) == GDK_SCROLL) { // has no place of its own
		return screen_to_frame(hands->screen, hands->pointer_x, hands->pointer_y, point);
	}
	double x, y, native_x, native_y;
	graphene_point_t out;
	if (!gdk_event_get_position(event, &x, &y)) {
		return false;
	}
	gtk_native_get_surface_transform(GTK_NATIVE(hands->window), &native_x, &native_y);
	return gtk_widget_compute_point(GTK_WIDGET(hands->window), GTK_WIDGET(hands->screen),
		       &GRAPHENE_POINT_INIT((float)(x - native_x), (float)(y - native_y)), &out) &&
	       screen_to_frame(hands->screen, out.x, out.y, point);
}

static bool any_button(const struct hands *hands) {
	for (size_t i = 0; i < BUTTONS; i++) {
		if (hands->button_down[i]) {
			return true;
		}
	}
	return false;
}

// GDK numbers buttons as X11 does, where 4 to 7 are the wheel.
static bool button_index(guint button, size_t *index) {
	switch (button) {
	case GDK_BUTTON_PRIMARY:
		*index = BTN_LEFT - BTN_LEFT;
		return true;
	case GDK_BUTTON_MIDDLE:
		*index = BTN_MIDDLE - BTN_LEFT;
		return true;
	case GDK_BUTTON_SECONDARY:
		*index = BTN_RIGHT - BTN_LEFT;
		return true;
	default:
		if (button < 8 || button > 12) {
			return false;
		}
		*index = BTN_SIDE - BTN_LEFT + (button - 8);
		return true;
	}
}

static void take_button(
	struct hands *hands, GdkEvent *event, bool down, const struct screen_point *point) {
	size_t index;
	// A press outside the frame is nobody's; a release belongs to its press.
	if (!button_index(gdk_button_event_get_button(event), &index) ||
		hands->button_down[index] == down || (down && !point->inside)) {
		return;
	}
	hands->button_down[index] = down;
	send_input(
		hands, VIEW_INPUT_BUTTON, (uint32_t)(BTN_LEFT + index), down, point->x, point->y);
}

static void take_scroll(struct hands *hands, GdkEvent *event, const struct screen_point *point) {
	double x, y, unit = 1;
	uint32_t kind = CHANNEL_SCROLL_NOTCHES;
	// Of whole notches, too: their direction does not say how many, and in GTK 4.24 on Wayland
	// it is left for right.
	gdk_scroll_event_get_deltas(event, &x, &y);
	if (gdk_scroll_event_get_unit(event) == GDK_SCROLL_UNIT_SURFACE) {
		kind = CHANNEL_SCROLL_PIXELS;
		unit = screen_pixels_per_unit(hands->screen);
	}
	x = CLAMP(x * unit, -SCROLL_MAX, SCROLL_MAX);
	y = CLAMP(y * unit, -SCROLL_MAX, SCROLL_MAX);
	if (point->inside && (x != 0 || y != 0)) {
		send_input(hands, VIEW_INPUT_SCROLL, 0, kind, x, y);
	}
}

static void take_touch(
	struct hands *hands, GdkEvent *event, GdkEventType type, const struct screen_point *point) {
	GdkEventSequence *sequence = gdk_event_get_event_sequence(event);
	uint32_t index = 0;
	GdkEventSequence *wanted = type == GDK_TOUCH_BEGIN ? NULL : sequence;
	while (index < CHANNEL_TOUCH_POINTS && hands->touch[index] != wanted) {
		index++;
	}
	if (index == CHANNEL_TOUCH_POINTS || (type == GDK_TOUCH_BEGIN && !point->inside)) {
		return;
	}
	enum channel_touch what = type == GDK_TOUCH_BEGIN    ? CHANNEL_TOUCH_DOWN
				  : type == GDK_TOUCH_UPDATE ? CHANNEL_TOUCH_MOVE
							     : CHANNEL_TOUCH_UP;
	hands->touch[index] = what == CHANNEL_TOUCH_UP ? NULL : sequence;
	send_input(hands, VIEW_INPUT_TOUCH, index, what, point->x, point->y);
}

// Every other event over the screen.
static gboolean handle_rest(struct hands *hands, GdkEvent *event) {
	struct screen_point point;
	GdkEventType type = gdk_event_get_event_type(event);
	if (!hands->in) {
		// While the user has the wheel, a click into the screen brings the keyboard back.
		if (hands->mine && (type == GDK_BUTTON_PRESS || type == GDK_TOUCH_BEGIN)) {
			gtk_widget_grab_focus(GTK_WIDGET(hands->screen));
		}
		return GDK_EVENT_PROPAGATE;
	}
	if (!event_point(hands, event, &point)) {
		return GDK_EVENT_PROPAGATE;
	}
	switch (type) {
	case GDK_MOTION_NOTIFY:
		// A drag goes on beyond the edge.
		if (point.inside || any_button(hands)) {
			send_input(hands, VIEW_INPUT_MOVE, 0, 0, point.x, point.y);
		}
		return GDK_EVENT_STOP;
	case GDK_BUTTON_PRESS:
	case GDK_BUTTON_RELEASE:
		take_button(hands, event, type == GDK_BUTTON_PRESS, &point);
		return GDK_EVENT_STOP;
	case GDK_SCROLL:
		take_scroll(hands, event, &point);
		return GDK_EVENT_STOP;
	case GDK_TOUCH_BEGIN:
	case GDK_TOUCH_UPDATE:
	case GDK_TOUCH_END:
	case GDK_TOUCH_CANCEL:
		take_touch(hands, event, type, &point);
		return GDK_EVENT_STOP;
	default:
		return GDK_EVENT_PROPAGATE;
	}
}

// ----

struct hands *hands_create(GtkWindow *window, ViewerScreen *screen, struct wire *wire,
	void (*chord)(void *data, enum hands_chord chord), void *data) {
	struct hands *hands = calloc(1, sizeof(*hands));
	struct layout *layout = layout_create(gtk_widget_get_display(GTK_WIDGET(window)));
	if (hands == NULL || layout == NULL) {
		free(hands);
		layout_destroy(layout);
		return NULL;
	}
	*hands = (struct hands){
		.window = window,
		.screen = screen,
		.wire = wire,
		.layout = layout,
		.keys = gtk_event_controller_legacy_new(),
		.rest = gtk_event_controller_legacy_new(),
		.pointer = gtk_event_controller_motion_new(),
		.chord = chord,
		.chord_data = data,
	};
	gtk_event_controller_set_propagation_phase(hands->keys, GTK_PHASE_CAPTURE);
	g_signal_connect_swapped(hands->keys, "event", G_CALLBACK(handle_key), hands);
	g_signal_connect_swapped(hands->rest, "event", G_CALLBACK(handle_rest), hands);
	gtk_widget_add_controller(GTK_WIDGET(window), hands->keys);
	g_signal_connect_swapped(hands->pointer, "enter", G_CALLBACK(handle_pointer), hands);
	g_signal_connect_swapped(hands->pointer, "motion", G_CALLBACK(handle_pointer), hands);
	gtk_event_controller_set_propagation_phase(hands->pointer, GTK_PHASE_CAPTURE);
	gtk_widget_add_controller(GTK_WIDGET(screen), hands->rest);
	gtk_widget_add_controller(GTK_WIDGET(screen), hands->pointer);
	g_signal_connect_swapped(window, "notify::is-active", G_CALLBACK(update), hands);
	g_signal_connect_swapped(window, "notify::focus-widget", G_CALLBACK(update), hands);
	return hands;
}

void hands_destroy(struct hands *hands) {
	if (hands == NULL) {
		return;
	}
	g_signal_handlers_disconnect_by_data(hands->window, hands);
	gtk_widget_remove_controller(GTK_WIDGET(hands->window), hands->keys);
	gtk_widget_remove_controller(GTK_WIDGET(hands->screen), hands->rest);
	gtk_widget_remove_controller(GTK_WIDGET(hands->screen), hands->pointer);
	layout_destroy(hands->layout);
	free(hands);
}
