#include "session/clipboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clipboard/memfd.h"
#include "clipboard/mime.h"
#include "session/display.h"
#include "session/internal.h"

enum step {
	STEP_LIST, // the types are told
	STEP_TAKE, // the application is asked
	STEP_READ, // it writes
	STEP_OTHER, // of write and clear
	STEP_OVER, // `done` is still to be called
};

struct clipboard_call {
	struct session *session;
	enum step step;
	clipboard_done done; // NULL: cancelled
	void *data;
	struct clipboard_result result;
	struct wl_event_source *deadline, *readable, *idle;

	// of a read
	char (*types)[CHANNEL_MIME_BYTES];
	size_t types_len, max_bytes;
	bool only_inside, secret, outside;
	size_t best; // rank of result.type, SIZE_MAX: none of the offered is wanted
	int fd; // of the pipe, to read; -1: none
	char *untrusted_bytes;
	size_t len, size;
};

static void free_call(struct clipboard_call *call) {
	struct wl_event_source **sources[] = {&call->deadline, &call->readable, &call->idle};
	for (size_t i = 0; i < 3; i++) {
		if (*sources[i] != NULL) {
			wl_event_source_remove(*sources[i]);
		}
	}
	if (call->fd >= 0) {
		close(call->fd);
	}
	clipboard_text_finish(&call->result.text);
	if (call->result.untrusted_fd >= 0) {
		close(call->result.untrusted_fd);
	}
	free(call->untrusted_bytes);
	free(call->types);
	if (call->session->clipboard == call) {
		call->session->clipboard = NULL;
	}
	free(call);
}

static void handle_over(void *data) {
	struct clipboard_call *call = data;
	call->idle = NULL;
	struct clipboard_result result = call->result;
	call->result.text = (struct clipboard_text){0};
	call->result.untrusted_fd = -1;
	clipboard_done done = call->done;
	void *done_data = call->data;
	free_call(call);
	done(done_data, &result);
}

// `why`, NULL: it was done.
static void end_call(struct clipboard_call *call, const char *why) {
	if (call->step == STEP_OVER) {
		return;
	}
	call->step = STEP_OVER;
	if (why != NULL) {
		snprintf(call->result.why, sizeof(call->result.why), "%s", why);
	}
	if (call->readable != NULL) {
		wl_event_source_remove(call->readable);
		call->readable = NULL;
	}
	if (call->fd >= 0) {
		close(call->fd); // whoever still writes hears of it
		call->fd = -1;
	}
	wl_event_source_timer_update(call->deadline, 0);
	call->idle = wl_event_loop_add_idle(call->session->loop, handle_over, call);
}

static int handle_deadline(void *data) {
	struct clipboard_call *call = data;
	end_call(call, call->step == STEP_READ
			       ? "the program that holds the item did not write all of it within "
				 "two seconds"
			       : "the session's display did not answer within two seconds");
	return 0;
}

// ---- reading

static void check_item(struct clipboard_call *call) {
	if (mime_is_picture(call->result.type)) {
		call->result.untrusted_fd = clipboard_memfd(call->untrusted_bytes, call->len);
		call->result.untrusted_len = call->len;
		end_call(call, call->len == 0                  ? "the item is empty"
			       : call->result.untrusted_fd < 0 ? "out of memory"
							       : NULL);
		return;
	}
	enum clipboard_flaw flaw =
		clipboard_text_check(call->untrusted_bytes, call->len, &call->result.text);
	char why[100];
	snprintf(why, sizeof(why), "the item %s", clipboard_flaw_words(flaw));
	end_call(call, flaw == CLIPBOARD_GOOD ? NULL : why);
}

// Room for more, up to one byte more than is allowed: that byte tells an item that is too long.
static bool make_room(struct clipboard_call *call) {
	if (call->len < call->size) {
		return true;
	}
	size_t size = call->size == 0 ? 16384 : call->size * 2;
	size = size < call->max_bytes + 1 ? size : call->max_bytes + 1;
	char *bytes = realloc(call->untrusted_bytes, size);
	if (bytes == NULL) {
		return false;
	}
	call->untrusted_bytes = bytes;
	call->size = size;
	return true;
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct clipboard_call *call = data;
	if (!make_room(call)) {
		end_call(call, "out of memory");
		return 0;
	}
	ssize_t n = read(fd, call->untrusted_bytes + call->len, call->size - call->len);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			end_call(call, "the item cannot be read");
		}
		return 0;
	}
	call->len += (size_t)n;
	if (call->len > call->max_bytes) {
		char why[120];
		snprintf(why, sizeof(why), "the item has more than the %zu bytes that one may have",
			call->max_bytes);
		end_call(call, why);
	} else if (n == 0) {
		check_item(call);
	}
	return 0;
}

// How much a type is wanted: 0 is most, SIZE_MAX not at all.
static size_t rank_of(const struct clipboard_call *call, const char *untrusted_type) {
	size_t rank = 0;
	for (size_t i = 0; i < call->types_len; i++) {
		if (strcmp(untrusted_type, call->types[i]) == 0) {
			return rank;
		}
		rank++;
		const char *const *alias = mime_aliases(call->types[i]);
		for (; *alias != NULL; alias++, rank++) {
			if (strcmp(untrusted_type, *alias) == 0) {
				return rank;
			}
		}
	}
	return SIZE_MAX;
}

static void take_type(struct clipboard_call *call, const char *untrusted_type) {
	call->secret = call->secret || strcmp(untrusted_type, MIME_SECRET) == 0;
	size_t rank = rank_of(call, untrusted_type);
	if (rank < call->best) {
		call->best = rank;
		// It is one of our own words, letter for letter.
		snprintf(call->result.type, sizeof(call->result.type), "%s", untrusted_type);
	}
}

static void take_item(struct clipboard_call *call, uint64_t serial) {
	if (call->best == SIZE_MAX) {
		end_call(call, "the item is of no type that may be read");
		return;
	}
	if (call->secret) {
		end_call(call, "the program that holds the item marks it as a password");
		return;
	}
	if (call->only_inside && call->outside) {
		end_call(call, "the item is one that was put in from outside");
		return;
	}
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0) {
		end_call(call, "no pipe can be made for the item");
		return;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	call->fd = fds[0];
	call->step = STEP_TAKE;
	struct channel_message message = {.type = CHANNEL_CLIPBOARD_TAKE};
	message.clipboard.serial = serial;
	memcpy(message.clipboard.type, call->result.type, sizeof(message.clipboard.type));
	if (display_clipboard(session_display(call->session), &message, fds[1]) != 0) {
		end_call(call, "the session's display does not answer");
	}
}

static void begin_reading(struct clipboard_call *call) {
	call->step = STEP_READ;
	call->readable = wl_event_loop_add_fd(
		call->session->loop, call->fd, WL_EVENT_READABLE, handle_readable, call);
	if (call->readable == NULL) {
		end_call(call, "out of memory");
	}
}

// ---- what the display says

static const char *status_words(enum channel_clipboard_status status) {
	static const char *const words[] = {
		[CHANNEL_CLIPBOARD_OK] = NULL,
		[CHANNEL_CLIPBOARD_EMPTY] = "the session's clipboard is empty",
		[CHANNEL_CLIPBOARD_CHANGED] = "another item was copied in that moment; try again",
		[CHANNEL_CLIPBOARD_NO_TYPE] = "the item is not to be had in that type any more",
		[CHANNEL_CLIPBOARD_FAILED] = "the session's display has no room for the item",
	};
	return words[status];
}

void clipboard_take_answer(struct session *session, const struct channel_message *checked) {
	struct clipboard_call *call = session->clipboard;
	if (checked->type == CHANNEL_CLIPBOARD_PASTED) {
		session_record(session, "clipboard-pasted", NULL);
		return;
	}
	if (call == NULL || call->step == STEP_READ || call->step == STEP_OVER) {
		return; // for one that was given up
	}
	if (checked->type == CHANNEL_CLIPBOARD_TYPE) {
		take_type(call, checked->clipboard_type.untrusted_type);
		return;
	}
	const char *why = status_words(checked->clipboard_done.status);
	if (call->step == STEP_LIST && why == NULL) {
		call->outside = (checked->clipboard_done.flags & CHANNEL_CLIPBOARD_OUTSIDE) != 0;
		take_item(call, checked->clipboard_done.serial);
	} else if (call->step == STEP_TAKE && why == NULL) {
		begin_reading(call);
	} else {
		end_call(call, why);
	}
}

void clipboard_end(struct session *session) {
	if (session->clipboard != NULL) {
		struct clipboard_call *call = session->clipboard;
		end_call(call, "the session ended");
		wl_event_source_remove(call->idle);
		call->idle = NULL;
		handle_over(call);
	}
}

// ---- beginning

static struct clipboard_call *begin(
	struct session *session, clipboard_done done, void *data, const char **why) {
	if (session->display == NULL || session->state >= SESSION_STOPPING) {
		*why = session->display == NULL ? "this session has no display, and no clipboard"
						: "the session is ending";
		return NULL;
	}
	if (session->clipboard != NULL) {
		*why = "something else is done with the clipboard at this moment; try again";
		return NULL;
	}
	struct clipboard_call *call = calloc(1, sizeof(*call));
	if (call == NULL) {
		*why = "out of memory";
		return NULL;
	}
	call->session = session;
	call->done = done;
	call->data = data;
	call->fd = call->result.untrusted_fd = -1;
	call->best = SIZE_MAX;
	call->deadline = wl_event_loop_add_timer(session->loop, handle_deadline, call);
	if (call->deadline == NULL) {
		*why = "out of memory";
		free_call(call);
		return NULL;
	}
	wl_event_source_timer_update(call->deadline, CLIPBOARD_DEADLINE_MS);
	session->clipboard = call;
	return call;
}

static struct clipboard_call *ask(struct clipboard_call *call, enum step step,
	struct channel_message *message, int fd, const char **why) {
	call->step = step;
	if (display_clipboard(call->session->display, message, fd) == 0) {
		return call;
	}
	*why = "the session's display does not answer";
	free_call(call);
	return NULL;
}

struct clipboard_call *session_clipboard_read(struct session *session,
	const struct clipboard_read_options *options, clipboard_done done, void *data,
	const char **why) {
	if (session->pause.on) {
		*why = "the session is paused, and the program that holds the item with it";
		return NULL;
	}
	struct clipboard_call *call = begin(session, done, data, why);
	if (call == NULL) {
		return NULL;
	}
	call->types = calloc(options->types_len + 1, sizeof(*call->types));
	if (call->types == NULL) {
		*why = "out of memory";
		free_call(call);
		return NULL;
	}
	for (size_t i = 0; i < options->types_len; i++) {
		snprintf(call->types[i], sizeof(*call->types), "%s", options->types[i]);
	}
	call->types_len = options->types_len;
	call->max_bytes = options->max_bytes;
	call->only_inside = options->only_inside;
	struct channel_message message = {.type = CHANNEL_CLIPBOARD_LIST};
	return ask(call, STEP_LIST, &message, -1, why);
}

struct clipboard_call *session_clipboard_write(struct session *session, const char *type, int fd,
	size_t len, uint32_t flags, clipboard_done done, void *data, const char **why) {
	struct channel_message message = {.type = CHANNEL_CLIPBOARD_PUT};
	message.clipboard.flags = flags;
	message.clipboard.bytes = len;
	snprintf(message.clipboard.type, sizeof(message.clipboard.type), "%s", type);
	struct clipboard_call *call = begin(session, done, data, why);
	if (call == NULL) {
		close(fd);
		return NULL;
	}
	return ask(call, STEP_OTHER, &message, fd, why);
}

struct clipboard_call *session_clipboard_clear(
	struct session *session, clipboard_done done, void *data, const char **why) {
	struct channel_message message = {.type = CHANNEL_CLIPBOARD_CLEAR};
	struct clipboard_call *call = begin(session, done, data, why);
	return call == NULL ? NULL : ask(call, STEP_OTHER, &message, -1, why);
}

void session_clipboard_cancel(struct clipboard_call *call) {
	free_call(call);
}
