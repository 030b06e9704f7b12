#include "replay/story.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session/untrusted.h"

#define MAX_MOMENTS (1u << 20) // of a recording; later ones are left out
#define ENTRIES_A_LOOK 64 // between two looks at the clock

struct story {
	struct recording *recording;
	size_t read; // entries, so far
	struct story_moment *moments; // by time
	size_t len, size;
	struct story_moment last; // who holds the session
};

// ---- what an event is

// A member that is a text; "" when there is none.
static const char *text_of(const cJSON *event, const char *key) {
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));
	return text != NULL ? text : "";
}

static bool is(const cJSON *event, const char *key, const char *value) {
	return strcmp(text_of(event, key), value) == 0;
}

// The event of an entry; the caller deletes. NULL: it is none.
static cJSON *read_event(const struct story *story, size_t entry) {
	char *text = recording_event(story->recording, entry);
	cJSON *event = text != NULL ? cJSON_Parse(text) : NULL;
	free(text);
	if (event != NULL && !cJSON_IsObject(event)) {
		cJSON_Delete(event);
		event = NULL;
	}
	return event;
}

static bool went_wrong(const cJSON *event) {
	return is(event, "effect", "refused") || is(event, "effect", "unsupported") ||
	       is(event, "effect", "failed");
}

// How an event is told, in order; the first one whose name fits.
struct teller {
	const char *event;
	uint32_t kinds;
	void (*tell)(const cJSON *event, char *out, size_t size); // NULL: `words`
	const char *words;
};

static void say(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(char *out, size_t size, const char *format, ...) {
	size_t len = strlen(out);
	va_list args;
	va_start(args, format);
	vsnprintf(out + len, size - len, format, args);
	va_end(args);
}

static void tell_act(const cJSON *event, char *out, size_t size) {
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(event, "x");
	const cJSON *y = cJSON_GetObjectItemCaseSensitive(event, "y");
	const cJSON *key, *keys = cJSON_GetObjectItemCaseSensitive(event, "keys");
	const char *text = text_of(event, "text"), *message = text_of(event, "message");
	say(out, size, "%s: %s", is(event, "as", "human") ? "A person" : "The agent",
		text_of(event, "action"));
	const char *between = " ";
	cJSON_ArrayForEach (key, keys) {
		const char *name = cJSON_GetStringValue(key);
		say(out, size, "%s%s", between, name != NULL ? name : "?");
		between = "+";
	}
	if (text[0] != '\0') {
		say(out, size, " “%s”", text);
	}
	if (cJSON_IsNumber(x) && cJSON_IsNumber(y)) {
		say(out, size, " at %.0f, %.0f", x->valuedouble, y->valuedouble);
	}
	if (went_wrong(event)) {
		say(out, size, " – %s%s%s", text_of(event, "effect"),
			message[0] != '\0' ? ": " : "", message);
	} else if (is(event, "effect", "nothing_changed")) {
		say(out, size, " – nothing changed");
	}
}

static void tell_by(const cJSON *event, char *out, size_t size, const char *what) {
	const char *by = text_of(event, "by");
	say(out, size, "%s%s%s", what, by[0] != '\0' ? ", by " : "", by);
}

static void tell_taken_over(const cJSON *event, char *out, size_t size) {
	tell_by(event, out, size, "A person takes over");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "withheld"))) {
		say(out, size, "; pictures are withheld, from here, too");
	}
}

static void tell_handed_back(const cJSON *event, char *out, size_t size) {
	tell_by(event, out, size, "Handed back to the agent");
}

static void tell_paused(const cJSON *event, char *out, size_t size) {
	tell_by(event, out, size, "Paused");
}

static void tell_resumed(const cJSON *event, char *out, size_t size) {
	tell_by(event, out, size, "Resumed");
}

static void tell_stop(const cJSON *event, char *out, size_t size) {
	tell_by(event, out, size, "Stopped");
}

static void tell_exec(const cJSON *event, char *out, size_t size) {
	const cJSON *word, *argv = cJSON_GetObjectItemCaseSensitive(event, "argv");
	say(out, size, "Starts");
	cJSON_ArrayForEach (word, argv) {
		const char *text = cJSON_GetStringValue(word);
		say(out, size, " %s", text != NULL ? text : "?");
	}
}

static void tell_exec_failed(const cJSON *event, char *out, size_t size) {
	say(out, size, "A command could not be started: %s", text_of(event, "error"));
}

static void tell_exited(const cJSON *event, char *out, size_t size) {
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(event, "exitCode");
	say(out, size, "A command ends");
	if (cJSON_IsNumber(code)) {
		say(out, size, ", exit code %.0f", code->valuedouble);
	}
}

static void tell_clipboard(const cJSON *event, char *out, size_t size) {
	const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(event, "bytes");
	say(out, size, "Clipboard %s: %.0f bytes of %s", text_of(event, "direction"),
		cJSON_IsNumber(bytes) ? bytes->valuedouble : 0, text_of(event, "type"));
}

static void tell_clipboard_refused(const cJSON *event, char *out, size_t size) {
	say(out, size, "Clipboard %s refused: %s", text_of(event, "direction"),
		text_of(event, "reason"));
}

static void tell_compositor(const cJSON *event, char *out, size_t size) {
	say(out, size, "The compositor says: %s", text_of(event, "text"));
}

static bool was_denied(const cJSON *event) {
	return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(event, "allowed"));
}

static void tell_network(const cJSON *event, char *out, size_t size) {
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(event, "port");
	const char *name = text_of(event, "name"), *reason = text_of(event, "reason");
	bool denied = was_denied(event);
	say(out, size, "Network%s: %s %s", denied ? ", denied" : "", text_of(event, "kind"),
		name[0] != '\0' ? name : text_of(event, "address"));
	if (cJSON_IsNumber(port)) {
		say(out, size, " port %.0f", port->valuedouble);
	}
	if (denied && reason[0] != '\0') {
		say(out, size, " – %s", reason);
	}
}

static void tell_asked(const cJSON *event, char *out, size_t size) {
	say(out, size, "The agent asks: “%s”", text_of(event, "text"));
}

static const struct teller tellers[] = {
	{"act", VIEW_MARK_AGENT, tell_act, NULL},
	{"holder", 0, NULL, ""},
	{"taken-over", VIEW_MARK_PERSON, tell_taken_over, NULL},
	{"handed-back", VIEW_MARK_PERSON, tell_handed_back, NULL},
	{"paused", VIEW_MARK_PERSON, tell_paused, NULL},
	{"resumed", VIEW_MARK_PERSON, tell_resumed, NULL},
	{"stop", VIEW_MARK_PERSON, tell_stop, NULL},
	{"exec", VIEW_MARK_OTHER, tell_exec, NULL},
	{"exec-failed", VIEW_MARK_REFUSED, tell_exec_failed, NULL},
	{"exited", VIEW_MARK_OTHER, tell_exited, NULL},
	{"clipboard", VIEW_MARK_OTHER, tell_clipboard, NULL},
	{"clipboard-refused", VIEW_MARK_REFUSED, tell_clipboard_refused, NULL},
	{"clipboard-pasted", VIEW_MARK_OTHER, NULL, "What was put into the clipboard is pasted"},
	{"compositor", VIEW_MARK_OTHER, tell_compositor, NULL},
	{"asked", VIEW_MARK_AGENT, tell_asked, NULL},
	{"network", VIEW_MARK_OTHER, tell_network, NULL},
	{"running", 0, NULL, ""},
	{"recording", VIEW_MARK_OTHER, NULL, "The recording begins"},
};

static const struct teller *teller_of(const cJSON *event) {
	static const struct teller other = {NULL, VIEW_MARK_OTHER, NULL, NULL};
	for (size_t i = 0; i < sizeof(tellers) / sizeof(tellers[0]); i++) {
		if (is(event, "event", tellers[i].event)) {
			return &tellers[i];
		}
	}
	return &other;
}

// ---- reading

static uint32_t kinds_of(const cJSON *event) {
	const struct teller *teller = teller_of(event);
	if (teller->tell == tell_network) {
		// Of what is allowed the beginning of each connection is enough.
		return was_denied(event)              ? VIEW_MARK_REFUSED
		       : is(event, "kind", "connect") ? VIEW_MARK_OTHER
						      : 0;
	}
	if (teller->tell != tell_act) {
		return teller->kinds;
	}
	uint32_t kinds = is(event, "as", "human") ? VIEW_MARK_PERSON : VIEW_MARK_AGENT;
	return kinds | (went_wrong(event) ? VIEW_MARK_REFUSED : 0);
}

// Who holds the session from this event on.
static void follow_holder(struct story_moment *last, const cJSON *event) {
	// What is told of a change comes a moment before the change.
	static const struct {
		const char *key, *value;
		enum view_holder holder;
	} holders[] = {
		{"holder", "agent", VIEW_AGENT},
		{"holder", "human", VIEW_HUMAN},
		{"holder", "paused", VIEW_PAUSED},
		{"event", "handed-back", VIEW_AGENT},
		{"event", "taken-over", VIEW_HUMAN},
		{"event", "paused", VIEW_PAUSED},
	};
	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		if (is(event, holders[i].key, holders[i].value)) {
			last->holder = holders[i].holder;
		}
	}
	const cJSON *withheld = cJSON_GetObjectItemCaseSensitive(event, "withheld");
	if (cJSON_IsBool(withheld)) {
		last->withheld = cJSON_IsTrue(withheld);
	}
	if (is(event, "event", "handed-back")) {
		last->withheld = false;
	}
}

static bool add_moment(struct story *story, const struct story_moment *moment) {
	if (story->len == story->size) {
		size_t size = story->size == 0 ? 256 : story->size * 2;
		struct story_moment *moments =
			realloc(story->moments, size * sizeof(*story->moments));
		if (moments == NULL) {
			return false;
		}
		story->moments = moments;
		story->size = size;
	}
	story->moments[story->len++] = *moment;
	return true;
}

// False: no more moments can be kept.
static bool take_entry(struct story *story, size_t entry) {
	if (recording_kind(story->recording, entry) != RECORDING_EVENT) {
		return true;
	}
	cJSON *event = read_event(story, entry);
	if (event == NULL) {
		return true;
	}
	struct story_moment moment = story->last;
	follow_holder(&moment, event);
	moment.kinds = kinds_of(event);
	moment.time_ns = recording_time(story->recording, entry);
	moment.entry = entry;
	cJSON_Delete(event);
	bool tells = moment.kinds != 0 || moment.holder != story->last.holder ||
		     moment.withheld != story->last.withheld;
	story->last = moment;
	return !tells || (story->len < MAX_MOMENTS && add_moment(story, &moment));
}

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool story_read(struct story *story, uint64_t budget_ns) {
	const uint64_t until = now_ns() + budget_ns;
	const size_t len = recording_len(story->recording);
	do {
		for (int i = 0; i < ENTRIES_A_LOOK && story->read < len; i++) {
			story->read = take_entry(story, story->read) ? story->read + 1 : len;
		}
	} while (story->read < len && now_ns() < until);
	return story->read < len;
}

struct story *story_create(struct recording *recording) {
	struct story *story = calloc(1, sizeof(*story));
	if (story != NULL) {
		story->recording = recording;
		story->last.holder = VIEW_AGENT;
	}
	return story;
}

void story_destroy(struct story *story) {
	if (story != NULL) {
		free(story->moments);
		free(story);
	}
}

// ---- asking

// How many moments are not later than a time.
static size_t count_until(const struct story *story, uint64_t time_ns) {
	size_t low = 0, high = story->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (story->moments[middle].time_ns <= time_ns) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct story_moment *story_at(const struct story *story, uint64_t time_ns, bool marked) {
	for (size_t i = count_until(story, time_ns); i-- > 0;) {
		if (!marked || story->moments[i].kinds != 0) {
			return &story->moments[i];
		}
	}
	return NULL;
}

const struct story_moment *story_next(const struct story *story, uint64_t time_ns, bool back) {
	if (back) {
		return time_ns > 0 ? story_at(story, time_ns - 1, true) : NULL;
	}
	for (size_t i = count_until(story, time_ns); i < story->len; i++) {
		if (story->moments[i].kinds != 0) {
			return &story->moments[i];
		}
	}
	return NULL;
}

void story_marks(const struct story *story, uint64_t duration_ns, uint8_t kinds[VIEW_MARKS_LEN]) {
	memset(kinds, 0, VIEW_MARKS_LEN);
	for (size_t i = 0; i < story->len; i++) {
		double part = duration_ns > 0 ? (double)story->moments[i].time_ns /
							(double)duration_ns * VIEW_MARKS_LEN
					      : 0;
		size_t at = part < VIEW_MARKS_LEN ? (size_t)part : VIEW_MARKS_LEN - 1;
		kinds[at] |= (uint8_t)story->moments[i].kinds;
	}
}

void story_tell(
	const struct story *story, const struct story_moment *moment, char *out, size_t size) {
	char untrusted_line[1024] = "";
	cJSON *event = read_event(story, moment->entry);
	if (event != NULL) {
		const struct teller *teller = teller_of(event);
		if (teller->tell != NULL) {
			teller->tell(event, untrusted_line, sizeof(untrusted_line));
		} else {
			say(untrusted_line, sizeof(untrusted_line), "%s",
				teller->words != NULL ? teller->words : text_of(event, "event"));
		}
		cJSON_Delete(event);
	}
	untrusted_text(out, size, untrusted_line, strlen(untrusted_line));
}
