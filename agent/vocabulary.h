#ifndef PARCLOSE_AGENT_VOCABULARY_H
#define PARCLOSE_AGENT_VOCABULARY_H

/*
 * What models and their harnesses call the things to be done, as tables over the one internal set
 * (session/act.h). A vocabulary reads one JSON action into a short run of internal ones; it decides
 * by the text alone and never looks at the session.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/act.h"

struct vocabulary;

/*
 * "parclose"   our own: {"action":"click","x":10,"y":20}
 * "anthropic"  the input of computer_20241022, _20250124 and _20251124
 * "openai"     one action of a computer_call: {"type":"click","x":10,"y":20,"button":"left"}
 * "gemini"     a function call: {"name":"click_at","args":{"x":500,"y":500}}, of a display of
 *              1000 by 1000
 * NULL when there is no such vocabulary.
 */
const struct vocabulary *vocabulary_find(const char *name);
const char *vocabulary_name(const struct vocabulary *vocabulary);

// The names of its actions, one after the other; NULL behind the last.
const char *vocabulary_action(const struct vocabulary *vocabulary, size_t index);

#define VOCABULARY_MAX_ACTIONS 16 // internal ones that one JSON action comes to

struct vocabulary_actions {
	struct action items[VOCABULARY_MAX_ACTIONS];
	size_t len; // at least 1
};

// Frees what the actions own and empties the list.
void vocabulary_actions_finish(struct vocabulary_actions *actions);

struct vocabulary_error {
	bool unsupported; // well said, but nothing that can be done here
	char pointer[160]; // JSON pointer of what is wrong
	char message[640]; // what it is, and what would be right; without the pointer
};

/*
 * Reads one action. `pointer` says where it stands in its message ("/actions/3"); the display's
 * size in pixels is for the vocabularies that have a space of their own. False with *err filled in,
 * and nothing in *actions.
 */
bool vocabulary_read(const struct vocabulary *vocabulary, const cJSON *untrusted_action,
	const char *pointer, uint32_t display_width, uint32_t display_height,
	struct vocabulary_actions *actions, struct vocabulary_error *err);

#endif
