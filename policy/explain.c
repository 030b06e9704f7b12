#include "policy/fields.h"
#include "policy/network-internal.h"
#include "policy/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *policy_access_name(enum policy_access access) {
	switch (access) {
	case POLICY_ACCESS_READWRITE:
		return "read-write";
	case POLICY_ACCESS_READONLY:
		return "read-only";
	case POLICY_ACCESS_DENIED:
		return "denied";
	}
	return "?";
}

const char *policy_layer_name(enum policy_layer layer) {
	switch (layer) {
	case POLICY_LAYER_USERNS:
		return "userns";
	case POLICY_LAYER_LANDLOCK:
		return "landlock";
	case POLICY_LAYER_SECCOMP:
		return "seccomp";
	case POLICY_LAYER_CGROUP:
		return "cgroup";
	}
	return "?";
}

// ---- for a person

// Whole, unlike in messages: what is cut could hide what a policy grants.
static void print_shown(FILE *out, const char *untrusted) {
	while (*untrusted != '\0') {
		uint32_t cp;
		size_t n = text_utf8(untrusted, strlen(untrusted), &cp);
		if (n == 0 || !text_is_plain(cp)) {
			n = n == 0 ? 1 : n;
			fprintf(out, "\\u%04x", (unsigned int)cp);
		} else {
			fwrite(untrusted, 1, n, out);
		}
		untrusted += n;
	}
}

static void print_name(FILE *out, const char *name) {
	fprintf(out, "  %-16s ", name);
}

static void print_line(FILE *out, const char *name, const char *what) {
	print_name(out, name);
	fprintf(out, "%s\n", what);
}

static void print_size(FILE *out, const char *name, uint64_t bytes, const char *of) {
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t i = 0;
	while (i < 4 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	print_name(out, name);
	fprintf(out, "%" PRIu64 " %s%s\n", bytes, units[i], of);
}

static void explain_process(const struct policy *policy, FILE *out) {
	fprintf(out, "Program\n");
	print_name(out, "command");
	if (policy->process.command_line) {
		fprintf(out, "sh -c '");
		print_shown(out, policy->process.command_line);
		fprintf(out, "', unless another is given at the start\n");
	} else {
		fprintf(out, "none; it must be given at the start\n");
	}
	print_name(out, "starts in");
	print_shown(out, policy->process.cwd ? policy->process.cwd : "the home directory");
	fprintf(out, "\n");
	print_line(out, "environment",
		policy->process.env_len > 0 ? "made by the sandbox, and these variables:"
					    : "made by the sandbox; nothing of yours");
	for (size_t i = 0; i < policy->process.env_len; i++) {
		print_name(out, "");
		print_shown(out, policy->process.env[i]);
		fprintf(out, "\n");
	}
	print_name(out, "time");
	if (policy->process.timeout_ms > 0) {
		fprintf(out, "%" PRIu32 " ms, then it is ended\n", policy->process.timeout_ms);
	} else {
		fprintf(out, "no limit\n");
	}
	print_line(out, "may execute",
		policy->process.executables_set ? "only what lies at or beneath:"
						: "every program it can see");
	for (size_t i = 0; i < policy->process.executables_len; i++) {
		print_name(out, "");
		print_shown(out, policy->process.executables[i]);
		fprintf(out, "\n");
	}
	print_line(out, "user namespaces",
		policy->process.nested_sandbox ? "may be made inside, for a program's own sandbox: "
						 "more of the kernel is within reach"
					       : "may not be made inside");
}

static void explain_files(const struct policy *policy, FILE *out) {
	fprintf(out, "Files\n");
	print_line(out, "system files", "read-only");
	print_line(out, "home directory", "empty at the start, read-write, gone at the end");
	for (size_t i = 0; i < policy->filesystem.paths_len; i++) {
		const struct policy_path *path = &policy->filesystem.paths[i];
		print_name(out, policy_access_name(path->access));
		print_shown(out, path->path);
		fprintf(out, "\n");
	}
	if (policy->filesystem.paths_len > 1) {
		print_line(out, "where they nest",
			"the longest path decides; what is denied looks empty");
	}
	print_line(out, "everything else", "is not there");
}

static void explain_screen(const struct policy *policy, FILE *out) {
	fprintf(out, "Display\n");
	if (policy->containment == POLICY_CONTAINMENT_PROCESS) {
		print_line(out, "screen", "none: the process layer alone");
	} else {
		print_name(out, "screen");
		fprintf(out, "of its own, %" PRIu32 "x%" PRIu32 " pixels at %" PRIu32 " Hz\n",
			policy->display.width, policy->display.height, policy->display.refresh);
		print_line(out, "keyboard layout", policy->display.keyboard_layout);
	}
	print_line(out, "programs inside",
		policy->ui.disable ? "cannot reach a display: there is no Wayland socket"
				   : "may open windows on it, and see no other display");
	print_line(out, "X11 programs", policy->display.xwayland ? "may run" : "cannot run");
	print_line(out, "GPU", policy->display.gpu ? "can be used" : "out of reach");
	print_line(out, "input",
		policy->ui.injection ? "programs inside may drive their session's keyboard and "
				       "pointer, and look "
				       "at its screen"
				     : "programs inside cannot make keyboard or pointer events");
	print_line(out, "input methods", policy->ui.ime ? "allowed" : "none");
	print_line(out, "display settings",
		policy->ui.display_settings ? "programs may change them"
					    : "cannot be changed inside");

	if (policy->containment == POLICY_CONTAINMENT_SESSION) {
		print_line(out, "recording",
			policy->session.record
				? "the screen and what happens, from the beginning, for you"
				: "only when you ask for it");
	}

	fprintf(out, "Clipboard\n");
	static const char *const crossing[] = {
		[POLICY_CLIPBOARD_NONE] = "nothing crosses, in neither direction",
		[POLICY_CLIPBOARD_READ] = "your item may be put in; nothing comes out",
		[POLICY_CLIPBOARD_WRITE] = "an item may be taken out; nothing of yours goes in",
		[POLICY_CLIPBOARD_ALL] = "items may cross in both directions",
	};
	print_line(out, "session to you", crossing[policy->ui.clipboard]);
	if (policy->ui.clipboard != POLICY_CLIPBOARD_NONE) {
		print_line(out, "you are asked",
			policy->clipboard.confirm ? "for every item" : "never");
		print_size(out, "an item has", policy->clipboard.max_bytes, " at most");
		print_size(out, "a file has", policy->clipboard.max_file_bytes, " at most");
		for (size_t i = 0; i < policy->clipboard.mime_types_len; i++) {
			print_line(out, i == 0 ? "of type" : "", policy->clipboard.mime_types[i]);
		}
	}
	if (!policy->ui.disable && policy->containment == POLICY_CONTAINMENT_SESSION) {
		print_line(out, "among programs", "copy and paste inside the session works");
	}
}

static void explain_limits(const struct policy *policy, FILE *out) {
	fprintf(out, "Limits\n");
	if (policy->limits.memory > 0) {
		print_size(out, "memory", policy->limits.memory, "");
	} else {
		print_line(out, "memory", "no limit of ours");
	}
	print_name(out, "processes");
	if (policy->limits.processes > 0) {
		fprintf(out, "%" PRIu32 ", threads counted\n", policy->limits.processes);
	} else {
		fprintf(out, "no limit of ours\n");
	}
	print_name(out, "CPUs");
	if (policy->limits.cpus_milli > 0) {
		fprintf(out, "%" PRIu32 ".%03" PRIu32 "\n", policy->limits.cpus_milli / 1000,
			policy->limits.cpus_milli % 1000);
	} else {
		fprintf(out, "no limit of ours\n");
	}
	print_name(out, "open files");
	fprintf(out, "%" PRIu32 " a process\n", policy->limits.open_files);
	print_size(out, "temporary files", policy->limits.tmp,
		" in each private file system (/tmp, home, /dev/shm)");
}

static void explain_require(const struct policy *policy, FILE *out) {
	fprintf(out, "Required of this machine, else nothing starts\n");
	for (size_t i = 0; i < policy->require_len; i++) {
		const struct policy_require *require = &policy->require[i];
		fprintf(out, "  %s", policy_layer_name(require->layer));
		if (require->version > 0) {
			fprintf(out, ", version %u or later", require->version);
		}
		fprintf(out, "\n");
	}
	if (policy->require_len == 0) {
		fprintf(out, "  nothing is named: what this machine lacks may be left out\n");
	}
}

void policy_explain(const struct policy *policy, FILE *out) {
	fprintf(out, "Policy ");
	print_shown(out, policy->source);
	fprintf(out, "\n\n");
	explain_process(policy, out);
	explain_files(policy, out);
	network_explain(&policy->network, out);
	explain_screen(policy, out);
	explain_limits(policy, out);
	explain_require(policy, out);
}

// ---- for a machine

static void put_string(FILE *out, const char *s) {
	if (!s) {
		fprintf(out, "null");
		return;
	}
	fputc('"', out);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
		} else if (c < 0x20) {
			fprintf(out, "\\u%04x", (unsigned int)c);
		} else {
			fputc(c, out);
		}
	}
	fputc('"', out);
}

static void put_strings(FILE *out, char *const *strings, size_t len) {
	fputc('[', out);
	for (size_t i = 0; i < len; i++) {
		fputs(i > 0 ? "," : "", out);
		put_string(out, strings[i]);
	}
	fputc(']', out);
}

static void put_paths(FILE *out, const struct policy *policy, enum policy_access access) {
	const char *separator = "";
	fputc('[', out);
	for (size_t i = 0; i < policy->filesystem.paths_len; i++) {
		if (policy->filesystem.paths[i].access == access) {
			fputs(separator, out);
			put_string(out, policy->filesystem.paths[i].path);
			separator = ",";
		}
	}
	fputc(']', out);
}

static const char *word(bool value) {
	return value ? "true" : "false";
}

static void put_require(FILE *out, const struct policy *policy) {
	fputc('[', out);
	for (size_t i = 0; i < policy->require_len; i++) {
		const struct policy_require *require = &policy->require[i];
		fprintf(out, "%s\"%s", i > 0 ? "," : "", policy_layer_name(require->layer));
		if (require->version > 0) {
			fprintf(out, ":%u", require->version);
		}
		fputc('"', out);
	}
	fputc(']', out);
}

static void put_policy(FILE *out, const struct policy *p) {
	fprintf(out, "{\"parclose\":1,\"containment\":\"%s\",\"process\":{\"commandLine\":",
		containment_words[p->containment]);
	put_string(out, p->process.command_line);
	fprintf(out, ",\"cwd\":");
	put_string(out, p->process.cwd);
	fprintf(out, ",\"env\":");
	put_strings(out, p->process.env, p->process.env_len);
	fprintf(out, ",\"timeout\":%" PRIu32 ",\"executables\":", p->process.timeout_ms);
	if (p->process.executables_set) {
		put_strings(out, p->process.executables, p->process.executables_len);
	} else {
		fprintf(out, "null");
	}
	fprintf(out, ",\"nestedSandbox\":%s},\"filesystem\":{\"readonlyPaths\":",
		word(p->process.nested_sandbox));
	put_paths(out, p, POLICY_ACCESS_READONLY);
	fprintf(out, ",\"readwritePaths\":");
	put_paths(out, p, POLICY_ACCESS_READWRITE);
	fprintf(out, ",\"deniedPaths\":");
	put_paths(out, p, POLICY_ACCESS_DENIED);
	fprintf(out, ",\"home\":\"ephemeral\"},");
	network_put_json(&p->network, out);
	fputc(',', out);
	fprintf(out,
		"\"ui\":{\"disable\":%s,\"clipboard\":\"%s\",\"injection\":%s,\"ime\":%s,"
		"\"displaySettings\":%s},",
		word(p->ui.disable), clipboard_words[p->ui.clipboard], word(p->ui.injection),
		word(p->ui.ime), word(p->ui.display_settings));
	fprintf(out,
		"\"display\":{\"width\":%" PRIu32 ",\"height\":%" PRIu32 ",\"refresh\":%" PRIu32
		",\"keyboardLayout\":\"%s\",\"xwayland\":%s,\"gpu\":%s},",
		p->display.width, p->display.height, p->display.refresh, p->display.keyboard_layout,
		word(p->display.xwayland), word(p->display.gpu));
	fprintf(out,
		"\"clipboard\":{\"confirm\":%s,\"maxBytes\":%" PRIu32 ",\"maxFileBytes\":%" PRIu32
		",\"mimeTypes\":",
		word(p->clipboard.confirm), p->clipboard.max_bytes, p->clipboard.max_file_bytes);
	put_strings(out, p->clipboard.mime_types, p->clipboard.mime_types_len);
	fprintf(out,
		"},\"limits\":{\"memory\":%" PRIu64 ",\"processes\":%" PRIu32 ",\"cpus\":%" PRIu32
		".%03" PRIu32 ",\"openFiles\":%" PRIu32 ",\"tmp\":%" PRIu64 "},",
		p->limits.memory, p->limits.processes, p->limits.cpus_milli / 1000,
		p->limits.cpus_milli % 1000, p->limits.open_files, p->limits.tmp);
	fprintf(out,
		"\"session\":{\"dbus\":false,\"accessibility\":false,\"record\":%s},"
		"\"audit\":{\"level\":\"standard\",\"failClosed\":true},\"require\":",
		word(p->session.record));
	put_require(out, p);
	fputc('}', out);
}

char *policy_to_json(const struct policy *policy) {
	char *json = NULL;
	size_t len;
	FILE *out = open_memstream(&json, &len);
	if (!out) {
		return NULL;
	}
	put_policy(out, policy);
	bool failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(json);
		return NULL;
	}
	return json;
}
