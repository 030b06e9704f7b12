// Popups: menus, tooltips, completion lists. They stay on the screen.

#include <stdlib.h>

#include "compositor/internal.h"

struct popup {
	struct compositor *compositor;
	struct wlr_xdg_popup *wlr;
	struct wlr_scene_tree *tree; // NULL: went with its parent's
	struct wl_listener commit, reposition, destroy, tree_destroy;
};

static void keep_on_screen(struct popup *popup) {
	struct view *view = view_from_surface(popup->wlr->base->surface);
	if (view == NULL) {
		return;
	}
	struct wlr_box box = view_bounds(popup->compositor);
	box.x -= view->box.x;
	box.y -= view->box.y;
	wlr_xdg_popup_unconstrain_from_box(popup->wlr, &box);
}

static void handle_commit(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, commit);
	if (popup->wlr->base->initial_commit) {
		keep_on_screen(popup);
		wlr_xdg_surface_schedule_configure(popup->wlr->base);
	}
}

static void handle_reposition(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, reposition);
	keep_on_screen(popup);
}

static void handle_tree_destroy(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, tree_destroy);
	wl_list_remove(&popup->tree_destroy.link);
	popup->tree = NULL;
	popup->wlr->base->data = NULL;
}

static void handle_destroy(struct wl_listener *listener, void *data) {
	struct popup *popup = wl_container_of(listener, popup, destroy);
	wl_list_remove(&popup->commit.link);
	wl_list_remove(&popup->reposition.link);
	wl_list_remove(&popup->destroy.link);
	if (popup->tree != NULL) {
		wlr_scene_node_destroy(&popup->tree->node);
	}
	free(popup);
}

void popup_handle_new(struct wl_listener *listener, void *data) {
	struct compositor *c = wl_container_of(listener, c, new_popup);
	struct wlr_xdg_popup *wlr = data;
	struct wlr_xdg_surface *parent =
		wlr->parent != NULL ? wlr_xdg_surface_try_from_wlr_surface(wlr->parent) : NULL;
	// A popup of nothing, or of a surface that is going, is never shown.
	if (parent == NULL || parent->data == NULL) {
		return;
	}
	struct popup *popup = calloc(1, sizeof(*popup));
	struct wlr_scene_tree *tree =
		popup != NULL ? wlr_scene_xdg_surface_create(parent->data, wlr->base) : NULL;
	if (tree == NULL) {
		free(popup);
		wl_client_post_no_memory(wl_resource_get_client(wlr->resource));
		return;
	}
	wlr->base->data = tree;
	popup->tree = tree;
	popup->tree_destroy.notify = handle_tree_destroy;
	wl_signal_add(&tree->node.events.destroy, &popup->tree_destroy);
	popup->compositor = c;
	popup->wlr = wlr;
	popup->commit.notify = handle_commit;
	wl_signal_add(&wlr->base->surface->events.commit, &popup->commit);
	popup->reposition.notify = handle_reposition;
	wl_signal_add(&wlr->events.reposition, &popup->reposition);
	popup->destroy.notify = handle_destroy;
	wl_signal_add(&wlr->events.destroy, &popup->destroy);
}
