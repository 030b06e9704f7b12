#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/network.h"
#include "policy/policy.h"
#include "session/internal.h"
#include "session/network-internal.h"
#include "session/view.h"

/*
 * Other rules for a session that runs. The broker is asked first: the session's policy is the new
 * one once the broker has said that it holds.
 */

// The name of a section that differs beside the network's rules, or NULL.
static const char *other_difference(const struct policy *a, const struct policy *b, cJSON **keep) {
	char *a_text = policy_to_json(a), *b_text = policy_to_json(b);
	cJSON *a_json = a_text != NULL ? cJSON_Parse(a_text) : NULL;
	cJSON *b_json = b_text != NULL ? cJSON_Parse(b_text) : NULL;
	free(a_text);
	free(b_text);
	const char *name = a_json == NULL || b_json == NULL ? "policy" : NULL;
	const cJSON *item;
	cJSON_ArrayForEach (item, a_json) {
		if (name == NULL && strcmp(item->string, "network") != 0 &&
			!cJSON_Compare(item, cJSON_GetObjectItemCaseSensitive(b_json, item->string),
				true)) {
			name = item->string;
		}
	}
	cJSON_Delete(b_json);
	*keep = a_json;
	return name;
}

bool session_network_may_update(struct session *session, const struct policy *next, bool *loosens,
	char *adds, size_t adds_size, char *why, size_t why_size) {
	const struct session_network *network = session->network;
	cJSON *keep;
	const char *other = other_difference(session->policy, next, &keep);
	bool may = other == NULL;
	if (!may) {
		snprintf(why, why_size,
			"the new policy has another '%s'; only the network's rules can change "
			"while a "
			"session runs",
			other);
	} else if (network != NULL && network->learning) {
		snprintf(why, why_size, "the session is learning, and holds to no rules");
		may = false;
	} else if (network == NULL && network_needed(&next->network)) {
		snprintf(why, why_size,
			"the session was started without a network, and gets none while it runs; "
			"start one with the new policy");
		may = false;
	}
	cJSON_Delete(keep);
	adds[0] = '\0';
	*loosens =
		!network_only_tightens(&session->policy->network, &next->network, adds, adds_size);
	return may;
}

// Makes what the new rules need and the session does not have yet. Sockets that nobody is allowed
// to use any more stay; the broker refuses what comes to them.
static bool extend(struct session_network *network, const struct policy_network *next, char *why,
	size_t size) {
	struct network_plan *more = malloc(sizeof(*more));
	if (more == NULL || !network_plan_missing(&network->plan, next, more)) {
		free(more);
		snprintf(why, size, "out of memory");
		return false;
	}
	int fds[SANDBOX_MAX_SOCKETS];
	struct sandbox_error err;
	snprintf(err.message, sizeof(err.message),
		"the session has as many ports as it can serve; start another one with the new "
		"policy");
	size_t len = more->sandbox.sockets_len;
	bool made = false;
	bool done = len == 0 && more->sandbox.routes_len == 0;
	if (!done && len + network->plan.sandbox.sockets_len <= SANDBOX_MAX_SOCKETS) {
		made = sandbox_extend(network->session->sandbox, &more->sandbox, fds, &err) == 0;
		done = made && network_plan_add(&network->plan, more);
	}
	for (size_t i = 0; i < len && made; i++) {
		if (done) {
			uplink_listen(
				network->uplink, more->kinds[i], more->sockets[i].port, 0, fds[i]);
		} else {
			close(fds[i]);
		}
	}
	if (!done) {
		snprintf(why, size, "%s", err.message);
	}
	network_plan_finish(more);
	free(more);
	return done;
}

// The new policy is the session's.
static void take_over(struct session *session, struct policy *next, char *text) {
	policy_destroy(session->own_policy);
	free(session->own_text);
	session->own_policy = next;
	session->own_text = text;
	session->policy = next;
	session->policy_text = text;
	view_state(session->view);
}

int session_network_update(struct session *session, struct policy *next, const char *text,
	session_network_updated done, void *data) {
	struct session_network *network = session->network;
	char *copy = strdup(text);
	if (copy == NULL || (network != NULL && network->update.serial != 0)) {
		free(copy);
		policy_destroy(next);
		return copy == NULL ? -ENOMEM : -EBUSY;
	}
	if (network == NULL) { // nothing was allowed, and nothing is
		take_over(session, next, copy);
		done(data, NULL, 0);
		return 0;
	}
	char why[512];
	if (!extend(network, &next->network, why, sizeof(why)) ||
		!network_publish(network, &next->network, why, sizeof(why))) {
		policy_destroy(next);
		free(copy);
		done(data, why, 0);
		return 0;
	}
	int serial = uplink_update(network->uplink, text);
	if (serial < 0) {
		policy_destroy(next);
		free(copy);
		return serial;
	}
	network->update.serial = (uint32_t)serial;
	network->update.next = next;
	network->update.text = copy;
	network->update.done = done;
	network->update.data = data;
	return 0;
}

void network_update_answered(struct session_network *network, bool done, uint32_t cut) {
	session_network_updated tell = network->update.done;
	void *data = network->update.data;
	network->update.serial = 0;
	network->update.done = NULL;
	if (done) {
		take_over(network->session, network->update.next, network->update.text);
	} else {
		policy_destroy(network->update.next);
		free(network->update.text);
	}
	network->update.next = NULL;
	network->update.text = NULL;
	if (tell != NULL) {
		tell(data, done ? NULL : "the network broker refused the policy", cut);
	}
}

void session_network_forget(struct session *session, const void *data) {
	if (session->network != NULL && session->network->update.data == data) {
		session->network->update.done = NULL;
	}
}

void network_update_forget(struct session_network *network) {
	policy_destroy(network->update.next);
	free(network->update.text);
	network->update.next = NULL;
	network->update.text = NULL;
}
