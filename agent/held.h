#ifndef PARCLOSE_AGENT_HELD_H
#define PARCLOSE_AGENT_HELD_H

/*
 * What one client has pressed in a session and not let go. A client that goes away in the middle of
 * a drag of its own making would leave the button down for whoever acts next.
 */

#include <stdbool.h>
#include <stddef.h>

#include "session/act.h"

struct session;

#define HELD_MAX_KEYS 32

// All zero: nothing. Owns nothing.
struct held {
	bool buttons[ACT_BUTTON_COUNT]; // each with the keys that were pressed with it
	char keys[HELD_MAX_KEYS][ACT_KEY_BYTES];
	size_t keys_len;
};

// Is there room for what `action` would press? Nobody has so many fingers; it is to be refused.
bool held_has_room(const struct held *held, const struct action *action);

// `action` was delivered.
void held_note(struct held *held, const struct action *action);

// Lets go of it, after what was asked for before. `from`: for the audit log. A session that is NULL
// or ends has let go already.
void held_release(struct held *held, struct session *session, const char *from);

#endif
