/*
 * A compositor that lies. Stands in the place of parclose-compositor; which lie it tells stands in
 * the file `lie` beside it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compositor/channel.h"

static struct channel_message setup;

static void say(const void *bytes, size_t len) {
	if (send(CHANNEL_FD, bytes, len, MSG_NOSIGNAL) < 0) {
		_exit(3);
	}
}

static struct channel_message frame(uint32_t slot, uint64_t serial, struct channel_box box) {
	struct channel_message message = {.type = CHANNEL_FRAME};
	message.frame.slot = slot;
	message.frame.boxes_len = 1;
	message.frame.serial = serial;
	message.frame.boxes[0] = box;
	return message;
}

static void say_message(struct channel_message message) {
	say(&message, sizeof(message));
}

static int take_memory(void) {
	struct iovec iov = {.iov_base = &setup, .iov_len = sizeof(setup)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	if (recvmsg(CHANNEL_FD, &msg, 0) != (ssize_t)sizeof(setup) || CMSG_FIRSTHDR(&msg) == NULL) {
		_exit(4);
	}
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void say_window(uint32_t id, const char *title, size_t len) {
	struct channel_message message = {.type = CHANNEL_WINDOW};
	message.window.id = id;
	message.window.state = CHANNEL_WINDOW_MAPPED;
	memcpy(message.window.untrusted_title, title, len);
	memset(message.window.untrusted_app_id, 0xff, sizeof(message.window.untrusted_app_id));
	say_message(message);
}

static void say_with_descriptor(void) {
	struct channel_message message = frame(0, 1, (struct channel_box){0, 0, 1, 1});
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &(int){0}, sizeof(int));
	sendmsg(CHANNEL_FD, &msg, 0);
}

static void tell(const char *lie, int memory) {
	int32_t width = (int32_t)setup.setup.width, height = (int32_t)setup.setup.height;
	struct channel_box whole = {0, 0, width, height};
	struct channel_message message = {0};
	if (strcmp(lie, "slot-out-of-range") == 0) {
		say_message(frame(CHANNEL_SLOTS, 1, whole));
	} else if (strcmp(lie, "slot-given-twice") == 0) {
		say_message(frame(1, 1, whole));
		say_message(frame(1, 2, whole));
	} else if (strcmp(lie, "box-outside") == 0) {
		say_message(frame(0, 1, (struct channel_box){1, 0, width, height}));
	} else if (strcmp(lie, "box-negative") == 0) {
		say_message(frame(0, 1, (struct channel_box){-1, 0, 10, 10}));
	} else if (strcmp(lie, "box-overflows") == 0) {
		say_message(frame(
			0, 1, (struct channel_box){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}));
	} else if (strcmp(lie, "box-empty") == 0) {
		say_message(frame(0, 1, (struct channel_box){0, 0, 0, 0}));
	} else if (strcmp(lie, "boxes-too-many") == 0) {
		message = frame(0, 1, whole);
		message.frame.boxes_len = UINT32_MAX;
		say_message(message);
	} else if (strcmp(lie, "serial-goes-back") == 0) {
		say_message(frame(0, 5, whole));
		say_message(frame(1, 5, whole));
	} else if (strcmp(lie, "short-message") == 0) {
		message = frame(0, 1, whole);
		say(&message, sizeof(message) - 1);
	} else if (strcmp(lie, "long-message") == 0) {
		char bytes[sizeof(message) + 1] = {0};
		message = frame(0, 1, whole);
		memcpy(bytes, &message, sizeof(message));
		say(bytes, sizeof(bytes));
	} else if (strcmp(lie, "unknown-type") == 0) {
		message.type = 12345;
		say_message(message);
	} else if (strcmp(lie, "supervisors-type") == 0) {
		message.type = CHANNEL_SETUP;
		say_message(message);
	} else if (strcmp(lie, "reserved-set") == 0) {
		message = frame(0, 1, whole);
		message.reserved = 1;
		say_message(message);
	} else if (strcmp(lie, "ready-twice") == 0) {
		message.type = CHANNEL_READY;
		say_message(message);
	} else if (strcmp(lie, "cursor-too-large") == 0) {
		message.type = CHANNEL_CURSOR;
		message.cursor.width = CHANNEL_CURSOR_MAX + 1;
		say_message(message);
	} else if (strcmp(lie, "cursor-hotspot-far") == 0) {
		message.type = CHANNEL_CURSOR;
		message.cursor.hot_x = INT32_MIN;
		say_message(message);
	} else if (strcmp(lie, "cursor-outside") == 0) {
		message.type = CHANNEL_CURSOR;
		message.cursor.x = INT32_MAX;
		say_message(message);
	} else if (strcmp(lie, "window-zero") == 0) {
		say_window(0, "x", 1);
	} else if (strcmp(lie, "typed-unasked") == 0) {
		message.type = CHANNEL_TYPED;
		message.typed.runs_len = 1;
		message.typed.runs[0].way = CHANNEL_WAY_KEYS;
		message.typed.runs[0].count = 1;
		say_message(message);
	} else if (strcmp(lie, "done-unasked") == 0) {
		message.type = CHANNEL_INPUT_DONE;
		say_message(message);
	} else if (strcmp(lie, "settled-unasked") == 0) {
		message.type = CHANNEL_SETTLED;
		say_message(message);
	} else if (strcmp(lie, "clipboard-type-unasked") == 0) {
		message.type = CHANNEL_CLIPBOARD_TYPE;
		snprintf(message.clipboard_type.untrusted_type,
			sizeof(message.clipboard_type.untrusted_type), "text/plain");
		say_message(message);
	} else if (strcmp(lie, "clipboard-done-unasked") == 0) {
		message.type = CHANNEL_CLIPBOARD_DONE;
		say_message(message);
	} else if (strcmp(lie, "clipboard-pasted-unasked") == 0) {
		message.type = CHANNEL_CLIPBOARD_PASTED;
		say_message(message);
	} else if (strcmp(lie, "fatal") == 0) {
		message.type = CHANNEL_FATAL;
		memcpy(message.fatal.text, "words \x1b[31m of mine", 19);
		say_message(message);
	} else if (strcmp(lie, "titles") == 0) {
		say_window(1,
			"a\x1b]0;x\x07\xe2\x80\xae"
			"b\xff\xc0\x80\xed\xa0\x80\n",
			19);
		char full[CHANNEL_TITLE_BYTES];
		memset(full, 'T', sizeof(full)); // no NUL
		say_window(2, full, sizeof(full));
	} else if (strcmp(lie, "windows-flood") == 0) {
		for (uint32_t id = 1; id <= 20000; id++) {
			say_window(id, "flood", 5);
		}
	} else if (strcmp(lie, "shrink") == 0) {
		// The seal must hold, or the supervisor would die of it on its next look.
		say_message(frame(0, 1, whole));
		if (ftruncate(memory, 0) == 0) {
			say_window(1, "shrunk", 6);
		} else {
			say_window(1, "sealed", 6);
		}
	} else if (strcmp(lie, "descriptor") == 0) {
		for (int i = 0; i < 50; i++) {
			say_with_descriptor();
		}
	} else if (strcmp(lie, "chatter") == 0) {
		for (int i = 0; i < 100000; i++) {
			fprintf(stderr, "chatter %d \x1b[2J\n", i);
		}
		say_window(1, "done", 4);
	}
}

// ---- lies about an action, told once it was asked for whole

static struct channel_message typed(uint32_t token, uint32_t first, uint32_t count) {
	struct channel_message message = {.type = CHANNEL_TYPED};
	message.typed.token = token;
	message.typed.runs_len = 1;
	message.typed.runs[0].first = first;
	message.typed.runs[0].count = count;
	message.typed.runs[0].way = CHANNEL_WAY_KEYS;
	return message;
}

// Of a text of five characters in one step. False: it is a lie of another kind.
static bool lie_about_typing(const char *lie, uint32_t token) {
	struct channel_message message = typed(token, 0, 5);
	if (strcmp(lie, "act-typed-beyond") == 0) {
		message.typed.runs[0].count = 6;
	} else if (strcmp(lie, "act-typed-overflow") == 0) {
		message.typed.runs[0].first = 2;
		message.typed.runs[0].count = UINT32_MAX;
	} else if (strcmp(lie, "act-typed-back") == 0) {
		say_message(typed(token, 0, 3));
		message = typed(token, 2, 1);
	} else if (strcmp(lie, "act-typed-nothing") == 0) {
		message.typed.runs[0].count = 0;
	} else if (strcmp(lie, "act-typed-no-runs") == 0) {
		message.typed.runs_len = 0;
	} else if (strcmp(lie, "act-typed-runs") == 0) {
		message.typed.runs_len = CHANNEL_TYPED_RUNS + 1;
	} else if (strcmp(lie, "act-typed-way") == 0) {
		message.typed.runs[0].way = CHANNEL_WAY_COUNT;
	} else if (strcmp(lie, "act-typed-token") == 0) {
		message.typed.token++;
	} else {
		return false;
	}
	say_message(message);
	return true;
}

static bool lie_about_the_end(const char *lie, uint32_t token) {
	struct channel_message message = {.type = CHANNEL_INPUT_DONE};
	message.input_done.token = token;
	if (strcmp(lie, "act-done-token") == 0) {
		message.input_done.token = 0;
	} else if (strcmp(lie, "act-done-status") == 0) {
		message.input_done.status = CHANNEL_INPUT_STATUS_COUNT;
	} else if (strcmp(lie, "act-done-step") == 0) {
		message.input_done.step = 2;
	} else if (strcmp(lie, "act-done-characters") == 0) {
		message.input_done.characters = 6;
	} else if (strcmp(lie, "act-done-place") == 0) {
		message.input_done.x = (int32_t)setup.setup.width + 1;
	} else if (strcmp(lie, "act-done-reserved") == 0) {
		message.input_done.reserved = 1;
	} else if (strcmp(lie, "act-done-frame") == 0) {
		message.input_done.frame = UINT64_MAX;
	} else if (strcmp(lie, "act-done-twice") == 0) {
		say_message(message);
	} else if (strcmp(lie, "act-typed-late") == 0) {
		say_message(message);
		message = typed(token, 0, 5);
	} else {
		return false;
	}
	say_message(message);
	return true;
}

static void lie_about_settling(const char *lie, uint32_t token) {
	struct channel_message done = {.type = CHANNEL_INPUT_DONE};
	done.input_done.token = token;
	struct channel_message message = {.type = CHANNEL_SETTLED};
	message.settled.token = token;
	if (strcmp(lie, "act-settled-early") != 0) {
		say_message(done);
	}
	if (strcmp(lie, "act-settled-token") == 0) {
		message.settled.token++;
	} else if (strcmp(lie, "act-settled-reason") == 0) {
		message.settled.reason = CHANNEL_SETTLE_REASON_COUNT;
	} else if (strcmp(lie, "act-settled-changed") == 0) {
		message.settled.changed = 2;
	} else if (strcmp(lie, "act-settled-box") == 0) {
		message.settled.changed = 1;
		message.settled.box = (struct channel_box){0, 0, INT32_MAX, 1};
	} else if (strcmp(lie, "act-settled-no-box") == 0) {
		message.settled.changed = 1;
	} else if (strcmp(lie, "act-settled-unchanged") == 0) {
		message.settled.box = (struct channel_box){0, 0, 1, 1};
	} else if (strcmp(lie, "act-settled-frame") == 0) {
		message.settled.frame = 2;
	} else if (strcmp(lie, "act-settled-late") == 0) {
		message.settled.waited_ms = UINT32_MAX;
	} else if (strcmp(lie, "act-settled-twice") == 0) {
		say_message(message);
	}
	say_message(message);
}

int main(void) {
	char path[4096], lie[64] = "";
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 8);
	if (len <= 0) {
		return 5;
	}
	path[len] = '\0';
	memcpy(strrchr(path, '/') + 1, "lie", 4);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, lie, sizeof(lie) - 1) <= 0) {
		return 6;
	}
	int memory = take_memory();
	if (strcmp(lie, "exit") == 0) {
		return 42;
	}
	struct channel_message ready = {.type = CHANNEL_READY};
	say_message(ready);
	tell(lie, memory);
	if (strncmp(lie, "act-", 4) == 0) {
		struct channel_box whole = {
			0, 0, (int32_t)setup.setup.width, (int32_t)setup.setup.height};
		say_message(frame(0, 1, whole));
		say_window(1, "ready", 5);
	}
	for (;;) { // believes in what it said until it is ended
		struct channel_message heard;
		if (recv(CHANNEL_FD, &heard, sizeof(heard), 0) <= 0) {
			return 0;
		}
		if (heard.type != CHANNEL_SETTLE || strncmp(lie, "act-", 4) != 0 ||
			(heard.settle.flags & CHANNEL_SETTLE_SINCE_ACTION) == 0) {
			if (heard.type == CHANNEL_SETTLE) { // the look at a session that just began
				struct channel_message rests = {.type = CHANNEL_SETTLED};
				rests.settled.token = heard.settle.token;
				say_message(rests);
			}
			continue;
		}
		uint32_t token = heard.settle.token;
		if (!lie_about_typing(lie, token) && !lie_about_the_end(lie, token)) {
			lie_about_settling(lie, token);
		}
	}
}
