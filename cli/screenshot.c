#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] =
	"Usage: parclose screenshot [OPTION…] NAME [FILE]\n"
	"\n"
	"Writes the session's newest frame as PNG into FILE (default NAME.png; - for standard "
	"output).\n"
	"\n"
	"  -r, --region X,Y,WIDTHxHEIGHT  only this part, in pixels of the session's display\n"
	"      --no-cursor                without the pointer\n"
	"      --json                     print size and frame number as JSON\n";

static bool parse_region(const char *text, cJSON *params) {
	int x, y, width, height, used = 0;
	if (sscanf(text, "%d,%d,%dx%d%n", &x, &y, &width, &height, &used) != 4 ||
		text[used] != '\0') {
		return false;
	}
	cJSON *region = cJSON_AddObjectToObject(params, "region");
	cJSON_AddNumberToObject(region, "x", x);
	cJSON_AddNumberToObject(region, "y", y);
	cJSON_AddNumberToObject(region, "width", width);
	cJSON_AddNumberToObject(region, "height", height);
	return true;
}

// Copies the picture whole, or leaves no file: it is written beside and renamed.
static bool write_file(int from, const char *path) {
	char temporary[4096];
	bool to_stdout = strcmp(path, "-") == 0;
	snprintf(temporary, sizeof(temporary), "%s.%d.part", path, (int)getpid());
	int to =
		to_stdout ? dup(1) : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	bool ok = to >= 0;
	char buffer[65536];
	ssize_t len = 0;
	while (ok && (len = read(from, buffer, sizeof(buffer))) > 0) {
		for (ssize_t done = 0; ok && done < len;) {
			ssize_t n = write(to, buffer + done, (size_t)(len - done));
			ok = n > 0 || (n < 0 && errno == EINTR);
			done += n > 0 ? n : 0;
		}
	}
	ok = ok && len == 0;
	ok = (to < 0 || close(to) == 0) && ok;
	ok = ok && (to_stdout || rename(temporary, path) == 0);
	if (!ok) {
		complain("cannot write %s: %s", path, strerror(errno));
		if (!to_stdout && to >= 0) {
			unlink(temporary);
		}
	}
	return ok;
}

int verb_screenshot(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"region", required_argument, NULL, 'r'},
		{"no-cursor", no_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false;
	int ret = 1;
	cJSON *params = cJSON_CreateObject();
	int option;
	while ((option = getopt_long(argc, argv, "r:h", long_options, NULL)) != -1) {
		if (option == 'r' && parse_region(optarg, params)) {
			continue;
		} else if (option == 'c') {
			cJSON_AddFalseToObject(params, "cursor");
		} else if (option == 'j') {
			json = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			cJSON_Delete(params);
			return 0;
		} else {
			cJSON_Delete(params);
			return wrong_usage("screenshot",
				"unknown option, or a --region that is not X,Y,WIDTHxHEIGHT");
		}
	}
	if (argc - optind < 1 || argc - optind > 2) {
		cJSON_Delete(params);
		return wrong_usage("screenshot", "a session's NAME is needed, then at most a FILE");
	}
	const char *name = argv[optind];
	char default_path[80];
	snprintf(default_path, sizeof(default_path), "%.48s.png", name);
	const char *path = argc - optind == 2 ? argv[optind + 1] : default_path;
	struct client *client = client_open(name, false);
	if (client == NULL) {
		cJSON_Delete(params);
		return 1;
	}
	struct client_answer answer;
	client_call(client, "parclose/screenshot", params, NULL, 0, &answer);
	if (answer.failed) {
		complain("%s", answer.message);
	} else if (answer.fd < 0) {
		complain("the session sent no picture");
	} else if (write_file(answer.fd, path)) {
		ret = 0;
		if (json) {
			cJSON_AddStringToObject(answer.result, "file", path);
			ret = print_json(answer.result);
			answer.result = NULL;
		}
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}
