#ifndef PARCLOSE_SESSION_CLIPBOARD_GATE_H
#define PARCLOSE_SESSION_CLIPBOARD_GATE_H

/*
 * The gate between the session and the user: what the policy lets cross, what has been shown and
 * waits to be allowed, and what the audit log says of it. An item is allowed by the hash of what
 * was shown, and it is that copy which crosses: nothing that happens in the session in between
 * changes it. What is asked of the gate, and by whom, is gate-request.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clipboard/sha256.h"
#include "clipboard/text.h"
#include "compositor/channel.h"

struct gate_request;
struct session;

enum gate_direction {
	GATE_IN, // the user's item into the session
	GATE_OUT, // the agent's item out of it
};

enum gate_kind {
	GATE_TEXT,
	GATE_PICTURE,
	GATE_FILE,
};

// One that is all zero is none.
struct gate_item {
	enum gate_kind kind;
	char type[CHANNEL_MIME_BYTES]; // of a file what it looks like
	int fd; // what crosses: a sealed memfd, `bytes` long; owned. 0: there is none
	size_t bytes;
	char sha256[SHA256_HEX_BYTES]; // of these bytes
	struct clipboard_text text; // without its text; of a file with text a preview only
	uint32_t width, height; // of a picture, pixels
	char *path; // of a file, inside; owned
	bool replace; // a file of that name
	const void *owner; // whom it was shown to; only they may allow it
};

struct gate {
	struct gate_item held[2]; // by direction: a newer one takes the place of an older
	struct gate_request *requests[2]; // under way, by direction; NULL: none
};

// May anything cross so? If not, a sentence in `why`.
bool gate_is_open(
	const struct session *session, enum gate_direction direction, char *why, size_t size);
// Is `type` one that may cross?
bool gate_allows_type(const struct session *session, const char *type);

// An item of checked text, whose ownership goes over. False: no memory.
bool gate_item_of_text(struct gate_item *item, const char *type, struct clipboard_text *text);
// An item of sealed bytes that were hashed already (NULL: are hashed now). `fd` is taken over.
bool gate_item_of_bytes(struct gate_item *item, enum gate_kind kind, const char *type, int fd,
	size_t bytes, const char *sha256);
void gate_item_finish(struct gate_item *item); // becomes none

// Keeps an item that is shown to `owner`; its ownership goes over.
void gate_hold(struct session *session, enum gate_direction direction, const void *owner,
	struct gate_item *item);
// What was shown to `owner` and waits, NULL: nothing.
const struct gate_item *gate_held(
	const struct session *session, enum gate_direction direction, const void *owner);
// Hands out the item that was shown to `owner` as `sha256`, once. False: there is no such item.
bool gate_allow(struct session *session, enum gate_direction direction, const void *owner,
	const char *sha256, struct gate_item *item);
// Nothing waits for `owner` any more (NULL: for nobody).
void gate_let_go(struct session *session, const void *owner);

// The audit log: an item has crossed. Its content is not written down.
void gate_record(struct session *session, enum gate_direction direction,
	const struct gate_item *item, const char *by, bool confirmed);
void gate_record_refusal(
	struct session *session, enum gate_direction direction, const char *by, const char *why);

#endif
