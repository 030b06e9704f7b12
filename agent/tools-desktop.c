#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp-internal.h"
#include "agent/results.h"
#include "agent/waiter.h"
#include "sandbox/sandbox.h"
#include "session/service.h"
#include "session/session.h"

// Programs that have a window show it within this time; the others are not waited for longer.
#define LAUNCH_WINDOW_MS 10000
// One that ended well may have asked another to show it.
#define LAUNCH_AFTER_MS 1500

// After something happened to a window: until it is seen.
static const char until_stable[] = "{\"action\":\"wait_stable\"}";

static void start_look(struct request *request, struct acts_options *options, acts_done done) {
	cJSON *action = cJSON_Parse(until_stable);
	start_acts(request, options, action, done);
	cJSON_Delete(action);
}

// No member of the arguments but these, NULL behind the last. False: the request is answered.
static bool check_arguments(struct request *request, const char *const *names) {
	char text[160] = "";
	const cJSON *argument;
	cJSON_ArrayForEach (argument, request->arguments) {
		bool known = false;
		for (const char *const *name = names; *name != NULL; name++) {
			known = known || strcmp(argument->string, *name) == 0;
		}
		if (!known) {
			bool is_long = strlen(argument->string) > 64;
			size_t len = (size_t)snprintf(text, sizeof(text),
				"there is no argument '%s'; use", is_long ? "…" : argument->string);
			for (const char *const *name = names; *name != NULL; name++) {
				len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s",
					name == names     ? ""
					: name[1] == NULL ? " or"
							  : ",",
					*name);
			}
			request_refuse_arguments(request, text);
			return false;
		}
	}
	return true;
}

// The text of an argument out of `choices`, the first if it is not there. NULL: answered.
static const char *choose(
	struct request *request, const char *name, const char *const *choices, const char *help) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(request->arguments, name);
	if (item == NULL || cJSON_IsNull(item)) {
		return choices[0];
	}
	for (const char *const *choice = choices; *choice != NULL; choice++) {
		if (cJSON_IsString(item) && strcmp(item->valuestring, *choice) == 0) {
			return *choice;
		}
	}
	request_refuse_arguments(request, help);
	return NULL;
}

// ---- windows

static void add_windows(struct request *request, struct session *session, cJSON *structured) {
	cJSON *windows = cJSON_AddArrayToObject(structured, "windows");
	struct display_state state = {0};
	session_display_state(session, &state);
	for (size_t i = 0; i < state.windows_len; i++) {
		const struct display_window *window = &state.windows[i];
		cJSON *item = results_box(&window->box);
		cJSON_AddItemToArray(windows, item);
		cJSON_AddNumberToObject(item, "id", window->id);
		cJSON_AddStringToObject(item, "title", window->title);
		cJSON_AddStringToObject(item, "appId", window->app_id);
		if (!request->mcp->options.inside) {
			cJSON_AddNumberToObject(item, "pid", window->pid); // as seen outside
		}
		if (window->parent != 0) {
			cJSON_AddNumberToObject(item, "parent", window->parent);
		}
		cJSON_AddBoolToObject(
			item, "focused", (window->state & CHANNEL_WINDOW_FOCUSED) != 0);
	}
}

static void handle_windows_done(void *data, const struct acts_report *report) {
	struct request *request = data;
	cJSON *structured = results_outcome(&report->outcomes[0]);
	struct session *session = request->mcp->host->peek(request->mcp->data);
	if (session != NULL) {
		add_windows(request, session, structured);
	}
	answer_report(request, report, structured);
}

// A list is just that: that the session is ready was all there was to wait for.
static void handle_list_done(void *data, const struct acts_report *report) {
	struct request *request = data;
	struct session *session = request->mcp->host->peek(request->mcp->data);
	cJSON *structured =
		acts_failed(report) ? results_outcome(&report->outcomes[0]) : cJSON_CreateObject();
	if (session != NULL && !acts_failed(report)) {
		add_windows(request, session, structured);
	}
	answer_report(request, report, structured);
}

void tool_windows(struct request *request) {
	static const char *const names[] = {"action", "id", "image", NULL};
	static const char *const verbs[] = {"list", "raise", "close", "cycle", NULL};
	static const enum channel_window_verb acts[] = {
		0, CHANNEL_WINDOW_RAISE, CHANNEL_WINDOW_CLOSE, CHANNEL_WINDOW_CYCLE};
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(request->arguments, "id");
	struct acts_options options;
	init_acts(request, &options);
	const char *verb;
	if (!check_arguments(request, names) ||
		(verb = choose(request, "action", verbs,
			 "/action: use list, raise, close or cycle")) == NULL) {
		return;
	}
	size_t which = 0;
	while (verbs[which] != verb) {
		which++;
	}
	bool listing = which == 0;
	bool needs_id = which == 1 || which == 2;
	if (needs_id &&
		(!cJSON_IsNumber(id) || id->valuedouble < 1 || id->valuedouble > UINT32_MAX ||
			id->valuedouble != (uint32_t)id->valuedouble)) {
		request_refuse_arguments(request, "/id: the number of a window, as listed");
		return;
	}
	// A list is looked at, not an act: no picture unless it is asked for.
	bool picture = cJSON_HasObjectItem(request->arguments, "image");
	if (!take_image(request, &options)) {
		return;
	}
	options.session = tool_session_for(request);
	if (options.session == NULL) {
		return;
	}
	if (listing) {
		options.pictures = picture ? options.pictures : ACTS_PICTURES_ASKED;
		options.settle.wait = false;
		cJSON *action = cJSON_Parse("{\"action\":\"cursor_position\"}");
		start_acts(request, &options, action, handle_list_done);
		cJSON_Delete(action);
		return;
	}
	if (!agent_holds(request, options.session)) {
		return;
	}
	int ret = session_window_act(
		options.session, needs_id ? (uint32_t)id->valuedouble : 0, acts[which]);
	if (ret != 0) {
		request_fail(request, "failed",
			ret == -ESRCH ? "there is no such window; list them"
				      : "this session has no display");
		return;
	}
	start_look(request, &options, handle_windows_done);
}

// ---- launch

/*
 * A program that was just started, until its window is there, or it ended, or the time is up.
 * Afterwards nobody watches it any more.
 */
struct launch {
	struct request *request;
	struct acts_options options;
	struct session *session;
	uint32_t windows[64]; // that were there before
	size_t windows_len;
	struct waiter *waiter;
	bool exited;
	int exit_code;
	bool window; // one came
};

void launch_cancel(struct launch *launch) {
	if (launch == NULL) {
		return;
	}
	waiter_destroy(launch->waiter);
	session_exec_release(launch->session, launch);
	free(launch);
}

// What there is to say about a program that shows no window; "" when it does.
static void say_program(const struct launch *launch, char *text, size_t size) {
	text[0] = '\0';
	if (launch->exited) {
		snprintf(text, size, "the program ended with exit code %d%s", launch->exit_code,
			launch->window ? "" : " and showed no window");
	} else if (!launch->window) {
		snprintf(text, size, "the program runs, and has shown no window within %d seconds",
			LAUNCH_WINDOW_MS / 1000);
	}
}

// Nothing of it is watched any more.
static void end_launch(struct request *request) {
	launch_cancel(request->launch);
	request->launch = NULL;
}

static void handle_launch_seen(void *data, const struct acts_report *report) {
	struct request *request = data;
	struct launch *launch = request->launch;
	char text[160];
	say_program(launch, text, sizeof(text));
	if (launch->exited && launch->exit_code != 0 && !launch->window) {
		request->acts = NULL;
		end_launch(request);
		request_fail(request, act_effect_name(ACT_FAILED), text);
		return;
	}
	cJSON *structured = results_outcome(&report->outcomes[0]);
	if (!acts_failed(report)) {
		cJSON_ReplaceItemInObjectCaseSensitive(structured, "effect",
			cJSON_CreateString(act_effect_name(
				launch->window ? ACT_CHANGED : ACT_NOTHING_CHANGED)));
	}
	if (launch->exited) {
		cJSON_AddNumberToObject(structured, "exitCode", launch->exit_code);
	}
	if (text[0] != '\0' && !cJSON_HasObjectItem(structured, "message")) {
		cJSON_AddStringToObject(structured, "message", text);
	}
	end_launch(request);
	answer_report(request, report, structured);
}

static void look(struct launch *launch) {
	waiter_destroy(launch->waiter);
	launch->waiter = NULL;
	struct request *request = launch->request;
	struct display_state state;
	if (session_display_state(launch->session, &state)) {
		start_look(request, &launch->options, handle_launch_seen);
		return;
	}
	// Without a display there is nothing to see.
	cJSON *structured = cJSON_CreateObject();
	cJSON_AddStringToObject(structured, "effect", act_effect_name(ACT_DELIVERED));
	if (launch->exited) {
		cJSON_AddNumberToObject(structured, "exitCode", launch->exit_code);
	}
	end_launch(request);
	request_answer(request, results_tool(structured, NULL, false, NULL, 0));
}

static bool has_window(void *data) {
	struct launch *launch = data;
	struct display_state state;
	if (!session_display_state(launch->session, &state)) {
		return true;
	}
	for (size_t i = 0; i < state.windows_len && !launch->window; i++) {
		bool old = false;
		for (size_t j = 0; j < launch->windows_len; j++) {
			old = old || launch->windows[j] == state.windows[i].id;
		}
		launch->window = !old;
	}
	return launch->window || session_state(launch->session) > SESSION_RUNNING;
}

static void handle_window(void *data, bool in_time) {
	struct launch *launch = data;
	(void)in_time;
	launch->waiter = NULL;
	look(launch);
}

static void await_window(struct launch *launch, uint32_t most_ms) {
	struct request *request = launch->request;
	launch->waiter = waiter_create(
		request->mcp->options.loop, most_ms, has_window, handle_window, launch);
	if (launch->waiter == NULL) {
		end_launch(request);
		request_answer(request, NULL);
	}
}

static void handle_started(void *data, uint32_t id, const struct session_exec_result *result) {
	struct launch *launch = data;
	(void)id;
	if (!result->failed) {
		return;
	}
	struct request *request = launch->request;
	end_launch(request);
	request_fail(request, act_effect_name(ACT_FAILED), result->message);
}

static void handle_exited(void *data, uint32_t id, int status) {
	struct launch *launch = data;
	(void)id;
	launch->exited = true;
	launch->exit_code = session_exit_code(status);
	if (launch->waiter != NULL) {
		waiter_destroy(launch->waiter);
		await_window(launch, launch->exit_code == 0 ? LAUNCH_AFTER_MS : 0);
	}
}

static const struct session_exec_observer exec_observer = {
	.started = handle_started,
	.exited = handle_exited,
};

// The command as a vector of borrowed strings; NULL when it is none.
static const char **command_vector(const cJSON *command) {
	int len = cJSON_IsArray(command) ? cJSON_GetArraySize(command) : 0;
	const char **argv =
		len > 0 && len < SANDBOX_MAX_ARGS ? calloc((size_t)len + 1, sizeof(*argv)) : NULL;
	size_t i = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, command) {
		if (argv == NULL || !cJSON_IsString(item)) {
			free(argv);
			return NULL;
		}
		argv[i++] = item->valuestring;
	}
	return argv;
}

static void start_program(struct launch *launch, const char *const *argv, const char *cwd) {
	struct request *request = launch->request;
	struct display_state state = {0};
	session_display_state(launch->session, &state);
	for (size_t i = 0; i < state.windows_len && i < 64; i++) {
		launch->windows[launch->windows_len++] = state.windows[i].id;
	}
	struct sandbox_command command = {.argv = argv, .cwd = cwd, .stdio = {-1, -1, -1}};
	struct sandbox_error err = {0};
	if (session_exec(launch->session, &command, &exec_observer, launch, &err) == 0) {
		end_launch(request);
		request_fail(request, act_effect_name(ACT_FAILED), err.message);
		return;
	}
	await_window(launch, LAUNCH_WINDOW_MS);
}

void tool_launch(struct request *request) {
	static const char *const names[] = {"command", "cwd", "image", NULL};
	const cJSON *cwd = cJSON_GetObjectItemCaseSensitive(request->arguments, "cwd");
	struct acts_options options;
	init_acts(request, &options);
	if (!check_arguments(request, names)) {
		return;
	}
	if (cwd != NULL && (!cJSON_IsString(cwd) || cwd->valuestring[0] != '/')) {
		request_refuse_arguments(request, "/cwd: an absolute path is needed");
		return;
	}
	if (!take_image(request, &options)) {
		return;
	}
	const char **argv =
		command_vector(cJSON_GetObjectItemCaseSensitive(request->arguments, "command"));
	if (argv == NULL) {
		request_refuse_arguments(
			request, "/command: an array of the program and its arguments is needed");
		return;
	}
	options.session = tool_session_for(request);
	if (options.session != NULL && agent_holds(request, options.session)) {
		struct launch *launch = calloc(1, sizeof(*launch));
		if (launch == NULL) {
			request_answer(request, NULL);
		} else {
			*launch = (struct launch){
				.request = request, .options = options, .session = options.session};
			request->launch = launch;
			start_program(launch, argv, cwd != NULL ? cwd->valuestring : NULL);
		}
	}
	free(argv);
}

// ---- session

// Of all that `inspect` tells, what an agent has a use for.
static void add_session(struct request *request, struct session *session, cJSON *structured) {
	struct display_state state;
	cJSON_AddStringToObject(structured, "name", session_name(session));
	static const char *const states[] = {"starting", "running", "stopping", "ended"};
	cJSON_AddStringToObject(structured, "state", states[session_state(session)]);
	cJSON_AddStringToObject(structured, "holder", session_holder_name(session_holder(session)));
	if (session_display_state(session, &state)) {
		cJSON *display = cJSON_AddObjectToObject(structured, "display");
		cJSON_AddNumberToObject(display, "width", state.width);
		cJSON_AddNumberToObject(display, "height", state.height);
		cJSON_AddBoolToObject(display, "ready", state.ready);
		cJSON_AddNumberToObject(structured, "windows", (double)state.windows_len);
	}
	if (request->mcp->options.inside) {
		return;
	}
	cJSON *inspect = session_inspect(session);
	char *text = cJSON_PrintUnformatted(inspect); // the policy in it is raw
	cJSON *parsed = cJSON_Parse(text);
	cJSON *policy = cJSON_GetObjectItemCaseSensitive(parsed, "policy");
	static const char *const members[] = {
		"containment", "filesystem", "network", "ui", "limits"};
	cJSON *summary = cJSON_AddObjectToObject(structured, "policy");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		cJSON_AddItemToObject(summary, members[i],
			cJSON_DetachItemFromObjectCaseSensitive(policy, members[i]));
	}
	cJSON_Delete(parsed);
	cJSON_free(text);
	cJSON_Delete(inspect);
}

void tool_session(struct request *request) {
	static const char *const names[] = {"action", NULL};
	static const char *const verbs[] = {"info", "stop", NULL};
	struct mcp *mcp = request->mcp;
	const char *verb;
	if (!check_arguments(request, names) ||
		(verb = choose(request, "action", verbs, "/action: use info or stop")) == NULL) {
		return;
	}
	struct session *session = mcp->host->peek(mcp->data);
	bool stop = strcmp(verb, "stop") == 0;
	if (stop && (mcp->options.inside || mcp->host->stop == NULL)) {
		request_fail(request, act_effect_name(ACT_UNSUPPORTED),
			"a session is ended from outside it only");
		return;
	}
	cJSON *structured = cJSON_CreateObject();
	if (session == NULL) {
		cJSON_AddStringToObject(structured, "state", "none");
		cJSON_AddStringToObject(structured, "message",
			"no session runs; the first act or screenshot starts one");
	} else if (stop) {
		cJSON_AddStringToObject(structured, "name", session_name(session));
		cJSON_AddStringToObject(structured, "state", "stopping");
	} else {
		add_session(request, session, structured);
	}
	const struct mcp_host *host = mcp->host;
	void *data = mcp->data;
	request_answer(request, results_tool(structured, NULL, false, NULL, 0));
	if (stop && session != NULL) {
		host->stop(data);
	}
}
