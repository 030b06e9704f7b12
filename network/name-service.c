/*
 * DNS inside. It knows the names that the policy allows and tells an address of the pool for each;
 * no query is passed on to anybody, whatever it holds.
 */

#include "network/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/clock.h"
#include "network/dns.h"

#define MAX_DIALOGUES 64
#define DIALOGUE_MS 10000 // of silence (RFC 7766 section 6.2.3)

static void tell(struct broker *broker, const struct dns_query *query, const char *name,
	const struct network_verdict *verdict, enum broker_reason reason, bool allowed) {
	const struct decision decision = {
		.kind = BROKER_LOOKUP,
		.reason = reason,
		.allowed = allowed,
		.learned = allowed && verdict != NULL && !verdict->allow,
		.port = query->type,
		.name = name,
		.rule = verdict != NULL ? verdict->rule : NULL,
		.detail = name == NULL ? query->untrusted_name : NULL,
	};
	audit(broker, &decision);
}

// The answer to one message, in `out`; 0: none.
static size_t answer(struct broker *broker, const unsigned char *untrusted_bytes, size_t len,
	unsigned char out[static DNS_MAX_ANSWER]) {
	struct dns_query query;
	switch (dns_parse(untrusted_bytes, len, &query)) {
	case DNS_SILENCE:
		return 0;
	case DNS_ERROR:
		tell(broker, &query, NULL, NULL, BROKER_BAD_QUERY, false);
		return dns_answer(&query, query.rcode, NULL, 0, 0, out);
	case DNS_QUERY:
		break;
	}
	char name[NETWORK_NAME_SIZE];
	const char *why;
	if (!network_name_canonical(
		    query.untrusted_name, strlen(query.untrusted_name), name, &why)) {
		tell(broker, &query, NULL, NULL, BROKER_BAD_NAME, false);
		return dns_answer(&query, DNS_REFUSED, NULL, 0, 0, out);
	}
	struct network_verdict verdict = network_decide_lookup(&broker->policy->network, name);
	// Learning opens what the policy denies, but not this machine's loopback.
	if (!verdict.allow && (!broker->learn || strcmp(name, NETWORK_HOST_NAME) == 0)) {
		tell(broker, &query, name, &verdict, BROKER_BY_RULE, false);
		return dns_answer(&query, DNS_REFUSED, NULL, 0, 0, out);
	}
	bool v4 = query.type == DNS_TYPE_A, v6 = query.type == DNS_TYPE_AAAA;
	if (!v4 && !v6) {
		tell(broker, &query, name, &verdict, BROKER_BAD_TYPE, false);
		return dns_answer(&query, DNS_NOERROR, NULL, 0, 0, out);
	}
	struct pool_entry *entry = pool_name(broker->pool, name, clock_ms());
	if (entry == NULL) {
		tell(broker, &query, name, &verdict, BROKER_POOL_FULL, false);
		return dns_answer(&query, DNS_SERVFAIL, NULL, 0, 0, out);
	}
	tell(broker, &query, name, &verdict, BROKER_BY_RULE, true);
	if (v6 && !broker->has_v6) {
		return dns_answer(&query, DNS_NOERROR, NULL, 0, 0, out);
	}
	return dns_answer(
		&query, DNS_NOERROR, v4 ? entry->v4 : entry->v6, v4 ? 4 : 16, POOL_TTL, out);
}

void name_service_datagrams(struct listener *listener) {
	for (int i = 0; i < DATAGRAMS_A_TURN && !listener->broker->paused; i++) {
		unsigned char query[DNS_MAX_QUERY + 1], out[DNS_MAX_ANSWER];
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(listener->fd, query, sizeof(query), MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_len);
		if (n < 0) {
			return;
		}
		size_t len = answer(listener->broker, query, (size_t)n, out);
		if (len > 0 && sendto(listener->fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL,
				       (struct sockaddr *)&from, from_len) < 0) {
			// Who asked will ask again.
			continue;
		}
	}
}

// ---- by TCP (RFC 7766): a length of two bytes before each message

struct dialogue {
	struct wl_list link; // struct broker.dialogues, oldest first
	struct broker *broker;
	int fd; // owned
	struct wl_event_source *source;
	uint64_t active_ms;
	size_t len;
	unsigned char untrusted_bytes[2 + DNS_MAX_QUERY];
};

static void dialogue_destroy(struct dialogue *dialogue) {
	if (dialogue->source != NULL) {
		wl_event_source_remove(dialogue->source);
	}
	wl_list_remove(&dialogue->link);
	dialogue->broker->dialogues_len--;
	close(dialogue->fd);
	free(dialogue);
}

// Answers what is there whole. False: it is to be ended.
static bool take_messages(struct dialogue *dialogue) {
	while (dialogue->len >= 2) {
		size_t size =
			(size_t)dialogue->untrusted_bytes[0] << 8 | dialogue->untrusted_bytes[1];
		unsigned char out[2 + DNS_MAX_ANSWER];
		if (size > DNS_MAX_QUERY) {
			return false;
		}
		if (dialogue->len < 2 + size) {
			return true;
		}
		size_t len = answer(dialogue->broker, dialogue->untrusted_bytes + 2, size, out + 2);
		out[0] = (unsigned char)(len >> 8);
		out[1] = (unsigned char)len;
		// Who does not read answers gets no more of them.
		if (len == 0 || send(dialogue->fd, out, len + 2, MSG_DONTWAIT | MSG_NOSIGNAL) !=
					(ssize_t)(len + 2)) {
			return false;
		}
		dialogue->len -= 2 + size;
		memmove(dialogue->untrusted_bytes, dialogue->untrusted_bytes + 2 + size,
			dialogue->len);
	}
	return true;
}

static int handle_dialogue(int fd, uint32_t mask, void *data) {
	struct dialogue *dialogue = data;
	ssize_t n = recv(dialogue->fd, dialogue->untrusted_bytes + dialogue->len,
		sizeof(dialogue->untrusted_bytes) - dialogue->len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	dialogue->active_ms = clock_ms();
	dialogue->len += n > 0 ? (size_t)n : 0;
	if (n <= 0 || !take_messages(dialogue)) {
		dialogue_destroy(dialogue);
	}
	return 0;
}

void name_service_accept(struct broker *broker, int fd) {
	if (broker->dialogues_len == MAX_DIALOGUES) {
		struct dialogue *oldest = wl_container_of(broker->dialogues.next, oldest, link);
		dialogue_destroy(oldest);
	}
	struct dialogue *dialogue = calloc(1, sizeof(*dialogue));
	if (dialogue == NULL) {
		close(fd);
		return;
	}
	const int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	dialogue->broker = broker;
	dialogue->fd = fd;
	dialogue->active_ms = clock_ms();
	wl_list_insert(broker->dialogues.prev, &dialogue->link);
	broker->dialogues_len++;
	dialogue->source = wl_event_loop_add_fd(
		broker->loop, fd, WL_EVENT_READABLE, handle_dialogue, dialogue);
	if (dialogue->source == NULL) {
		dialogue_destroy(dialogue);
		return;
	}
	broker_watch_time(broker);
}

bool name_service_sweep(struct broker *broker, uint64_t now_ms) {
	struct dialogue *dialogue, *next;
	wl_list_for_each_safe (dialogue, next, &broker->dialogues, link) {
		if (now_ms - dialogue->active_ms > DIALOGUE_MS) {
			dialogue_destroy(dialogue);
		}
	}
	return !wl_list_empty(&broker->dialogues);
}

void name_service_pause(struct broker *broker) {
	struct dialogue *dialogue;
	wl_list_for_each (dialogue, &broker->dialogues, link) {
		wl_event_source_fd_update(dialogue->source, broker->paused ? 0 : WL_EVENT_READABLE);
	}
}

void name_service_end(struct broker *broker) {
	struct dialogue *dialogue, *next;
	wl_list_for_each_safe (dialogue, next, &broker->dialogues, link) {
		dialogue_destroy(dialogue);
	}
}
