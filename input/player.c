#include "input/player.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_seat.h>

#include "input/action.h"
#include "input/keyboard.h"
#include "input/ping.h"
#include "input/seat.h"
#include "input/typist.h"

#define FRAME_MS 50 // the longest wait for a frame
#define DRAW_MS 17 // how long a client that has seen an event takes to draw, if it does
#define HELD_MAX 64

enum held_kind {
	HELD_KEY,
	HELD_BUTTON,
	HELD_TOUCH
};

// Something an action pressed, until it is released.
struct held {
	enum held_kind kind;
	uint32_t token; // of the action that pressed it
	xkb_keysym_t symbol; // as it was asked for; NoSymbol: by its code
	uint32_t code; // key, button or touch point
	bool was_down; // before; it is not this one's to release
	uint32_t modifiers[LAYOUT_MODIFIERS]; // keys that were pressed along with it; 0: none
};

struct player {
	struct seat *seat;
	struct keyboard *keyboard;
	struct pinger *pinger;
	struct typist *typist;
	const struct player_host *host;
	void *data;

	struct action *collected; // not whole yet; NULL: none
	struct wl_list waiting; // action.link
	uint32_t newest_token;

	struct action *action; // the one that is performed; NULL: none
	size_t at; // its next step
	bool waits; // for the timer, a frame or the typist
	bool running;
	bool needed_target, had_target; // of its buttons, scrolls and touches: some; one hit
	uint32_t window; // that took the last event
	uint32_t characters;
	struct channel_message typed; // collects runs

	struct held held[HELD_MAX];
	size_t held_len;

	struct wl_event_source *timer;
	struct wlr_surface *drawing; // whose frame is waited for; NULL: none
	struct wl_listener drawn, drawing_destroy;
	struct ping *seen; // by its client, everything so far; NULL: not asked
};

static void run(struct player *player);

static void forget_drawing(struct player *player) {
	if (player->drawing != NULL) {
		wl_list_remove(&player->drawn.link);
		wl_list_remove(&player->drawing_destroy.link);
		player->drawing = NULL;
	}
	ping_cancel(player->seen);
	player->seen = NULL;
}

static void resume(struct player *player) {
	forget_drawing(player);
	wl_event_source_timer_update(player->timer, 0);
	player->waits = false;
	run(player);
}

static int handle_timer(void *data) {
	resume(data);
	return 0;
}

static void handle_drawn(struct wl_listener *listener, void *data) {
	struct player *player = wl_container_of(listener, player, drawn);
	// Not from within the client's request: what follows may change its surfaces.
	forget_drawing(player);
	wl_event_source_timer_update(player->timer, 1);
}

static void handle_drawing_destroy(struct wl_listener *listener, void *data) {
	struct player *player = wl_container_of(listener, player, drawing_destroy);
	forget_drawing(player); // the timer goes on
}

static void handle_seen(void *data) {
	struct player *player = data;
	player->seen = NULL;
	wl_event_source_timer_update(player->timer, DRAW_MS);
}

// ---- what is held

static struct held *find_held(
	struct player *player, enum held_kind kind, xkb_keysym_t symbol, uint32_t code) {
	struct held *found = NULL;
	for (size_t i = 0; i < player->held_len; i++) {
		struct held *held = &player->held[i];
		if (held->kind == kind && held->symbol == symbol &&
			(symbol != XKB_KEY_NoSymbol || held->code == code)) {
			// What this action pressed comes first, then the latest.
			if (found == NULL || found->token != player->action->token ||
				held->token == player->action->token) {
				found = held;
			}
		}
	}
	return found;
}

static void release(struct player *player, struct held *held) {
	struct held copy = *held;
	*held = player->held[--player->held_len];
	switch (copy.kind) {
	case HELD_KEY:
		if (!copy.was_down) {
			seat_key(player->seat, copy.code, false);
		}
		for (unsigned i = LAYOUT_MODIFIERS; i-- > 0;) {
			if (copy.modifiers[i] != 0) {
				seat_key(player->seat, copy.modifiers[i], false);
			}
		}
		break;
	case HELD_BUTTON:
		if (!copy.was_down) {
			seat_pointer_button(player->seat, copy.code, false);
		}
		break;
	case HELD_TOUCH:
		seat_touch_up(player->seat, copy.code);
		break;
	}
}

// Lets go of what an action pressed, the last first.
static void release_of(struct player *player, uint32_t token) {
	for (size_t i = player->held_len; i-- > 0;) {
		if (player->held[i].token == token) {
			release(player, &player->held[i]);
		}
	}
}

static struct held *hold(struct player *player, enum held_kind kind, uint32_t code) {
	if (player->held_len == HELD_MAX) {
		return NULL;
	}
	struct held *held = &player->held[player->held_len++];
	*held = (struct held){.kind = kind, .token = player->action->token, .code = code};
	return held;
}

// ---- the end of an action

static void emit_typed(struct player *player, uint32_t token) {
	if (player->typed.typed.runs_len > 0) {
		player->typed.type = CHANNEL_TYPED;
		player->typed.typed.token = token;
		player->host->emit(player->data, &player->typed);
	}
	player->typed = (struct channel_message){0};
}

static void tell_done(struct player *player, uint32_t token, enum channel_input_status status,
	uint32_t step, uint32_t window, uint32_t characters) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double x, y;
	seat_pointer_position(player->seat, &x, &y);
	struct channel_message message = {.type = CHANNEL_INPUT_DONE};
	message.input_done.token = token;
	message.input_done.status = status;
	message.input_done.step = step;
	message.input_done.window = window;
	message.input_done.characters = characters;
	message.input_done.x = (int32_t)x;
	message.input_done.y = (int32_t)y;
	message.input_done.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	player->host->emit(player->data, &message);
}

static void finish(struct player *player, enum channel_input_status status, uint32_t step) {
	struct action *action = player->action;
	if (status != CHANNEL_INPUT_OK && status != CHANNEL_INPUT_NO_TARGET) {
		release_of(player, action->token);
	}
	emit_typed(player, action->token);
	player->action = NULL;
	player->waits = false;
	tell_done(player, action->token, status, step, player->window, player->characters);
	action_destroy(action);
}

// Ends what is performed from outside run().
static void stop(struct player *player, enum channel_input_status status) {
	const struct action *action = player->action;
	forget_drawing(player);
	wl_event_source_timer_update(player->timer, 0);
	typist_stop(player->typist);
	uint32_t number = player->at < action->steps_len ? action->steps[player->at].number
							 : action->count - 1;
	finish(player, status, number);
}

// ---- steps

static void took(struct player *player, struct wlr_surface *surface) {
	if (surface != NULL) {
		player->window = player->host->window_of(player->data, surface);
	}
}

static void aimed(struct player *player, struct wlr_surface *surface) {
	player->needed_target = true;
	player->had_target |= surface != NULL;
	took(player, surface);
}

static void wait_ms(struct player *player, uint32_t ms) {
	player->waits = true;
	wl_event_source_timer_update(player->timer, (int)ms);
}

static enum channel_input_status do_key(struct player *player, const struct action_step *step) {
	struct layout_press press = {.code = step->code};
	if (step->value == 0) {
		struct held *held = find_held(player, HELD_KEY, step->symbol, step->code);
		took(player, seat_keyboard_surface(player->seat));
		if (held != NULL) {
			release(player, held);
		}
		return CHANNEL_INPUT_OK;
	}
	if (step->kind == CHANNEL_INPUT_KEYCODE) {
		keyboard_want_code(player->keyboard, step->code);
	} else if (!keyboard_provide(player->keyboard, &step->symbol, 1) ||
		   !keyboard_find_symbol(player->keyboard, step->symbol, &press)) {
		return CHANNEL_INPUT_TOO_MANY;
	}
	if (seat_keyboard_surface(player->seat) == NULL) {
		return CHANNEL_INPUT_NO_FOCUS;
	}
	struct held *held = hold(player, HELD_KEY, press.code);
	if (held == NULL) {
		return CHANNEL_INPUT_TOO_MANY;
	}
	held->symbol = step->symbol;
	// A chord's own modifiers stay as they are: shift+a is the key "a" with Shift.
	for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
		uint32_t code = keyboard_modifier(player->keyboard, i);
		if ((press.modifiers & (1u << i)) != 0 && seat_key(player->seat, code, true)) {
			held->modifiers[i] = code;
		}
	}
	held->was_down = seat_key_is_down(player->seat, press.code);
	// A character in a text moves no focus.
	typist_note_key(player->typist,
		xkb_keysym_to_utf32(step->symbol) < ' ' || seat_is_chord(player->seat));
	took(player, seat_keyboard_surface(player->seat));
	if (!held->was_down && !seat_key(player->seat, press.code, true)) {
		held->was_down = true; // so that it is not released
		release(player, held);
		return CHANNEL_INPUT_TOO_MANY;
	}
	return CHANNEL_INPUT_OK;
}

static enum channel_input_status do_button(struct player *player, const struct action_step *step) {
	if (step->value == 0) {
		aimed(player, seat_pointer_surface(player->seat));
		struct held *held = find_held(player, HELD_BUTTON, XKB_KEY_NoSymbol, step->code);
		if (held != NULL) {
			release(player, held);
		}
		return CHANNEL_INPUT_OK;
	}
	struct held *held = hold(player, HELD_BUTTON, step->code);
	if (held == NULL) {
		return CHANNEL_INPUT_TOO_MANY;
	}
	held->was_down = seat_button_is_down(player->seat, step->code);
	if (!held->was_down && !seat_pointer_button(player->seat, step->code, true)) {
		player->held_len--;
		return CHANNEL_INPUT_TOO_MANY;
	}
	aimed(player, seat_pointer_surface(player->seat));
	return CHANNEL_INPUT_OK;
}

static void do_scroll(struct player *player, const struct action_step *step) {
	aimed(player, seat_pointer_surface(player->seat));
	const double distance[2] = {step->y / 256.0, step->x / 256.0};
	for (int horizontal = 0; horizontal < 2; horizontal++) {
		if (distance[horizontal] == 0) {
			continue;
		}
		if (step->value == CHANNEL_SCROLL_PIXELS) {
			seat_pointer_scroll_pixels(
				player->seat, horizontal != 0, distance[horizontal]);
		} else {
			seat_pointer_scroll(player->seat, horizontal != 0, distance[horizontal]);
		}
	}
}

static enum channel_input_status do_touch(struct player *player, const struct action_step *step) {
	double x = step->x / 256.0, y = step->y / 256.0;
	struct held *held = find_held(player, HELD_TOUCH, XKB_KEY_NoSymbol, step->code);
	switch (step->value) {
	case CHANNEL_TOUCH_DOWN:
		if (held != NULL || player->held_len == HELD_MAX) {
			return CHANNEL_INPUT_TOO_MANY;
		}
		if (seat_touch_down(player->seat, step->code, x, y)) {
			hold(player, HELD_TOUCH, step->code);
		}
		aimed(player, seat_touch_surface(player->seat, step->code));
		break;
	case CHANNEL_TOUCH_MOVE:
		seat_touch_move(player->seat, step->code, x, y);
		aimed(player, seat_touch_surface(player->seat, step->code));
		break;
	default:
		aimed(player, seat_touch_surface(player->seat, step->code));
		if (held != NULL) {
			release(player, held);
		}
		break;
	}
	return CHANNEL_INPUT_OK;
}

/*
 * Until the client under the pointer has drawn, or has had the time to: it may have to see a motion
 * before what follows.
 */
static void do_frame(struct player *player) {
	wait_ms(player, FRAME_MS);
	player->drawing = seat_pointer_surface(player->seat);
	if (player->drawing != NULL) {
		wl_signal_add(&player->drawing->events.commit, &player->drawn);
		wl_signal_add(&player->drawing->events.destroy, &player->drawing_destroy);
		player->seen = ping_send(player->pinger, player->drawing, handle_seen, player);
	}
}

static void handle_text_typed(void *data, uint32_t count, enum channel_way way) {
	struct player *player = data;
	uint32_t first = player->characters;
	player->characters += count;
	uint32_t len = player->typed.typed.runs_len;
	if (len > 0 && player->typed.typed.runs[len - 1].way == way) {
		player->typed.typed.runs[len - 1].count += count;
		return;
	}
	if (len == CHANNEL_TYPED_RUNS) {
		emit_typed(player, player->action->token);
		len = 0;
	}
	player->typed.typed.runs[len].first = first;
	player->typed.typed.runs[len].count = count;
	player->typed.typed.runs[len].way = way;
	player->typed.typed.runs_len = len + 1;
}

static void handle_text_done(void *data, enum channel_input_status status) {
	struct player *player = data;
	player->waits = false;
	took(player, seat_keyboard_surface(player->seat));
	if (status != CHANNEL_INPUT_OK) {
		finish(player, status, player->action->steps[player->at].number);
	} else {
		player->at++;
	}
	run(player);
}

static uint32_t handle_text_window_of(void *data, struct wlr_surface *surface) {
	struct player *player = data;
	return player->host->window_of(player->data, surface);
}

static const struct typist_host typist_host = {
	.window_of = handle_text_window_of,
	.typed = handle_text_typed,
	.done = handle_text_done,
};

// Performs the step at player->at, which TEXT counts on by itself.
static enum channel_input_status do_step(struct player *player, const struct action_step *step) {
	switch (step->kind) {
	case CHANNEL_INPUT_MOVE:
		seat_pointer_move(player->seat, step->x / 256.0, step->y / 256.0);
		took(player, seat_pointer_surface(player->seat));
		return CHANNEL_INPUT_OK;
	case CHANNEL_INPUT_BUTTON:
		return do_button(player, step);
	case CHANNEL_INPUT_SCROLL:
		do_scroll(player, step);
		return CHANNEL_INPUT_OK;
	case CHANNEL_INPUT_KEY:
	case CHANNEL_INPUT_KEYCODE:
		return do_key(player, step);
	case CHANNEL_INPUT_TOUCH:
		return do_touch(player, step);
	case CHANNEL_INPUT_DELAY:
		if (step->value > 0) {
			wait_ms(player, step->value);
		}
		return CHANNEL_INPUT_OK;
	default:
		do_frame(player);
		return CHANNEL_INPUT_OK;
	}
}

// Takes the next action up. False: none waits.
static bool begin(struct player *player) {
	if (wl_list_empty(&player->waiting)) {
		return false;
	}
	struct action *action = wl_container_of(player->waiting.next, action, link);
	wl_list_remove(&action->link);
	wl_list_init(&action->link);
	player->action = action;
	player->at = 0;
	player->needed_target = player->had_target = false;
	player->window = 0;
	player->characters = 0;
	if (action->status != CHANNEL_INPUT_OK) {
		finish(player, action->status, action->wrong);
	} else {
		player->host->began(player->data, action->token);
	}
	return true;
}

static void run(struct player *player) {
	if (player->running) {
		return; // further up the stack
	}
	player->running = true;
	while (!player->waits) {
		if (player->action == NULL) {
			if (!begin(player)) {
				break;
			}
			continue;
		}
		if (player->at == player->action->steps_len) {
			finish(player,
				player->needed_target && !player->had_target
					? CHANNEL_INPUT_NO_TARGET
					: CHANNEL_INPUT_OK,
				0);
			continue;
		}
		const struct action_step *step = &player->action->steps[player->at];
		if (step->kind == CHANNEL_INPUT_TEXT) {
			player->waits = true; // until handle_text_done()
			typist_start(
				player->typist, player->action->text + step->code, step->value);
			continue;
		}
		enum channel_input_status status = do_step(player, step);
		if (status != CHANNEL_INPUT_OK) {
			finish(player, status, step->number);
			continue;
		}
		player->at++;
	}
	player->running = false;
}

// ---- the door

struct player *player_create(struct wl_event_loop *loop, struct seat *seat,
	struct xkb_keymap *keymap, const struct player_host *host, void *data) {
	struct player *player = calloc(1, sizeof(*player));
	if (player == NULL) {
		return NULL;
	}
	player->seat = seat;
	player->host = host;
	player->data = data;
	wl_list_init(&player->waiting);
	player->drawn.notify = handle_drawn;
	player->drawing_destroy.notify = handle_drawing_destroy;
	player->timer = wl_event_loop_add_timer(loop, handle_timer, player);
	player->keyboard = keyboard_create(seat, keymap);
	player->pinger = pinger_create(seat_wlr(seat)->display);
	if (player->keyboard != NULL && player->pinger != NULL) {
		player->typist = typist_create(
			loop, seat, player->keyboard, player->pinger, &typist_host, player);
	}
	if (player->timer == NULL || player->typist == NULL) {
		player_destroy(player);
		return NULL;
	}
	return player;
}

void player_destroy(struct player *player) {
	if (player == NULL) {
		return;
	}
	forget_drawing(player);
	typist_destroy(player->typist);
	pinger_destroy(player->pinger);
	keyboard_destroy(player->keyboard);
	if (player->timer != NULL) {
		wl_event_source_remove(player->timer);
	}
	struct action *action, *next;
	wl_list_for_each_safe (action, next, &player->waiting, link) {
		action_destroy(action);
	}
	action_destroy(player->action);
	action_destroy(player->collected);
	free(player);
}

// The action that a step of this token belongs to. NULL: none, or out of memory.
static struct action *action_for(struct player *player, uint32_t token) {
	struct action *action = player->collected;
	if (action != NULL && action->cancelled && action->token != token) {
		action_destroy(action); // nobody will finish it
		player->collected = action = NULL;
	}
	if (action != NULL || token <= player->newest_token) {
		return action;
	}
	return action_create(token);
}

bool player_step(struct player *player, const struct channel_message *message) {
	struct action *action = action_for(player, message->input.token);
	if (action == NULL || !action_add(action, message)) {
		if (action != player->collected) {
			action_destroy(action);
		}
		return false;
	}
	player->collected = action;
	player->newest_token = action->token;
	if (!action->whole) {
		return true;
	}
	player->collected = NULL;
	if (action->cancelled) {
		tell_done(player, action->token, CHANNEL_INPUT_CANCELLED, 0, 0, 0);
		action_destroy(action);
		return true;
	}
	wl_list_insert(player->waiting.prev, &action->link);
	run(player);
	return true;
}

void player_cancel(struct player *player, uint32_t token) {
	if (player->collected != NULL && player->collected->token == token) {
		player->collected->cancelled = true;
	} else if (player->action != NULL && player->action->token == token) {
		stop(player, CHANNEL_INPUT_CANCELLED);
		run(player);
	} else {
		struct action *action, *next;
		wl_list_for_each_safe (action, next, &player->waiting, link) {
			if (action->token == token) {
				action_destroy(action);
				tell_done(player, token, CHANNEL_INPUT_CANCELLED, 0, 0, 0);
			}
		}
	}
}

void player_release(struct player *player) {
	if (player->collected != NULL) {
		player->collected->cancelled = true;
	}
	if (player->action != NULL) {
		stop(player, CHANNEL_INPUT_CANCELLED);
	}
	struct action *action, *next;
	wl_list_for_each_safe (action, next, &player->waiting, link) {
		uint32_t token = action->token;
		action_destroy(action);
		tell_done(player, token, CHANNEL_INPUT_CANCELLED, 0, 0, 0);
	}
	player->held_len = 0;
	seat_release_all(player->seat);
}

void player_stand_back(struct player *player) {
	player_release(player);
	keyboard_reset(player->keyboard);
}
