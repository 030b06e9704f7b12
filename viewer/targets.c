#include "viewer/targets.h"

#include <gdk/x11/gdkx.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#define DEADLINE_MS 1000
#define MAX_TARGETS 4096 // names that are looked through

enum atom {
	ATOM_CLIPBOARD,
	ATOM_TARGETS,
	ATOM_MARK,
	ATOM_ANSWER, // the property that the answer is put into
	ATOMS,
};

struct targets {
	xcb_connection_t *connection; // NULL: none
	xcb_window_t window;
	xcb_atom_t atoms[ATOMS];
	guint readable, timer; // sources, 0: none
	void (*done)(void *data, enum targets_answer answer);
	void *data;
};

void targets_cancel(struct targets *targets) {
	if (targets == NULL) {
		return;
	}
	g_clear_handle_id(&targets->readable, g_source_remove);
	g_clear_handle_id(&targets->timer, g_source_remove);
	if (targets->connection != NULL) {
		xcb_disconnect(targets->connection);
	}
	g_free(targets);
}

static void finish(struct targets *targets, enum targets_answer answer) {
	void (*done)(void *data, enum targets_answer answer) = targets->done;
	void *data = targets->data;
	targets_cancel(targets);
	done(data, answer);
}

static void handle_plain(gpointer data) {
	struct targets *targets = data;
	targets->timer = 0;
	finish(targets, TARGETS_PLAIN);
}

static void handle_deadline(gpointer data) {
	struct targets *targets = data;
	targets->timer = 0;
	finish(targets, TARGETS_UNKNOWN);
}

static enum targets_answer look_through(struct targets *targets) {
	xcb_get_property_reply_t *reply = xcb_get_property_reply(targets->connection,
		xcb_get_property(targets->connection, 1, targets->window,
			targets->atoms[ATOM_ANSWER], XCB_ATOM_ANY, 0, MAX_TARGETS),
		NULL);
	enum targets_answer answer = TARGETS_UNKNOWN;
	// What is left over was not looked at.
	if (reply != NULL && reply->format == 32 && reply->bytes_after == 0) {
		const xcb_atom_t *atoms = xcb_get_property_value(reply);
		int len = xcb_get_property_value_length(reply) / 4;
		answer = TARGETS_PLAIN;
		for (int i = 0; i < len; i++) {
			answer = atoms[i] == targets->atoms[ATOM_MARK] ? TARGETS_SECRET : answer;
		}
	}
	free(reply);
	return answer;
}

static gboolean handle_readable(gint fd, GIOCondition condition, gpointer data) {
	struct targets *targets = data;
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(targets->connection)) != NULL) {
		bool is_answer = (event->response_type & 0x7f) == XCB_SELECTION_NOTIFY;
		xcb_atom_t property = ((xcb_selection_notify_event_t *)event)->property;
		free(event);
		if (is_answer) {
			targets->readable = 0;
			// Nobody owns it, or its owner knows no such question (ICCCM, 2.6.2).
			finish(targets,
				property == XCB_ATOM_NONE ? TARGETS_PLAIN : look_through(targets));
			return G_SOURCE_REMOVE;
		}
	}
	if (xcb_connection_has_error(targets->connection) != 0) {
		targets->readable = 0;
		finish(targets, TARGETS_UNKNOWN);
		return G_SOURCE_REMOVE;
	}
	return G_SOURCE_CONTINUE;
}

static bool know_atoms(struct targets *targets, const char *mark) {
	const char *const names[ATOMS] = {"CLIPBOARD", "TARGETS", mark, "PARCLOSE_TARGETS"};
	xcb_intern_atom_cookie_t cookies[ATOMS];
	bool known = true;
	for (size_t i = 0; i < ATOMS; i++) {
		cookies[i] = xcb_intern_atom(
			targets->connection, 0, (uint16_t)strlen(names[i]), names[i]);
	}
	for (size_t i = 0; i < ATOMS; i++) {
		xcb_intern_atom_reply_t *reply =
			xcb_intern_atom_reply(targets->connection, cookies[i], NULL);
		targets->atoms[i] = reply != NULL ? reply->atom : XCB_ATOM_NONE;
		known = known && reply != NULL;
		free(reply);
	}
	return known;
}

// Sends the question. False: it cannot be asked.
static bool ask(struct targets *targets, const char *display, const char *mark) {
	targets->connection = xcb_connect(display, NULL);
	if (xcb_connection_has_error(targets->connection) != 0 || !know_atoms(targets, mark)) {
		return false;
	}
	const xcb_screen_t *screen =
		xcb_setup_roots_iterator(xcb_get_setup(targets->connection)).data;
	targets->window = xcb_generate_id(targets->connection);
	xcb_create_window(targets->connection, XCB_COPY_FROM_PARENT, targets->window, screen->root,
		0, 0, 1, 1, 0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
	xcb_convert_selection(targets->connection, targets->window, targets->atoms[ATOM_CLIPBOARD],
		targets->atoms[ATOM_TARGETS], targets->atoms[ATOM_ANSWER], XCB_CURRENT_TIME);
	return xcb_flush(targets->connection) > 0;
}

struct targets *targets_ask(GdkDisplay *display, const char *mark,
	void (*done)(void *data, enum targets_answer answer), void *data) {
	struct targets *targets = g_new0(struct targets, 1);
	targets->done = done;
	targets->data = data;
	if (!GDK_IS_X11_DISPLAY(display)) {
		targets->timer = g_idle_add_once(handle_plain, targets);
	} else if (!ask(targets, gdk_display_get_name(display), mark)) {
		targets->timer = g_idle_add_once(handle_deadline, targets);
	} else {
		targets->timer = g_timeout_add_once(DEADLINE_MS, handle_deadline, targets);
		targets->readable = g_unix_fd_add(xcb_get_file_descriptor(targets->connection),
			G_IO_IN | G_IO_HUP | G_IO_ERR, handle_readable, targets);
	}
	return targets;
}
