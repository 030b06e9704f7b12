#include "session/control-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clipboard/memfd.h"
#include "clipboard/mime.h"
#include "session/clipboard.h"
#include "session/gate-request.h"

/*
 * Items of the clipboard and files, put in, taken out and cleared by the session's user.
 */

// A request whose answer is due.
struct clip {
	struct wl_list link; // session_peer.clips
	struct session_peer *peer;
	cJSON *rpc_id;
	enum gate_direction direction;
	char by[64];
	struct clipboard_call *call; // of clear; NULL: the gate has it
};

static void destroy_clip(struct clip *clip) {
	wl_list_remove(&clip->link);
	cJSON_Delete(clip->rpc_id);
	free(clip);
}

void control_forget_clips(struct session_peer *peer) {
	struct clip *clip, *next;
	gate_forget(peer->session, peer);
	wl_list_for_each_safe (clip, next, &peer->clips, link) {
		if (clip->call != NULL) {
			session_clipboard_cancel(clip->call);
		}
		destroy_clip(clip);
	}
}

static cJSON *describe(const struct gate_item *item) {
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "type", item->type);
	cJSON_AddNumberToObject(result, "bytes", (double)item->bytes);
	cJSON_AddStringToObject(result, "sha256", item->sha256);
	switch (item->kind) {
	case GATE_TEXT:
		cJSON_AddNumberToObject(result, "lines", item->text.lines);
		cJSON_AddBoolToObject(result, "endsLine", item->text.ends_line);
		cJSON_AddNumberToObject(result, "removed", item->text.removed);
		break;
	case GATE_PICTURE:
		cJSON_AddNumberToObject(result, "width", item->width);
		cJSON_AddNumberToObject(result, "height", item->height);
		break;
	case GATE_FILE:
		cJSON_AddStringToObject(result, "path", item->path);
		break;
	}
	return result;
}

static void answer_shown(const struct clip *clip, const struct gate_item *item) {
	cJSON *result = describe(item);
	if (item->text.preview != NULL) {
		cJSON_AddStringToObject(result, "preview", item->text.preview);
		cJSON_AddBoolToObject(result, "previewCut", item->text.preview_cut);
	}
	cJSON_AddBoolToObject(result, "confirm", true);
	control_answer(clip->peer, clip->rpc_id, result, -1);
}

static void handle_gate(void *data, const struct gate_answer *answer) {
	struct clip *clip = data;
	int fd = -1;
	if (answer->why != NULL) {
		control_refuse(clip->peer, clip->rpc_id, RPC_FAILED, answer->why, NULL);
	} else if (!answer->crossed) {
		answer_shown(clip, answer->item);
	} else if (clip->direction == GATE_OUT && (fd = dup(answer->item->fd)) < 0) {
		control_refuse(clip->peer, clip->rpc_id, RPC_FAILED,
			"the supervisor has no descriptors left for the item", NULL);
	} else {
		control_answer(clip->peer, clip->rpc_id, describe(answer->item), fd);
	}
	destroy_clip(clip);
}

static struct clip *new_clip(
	struct session_peer *peer, const cJSON *rpc_id, enum gate_direction direction) {
	struct clip *clip = calloc(1, sizeof(*clip));
	if (clip == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED, "out of memory", NULL);
		return NULL;
	}
	clip->peer = peer;
	clip->direction = direction;
	clip->rpc_id = rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull();
	snprintf(clip->by, sizeof(clip->by), "control socket, pid %d", (int)peer->pid);
	wl_list_insert(&peer->clips, &clip->link);
	return clip;
}

// The one descriptor that came with the request, -1: none, or more than one.
static int take_fd(struct session_peer *peer) {
	int fds[CONNECTION_MAX_FDS];
	size_t fds_len = connection_take_fds(peer->connection, fds);
	for (size_t i = 0; i < fds_len && fds_len > 1; i++) {
		close(fds[i]);
	}
	return fds_len == 1 ? fds[0] : -1;
}

// What is to be put in: `text`, or the descriptor. -1: neither, or both.
static int take_item(struct session_peer *peer, const cJSON *params) {
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(params, "text");
	int fd = take_fd(peer);
	if (text == NULL) {
		return fd;
	}
	if (fd >= 0 || !cJSON_IsString(text)) {
		close(fd);
		return -1;
	}
	fd = clipboard_memfd(text->valuestring, strlen(text->valuestring));
	return fd < 0 ? -1 : fd;
}

// ---- clear

static void handle_cleared(void *data, struct clipboard_result *result) {
	struct clip *clip = data;
	if (result->why[0] != '\0') {
		control_refuse(clip->peer, clip->rpc_id, RPC_FAILED, result->why, NULL);
	} else {
		control_answer(clip->peer, clip->rpc_id, cJSON_CreateObject(), -1);
	}
	destroy_clip(clip);
}

static void clear(struct session_peer *peer, const cJSON *rpc_id) {
	struct clip *clip = new_clip(peer, rpc_id, GATE_IN);
	const char *why;
	if (clip == NULL) {
		return;
	}
	clip->call = session_clipboard_clear(peer->session, handle_cleared, clip, &why);
	if (clip->call == NULL) {
		control_refuse(peer, rpc_id, RPC_FAILED, why, NULL);
		destroy_clip(clip);
	}
}

// ---- what is asked

static const char *string_of(const cJSON *params, const char *key) {
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, key));
}

static bool is_absent_or_string(const cJSON *params, const char *key) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);
	return item == NULL || cJSON_IsString(item);
}

void control_clipboard(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const char *verb = string_of(params, "verb"), *approve = string_of(params, "approve");
	const char *type = string_of(params, "type");
	bool puts = verb != NULL && strcmp(verb, "put") == 0;
	bool gets = verb != NULL && strcmp(verb, "get") == 0;
	bool clears = verb != NULL && strcmp(verb, "clear") == 0;
	if ((!puts && !gets && !clears) || !is_absent_or_string(params, "approve") ||
		!is_absent_or_string(params, "type")) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"verb is put, get or clear; type is a MIME type; approve is the sha256 "
			"of the item that was shown",
			NULL);
		return;
	}
	if (clears) {
		clear(peer, rpc_id);
		return;
	}
	enum gate_direction direction = puts ? GATE_IN : GATE_OUT;
	struct clip *clip = new_clip(peer, rpc_id, direction);
	if (clip == NULL) {
		return;
	}
	const struct gate_asker asker = {
		.owner = peer, .by = clip->by, .done = handle_gate, .data = clip};
	if (approve != NULL) {
		gate_approve(peer->session, &asker, direction, approve);
	} else if (puts) {
		gate_put(peer->session, &asker, type != NULL ? type : MIME_TEXT,
			take_item(peer, params));
	} else {
		gate_get(peer->session, &asker, type);
	}
}

void control_file(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const char *verb = string_of(params, "verb"), *approve = string_of(params, "approve");
	const char *path = string_of(params, "path");
	const cJSON *replace = cJSON_GetObjectItemCaseSensitive(params, "replace");
	bool puts = verb != NULL && strcmp(verb, "put") == 0;
	bool gets = verb != NULL && strcmp(verb, "get") == 0;
	if ((!puts && !gets) || (replace != NULL && !cJSON_IsBool(replace)) ||
		(path == NULL) == (approve == NULL) || !is_absent_or_string(params, "approve") ||
		!is_absent_or_string(params, "path")) {
		control_refuse(peer, rpc_id, RPC_INVALID_PARAMS,
			"verb is put or get; path is the file inside; replace is true or false; or "
			"approve is the sha256 of the file that was shown",
			NULL);
		return;
	}
	enum gate_direction direction = puts ? GATE_IN : GATE_OUT;
	struct clip *clip = new_clip(peer, rpc_id, direction);
	if (clip == NULL) {
		return;
	}
	const struct gate_asker asker = {
		.owner = peer, .by = clip->by, .done = handle_gate, .data = clip};
	if (approve != NULL) {
		gate_approve(peer->session, &asker, direction, approve);
	} else if (puts) {
		gate_put_file(peer->session, &asker, path, take_fd(peer), cJSON_IsTrue(replace));
	} else {
		gate_get_file(peer->session, &asker, path);
	}
}
