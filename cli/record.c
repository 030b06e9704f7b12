#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

static const char help[] =
	"Usage: parclose record start [--json] NAME [FILE]\n"
	"       parclose record stop [--json] NAME\n"
	"       parclose record info [--json] FILE\n"
	"       parclose record export [OPTION…] FILE\n"
	"\n"
	"Records a session: its screen and what is done in it, on one timeline. Without FILE the "
	"recording\n"
	"goes into the session's state directory. A recording ends by itself with the session, and "
	"when the\n"
	"disk is nearly full.\n"
	"\n"
	"  info shows what a recording holds; export writes it as pictures or for an encoder:\n"
	"      --frames DIR     PNG pictures, named by their time, and events.jsonl, into DIR\n"
	"      --every SECS     at most one picture in SECS seconds (1); 0: every one there is\n"
	"      --webm OUT       video for a browser (VP9), by GStreamer\n"
	"      --mp4 OUT        video for everything else (H.264), by GStreamer\n"
	"      --y4m OUT        YUV4MPEG2 video, - for standard output: pipe it to an encoder\n"
	"      --fps N          pictures a second of the video, at most (15)\n";

// The request and its answer; the exit code.
static int ask(const char *name, bool on, const char *file, bool json) {
	char path[PATH_MAX];
	int fd = -1;
	struct client *client = client_open(name, false);
	if (client == NULL) {
		return 1;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", on);
	if (file != NULL) {
		fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || realpath(file, path) == NULL) {
			complain("cannot make %s: %s", file, strerror(errno));
			cJSON_Delete(params);
			client_close(client);
			return 1;
		}
		cJSON_AddStringToObject(params, "path", path);
	}
	struct client_answer answer;
	client_call(client, "parclose/record", params, &fd, fd >= 0 ? 1 : 0, &answer);
	int ret = 0;
	if (answer.failed) {
		complain("%s: %s", name, answer.message);
		if (file != NULL) {
			unlink(file);
		}
		ret = 1;
	} else if (json) {
		ret = print_json(cJSON_Duplicate(answer.result, true));
	} else {
		const char *made = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(answer.result, "file"));
		printf("%s\n", made != NULL ? made : "?");
	}
	if (fd >= 0) {
		close(fd);
	}
	client_answer_finish(&answer);
	client_close(client);
	return ret;
}

static bool parse_options(int argc, char *argv[], bool *json, struct export_options *options) {
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"frames", required_argument, NULL, 'f'},
		{"every", required_argument, NULL, 'e'},
		{"webm", required_argument, NULL, 'w'},
		{"mp4", required_argument, NULL, 'm'},
		{"y4m", required_argument, NULL, 'y'},
		{"fps", required_argument, NULL, 'r'},
		{0},
	};
	int option;
	char *end;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			*json = true;
			break;
		case 'f':
			options->frames = optarg;
			break;
		case 'e':
			if (strcmp(optarg, "0") == 0) {
				options->every_ms = 0;
			} else if (!parse_seconds(optarg, &options->every_ms)) {
				wrong_usage("record", "--every '%s' is not a number of seconds",
					optarg);
				return false;
			}
			break;
		case 'w':
			options->webm = optarg;
			break;
		case 'm':
			options->mp4 = optarg;
			break;
		case 'y':
			options->y4m = optarg;
			break;
		case 'r':
			options->fps = (unsigned int)strtoul(optarg, &end, 10);
			if (*end != '\0' || options->fps < 1 || options->fps > 60) {
				wrong_usage("record", "--fps '%s' is not 1 to 60", optarg);
				return false;
			}
			break;
		default:
			wrong_usage("record", "unknown option or missing value");
			return false;
		}
	}
	return true;
}

int verb_record(int argc, char *argv[]) {
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		fputs(help, stdout);
		return 0;
	}
	bool json = false;
	struct export_options options = {.every_ms = 1000, .fps = 15};
	if (argc < 2) {
		return wrong_usage("record", "start, stop, info or export is needed");
	}
	if (!parse_options(argc - 1, argv + 1, &json, &options)) {
		return EXIT_USAGE;
	}
	char **words = argv + 1 + optind;
	int count = argc - 1 - optind;
	if (strcmp(what, "start") == 0 && (count == 1 || count == 2)) {
		return ask(words[0], true, count == 2 ? words[1] : NULL, json);
	}
	if (strcmp(what, "stop") == 0 && count == 1) {
		return ask(words[0], false, NULL, json);
	}
	if (strcmp(what, "info") == 0 && count == 1) {
		return export_info(words[0], json);
	}
	if (strcmp(what, "export") == 0 && count == 1 &&
		(options.frames != NULL) + (options.y4m != NULL) + (options.webm != NULL) +
				(options.mp4 != NULL) ==
			1) {
		return export_run(words[0], &options);
	}
	return wrong_usage("record", "start NAME [FILE], stop NAME, info FILE, or export with "
				     "one of --frames, --webm, --mp4 and --y4m, and a FILE is "
				     "needed");
}
