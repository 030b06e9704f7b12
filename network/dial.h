#ifndef PARCLOSE_NETWORK_DIAL_H
#define PARCLOSE_NETWORK_DIAL_H

/*
 * A TCP connection to the first of several addresses that answers: each next one is tried when the
 * one before fails, or has not answered after DIAL_NEXT_MS (RFC 8305, without its sorting). No
 * address but those given is ever dialled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "policy/network.h"

#define DIAL_ADDRESSES 8
#define DIAL_NEXT_MS 250
#define DIAL_TIME_MS 20000 // for all of it

struct dial;

// `fd` is the connected, non-blocking socket, which becomes the called one's, or -errno. The dial
// is gone when this is called.
typedef void (*dial_done)(void *data, int fd, const struct network_address *address);

// 1..DIAL_ADDRESSES addresses, copied. Never calls `done` before it has returned. NULL: out of
// memory.
struct dial *dial_start(struct wl_event_loop *loop, const struct network_address *addresses,
	size_t len, uint16_t port, dial_done done, void *data);
void dial_cancel(struct dial *dial);

// Is this an address of this machine itself? True also where nobody can tell.
bool dial_is_own(const struct network_address *address);

#endif
