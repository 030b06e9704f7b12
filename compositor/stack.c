// Which window is above which, and which has the keyboard.

#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_xdg_dialog_v1.h>

#include "compositor/internal.h"
#include "input/seat.h"

bool stack_is_child(const struct view *view, const struct view *ancestor) {
	const struct wlr_xdg_toplevel *at = view->toplevel->parent;
	while (at != NULL) {
		if (at == ancestor->toplevel) {
			return true;
		}
		at = at->parent;
	}
	return false;
}

static bool is_modal(const struct view *view) {
	struct wlr_xdg_dialog_v1 *dialog =
		wlr_xdg_dialog_v1_try_from_wlr_xdg_toplevel(view->toplevel);
	return dialog != NULL && dialog->modal;
}

void stack_focus(struct compositor *c, struct view *view) {
	struct view *old = c->focused;
	if (old == view) {
		if (view != NULL) {
			seat_keyboard_focus(c->seat, view->toplevel->base->surface);
		}
		return;
	}
	c->focused = view;
	if (old != NULL) {
		if (old->toplevel->base->initialized) {
			wlr_xdg_toplevel_set_activated(old->toplevel, false);
		}
		windows_changed(old);
	}
	if (view == NULL) {
		seat_keyboard_focus(c->seat, NULL);
		return;
	}
	// A menu that is open elsewhere would keep the keys.
	seat_dismiss_popups(c->seat);
	wlr_xdg_toplevel_set_activated(view->toplevel, true);
	seat_keyboard_focus(c->seat, view->toplevel->base->surface);
	windows_changed(view);
}

// Above everything, in the list and in the scene.
static void to_top(struct view *view) {
	wl_list_remove(&view->link);
	wl_list_insert(&view->compositor->views, &view->link);
	wlr_scene_node_raise_to_top(&view->tree->node);
}

/*
 * Lifts the dialogs of `view` above it in the order they have. Returns the topmost mapped one that
 * demands an answer first, or `view`.
 */
static struct view *lift(struct view *view) {
	struct compositor *c = view->compositor;
	struct view *target = view;
	to_top(view);
	// Each pass takes the lowest that is still below `view`: what was lifted lies above it.
	for (;;) {
		struct view *lowest = NULL, *at;
		bool below = false;
		wl_list_for_each (at, &c->views, link) {
			if (at == view) {
				below = true;
			} else if (below && stack_is_child(at, view)) {
				lowest = at;
			}
		}
		if (lowest == NULL) {
			return target;
		}
		to_top(lowest);
		if (lowest->mapped && is_modal(lowest)) {
			target = lowest;
		}
	}
}

void stack_raise(struct view *view) {
	if (!view->mapped) {
		return;
	}
	struct compositor *c = view->compositor;
	// The whole family comes up, the asked-for member last.
	struct view *root = view, *at;
	bool found = true;
	while (root->toplevel->parent != NULL && found) {
		found = false;
		wl_list_for_each (at, &c->views, link) {
			if (at->toplevel == root->toplevel->parent) {
				root = at;
				found = true;
				break;
			}
		}
	}
	if (root != view) {
		lift(root);
	}
	stack_focus(c, lift(view));
	seat_pointer_refresh(c->seat);
}

void stack_unmapped(struct view *view) {
	struct compositor *c = view->compositor;
	if (c->focused == view) {
		// To the parent, then to whatever is on top.
		struct view *next = NULL, *at;
		wl_list_for_each (at, &c->views, link) {
			if (!at->mapped) {
				continue;
			}
			if (next == NULL || at->toplevel == view->toplevel->parent) {
				next = at;
			}
			if (at->toplevel == view->toplevel->parent) {
				break;
			}
		}
		stack_focus(c, NULL);
		if (next != NULL) {
			stack_focus(c, next);
		}
	}
	seat_pointer_refresh(c->seat);
}

void stack_cycle(struct compositor *c) {
	struct view *at;
	wl_list_for_each_reverse (at, &c->views, link) {
		if (at->mapped && at->toplevel->parent == NULL) {
			stack_raise(at);
			return;
		}
	}
}

void stack_pressed(struct compositor *c, struct wlr_surface *surface) {
	struct view *view = surface != NULL ? view_from_surface(surface) : NULL;
	if (view == NULL || !view->mapped) {
		return;
	}
	// A press in a popup is the popup's business; its grab holds the keyboard.
	if (wlr_seat_keyboard_has_grab(seat_wlr(c->seat))) {
		return;
	}
	stack_raise(view);
}
