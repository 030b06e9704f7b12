#ifndef PARCLOSE_INPUT_KEYBOARD_H
#define PARCLOSE_INPUT_KEYBOARD_H

/*
 * The seat's keyboard, by symbols and characters: those of the session's own keymap, and any
 * others, which are put on spare keys when they are asked for. Such a keymap goes to the one client
 * that has the keyboard, and stays until other symbols are needed or another client has it: a
 * keymap is a descriptor and some milliseconds to each who gets it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xkbcommon/xkbcommon.h>

#include "input/layout.h"

struct keyboard;
struct seat;

// NULL: out of memory. The seat must outlive it and have this keymap.
struct keyboard *keyboard_create(struct seat *seat, struct xkb_keymap *keymap);
void keyboard_destroy(struct keyboard *keyboard); // NULL is allowed

// The modifier key number i < LAYOUT_MODIFIERS; 0: the keymap has none.
uint32_t keyboard_modifier(const struct keyboard *keyboard, unsigned i);

// Whether the session's own keymap makes it.
bool keyboard_has_character(struct keyboard *keyboard, uint32_t character);

// How many symbols keyboard_provide() can take at once.
size_t keyboard_room(const struct keyboard *keyboard);

/*
 * Sees to it that the symbols, of which only those count that the session's own keymap lacks, can
 * be found from now on. False: out of memory or descriptors, or too many.
 */
bool keyboard_provide(struct keyboard *keyboard, const xkb_keysym_t *symbols, size_t symbols_len);

/*
 * The key to press, under the modifiers that are locked now. False: the symbol is not there, see
 * keyboard_provide().
 */
bool keyboard_find_symbol(
	struct keyboard *keyboard, xkb_keysym_t symbol, struct layout_press *press);
bool keyboard_find_character(
	struct keyboard *keyboard, uint32_t character, struct layout_press *press);

// Sees to it that a key means what the session's own keymap says.
void keyboard_want_code(struct keyboard *keyboard, uint32_t code);

// Gives up all other symbols: whoever has the keyboard gets the session's own keymap again.
void keyboard_reset(struct keyboard *keyboard);

#endif
