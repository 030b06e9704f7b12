#include "session/act.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-server-core.h>

#include "session/act-steps.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/untrusted.h"
#include "session/view.h"

#define LOGGED_TEXT 200 // bytes of a typed text that the audit log shows
// Of actions that nothing was done of, so many are logged at once and so many a second; the others
// are counted. Who is refused may ask again and again, and the disk is the user's.
#define LOGGED_VAIN 100
#define LOGGED_VAIN_A_SECOND 10

struct act {
	struct wl_list link; // queue.waiting or queue.finished; the current one is in neither
	struct act_queue *queue;
	enum act_holder who;
	char from[64];
	struct action action;
	struct settle_options settle;
	act_done done;
	void *data;
	bool has_effect; // of `result`: it failed already
	bool performed; // and perhaps still settling
	struct act_result result;
	struct act_way *ways; // of `result`
	size_t ways_size;
};

struct act_queue {
	struct session *session;
	enum session_holder holder;
	struct wl_list waiting,
		finished; // act.link; finished ones are reported from the event loop
	size_t len; // of both
	struct act *current; // NULL: none, though the display may still have a cancelled one
	struct act_steps steps; // of the current one
	struct act_held held;
	struct wl_event_source *idle, *timer;
	bool ended;
	uint32_t vain; // lines of LOGGED_VAIN used
	uint64_t vain_ns; // as of then, CLOCK_MONOTONIC
	uint32_t unlogged; // since the last line
};

// ---- names

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
	static_assert(sizeof(names) / sizeof(names[0]) == CHANNEL_SETTLE_REASON_COUNT, "all");
	return names[reason];
}

const char *session_holder_name(enum session_holder holder) {
	static const char *const names[] = {"agent", "human", "paused"};
	return names[holder];
}

static const char *kind_name(enum act_kind kind) {
	static const char *const names[] = {
		[ACT_MOVE] = "move",
		[ACT_CLICK] = "click",
		[ACT_PRESS] = "press",
		[ACT_RELEASE] = "release",
		[ACT_DRAG] = "drag",
		[ACT_SCROLL] = "scroll",
		[ACT_KEY] = "key",
		[ACT_HOLD] = "hold",
		[ACT_KEY_DOWN] = "key_down",
		[ACT_KEY_UP] = "key_up",
		[ACT_TEXT] = "type",
		[ACT_TOUCH] = "touch",
		[ACT_WAIT] = "wait",
		[ACT_WAIT_STABLE] = "wait_stable",
		[ACT_SCREENSHOT] = "screenshot",
		[ACT_CURSOR_POSITION] = "cursor_position",
	};
	return kind > 0 && kind < ACT_KIND_COUNT ? names[kind] : "?";
}

// ---- one action's life

void action_finish(struct action *action) {
	free(action->path);
	free(action->text);
	*action = (struct action){0};
}

static bool copy_action(struct action *to, const struct action *from) {
	*to = *from;
	to->path = NULL;
	to->text = NULL;
	if (from->path_len > 0) {
		to->path = calloc(from->path_len, sizeof(*to->path));
		if (to->path == NULL) {
			return false;
		}
		memcpy(to->path, from->path, from->path_len * sizeof(*to->path));
	}
	if (from->text != NULL) {
		to->text = strdup(from->text);
	}
	return from->text == NULL || to->text != NULL;
}

static void free_act(struct act *act) {
	action_finish(&act->action);
	free(act->ways);
	free(act);
}

// May there be a line of one more action that nothing was done of?
static bool may_log_vain(struct act_queue *queue) {
	uint64_t now_ns = session_now_ns();
	uint64_t more = (now_ns - queue->vain_ns) / (1000000000u / LOGGED_VAIN_A_SECOND);
	if (more > 0) {
		queue->vain -= more < queue->vain ? (uint32_t)more : queue->vain;
		queue->vain_ns = now_ns;
	}
	if (queue->vain == LOGGED_VAIN) {
		queue->unlogged++;
		return false;
	}
	queue->vain++;
	return true;
}

static void log_act(const struct act *act) {
	const struct action *action = &act->action;
	struct act_queue *queue = act->queue;
	if (act->result.effect >= ACT_REFUSED && act->result.characters == 0 &&
		act->result.window == 0 && !may_log_vain(queue)) {
		return;
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "action", kind_name(action->kind));
	cJSON_AddStringToObject(fields, "as", act->who == ACT_HUMAN ? "human" : "agent");
	cJSON_AddStringToObject(fields, "from", act->from);
	const struct act_point *point = action->path_len > 0 ? &action->path[0]
					: action->has_point  ? &action->point
							     : NULL;
	if (point != NULL) {
		cJSON_AddNumberToObject(fields, "x", point->x);
		cJSON_AddNumberToObject(fields, "y", point->y);
	}
	if (action->keys_len > 0 && !action->sensitive) {
		cJSON *keys = cJSON_AddArrayToObject(fields, "keys");
		for (size_t i = 0; i < action->keys_len && i < ACT_MAX_KEYS; i++) {
			cJSON_AddItemToArray(keys, cJSON_CreateString(action->keys[i]));
		}
	}
	if (action->text != NULL) {
		size_t len = strlen(action->text);
		cJSON_AddNumberToObject(fields, "bytes", (double)len);
		if (!action->sensitive) {
			char text[LOGGED_TEXT + 4];
			untrusted_text(text, sizeof(text), action->text, len);
			cJSON_AddStringToObject(fields, "text", text);
		}
	}
	cJSON_AddStringToObject(fields, "effect", act_effect_name(act->result.effect));
	if (act->result.message[0] != '\0') {
		cJSON_AddStringToObject(fields, "message", act->result.message);
	}
	if (queue->unlogged > 0) {
		cJSON_AddNumberToObject(fields, "unlogged", queue->unlogged);
		queue->unlogged = 0;
	}
	session_record(queue->session, "act", fields);
}

static void set_effect(struct act *act, enum act_effect effect, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Where the picture changed tells letter by letter what a person types, so who gets no pictures
 * does not hear that either, nor where the pointer is.
 */
static bool is_withheld(const struct act *act) {
	const struct session *session = act->queue->session;
	return act->who == ACT_AGENT && session->lease.human && session->lease.withheld;
}

static void set_withheld(struct act *act) {
	act->result = (struct act_result){.effect = ACT_DELIVERED, .cursor = {-1, -1}};
	act->ways_size = 0;
	free(act->ways);
	act->ways = NULL;
	if (act->action.kind != ACT_WAIT) {
		set_effect(act, ACT_REFUSED,
			"the user has taken over and withholds pictures until they hand the "
			"session back");
	}
}

// Tells how it went, and frees it. In no list any more.
static void report(struct act *act) {
	act->queue->len--;
	if (is_withheld(act) && act->result.effect < ACT_REFUSED) {
		set_withheld(act);
	}
	act->result.ways = act->ways;
	if (act->who == ACT_AGENT && act->queue->holder == HOLDER_AGENT) {
		uint64_t *ms = &act->queue->session->lease.unreported_ms;
		act->result.user_had_ms = *ms < UINT32_MAX ? (uint32_t)*ms : UINT32_MAX;
		*ms = 0;
	}
	if (act_is_input(act->action.kind)) {
		log_act(act);
	}
	act->done(act->data, &act->result);
	free_act(act);
}

static void set_effect(struct act *act, enum act_effect effect, const char *format, ...) {
	act->has_effect = true;
	act->result.effect = effect;
	va_list args;
	va_start(args, format);
	vsnprintf(act->result.message, sizeof(act->result.message), format, args);
	va_end(args);
}

static void refuse_for_holder(struct act *act, enum session_holder holder) {
	if (holder == HOLDER_HUMAN) {
		set_effect(act, ACT_REFUSED,
			"the user has taken over; wait until they hand the session back");
	} else if (holder == HOLDER_PAUSED) {
		set_effect(act, ACT_REFUSED, "the session is paused; wait until it is resumed");
	} else {
		set_effect(act, ACT_REFUSED,
			"the agent has the session; take it over first (parclose takeover)");
	}
}

// ---- the queue

static void handle_idle(void *data);

static void pump_soon(struct act_queue *queue) {
	if (queue->idle == NULL && !queue->ended) {
		queue->idle = wl_event_loop_add_idle(queue->session->loop, handle_idle, queue);
	}
}

// It is over; told on a turn of its own.
static void finish(struct act *act) {
	struct act_queue *queue = act->queue;
	struct display *display = queue->session->display;
	if (queue->current == act) {
		queue->current = NULL;
		act_steps_finish(&queue->steps);
	} else {
		wl_list_remove(&act->link);
	}
	if (!act->has_effect) {
		act->result.effect = !act->result.waited   ? ACT_DELIVERED
				     : act->result.has_box ? ACT_CHANGED
							   : ACT_NOTHING_CHANGED;
	}
	if (act->result.effect == ACT_NOTHING_CHANGED && act->result.message[0] == '\0') {
		snprintf(act->result.message, sizeof(act->result.message),
			"no pixel changed within %u ms; what takes longer to begin shows in the "
			"next screenshot or wait_stable",
			act->result.settled_ms);
	}
	if (display != NULL) {
		struct display_state state = display_state(display);
		act->result.frame = state.serial;
		display_pointer(display, &act->result.cursor.x, &act->result.cursor.y);
	}
	wl_list_insert(queue->finished.prev, &act->link);
	pump_soon(queue);
}

// Sends it to the display, if there is anything to send.
static void perform(struct act *act) {
	struct act_queue *queue = act->queue;
	struct display *display = queue->session->display;
	uint32_t token = display != NULL ? display_next_token(display) : 0;
	if (!act_steps_make(&queue->steps, token, &act->action, &act->settle, &queue->held)) {
		set_effect(act, ACT_FAILED,
			"the action is too large to be performed at once; use a shorter one");
		finish(act);
		return;
	}
	const struct act_steps *steps = &queue->steps;
	if (steps->len == 0) {
		finish(act);
		return;
	}
	if (display_act(display, steps->messages, steps->len, steps->characters, steps->most_ms) !=
		0) {
		set_effect(act, ACT_FAILED, "the display does not take any action now");
		finish(act);
	}
}

static int handle_timer(void *data) {
	struct act_queue *queue = data;
	if (queue->current != NULL) {
		perform(queue->current);
	}
	return 0;
}

static void begin(struct act *act) {
	struct act_queue *queue = act->queue;
	struct display *display = queue->session->display;
	if (display == NULL && (act->action.kind != ACT_WAIT || act->settle.wait)) {
		set_effect(act, ACT_UNSUPPORTED, "this session has no display");
		finish(act);
		return;
	}
	struct display_state state = {0};
	if (display != NULL) {
		state = display_state(display);
	}
	char why[ACT_WHY];
	if (!act_check(&act->action, &act->settle, state.width, state.height, why)) {
		set_effect(act, ACT_FAILED, "%s", why);
		finish(act);
	} else if (act->action.kind == ACT_WAIT && act->action.ms > 0) {
		wl_event_source_timer_update(queue->timer, (int)act->action.ms);
	} else {
		perform(act);
	}
}

static void handle_idle(void *data) {
	struct act_queue *queue = data;
	queue->idle = NULL;
	while (!wl_list_empty(&queue->finished)) {
		struct act *act = wl_container_of(queue->finished.next, act, link);
		wl_list_remove(&act->link);
		report(act);
	}
	const struct display *display = queue->session->display;
	while (queue->current == NULL && !wl_list_empty(&queue->waiting) &&
		(display == NULL || !display_acting(display))) {
		struct act *act = wl_container_of(queue->waiting.next, act, link);
		wl_list_remove(&act->link);
		queue->current = act;
		begin(act);
	}
}

struct act *session_act(struct session *session, enum act_holder who, const char *from,
	const struct action *action, const struct settle_options *settle, act_done done,
	void *data) {
	struct act_queue *queue = session->act_queue;
	if (queue == NULL || queue->ended || queue->len >= ACT_MAX_QUEUE) {
		return NULL;
	}
	struct act *act = calloc(1, sizeof(*act));
	if (act == NULL || !copy_action(&act->action, action)) {
		if (act != NULL) {
			free_act(act);
		}
		return NULL;
	}
	act->queue = queue;
	act->who = who;
	snprintf(act->from, sizeof(act->from), "%s", from);
	if (settle != NULL) {
		act->settle = *settle;
	}
	act->done = done;
	act->data = data;
	queue->len++;
	wl_list_insert(queue->waiting.prev, &act->link);
	bool holds =
		who == ACT_HUMAN ? queue->holder == HOLDER_HUMAN : queue->holder == HOLDER_AGENT;
	if (act_is_input(action->kind) && !holds) {
		refuse_for_holder(act, queue->holder);
		finish(act);
	} else if (act_is_input(action->kind) && session->lease.viewer != NULL) {
		set_effect(act, ACT_REFUSED, "a viewer has control; there are never two hands");
		finish(act);
	}
	pump_soon(queue);
	return act;
}

// Forgets the current action; the display lets go of what it pressed.
static void drop_current(struct act_queue *queue) {
	queue->current = NULL;
	act_steps_finish(&queue->steps);
	wl_event_source_timer_update(queue->timer, 0);
	if (queue->session->display != NULL) {
		display_act_cancel(queue->session->display);
	}
}

void session_act_cancel(struct act *act) {
	struct act_queue *queue = act->queue;
	if (queue->current == act) {
		drop_current(queue);
		if (act_is_input(act->action.kind)) {
			set_effect(act, ACT_REFUSED, "it was cancelled");
			log_act(act);
		}
	} else {
		wl_list_remove(&act->link);
	}
	queue->len--;
	free_act(act);
	pump_soon(queue);
}

// ---- what the display answers

static void take_typed(struct act *act, const struct channel_message *checked) {
	for (uint32_t i = 0; i < checked->typed.runs_len; i++) {
		size_t len = act->result.ways_len;
		struct act_way run = {
			.first = checked->typed.runs[i].first,
			.count = checked->typed.runs[i].count,
			.way = (enum channel_way)checked->typed.runs[i].way,
		};
		struct act_way *last = len > 0 ? &act->ways[len - 1] : NULL;
		if (last != NULL && last->way == run.way &&
			last->first + last->count == run.first) {
			last->count += run.count;
			continue;
		}
		if (len == act->ways_size) {
			size_t size = len == 0 ? 8 : len * 2;
			struct act_way *ways = realloc(act->ways, size * sizeof(*ways));
			if (ways == NULL) {
				return; // it was typed all the same
			}
			act->ways = ways;
			act->ways_size = size;
		}
		act->ways[act->result.ways_len++] = run;
	}
}

// Of what the compositor says it could not press, only the name of a key is told: never a text,
// which may be secret, and fills its message without a NUL.
static void set_unknown_key(struct act *act, uint32_t step) {
	const struct act_steps *steps = &act->queue->steps;
	const struct channel_message *message = step < steps->steps ? &steps->messages[step] : NULL;
	if (message != NULL && message->input.kind == CHANNEL_INPUT_KEY && !act->action.sensitive) {
		set_effect(act, ACT_UNSUPPORTED,
			"there is no key '%.*s'; use a name like Return, Left or F5, or one "
			"character",
			ACT_KEY_BYTES, message->input.text);
	} else {
		set_effect(act, ACT_UNSUPPORTED,
			"part of it is nothing that a keyboard has; use names like Return, Left or "
			"F5, or single characters");
	}
}

// Returns false when nothing of it was delivered.
static bool take_status(struct act *act, const struct channel_message *checked) {
	const struct act_steps *steps = &act->queue->steps;
	switch ((enum channel_input_status)checked->input_done.status) {
	case CHANNEL_INPUT_OK:
		return true;
	case CHANNEL_INPUT_NO_TARGET:
		if (act->action.kind == ACT_MOVE) {
			return true; // the pointer is there, over nothing
		}
		set_effect(act, ACT_FAILED,
			"there is no window at %d,%d to take it; look where the windows are",
			checked->input_done.x, checked->input_done.y);
		return false;
	case CHANNEL_INPUT_UNKNOWN_KEY:
		set_unknown_key(act, checked->input_done.step);
		return false;
	case CHANNEL_INPUT_NO_FOCUS:
		set_effect(act, ACT_FAILED,
			"no window has the keyboard; click into one, or start a program first");
		return false;
	case CHANNEL_INPUT_TOO_MANY:
		set_effect(act, ACT_FAILED,
			"too many keys or buttons are pressed at once; release some first");
		return false;
	case CHANNEL_INPUT_CANCELLED:
		set_effect(act, ACT_REFUSED, "it was cancelled");
		return false;
	case CHANNEL_INPUT_LOST:
	case CHANNEL_INPUT_STUCK: {
		const char *what = checked->input_done.status == CHANNEL_INPUT_LOST
					   ? "the window that took it went away in the middle"
					   : "the application stopped answering in the middle";
		if (act->action.kind == ACT_TEXT) {
			set_effect(act, ACT_FAILED, "%s: %u of %u characters were typed", what,
				checked->input_done.characters, steps->characters);
		} else {
			set_effect(act, ACT_FAILED, "%s", what);
		}
		return true;
	}
	case CHANNEL_INPUT_STATUS_COUNT:
		break;
	}
	return true;
}

static void take_done(struct act *act, const struct channel_message *checked) {
	struct act_queue *queue = act->queue;
	act->result.window = checked->input_done.window;
	act->result.characters = checked->input_done.characters;
	act->performed = checked->input_done.status == CHANNEL_INPUT_OK;
	if (checked->input_done.status == CHANNEL_INPUT_OK && act->action.kind == ACT_PRESS) {
		for (size_t i = 0; i < act->action.keys_len && queue->held.len < ACT_MAX_KEYS;
			i++) {
			memcpy(queue->held.keys[queue->held.len++], act->action.keys[i],
				ACT_KEY_BYTES);
		}
	} else if (act->action.kind == ACT_RELEASE) {
		queue->held.len = 0;
	}
	bool delivered = take_status(act, checked);
	if (!delivered) {
		display_act_cancel(queue->session->display); // nothing to settle after it
	}
	if (!delivered || !display_acting(queue->session->display)) {
		finish(act);
	}
}

static void take_settled(struct act *act, const struct channel_message *checked) {
	struct act_result *result = &act->result;
	result->waited = true;
	result->reason = (enum channel_settle_reason)checked->settled.reason;
	result->settled = result->reason == CHANNEL_SETTLE_QUIET ||
			  result->reason == CHANNEL_SETTLE_REPEATING;
	result->settled_ms = checked->settled.waited_ms;
	result->has_box = checked->settled.changed != 0;
	result->box = checked->settled.box;
	finish(act);
}

void act_queue_take_answer(struct act_queue *queue, const struct channel_message *checked) {
	struct act *act = queue->current;
	if (act == NULL) {
		pump_soon(queue); // of one that was cancelled: now the next may begin
		return;
	}
	switch (checked->type) {
	case CHANNEL_TYPED:
		take_typed(act, checked);
		break;
	case CHANNEL_INPUT_DONE:
		take_done(act, checked);
		break;
	default:
		take_settled(act, checked);
		break;
	}
}

// ---- who holds the session

enum session_holder session_holder(const struct session *session) {
	return session->act_queue->holder;
}

void session_set_holder(struct session *session, enum session_holder holder) {
	struct act_queue *queue = session->act_queue;
	if (queue->holder == holder) {
		return;
	}
	queue->holder = holder;
	queue->held.len = 0;
	struct act *act, *next;
	if (queue->current != NULL && act_is_input(queue->current->action.kind)) {
		refuse_for_holder(queue->current, holder);
		finish(queue->current);
	}
	wl_list_for_each_safe (act, next, &queue->waiting, link) {
		if (act_is_input(act->action.kind)) {
			refuse_for_holder(act, holder);
			finish(act);
		}
	}
	if (session->display != NULL) {
		display_release_input(session->display);
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "holder", session_holder_name(holder));
	session_record(session, "holder", fields);
	view_state(session->view);
}

// ---- beginning and end

struct act_queue *act_queue_create(struct session *session) {
	struct act_queue *queue = calloc(1, sizeof(*queue));
	if (queue == NULL) {
		return NULL;
	}
	queue->session = session;
	wl_list_init(&queue->waiting);
	wl_list_init(&queue->finished);
	queue->timer = wl_event_loop_add_timer(session->loop, handle_timer, queue);
	if (queue->timer == NULL) {
		free(queue);
		return NULL;
	}
	return queue;
}

void act_queue_end(struct act_queue *queue, const char *reason, bool broken) {
	queue->ended = true;
	if (queue->current != NULL) {
		struct act *act = queue->current;
		bool performed = act->performed;
		drop_current(queue);
		wl_list_insert(&queue->waiting, &act->link);
		if (performed && !broken) { // perhaps the session ends because of it
			set_effect(act, ACT_DELIVERED, "the session ended: %s", reason);
			finish(act);
		}
	}
	struct act *act;
	while (!wl_list_empty(&queue->waiting)) {
		act = wl_container_of(queue->waiting.next, act, link);
		set_effect(act, ACT_FAILED, "the session ended: %s", reason);
		finish(act);
	}
	while (!wl_list_empty(&queue->finished)) {
		act = wl_container_of(queue->finished.next, act, link);
		wl_list_remove(&act->link);
		report(act);
	}
	if (queue->unlogged > 0) {
		cJSON *fields = cJSON_CreateObject();
		cJSON_AddNumberToObject(fields, "acts", queue->unlogged);
		queue->unlogged = 0;
		session_record(queue->session, "unlogged", fields);
	}
}

void act_queue_destroy(struct act_queue *queue) {
	if (queue == NULL) {
		return;
	}
	act_queue_end(queue, "it is over", true);
	if (queue->idle != NULL) {
		wl_event_source_remove(queue->idle);
	}
	wl_event_source_remove(queue->timer);
	free(queue);
}
