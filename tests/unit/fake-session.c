#include "fake-session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "session/ask.h"
#include "session/clipboard.h"

struct act {
	struct wl_list link; // session.acts
	struct session *session;
	struct act_result result;
	struct act_way way;
	struct wl_event_source *timer; // NULL: it fired
	act_done done;
	void *data;
};

void fake_init(struct session *session, struct wl_event_loop *loop) {
	*session = (struct session){
		.loop = loop,
		.state = SESSION_RUNNING,
		.has_display = true,
		.frame = 7,
		.windows_len = 1,
		.windows[0] = {.id = 1,
			.pid = 4242,
			.state = CHANNEL_WINDOW_MAPPED | CHANNEL_WINDOW_FOCUSED,
			.box = {0, 0, 1280, 800},
			.title = "a \"title\"",
			.app_id = "foot"},
		.png_len = 5,
		.jpeg_len = 4,
		.exec_status = -1,
	};
	wl_list_init(&session->acts);
}

static void free_act(struct act *act) {
	wl_list_remove(&act->link);
	if (act->timer != NULL) {
		wl_event_source_remove(act->timer);
	}
	act->session->acts_len--;
	free(act);
}

void fake_finish(struct session *session) {
	if (session->exec_timer != NULL) {
		wl_event_source_remove(session->exec_timer);
	}
	struct act *act, *next;
	wl_list_for_each_safe (act, next, &session->acts, link) {
		free_act(act);
	}
}

static void note(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct session *session, const char *format, ...) {
	size_t len = strlen(session->performed);
	va_list args;
	va_start(args, format);
	vsnprintf(session->performed + len, sizeof(session->performed) - len, format, args);
	va_end(args);
}

// ---- session/act.h

void action_finish(struct action *action) {
	free(action->path);
	free(action->text);
	*action = (struct action){0};
}

const char *act_effect_name(enum act_effect effect) {
	static const char *const names[] = {
		"changed", "nothing_changed", "delivered", "refused", "unsupported", "failed"};
	return names[effect];
}

const char *act_way_name(enum channel_way way) {
	static const char *const names[] = {"", "keys", "text-input", "keymap", "paste"};
	return names[way];
}

const char *act_settle_reason_name(enum channel_settle_reason reason) {
	static const char *const names[] = {
		"quiet", "repeating", "timeout", "unresponsive", "cancelled"};
	return names[reason];
}

enum session_holder session_holder(const struct session *session) {
	return session->holder;
}

const char *session_holder_name(enum session_holder holder) {
	static const char *const names[] = {"agent", "human", "paused"};
	return names[holder];
}

static void fail(struct act *act, enum act_effect effect, const char *message) {
	act->result.effect = effect;
	snprintf(act->result.message, sizeof(act->result.message), "%s", message);
}

static void perform(struct act *act, const struct action *action) {
	struct session *session = act->session;
	struct act_result *result = &act->result;
	switch (action->kind) {
	case ACT_CLICK:
		note(session, "click %d,%d", action->point.x, action->point.y);
		result->effect = result->waited ? ACT_CHANGED : ACT_DELIVERED;
		result->has_box = result->waited;
		result->box = (struct channel_box){action->point.x, action->point.y, 3, 4};
		result->window = 1;
		break;
	case ACT_TEXT:
		note(session, "text '%s'", action->text);
		result->effect = result->waited ? ACT_CHANGED : ACT_DELIVERED;
		result->has_box = result->waited;
		result->box = (struct channel_box){100, 100, 10, 10};
		result->window = 1;
		result->characters = (uint32_t)strlen(action->text);
		act->way = (struct act_way){0, result->characters, CHANNEL_WAY_KEYMAP};
		result->ways = &act->way;
		result->ways_len = 1;
		break;
	case ACT_KEY:
		note(session, "key %s", action->keys[0]);
		if (strcmp(action->keys[0], "Nonsense") == 0) {
			fail(act, ACT_UNSUPPORTED, "there is no key 'Nonsense'");
		}
		break;
	case ACT_WAIT:
		note(session, "wait %u", action->ms);
		break;
	case ACT_WAIT_STABLE:
		note(session, "stable %u %u", action->settle.quiet_ms, action->settle.timeout_ms);
		result->waited = result->settled = true;
		result->settled_ms = 130;
		break;
	default:
		note(session, "action %d", (int)action->kind);
		break;
	}
	note(session, ";");
	if (action->has_point && (action->point.x >= 1280 || action->point.y >= 800)) {
		result->has_box = false;
		fail(act, ACT_FAILED, "the point is not on the display");
	}
	bool looks = action->kind >= ACT_WAIT;
	if (session->holder != HOLDER_AGENT && !looks) {
		result->has_box = false;
		fail(act, ACT_REFUSED, "somebody else holds the session");
	}
}

static int handle_timer(void *data) {
	struct act *act = data;
	struct act_result result = act->result;
	struct act_way way = act->way;
	result.ways = result.ways_len > 0 ? &way : NULL;
	result.frame = ++act->session->frame;
	act_done done = act->done;
	void *its_data = act->data;
	free_act(act);
	done(its_data, &result);
	return 0;
}

static void handle_idle(void *data) {
	struct act *act = data;
	act->timer = NULL; // frees itself
	handle_timer(act);
}

struct act *session_act(struct session *session, enum act_holder who, const char *from,
	const struct action *action, const struct settle_options *settle, act_done done,
	void *data) {
	struct act *act = calloc(1, sizeof(*act));
	if (act == NULL || session->state > SESSION_RUNNING) {
		free(act);
		return NULL;
	}
	act->session = session;
	act->done = done;
	act->data = data;
	act->result.effect = ACT_DELIVERED;
	act->result.cursor = (struct act_point){640, 400};
	if (settle->wait) {
		act->result.effect = ACT_NOTHING_CHANGED;
		act->result.waited = act->result.settled = true;
		act->result.settled_ms = 120;
	}
	perform(act, action);
	wl_list_insert(session->acts.prev, &act->link);
	session->acts_len++;
	if (session->at_once) {
		act->timer = wl_event_loop_add_idle(session->loop, handle_idle, act);
		return act;
	}
	act->timer = wl_event_loop_add_timer(session->loop, handle_timer, act);
	wl_event_source_timer_update(
		act->timer, action->kind == ACT_HOLD && action->ms > 0 ? (int)action->ms : 1);
	return act;
}

void session_act_cancel(struct act *act) {
	note(act->session, "cancelled;");
	free_act(act);
}

void fake_end(struct session *session, const char *reason) {
	session->state = SESSION_ENDED;
	struct act *act, *next;
	wl_list_for_each_safe (act, next, &session->acts, link) {
		snprintf(act->result.message, sizeof(act->result.message), "the session ended: %s",
			reason);
		act->result.effect = ACT_FAILED;
		act->result.has_box = false;
		handle_timer(act);
	}
}

int session_picture(
	struct session *session, const struct picture_options *options, struct picture *picture) {
	if (session->frame == 0) {
		return -EAGAIN;
	}
	if (session->withholds) {
		return -EACCES;
	}
	const struct channel_box *box = &options->region;
	if (box->x + box->width > 1280 || box->y + box->height > 800) {
		return -ERANGE;
	}
	bool jpeg = options->format == PICTURE_JPEG;
	size_t len = jpeg ? session->jpeg_len : session->png_len;
	*picture = (struct picture){
		.bytes = malloc(len),
		.len = len,
		.width = box->width > 0 ? (uint32_t)box->width : 1280,
		.height = box->height > 0 ? (uint32_t)box->height : 800,
		.format = options->format,
		.frame = session->frame,
	};
	if (picture->bytes == NULL) {
		return -ENOMEM;
	}
	memset(picture->bytes, jpeg ? 'J' : 'P', len);
	return 0;
}

// ---- session/clipboard.h

struct clipboard_call {
	struct session *session;
	struct wl_event_source *idle;
	bool reads;
	clipboard_done done;
	void *data;
};

static void handle_clipboard(void *data) {
	struct clipboard_call call = *(struct clipboard_call *)data;
	call.session->clipboard_call = NULL;
	free(data);
	struct clipboard_result result = {0};
	const char *text = call.session->clipboard;
	if (call.reads &&
		clipboard_text_check(text, strlen(text), &result.text) != CLIPBOARD_GOOD) {
		snprintf(result.why, sizeof(result.why), "the session's clipboard is empty");
	}
	call.done(call.data, &result);
}

static struct clipboard_call *begin_clipboard(
	struct session *session, bool reads, clipboard_done done, void *data, const char **why) {
	if (session->clipboard_call != NULL || !session->has_display) {
		*why = session->has_display ? "try again" : "this session has no display";
		return NULL;
	}
	struct clipboard_call *call = calloc(1, sizeof(*call));
	*call = (struct clipboard_call){
		.session = session, .reads = reads, .done = done, .data = data};
	call->idle = wl_event_loop_add_idle(session->loop, handle_clipboard, call);
	session->clipboard_call = call;
	return call;
}

struct clipboard_call *session_clipboard_read(struct session *session,
	const struct clipboard_read_options *options, clipboard_done done, void *data,
	const char **why) {
	note(session, "read;");
	return begin_clipboard(session, true, done, data, why);
}

struct clipboard_call *session_clipboard_write(struct session *session, const char *type, int fd,
	size_t len, uint32_t flags, clipboard_done done, void *data, const char **why) {
	note(session, "write %s %u;", type, flags);
	size_t room = sizeof(session->clipboard) - 1;
	ssize_t n = pread(fd, session->clipboard, len < room ? len : room, 0);
	session->clipboard[n > 0 ? n : 0] = '\0';
	close(fd);
	return begin_clipboard(session, false, done, data, why);
}

struct clipboard_call *session_clipboard_clear(
	struct session *session, clipboard_done done, void *data, const char **why) {
	session->clipboard[0] = '\0';
	return begin_clipboard(session, false, done, data, why);
}

void session_clipboard_cancel(struct clipboard_call *call) {
	note(call->session, "cancelled;");
	call->session->clipboard_call = NULL;
	wl_event_source_remove(call->idle);
	free(call);
}

// ---- session/session.h, session/service.h

const char *session_name(const struct session *session) {
	return "fake";
}

enum session_state session_state(const struct session *session) {
	return session->state;
}

void session_stop(struct session *session, const char *who, uint32_t grace_ms) {
	session->stopped = true;
}

int session_exit_code(int status) {
	return status;
}

struct wl_event_loop *session_loop(struct session *session) {
	return session->loop;
}

bool session_display_state(struct session *session, struct display_state *state) {
	*state = (struct display_state){
		.ready = true,
		.width = 1280,
		.height = 800,
		.serial = session->frame,
		.windows = session->windows,
		.windows_len = session->windows_len,
	};
	return session->has_display;
}

int session_window_act(struct session *session, uint32_t id, enum channel_window_verb verb) {
	if (!session->has_display) {
		return -ENODEV;
	}
	note(session, "window %d %u;", (int)verb, id);
	return verb == CHANNEL_WINDOW_CYCLE || id == 1 ? 0 : -ESRCH;
}

cJSON *session_inspect(struct session *session) {
	cJSON *out = cJSON_CreateObject();
	cJSON_AddRawToObject(out, "policy",
		"{\"source\":\"x\",\"filesystem\":{\"readonlyPaths\":[\"/usr\"]},\"network\":{}}");
	return out;
}

static int handle_exec(void *data) {
	struct session *session = data;
	wl_event_source_remove(session->exec_timer);
	session->exec_timer = NULL;
	const struct session_exec_observer *observer = session->exec_observer;
	if (observer == NULL) {
		return 0;
	}
	struct session_exec_result result = {.failed = session->exec_fails, .pty_fd = -1};
	snprintf(result.message, sizeof(result.message), "there is no such program");
	observer->started(session->exec_data, 9, &result);
	if (session->exec_shows && session->windows_len < 4) {
		session->windows[session->windows_len++] =
			(struct display_window){.id = 2, .title = "new", .app_id = "new"};
	}
	if (!session->exec_fails && session->exec_status >= 0) {
		observer->exited(session->exec_data, 9, session->exec_status);
	}
	return 0;
}

uint32_t session_exec(struct session *session, const struct sandbox_command *command,
	const struct session_exec_observer *observer, void *data, struct sandbox_error *err) {
	note(session, "exec %s in %s;", command->argv[0],
		command->cwd != NULL ? command->cwd : "-");
	if (session->exec_timer != NULL) {
		wl_event_source_remove(session->exec_timer);
	}
	session->exec_observer = observer;
	session->exec_data = data;
	session->exec_timer = wl_event_loop_add_timer(session->loop, handle_exec, session);
	wl_event_source_timer_update(session->exec_timer, 1);
	return 9;
}

void session_exec_release(struct session *session, void *data) {
	if (session->exec_data == data) {
		session->exec_observer = NULL;
	}
}

int session_ask(
	struct session *session, const char *from, const char *untrusted, uint32_t *viewers) {
	*viewers = untrusted[0] == '2' ? 2 : 0;
	return untrusted[0] == '!' ? -EAGAIN : 0;
}
