#include "input/human.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xkbcommon/xkbcommon.h>

#include "compositor/channel.h"
#include "input/seat.h"

#define KEYCODE_MAX 247 // an XKB keycode is at most 255, and 8 more

struct human {
	struct seat *seat;
	struct xkb_keymap *keymap; // the session's own
	bool on;
	xkb_mod_mask_t locked;
	xkb_layout_index_t group;
};

struct human *human_create(struct seat *seat, struct xkb_keymap *keymap) {
	struct human *human = calloc(1, sizeof(*human));
	if (human != NULL) {
		human->seat = seat;
		human->keymap = xkb_keymap_ref(keymap);
	}
	return human;
}

void human_destroy(struct human *human) {
	if (human != NULL) {
		xkb_keymap_unref(human->keymap);
		free(human);
	}
}

static void change(struct human *human, bool on) {
	if (human->on || on) {
		seat_share_keymap(human->seat, human->keymap);
		seat_set_repeat(human->seat, on);
	}
	human->on = on;
	human->locked = 0;
	human->group = 0;
}

void human_begin(struct human *human) {
	change(human, true);
}

void human_end(struct human *human) {
	change(human, false);
}

// ---- keymap

static xkb_mod_mask_t mask_of(struct xkb_keymap *keymap, const char *modifier) {
	xkb_mod_index_t index = xkb_keymap_mod_get_index(keymap, modifier);
	return index == XKB_MOD_INVALID || index >= 32 ? 0 : (xkb_mod_mask_t)1 << index;
}

static struct xkb_keymap *compile(const char *text, size_t bytes) {
	struct xkb_context *context =
		xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
	if (context == NULL) {
		return NULL;
	}
	xkb_context_set_log_level(context, XKB_LOG_LEVEL_CRITICAL);
	struct xkb_keymap *keymap = xkb_keymap_new_from_buffer(
		context, text, bytes, XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS);
	xkb_context_unref(context);
	return keymap;
}

bool human_keymap(struct human *human, const struct channel_message *message, int fd) {
	uint32_t bytes = message->human_keymap.bytes, locks = message->human_keymap.locks;
	struct stat stat;
	if (bytes == 0 || bytes > CHANNEL_MAX_KEYMAP || fstat(fd, &stat) != 0 ||
		stat.st_size < (off_t)bytes) {
		return false;
	}
	char *text = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED) {
		return false;
	}
	struct xkb_keymap *keymap = human->on ? compile(text, bytes) : NULL;
	munmap(text, bytes);
	if (keymap == NULL) {
		return true;
	}
	if (message->human_keymap.group < xkb_keymap_num_layouts(keymap)) {
		xkb_mod_mask_t locked = 0;
		if ((locks & CHANNEL_LOCK_CAPS) != 0) {
			locked |= mask_of(keymap, XKB_MOD_NAME_CAPS);
		}
		if ((locks & CHANNEL_LOCK_NUM) != 0) {
			locked |= mask_of(keymap, XKB_MOD_NAME_NUM);
		}
		seat_release_all(human->seat); // by the keymap they were pressed by
		if (seat_share_keymap(human->seat, keymap)) {
			human->locked = locked;
			human->group = message->human_keymap.group;
		}
		human_released(human);
	}
	xkb_keymap_unref(keymap);
	return true;
}

void human_released(struct human *human) {
	if (human->on) {
		seat_lock_modifiers(human->seat, human->locked, human->group);
	}
}

// ---- events

static bool button(struct seat *seat, uint32_t code, uint32_t value) {
	if (code < BTN_LEFT || code > BTN_TASK || value > 1) {
		return false;
	}
	seat_pointer_button(seat, code, value == 1);
	return true;
}

static bool scroll(struct seat *seat, uint32_t value, double x, double y) {
	if (value > CHANNEL_SCROLL_PIXELS) {
		return false;
	}
	void (*by)(struct seat *, bool, double) =
		value == CHANNEL_SCROLL_PIXELS ? seat_pointer_scroll_pixels : seat_pointer_scroll;
	if (y != 0) {
		by(seat, false, y);
	}
	if (x != 0) {
		by(seat, true, x);
	}
	return true;
}

static bool touch(struct seat *seat, uint32_t point, uint32_t value, double x, double y) {
	if (point >= SEAT_TOUCH_POINTS) {
		return false;
	}
	switch (value) {
	case CHANNEL_TOUCH_UP:
		seat_touch_up(seat, point);
		return true;
	case CHANNEL_TOUCH_DOWN:
		seat_touch_down(seat, point, x, y);
		return true;
	case CHANNEL_TOUCH_MOVE:
		seat_touch_move(seat, point, x, y);
		return true;
	default:
		return false;
	}
}

static bool perform(struct seat *seat, const struct channel_message *message) {
	const uint32_t code = message->human_input.code, value = message->human_input.value;
	const double x = message->human_input.x / 256.0, y = message->human_input.y / 256.0;
	switch (message->human_input.kind) {
	case CHANNEL_INPUT_MOVE:
		seat_pointer_move(seat, x, y);
		return true;
	case CHANNEL_INPUT_BUTTON:
		seat_pointer_move(seat, x, y);
		return button(seat, code, value);
	case CHANNEL_INPUT_SCROLL:
		return scroll(seat, value, x, y);
	case CHANNEL_INPUT_KEYCODE:
		if (code < 1 || code > KEYCODE_MAX || value > 1) {
			return false;
		}
		seat_key(seat, code, value == 1);
		return true;
	case CHANNEL_INPUT_TOUCH:
		return touch(seat, code, value, x, y);
	default:
		return false;
	}
}

bool human_perform(struct human *human, const struct channel_message *message) {
	return !human->on || perform(human->seat, message);
}
