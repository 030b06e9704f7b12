#ifndef PARCLOSE_INPUT_KEYMAP_H
#define PARCLOSE_INPUT_KEYMAP_H

/*
 * The session's own keymap, and keymaps for symbols that it lacks: the same, with the symbols on
 * spare keys. Only the first needs files.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xkbcommon/xkbcommon.h>

struct wlr_keyboard;
struct wlr_seat_client;

/*
 * The keymap of a layout of xkeyboard-config(7), with at most one variant: "us", "de(neo)". NULL:
 * there is no such layout, or memory.
 */
struct xkb_keymap *keymap_load(const char *layout);

#define KEYMAP_SPARE_MAX 64

/*
 * The keys, as evdev codes, on which no application minds to find a character, and which `base` has
 * no use for in a text. Returns how many.
 */
size_t keymap_spare_keys(struct xkb_keymap *base, uint8_t keys[KEYMAP_SPARE_MAX]);

/*
 * A keymap like `base` in which keys[i] makes symbols[i], with Shift and Caps Lock as well;
 * XKB_KEY_NoSymbol leaves the key as it is. NULL: out of memory, or libxkbcommon does not take it.
 */
struct xkb_keymap *keymap_extend(
	struct xkb_keymap *base, const uint8_t *keys, const xkb_keysym_t *symbols, size_t len);

/*
 * Gives a keyboard another keymap, as wlr_keyboard_set_keymap() does, which wants a /dev/shm. What
 * is held or locked stays so. Nobody is told: see keymap_send(). False: out of memory or
 * descriptors; the old one stays.
 */
bool keymap_give(struct wlr_keyboard *keyboard, struct xkb_keymap *keymap);

// Sends the keyboard's keymap to a client, with its modifiers, which clients forget with the old.
void keymap_send(struct wlr_keyboard *keyboard, struct wlr_seat_client *client);

#endif
