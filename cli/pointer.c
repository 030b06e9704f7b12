#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/act.h"
#include "cli/cli.h"

/*
 * The verbs of the pointer: click, scroll, drag.
 */

static const char click_help[] =
	"Usage: parclose click [OPTION…] NAME [X,Y]\n"
	"\n"
	"Clicks at a point of the session's display, in pixels of its screenshot; without one, "
	"where "
	"the\n"
	"pointer is.\n"
	"\n"
	"  -b, --button BUTTON     left (default), right, middle, back or forward\n"
	"  -n, --count N           clicks: 1 to 10\n"
	"  -k, --hold KEYS         held while clicking, such as ctrl+shift\n" ACT_OPTIONS_HELP;

static const char scroll_help[] =
	"Usage: parclose scroll [OPTION…] NAME [X,Y]\n"
	"\n"
	"Turns the wheel over a point of the session's display; without one, where the pointer "
	"is.\n"
	"\n"
	"  -d, --down N            notches; also --up, --left, --right\n"
	"      --dx PIXELS, --dy PIXELS\n"
	"                          by pixels of the content, positive to the right and down\n"
	"  -k, --hold KEYS         held while scrolling, such as ctrl\n" ACT_OPTIONS_HELP;

static const char drag_help[] =
	"Usage: parclose drag [OPTION…] NAME X,Y X,Y…\n"
	"\n"
	"Presses a button at the first point, moves along the others, and releases it at the "
	"last.\n"
	"\n"
	"  -b, --button BUTTON     left (default), right, middle, back or forward\n"
	"  -k, --hold KEYS         held while dragging, such as shift\n" ACT_OPTIONS_HELP;

// What is common to their ends: the usage is right, or it is said what is not.
static int end(const char *verb, const char *wrong, const char *session,
	const struct act_options *options, cJSON *action) {
	if (wrong != NULL) {
		cJSON_Delete(action);
		return wrong_usage(verb, "%s", wrong);
	}
	return act_perform(session, options, NULL, action);
}

static const char *take_name_and_point(int argc, char *argv[], cJSON *action) {
	if (argc - optind < 1 || argc - optind > 2) {
		return "a session's NAME is needed, then at most one point X,Y";
	}
	if (argc - optind == 2 && !act_add_point(action, argv[optind + 1])) {
		return "a point is X,Y in pixels";
	}
	return NULL;
}

int verb_click(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"button", required_argument, NULL, 'b'},
		{"count", required_argument, NULL, 'n'},
		{"hold", required_argument, NULL, 'k'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	cJSON *action = act_new("click");
	const char *wrong = NULL;
	double count = 0;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "b:n:k:wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(click_help, stdout);
			cJSON_Delete(action);
			return 0;
		} else if (option == 'b') {
			cJSON_AddStringToObject(action, "button", optarg);
		} else if (option == 'k') {
			cJSON_AddStringToObject(action, "keys", optarg);
		} else if (option == 'n') {
			wrong = parse_whole(optarg, 1, 10, &count) ? NULL
								   : "--count is not 1 to 10";
			cJSON_AddNumberToObject(action, "count", count);
		} else {
			wrong = act_option(&options, option, optarg);
		}
	}
	wrong = wrong != NULL ? wrong : take_name_and_point(argc, argv, action);
	return end("click", wrong, argv[optind], &options, action);
}

// One direction of a wheel: an option, the axis it turns and its sign.
static const struct direction {
	int option;
	const char *axis;
	double sign;
	bool pixels;
} directions[] = {
	{'d', "dy", 1, false},
	{'u', "dy", -1, false},
	{'l', "dx", -1, false},
	{'r', "dx", 1, false},
	{'x', "dx", 1, true},
	{'y', "dy", 1, true},
};

// Is it an option of a direction at all? Then *wrong says whether it was a good one.
static bool take_direction(int option, const char *text, cJSON *action, const char **wrong) {
	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
		const struct direction *direction = &directions[i];
		if (direction->option != option) {
			continue;
		}
		double distance = 0;
		const cJSON *unit = cJSON_GetObjectItemCaseSensitive(action, "unit");
		bool mixed = cJSON_GetObjectItemCaseSensitive(action, direction->axis) != NULL ||
			     (unit != NULL && (strcmp(unit->valuestring, "pixels") == 0) !=
						      direction->pixels);
		if (mixed) {
			*wrong = "one distance for each direction, all in notches or all in pixels";
		} else if (direction->pixels ? !parse_number(text, -100000, 100000, &distance)
					     : !parse_number(text, 0, 1000, &distance)) {
			*wrong = direction->pixels ? "a distance is -100000 to 100000 pixels"
						   : "a distance is 0 to 1000 notches";
		}
		cJSON_AddNumberToObject(action, direction->axis, distance * direction->sign);
		if (unit == NULL) {
			cJSON_AddStringToObject(
				action, "unit", direction->pixels ? "pixels" : "notches");
		}
		return true;
	}
	return false;
}

int verb_scroll(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"down", required_argument, NULL, 'd'},
		{"up", required_argument, NULL, 'u'},
		{"left", required_argument, NULL, 'l'},
		{"right", required_argument, NULL, 'r'},
		{"dx", required_argument, NULL, 'x'},
		{"dy", required_argument, NULL, 'y'},
		{"hold", required_argument, NULL, 'k'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	cJSON *action = act_new("scroll");
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "d:u:l:r:k:wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(scroll_help, stdout);
			cJSON_Delete(action);
			return 0;
		} else if (option == 'k') {
			cJSON_AddStringToObject(action, "keys", optarg);
		} else if (!take_direction(option, optarg, action, &wrong)) {
			wrong = act_option(&options, option, optarg);
		}
	}
	if (wrong == NULL && cJSON_GetObjectItemCaseSensitive(action, "unit") == NULL) {
		wrong = "a distance is needed, such as --down 3";
	}
	wrong = wrong != NULL ? wrong : take_name_and_point(argc, argv, action);
	return end("scroll", wrong, argv[optind], &options, action);
}

int verb_drag(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"button", required_argument, NULL, 'b'},
		{"hold", required_argument, NULL, 'k'},
		ACT_OPTIONS,
	};
	struct act_options options = {0};
	cJSON *action = act_new("drag");
	const char *wrong = NULL;
	int option;
	while (wrong == NULL &&
		(option = getopt_long(argc, argv, "b:k:wh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(drag_help, stdout);
			cJSON_Delete(action);
			return 0;
		} else if (option == 'b') {
			cJSON_AddStringToObject(action, "button", optarg);
		} else if (option == 'k') {
			cJSON_AddStringToObject(action, "keys", optarg);
		} else {
			wrong = act_option(&options, option, optarg);
		}
	}
	if (wrong == NULL && argc - optind < 3) {
		wrong = "a session's NAME is needed, then two or more points X,Y";
	}
	cJSON *path = cJSON_AddArrayToObject(action, "path");
	for (int i = optind + 1; wrong == NULL && i < argc; i++) {
		cJSON *point = act_path_point(argv[i]);
		wrong = point == NULL ? "a point is X,Y in pixels" : NULL;
		cJSON_AddItemToArray(path, point);
	}
	return end("drag", wrong, argv[optind], &options, action);
}
