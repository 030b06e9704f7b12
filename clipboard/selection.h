#ifndef PARCLOSE_CLIPBOARD_SELECTION_H
#define PARCLOSE_CLIPBOARD_SELECTION_H

/*
 * The selections inside the session: clipboard, primary, drag and drop. An app may set one only as
 * the client with the keyboard (or, for a drag, the pressed pointer), by the serial of an event it
 * really got. Data goes from app to app by their own file descriptor; nothing of it passes here.
 */

#include <wayland-server-core.h>

#define SELECTION_MAX_TYPES 256 // MIME types a source may offer
#define SELECTION_MAX_TYPE_BYTES 65536 // all of them together

struct selection;
struct wlr_seat;

// NULL: out of memory.
struct selection *selection_create(struct wl_display *display, struct wlr_seat *seat);
// Before the seat is destroyed. NULL is allowed.
void selection_destroy(struct selection *selection);

#endif
