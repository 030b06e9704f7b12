#include "session/control-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "session/pause.h"
#include "session/record.h"

/*
 * What a person who watches can ask for.
 */

void control_view(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	int fd = session_watch(peer->session);
	if (fd >= 0) {
		control_answer(peer, rpc_id, cJSON_CreateObject(), fd);
		return;
	}
	control_refuse(peer, rpc_id, RPC_FAILED,
		fd == -ENODEV   ? "this session has no display"
		: fd == -EUSERS ? "too many viewers watch this session already; close one"
				: strerror(-fd),
		NULL);
}

static void answer_pause(struct session_peer *peer, const cJSON *rpc_id, int ret) {
	if (ret < 0) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			ret == -EBUSY ? "the session is ending"
			: ret == -ETIMEDOUT
				? "not everything inside has answered in two seconds; it "
				  "will as soon as the machine lets it"
				: strerror(-ret),
			NULL);
	} else {
		control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	}
}

void control_pause(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	answer_pause(peer, rpc_id, session_pause(peer->session, "parclose pause"));
}

void control_resume(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	answer_pause(peer, rpc_id, session_resume(peer->session, "parclose resume"));
}

static void start_recording(struct session_peer *peer, const cJSON *rpc_id, const char *path) {
	int fds[CONNECTION_MAX_FDS];
	size_t fds_len = connection_take_fds(peer->connection, fds);
	struct record_why why;
	if ((path != NULL) != (fds_len == 1)) {
		for (size_t i = 0; i < fds_len; i++) {
			close(fds[i]);
		}
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"a file has a descriptor beside the request, and its name in path", NULL);
		return;
	}
	if (record_start(peer->session, fds_len == 1 ? fds[0] : -1, path, "parclose record",
		    &why) != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, why.text, NULL);
		return;
	}
	struct recorder_state state;
	const char *file = "";
	record_state(peer->session, &state, &file);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "file", file);
	control_answer(peer, rpc_id, result, -1);
}

static void stop_recording(struct session_peer *peer, const cJSON *rpc_id) {
	struct recorder_state state;
	char file[1024];
	if (!record_stop(peer->session, "parclose record", &state, file, sizeof(file))) {
		control_refuse(peer, rpc_id, RPC_FAILED, "it is not being recorded", NULL);
		return;
	}
	if (state.error != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, strerror(-state.error), NULL);
		return;
	}
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "file", file);
	cJSON_AddNumberToObject(result, "bytes", (double)state.bytes);
	cJSON_AddNumberToObject(result, "frames", (double)state.frames);
	cJSON_AddNumberToObject(result, "events", (double)state.events);
	cJSON_AddNumberToObject(result, "ms", (double)(state.duration_ns / 1000000));
	control_answer(peer, rpc_id, result, -1);
}

void control_record(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const cJSON *on = cJSON_GetObjectItemCaseSensitive(params, "on");
	const cJSON *path = cJSON_GetObjectItemCaseSensitive(params, "path");
	if (!cJSON_IsBool(on) || (path != NULL && !cJSON_IsString(path))) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"on is true or false, path a string", NULL);
	} else if (cJSON_IsTrue(on)) {
		start_recording(peer, rpc_id, cJSON_GetStringValue(path));
	} else {
		stop_recording(peer, rpc_id);
	}
}
