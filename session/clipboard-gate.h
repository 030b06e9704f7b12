#ifndef PARCLOSE_SESSION_CLIPBOARD_GATE_H
#define PARCLOSE_SESSION_CLIPBOARD_GATE_H

/*
 * The gate between the session's clipboard and the user: what the policy lets cross, what has been
 * shown and waits to be allowed, and what the audit log says of it. An item is allowed by the hash
 * of what was shown, and it is that copy which crosses: nothing that happens in the session in
 * between changes it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "clipboard/sha256.h"
#include "clipboard/text.h"
#include "compositor/channel.h"

struct session;

enum gate_direction {
	GATE_IN, // the user's item into the session
	GATE_OUT, // the agent's item out of it
};

struct gate_item {
	char type[CHANNEL_MIME_BYTES];
	struct clipboard_text text; // owned
	char sha256[SHA256_HEX_BYTES]; // of text.text
	const void *owner; // whom it was shown to; only they may allow it. NULL: there is no item
};

struct gate {
	struct gate_item held[2]; // by direction: a newer one takes the place of an older
};

// May anything cross so? If not, a sentence in `why`.
bool gate_is_open(
	const struct session *session, enum gate_direction direction, char *why, size_t size);
// Is `type` one that may cross?
bool gate_allows_type(const struct session *session, const char *type);

// Makes an item of checked text, whose ownership goes over.
void gate_item_init(struct gate_item *item, const char *type, struct clipboard_text *text);
void gate_item_finish(struct gate_item *item);

// Keeps an item that is shown to `owner`; its ownership goes over.
void gate_hold(struct session *session, enum gate_direction direction, const void *owner,
	struct gate_item *item);
// Hands out the item that was shown to `owner` as `sha256`, once. False: there is no such item.
bool gate_allow(struct session *session, enum gate_direction direction, const void *owner,
	const char *sha256, struct gate_item *item);
void gate_forget(struct session *session, const void *owner);
void gate_finish(struct session *session);

// The audit log: an item has crossed. Its content is not written down.
void gate_record(struct session *session, enum gate_direction direction,
	const struct gate_item *item, const char *by, bool confirmed);
void gate_record_refusal(
	struct session *session, enum gate_direction direction, const char *by, const char *why);

#endif
