#include "agent/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fields.h"

static const struct vocabulary *const vocabularies[] = {
	&vocabulary_parclose,
	&vocabulary_anthropic,
	&vocabulary_openai,
	&vocabulary_gemini,
};

const struct vocabulary *vocabulary_find(const char *name) {
	for (size_t i = 0; i < sizeof(vocabularies) / sizeof(vocabularies[0]); i++) {
		if (strcmp(vocabularies[i]->name, name) == 0) {
			return vocabularies[i];
		}
	}
	return NULL;
}

const char *vocabulary_name(const struct vocabulary *vocabulary) {
	return vocabulary->name;
}

const char *vocabulary_action(const struct vocabulary *vocabulary, size_t index) {
	return index < vocabulary->verbs_len ? vocabulary->verbs[index].name : NULL;
}

void vocabulary_actions_finish(struct vocabulary_actions *actions) {
	for (size_t i = 0; i < actions->len; i++) {
		action_finish(&actions->items[i]);
	}
	actions->len = 0;
}

// ---- errors

static void append(char *text, size_t size, const char *more) {
	size_t len = strlen(text);
	snprintf(text + len, size - len, "%s", more);
}

// The error is about the member `key` of what `pointer` names; NULL: about that itself.
static void point_at(struct vocabulary_error *err, const char *pointer, const char *key) {
	snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);
	if (key == NULL) {
		return;
	}
	append(err->pointer, sizeof(err->pointer), "/");
	for (const char *p = key; *p != '\0'; p++) {
		char one[3] = {*p, '\0'};
		if (*p == '~' || *p == '/') { // RFC 6901, section 3
			memcpy(one, *p == '~' ? "~0" : "~1", sizeof(one));
		}
		append(err->pointer, sizeof(err->pointer), one);
	}
}

static void list_fields(struct vocabulary_error *err, const struct verb *verb) {
	if (verb->fields[0].name == NULL) {
		append(err->message, sizeof(err->message), "it takes none");
		return;
	}
	append(err->message, sizeof(err->message), "it takes ");
	for (size_t i = 0; i < VOCABULARY_MAX_FIELDS && verb->fields[i].name != NULL; i++) {
		append(err->message, sizeof(err->message), i > 0 ? ", " : "");
		append(err->message, sizeof(err->message), verb->fields[i].name);
		append(err->message, sizeof(err->message),
			verb->fields[i].required ? " (required)" : "");
	}
}

static void list_verbs(
	const struct vocabulary *vocabulary, struct vocabulary_error *err, const char *begin) {
	snprintf(err->message, sizeof(err->message), "%s; use ", begin);
	bool first = true;
	for (size_t i = 0; i < vocabulary->verbs_len; i++) {
		if (vocabulary->verbs[i].kind != 0) {
			append(err->message, sizeof(err->message), first ? "" : ", ");
			append(err->message, sizeof(err->message), vocabulary->verbs[i].name);
			first = false;
		}
	}
}

// ---- reading

static const struct verb *find_verb(const struct vocabulary *vocabulary, const char *name) {
	for (size_t i = 0; i < vocabulary->verbs_len; i++) {
		if (strcmp(vocabulary->verbs[i].name, name) == 0) {
			return &vocabulary->verbs[i];
		}
	}
	return NULL;
}

static const struct field *find_field(
	const struct vocabulary *vocabulary, const struct verb *verb, const char *name) {
	for (size_t i = 0; i < VOCABULARY_MAX_FIELDS && verb->fields[i].name != NULL; i++) {
		if (strcmp(verb->fields[i].name, name) == 0) {
			return &verb->fields[i];
		}
	}
	for (const struct field *field = vocabulary->common; field != NULL && field->name != NULL;
		field++) {
		if (strcmp(field->name, name) == 0) {
			return field;
		}
	}
	return NULL;
}

// Text of another side, cut to what a message has room for.
static const char *shown(const char *untrusted_text, char out[44]) {
	size_t len = strlen(untrusted_text);
	if (len > 40) {
		len = 40;
		while (len > 0 && ((unsigned char)untrusted_text[len] & 0xc0) == 0x80) {
			len--;
		}
	}
	snprintf(out, 44, "%.*s", (int)len, untrusted_text);
	return out;
}

static bool read_fields(struct reading *reading, const struct verb *verb,
	const cJSON *untrusted_fields, const char *pointer) {
	const struct vocabulary *vocabulary = reading->vocabulary;
	bool beside = vocabulary->fields_key == NULL;
	char cut[44];
	const cJSON *value;
	cJSON_ArrayForEach (value, untrusted_fields) {
		if (beside && strcmp(value->string, vocabulary->verb_key) == 0) {
			continue;
		}
		point_at(reading->err, pointer, value->string);
		const struct field *field = find_field(vocabulary, verb, value->string);
		if (field == NULL) {
			field_refuse(reading, "%s has no field '%s'; ", verb->name,
				shown(value->string, cut));
			list_fields(reading->err, verb);
			return false;
		}
		if (!cJSON_IsNull(value) && !field->read(reading, value)) {
			return false;
		}
	}
	point_at(reading->err, pointer, NULL);
	for (size_t i = 0; i < VOCABULARY_MAX_FIELDS && verb->fields[i].name != NULL; i++) {
		const struct field *field = &verb->fields[i];
		value = cJSON_GetObjectItemCaseSensitive(untrusted_fields, field->name);
		if (field->required && (value == NULL || cJSON_IsNull(value))) {
			field_refuse(reading, "%s needs the field '%s'; ", verb->name, field->name);
			list_fields(reading->err, verb);
			return false;
		}
	}
	return true;
}

// What no single field can see.
static bool check_together(struct reading *reading, const struct verb *verb) {
	if (reading->has_x != reading->has_y) {
		return field_refuse(reading, "%s: a point is x and y, and %c is missing",
			verb->name, reading->has_x ? 'y' : 'x');
	}
	if (reading->has_other_x != reading->has_other_y) {
		return field_refuse(
			reading, "%s: a point is x and y, and one is missing", verb->name);
	}
	reading->action.has_point = reading->has_x;
	return reading->vocabulary->check == NULL || reading->vocabulary->check(reading);
}

// One limit in notches, another in pixels: known when both the distance and its unit are.
static bool check_scroll(
	struct reading *reading, const struct verb *verb, const struct action *action) {
	double most = action->pixels ? ACT_MAX_SCROLL_PIXELS : ACT_MAX_SCROLL_NOTCHES;
	if (action->dx < -most || action->dx > most || action->dy < -most || action->dy > most) {
		return field_refuse(reading, "%s: at most %.10g %s at a time", verb->name, most,
			action->pixels ? "pixels" : "notches");
	}
	return true;
}

bool vocabulary_read(const struct vocabulary *vocabulary, const cJSON *untrusted_action,
	const char *pointer, uint32_t display_width, uint32_t display_height,
	struct vocabulary_actions *actions, struct vocabulary_error *err) {
	actions->len = 0;
	*err = (struct vocabulary_error){0};
	point_at(err, pointer, NULL);
	char fields_pointer[160];
	snprintf(fields_pointer, sizeof(fields_pointer), "%s", pointer);
	const char *key = vocabulary->verb_key;
	const cJSON *named = cJSON_GetObjectItemCaseSensitive(untrusted_action, key);
	char begin[120], cut[44];
	if (!cJSON_IsObject(untrusted_action)) {
		snprintf(err->message, sizeof(err->message), "an action is an object with '%s'",
			key);
		return false;
	}
	if (!cJSON_IsString(named)) {
		snprintf(begin, sizeof(begin), "'%s' must name the action", key);
		list_verbs(vocabulary, err, begin);
		point_at(err, pointer, named != NULL ? key : NULL);
		return false;
	}
	const struct verb *verb = find_verb(vocabulary, named->valuestring);
	if (verb == NULL || verb->kind == 0) {
		point_at(err, pointer, key);
		err->unsupported = verb != NULL;
		if (verb != NULL) {
			snprintf(err->message, sizeof(err->message), "%s is not done here: %s",
				verb->name, verb->help);
		} else {
			snprintf(begin, sizeof(begin), "there is no action '%s'",
				shown(named->valuestring, cut));
			list_verbs(vocabulary, err, begin);
		}
		return false;
	}
	const cJSON *fields = untrusted_action;
	if (vocabulary->fields_key != NULL) {
		// The fields stand in an object of their own, and nothing but the two is there.
		fields = cJSON_GetObjectItemCaseSensitive(untrusted_action, vocabulary->fields_key);
		int known = fields != NULL ? 2 : 1;
		if ((fields != NULL && !cJSON_IsObject(fields)) ||
			cJSON_GetArraySize(untrusted_action) != known) {
			snprintf(err->message, sizeof(err->message),
				"an action is {\"%s\": its name, \"%s\": {its fields}}", key,
				vocabulary->fields_key);
			return false;
		}
		if (fields != NULL) {
			point_at(err, pointer, vocabulary->fields_key);
			memcpy(fields_pointer, err->pointer, sizeof(fields_pointer));
		}
	}
	struct reading *reading = calloc(1, sizeof(*reading));
	if (reading == NULL) {
		snprintf(err->message, sizeof(err->message), "out of memory");
		return false;
	}
	reading->vocabulary = vocabulary;
	reading->width = display_width;
	reading->height = display_height;
	reading->err = err;
	reading->amount = -1;
	reading->action = (struct action){
		.kind = verb->kind,
		.button = verb->button,
		.count = verb->count,
		.ms = verb->ms,
		.picture.cursor = true,
	};
	bool ok =
		read_fields(reading, verb, fields, fields_pointer) && check_together(reading, verb);
	if (ok && verb->expand != NULL) {
		ok = verb->expand(reading, actions);
	} else if (ok) {
		*actions_add(actions, verb->kind) = reading->action;
		reading->action = (struct action){0};
	}
	for (size_t i = 0; ok && i < actions->len; i++) {
		ok = check_scroll(reading, verb, &actions->items[i]);
	}
	action_finish(&reading->action);
	free(reading);
	if (!ok) {
		vocabulary_actions_finish(actions);
	}
	return ok;
}
