#include "clipboard/crossing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_seat.h>

#include "clipboard/item.h"
#include "clipboard/mime.h"

struct crossing {
	struct wl_display *display;
	struct wlr_seat *seat;
	void (*emit)(void *data, const struct channel_message *message);
	void *data;
	struct items *items;
	uint64_t serial; // of the selection: changes whenever it does
	uint32_t token; // of the last request
	uint32_t put_token; // of the item that was put last
	struct wl_listener set_selection;
};

static void handle_set_selection(struct wl_listener *listener, void *data) {
	struct crossing *crossing = wl_container_of(listener, crossing, set_selection);
	crossing->serial++;
}

static const struct wlr_data_source *source_of(const struct crossing *crossing) {
	return crossing->seat->selection_source;
}

static const char *find_type(const struct wlr_data_source *source, const char *type) {
	char **offered;
	wl_array_for_each (offered, &source->mime_types) {
		if (strcmp(*offered, type) == 0) {
			return *offered;
		}
	}
	return NULL;
}

static void answer(struct crossing *crossing, struct channel_message *done,
	enum channel_clipboard_status status) {
	done->type = CHANNEL_CLIPBOARD_DONE;
	done->clipboard_done.token = crossing->token;
	done->clipboard_done.status = status;
	done->clipboard_done.serial = source_of(crossing) != NULL ? crossing->serial : 0;
	crossing->emit(crossing->data, done);
}

static void list(struct crossing *crossing) {
	const struct wlr_data_source *source = source_of(crossing);
	struct channel_message done = {0};
	if (source == NULL) {
		answer(crossing, &done, CHANNEL_CLIPBOARD_EMPTY);
		return;
	}
	char **type;
	wl_array_for_each (type, &source->mime_types) {
		struct channel_message message = {.type = CHANNEL_CLIPBOARD_TYPE};
		size_t len = strlen(*type);
		if (len == 0 || len >= CHANNEL_MIME_BYTES ||
			done.clipboard_done.types_len == CHANNEL_MIME_TYPES) {
			continue;
		}
		message.clipboard_type.token = crossing->token;
		memcpy(message.clipboard_type.untrusted_type, *type, len);
		crossing->emit(crossing->data, &message);
		done.clipboard_done.types_len++;
	}
	if (find_type(source, MIME_OUTSIDE) != NULL) {
		done.clipboard_done.flags = CHANNEL_CLIPBOARD_OUTSIDE;
	}
	answer(crossing, &done, CHANNEL_CLIPBOARD_OK);
}

static void take(struct crossing *crossing, const struct channel_message *message, int fd) {
	struct wlr_data_source *source = crossing->seat->selection_source;
	struct channel_message done = {0};
	enum channel_clipboard_status status = CHANNEL_CLIPBOARD_OK;
	if (source == NULL) {
		status = CHANNEL_CLIPBOARD_EMPTY;
	} else if (message->clipboard.serial != crossing->serial) {
		status = CHANNEL_CLIPBOARD_CHANGED;
	} else if (find_type(source, message->clipboard.type) == NULL) {
		status = CHANNEL_CLIPBOARD_NO_TYPE;
	} else {
		wlr_data_source_send(source, message->clipboard.type, fd); // closes it
		fd = -1;
	}
	if (fd >= 0) {
		close(fd);
	}
	answer(crossing, &done, status);
}

static void handle_pasted(void *data) {
	struct crossing *crossing = data;
	struct channel_message message = {.type = CHANNEL_CLIPBOARD_PASTED};
	message.clipboard_pasted.token = crossing->put_token;
	crossing->emit(crossing->data, &message);
}

static void put(struct crossing *crossing, const struct channel_message *message, int fd) {
	const struct item_options options = {
		.fd = fd,
		.bytes = message->clipboard.bytes,
		.type = message->clipboard.type,
		.once = (message->clipboard.flags & CHANNEL_CLIPBOARD_ONCE) != 0,
		.outside = (message->clipboard.flags & CHANNEL_CLIPBOARD_OUTSIDE) != 0,
		.pasted = handle_pasted,
		.data = crossing,
	};
	struct wlr_data_source *source = item_create(crossing->items, &options);
	struct channel_message done = {0};
	if (source == NULL) {
		answer(crossing, &done, CHANNEL_CLIPBOARD_FAILED);
		return;
	}
	crossing->put_token = crossing->token;
	wlr_seat_set_selection(crossing->seat, source, wl_display_next_serial(crossing->display));
	answer(crossing, &done, CHANNEL_CLIPBOARD_OK);
}

static void clear(struct crossing *crossing, const struct channel_message *message) {
	struct channel_message done = {0};
	enum channel_clipboard_status status = CHANNEL_CLIPBOARD_OK;
	if (source_of(crossing) == NULL) {
		status = CHANNEL_CLIPBOARD_EMPTY;
	} else if (message->clipboard.serial != 0 &&
		   message->clipboard.serial != crossing->serial) {
		status = CHANNEL_CLIPBOARD_CHANGED;
	} else {
		wlr_seat_set_selection(
			crossing->seat, NULL, wl_display_next_serial(crossing->display));
	}
	answer(crossing, &done, status);
}

static bool is_sound(
	const struct crossing *crossing, const struct channel_message *message, bool has_fd) {
	const uint32_t flags = CHANNEL_CLIPBOARD_ONCE | CHANNEL_CLIPBOARD_OUTSIDE;
	bool puts = message->type == CHANNEL_CLIPBOARD_PUT;
	bool names = puts || message->type == CHANNEL_CLIPBOARD_TAKE;
	const char *type = message->clipboard.type;
	return message->clipboard.token > crossing->token && has_fd == names &&
	       (message->clipboard.flags & ~(puts ? flags : 0)) == 0 &&
	       memchr(type, '\0', CHANNEL_MIME_BYTES) != NULL && (type[0] != '\0') == names &&
	       (puts ? message->clipboard.bytes > 0 &&
				       message->clipboard.bytes <= CHANNEL_CLIPBOARD_MAX
		     : message->clipboard.bytes == 0);
}

bool crossing_ask(struct crossing *crossing, const struct channel_message *message, int fd) {
	if (!is_sound(crossing, message, fd >= 0)) {
		if (fd >= 0) {
			close(fd);
		}
		return false;
	}
	crossing->token = message->clipboard.token;
	switch (message->type) {
	case CHANNEL_CLIPBOARD_LIST:
		list(crossing);
		return true;
	case CHANNEL_CLIPBOARD_TAKE:
		take(crossing, message, fd);
		return true;
	case CHANNEL_CLIPBOARD_PUT:
		put(crossing, message, fd);
		return true;
	default:
		clear(crossing, message);
		return true;
	}
}

struct crossing *crossing_create(struct wl_display *display, struct wlr_seat *seat,
	void (*emit)(void *data, const struct channel_message *message), void *data) {
	struct crossing *crossing = calloc(1, sizeof(*crossing));
	if (crossing == NULL) {
		return NULL;
	}
	crossing->items = items_create(wl_display_get_event_loop(display));
	if (crossing->items == NULL) {
		free(crossing);
		return NULL;
	}
	crossing->display = display;
	crossing->seat = seat;
	crossing->emit = emit;
	crossing->data = data;
	crossing->set_selection.notify = handle_set_selection;
	wl_signal_add(&seat->events.set_selection, &crossing->set_selection);
	return crossing;
}

void crossing_destroy(struct crossing *crossing) {
	if (crossing == NULL) {
		return;
	}
	wl_list_remove(&crossing->set_selection.link);
	// An item of ours would outlive what it stands on.
	wlr_seat_set_selection(crossing->seat, NULL, wl_display_next_serial(crossing->display));
	items_destroy(crossing->items);
	free(crossing);
}
