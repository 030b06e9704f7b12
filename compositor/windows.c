// The window list as the supervisor hears it: what a window is now, at most once per turn of the
// loop.

#include <string.h>

#include "compositor/internal.h"

static void copy_text(char *dst, size_t size, const char *src) {
	if (src != NULL) {
		memcpy(dst, src, strnlen(src, size - 1));
	}
}

static uint32_t id_of_toplevel(
	const struct compositor *c, const struct wlr_xdg_toplevel *toplevel) {
	const struct view *view;
	wl_list_for_each (view, &c->views, link) {
		if (view->toplevel == toplevel) {
			return view->id;
		}
	}
	return 0;
}

static void say(struct view *view) {
	struct compositor *c = view->compositor;
	struct channel_message message = {.type = CHANNEL_WINDOW};
	message.window.id = view->id;
	message.window.client = view->client_id;
	message.window.box =
		(struct channel_box){view->box.x, view->box.y, view->box.width, view->box.height};
	if (view->toplevel->parent != NULL) {
		message.window.parent = id_of_toplevel(c, view->toplevel->parent);
		message.window.state |= CHANNEL_WINDOW_DIALOG;
	}
	if (view->mapped) {
		message.window.state |= CHANNEL_WINDOW_MAPPED;
	}
	if (view == c->focused) {
		message.window.state |= CHANNEL_WINDOW_FOCUSED;
	}
	copy_text(message.window.untrusted_title, sizeof(message.window.untrusted_title),
		view->toplevel->title);
	copy_text(message.window.untrusted_app_id, sizeof(message.window.untrusted_app_id),
		view->toplevel->app_id);
	view->dirty = false;
	view->told = view->mapped;
	compositor_emit(c, &message);
}

static void say_all(void *data) {
	struct compositor *c = data;
	c->window_idle = NULL;
	struct view *view;
	wl_list_for_each (view, &c->views, link) {
		if (view->dirty) {
			say(view);
		}
	}
}

void windows_changed(struct view *view) {
	struct compositor *c = view->compositor;
	if (!view->mapped) {
		return;
	}
	view->dirty = true;
	if (c->window_idle == NULL) {
		c->window_idle = wl_event_loop_add_idle(c->loop, say_all, c);
	}
}

void windows_gone(struct view *view) {
	view->dirty = false;
	if (view->told) {
		say(view);
	}
}
