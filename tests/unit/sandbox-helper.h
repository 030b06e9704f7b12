#ifndef PARCLOSE_TESTS_SANDBOX_HELPER_H
#define PARCLOSE_TESTS_SANDBOX_HELPER_H

// Policies by hand, a temporary tree, and commands in real sandboxes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/policy.h"
#include "sandbox/sandbox.h"

#define BENCH_PATHS 16

// A policy with nothing in it but sound limits. Owns nothing.
struct bench {
	struct policy policy;
	struct policy_path paths[BENCH_PATHS];
	char *env[8], *executables[8];
	struct policy_require require[4];
};

void bench_init(struct bench *bench);
// `path` must outlive the bench.
void bench_path(struct bench *bench, enum policy_access access, const char *path);

// What a command did. `code` as of a shell (128+signal), 125: no sandbox, 126/127: not executed.
struct outcome {
	int code;
	char output[65536]; // its stdout and stderr
	char message[512]; // of the sandbox, when there was none or no command
};

void run_command(const struct bench *bench, const char *const *argv, struct outcome *outcome);
// With `sh -c`.
void run_shell(const struct bench *bench, const char *script, struct outcome *outcome);

// Runs argv in `sandbox` as `id` and waits for its end; stdio is outcome->output.
void run_in(struct sandbox *sandbox, uint32_t id, const struct sandbox_command *command,
	struct outcome *outcome);
// The next event, at most 10 s from now.
struct sandbox_event next_event(struct sandbox *sandbox);

// A directory made for this test, 0755, and everything in it; the text is static.
const char *tree_create(void);
void tree_remove(void);
// A path in it; rotating static storage.
char *in_tree(const char *format, ...) __attribute__((format(printf, 1, 2)));
void make_dir(const char *path);
void make_file(const char *path, const char *text);
bool file_has(const char *path, const char *text);

#endif
