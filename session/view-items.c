#include "session/view-items.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clipboard/memfd.h"
#include "clipboard/mime.h"
#include "session/gate-request.h"
#include "session/untrusted.h"

static_assert(sizeof(((struct view_message *)0)->item.sha256) == SHA256_HEX_BYTES, "a hash fits");

static void answer(struct view_items *items, enum gate_direction direction,
	const struct view_message *message, int fd) {
	if (items->answers[direction].there && items->answers[direction].fd >= 0) {
		close(items->answers[direction].fd);
	}
	items->answers[direction].there = true;
	items->answers[direction].message = *message;
	items->answers[direction].fd = fd;
	items->due(items->data);
}

static void refuse(struct view_items *items, enum gate_direction direction, const char *why) {
	struct view_message message = {
		.type = VIEW_ITEM_REFUSED,
		.item_refused.direction = direction == GATE_IN ? VIEW_IN : VIEW_OUT,
	};
	untrusted_text(
		message.item_refused.text, sizeof(message.item_refused.text), why, strlen(why));
	answer(items, direction, &message, -1);
}

// What is shown of an item that waits, or the item that came out. -1: no descriptor.
static int content_of(const struct gate_item *item, bool crossed, uint32_t *bytes) {
	int fd = -1;
	if (!crossed && item->kind == GATE_TEXT) {
		size_t len = strlen(item->text.preview);
		fd = clipboard_memfd(item->text.preview, len);
		*bytes = (uint32_t)len;
	} else {
		fd = fcntl(item->fd, F_DUPFD_CLOEXEC, 3);
		*bytes = (uint32_t)item->bytes;
	}
	return fd;
}

static void handle_gate(
	struct view_items *items, enum gate_direction direction, const struct gate_answer *given) {
	const struct gate_item *item = given->item;
	if (given->why != NULL) {
		refuse(items, direction, given->why);
		return;
	}
	struct view_message message = {
		.type = VIEW_ITEM,
		.item =
			{
				.direction = direction == GATE_IN ? VIEW_IN : VIEW_OUT,
				.step = given->crossed ? VIEW_ITEM_CROSSED : VIEW_ITEM_WAITS,
				.kind = item->kind == GATE_TEXT ? VIEW_ITEM_TEXT : VIEW_ITEM_PNG,
				.flags = (item->text.ends_line ? VIEW_ITEM_ENDS_LINE : 0) |
					 (item->text.preview_cut ? VIEW_ITEM_CUT : 0),
				.bytes = (uint32_t)item->bytes,
				.lines = item->text.lines,
				.removed = item->text.removed,
				.width = item->width,
				.height = item->height,
			},
	};
	memcpy(message.item.sha256, item->sha256, sizeof(message.item.sha256));
	int fd = -1;
	if (!given->crossed || direction == GATE_OUT) {
		fd = content_of(item, given->crossed, &message.item.shown);
		if (fd < 0) {
			refuse(items, direction, "the supervisor has no room for the item");
			return;
		}
	}
	answer(items, direction, &message, fd);
}

static void handle_in(void *data, const struct gate_answer *given) {
	handle_gate(data, GATE_IN, given);
}

static void handle_out(void *data, const struct gate_answer *given) {
	handle_gate(data, GATE_OUT, given);
}

void view_items_take(struct view_items *items, const struct view_message *message, int fd) {
	static const char *const types[] = {
		[VIEW_ITEM_TEXT] = MIME_TEXT,
		[VIEW_ITEM_PNG] = MIME_PICTURE,
		[VIEW_ITEM_JPEG] = "image/jpeg",
	};
	bool out =
		message->type == VIEW_GET_ITEM ||
		(message->type == VIEW_ANSWER_ITEM && message->answer_item.direction == VIEW_OUT);
	const struct gate_asker asker = {
		.owner = items,
		.by = "a viewer",
		.done = out ? handle_out : handle_in,
		.data = items,
	};
	enum gate_direction direction = out ? GATE_OUT : GATE_IN;
	if (message->type == VIEW_GET_ITEM) {
		gate_get(items->session, &asker, NULL);
	} else if (message->type == VIEW_PUT_ITEM) {
		gate_put(items->session, &asker, types[message->put_item.kind],
			fcntl(fd, F_DUPFD_CLOEXEC, 3));
	} else if (message->answer_item.allow == 1) {
		gate_approve(items->session, &asker, direction, message->answer_item.sha256);
	} else {
		gate_decline(items->session, &asker, direction);
	}
}

void view_items_init(
	struct view_items *items, struct session *session, void (*due)(void *data), void *data) {
	*items = (struct view_items){.session = session, .due = due, .data = data};
	items->answers[0].fd = items->answers[1].fd = -1;
}

void view_items_finish(struct view_items *items) {
	gate_forget(items->session, items);
	for (size_t i = 0; i < 2; i++) {
		if (items->answers[i].fd >= 0) {
			close(items->answers[i].fd);
		}
		items->answers[i].fd = -1;
	}
}

static int next_answer(const struct view_items *items) {
	return items->answers[0].there ? 0 : items->answers[1].there ? 1 : -1;
}

const struct view_message *view_items_next(const struct view_items *items, int *fd) {
	int next = next_answer(items);
	*fd = next < 0 ? -1 : items->answers[next].fd;
	return next < 0 ? NULL : &items->answers[next].message;
}

void view_items_sent(struct view_items *items) {
	int sent = next_answer(items);
	if (sent >= 0) {
		if (items->answers[sent].fd >= 0) {
			close(items->answers[sent].fd);
		}
		items->answers[sent].there = false;
		items->answers[sent].fd = -1;
	}
}
