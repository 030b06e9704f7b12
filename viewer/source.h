#ifndef PARCLOSE_VIEWER_SOURCE_H
#define PARCLOSE_VIEWER_SOURCE_H

#include <glib.h>

struct wire;

/*
 * An event source for the wire, attached to the default context: flushes it, and calls `readable`
 * when there is something to read. Weaker than drawing and the desktop's events, so that a
 * supervisor that talks without end does not keep the window from working. Destroy it in the same
 * turn in which the wire ends.
 */
GSource *source_new(struct wire *wire, void (*readable)(void *data), void *data);

#endif
