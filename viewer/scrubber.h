#ifndef PARCLOSE_VIEWER_SCRUBBER_H
#define PARCLOSE_VIEWER_SCRUBBER_H

// The time of a recording as a line: what was done in it is marked, and a drag goes there.

#include <gtk/gtk.h>

struct wire_replay;

#define VIEWER_TYPE_SCRUBBER (viewer_scrubber_get_type())
G_DECLARE_FINAL_TYPE(ViewerScrubber, viewer_scrubber, VIEWER, SCRUBBER, GtkWidget)

// `replay` must outlive it; `seek` is called where the user goes to. Then, whenever it changes:
void scrubber_begin(ViewerScrubber *scrubber, const struct wire_replay *replay,
	void (*seek)(void *data, guint64 time_ns), void *data);
void scrubber_show_position(ViewerScrubber *scrubber);
void scrubber_show_marks(ViewerScrubber *scrubber);

// "1:05.2", with hours "2:01:05.2"; the caller frees.
char *scrubber_time(guint64 time_ns);

#endif
