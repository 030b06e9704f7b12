#include "viewer/layout.h"

#include <gdk/wayland/gdkwayland.h>
#include <gdk/x11/gdkx.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon-x11.h>
#include <xkbcommon/xkbcommon.h>

#include "viewer/wire.h"

#define GROUPS 4 // of an XKB keymap, at most

struct layout {
	GdkDisplay *display;
	GdkDevice *keyboard; // NULL while the seat has none
	struct xkb_keymap *keymap; // NULL: cannot be had
	bool stale; // the desktop's keymap may have changed
	char *sent; // text the session has, NULL: none
	uint32_t group, locks; // that the session has
};

static struct xkb_keymap *read_wayland(GdkDevice *keyboard) {
	struct xkb_keymap *keymap = gdk_wayland_device_get_xkb_keymap(keyboard);
	return keymap == NULL ? NULL : xkb_keymap_ref(keymap);
}

// By a connection of its own, so that nothing of the toolkit's is in the way.
static struct xkb_keymap *read_x11(GdkDisplay *display) {
	struct xkb_keymap *keymap = NULL;
	xcb_connection_t *x11 = xcb_connect(gdk_display_get_name(display), NULL);
	struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	int32_t device = -1;
	if (context != NULL && !xcb_connection_has_error(x11) &&
		xkb_x11_setup_xkb_extension(x11, XKB_X11_MIN_MAJOR_XKB_VERSION,
			XKB_X11_MIN_MINOR_XKB_VERSION, XKB_X11_SETUP_XKB_EXTENSION_NO_FLAGS, NULL,
			NULL, NULL, NULL)) {
		device = xkb_x11_get_core_keyboard_device_id(x11);
	}
	if (device >= 0) {
		keymap = xkb_x11_keymap_new_from_device(
			context, x11, device, XKB_KEYMAP_COMPILE_NO_FLAGS);
	}
	xkb_context_unref(context);
	xcb_disconnect(x11);
	return keymap;
}

static void read_again(struct layout *layout) {
	layout->stale = false;
	xkb_keymap_unref(layout->keymap);
	layout->keymap = NULL;
	if (layout->keyboard == NULL) {
		layout->stale = true;
	} else if (GDK_IS_WAYLAND_DISPLAY(layout->display)) {
		layout->keymap = read_wayland(layout->keyboard);
	} else if (GDK_IS_X11_DISPLAY(layout->display)) {
		layout->keymap = read_x11(layout->display);
	}
}

static void handle_keymap(struct layout *layout) {
	layout->stale = true;
}

static void handle_keyboard(struct layout *layout) {
	GdkSeat *seat = gdk_display_get_default_seat(layout->display);
	GdkDevice *keyboard = seat == NULL ? NULL : gdk_seat_get_keyboard(seat);
	if (keyboard == layout->keyboard) {
		return;
	}
	if (layout->keyboard != NULL) {
		g_signal_handlers_disconnect_by_data(layout->keyboard, layout);
	}
	g_set_object(&layout->keyboard, keyboard);
	layout->stale = true;
	if (keyboard != NULL) {
		g_signal_connect_swapped(
			keyboard, "notify::layout-names", G_CALLBACK(handle_keymap), layout);
		g_signal_connect_swapped(keyboard, "changed", G_CALLBACK(handle_keymap), layout);
	}
}

struct layout *layout_create(GdkDisplay *display) {
	struct layout *layout = calloc(1, sizeof(*layout));
	if (layout == NULL) {
		return NULL;
	}
	layout->display = g_object_ref(display);
	layout->stale = true;
	GdkSeat *seat = gdk_display_get_default_seat(display);
	if (seat != NULL) {
		g_signal_connect_swapped(seat, "device-added", G_CALLBACK(handle_keyboard), layout);
		g_signal_connect_swapped(
			seat, "device-removed", G_CALLBACK(handle_keyboard), layout);
	}
	handle_keyboard(layout);
	return layout;
}

void layout_destroy(struct layout *layout) {
	if (layout == NULL) {
		return;
	}
	GdkSeat *seat = gdk_display_get_default_seat(layout->display);
	if (seat != NULL) {
		g_signal_handlers_disconnect_by_data(seat, layout);
	}
	if (layout->keyboard != NULL) {
		g_signal_handlers_disconnect_by_data(layout->keyboard, layout);
		g_object_unref(layout->keyboard);
	}
	xkb_keymap_unref(layout->keymap);
	g_object_unref(layout->display);
	free(layout->sent);
	free(layout);
}

/*
 * Layout and locks as they were at the event, or as they are now. They are told as they are, not as
 * changes: a key that switches them inside the session as well does no harm. A key that switches
 * them says nothing about them itself.
 */
static void current(
	const struct layout *layout, GdkEvent *event, uint32_t *group, uint32_t *locks) {
	*group = layout->group;
	*locks = layout->locks;
	if (event == NULL) {
		int active = gdk_device_get_active_layout_index(layout->keyboard);
		*group = active < 0 ? 0 : (uint32_t)active;
		*locks = (gdk_device_get_caps_lock_state(layout->keyboard) ? VIEW_LOCK_CAPS : 0u) |
			 (gdk_device_get_num_lock_state(layout->keyboard) ? VIEW_LOCK_NUM : 0u);
	} else if (!gdk_key_event_is_modifier(event)) {
		// Of a key with one layout only the event always says the first.
		if (xkb_keymap_num_layouts_for_key(
			    layout->keymap, gdk_key_event_get_keycode(event)) > 1) {
			*group = gdk_key_event_get_layout(event);
		}
		bool caps = (gdk_event_get_modifier_state(event) & GDK_LOCK_MASK) != 0;
		*locks = (*locks & ~(uint32_t)VIEW_LOCK_CAPS) | (caps ? VIEW_LOCK_CAPS : 0u);
	}
	*group %= GROUPS;
}

static int memory_of(const char *text, size_t bytes) {
	int fd = memfd_create("keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;
	while (fd >= 0 && done < bytes) {
		ssize_t n = write(fd, text + done, bytes - done);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

// On Wayland not every change is announced, but asking costs nothing.
static bool is_stale(const struct layout *layout) {
	return layout->stale ||
	       (GDK_IS_WAYLAND_DISPLAY(layout->display) &&
		       layout->keymap != gdk_wayland_device_get_xkb_keymap(layout->keyboard));
}

bool layout_send(struct layout *layout, struct wire *wire, GdkEvent *event, bool anew) {
	bool changed = anew;
	if (anew) {
		free(layout->sent);
		layout->sent = NULL;
	}
	if (anew || is_stale(layout)) {
		read_again(layout);
		char *text = layout->keymap == NULL ? NULL
						    : xkb_keymap_get_as_string(layout->keymap,
							      XKB_KEYMAP_FORMAT_TEXT_V1);
		if (text == NULL || strlen(text) > VIEW_MAX_KEYMAP) {
			free(text);
			return false;
		}
		changed = changed || layout->sent == NULL || strcmp(text, layout->sent) != 0;
		free(layout->sent);
		layout->sent = text;
	}
	if (layout->sent == NULL) {
		return false;
	}
	uint32_t group, locks;
	current(layout, event, &group, &locks);
	if (!changed && group == layout->group && locks == layout->locks) {
		return true;
	}
	int fd = memory_of(layout->sent, strlen(layout->sent));
	if (fd < 0) {
		return false;
	}
	layout->group = group;
	layout->locks = locks;
	const struct view_message message = {
		.type = VIEW_KEYMAP,
		.keymap = {.bytes = (uint32_t)strlen(layout->sent), .group = group, .locks = locks},
	};
	return wire_send(wire, &message, fd);
}
