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
