#include "session/rpc.h"

#include <stdio.h>

#include "policy/json.h"

static cJSON *new_message(void) {
	cJSON *message = cJSON_CreateObject();
	if (message != NULL && cJSON_AddStringToObject(message, "jsonrpc", "2.0") == NULL) {
		cJSON_Delete(message);
		return NULL;
	}
	return message;
}

// Adds `item`, consumed. When there is no memory the message goes, too, and NULL is returned.
static cJSON *with(cJSON *message, const char *key, cJSON *item) {
	if (message == NULL || item == NULL || !cJSON_AddItemToObject(message, key, item)) {
		cJSON_Delete(item);
		cJSON_Delete(message);
		return NULL;
	}
	return message;
}

static cJSON *with_id(cJSON *message, const cJSON *id) {
	return with(message, "id", id != NULL ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
}

cJSON *rpc_result(const cJSON *id, cJSON *result) {
	return with(with_id(new_message(), id), "result", result);
}

cJSON *rpc_error(const cJSON *id, enum rpc_code code, const char *text, cJSON *data) {
	cJSON *error = with(cJSON_CreateObject(), "code", cJSON_CreateNumber(code));
	error = with(error, "message", cJSON_CreateString(text));
	if (data != NULL) {
		error = with(error, "data", data);
	}
	return with(with_id(new_message(), id), "error", error);
}

cJSON *rpc_notification(const char *method, cJSON *params) {
	cJSON *message = with(new_message(), "method", cJSON_CreateString(method));
	return params != NULL ? with(message, "params", params) : message;
}

cJSON *rpc_parse(const char *untrusted_text, size_t len, cJSON **error) {
	struct json_error err;
	cJSON *message = json_parse(untrusted_text, len, &err);
	*error = NULL;
	if (message == NULL) {
		char text[240];
		snprintf(text, sizeof(text), "column %u: %s", err.column, err.reason);
		*error = rpc_error(NULL, RPC_PARSE, text, NULL);
	}
	return message;
}
