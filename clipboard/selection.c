#include "clipboard/selection.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wayland-server-protocol.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_primary_selection.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/util/log.h>

struct selection {
	struct wlr_seat *seat;
	/*
	 * The client whose set_selection or start_drag is being handled. wlroots' request events do
	 * not say, and a serial alone is no proof: a guessed old one can pass as another client's.
	 */
	const struct wl_client *requester;
	struct wl_protocol_logger *logger;
	// May be set still: a bucket that fills up again with time.
	double tokens;
	uint64_t counted_ms, told_ms; // CLOCK_MONOTONIC
	uint32_t refused; // since it was told
	struct wl_listener set_selection, set_primary, start_drag;
};

static void note_request(void *data, enum wl_protocol_logger_type direction,
	const struct wl_protocol_logger_message *message) {
	struct selection *selection = data;
	if (direction != WL_PROTOCOL_LOGGER_REQUEST) {
		return;
	}
	const char *name = wl_resource_get_class(message->resource);
	if (strcmp(name, "wl_data_device") == 0 ||
		strcmp(name, "zwp_primary_selection_device_v1") == 0) {
		selection->requester = wl_resource_get_client(message->resource);
	}
}

static bool types_are_sane(const struct wl_array *types) {
	size_t total = 0, count = 0;
	char **type;
	wl_array_for_each (type, types) {
		size_t len = strlen(*type);
		if (len > SELECTION_MAX_TYPE_NAME) {
			return false;
		}
		total += len;
		count++;
	}
	return count <= SELECTION_MAX_TYPES && total <= SELECTION_MAX_TYPE_BYTES;
}

static uint64_t now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// A flood is refused, and told at most once a second.
static bool may_now(struct selection *selection) {
	uint64_t now = now_ms();
	selection->tokens += (double)(now - selection->counted_ms) * SELECTION_PER_SECOND / 1000;
	if (selection->tokens > SELECTION_BURST) {
		selection->tokens = SELECTION_BURST;
	}
	selection->counted_ms = now;
	if (selection->tokens >= 1) {
		selection->tokens -= 1;
		return true;
	}
	selection->refused++;
	if (now - selection->told_ms >= 1000) {
		wlr_log(WLR_ERROR, "clipboard: set too often, %u times refused",
			selection->refused);
		selection->told_ms = now;
		selection->refused = 0;
	}
	return false;
}

// Whether the client that asks has the keyboard and got `serial` itself.
static bool may_set(const struct selection *selection, uint32_t serial) {
	struct wlr_seat_client *focused = selection->seat->keyboard_state.focused_client;
	return focused != NULL && focused->client == selection->requester &&
	       wlr_seat_client_validate_event_serial(focused, serial);
}

static void handle_set_selection(struct wl_listener *listener, void *data) {
	struct selection *selection = wl_container_of(listener, selection, set_selection);
	const struct wlr_seat_request_set_selection_event *event = data;
	if (!may_set(selection, event->serial) || !may_now(selection) ||
		(event->source != NULL && !types_are_sane(&event->source->mime_types))) {
		wlr_log(WLR_INFO, "selection: refused, not the focused client's to set");
		if (event->source != NULL) {
			wlr_data_source_destroy(event->source); // tells its client: cancelled
		}
		return;
	}
	wlr_seat_set_selection(selection->seat, event->source, event->serial);
}

static void handle_set_primary(struct wl_listener *listener, void *data) {
	struct selection *selection = wl_container_of(listener, selection, set_primary);
	const struct wlr_seat_request_set_primary_selection_event *event = data;
	if (!may_set(selection, event->serial) || !may_now(selection) ||
		(event->source != NULL && !types_are_sane(&event->source->mime_types))) {
		wlr_log(WLR_INFO, "primary selection: refused, not the focused client's to set");
		if (event->source != NULL) {
			wlr_primary_selection_source_destroy(event->source);
		}
		return;
	}
	wlr_seat_set_primary_selection(selection->seat, event->source, event->serial);
}

static void handle_start_drag(struct wl_listener *listener, void *data) {
	struct selection *selection = wl_container_of(listener, selection, start_drag);
	const struct wlr_seat_request_start_drag_event *event = data;
	struct wlr_seat_client *focused = selection->seat->pointer_state.focused_client;
	bool sane = event->drag->source == NULL || types_are_sane(&event->drag->source->mime_types);
	if (sane && focused != NULL && focused->client == selection->requester &&
		wl_resource_get_client(event->origin->resource) == selection->requester &&
		wlr_seat_validate_pointer_grab_serial(
			selection->seat, event->origin, event->serial)) {
		wlr_seat_start_pointer_drag(selection->seat, event->drag, event->serial);
		return;
	}
	struct wlr_touch_point *point = NULL;
	if (sane && wl_resource_get_client(event->origin->resource) == selection->requester &&
		wlr_seat_validate_touch_grab_serial(
			selection->seat, event->origin, event->serial, &point) &&
		point->client->client == selection->requester) {
		wlr_seat_start_touch_drag(selection->seat, event->drag, event->serial, point);
		return;
	}
	wlr_log(WLR_INFO, "drag: refused, no button or touch of that client's is down");
	if (event->drag->source != NULL) {
		wlr_data_source_destroy(event->drag->source);
	}
}

struct selection *selection_create(struct wl_display *display, struct wlr_seat *seat) {
	struct selection *selection = calloc(1, sizeof(*selection));
	if (selection == NULL) {
		return NULL;
	}
	selection->seat = seat;
	selection->tokens = SELECTION_BURST;
	selection->counted_ms = now_ms();
	selection->logger = wl_display_add_protocol_logger(display, note_request, selection);
	if (selection->logger == NULL) {
		free(selection);
		return NULL;
	}
	selection->set_selection.notify = handle_set_selection;
	wl_signal_add(&seat->events.request_set_selection, &selection->set_selection);
	selection->set_primary.notify = handle_set_primary;
	wl_signal_add(&seat->events.request_set_primary_selection, &selection->set_primary);
	selection->start_drag.notify = handle_start_drag;
	wl_signal_add(&seat->events.request_start_drag, &selection->start_drag);
	return selection;
}

void selection_destroy(struct selection *selection) {
	if (selection == NULL) {
		return;
	}
	wl_list_remove(&selection->set_selection.link);
	wl_list_remove(&selection->set_primary.link);
	wl_list_remove(&selection->start_drag.link);
	wl_protocol_logger_destroy(selection->logger);
	free(selection);
}
