#include "network/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/clock.h"

#define SWEEP_MS 1000
#define KEPT_FDS 512 // not for connections: listeners, lookups, pipes under way
#define FDS_EACH 8 // of a connection: two sockets and two pipes, and the event loop's copies
#define CONNECTIONS_MOST 16384
#define CONNECTIONS_LEAST 16

// ---- listening sockets

static int handle_accept(int fd, uint32_t mask, void *data) {
	struct listener *listener = data;
	struct broker *broker = listener->broker;
	for (int i = 0; i < ACCEPTS_A_TURN && !broker->paused; i++) {
		int accepted = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (accepted < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				errno == ENOBUFS) {
				listener->stalled = true; // until the next sweep
				wl_event_source_fd_update(listener->source, 0);
				broker_watch_time(broker);
			}
			break;
		}
		if (listener->kind == BROKER_LISTEN_DNS_TCP) {
			name_service_accept(broker, accepted);
		} else {
			connection_accept(broker, listener, accepted);
		}
	}
	return 0;
}

static int handle_datagram(int fd, uint32_t mask, void *data) {
	struct listener *listener = data;
	if (listener->kind == BROKER_LISTEN_DNS_UDP) {
		name_service_datagrams(listener);
	} else {
		udp_datagrams(listener);
	}
	return 0;
}

static void listener_destroy(struct listener *listener) {
	if (listener->kind == BROKER_LISTEN_UDP) {
		udp_end(listener->broker, listener, BROKER_STOPPED);
	}
	if (listener->source != NULL) {
		wl_event_source_remove(listener->source);
	}
	wl_list_remove(&listener->link);
	listener->broker->listeners_len--;
	close(listener->fd);
	free(listener);
}

static bool is_datagram(enum broker_listen_kind kind) {
	return kind == BROKER_LISTEN_DNS_UDP || kind == BROKER_LISTEN_UDP;
}

// Is `fd` the kind of socket that was announced? Sets *family.
static bool check_socket(int fd, enum broker_listen_kind kind, int *family) {
	int type = 0, listening = 0;
	socklen_t len = sizeof(type), family_len = sizeof(*family), listening_len = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, family, &family_len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_len) == 0 &&
	       (*family == AF_INET || *family == AF_INET6) &&
	       type == (is_datagram(kind) ? SOCK_DGRAM : SOCK_STREAM) &&
	       (listening != 0) == (type == SOCK_STREAM) && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

bool broker_listen(struct broker *broker, const struct broker_message *message, int fd) {
	uint32_t kind = message->listen.kind, port = message->listen.port,
		 inside = message->listen.inside_port;
	int family = 0;
	struct listener *listener = NULL;
	if (kind >= BROKER_LISTEN_DNS_UDP && kind < BROKER_LISTEN_KIND_COUNT && port > 0 &&
		port <= 65535 && inside <= 65535 &&
		(inside > 0) == (kind == BROKER_LISTEN_PUBLISH) &&
		broker->listeners_len < BROKER_MAX_LISTENERS && check_socket(fd, kind, &family)) {
		listener = calloc(1, sizeof(*listener));
	}
	if (listener == NULL) {
		close(fd);
		return false;
	}
	*listener = (struct listener){
		.broker = broker,
		.kind = kind,
		.fd = fd,
		.family = family,
		.port = (uint16_t)port,
		.inside_port = (uint16_t)inside,
	};
	wl_list_insert(&broker->listeners, &listener->link);
	broker->listeners_len++;
	broker->has_v6 = broker->has_v6 ||
			 (family == AF_INET6 && (kind == BROKER_LISTEN_TCP ||
							kind == BROKER_LISTEN_TCP_REDIRECTED));
	listener->source =
		wl_event_loop_add_fd(broker->loop, fd, broker->paused ? 0 : WL_EVENT_READABLE,
			is_datagram(kind) ? handle_datagram : handle_accept, listener);
	if (listener->source == NULL || (kind == BROKER_LISTEN_UDP && !udp_prepare(listener))) {
		listener_destroy(listener);
		return false;
	}
	return true;
}

void broker_pause(struct broker *broker, bool paused) {
	struct listener *listener;
	broker->paused = paused;
	wl_list_for_each (listener, &broker->listeners, link) {
		wl_event_source_fd_update(listener->source, paused ? 0 : WL_EVENT_READABLE);
	}
	name_service_pause(broker);
}

// ---- time

static int handle_sweep(void *data) {
	struct broker *broker = data;
	uint64_t now_ms = clock_ms();
	bool connections = connections_sweep(broker, now_ms), flows = udp_sweep(broker, now_ms),
	     dialogues = name_service_sweep(broker, now_ms);
	bool stalled = false;
	struct listener *listener;
	wl_list_for_each (listener, &broker->listeners, link) {
		if (listener->stalled && !broker->paused) {
			listener->stalled = false;
			stalled = true;
			wl_event_source_fd_update(listener->source, WL_EVENT_READABLE);
		}
	}
	broker->sweeping = connections || flows || dialogues || stalled;
	wl_event_source_timer_update(broker->sweep, broker->sweeping ? SWEEP_MS : 0);
	return 0;
}

void broker_watch_time(struct broker *broker) {
	if (!broker->sweeping) {
		broker->sweeping = true;
		wl_event_source_timer_update(broker->sweep, SWEEP_MS);
	}
}

// ---- life

static size_t room_for_connections(void) {
	struct rlimit limit = {0};
	getrlimit(RLIMIT_NOFILE, &limit);
	size_t fds = limit.rlim_cur > KEPT_FDS ? limit.rlim_cur - KEPT_FDS : 0;
	size_t room = fds / FDS_EACH;
	return room < CONNECTIONS_LEAST  ? CONNECTIONS_LEAST
	       : room > CONNECTIONS_MOST ? CONNECTIONS_MOST
					 : room;
}

struct broker *broker_create(const struct broker_config *config, const struct broker_sink *sink,
	void *data, const char **why) {
	struct broker *broker = calloc(1, sizeof(*broker));
	*why = "out of memory";
	if (broker == NULL) {
		policy_destroy(config->policy);
		return NULL;
	}
	broker->loop = config->loop;
	broker->policy = config->policy;
	broker->learn = config->learn;
	broker->patience_ms = config->patience_ms > 0 ? config->patience_ms : BROKER_PATIENCE_MS;
	broker->sink = *sink;
	broker->data = data;
	broker->connections_max =
		config->connections > 0 ? config->connections : room_for_connections();
	wl_list_init(&broker->listeners);
	wl_list_init(&broker->connections);
	wl_list_init(&broker->silent);
	wl_list_init(&broker->dialogues);
	wl_list_init(&broker->flows);
	broker->pool = pool_create(POOL_NAMES);
	broker->sweep = wl_event_loop_add_timer(config->loop, handle_sweep, broker);
	if (broker->pool != NULL && broker->sweep != NULL) {
		broker->resolver =
			resolver_create(config->loop, config->resolvers, config->hosts, why);
	}
	if (broker->resolver == NULL) {
		broker_destroy(broker);
		return NULL;
	}
	return broker;
}

void broker_destroy(struct broker *broker) {
	if (broker == NULL) {
		return;
	}
	connections_end(broker, BROKER_STOPPED);
	name_service_end(broker);
	struct listener *listener, *next;
	wl_list_for_each_safe (listener, next, &broker->listeners, link) {
		listener_destroy(listener);
	}
	resolver_destroy(broker->resolver);
	pool_destroy(broker->pool);
	pipes_finish(&broker->pipes);
	if (broker->sweep != NULL) {
		wl_event_source_remove(broker->sweep);
	}
	policy_destroy(broker->policy);
	free(broker);
}

uint32_t broker_update(struct broker *broker, struct policy *policy) {
	policy_destroy(broker->policy);
	broker->policy = policy;
	return connections_reconsider(broker) + udp_reconsider(broker);
}

bool broker_inside_socket(struct broker *broker, const struct broker_message *message, int fd) {
	return connection_inside_socket(
		broker, message->inside_socket.token, (int)message->inside_socket.status, fd);
}
