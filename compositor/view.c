// A toplevel from its first commit to its end: its size, its place, its decoration.

#include <stdlib.h>
#include <time.h>
#include <wlr/types/wlr_xdg_decoration_v1.h>

#include "compositor/internal.h"

/*
 * A client's window geometry is its own claim: 32-bit numbers of any size. Everything here reckons
 * with no more than four displays of it.
 */
#define SIZE_LIMIT 4

struct wlr_box view_bounds(const struct compositor *c) {
	return (struct wlr_box){.width = (int)c->config.width, .height = (int)c->config.height};
}

struct view *view_from_surface(struct wlr_surface *surface) {
	struct wlr_surface *root = wlr_surface_get_root_surface(surface);
	struct wlr_xdg_surface *xdg = wlr_xdg_surface_try_from_wlr_surface(root);
	while (xdg != NULL && xdg->role == WLR_XDG_SURFACE_ROLE_POPUP) {
		if (xdg->popup == NULL || xdg->popup->parent == NULL) {
			return NULL;
		}
		root = wlr_surface_get_root_surface(xdg->popup->parent);
		xdg = wlr_xdg_surface_try_from_wlr_surface(root);
	}
	if (xdg == NULL || xdg->role != WLR_XDG_SURFACE_ROLE_TOPLEVEL || xdg->data == NULL) {
		return NULL;
	}
	struct wlr_scene_tree *tree = xdg->data;
	return tree->node.data;
}

static struct view *parent_of(const struct view *view) {
	struct wlr_xdg_toplevel *parent = view->toplevel->parent;
	return parent != NULL ? view_from_surface(parent->base->surface) : NULL;
}

// A window that cannot be resized, or belongs to another, keeps its own size.
static bool fills_display(const struct view *view) {
	const struct wlr_xdg_toplevel_state *state = &view->toplevel->current;
	bool fixed = state->max_width > 0 && state->max_height > 0 &&
		     state->min_width == state->max_width && state->min_height == state->max_height;
	return view->toplevel->parent == NULL && !fixed;
}

static int limit(int value, uint32_t display) {
	int most = (int)display * SIZE_LIMIT;
	return value < 1 ? 1 : value > most ? most : value;
}

// Where an edge of length `size` goes that should lie in the middle of `start`, `length`, within
// 0..display.
static int centre(int start, int length, int size, int display) {
	int at = start + (length - size) / 2;
	if (at + size > display) {
		at = display - size;
	}
	return at < 0 ? 0 : at;
}

static void place(struct view *view) {
	struct compositor *c = view->compositor;
	struct wlr_box bounds = view_bounds(c), around = bounds;
	struct view *parent = parent_of(view);
	if (parent != NULL && parent->mapped && !view->fullscreen) {
		around = parent->box;
	}
	const struct wlr_box *geometry = &view->toplevel->base->geometry;
	struct wlr_box box = {
		.width = limit(geometry->width, c->config.width),
		.height = limit(geometry->height, c->config.height),
	};
	// Its buttons would be out of reach. Asked once: a client may know better, or not be able
	// to.
	if (view->mapped && !view->shrunk && !view->maximized && !view->fullscreen &&
		(box.width > bounds.width || box.height > bounds.height)) {
		view->shrunk = true;
		wlr_xdg_toplevel_set_size(view->toplevel,
			box.width < bounds.width ? box.width : bounds.width,
			box.height < bounds.height ? box.height : bounds.height);
	}
	box.x = centre(around.x, around.width, box.width, bounds.width);
	box.y = centre(around.y, around.height, box.height, bounds.height);
	if (wlr_box_equal(&box, &view->box)) {
		return;
	}
	view->box = box;
	wlr_scene_node_set_position(&view->tree->node, box.x, box.y);
	windows_changed(view);
	struct view *other;
	wl_list_for_each (other, &c->views, link) {
		if (other != view && other->mapped && parent_of(other) == view) {
			place(other); // at most as deep as the chain of parents, which has no loops
		}
	}
}

// Says size and state anew, which every state request must be answered with.
static void configure(struct view *view) {
	struct compositor *c = view->compositor;
	struct wlr_xdg_toplevel *toplevel = view->toplevel;
	if (!toplevel->base->initialized) {
		return;
	}
	bool was_filling = view->maximized || view->fullscreen;
	view->fullscreen = toplevel->requested.fullscreen;
	view->maximized = !view->fullscreen && fills_display(view);
	wlr_xdg_toplevel_set_fullscreen(toplevel, view->fullscreen);
	wlr_xdg_toplevel_set_maximized(toplevel, view->maximized);
	if (view->maximized || view->fullscreen) {
		wlr_xdg_toplevel_set_size(toplevel, (int)c->config.width, (int)c->config.height);
	} else if (was_filling) {
		wlr_xdg_toplevel_set_size(toplevel, 0, 0); // the client's choice again
	}
	wlr_xdg_surface_schedule_configure(toplevel->base);
}

static void decorate(struct view *view) {
	if (view->decoration != NULL && view->toplevel->base->initialized) {
		// We draw no decoration at all: the title bar would only cost the agent room.
		wlr_xdg_toplevel_decoration_v1_set_mode(
			view->decoration, WLR_XDG_TOPLEVEL_DECORATION_V1_MODE_SERVER_SIDE);
	}
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, commit);
	struct compositor *c = view->compositor;
	if (view->toplevel->base->initial_commit) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		view->begun_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
		decorate(view);
		wlr_xdg_toplevel_set_wm_capabilities(
			view->toplevel, WLR_XDG_TOPLEVEL_WM_CAPABILITIES_MAXIMIZE |
						WLR_XDG_TOPLEVEL_WM_CAPABILITIES_FULLSCREEN);
		wlr_xdg_toplevel_set_bounds(
			view->toplevel, (int)c->config.width, (int)c->config.height);
		configure(view);
		return;
	}
	if (!view->mapped) {
		return;
	}
	// Size limits often come with the first buffer, or change when a dialog turns a page.
	if (!view->fullscreen && view->maximized != fills_display(view)) {
		configure(view);
	}
	place(view);
}

static void handle_map(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, map);
	view->mapped = true;
	view->shrunk = false;
	view->box = (struct wlr_box){0};
	if (!view->fullscreen && view->maximized != fills_display(view)) {
		configure(view);
	}
	place(view);
	wlr_scene_node_set_enabled(&view->tree->node, true);
	windows_changed(view);
	stack_raise(view);
}

static void handle_unmap(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, unmap);
	view->mapped = false;
	wlr_scene_node_set_enabled(&view->tree->node, false);
	windows_gone(view);
	stack_unmapped(view);
}

static void handle_request_maximize(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, request_maximize);
	configure(view);
}

static void handle_request_fullscreen(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, request_fullscreen);
	configure(view);
}

static void handle_set_parent(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, set_parent);
	if (view->mapped) {
		configure(view);
		place(view);
		windows_changed(view);
	}
}

static void handle_set_title(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, set_title);
	windows_changed(view);
}

static void handle_set_app_id(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, set_app_id);
	windows_changed(view);
}

static void forget_decoration(struct view *view) {
	if (view->decoration != NULL) {
		wl_list_remove(&view->decoration_destroy.link);
		wl_list_remove(&view->decoration_request_mode.link);
		view->decoration = NULL;
	}
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, destroy);
	if (view->compositor->focused == view) {
		view->compositor->focused = NULL;
	}
	forget_decoration(view);
	struct wl_listener *listeners[] = {&view->map, &view->unmap, &view->commit, &view->destroy,
		&view->request_maximize, &view->request_fullscreen, &view->set_parent,
		&view->set_title, &view->set_app_id};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		wl_list_remove(&listeners[i]->link);
	}
	wl_list_remove(&view->link);
	// The xdg_surface may live on and get another toplevel; this tree is only this one's.
	view->toplevel->base->data = NULL;
	wlr_scene_node_destroy(&view->tree->node);
	free(view);
}

static void listen(
	struct wl_signal *signal, struct wl_listener *listener, wl_notify_func_t notify) {
	listener->notify = notify;
	wl_signal_add(signal, listener);
}

void view_handle_new_toplevel(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, new_toplevel);
	struct wlr_xdg_toplevel *toplevel = data;
	struct wl_client *wl_client = wl_resource_get_client(toplevel->resource);
	struct client *client = client_from_wl(c, wl_client);
	struct view *view = calloc(1, sizeof(*view));
	if (view == NULL || client == NULL) {
		free(view);
		wl_client_post_no_memory(wl_client);
		return;
	}
	view->tree = wlr_scene_xdg_surface_create(c->windows, toplevel->base);
	if (view->tree == NULL) {
		free(view);
		wl_client_post_no_memory(wl_client);
		return;
	}
	view->compositor = c;
	view->id = ++c->last_window_id;
	view->client_id = client->id;
	view->toplevel = toplevel;
	view->tree->node.data = view;
	toplevel->base->data = view->tree;
	wlr_scene_node_set_enabled(&view->tree->node, false);
	wl_list_insert(&c->views, &view->link);

	struct wlr_surface *surface = toplevel->base->surface;
	listen(&surface->events.map, &view->map, handle_map);
	listen(&surface->events.unmap, &view->unmap, handle_unmap);
	listen(&surface->events.commit, &view->commit, handle_commit);
	listen(&toplevel->events.destroy, &view->destroy, handle_destroy);
	listen(&toplevel->events.request_maximize, &view->request_maximize,
		handle_request_maximize);
	listen(&toplevel->events.request_fullscreen, &view->request_fullscreen,
		handle_request_fullscreen);
	listen(&toplevel->events.set_parent, &view->set_parent, handle_set_parent);
	listen(&toplevel->events.set_title, &view->set_title, handle_set_title);
	listen(&toplevel->events.set_app_id, &view->set_app_id, handle_set_app_id);
}

static void handle_decoration_destroy(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, decoration_destroy);
	forget_decoration(view);
}

static void handle_decoration_request_mode(struct wl_listener *listener, void *data) {
	struct view *view = wl_container_of(listener, view, decoration_request_mode);
	decorate(view);
}

void view_handle_new_decoration(struct wl_listener *listener, void *data) {
	struct wlr_xdg_toplevel_decoration_v1 *decoration = data;
	struct view *view = view_from_surface(decoration->toplevel->base->surface);
	if (view == NULL) {
		return;
	}
	forget_decoration(view);
	view->decoration = decoration;
	listen(&decoration->events.destroy, &view->decoration_destroy, handle_decoration_destroy);
	listen(&decoration->events.request_mode, &view->decoration_request_mode,
		handle_decoration_request_mode);
	decorate(view);
}
