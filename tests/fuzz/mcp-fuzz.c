/*
 * Any lines to the MCP server, with a session behind it that performs nothing: no crash, no leak,
 * and only answers that are JSON-RPC. The first byte says from where and in which revision. Built
 * with -Dfuzz=true by clang; run as mcp-fuzz -max_len=4096 -dict=mcp.dict [CORPUS].
 */

#include <stdlib.h>
#include <string.h>

#include "../unit/fake-session.h"
#include "agent/mcp.h"
#include "agent/service.h"
#include "policy/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct session session;

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static void check_answer(const cJSON *answer) {
	const cJSON *jsonrpc = cJSON_GetObjectItemCaseSensitive(answer, "jsonrpc");
	require(cJSON_IsString(jsonrpc) && strcmp(jsonrpc->valuestring, "2.0") == 0);
	bool is_notification = cJSON_HasObjectItem(answer, "method");
	require(is_notification != cJSON_HasObjectItem(answer, "id"));
	require(is_notification ||
		cJSON_HasObjectItem(answer, "result") != cJSON_HasObjectItem(answer, "error"));
}

static void take_answer(cJSON *message) {
	require(message != NULL);
	char *text = cJSON_PrintUnformatted(message);
	require(text != NULL && strchr(text, '\n') == NULL);
	struct json_error err;
	cJSON *parsed = json_parse(text, strlen(text), &err);
	require(parsed != NULL);
	if (cJSON_IsArray(parsed)) {
		const cJSON *answer;
		cJSON_ArrayForEach (answer, parsed) {
			check_answer(answer);
		}
	} else {
		check_answer(parsed);
	}
	cJSON_Delete(parsed);
	cJSON_free(text);
	cJSON_Delete(message);
}

static void host_send(void *data, cJSON *message) {
	take_answer(message);
}

void session_peer_send(struct session_peer *peer, cJSON *message) {
	take_answer(message);
}

static struct session *host_session(void *data, char *why, size_t why_size) {
	return &session;
}

static struct session *host_peek(void *data) {
	return &session;
}

static size_t host_pending(void *data) {
	return 0;
}

uint64_t session_cpu_ns(void) {
	return 0;
}

void session_peer_worked(struct session_peer *peer, uint64_t ns) {
}

bool session_peer_rested(const struct session_peer *peer) {
	return true;
}

size_t session_peer_pending(const struct session_peer *peer) {
	return 0;
}

static void host_stop(void *data) {
}

static const struct mcp_host host = {
	host_send, host_session, host_peek, host_pending, host_stop, NULL, NULL};

static cJSON *parse(const char *text, size_t len) {
	struct json_error err;
	return json_parse(text, len, &err);
}

static void open_with(struct mcp *mcp, void *service, uint8_t how) {
	static const char *const versions[] = {
		"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
	if ((how & 4) != 0) {
		return;
	}
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(message, "id", -1);
	cJSON_AddStringToObject(message, "method", "initialize");
	cJSON *params = cJSON_AddObjectToObject(message, "params");
	cJSON_AddStringToObject(params, "protocolVersion", versions[how & 3]);
	if (mcp != NULL) {
		mcp_message(mcp, message);
	} else {
		agent_service.message(service, message);
	}
	cJSON_Delete(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) {
		return 0;
	}
	uint8_t how = data[0];
	struct wl_event_loop *loop = wl_event_loop_create();
	require(loop != NULL);
	fake_init(&session, loop);
	session.at_once = true;
	struct mcp_options options = {
		.loop = loop, .inside = (how & 8) != 0, .width = 1280, .height = 800};
	struct mcp *mcp = (how & 16) != 0 ? mcp_create(&options, &host, NULL) : NULL;
	void *service = mcp == NULL ? agent_service.open(&session, NULL, (how & 8) != 0) : NULL;
	require(mcp != NULL || service != NULL);
	open_with(mcp, service, how);
	const char *at = (const char *)data + 1, *end = (const char *)data + size;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline != NULL ? newline : end) - at);
		cJSON *message = parse(at, len);
		if (message != NULL && (cJSON_IsObject(message) || cJSON_IsArray(message))) {
			if (mcp != NULL) {
				mcp_message(mcp, message);
			} else {
				agent_service.message(service, message);
			}
		}
		cJSON_Delete(message);
		for (int i = 0; i < 8; i++) {
			wl_event_loop_dispatch(loop, 0);
		}
		at += len + 1;
	}
	mcp_destroy(mcp);
	if (service != NULL) {
		agent_service.close(service);
	}
	require(session.acts_len == 0);
	fake_finish(&session);
	wl_event_loop_destroy(loop);
	return 0;
}
