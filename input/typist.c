#include "input/typist.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "input/keyboard.h"
#include "input/keymap.h"
#include "input/ping.h"
#include "input/seat.h"
#include "input/text-input.h"
#include "input/utf8.h"

#define STUCK_MS 10000
#define PACE_BYTES 512 // of the text, between two questions; two may be open
/*
 * From how many bytes on a line goes as text that keys could type: GTK 4 lays the line out anew at
 * each key, which takes a millisecond when it has 500 characters. After a line end, for which a
 * text would have to wait, it takes more to be worth it.
 */
#define LONG_LINE_BYTES 128
#define LONG_LATER_LINE_BYTES 1000

#define COMMIT_BYTES 2000 // of one commit_string; a Wayland message is at most 4096

/*
 * An application answers a ping when it reads it, but may only have queued the keys before it. GTK
 * reads no more until it has dealt with its queue, so the answer to a second ping says that it has.
 * Qt programs that work off events in between answer, too; so those that say what their text is
 * (GTK, Qt, Firefox) have to say that what was typed is there. If they say something else (it was
 * completed, corrected), or nothing, they have to be quiet about it for a while.
 */
#define DRAIN_PINGS 2
#define CATCH_UP_MS 3000 // the longest wait after the answers
#define LOOK_MS 10
#define QUIET_MS 100
#define QUIET_TELLING_MS 300 // of one that has said what was typed before
#define TAIL_BYTES 128 // of what was typed

/*
 * After a click, a change of windows or a key like Tab, how long until an application has settled
 * where a text goes: browsers ask another process first. Until then Firefox loses the text. Keys
 * are not affected.
 */
#define SETTLE_MS 200

enum wait {
	WAIT_NOT,
	WAIT_DRAIN, // for the keys before this point to have been dealt with
	WAIT_CATCH_UP, // for it to say that the text is there
	WAIT_PACE, // for the application to catch up
	WAIT_SETTLE, // for it to know where text goes
};

struct typist {
	struct seat *seat;
	struct keyboard *keyboard;
	struct text_inputs *inputs;
	struct pinger *pinger;
	const struct typist_host *host;
	void *data;

	const char *text; // NULL: nothing is typed
	size_t len, at;
	uint32_t window; // it is typed into
	// What lies before this place goes `way`.
	size_t part_end;
	enum channel_way way;
	// The line that `at` is in, for which the ways were looked at.
	size_t line_end;
	bool plain, by_key; // by way 1; by way 2

	enum wait wait;
	struct wl_event_source *timer; // the end of the wait
	uint64_t end_ms; // of the whole text, done or not
	struct ping *drain, *pace; // NULL: none is under way
	int drains; // answers to come
	uint64_t drained; // seat_activity() at the last time that all was dealt with
	uint64_t moved_ms; // when a key may have moved the focus
	// The end of what is before the cursor, if nobody but the typist put it there.
	char tail[TAIL_BYTES];
	size_t tail_len;
	bool tail_by_keys; // its last part
	uint64_t tail_moves; // seat_moves() then
	uint64_t caught_up_ms; // when the wait for it ends
	const struct wl_client *telling; // said what keys had typed; only compared
	size_t paced; // place of the text when it was last asked
};

static void work(struct typist *typist);

static uint64_t later(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

static uint64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void typist_note_key(struct typist *typist, bool moves) {
	typist->tail_len = 0;
	if (moves) {
		typist->moved_ms = now_ms();
	}
}

static void add_to_tail(struct typist *typist, const char *text, size_t len, bool by_keys) {
	if (typist->tail_moves != seat_moves(typist->seat)) {
		typist->tail_moves = seat_moves(typist->seat);
		typist->tail_len = 0;
	}
	if (len > TAIL_BYTES) {
		text += len - TAIL_BYTES;
		len = TAIL_BYTES;
	}
	size_t keep = TAIL_BYTES - len < typist->tail_len ? TAIL_BYTES - len : typist->tail_len;
	memmove(typist->tail, typist->tail + typist->tail_len - keep, keep);
	memcpy(typist->tail + keep, text, len);
	typist->tail_len = keep + len;
	typist->tail_by_keys = by_keys;
}

static void wait_for(struct typist *typist, enum wait wait, uint64_t ms) {
	uint64_t now = now_ms(), rest = typist->end_ms > now ? typist->end_ms - now : 1;
	typist->wait = wait;
	wl_event_source_timer_update(typist->timer, (int)(ms < rest ? ms : rest));
}

static void wait_no_more(struct typist *typist) {
	typist->wait = WAIT_NOT;
	wl_event_source_timer_update(typist->timer, 0);
}

void typist_stop(struct typist *typist) {
	ping_cancel(typist->drain);
	ping_cancel(typist->pace);
	typist->drain = typist->pace = NULL;
	wait_no_more(typist);
	typist->text = NULL;
}

static void end(struct typist *typist, enum channel_input_status status) {
	typist_stop(typist);
	typist->host->done(typist->data, status);
}

static void go_on(struct typist *typist) {
	if (now_ms() >= typist->end_ms) {
		end(typist, CHANNEL_INPUT_STUCK);
		return;
	}
	wait_no_more(typist);
	work(typist);
}

static void catch_up(struct typist *typist);

static int handle_timer(void *data) {
	struct typist *typist = data;
	if (typist->wait == WAIT_SETTLE) {
		go_on(typist);
	} else if (typist->wait == WAIT_CATCH_UP) {
		catch_up(typist);
	} else if (typist->wait != WAIT_NOT) {
		end(typist, CHANNEL_INPUT_STUCK);
	}
	return 0;
}

// ---- the application catches up

static void handle_drained(void *data);

static void drain(struct typist *typist) {
	typist->drain = ping_send(
		typist->pinger, seat_keyboard_surface(typist->seat), handle_drained, typist);
	wait_for(typist, WAIT_DRAIN, STUCK_MS);
}

// Whether the application says that what was typed is before its cursor.
static bool is_there(const struct typist *typist) {
	size_t untrusted_len = 0;
	const char *untrusted = text_inputs_untrusted_before(typist->inputs, &untrusted_len);
	const char *tail = typist->tail;
	size_t len = typist->tail_len;
	if (untrusted == NULL || len == 0 || typist->tail_moves != seat_moves(typist->seat)) {
		return false;
	}
	if (untrusted_len >= len && memcmp(untrusted + untrusted_len - len, tail, len) == 0) {
		return true;
	}
	// Some speak of the current line only.
	const char *line = tail + len;
	while (line > tail && line[-1] != '\n') {
		line--;
	}
	size_t line_len = (size_t)(tail + len - line);
	return line > tail && line_len > 0 && untrusted_len == line_len &&
	       memcmp(untrusted, line, line_len) == 0;
}

static void catch_up(struct typist *typist) {
	uint64_t now = now_ms();
	const struct wl_client *client = seat_keyboard_client(typist->seat);
	bool there = is_there(typist);
	if (there && typist->tail_by_keys) {
		typist->telling = client;
	}
	// It may say nothing of a line end: not all count it as text.
	bool tells = typist->telling == client && typist->tail_len > 0 &&
		     typist->tail[typist->tail_len - 1] != '\n';
	uint64_t quiet =
		later(text_inputs_told_ms(typist->inputs), seat_activity_ms(typist->seat)) +
		(tells ? QUIET_TELLING_MS : QUIET_MS);
	if (there || !text_inputs_enabled(typist->inputs) || now >= quiet ||
		now >= typist->caught_up_ms) {
		typist->drained = seat_activity(typist->seat);
		go_on(typist);
	} else {
		wait_for(typist, WAIT_CATCH_UP, LOOK_MS);
	}
}

static void handle_drained(void *data) {
	struct typist *typist = data;
	typist->drain = NULL;
	if (--typist->drains > 0 && seat_keyboard_surface(typist->seat) != NULL) {
		drain(typist);
		return;
	}
	typist->caught_up_ms = now_ms() + CATCH_UP_MS;
	catch_up(typist);
}

static void handle_paced(void *data) {
	struct typist *typist = data;
	typist->pace = NULL;
	if (typist->wait == WAIT_PACE) {
		go_on(typist);
	}
}

// False: it has so much to read that nothing more is sent for now.
static bool keep_pace(struct typist *typist) {
	if (typist->at - typist->paced < PACE_BYTES) {
		return true;
	}
	if (typist->pace != NULL) {
		wait_for(typist, WAIT_PACE, STUCK_MS);
		return false;
	}
	typist->paced = typist->at;
	typist->pace = ping_send(
		typist->pinger, seat_keyboard_surface(typist->seat), handle_paced, typist);
	return true;
}

// ---- keys

static bool is_break_character(uint32_t c) {
	return c == '\n' || c == '\r' || c == '\t';
}

// Presses and releases a key with exactly the modifier keys that it needs.
static bool strike(struct typist *typist, const struct layout_press *press) {
	struct seat *seat = typist->seat;
	bool was[LAYOUT_MODIFIERS];
	for (unsigned i = 0; i < LAYOUT_MODIFIERS; i++) {
		uint32_t code = keyboard_modifier(typist->keyboard, i);
		was[i] = code != 0 && seat_key_is_down(seat, code);
		if (code != 0) {
			seat_key(seat, code, (press->modifiers & (1u << i)) != 0);
		}
	}
	seat_key(seat, press->code, false); // somebody holds it
	bool struck = seat_key(seat, press->code, true);
	seat_key(seat, press->code, false);
	for (unsigned i = LAYOUT_MODIFIERS; i-- > 0;) {
		uint32_t code = keyboard_modifier(typist->keyboard, i);
		if (code != 0) {
			seat_key(seat, code, was[i]);
		}
	}
	return struck;
}

/*
 * Whether a character comes through every application from a key alone. Chromium cuts those beyond
 * the basic plane to 16 bits; some others are replaced by what the Compose file of X11's locales
 * has for them.
 */
static bool is_for_keys(uint32_t c) {
	return c <= 0xffff && !(c >= 0x17fb && c <= 0x17ff) && c != 0xfef5 && c != 0xfef7 &&
	       c != 0xfef9 && c != 0xfefb;
}

// The symbols that spare keys have to make.
struct symbols {
	xkb_keysym_t list[KEYMAP_SPARE_MAX];
	size_t len;
};

// Adds what a character needs. False: there is no room left.
static bool need(struct typist *typist, struct symbols *symbols, uint32_t c) {
	xkb_keysym_t symbol = layout_symbol_of(c);
	for (size_t i = 0; i < symbols->len; i++) {
		if (symbols->list[i] == symbol) {
			return true;
		}
	}
	if (is_break_character(c) || keyboard_has_character(typist->keyboard, c)) {
		return true;
	}
	if (symbols->len == keyboard_room(typist->keyboard)) {
		return false;
	}
	symbols->list[symbols->len++] = symbol;
	return true;
}

/*
 * Sees to a keymap for as much of the line as one will do, and for what comes after it as well, so
 * that fewer are needed. False: it cannot be made.
 */
static bool extend(struct typist *typist) {
	struct symbols symbols = {.len = 0};
	size_t end = typist->at;
	while (end < typist->len) {
		uint32_t c;
		size_t n = utf8_decode(typist->text + end, typist->len - end, &c);
		bool later = end >= typist->line_end;
		if (!(later && !is_for_keys(c)) && !need(typist, &symbols, c)) {
			break;
		}
		end += n;
	}
	typist->way = CHANNEL_WAY_KEYMAP;
	typist->part_end = end < typist->line_end ? end : typist->line_end;
	return keyboard_provide(typist->keyboard, symbols.list, symbols.len);
}

// ---- text

// Whether a character belongs to the one before it.
static bool is_joined(uint32_t c) {
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x300, 0x36f}, // combining marks
		{0x483, 0x489},
		{0x591, 0x5c7},
		{0x610, 0x61a},
		{0x64b, 0x65f},
		{0x6d6, 0x6ed},
		{0x900, 0xfff}, // scripts of India to Tibet, whole
		{0x1000, 0x11ff}, // Burmese; letters that Hangul is made of
		{0x1780, 0x17ff},
		{0x1ab0, 0x1aff},
		{0x1dc0, 0x1dff},
		{0x200b, 0x200f}, // with the joiners
		{0x20d0, 0x20ff},
		{0x302a, 0x302f},
		{0x3099, 0x309a},
		{0xfe00, 0xfe0f}, // variation selectors
		{0xfe20, 0xfe2f},
		{0x1f1e6, 0x1f1ff}, // flags
		{0x1f3fb, 0x1f3ff}, // skin
		{0xe0000, 0xe0fff}, // tags, variation selectors
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

// How many bytes of the part go into one message: not torn within what is seen as one character.
static size_t piece(const struct typist *typist) {
	size_t rest = typist->part_end - typist->at;
	if (rest <= COMMIT_BYTES) {
		return rest;
	}
	size_t good = 0, whole = 0;
	uint32_t last = 0;
	for (size_t at = 0; at <= COMMIT_BYTES;) {
		uint32_t c;
		size_t n = utf8_decode(typist->text + typist->at + at, rest - at, &c);
		if (!is_joined(c) && last != 0x200d) {
			good = at;
		}
		whole = at;
		last = c;
		at += n;
	}
	return good > 0 ? good : whole;
}

static uint32_t count_characters(const char *text, size_t len) {
	uint32_t count = 0;
	for (size_t i = 0; i < len; i++) {
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return count;
}

// False: it takes no text any more.
static bool commit(struct typist *typist) {
	char text[COMMIT_BYTES + 1];
	size_t len = piece(typist);
	memcpy(text, typist->text + typist->at, len);
	text[len] = '\0';
	bool taken = text_inputs_commit(typist->inputs, text);
	if (taken) {
		add_to_tail(typist, text, len, false);
		typist->at += len;
		typist->host->typed(
			typist->data, count_characters(text, len), CHANNEL_WAY_TEXT_INPUT);
	}
	explicit_bzero(text, len);
	return taken;
}

// ---- parts

// Looks which ways there are for the line that begins here.
static void look(struct typist *typist) {
	struct symbols symbols = {.len = 0};
	size_t end = typist->at;
	typist->plain = typist->by_key = true;
	while (end < typist->len) {
		uint32_t c;
		size_t n = utf8_decode(typist->text + end, typist->len - end, &c);
		if (is_break_character(c)) {
			break;
		}
		if (!keyboard_has_character(typist->keyboard, c)) {
			typist->plain = false;
			typist->by_key =
				typist->by_key && is_for_keys(c) && need(typist, &symbols, c);
		}
		end += n;
	}
	typist->line_end = end;
}

// Whether the line is better sent as text than typed with keys, where there is the choice.
static bool is_long(const struct typist *typist) {
	size_t bytes = typist->line_end - typist->at;
	return bytes >= (typist->at == 0 ? LONG_LINE_BYTES : LONG_LATER_LINE_BYTES) &&
	       text_inputs_enabled(typist->inputs);
}

// Chooses the way for what comes next. False: not yet, or it ended.
static bool choose(struct typist *typist) {
	if (typist->at >= typist->line_end) {
		look(typist);
	}
	bool by_key = typist->plain || typist->by_key;
	if (by_key ? is_long(typist) : text_inputs_known(typist->inputs)) {
		uint64_t moved = later(seat_moves_ms(typist->seat), typist->moved_ms);
		uint64_t now = now_ms();
		if (now < moved + SETTLE_MS) {
			wait_for(typist, WAIT_SETTLE, moved + SETTLE_MS - now);
			return false;
		}
		if (typist->drained != seat_activity(typist->seat)) {
			typist->drains = DRAIN_PINGS;
			drain(typist);
			return false;
		}
		if (text_inputs_enabled(typist->inputs)) {
			typist->part_end = typist->line_end;
			typist->way = CHANNEL_WAY_TEXT_INPUT;
			return true;
		}
	}
	if (typist->plain) {
		typist->part_end = typist->line_end;
		typist->way = CHANNEL_WAY_KEYS;
		return true;
	}
	if (!extend(typist)) {
		end(typist, CHANNEL_INPUT_TOO_MANY);
		return false;
	}
	return true;
}

// A line end or tab.
static bool type_break(struct typist *typist) {
	struct layout_press press;
	size_t n = 1;
	char c = typist->text[typist->at];
	if (c == '\r' && typist->at + 1 < typist->len && typist->text[typist->at + 1] == '\n') {
		n = 2;
	}
	if (!keyboard_find_symbol(
		    typist->keyboard, c == '\t' ? XKB_KEY_Tab : XKB_KEY_Return, &press) ||
		!strike(typist, &press)) {
		end(typist, CHANNEL_INPUT_TOO_MANY);
		return false;
	}
	if (c == '\t') {
		typist_note_key(typist, true);
	} else {
		add_to_tail(typist, "\n", 1, true);
	}
	typist->at += n;
	typist->part_end = typist->line_end = typist->at;
	typist->host->typed(typist->data, (uint32_t)n, CHANNEL_WAY_KEYS);
	return true;
}

static bool type_character(struct typist *typist) {
	uint32_t c;
	size_t n = utf8_decode(typist->text + typist->at, typist->len - typist->at, &c);
	struct layout_press press;
	if (!keyboard_find_character(typist->keyboard, c, &press) || !strike(typist, &press)) {
		end(typist, CHANNEL_INPUT_TOO_MANY);
		return false;
	}
	add_to_tail(typist, typist->text + typist->at, n, true);
	typist->at += n;
	typist->host->typed(typist->data, 1, typist->way);
	return true;
}

// Types on until it has to wait or is done.
static void work(struct typist *typist) {
	while (typist->text != NULL && typist->wait == WAIT_NOT) {
		if (typist->at == typist->len) {
			end(typist, CHANNEL_INPUT_OK);
			return;
		}
		struct wlr_surface *surface = seat_keyboard_surface(typist->seat);
		uint32_t window =
			surface != NULL ? typist->host->window_of(typist->data, surface) : 0;
		if (window == 0 || window != typist->window) {
			end(typist, CHANNEL_INPUT_LOST);
			return;
		}
		if (!keep_pace(typist)) {
			return;
		}
		if (typist->at < typist->part_end) {
			if (typist->way != CHANNEL_WAY_TEXT_INPUT) {
				type_character(typist);
			} else if (!commit(typist)) {
				typist->part_end = typist->at;
			}
		} else if (is_break_character((unsigned char)typist->text[typist->at])) {
			type_break(typist);
		} else {
			choose(typist);
		}
	}
}

// ---- the door

struct typist *typist_create(struct wl_event_loop *loop, struct seat *seat,
	struct keyboard *keyboard, struct pinger *pinger, const struct typist_host *host,
	void *data) {
	struct typist *typist = calloc(1, sizeof(*typist));
	if (typist == NULL) {
		return NULL;
	}
	typist->seat = seat;
	typist->keyboard = keyboard;
	typist->inputs = seat_text_inputs(seat);
	typist->pinger = pinger;
	typist->host = host;
	typist->data = data;
	typist->timer = wl_event_loop_add_timer(loop, handle_timer, typist);
	if (typist->timer == NULL) {
		free(typist);
		return NULL;
	}
	return typist;
}

void typist_destroy(struct typist *typist) {
	if (typist != NULL) {
		typist_stop(typist);
		wl_event_source_remove(typist->timer);
		free(typist);
	}
}

void typist_start(struct typist *typist, const char *text, size_t len) {
	struct wlr_surface *surface = seat_keyboard_surface(typist->seat);
	typist->text = text;
	typist->len = len;
	typist->end_ms = now_ms() + CHANNEL_TEXT_MS + len * CHANNEL_TEXT_BYTE_MS;
	typist->at = typist->part_end = typist->line_end = typist->paced = 0;
	typist->window = surface != NULL ? typist->host->window_of(typist->data, surface) : 0;
	if (typist->window == 0) {
		end(typist, CHANNEL_INPUT_NO_FOCUS);
	} else {
		work(typist);
	}
}
