#include "session/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "session/act.h"
#include "session/damage.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/lease.h"
#include "session/network.h"
#include "session/pause.h"
#include "session/record.h"
#include "session/untrusted.h"
#include "session/view-items.h"

/*
 * A viewer's socket holds about a dozen messages. What does not fit is not queued but noted in
 * `due`, and said as it is by then: a viewer that was slow never works through a past.
 */
#define SOCKET_BYTES 8192
#define MAX_NOTICES 8 // a viewer; of more, the oldest are lost
#define MAX_MESSAGES_A_TURN 64

enum due {
	DUE_STATE = 1u << 0,
	DUE_TITLE = 1u << 1,
	DUE_CURSOR = 1u << 2,
	DUE_NOTICE = 1u << 3,
	DUE_ITEM = 1u << 4,
	DUE_FRAME = 1u << 5, // last: the others cost nothing to show
};

struct viewer {
	struct wl_list link; // view.viewers
	struct view *view;
	int fd;
	struct wl_event_source *source;
	uint32_t due; // enum due
	bool waits; // its socket is full
	struct damage damage; // since the last FRAME that went out
	struct view_message notices[MAX_NOTICES];
	size_t notices_len;
	struct view_items items;
};

struct view {
	struct session *session;
	int slots_fd, frames_fd; // frames_fd can only be read from
	struct view_slots *slots; // mapped
	struct wl_list viewers; // viewer.link
	uint32_t viewers_len;
	struct view_message state; // as last told, but for VIEW_STATE_MINE
	const struct viewer *at_the_wheel; // as last told
};

static const struct display *display_of(const struct view *view) {
	return view->session->display;
}

// ---- the messages

static void fill_state(const struct view *view, struct view_message *message) {
	const struct session *session = view->session;
	static const uint32_t clipboards[] = {
		[POLICY_CLIPBOARD_NONE] = VIEW_CLIPBOARD_NONE,
		[POLICY_CLIPBOARD_READ] = VIEW_CLIPBOARD_READ,
		[POLICY_CLIPBOARD_WRITE] = VIEW_CLIPBOARD_WRITE,
		[POLICY_CLIPBOARD_ALL] = VIEW_CLIPBOARD_ALL,
	};
	static const uint32_t holders[] = {
		[HOLDER_AGENT] = VIEW_AGENT,
		[HOLDER_HUMAN] = VIEW_HUMAN,
		[HOLDER_PAUSED] = VIEW_PAUSED,
	};
	uint64_t denied = session_network_denied(session->network);
	*message = (struct view_message){
		.type = VIEW_STATE,
		.state =
			{
				.holder = holders[session_holder(session)],
				.flags = (session->record != NULL ? VIEW_STATE_RECORDING : 0) |
					 (lease_withholds(session) ? VIEW_STATE_WITHHELD : 0) |
					 (session->state >= SESSION_STOPPING ? VIEW_STATE_STOPPING
									     : 0),
				.network = session->network == NULL ? VIEW_NETWORK_NONE
					   : session_network_is_open(session)
						   ? VIEW_NETWORK_OPEN
						   : VIEW_NETWORK_FILTERED,
				.rules = session_network_rules(session),
				.clipboard = clipboards[session->policy->ui.clipboard],
				.viewers = view->viewers_len,
				.denied = denied > UINT32_MAX ? UINT32_MAX : (uint32_t)denied,
				.begun_s = (uint64_t)session->begun,
				.paused_since_ns = session->pause.on ? session->pause.since_ns : 0,
			},
	};
}

static void fill_title(const struct view *view, struct view_message *message) {
	*message = (struct view_message){.type = VIEW_TITLE};
	struct display_state state = display_state(display_of(view));
	for (size_t i = 0; i < state.windows_len; i++) {
		const struct display_window *window = &state.windows[i];
		if ((window->state & CHANNEL_WINDOW_FOCUSED) != 0) {
			untrusted_text(message->title.untrusted_title,
				sizeof(message->title.untrusted_title), window->title,
				sizeof(window->title));
			untrusted_text(message->title.untrusted_app_id,
				sizeof(message->title.untrusted_app_id), window->app_id,
				sizeof(window->app_id));
		}
	}
}

static void fill_cursor(const struct view *view, struct view_message *message) {
	struct display_cursor cursor = display_cursor(display_of(view));
	*message = (struct view_message){
		.type = VIEW_CURSOR,
		.cursor =
			{
				.x = cursor.x,
				.y = cursor.y,
				.visible = cursor.visible,
				.image_serial = cursor.image_serial,
				.width = cursor.width,
				.height = cursor.height,
				.hot_x = cursor.hot_x,
				.hot_y = cursor.hot_y,
			},
	};
}

static void fill_frame(const struct viewer *viewer, struct view_message *message) {
	const struct view *view = viewer->view;
	struct display_frame frame;
	display_newest(display_of(view), &frame);
	*message = (struct view_message){
		.type = VIEW_FRAME,
		.frame =
			{
				.slot = frame.slot,
				.boxes_len = viewer->damage.len,
				.serial = frame.serial,
				.generation = atomic_load(&view->slots->generation[frame.slot]),
				.time_ns = frame.time_ns,
			},
	};
	memcpy(message->frame.boxes, viewer->damage.boxes,
		viewer->damage.len * sizeof(message->frame.boxes[0]));
}

static void fill_hello(const struct view *view, struct view_message *message) {
	struct display_state state = display_state(display_of(view));
	*message = (struct view_message){
		.type = VIEW_HELLO,
		.hello =
			{
				.version = VIEW_VERSION,
				.width = state.width,
				.height = state.height,
				.refresh = state.refresh,
			},
	};
	const struct session *session = view->session;
	snprintf(message->hello.name, sizeof(message->hello.name), "%s", session->runtime.name);
	untrusted_text(message->hello.command, sizeof(message->hello.command), session->command,
		strlen(session->command));
}

// ---- sending

// 0, -EAGAIN: there is no room now, or another -errno.
static int send_message(
	int fd, const struct view_message *message, const int *fds, size_t fds_len) {
	struct iovec iov = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fds_len > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fds_len * sizeof(int));
	}
	ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 ? -errno : 0;
}

// Sends one thing that is due and takes it off. False: there is no room.
static bool send_due(struct viewer *viewer, uint32_t what) {
	struct view_message message;
	int item_fd = -1;
	switch (what) {
	case DUE_STATE:
		message = viewer->view->state;
		if (viewer == viewer->view->at_the_wheel) {
			message.state.flags |= VIEW_STATE_MINE;
		}
		break;
	case DUE_TITLE:
		fill_title(viewer->view, &message);
		break;
	case DUE_CURSOR:
		fill_cursor(viewer->view, &message);
		break;
	case DUE_NOTICE:
		message = viewer->notices[0];
		break;
	case DUE_ITEM:
		message = *view_items_next(&viewer->items, &item_fd);
		break;
	default:
		fill_frame(viewer, &message);
		break;
	}
	int ret = send_message(viewer->fd, &message, &item_fd, item_fd >= 0);
	if (ret == -EAGAIN) {
		return false;
	}
	if (ret < 0) {
		// Wakes its own handler, which frees it: nobody may do so under whoever called
		// this.
		shutdown(viewer->fd, SHUT_RDWR);
		viewer->due = 0;
		return true;
	}
	if (what == DUE_NOTICE && --viewer->notices_len > 0) {
		memmove(&viewer->notices[0], &viewer->notices[1],
			viewer->notices_len * sizeof(viewer->notices[0]));
		return true;
	}
	if (what == DUE_ITEM) {
		view_items_sent(&viewer->items);
		if (view_items_next(&viewer->items, &item_fd) != NULL) {
			return true;
		}
	}
	if (what == DUE_FRAME) {
		viewer->damage.len = 0;
	}
	viewer->due &= ~what;
	return true;
}

static void send_all_due(struct viewer *viewer) {
	while (viewer->due != 0 && send_due(viewer, viewer->due & -viewer->due)) {}
	bool waits = viewer->due != 0;
	if (waits != viewer->waits) {
		viewer->waits = waits;
		wl_event_source_fd_update(
			viewer->source, WL_EVENT_READABLE | (waits ? WL_EVENT_WRITABLE : 0));
	}
}

static void tell(struct viewer *viewer, uint32_t what) {
	viewer->due |= what;
	if (!viewer->waits) {
		send_all_due(viewer);
	}
}

static void tell_all(struct view *view, uint32_t what) {
	struct viewer *viewer;
	wl_list_for_each (viewer, &view->viewers, link) {
		tell(viewer, what);
	}
}

void view_frame(struct view *view, const struct display_frame *frame) {
	if (view == NULL) {
		return;
	}
	struct viewer *viewer;
	wl_list_for_each (viewer, &view->viewers, link) {
		for (uint32_t i = 0; i < frame->boxes_len; i++) {
			damage_add(&viewer->damage, &frame->boxes[i]);
		}
		tell(viewer, DUE_FRAME);
	}
}

void view_slot_released(struct view *view, uint32_t slot) {
	if (view != NULL) {
		atomic_fetch_add(&view->slots->generation[slot], 1);
	}
}

void view_cursor(struct view *view) {
	if (view != NULL) {
		tell_all(view, DUE_CURSOR);
	}
}

void view_windows(struct view *view) {
	if (view != NULL) {
		tell_all(view, DUE_TITLE);
	}
}

void view_state(struct view *view) {
	struct view_message state;
	if (view == NULL) {
		return;
	}
	fill_state(view, &state);
	const struct viewer *at_the_wheel = view->session->lease.viewer;
	if (memcmp(&state, &view->state, sizeof(state)) != 0 ||
		at_the_wheel != view->at_the_wheel) {
		view->state = state;
		view->at_the_wheel = at_the_wheel;
		tell_all(view, DUE_STATE);
	}
}

void view_notice(struct view *view, bool urgent, const char *text) {
	if (view == NULL) {
		return;
	}
	struct view_message message = {.type = VIEW_NOTICE, .notice.urgency = urgent};
	untrusted_text(message.notice.text, sizeof(message.notice.text), text, strlen(text));
	struct viewer *viewer;
	wl_list_for_each (viewer, &view->viewers, link) {
		if (viewer->notices_len == MAX_NOTICES) {
			memmove(&viewer->notices[0], &viewer->notices[1],
				--viewer->notices_len * sizeof(viewer->notices[0]));
		}
		viewer->notices[viewer->notices_len++] = message;
		tell(viewer, DUE_NOTICE);
	}
}

// ---- receiving

static void destroy_viewer(struct viewer *viewer) {
	lease_forget_viewer(viewer->view->session, viewer);
	view_items_finish(&viewer->items);
	wl_event_source_remove(viewer->source);
	close(viewer->fd);
	wl_list_remove(&viewer->link);
	viewer->view->viewers_len--;
	free(viewer);
}

static_assert(VIEW_MAX_KEYMAP <= CHANNEL_MAX_KEYMAP &&
		      (int)VIEW_LOCK_CAPS == (int)CHANNEL_LOCK_CAPS &&
		      (int)VIEW_LOCK_NUM == (int)CHANNEL_LOCK_NUM,
	"what a viewer may say, the compositor understands");

static void pass_input(struct viewer *viewer, const struct view_message *message) {
	static const uint32_t kinds[] = {
		[VIEW_INPUT_MOVE] = CHANNEL_INPUT_MOVE,
		[VIEW_INPUT_BUTTON] = CHANNEL_INPUT_BUTTON,
		[VIEW_INPUT_SCROLL] = CHANNEL_INPUT_SCROLL,
		[VIEW_INPUT_KEYCODE] = CHANNEL_INPUT_KEYCODE,
		[VIEW_INPUT_TOUCH] = CHANNEL_INPUT_TOUCH,
	};
	struct session *session = viewer->view->session;
	if (!lease_is_mine(session, viewer)) {
		return; // of one who only watches it is nothing
	}
	if (message->input.kind == VIEW_INPUT_RELEASE) {
		display_release_input(session->display);
		return;
	}
	struct channel_message input = {
		.type = CHANNEL_HUMAN_INPUT,
		.human_input = {kinds[message->input.kind], message->input.code,
			message->input.value, message->input.x, message->input.y},
	};
	display_human_input(session->display, &input);
}

// Takes the keymap of who has the wheel. False: it is none.
static bool pass_keymap(struct viewer *viewer, const struct view_message *message, int fd) {
	struct session *session = viewer->view->session;
	const struct display_keymap keymap = {.fd = fd,
		.bytes = message->keymap.bytes,
		.group = message->keymap.group,
		.locks = message->keymap.locks};
	// Also while the session is paused: it counts when it goes on.
	return session->lease.viewer != viewer ||
	       display_human_keymap(session->display, &keymap) != -EINVAL;
}

static void record_as_asked(struct viewer *viewer, bool on) {
	struct view *view = viewer->view;
	struct record_why why;
	int ret = 0;
	if (on) {
		ret = record_start(view->session, -1, NULL, "a viewer", &why);
	} else {
		record_stop(view->session, "a viewer", NULL, NULL, 0);
	}
	if (ret < 0 && ret != -EALREADY) {
		view_notice(view, true, why.text);
	}
}

// Does what a checked message asks for. False: it does not make sense after all.
static bool act(struct viewer *viewer, const struct view_message *message, int fd) {
	struct session *session = viewer->view->session;
	switch (message->type) {
	case VIEW_TAKE_OVER:
		lease_take(session, viewer, message->take_over.withhold == 1, "a viewer");
		break;
	case VIEW_HAND_BACK:
		lease_hand_back(session, "a viewer");
		break;
	case VIEW_PAUSE:
		session_pause(session, "a viewer");
		break;
	case VIEW_RESUME:
		session_resume(session, "a viewer");
		break;
	case VIEW_STOP:
		session_stop(session, "a viewer", SESSION_GRACE_MS);
		break;
	case VIEW_RECORD:
		record_as_asked(viewer, message->record.on == 1);
		break;
	case VIEW_KEYMAP:
		return pass_keymap(viewer, message, fd);
	case VIEW_INPUT:
		pass_input(viewer, message);
		return true;
	case VIEW_PUT_ITEM:
	case VIEW_GET_ITEM:
	case VIEW_ANSWER_ITEM:
		view_items_take(&viewer->items, message, fd);
		return true;
	default:
		break;
	}
	tell(viewer, DUE_STATE); // the answer, also where nothing changed
	return true;
}

// Reads one message. False: there is none; *gone when there will be none any more.
static bool receive(struct viewer *viewer, bool *gone) {
	struct view_message untrusted;
	struct iovec iov = {.iov_base = &untrusted, .iov_len = sizeof(untrusted)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(viewer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	int fd = -1;
	struct cmsghdr *cmsg = len < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int)); // room was given for one
	}
	struct display_state state = display_state(display_of(viewer->view));
	*gone = len != sizeof(untrusted) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
		!view_check(&untrusted, fd >= 0 ? 1 : 0, state.width, state.height);
	if (!*gone && !act(viewer, &untrusted, fd)) {
		*gone = true;
	}
	if (fd >= 0) {
		close(fd);
	}
	return !*gone;
}

static int handle_viewer(int fd, uint32_t mask, void *data) {
	struct viewer *viewer = data;
	bool gone = false;
	if (mask & (WL_EVENT_READABLE | WL_EVENT_HANGUP | WL_EVENT_ERROR)) {
		for (int i = 0; i < MAX_MESSAGES_A_TURN && receive(viewer, &gone); i++) {}
	}
	if (gone) {
		struct view *view = viewer->view;
		destroy_viewer(viewer);
		view_state(view);
	} else if (mask & WL_EVENT_WRITABLE) {
		send_all_due(viewer);
	}
	return 0;
}

static void handle_item(void *data) {
	tell(data, DUE_ITEM);
}

// ---- life

static int send_hello(const struct view *view, int fd) {
	struct view_message hello;
	fill_hello(view, &hello);
	return send_message(fd, &hello, (int[]){view->frames_fd, view->slots_fd}, 2);
}

int view_attach(struct view *view) {
	if (view->viewers_len == VIEW_MAX_VIEWERS) {
		return -EUSERS;
	}
	int pair[2];
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	if (viewer == NULL ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		int error = viewer == NULL ? ENOMEM : errno;
		free(viewer);
		return -error;
	}
	viewer->view = view;
	viewer->fd = pair[0];
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_BYTES}, sizeof(int));
	viewer->source = wl_event_loop_add_fd(
		view->session->loop, pair[0], WL_EVENT_READABLE, handle_viewer, viewer);
	int ret = viewer->source == NULL ? -ENOMEM : send_hello(view, pair[0]);
	if (ret < 0) {
		if (viewer->source != NULL) {
			wl_event_source_remove(viewer->source);
		}
		close(pair[0]);
		close(pair[1]);
		free(viewer);
		return ret;
	}
	view_items_init(&viewer->items, view->session, handle_item, viewer);
	wl_list_insert(view->viewers.prev, &viewer->link);
	view->viewers_len++;
	view_state(view);
	struct display_frame frame;
	uint32_t due = DUE_STATE | DUE_TITLE | DUE_CURSOR;
	if (display_newest(display_of(view), &frame)) {
		damage_add(&viewer->damage, frame.boxes);
		due |= DUE_FRAME;
	}
	tell(viewer, due);
	return pair[1];
}

uint32_t view_viewers(const struct view *view) {
	return view != NULL ? view->viewers_len : 0;
}

// The frame memory as a descriptor that cannot be written through.
static int open_for_reading(int memory_fd) {
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_fd);
	// The file's mode counts only where it is opened anew, as a viewer might.
	if (fchmod(memory_fd, 0400) != 0) {
		return -errno;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool make_slots(struct view *view) {
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	view->slots_fd =
		memfd_create("parclose-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (view->slots_fd < 0 || ftruncate(view->slots_fd, sizeof(*view->slots)) != 0) {
		return false;
	}
	void *slots = mmap(
		NULL, sizeof(*view->slots), PROT_READ | PROT_WRITE, MAP_SHARED, view->slots_fd, 0);
	if (slots == MAP_FAILED) {
		return false;
	}
	view->slots = slots;
	// From here on nobody writes but through this mapping.
	return fcntl(view->slots_fd, F_ADD_SEALS, seals) == 0;
}

struct view *view_create(struct session *session) {
	struct view *view = calloc(1, sizeof(*view));
	if (view == NULL) {
		return NULL;
	}
	view->session = session;
	wl_list_init(&view->viewers);
	view->slots_fd = -1;
	view->frames_fd = open_for_reading(display_memory_fd(session->display));
	if (view->frames_fd < 0 || !make_slots(view)) {
		view_destroy(view, NULL);
		return NULL;
	}
	return view;
}

void view_destroy(struct view *view, const char *why) {
	if (view == NULL) {
		return;
	}
	struct view_message ended = {.type = VIEW_ENDED, .notice.urgency = 1};
	if (why != NULL) {
		untrusted_text(ended.notice.text, sizeof(ended.notice.text), why, strlen(why));
	}
	view->session->lease.viewer = NULL; // nothing is said after the end
	struct viewer *viewer, *next;
	wl_list_for_each_safe (viewer, next, &view->viewers, link) {
		// One that is full learns it from the end of its socket.
		send_message(viewer->fd, &ended, NULL, 0);
		destroy_viewer(viewer);
	}
	if (view->slots != NULL) {
		munmap(view->slots, sizeof(*view->slots));
	}
	if (view->slots_fd >= 0) {
		close(view->slots_fd);
	}
	if (view->frames_fd >= 0) {
		close(view->frames_fd);
	}
	free(view);
}
