/*
 * Any messages as a compositor's, while actions come and go: no crash, and nothing out of its range
 * gets past display_take(). Built with -Dfuzz=true by clang; run as display-fuzz [CORPUS].
 */

#include <stdlib.h>
#include <string.h>

#include "session/display-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WIDTH 640
#define HEIGHT 480

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

// ---- what the files under test call of session/display.c

void display_end(struct display *display, const char *reason) {
	require(reason[0] != '\0');
	display->end_reason[0] = 'x';
}

bool display_reserve(struct display *display, size_t more) {
	return true;
}

void display_send(struct display *display, const struct channel_message *message, int fd) {
	require(message->type < CHANNEL_READY);
	display_act_sent(display, message);
}

void display_release_slot(struct display *display, uint32_t slot) {
	require(slot < CHANNEL_SLOTS && display->slot_held[slot]);
	display->slot_held[slot] = false;
}

// ---- what is told

static void handle_ready(void *data) {
}

static void handle_frame(void *data, const struct display_frame *frame) {
}

static void handle_released(void *data, uint32_t slot) {
}

static void handle_changed(void *data) {
}

static void handle_message(void *data, const char *text) {
}

static void handle_answered(void *data, const struct channel_message *checked) {
	const struct display *display = data;
	require(!display_acting(display) || checked->type != CHANNEL_SETTLED ||
		display->action.cancelled);
	switch (checked->type) {
	case CHANNEL_TYPED:
		require(checked->typed.token == display->action.token);
		require(checked->typed.runs_len >= 1 &&
			checked->typed.runs_len <= CHANNEL_TYPED_RUNS);
		for (uint32_t i = 0; i < checked->typed.runs_len; i++) {
			uint64_t end = (uint64_t)checked->typed.runs[i].first +
				       checked->typed.runs[i].count;
			require(end <= display->action.characters);
			require(checked->typed.runs[i].way >= 1 &&
				checked->typed.runs[i].way < CHANNEL_WAY_COUNT);
		}
		break;
	case CHANNEL_INPUT_DONE:
		require(checked->input_done.token == display->action.token);
		require(checked->input_done.status < CHANNEL_INPUT_STATUS_COUNT);
		require(checked->input_done.characters <= display->action.characters);
		require(checked->input_done.x >= 0 && checked->input_done.x <= WIDTH);
		require(checked->input_done.y >= 0 && checked->input_done.y <= HEIGHT);
		break;
	case CHANNEL_SETTLED:
		require(checked->settled.token == display->action.token);
		require(checked->settled.reason < CHANNEL_SETTLE_REASON_COUNT);
		require(checked->settled.changed == 0 ||
			display_box_inside(&checked->settled.box, WIDTH, HEIGHT));
		break;
	default:
		abort();
	}
}

static void handle_clipboard(void *data, const struct channel_message *checked) {
	const struct display *display = data;
	require(display->clipboard.types <= CHANNEL_MIME_TYPES);
	switch (checked->type) {
	case CHANNEL_CLIPBOARD_TYPE:
		require(display->clipboard.due == CHANNEL_CLIPBOARD_LIST);
		require(memchr(checked->clipboard_type.untrusted_type, '\0', CHANNEL_MIME_BYTES) !=
			NULL);
		break;
	case CHANNEL_CLIPBOARD_DONE:
		require(display->clipboard.due == 0);
		require(checked->clipboard_done.status < CHANNEL_CLIPBOARD_STATUS_COUNT);
		require(checked->clipboard_done.types_len == display->clipboard.types);
		break;
	default:
		require(checked->type == CHANNEL_CLIPBOARD_PASTED);
		require(display->clipboard.put_token == 0);
	}
}

static void handle_ended(void *data, const char *reason) {
}

static const struct display_observer observer = {
	.ready = handle_ready,
	.frame = handle_frame,
	.released = handle_released,
	.cursor = handle_changed,
	.windows = handle_changed,
	.message = handle_message,
	.answered = handle_answered,
	.clipboard = handle_clipboard,
	.ended = handle_ended,
};

// ---- the input: a byte that says what happens, then what it needs

static uint8_t next(const uint8_t **data, size_t *size) {
	if (*size == 0) {
		return 0;
	}
	--*size;
	return *(*data)++;
}

// The supervisor asks for an action of some steps, with or without settling.
static void ask(struct display *display, uint8_t steps, uint8_t characters) {
	struct channel_message messages[17] = {0};
	size_t len = 0;
	for (; len < steps % 16; len++) {
		messages[len].type = CHANNEL_INPUT;
	}
	if (steps >= 128 || len == 0) {
		messages[len++].type = CHANNEL_SETTLE;
	}
	display_act(display, messages, len, characters, 20000);
}

static bool say(struct display *display, uint8_t how, const uint8_t **data, size_t *size) {
	static const uint32_t types[] = {CHANNEL_READY, CHANNEL_FRAME, CHANNEL_CURSOR,
		CHANNEL_CLIENT_GONE, CHANNEL_WINDOW, CHANNEL_FATAL, CHANNEL_TYPED,
		CHANNEL_INPUT_DONE, CHANNEL_SETTLED, CHANNEL_CLIPBOARD_TYPE, CHANNEL_CLIPBOARD_DONE,
		CHANNEL_CLIPBOARD_PASTED};
	struct channel_message message = {.type = types[how % 12]};
	size_t len = next(data, size);
	len = len < *size ? len : *size;
	memcpy((char *)&message + 8, *data, len < sizeof(message) - 8 ? len : sizeof(message) - 8);
	*data += len;
	*size -= len;
	if (how >= 128) { // all of them have it at the same place
		message.typed.token = message.type >= CHANNEL_CLIPBOARD_TYPE
					      ? display->clipboard.token
					      : display->action.token;
	}
	return display_take(display, &message);
}

static void check(const struct display *display) {
	require(display->newest >= -1 && display->newest < CHANNEL_SLOTS);
	require(display->windows_len <= MAX_WINDOWS);
	for (size_t i = 0; i < display->windows_len; i++) {
		const struct display_window *window = &display->windows[i];
		require(window->id != 0);
		require(memchr(window->title, '\0', sizeof(window->title)) != NULL);
		require(memchr(window->app_id, '\0', sizeof(window->app_id)) != NULL);
	}
	require(display->cursor.x >= 0 && display->cursor.x <= WIDTH);
	require(display->cursor.width <= CHANNEL_CURSOR_MAX);
	require(display->action.typed <= display->action.characters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct display *display = calloc(1, sizeof(*display));
	require(display != NULL);
	display->loop = wl_event_loop_create();
	display->observer = &observer;
	display->data = display;
	display->options.width = WIDTH;
	display->options.height = HEIGHT;
	display->newest = -1;
	bool goes_on = true;
	while (goes_on && size > 0 && display->end_reason[0] == '\0') {
		uint8_t what = next(&data, &size);
		if (what % 8 == 0) {
			uint8_t steps = next(&data, &size);
			ask(display, steps, next(&data, &size));
		} else if (what == 1) {
			display_act_cancel(display);
		} else if (what == 2) {
			display_release_input(display);
		} else if (what >= 3 && what <= 6) {
			struct channel_message message = {
				.type = (enum channel_type)(CHANNEL_CLIPBOARD_LIST + what - 3)};
			display_clipboard(display, &message, -1);
		} else {
			goes_on = say(display, what, &data, &size);
		}
		check(display);
	}
	display_act_finish(display);
	free(display->windows);
	wl_event_loop_destroy(display->loop);
	free(display);
	return 0;
}
