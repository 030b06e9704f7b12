#include "session/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/network.h"
#include "policy/policy.h"
#include "session/internal.h"
#include "session/network-internal.h"
#include "session/view.h"

#define TELL_MS 250 // viewers and the line of counts are up to date within this

bool session_network_create(struct session *session, const struct session_options *options,
	const struct session_network_parent *parent, struct session_network **out) {
	*out = NULL;
	if (!options->learn && !network_needed(&session->policy->network)) {
		return true;
	}
	struct session_network *network = calloc(1, sizeof(*network));
	if (network == NULL) {
		return false;
	}
	network->session = session;
	network->parent = parent;
	network->learning = options->learn;
	if (!network_plan_init(&network->plan, &session->policy->network, options->learn)) {
		free(network);
		return false;
	}
	network->plan.sandbox.link = session->policy->containment == POLICY_CONTAINMENT_SESSION &&
				     !session->policy->ui.disable;
	network_audit_init(&network->audit, session_now_ns());
	*out = network;
	return true;
}

const struct sandbox_network *session_network_sandbox(const struct session_network *network) {
	return network != NULL ? &network->plan.sandbox : NULL;
}

// ---- what the broker says

static void handle_ready(void *data) {
	struct session_network *network = data;
	network->parent->ready(network->session);
}

static void arm(struct session_network *network) {
	if (!network->armed) {
		network->armed = true;
		wl_event_source_timer_update(network->timer, TELL_MS);
	}
}

static void write_left_out(struct session_network *network, bool last) {
	cJSON *fields = network_audit_left_out(&network->audit, session_now_ns(), last);
	if (fields != NULL) {
		session_record(network->session, "network-left-out", fields);
	}
}

static int handle_timer(void *data) {
	struct session_network *network = data;
	struct view *view = network->session->view;
	network->armed = false;
	write_left_out(network, false);
	if (network->audit.denied_lines.left_out > 0 || network->audit.allowed_lines.left_out > 0) {
		arm(network);
	}
	view_state(view);
	const struct network_audit *audit = &network->audit;
	if (audit->denied != network->told_denied && audit->last_len > 0) {
		char words[400], text[480];
		network_audit_words(&audit->last[0].decision, words, sizeof(words));
		snprintf(text, sizeof(text), "Network, denied: %s", words);
		// The same again is only counted.
		if (strcmp(text, network->told) != 0) {
			snprintf(network->told, sizeof(network->told), "%s", text);
			view_notice(view, false, text);
		}
		network->told_denied = audit->denied;
	}
	return 0;
}

static void handle_decided(void *data, const struct broker_decision *checked) {
	struct session_network *network = data;
	cJSON *fields = network_audit_take(&network->audit, checked, session_now_ns());
	if (network->learning) {
		network_learn_take(&network->learn, checked);
	}
	if (fields != NULL) {
		session_record(network->session, "network", fields);
	}
	if (fields == NULL || !checked->allowed) {
		arm(network);
	}
}

// The token is the mark under which pid 1 answers.
static void handle_need_socket(void *data, uint32_t token, int family) {
	struct session_network *network = data;
	int ret = sandbox_request_socket(network->session->sandbox, token, family);
	if (ret != 0) {
		uplink_give_socket(network->uplink, token, -1, -ret);
	}
}

void session_network_take_socket(
	struct session_network *network, const struct sandbox_event *event) {
	if (network == NULL || network->uplink == NULL) {
		if (event->socket_fd >= 0) {
			close(event->socket_fd);
		}
		return;
	}
	uplink_give_socket(network->uplink, event->id, event->socket_fd, event->error);
}

static void handle_updated(void *data, uint32_t serial, bool done, uint32_t cut) {
	struct session_network *network = data;
	if (serial == network->update.serial) {
		network_update_answered(network, done, cut);
	}
}

static void handle_message(void *data, const char *text) {
	struct session_network *network = data;
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "text", text);
	session_record(network->session, "network-broker", fields);
}

static void handle_ended(void *data, const char *reason) {
	struct session_network *network = data;
	network->parent->ended(network->session, reason);
}

static const struct uplink_observer observer = {
	.ready = handle_ready,
	.decided = handle_decided,
	.need_socket = handle_need_socket,
	.updated = handle_updated,
	.message = handle_message,
	.ended = handle_ended,
};

// ---- life

bool session_network_start(struct session_network *network, const struct session_options *options,
	char *why, size_t size) {
	struct session *session = network->session;
	network->timer = wl_event_loop_add_timer(session->loop, handle_timer, network);
	if (network->timer == NULL) {
		snprintf(why, size, "out of memory");
		return false;
	}
	const struct uplink_options uplink = {
		.broker_path = options->network_path,
		.policy_text = options->policy_text,
		.learn = options->learn,
	};
	network->uplink = uplink_create(session->loop, &uplink, &observer, network, why, size);
	return network->uplink != NULL;
}

bool session_network_serve(struct session_network *network, char *why, size_t size) {
	const struct network_plan *plan = &network->plan;
	for (size_t i = 0; i < plan->sandbox.sockets_len; i++) {
		uplink_listen(network->uplink, plan->kinds[i], plan->sockets[i].port, 0,
			sandbox_take_socket(network->session->sandbox, i));
	}
	return network_publish(network, &network->session->policy->network, why, size);
}

void session_network_finish(struct session_network *network) {
	if (network == NULL) {
		return;
	}
	uplink_finish(network->uplink);
	write_left_out(network, true);
}

void session_network_destroy(struct session_network *network) {
	if (network == NULL) {
		return;
	}
	uplink_destroy(network->uplink);
	if (network->timer != NULL) {
		wl_event_source_remove(network->timer);
	}
	network_publish(network, NULL, NULL, 0);
	network_update_forget(network);
	network_learn_finish(&network->learn);
	network_plan_finish(&network->plan);
	free(network);
}

bool session_network_ready(const struct session_network *network) {
	return network == NULL || (network->uplink != NULL && uplink_is_ready(network->uplink));
}

uint64_t session_network_denied(const struct session_network *network) {
	return network != NULL ? network->audit.denied : 0;
}

// ---- what is said of it

bool session_network_is_open(const struct session *session) {
	return session->network != NULL &&
	       (session->network->learning || session->policy->network.default_allow);
}

uint32_t session_network_rules(const struct session *session) {
	return session->network != NULL && !session->network->learning
		       ? (uint32_t)session->policy->network.rules_len
		       : 0;
}

static const char *mode_word(const struct session *session) {
	return session->network == NULL                 ? "none"
	       : session->network->learning             ? "learning"
	       : session->policy->network.default_allow ? "open"
							: "filtered";
}

const char *session_network_enforced(const struct session_network *network) {
	return network == NULL ? "none: a namespace with loopback only"
	       : network->learning
		       ? "learning: a namespace with loopback only, and a broker that lets "
			 "everything out and writes it down"
		       : "broker: a namespace with loopback only, whose connections a confined "
			 "process outside "
			 "makes as the policy allows";
}

cJSON *session_network_inspect(const struct session *session) {
	const struct session_network *network = session->network;
	cJSON *out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "mode", mode_word(session));
	cJSON *broker = NULL;
	if (network != NULL && network->uplink != NULL) {
		broker = cJSON_AddObjectToObject(out, "broker");
		cJSON_AddNumberToObject(broker, "pid", uplink_pid(network->uplink));
		cJSON_AddBoolToObject(broker, "ready", uplink_is_ready(network->uplink));
	} else {
		cJSON_AddNullToObject(out, "broker");
	}
	// As in `policy`: the rules that are in force now.
	char *text = policy_to_json(session->policy);
	cJSON *policy = text != NULL ? cJSON_Parse(text) : NULL;
	free(text);
	cJSON *rules = cJSON_DetachItemFromObjectCaseSensitive(policy, "network");
	cJSON_AddItemToObject(out, "rules", rules != NULL ? rules : cJSON_CreateNull());
	cJSON_Delete(policy);
	const struct network_audit nothing = {0};
	network_audit_inspect(network != NULL ? &network->audit : &nothing, out);
	return out;
}

char *session_network_proposal(struct session *session, size_t *left_out) {
	struct session_network *network = session->network;
	if (network == NULL || !network->learning) {
		return NULL;
	}
	cJSON *base = cJSON_Parse(session->policy_text);
	cJSON *proposal = network_learn_propose(&network->learn, base);
	char *text = proposal != NULL ? cJSON_Print(proposal) : NULL;
	cJSON_Delete(base);
	cJSON_Delete(proposal);
	// The proposal is held against what was seen, by the rules' own code.
	struct policy_error err;
	struct policy *policy =
		text != NULL ? policy_load(text, strlen(text), "<proposal>", &err) : NULL;
	*left_out = policy != NULL ? network_learn_refused(&network->learn, &policy->network)
				   : network->learn.places_len;
	policy_destroy(policy);
	return text;
}
