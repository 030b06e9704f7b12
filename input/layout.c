#include "input/layout.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "input/utf8.h"

#define EVDEV_OFFSET 8 // from evdev codes to XKB keycodes
#define CODE_MAX 247 // XKB keycodes end at 255, as in X11

struct entry {
	uint32_t key; // a symbol or a character
	uint32_t order; // the simplest way is listed first
	struct layout_press press;
};

struct table {
	struct entry *entries; // sorted by key, then order
	size_t len;
};

struct layout {
	struct xkb_keymap *keymap;
	uint32_t modifiers[LAYOUT_MODIFIERS];
	// What the keys make while `locked` is locked.
	bool listed;
	xkb_mod_mask_t locked;
	struct table symbols, characters;
};

/*
 * Keys that no keyboard has: xkeyboard-config gives them modifier symbols in every layout
 * (keycodes/evdev: LVL3, MDSW, ALT, META, SUPR, HYPR). They are the last resort.
 */
static bool is_fake(uint32_t code) {
	return code == 84 || (code >= 195 && code <= 199);
}

/*
 * The keys that every keyboard has between Escape and the space bar: characters come from them
 * where they can. Else one of the keypad, or one that most keyboards lack, would be nearer than a
 * letter key with Shift.
 */
static bool is_main(uint32_t code) {
	return code <= KEY_SPACE && code != KEY_KPASTERISK;
}

enum part {
	PART_MAIN,
	PART_REST,
	PART_FAKE,
};

static enum part part_of(uint32_t code) {
	return is_fake(code) ? PART_FAKE : is_main(code) ? PART_MAIN : PART_REST;
}

// A modifier key with this symbol, the one at `usual` if it has it.
static uint32_t modifier_key(struct xkb_keymap *keymap, xkb_keysym_t symbol, uint32_t usual) {
	uint32_t found = 0;
	for (uint32_t code = 1; code <= CODE_MAX; code++) {
		const xkb_keysym_t *symbols;
		int n = xkb_keymap_key_get_syms_by_level(
			keymap, code + EVDEV_OFFSET, 0, 0, &symbols);
		if (n != 1 || symbols[0] != symbol) {
			continue;
		}
		if (code == usual) {
			return code;
		}
		if (found == 0 || is_fake(found)) {
			found = code;
		}
	}
	return found;
}

struct layout *layout_create(struct xkb_keymap *keymap) {
	struct layout *layout = calloc(1, sizeof(*layout));
	if (layout == NULL) {
		return NULL;
	}
	const size_t most = (size_t)CODE_MAX << LAYOUT_MODIFIERS;
	layout->symbols.entries = calloc(most, sizeof(struct entry));
	layout->characters.entries = calloc(most, sizeof(struct entry));
	layout->keymap = xkb_keymap_ref(keymap);
	if (layout->symbols.entries == NULL || layout->characters.entries == NULL) {
		layout_destroy(layout);
		return NULL;
	}
	layout->modifiers[0] = modifier_key(keymap, XKB_KEY_Shift_L, KEY_LEFTSHIFT);
	layout->modifiers[1] = modifier_key(keymap, XKB_KEY_ISO_Level3_Shift, KEY_RIGHTALT);
	layout->modifiers[2] = modifier_key(keymap, XKB_KEY_ISO_Level5_Shift, KEY_RIGHTALT);
	return layout;
}

void layout_destroy(struct layout *layout) {
	if (layout != NULL) {
		xkb_keymap_unref(layout->keymap);
		free(layout->symbols.entries);
		free(layout->characters.entries);
		free(layout);
	}
}

uint32_t layout_modifier(const struct layout *layout, unsigned i) {
	return layout->modifiers[i];
}

// The character that a symbol makes in a text; 0: none, or that is not what the key is for.
static uint32_t character_of(xkb_keysym_t symbol) {
	// Keypad, function and dead keys: X11/keysymdef.h.
	if ((symbol >= 0xff00 && symbol <= 0xffff) || (symbol >= 0xfe50 && symbol <= 0xfe9f)) {
		return 0;
	}
	return xkb_keysym_to_utf32(symbol);
}

static bool is_modifier(const struct layout *layout, uint32_t code) {
	for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
		if (layout->modifiers[i] == code) {
			return true;
		}
	}
	return false;
}

static void add(struct table *table, uint32_t key, struct layout_press press) {
	table->entries[table->len] =
		(struct entry){.key = key, .order = (uint32_t)table->len, .press = press};
	table->len++;
}

static int compare(const void *a, const void *b) {
	const struct entry *x = a, *y = b;
	if (x->key != y->key) {
		return x->key < y->key ? -1 : 1;
	}
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool find(const struct table *table, uint32_t key, struct layout_press *press) {
	size_t from = 0, to = table->len;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (table->entries[middle].key < key) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	if (from == table->len || table->entries[from].key != key) {
		return false;
	}
	*press = table->entries[from].press;
	return true;
}

// Lists what every key of a part makes with these modifier keys down.
static void list_keys(struct layout *layout, uint32_t modifiers, enum part part) {
	struct xkb_state *state = xkb_state_new(layout->keymap);
	if (state == NULL) {
		return;
	}
	xkb_state_update_mask(state, 0, 0, layout->locked, 0, 0, 0);
	for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
		if ((modifiers & (1u << i)) != 0) {
			xkb_state_update_key(
				state, layout->modifiers[i] + EVDEV_OFFSET, XKB_KEY_DOWN);
		}
	}
	for (uint32_t code = 1; code <= CODE_MAX; code++) {
		if (part_of(code) != part || (modifiers != 0 && is_modifier(layout, code))) {
			continue;
		}
		xkb_keysym_t symbol = xkb_state_key_get_one_sym(state, code + EVDEV_OFFSET);
		const struct layout_press press = {code, modifiers};
		if (symbol != XKB_KEY_NoSymbol) {
			add(&layout->symbols, symbol, press);
		}
		if (character_of(symbol) != 0) {
			add(&layout->characters, character_of(symbol), press);
		}
	}
	xkb_state_unref(state);
}

// The fewest modifier keys first.
static void list_part(struct layout *layout, enum part part) {
	for (int count = 0; count <= LAYOUT_MODIFIERS; count++) {
		for (uint32_t modifiers = 0; modifiers < 1u << LAYOUT_MODIFIERS; modifiers++) {
			bool there = __builtin_popcount(modifiers) == count;
			for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
				if ((modifiers & (1u << i)) != 0 && layout->modifiers[i] == 0) {
					there = false;
				}
			}
			if (there) {
				list_keys(layout, modifiers, part);
			}
		}
	}
}

static void list(struct layout *layout, xkb_mod_mask_t locked) {
	if (layout->listed && layout->locked == locked) {
		return;
	}
	layout->listed = true;
	layout->locked = locked;
	layout->symbols.len = layout->characters.len = 0;
	list_part(layout, PART_MAIN);
	list_part(layout, PART_REST);
	list_keys(layout, 0, PART_FAKE);
	struct table *tables[] = {&layout->symbols, &layout->characters};
	for (size_t i = 0; i < 2; i++) {
		qsort(tables[i]->entries, tables[i]->len, sizeof(struct entry), compare);
	}
}

bool layout_find_symbol(struct layout *layout, xkb_mod_mask_t locked, xkb_keysym_t symbol,
	struct layout_press *press) {
	list(layout, locked);
	// The same character may go by another name: U00E9 is eacute.
	uint32_t character = character_of(symbol);
	return find(&layout->symbols, symbol, press) ||
	       (character != 0 && find(&layout->characters, character, press));
}

bool layout_find_character(struct layout *layout, xkb_mod_mask_t locked, uint32_t character,
	struct layout_press *press) {
	list(layout, locked);
	return find(&layout->characters, character, press);
}

xkb_keysym_t layout_symbol_of(uint32_t character) {
	// X11, appendix A: Latin-1 stands for itself. Others have a second name in older tables,
	// on which toolkits do not all agree.
	return character < 0x100 ? character : 0x01000000 | character;
}

xkb_keysym_t layout_symbol_from_name(const char *name) {
	xkb_keysym_t symbol = xkb_keysym_from_name(name, XKB_KEYSYM_NO_FLAGS);
	if (symbol != XKB_KEY_NoSymbol) {
		return symbol;
	}
	uint32_t character;
	size_t len = strlen(name);
	if (len > 0 && utf8_decode(name, len, &character) == len) {
		return layout_symbol_of(character);
	}
	return XKB_KEY_NoSymbol;
}
