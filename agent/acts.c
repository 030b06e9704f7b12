#include "agent/acts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/held.h"
#include "agent/vocabulary.h"
#include "agent/waiter.h"
#include "session/service.h"
#include "session/session.h"

// Between the parts of one action: just long enough for what it opened to be there.
#define PART_QUIET_MS 40

struct acts {
	struct acts_options options;
	cJSON *actions; // an array
	bool single;
	const cJSON *current; // the one being performed, NULL: none yet
	struct vocabulary_actions parts; // of it
	size_t part;
	struct act *act; // under way, NULL: none
	bool first_look; // `act` waits for the picture of a new session
	struct waiter *waiter; // for the session, NULL: none
	struct wl_event_source *pause; // of a wait, NULL: none
	uint32_t waited_ms;
	struct wl_event_source *end; // idle source
	acts_done done;
	void *data;

	struct acts_outcome *outcomes; // room for all
	struct acts_picture *pictures; // room for all, and the one at the end
	size_t picture_bytes;
	bool unseen; // something was done since the last picture
	struct acts_report report;
};

static void next_action(struct acts *acts);

static void destroy(struct acts *acts) {
	waiter_destroy(acts->waiter);
	if (acts->pause != NULL) {
		wl_event_source_remove(acts->pause);
	}
	if (acts->end != NULL) {
		wl_event_source_remove(acts->end);
	}
	vocabulary_actions_finish(&acts->parts);
	for (size_t i = 0; i < acts->report.outcomes_len; i++) {
		free(acts->outcomes[i].ways);
	}
	for (size_t i = 0; i < acts->report.pictures_len; i++) {
		free(acts->pictures[i].picture.bytes);
	}
	free(acts->outcomes);
	free(acts->pictures);
	cJSON_Delete(acts->actions);
	free(acts);
}

void acts_cancel(struct acts *acts) {
	if (acts == NULL) {
		return;
	}
	if (acts->act != NULL) {
		session_act_cancel(acts->act);
	}
	destroy(acts);
}

bool acts_failed(const struct acts_report *report) {
	return report->outcomes_len > 0 &&
	       report->outcomes[report->outcomes_len - 1].result.effect >= ACT_REFUSED;
}

// ---- the end

static void handle_end(void *data) {
	struct acts *acts = data;
	acts->end = NULL;
	acts->report.outcomes = acts->outcomes;
	acts->report.pictures = acts->pictures;
	acts->done(acts->data, &acts->report);
	destroy(acts);
}

// On a turn of its own: `done` never comes from within a call of the caller's.
static void end_soon(struct acts *acts) {
	if (acts->end == NULL) {
		acts->end = wl_event_loop_add_idle(acts->options.loop, handle_end, acts);
	}
}

static struct acts_outcome *new_outcome(struct acts *acts) {
	struct acts_outcome *outcome = &acts->outcomes[acts->report.outcomes_len++];
	*outcome = (struct acts_outcome){.result.effect = ACT_DELIVERED};
	return outcome;
}

// The action being performed is the last one.
static void fail(struct acts *acts, enum act_effect effect, const char *text) {
	struct acts_outcome *outcome = acts->current != NULL && acts->report.outcomes_len > 0
					       ? &acts->outcomes[acts->report.outcomes_len - 1]
					       : new_outcome(acts);
	outcome->result.effect = effect;
	snprintf(outcome->message, sizeof(outcome->message), "%s", text);
	end_soon(acts);
}

void acts_session_ended(struct acts *acts, const char *reason) {
	if (acts == NULL || acts->act != NULL || acts->end != NULL) {
		return;
	}
	waiter_destroy(acts->waiter);
	acts->waiter = NULL;
	if (acts->pause != NULL) {
		wl_event_source_remove(acts->pause);
		acts->pause = NULL;
	}
	char text[640];
	snprintf(text, sizeof(text), "the session ended: %s", reason);
	fail(acts, ACT_FAILED, text);
}

// ---- pictures

// Returns what came of it: ACT_DELIVERED, or ACT_REFUSED or ACT_FAILED with a sentence in `why`.
static enum act_effect take_picture(
	struct acts *acts, const struct picture_options *wanted, char *why, size_t why_size) {
	struct picture_options options = *wanted;
	struct acts_picture *picture = &acts->pictures[acts->report.pictures_len];
	for (;;) {
		uint64_t begun_ns = session_cpu_ns();
		int ret = session_picture(acts->options.session, &options, &picture->picture);
		if (acts->options.worked != NULL) {
			acts->options.worked(
				acts->options.worked_data, session_cpu_ns() - begun_ns);
		}
		struct display_state state;
		if (ret == -ERANGE && session_display_state(acts->options.session, &state)) {
			snprintf(why, why_size,
				"the region %d,%d %dx%d is not inside the display's %ux%u",
				options.region.x, options.region.y, options.region.width,
				options.region.height, state.width, state.height);
		} else if (ret == -EAGAIN) {
			snprintf(why, why_size, "nothing has been drawn yet; try again");
		} else if (ret == -EACCES) {
			snprintf(why, why_size,
				"the user has taken over and withholds pictures until they hand "
				"the session back");
			return ACT_REFUSED;
		} else if (ret < 0) {
			snprintf(why, why_size, "no picture: %s", strerror(-ret));
		}
		if (ret < 0) {
			return ACT_FAILED;
		}
		size_t left = ACTS_PICTURE_BYTES - acts->picture_bytes;
		if (picture->picture.len <= left) {
			break;
		}
		size_t len = picture->picture.len;
		free(picture->picture.bytes);
		if (options.format == PICTURE_JPEG) {
			snprintf(why, why_size,
				"the picture has %zu bytes, and one answer holds %zu more; ask for "
				"a region, a smaller scale or a lower quality",
				len, left);
			return ACT_FAILED;
		}
		options.format = PICTURE_JPEG;
		snprintf(acts->report.note, sizeof(acts->report.note),
			"a PNG of %zu bytes is too large for one answer: the picture is a JPEG",
			len);
	}
	picture->region = options.region.width != 0;
	acts->picture_bytes += picture->picture.len;
	acts->report.pictures_len++;
	return ACT_DELIVERED;
}

// Everything was done.
static void complete(struct acts *acts) {
	char why[200];
	if (acts->options.pictures == ACTS_PICTURES_AFTER && acts->unseen &&
		take_picture(acts, &acts->options.picture, why, sizeof(why)) != ACT_DELIVERED) {
		snprintf(acts->report.note, sizeof(acts->report.note), "%.159s", why);
	}
	end_soon(acts);
}

// ---- performing

static void join_box(struct channel_box *box, const struct channel_box *more) {
	int32_t right = box->x + box->width, bottom = box->y + box->height;
	int32_t more_right = more->x + more->width, more_bottom = more->y + more->height;
	box->x = more->x < box->x ? more->x : box->x;
	box->y = more->y < box->y ? more->y : box->y;
	box->width = (more_right > right ? more_right : right) - box->x;
	box->height = (more_bottom > bottom ? more_bottom : bottom) - box->y;
}

// One part more of the action came to this.
static void join_result(struct acts_outcome *outcome, const struct act_result *result) {
	struct act_result before = outcome->result;
	outcome->result = *result;
	outcome->result.ways = NULL;
	outcome->result.ways_len = 0;
	if (before.effect == ACT_CHANGED && result->effect < ACT_REFUSED) {
		outcome->result.effect = ACT_CHANGED;
	}
	if (before.has_box) {
		outcome->result.box = before.box;
		if (result->has_box) {
			join_box(&outcome->result.box, &result->box);
		}
		outcome->result.has_box = true;
	}
	outcome->result.characters += before.characters;
	if (result->window == 0) {
		outcome->result.window = before.window;
	}
	if (result->ways_len > 0 && outcome->ways == NULL) {
		outcome->ways = calloc(result->ways_len, sizeof(*outcome->ways));
		if (outcome->ways != NULL) {
			memcpy(outcome->ways, result->ways,
				result->ways_len * sizeof(*outcome->ways));
			outcome->ways_len = result->ways_len;
		}
	}
	outcome->acted = true;
	outcome->has_cursor = result->cursor.x >= 0;
}

static void perform(struct acts *acts);

static void handle_act(void *data, const struct act_result *result) {
	struct acts *acts = data;
	acts->act = NULL;
	if (acts->first_look) {
		acts->first_look = false;
		next_action(acts);
		return;
	}
	const struct action *action = &acts->parts.items[acts->part];
	struct acts_outcome *outcome = &acts->outcomes[acts->report.outcomes_len - 1];
	join_result(outcome, result);
	if (result->effect >= ACT_REFUSED) {
		fail(acts, result->effect,
			result->message[0] != '\0' ? result->message : "it could not be done");
		return;
	}
	if (acts->options.held != NULL) {
		held_note(acts->options.held, action);
	}
	snprintf(outcome->message, sizeof(outcome->message), "%s", result->message);
	if (action->kind == ACT_SCREENSHOT) {
		char why[200];
		enum act_effect effect = take_picture(acts, &action->picture, why, sizeof(why));
		if (effect != ACT_DELIVERED) {
			fail(acts, effect, why);
			return;
		}
	}
	if (action->kind == ACT_CURSOR_POSITION) {
		snprintf(outcome->message, sizeof(outcome->message), "X=%d,Y=%d", result->cursor.x,
			result->cursor.y);
	}
	if (action->kind != ACT_CURSOR_POSITION) {
		acts->unseen = action->kind != ACT_SCREENSHOT;
	}
	if (++acts->part < acts->parts.len) {
		perform(acts);
		return;
	}
	acts->report.completed++;
	next_action(acts);
}

static int handle_pause(void *data) {
	struct acts *acts = data;
	wl_event_source_remove(acts->pause);
	acts->pause = NULL;
	acts->parts.items[acts->part].ms = 0;
	perform(acts);
	return 0;
}

// Performs the part that is due.
static void perform(struct acts *acts) {
	const struct action *action = &acts->parts.items[acts->part];
	if (action->kind == ACT_WAIT && action->ms > 0) {
		// Here, not in the session: whoever waits keeps nobody else from acting.
		acts->pause = wl_event_loop_add_timer(acts->options.loop, handle_pause, acts);
		if (acts->pause == NULL) {
			fail(acts, ACT_FAILED, "out of memory");
			return;
		}
		wl_event_source_timer_update(acts->pause, (int)action->ms);
		return;
	}
	struct settle_options settle = acts->options.settle;
	if (action->kind == ACT_SCREENSHOT || action->kind == ACT_CURSOR_POSITION ||
		action->kind == ACT_WAIT_STABLE) {
		settle.wait = false;
	}
	if (acts->part + 1 < acts->parts.len) {
		settle.quiet_ms = PART_QUIET_MS;
	}
	if (action->kind == ACT_SCREENSHOT && acts->options.pictures == ACTS_PICTURES_NONE) {
		fail(acts, ACT_UNSUPPORTED, "pictures are not to be had here");
		return;
	}
	if (acts->options.held != NULL && !held_has_room(acts->options.held, action)) {
		fail(acts, ACT_FAILED, "too many keys are held down already; let some go");
		return;
	}
	acts->act = session_act(acts->options.session, acts->options.who, acts->options.from,
		action, &settle, handle_act, acts);
	if (acts->act == NULL) {
		fail(acts, ACT_FAILED,
			"the session takes no action now: it ends, or too many wait already");
	}
}

static void next_action(struct acts *acts) {
	vocabulary_actions_finish(&acts->parts);
	const cJSON *next = acts->current == NULL ? acts->actions->child : acts->current->next;
	if (next == NULL) {
		complete(acts);
		return;
	}
	acts->current = next;
	acts->part = 0;
	struct acts_outcome *outcome = new_outcome(acts);
	struct display_state state;
	if (!session_display_state(acts->options.session, &state)) {
		fail(acts, ACT_UNSUPPORTED, "this session has no display");
		return;
	}
	char pointer[80];
	snprintf(pointer, sizeof(pointer), "%s", acts->options.pointer);
	if (!acts->single) {
		snprintf(pointer, sizeof(pointer), "%s/%zu", acts->options.pointer,
			acts->report.outcomes_len - 1);
	}
	struct vocabulary_error err;
	if (!vocabulary_read(acts->options.vocabulary, next, pointer, state.width, state.height,
		    &acts->parts, &err)) {
		outcome->result.effect = err.unsupported ? ACT_UNSUPPORTED : ACT_FAILED;
		snprintf(outcome->message, sizeof(outcome->message), "%s%s%s", err.pointer,
			err.pointer[0] != '\0' ? ": " : "", err.message);
		end_soon(acts);
		return;
	}
	perform(acts);
}

// ---- until the session is ready

static bool is_ready(void *data) {
	struct acts *acts = data;
	acts->waited_ms += WAITER_MS;
	struct display_state state;
	enum session_state session = session_state(acts->options.session);
	if (session > SESSION_RUNNING) {
		return true; // what comes of it is told by the first action
	}
	if (session == SESSION_STARTING) {
		return false;
	}
	return !session_display_state(acts->options.session, &state) ||
	       (state.serial > 0 &&
		       (state.windows_len > 0 || acts->waited_ms > acts->options.first_window_ms));
}

static void handle_ready(void *data, bool in_time) {
	struct acts *acts = data;
	acts->waiter = NULL;
	struct display_state state;
	if (session_state(acts->options.session) > SESSION_RUNNING) {
		fail(acts, ACT_FAILED, "the session is ending");
		return;
	}
	if (!in_time) {
		fail(acts, ACT_FAILED,
			"the session is still starting; try again, or see what `session` says");
		return;
	}
	// The first picture of a program that just came is not yet what it will be.
	if (session_display_state(acts->options.session, &state) && state.windows_len > 0) {
		struct action look = {.kind = ACT_WAIT_STABLE};
		struct settle_options settle = {0};
		acts->act = session_act(acts->options.session, acts->options.who,
			acts->options.from, &look, &settle, handle_act, acts);
		acts->first_look = acts->act != NULL;
	}
	if (!acts->first_look) {
		next_action(acts);
	}
}

struct acts *acts_start(
	const struct acts_options *options, const cJSON *actions, acts_done done, void *data) {
	struct acts *acts = calloc(1, sizeof(*acts));
	if (acts == NULL) {
		return NULL;
	}
	acts->options = *options;
	acts->done = done;
	acts->data = data;
	acts->single = !cJSON_IsArray(actions);
	cJSON *copy = cJSON_Duplicate(actions, true);
	acts->actions = acts->single ? cJSON_CreateArray() : copy;
	if (copy == NULL || acts->actions == NULL ||
		(acts->single && !cJSON_AddItemToArray(acts->actions, copy))) {
		cJSON_Delete(acts->single ? copy : NULL);
		destroy(acts);
		return NULL;
	}
	size_t total = (size_t)cJSON_GetArraySize(acts->actions);
	acts->report.total = total;
	acts->outcomes = calloc(total + 1, sizeof(*acts->outcomes));
	// One action may have as many parts that take one.
	acts->pictures = calloc(total + 1, sizeof(*acts->pictures));
	if (total > ACTS_MAX || acts->outcomes == NULL || acts->pictures == NULL) {
		destroy(acts);
		return NULL;
	}
	if (is_ready(acts)) {
		if (session_state(options->session) > SESSION_RUNNING) {
			fail(acts, ACT_FAILED, "the session is ending");
		} else {
			next_action(acts);
		}
		return acts;
	}
	acts->waiter = waiter_create(options->loop, ACTS_READY_MS, is_ready, handle_ready, acts);
	if (acts->waiter == NULL) {
		destroy(acts);
		return NULL;
	}
	return acts;
}
