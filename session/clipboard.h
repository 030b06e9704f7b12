#ifndef PARCLOSE_SESSION_CLIPBOARD_H
#define PARCLOSE_SESSION_CLIPBOARD_H

/*
 * The session's own clipboard, read and written for somebody who may. Whether an item may cross to
 * the user or back is decided above (clipboard-gate.h). One thing at a time; none takes longer than
 * CLIPBOARD_DEADLINE_MS, whatever the application does that holds the item.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clipboard/text.h"
#include "compositor/channel.h"

#define CLIPBOARD_DEADLINE_MS 2000

struct session;
struct clipboard_call; // one that is under way

struct clipboard_result {
	char why[200]; // "": it was done; else a sentence without its end
	// Of a read, owned by the receiver (clipboard_text_finish()).
	char type[CHANNEL_MIME_BYTES];
	struct clipboard_text text; // of a text
	// Of a picture as the program wrote it, nobody has looked at it yet: a sealed memfd of
	// `untrusted_len` bytes. -1: it is none.
	int untrusted_fd;
	size_t untrusted_len;
};

// Called once, from the event loop, never within the call that began it.
typedef void (*clipboard_done)(void *data, struct clipboard_result *result);

struct clipboard_read_options {
	const char *const *types; // that are wanted, the best first, `types_len`; copied
	size_t types_len;
	size_t max_bytes; // a longer item is refused whole
	bool only_inside; // an item that came from outside is refused
};

/*
 * Each returns NULL with *why set to a sentence when it cannot even begin. An item that its program
 * marks as a password is never read.
 */
struct clipboard_call *session_clipboard_read(struct session *session,
	const struct clipboard_read_options *options, clipboard_done done, void *data,
	const char **why);
// `flags`: enum channel_clipboard_flag. `fd`: `len` bytes, clipboard_memfd(); taken over.
struct clipboard_call *session_clipboard_write(struct session *session, const char *type, int fd,
	size_t len, uint32_t flags, clipboard_done done, void *data, const char **why);
struct clipboard_call *session_clipboard_clear(
	struct session *session, clipboard_done done, void *data, const char **why);

// Nobody is told any more.
void session_clipboard_cancel(struct clipboard_call *call);

#endif
