#ifndef PARCLOSE_AGENT_MCP_H
#define PARCLOSE_AGENT_MCP_H

/*
 * A Model Context Protocol server on one connection, of both eras (agent/eras.h). It takes
 * messages and gives answers; how they travel is its host's business, and so is where the session
 * comes from. docs/agents.md tells users what it offers.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct mcp;
struct session;

#define MCP_MAX_REQUESTS 32 // that have no answer yet
#define MCP_MAX_ID_BYTES 256
// Memory that the arguments of those may take; from inside, where nobody is trusted, less.
#define MCP_MAX_WEIGHT (16u << 20)
#define MCP_MAX_WEIGHT_INSIDE (2u << 20)
// With so much unread no further tool begins: several pictures at once are more than a connection
// lets wait, and a client that is just slow shall not be cut off.
#define MCP_MAX_UNREAD (1u << 20)

struct mcp_host {
	// Sends a message, consumed. NULL: out of memory, the connection is of no more use.
	void (*send)(void *data, cJSON *message);
	/*
	 * The session that the tools act in; started now if there is none yet. NULL with a sentence
	 * in `why` when there can be none.
	 */
	struct session *(*session)(void *data, char *why, size_t why_size);
	// The session as it is, NULL: there is none now.
	struct session *(*peek)(void *data);
	// Bytes of answers that the other side has not read yet.
	size_t (*pending)(void *data);
	// Ends the session after this turn of the event loop. NULL: its tool is not offered.
	void (*stop)(void *data);
	// Whether it may begin something large now, and a word of each picture's CPU time: see
	// session/service.h. NULL: nobody counts.
	bool (*rested)(void *data);
	void (*worked)(void *data, uint64_t ns);
};

struct mcp_options {
	struct wl_event_loop *loop;
	bool inside; // the other side is the agent's: tools for the desktop, nothing else
	uint32_t width, height; // of the display, for the instructions; 0: there is none
};

// NULL when out of memory. The host and its data are borrowed.
struct mcp *mcp_create(const struct mcp_options *options, const struct mcp_host *host, void *data);

// One message as strictly parsed as policy/json.h does; valid during the call.
void mcp_message(struct mcp *mcp, const cJSON *untrusted_message);

// A program was just started in the session: the next act waits this long for its first window.
void mcp_expect_window(struct mcp *mcp, uint32_t ms);

// The session ended: calls under way in it fail.
void mcp_session_ended(struct mcp *mcp, const char *reason);

size_t mcp_requests(const struct mcp *mcp); // that have no answer yet

// Cancels what is under way and lets go of what the client left pressed; nothing more is sent. NULL
// is allowed.
void mcp_destroy(struct mcp *mcp);

#endif
