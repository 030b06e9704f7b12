#ifndef PARCLOSE_INPUT_PLAYER_H
#define PARCLOSE_INPUT_PLAYER_H

/*
 * Performs actions on the seat. An action is a run of CHANNEL_INPUT messages with one token
 * (compositor/channel.h); it is collected to its last step, checked as a whole, and performed step
 * by step from the event loop, one action after the other. An action without a delay, a wait for a
 * frame or a text is performed within the call that brings its last step.
 *
 * What an action pressed and did not release stays down when it came to its end, until a later
 * action releases it; when it broke off, what it pressed goes up.
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "compositor/channel.h"

struct player;
struct seat;
struct wlr_surface;
struct xkb_keymap;

/*
 * What the player tells its host. Within a call nothing of the player may be called. Every action
 * whose last step came gets one INPUT_DONE, in the order of the last steps but for those that are
 * cancelled while they wait.
 */
struct player_host {
	// TYPED or INPUT_DONE; the host sets input_done.frame before it sends it on.
	void (*emit)(void *data, struct channel_message *message);
	// The id of the window that a surface belongs to, 0: none.
	uint32_t (*window_of)(void *data, struct wlr_surface *surface);
	// Right before an action sends its first event; what it changes comes after this.
	void (*began)(void *data, uint32_t token);
};

// NULL: out of memory. `keymap` is the seat's; the player takes a reference.
struct player *player_create(struct wl_event_loop *loop, struct seat *seat,
	struct xkb_keymap *keymap, const struct player_host *host, void *data);
// Before the seat is destroyed. Nothing is told any more. NULL is allowed.
void player_destroy(struct player *player);

// Takes a step. False: the message makes no sense, and nobody who speaks the protocol sent it.
bool player_step(struct player *player, const struct channel_message *message);

// Ends the action that plays or waits under this token; there may be none.
void player_cancel(struct player *player, uint32_t token);

// Cancels every action and releases every key, button and touch point (seat_release_all()).
void player_release(struct player *player);

/*
 * The same, and the seat has the session's own keymap: somebody else is to have the seat, who may
 * give it another until they are done.
 */
void player_stand_back(struct player *player);

#endif
