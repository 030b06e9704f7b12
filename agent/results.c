#include "agent/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base64.h"

cJSON *results_box(const struct channel_box *box) {
	cJSON *out = cJSON_CreateObject();
	cJSON_AddNumberToObject(out, "x", box->x);
	cJSON_AddNumberToObject(out, "y", box->y);
	cJSON_AddNumberToObject(out, "width", box->width);
	cJSON_AddNumberToObject(out, "height", box->height);
	return out;
}

cJSON *results_outcome(const struct acts_outcome *outcome) {
	const struct act_result *result = &outcome->result;
	cJSON *out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "effect", act_effect_name(result->effect));
	if (outcome->message[0] != '\0') {
		cJSON_AddStringToObject(out, "message", outcome->message);
	}
	if (!outcome->acted) {
		return out;
	}
	if (result->has_box) {
		cJSON_AddItemToObject(out, "changed", results_box(&result->box));
	}
	cJSON_AddNumberToObject(out, "frame", (double)result->frame);
	if (result->waited) {
		cJSON_AddBoolToObject(out, "settled", result->settled);
		cJSON_AddNumberToObject(out, "settled_ms", result->settled_ms);
		cJSON_AddStringToObject(out, "reason", act_settle_reason_name(result->reason));
	}
	if (result->user_had_ms > 0) {
		char text[96];
		snprintf(text, sizeof(text),
			"the user had control for %.1f s and handed it back; look again",
			result->user_had_ms / 1000.0);
		cJSON_AddNumberToObject(out, "user_had_control_ms", result->user_had_ms);
		cJSON_AddStringToObject(out, "note", text);
	}
	if (result->window != 0) {
		cJSON_AddNumberToObject(out, "window", result->window);
	}
	if (outcome->has_cursor) {
		cJSON *cursor = cJSON_AddObjectToObject(out, "cursor");
		cJSON_AddNumberToObject(cursor, "x", result->cursor.x);
		cJSON_AddNumberToObject(cursor, "y", result->cursor.y);
	}
	if (result->characters > 0) {
		cJSON_AddNumberToObject(out, "characters", result->characters);
	}
	if (outcome->ways_len > 0) {
		cJSON *ways = cJSON_AddArrayToObject(out, "ways");
		for (size_t i = 0; i < outcome->ways_len; i++) {
			cJSON *way = cJSON_CreateObject();
			cJSON_AddItemToArray(ways, way);
			cJSON_AddNumberToObject(way, "first", outcome->ways[i].first);
			cJSON_AddNumberToObject(way, "count", outcome->ways[i].count);
			cJSON_AddStringToObject(way, "way", act_way_name(outcome->ways[i].way));
		}
	}
	return out;
}

cJSON *results_report(const struct acts_report *report) {
	cJSON *out = cJSON_CreateObject();
	cJSON_AddNumberToObject(out, "completed", (double)report->completed);
	cJSON_AddNumberToObject(out, "skipped", (double)(report->total - report->outcomes_len));
	cJSON *results = cJSON_AddArrayToObject(out, "results");
	for (size_t i = 0; i < report->outcomes_len; i++) {
		cJSON_AddItemToArray(results, results_outcome(&report->outcomes[i]));
	}
	if (report->note[0] != '\0') {
		cJSON_AddStringToObject(out, "note", report->note);
	}
	return out;
}

static cJSON *new_text(const char *text) {
	cJSON *block = cJSON_CreateObject();
	cJSON_AddStringToObject(block, "type", "text");
	cJSON_AddStringToObject(block, "text", text);
	return block;
}

static cJSON *new_image(const struct picture *picture) {
	cJSON *block = cJSON_CreateObject();
	cJSON_AddStringToObject(block, "type", "image");
	// Raw: base64 has nothing that JSON would escape, and the text is not looked at again.
	size_t len = base64_len(picture->len);
	char *quoted = malloc(len + 3);
	if (quoted != NULL) {
		quoted[0] = quoted[len + 1] = '"';
		base64_encode(picture->bytes, picture->len, quoted + 1);
		quoted[len + 2] = '\0';
	}
	cJSON *data = quoted == NULL ? NULL : cJSON_CreateRaw(quoted);
	free(quoted);
	bool added = cJSON_AddItemToObject(block, "data", data);
	cJSON_AddStringToObject(
		block, "mimeType", picture->format == PICTURE_JPEG ? "image/jpeg" : "image/png");
	if (!added) {
		cJSON_Delete(data);
		cJSON_Delete(block);
		return NULL;
	}
	return block;
}

cJSON *results_tool(cJSON *structured, const char *sentence, bool is_error,
	const struct acts_picture *pictures, size_t pictures_len) {
	char *text = cJSON_PrintUnformatted(structured);
	cJSON *out = cJSON_CreateObject();
	cJSON *content = cJSON_AddArrayToObject(out, "content");
	bool ok = text != NULL && content != NULL;
	if (ok && is_error && sentence != NULL) {
		ok = cJSON_AddItemToArray(content, new_text(sentence));
	}
	ok = ok && cJSON_AddItemToArray(content, new_text(text));
	for (size_t i = 0; ok && !is_error && i < pictures_len; i++) {
		ok = cJSON_AddItemToArray(content, new_image(&pictures[i].picture));
	}
	free(text);
	if (!ok || !cJSON_AddItemToObject(out, "structuredContent", structured)) {
		cJSON_Delete(structured);
		cJSON_Delete(out);
		return NULL;
	}
	cJSON_AddBoolToObject(out, "isError", is_error);
	return out;
}
