#ifndef PARCLOSE_VIEWER_STATISTICS_H
#define PARCLOSE_VIEWER_STATISTICS_H

/*
 * How long frames take from the session's compositor to the user's desktop, for measurements
 * (parclose-viewer --statistics). Without it nothing is kept.
 */

#include <gtk/gtk.h>

struct statistics;

struct statistics *statistics_create(void); // aborts when out of memory, as GLib does
void statistics_destroy(struct statistics *statistics); // NULL is allowed

// A frame committed at `time_ns` (CLOCK_MONOTONIC) is drawn in the clock's current turn.
void statistics_note(struct statistics *statistics, GdkFrameClock *clock, guint64 time_ns);
void statistics_torn(struct statistics *statistics);

/*
 * One line of JSON on standard output: frames shown and torn, and the median and 99th percentile of
 * milliseconds from commit to drawn (when a paint takes the frame, before it is done) and, where
 * the desktop tells, to presented.
 */
void statistics_print(struct statistics *statistics);

#endif
