#ifndef PARCLOSE_AGENT_FIELDS_H
#define PARCLOSE_AGENT_FIELDS_H

/*
 * The parts that the tables of the vocabularies are made of. A row names one action and what it
 * comes to; its fields name the members of the JSON object and who reads each. Private to
 * vocabulary*.c.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/keys.h"
#include "agent/vocabulary.h"

// One JSON action while it is read.
struct reading {
	const struct vocabulary *vocabulary;
	uint32_t width, height; // of the display, pixels
	struct vocabulary_error *err; // its `pointer` is at the field being read
	struct action action; // what most rows come to
	bool has_x, has_y;
	struct key_chord chords[VOCABULARY_MAX_ACTIONS]; // of a field that takes several in a row
	size_t chords_len;
	bool has_other_x, has_other_y;
	struct act_point other; // of a drag that names its two ends: the one that is not `point`
	char direction; // 'u', 'd', 'l', 'r', 0: not said
	double amount; // in that direction; negative: not said
	bool clear, has_clear, enter; // of text: empty the field before, press Return after
	bool wants_consent, has_consent; // the user is to be asked first, and was
};

/*
 * Reads one member into *reading. False with field_refuse() when it will not do. A null counts as
 * absent and never comes here.
 */
typedef bool (*field_reader)(struct reading *reading, const cJSON *value);

struct field {
	const char *name;
	field_reader read;
	bool required;
};

#define VOCABULARY_MAX_FIELDS 10

struct verb {
	const char *name;
	enum act_kind kind; // 0: unsupported, `help` says what to do instead
	enum act_button button;
	uint32_t count; // of clicks
	uint32_t ms; // when no field says otherwise
	struct field fields[VOCABULARY_MAX_FIELDS];
	// Puts what was read into actions, where it comes to more than the one. NULL: just that
	// one.
	bool (*expand)(struct reading *reading, struct vocabulary_actions *actions);
	const char *help;
};

struct vocabulary {
	const char *name;
	const char *verb_key; // the member that names the action
	const char *fields_key; // the member that holds its fields, NULL: they stand beside it
	enum key_case key_case;
	uint32_t grid; // coordinates are of a display this wide and high, 0: pixels
	const struct verb *verbs;
	size_t verbs_len;
	// Members that every action may have.
	const struct field *common; // NULL: none; ends with a row without a name
	// After the fields, before the expansion; NULL: nothing to add.
	bool (*check)(struct reading *reading);
};

extern const struct vocabulary vocabulary_parclose, vocabulary_anthropic, vocabulary_openai,
	vocabulary_gemini;

// Fills in the error's message; returns false.
bool field_refuse(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// Adds an action, cleared but for its kind, for the caller to fill in; what it owns goes with it.
struct action *actions_add(struct vocabulary_actions *actions, enum act_kind kind);

// ---- readers, by what they fill in

bool field_x(struct reading *reading, const cJSON *value);
bool field_y(struct reading *reading, const cJSON *value);
bool field_point(struct reading *reading, const cJSON *value); // [x, y]
bool field_other(struct reading *reading, const cJSON *value); // [x, y]
bool field_other_x(struct reading *reading, const cJSON *value);
bool field_other_y(struct reading *reading, const cJSON *value);
bool field_path(struct reading *reading, const cJSON *value); // of [x, y] or {"x", "y"}
bool field_button(struct reading *reading, const cJSON *value);
bool field_count(struct reading *reading, const cJSON *value);
bool field_keys(struct reading *reading, const cJSON *value); // one chord: text or array
bool field_chords(struct reading *reading, const cJSON *value); // the same, text: several chords
bool field_text(struct reading *reading, const cJSON *value);
bool field_sensitive(struct reading *reading, const cJSON *value);
bool field_clear(struct reading *reading, const cJSON *value);
bool field_enter(struct reading *reading, const cJSON *value);
bool field_ms(struct reading *reading, const cJSON *value);
bool field_seconds(struct reading *reading, const cJSON *value);
bool field_dx(struct reading *reading, const cJSON *value);
bool field_dy(struct reading *reading, const cJSON *value);
bool field_unit(struct reading *reading, const cJSON *value);
bool field_direction(struct reading *reading, const cJSON *value);
bool field_amount(struct reading *reading, const cJSON *value); // notches, or of the grid
bool field_region(struct reading *reading, const cJSON *value); // {x, y, width, height}
bool field_corners(struct reading *reading, const cJSON *value); // [x0, y0, x1, y1]
bool field_scale(struct reading *reading, const cJSON *value);
bool field_format(struct reading *reading, const cJSON *value);
bool field_quality(struct reading *reading, const cJSON *value);
bool field_cursor(struct reading *reading, const cJSON *value);
bool field_quiet(struct reading *reading, const cJSON *value);
bool field_timeout(struct reading *reading, const cJSON *value);
bool field_ignored(struct reading *reading, const cJSON *value);

// ---- expansions

bool expand_text(struct reading *reading, struct vocabulary_actions *actions); // not an empty one
bool expand_chords(struct reading *reading, struct vocabulary_actions *actions);
// A drag from `from` to `to`.
bool expand_drag(struct reading *reading, struct vocabulary_actions *actions, struct act_point from,
	struct act_point to);

#endif
