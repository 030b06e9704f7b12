/*
 * Any bytes as a broker's: no crash, nothing out of its range gets past uplink_check(), and what is
 * made of it is printable. Built with -Dfuzz=true by clang; run as uplink-fuzz [CORPUS].
 */

#include <stdlib.h>
#include <string.h>

#include "session/network-audit.h"
#include "session/network-learn.h"
#include "session/uplink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static void take(struct network_audit *audit, struct network_learn *learn,
	const struct broker_message *checked) {
	require(checked->type >= BROKER_READY && checked->type <= BROKER_DECISION);
	if (checked->type != BROKER_DECISION) {
		return;
	}
	cJSON *fields = network_audit_take(audit, &checked->decision, 0);
	network_learn_take(learn, &checked->decision);
	char *text = cJSON_PrintUnformatted(fields);
	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		require(*at >= ' ' && *at <= '~');
	}
	free(text);
	cJSON_Delete(fields);
	char words[128];
	network_audit_words(&checked->decision, words, sizeof(words));
	require(strlen(words) < sizeof(words));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct network_audit audit;
	struct network_learn learn = {0};
	struct broker_message checked;
	network_audit_init(&audit, 0);
	require(size == sizeof(checked) || !uplink_check(data, size, &checked));
	// A message that fits is hard to hit by chance: any other length fills one up.
	for (size_t at = 0; at < size; at += sizeof(checked)) {
		struct broker_message message = {0};
		size_t len = size - at < sizeof(message) ? size - at : sizeof(message);
		memcpy(&message, data + at, len);
		if (uplink_check(&message, sizeof(message), &checked)) {
			take(&audit, &learn, &checked);
		}
	}
	cJSON *proposal = network_learn_propose(&learn, NULL);
	free(cJSON_PrintUnformatted(proposal));
	cJSON_Delete(proposal);
	network_learn_finish(&learn);
	return 0;
}
