#ifndef PARCLOSE_POLICY_H
#define PARCLOSE_POLICY_H

/*
 * The policy: one JSON document in, one immutable `struct policy` out. No side effects: this folder
 * reads no file by itself, opens no socket and asks the kernel nothing. What exists on disk is the
 * sandbox's business (sandbox/paths.h).
 *
 * Default deny: an omitted key denies. What cannot be enforced by this build is refused at load.
 */

#include "policy/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum policy_containment {
	POLICY_CONTAINMENT_SESSION, // a display of its own (default)
	POLICY_CONTAINMENT_PROCESS, // the process layer alone, no display
};

enum policy_access {
	POLICY_ACCESS_READWRITE, // ordered: a larger value is more restrictive
	POLICY_ACCESS_READONLY,
	POLICY_ACCESS_DENIED,
};

enum policy_clipboard {
	POLICY_CLIPBOARD_NONE,
	POLICY_CLIPBOARD_READ, // the user's item may be put in
	POLICY_CLIPBOARD_WRITE, // the agent's item may be taken out
	POLICY_CLIPBOARD_ALL,
};

// One entry of a filesystem list, as written: absolute, not yet resolved.
struct policy_path {
	char *path;
	enum policy_access access;
	char pointer[48]; // JSON pointer of the entry, for messages: "/filesystem/readonlyPaths/0"
};

// One entry of `require`.
enum policy_layer {
	POLICY_LAYER_USERNS,
	POLICY_LAYER_LANDLOCK, // with a least ABI
	POLICY_LAYER_SECCOMP,
	POLICY_LAYER_CGROUP,
};

struct policy_require {
	enum policy_layer layer;
	unsigned int version; // least ABI for "landlock:N", else 0
};

/*
 * Created by policy_load(), freed by policy_destroy(), never written in between. Strings are
 * NUL-terminated UTF-8 without embedded NUL, owned by the policy.
 */
struct policy {
	char *source; // what the document was called in messages ("policy.json", "<stdin>",
		      // "locked")
	enum policy_containment containment;

	struct {
		char *command_line; // runs by `sh -c`; NULL: none given
		char *cwd; // absolute, inside; NULL: the home directory
		char **env; // "KEY=VALUE", `env_len` of them; never NULL when env_len > 0
		size_t env_len;
		uint32_t timeout_ms; // 0: none
		char **executables; // absolute path prefixes that may be executed; see
				    // executables_set
		size_t executables_len;
		bool executables_set; // false: whatever is visible may be executed
		bool nested_sandbox; // user namespaces may be made inside (a browser's own sandbox)
	} process;

	struct {
		struct policy_path *paths; // all three lists in document order
		size_t paths_len;
	} filesystem;

	struct policy_network network;

	struct {
		bool disable; // no Wayland socket inside
		enum policy_clipboard clipboard;
		bool injection; // programs inside may drive their own session
		bool ime;
		bool display_settings;
	} ui;

	struct {
		uint32_t width, height; // pixels, 64..8192 each
		uint32_t refresh; // Hz, 1..240
		char *keyboard_layout; // of XKB, "us" or "de(neo)"; at most POLICY_MAX_LAYOUT bytes
		bool xwayland;
		bool gpu;
	} display;

	struct {
		bool confirm; // the user is asked for every crossing
		uint32_t max_bytes; // of one item
		uint32_t max_file_bytes; // of one file, by `parclose put` and `get`
		char **mime_types;
		size_t mime_types_len;
	} clipboard; // of the gate; matters only where ui.clipboard opens it

	struct {
		uint64_t memory; // bytes for the whole session, 0: no limit of ours
		uint32_t processes; // processes and threads, 0: no limit of ours
		uint32_t cpus_milli; // thousandths of a CPU, 0: no limit of ours
		uint32_t open_files; // descriptors a process
		uint64_t tmp; // bytes of each private tmpfs (/tmp, home, /dev/shm)
	} limits;

	struct {
		bool record; // the screen and what happens, from the beginning
	} session;

	struct policy_require *require;
	size_t require_len;
};

/*
 * Where and why a document was refused. `message` is what a person sees, whole:
 * "policy.json:14:9 /display/width: 0 is out of range; use 64 to 8192". line and column count from
 * 1, columns in bytes; both 0 when the error has no place (an empty document has 1:1).
 */
struct policy_error {
	char message[512];
	char pointer[160]; // control characters escaped, cut at its end when too long
	uint32_t line, column;
};

#define POLICY_MAX_LAYOUT 60 // bytes of display.keyboardLayout
#define POLICY_MAX_BYTES (1u << 20) // a larger document is refused

/*
 * Checks `len` bytes at `untrusted_text` and builds the policy. `source` is a label for messages.
 * Returns a policy the caller frees with policy_destroy(), or NULL with *err filled in.
 */
struct policy *policy_load(
	const char *untrusted_text, size_t len, const char *source, struct policy_error *err);

// The text of the built-in policy called `name` ("locked", "browser"), or NULL. Static storage.
const char *policy_builtin(const char *name);

// Frees; NULL is allowed.
void policy_destroy(struct policy *policy);

// Writes, for a person, what this policy lets a program do and what it denies. Made from the parsed
// object that is enforced, never from the document's text.
void policy_explain(const struct policy *policy, FILE *out);

// The same as one JSON object, every key present with its effective value. The caller frees the
// returned string with free(); NULL when out of memory.
char *policy_to_json(const struct policy *policy);

// The field's words for an enumeration value, static storage.
const char *policy_access_name(enum policy_access access);
const char *policy_layer_name(enum policy_layer layer);

#endif
