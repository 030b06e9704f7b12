#include "viewer/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/untrusted.h"
#include "viewer/frames.h"

#define QUEUE_INPUT 192 // messages that wait; the rest is for what the user orders
#define QUEUE 256

struct queued {
	struct view_message message;
	int fd; // -1: none
};

struct wire {
	int fd;
	struct wire_told told;
	struct frames *frames;
	struct queued queue[QUEUE];
	size_t queue_len;
	struct wire_item items[2]; // by direction less one; of direction 0: none
	bool release_owed; // input was thrown away: what is pressed must go up
};

struct wire *wire_create(int fd, bool replay) {
	struct wire *wire = calloc(1, sizeof(*wire));
	if (wire == NULL) {
		close(fd);
		return NULL;
	}
	wire->fd = fd;
	wire->told.replay.on = replay;
	wire->items[0].fd = wire->items[1].fd = -1;
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return wire;
}

static void hang_up(struct wire *wire) {
	for (size_t i = 0; i < wire->queue_len; i++) {
		if (wire->queue[i].fd >= 0) {
			close(wire->queue[i].fd);
		}
	}
	wire->queue_len = 0;
	wire->release_owed = false;
	if (wire->fd >= 0) {
		close(wire->fd);
		wire->fd = -1;
	}
}

static void forget_item(struct wire_item *item) {
	if (item->direction != 0 && item->fd >= 0) {
		close(item->fd);
	}
	*item = (struct wire_item){.fd = -1};
}

void wire_destroy(struct wire *wire) {
	if (wire == NULL) {
		return;
	}
	hang_up(wire);
	forget_item(&wire->items[0]);
	forget_item(&wire->items[1]);
	frames_destroy(wire->frames);
	free(wire);
}

const struct wire_told *wire_told(const struct wire *wire) {
	return &wire->told;
}

bool wire_take_item(struct wire *wire, enum view_direction direction, struct wire_item *item) {
	struct wire_item *newest = &wire->items[direction - 1];
	*item = *newest;
	*newest = (struct wire_item){.fd = -1};
	return item->direction != 0;
}

struct frames *wire_frames(struct wire *wire) {
	return wire->frames;
}

int wire_fd(const struct wire *wire) {
	return wire->fd;
}

bool wire_wants_to_write(const struct wire *wire) {
	return wire->fd >= 0 && (wire->queue_len > 0 || wire->release_owed);
}

static uint32_t end(struct wire *wire, enum wire_end how, const char *reason) {
	if (wire->told.end == WIRE_OPEN) {
		wire->told.end = how;
		snprintf(wire->told.end_reason, sizeof(wire->told.end_reason), "%s", reason);
	}
	hang_up(wire);
	return WIRE_OVER;
}

static uint32_t wrong(struct wire *wire, const char *what) {
	return end(wire, WIRE_WRONG, what);
}

// ---- what the supervisor says

// A text of a fixed field: NUL-terminated; what may not be shown becomes U+FFFD.
static bool take_text(char *out, size_t out_size, const char *untrusted, size_t size) {
	if (memchr(untrusted, '\0', size) == NULL) {
		return false;
	}
	untrusted_text(out, out_size, untrusted, size);
	return true;
}

static bool box_inside(const struct wire *wire, const struct channel_box *box) {
	return box->x >= 0 && box->y >= 0 && box->width > 0 && box->height > 0 &&
	       (int64_t)box->x + box->width <= wire->told.width &&
	       (int64_t)box->y + box->height <= wire->told.height;
}

static uint32_t take_hello(
	struct wire *wire, const struct view_message *untrusted, const int *fds, size_t fds_len) {
	struct wire_told *told = &wire->told;
	if (told->hello || fds_len != 2) {
		return wrong(wire, "a greeting that is not the first, or has not its two memories");
	}
	if (untrusted->hello.version != VIEW_VERSION) {
		return wrong(wire, "another version of the view channel; the session was started "
				   "by another version of Parclose");
	}
	uint32_t width = untrusted->hello.width, height = untrusted->hello.height;
	if (width < 1 || width > WIRE_MAX_SIDE || height < 1 || height > WIRE_MAX_SIDE) {
		return wrong(wire, "a screen of an impossible size");
	}
	if (!take_text(told->name, sizeof(told->name), untrusted->hello.name,
		    sizeof(untrusted->hello.name)) ||
		!take_text(told->command, sizeof(told->command), untrusted->hello.command,
			sizeof(untrusted->hello.command))) {
		return wrong(wire, "a name without an end");
	}
	wire->frames = frames_create(fds[0], fds[1], width, height);
	if (wire->frames == NULL) {
		return wrong(wire, "a picture memory that is too small or may shrink");
	}
	told->hello = true;
	told->width = width;
	told->height = height;
	return WIRE_HELLO;
}

static uint32_t take_frame(struct wire *wire, const struct view_message *untrusted) {
	uint32_t boxes_len = untrusted->frame.boxes_len;
	if (untrusted->frame.slot >= CHANNEL_SLOTS || boxes_len < 1 || boxes_len > CHANNEL_BOXES) {
		return wrong(wire, "a picture in a place that is not there");
	}
	for (uint32_t i = 0; i < boxes_len; i++) {
		if (!box_inside(wire, &untrusted->frame.boxes[i])) {
			return wrong(wire, "a change outside the screen");
		}
	}
	frames_announce(wire->frames, untrusted->frame.slot, untrusted->frame.generation,
		untrusted->frame.serial, untrusted->frame.time_ns, untrusted->frame.boxes,
		boxes_len);
	return WIRE_FRAME;
}

static uint32_t take_cursor(struct wire *wire, const struct view_message *untrusted) {
	const int32_t most = CHANNEL_CURSOR_MAX;
	struct wire_cursor cursor = {
		.x = untrusted->cursor.x,
		.y = untrusted->cursor.y,
		.hot_x = untrusted->cursor.hot_x,
		.hot_y = untrusted->cursor.hot_y,
		.width = untrusted->cursor.width,
		.height = untrusted->cursor.height,
		.image_serial = untrusted->cursor.image_serial,
		.visible = untrusted->cursor.visible == 1,
	};
	if (untrusted->cursor.visible > 1 || cursor.width > CHANNEL_CURSOR_MAX ||
		cursor.height > CHANNEL_CURSOR_MAX || cursor.x < 0 || cursor.y < 0 ||
		cursor.x > (int32_t)wire->told.width || cursor.y > (int32_t)wire->told.height ||
		cursor.hot_x < -most || cursor.hot_x > most || cursor.hot_y < -most ||
		cursor.hot_y > most) {
		return wrong(wire, "a pointer outside the screen");
	}
	wire->told.cursor = cursor;
	return WIRE_CURSOR;
}

static uint32_t take_state(struct wire *wire, const struct view_message *untrusted) {
	const uint32_t known = VIEW_STATE_MINE | VIEW_STATE_RECORDING | VIEW_STATE_WITHHELD |
			       VIEW_STATE_STOPPING | VIEW_STATE_XWAYLAND;
	uint32_t holder = untrusted->state.holder, flags = untrusted->state.flags;
	uint32_t network = untrusted->state.network, clipboard = untrusted->state.clipboard;
	if (holder < VIEW_AGENT || holder > VIEW_PAUSED || (flags & ~known) != 0 ||
		network < VIEW_NETWORK_NONE || network > VIEW_NETWORK_OPEN ||
		clipboard < VIEW_CLIPBOARD_NONE || clipboard > VIEW_CLIPBOARD_ALL ||
		untrusted->state.reserved != 0 || untrusted->state.viewers < 1 ||
		untrusted->state.viewers > VIEW_MAX_VIEWERS) {
		return wrong(wire, "a state that is none");
	}
	// While the session is paused the wheel stays with who has it.
	if ((flags & VIEW_STATE_MINE) != 0 && holder == VIEW_AGENT) {
		return wrong(wire, "this window in control, and somebody else");
	}
	struct wire_told *told = &wire->told;
	told->state = true;
	told->holder = (enum view_holder)holder;
	told->flags = flags;
	told->network = (enum view_network)network;
	told->clipboard = (enum view_clipboard)clipboard;
	told->viewers = untrusted->state.viewers;
	told->denied = untrusted->state.denied;
	told->rules = untrusted->state.rules;
	told->begun_s = untrusted->state.begun_s;
	return WIRE_STATE;
}

static uint32_t take_title(struct wire *wire, const struct view_message *untrusted) {
	if (!take_text(wire->told.title, sizeof(wire->told.title), untrusted->title.untrusted_title,
		    sizeof(untrusted->title.untrusted_title)) ||
		!take_text(wire->told.app_id, sizeof(wire->told.app_id),
			untrusted->title.untrusted_app_id,
			sizeof(untrusted->title.untrusted_app_id))) {
		return wrong(wire, "a title without an end");
	}
	return WIRE_TITLE;
}

static uint32_t take_notice(struct wire *wire, const struct view_message *untrusted) {
	char text[sizeof(wire->told.notice)];
	if (untrusted->notice.urgency > 1 || !take_text(text, sizeof(text), untrusted->notice.text,
						     sizeof(untrusted->notice.text))) {
		return wrong(wire, "a notice without an end");
	}
	if (untrusted->type == VIEW_ENDED) {
		return end(wire, WIRE_ENDED, text);
	}
	memcpy(wire->told.notice, text, sizeof(text));
	wire->told.notice_urgent = untrusted->notice.urgency == 1;
	return WIRE_NOTICE;
}

// Of that size, and nobody can change it any more.
static bool is_sealed(int fd, uint32_t bytes) {
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & needed) == needed && fstat(fd, &st) == 0 &&
	       st.st_size == (off_t)bytes;
}

static bool is_hash(const char *untrusted, size_t size) {
	return strspn(untrusted, "0123456789abcdef") == size - 1 && untrusted[size - 1] == '\0';
}

static uint32_t take_item(
	struct wire *wire, const struct view_message *untrusted, const int *fds, size_t fds_len) {
	uint32_t direction = untrusted->item.direction, step = untrusted->item.step;
	uint32_t kind = untrusted->item.kind, flags = untrusted->item.flags;
	uint32_t bytes = untrusted->item.bytes, shown = untrusted->item.shown;
	bool carries = step == VIEW_ITEM_WAITS || direction == VIEW_OUT;
	bool whole = step == VIEW_ITEM_CROSSED || kind == VIEW_ITEM_PNG;
	if ((direction != VIEW_IN && direction != VIEW_OUT) ||
		(step != VIEW_ITEM_WAITS && step != VIEW_ITEM_CROSSED) ||
		(kind != VIEW_ITEM_TEXT && kind != VIEW_ITEM_PNG) ||
		(flags & ~(uint32_t)(VIEW_ITEM_ENDS_LINE | VIEW_ITEM_CUT)) != 0 || bytes < 1 ||
		bytes > VIEW_MAX_ITEM || shown > VIEW_MAX_ITEM ||
		!is_hash(untrusted->item.sha256, sizeof(untrusted->item.sha256))) {
		return wrong(wire, "an item that is none");
	}
	if (fds_len != (carries ? 1 : 0) || (shown != 0 && !carries) ||
		(carries && whole && shown != bytes) || (carries && !is_sealed(fds[0], shown))) {
		return wrong(wire, "an item without its content, or with another's");
	}
	struct wire_item *item = &wire->items[direction - 1];
	forget_item(item);
	*item = (struct wire_item){
		.direction = (enum view_direction)direction,
		.crossed = step == VIEW_ITEM_CROSSED,
		.kind = (enum view_item_kind)kind,
		.flags = flags,
		.bytes = bytes,
		.lines = untrusted->item.lines,
		.removed = untrusted->item.removed,
		.width = untrusted->item.width,
		.height = untrusted->item.height,
		.fd = carries ? fcntl(fds[0], F_DUPFD_CLOEXEC, 3) : -1,
		.shown = shown,
	};
	memcpy(item->sha256, untrusted->item.sha256, sizeof(item->sha256));
	return WIRE_ITEM;
}

static uint32_t take_item_refused(struct wire *wire, const struct view_message *untrusted) {
	uint32_t direction = untrusted->item_refused.direction;
	char why[sizeof(wire->items[0].why)];
	if ((direction != VIEW_IN && direction != VIEW_OUT) ||
		!take_text(why, sizeof(why), untrusted->item_refused.text,
			sizeof(untrusted->item_refused.text))) {
		return wrong(wire, "a refusal of nothing, or without an end");
	}
	struct wire_item *item = &wire->items[direction - 1];
	forget_item(item);
	*item = (struct wire_item){
		.direction = (enum view_direction)direction, .refused = true, .fd = -1};
	memcpy(item->why, why, sizeof(why));
	return WIRE_ITEM;
}

// ---- what a player says

static uint32_t take_replay(struct wire *wire, const struct view_message *untrusted) {
	struct wire_replay *replay = &wire->told.replay;
	if (replay->known || untrusted->replay.whole > 1 ||
		untrusted->replay.duration_ns > VIEW_MAX_REPLAY_NS) {
		return wrong(wire, "a recording that is none");
	}
	replay->known = true;
	replay->whole = untrusted->replay.whole == 1;
	replay->duration_ns = untrusted->replay.duration_ns;
	replay->begun_s = untrusted->replay.begun_s;
	replay->speed = 100;
	return WIRE_REPLAY;
}

static const uint32_t known_marks =
	VIEW_MARK_AGENT | VIEW_MARK_PERSON | VIEW_MARK_REFUSED | VIEW_MARK_OTHER;

static uint32_t take_marks(struct wire *wire, const struct view_message *untrusted) {
	uint32_t first = untrusted->marks.first, len = untrusted->marks.len;
	if (len < 1 || len > VIEW_MARKS_CHUNK || first >= VIEW_MARKS_LEN ||
		len > VIEW_MARKS_LEN - first) {
		return wrong(wire, "a mark beside the recording");
	}
	for (uint32_t i = 0; i < len; i++) {
		if ((untrusted->marks.kinds[i] & ~known_marks) != 0) {
			return wrong(wire, "a mark of no known kind");
		}
	}
	memcpy(wire->told.replay.marks + first, untrusted->marks.kinds, len);
	return WIRE_MARKS;
}

static uint32_t take_position(struct wire *wire, const struct view_message *untrusted) {
	const uint32_t known = VIEW_POSITION_PLAYING | VIEW_POSITION_DAMAGED;
	struct wire_replay *replay = &wire->told.replay;
	if (untrusted->position.time_ns > replay->duration_ns ||
		(untrusted->position.flags & ~known) != 0 || untrusted->position.skip > 1 ||
		untrusted->position.speed < 1 || untrusted->position.speed > VIEW_MAX_SPEED) {
		return wrong(wire, "a position beside the recording");
	}
	replay->position_ns = untrusted->position.time_ns;
	replay->position_flags = untrusted->position.flags;
	replay->speed = untrusted->position.speed;
	replay->skip = untrusted->position.skip == 1;
	return WIRE_POSITION;
}

static uint32_t take_caption(struct wire *wire, const struct view_message *untrusted) {
	struct wire_replay *replay = &wire->told.replay;
	if (untrusted->caption.time_ns > replay->duration_ns ||
		(untrusted->caption.kinds & ~known_marks) != 0 ||
		!take_text(replay->caption, sizeof(replay->caption),
			untrusted->caption.untrusted_text,
			sizeof(untrusted->caption.untrusted_text))) {
		return wrong(wire, "a caption without an end, or beside the recording");
	}
	replay->caption_ns = untrusted->caption.time_ns;
	replay->caption_kinds = untrusted->caption.kinds;
	return WIRE_CAPTION;
}

/*
 * What a player may say once it has greeted. It reads files of anybody's: of words it has its
 * captions and its end, and nobody types into a recording.
 */
static uint32_t dispatch_replay(struct wire *wire, const struct view_message *untrusted) {
	if (!wire->told.replay.known && untrusted->type != VIEW_REPLAY &&
		untrusted->type != VIEW_ENDED) {
		return wrong(wire, "a recording without a length");
	}
	switch (untrusted->type) {
	case VIEW_REPLAY:
		return take_replay(wire, untrusted);
	case VIEW_FRAME:
		return take_frame(wire, untrusted);
	case VIEW_CURSOR:
		return take_cursor(wire, untrusted);
	case VIEW_STATE:
		return (untrusted->state.flags & ~(uint32_t)VIEW_STATE_WITHHELD) != 0 ||
				       untrusted->state.clipboard != VIEW_CLIPBOARD_NONE
			       ? wrong(wire, "a recording that is a session")
			       : take_state(wire, untrusted);
	case VIEW_MARKS:
		return take_marks(wire, untrusted);
	case VIEW_POSITION:
		return take_position(wire, untrusted);
	case VIEW_CAPTION:
		return take_caption(wire, untrusted);
	case VIEW_ENDED:
		return take_notice(wire, untrusted);
	default:
		return wrong(wire, "a message of no known kind");
	}
}

static uint32_t dispatch(struct wire *wire, const struct view_message *untrusted, size_t len,
	const int *fds, size_t fds_len) {
	if (wire->told.end != WIRE_OPEN) {
		return 0;
	}
	if (len != sizeof(*untrusted) || untrusted->reserved != 0) {
		return wrong(wire, "a message of another size");
	}
	if (untrusted->type == VIEW_HELLO) {
		return take_hello(wire, untrusted, fds, fds_len);
	}
	// A session that ends before it was shown has only that to say.
	if (untrusted->type == VIEW_ITEM && wire->told.hello && !wire->told.replay.on) {
		return take_item(wire, untrusted, fds, fds_len);
	}
	if (fds_len > 0 || (!wire->told.hello && untrusted->type != VIEW_ENDED)) {
		return wrong(wire, "a message before the greeting, or with more than words");
	}
	if (wire->told.replay.on) {
		return dispatch_replay(wire, untrusted);
	}
	switch (untrusted->type) {
	case VIEW_FRAME:
		return take_frame(wire, untrusted);
	case VIEW_CURSOR:
		return take_cursor(wire, untrusted);
	case VIEW_STATE:
		return take_state(wire, untrusted);
	case VIEW_TITLE:
		return take_title(wire, untrusted);
	case VIEW_NOTICE:
	case VIEW_ENDED:
		return take_notice(wire, untrusted);
	case VIEW_ITEM_REFUSED:
		return take_item_refused(wire, untrusted);
	default:
		return wrong(wire, "a message of no known kind");
	}
}

uint32_t wire_take(struct wire *wire, const struct view_message *untrusted, size_t len,
	const int *fds, size_t fds_len) {
	uint32_t news = dispatch(wire, untrusted, len, fds, fds_len);
	for (size_t i = 0; i < fds_len; i++) {
		close(fds[i]);
	}
	return news;
}

uint32_t wire_receive(struct wire *wire) {
	uint32_t news = 0;
	for (int i = 0; i < WIRE_TURN && wire->fd >= 0; i++) {
		struct view_message untrusted;
		union {
			struct cmsghdr header;
			char bytes[CMSG_SPACE(2 * sizeof(int))];
		} control;
		struct iovec iov = {.iov_base = &untrusted, .iov_len = sizeof(untrusted)};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t len = recvmsg(wire->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
			break;
		}
		if (len <= 0) {
			return news | end(wire, WIRE_LOST, "");
		}
		int fds[2];
		size_t fds_len = 0;
		// Not more than fit were installed; the kernel drops the rest (unix(7)).
		for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL;
			cmsg = CMSG_NXTHDR(&msg, cmsg)) {
			if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
				fds_len = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
				memcpy(fds, CMSG_DATA(cmsg), fds_len * sizeof(int));
			}
		}
		bool whole = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
		news |= wire_take(wire, &untrusted, whole ? (size_t)len : 0, fds, fds_len);
	}
	return news;
}

// ---- what is said to the supervisor

static int send_now(int socket, const struct view_message *message, int fd) {
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	ssize_t len;
	do {
		len = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	return len < 0 ? -errno : 0;
}

void wire_flush(struct wire *wire) {
	if (wire->fd < 0) {
		return;
	}
	size_t done = 0;
	int ret = 0;
	for (; done < wire->queue_len; done++) {
		struct queued *next = &wire->queue[done];
		// Any other error ends the connection, which the next read hears of, too.
		if ((ret = send_now(wire->fd, &next->message, next->fd)) == -EAGAIN) {
			break;
		}
		if (next->fd >= 0) {
			close(next->fd);
		}
	}
	wire->queue_len -= done;
	memmove(wire->queue, wire->queue + done, wire->queue_len * sizeof(*wire->queue));
	if (wire->release_owed && wire->queue_len == 0) {
		const struct view_message release = {
			.type = VIEW_INPUT, .input.kind = VIEW_INPUT_RELEASE};
		wire->release_owed = send_now(wire->fd, &release, -1) == -EAGAIN;
	}
}

// Does a message make the one before it needless?
static bool replaces(const struct view_message *message, const struct view_message *last) {
	bool motion = message->type == VIEW_INPUT && message->input.kind == VIEW_INPUT_MOVE;
	return message->type == last->type &&
	       (message->type == VIEW_SEEK || (motion && last->input.kind == VIEW_INPUT_MOVE));
}

// The queue without input: the supervisor did not read it in time, and late keys would be wrong
// keys.
static void throw_input_away(struct wire *wire) {
	size_t kept = 0;
	for (size_t i = 0; i < wire->queue_len; i++) {
		if (wire->queue[i].message.type == VIEW_INPUT) {
			continue;
		}
		wire->queue[kept++] = wire->queue[i];
	}
	wire->queue_len = kept;
	wire->release_owed = true;
}

bool wire_send(struct wire *wire, const struct view_message *message, int fd) {
	if (wire->fd >= 0 && wire->queue_len > 0) {
		struct queued *last = &wire->queue[wire->queue_len - 1];
		if (replaces(message, &last->message)) {
			last->message = *message;
			return true;
		}
	}
	bool input = message->type == VIEW_INPUT;
	if (input && wire->queue_len >= QUEUE_INPUT) {
		throw_input_away(wire);
	}
	bool room = wire->fd >= 0 && wire->queue_len < QUEUE && !(input && wire->release_owed);
	if (!room) {
		if (fd >= 0) {
			close(fd);
		}
		return false;
	}
	wire->queue[wire->queue_len++] = (struct queued){.message = *message, .fd = fd};
	wire_flush(wire);
	return true;
}
