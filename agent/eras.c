#include "agent/eras.h"

#include <string.h>

static const char *const versions[ERA_COUNT] = {
	[ERA_2024_11_05] = "2024-11-05",
	[ERA_2025_03_26] = "2025-03-26",
	[ERA_2025_06_18] = "2025-06-18",
	[ERA_2025_11_25] = "2025-11-25",
	[ERA_2026_07_28] = "2026-07-28",
};

// The tools change with the program alone; what is said of the display, with the session.
#define CACHE_MS 3600000

const char *era_version(enum era era) {
	return versions[era];
}

enum era era_find(const char *version) {
	for (enum era era = ERA_NONE + 1; era < ERA_COUNT; era++) {
		if (strcmp(versions[era], version) == 0) {
			return era;
		}
	}
	return ERA_NONE;
}

cJSON *era_versions(void) {
	cJSON *out = cJSON_CreateArray();
	for (enum era era = ERA_COUNT - 1; era > ERA_NONE; era--) {
		cJSON_AddItemToArray(out, cJSON_CreateString(versions[era]));
	}
	return out;
}

cJSON *era_server_info(enum era era) {
	cJSON *info = cJSON_CreateObject();
	cJSON_AddStringToObject(info, "name", "parclose");
	if (era >= ERA_2025_06_18) {
		cJSON_AddStringToObject(info, "title", "Parclose");
	}
	cJSON_AddStringToObject(info, "version", PARCLOSE_VERSION);
	return info;
}

void era_trim_tool(enum era era, cJSON *tool) {
	if (era < ERA_2025_06_18) {
		cJSON_DeleteItemFromObjectCaseSensitive(tool, "title");
		cJSON_DeleteItemFromObjectCaseSensitive(tool, "outputSchema");
	}
	if (era < ERA_2025_03_26) {
		cJSON_DeleteItemFromObjectCaseSensitive(tool, "annotations");
	}
}

cJSON *era_result(enum era era, cJSON *result, bool cacheable) {
	if (result == NULL) {
		return NULL;
	}
	if (era < ERA_2025_06_18) {
		cJSON_DeleteItemFromObjectCaseSensitive(result, "structuredContent");
	}
	if (era < ERA_2026_07_28) {
		return result;
	}
	cJSON_AddStringToObject(result, "resultType", "complete");
	if (cacheable) {
		cJSON_AddNumberToObject(result, "ttlMs", CACHE_MS);
		cJSON_AddStringToObject(result, "cacheScope", "private");
	}
	cJSON *meta = cJSON_GetObjectItemCaseSensitive(result, "_meta");
	if (meta == NULL) {
		meta = cJSON_AddObjectToObject(result, "_meta");
	}
	cJSON_AddItemToObject(meta, ERA_META_SERVER, era_server_info(era));
	return result;
}
