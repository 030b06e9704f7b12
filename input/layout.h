#ifndef PARCLOSE_INPUT_LAYOUT_H
#define PARCLOSE_INPUT_LAYOUT_H

/*
 * Which keys of a keymap make which symbol or character. What a key does is asked of libxkbcommon
 * by trying, so any layout serves; dead keys make no character. Keys are evdev codes.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xkbcommon/xkbcommon.h>

#define LAYOUT_MODIFIERS 3 // Shift, and what chooses a third and a fifth level

struct layout;

// A key with the modifier keys that have to be down, and the others of `layout_modifier` up.
struct layout_press {
	uint32_t code;
	uint32_t modifiers; // bit i: layout_modifier(layout, i)
};

// Takes a reference to the keymap. NULL: out of memory.
struct layout *layout_create(struct xkb_keymap *keymap);
void layout_destroy(struct layout *layout); // NULL is allowed

// The modifier key number i < LAYOUT_MODIFIERS; 0: the keymap has none.
uint32_t layout_modifier(const struct layout *layout, unsigned i);

/*
 * The simplest way to make a symbol, or a character, while the modifiers `locked` are locked (Caps
 * Lock). False: the keymap has none. A character is neither made on the keypad nor by a key that
 * does something else, like Return.
 */
bool layout_find_symbol(struct layout *layout, xkb_mod_mask_t locked, xkb_keysym_t symbol,
	struct layout_press *press);
bool layout_find_character(struct layout *layout, xkb_mod_mask_t locked, uint32_t character,
	struct layout_press *press);

// The symbol for a character that is put on a key: X11's Unicode keysyms, as all toolkits know
// them.
xkb_keysym_t layout_symbol_of(uint32_t character);

/*
 * The symbol that `name` stands for: an X keysym name ("Return", "eacute", "U20AC") or one
 * character of UTF-8 ("+"). XKB_KEY_NoSymbol: neither.
 */
xkb_keysym_t layout_symbol_from_name(const char *name);

#endif
