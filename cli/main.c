#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "policy/network.h"
#include "policy/policy.h"

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
} verbs[] = {
	{"run", verb_run, "start a session with a command in it"},
	{"exec", verb_exec, "run another command in a session"},
	{"list", verb_list, "the sessions, and how the lost ones ended"},
	{"inspect", verb_inspect, "everything about one session, and what is enforced"},
	{"view", verb_view, "a window on a session: watch, take over, pause, stop"},
	{"screenshot", verb_screenshot, "the session's screen as a PNG file"},
	{"windows", verb_windows, "the windows of a session; raise, close, cycle"},
	{"click", verb_click, "click into a session's display"},
	{"type", verb_type, "type text into it"},
	{"key", verb_key, "press keys: ctrl+s, Return"},
	{"scroll", verb_scroll, "turn the wheel"},
	{"drag", verb_drag, "drag from point to point"},
	{"input", verb_input, "perform actions given as JSON"},
	{"clipboard", verb_clipboard, "put an item into a session's clipboard, or take its out"},
	{"put", verb_put, "put files into a session"},
	{"get", verb_get, "take files out of a session"},
	{"takeover", verb_takeover, "take keyboard and pointer from the agent"},
	{"release", verb_release, "hand them back"},
	{"pause", verb_pause, "stop everything in sessions where it stands"},
	{"resume", verb_resume, "let paused sessions go on"},
	{"record", verb_record, "record a session; show or export a recording"},
	{"replay", verb_replay, "a window on a recording"},
	{"stop", verb_stop, "end sessions"},
	{"log", verb_log, "a session's audit log"},
	{"mcp", verb_mcp, "serve agents a session by the Model Context Protocol on stdio"},
	{"policy", verb_policy, "check or explain a policy; change the rules of a session"},
	{"doctor", verb_doctor, "what this machine can enforce, and the remedy where it cannot"},
};

void complain(const char *format, ...) {
	va_list args;
	va_start(args, format);
	fputs("parclose: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

int wrong_usage(const char *verb, const char *format, ...) {
	va_list args;
	va_start(args, format);
	fprintf(stderr, "parclose %s: ", verb);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\nSee: parclose %s --help\n", verb);
	va_end(args);
	return EXIT_USAGE;
}

int print_json(cJSON *value) {
	char *text = value == NULL ? NULL : cJSON_Print(value);
	cJSON_Delete(value);
	if (text == NULL) {
		complain("out of memory");
		return 1;
	}
	int ret = puts(text) < 0 || fflush(stdout) != 0;
	free(text);
	return ret;
}

bool parse_seconds(const char *text, uint32_t *ms) {
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(seconds) || seconds <= 0 ||
		seconds > 4294967) {
		return false;
	}
	*ms = (uint32_t)ceil(seconds * 1000);
	return true;
}

bool parse_number(const char *text, double least, double most, double *number) {
	char *end;
	*number = strtod(text, &end);
	return end != text && *end == '\0' && *number >= least && *number <= most;
}

bool parse_whole(const char *text, double least, double most, double *number) {
	return parse_number(text, least, most, number) && *number == (double)(int64_t)*number;
}

bool json_option(int argc, char *argv[], const char *help, bool *json, int *code) {
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;
	*json = false;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			*code = 0;
			return false;
		}
		if (option != 'j') {
			*code = wrong_usage(argv[0], "unknown option");
			return false;
		}
		*json = true;
	}
	return true;
}

bool have_helper(const char *name, char *path, size_t size) {
	char self[2048];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = NULL;
	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
	}
	static const char *const places[] = {"../libexec/parclose", "../compositor", "../network",
		"../viewer", "../replay", "../video", "../clipboard"};
	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s/%s/%s", (int)(slash - self), self, places[i], name);
		if (access(path, X_OK) == 0) {
			return true;
		}
	}
	return false;
}

bool find_helper(const char *name, char *path, size_t size) {
	if (have_helper(name, path, size)) {
		return true;
	}
	complain("cannot find the program %s in ../libexec/parclose beside this program; install "
		 "Parclose whole",
		name);
	return false;
}

bool find_helpers(const struct policy *policy, bool learn, struct helpers *helpers) {
	*helpers = (struct helpers){{0}};
	bool display = policy->containment == POLICY_CONTAINMENT_SESSION;
	bool network = learn || network_needed(&policy->network);
	if (!have_helper("parclose-picture", helpers->picture, sizeof(helpers->picture))) {
		helpers->picture[0] = '\0';
	}
	return (!display || find_helper("parclose-compositor", helpers->compositor,
				    sizeof(helpers->compositor))) &&
	       (!network ||
		       find_helper("parclose-network", helpers->network, sizeof(helpers->network)));
}

static void print_help(FILE *out) {
	fputs("Usage: parclose VERB [OPTION…]\n"
	      "\n"
	      "Gives a program that drives a graphical desktop a desktop of its own, behind glass: "
	      "its own\n"
	      "display, clipboard, keyboard and pointer, with its files, network and processes "
	      "held to one\n"
	      "policy by the kernel.\n"
	      "\n",
		out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
	}
	fputs("\n"
	      "Try:  parclose run -- foot\n"
	      "      parclose run --detach --name web --policy browser -- chromium\n"
	      "      parclose screenshot web web.png\n"
	      "      parclose VERB --help, man parclose\n",
		out);
}

int main(int argc, char *argv[]) {
	// 0, 1, 2 must be something, or a file opened later would become standard error.
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
			return 125;
		}
	}
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
		puts("parclose " PARCLOSE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(name, verbs[i].name) == 0) {
			return verbs[i].run(argc - 1, argv + 1);
		}
	}
	complain("there is no verb '%s'; see: parclose --help", name);
	return EXIT_USAGE;
}
