#include <errno.h>
#include <stdio.h>

#include "agent/mcp-internal.h"
#include "agent/results.h"
#include "session/ask.h"

/*
 * The user, told what the agent needs of them. What they think of it is theirs: they take over, or
 * they do not.
 */

void tool_ask_user(struct request *request) {
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(request->arguments, "text");
	if (!cJSON_IsString(text) || text->valuestring[0] == '\0' ||
		cJSON_GetArraySize(request->arguments) != 1) {
		request_refuse_arguments(
			request, "/text: say in a sentence what you need of the user");
		return;
	}
	struct session *session = request->mcp->host->peek(request->mcp->data);
	if (session == NULL) {
		request_fail(request, act_effect_name(ACT_FAILED),
			"no session runs; the first act or screenshot starts one");
		return;
	}
	uint32_t viewers = 0;
	int ret = session_ask(session, mcp_name(request->mcp), text->valuestring, &viewers);
	if (ret < 0) {
		request_fail(request, act_effect_name(ACT_REFUSED),
			ret == -EAGAIN ? "you asked a moment ago; wait for the user"
				       : "there is nothing in the text");
		return;
	}
	if (viewers == 0) {
		request_fail(request, act_effect_name(ACT_FAILED),
			"no window shows this session, so nobody was told; it is in the log");
		return;
	}
	cJSON *structured = cJSON_CreateObject();
	cJSON_AddStringToObject(structured, "effect", act_effect_name(ACT_DELIVERED));
	cJSON_AddNumberToObject(structured, "viewers", viewers);
	request_answer(request, results_tool(structured, NULL, false, NULL, 0));
}
