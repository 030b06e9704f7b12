#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "session/uplink.h"

/*
 * What the broker says, checked; its messages are read nowhere else before. It parses hostile bytes
 * and may be taken over: what it says of names and addresses can then be a lie, but it is one that
 * harms nobody who prints it.
 */

// Ended, and after its end nothing but zeros: nothing is carried along unseen.
static bool is_text(const char *untrusted, size_t size, char least) {
	size_t len = strnlen(untrusted, size);
	if (len == size) {
		return false;
	}
	for (size_t i = 0; i < size; i++) {
		if (i < len ? untrusted[i] < least || untrusted[i] > '~' : untrusted[i] != '\0') {
			return false;
		}
	}
	return true;
}

static bool is_zero(const unsigned char *bytes, size_t len) {
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

static bool check_address(const struct broker_decision *untrusted) {
	switch (untrusted->family) {
	case 0:
		return is_zero(untrusted->address, sizeof(untrusted->address));
	case AF_INET:
		return is_zero(untrusted->address + 4, sizeof(untrusted->address) - 4);
	case AF_INET6:
		return true;
	default:
		return false;
	}
}

static bool check_decision(const struct broker_decision *untrusted) {
	bool closed = untrusted->kind == BROKER_CLOSED;
	return untrusted->kind >= BROKER_LOOKUP && untrusted->kind < BROKER_DECISION_KIND_COUNT &&
	       untrusted->allowed <= 1 && (!closed || untrusted->allowed == 1) &&
	       (untrusted->protocol == 0 || untrusted->protocol == IPPROTO_TCP ||
		       untrusted->protocol == IPPROTO_UDP) &&
	       untrusted->port <= UINT16_MAX && untrusted->reason < BROKER_REASON_COUNT &&
	       (untrusted->flags & ~(uint32_t)BROKER_LEARNED) == 0 &&
	       (!closed || untrusted->id != 0) &&
	       (closed || (untrusted->bytes_in == 0 && untrusted->bytes_out == 0)) &&
	       untrusted->reserved == 0 && check_address(untrusted) &&
	       is_text(untrusted->untrusted_name, sizeof(untrusted->untrusted_name), '!') &&
	       is_text(untrusted->untrusted_rule, sizeof(untrusted->untrusted_rule), '!') &&
	       is_text(untrusted->untrusted_detail, sizeof(untrusted->untrusted_detail), ' ');
}

bool uplink_check(const void *untrusted, size_t untrusted_len, struct broker_message *checked) {
	struct broker_message message;
	if (untrusted_len != sizeof(message)) {
		return false;
	}
	memcpy(&message, untrusted, sizeof(message));
	bool good = message.reserved == 0;
	switch (message.type) {
	case BROKER_READY:
		break;
	case BROKER_FATAL:
		good = good && is_text(message.fatal.text, sizeof(message.fatal.text), ' ');
		break;
	case BROKER_NEED_SOCKET:
		good = good && message.need_socket.token != 0 &&
		       (message.need_socket.family == AF_INET ||
			       message.need_socket.family == AF_INET6);
		break;
	case BROKER_UPDATED:
		good = good && message.updated.status < BROKER_UPDATE_STATUS_COUNT;
		break;
	case BROKER_DECISION:
		good = good && check_decision(&message.decision);
		break;
	default:
		return false;
	}
	if (good) {
		*checked = message;
	}
	return good;
}
