#include "session/clipboard-gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clipboard/memfd.h"
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
			return mime_is_text(type) || mime_is_picture(type);
		}
	}
	return false;
}

bool gate_item_of_text(struct gate_item *item, const char *type, struct clipboard_text *text) {
	*item = (struct gate_item){.kind = GATE_TEXT, .text = *text};
	*text = (struct clipboard_text){0};
	snprintf(item->type, sizeof(item->type), "%s", type);
	sha256_hex(item->text.text, item->text.len, item->sha256);
	int fd = clipboard_memfd(item->text.text, item->text.len);
	item->fd = fd < 0 ? 0 : fd;
	item->bytes = item->text.len;
	free(item->text.text);
	item->text.text = NULL;
	if (fd < 0) {
		gate_item_finish(item);
	}
	return fd >= 0;
}

static bool hash_fd(int fd, size_t bytes, char sha256[SHA256_HEX_BYTES]) {
	void *mapped = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED) {
		return false;
	}
	sha256_hex(mapped, bytes, sha256);
	munmap(mapped, bytes);
	return true;
}

bool gate_item_of_bytes(struct gate_item *item, enum gate_kind kind, const char *type, int fd,
	size_t bytes, const char *sha256) {
	*item = (struct gate_item){.kind = kind, .fd = fd, .bytes = bytes};
	snprintf(item->type, sizeof(item->type), "%s", type);
	if (sha256 != NULL) {
		snprintf(item->sha256, sizeof(item->sha256), "%s", sha256);
	} else if (!hash_fd(fd, bytes, item->sha256)) {
		gate_item_finish(item);
		return false;
	}
	return true;
}

void gate_item_finish(struct gate_item *item) {
	if (item->fd > 0) {
		close(item->fd);
	}
	free(item->path);
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

const struct gate_item *gate_held(
	const struct session *session, enum gate_direction direction, const void *owner) {
	const struct gate_item *held = &session->gate.held[direction];
	return held->fd > 0 && held->owner == owner ? held : NULL;
}

bool gate_allow(struct session *session, enum gate_direction direction, const void *owner,
	const char *sha256, struct gate_item *item) {
	struct gate_item *held = &session->gate.held[direction];
	if (gate_held(session, direction, owner) == NULL || strcmp(held->sha256, sha256) != 0) {
		return false;
	}
	*item = *held;
	*held = (struct gate_item){0};
	return true;
}

void gate_let_go(struct session *session, const void *owner) {
	for (size_t i = 0; i < 2; i++) {
		if (owner == NULL || session->gate.held[i].owner == owner) {
			gate_item_finish(&session->gate.held[i]);
		}
	}
}

void gate_record(struct session *session, enum gate_direction direction,
	const struct gate_item *item, const char *by, bool confirmed) {
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "direction", words[direction]);
	cJSON_AddStringToObject(fields, "type", item->type);
	cJSON_AddNumberToObject(fields, "bytes", (double)item->bytes);
	cJSON_AddStringToObject(fields, "sha256", item->sha256);
	if (item->kind == GATE_TEXT) {
		cJSON_AddNumberToObject(fields, "removed", item->text.removed);
	} else if (item->kind == GATE_FILE) {
		cJSON_AddStringToObject(fields, "file", item->path);
	}
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
