#ifndef PARCLOSE_SESSION_SERVICE_H
#define PARCLOSE_SESSION_SERVICE_H

/*
 * What else is spoken on a session's sockets. The control socket answers the methods that it knows
 * itself (protocols/control.md); every other message goes to the service that the program's main
 * put in: other methods, answers, batches, and what is no message at all. The socket inside the
 * sandbox knows the service only. So the session need not know who speaks what.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>

struct session;
struct session_peer; // a connection, as the service sees it

struct session_service {
	// Somebody says something for the service for the first time. NULL: no memory, the
	// connection is closed. `inside`: from within the sandbox.
	void *(*open)(struct session *session, struct session_peer *peer, bool inside);
	// One JSON-RPC message, strictly parsed, an object or an array; valid during the call.
	void (*message)(void *state, const cJSON *message);
	// The connection is gone, or the session ends. Nothing may be sent any more, and acts that
	// still wait are to be cancelled.
	void (*close)(void *state);
};

// Sends one message, consumed; from anywhere but `close`. A reader that lets too much wait is
// closed.
void session_peer_send(struct session_peer *peer, cJSON *message);

#endif
