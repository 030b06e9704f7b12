#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base64.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/crossing.h"

#define MAX_ITEM (16u << 20) // what a policy may allow at most

static const char help[] =
	"Usage: parclose clipboard [OPTION…] NAME put [FILE]\n"
	"       parclose clipboard [OPTION…] NAME get\n"
	"       parclose clipboard NAME clear\n"
	"\n"
	"Puts an item, from FILE or standard input, into a session's clipboard, where it can be "
	"pasted once;\n"
	"or takes the session's out, to standard output. The policy's ui.clipboard says which of "
	"the two there\n"
	"is. Where it wants every item confirmed you are shown the item on your terminal, and "
	"asked; what\n"
	"crosses is what you were shown. clear empties the session's clipboard.\n"
	"\n"
	"  -t, --type TYPE  of the item (text/plain;charset=utf-8); image/png where the policy "
	"allows it\n"
	"  -y, --yes        do not ask: you know what it is\n"
	"  -j, --json       what crossed, as JSON; with get its text is in it,\n"
	"                   or a picture in base64\n";

struct clipboard_verb {
	const char *name, *verb, *file, *type;
	bool yes, json;
};

// A memfd with all of FILE or standard input, sealed; -1 with a complaint.
static int read_item(const char *file) {
	if (file == NULL || strcmp(file, "-") == 0) {
		return crossing_read(STDIN_FILENO, "standard input", MAX_ITEM);
	}
	int from = open(file, O_RDONLY | O_CLOEXEC);
	if (from < 0) {
		complain("%s: %s", file, strerror(errno));
		return -1;
	}
	int fd = crossing_read(from, file, MAX_ITEM);
	close(from);
	return fd;
}

// ---- the three

// A text as it is; a picture in base64, because JSON has no other place for it.
static void add_content(cJSON *result, const char *content, size_t len, bool is_text) {
	if (is_text) {
		cJSON_AddStringToObject(result, "text", content);
		return;
	}
	char *encoded = malloc(base64_len(len) + 1);
	if (encoded != NULL) {
		base64_encode((const uint8_t *)content, len, encoded);
		encoded[base64_len(len)] = '\0';
		cJSON_AddStringToObject(result, "base64", encoded);
	}
	free(encoded);
}

static int print_item(const struct clipboard_verb *verb, struct client_answer *answer) {
	struct stat st;
	if (answer->fd < 0 || fstat(answer->fd, &st) != 0) {
		complain("the session's answer has no item");
		return 1;
	}
	size_t len = (size_t)st.st_size;
	char *text = malloc(len + 1);
	if (text == NULL || pread(answer->fd, text, len, 0) != (ssize_t)len) {
		free(text);
		complain("the item cannot be read");
		return 1;
	}
	text[len] = '\0';
	const char *type =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer->result, "type"));
	bool is_text = type != NULL && strncmp(type, "text/", 5) == 0;
	int ret;
	if (!verb->json && !is_text && isatty(STDOUT_FILENO)) {
		free(text);
		complain("the item is a picture; send it to a file: > picture.png");
		return 1;
	}
	if (verb->json) {
		add_content(answer->result, text, len, is_text);
		ret = print_json(answer->result);
		answer->result = NULL;
	} else {
		ret = fwrite(text, 1, len, stdout) != len;
		if (len > 0 && text[len - 1] != '\n' && isatty(STDOUT_FILENO)) {
			putchar('\n');
		}
		ret = fflush(stdout) != 0 || ret;
		if (ret != 0) {
			complain("standard output: %s", strerror(errno));
		}
	}
	free(text);
	return ret;
}

static int perform(const struct clipboard_verb *verb, struct client *client, int item_fd) {
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "verb", verb->verb);
	if (verb->type != NULL) {
		cJSON_AddStringToObject(params, "type", verb->type);
	}
	const struct crossing_ask ask = {.method = "parclose/clipboard",
		.verb = verb->verb,
		.session = verb->name,
		.yes = verb->yes};
	struct client_answer answer;
	int ret = 0;
	if (!crossing_perform(client, &ask, params, item_fd, &answer)) {
		ret = 1;
	} else if (strcmp(verb->verb, "get") == 0) {
		ret = print_item(verb, &answer);
	} else if (verb->json) {
		ret = print_json(answer.result);
		answer.result = NULL;
	}
	client_answer_finish(&answer);
	return ret;
}

int verb_clipboard(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"type", required_argument, NULL, 't'},
		{"yes", no_argument, NULL, 'y'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct clipboard_verb verb = {0};
	int option;
	while ((option = getopt_long(argc, argv, "t:yjh", long_options, NULL)) != -1) {
		switch (option) {
		case 't':
			verb.type = optarg;
			break;
		case 'y':
			verb.yes = true;
			break;
		case 'j':
			verb.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return wrong_usage("clipboard", "unknown option");
		}
	}
	int words = argc - optind;
	verb.name = words > 0 ? argv[optind] : NULL;
	verb.verb = words > 1 ? argv[optind + 1] : "";
	verb.file = words > 2 ? argv[optind + 2] : NULL;
	bool puts = strcmp(verb.verb, "put") == 0;
	if ((!puts && strcmp(verb.verb, "get") != 0 && strcmp(verb.verb, "clear") != 0) ||
		words > (puts ? 3 : 2)) {
		return wrong_usage(
			"clipboard", "a session's NAME is needed, then put [FILE], get or clear");
	}
	struct client *client = client_open(verb.name, false);
	if (client == NULL) {
		return 1;
	}
	int item_fd = puts ? read_item(verb.file) : -1;
	int ret = puts && item_fd < 0 ? 1 : perform(&verb, client, item_fd);
	if (item_fd >= 0) {
		close(item_fd);
	}
	client_close(client);
	return ret;
}
