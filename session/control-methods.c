#include "session/control-internal.h"

#include <math.h>
#include <string.h>

#include "session/act.h"
#include "session/display.h"
#include "session/lease.h"

/*
 * What can be asked of a session outside its commands.
 */

bool control_int(const cJSON *params, const char *key, double least, double most, int32_t *value) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);
	if (item == NULL) {
		return true;
	}
	if (!cJSON_IsNumber(item) || item->valuedouble < least || item->valuedouble > most ||
		floor(item->valuedouble) != item->valuedouble) {
		return false;
	}
	*value = (int32_t)item->valuedouble;
	return true;
}

void control_inspect(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	control_answer(peer, rpc_id, session_inspect(peer->session), -1);
}

void control_stop(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	int32_t grace = SESSION_GRACE_MS;
	if (!control_int(params, "graceMs", 0, 600000, &grace)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS, "/graceMs: use 0 to 600000", NULL);
		return;
	}
	control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	session_stop(peer->session, "parclose stop", (uint32_t)grace);
}

void control_window(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	struct display *display = session_display(peer->session);
	const char *verb = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "verb"));
	int32_t id = 0;
	enum channel_window_verb act = 0;
	if (verb != NULL && strcmp(verb, "raise") == 0) {
		act = CHANNEL_WINDOW_RAISE;
	} else if (verb != NULL && strcmp(verb, "close") == 0) {
		act = CHANNEL_WINDOW_CLOSE;
	} else if (verb != NULL && strcmp(verb, "cycle") == 0) {
		act = CHANNEL_WINDOW_CYCLE;
	}
	if (act == 0 || !control_int(params, "id", 0, INT32_MAX, &id)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"verb is raise, close or cycle, id a window's number", NULL);
	} else if (display == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED, "this session has no display", NULL);
	} else if (peer->session->pause.on) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			"the session is paused, and its windows hear nothing; resume it first",
			NULL);
	} else if (display_window_act(display, (uint32_t)id, act) != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, "there is no such window", NULL);
	} else {
		control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	}
}

static void answer_holder(struct session_peer *peer, const cJSON *rpc_id) {
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(
		result, "holder", session_holder_name(session_holder(peer->session)));
	control_answer(peer, rpc_id, result, -1);
}

void control_takeover(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const cJSON *withhold = cJSON_GetObjectItemCaseSensitive(params, "withhold");
	if (withhold != NULL && !cJSON_IsBool(withhold)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS, "/withhold: true or false", NULL);
		return;
	}
	lease_take(peer->session, NULL, cJSON_IsTrue(withhold), "parclose takeover");
	answer_holder(peer, rpc_id);
}

void control_release(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	lease_hand_back(peer->session, "parclose release");
	answer_holder(peer, rpc_id);
}
