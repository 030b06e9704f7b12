#include "policy/fields.h"
#include "policy/text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Far below what execve() takes for one argument (MAX_ARG_STRLEN, 128 KiB), to leave room for the
// rest.
#define MAX_STRING_BYTES (64u << 10)

static bool need_string(struct loader *loader, const cJSON *value, size_t max) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	size_t len = strlen(value->valuestring);
	if (len > max) {
		return load_fail(loader, "%zu bytes long; at most %zu are allowed", len, max);
	}
	return true;
}

static bool is_blank(const char *s) {
	return s[strspn(s, " \t\r\n")] == '\0';
}

// ---- paths, compared and judged component by component

// Sets *start and *len to the next component that is not "."; false at the end.
static bool next_component(const char **path, const char **start, size_t *len) {
	for (;;) {
		*path += strspn(*path, "/");
		*start = *path;
		*len = strcspn(*path, "/");
		*path += *len;
		if (*len == 0) {
			return false;
		}
		if (*len != 1 || (*start)[0] != '.') {
			return true;
		}
	}
}

static bool has_parent_component(const char *path) {
	const char *start;
	size_t len;
	while (next_component(&path, &start, &len)) {
		if (len == 2 && memcmp(start, "..", 2) == 0) {
			return true;
		}
	}
	return false;
}

static bool same_path(const char *a, const char *b) {
	const char *a_start, *b_start;
	size_t a_len, b_len;
	for (;;) {
		bool more = next_component(&a, &a_start, &a_len);
		if (more != next_component(&b, &b_start, &b_len)) {
			return false;
		}
		if (!more) {
			return true;
		}
		if (a_len != b_len || memcmp(a_start, b_start, a_len) != 0) {
			return false;
		}
	}
}

static bool need_absolute(struct loader *loader, const cJSON *value) {
	if (!need_string(loader, value, PATH_MAX - 1)) {
		return false;
	}
	const char *path = value->valuestring;
	if (is_blank(path)) {
		return load_fail(loader, "the path is empty; name a file or directory");
	}
	if (path[0] != '/') {
		return load_fail(
			loader, "'%s' is not absolute; begin it with '/'", text_shown(path).s);
	}
	if (has_parent_component(path)) {
		return load_fail(
			loader, "'%s' contains '..'; write the path resolved", text_shown(path).s);
	}
	return true;
}

struct paths_data {
	struct policy_path *next;
	enum policy_access access;
};

static bool add_path(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct paths_data *paths = data;
	if (!need_absolute(loader, entry)) {
		return false;
	}
	const char *path = entry->valuestring, *rest = path, *first;
	size_t len;
	if (!next_component(&rest, &first, &len)) {
		if (paths->access != POLICY_ACCESS_READONLY) {
			return load_fail(loader, "'/' is everything; name the directories meant");
		}
		len = 0;
	}
	static const char *const provided[] = {"proc", "sys", "dev", "run"};
	for (size_t i = 0; i < sizeof(provided) / sizeof(provided[0]); i++) {
		if (len == strlen(provided[i]) && memcmp(first, provided[i], len) == 0) {
			return load_fail(loader,
				"'%s' lies in /%s, which the sandbox makes itself and never "
				"shares; remove it",
				text_shown(path).s, provided[i]);
		}
	}
	struct text pointer;
	text_init(&pointer, paths->next->pointer, sizeof(paths->next->pointer));
	text_add(&pointer, "%s", loader->pointer);
	paths->next->access = paths->access;
	paths->next->path = load_copy(loader, path);
	if (!paths->next->path) {
		return false;
	}
	paths->next++;
	loader->policy->filesystem.paths_len++;
	return true;
}

bool check_paths(struct loader *loader, const cJSON *value, const struct field *field) {
	struct policy *policy = loader->policy;
	size_t len = policy->filesystem.paths_len, more = (size_t)cJSON_GetArraySize(value);
	if (cJSON_IsArray(value) && more > 0 && more <= LOAD_MAX_ENTRIES) {
		struct policy_path *grown =
			realloc(policy->filesystem.paths, (len + more) * sizeof(*grown));
		if (!grown) {
			return load_fail_memory(loader);
		}
		policy->filesystem.paths = grown;
	}
	struct paths_data data = {.access = (enum policy_access)field->min};
	if (policy->filesystem.paths) {
		data.next = policy->filesystem.paths + len;
	}
	return load_array(loader, value, add_path, &data);
}

void paths_merge(struct policy *policy) {
	struct policy_path *paths = policy->filesystem.paths;
	size_t *len = &policy->filesystem.paths_len;
	for (size_t i = 0; i < *len; i++) {
		for (size_t j = i + 1; j < *len;) {
			if (!same_path(paths[i].path, paths[j].path)) {
				j++;
				continue;
			}
			struct policy_path weaker = paths[j];
			if (paths[j].access > paths[i].access) {
				weaker = paths[i];
				paths[i] = paths[j];
			}
			free(weaker.path);
			memmove(&paths[j], &paths[j + 1], (*len - j - 1) * sizeof(*paths));
			(*len)--;
		}
	}
}

// ---- parclose, process

bool check_parclose(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsNumber(value)) {
		return load_fail_type(loader, "the number 1", value);
	}
	if (value->valuedouble != 1) {
		return load_fail(loader, "%.15g is a format this version does not read; use 1",
			value->valuedouble);
	}
	return true;
}

bool check_command_line(struct loader *loader, const cJSON *value, const struct field *field) {
	if (cJSON_IsNull(value)) {
		return true;
	}
	if (!need_string(loader, value, MAX_STRING_BYTES)) {
		return false;
	}
	if (is_blank(value->valuestring)) {
		return load_fail(loader, "the command is empty; write one or remove the key");
	}
	return (loader->policy->process.command_line = load_copy(loader, value->valuestring));
}

bool check_cwd(struct loader *loader, const cJSON *value, const struct field *field) {
	if (cJSON_IsNull(value)) {
		return true;
	}
	if (!need_absolute(loader, value)) {
		return false;
	}
	return (loader->policy->process.cwd = load_copy(loader, value->valuestring));
}

static bool is_name_char(char c, bool first) {
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

static bool add_env(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy *policy = loader->policy;
	if (!need_string(loader, entry, MAX_STRING_BYTES)) {
		return false;
	}
	const char *text = entry->valuestring, *equals = strchr(text, '=');
	if (!equals) {
		return load_fail(loader, "'%s' has no '='; write NAME=VALUE", text_shown(text).s);
	}
	// The value may be a secret: messages show the name only.
	char name[64];
	struct text shown;
	text_init(&shown, name, sizeof(name));
	text_add_shown(&shown, text, (size_t)(equals - text), 48);
	bool valid = equals > text;
	for (const char *p = text; p < equals; p++) {
		valid = valid && is_name_char(*p, p == text);
	}
	if (!valid) {
		return load_fail(loader,
			"'%s' is not the name of a variable; use letters, digits and '_'", name);
	}
	for (size_t i = 0; i < policy->process.env_len; i++) {
		if (strncmp(policy->process.env[i], text, (size_t)(equals - text) + 1) == 0) {
			return load_fail(loader, "'%s' is set a second time; keep one", name);
		}
	}
	char *copy = load_copy(loader, text);
	if (!copy) {
		return false;
	}
	policy->process.env[policy->process.env_len++] = copy;
	return true;
}

bool check_env(struct loader *loader, const cJSON *value, const struct field *field) {
	return load_alloc(loader, &loader->policy->process.env, (size_t)cJSON_GetArraySize(value),
		       sizeof(char *)) &&
	       load_array(loader, value, add_env, NULL);
}

static bool add_executable(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	if (!need_absolute(loader, entry)) {
		return false;
	}
	char *copy = load_copy(loader, entry->valuestring);
	if (!copy) {
		return false;
	}
	loader->policy->process.executables[loader->policy->process.executables_len++] = copy;
	return true;
}

bool check_executables(struct loader *loader, const cJSON *value, const struct field *field) {
	if (cJSON_IsNull(value)) {
		return true;
	}
	if (cJSON_IsArray(value) && !value->child) {
		return load_fail(loader, "an empty list lets nothing run, not even the command; "
					 "name a path or remove the key");
	}
	loader->policy->process.executables_set = true;
	return load_alloc(loader, &loader->policy->process.executables,
		       (size_t)cJSON_GetArraySize(value), sizeof(char *)) &&
	       load_array(loader, value, add_executable, NULL);
}

// ---- limits

static bool parse_bytes(const char *s, uint64_t max, uint64_t *out) {
	size_t digits = strspn(s, "0123456789");
	static const char units[] = "KMGT";
	const char *unit = s[digits] != '\0' ? strchr(units, s[digits]) : NULL;
	if (digits == 0 || digits > 15 || !unit || s[digits + 1] != '\0') {
		return false;
	}
	uint64_t number = strtoull(s, NULL, 10), factor = 1024;
	for (; unit > units; unit--) {
		factor *= 1024;
	}
	// Too large is out of range, whatever the exact number.
	*out = number > max / factor ? UINT64_MAX : number * factor;
	return true;
}

// Bytes as a person writes them, with a unit where it comes out even.
static void add_bytes(struct text *text, uint64_t bytes) {
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t i = 0;
	while (i < 4 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	text_add(text, "%llu%s", (unsigned long long)bytes, units[i]);
}

bool check_bytes(struct loader *loader, const cJSON *value, const struct field *field) {
	uint64_t bytes;
	char given[192];
	struct text text;
	text_init(&text, given, sizeof(given));
	if (cJSON_IsString(value)) {
		text_add(&text, "'%s'", text_shown(value->valuestring).s);
		if (!parse_bytes(value->valuestring, field->max, &bytes)) {
			return load_fail(loader,
				"%s is not a size; write it like \"512M\" (K, M, G, T)", given);
		}
	} else if (cJSON_IsNumber(value)) {
		double number = value->valuedouble;
		text_add(&text, "%.17g", number);
		if (number != floor(number)) {
			return load_fail(loader, "%s is not a whole number of bytes", given);
		}
		bytes = number < 0 || number > (double)field->max ? UINT64_MAX : (uint64_t)number;
	} else {
		return load_fail_type(loader, "a size like \"512M\" or a number of bytes", value);
	}
	if (!(bytes == 0 && field->or_zero) && (bytes < field->min || bytes > field->max)) {
		text_add(&text, " is out of range; use ");
		add_bytes(&text, field->min);
		text_add(&text, " to ");
		add_bytes(&text, field->max);
		text_add(&text, field->or_zero ? ", or 0 for no limit" : "");
		return load_fail(loader, "%s", given);
	}
	memcpy((char *)loader->policy + field->offset, &bytes, sizeof(bytes));
	return true;
}

bool check_cpus(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsNumber(value)) {
		return load_fail_type(loader, "a number", value);
	}
	double cpus = value->valuedouble;
	if (cpus != 0 && (cpus < 0.01 || cpus > 1024)) {
		return load_fail(
			loader, "%.15g is out of range; use 0.01 to 1024, or 0 for no limit", cpus);
	}
	loader->policy->limits.cpus_milli = (uint32_t)(cpus * 1000 + 0.5);
	return true;
}

// ---- display

// A layout of xkeyboard-config(7), with at most one variant in parentheses: "us", "de(neo)".
static bool is_layout(const char *s) {
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz_";
	static const char variant[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t name = strspn(s, lower);
	if (strlen(s) > POLICY_MAX_LAYOUT || name == 0 || s[0] == '_') {
		return false;
	}
	if (s[name] == '\0') {
		return true;
	}
	size_t inner = s[name] == '(' ? strspn(s + name + 1, variant) : 0;
	return inner > 0 && strcmp(s + name + 1 + inner, ")") == 0;
}

bool check_keyboard_layout(struct loader *loader, const cJSON *value, const struct field *field) {
	if (!cJSON_IsString(value)) {
		return load_fail_type(loader, "a string", value);
	}
	if (!is_layout(value->valuestring)) {
		return load_fail(loader,
			"'%s' is not a keyboard layout; write it like 'us' or 'de(neo)'",
			text_shown(value->valuestring).s);
	}
	char *copy = load_copy(loader, value->valuestring);
	if (copy) {
		free(loader->policy->display.keyboard_layout);
		loader->policy->display.keyboard_layout = copy;
	}
	return copy;
}

// ---- clipboard

static bool is_mime_type(const char *s) {
	size_t len = strlen(s), slash = strcspn(s, "/");
	if (len > 127 || slash == 0 || slash + 1 >= len || s[slash + 1] == ';') {
		return false;
	}
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~') {
			return false;
		}
	}
	return true;
}

static bool add_mime_type(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy *policy = loader->policy;
	if (!cJSON_IsString(entry)) {
		return load_fail_type(loader, "a string", entry);
	}
	if (!is_mime_type(entry->valuestring)) {
		return load_fail(loader, "'%s' is not a MIME type; write it like text/plain",
			text_shown(entry->valuestring).s);
	}
	char *copy = load_copy(loader, entry->valuestring);
	if (!copy) {
		return false;
	}
	policy->clipboard.mime_types[policy->clipboard.mime_types_len++] = copy;
	return true;
}

bool check_mime_types(struct loader *loader, const cJSON *value, const struct field *field) {
	struct policy *policy = loader->policy;
	// In place of the default that is there.
	for (size_t i = 0; i < policy->clipboard.mime_types_len; i++) {
		free(policy->clipboard.mime_types[i]);
	}
	free(policy->clipboard.mime_types);
	policy->clipboard.mime_types = NULL;
	policy->clipboard.mime_types_len = 0;
	return load_alloc(loader, &policy->clipboard.mime_types, (size_t)cJSON_GetArraySize(value),
		       sizeof(char *)) &&
	       load_array(loader, value, add_mime_type, NULL);
}

// ---- require

static bool parse_layer(const char *s, struct policy_require *out) {
	static const char prefix[] = "landlock:";
	for (unsigned int layer = 0; layer <= POLICY_LAYER_CGROUP; layer++) {
		if (strcmp(s, policy_layer_name((enum policy_layer)layer)) == 0) {
			*out = (struct policy_require){(enum policy_layer)layer, 0};
			return true;
		}
	}
	if (strncmp(s, prefix, strlen(prefix)) != 0) {
		return false;
	}
	s += strlen(prefix);
	size_t digits = strspn(s, "0123456789");
	if (digits == 0 || digits > 3 || s[0] == '0' || s[digits] != '\0') {
		return false;
	}
	*out = (struct policy_require){POLICY_LAYER_LANDLOCK, (unsigned int)strtoul(s, NULL, 10)};
	return true;
}

static bool add_require(struct loader *loader, const cJSON *entry, size_t index, void *data) {
	struct policy *policy = loader->policy;
	if (!cJSON_IsString(entry)) {
		return load_fail_type(loader, "a string", entry);
	}
	struct policy_require require;
	if (!parse_layer(entry->valuestring, &require)) {
		return load_fail(loader,
			"'%s' is not a layer; use 'userns', 'landlock', 'landlock:N' (N from 1), "
			"'seccomp' or 'cgroup'",
			text_shown(entry->valuestring).s);
	}
	for (size_t i = 0; i < policy->require_len; i++) {
		if (policy->require[i].layer == require.layer) {
			return load_fail(loader, "'%s' is required a second time; keep one",
				policy_layer_name(require.layer));
		}
	}
	policy->require[policy->require_len++] = require;
	return true;
}

bool check_require(struct loader *loader, const cJSON *value, const struct field *field) {
	return load_alloc(loader, &loader->policy->require, (size_t)cJSON_GetArraySize(value),
		       sizeof(struct policy_require)) &&
	       load_array(loader, value, add_require, NULL);
}
