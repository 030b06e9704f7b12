#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/service.h"
#include "cli/cli.h"
#include "cli/streams.h"
#include "cli/terminal.h"
#include "policy/policy.h"
#include "session/session.h"

static const char help[] =
	"Usage: parclose run [OPTION…] [--] [COMMAND [ARGUMENT…]]\n"
	"\n"
	"Starts a session: a display, clipboard, keyboard and pointer of its own, held to a policy "
	"by the\n"
	"kernel, with COMMAND in it. Without COMMAND the policy's commandLine runs; without either "
	"the\n"
	"session waits for `parclose exec`. Attached, the session ends with its command, and `run` "
	"exits as\n"
	"the command did.\n"
	"\n"
	"  -p, --policy FILE    the policy; - for standard input; default: the built-in one, "
	"locked\n"
	"  -n, --name NAME      the session's name; default: the command's\n"
	"  -d, --detach         return when the session runs; what it prints goes to output.log\n"
	"  -t, --timeout SECS   end the session after SECS seconds (exit code 124)\n"
	"  -e, --env KEY=VALUE  put into the environment inside, over the policy's\n"
	"      --json           with --detach: print the session as JSON\n"
	"      --view           open a window on the session; without --detach, from a terminal on "
	"a\n"
	"                       desktop, that is the default\n"
	"      --no-view        open none\n"
	"      --learn[=FILE]   let every connection out, write down what the policy would have to "
	"allow,\n"
	"                       and at the end print it as a proposal (to FILE; default: standard "
	"error).\n"
	"                       For programs that you trust: while it learns, the network is open\n"
	"\n"
	"Exit codes: the command's own, 128+N when signal N killed it, 124 timeout, 125 Parclose "
	"could not\n"
	"start it or the session broke, 126 not executable, 127 not found, 2 wrong usage.\n";

struct run {
	struct wl_event_loop *loop;
	struct session *session;
	struct terminal *terminal;
	bool view; // a window is wanted
	bool started, ended;
	struct session_result result;
};

static void handle_started(void *data, int pty_fd) {
	struct run *run = data;
	run->started = true;
	if (run->view) {
		spawn_view(session_name(run->session));
	}
	if (pty_fd >= 0) {
		run->terminal = terminal_create(run->loop, pty_fd);
	}
}

static void handle_ended(void *data, const struct session_result *result) {
	struct run *run = data;
	run->result = *result;
	run->ended = true;
}

static const struct session_observer observer = {
	.started = handle_started,
	.ended = handle_ended,
};

static int handle_signal(int number, void *data) {
	struct run *run = data;
	session_signal(run->session, number);
	return 0;
}

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
#define FORWARDED_LEN (sizeof(forwarded) / sizeof(forwarded[0]))

// Tells the waiting parent of a detached session how the start went, once.
static void report(int fd, const struct run *run) {
	cJSON *line = cJSON_CreateObject();
	bool came_up = run->started && !run->result.broken; // if it ended already
	if (run->session != NULL && (!run->ended || came_up)) {
		cJSON_AddStringToObject(line, "name", session_name(run->session));
		cJSON_AddNumberToObject(line, "pid", getpid());
	} else {
		cJSON_AddStringToObject(line, "error", run->result.reason);
		cJSON_AddNumberToObject(line, "exitCode", run->result.exit_code);
	}
	char *text = cJSON_PrintUnformatted(line);
	cJSON_Delete(line);
	if (text != NULL && write(fd, text, strlen(text)) < 0) {
		complain("cannot report: %s", strerror(errno));
	}
	free(text);
	close(fd);
}

// What a session that learned would have needed. It is one run's, wanted or not: a person decides.
static void print_proposal(const char *proposal, size_t left_out, const char *file) {
	FILE *out = file != NULL ? fopen(file, "wxe") : stderr;
	if (out == NULL) {
		complain("%s: %s; the proposal is here instead", file, strerror(errno));
		out = stderr;
	}
	complain(
		"PROPOSAL%s%s: the least policy that would have let this run use the network as it "
		"did, the files as before. Read it before you use it.",
		out != stderr ? ", in " : "", out != stderr ? file : "");
	if (left_out > 0) {
		complain("%zu of the places that were reached %s not allowed by it: deny rules of "
			 "the "
			 "policy stay as they are",
			left_out, left_out == 1 ? "is" : "are");
	}
	fprintf(out, "%s\n", proposal);
	if (out != stderr && fclose(out) != 0) {
		complain("%s: %s", file, strerror(errno));
	}
}

// Runs the whole session in this process. `report_fd`: of a detached session, else -1.
static int supervise(const struct session_options *options, int report_fd, struct streams *streams,
	bool view, const char *learn_file) {
	struct run run = {.loop = wl_event_loop_create(), .view = view};
	struct wl_event_source *sources[FORWARDED_LEN] = {0};
	if (run.loop == NULL) {
		complain("out of memory");
		return SESSION_EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < FORWARDED_LEN; i++) {
		sources[i] = wl_event_loop_add_signal(run.loop, forwarded[i], handle_signal, &run);
	}
	run.session = session_create(run.loop, options, &observer, &run, &run.result);
	run.ended = run.session == NULL;
	if (streams != NULL) {
		streams_handed_over(streams);
	}
	bool reported = report_fd < 0;
	for (;;) {
		// Detached, the caller is told when both command and display are there.
		if (!reported && (run.ended || session_state(run.session) >= SESSION_RUNNING)) {
			report(report_fd, &run);
			reported = true;
		}
		if (run.ended || wl_event_loop_dispatch(run.loop, -1) < 0) {
			break;
		}
	}
	terminal_destroy(run.terminal);
	size_t left_out = 0;
	char *proposal = run.session != NULL ? session_proposal(run.session, &left_out) : NULL;
	session_destroy(run.session);
	if (streams != NULL) {
		streams_finish(streams);
	}
	if (proposal != NULL) {
		print_proposal(proposal, left_out, learn_file);
		free(proposal);
	}
	for (size_t i = 0; i < FORWARDED_LEN; i++) {
		if (sources[i] != NULL) {
			wl_event_source_remove(sources[i]);
		}
	}
	wl_event_loop_destroy(run.loop);
	if (report_fd < 0 && run.result.broken) {
		complain("%s", run.result.reason);
	} else if (report_fd < 0 && run.result.exit_code == SESSION_EXIT_TIMEOUT) {
		complain("%s", run.result.reason);
	}
	return run.result.exit_code;
}

static int detach(struct session_options *options, bool json, bool view) {
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) != 0) {
		complain("cannot make a pipe: %s", strerror(errno));
		return SESSION_EXIT_FAILED;
	}
	pid_t pid = fork();
	if (pid < 0) {
		complain("cannot fork: %s", strerror(errno));
		return SESSION_EXIT_FAILED;
	}
	if (pid == 0) {
		close(pair[0]);
		setsid();
		int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null_fd < 0 || chdir("/") != 0 || dup2(null_fd, 0) < 0 ||
			dup2(null_fd, 1) < 0 || dup2(null_fd, 2) < 0) {
			_exit(SESSION_EXIT_FAILED);
		}
		if (null_fd > 2) {
			close(null_fd);
		}
		_exit(supervise(options, pair[1], NULL, false, NULL));
	}
	close(pair[1]);
	char text[2048] = "";
	size_t len = 0;
	ssize_t n;
	while (len < sizeof(text) - 1 &&
		((n = read(pair[0], text + len, sizeof(text) - 1 - len)) > 0 ||
			(n < 0 && errno == EINTR))) {
		len += n > 0 ? (size_t)n : 0;
	}
	close(pair[0]);
	cJSON *line = cJSON_Parse(text);
	const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "error"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "name"));
	int code = 0;
	if (name == NULL) {
		complain("%s", error != NULL ? error : "the supervisor died while starting");
		const cJSON *exit_code = cJSON_GetObjectItemCaseSensitive(line, "exitCode");
		code = cJSON_IsNumber(exit_code) && exit_code->valueint != 0 ? exit_code->valueint
									     : SESSION_EXIT_FAILED;
	} else if (json) {
		code = print_json(cJSON_Duplicate(line, true));
	} else {
		printf("%s\n", name);
	}
	if (name != NULL && view) {
		spawn_view(name);
	}
	cJSON_Delete(line);
	return code;
}

enum view {
	VIEW_AUTO,
	VIEW_YES,
	VIEW_NO
};

// Is a window wanted of a session that runs attached?
static bool view_is_wanted(enum view view, const struct policy *policy) {
	const char *wayland = getenv("WAYLAND_DISPLAY"), *x11 = getenv("DISPLAY");
	char path[4096];
	if (view != VIEW_AUTO) {
		return view == VIEW_YES;
	}
	return policy->containment == POLICY_CONTAINMENT_SESSION && !policy->ui.disable &&
	       isatty(STDERR_FILENO) &&
	       ((wayland != NULL && wayland[0] != '\0') || (x11 != NULL && x11[0] != '\0')) &&
	       have_helper("parclose-viewer", path, sizeof(path));
}

int verb_run(int argc, char *argv[]) {
	static const struct option long_options[] = {
		{"policy", required_argument, NULL, 'p'},
		{"name", required_argument, NULL, 'n'},
		{"detach", no_argument, NULL, 'd'},
		{"timeout", required_argument, NULL, 't'},
		{"env", required_argument, NULL, 'e'},
		{"json", no_argument, NULL, 'j'},
		{"view", no_argument, NULL, 'v'},
		{"no-view", no_argument, NULL, 'V'},
		{"learn", optional_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *policy_name = "locked";
	bool detached = false, json = false;
	const char *learn_file = NULL;
	enum view view = VIEW_AUTO;
	struct session_options options = {.stdio = {0, 1, 2}};
	char term[128];
	const char **env = calloc((size_t)argc + 2, sizeof(*env));
	size_t env_len = 0;
	if (env == NULL) {
		complain("out of memory");
		return SESSION_EXIT_FAILED;
	}
	int code = 0;
	int option;
	while ((option = getopt_long(argc, argv, "+p:n:dt:e:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'p':
			policy_name = optarg;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 'd':
			detached = true;
			break;
		case 't':
			if (!parse_seconds(optarg, &options.timeout_ms)) {
				code = wrong_usage(
					"run", "--timeout '%s' is not a number of seconds", optarg);
				goto out;
			}
			break;
		case 'e':
			if (strchr(optarg, '=') == NULL || optarg[0] == '=') {
				code = wrong_usage("run", "--env '%s' is not KEY=VALUE", optarg);
				goto out;
			}
			env[env_len++] = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'v':
			view = VIEW_YES;
			break;
		case 'V':
			view = VIEW_NO;
			break;
		case 'l':
			options.learn = true;
			learn_file = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			goto out;
		default:
			code = wrong_usage("run", "unknown option or missing value");
			goto out;
		}
	}
	if (geteuid() != getuid()) {
		complain(
			"parclose is not made to be set-user-ID; remove that bit from the program");
		code = SESSION_EXIT_FAILED;
		goto out;
	}
	char *text = NULL;
	struct policy *policy = load_policy(policy_name, &text);
	struct helpers helpers;
	if (policy == NULL || !find_helpers(policy, options.learn, &helpers)) {
		policy_destroy(policy);
		free(text);
		code = SESSION_EXIT_FAILED;
		goto out;
	}
	if (view == VIEW_YES && policy->containment != POLICY_CONTAINMENT_SESSION) {
		code = wrong_usage("run", "--view: this policy gives the session no display");
		policy_destroy(policy);
		free(text);
		goto out;
	}
	if (options.learn && detached) {
		code = wrong_usage("run",
			"--learn tells at the end what it learned: run it without "
			"--detach");
		policy_destroy(policy);
		free(text);
		goto out;
	}
	options.policy = policy;
	options.policy_text = text;
	options.service = &agent_service;
	options.compositor_path = helpers.compositor;
	options.network_path = helpers.network;
	options.picture_path = helpers.picture[0] != '\0' ? helpers.picture : NULL;
	options.argv = optind < argc ? (const char *const *)&argv[optind] : NULL;
	options.pty = !detached && terminal_is_wanted(&options.rows, &options.columns);
	if (options.pty && getenv("TERM") != NULL) {
		snprintf(term, sizeof(term), "TERM=%s", getenv("TERM"));
		env[env_len++] = term;
	}
	options.env = env_len > 0 ? env : NULL;
	if (detached) {
		options.stdio[0] = options.stdio[1] = options.stdio[2] = -1;
		options.capture_output = true;
		code = detach(&options, json, view == VIEW_YES);
	} else if (options.argv == NULL && policy->process.command_line == NULL) {
		code = wrong_usage("run", "there is no command to run; give one after --, or "
					  "--detach for a session that waits");
	} else {
		struct streams streams = {.fds = {0, 1, 2}};
		if (!options.pty && !streams_open(&streams)) {
			complain("cannot carry standard input and output: %s", strerror(errno));
			code = SESSION_EXIT_FAILED;
		} else {
			memcpy(options.stdio, streams.fds, sizeof(options.stdio));
			code = supervise(
				&options, -1, &streams, view_is_wanted(view, policy), learn_file);
		}
	}
	policy_destroy(policy);
	free(text);
out:
	free(env);
	return code;
}
