#include "agent/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/acts.h"
#include "agent/mcp.h"
#include "agent/results.h"
#include "agent/vocabulary.h"
#include "session/rpc.h"
#include "session/session.h"

#define MAX_CALLS 32 // of `parclose/act` under way on one connection

struct service {
	struct session *session;
	struct session_peer *peer;
	bool inside;
	struct mcp *mcp;
	struct wl_list calls; // call.link
	size_t calls_len;
};

// ---- parclose/act

struct call {
	struct wl_list link; // service.calls
	struct service *service;
	cJSON *rpc_id;
	struct acts *acts;
};

static void destroy_call(struct call *call) {
	wl_list_remove(&call->link);
	call->service->calls_len--;
	cJSON_Delete(call->rpc_id);
	free(call);
}

static void handle_done(void *data, const struct acts_report *report) {
	struct call *call = data;
	session_peer_send(call->service->peer, rpc_result(call->rpc_id, results_report(report)));
	destroy_call(call);
}

// A whole number between the two; absent leaves *value as it is.
static bool read_ms(const cJSON *object, const char *key, uint32_t most, uint32_t *value) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	if (item == NULL) {
		return true;
	}
	if (!cJSON_IsNumber(item) || item->valuedouble < 1 || item->valuedouble > most ||
		item->valuedouble != (uint32_t)item->valuedouble) {
		return false;
	}
	*value = (uint32_t)item->valuedouble;
	return true;
}

// Fills in what one parameter asks for. Returns NULL, or what is wrong with it.
static const char *read_param(const cJSON *param, struct acts_options *options) {
	const char *text = cJSON_GetStringValue(param);
	if (strcmp(param->string, "vocabulary") == 0) {
		options->vocabulary = text == NULL ? NULL : vocabulary_find(text);
		return options->vocabulary != NULL
			       ? NULL
			       : "/vocabulary: use parclose, anthropic, openai or gemini";
	}
	if (strcmp(param->string, "as") == 0) {
		bool human = text != NULL && strcmp(text, "human") == 0;
		options->who = human ? ACT_HUMAN : ACT_AGENT;
		return human || (text != NULL && strcmp(text, "agent") == 0)
			       ? NULL
			       : "/as: use agent or human";
	}
	if (strcmp(param->string, "settle") == 0) {
		options->settle.wait = cJSON_IsObject(param);
		return cJSON_IsFalse(param) || (cJSON_IsObject(param) &&
						       read_ms(param, "quietMs", 10000,
							       &options->settle.quiet_ms) &&
						       read_ms(param, "timeoutMs", ACT_MAX_MS,
							       &options->settle.timeout_ms))
			       ? NULL
			       : "/settle: use false or {\"quietMs\": 1 to 10000, \"timeoutMs\": 1 "
				 "to 100000}";
	}
	if (strcmp(param->string, "actions") == 0) {
		int len = cJSON_GetArraySize(param);
		return cJSON_IsArray(param) && len >= 1 && len <= ACTS_MAX
			       ? NULL
			       : "/actions: use an array of 1 to 100 actions";
	}
	return "the parameters are vocabulary, actions, settle and as";
}

static void call_act(struct service *service, const cJSON *rpc_id, const cJSON *params) {
	struct acts_options options = {
		.loop = session_loop(service->session),
		.session = service->session,
		.vocabulary = vocabulary_find("parclose"),
		.from = "control socket",
		.settle.wait = true,
		.pictures = ACTS_PICTURES_NONE,
		.pointer = "/actions",
	};
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(params, "actions");
	const char *wrong = actions == NULL ? "/actions: use an array of 1 to 100 actions" : NULL;
	const cJSON *param;
	cJSON_ArrayForEach (param, params) {
		wrong = wrong != NULL ? wrong : read_param(param, &options);
	}
	if (wrong != NULL) {
		session_peer_send(
			service->peer, rpc_error(rpc_id, RPC_INVALID_PARAMS, wrong, NULL));
		return;
	}
	if (service->calls_len == MAX_CALLS) {
		session_peer_send(service->peer,
			rpc_error(rpc_id, RPC_FAILED,
				"32 calls wait for their answers already; wait for one", NULL));
		return;
	}
	struct call *call = calloc(1, sizeof(*call));
	if (call != NULL) {
		*call = (struct call){.service = service, .rpc_id = cJSON_Duplicate(rpc_id, true)};
		wl_list_insert(&service->calls, &call->link);
		service->calls_len++;
		call->acts = acts_start(&options, actions, handle_done, call);
	}
	if (call == NULL || call->acts == NULL || call->rpc_id == NULL) {
		session_peer_send(
			service->peer, rpc_error(rpc_id, RPC_INTERNAL, "out of memory", NULL));
	}
	if (call != NULL && (call->acts == NULL || call->rpc_id == NULL)) {
		acts_cancel(call->acts);
		destroy_call(call);
	}
}

// ---- MCP

static void mcp_send(void *data, cJSON *message) {
	struct service *service = data;
	session_peer_send(service->peer, message);
}

static struct session *mcp_session(void *data, char *why, size_t why_size) {
	struct service *service = data;
	if (session_state(service->session) > SESSION_RUNNING) {
		snprintf(why, why_size, "the session is ending");
		return NULL;
	}
	return service->session;
}

static struct session *mcp_peek(void *data) {
	struct service *service = data;
	return service->session;
}

static size_t mcp_pending(void *data) {
	struct service *service = data;
	return session_peer_pending(service->peer);
}

static bool mcp_rested(void *data) {
	const struct service *service = data;
	return session_peer_rested(service->peer);
}

static void mcp_worked(void *data, uint64_t ns) {
	struct service *service = data;
	session_peer_worked(service->peer, ns);
}

static void mcp_stop(void *data) {
	struct service *service = data;
	session_stop(service->session, "MCP", SESSION_GRACE_MS);
}

static const struct mcp_host host = {
	.send = mcp_send,
	.session = mcp_session,
	.peek = mcp_peek,
	.pending = mcp_pending,
	.stop = mcp_stop,
	.rested = mcp_rested,
	.worked = mcp_worked,
};

// ---- the service

static void *service_open(struct session *session, struct session_peer *peer, bool inside) {
	struct service *service = calloc(1, sizeof(*service));
	if (service == NULL) {
		return NULL;
	}
	*service = (struct service){.session = session, .peer = peer, .inside = inside};
	wl_list_init(&service->calls);
	struct display_state state = {0};
	session_display_state(session, &state);
	struct mcp_options options = {
		.loop = session_loop(session),
		.inside = inside,
		.width = state.width,
		.height = state.height,
	};
	service->mcp = mcp_create(&options, &host, service);
	if (service->mcp == NULL) {
		free(service);
		return NULL;
	}
	return service;
}

static void service_message(void *state, const cJSON *message) {
	struct service *service = state;
	const char *version =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "jsonrpc"));
	const char *method =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "method"));
	const cJSON *rpc_id = cJSON_GetObjectItemCaseSensitive(message, "id");
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
	// Whatever is no good request is for MCP to refuse.
	if (!service->inside && version != NULL && strcmp(version, "2.0") == 0 && method != NULL &&
		strcmp(method, "parclose/act") == 0 &&
		(cJSON_IsNumber(rpc_id) || cJSON_IsString(rpc_id)) &&
		(params == NULL || cJSON_IsObject(params))) {
		call_act(service, rpc_id, params);
		return;
	}
	mcp_message(service->mcp, message);
}

static size_t service_due(const void *state) {
	const struct service *service = state;
	return mcp_requests(service->mcp) + service->calls_len;
}

static void service_close(void *state) {
	struct service *service = state;
	mcp_destroy(service->mcp);
	struct call *call, *next;
	wl_list_for_each_safe (call, next, &service->calls, link) {
		acts_cancel(call->acts);
		destroy_call(call);
	}
	free(service);
}

const struct session_service agent_service = {
	.open = service_open,
	.message = service_message,
	.due = service_due,
	.close = service_close,
};
