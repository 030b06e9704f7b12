#ifndef PARCLOSE_CLIPBOARD_SELECTION_H
#define PARCLOSE_CLIPBOARD_SELECTION_H

/*
 * The selections inside the session: clipboard, primary, drag and drop. An app may set one only as
 * the client with the keyboard (or, for a drag, the pressed pointer), by the serial of an event it
 * really got. Data goes from app to app by their own file descriptor; nothing of it passes here.
 */

#include <wayland-server-core.h>

#define SELECTION_MAX_TYPES 256 // MIME types a source may offer
#define SELECTION_MAX_TYPE_NAME 1024 // bytes of one of them
#define SELECTION_MAX_TYPE_BYTES 65536 // all of them together
/*
 * How often selections may be set. A program that marks text sets one for every motion of the
 * pointer, which is what this leaves room for.
 */
#define SELECTION_BURST 400
#define SELECTION_PER_SECOND 200

struct selection;
struct wlr_seat;

// NULL: out of memory.
struct selection *selection_create(struct wl_display *display, struct wlr_seat *seat);
// Before the seat is destroyed. NULL is allowed.
void selection_destroy(struct selection *selection);

#endif
