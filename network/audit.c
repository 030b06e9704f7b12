#include "network/internal.h"

#include <string.h>

// Copies text that the supervisor may print: what is no printable ASCII becomes '?'.
static void put_text(char *out, size_t size, const char *text) {
	for (size_t i = 0; text != NULL && text[i] != '\0' && i < size - 1; i++) {
		out[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : text[i] == ' ' ? ' ' : '?';
	}
}

void audit(struct broker *broker, const struct decision *decision) {
	struct broker_message message = {.type = BROKER_DECISION};
	struct broker_decision *out = &message.decision;
	out->id = decision->id;
	out->bytes_out = decision->bytes_out;
	out->bytes_in = decision->bytes_in;
	out->duration_ms = decision->duration_ms;
	out->kind = decision->kind;
	out->allowed = decision->allowed;
	out->protocol = decision->protocol;
	out->port = decision->port;
	out->reason = decision->reason;
	out->flags = decision->learned ? BROKER_LEARNED : 0;
	if (decision->address != NULL && decision->address->family != 0) {
		out->family = (uint32_t)decision->address->family;
		memcpy(out->address, decision->address->bytes, sizeof(out->address));
	}
	put_text(out->untrusted_name, sizeof(out->untrusted_name), decision->name);
	put_text(out->untrusted_detail, sizeof(out->untrusted_detail), decision->detail);
	put_text(out->untrusted_rule, sizeof(out->untrusted_rule), decision->rule);
	broker->sink.emit(broker->data, &message);
}
