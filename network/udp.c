/*
 * Datagrams to ranges of addresses. A flow is what goes between one port inside and one address and
 * port outside; it has a connected socket of its own outside, so that only that peer's datagrams
 * come back, and they come from the address that was asked.
 */

#include "network/internal.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/clock.h"

#define MAX_FLOWS 1024
#define IDLE_MS 120000 // RFC 4787, REQ-5
#define EVICT_IDLE_MS 10000
#define MAX_DATAGRAM 65535

struct flow {
	struct wl_list link; // struct broker.flows
	struct broker *broker;
	struct listener *listener;
	struct sockaddr_storage from; // inside
	socklen_t from_len;
	struct network_address to;
	struct target target;
	int fd; // owned, connected to `to`
	struct wl_event_source *source;
	uint64_t id, began_ms, active_ms;
	uint64_t bytes_out, bytes_in;
};

// Datagrams are looked at one at a time.
static unsigned char datagram[MAX_DATAGRAM];

static void tell(const struct flow *flow, enum broker_decision_kind kind, bool allowed,
	enum broker_reason reason) {
	const struct decision decision = {
		.kind = kind,
		.reason = reason,
		.allowed = allowed,
		.learned = flow->target.learned,
		.id = flow->id,
		.protocol = IPPROTO_UDP,
		.port = flow->target.port,
		.name = flow->target.entry != NULL ? flow->target.entry->name : NULL,
		.rule = flow->target.rule,
		.address = &flow->to,
		.bytes_out = flow->bytes_out,
		.bytes_in = flow->bytes_in,
		.duration_ms = kind == BROKER_CLOSED ? clock_ms() - flow->began_ms : 0,
	};
	audit(flow->broker, &decision);
}

static void flow_end(struct flow *flow, enum broker_reason reason) {
	tell(flow, BROKER_CLOSED, true, reason);
	wl_event_source_remove(flow->source);
	wl_list_remove(&flow->link);
	flow->broker->flows_len--;
	close(flow->fd);
	free(flow);
}

// ---- coming back

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

// From the address that was asked, though no interface has it (IPV6_FREEBIND).
static void send_inside(const struct flow *flow, size_t len) {
	struct iovec iov = {.iov_base = datagram, .iov_len = len};
	union control control = {0};
	struct msghdr message = {
		.msg_name = (void *)&flow->from,
		.msg_namelen = flow->from_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	struct cmsghdr *head = &control.header;
	if (flow->from.ss_family == AF_INET6) {
		struct in6_pktinfo info = {0};
		if (flow->to.family == AF_INET) { // as ::ffff:a.b.c.d
			info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
			memcpy(info.ipi6_addr.s6_addr + 12, flow->to.bytes, 4);
		} else {
			memcpy(info.ipi6_addr.s6_addr, flow->to.bytes, 16);
		}
		head->cmsg_level = IPPROTO_IPV6;
		head->cmsg_type = IPV6_PKTINFO;
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, flow->to.bytes, 4);
		head->cmsg_level = IPPROTO_IP;
		head->cmsg_type = IP_PKTINFO;
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	}
	if (sendmsg(flow->listener->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		return; // as lost as a datagram may be
	}
}

static int handle_outside(int fd, uint32_t mask, void *data) {
	struct flow *flow = data;
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		ssize_t n = recv(flow->fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		if (n < 0) {
			break; // nothing more, or an ICMP error, which is cleared by this
		}
		flow->bytes_in += (size_t)n;
		flow->active_ms = clock_ms();
		send_inside(flow, (size_t)n);
	}
	return 0;
}

// ---- going out

static bool same(const struct flow *flow, const struct listener *listener,
	const struct sockaddr_storage *from, const struct network_address *to) {
	if (flow->listener != listener || flow->to.family != to->family ||
		memcmp(flow->to.bytes, to->bytes, sizeof(to->bytes)) != 0 ||
		flow->from.ss_family != from->ss_family) {
		return false;
	}
	struct network_address left, right;
	uint16_t left_port, right_port;
	return network_address_from_sockaddr(
		       (const struct sockaddr *)&flow->from, &left, &left_port) &&
	       network_address_from_sockaddr((const struct sockaddr *)from, &right, &right_port) &&
	       left_port == right_port && memcmp(left.bytes, right.bytes, sizeof(left.bytes)) == 0;
}

static bool make_room(struct broker *broker) {
	if (broker->flows_len < MAX_FLOWS) {
		return true;
	}
	struct flow *oldest = wl_container_of(broker->flows.next, oldest, link);
	if (clock_ms() - oldest->active_ms < EVICT_IDLE_MS) {
		return false;
	}
	flow_end(oldest, BROKER_TOO_MANY);
	return true;
}

// Connects the flow's socket. False: there is no way.
static bool open_outside(struct flow *flow) {
	struct sockaddr_storage to;
	size_t len = network_address_to_sockaddr(&flow->to, flow->target.port, &to);
	flow->fd = socket(flow->to.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (flow->fd < 0) {
		return false;
	}
	if (connect(flow->fd, (struct sockaddr *)&to, (socklen_t)len) == 0) {
		flow->source = wl_event_loop_add_fd(
			flow->broker->loop, flow->fd, WL_EVENT_READABLE, handle_outside, flow);
	}
	if (flow->source == NULL) {
		close(flow->fd);
		return false;
	}
	return true;
}

// NULL: it may not be, and that was told.
static struct flow *flow_create(struct listener *listener, const struct sockaddr_storage *from,
	socklen_t from_len, const struct network_address *to) {
	struct broker *broker = listener->broker;
	struct flow blank = {
		.broker = broker,
		.listener = listener,
		.from = *from,
		.from_len = from_len,
		.to = *to,
		.began_ms = clock_ms(),
		.active_ms = clock_ms(),
	};
	decide_target(broker, to, NETWORK_UDP, listener->port, &blank.target);
	// Datagrams go to addresses only: a name's would have to be looked up first.
	if (!blank.target.allowed || blank.target.kind != TARGET_ADDRESS) {
		tell(&blank, BROKER_FLOW, false, blank.target.reason);
		return NULL;
	}
	struct flow *flow = make_room(broker) ? malloc(sizeof(*flow)) : NULL;
	if (flow == NULL) {
		tell(&blank, BROKER_FLOW, true, BROKER_TOO_MANY);
		return NULL;
	}
	*flow = blank;
	if (!open_outside(flow)) {
		tell(&blank, BROKER_FLOW, true, BROKER_UNREACHABLE);
		free(flow);
		return NULL;
	}
	flow->id = ++broker->next_id;
	wl_list_insert(broker->flows.prev, &flow->link);
	broker->flows_len++;
	tell(flow, BROKER_FLOW, true, BROKER_BY_RULE);
	broker_watch_time(broker);
	return flow;
}

static void take_datagram(struct listener *listener, const struct sockaddr_storage *from,
	socklen_t from_len, const struct network_address *to, size_t len) {
	struct broker *broker = listener->broker;
	struct flow *flow, *found = NULL;
	wl_list_for_each_reverse (flow, &broker->flows, link) {
		if (same(flow, listener, from, to)) {
			found = flow;
			break;
		}
	}
	if (found == NULL) {
		found = flow_create(listener, from, from_len, to);
		if (found == NULL) {
			return;
		}
	}
	wl_list_remove(&found->link);
	wl_list_insert(broker->flows.prev, &found->link);
	found->active_ms = clock_ms();
	if (send(found->fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		found->bytes_out += len;
	}
}

// Whom a datagram was for.
static bool find_destination(struct msghdr *message, struct network_address *to) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			struct sockaddr_in6 address = {.sin6_family = AF_INET6};
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			address.sin6_addr = info.ipi6_addr;
			return network_address_from_sockaddr((struct sockaddr *)&address, to, NULL);
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return network_address_from_bytes(AF_INET, &info.ipi_addr, to);
		}
	}
	return false;
}

void udp_datagrams(struct listener *listener) {
	for (int i = 0; i < DATAGRAMS_A_TURN && !listener->broker->paused; i++) {
		struct sockaddr_storage from;
		struct iovec iov = {.iov_base = datagram, .iov_len = sizeof(datagram)};
		union {
			struct cmsghdr align;
			char bytes[256];
		} control;
		struct msghdr message = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(listener->fd, &message, MSG_DONTWAIT);
		struct network_address to;
		if (n < 0) {
			return;
		}
		if (find_destination(&message, &to)) {
			take_datagram(listener, &from, message.msg_namelen, &to, (size_t)n);
		}
	}
}

bool udp_prepare(struct listener *listener) {
	const int on = 1;
	if (listener->family == AF_INET) {
		return setsockopt(listener->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0 &&
		       setsockopt(listener->fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0;
	}
	return setsockopt(listener->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) == 0 &&
	       setsockopt(listener->fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) == 0;
}

// ---- ending

bool udp_sweep(struct broker *broker, uint64_t now_ms) {
	struct flow *flow, *next;
	wl_list_for_each_safe (flow, next, &broker->flows, link) {
		if (now_ms - flow->active_ms > IDLE_MS) {
			flow_end(flow, BROKER_DONE);
		}
	}
	return !wl_list_empty(&broker->flows);
}

void udp_end(struct broker *broker, struct listener *listener, enum broker_reason reason) {
	struct flow *flow, *next;
	wl_list_for_each_safe (flow, next, &broker->flows, link) {
		if (flow->listener == listener) {
			flow_end(flow, reason);
		}
	}
}

uint32_t udp_reconsider(struct broker *broker) {
	uint32_t cut = 0;
	struct flow *flow, *next;
	wl_list_for_each_safe (flow, next, &broker->flows, link) {
		decide_again(broker, &flow->target, NETWORK_UDP, NULL);
		if (!flow->target.allowed) {
			flow_end(flow, BROKER_POLICY_CHANGED);
			cut++;
		}
	}
	return cut;
}
