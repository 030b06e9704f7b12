#include "session/control-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clipboard/sha256.h"
#include "policy/policy.h"
#include "session/network.h"

/*
 * Other rules for a session that runs. What only tightens holds at once. What allows more is shown
 * first, and holds once it is allowed by the hash of what was shown: the same way that an item of
 * the clipboard crosses.
 */

// A change that somebody asked for: shown and waiting to be allowed, or on its way to the broker.
struct policy_change {
	struct session_peer *peer;
	cJSON *rpc_id; // of the request whose answer is due, NULL: none is
	struct policy *next; // NULL: handed over
	const struct policy *base; // the session's at the time; compared only, never read
	char *text; // the document
	char sha256[SHA256_HEX_BYTES]; // of it
	char adds[160];
	bool loosens;
};

static void destroy_change(struct policy_change *change) {
	policy_destroy(change->next);
	free(change->text);
	cJSON_Delete(change->rpc_id);
	free(change);
}

void control_forget_policy(struct session_peer *peer) {
	if (peer->change != NULL) {
		session_network_forget(peer->session, peer->change);
		destroy_change(peer->change);
		peer->change = NULL;
	}
}

static void record_change(const struct policy_change *change, const char *event, const char *why) {
	cJSON *fields = cJSON_CreateObject();
	char by[64];
	snprintf(by, sizeof(by), "control socket, pid %d", (int)change->peer->pid);
	cJSON_AddStringToObject(fields, "by", by);
	if (why != NULL) {
		cJSON_AddStringToObject(fields, "reason", why);
	} else {
		cJSON_AddStringToObject(fields, "allowed",
			change->loosens ? "shown and confirmed" : "it only tightens");
		cJSON_AddStringToObject(fields, "sha256", change->sha256);
		char *json = policy_to_json(change->peer->session->policy);
		cJSON_AddItemToObject(
			fields, "policy", cJSON_CreateRaw(json != NULL ? json : "null"));
		free(json);
	}
	session_record(change->peer->session, event, fields);
}

// Answers the request that `change` belongs to; the change is over.
static void refuse(struct policy_change *change, enum rpc_code code, const char *why) {
	struct session_peer *peer = change->peer;
	peer->change = NULL;
	record_change(change, "policy-update-refused", why);
	control_refuse(peer, change->rpc_id, code, why, NULL);
	destroy_change(change);
}

static void handle_updated(void *data, const char *why, uint32_t cut) {
	struct policy_change *change = data;
	if (why != NULL) {
		refuse(change, RPC_FAILED, why);
		return;
	}
	struct session_peer *peer = change->peer;
	peer->change = NULL;
	record_change(change, "policy-update", NULL);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddBoolToObject(result, "loosens", change->loosens);
	cJSON_AddNumberToObject(result, "cut", cut);
	control_answer(peer, change->rpc_id, result, -1);
	destroy_change(change);
}

static void apply(struct policy_change *change) {
	struct policy *next = change->next;
	change->next = NULL;
	// It may be over when this returns with 0.
	int ret = session_network_update(
		change->peer->session, next, change->text, handle_updated, change);
	if (ret < 0) {
		refuse(change, RPC_FAILED,
			ret == -EBUSY ? "another change of the rules is under way"
				      : strerror(-ret));
	}
}

// What policy_explain() says of the network, alone; the caller frees. NULL: out of memory.
static char *explain_network(const struct policy *policy) {
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL) {
		return NULL;
	}
	policy_explain(policy, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	char *section = strstr(text, "\nNetwork\n");
	char *from = section != NULL ? section + strlen("\nNetwork\n") : text + strlen(text);
	char *to = from;
	while (*to == ' ') { // its lines are indented, the next heading is not
		to += strcspn(to, "\n");
		to += *to == '\n';
	}
	char *copy = strndup(from, (size_t)(to - from));
	free(text);
	return copy;
}

static void show(struct policy_change *change) {
	cJSON *result = cJSON_CreateObject();
	cJSON_AddBoolToObject(result, "confirm", true);
	cJSON_AddBoolToObject(result, "loosens", true);
	cJSON_AddStringToObject(result, "adds", change->adds);
	cJSON_AddStringToObject(result, "sha256", change->sha256);
	char *now = explain_network(change->base), *then = explain_network(change->next);
	cJSON_AddStringToObject(result, "now", now != NULL ? now : "");
	cJSON_AddStringToObject(result, "then", then != NULL ? then : "");
	free(now);
	free(then);
	control_answer(change->peer, change->rpc_id, result, -1);
	cJSON_Delete(change->rpc_id);
	change->rpc_id = NULL;
}

static cJSON *copy_id(const cJSON *rpc_id) {
	return rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull();
}

static void propose(struct session_peer *peer, const cJSON *rpc_id, const char *text) {
	struct policy_change *change = calloc(1, sizeof(*change));
	if (change == NULL || (change->text = strdup(text)) == NULL) {
		free(change);
		control_refuse(peer, rpc_id, RPC_FAILED, "out of memory", NULL);
		return;
	}
	change->peer = peer;
	change->base = peer->session->policy;
	change->rpc_id = copy_id(rpc_id);
	sha256_hex(text, strlen(text), change->sha256);
	peer->change = change;
	struct policy_error err;
	change->next = policy_load(text, strlen(text), "<update>", &err);
	char why[400];
	if (change->next == NULL) {
		refuse(change, RPC_INVALID_PARAMS, err.message);
	} else if (!session_network_may_update(peer->session, change->next, &change->loosens,
			   change->adds, sizeof(change->adds), why, sizeof(why))) {
		refuse(change, RPC_FAILED, why);
	} else if (change->loosens) {
		show(change);
	} else {
		apply(change);
	}
}

static void allow(struct session_peer *peer, const cJSON *rpc_id, const char *sha256) {
	struct policy_change *change = peer->change;
	if (change == NULL || strcmp(change->sha256, sha256) != 0) {
		control_refuse(peer, rpc_id, RPC_FAILED,
			"no such policy was shown here, or another one since; begin again", NULL);
		return;
	}
	change->rpc_id = copy_id(rpc_id);
	if (change->base != peer->session->policy) {
		refuse(change, RPC_FAILED,
			"the session's rules have changed since the policy was shown; begin again");
		return;
	}
	apply(change);
}

void control_policy_update(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "policy"));
	const char *approve =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "approve"));
	if ((text == NULL) == (approve == NULL)) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"policy is a document, as text; or approve is the sha256 of the one that "
			"was "
			"shown",
			NULL);
	} else if (peer->change != NULL && peer->change->rpc_id != NULL) {
		control_refuse(
			peer, rpc_id, RPC_FAILED, "another change of the rules is under way", NULL);
	} else if (approve != NULL) {
		allow(peer, rpc_id, approve);
	} else {
		control_forget_policy(peer); // a newer one takes the place of what was shown
		propose(peer, rpc_id, text);
	}
}
