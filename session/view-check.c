#include <string.h>

#include "session/view.h"

/*
 * What viewers say, checked; their messages are read nowhere else before. A viewer runs as the
 * user, but what it says may be a stranger's: it shows the agent's pixels and titles.
 */

#define FIXED_ONE 256 // x and y are in 1/256 pixel
#define SCROLL_MAX 100000 // pixels or notches, far beyond any wheel

static bool on_display(const struct view_message *untrusted, uint32_t width, uint32_t height) {
	return untrusted->input.x >= 0 && untrusted->input.y >= 0 &&
	       untrusted->input.x < (int64_t)width * FIXED_ONE &&
	       untrusted->input.y < (int64_t)height * FIXED_ONE;
}

static bool check_input(const struct view_message *untrusted, uint32_t width, uint32_t height) {
	uint32_t code = untrusted->input.code, value = untrusted->input.value;
	switch (untrusted->input.kind) {
	case VIEW_INPUT_MOVE:
		return code == 0 && value == 0 && on_display(untrusted, width, height);
	case VIEW_INPUT_BUTTON: // BTN_MOUSE to BTN_TASK, linux/input-event-codes.h
		return code >= 0x110 && code <= 0x117 && value <= 1 &&
		       on_display(untrusted, width, height);
	case VIEW_INPUT_SCROLL: {
		const int32_t most = SCROLL_MAX * FIXED_ONE;
		return code == 0 && value <= CHANNEL_SCROLL_PIXELS && untrusted->input.x >= -most &&
		       untrusted->input.x <= most && untrusted->input.y >= -most &&
		       untrusted->input.y <= most;
	}
	case VIEW_INPUT_KEYCODE: // an XKB keycode is at most 255, and 8 more than an evdev code
		return code >= 1 && code <= 247 && value <= 1;
	case VIEW_INPUT_TOUCH:
		return code < CHANNEL_TOUCH_POINTS && value <= CHANNEL_TOUCH_MOVE &&
		       on_display(untrusted, width, height);
	case VIEW_INPUT_RELEASE:
		return true;
	default:
		return false;
	}
}

bool view_check(
	const struct view_message *untrusted, uint32_t fds, uint32_t width, uint32_t height) {
	bool carries = untrusted->type == VIEW_KEYMAP || untrusted->type == VIEW_PUT_ITEM;
	if (untrusted->reserved != 0 || fds != (carries ? 1 : 0)) {
		return false;
	}
	switch (untrusted->type) {
	case VIEW_TAKE_OVER:
		return untrusted->take_over.withhold <= 1;
	case VIEW_HAND_BACK:
	case VIEW_PAUSE:
	case VIEW_RESUME:
	case VIEW_STOP:
		return true;
	case VIEW_INPUT:
		return check_input(untrusted, width, height);
	case VIEW_KEYMAP:
		return untrusted->keymap.bytes >= 1 && untrusted->keymap.bytes <= VIEW_MAX_KEYMAP &&
		       untrusted->keymap.group <= 3 &&
		       (untrusted->keymap.locks & ~(uint32_t)(VIEW_LOCK_CAPS | VIEW_LOCK_NUM)) == 0;
	case VIEW_RECORD:
		return untrusted->record.on <= 1;
	case VIEW_PUT_ITEM:
		return untrusted->put_item.kind >= VIEW_ITEM_TEXT &&
		       untrusted->put_item.kind <= VIEW_ITEM_JPEG;
	case VIEW_GET_ITEM:
		return true;
	case VIEW_ANSWER_ITEM:
		return (untrusted->answer_item.direction == VIEW_IN ||
			       untrusted->answer_item.direction == VIEW_OUT) &&
		       untrusted->answer_item.allow <= 1 &&
		       memchr(untrusted->answer_item.sha256, '\0',
			       sizeof(untrusted->answer_item.sha256)) != NULL;
	default:
		return false;
	}
}
