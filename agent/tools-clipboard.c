#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp-internal.h"
#include "agent/results.h"
#include "clipboard/memfd.h"
#include "clipboard/mime.h"
#include "session/clipboard.h"

/*
 * The session's own clipboard. Nothing crosses to the user here or back: that gate is the user's
 * (session/clipboard-gate.h).
 */

#define MAX_TEXT (64u << 10) // what a model reads, or writes

static void answer_text(struct request *request, const struct clipboard_text *text) {
	cJSON *structured = cJSON_CreateObject();
	cJSON_AddStringToObject(structured, "effect", act_effect_name(ACT_DELIVERED));
	if (text != NULL) {
		cJSON_AddStringToObject(structured, "text", text->text);
	}
	if (text != NULL && text->removed > 0) {
		cJSON_AddNumberToObject(structured, "removed", text->removed);
	}
	request_answer(request, results_tool(structured, NULL, false, NULL, 0));
}

static void handle_read(void *data, struct clipboard_result *result) {
	struct request *request = data;
	request->clipboard = NULL;
	if (result->why[0] != '\0') {
		request_fail(request, act_effect_name(ACT_FAILED), result->why);
		return;
	}
	answer_text(request, &result->text);
	clipboard_text_finish(&result->text);
}

static void handle_done(void *data, struct clipboard_result *result) {
	struct request *request = data;
	request->clipboard = NULL;
	if (result->why[0] != '\0') {
		request_fail(request, act_effect_name(ACT_FAILED), result->why);
		return;
	}
	answer_text(request, NULL);
}

static struct clipboard_call *write_text(
	struct request *request, struct session *session, const char *untrusted, const char **why) {
	struct clipboard_text text;
	size_t len = strlen(untrusted);
	if (len > MAX_TEXT) {
		*why = "the text is too long; use at most 65536 bytes";
		return NULL;
	}
	enum clipboard_flaw flaw = clipboard_text_check(untrusted, len, &text);
	if (flaw != CLIPBOARD_GOOD) {
		*why = "there is nothing in the text that could be pasted";
		return NULL;
	}
	int fd = clipboard_memfd(text.text, text.len);
	len = text.len;
	clipboard_text_finish(&text);
	return fd < 0 ? NULL
		      : session_clipboard_write(
				session, MIME_TEXT, fd, len, 0, handle_done, request, why);
}

void tool_clipboard(struct request *request) {
	static const char *const types[] = {MIME_TEXT};
	static const struct clipboard_read_options options = {
		.types = types, .types_len = 1, .max_bytes = MAX_TEXT};
	const cJSON *action = cJSON_GetObjectItemCaseSensitive(request->arguments, "action");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(request->arguments, "text");
	const char *verb = action == NULL ? "get" : cJSON_GetStringValue(action);
	bool gets = verb != NULL && strcmp(verb, "get") == 0;
	bool sets = verb != NULL && strcmp(verb, "set") == 0;
	bool clears = verb != NULL && strcmp(verb, "clear") == 0;
	int known = (action != NULL) + (text != NULL);
	if ((!gets && !sets && !clears) || sets != (text != NULL) ||
		(text != NULL && !cJSON_IsString(text)) ||
		cJSON_GetArraySize(request->arguments) != known) {
		request_refuse_arguments(request,
			"/action: use get, set (with `text`) or clear, and no other argument");
		return;
	}
	struct session *session = tool_session_for(request);
	if (session == NULL || !agent_holds(request, session)) {
		return;
	}
	const char *why = "out of memory";
	request->clipboard =
		gets   ? session_clipboard_read(session, &options, handle_read, request, &why)
		: sets ? write_text(request, session, text->valuestring, &why)
		       : session_clipboard_clear(session, handle_done, request, &why);
	if (request->clipboard == NULL) {
		request_fail(request, act_effect_name(ACT_FAILED), why);
	}
}
