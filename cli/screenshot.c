#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] =
	"Usage: parclose screenshot [OPTION…] NAME [FILE]\n"
	"\n"
	"Writes the session's newest frame into FILE (default NAME.png; - for standard output), "
	"whole or not\n"
	"at all.\n"
	"\n"
	"  -r, --region X,Y,WIDTHxHEIGHT  only this part, in pixels of the session's display\n"
	"  -s, --scale FACTOR             smaller: 0.05 to 1\n"
	"  -f, --format FORMAT            png, jpeg or raw (XRGB8888); default: by FILE's name, "
	"else png\n"
	"  -q, --quality N                of jpeg: 1 to 100; default 80\n"
	"  -w, --wait-stable[=MS]         first wait until the picture has rested for MS "
	"milliseconds (120),\n"
	"                                 at most for 2 seconds\n"
	"      --no-cursor                without the pointer\n"
	"      --json                     print size, frame number and how it settled as JSON\n";

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

static const char *format_of(const char *path) {
	const char *dot = strrchr(path, '.');
	bool jpeg = dot != NULL && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
	return jpeg ? "jpeg" : "png";
}

// Asks for the picture and writes it. Consumes `params`.
static int take(const char *name, const char *path, cJSON *params, bool json) {
	struct client *client = client_open(name, false);
	if (client == NULL) {
		cJSON_Delete(params);
		return 1;
	}
	int ret = 1;
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

// Puts an option into the parameters. NULL, or what is wrong.
static const char *add_option(int option, const char *text, cJSON *params) {
	double number = 0;
	switch (option) {
	case 'r':
		return parse_region(text, params) ? NULL : "--region is not X,Y,WIDTHxHEIGHT";
	case 's':
		if (!parse_number(text, 0.05, 1, &number)) {
			return "--scale is not 0.05 to 1";
		}
		cJSON_AddNumberToObject(params, "scale", number);
		return NULL;
	case 'q':
		if (!parse_whole(text, 1, 100, &number)) {
			return "--quality is not 1 to 100";
		}
		cJSON_AddNumberToObject(params, "quality", number);
		return NULL;
	case 'f':
		cJSON_AddStringToObject(params, "format", text);
		return strcmp(text, "png") == 0 || strcmp(text, "jpeg") == 0 ||
				       strcmp(text, "raw") == 0
			       ? NULL
			       : "--format is not png, jpeg or raw";
	case 'w':
		if (text != NULL && !parse_whole(text, 1, 10000, &number)) {
			return "--wait-stable is not 1 to 10000 milliseconds";
		}
		cJSON *settle = cJSON_AddObjectToObject(params, "settle");
		if (text != NULL) {
			cJSON_AddNumberToObject(settle, "quietMs", number);
		}
		return NULL;
	case 'c':
		cJSON_AddFalseToObject(params, "cursor");
		return NULL;
	}
	return "unknown option";
}

int verb_screenshot(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"region", required_argument, NULL, 'r'},
		{"scale", required_argument, NULL, 's'},
		{"format", required_argument, NULL, 'f'},
		{"quality", required_argument, NULL, 'q'},
		{"wait-stable", optional_argument, NULL, 'w'},
		{"no-cursor", no_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	bool json = false;
	cJSON *params = cJSON_CreateObject();
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "r:s:f:q:wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			cJSON_Delete(params);
			return 0;
		}
		if (option == 'j') {
			json = true;
		} else {
			wrong = add_option(option, optarg, params);
		}
	}
	if (wrong == NULL && (argc - optind < 1 || argc - optind > 2)) {
		wrong = "a session's NAME is needed, then at most a FILE";
	}
	if (wrong != NULL) {
		cJSON_Delete(params);
		return wrong_usage("screenshot", "%s", wrong);
	}
	const char *name = argv[optind];
	char default_path[80];
	const char *format =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "format"));
	snprintf(default_path, sizeof(default_path), "%.48s.%s", name,
		format != NULL ? format : "png");
	const char *path = argc - optind == 2 ? argv[optind + 1] : default_path;
	if (format == NULL) {
		cJSON_AddStringToObject(params, "format", format_of(path));
	}
	return take(name, path, params, json);
}
