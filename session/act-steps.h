#ifndef PARCLOSE_SESSION_ACT_STEPS_H
#define PARCLOSE_SESSION_ACT_STEPS_H

/*
 * An action as the messages that make the compositor perform it. Touches nothing, so it can be
 * tested as a table.
 */

#include "session/act.h"

#define ACT_WHY 300

// Keys that a PRESS left down, until its RELEASE.
struct act_held {
	char keys[ACT_MAX_KEYS][ACT_KEY_BYTES];
	size_t len;
};

struct act_steps {
	struct channel_message *messages; // owned: the steps, then at most one CHANNEL_SETTLE
	size_t len, size;
	uint32_t steps; // of them, CHANNEL_INPUT
	uint32_t characters; // of its text
	uint32_t most_ms; // that all of it can take
};

// Does it touch anything, or only look and wait?
bool act_is_input(enum act_kind kind);

/*
 * Can it be done on a display of this size at all? False with a sentence in `why`. What it asks of
 * keys only the compositor knows.
 */
bool act_check(const struct action *action, const struct settle_options *settle, uint32_t width,
	uint32_t height, char why[ACT_WHY]);

/*
 * Makes the messages of a checked action; none for one that only looks or waits and is not to
 * settle. Freed with act_steps_finish(). False: out of memory, or the action has too many steps.
 */
bool act_steps_make(struct act_steps *steps, uint32_t token, const struct action *action,
	const struct settle_options *settle, const struct act_held *held);
void act_steps_finish(struct act_steps *steps);

#endif
