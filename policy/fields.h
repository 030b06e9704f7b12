#ifndef PARCLOSE_POLICY_FIELDS_H
#define PARCLOSE_POLICY_FIELDS_H

/*
 * The machinery of the loader: an object of the document is described by a table of fields, each
 * with the function that checks its value and, where the policy holds it, stores it. All functions
 * return false with the loader's error filled in.
 */

#include "policy/policy.h"

#include <cjson/cJSON.h>

struct loader {
	struct policy *policy;
	const char *text; // the document, for the place of an error
	size_t len;
	const char *source;
	struct policy_error *err;
	char pointer[160]; // of the value at hand; only known keys and indices, so it never gets
			   // near the end
};

struct field {
	const char *name;
	bool (*check)(struct loader *loader, const cJSON *value, const struct field *field);
	size_t offset; // in struct policy, where `check` stores
	uint64_t min, max;
	bool or_zero; // 0 is allowed too: no limit of ours
	const struct field *fields; // of an object, up to a nameless one
	const char *const *words; // of an enumeration, NULL-terminated, the index is the value
	size_t allowed; // how many of `words` can be enforced
};

// At the value at hand: "SOURCE:LINE:COL POINTER: what is wrong; remedy".
__attribute__((format(printf, 2, 3))) bool load_fail(
	struct loader *loader, const char *format, ...);
bool load_fail_memory(struct loader *loader);
// "expected a number, found a string"
bool load_fail_type(struct loader *loader, const char *expected, const cJSON *value);
// "NAME cannot be enforced yet by this version; remove it"
bool load_fail_unenforced(struct loader *loader, const char *what);

// Appends to the pointer; returns the mark that load_leave() goes back to.
size_t load_enter(struct loader *loader, const char *name);
size_t load_enter_index(struct loader *loader, size_t index);
void load_leave(struct loader *loader, size_t mark);

// Checks every member of `object` by `fields`; an unknown key is an error.
bool load_object(struct loader *loader, const cJSON *object, const struct field *fields);

typedef bool (*load_entry_fn)(struct loader *loader, const cJSON *entry, size_t index, void *data);
#define LOAD_MAX_ENTRIES 1024
// Calls `entry` for each entry of the array `value`, of which at most LOAD_MAX_ENTRIES are allowed.
bool load_array(struct loader *loader, const cJSON *value, load_entry_fn entry, void *data);

// A copy the caller frees with free(), or NULL with the error filled in.
char *load_copy(struct loader *loader, const char *s);
// Sets *array, a pointer, to `len` zeroed entries of `size` bytes (NULL for 0).
bool load_alloc(struct loader *loader, void *array, size_t len, size_t size);

bool load_integer(
	struct loader *loader, const cJSON *value, uint64_t min, uint64_t max, uint64_t *out);
bool load_word(struct loader *loader, const cJSON *value, const char *const *words, size_t *index);

// Checks to put into tables.
bool check_ignored(struct loader *loader, const cJSON *value, const struct field *field);
bool check_section(struct loader *loader, const cJSON *value, const struct field *field); // .fields
bool check_bool(
	struct loader *loader, const cJSON *value, const struct field *field); // bool at .offset
bool check_not_yet(
	struct loader *loader, const cJSON *value, const struct field *field); // must be false
bool check_must(
	struct loader *loader, const cJSON *value, const struct field *field); // must be true
bool check_u32(
	struct loader *loader, const cJSON *value, const struct field *field); // .min to .max
// One of .words; the first .allowed of them pass. Stores an enum (as unsigned int) unless .offset
// is NOT_STORED.
bool check_word(struct loader *loader, const cJSON *value, const struct field *field);
#define NOT_STORED SIZE_MAX

// load-values.c
bool check_parclose(struct loader *loader, const cJSON *value, const struct field *field);
bool check_command_line(struct loader *loader, const cJSON *value, const struct field *field);
bool check_cwd(struct loader *loader, const cJSON *value, const struct field *field);
bool check_env(struct loader *loader, const cJSON *value, const struct field *field);
bool check_executables(struct loader *loader, const cJSON *value, const struct field *field);
bool check_paths(struct loader *loader, const cJSON *value,
	const struct field *field); // .min: policy_access
bool check_bytes(struct loader *loader, const cJSON *value,
	const struct field *field); // uint64_t at .offset
bool check_cpus(struct loader *loader, const cJSON *value, const struct field *field);
bool check_keyboard_layout(struct loader *loader, const cJSON *value, const struct field *field);
bool check_mime_types(struct loader *loader, const cJSON *value, const struct field *field);
bool check_require(struct loader *loader, const cJSON *value, const struct field *field);
// Same path in several lists: the most restrictive stays.
void paths_merge(struct policy *policy);

// load-network.c
extern const struct field network_fields[];
extern const struct field runtime_fields[];
extern const char *const network_verdict_words[];
// What the sections of the network say together.
bool network_check_together(struct loader *loader);

// load-egress.c
bool check_egress(struct loader *loader, const cJSON *value, const struct field *field);

// load.c, for policy_to_json() and the words of messages.
extern const char *const containment_words[];
extern const char *const clipboard_words[];

#endif
