#include "policy/fields.h"

#include "policy/json.h"
#include "policy/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- errors

__attribute__((format(printf, 2, 0))) static void write_message(
	struct loader *loader, const char *format, va_list args) {
	struct policy_error *err = loader->err;
	char what[384];
	vsnprintf(what, sizeof(what), format, args);
	struct text text;
	text_init(&text, err->message, sizeof(err->message));
	text_add_shown(&text, loader->source, strlen(loader->source), 100);
	if (err->line > 0) {
		text_add(&text, ":%u:%u", err->line, err->column);
	}
	if (err->pointer[0] != '\0') {
		struct text_shown pointer = text_shown(err->pointer);
		text_add(&text, " %s", pointer.s);
	}
	text_add(&text, ": %s", what);
}

bool load_fail(struct loader *loader, const char *format, ...) {
	struct policy_error *err = loader->err;
	*err = (struct policy_error){0};
	struct text pointer;
	text_init(&pointer, err->pointer, sizeof(err->pointer));
	text_add(&pointer, "%s", loader->pointer);
	json_locate(loader->text, loader->len, loader->pointer, false, &err->line, &err->column);
	va_list args;
	va_start(args, format);
	write_message(loader, format, args);
	va_end(args);
	return false;
}

// Without a place.
__attribute__((format(printf, 2, 3))) static bool fail_plain(
	struct loader *loader, const char *format, ...) {
	*loader->err = (struct policy_error){0};
	va_list args;
	va_start(args, format);
	write_message(loader, format, args);
	va_end(args);
	return false;
}

bool load_fail_memory(struct loader *loader) {
	return fail_plain(loader, "out of memory");
}

bool load_fail_type(struct loader *loader, const char *expected, const cJSON *value) {
	const char *found = cJSON_IsString(value)   ? "a string"
			    : cJSON_IsNumber(value) ? "a number"
			    : cJSON_IsBool(value)   ? "true or false"
			    : cJSON_IsArray(value)  ? "an array"
			    : cJSON_IsObject(value) ? "an object"
						    : "null";
	return load_fail(loader, "expected %s, found %s", expected, found);
}

bool load_fail_unenforced(struct loader *loader, const char *what) {
	return load_fail(loader, "%s cannot be enforced yet by this version; remove it", what);
}

// ---- the pointer

size_t load_enter(struct loader *loader, const char *name) {
	struct text text = {loader->pointer, sizeof(loader->pointer), strlen(loader->pointer)};
	size_t mark = text.len;
	text_add(&text, "/%s", name);
	return mark;
}

size_t load_enter_index(struct loader *loader, size_t index) {
	struct text text = {loader->pointer, sizeof(loader->pointer), strlen(loader->pointer)};
	size_t mark = text.len;
	text_add(&text, "/%zu", index);
	return mark;
}

void load_leave(struct loader *loader, size_t mark) {
	loader->pointer[mark] = '\0';
}

// ---- unknown keys

// Edits (insert, delete, replace, swap neighbours) that make `a` into `b`, letter case aside.
static size_t edit_distance(const char *a, const char *b) {
	enum {
		MAX = 32
	};
	size_t rows[3][MAX + 1], n = strlen(a), m = strlen(b);
	if (n > MAX || m > MAX) {
		return SIZE_MAX;
	}
	for (size_t j = 0; j <= m; j++) {
		rows[0][j] = j;
	}
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = above[j - 1] + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
			if (above[j] + 1 < best) {
				best = above[j] + 1;
			}
			if (row[j - 1] + 1 < best) {
				best = row[j - 1] + 1;
			}
			if (i > 1 && j > 1 && strncasecmp(&a[i - 1], &b[j - 2], 1) == 0 &&
				strncasecmp(&a[i - 2], &b[j - 1], 1) == 0 &&
				above2[j - 2] + 1 < best) {
				best = above2[j - 2] + 1;
			}
			row[j] = best;
		}
	}
	return rows[n % 3][m];
}

static const char *nearest(const char *key, const struct field *fields) {
	const char *found = NULL;
	size_t least = strlen(key) >= 8 ? 3 : 2;
	for (const struct field *field = fields; field->name; field++) {
		size_t distance = edit_distance(key, field->name);
		if (distance < least) {
			least = distance;
			found = field->name;
		}
	}
	return found;
}

// A pointer to the member `key` of the value at hand, escaped by RFC 6901; to be freed, NULL when
// out of memory.
static char *member_pointer(const struct loader *loader, const char *key) {
	char *pointer = malloc(strlen(loader->pointer) + 2 * strlen(key) + 2);
	if (!pointer) {
		return NULL;
	}
	size_t n = strlen(loader->pointer);
	memcpy(pointer, loader->pointer, n);
	pointer[n++] = '/';
	for (; *key != '\0'; key++) {
		if (*key == '~' || *key == '/') {
			pointer[n++] = '~';
			pointer[n++] = *key == '~' ? '0' : '1';
		} else {
			pointer[n++] = *key;
		}
	}
	pointer[n] = '\0';
	return pointer;
}

static bool fail_unknown_key(struct loader *loader, const char *key, const struct field *fields) {
	char *pointer = member_pointer(loader, key);
	if (!pointer) {
		return load_fail_memory(loader);
	}
	struct policy_error *err = loader->err;
	*err = (struct policy_error){0};
	struct text text;
	text_init(&text, err->pointer, sizeof(err->pointer));
	text_add_shown(&text, pointer, strlen(pointer), sizeof(err->pointer) - 4);
	json_locate(loader->text, loader->len, pointer, true, &err->line, &err->column);
	free(pointer);

	char remedy[256];
	text_init(&text, remedy, sizeof(remedy));
	const char *close = nearest(key, fields);
	if (close) {
		text_add(&text, "did you mean '%s'?", close);
	} else {
		text_add(&text, "known here:");
		for (const struct field *field = fields; field->name; field++) {
			text_add(&text, "%s %s", field == fields ? "" : ",", field->name);
		}
	}
	text_init(&text, err->message, sizeof(err->message));
	text_add_shown(&text, loader->source, strlen(loader->source), 100);
	text_add(&text, ":%u:%u %s: unknown key '%s'; %s", err->line, err->column,
		text_shown(err->pointer).s, text_shown(key).s, remedy);
	return false;
}

// ---- objects and arrays

bool load_object(struct loader *loader, const cJSON *object, const struct field *fields) {
	if (!cJSON_IsObject(object)) {
		return load_fail_type(loader, "an object", object);
	}
	const cJSON *member;
	cJSON_ArrayForEach (member, object) {
		const struct field *field = fields;
		while (field->name && strcmp(field->name, member->string) != 0) {
			field++;
		}
		if (!field->name) {
			return fail_unknown_key(loader, member->string, fields);
		}
		size_t mark = load_enter(loader, field->name);
		if (!field->check(loader, member, field)) {
			return false;
		}
		load_leave(loader, mark);
	}
	return true;
}

bool load_array(struct loader *loader, const cJSON *value, load_entry_fn entry, void *data) {
	if (!cJSON_IsArray(value)) {
		return load_fail_type(loader, "an array", value);
	}
	if (cJSON_GetArraySize(value) > LOAD_MAX_ENTRIES) {
		return load_fail(
			loader, "too many entries; at most %d are allowed", LOAD_MAX_ENTRIES);
	}
	size_t index = 0;
	const cJSON *child;
	cJSON_ArrayForEach (child, value) {
		size_t mark = load_enter_index(loader, index);
		if (!entry(loader, child, index, data)) {
			return false;
		}
		load_leave(loader, mark);
		index++;
	}
	return true;
}

char *load_copy(struct loader *loader, const char *s) {
	size_t size = strlen(s) + 1;
	char *copy = malloc(size);
	if (!copy) {
		load_fail_memory(loader);
		return NULL;
	}
	return memcpy(copy, s, size);
}

bool load_alloc(struct loader *loader, void *array, size_t len, size_t size) {
	void *zeroed = NULL;
	if (len > 0 && !(zeroed = calloc(len, size))) {
		return load_fail_memory(loader);
	}
	memcpy(array, &zeroed, sizeof(zeroed));
	return true;
}

// ---- single values

bool load_integer(
	struct loader *loader, const cJSON *value, uint64_t min, uint64_t max, uint64_t *out) {
	if (!cJSON_IsNumber(value)) {
		return load_fail_type(loader, "a number", value);
	}
	double number = value->valuedouble;
	if (number != floor(number)) {
		return load_fail(loader, "%g is not a whole number; use %llu to %llu", number,
			(unsigned long long)min, (unsigned long long)max);
	}
	if (number < (double)min || number > (double)max) {
		return load_fail(loader, "%.15g is out of range; use %llu to %llu", number,
			(unsigned long long)min, (unsigned long long)max);
	}
	*out = (uint64_t)number;
	return true;
}

bool load_word(struct loader *loader, const cJSON *value, const char *const *words, size_t *index) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	char list[160];
	struct text text;
	text_init(&text, list, sizeof(list));
	for (*index = 0; words[*index]; (*index)++) {
		if (strcmp(words[*index], value->valuestring) == 0) {
			return true;
		}
		const char *before = *index == 0 ? "" : words[*index + 1] ? ", " : " or ";
		text_add(&text, "%s'%s'", before, words[*index]);
	}
	return load_fail(
		loader, "'%s' is not known; use %s", text_shown(value->valuestring).s, list);
}

static void *target(const struct loader *loader, const struct field *field) {
	return (char *)loader->policy + field->offset;
}

bool check_ignored(struct loader *loader, const cJSON *value, const struct field *field) {
	return true;
}

bool check_section(struct loader *loader, const cJSON *value, const struct field *field) {
	return load_object(loader, value, field->fields);
}

bool check_bool(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsBool(value)) {
		return load_fail_type(loader, "true or false", value);
	}
	*(bool *)target(loader, field) = cJSON_IsTrue(value);
	return true;
}

bool check_not_yet(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsBool(value)) {
		return load_fail_type(loader, "true or false", value);
	}
	return cJSON_IsFalse(value) || load_fail_unenforced(loader, "true");
}

bool check_must(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsBool(value)) {
		return load_fail_type(loader, "true or false", value);
	}
	return cJSON_IsTrue(value) || load_fail(loader, "false is not available yet; remove it");
}

bool check_u32(struct loader *loader, const cJSON *value, const struct field *field) {
	uint64_t number;
	if (!load_integer(loader, value, field->min, field->max, &number)) {
		return false;
	}
	*(uint32_t *)target(loader, field) = (uint32_t)number;
	return true;
}

bool check_word(struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	if (!load_word(loader, value, field->words, &index)) {
		return false;
	}
	if (index >= field->allowed) {
		char what[64];
		snprintf(what, sizeof(what), "'%s'", field->words[index]);
		return load_fail_unenforced(loader, what);
	}
	if (field->offset != NOT_STORED) {
		unsigned int stored = (unsigned int)index;
		memcpy(target(loader, field), &stored, sizeof(stored));
	}
	return true;
}
