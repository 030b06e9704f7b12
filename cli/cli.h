#ifndef PARCLOSE_CLI_H
#define PARCLOSE_CLI_H

/*
 * What the verbs share. A verb takes its own argv (argv[0] is its name) and returns the exit code:
 * 0, 1 failed, 2 wrong usage; `run` and `exec` also 124 to 127 and the command's own.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;

#define EXIT_USAGE 2

int verb_run(int argc, char *argv[]);
int verb_exec(int argc, char *argv[]);
int verb_list(int argc, char *argv[]);
int verb_inspect(int argc, char *argv[]);
int verb_view(int argc, char *argv[]);
int verb_screenshot(int argc, char *argv[]);
int verb_windows(int argc, char *argv[]);
int verb_click(int argc, char *argv[]);
int verb_type(int argc, char *argv[]);
int verb_key(int argc, char *argv[]);
int verb_scroll(int argc, char *argv[]);
int verb_drag(int argc, char *argv[]);
int verb_input(int argc, char *argv[]);
int verb_clipboard(int argc, char *argv[]);
int verb_put(int argc, char *argv[]);
int verb_get(int argc, char *argv[]);
int verb_takeover(int argc, char *argv[]);
int verb_release(int argc, char *argv[]);
int verb_pause(int argc, char *argv[]);
int verb_resume(int argc, char *argv[]);
int verb_record(int argc, char *argv[]);
int verb_replay(int argc, char *argv[]);
int verb_stop(int argc, char *argv[]);
int verb_log(int argc, char *argv[]);
int verb_policy(int argc, char *argv[]);
int verb_doctor(int argc, char *argv[]);
int verb_mcp(int argc, char *argv[]);

// What of a recording is shown or written elsewhere (cli/export.c).
struct export_options {
	const char *frames; // a directory, made if need be; or
	const char *y4m; // a file, "-" for standard output; or
	const char *webm, *mp4; // a file
	uint32_t every_ms; // of `frames`: from one picture to the next, 0: all there are
	unsigned int fps; // of a video, 1..60
};
int export_info(const char *file, bool json);
int export_run(const char *file, const struct export_options *options);

// "parclose: …" on standard error.
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Complains, names the verb's help, returns EXIT_USAGE.
int wrong_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Prints a value as JSON on standard output, pretty, and frees it. Returns 0, or 1 when it cannot
// be printed.
int print_json(cJSON *value);

/*
 * Loads a policy: a file, "-" for standard input, a name in $XDG_CONFIG_HOME/parclose/NAME.json or
 * of a built-in one. Complains and returns NULL on failure. The caller frees with policy_destroy(),
 * and *text, its document, with free(); `text` may be NULL.
 */
struct policy *load_policy(const char *where, char **text);

// `policy update` (cli/policy-update.c).
int policy_update(const char *name, const char *where, bool yes, bool json);

// The programs of ours that a session needs beside this one; empty: not needed, and `picture` also
// when it is not there.
struct helpers {
	char compositor[4096], network[4096], picture[4096];
};
// False with a complaint when one that `policy` needs is not there. `learn`: as of a session.
bool find_helpers(const struct policy *policy, bool learn, struct helpers *helpers);

/*
 * Finds a program of ours beside this one: installed (../libexec/parclose/NAME) or in the build
 * tree (../compositor/NAME and the like). False with a complaint when it is in neither place.
 */
bool find_helper(const char *name, char *path, size_t size);
bool have_helper(const char *name, char *path, size_t size); // the same without a complaint

// This process becomes the window at the other end of a view channel, of a session or
// of the player of a recording. Returns only when it cannot,
// with a complaint.
void become_viewer(int channel, bool replay);

// Opens a window on a session, as `parclose view` does, and does not wait for it.
void spawn_view(const char *name);

/*
 * For verbs whose only options are --json and --help. True: go on, `optind` is at the first word.
 * False: the verb is done and exits with *code.
 */
bool json_option(int argc, char *argv[], const char *help, bool *json, int *code);

// A number of seconds with up to three decimals as milliseconds, at least 1. False when it is none.
bool parse_seconds(const char *text, uint32_t *ms);

// A decimal number, or a whole one, between `least` and `most`. False when it is none.
bool parse_number(const char *text, double least, double most, double *number);
bool parse_whole(const char *text, double least, double most, double *number);

#endif
