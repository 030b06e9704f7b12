#include "input/keymap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wlr/interfaces/wlr_keyboard.h>
#include <wlr/types/wlr_keyboard.h>
#include <wlr/types/wlr_seat.h>

#define EVDEV_OFFSET 8 // from evdev codes to XKB keycodes

// Splits "de(neo)" in place. False: it is not written like that.
static bool split_layout(char *layout, char **variant) {
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t len = strspn(layout, letters);
	char *rest = layout + len;
	*variant = rest;
	if (len == 0 || *rest == '\0') {
		return len > 0;
	}
	*variant = rest + 1;
	size_t variant_len = strspn(*variant, letters);
	if (*rest != '(' || variant_len == 0 || strcmp(*variant + variant_len, ")") != 0) {
		return false;
	}
	*rest = (*variant)[variant_len] = '\0';
	return true;
}

struct xkb_keymap *keymap_load(const char *layout) {
	char *name = strdup(layout), *variant = NULL;
	// Not what the environment says: the agent's keyboard is the same wherever it runs.
	struct xkb_context *context = name != NULL && split_layout(name, &variant)
					      ? xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES)
					      : NULL;
	struct xkb_keymap *keymap = NULL;
	if (context != NULL) {
		xkb_context_set_log_level(context, XKB_LOG_LEVEL_CRITICAL);
		const struct xkb_rule_names names = {.rules = "evdev",
			.model = "pc105",
			.layout = name,
			.variant = variant,
			.options = ""};
		keymap = xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
		xkb_context_unref(context);
	}
	free(name);
	return keymap;
}

/*
 * Of the keys that are no letters, digits, signs, modifiers or movements on any keyboard: those
 * that Chromium 156, too, takes for the character that the keymap says, and does nothing else with.
 * It drops keys that have no name in UI Events' table of codes, makes function keys of F13 to F24
 * whatever the keymap, and goes home, back or away by some others. foot 1.28, GTK 3.24 and 4.24,
 * Qt 6.11 and Firefox 153 go by the keymap alone. All tried.
 */
static const uint8_t spare_keys[] = {85, 118, 120, 121, 122, 123, 124, 129, 131, 132, 133, 134, 135,
	136, 137, 138, 140, 142, 143, 144, 150, 152, 155, 161, 163, 164, 165, 166, 167, 168, 169,
	171, 179, 180, 207, 208, 209, 210, 224, 225, 227, 228, 229, 230, 231, 232, 233, 234, 235,
	244};
static_assert(sizeof(spare_keys) <= KEYMAP_SPARE_MAX, "all of them have room");

// Whether a key makes a character or modifies others, in any way.
static bool is_needed(struct xkb_keymap *keymap, xkb_keycode_t key) {
	xkb_level_index_t levels = xkb_keymap_num_levels_for_key(keymap, key, 0);
	for (xkb_level_index_t level = 0; level < levels; level++) {
		const xkb_keysym_t *symbols;
		int n = xkb_keymap_key_get_syms_by_level(keymap, key, 0, level, &symbols);
		for (int i = 0; i < n; i++) {
			if (xkb_keysym_to_utf32(symbols[i]) != 0) {
				return true;
			}
		}
	}
	struct xkb_state *state = xkb_state_new(keymap);
	bool modifies = state == NULL || xkb_state_update_key(state, key, XKB_KEY_DOWN) != 0;
	xkb_state_unref(state);
	return modifies;
}

size_t keymap_spare_keys(struct xkb_keymap *base, uint8_t keys[KEYMAP_SPARE_MAX]) {
	size_t len = 0;
	for (size_t i = 0; i < sizeof(spare_keys); i++) {
		if (xkb_keymap_key_get_name(base, spare_keys[i] + EVDEV_OFFSET) != NULL &&
			!is_needed(base, spare_keys[i] + EVDEV_OFFSET)) {
			keys[len++] = spare_keys[i];
		}
	}
	return len;
}

// Where further symbols go into a keymap's text: before the end of its last section.
static size_t end_of_symbols(const char *text) {
	const char *symbols = strstr(text, "\nxkb_symbols ");
	if (symbols == NULL) {
		return 0;
	}
	const char *end = strstr(symbols, "\n};");
	return end != NULL ? (size_t)(end - text) : 0;
}

struct xkb_keymap *keymap_extend(
	struct xkb_keymap *base, const uint8_t *keys, const xkb_keysym_t *symbols, size_t len) {
	char *text = xkb_keymap_get_as_string(base, XKB_KEYMAP_FORMAT_TEXT_V1);
	size_t end = text != NULL ? end_of_symbols(text) : 0;
	char *more = NULL;
	size_t more_len = 0;
	FILE *out = end > 0 ? open_memstream(&more, &more_len) : NULL;
	struct xkb_keymap *keymap = NULL;
	if (out != NULL) {
		fwrite(text, 1, end, out);
		for (size_t i = 0; i < len; i++) {
			const char *key = xkb_keymap_key_get_name(base, keys[i] + EVDEV_OFFSET);
			if (symbols[i] == XKB_KEY_NoSymbol || key == NULL) {
				continue;
			}
			// Of a type that knows Caps Lock: else it would make a capital.
			fprintf(out,
				"\n replace key <%s> { type[1] = \"ALPHABETIC\", repeat = no,"
				" symbols[1] = [ 0x%x, 0x%x ] };",
				key, symbols[i], symbols[i]);
		}
		fputs(text + end, out);
		bool good = ferror(out) == 0;
		good &= fclose(out) == 0;
		struct xkb_context *context =
			good ? xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES |
					       XKB_CONTEXT_NO_ENVIRONMENT_NAMES)
			     : NULL;
		if (context != NULL) {
			keymap = xkb_keymap_new_from_buffer(context, more, more_len,
				XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS);
			xkb_context_unref(context);
		}
	}
	free(more);
	free(text);
	return keymap;
}

// A file of `size` bytes that nobody who gets it can change. -1: none is to be had.
static int make_file(const char *bytes, size_t size) {
	int fd = memfd_create("keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		return -1;
	}
	for (size_t at = 0; at < size;) {
		ssize_t n = pwrite(fd, bytes + at, size - at, (off_t)at);
		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	// Not F_SEAL_WRITE: with it, old kernels refuse even a shared mapping for reading.
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool keymap_give(struct wlr_keyboard *keyboard, struct xkb_keymap *keymap) {
	char *text = xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1);
	struct xkb_state *state = xkb_state_new(keymap);
	size_t size = text != NULL ? strlen(text) + 1 : 0;
	int fd = text != NULL && state != NULL ? make_file(text, size) : -1;
	if (fd < 0) {
		free(text);
		xkb_state_unref(state);
		return false;
	}
	for (size_t i = 0; i < keyboard->num_keycodes; i++) {
		xkb_state_update_key(state, keyboard->keycodes[i] + EVDEV_OFFSET, XKB_KEY_DOWN);
	}
	// What wlroots keeps of a keymap, and frees. The indexes of modifiers and LEDs are the
	// same in every keymap made from one base.
	xkb_keymap_unref(keyboard->keymap);
	keyboard->keymap = xkb_keymap_ref(keymap);
	xkb_state_unref(keyboard->xkb_state);
	keyboard->xkb_state = state;
	free(keyboard->keymap_string);
	keyboard->keymap_string = text;
	keyboard->keymap_size = size;
	close(keyboard->keymap_fd);
	keyboard->keymap_fd = fd;
	struct wlr_keyboard_modifiers modifiers = keyboard->modifiers;
	xkb_state_update_mask(state, modifiers.depressed, modifiers.latched, modifiers.locked, 0, 0,
		modifiers.group);
	return true;
}

void keymap_send(struct wlr_keyboard *keyboard, struct wlr_seat_client *client) {
	const struct wlr_keyboard_modifiers *modifiers = &keyboard->modifiers;
	struct wl_resource *resource;
	wl_resource_for_each(resource, &client->keyboards) {
		if (wl_resource_get_user_data(resource) == NULL) {
			continue; // of a seat without a keyboard
		}
		wl_keyboard_send_keymap(resource, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1,
			keyboard->keymap_fd, (uint32_t)keyboard->keymap_size);
		wl_keyboard_send_modifiers(resource, wlr_seat_client_next_serial(client),
			modifiers->depressed, modifiers->latched, modifiers->locked,
			modifiers->group);
	}
}
