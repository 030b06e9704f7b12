#ifndef PARCLOSE_SESSION_CONTROL_H
#define PARCLOSE_SESSION_CONTROL_H

/*
 * The control socket: JSON-RPC 2.0, one message a line, descriptors beside it
 * (protocols/control.md). Only the session's own user and root may speak.
 */

#include <wayland-server-core.h>

struct control;
struct session;

#define CONTROL_MAX_LINE (1u << 20) // bytes of one message
#define CONTROL_MAX_CONNECTIONS 64
#define CONTROL_MAX_PENDING \
	(4u << 20) // bytes waiting for one reader; beyond it the connection is closed

// Serves on `listen_fd` (taken over, also on failure). NULL when out of memory.
struct control *control_create(struct wl_event_loop *loop, struct session *session, int listen_fd);

// Closes every connection. NULL is allowed.
void control_destroy(struct control *control);

#endif
