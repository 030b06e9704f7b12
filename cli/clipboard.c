#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

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
	"  -t, --type TYPE  of the item (text/plain;charset=utf-8)\n"
	"  -y, --yes        do not ask: you know what it is\n"
	"  -j, --json       what crossed, as JSON; with get its text is in it\n";

struct clipboard_verb {
	const char *name, *verb, *file, *type;
	bool yes, json;
};

// A memfd with all of FILE or standard input, sealed; -1 with a complaint.
static int read_item(const char *file) {
	bool standard = file == NULL || strcmp(file, "-") == 0;
	int from = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("parclose-item", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	char part[65536];
	size_t total = 0;
	ssize_t n = from < 0 || fd < 0 ? -1 : 1;
	while (n > 0 && total <= MAX_ITEM) {
		n = read(from, part, sizeof(part));
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n > 0 && write(fd, part, (size_t)n) != n) {
			n = -1;
		}
		total += n > 0 ? (size_t)n : 0;
	}
	int error = errno;
	if (!standard && from >= 0) {
		close(from);
	}
	if (n < 0 || total > MAX_ITEM) {
		if (n < 0) {
			complain("%s: %s", standard ? "standard input" : file, strerror(error));
		} else {
			complain("the item has more than the %u bytes that one may ever have",
				MAX_ITEM);
		}
		if (fd >= 0) {
			close(fd);
		}
		return -1;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

// ---- asking

static double number_of(const cJSON *result, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(result, key);
	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

// The supervisor has made the preview fit to be shown: of controls it has tabs and newlines only.
static void print_preview(FILE *out, const struct clipboard_verb *verb, const cJSON *shown) {
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "type"));
	const char *preview =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(shown, "preview"));
	double lines = number_of(shown, "lines"), removed = number_of(shown, "removed");
	fprintf(out, "%s %s: %.0f bytes of %s, %.0f line%s\n",
		strcmp(verb->verb, "put") == 0 ? "For the session" : "From the session", verb->name,
		number_of(shown, "bytes"), type != NULL ? type : "?", lines, lines == 1 ? "" : "s");
	for (const char *line = preview != NULL ? preview : ""; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		fprintf(out, "  | %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(shown, "previewCut"))) {
		fprintf(out, "  … and more, which is not shown here\n");
	}
	if (removed > 0) {
		fprintf(out,
			"%.0f control or formatting character%s, shown above, will not cross\n",
			removed, removed == 1 ? "" : "s");
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(shown, "endsLine"))) {
		fprintf(out, "It ends with a newline: pasted into a shell, it runs\n");
	}
}

// The person's word, on the terminal and nowhere else.
static bool confirmed(const struct clipboard_verb *verb, const cJSON *shown) {
	if (verb->yes) {
		return true;
	}
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	FILE *terminal = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (terminal == NULL) {
		if (fd >= 0) {
			close(fd);
		}
		complain("the session's policy wants every item confirmed, and there is no "
			 "terminal to ask on; see --yes");
		return false;
	}
	print_preview(terminal, verb, shown);
	fprintf(terminal, "%s? [y/N] ",
		strcmp(verb->verb, "put") == 0 ? "Put it in" : "Take it out");
	fflush(terminal);
	char answer[16] = "";
	bool said = fgets(answer, sizeof(answer), terminal) != NULL;
	fclose(terminal);
	if (!said || (strcmp(answer, "y\n") != 0 && strcmp(answer, "yes\n") != 0)) {
		complain("nothing crossed");
		return false;
	}
	return true;
}

// ---- the three

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
	int ret;
	if (verb->json) {
		cJSON_AddStringToObject(answer->result, "text", text);
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

static cJSON *params_of(const struct clipboard_verb *verb) {
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "verb", verb->verb);
	return params;
}

static int perform(const struct clipboard_verb *verb, struct client *client, int item_fd) {
	cJSON *params = params_of(verb);
	if (verb->type != NULL) {
		cJSON_AddStringToObject(params, "type", verb->type);
	}
	struct client_answer answer;
	client_call(client, "parclose/clipboard", params, &item_fd, item_fd >= 0, &answer);
	const cJSON *ask = cJSON_GetObjectItemCaseSensitive(answer.result, "confirm");
	if (!answer.failed && cJSON_IsTrue(ask)) {
		const cJSON *shown = answer.result;
		if (!confirmed(verb, shown)) {
			client_answer_finish(&answer);
			return 1;
		}
		params = params_of(verb);
		cJSON_AddItemToObject(params, "approve",
			cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(shown, "sha256"), true));
		client_answer_finish(&answer);
		client_call(client, "parclose/clipboard", params, NULL, 0, &answer);
	}
	int ret = 0;
	if (answer.failed) {
		complain("%s", answer.message);
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
