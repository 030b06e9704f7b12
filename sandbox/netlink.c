#include "sandbox/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(struct netlink *netlink, int protocol) {
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	netlink->len = 0;
	netlink->acks = 0;
	netlink->full = false;
	netlink->message = NULL;
	return netlink->fd < 0 ? -errno : 0;
}

void netlink_close(struct netlink *netlink) {
	close(netlink->fd);
	netlink->fd = -1;
}

bool netlink_has_room(const struct netlink *netlink, size_t bytes) {
	return sizeof(netlink->data) - netlink->len >= bytes;
}

// Room for `len` more bytes, zeroed and aligned; NULL when there is none.
static void *grow(struct netlink *netlink, size_t len) {
	size_t aligned = NLMSG_ALIGN(len);
	if (aligned > sizeof(netlink->data) - netlink->len) {
		netlink->full = true;
		return NULL;
	}
	unsigned char *at = netlink->data + netlink->len;
	memset(at, 0, aligned);
	netlink->len += aligned;
	if (netlink->message != NULL) {
		netlink->message->nlmsg_len += (uint32_t)aligned;
	}
	return at;
}

void netlink_begin(struct netlink *netlink, uint16_t type, uint16_t flags, const void *fixed,
	size_t fixed_len) {
	netlink->message = NULL;
	struct nlmsghdr *header = grow(netlink, NLMSG_HDRLEN + fixed_len);
	if (header == NULL) {
		return;
	}
	header->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(fixed_len));
	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	netlink->acks += (flags & NLM_F_ACK) != 0;
	memcpy(NLMSG_DATA(header), fixed, fixed_len);
	netlink->message = header;
}

void netlink_put(struct netlink *netlink, uint16_t type, const void *data, size_t len) {
	struct nlattr *attribute = grow(netlink, NLA_HDRLEN + len);
	if (attribute != NULL) {
		attribute->nla_type = type;
		attribute->nla_len = (uint16_t)(NLA_HDRLEN + len);
		if (len > 0) {
			memcpy((unsigned char *)attribute + NLA_HDRLEN, data, len);
		}
	}
}

void netlink_put_raw(struct netlink *netlink, const void *data, size_t len) {
	void *at = grow(netlink, len);
	if (at != NULL) {
		memcpy(at, data, len);
	}
}

void netlink_put_string(struct netlink *netlink, uint16_t type, const char *text) {
	netlink_put(netlink, type, text, strlen(text) + 1);
}

void netlink_put_be32(struct netlink *netlink, uint16_t type, uint32_t value) {
	const uint32_t wire = htonl(value);
	netlink_put(netlink, type, &wire, sizeof(wire));
}

size_t netlink_enter(struct netlink *netlink, uint16_t type) {
	size_t place = netlink->len;
	netlink_put(netlink, type | NLA_F_NESTED, NULL, 0);
	return place;
}

void netlink_leave(struct netlink *netlink, size_t place) {
	if (!netlink->full) {
		struct nlattr *attribute = (struct nlattr *)(netlink->data + place);
		attribute->nla_len = (uint16_t)(netlink->len - place);
	}
}

// Reads what the kernel says of the messages that were sent. 0 or the first -errno.
static int take_acks(struct netlink *netlink) {
	_Alignas(struct nlmsghdr) unsigned char data[NETLINK_BYTES];
	int ret = 0;
	while (netlink->acks > 0 && ret == 0) {
		ssize_t got = recv(netlink->fd, data, sizeof(data), 0);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return -errno;
		}
		ssize_t left = got;
		for (struct nlmsghdr *header = (struct nlmsghdr *)data; NLMSG_OK(header, left);
			header = NLMSG_NEXT(header, left)) {
			struct nlmsgerr error;
			if (header->nlmsg_type != NLMSG_ERROR ||
				header->nlmsg_len < NLMSG_LENGTH(sizeof(error))) {
				continue;
			}
			memcpy(&error, NLMSG_DATA(header), sizeof(error));
			ret = ret == 0 ? error.error : ret;
			netlink->acks -= netlink->acks > 0;
		}
	}
	return ret;
}

int netlink_send(struct netlink *netlink) {
	int ret = netlink->full ? -EMSGSIZE : 0;
	if (ret == 0 && netlink->len > 0) {
		const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
		ssize_t sent;
		do {
			sent = sendto(netlink->fd, netlink->data, netlink->len, 0,
				(const struct sockaddr *)&kernel, sizeof(kernel));
		} while (sent < 0 && errno == EINTR);
		ret = sent < 0 ? -errno : take_acks(netlink);
	}
	netlink->len = 0;
	netlink->acks = 0;
	netlink->message = NULL;
	return ret;
}
