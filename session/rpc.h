#ifndef PARCLOSE_SESSION_RPC_H
#define PARCLOSE_SESSION_RPC_H

// JSON-RPC 2.0: the envelope of every message on our sockets. Functions that make one return NULL
// when out of memory, which connection_send() understands.

#include <cjson/cJSON.h>
#include <stddef.h>

// JSON-RPC 2.0, section 5.1; the last is ours.
enum rpc_code {
	RPC_PARSE = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_FAILED = -32000, // understood, and could not be done
};

// An answer; `result` is consumed, `id` copied.
cJSON *rpc_result(const cJSON *id, cJSON *result);

// A refusal; `data` (may be NULL) is consumed, `id` copied, NULL when it is not known.
cJSON *rpc_error(const cJSON *id, enum rpc_code code, const char *text, cJSON *data);

// A notification; `params` (may be NULL) is consumed.
cJSON *rpc_notification(const char *method, cJSON *params);

// Reads one line strictly (policy/json.h). The caller frees. NULL: *error is the refusal to send.
cJSON *rpc_parse(const char *untrusted_text, size_t len, cJSON **error);

#endif
