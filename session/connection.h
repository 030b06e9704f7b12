#ifndef PARCLOSE_SESSION_CONNECTION_H
#define PARCLOSE_SESSION_CONNECTION_H

/*
 * One partner who is spoken with in lines, each a JSON message: over a socket, or over a pair of
 * descriptors such as standard input and output. Both directions are bounded, and nothing blocks
 * the event loop. SIGPIPE must be ignored by the process.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <wayland-server-core.h>

struct connection;

#define CONNECTION_MAX_LINE (1u << 20) // bytes of one message
#define CONNECTION_MAX_PENDING (4u << 20) // bytes waiting for a reader before it is given up
#define CONNECTION_MAX_FDS 3 // beside one line

// Called from the event loop. connection_destroy() is allowed within each but `closed`.
struct connection_handler {
	// A line without its newline, valid during the call. One that is too long is refused by
	// the connection itself, and never seen here.
	void (*line)(void *data, const char *untrusted_line, size_t len);
	// Nothing more will be said, but answers may still be read: the connection stays until it
	// is destroyed. NULL: the end of what is said is the end of the connection.
	void (*ended)(void *data);
	// The partner is gone, or let too much wait. The connection is freed right after the call.
	void (*closed)(void *data);
};

/*
 * Takes over `in_fd` and `out_fd` (which may be one socket), also on failure. Sockets carry
 * descriptors both ways. NULL when out of memory.
 */
struct connection *connection_create(struct wl_event_loop *loop, int in_fd, int out_fd,
	const struct connection_handler *handler, void *data);

// Closes at once and frees; `closed` is not called. NULL is allowed.
void connection_destroy(struct connection *connection);

// Sends one message, consumed. NULL (out of memory) closes the connection.
void connection_send_json(struct connection *connection, cJSON *message);

/*
 * The same, with a descriptor (taken over; -1: none) beside the first byte. It needs a socket that
 * nothing waits for: a partner who asks for descriptors and does not read is closed.
 */
void connection_send_fd(struct connection *connection, cJSON *message, int fd);

// Listens no more, and closes (with `closed`) when everything sent is written.
void connection_finish(struct connection *connection);

// Of one socket: reads and handles nothing for as long as `held`; what was said stays, up to one
// message here and the rest with the kernel. Allowed from within `line`.
void connection_hold(struct connection *connection, bool held);

// Bytes that the partner has not read yet and the kernel has not taken.
size_t connection_pending(const struct connection *connection);

/*
 * Takes the descriptors that came beside the current line, within `line`: the caller owns them.
 * Returns how many; those that nobody takes are closed after the call.
 */
size_t connection_take_fds(struct connection *connection, int fds[CONNECTION_MAX_FDS]);

#endif
