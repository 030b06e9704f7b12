#include "input/keyboard.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_seat.h>

#include "input/keymap.h"
#include "input/seat.h"

struct keyboard {
	struct seat *seat;
	struct xkb_keymap *keymap; // the session's own
	struct layout *layout; // of it
	uint8_t spare_keys[KEYMAP_SPARE_MAX]; // evdev codes
	size_t spare_len;
	// On the spare keys now; NoSymbol: nothing, the key is as in the session's own keymap.
	xkb_keysym_t spare[KEYMAP_SPARE_MAX];
	bool extended; // some are there
	bool doubtful; // a client that came meanwhile was told of them when it asked for a keyboard
	struct wl_listener focus_change;
	size_t next; // the spare key that was used longest ago
};

static bool give(struct keyboard *keyboard, struct xkb_keymap *keymap, struct wl_client *client) {
	return seat_set_keymap(keyboard->seat, keymap,
		client != NULL ? wlr_seat_client_for_wl_client(seat_wlr(keyboard->seat), client)
			       : NULL);
}

static void restore(struct keyboard *keyboard, struct wl_client *client) {
	if (keyboard->extended && give(keyboard, keyboard->keymap, client)) {
		memset(keyboard->spare, 0, sizeof(keyboard->spare));
		keyboard->extended = false;
	}
}

static struct wl_client *client_of(const struct wlr_surface *surface) {
	return surface != NULL ? wl_resource_get_client(surface->resource) : NULL;
}

static void handle_focus_change(struct wl_listener *listener, void *data) {
	struct keyboard *keyboard = wl_container_of(listener, keyboard, focus_change);
	const struct wlr_seat_keyboard_focus_change_event *event = data;
	struct wl_client *old = client_of(event->old_surface);
	struct wl_client *new = client_of(event->new_surface);
	if (old == new) {
		return;
	}
	keyboard->doubtful |= keyboard->extended;
	restore(keyboard, old);
	if (new != NULL && keyboard->doubtful) {
		seat_send_keymap(keyboard->seat,
			wlr_seat_client_for_wl_client(seat_wlr(keyboard->seat), new));
		keyboard->doubtful = false;
	}
}

struct keyboard *keyboard_create(struct seat *seat, struct xkb_keymap *keymap) {
	struct keyboard *keyboard = calloc(1, sizeof(*keyboard));
	if (keyboard == NULL) {
		return NULL;
	}
	keyboard->seat = seat;
	keyboard->layout = layout_create(keymap);
	if (keyboard->layout == NULL) {
		free(keyboard);
		return NULL;
	}
	keyboard->keymap = xkb_keymap_ref(keymap);
	keyboard->spare_len = keymap_spare_keys(keymap, keyboard->spare_keys);
	keyboard->focus_change.notify = handle_focus_change;
	wl_signal_add(&seat_wlr(seat)->keyboard_state.events.focus_change, &keyboard->focus_change);
	return keyboard;
}

void keyboard_destroy(struct keyboard *keyboard) {
	if (keyboard != NULL) {
		wl_list_remove(&keyboard->focus_change.link);
		layout_destroy(keyboard->layout);
		xkb_keymap_unref(keyboard->keymap);
		free(keyboard);
	}
}

uint32_t keyboard_modifier(const struct keyboard *keyboard, unsigned i) {
	return layout_modifier(keyboard->layout, i);
}

bool keyboard_has_character(struct keyboard *keyboard, uint32_t character) {
	struct layout_press press;
	return layout_find_character(
		keyboard->layout, seat_locked_modifiers(keyboard->seat), character, &press);
}

size_t keyboard_room(const struct keyboard *keyboard) {
	return keyboard->spare_len;
}

static size_t spare_of_symbol(const struct keyboard *keyboard, xkb_keysym_t symbol) {
	size_t i = 0;
	while (i < keyboard->spare_len && keyboard->spare[i] != symbol) {
		i++;
	}
	return i;
}

static size_t spare_of_code(const struct keyboard *keyboard, uint32_t code) {
	size_t i = 0;
	while (i < keyboard->spare_len && keyboard->spare_keys[i] != code) {
		i++;
	}
	return i;
}

bool keyboard_provide(struct keyboard *keyboard, const xkb_keysym_t *symbols, size_t symbols_len) {
	xkb_mod_mask_t locked = seat_locked_modifiers(keyboard->seat);
	xkb_keysym_t spare[KEYMAP_SPARE_MAX];
	bool wanted[KEYMAP_SPARE_MAX] = {false};
	memcpy(spare, keyboard->spare, sizeof(spare));
	struct layout_press press;
	// What is there stays where it is; what is no longer wanted makes room.
	for (size_t i = 0; i < symbols_len; i++) {
		size_t at = spare_of_symbol(keyboard, symbols[i]);
		if (at < keyboard->spare_len) {
			wanted[at] = true;
		}
	}
	size_t next = keyboard->next, taken = 0;
	for (size_t i = 0; i < symbols_len; i++) {
		if (spare_of_symbol(keyboard, symbols[i]) < keyboard->spare_len ||
			layout_find_symbol(keyboard->layout, locked, symbols[i], &press)) {
			continue;
		}
		size_t tries = 0;
		while (wanted[next] && tries++ < keyboard->spare_len) {
			next = (next + 1) % keyboard->spare_len;
		}
		if (wanted[next]) {
			return false;
		}
		spare[next] = symbols[i];
		wanted[next] = true;
		taken++;
	}
	if (taken == 0) {
		return true;
	}
	struct xkb_keymap *keymap =
		keymap_extend(keyboard->keymap, keyboard->spare_keys, spare, keyboard->spare_len);
	bool given = keymap != NULL &&
		     give(keyboard, keymap, client_of(seat_keyboard_surface(keyboard->seat)));
	xkb_keymap_unref(keymap);
	if (given) {
		memcpy(keyboard->spare, spare, sizeof(spare));
		keyboard->next = next;
		keyboard->extended = true;
	}
	return given;
}

void keyboard_want_code(struct keyboard *keyboard, uint32_t code) {
	size_t at = spare_of_code(keyboard, code);
	if (at < keyboard->spare_len && keyboard->spare[at] != XKB_KEY_NoSymbol) {
		restore(keyboard, client_of(seat_keyboard_surface(keyboard->seat)));
	}
}

bool keyboard_find_symbol(
	struct keyboard *keyboard, xkb_keysym_t symbol, struct layout_press *press) {
	xkb_mod_mask_t locked = seat_locked_modifiers(keyboard->seat);
	if (layout_find_symbol(keyboard->layout, locked, symbol, press)) {
		keyboard_want_code(keyboard, press->code);
		return true;
	}
	size_t at = spare_of_symbol(keyboard, symbol);
	if (symbol == XKB_KEY_NoSymbol || at == keyboard->spare_len) {
		return false;
	}
	*press = (struct layout_press){.code = keyboard->spare_keys[at]};
	return true;
}

bool keyboard_find_character(
	struct keyboard *keyboard, uint32_t character, struct layout_press *press) {
	return keyboard_find_symbol(keyboard, layout_symbol_of(character), press);
}

void keyboard_reset(struct keyboard *keyboard) {
	restore(keyboard, client_of(seat_keyboard_surface(keyboard->seat)));
}
