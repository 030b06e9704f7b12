#include "compositor/answers.h"

#include <string.h>

#include "compositor/internal.h"
#include "xdg-shell-protocol.h"

#define OPENING_MS 5000

static struct view *target(const struct answers *answers) {
	struct view *view;
	wl_list_for_each (view, &answers->c->views, link) {
		if (answers->window != 0 && view->id == answers->window) {
			return view;
		}
	}
	return answers->c->focused;
}

// ---- the ping

#define NEVER (-((int64_t)1 << 40))

void answers_init(struct answers *answers, struct compositor *c, uint32_t window) {
	*answers = (struct answers){.c = c, .window = window, .ping_ms = NEVER, .owed_ms = NEVER};
}

void answers_finish(struct answers *answers) {
	if (answers->ping != NULL) {
		wl_list_remove(&answers->ping_destroy.link);
		answers->ping = NULL;
	}
}

static void handle_ping_destroy(struct wl_listener *listener, void *data) {
	struct answers *answers = wl_container_of(listener, answers, ping_destroy);
	answers_finish(answers);
	answers->ponged = true; // nobody is left to answer
}

/*
 * Not wlr_xdg_surface_ping(): it sends none while another is out, which may be older than the input
 * is. Its serials and ours are of one count; it passes over the answers to ours.
 */
static void ping(struct answers *answers, int64_t now_ms) {
	answers->ping_ms = now_ms;
	struct view *view = target(answers);
	if (view == NULL) {
		answers->ponged = true;
		return;
	}
	answers->ping = view->toplevel->base->client->resource;
	answers->ping_serial = wl_display_next_serial(answers->c->display);
	answers->ping_destroy.notify = handle_ping_destroy;
	wl_resource_add_destroy_listener(answers->ping, &answers->ping_destroy);
	xdg_wm_base_send_ping(answers->ping, answers->ping_serial);
}

bool answers_take(
	struct answers *answers, int64_t now_ms, const struct wl_protocol_logger_message *message) {
	if (answers->ping == NULL || message->resource != answers->ping ||
		strcmp(message->message->name, "pong") != 0 ||
		message->arguments[0].u != answers->ping_serial) {
		return false;
	}
	answers_finish(answers);
	if (!answers->ponged || now_ms - answers->ping_ms > ANSWERS_LATE_MS) {
		answers->owed_ms = now_ms;
	}
	answers->ponged = true;
	return true;
}

// ---- the frame callback

static void find_callback(struct wlr_surface *surface, int sx, int sy, void *data) {
	bool *found = data;
	*found |= !wl_list_empty(&surface->current.frame_callback_list);
}

/*
 * A window that is covered is sent no callback: what is waited for is that callbacks were sent, not
 * that one came to it.
 */
static bool awaits_frame(struct answers *answers, uint64_t frames_done) {
	if (answers->frame_got) {
		return false;
	}
	if (answers->frame_due != 0) {
		answers->frame_got = frames_done >= answers->frame_due;
		return !answers->frame_got;
	}
	struct view *view = target(answers);
	bool asked = false;
	if (view != NULL) {
		wlr_xdg_surface_for_each_surface(view->toplevel->base, find_callback, &asked);
	}
	if (asked) {
		answers->frame_due = frames_done + 1;
		wlr_output_schedule_frame(answers->c->output);
	}
	return asked;
}

// ---- configure events

static bool owes_ack(const struct wlr_xdg_surface *surface, bool new) {
	if (surface->configure_idle != NULL || !wl_list_empty(&surface->configure_list) ||
		(new && surface->initialized && !surface->surface->mapped)) {
		return true;
	}
	struct wlr_xdg_popup *popup;
	wl_list_for_each (popup, &surface->popups, link) {
		if (owes_ack(popup->base, new)) {
			return true;
		}
	}
	return false;
}

static void find_visible(struct wlr_scene_buffer *buffer, int sx, int sy, void *data) {
	bool *found = data;
	*found |= buffer->primary_output != NULL;
}

/*
 * One that is covered does not matter, and may lack the frame callback that it waits for before it
 * acks.
 */
static bool is_seen(const struct view *view) {
	bool seen = false;
	wlr_scene_node_for_each_buffer(&view->tree->node, find_visible, &seen);
	return seen;
}

/*
 * A window that has said that it will come and has not been seen. One that does not keep its word
 * is not waited for by everybody for ever.
 */
static bool is_opening(const struct view *view, int64_t now_ms) {
	return !view->mapped && view->toplevel->base->initialized &&
	       now_ms - view->begun_ms < OPENING_MS;
}

static bool is_owed(struct answers *answers, int64_t now_ms, uint64_t frames_done, bool new) {
	if (!answers->ponged || awaits_frame(answers, frames_done) ||
		(answers->ping != NULL && now_ms - answers->ping_ms > ANSWERS_LATE_MS)) {
		return true;
	}
	const struct view *view;
	wl_list_for_each (view, &answers->c->views, link) {
		if (is_opening(view, now_ms) ||
			(view->mapped && is_seen(view) && owes_ack(view->toplevel->base, new))) {
			return true;
		}
	}
	return false;
}

bool answers_look(
	struct answers *answers, int64_t now_ms, bool rests, uint64_t frames_done, bool new) {
	if (answers->ping == NULL &&
		(!answers->ponged || (rests && now_ms - answers->ping_ms >= ANSWERS_EVERY_MS))) {
		ping(answers, now_ms);
	}
	bool owed = is_owed(answers, now_ms, frames_done, new);
	if (owed || answers->owed) {
		answers->owed_ms = now_ms; // or until now
	}
	answers->owed = owed;
	return owed;
}
