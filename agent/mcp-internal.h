#ifndef PARCLOSE_AGENT_MCP_INTERNAL_H
#define PARCLOSE_AGENT_MCP_INTERNAL_H

// The server as its own files see it: mcp.c (the protocol), tools*.c (what is offered).

#include "agent/acts.h"
#include "agent/eras.h"
#include "agent/held.h"
#include "agent/mcp.h"

struct batch;
struct clipboard_call;
struct launch;
struct tool;
struct vocabulary;
struct waiter;

// A request whose answer is due.
struct request {
	struct wl_list link; // mcp.requests, in the order they came
	struct mcp *mcp;
	cJSON *id;
	enum era era;
	struct batch *batch; // that it came in, NULL: alone
	const struct tool *tool; // NULL: subscriptions/listen
	cJSON *arguments; // of the tool, an object
	size_t weight; // bytes that they take
	// What the tool waits for; ended with the request.
	struct acts *acts;
	struct launch *launch;
	struct clipboard_call *clipboard;
};

struct mcp {
	struct mcp_options options;
	const struct mcp_host *host;
	void *data;
	enum era era; // that `initialize` agreed on
	struct held held; // by the client, in the session
	uint32_t first_window_ms; // for the next acts, see agent/acts.h
	struct wl_list requests; // request.link
	size_t requests_len, weight; // of all
	struct request *running; // the tool that acts; the others wait their turn
	bool starting; // within start_tools()
	struct waiter *unread; // until the client has read on and rested, NULL: nothing is held up
};

const char *mcp_name(const struct mcp *mcp); // for the audit log, static storage

struct tool {
	const char *name, *title, *description;
	const char *input_schema; // JSON
	const char *output_schema;
	const char *annotations;
	bool outside_only;
	bool at_once; // needs no turn: it neither looks nor acts
	// Ends with one of the answers below, now or later.
	void (*call)(struct request *request);
};

// In their fixed order; NULL behind the last.
const struct tool *tool_at(size_t index, bool inside);
const struct tool *tool_find(const char *name, bool inside);

// Stops what the tool waits for.
void tool_cancel(struct request *request);

// ---- answers, each of which ends and frees the request

// As results_tool() makes it; consumed, NULL: out of memory.
void request_answer(struct request *request, cJSON *tool_result);

// The tool could not do it.
void request_fail(struct request *request, const char *effect, const char *text);

// The arguments are wrong: the era says whose error that is.
void request_refuse_arguments(struct request *request, const char *text);

// ---- tools-desktop.c

void tool_windows(struct request *request);
void tool_launch(struct request *request);
void tool_session(struct request *request);
void launch_cancel(struct launch *launch);

// ---- tools-clipboard.c

void tool_clipboard(struct request *request);

// ---- tools-ask.c

void tool_ask_user(struct request *request);

// ---- tools.c, for tools-desktop.c

// The session to act in. NULL: there is none, and the request is answered.
struct session *tool_session_for(struct request *request);

// Refuses unless the agent holds the session. False: the request is answered.
bool agent_holds(struct request *request, const struct session *session);

// Options for acts of this request, still without a session.
void init_acts(struct request *request, struct acts_options *options);

/*
 * Takes the member `image` out of the arguments: whether, and as what, a picture goes with the
 * answer. False: the request is answered.
 */
bool take_image(struct request *request, struct acts_options *options);

// Starts them, in tool_session_for() unless the options name one. Answers when that fails.
void start_acts(struct request *request, struct acts_options *options, const cJSON *actions,
	acts_done done);

// Answers with `structured` (consumed) and the pictures, or with why it failed.
void answer_report(struct request *request, const struct acts_report *report, cJSON *structured);

#endif
