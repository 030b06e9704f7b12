#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/act.h"
#include "cli/cli.h"
#include "policy/json.h"

/*
 * The verbs of the keyboard, type and key, and `input`, which takes actions as JSON.
 */

#define MAX_INPUT (1u << 20) // bytes that a message may have

static const char type_help[] =
	"Usage: parclose type [OPTION…] NAME [--] TEXT…\n"
	"       parclose type [OPTION…] NAME -\n"
	"\n"
	"Types text into the window that has the keyboard, exactly: any Unicode character, line "
	"breaks "
	"and\n"
	"tabs. Several words are typed with a space between; - takes standard input. Options come "
	"before\n"
	"NAME.\n"
	"\n"
	"      --sensitive         the audit log tells the text's length only\n" ACT_OPTIONS_HELP;

static const char key_help[] =
	"Usage: parclose key [OPTION…] NAME [--] CHORD…\n"
	"\n"
	"Presses keys: ctrl+s, Return, alt+F4, Page_Down, a. One chord after the other. Options "
	"come "
	"before\n"
	"NAME.\n"
	"\n"
	"      --hold MS           holds each for so many milliseconds\n" ACT_OPTIONS_HELP;

static const char input_help[] =
	"Usage: parclose input [OPTION…] NAME [FILE]\n"
	"\n"
	"Performs actions that are given as JSON in FILE (- or none: standard input): one object, "
	"an "
	"array\n"
	"of at most 100, or an object with such an array as its \"actions\". It stops at the first "
	"that\n"
	"fails. For example: [{\"action\":\"click\",\"x\":10,\"y\":20}, "
	"{\"action\":\"type\",\"text\":\"hello\"}]\n"
	"\n"
	"  -v, --vocabulary NAME   parclose (default), anthropic, openai or "
	"gemini\n" ACT_OPTIONS_HELP;

/*
 * Reads all of a file of at most MAX_INPUT bytes, NUL-terminated; the caller frees. Complains and
 * returns NULL on failure.
 */
static char *read_all(const char *path, size_t *len) {
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	const char *shown = standard ? "standard input" : path;
	char *text = fd < 0 ? NULL : malloc(MAX_INPUT + 2);
	ssize_t n = fd < 0 || text == NULL ? -1 : 1;
	*len = 0;
	while (n > 0 && *len <= MAX_INPUT) {
		n = read(fd, text + *len, MAX_INPUT + 1 - *len);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		*len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0) {
		complain("cannot read %s: %s", shown, strerror(errno));
	} else if (*len > MAX_INPUT) {
		complain("%s has more than 1 MiB; give less at once", shown);
		n = -1;
	}
	if (!standard && fd >= 0) {
		close(fd);
	}
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[*len] = '\0';
	return text;
}

// Steps over the session's name and a "--" behind it; how many words are left.
static int skip_name(int argc, char *argv[], int *first) {
	*first = optind + 1;
	if (*first < argc && strcmp(argv[*first], "--") == 0) {
		++*first;
	}
	return argc > *first ? argc - *first : 0;
}

// The words with a space between, or standard input; the caller frees. Complains.
static char *text_to_type(int words, char *argv[]) {
	size_t len = 1;
	if (words == 1 && strcmp(argv[0], "-") == 0) {
		char *text = read_all("-", &len);
		if (text != NULL && strlen(text) != len) {
			complain("standard input has a NUL byte, which cannot be typed");
			free(text);
			text = NULL;
		}
		return text;
	}
	for (int i = 0; i < words; i++) {
		len += strlen(argv[i]) + 1;
	}
	char *text = calloc(1, len);
	if (text == NULL) {
		complain("out of memory");
		return NULL;
	}
	char *to = text;
	for (int i = 0; i < words; i++) {
		to = stpcpy(i > 0 ? stpcpy(to, " ") : to, argv[i]);
	}
	return text;
}

int verb_type(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"sensitive", no_argument, NULL, 's'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	bool sensitive = false;
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "+wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(type_help, stdout);
			return 0;
		} else if (option == 's') {
			sensitive = true;
		} else {
			wrong = act_option(&options, option, optarg);
		}
	}
	int first;
	int words = skip_name(argc, argv, &first);
	if (wrong == NULL && words == 0) {
		wrong = "a session's NAME and what to type are needed";
	}
	if (wrong != NULL) {
		return wrong_usage("type", "%s", wrong);
	}
	char *text = text_to_type(words, argv + first);
	if (text == NULL) {
		return 1;
	}
	cJSON *action = act_new("type");
	cJSON_AddStringToObject(action, "text", text);
	if (sensitive) {
		cJSON_AddTrueToObject(action, "sensitive");
	}
	free(text);
	return act_perform(argv[optind], &options, NULL, action);
}

int verb_key(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"hold", required_argument, NULL, 'm'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	double hold_ms = -1;
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "+wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(key_help, stdout);
			return 0;
		} else if (option == 'm') {
			wrong = parse_whole(optarg, 0, 100000, &hold_ms)
					? NULL
					: "--hold is not 0 to 100000 milliseconds";
		} else {
			wrong = act_option(&options, option, optarg);
		}
	}
	int first;
	int words = skip_name(argc, argv, &first);
	if (wrong == NULL && words == 0) {
		wrong = "a session's NAME and at least one key are needed";
	}
	if (wrong != NULL) {
		return wrong_usage("key", "%s", wrong);
	}
	cJSON *actions = cJSON_CreateArray();
	for (int i = first; i < argc; i++) {
		cJSON *action = act_new(hold_ms >= 0 ? "hold" : "key");
		cJSON_AddStringToObject(action, "keys", argv[i]);
		if (hold_ms >= 0) {
			cJSON_AddNumberToObject(action, "ms", hold_ms);
		}
		cJSON_AddItemToArray(actions, action);
	}
	return act_perform(argv[optind], &options, NULL, actions);
}

// Complains and returns NULL when the text is no JSON.
static cJSON *read_actions(const char *path) {
	size_t len;
	char *text = read_all(path, &len);
	if (text == NULL) {
		return NULL;
	}
	struct json_error err;
	cJSON *actions = json_parse(text, len, &err);
	free(text);
	if (actions == NULL) {
		complain("%s:%u:%u: %s", strcmp(path, "-") == 0 ? "standard input" : path, err.line,
			err.column, err.reason);
		return NULL;
	}
	cJSON *inner = cJSON_GetObjectItemCaseSensitive(actions, "actions");
	if (cJSON_IsArray(inner)) {
		cJSON_DetachItemViaPointer(actions, inner);
		cJSON_Delete(actions);
		return inner;
	}
	return actions;
}

int verb_input(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"vocabulary", required_argument, NULL, 'v'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	const char *vocabulary = NULL;
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "v:wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(input_help, stdout);
			return 0;
		} else if (option == 'v') {
			vocabulary = optarg;
		} else {
			wrong = act_option(&options, option, optarg);
		}
	}
	if (wrong == NULL && (argc - optind < 1 || argc - optind > 2)) {
		wrong = "a session's NAME is needed, then at most a FILE";
	}
	if (wrong != NULL) {
		return wrong_usage("input", "%s", wrong);
	}
	cJSON *actions = read_actions(argc - optind == 2 ? argv[optind + 1] : "-");
	return actions == NULL ? 1 : act_perform(argv[optind], &options, vocabulary, actions);
}
