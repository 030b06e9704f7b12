#include "cli/crossing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

int crossing_read(int fd, const char *name, size_t most) {
	int item = memfd_create("parclose-item", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	char part[65536];
	size_t total = 0;
	ssize_t n = item < 0 ? -1 : 1;
	while (n > 0 && total <= most) {
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n > 0 && write(item, part, (size_t)n) != n) {
			n = -1;
		}
		total += n > 0 ? (size_t)n : 0;
	}
	int error = errno;
	if (n >= 0 && total <= most) {
		fcntl(item, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
		return item;
	}
	if (n < 0) {
		complain("%s: %s", name, strerror(error));
	} else {
		complain("%s has more than the %zu bytes that an item may ever have", name, most);
	}
	if (item >= 0) {
		close(item);
	}
	return -1;
}

// ---- asking

static double number_of(const cJSON *result, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(result, key);
	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *string_of(const cJSON *result, const char *key) {
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, key));
}

static void print_text(FILE *out, const char *text) {
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		fprintf(out, "  | %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

// The supervisor has made all of it fit to be shown: of controls it has tabs and newlines only.
static void print_preview(FILE *out, const struct crossing_ask *ask, const cJSON *shown) {
	const char *type = string_of(shown, "type"), *path = string_of(shown, "path");
	const char *preview = string_of(shown, "preview");
	double lines = number_of(shown, "lines"), removed = number_of(shown, "removed");
	fprintf(out,
		"%s %s: ", strcmp(ask->verb, "put") == 0 ? "For the session" : "From the session",
		ask->session);
	if (path != NULL) {
		fprintf(out, "the file %s, ", path);
	}
	fprintf(out, "%.0f bytes of %s", number_of(shown, "bytes"), type != NULL ? type : "?");
	if (lines > 0) {
		fprintf(out, ", %.0f line%s", lines, lines == 1 ? "" : "s");
	}
	if (number_of(shown, "width") > 0) {
		fprintf(out, ", %.0f × %.0f pixels, made anew from what it was",
			number_of(shown, "width"), number_of(shown, "height"));
	}
	fprintf(out, "\n");
	print_text(out, preview != NULL ? preview : "");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(shown, "previewCut"))) {
		fprintf(out, "  … and more, which is not shown here\n");
	}
	if (path != NULL) {
		fprintf(out, "A file crosses as it is: nothing in it is checked or taken out\n");
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
static bool confirmed(const struct crossing_ask *ask, const cJSON *shown) {
	if (ask->yes) {
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
	print_preview(terminal, ask, shown);
	fprintf(terminal, "%s? [y/N] ",
		strcmp(ask->verb, "put") == 0 ? "Put it in" : "Take it out");
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

bool crossing_perform(struct client *client, const struct crossing_ask *ask, cJSON *params,
	int item_fd, struct client_answer *answer) {
	client_call(client, ask->method, params, &item_fd, item_fd >= 0, answer);
	const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(answer->result, "confirm");
	if (!answer->failed && cJSON_IsTrue(wanted)) {
		if (!confirmed(ask, answer->result)) {
			return false;
		}
		params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "verb", ask->verb);
		cJSON_AddItemToObject(params, "approve",
			cJSON_Duplicate(
				cJSON_GetObjectItemCaseSensitive(answer->result, "sha256"), true));
		client_answer_finish(answer);
		client_call(client, ask->method, params, NULL, 0, answer);
	}
	if (answer->failed) {
		complain("%s", answer->message);
	}
	return !answer->failed;
}
