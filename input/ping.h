#ifndef PARCLOSE_INPUT_PING_H
#define PARCLOSE_INPUT_PING_H

/*
 * Asks a client whether it has read what was sent to it: xdg_wm_base.ping, which it answers when it
 * comes to it. wlroots tells only of answers that do not come, so they are looked for among the
 * requests.
 */

#include <wayland-server-core.h>

struct pinger;
struct ping;
struct wlr_surface;

struct pinger *pinger_create(struct wl_display *display); // NULL: out of memory
// Forgets the pings that are under way. Before the display is destroyed. NULL is allowed.
void pinger_destroy(struct pinger *pinger);

/*
 * Sends a ping to the client of `surface`, which belongs to a toplevel or popup. `answered` is
 * called once, when the loop is idle next, and ends the ping; also when the client goes instead.
 * NULL: out of memory, or this is no such surface.
 */
struct ping *ping_send(struct pinger *pinger, struct wlr_surface *surface,
	void (*answered)(void *data), void *data);
// Nobody waits for it any more. NULL is allowed.
void ping_cancel(struct ping *ping);

#endif
