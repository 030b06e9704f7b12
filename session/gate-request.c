#include "session/gate-request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clipboard/kind.h"
#include "clipboard/memfd.h"
#include "clipboard/mime.h"
#include "policy/policy.h"
#include "session/carry.h"
#include "session/clipboard.h"
#include "session/internal.h"
#include "session/reencode.h"

// Of which at most one is under way.
struct gate_request {
	struct session *session;
	enum gate_direction direction;
	struct gate_asker asker;
	char by[64];
	struct gate_item item; // as far as it has come
	bool confirmed; // it was shown, and is to cross
	struct clipboard_call *call;
	struct carry *carry;
	struct reencode *reencode;
};

static void free_request(struct gate_request *request) {
	if (request->call != NULL) {
		session_clipboard_cancel(request->call);
	}
	if (request->carry != NULL) {
		carry_cancel(request->carry);
	}
	if (request->reencode != NULL) {
		reencode_cancel(request->reencode);
	}
	request->session->gate.requests[request->direction] = NULL;
	gate_item_finish(&request->item);
	free(request);
}

static void tell_refusal(struct session *session, const struct gate_asker *asker,
	enum gate_direction direction, const char *why) {
	gate_record_refusal(session, direction, asker->by, why);
	asker->done(asker->data, &(struct gate_answer){.why = why});
}

static void refuse(struct gate_request *request, const char *why) {
	struct gate_asker asker = request->asker;
	struct session *session = request->session;
	enum gate_direction direction = request->direction;
	char by[sizeof(request->by)], text[400];
	memcpy(by, request->by, sizeof(by));
	snprintf(text, sizeof(text), "%s", why); // may be the request's own
	asker.by = by;
	free_request(request);
	tell_refusal(session, &asker, direction, text);
}

// NULL: refused, and told.
static struct gate_request *begin(
	struct session *session, const struct gate_asker *asker, enum gate_direction direction) {
	char why[200];
	struct gate_request *request = NULL;
	if (!gate_is_open(session, direction, why, sizeof(why))) {
		tell_refusal(session, asker, direction, why);
	} else if (session->gate.requests[direction] != NULL) {
		tell_refusal(session, asker, direction,
			"something else crosses that way at this moment; try again");
	} else if ((request = calloc(1, sizeof(*request))) == NULL) {
		tell_refusal(session, asker, direction, "out of memory");
	} else {
		request->session = session;
		request->direction = direction;
		request->asker = *asker;
		snprintf(request->by, sizeof(request->by), "%s", asker->by);
		session->gate.requests[direction] = request;
	}
	return request;
}

// ---- crossing

static void tell_crossed(struct gate_request *request) {
	// Written down before it is out: a session without a log ends.
	gate_record(request->session, request->direction, &request->item, request->by,
		request->confirmed);
	struct gate_item item = request->item;
	struct gate_asker asker = request->asker;
	bool confirmed = request->confirmed;
	request->item = (struct gate_item){0};
	free_request(request);
	asker.done(asker.data,
		&(struct gate_answer){.crossed = true, .confirmed = confirmed, .item = &item});
	gate_item_finish(&item);
}

static void handle_written(void *data, struct clipboard_result *result) {
	struct gate_request *request = data;
	request->call = NULL;
	if (result->why[0] != '\0') {
		refuse(request, result->why);
	} else {
		tell_crossed(request);
	}
}

static void handle_carried_in(void *data, struct carry_result *result) {
	struct gate_request *request = data;
	request->carry = NULL;
	if (result->why[0] != '\0') {
		refuse(request, result->why);
	} else {
		tell_crossed(request);
	}
}

static void cross(struct gate_request *request) {
	struct gate_item *item = &request->item;
	const char *why = "cannot make room for the item";
	if (request->direction == GATE_OUT) {
		tell_crossed(request);
		return;
	}
	if (item->kind == GATE_FILE) {
		request->carry = carry_in(request->session, item->path, item->fd, item->replace,
			handle_carried_in, request, &why);
	} else {
		int fd = fcntl(item->fd, F_DUPFD_CLOEXEC, 3);
		request->call = fd < 0 ? NULL
				       : session_clipboard_write(request->session, item->type, fd,
						 item->bytes,
						 CHANNEL_CLIPBOARD_ONCE | CHANNEL_CLIPBOARD_OUTSIDE,
						 handle_written, request, &why);
	}
	if (request->carry == NULL && request->call == NULL) {
		refuse(request, why);
	}
}

// The item is whole and checked: it is shown, or crosses.
static void item_is_ready(struct gate_request *request) {
	if (!request->session->policy->clipboard.confirm) {
		cross(request);
		return;
	}
	struct session *session = request->session;
	enum gate_direction direction = request->direction;
	struct gate_asker asker = request->asker;
	gate_hold(session, direction, asker.owner, &request->item);
	free_request(request);
	asker.done(asker.data,
		&(struct gate_answer){.item = gate_held(session, direction, asker.owner)});
}

// ---- texts and pictures

static void take_text(struct gate_request *request, const char *type, struct clipboard_text *text) {
	if (gate_item_of_text(&request->item, type, text)) {
		item_is_ready(request);
	} else {
		refuse(request, "cannot make room for the item");
	}
}

static void handle_reencoded(void *data, struct reencode_result *result) {
	struct gate_request *request = data;
	request->reencode = NULL;
	size_t most = request->session->policy->clipboard.max_bytes;
	char why[160];
	if (result->why[0] != '\0') {
		refuse(request, result->why);
	} else if (result->bytes > most) {
		close(result->fd);
		snprintf(why, sizeof(why),
			"the picture, made anew, has %zu bytes, and an item may have %zu: see "
			"clipboard.maxBytes of the session's policy",
			result->bytes, most);
		refuse(request, why);
	} else if (!gate_item_of_bytes(&request->item, GATE_PICTURE, MIME_PICTURE, result->fd,
			   result->bytes, NULL)) {
		refuse(request, "cannot make room for the item");
	} else {
		request->item.width = result->width;
		request->item.height = result->height;
		item_is_ready(request);
	}
}

static void reencode(struct gate_request *request, int untrusted_fd) {
	const char *why;
	request->reencode =
		reencode_begin(request->session, untrusted_fd, handle_reencoded, request, &why);
	if (request->reencode == NULL) {
		refuse(request, why);
	}
}

static void handle_read(void *data, struct clipboard_result *result) {
	struct gate_request *request = data;
	request->call = NULL;
	if (result->why[0] != '\0') {
		refuse(request, result->why);
	} else if (result->untrusted_fd >= 0) {
		reencode(request, result->untrusted_fd);
	} else {
		take_text(request, result->type, &result->text);
	}
}

static const char no_such_type[] =
	"items of that type may not cross: see clipboard.mimeTypes of the session's policy";

void gate_get(struct session *session, const struct gate_asker *asker, const char *type) {
	struct gate_request *request = begin(session, asker, GATE_OUT);
	if (request == NULL) {
		return;
	}
	if (type != NULL && !gate_allows_type(session, type)) {
		refuse(request, no_such_type);
		return;
	}
	const struct policy *policy = session->policy;
	const struct clipboard_read_options options = {
		.types = type != NULL ? &type : (const char *const *)policy->clipboard.mime_types,
		.types_len = type != NULL ? 1 : policy->clipboard.mime_types_len,
		.max_bytes = policy->clipboard.max_bytes,
		.only_inside = true,
	};
	const char *why;
	request->call = session_clipboard_read(session, &options, handle_read, request, &why);
	if (request->call == NULL) {
		refuse(request, why);
	}
}

static void put_text(struct gate_request *request, const char *type, int fd, size_t len) {
	char *bytes = malloc(len + 1);
	bool whole = bytes != NULL && pread(fd, bytes, len, 0) == (ssize_t)len;
	struct clipboard_text text = {0};
	enum clipboard_flaw flaw =
		whole ? clipboard_text_check(bytes, len, &text) : CLIPBOARD_NO_MEMORY;
	free(bytes);
	close(fd);
	if (flaw != CLIPBOARD_GOOD) {
		char why[100];
		snprintf(why, sizeof(why), "the item %s", clipboard_flaw_words(flaw));
		refuse(request, why);
		return;
	}
	take_text(request, type, &text);
}

void gate_put(struct session *session, const struct gate_asker *asker, const char *type, int fd) {
	struct gate_request *request = begin(session, asker, GATE_IN);
	size_t len;
	const char *why = NULL;
	if (request != NULL && !clipboard_is_sealed(fd, &len)) {
		why = "an item is needed: text, or one descriptor of a memfd sealed against change";
	} else if (request != NULL && len > session->policy->clipboard.max_bytes) {
		why = "the item has more bytes than one may have: see clipboard.maxBytes of the "
		      "session's policy";
	} else if (request != NULL && !gate_allows_type(session, type)) {
		why = no_such_type;
	}
	if (request == NULL || why != NULL) {
		close(fd);
		if (request != NULL) {
			refuse(request, why);
		}
	} else if (mime_is_picture(type)) {
		reencode(request, fd);
	} else {
		put_text(request, type, fd, len);
	}
}

// ---- files

// A path that says nothing but what is seen.
static bool is_plain(const char *path) {
	struct clipboard_text text;
	size_t len = strlen(path);
	bool plain = len < 4096 && strpbrk(path, "\n\t") == NULL &&
		     clipboard_text_check(path, len, &text) == CLIPBOARD_GOOD;
	if (plain) {
		plain = text.removed == 0 && text.len == len && strcmp(text.preview, path) == 0;
		clipboard_text_finish(&text);
	}
	return plain;
}

static void take_file(struct gate_request *request, struct carry_result *result) {
	struct gate_item *item = &request->item;
	char *path = item->path;
	bool replace = item->replace;
	char head[CLIPBOARD_PREVIEW_BYTES];
	ssize_t len = pread(result->fd, head, sizeof(head), 0);
	if (len < 0) {
		close(result->fd);
		refuse(request, "the file cannot be read");
		return;
	}
	bool cut = (size_t)len < result->bytes;
	const char *type = kind_of_file(head, (size_t)len, cut);
	item->path = NULL;
	if (!gate_item_of_bytes(item, GATE_FILE, type, result->fd, result->bytes, result->sha256)) {
		free(path);
		refuse(request, "out of memory");
		return;
	}
	item->path = path;
	item->replace = replace;
	if (strncmp(type, "text/", 5) == 0) {
		size_t whole = kind_whole_characters(head, (size_t)len);
		if (clipboard_text_check(head, whole, &item->text) == CLIPBOARD_GOOD) {
			item->text.preview_cut = item->text.preview_cut || cut;
		}
		free(item->text.text);
		item->text.text = NULL;
	}
	item_is_ready(request);
}

static void handle_file(void *data, struct carry_result *result) {
	struct gate_request *request = data;
	request->carry = NULL;
	if (result->why[0] != '\0') {
		refuse(request, result->why);
	} else {
		take_file(request, result);
	}
}

static struct gate_request *begin_file(struct session *session, const struct gate_asker *asker,
	enum gate_direction direction, const char *path) {
	struct gate_request *request = begin(session, asker, direction);
	if (request != NULL && !is_plain(path)) {
		refuse(request, "the file's name has characters in it that are not seen");
		return NULL;
	}
	if (request != NULL && (request->item.path = strdup(path)) == NULL) {
		refuse(request, "out of memory");
		return NULL;
	}
	return request;
}

void gate_get_file(struct session *session, const struct gate_asker *asker, const char *path) {
	struct gate_request *request = begin_file(session, asker, GATE_OUT, path);
	const char *why;
	if (request != NULL) {
		request->carry = carry_out(session, path, session->policy->clipboard.max_file_bytes,
			handle_file, request, &why);
		if (request->carry == NULL) {
			refuse(request, why);
		}
	}
}

void gate_put_file(struct session *session, const struct gate_asker *asker, const char *path,
	int fd, bool replace) {
	struct gate_request *request = begin_file(session, asker, GATE_IN, path);
	const char *why = NULL;
	size_t len = 0;
	if (request != NULL && !clipboard_is_sealed(fd, &len)) {
		why = "the file is needed as one descriptor of a memfd sealed against change";
	} else if (request != NULL && len == 0) {
		why = "the file is empty";
	} else if (request != NULL && len > session->policy->clipboard.max_file_bytes) {
		why = "the file has more bytes than one may have: see clipboard.maxFileBytes of "
		      "the session's policy";
	}
	if (request == NULL || why != NULL) {
		close(fd);
	} else {
		request->item.replace = replace;
		request->carry = carry_measure(session, fd, len, handle_file, request, &why);
	}
	if (request != NULL && request->carry == NULL) {
		refuse(request, why);
	}
}

// ---- the user's word

void gate_approve(struct session *session, const struct gate_asker *asker,
	enum gate_direction direction, const char *sha256) {
	struct gate_request *request = begin(session, asker, direction);
	if (request == NULL) {
		return;
	}
	if (!gate_allow(session, direction, asker->owner, sha256, &request->item)) {
		refuse(request, "no such item was shown here, or another one since; begin again");
		return;
	}
	request->confirmed = true;
	cross(request);
}

void gate_decline(
	struct session *session, const struct gate_asker *asker, enum gate_direction direction) {
	if (gate_held(session, direction, asker->owner) != NULL) {
		gate_item_finish(&session->gate.held[direction]);
		gate_record_refusal(session, direction, asker->by, "declined by the user");
	}
}

void gate_forget(struct session *session, const void *owner) {
	for (size_t i = 0; i < 2; i++) {
		struct gate_request *request = session->gate.requests[i];
		if (request != NULL && (owner == NULL || request->asker.owner == owner)) {
			free_request(request);
		}
	}
	gate_let_go(session, owner);
}

void gate_finish(struct session *session) {
	gate_forget(session, NULL);
}
