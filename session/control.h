#ifndef PARCLOSE_SESSION_CONTROL_H
#define PARCLOSE_SESSION_CONTROL_H

/*
 * The session's sockets: JSON-RPC 2.0, one message a line (protocols/control.md). The control
 * socket, outside, answers the methods parclose/… and gives every other message to the service;
 * only the session's own user and root may speak. The inside socket knows the service only,
 * and no method named parclose/….
 */

#include <stdbool.h>
#include <wayland-server-core.h>

struct control;
struct session;
struct session_service;

#define CONTROL_MAX_CONNECTIONS 64
#define CONTROL_MAX_INSIDE 8 // of the socket inside the sandbox

/*
 * What is said inside is worked for no longer than one part in so many of the time that goes by,
 * and so much ahead; then nothing is read until the debt is paid. A message costs at least what
 * reading it does, which its parsing does not show.
 */
#define CONTROL_INSIDE_PART 4
#define CONTROL_INSIDE_AHEAD_NS 500000000
#define CONTROL_INSIDE_MESSAGE_NS 200000

/*
 * Serves on `listen_fd` (taken over, also on failure). `service` (NULL: none) is borrowed until
 * control_destroy(). NULL when out of memory.
 */
struct control *control_create(struct wl_event_loop *loop, struct session *session, int listen_fd,
	const struct session_service *service, bool inside);

// Closes every connection. NULL is allowed.
void control_destroy(struct control *control);

#endif
