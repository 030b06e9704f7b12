#include "session/network-audit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *const kinds[] = {
	[BROKER_LOOKUP] = "lookup",
	[BROKER_CONNECT] = "connect",
	[BROKER_REQUEST] = "request",
	[BROKER_FLOW] = "datagrams",
	[BROKER_PUBLISHED] = "published",
	[BROKER_CLOSED] = "closed",
};

static const char *protocol_word(uint32_t protocol) {
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : NULL;
}

static bool format_address(const struct broker_decision *checked, char *out, socklen_t size) {
	return checked->family != 0 &&
	       inet_ntop((int)checked->family, checked->address, out, size) != NULL;
}

cJSON *network_audit_fields(const struct broker_decision *checked) {
	cJSON *fields = cJSON_CreateObject();
	char address[INET6_ADDRSTRLEN];
	bool closed = checked->kind == BROKER_CLOSED;
	cJSON_AddStringToObject(fields, "kind", kinds[checked->kind]);
	if (!closed) {
		cJSON_AddBoolToObject(fields, "allowed", checked->allowed);
	}
	if (checked->untrusted_name[0] != '\0') {
		cJSON_AddStringToObject(fields, "name", checked->untrusted_name);
	}
	if (format_address(checked, address, sizeof(address))) {
		cJSON_AddStringToObject(fields, "address", address);
	}
	if (checked->kind == BROKER_LOOKUP) {
		cJSON_AddNumberToObject(fields, "queryType", checked->port);
	} else {
		if (protocol_word(checked->protocol) != NULL) {
			cJSON_AddStringToObject(
				fields, "protocol", protocol_word(checked->protocol));
		}
		cJSON_AddNumberToObject(fields, "port", checked->port);
	}
	if (checked->untrusted_rule[0] != '\0') {
		cJSON_AddStringToObject(fields, "rule", checked->untrusted_rule);
	}
	cJSON_AddStringToObject(fields, "reason", broker_reason_word(checked->reason));
	if (checked->untrusted_detail[0] != '\0') {
		cJSON_AddStringToObject(fields, "detail", checked->untrusted_detail);
	}
	if ((checked->flags & BROKER_LEARNED) != 0) {
		cJSON_AddBoolToObject(fields, "learned", true);
	}
	if (checked->id != 0) {
		cJSON_AddNumberToObject(fields, "id", (double)checked->id);
	}
	if (closed) {
		cJSON_AddNumberToObject(fields, "bytesOut", (double)checked->bytes_out);
		cJSON_AddNumberToObject(fields, "bytesIn", (double)checked->bytes_in);
	}
	cJSON_AddNumberToObject(fields, "ms", (double)checked->duration_ms);
	return fields;
}

void network_audit_words(const struct broker_decision *checked, char *out, size_t size) {
	char address[INET6_ADDRSTRLEN] = "";
	format_address(checked, address, sizeof(address));
	const char *name = checked->untrusted_name;
	const char *whom = name[0] != '\0' ? name : address[0] != '\0' ? address : "an address";
	char what[BROKER_NAME_BYTES + 64];
	if (checked->kind == BROKER_LOOKUP) {
		snprintf(what, sizeof(what), "the name %s", whom);
	} else {
		snprintf(what, sizeof(what), "%s port %u%s", whom, (unsigned int)checked->port,
			checked->protocol == IPPROTO_UDP ? " (UDP)" : "");
	}
	snprintf(out, size, "%s: %s", what, broker_reason_words(checked->reason));
}

// ---- lines

void network_audit_init(struct network_audit *audit, uint64_t now_ns) {
	*audit = (struct network_audit){
		.denied_lines = {.tokens = AUDIT_BURST, .filled_ns = now_ns},
		.allowed_lines = {.tokens = AUDIT_BURST, .filled_ns = now_ns},
	};
}

static void fill(struct audit_bucket *bucket, uint64_t now_ns) {
	bucket->tokens += (double)(now_ns - bucket->filled_ns) * AUDIT_A_SECOND / 1e9;
	bucket->filled_ns = now_ns;
	if (bucket->tokens > AUDIT_BURST) {
		bucket->tokens = AUDIT_BURST;
	}
}

static bool pass(struct audit_bucket *bucket, uint64_t now_ns) {
	fill(bucket, now_ns);
	if (bucket->tokens < 1) {
		bucket->left_out++;
		return false;
	}
	bucket->tokens -= 1;
	return true;
}

cJSON *network_audit_left_out(struct network_audit *audit, uint64_t now_ns, bool last) {
	struct audit_bucket *denied = &audit->denied_lines, *allowed = &audit->allowed_lines;
	fill(denied, now_ns);
	fill(allowed, now_ns);
	// Said when lines may come again, so that one flood is one line, or a few.
	bool due = denied->left_out > 0 && (last || denied->tokens >= 1);
	due = due || (allowed->left_out > 0 && (last || allowed->tokens >= 1));
	if (!due) {
		return NULL;
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddNumberToObject(fields, "denied", (double)denied->left_out);
	cJSON_AddNumberToObject(fields, "allowed", (double)allowed->left_out);
	denied->left_out = allowed->left_out = 0;
	return fields;
}

// ---- sums

static bool same_attempt(const struct broker_decision *a, const struct broker_decision *b) {
	// A lookup's port is its type: both families of one name are one attempt.
	bool lookup = a->kind == BROKER_LOOKUP;
	return a->kind == b->kind && (lookup || a->port == b->port) && a->protocol == b->protocol &&
	       a->reason == b->reason && a->family == b->family &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       strcmp(a->untrusted_name, b->untrusted_name) == 0;
}

static void keep_denied(struct network_audit *audit, const struct broker_decision *checked) {
	size_t at = 0;
	while (at < audit->last_len && !same_attempt(&audit->last[at].decision, checked)) {
		at++;
	}
	uint64_t count = at < audit->last_len ? audit->last[at].count : 0;
	if (at == audit->last_len) {
		audit->last_len += audit->last_len < AUDIT_DENIED;
		at = audit->last_len - 1;
	}
	memmove(&audit->last[1], &audit->last[0], at * sizeof(audit->last[0]));
	audit->last[0] =
		(struct audit_denied){.decision = *checked, .when = time(NULL), .count = count + 1};
}

cJSON *network_audit_take(
	struct network_audit *audit, const struct broker_decision *checked, uint64_t now_ns) {
	if (checked->kind == BROKER_CLOSED) {
		audit->connections -= audit->connections > 0;
		audit->bytes_in += checked->bytes_in;
		audit->bytes_out += checked->bytes_out;
	} else if (checked->allowed) {
		audit->allowed++;
		audit->connections += checked->id != 0;
	} else {
		audit->denied++;
		keep_denied(audit, checked);
	}
	struct audit_bucket *bucket =
		checked->allowed ? &audit->allowed_lines : &audit->denied_lines;
	return pass(bucket, now_ns) ? network_audit_fields(checked) : NULL;
}

void network_audit_inspect(const struct network_audit *audit, cJSON *object) {
	cJSON_AddNumberToObject(object, "connections", (double)audit->connections);
	cJSON_AddNumberToObject(object, "allowed", (double)audit->allowed);
	cJSON_AddNumberToObject(object, "denied", (double)audit->denied);
	cJSON_AddNumberToObject(object, "bytesIn", (double)audit->bytes_in);
	cJSON_AddNumberToObject(object, "bytesOut", (double)audit->bytes_out);
	cJSON *list = cJSON_AddArrayToObject(object, "lastDenied");
	for (size_t i = 0; i < audit->last_len; i++) {
		const struct audit_denied *denied = &audit->last[i];
		cJSON *item = network_audit_fields(&denied->decision);
		char when[32];
		struct tm utc;
		gmtime_r(&denied->when, &utc);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
		cJSON_AddStringToObject(item, "time", when);
		cJSON_AddNumberToObject(item, "count", (double)denied->count);
		char words[512];
		network_audit_words(&denied->decision, words, sizeof(words));
		cJSON_AddStringToObject(item, "words", words);
		cJSON_AddItemToArray(list, item);
	}
}
