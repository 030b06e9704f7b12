#ifndef PARCLOSE_AGENT_KEYS_H
#define PARCLOSE_AGENT_KEYS_H

/*
 * Names of keys as agents write them ("ctrl", "CMD", "Return", "ArrowLeft", "page-down", "a", "é"),
 * made into X keysym names or single characters. The aliases of every vocabulary stand in one table
 * and are found whatever their case, underscores and hyphens. A name that is not in it is handed on
 * as it is: the compositor knows every X keysym.
 */

#include <stdbool.h>
#include <stddef.h>

#include "session/act.h"

struct key_chord {
	char names[ACT_MAX_KEYS][ACT_KEY_BYTES];
	size_t len; // 1..ACT_MAX_KEYS
};

enum key_case {
	KEYS_AS_WRITTEN, // "A" is a capital
	KEYS_FOLD_CHORDS, // in a chord of several, letters are keys: "control+A" is control+a
	KEYS_FOLD, // letters are keys always: the vocabulary writes all its names in capitals
};

/*
 * One key of `len` bytes of UTF-8. False with a sentence in `why`: empty, too long, or neither a
 * name nor one character.
 */
bool keys_name(const char *untrusted_text, size_t len, char name[ACT_KEY_BYTES], char *why,
	size_t why_size);

/*
 * One or several chords, as xdotool takes them: "ctrl+shift+t", "ctrl++", "Down Down Return".
 * Returns how many were written to `chords`, 0 with a sentence in `why`.
 */
size_t keys_chords(const char *untrusted_text, enum key_case key_case, struct key_chord *chords,
	size_t most, char *why, size_t why_size);

// Adds a key to a chord, without the case folding. False with a sentence in `why`.
bool keys_add(struct key_chord *chord, const char *untrusted_text, size_t len, char *why,
	size_t why_size);

void keys_fold(struct key_chord *chord, enum key_case key_case);

#endif
