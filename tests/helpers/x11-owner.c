/*
 * A program that owns an X11 desktop's clipboard, with several types, as a password manager does:
 *
 *   x11-owner TYPE TEXT [TYPE TEXT…]
 *
 * Prints "owner" when it is, and serves until it is killed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#define MAX_TYPES 8

static xcb_connection_t *connection;

static xcb_atom_t atom(const char *name) {
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
		connection, xcb_intern_atom(connection, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t found = reply != NULL ? reply->atom : XCB_ATOM_NONE;
	free(reply);
	return found;
}

int main(int argc, char *argv[]) {
	connection = xcb_connect(NULL, NULL);
	size_t len = (size_t)(argc - 1) / 2;
	if (xcb_connection_has_error(connection) != 0 || len < 1 || len > MAX_TYPES) {
		return 3;
	}
	xcb_atom_t clipboard = atom("CLIPBOARD"), targets = atom("TARGETS");
	xcb_atom_t types[MAX_TYPES + 1] = {targets};
	for (size_t i = 0; i < len; i++) {
		types[i + 1] = atom(argv[1 + i * 2]);
	}
	const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(connection)).data;
	xcb_window_t window = xcb_generate_id(connection);
	xcb_create_window(connection, XCB_COPY_FROM_PARENT, window, screen->root, 0, 0, 1, 1, 0,
		XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
	xcb_set_selection_owner(connection, window, clipboard, XCB_CURRENT_TIME);
	xcb_flush(connection);
	puts("owner");
	fflush(stdout);
	xcb_generic_event_t *event;
	while ((event = xcb_wait_for_event(connection)) != NULL) {
		const xcb_selection_request_event_t *request = (void *)event;
		if ((event->response_type & 0x7f) == XCB_SELECTION_CLEAR) {
			return 0;
		}
		if ((event->response_type & 0x7f) != XCB_SELECTION_REQUEST) {
			free(event);
			continue;
		}
		xcb_selection_notify_event_t answer = {
			.response_type = XCB_SELECTION_NOTIFY,
			.time = request->time,
			.requestor = request->requestor,
			.selection = request->selection,
			.target = request->target,
		};
		if (request->target == targets) {
			answer.property = request->property;
			xcb_change_property(connection, XCB_PROP_MODE_REPLACE, request->requestor,
				request->property, XCB_ATOM_ATOM, 32, (uint32_t)len + 1, types);
		}
		for (size_t i = 0; i < len; i++) {
			if (request->target == types[i + 1]) {
				const char *text = argv[2 + i * 2];
				answer.property = request->property;
				xcb_change_property(connection, XCB_PROP_MODE_REPLACE,
					request->requestor, request->property, request->target, 8,
					(uint32_t)strlen(text), text);
			}
		}
		xcb_send_event(connection, 0, request->requestor, 0, (const char *)&answer);
		xcb_flush(connection);
		free(event);
	}
	return 0;
}
