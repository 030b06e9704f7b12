#include "policy/fields.h"
#include "policy/json.h"
#include "policy/network-internal.h"
#include "policy/text.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct policy, member)
#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define MAX_BYTES ((uint64_t)1 << 50)

static_assert(sizeof(enum policy_containment) == sizeof(unsigned int), "check_word() stores");
static_assert(sizeof(enum policy_clipboard) == sizeof(unsigned int), "check_word() stores");

const char *const containment_words[] = {"session", "process", NULL};
const char *const clipboard_words[] = {"none", "read", "write", "all", NULL};
static const char *const home_words[] = {"ephemeral", NULL};
static const char *const audit_words[] = {"standard", "minimal", "full", NULL};

static const struct field process_fields[] = {
	{"commandLine", check_command_line},
	{"cwd", check_cwd},
	{"env", check_env},
	{"timeout", check_u32, AT(process.timeout_ms), 0, UINT32_MAX},
	{"executables", check_executables},
	{"nestedSandbox", check_bool, AT(process.nested_sandbox)},
	{0},
};

static const struct field filesystem_fields[] = {
	{"readonlyPaths", check_paths, .min = POLICY_ACCESS_READONLY},
	{"readwritePaths", check_paths, .min = POLICY_ACCESS_READWRITE},
	{"deniedPaths", check_paths, .min = POLICY_ACCESS_DENIED},
	{"home", check_word, NOT_STORED, .words = home_words, .allowed = 1},
	{0},
};

static const struct field ui_fields[] = {
	{"disable", check_bool, AT(ui.disable)},
	{"clipboard", check_word, AT(ui.clipboard), .words = clipboard_words, .allowed = 4},
	{"injection", check_bool, AT(ui.injection)},
	{"ime", check_not_yet},
	{"displaySettings", check_not_yet},
	{0},
};

static const struct field display_fields[] = {
	{"width", check_u32, AT(display.width), 64, 8192},
	{"height", check_u32, AT(display.height), 64, 8192},
	{"refresh", check_u32, AT(display.refresh), 1, 240},
	{"keyboardLayout", check_keyboard_layout},
	{"xwayland", check_not_yet},
	{"gpu", check_not_yet},
	{0},
};

static const struct field clipboard_fields[] = {
	{"confirm", check_bool, AT(clipboard.confirm)},
	{"maxBytes", check_u32, AT(clipboard.max_bytes), 1, 16 * MIB},
	{"maxFileBytes", check_u32, AT(clipboard.max_file_bytes), 1, 256 * MIB},
	{"mimeTypes", check_mime_types},
	{0},
};

static const struct field limits_fields[] = {
	{"memory", check_bytes, AT(limits.memory), 16 * MIB, MAX_BYTES, .or_zero = true},
	{"processes", check_u32, AT(limits.processes), 1, 4194304},
	{"cpus", check_cpus},
	{"openFiles", check_u32, AT(limits.open_files), 64, 1048576},
	{"tmp", check_bytes, AT(limits.tmp), MIB, MAX_BYTES},
	{0},
};

static const struct field session_fields[] = {
	{"dbus", check_not_yet},
	{"accessibility", check_not_yet},
	{"record", check_bool, AT(session.record)},
	{0},
};

static bool check_audit_level(
	struct loader *loader, const cJSON *value, const struct field *field) {
	size_t index;
	if (!load_word(loader, value, audit_words, &index)) {
		return false;
	}
	return index == 0 ||
	       load_fail(loader, "'%s' is not available yet; use 'standard'", audit_words[index]);
}

static const struct field audit_fields[] = {
	{"level", check_audit_level},
	{"failClosed", check_must},
	{0},
};

static const struct field document_fields[] = {
	{"parclose", check_parclose},
	{"containment", check_word, AT(containment), .words = containment_words, .allowed = 2},
	{"process", check_section, .fields = process_fields},
	{"filesystem", check_section, .fields = filesystem_fields},
	{"network", check_section, .fields = network_fields},
	{"runtimeConfig", check_section, .fields = runtime_fields},
	{"ui", check_section, .fields = ui_fields},
	{"display", check_section, .fields = display_fields},
	{"clipboard", check_section, .fields = clipboard_fields},
	{"limits", check_section, .fields = limits_fields},
	{"session", check_section, .fields = session_fields},
	{"audit", check_section, .fields = audit_fields},
	{"require", check_require},
	{"$schema", check_ignored},
	{"_comment", check_ignored},
	{0},
};

// What an omitted key means.
static bool set_defaults(struct loader *loader, struct policy *policy) {
	policy->ui.disable = true;
	policy->display.width = 1280;
	policy->display.height = 800;
	policy->display.refresh = 60;
	policy->clipboard.confirm = true;
	policy->clipboard.max_bytes = 64 * KIB;
	policy->clipboard.max_file_bytes = 16 * MIB;
	policy->limits.processes = 1024;
	policy->limits.open_files = 4096;
	policy->limits.tmp = 512 * MIB;
	if (!(policy->source = load_copy(loader, loader->source)) ||
		!(policy->display.keyboard_layout = load_copy(loader, "us")) ||
		!load_alloc(loader, &policy->clipboard.mime_types, 1, sizeof(char *)) ||
		!(policy->clipboard.mime_types[0] =
				load_copy(loader, "text/plain;charset=utf-8"))) {
		return false;
	}
	policy->clipboard.mime_types_len = 1;
	return true;
}

// What can be checked, and made anew: text in UTF-8 (clipboard/mime.h) and two kinds of picture.
static bool can_cross(const char *type) {
	const char *charset = strcasestr(type, ";charset=");
	return strcasecmp(type, "image/png") == 0 || strcasecmp(type, "image/jpeg") == 0 ||
	       (strncasecmp(type, "text/", 5) == 0 &&
		       (charset == NULL || strcasecmp(charset, ";charset=utf-8") == 0));
}

// What cannot be checked never crosses.
static bool check_crossing_types(struct loader *loader) {
	const struct policy *policy = loader->policy;
	for (size_t i = 0; i < policy->clipboard.mime_types_len; i++) {
		const char *type = policy->clipboard.mime_types[i];
		if (can_cross(type)) {
			continue;
		}
		load_enter(loader, "clipboard");
		load_enter(loader, "mimeTypes");
		load_enter_index(loader, i);
		return load_fail(loader,
			"'%s' cannot cross: only text in UTF-8, as text/plain;charset=utf-8, "
			"image/png "
			"and image/jpeg can be checked; remove it, or set ui.clipboard to \"none\"",
			text_shown(type).s);
	}
	return true;
}

static bool check_document(struct loader *loader, const cJSON *root) {
	struct policy *policy = loader->policy;
	if (!cJSON_IsObject(root)) {
		return load_fail_type(loader, "an object", root);
	}
	// Before any other key, whose meaning depends on it.
	if (!cJSON_GetObjectItemCaseSensitive(root, "parclose")) {
		return load_fail(loader,
			"'parclose' is missing; MXC documents without \"parclose\": 1 "
			"are not read by this version: add it");
	}
	if (!load_object(loader, root, document_fields)) {
		return false;
	}
	if (policy->containment == POLICY_CONTAINMENT_PROCESS && !policy->ui.disable) {
		load_enter(loader, "ui");
		load_enter(loader, "disable");
		return load_fail(loader,
			"false asks for a display, but \"containment\": \"process\" has "
			"none; remove one of the two");
	}
	if (policy->ui.injection && policy->ui.disable) {
		load_enter(loader, "ui");
		load_enter(loader, "injection");
		return load_fail(loader,
			"true lets programs inside drive a display that \"disable\" keeps from "
			"them; set \"disable\": false, or remove this");
	}
	if (policy->session.record && policy->containment == POLICY_CONTAINMENT_PROCESS) {
		load_enter(loader, "session");
		load_enter(loader, "record");
		return load_fail(loader, "true asks for a recording of the display, but "
					 "\"containment\": \"process\" "
					 "has none; remove one of the two");
	}
	if (!network_check_together(loader)) {
		return false;
	}
	paths_merge(policy);
	return policy->ui.clipboard == POLICY_CLIPBOARD_NONE || check_crossing_types(loader);
}

static cJSON *parse(struct loader *loader, const char *text, size_t len) {
	struct policy_error *err = loader->err;
	*err = (struct policy_error){0};
	struct text message;
	text_init(&message, err->message, sizeof(err->message));
	text_add_shown(&message, loader->source, strlen(loader->source), 100);
	if (len > POLICY_MAX_BYTES) {
		text_add(&message, ": the document has %zu bytes; at most %u are read", len,
			POLICY_MAX_BYTES);
		return NULL;
	}
	struct json_error json;
	cJSON *root = json_parse(text, len, &json);
	if (root) {
		return root;
	}
	err->line = json.line;
	err->column = json.column;
	memcpy(err->pointer, json.pointer, sizeof(err->pointer));
	if (err->line > 0) {
		text_add(&message, ":%u:%u", err->line, err->column);
	}
	if (err->pointer[0] != '\0') {
		text_add(&message, " %s", text_shown(err->pointer).s);
	}
	text_add(&message, ": %s", json.reason);
	return NULL;
}

struct policy *policy_load(
	const char *untrusted_text, size_t len, const char *source, struct policy_error *err) {
	struct loader loader = {
		.text = untrusted_text,
		.len = len,
		.source = source,
		.err = err,
	};
	cJSON *root = parse(&loader, untrusted_text, len);
	if (!root) {
		return NULL;
	}
	loader.policy = calloc(1, sizeof(*loader.policy));
	bool ok = loader.policy ? set_defaults(&loader, loader.policy) : load_fail_memory(&loader);
	ok = ok && check_document(&loader, root);
	cJSON_Delete(root);
	if (!ok) {
		policy_destroy(loader.policy);
		return NULL;
	}
	return loader.policy;
}

static void free_strings(char **strings, size_t len) {
	for (size_t i = 0; i < len; i++) {
		free(strings[i]);
	}
	free(strings);
}

void policy_destroy(struct policy *policy) {
	if (!policy) {
		return;
	}
	free(policy->source);
	free(policy->process.command_line);
	free(policy->process.cwd);
	free_strings(policy->process.env, policy->process.env_len);
	free_strings(policy->process.executables, policy->process.executables_len);
	for (size_t i = 0; i < policy->filesystem.paths_len; i++) {
		free(policy->filesystem.paths[i].path);
	}
	free(policy->filesystem.paths);
	network_finish(&policy->network);
	free(policy->display.keyboard_layout);
	free_strings(policy->clipboard.mime_types, policy->clipboard.mime_types_len);
	free(policy->require);
	free(policy);
}
