#ifndef PARCLOSE_CLI_ACT_H
#define PARCLOSE_CLI_ACT_H

// What the verbs that do something in a session share: `parclose/act`, and how it went.

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdbool.h>

struct act_options {
	bool json, human;
	bool no_wait; // do not wait for what comes of it
	double quiet_ms; // 0: the session's
};

// For the verb's table of long options, and its short ones; act_option() takes them.
#define ACT_OPTIONS \
	{"human", no_argument, NULL, 'H'}, {"no-wait", no_argument, NULL, 'N'}, \
		{"wait-stable", optional_argument, NULL, 'w'}, {"json", no_argument, NULL, 'J'}, \
		{"help", no_argument, NULL, 'h'}, {0}

#define ACT_OPTIONS_HELP \
	"      --human             act as the user, who has taken over\n" \
	"  -w, --wait-stable[=MS]  wait until the picture has rested for MS milliseconds " \
	"(default 120)\n" \
	"      --no-wait           do not wait for the picture to rest\n" \
	"      --json              print what came of it as JSON\n" \
	"\n" \
	"Exit codes: 0 done, whether or not the picture changed; 1 refused or failed, 2 wrong " \
	"usage.\n"

// Takes one of the options above. NULL, or what is wrong. `help` is for the verb.
const char *act_option(struct act_options *options, int option, const char *text);

// "12,34" as {"x", "y"} of `action`, or as [x, y] for a path. False when it is no point.
bool act_add_point(cJSON *action, const char *text);
cJSON *act_path_point(const char *text); // NULL: it is none

// {"action": KIND}
cJSON *act_new(const char *kind);

/*
 * Performs `actions` (consumed: an array or one object) of a vocabulary (NULL: our own) in the
 * session, prints how it went, returns the exit code.
 */
int act_perform(const char *session, const struct act_options *options, const char *vocabulary,
	cJSON *actions);

#endif
