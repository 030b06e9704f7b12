#include "session/clipboard-gate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clipboard/mime.h"
#include "policy/policy.h"
#include "session/internal.h"

static const char *const words[] = {[GATE_IN] = "in", [GATE_OUT] = "out"};

bool gate_is_open(
	const struct session *session, enum gate_direction direction, char *why, size_t size) {
	enum policy_clipboard way = session->policy->ui.clipboard;
	if (way == POLICY_CLIPBOARD_ALL ||
		way == (direction == GATE_IN ? POLICY_CLIPBOARD_READ : POLICY_CLIPBOARD_WRITE)) {
		return true;
	}
	snprintf(why, size,
		"the session's policy lets nothing %s: ui.clipboard would have to be "
		"\"%s\" or \"all\"",
		direction == GATE_IN ? "be put in" : "be taken out",
		direction == GATE_IN ? "read" : "write");
	return false;
}

bool gate_allows_type(const struct session *session, const char *type) {
	for (size_t i = 0; i < session->policy->clipboard.mime_types_len; i++) {
		if (strcasecmp(session->policy->clipboard.mime_types[i], type) == 0) {
			return mime_is_text(type);
		}
	}
	return false;
}

void gate_item_init(struct gate_item *item, const char *type, struct clipboard_text *text) {
	*item = (struct gate_item){.text = *text};
	*text = (struct clipboard_text){0};
	snprintf(item->type, sizeof(item->type), "%s", type);
	sha256_hex(item->text.text, item->text.len, item->sha256);
}

void gate_item_finish(struct gate_item *item) {
	clipboard_text_finish(&item->text);
	*item = (struct gate_item){0};
}

void gate_hold(struct session *session, enum gate_direction direction, const void *owner,
	struct gate_item *item) {
	gate_item_finish(&session->gate.held[direction]);
	session->gate.held[direction] = *item;
	session->gate.held[direction].owner = owner;
	*item = (struct gate_item){0};
}

bool gate_allow(struct session *session, enum gate_direction direction, const void *owner,
	const char *sha256, struct gate_item *item) {
	struct gate_item *held = &session->gate.held[direction];
	if (held->owner == NULL || held->owner != owner || strcmp(held->sha256, sha256) != 0) {
		return false;
	}
	*item = *held;
	*held = (struct gate_item){0};
	return true;
}

void gate_forget(struct session *session, const void *owner) {
	for (size_t i = 0; i < 2; i++) {
		if (session->gate.held[i].owner == owner) {
			gate_item_finish(&session->gate.held[i]);
		}
	}
}

void gate_finish(struct session *session) {
	gate_item_finish(&session->gate.held[GATE_IN]);
	gate_item_finish(&session->gate.held[GATE_OUT]);
}

void gate_record(struct session *session, enum gate_direction direction,
	const struct gate_item *item, const char *by, bool confirmed) {
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "direction", words[direction]);
	cJSON_AddStringToObject(fields, "type", item->type);
	cJSON_AddNumberToObject(fields, "bytes", (double)item->text.len);
	cJSON_AddStringToObject(fields, "sha256", item->sha256);
	cJSON_AddNumberToObject(fields, "removed", item->text.removed);
	cJSON_AddStringToObject(fields, "by", by);
	cJSON_AddStringToObject(fields, "allowed", confirmed ? "shown and confirmed" : "policy");
	session_record(session, "clipboard", fields);
}

void gate_record_refusal(
	struct session *session, enum gate_direction direction, const char *by, const char *why) {
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "direction", words[direction]);
	cJSON_AddStringToObject(fields, "by", by);
	cJSON_AddStringToObject(fields, "reason", why);
	session_record(session, "clipboard-refused", fields);
}
