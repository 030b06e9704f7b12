#ifndef PARCLOSE_SESSION_UPLINK_H
#define PARCLOSE_SESSION_UPLINK_H

/*
 * The supervisor's half of the network: starts the broker (network/), hands it the sockets it
 * serves, and checks everything it says (network/channel.h). A broker that lies is ended; that is
 * the uplink's end, said once through the observer, and every connection ends with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wayland-server-core.h>

#include "network/channel.h"

struct uplink;

struct uplink_options {
	const char *broker_path; // the parclose-network program
	const char *policy_text; // the document; borrowed during the call
	bool learn; // what the policy denies is let through, and said
};

// Called from the event loop, and from uplink_finish(); never from uplink_create().
struct uplink_observer {
	void (*ready)(void *data);
	// Every text in it is ended; name and rule are printable ASCII without spaces, the detail
	// printable ASCII, and every number is in its range.
	void (*decided)(void *data, const struct broker_decision *checked);
	// A TCP socket of the session's network is needed; answered by uplink_give_socket().
	void (*need_socket)(void *data, uint32_t token, int family);
	void (*updated)(void *data, uint32_t serial, bool done, uint32_t cut);
	void (*message)(void *data, const char *text); // a line of the broker's, fit to be shown
	void (*ended)(void *data, const char *reason); // at most once
};

// Returns NULL with a sentence in `why`. The observer and its data are borrowed until
// uplink_destroy().
struct uplink *uplink_create(struct wl_event_loop *loop, const struct uplink_options *options,
	const struct uplink_observer *observer, void *data, char *why, size_t why_size);

// Hands over a socket to be served; `fd` is taken over. `inside_port`: of BROKER_LISTEN_PUBLISH,
// else 0.
void uplink_listen(struct uplink *uplink, enum broker_listen_kind kind, uint16_t port,
	uint16_t inside_port, int fd);

// Answers need_socket: a descriptor (taken over), or -1 and an errno.
void uplink_give_socket(struct uplink *uplink, uint32_t token, int fd, int error);

// Has another policy hold from now on; answered by `updated` with the serial returned. -errno when
// it cannot be sent.
int uplink_update(struct uplink *uplink, const char *policy_text);

bool uplink_is_ready(const struct uplink *uplink);
pid_t uplink_pid(const struct uplink *uplink); // as seen outside, 0: it has ended

// Ends every connection and hears the broker out, which takes it a moment. NULL is allowed.
void uplink_finish(struct uplink *uplink);

// Kills the broker and frees. NULL is allowed.
void uplink_destroy(struct uplink *uplink);

/*
 * Is this a message that a broker may send, and what does it say? The one place where they are
 * checked (session/uplink-check.c). `untrusted_len` bytes were received. *checked: a copy, its
 * texts ended.
 */
bool uplink_check(const void *untrusted, size_t untrusted_len, struct broker_message *checked);

#endif
