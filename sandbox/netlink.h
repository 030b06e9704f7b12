#ifndef PARCLOSE_SANDBOX_NETLINK_H
#define PARCLOSE_SANDBOX_NETLINK_H

/*
 * Messages to the kernel's routing and packet filter tables, put together on the stack: this runs
 * in the helper of sandbox/netns.c, which may allocate nothing. netlink(7), rtnetlink(7).
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_BYTES 4096

struct netlink {
	int fd;
	uint32_t acks; // that are due of what is in `data`
	bool full; // something did not fit
	size_t len;
	struct nlmsghdr *message; // that is being written
	_Alignas(struct nlmsghdr) unsigned char data[NETLINK_BYTES];
};

// `protocol`: NETLINK_ROUTE or NETLINK_NETFILTER. 0 or -errno; closed by netlink_close().
int netlink_open(struct netlink *netlink, int protocol);
void netlink_close(struct netlink *netlink);

// Is there room for another message of at most `bytes`?
bool netlink_has_room(const struct netlink *netlink, size_t bytes);

// Begins a message with its fixed part; attributes follow.
void netlink_begin(struct netlink *netlink, uint16_t type, uint16_t flags, const void *fixed,
	size_t fixed_len);
void netlink_put(struct netlink *netlink, uint16_t type, const void *data, size_t len);
void netlink_put_raw(struct netlink *netlink, const void *data, size_t len); // no attribute
void netlink_put_string(struct netlink *netlink, uint16_t type, const char *text);
void netlink_put_be32(struct netlink *netlink, uint16_t type, uint32_t value);

// A nested attribute: what is put until netlink_leave() lies in it. Returns its place.
size_t netlink_enter(struct netlink *netlink, uint16_t type);
void netlink_leave(struct netlink *netlink, size_t place);

// Sends all there is in one go and waits for the kernel's word on each. 0 or the first -errno.
int netlink_send(struct netlink *netlink);

#endif
