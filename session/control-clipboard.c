#include "session/control-internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clipboard/mime.h"
#include "policy/policy.h"
#include "session/clipboard.h"

/*
 * Items of the clipboard, put in, taken out and cleared by the session's user.
 */

// A request whose answer is due.
struct clip {
	struct wl_list link; // session_peer.clips
	struct session_peer *peer;
	cJSON *rpc_id;
	enum gate_direction direction;
	struct gate_item item; // that is on its way in
	bool confirmed;
	struct clipboard_call *call;
};

static void destroy_clip(struct clip *clip) {
	wl_list_remove(&clip->link);
	gate_item_finish(&clip->item);
	cJSON_Delete(clip->rpc_id);
	free(clip);
}

void control_forget_clips(struct session_peer *peer) {
	struct clip *clip, *next;
	wl_list_for_each_safe (clip, next, &peer->clips, link) {
		session_clipboard_cancel(clip->call);
		destroy_clip(clip);
	}
	gate_forget(peer->session, peer);
}

static void name_peer(const struct session_peer *peer, char *by, size_t size) {
	snprintf(by, size, "control socket, pid %d", (int)peer->pid);
}

static void refuse(struct session_peer *peer, const cJSON *rpc_id, enum gate_direction direction,
	const char *why) {
	char by[64];
	name_peer(peer, by, sizeof(by));
	gate_record_refusal(peer->session, direction, by, why);
	control_refuse(peer, rpc_id, RPC_FAILED, why, NULL);
}

static cJSON *describe(const struct gate_item *item) {
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "type", item->type);
	cJSON_AddNumberToObject(result, "bytes", (double)item->text.len);
	cJSON_AddStringToObject(result, "sha256", item->sha256);
	cJSON_AddNumberToObject(result, "lines", item->text.lines);
	cJSON_AddBoolToObject(result, "endsLine", item->text.ends_line);
	cJSON_AddNumberToObject(result, "removed", item->text.removed);
	return result;
}

// Shows an item, which then waits to be allowed.
static void show(struct session_peer *peer, const cJSON *rpc_id, enum gate_direction direction,
	struct gate_item *item) {
	cJSON *result = describe(item);
	cJSON_AddStringToObject(result, "preview", item->text.preview);
	cJSON_AddBoolToObject(result, "previewCut", item->text.preview_cut);
	cJSON_AddBoolToObject(result, "confirm", true);
	gate_hold(peer->session, direction, peer, item);
	control_answer(peer, rpc_id, result, -1);
}

static void hand_out(struct session_peer *peer, const cJSON *rpc_id, const struct gate_item *item,
	bool confirmed) {
	int fd = clipboard_memfd(item->text.text, item->text.len);
	if (fd < 0) {
		refuse(peer, rpc_id, GATE_OUT, "cannot make room for the item");
		return;
	}
	char by[64];
	name_peer(peer, by, sizeof(by));
	// Written down before it is out: a session without a log ends.
	gate_record(peer->session, GATE_OUT, item, by, confirmed);
	control_answer(peer, rpc_id, describe(item), fd);
}

static void handle_read(void *data, struct clipboard_result *result) {
	struct clip *clip = data;
	struct session_peer *peer = clip->peer;
	if (result->why[0] != '\0') {
		refuse(peer, clip->rpc_id, GATE_OUT, result->why);
		destroy_clip(clip);
		return;
	}
	struct gate_item item;
	gate_item_init(&item, result->type, &result->text);
	if (peer->session->policy->clipboard.confirm) {
		show(peer, clip->rpc_id, GATE_OUT, &item);
	} else {
		hand_out(peer, clip->rpc_id, &item, false);
		gate_item_finish(&item);
	}
	destroy_clip(clip);
}

static void handle_written(void *data, struct clipboard_result *result) {
	struct clip *clip = data;
	if (result->why[0] != '\0') {
		refuse(clip->peer, clip->rpc_id, GATE_IN, result->why);
	} else {
		char by[64];
		name_peer(clip->peer, by, sizeof(by));
		gate_record(clip->peer->session, GATE_IN, &clip->item, by, clip->confirmed);
		control_answer(clip->peer, clip->rpc_id, describe(&clip->item), -1);
	}
	destroy_clip(clip);
}

static void handle_cleared(void *data, struct clipboard_result *result) {
	struct clip *clip = data;
	if (result->why[0] != '\0') {
		control_refuse(clip->peer, clip->rpc_id, RPC_FAILED, result->why, NULL);
	} else {
		control_answer(clip->peer, clip->rpc_id, cJSON_CreateObject(), -1);
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
	wl_list_insert(&peer->clips, &clip->link);
	return clip;
}

// ---- in

static void write_item(
	struct session_peer *peer, const cJSON *rpc_id, struct gate_item *item, bool confirmed) {
	struct clip *clip = new_clip(peer, rpc_id, GATE_IN);
	if (clip == NULL) {
		gate_item_finish(item);
		return;
	}
	clip->item = *item;
	clip->confirmed = confirmed;
	const char *why;
	clip->call = session_clipboard_write(peer->session, item->type, item->text.text,
		item->text.len, CHANNEL_CLIPBOARD_ONCE | CHANNEL_CLIPBOARD_OUTSIDE, handle_written,
		clip, &why);
	if (clip->call == NULL) {
		refuse(peer, rpc_id, GATE_IN, why);
		destroy_clip(clip);
	}
}

/*
 * Copies what is to be put in: `text`, or the bytes of a memfd that nobody can change. Returns
 * NULL, or why not; the caller frees *bytes.
 */
static const char *take_bytes(
	struct session_peer *peer, const cJSON *params, size_t max, char **bytes, size_t *len) {
	static const char too_long[] = "the item has more bytes than one may have: see "
				       "clipboard.maxBytes of the session's policy";
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK;
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(params, "text");
	int fds[CONNECTION_MAX_FDS];
	size_t fds_len = connection_take_fds(peer->connection, fds);
	const char *why = NULL;
	struct stat st;
	*bytes = NULL;
	*len = 0;
	if (cJSON_IsString(text) && fds_len == 0) {
		*len = strlen(text->valuestring);
		why = *len > max ? too_long : NULL;
		*bytes = why == NULL ? strdup(text->valuestring) : NULL;
	} else if (fds_len == 1 && text == NULL && (fcntl(fds[0], F_GET_SEALS) & seals) == seals &&
		   fstat(fds[0], &st) == 0) {
		*len = (size_t)st.st_size;
		why = *len > max ? too_long : NULL;
		*bytes = why == NULL ? malloc(*len + 1) : NULL;
		if (*bytes != NULL && pread(fds[0], *bytes, *len, 0) != (ssize_t)*len) {
			why = "the item cannot be read";
		}
	} else {
		why = "an item is needed: text, or one descriptor of a memfd sealed against change";
	}
	for (size_t i = 0; i < fds_len; i++) {
		close(fds[i]);
	}
	return why != NULL ? why : *bytes == NULL ? "out of memory" : NULL;
}

static void put_new(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const struct policy *policy = peer->session->policy;
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "type"));
	type = type != NULL ? type : MIME_TEXT;
	char *bytes;
	size_t len;
	char flawed[100];
	struct clipboard_text text = {0};
	const char *why = take_bytes(peer, params, policy->clipboard.max_bytes, &bytes, &len);
	if (why == NULL && !gate_allows_type(peer->session, type)) {
		why = "items of that type may not cross: see clipboard.mimeTypes of the session's "
		      "policy";
	}
	if (why == NULL) {
		enum clipboard_flaw flaw = clipboard_text_check(bytes, len, &text);
		snprintf(flawed, sizeof(flawed), "the item %s", clipboard_flaw_words(flaw));
		why = flaw == CLIPBOARD_GOOD ? NULL : flawed;
	}
	free(bytes);
	if (why != NULL) {
		refuse(peer, rpc_id, GATE_IN, why);
		return;
	}
	struct gate_item item;
	gate_item_init(&item, type, &text);
	if (policy->clipboard.confirm) {
		show(peer, rpc_id, GATE_IN, &item);
	} else {
		write_item(peer, rpc_id, &item, false);
	}
}

// ---- out

static void get_new(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const struct policy *policy = peer->session->policy;
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "type"));
	if (type != NULL && !gate_allows_type(peer->session, type)) {
		refuse(peer, rpc_id, GATE_OUT,
			"items of that type may not cross: see clipboard.mimeTypes of the "
			"session's policy");
		return;
	}
	struct clip *clip = new_clip(peer, rpc_id, GATE_OUT);
	if (clip == NULL) {
		return;
	}
	const struct clipboard_read_options options = {
		.types = type != NULL ? &type : (const char *const *)policy->clipboard.mime_types,
		.types_len = type != NULL ? 1 : policy->clipboard.mime_types_len,
		.max_bytes = policy->clipboard.max_bytes,
		.only_inside = true,
	};
	const char *why;
	clip->call = session_clipboard_read(peer->session, &options, handle_read, clip, &why);
	if (clip->call == NULL) {
		refuse(peer, rpc_id, GATE_OUT, why);
		destroy_clip(clip);
	}
}

// ---- what is asked

static void allow(struct session_peer *peer, const cJSON *rpc_id, enum gate_direction direction,
	const char *sha256) {
	struct gate_item item;
	if (!gate_allow(peer->session, direction, peer, sha256, &item)) {
		refuse(peer, rpc_id, direction,
			"no such item was shown here, or another one since; begin again");
		return;
	}
	if (direction == GATE_IN) {
		write_item(peer, rpc_id, &item, true);
		return;
	}
	hand_out(peer, rpc_id, &item, true);
	gate_item_finish(&item);
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

void control_clipboard(struct session_peer *peer, const cJSON *rpc_id, const cJSON *params) {
	const char *verb = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "verb"));
	const cJSON *approve = cJSON_GetObjectItemCaseSensitive(params, "approve");
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(params, "type");
	bool puts = verb != NULL && strcmp(verb, "put") == 0;
	bool gets = verb != NULL && strcmp(verb, "get") == 0;
	bool clears = verb != NULL && strcmp(verb, "clear") == 0;
	if ((!puts && !gets && !clears) || (approve != NULL && !cJSON_IsString(approve)) ||
		(type != NULL && !cJSON_IsString(type))) {
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
	char why[200];
	if (!gate_is_open(peer->session, direction, why, sizeof(why))) {
		refuse(peer, rpc_id, direction, why);
	} else if (approve != NULL) {
		allow(peer, rpc_id, direction, approve->valuestring);
	} else if (puts) {
		put_new(peer, rpc_id, params);
	} else {
		get_new(peer, rpc_id, params);
	}
}
