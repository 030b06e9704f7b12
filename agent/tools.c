#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp-internal.h"
#include "agent/results.h"
#include "agent/vocabulary.h"
#include "session/clipboard.h"
#include "session/service.h"

// ---- what the tools share

struct session *tool_session_for(struct request *request) {
	struct mcp *mcp = request->mcp;
	char why[600] = "";
	struct session *session = mcp->host->session(mcp->data, why, sizeof(why));
	if (session == NULL) {
		request_fail(request, "failed", why);
	}
	return session;
}

bool agent_holds(struct request *request, const struct session *session) {
	enum session_holder holder = session_holder(session);
	if (holder == HOLDER_AGENT) {
		return true;
	}
	request_fail(request, act_effect_name(ACT_REFUSED),
		holder == HOLDER_PAUSED
			? "the session is paused by its user; wait until it goes on"
			: "its user holds the session now; wait until it is handed back");
	return false;
}

bool take_image(struct request *request, struct acts_options *options) {
	options->pictures = ACTS_PICTURES_AFTER;
	options->picture = (struct picture_options){.cursor = true};
	cJSON *image = cJSON_DetachItemFromObjectCaseSensitive(request->arguments, "image");
	const char *name = cJSON_GetStringValue(image);
	bool ok = image == NULL || cJSON_IsNull(image) || name != NULL;
	if (name != NULL && strcmp(name, "none") == 0) {
		options->pictures = ACTS_PICTURES_ASKED;
	} else if (name != NULL && strcmp(name, "jpeg") == 0) {
		options->picture.format = PICTURE_JPEG;
	} else if (name != NULL && strcmp(name, "png") != 0) {
		ok = false;
	}
	cJSON_Delete(image);
	if (!ok) {
		request_refuse_arguments(request, "/image: use png, jpeg or none");
	}
	return ok;
}

void init_acts(struct request *request, struct acts_options *options) {
	struct mcp *mcp = request->mcp;
	*options = (struct acts_options){
		.loop = mcp->options.loop,
		.vocabulary = vocabulary_find("parclose"),
		.who = ACT_AGENT,
		.from = mcp_name(mcp),
		.settle.wait = true,
		.worked = mcp->host->worked,
		.worked_data = mcp->data,
		.pointer = "",
		.held = &mcp->held,
	};
}

void start_acts(struct request *request, struct acts_options *options, const cJSON *actions,
	acts_done done) {
	if (options->session == NULL) {
		options->session = tool_session_for(request);
		if (options->session == NULL) {
			return;
		}
	}
	// A program is only once just started.
	if (options->first_window_ms == 0) {
		options->first_window_ms = request->mcp->first_window_ms;
		request->mcp->first_window_ms = 0;
	}
	request->acts = acts_start(options, actions, done, request);
	if (request->acts == NULL) {
		request_answer(request, NULL);
	}
}

// A failed report, as a sentence.
static void say_failure(const struct acts_report *report, char *text, size_t size) {
	const struct acts_outcome *last = &report->outcomes[report->outcomes_len - 1];
	if (report->total == 1) {
		snprintf(text, size, "%s: %s", act_effect_name(last->result.effect), last->message);
		return;
	}
	snprintf(text, size, "action %zu of %zu %s: %s. %zu done before it, %zu not tried",
		report->outcomes_len, report->total,
		last->result.effect == ACT_REFUSED ? "was refused" : "failed", last->message,
		report->completed, report->total - report->outcomes_len);
}

// Says how large the picture is and where from, next to what came of the act.
static void add_picture(cJSON *structured, const struct acts_report *report) {
	if (report->pictures_len > 0) {
		const struct acts_picture *last = &report->pictures[report->pictures_len - 1];
		cJSON *picture = cJSON_AddObjectToObject(structured, "picture");
		cJSON_AddStringToObject(
			picture, "format", last->picture.format == PICTURE_JPEG ? "jpeg" : "png");
		cJSON_AddNumberToObject(picture, "width", last->picture.width);
		cJSON_AddNumberToObject(picture, "height", last->picture.height);
	}
	if (report->note[0] != '\0' && !cJSON_HasObjectItem(structured, "note")) {
		cJSON_AddStringToObject(structured, "note", report->note);
	}
}

void answer_report(struct request *request, const struct acts_report *report, cJSON *structured) {
	char sentence[1100] = "";
	bool failed = acts_failed(report);
	if (failed) {
		say_failure(report, sentence, sizeof(sentence));
	} else {
		add_picture(structured, report);
	}
	request->acts = NULL;
	request_answer(request,
		results_tool(structured, sentence, failed, report->pictures, report->pictures_len));
}

// ---- the vocabularies

static void handle_one_done(void *data, const struct acts_report *report) {
	answer_report(data, report, results_outcome(&report->outcomes[0]));
}

static void handle_several_done(void *data, const struct acts_report *report) {
	cJSON *structured = results_report(report);
	const struct acts_outcome *last = &report->outcomes[report->outcomes_len - 1];
	cJSON_AddStringToObject(structured, "effect", act_effect_name(last->result.effect));
	answer_report(data, report, structured);
}

static void call_one(struct request *request, const char *vocabulary) {
	struct acts_options options;
	init_acts(request, &options);
	if (!take_image(request, &options)) {
		return;
	}
	options.vocabulary = vocabulary_find(vocabulary);
	start_acts(request, &options, request->arguments, handle_one_done);
}

static void call_computer(struct request *request) {
	call_one(request, "anthropic");
}

static void call_gemini(struct request *request) {
	call_one(request, "gemini");
}

// The arguments hold one array of actions, and nothing else. False: the request is answered.
static bool check_actions(struct request *request, const cJSON *actions) {
	char text[200];
	int len = cJSON_GetArraySize(actions);
	if (!cJSON_IsArray(actions) || cJSON_GetArraySize(request->arguments) != 1) {
		request_refuse_arguments(request,
			"/actions: an array of actions is needed, and nothing but `image` beside "
			"it");
		return false;
	}
	if (len == 0 || len > ACTS_MAX) {
		snprintf(text, sizeof(text),
			"/actions: %d actions; use 1 to %d in one call. None was performed", len,
			ACTS_MAX);
		request_refuse_arguments(request, text);
		return false;
	}
	return true;
}

static void call_several(struct request *request, const char *vocabulary) {
	struct acts_options options;
	init_acts(request, &options);
	if (!take_image(request, &options)) {
		return;
	}
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(request->arguments, "actions");
	if (!check_actions(request, actions)) {
		return;
	}
	options.vocabulary = vocabulary_find(vocabulary);
	options.pointer = "/actions";
	start_acts(request, &options, actions, handle_several_done);
}

static void call_batch(struct request *request) {
	call_several(request, "anthropic");
}

// A computer_call has `actions`, before it had `action`.
static void call_openai(struct request *request) {
	cJSON *one = cJSON_DetachItemFromObjectCaseSensitive(request->arguments, "action");
	if (one != NULL && cJSON_HasObjectItem(request->arguments, "actions")) {
		cJSON_Delete(one);
		request_refuse_arguments(request, "either `action` or `actions`, not both");
		return;
	}
	if (one != NULL) {
		cJSON *actions = cJSON_AddArrayToObject(request->arguments, "actions");
		if (!cJSON_AddItemToArray(actions, one)) {
			cJSON_Delete(one);
		}
	}
	call_several(request, "openai");
}

// ---- looking

static void handle_screenshot_done(void *data, const struct acts_report *report) {
	const struct acts_outcome *last = &report->outcomes[report->outcomes_len - 1];
	cJSON *structured = results_outcome(last);
	if (report->outcomes_len == 2 && report->outcomes[0].result.waited) {
		// What the wait before the picture came to belongs to the picture.
		cJSON *wait = results_outcome(&report->outcomes[0]);
		static const char *const members[] = {"settled", "settled_ms", "reason"};
		for (size_t i = 0; i < 3; i++) {
			cJSON_AddItemToObject(structured, members[i],
				cJSON_DetachItemFromObjectCaseSensitive(wait, members[i]));
		}
		cJSON_Delete(wait);
	}
	answer_report(data, report, structured);
}

// The arguments are those of one action of our own vocabulary, and are read as one.
static cJSON *as_action(struct request *request, const char *name) {
	cJSON *action = cJSON_Duplicate(request->arguments, true);
	if (cJSON_HasObjectItem(action, "action")) {
		cJSON_Delete(action);
		request_refuse_arguments(request, "/action: there is no such argument");
		return NULL;
	}
	cJSON_AddStringToObject(action, "action", name);
	return action;
}

static void call_screenshot(struct request *request) {
	struct acts_options options;
	init_acts(request, &options);
	cJSON *wait = cJSON_DetachItemFromObjectCaseSensitive(request->arguments, "waitStable");
	bool stable = cJSON_IsTrue(wait);
	bool valid = wait == NULL || cJSON_IsBool(wait) || cJSON_IsNull(wait);
	cJSON_Delete(wait);
	if (!valid) {
		request_refuse_arguments(request, "/waitStable: use true or false");
		return;
	}
	cJSON *action = as_action(request, "screenshot");
	if (action == NULL) {
		return;
	}
	cJSON *actions = cJSON_CreateArray();
	if (stable) {
		cJSON *first = cJSON_CreateObject();
		cJSON_AddStringToObject(first, "action", "wait_stable");
		cJSON_AddItemToArray(actions, first);
	}
	cJSON_AddItemToArray(actions, action);
	options.pictures = ACTS_PICTURES_ASKED;
	start_acts(request, &options, stable ? actions : action, handle_screenshot_done);
	cJSON_Delete(actions);
}

static void call_wait_stable(struct request *request) {
	struct acts_options options;
	init_acts(request, &options);
	if (!take_image(request, &options)) {
		return;
	}
	cJSON *action = as_action(request, "wait_stable");
	if (action != NULL) {
		start_acts(request, &options, action, handle_one_done);
		cJSON_Delete(action);
	}
}

void tool_cancel(struct request *request) {
	acts_cancel(request->acts);
	request->acts = NULL;
	launch_cancel(request->launch);
	request->launch = NULL;
	if (request->clipboard != NULL) {
		session_clipboard_cancel(request->clipboard);
		request->clipboard = NULL;
	}
}

// ---- the table

// clang-format off
#define INTEGER "{\"type\":\"integer\"}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define OBJECT "{\"type\":\"object\"}"
#define STRING "{\"type\":\"string\"}"
#define POINT "{\"type\":\"array\",\"items\":" INTEGER ",\"minItems\":2,\"maxItems\":2}"
#define IMAGE "\"image\":{\"type\":\"string\",\"enum\":[\"png\",\"jpeg\",\"none\"],\"description\":\"the screenshot that goes with the answer; default png\"}"
#define REGION "{\"type\":\"object\",\"properties\":{\"x\":" INTEGER ",\"y\":" INTEGER ",\"width\":" INTEGER ",\"height\":" INTEGER \
	"},\"required\":[\"x\",\"y\",\"width\",\"height\"]}"

#define ANTHROPIC_ACTIONS "[\"screenshot\",\"zoom\",\"cursor_position\",\"mouse_move\",\"left_click\",\"right_click\"," \
	"\"middle_click\",\"double_click\",\"triple_click\",\"left_click_drag\",\"left_mouse_down\",\"left_mouse_up\"," \
	"\"scroll\",\"key\",\"hold_key\",\"type\",\"wait\"]"
#define ANTHROPIC_FIELDS \
	"\"action\":{\"type\":\"string\",\"enum\":" ANTHROPIC_ACTIONS "}," \
	"\"coordinate\":" POINT "," \
	"\"start_coordinate\":" POINT "," \
	"\"text\":{\"type\":\"string\",\"description\":\"what to type; for key and hold_key a chord such as ctrl+s; for clicks and scroll the keys held\"}," \
	"\"key\":{\"type\":\"string\",\"description\":\"keys held during a click or scroll\"}," \
	"\"scroll_direction\":{\"type\":\"string\",\"enum\":[\"up\",\"down\",\"left\",\"right\"]}," \
	"\"scroll_amount\":{\"type\":\"number\",\"description\":\"notches of the wheel\"}," \
	"\"duration\":{\"type\":\"number\",\"description\":\"seconds, for wait and hold_key\"}," \
	"\"region\":{\"type\":\"array\",\"items\":" INTEGER ",\"minItems\":4,\"maxItems\":4,\"description\":\"[x0, y0, x1, y1] to zoom into\"}"

#define OUTCOME_PROPERTIES \
	"\"effect\":{\"type\":\"string\",\"enum\":[\"changed\",\"nothing_changed\",\"delivered\",\"refused\",\"unsupported\",\"failed\"]}," \
	"\"message\":" STRING "," \
	"\"changed\":" OBJECT "," \
	"\"frame\":" INTEGER "," \
	"\"settled\":" BOOLEAN "," \
	"\"settled_ms\":" INTEGER "," \
	"\"reason\":" STRING "," \
	"\"window\":" INTEGER "," \
	"\"cursor\":" OBJECT "," \
	"\"characters\":" INTEGER "," \
	"\"ways\":{\"type\":\"array\",\"items\":" OBJECT "}"
#define PICTURE_PROPERTIES \
	"\"picture\":" OBJECT "," \
	"\"note\":" STRING
#define OUTCOME "{\"type\":\"object\",\"properties\":{" OUTCOME_PROPERTIES "," PICTURE_PROPERTIES "},\"required\":[\"effect\"]}"
#define OUTCOMES "{\"type\":\"object\",\"properties\":{" \
	"\"effect\":" STRING ",\"message\":" STRING ",\"completed\":" INTEGER ",\"skipped\":" INTEGER "," \
	"\"results\":{\"type\":\"array\",\"items\":" OBJECT "}," \
	PICTURE_PROPERTIES "},\"required\":[\"effect\"]}"

#define ACTS_ANNOTATIONS "{\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":false,\"openWorldHint\":true}"
#define LOOKS_ANNOTATIONS "{\"readOnlyHint\":true,\"idempotentHint\":true,\"openWorldHint\":false}"

static const struct tool tools[] = {
	{
		.name = "computer",
		.title = "Act on the desktop",
		.description = "Performs one action on the desktop and answers with a screenshot once the picture rests. "
			"Actions and fields are those of Anthropic's computer tool; coordinates are pixels of the whole screenshot. "
			"`effect` is nothing_changed when nothing on the display did.",
		.input_schema = "{\"type\":\"object\",\"properties\":{" ANTHROPIC_FIELDS "," IMAGE "},\"required\":[\"action\"],\"additionalProperties\":false}",
		.output_schema = OUTCOME,
		.annotations = ACTS_ANNOTATIONS,
		.call = call_computer,
	},
	{
		.name = "computer_batch",
		.title = "Do several things on the desktop",
		.description = "Performs up to 100 actions of `computer` one after the other, each when the picture rests after the one before. "
			"Stops at the first that fails and says how many were done. One screenshot at the end.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"actions\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,"
			"\"items\":{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":" ANTHROPIC_ACTIONS "}},\"required\":[\"action\"],"
			"\"description\":\"as the arguments of computer\"}}," IMAGE "},\"required\":[\"actions\"],\"additionalProperties\":false}",
		.output_schema = OUTCOMES,
		.annotations = ACTS_ANNOTATIONS,
		.call = call_batch,
	},
	{
		.name = "computer_openai",
		.title = "Act on the desktop (OpenAI actions)",
		.description = "As computer_batch, with the `actions` (or the one `action`) of an OpenAI computer_call: "
			"click, double_click, drag, keypress, move, screenshot, scroll, type, wait.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"actions\":{\"type\":\"array\",\"maxItems\":100,"
			"\"items\":{\"type\":\"object\",\"properties\":{\"type\":" STRING "},\"required\":[\"type\"]}},"
			"\"action\":{\"type\":\"object\",\"properties\":{\"type\":" STRING "},\"required\":[\"type\"]}," IMAGE "},\"additionalProperties\":false}",
		.output_schema = OUTCOMES,
		.annotations = ACTS_ANNOTATIONS,
		.call = call_openai,
	},
	{
		.name = "computer_gemini",
		.title = "Act on the desktop (Gemini actions)",
		.description = "As computer, with a function call of Gemini's computer use: its `name` and `args`, "
			"coordinates from 0 to 1000.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"name\":" STRING ",\"args\":{\"type\":\"object\"}," IMAGE
			"},\"required\":[\"name\"],\"additionalProperties\":false}",
		.output_schema = OUTCOME,
		.annotations = ACTS_ANNOTATIONS,
		.call = call_gemini,
	},
	{
		.name = "screenshot",
		.title = "Look at the desktop",
		.description = "A picture of the display or of a region of it, scaled down on request. Coordinates of actions stay those of the whole display.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"region\":" REGION ",\"scale\":{\"type\":\"number\",\"minimum\":0.05,\"maximum\":1},"
			"\"format\":{\"type\":\"string\",\"enum\":[\"png\",\"jpeg\"]},\"quality\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100},"
			"\"cursor\":{\"type\":\"boolean\",\"description\":\"with the pointer; default true\"},"
			"\"waitStable\":{\"type\":\"boolean\",\"description\":\"wait until the picture rests\"}},\"additionalProperties\":false}",
		.output_schema = OUTCOME,
		.annotations = LOOKS_ANNOTATIONS,
		.call = call_screenshot,
	},
	{
		.name = "wait_stable",
		.title = "Wait until the picture rests",
		.description = "Waits until nothing on the display moves for quietMs (120), at most timeoutMs (2000). Carets and spinners do not count.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"quietMs\":" INTEGER ",\"timeoutMs\":" INTEGER ",\"region\":" REGION "," IMAGE
			"},\"additionalProperties\":false}",
		.output_schema = OUTCOME,
		.annotations = LOOKS_ANNOTATIONS,
		.call = call_wait_stable,
	},
	{
		.name = "windows",
		.title = "Windows",
		.description = "Lists the windows with their titles (chosen by the programs), or raises, closes or cycles through them.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":[\"list\",\"raise\",\"close\",\"cycle\"],\"description\":\"default list\"},"
			"\"id\":{\"type\":\"integer\",\"description\":\"of the window to raise or close\"}," IMAGE "},\"additionalProperties\":false}",
		.output_schema = "{\"type\":\"object\",\"properties\":{\"windows\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
			"\"id\":" INTEGER ",\"title\":" STRING ",\"appId\":" STRING ",\"pid\":" INTEGER ",\"parent\":" INTEGER ",\"focused\":" BOOLEAN ","
			"\"x\":" INTEGER ",\"y\":" INTEGER ",\"width\":" INTEGER ",\"height\":" INTEGER "},\"required\":[\"id\",\"title\",\"appId\"]}},"
			OUTCOME_PROPERTIES "," PICTURE_PROPERTIES "}}",
		.annotations = ACTS_ANNOTATIONS,
		.call = tool_windows,
	},
	{
		.name = "clipboard",
		.title = "The desktop's clipboard",
		.description = "Reads or sets the text on the desktop's own clipboard, as programs there copy and paste it. It is not the user's.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":[\"get\",\"set\",\"clear\"],\"description\":\"default get\"},"
			"\"text\":{\"type\":\"string\",\"description\":\"to set\"}},\"additionalProperties\":false}",
		.output_schema = "{\"type\":\"object\",\"properties\":{\"effect\":" STRING ",\"message\":" STRING ",\"text\":" STRING ",\"removed\":" INTEGER "},\"required\":[\"effect\"]}",
		.annotations = ACTS_ANNOTATIONS,
		.call = tool_clipboard,
	},
	{
		.name = "launch",
		.title = "Start a program",
		.description = "Starts a program on the desktop, as an argument vector without a shell, and waits for its window. "
			"It runs under the session's policy.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"array\",\"items\":" STRING ",\"minItems\":1},"
			"\"cwd\":{\"type\":\"string\",\"description\":\"absolute, inside\"}," IMAGE "},\"required\":[\"command\"],\"additionalProperties\":false}",
		.output_schema = "{\"type\":\"object\",\"properties\":{\"exitCode\":" INTEGER "," OUTCOME_PROPERTIES "," PICTURE_PROPERTIES "},\"required\":[\"effect\"]}",
		.annotations = ACTS_ANNOTATIONS,
		.outside_only = true,
		.call = tool_launch,
	},
	{
		.name = "ask_user",
		.title = "Ask the user",
		.description = "Tells the user, in a sentence, what you need of them: a password, a decision. "
			"They may take over, and answer by what they do; `session` says who holds it.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200}},"
			"\"required\":[\"text\"],\"additionalProperties\":false}",
		.output_schema = "{\"type\":\"object\",\"properties\":{\"effect\":" STRING ",\"message\":" STRING ",\"viewers\":" INTEGER "},\"required\":[\"effect\"]}",
		.annotations = "{\"readOnlyHint\":false,\"destructiveHint\":false,\"idempotentHint\":false,\"openWorldHint\":false}",
		.at_once = true,
		.call = tool_ask_user,
	},
	{
		.name = "session",
		.title = "The session",
		.description = "Says what this session is: its display, who holds it (agent, human, paused), what its policy allows. "
			"With action stop it ends, and everything in it; the next act begins a new one if this server started it.",
		.input_schema = "{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":[\"info\",\"stop\"],\"description\":\"default info\"}},\"additionalProperties\":false}",
		.output_schema = "{\"type\":\"object\",\"properties\":{\"name\":" STRING ",\"state\":" STRING ",\"holder\":" STRING ","
			"\"display\":{\"type\":\"object\"},\"windows\":" INTEGER ",\"policy\":{\"type\":\"object\"},\"effect\":" STRING ",\"message\":" STRING "}}",
		.annotations = "{\"readOnlyHint\":false,\"destructiveHint\":true,\"idempotentHint\":true,\"openWorldHint\":false}",
		.at_once = true,
		.call = tool_session,
	},
};
// clang-format on

const struct tool *tool_at(size_t index, bool inside) {
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if ((!inside || !tools[i].outside_only) && index-- == 0) {
			return &tools[i];
		}
	}
	return NULL;
}

const struct tool *tool_find(const char *name, bool inside) {
	const struct tool *tool;
	for (size_t i = 0; (tool = tool_at(i, inside)) != NULL; i++) {
		if (strcmp(tool->name, name) == 0) {
			return tool;
		}
	}
	return NULL;
}
