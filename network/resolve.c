#include "network/resolve.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "network/clock.h"
#include "network/hosts.h"

#define BUCKETS 256u
#define MAX_LOOKUPS 2048
#define LEAST_PIN_MS 2000 // a TTL of 0, and "there is none"
#define MAX_SOCKETS 64 // of c-ares

struct lookup {
	struct wl_list link; // struct resolver.buckets
	struct wl_list age; // struct resolver.ages: oldest first
	struct resolver *resolver;
	char name[NETWORK_NAME_SIZE];
	bool pending;
	uint64_t until_ms; // while not pending
	struct resolve_answer answer;
	struct wl_list waits; // struct resolve_wait.link; not empty only while pending
};

struct socket {
	int fd;
	struct wl_event_source *source; // NULL: free
};

struct resolver {
	struct wl_event_loop *loop;
	struct wl_event_source *timer;
	struct hosts *hosts;
	ares_channel_t *channel;
	struct socket sockets[MAX_SOCKETS];
	struct wl_list buckets[BUCKETS]; // struct lookup.link
	struct wl_list ages; // struct lookup.age
	size_t len, pending;
	bool closing;
};

// ---- c-ares in the event loop

static void arm(struct resolver *resolver) {
	struct timeval room, *next = ares_timeout(resolver->channel, NULL, &room);
	int ms = 0; // disarmed
	if (next != NULL) {
		ms = (int)(next->tv_sec * 1000 + next->tv_usec / 1000) + 1;
	}
	wl_event_source_timer_update(resolver->timer, ms);
}

static int handle_timer(void *data) {
	struct resolver *resolver = data;
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(resolver);
	return 0;
}

static int handle_socket(int fd, uint32_t mask, void *data) {
	struct resolver *resolver = data;
	bool readable = (mask & ~(uint32_t)WL_EVENT_WRITABLE) != 0;
	ares_process_fd(resolver->channel, readable ? fd : ARES_SOCKET_BAD,
		(mask & WL_EVENT_WRITABLE) ? fd : ARES_SOCKET_BAD);
	arm(resolver);
	return 0;
}

static void handle_state(void *data, ares_socket_t fd, int readable, int writable) {
	struct resolver *resolver = data;
	uint32_t mask = (readable ? WL_EVENT_READABLE : 0) | (writable ? WL_EVENT_WRITABLE : 0);
	struct socket *free_one = NULL;
	for (size_t i = 0; i < MAX_SOCKETS; i++) {
		struct socket *socket = &resolver->sockets[i];
		if (socket->source == NULL) {
			free_one = free_one != NULL ? free_one : socket;
		} else if (socket->fd == fd) {
			if (mask != 0) {
				wl_event_source_fd_update(socket->source, mask);
			} else {
				wl_event_source_remove(socket->source);
				socket->source = NULL;
			}
			return;
		}
	}
	// Without room the lookup runs into its time limit.
	if (mask != 0 && free_one != NULL) {
		free_one->fd = fd;
		free_one->source =
			wl_event_loop_add_fd(resolver->loop, fd, mask, handle_socket, resolver);
	}
}

// ---- lookups

static uint32_t bucket_of(const char *name) {
	uint32_t hash = 2166136261u;
	for (; *name != '\0'; name++) {
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	}
	return (hash ^ hash >> 16) % BUCKETS;
}

static void lookup_destroy(struct lookup *lookup) {
	wl_list_remove(&lookup->link);
	wl_list_remove(&lookup->age);
	lookup->resolver->len--;
	free(lookup);
}

// Tells all who wait; one may forget another, or ask anew.
static void finish(struct lookup *lookup, int ttl) {
	uint64_t pin_ms = ttl > 0 ? (uint64_t)ttl * 1000 : 0;
	pin_ms = pin_ms < LEAST_PIN_MS     ? LEAST_PIN_MS
		 : pin_ms > RESOLVE_PIN_MS ? RESOLVE_PIN_MS
					   : pin_ms;
	lookup->until_ms = clock_ms() + pin_ms;
	lookup->pending = false;
	lookup->resolver->pending--;
	const struct resolve_answer answer = lookup->answer;
	struct wl_list waits;
	wl_list_init(&waits);
	wl_list_insert_list(&waits, &lookup->waits);
	wl_list_init(&lookup->waits);
	while (!wl_list_empty(&waits)) {
		struct resolve_wait *wait = wl_container_of(waits.next, wait, link);
		wl_list_remove(&wait->link);
		wl_list_init(&wait->link);
		wait->done(wait->data, &answer);
	}
}

static void handle_answer(void *data, int status, int timeouts, struct ares_addrinfo *result) {
	struct lookup *lookup = data;
	if (lookup->resolver->closing) {
		if (result != NULL) {
			ares_freeaddrinfo(result);
		}
		return;
	}
	struct resolve_answer *answer = &lookup->answer;
	int ttl = result != NULL && result->nodes != NULL ? result->nodes->ai_ttl : 0;
	for (struct ares_addrinfo_node *node = result != NULL ? result->nodes : NULL;
		node != NULL && answer->len < RESOLVE_ADDRESSES; node = node->ai_next) {
		const void *bytes =
			node->ai_family == AF_INET
				? (const void *)&((struct sockaddr_in *)(void *)node->ai_addr)
					  ->sin_addr
				: (const void *)&((struct sockaddr_in6 *)(void *)node->ai_addr)
					  ->sin6_addr;
		if (network_address_from_bytes(
			    node->ai_family, bytes, &answer->addresses[answer->len])) {
			answer->len++;
		}
		ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
	}
	if (result != NULL) {
		ares_freeaddrinfo(result);
	}
	finish(lookup, ttl);
}

static struct lookup *lookup_create(struct resolver *resolver, const char *name) {
	if (resolver->len >= MAX_LOOKUPS) {
		struct lookup *oldest;
		wl_list_for_each (oldest, &resolver->ages, age) {
			if (!oldest->pending) {
				lookup_destroy(oldest);
				break;
			}
		}
	}
	struct lookup *lookup =
		resolver->len < MAX_LOOKUPS && resolver->pending < RESOLVE_MAX_PENDING
			? calloc(1, sizeof(*lookup))
			: NULL;
	if (lookup == NULL) {
		return NULL;
	}
	lookup->resolver = resolver;
	memcpy(lookup->name, name, strnlen(name, sizeof(lookup->name) - 1));
	wl_list_init(&lookup->waits);
	wl_list_insert(&resolver->buckets[bucket_of(name)], &lookup->link);
	wl_list_insert(resolver->ages.prev, &lookup->age);
	resolver->len++;
	return lookup;
}

const struct resolve_answer *resolver_ask(
	struct resolver *resolver, const char *name, struct resolve_wait *wait) {
	static const struct resolve_answer none;
	struct lookup *lookup, *next;
	wl_list_for_each_safe (lookup, next, &resolver->buckets[bucket_of(name)], link) {
		if (strcmp(lookup->name, name) != 0) {
			continue;
		}
		if (!lookup->pending && clock_ms() < lookup->until_ms) {
			return &lookup->answer;
		}
		if (lookup->pending) {
			wl_list_insert(lookup->waits.prev, &wait->link);
			return NULL;
		}
		lookup_destroy(lookup);
	}
	lookup = lookup_create(resolver, name);
	if (lookup == NULL) {
		return &none;
	}
	lookup->answer.len =
		hosts_find(resolver->hosts, name, lookup->answer.addresses, RESOLVE_ADDRESSES);
	if (lookup->answer.len > 0) {
		lookup->until_ms = clock_ms() + RESOLVE_PIN_MS;
		return &lookup->answer;
	}
	// c-ares may answer before it returns: then nobody waits yet, and the answer is there.
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = ARES_AI_NOSORT,
	};
	lookup->pending = true;
	resolver->pending++;
	ares_getaddrinfo(resolver->channel, name, NULL, &hints, handle_answer, lookup);
	arm(resolver);
	if (!lookup->pending) {
		return &lookup->answer;
	}
	wl_list_insert(lookup->waits.prev, &wait->link);
	return NULL;
}

void resolver_forget(struct resolve_wait *wait) {
	wl_list_remove(&wait->link);
	wl_list_init(&wait->link);
}

struct resolver *resolver_create(
	struct wl_event_loop *loop, const char *servers, const char *hosts, const char **why) {
	*why = "out of memory";
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		return NULL;
	}
	resolver->loop = loop;
	wl_list_init(&resolver->ages);
	for (size_t i = 0; i < BUCKETS; i++) {
		wl_list_init(&resolver->buckets[i]);
	}
	char lookups[] = "b"; // resolvers only: hosts(5) is ours to read
	struct ares_options options = {
		// No search list, no HOSTALIASES: the name that was decided on is the one asked
		// for.
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = 2000,
		.tries = 3,
		.lookups = lookups,
		.sock_state_cb = handle_state,
		.sock_state_cb_data = resolver,
		.ednspsz = 1232,
	};
	const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
			 ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ;
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS) {
		status = ares_init_options(&resolver->channel, &options, mask);
	}
	if (status == ARES_SUCCESS && servers != NULL) {
		status = ares_set_servers_ports_csv(resolver->channel, servers);
	}
	if (status != ARES_SUCCESS) {
		*why = ares_strerror(status);
	} else {
		resolver->timer = wl_event_loop_add_timer(loop, handle_timer, resolver);
		resolver->hosts = hosts_load(hosts);
	}
	if (resolver->timer == NULL || resolver->hosts == NULL) {
		resolver_destroy(resolver);
		return NULL;
	}
	return resolver;
}

void resolver_destroy(struct resolver *resolver) {
	if (resolver == NULL) {
		return;
	}
	resolver->closing = true;
	if (resolver->channel != NULL) {
		ares_destroy(resolver->channel);
	}
	ares_library_cleanup();
	for (size_t i = 0; i < MAX_SOCKETS; i++) {
		if (resolver->sockets[i].source != NULL) {
			wl_event_source_remove(resolver->sockets[i].source);
		}
	}
	if (resolver->timer != NULL) {
		wl_event_source_remove(resolver->timer);
	}
	hosts_destroy(resolver->hosts);
	struct lookup *lookup, *next;
	wl_list_for_each_safe (lookup, next, &resolver->ages, age) {
		lookup_destroy(lookup);
	}
	free(resolver);
}
