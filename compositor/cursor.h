#ifndef PARCLOSE_COMPOSITOR_CURSOR_H
#define PARCLOSE_COMPOSITOR_CURSOR_H

// The pointer's image. It is never part of a frame: its pixels go to the cursor area, its place
// into a message.

#include <time.h>

struct compositor;
struct cursor;
struct wlr_seat_client;

struct cursor *cursor_create(struct compositor *c);
void cursor_destroy(struct cursor *cursor);

void cursor_moved(struct cursor *cursor, double x, double y);
// Back to the arrow: the pointer is over another client, which has not said a cursor yet.
void cursor_reset(struct cursor *cursor);
void cursor_frame_done(struct cursor *cursor, const struct timespec *now);

#endif
