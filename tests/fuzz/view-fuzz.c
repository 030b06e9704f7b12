/*
 * Any messages as what viewers say to a supervisor, while frames come and go: no crash, no
 * descriptor lost, nothing out of range and nobody's input but that of who has the wheel gets to
 * the compositor; and what the supervisor says is what a viewer takes (viewer/wire.c). Built with
 * -Dfuzz=true by clang; run as view-fuzz [CORPUS].
 *
 * The input is a row of steps: a byte that says what, one that says who, and what it takes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "session/act.h"
#include "session/display-internal.h"
#include "session/gate-request.h"
#include "session/internal.h"
#include "session/network.h"
#include "session/lease.h"
#include "session/network.h"
#include "session/pause.h"
#include "session/record.h"
#include "session/view.h"
#include "viewer/frames.h"
#include "viewer/wire.h"

#define WIDTH 96
#define HEIGHT 64
#define VIEWERS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static struct session session;
static struct display display;
static enum session_holder holder;
static struct wire *wires[VIEWERS];

// ---- what the files under test call of the rest of a session

void display_end(struct display *ended, const char *reason) {
	abort();
}

static bool on_display(int32_t x, int32_t y) {
	return x >= 0 && y >= 0 && x < WIDTH * 256 && y < HEIGHT * 256;
}

static void require_input(const struct channel_message *message) {
	require(session.lease.human && session.lease.viewer != NULL && !session.pause.on);
	uint32_t code = message->human_input.code, value = message->human_input.value;
	bool inside = on_display(message->human_input.x, message->human_input.y);
	switch (message->human_input.kind) {
	case CHANNEL_INPUT_MOVE:
		require(inside);
		break;
	case CHANNEL_INPUT_BUTTON:
		require(inside && code >= 0x110 && code <= 0x117 && value <= 1);
		break;
	case CHANNEL_INPUT_SCROLL:
		require(value <= CHANNEL_SCROLL_PIXELS);
		break;
	case CHANNEL_INPUT_KEYCODE:
		require(code >= 1 && code <= 247 && value <= 1);
		break;
	case CHANNEL_INPUT_TOUCH:
		require(inside && code < CHANNEL_TOUCH_POINTS && value <= CHANNEL_TOUCH_MOVE);
		break;
	default:
		abort();
	}
}

void display_send(struct display *to, const struct channel_message *message, int fd) {
	switch (message->type) {
	case CHANNEL_HUMAN_INPUT:
		require_input(message);
		break;
	case CHANNEL_HUMAN_KEYMAP: {
		struct stat stat;
		require(fd >= 0 && fstat(fd, &stat) == 0 &&
			stat.st_size == (off_t)message->human_keymap.bytes);
		require((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
		require(message->human_keymap.group <= 3 && message->human_keymap.locks <= 3);
		break;
	}
	case CHANNEL_HUMAN:
	case CHANNEL_PAUSE:
	case CHANNEL_INPUT_RELEASE:
		break;
	default:
		abort();
	}
	if (fd >= 0) {
		close(fd);
	}
}

void display_release_input(struct display *to) {
}

int display_memory_fd(const struct display *of) {
	return of->memory_fd;
}

bool display_newest(const struct display *of, struct display_frame *frame) {
	*frame = (struct display_frame){.slot = (uint32_t)of->newest,
		.boxes_len = 1,
		.serial = of->serial,
		.boxes = &of->whole};
	return of->newest >= 0;
}

struct display_cursor display_cursor(const struct display *of) {
	return of->cursor;
}

struct display_state display_state(const struct display *of) {
	return (struct display_state){.width = WIDTH,
		.height = HEIGHT,
		.refresh = 60,
		.windows = of->windows,
		.windows_len = of->windows_len};
}

bool session_network_is_open(const struct session *of) {
	return true;
}

uint32_t session_network_rules(const struct session *of) {
	return 1;
}

uint64_t session_network_denied(const struct session_network *network) {
	return 0;
}

enum session_holder session_holder(const struct session *of) {
	return holder;
}

void session_set_holder(struct session *of, enum session_holder next) {
	holder = next;
}

bool session_network_is_open(const struct session *of) {
	return false;
}

uint32_t session_network_rules(const struct session *of) {
	return 0;
}

uint64_t session_network_denied(const struct session_network *network) {
	return 0;
}

uint64_t session_now_ns(void) {
	return 1;
}

void session_record(struct session *of, const char *event, cJSON *fields) {
	cJSON_Delete(fields);
}

int session_pause(struct session *of, const char *who) {
	of->pause.on = true;
	lease_follow_pause(of);
	return 0;
}

int session_resume(struct session *of, const char *who) {
	of->pause.on = false;
	lease_follow_pause(of);
	return 0;
}

void session_stop(struct session *of, const char *who, uint32_t grace_ms) {
	of->state = SESSION_STOPPING;
	view_state(of->view);
}

int record_start(
	struct session *of, int fd, const char *path, const char *who, struct record_why *why) {
	require(fd == -1 && path == NULL);
	snprintf(why->text, sizeof(why->text), "no");
	bool works = of->record == NULL;
	of->record = (struct record *)1;
	view_state(of->view);
	return works ? 0 : -EALREADY;
}

bool record_stop(struct session *of, const char *who, struct recorder_state *state, char *path,
	size_t size) {
	of->record = NULL;
	view_state(of->view);
	return true;
}

void record_follow_lease(struct session *of) {
}

// ---- a gate that shows what it is asked for, and lets it cross when it is told to

static const struct gate_asker *holds[2]; // by direction
static struct gate_asker askers[2];

static void give(enum gate_direction direction, bool crossed, const char *why) {
	struct gate_item item = {.kind = GATE_TEXT, .bytes = 5, .text.preview = (char *)"words"};
	item.text.lines = 1;
	memset(item.sha256, 'a', sizeof(item.sha256) - 1);
	item.fd = memfd_create("item", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	require(item.fd >= 0 && write(item.fd, "words", 5) == 5 &&
		fcntl(item.fd, F_ADD_SEALS, seals) == 0);
	const struct gate_answer answer = {.why = why, .crossed = crossed, .item = &item};
	askers[direction].done(askers[direction].data, &answer);
	close(item.fd);
}

static void show(const struct gate_asker *asker, enum gate_direction direction) {
	askers[direction] = *asker;
	holds[direction] = &askers[direction];
	give(direction, false, NULL);
}

void gate_put(struct session *of, const struct gate_asker *asker, const char *type, int fd) {
	require(type != NULL && fd >= 0);
	close(fd);
	show(asker, GATE_IN);
}

void gate_get(struct session *of, const struct gate_asker *asker, const char *type) {
	show(asker, GATE_OUT);
}

void gate_approve(struct session *of, const struct gate_asker *asker, enum gate_direction direction,
	const char *sha256) {
	bool good = holds[direction] != NULL && holds[direction]->owner == asker->owner &&
		    sha256[0] == 'a';
	askers[direction] = *asker;
	holds[direction] = NULL;
	give(direction, good, good ? NULL : "nothing waits");
}

void gate_decline(
	struct session *of, const struct gate_asker *asker, enum gate_direction direction) {
	holds[direction] = NULL;
	askers[direction] = *asker;
	give(direction, false, "the user declined");
}

void gate_forget(struct session *of, const void *owner) {
	for (size_t i = 0; i < 2; i++) {
		if (holds[i] != NULL && holds[i]->owner == owner) {
			holds[i] = NULL;
		}
	}
}

// ---- the steps

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t next_byte(struct input *input) {
	if (input->size == 0) {
		return 0;
	}
	input->size--;
	return *input->data++;
}

static void next_bytes(struct input *input, void *to, size_t len) {
	size_t have = input->size < len ? input->size : len;
	memset(to, 0, len);
	memcpy(to, input->data, have);
	input->data += have;
	input->size -= have;
}

// A descriptor that comes with a message: a memory file or something else.
static int make_fd(uint8_t what) {
	int fd = memfd_create("fuzz", MFD_CLOEXEC | ((what & 1) != 0 ? MFD_ALLOW_SEALING : 0));
	require(fd >= 0 && ftruncate(fd, (what & 2) != 0 ? 300000 : 20) == 0);
	if ((what & 4) != 0) {
		close(fd);
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		require(fd >= 0);
	}
	return fd;
}

// What a viewer would not say, said by its socket.
static void say(struct wire *wire, struct input *input) {
	struct view_message message;
	uint8_t how = next_byte(input);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	next_bytes(input, &message, sizeof(message));
	if ((how & 1) != 0) { // most of all numbers are no type
		message.type =
			VIEW_TAKE_OVER + message.type % (VIEW_ANSWER_ITEM - VIEW_TAKE_OVER + 1);
		message.reserved = 0;
	}
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message) - (how >> 7) * 8};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[2] = {-1, -1};
	size_t fds_len = (how >> 1) & 3;
	fds_len = fds_len > 2 ? 1 : fds_len;
	if (fds_len > 0) {
		fds[0] = make_fd((how >> 3) & 7);
		fds[1] = fds[0];
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fds_len * sizeof(int));
	}
	sendmsg(wire_fd(wire), &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (fds[0] >= 0) {
		close(fds[0]);
	}
}

static void commit(struct input *input) {
	struct channel_box boxes[CHANNEL_BOXES];
	struct display_frame frame = {.boxes = boxes, .boxes_len = 1 + next_byte(input) % 8};
	for (uint32_t i = 0; i < frame.boxes_len; i++) {
		int32_t x = next_byte(input) % WIDTH, y = next_byte(input) % HEIGHT;
		boxes[i] = (struct channel_box){x, y, 1 + next_byte(input) % (WIDTH - x),
			1 + next_byte(input) % (HEIGHT - y)};
	}
	if (display.newest >= 0) {
		view_slot_released(session.view, (uint32_t)display.newest);
	}
	display.newest = (display.newest + 1) % CHANNEL_SLOTS;
	frame.slot = (uint32_t)display.newest;
	frame.serial = ++display.serial;
	view_frame(session.view, &frame);
}

static void change_title(struct input *input) {
	static struct display_window window;
	window.state = CHANNEL_WINDOW_MAPPED | CHANNEL_WINDOW_FOCUSED;
	next_bytes(input, window.title, 64);
	next_bytes(input, window.app_id, 8);
	display.windows = &window;
	display.windows_len = 1;
	view_windows(session.view);
}

static void move_cursor(struct input *input) {
	display.cursor.x = next_byte(input) % WIDTH;
	display.cursor.y = next_byte(input) % HEIGHT;
	display.cursor.visible = (next_byte(input) & 1) != 0;
	view_cursor(session.view);
}

// Reads what the supervisor said. It may hang up, and may say nothing that a viewer refuses.
static void listen_to(struct wire *wire) {
	wire_receive(wire);
	require(wire_told(wire)->end != WIRE_WRONG);
}

static void hang_up(size_t i) {
	wire_destroy(wires[i]);
	wires[i] = NULL;
}

static void step(struct input *input) {
	uint8_t what = next_byte(input);
	size_t who = next_byte(input) % VIEWERS;
	switch (what % 9) {
	case 0:
	case 1:
		if (wires[who] == NULL) {
			int fd = view_attach(session.view);
			require(fd >= 0);
			wires[who] = wire_create(fd, false);
			require(wires[who] != NULL);
		} else if (wire_fd(wires[who]) >= 0) {
			say(wires[who], input);
		}
		break;
	case 2:
		if (wires[who] != NULL) {
			listen_to(wires[who]);
		}
		break;
	case 3:
		hang_up(who);
		break;
	case 4:
		commit(input);
		break;
	case 5:
		move_cursor(input);
		break;
	case 6:
		change_title(input);
		break;
	case 7: {
		char text[32];
		next_bytes(input, text, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		view_notice(session.view, (who & 1) != 0, text);
		break;
	}
	default:
		if ((who & 1) != 0) {
			lease_take(&session, NULL, false, "parclose takeover");
		} else {
			lease_hand_back(&session, "parclose release");
		}
		break;
	}
	wl_event_loop_dispatch(session.loop, 0);
	wl_event_loop_dispatch_idle(session.loop);
}

static size_t lowest_free_fd(void) {
	int fd = dup(0);
	require(fd >= 0);
	close(fd);
	return (size_t)fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct policy policy;
	struct input input = {data, size};
	size_t fds = lowest_free_fd();
	display = (struct display){.newest = -1, .whole = {0, 0, WIDTH, HEIGHT}};
	display.memory_fd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	require(display.memory_fd >= 0 &&
		ftruncate(display.memory_fd, (off_t)channel_memory_bytes(WIDTH, HEIGHT)) == 0 &&
		fcntl(display.memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	session = (struct session){.policy = &policy,
		.state = SESSION_RUNNING,
		.display = &display,
		.loop = wl_event_loop_create(),
		.command = (char *)"a command"};
	snprintf(session.runtime.name, sizeof(session.runtime.name), "s");
	holder = HOLDER_AGENT;
	holds[0] = holds[1] = NULL;
	session.view = view_create(&session);
	require(session.loop != NULL && session.view != NULL);
	while (input.size > 0) {
		step(&input);
	}
	view_destroy(session.view, "the end");
	for (size_t i = 0; i < VIEWERS; i++) {
		if (wires[i] != NULL) {
			listen_to(wires[i]);
			hang_up(i);
		}
	}
	wl_event_loop_destroy(session.loop);
	close(display.memory_fd);
	require(lowest_free_fd() == fds);
	return 0;
}
