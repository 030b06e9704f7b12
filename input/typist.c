#include "input/typist.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>

#include "input/layout.h"
#include "input/seat.h"
#include "input/utf8.h"

struct typist {
	struct seat *seat;
	struct layout *layout;
	const struct typist_host *host;
	void *data;
};

struct typist *typist_create(struct wl_event_loop *loop, struct seat *seat, struct layout *layout,
	const struct typist_host *host, void *data) {
	struct typist *typist = calloc(1, sizeof(*typist));
	if (typist == NULL) {
		return NULL;
	}
	typist->seat = seat;
	typist->layout = layout;
	typist->host = host;
	typist->data = data;
	return typist;
}

void typist_destroy(struct typist *typist) {
	free(typist);
}

static bool find(struct typist *typist, uint32_t character, struct layout_press *press) {
	xkb_mod_mask_t locked = seat_locked_modifiers(typist->seat);
	switch (character) {
	case '\n':
		return layout_find_symbol(typist->layout, locked, XKB_KEY_Return, press);
	case '\t':
		return layout_find_symbol(typist->layout, locked, XKB_KEY_Tab, press);
	default:
		return layout_find_character(typist->layout, locked, character, press);
	}
}

// Presses and releases a key with exactly the modifier keys that it needs.
static void strike(struct typist *typist, const struct layout_press *press) {
	bool was[LAYOUT_MODIFIERS];
	for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
		uint32_t code = layout_modifier(typist->layout, i);
		was[i] = code != 0 && seat_key_is_down(typist->seat, code);
		if (code != 0) {
			seat_key(typist->seat, code, (press->modifiers & (1u << i)) != 0);
		}
	}
	seat_key(typist->seat, press->code, true);
	seat_key(typist->seat, press->code, false);
	for (unsigned i = LAYOUT_MODIFIERS; i-- > 0;) {
		uint32_t code = layout_modifier(typist->layout, i);
		if (code != 0) {
			seat_key(typist->seat, code, was[i]);
		}
	}
}

void typist_start(struct typist *typist, const char *text, size_t len) {
	for (size_t at = 0; at < len;) {
		uint32_t character;
		size_t n = utf8_decode(text + at, len - at, &character);
		if (character == '\r') {
			character = '\n';
			if (at + n < len && text[at + n] == '\n') {
				n++;
			}
		}
		struct layout_press press;
		if (n == 0 || !find(typist, character, &press)) {
			typist->host->done(typist->data, CHANNEL_INPUT_UNKNOWN_KEY);
			return;
		}
		if (seat_keyboard_surface(typist->seat) == NULL) {
			typist->host->done(typist->data, CHANNEL_INPUT_NO_FOCUS);
			return;
		}
		strike(typist, &press);
		typist->host->typed(typist->data, 1, CHANNEL_WAY_KEYS);
		at += n;
	}
	typist->host->done(typist->data, CHANNEL_INPUT_OK);
}

void typist_stop(struct typist *typist) {
}
