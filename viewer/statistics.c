#include "viewer/statistics.h"

#include <stdbool.h>

#define PENDING 8 // frames whose presentation the desktop may still tell

struct pending {
	gint64 counter; // of the clock
	guint64 time_ns;
};

struct statistics {
	guint64 shown, torn;
	GArray *drawn, *presented; // of double: milliseconds after the commit
	struct pending pending[PENDING];
	size_t pending_len;
};

struct statistics *statistics_create(void) {
	struct statistics *statistics = g_new0(struct statistics, 1);
	statistics->drawn = g_array_new(FALSE, FALSE, sizeof(double));
	statistics->presented = g_array_new(FALSE, FALSE, sizeof(double));
	return statistics;
}

void statistics_destroy(struct statistics *statistics) {
	if (statistics != NULL) {
		g_array_unref(statistics->drawn);
		g_array_unref(statistics->presented);
		g_free(statistics);
	}
}

static void add(GArray *array, gint64 at_us, guint64 time_ns) {
	double ms = (double)at_us / 1e3 - (double)time_ns / 1e6;
	g_array_append_val(array, ms);
}

// Takes what is known by now, and forgets what will never be.
static void collect(struct statistics *statistics, GdkFrameClock *clock) {
	size_t kept = 0;
	for (size_t i = 0; i < statistics->pending_len; i++) {
		struct pending pending = statistics->pending[i];
		GdkFrameTimings *timings = gdk_frame_clock_get_timings(clock, pending.counter);
		if (timings != NULL && !gdk_frame_timings_get_complete(timings)) {
			statistics->pending[kept++] = pending;
		} else if (timings != NULL) {
			gint64 at_us = gdk_frame_timings_get_presentation_time(timings);
			// A desktop may tell none, or by a clock that is not everybody's.
			if (at_us > (gint64)(pending.time_ns / 1000)) {
				add(statistics->presented, at_us, pending.time_ns);
			}
		}
	}
	statistics->pending_len = kept;
}

void statistics_note(struct statistics *statistics, GdkFrameClock *clock, guint64 time_ns) {
	if (statistics == NULL) {
		return;
	}
	collect(statistics, clock);
	statistics->shown++;
	add(statistics->drawn, g_get_monotonic_time(), time_ns);
	if (statistics->pending_len < PENDING) {
		statistics->pending[statistics->pending_len++] =
			(struct pending){gdk_frame_clock_get_frame_counter(clock), time_ns};
	}
}

void statistics_torn(struct statistics *statistics) {
	if (statistics != NULL) {
		statistics->torn++;
	}
}

static int compare(gconstpointer a, gconstpointer b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void print_times(const char *name, GArray *array) {
	g_array_sort(array, compare);
	if (array->len == 0) {
		g_print(", \"%s\": null", name);
		return;
	}
	g_print(", \"%s\": {\"count\": %u, \"medianMs\": %.2f, \"p99Ms\": %.2f}", name, array->len,
		g_array_index(array, double, array->len / 2),
		g_array_index(array, double, array->len * 99 / 100));
}

void statistics_print(struct statistics *statistics) {
	g_print("{\"shown\": %" G_GUINT64_FORMAT ", \"torn\": %" G_GUINT64_FORMAT,
		statistics->shown, statistics->torn);
	print_times("drawn", statistics->drawn);
	print_times("presented", statistics->presented);
	g_print("}\n");
}
