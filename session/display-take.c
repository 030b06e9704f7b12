#include <stdlib.h>
#include <string.h>

#include "session/display-internal.h"
#include "session/untrusted.h"

/*
 * What the compositor says, checked. Its messages are read nowhere else.
 */

bool display_box_inside(const struct channel_box *box, uint32_t width, uint32_t height) {
	return box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0 &&
	       (int64_t)box->x + box->width <= width && (int64_t)box->y + box->height <= height;
}

static bool take_frame(struct display *display, const struct channel_message *untrusted) {
	uint32_t slot = untrusted->frame.slot;
	uint32_t boxes = untrusted->frame.boxes_len;
	if (slot >= CHANNEL_SLOTS || display->slot_held[slot] || boxes == 0 ||
		boxes > CHANNEL_BOXES || untrusted->frame.serial <= display->serial) {
		return false;
	}
	for (uint32_t i = 0; i < boxes; i++) {
		if (!display_box_inside(&untrusted->frame.boxes[i], display->options.width,
			    display->options.height)) {
			return false;
		}
	}
	int previous = display->newest;
	display->slot_held[slot] = true;
	display->newest = (int)slot;
	display->serial = untrusted->frame.serial;
	display->time_ns = untrusted->frame.time_ns;
	display->frames++;
	const struct display_frame frame = {
		.slot = slot,
		.boxes_len = boxes,
		.serial = display->serial,
		.time_ns = display->time_ns,
		.boxes = untrusted->frame.boxes, // checked above
	};
	display->observer->frame(display->data, &frame);
	if (previous >= 0) {
		display_release_slot(display, (uint32_t)previous);
	}
	return true;
}

static bool take_cursor(struct display *display, const struct channel_message *untrusted) {
	int32_t limit = CHANNEL_CURSOR_MAX;
	if (untrusted->cursor.width > CHANNEL_CURSOR_MAX ||
		untrusted->cursor.height > CHANNEL_CURSOR_MAX || untrusted->cursor.hot_x < -limit ||
		untrusted->cursor.hot_x > limit || untrusted->cursor.hot_y < -limit ||
		untrusted->cursor.hot_y > limit || untrusted->cursor.x < 0 ||
		untrusted->cursor.y < 0 || untrusted->cursor.x > (int32_t)display->options.width ||
		untrusted->cursor.y > (int32_t)display->options.height) {
		return false;
	}
	display->cursor = (struct display_cursor){
		.x = untrusted->cursor.x,
		.y = untrusted->cursor.y,
		.hot_x = untrusted->cursor.hot_x,
		.hot_y = untrusted->cursor.hot_y,
		.width = untrusted->cursor.width,
		.height = untrusted->cursor.height,
		.image_serial = untrusted->cursor.image_serial,
		.visible = untrusted->cursor.visible != 0,
	};
	display->observer->cursor(display->data);
	return true;
}

static pid_t client_pid(const struct display *display, uint32_t id) {
	for (size_t i = 0; i < display->clients_len; i++) {
		if (display->clients[i].id == id) {
			return display->clients[i].pid;
		}
	}
	return 0;
}

static void take_client_gone(struct display *display, uint32_t untrusted_id) {
	for (size_t i = 0; i < display->clients_len; i++) {
		if (display->clients[i].id == untrusted_id) {
			display->clients[i] = display->clients[--display->clients_len];
			return;
		}
	}
}

static bool take_window(struct display *display, const struct channel_message *untrusted) {
	uint32_t id = untrusted->window.id;
	size_t i = 0;
	while (i < display->windows_len && display->windows[i].id != id) {
		i++;
	}
	if (id == 0) {
		return false;
	}
	if ((untrusted->window.state & CHANNEL_WINDOW_MAPPED) == 0) {
		if (i < display->windows_len) {
			display->windows_len--;
			memmove(&display->windows[i], &display->windows[i + 1],
				(display->windows_len - i) * sizeof(*display->windows));
			display->observer->windows(display->data);
		}
		return true;
	}
	if (i == display->windows_len) {
		if (i == MAX_WINDOWS) {
			return true; // shown on the frame all the same; the list has an end
		}
		if (i == display->windows_size) {
			size_t size = i == 0 ? 8 : i * 2;
			struct display_window *windows =
				realloc(display->windows, size * sizeof(*windows));
			if (windows == NULL) {
				return true;
			}
			display->windows = windows;
			display->windows_size = size;
		}
		display->windows_len++;
	}
	struct display_window *window = &display->windows[i];
	*window = (struct display_window){
		.id = id,
		.client = untrusted->window.client,
		.parent = untrusted->window.parent,
		.state = untrusted->window.state &
			 (CHANNEL_WINDOW_MAPPED | CHANNEL_WINDOW_FOCUSED | CHANNEL_WINDOW_DIALOG),
		.box = untrusted->window.box,
		.pid = client_pid(display, untrusted->window.client),
	};
	untrusted_text(window->title, sizeof(window->title), untrusted->window.untrusted_title,
		sizeof(untrusted->window.untrusted_title));
	untrusted_text(window->app_id, sizeof(window->app_id), untrusted->window.untrusted_app_id,
		sizeof(untrusted->window.untrusted_app_id));
	display->observer->windows(display->data);
	return true;
}

// Runs of characters follow one another and lie within the text.
static bool take_typed(struct display *display, const struct channel_message *untrusted) {
	uint32_t runs = untrusted->typed.runs_len;
	uint32_t at = display->action.typed;
	if (untrusted->typed.token != display->action.token || !display->action.due_done ||
		runs == 0 || runs > CHANNEL_TYPED_RUNS) {
		return false;
	}
	for (uint32_t i = 0; i < runs; i++) {
		uint32_t first = untrusted->typed.runs[i].first;
		uint32_t count = untrusted->typed.runs[i].count;
		uint32_t way = untrusted->typed.runs[i].way;
		if (first < at || count == 0 || first > display->action.characters ||
			count > display->action.characters - first || way == 0 ||
			way >= CHANNEL_WAY_COUNT) {
			return false;
		}
		at = first + count;
	}
	display->action.typed = at;
	display_act_answered(display, untrusted);
	return true;
}

static bool take_input_done(struct display *display, const struct channel_message *untrusted) {
	if (untrusted->input_done.token != display->action.token || !display->action.due_done ||
		display->action.steps_sent != display->action.steps ||
		untrusted->input_done.status >= CHANNEL_INPUT_STATUS_COUNT ||
		untrusted->input_done.step > display->action.steps ||
		untrusted->input_done.characters > display->action.characters ||
		untrusted->input_done.x < 0 || untrusted->input_done.y < 0 ||
		untrusted->input_done.x > (int32_t)display->options.width ||
		untrusted->input_done.y > (int32_t)display->options.height ||
		untrusted->input_done.reserved != 0 ||
		untrusted->input_done.frame > display->serial) {
		return false;
	}
	display_act_answered(display, untrusted);
	return true;
}

static bool take_settled(struct display *display, const struct channel_message *untrusted) {
	static const struct channel_box empty;
	const struct channel_box *box = &untrusted->settled.box;
	if (untrusted->settled.token != display->action.token || !display->action.due_settled ||
		(display->action.due_done && !display->action.cancelled) ||
		untrusted->settled.reason >= CHANNEL_SETTLE_REASON_COUNT ||
		untrusted->settled.changed > 1 || untrusted->settled.frame > display->serial ||
		untrusted->settled.waited_ms > display->action.most_ms) {
		return false;
	}
	if (untrusted->settled.changed != 0
			? !display_box_inside(box, display->options.width, display->options.height)
			: memcmp(box, &empty, sizeof(empty)) != 0) {
		return false;
	}
	display_act_answered(display, untrusted);
	return true;
}

static bool take_clipboard_type(struct display *display, const struct channel_message *untrusted) {
	const char *type = untrusted->clipboard_type.untrusted_type;
	if (display->clipboard.due != CHANNEL_CLIPBOARD_LIST ||
		untrusted->clipboard_type.token != display->clipboard.token ||
		untrusted->clipboard_type.reserved != 0 ||
		display->clipboard.types == CHANNEL_MIME_TYPES || type[0] == '\0' ||
		memchr(type, '\0', CHANNEL_MIME_BYTES) == NULL) {
		return false;
	}
	display->clipboard.types++;
	display->observer->clipboard(display->data, untrusted);
	return true;
}

static bool take_clipboard_done(struct display *display, const struct channel_message *untrusted) {
	enum channel_type due = display->clipboard.due;
	bool listed = due == CHANNEL_CLIPBOARD_LIST;
	uint32_t status = untrusted->clipboard_done.status;
	if (due == 0 || untrusted->clipboard_done.token != display->clipboard.token ||
		status >= CHANNEL_CLIPBOARD_STATUS_COUNT ||
		(untrusted->clipboard_done.flags & ~(listed ? CHANNEL_CLIPBOARD_OUTSIDE : 0u)) !=
			0 ||
		untrusted->clipboard_done.types_len != display->clipboard.types ||
		(status == CHANNEL_CLIPBOARD_EMPTY && untrusted->clipboard_done.serial != 0) ||
		(listed && status == CHANNEL_CLIPBOARD_OK &&
			untrusted->clipboard_done.serial == 0)) {
		return false;
	}
	display->clipboard.due = 0;
	if (due == CHANNEL_CLIPBOARD_PUT && status == CHANNEL_CLIPBOARD_OK) {
		display->clipboard.put_token = display->clipboard.token;
	}
	display->observer->clipboard(display->data, untrusted);
	return true;
}

static bool take_clipboard_pasted(
	struct display *display, const struct channel_message *untrusted) {
	uint32_t put_token = display->clipboard.put_token;
	if (put_token == 0 || untrusted->clipboard_pasted.token != put_token) {
		return false;
	}
	display->clipboard.put_token = 0;
	display->observer->clipboard(display->data, untrusted);
	return true;
}

bool display_take(struct display *display, const struct channel_message *untrusted) {
	if (untrusted->reserved != 0) {
		return false;
	}
	switch (untrusted->type) {
	case CHANNEL_READY:
		if (display->ready) {
			return false;
		}
		display->ready = true;
		display->observer->ready(display->data);
		return true;
	case CHANNEL_FRAME:
		return take_frame(display, untrusted);
	case CHANNEL_CURSOR:
		return take_cursor(display, untrusted);
	case CHANNEL_CLIENT_GONE:
		take_client_gone(display, untrusted->client.id);
		return true;
	case CHANNEL_WINDOW:
		return take_window(display, untrusted);
	case CHANNEL_TYPED:
		return take_typed(display, untrusted);
	case CHANNEL_INPUT_DONE:
		return take_input_done(display, untrusted);
	case CHANNEL_SETTLED:
		return take_settled(display, untrusted);
	case CHANNEL_CLIPBOARD_TYPE:
		return take_clipboard_type(display, untrusted);
	case CHANNEL_CLIPBOARD_DONE:
		return take_clipboard_done(display, untrusted);
	case CHANNEL_CLIPBOARD_PASTED:
		return take_clipboard_pasted(display, untrusted);
	case CHANNEL_FATAL: {
		char text[192];
		char reason[256];
		untrusted_text(
			text, sizeof(text), untrusted->fatal.text, sizeof(untrusted->fatal.text));
		snprintf(reason, sizeof(reason), "the compositor could not go on: %s", text);
		display_end(display, reason);
		return true;
	}
	default:
		return false;
	}
}
