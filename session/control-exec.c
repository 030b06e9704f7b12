#include "session/control-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Commands that a connection started.
 */

// An `exec` whose answer is due, or whose end is still to be told.
struct call {
	struct wl_list link; // session_peer.calls
	struct session_peer *peer;
	uint32_t id;
	cJSON *rpc_id; // NULL once answered
};

static void destroy_call(struct call *call) {
	wl_list_remove(&call->link);
	cJSON_Delete(call->rpc_id);
	free(call);
}

void control_forget_calls(struct session_peer *peer) {
	struct call *call, *next;
	wl_list_for_each_safe (call, next, &peer->calls, link) {
		session_exec_forget(peer->session, call);
		destroy_call(call);
	}
}

static void handle_exec_started(void *data, uint32_t id, const struct session_exec_result *result) {
	struct call *call = data;
	struct session_peer *peer = call->peer;
	if (result->failed) {
		cJSON *info = cJSON_CreateObject();
		cJSON_AddNumberToObject(info, "exitCode", result->exit_code);
		control_refuse(peer, call->rpc_id, RPC_FAILED, result->message, info);
		destroy_call(call);
		return;
	}
	cJSON *info = cJSON_CreateObject();
	cJSON_AddNumberToObject(info, "id", id);
	control_answer(peer, call->rpc_id, info, result->pty_fd);
	cJSON_Delete(call->rpc_id);
	call->rpc_id = NULL;
}

static void handle_exec_exited(void *data, uint32_t id, int status) {
	struct call *call = data;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "id", id);
	cJSON_AddNumberToObject(params, "exitCode", session_exit_code(status));
	connection_send_json(call->peer->connection, rpc_notification("parclose/exited", params));
	destroy_call(call);
}

static const struct session_exec_observer exec_observer = {
	.started = handle_exec_started,
	.exited = handle_exec_exited,
};

// An array of strings as a NULL-terminated vector of borrowed pointers; NULL when it is none.
static const char **string_vector(const cJSON *array) {
	if (!cJSON_IsArray(array)) {
		return NULL;
	}
	const char **vector = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*vector));
	size_t len = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, array) {
		if (vector == NULL || !cJSON_IsString(item)) {
			free(vector);
			return NULL;
		}
		vector[len++] = item->valuestring;
	}
	return vector;
}

void control_exec(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const cJSON *env_item = cJSON_GetObjectItemCaseSensitive(params, "env");
	const cJSON *cwd = cJSON_GetObjectItemCaseSensitive(params, "cwd");
	const char **argv = string_vector(cJSON_GetObjectItemCaseSensitive(params, "argv"));
	const char **env = env_item == NULL ? NULL : string_vector(env_item);
	bool pty = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(params, "tty"));
	int32_t rows = 0, columns = 0;
	int fds[CONNECTION_MAX_FDS];
	size_t fds_len = connection_take_fds(peer->connection, fds);
	struct call *call = calloc(1, sizeof(*call));
	if (call == NULL || argv == NULL || argv[0] == NULL || (env_item != NULL && env == NULL) ||
		(cwd != NULL && (!cJSON_IsString(cwd) || cwd->valuestring[0] != '/')) ||
		!control_int(params, "rows", 0, 65535, &rows) ||
		!control_int(params, "columns", 0, 65535, &columns) || (!pty && fds_len != 3)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"argv (strings, at least one), env (\"KEY=VALUE\" strings), cwd "
			"(absolute), tty with "
			"rows and columns, or three descriptors for stdio",
			NULL);
		free(call);
		goto out;
	}
	struct sandbox_command command = {
		.argv = argv,
		.env = env,
		.cwd = cwd != NULL ? cwd->valuestring : NULL,
		.stdio = {-1, -1, -1},
		.pty = pty,
		.rows = (uint16_t)rows,
		.columns = (uint16_t)columns,
	};
	if (!pty) {
		memcpy(command.stdio, fds, sizeof(command.stdio));
	}
	call->peer = peer;
	call->rpc_id = rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull();
	wl_list_insert(&peer->calls, &call->link);
	struct sandbox_error err;
	call->id = session_exec(peer->session, &command, &exec_observer, call, &err);
	if (call->id == 0) {
		control_refuse(peer, rpc_id, RPC_FAILED, err.message, NULL);
		destroy_call(call);
	}
out:
	for (size_t i = 0; i < fds_len; i++) {
		close(fds[i]);
	}
	free(argv);
	free(env);
}

void control_signal(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	int32_t id = 0, number = 0;
	bool ok = control_int(params, "id", 1, INT32_MAX, &id) &&
		  control_int(params, "signal", 1, 64, &number) && id > 0 && number > 0;
	bool ours = false;
	struct call *call;
	wl_list_for_each (call, &peer->calls, link) {
		ours = ours || call->id == (uint32_t)id;
	}
	if (!ok) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"id and signal (1 to 64) are needed", NULL);
		return;
	}
	int ret = ours ? session_exec_signal(peer->session, (uint32_t)id, number) : -ESRCH;
	if (ret != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			ret == -EBUSY ? "the session is paused"
				      : "this connection has no such command",
			NULL);
	} else {
		control_answer(peer, rpc_id, cJSON_CreateObject(), -1);
	}
}
