/*
 * What a client may bind: this list and nothing else. The filter goes by the globals made here, so
 * one that a library makes on the side stays hidden. Left out on purpose, whatever asks for them:
 * virtual-keyboard, virtual-pointer, screencopy, data-control, layer-shell, foreign-toplevel,
 * input-method, session-lock, shortcuts-inhibit, security-context (docs/threat-model.md).
 */

#include <assert.h>
#include <wlr/types/wlr_alpha_modifier_v1.h>
#include <wlr/types/wlr_content_type_v1.h>
#include <wlr/types/wlr_cursor_shape_v1.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_fixes.h>
#include <wlr/types/wlr_fractional_scale_v1.h>
#include <wlr/types/wlr_idle_inhibit_v1.h>
#include <wlr/types/wlr_output_layout.h>
#include <wlr/types/wlr_pointer_constraints_v1.h>
#include <wlr/types/wlr_pointer_gestures_v1.h>
#include <wlr/types/wlr_presentation_time.h>
#include <wlr/types/wlr_primary_selection_v1.h>
#include <wlr/types/wlr_relative_pointer_v1.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_server_decoration.h>
#include <wlr/types/wlr_shm.h>
#include <wlr/types/wlr_single_pixel_buffer_v1.h>
#include <wlr/types/wlr_subcompositor.h>
#include <wlr/types/wlr_viewporter.h>
#include <wlr/types/wlr_xdg_activation_v1.h>
#include <wlr/types/wlr_xdg_decoration_v1.h>
#include <wlr/types/wlr_xdg_dialog_v1.h>
#include <wlr/types/wlr_xdg_foreign_registry.h>
#include <wlr/types/wlr_xdg_foreign_v2.h>
#include <wlr/types/wlr_xdg_output_v1.h>

#include "clipboard/crossing.h"
#include "clipboard/selection.h"
#include "compositor/cursor.h"
#include "compositor/internal.h"
#include "input/seat.h"
#include "input/text-input.h"

static bool filter(const struct wl_client *client, const struct wl_global *global, void *data) {
	const struct compositor *c = data;
	for (size_t i = 0; i < c->allowed_len; i++) {
		if (c->allowed[i] == global) {
			return true;
		}
	}
	return false;
}

static void allow(struct compositor *c, const struct wl_global *global) {
	assert(c->allowed_len < COMPOSITOR_MAX_GLOBALS);
	c->allowed[c->allowed_len++] = global;
}

static struct wlr_surface *surface_at(void *data, double x, double y, double *sx, double *sy) {
	struct compositor *c = data;
	struct wlr_scene_node *node = wlr_scene_node_at(&c->windows->node, x, y, sx, sy);
	if (node == NULL || node->type != WLR_SCENE_NODE_BUFFER) {
		return NULL;
	}
	struct wlr_scene_surface *surface =
		wlr_scene_surface_try_from_buffer(wlr_scene_buffer_from_node(node));
	return surface != NULL ? surface->surface : NULL;
}

static void pointer_moved(void *data, double x, double y) {
	struct compositor *c = data;
	cursor_moved(c->cursor, x, y);
	wlr_scene_node_set_position(&c->drags->node, (int)x, (int)y);
}

static void pointer_client_changed(void *data) {
	struct compositor *c = data;
	if (c->cursor != NULL) {
		cursor_reset(c->cursor);
	}
}

static void pressed(void *data, struct wlr_surface *surface) {
	stack_pressed(data, surface);
}

static void keyboard_freed(void *data) {
	struct compositor *c = data;
	if (c->focused != NULL) {
		seat_keyboard_focus(c->seat, c->focused->toplevel->base->surface);
	}
}

static const struct seat_host seat_host = {
	.surface_at = surface_at,
	.pointer_moved = pointer_moved,
	.pointer_client_changed = pointer_client_changed,
	.pressed = pressed,
	.keyboard_freed = keyboard_freed,
};

static void clipboard_emits(void *data, const struct channel_message *message) {
	compositor_emit(data, message);
}

static void handle_new_surface(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, new_surface);
	limits_watch_surface(c, data);
}

static void handle_start_drag(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, start_drag);
	struct wlr_drag *drag = data;
	if (drag->icon != NULL) {
		wlr_scene_drag_icon_create(c->drags, drag->icon);
	}
}

/*
 * A token says who asked: only one made by the client that had the focus then, for an event it
 * really got (wlroots has checked the serial), raises a window.
 */
static void handle_new_token(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, new_token);
	struct wlr_xdg_activation_token_v1 *token = data;
	token->data = token->seat != NULL && token->surface != NULL && c->focused != NULL &&
				      view_from_surface(token->surface) == c->focused
			      ? c
			      : NULL;
}

static void handle_request_activate(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, request_activate);
	const struct wlr_xdg_activation_v1_request_activate_event *event = data;
	struct view *view = view_from_surface(event->surface);
	if (event->token->data == c && view != NULL) {
		stack_raise(view);
	}
}

static void listen(
	struct wl_signal *signal, struct wl_listener *listener, wl_notify_func_t notify) {
	listener->notify = notify;
	wl_signal_add(signal, listener);
}

// Makes one global and lets it be seen; the whole function fails where it cannot be made.
#define MAKE(var, type, create) \
	struct type *var = create; \
	if (var == NULL) { \
		return "a global cannot be made: " #type; \
	} \
	allow(c, var->global)

const char *globals_create(struct compositor *c) {
	struct wl_display *display = c->display;
	wl_display_set_global_filter(display, filter, c);

	MAKE(compositor, wlr_compositor, wlr_compositor_create(display, 6, c->renderer));
	MAKE(subcompositor, wlr_subcompositor, wlr_subcompositor_create(display));
	MAKE(shm, wlr_shm, wlr_shm_create_with_renderer(display, 2, c->renderer));
	MAKE(data_device, wlr_data_device_manager, wlr_data_device_manager_create(display));
	MAKE(primary, wlr_primary_selection_v1_device_manager,
		wlr_primary_selection_v1_device_manager_create(display));
	MAKE(shell, wlr_xdg_shell, wlr_xdg_shell_create(display, 6));
	MAKE(viewporter, wlr_viewporter, wlr_viewporter_create(display));
	MAKE(single_pixel, wlr_single_pixel_buffer_manager_v1,
		wlr_single_pixel_buffer_manager_v1_create(display));
	MAKE(fractional, wlr_fractional_scale_manager_v1,
		wlr_fractional_scale_manager_v1_create(display, 1));
	MAKE(presentation, wlr_presentation, wlr_presentation_create(display, c->backend, 2));
	MAKE(alpha, wlr_alpha_modifier_v1, wlr_alpha_modifier_v1_create(display));
	MAKE(content_type, wlr_content_type_manager_v1,
		wlr_content_type_manager_v1_create(display, 1));
	MAKE(idle_inhibit, wlr_idle_inhibit_manager_v1, wlr_idle_inhibit_v1_create(display));
	MAKE(gestures, wlr_pointer_gestures_v1, wlr_pointer_gestures_v1_create(display));
	MAKE(fixes, wlr_fixes, wlr_fixes_create(display, 1));
	MAKE(dialog, wlr_xdg_wm_dialog_v1, wlr_xdg_wm_dialog_v1_create(display, 1));
	MAKE(decoration, wlr_xdg_decoration_manager_v1,
		wlr_xdg_decoration_manager_v1_create(display));
	MAKE(kde_decoration, wlr_server_decoration_manager,
		wlr_server_decoration_manager_create(display));
	MAKE(activation, wlr_xdg_activation_v1, wlr_xdg_activation_v1_create(display));
	MAKE(shapes, wlr_cursor_shape_manager_v1, wlr_cursor_shape_manager_v1_create(display, 1));
	MAKE(relative, wlr_relative_pointer_manager_v1,
		wlr_relative_pointer_manager_v1_create(display));
	MAKE(constraints, wlr_pointer_constraints_v1, wlr_pointer_constraints_v1_create(display));
	struct wlr_xdg_foreign_registry *registry = wlr_xdg_foreign_registry_create(display);
	if (registry == NULL) {
		return "out of memory";
	}
	struct wlr_xdg_foreign_v2 *foreign = wlr_xdg_foreign_v2_create(display, registry);
	c->layout = wlr_output_layout_create(display);
	if (foreign == NULL || c->layout == NULL ||
		wlr_output_layout_add(c->layout, c->output, 0, 0) == NULL) {
		return "out of memory";
	}
	allow(c, foreign->exporter.global);
	allow(c, foreign->importer.global);
	allow(c, c->output->global);
	MAKE(xdg_output, wlr_xdg_output_manager_v1,
		wlr_xdg_output_manager_v1_create(display, c->layout));
	wlr_server_decoration_manager_set_default_mode(
		kde_decoration, WLR_SERVER_DECORATION_MANAGER_MODE_SERVER);

	/*
	 * wlroots opens its source of random tokens at the first one and keeps it; later there will
	 * be no file system to open it from.
	 */
	struct wlr_xdg_activation_token_v1 *token = wlr_xdg_activation_token_v1_create(activation);
	if (token == NULL) {
		return "no random numbers";
	}
	wlr_xdg_activation_token_v1_destroy(token);

	struct seat_config seat_config = {
		.width = c->config.width,
		.height = c->config.height,
		.keymap = c->config.keymap,
		.relative_pointers = relative,
		.constraints = constraints,
	};
	c->seat = seat_create(display, &seat_config, &seat_host, c);
	if (c->seat == NULL) {
		return "the seat cannot be made";
	}
	allow(c, seat_wlr(c->seat)->global);
	allow(c, text_inputs_global(seat_text_inputs(c->seat)));
	c->cursor_shapes = shapes;
	c->cursor = cursor_create(c);
	c->selection = selection_create(display, seat_wlr(c->seat));
	c->crossing = crossing_create(display, seat_wlr(c->seat), clipboard_emits, c);
	if (c->cursor == NULL || c->selection == NULL || c->crossing == NULL) {
		return "out of memory";
	}

	listen(&compositor->events.new_surface, &c->new_surface, handle_new_surface);
	listen(&shell->events.new_toplevel, &c->new_toplevel, view_handle_new_toplevel);
	listen(&shell->events.new_popup, &c->new_popup, popup_handle_new);
	listen(&decoration->events.new_toplevel_decoration, &c->new_decoration,
		view_handle_new_decoration);
	listen(&activation->events.new_token, &c->new_token, handle_new_token);
	listen(&activation->events.request_activate, &c->request_activate, handle_request_activate);
	listen(&seat_wlr(c->seat)->events.start_drag, &c->start_drag, handle_start_drag);
	return NULL;
}

void globals_finish(struct compositor *c) {
	struct wl_listener *listeners[] = {&c->new_surface, &c->new_toplevel, &c->new_popup,
		&c->new_decoration, &c->new_token, &c->request_activate, &c->start_drag};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		if (listeners[i]->notify != NULL) {
			wl_list_remove(&listeners[i]->link);
		}
	}
	crossing_destroy(c->crossing);
	selection_destroy(c->selection);
	cursor_destroy(c->cursor);
	c->cursor = NULL;
	seat_destroy(c->seat);
}
