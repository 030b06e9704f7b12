#include "agent/held.h"

#include <string.h>

// Where the key is, or keys_len.
static size_t find_key(const struct held *held, const char *key) {
	size_t i = 0;
	while (i < held->keys_len && strcmp(held->keys[i], key) != 0) {
		i++;
	}
	return i;
}

bool held_has_room(const struct held *held, const struct action *action) {
	return action->kind != ACT_KEY_DOWN || held->keys_len + action->keys_len <= HELD_MAX_KEYS;
}

void held_note(struct held *held, const struct action *action) {
	if (action->kind == ACT_PRESS || action->kind == ACT_RELEASE) {
		held->buttons[action->button] = action->kind == ACT_PRESS;
	}
	if (action->kind != ACT_KEY_DOWN && action->kind != ACT_KEY_UP) {
		return;
	}
	for (size_t i = 0; i < action->keys_len; i++) {
		size_t at = find_key(held, action->keys[i]);
		if (action->kind == ACT_KEY_UP && at < held->keys_len) {
			held->keys_len--;
			memmove(held->keys[at], held->keys[held->keys_len], ACT_KEY_BYTES);
		} else if (action->kind == ACT_KEY_DOWN && at == held->keys_len &&
			   at < HELD_MAX_KEYS) {
			memcpy(held->keys[at], action->keys[i], ACT_KEY_BYTES);
			held->keys_len++;
		}
	}
}

static void handle_done(void *data, const struct act_result *result) {
	// Nobody is left to be told.
}

static void act(struct session *session, const char *from, const struct action *action) {
	if (session != NULL) {
		(void)session_act(session, ACT_AGENT, from, action, NULL, handle_done, NULL);
	}
}

void held_release(struct held *held, struct session *session, const char *from) {
	for (int i = 0; i < ACT_BUTTON_COUNT; i++) {
		if (held->buttons[i]) {
			act(session, from,
				&(struct action){
					.kind = ACT_RELEASE, .button = (enum act_button)i});
		}
	}
	for (size_t i = 0; i < held->keys_len; i++) {
		struct action up = {.kind = ACT_KEY_UP, .keys_len = 1};
		memcpy(up.keys[0], held->keys[i], ACT_KEY_BYTES);
		act(session, from, &up);
	}
	*held = (struct held){0};
}
