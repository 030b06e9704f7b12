#include "viewer/scrubber.h"

#include <glib/gi18n.h>

#include "viewer/wire.h"

#define HEIGHT 30 // units, as everything here
#define EDGE 8.0f // left and right, so that the handle has room
#define LINE_Y 20.0f
#define LINE_HEIGHT 4.0f
#define HANDLE 7.0f
#define TICK 2.0f
#define NEAR 3.0

// How a kind is marked: by its height, too, for those who do not tell the colours apart.
static const struct {
	guint kind;
	float height;
	GdkRGBA colour; // as in style.css
	const char *words;
} kinds[] = {
	{VIEW_MARK_OTHER, 5, {0.55f, 0.55f, 0.58f, 1}, N_("something happened")},
	{VIEW_MARK_AGENT, 9, {0x35 / 255.0f, 0x84 / 255.0f, 0xe4 / 255.0f, 1},
		N_("the agent acted")},
	{VIEW_MARK_PERSON, 13, {0xe6 / 255.0f, 0x61 / 255.0f, 0, 1}, N_("a person acted")},
	{VIEW_MARK_REFUSED, 16, {0xe0 / 255.0f, 0x1b / 255.0f, 0x24 / 255.0f, 1},
		N_("something was refused, or failed")},
};

struct _ViewerScrubber {
	GtkWidget parent_instance;
	const struct wire_replay *replay; // NULL: not begun
	void (*seek)(void *data, guint64 time_ns);
	void *data;
	gboolean dragging;
	guint64 wanted_ns; // while dragging
	GskRenderNode *marks; // as last drawn; NULL: draw them anew
	int marks_width;
};

G_DEFINE_FINAL_TYPE(ViewerScrubber, viewer_scrubber, GTK_TYPE_WIDGET)

char *scrubber_time(guint64 time_ns) {
	guint64 tenths = time_ns / 100000000;
	guint64 seconds = tenths / 10, minutes = seconds / 60, hours = minutes / 60;
	return hours > 0
		       ? g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u.%u", hours,
				 (guint)(minutes % 60), (guint)(seconds % 60), (guint)(tenths % 10))
		       : g_strdup_printf("%u:%02u.%u", (guint)minutes, (guint)(seconds % 60),
				 (guint)(tenths % 10));
}

static float line_width(ViewerScrubber *scrubber) {
	float width = (float)gtk_widget_get_width(GTK_WIDGET(scrubber)) - 2 * EDGE;
	return MAX(width, 1);
}

static double part_at(ViewerScrubber *scrubber, double x) {
	return CLAMP((x - (double)EDGE) / (double)line_width(scrubber), 0, 1);
}

static guint64 time_at(ViewerScrubber *scrubber, double x) {
	return (guint64)(part_at(scrubber, x) * (double)scrubber->replay->duration_ns);
}

// ---- drawing

static GskRenderNode *draw_marks(ViewerScrubber *scrubber) {
	GtkSnapshot *snapshot = gtk_snapshot_new();
	float part = line_width(scrubber) / VIEW_MARKS_LEN;
	for (size_t kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
		float height = kinds[kind].height;
		float ended = -1; // at one place of the line one tick is enough
		for (guint i = 0; i < VIEW_MARKS_LEN; i++) {
			float x = EDGE + ((float)i + 0.5f) * part - TICK / 2;
			if ((scrubber->replay->marks[i] & kinds[kind].kind) == 0 || x < ended) {
				continue;
			}
			ended = x + TICK / 2;
			gtk_snapshot_append_color(snapshot, &kinds[kind].colour,
				&GRAPHENE_RECT_INIT(x, LINE_Y - 2 - height, TICK, height));
		}
	}
	return gtk_snapshot_free_to_node(snapshot);
}

static void append_pill(
	GtkSnapshot *snapshot, const GdkRGBA *colour, float x, float y, float width, float height) {
	GskRoundedRect pill;
	gsk_rounded_rect_init_from_rect(
		&pill, &GRAPHENE_RECT_INIT(x, y, width, height), height / 2);
	gtk_snapshot_push_rounded_clip(snapshot, &pill);
	gtk_snapshot_append_color(snapshot, colour, &pill.bounds);
	gtk_snapshot_pop(snapshot);
}

static void viewer_scrubber_snapshot(GtkWidget *widget, GtkSnapshot *snapshot) {
	ViewerScrubber *scrubber = VIEWER_SCRUBBER(widget);
	if (scrubber->replay == NULL) {
		return;
	}
	int width = gtk_widget_get_width(widget);
	if (scrubber->marks == NULL || scrubber->marks_width != width) {
		g_clear_pointer(&scrubber->marks, gsk_render_node_unref);
		scrubber->marks = draw_marks(scrubber);
		scrubber->marks_width = width;
	}
	if (scrubber->marks != NULL) {
		gtk_snapshot_append_node(snapshot, scrubber->marks);
	}
	guint64 duration_ns = MAX(scrubber->replay->duration_ns, 1);
	guint64 time_ns = scrubber->dragging ? scrubber->wanted_ns : scrubber->replay->position_ns;
	float played = (float)((double)time_ns / (double)duration_ns) * line_width(scrubber);
	GdkRGBA text, dim;
	gtk_widget_get_color(widget, &text);
	dim = text;
	dim.alpha *= 0.25f;
	append_pill(snapshot, &dim, EDGE, LINE_Y, line_width(scrubber), LINE_HEIGHT);
	append_pill(snapshot, &text, EDGE, LINE_Y, MAX(played, 1), LINE_HEIGHT);
	append_pill(snapshot, &text, EDGE + played - HANDLE, LINE_Y + LINE_HEIGHT / 2 - HANDLE,
		2 * HANDLE, 2 * HANDLE);
}

static void viewer_scrubber_measure(GtkWidget *widget, GtkOrientation orientation, int for_size,
	int *minimum, int *natural, int *minimum_baseline, int *natural_baseline) {
	*minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 100 : HEIGHT;
}

// ---- the user

static void go_to(ViewerScrubber *scrubber, double x) {
	scrubber->wanted_ns = time_at(scrubber, x);
	scrubber->seek(scrubber->data, scrubber->wanted_ns);
	gtk_widget_queue_draw(GTK_WIDGET(scrubber));
}

static void handle_drag_begin(GtkGestureDrag *drag, double x, double y, ViewerScrubber *scrubber) {
	if (scrubber->replay != NULL) {
		scrubber->dragging = TRUE;
		go_to(scrubber, x);
	}
}

static void handle_drag(GtkGestureDrag *drag, double by_x, double by_y, ViewerScrubber *scrubber) {
	double x, y;
	if (scrubber->dragging && gtk_gesture_drag_get_start_point(drag, &x, &y)) {
		go_to(scrubber, x + by_x);
	}
}

static void handle_drag_end(
	GtkGestureDrag *drag, double by_x, double by_y, ViewerScrubber *scrubber) {
	scrubber->dragging = FALSE;
	gtk_widget_queue_draw(GTK_WIDGET(scrubber));
}

static gboolean viewer_scrubber_query_tooltip(
	GtkWidget *widget, int x, int y, gboolean keyboard, GtkTooltip *tooltip) {
	ViewerScrubber *scrubber = VIEWER_SCRUBBER(widget);
	if (scrubber->replay == NULL || keyboard) {
		return FALSE;
	}
	double part = part_at(scrubber, x) * VIEW_MARKS_LEN;
	// What is marked near the pointer.
	double near = NEAR * VIEW_MARKS_LEN / (double)line_width(scrubber);
	guint first = (guint)MAX(part - near, 0),
	      last = (guint)MIN(part + near, VIEW_MARKS_LEN - 1);
	guint marked = 0;
	for (guint i = first; i <= last; i++) {
		marked |= scrubber->replay->marks[i];
	}
	g_autofree char *time = scrubber_time(time_at(scrubber, x));
	g_autoptr(GString) text = g_string_new(time);
	for (size_t i = G_N_ELEMENTS(kinds); i-- > 0;) {
		if ((marked & kinds[i].kind) != 0) {
			g_string_append_printf(text, "\n%s", _(kinds[i].words));
		}
	}
	gtk_tooltip_set_text(tooltip, text->str);
	return TRUE;
}

// ---- what is shown

void scrubber_show_position(ViewerScrubber *scrubber) {
	const struct wire_replay *replay = scrubber->replay;
	g_autofree char *now = scrubber_time(replay->position_ns);
	g_autofree char *end = scrubber_time(replay->duration_ns);
	// Translators: two points in time: "0:12.0 of 3:40.0".
	g_autofree char *text = g_strdup_printf(_("%s of %s"), now, end);
	gtk_accessible_update_property(GTK_ACCESSIBLE(scrubber), GTK_ACCESSIBLE_PROPERTY_VALUE_MIN,
		0.0, GTK_ACCESSIBLE_PROPERTY_VALUE_MAX, (double)replay->duration_ns / 1e9,
		GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, (double)replay->position_ns / 1e9,
		GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text, -1);
	gtk_widget_queue_draw(GTK_WIDGET(scrubber));
}

void scrubber_show_marks(ViewerScrubber *scrubber) {
	g_clear_pointer(&scrubber->marks, gsk_render_node_unref);
	gtk_widget_queue_draw(GTK_WIDGET(scrubber));
}

void scrubber_begin(ViewerScrubber *scrubber, const struct wire_replay *replay,
	void (*seek)(void *data, guint64 time_ns), void *data) {
	scrubber->replay = replay;
	scrubber->seek = seek;
	scrubber->data = data;
	scrubber_show_position(scrubber);
}

// ---- the widget

static void viewer_scrubber_dispose(GObject *object) {
	ViewerScrubber *scrubber = VIEWER_SCRUBBER(object);
	scrubber->replay = NULL;
	g_clear_pointer(&scrubber->marks, gsk_render_node_unref);
	G_OBJECT_CLASS(viewer_scrubber_parent_class)->dispose(object);
}

static void viewer_scrubber_class_init(ViewerScrubberClass *class) {
	GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = viewer_scrubber_dispose;
	widget_class->snapshot = viewer_scrubber_snapshot;
	widget_class->measure = viewer_scrubber_measure;
	widget_class->query_tooltip = viewer_scrubber_query_tooltip;
	gtk_widget_class_set_css_name(widget_class, "scrubber");
	gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_SLIDER);
}

static void viewer_scrubber_init(ViewerScrubber *scrubber) {
	GtkGesture *drag = gtk_gesture_drag_new();
	g_signal_connect(drag, "drag-begin", G_CALLBACK(handle_drag_begin), scrubber);
	g_signal_connect(drag, "drag-update", G_CALLBACK(handle_drag), scrubber);
	g_signal_connect(drag, "drag-end", G_CALLBACK(handle_drag_end), scrubber);
	gtk_widget_add_controller(GTK_WIDGET(scrubber), GTK_EVENT_CONTROLLER(drag));
	gtk_widget_set_has_tooltip(GTK_WIDGET(scrubber), TRUE);
	gtk_widget_set_hexpand(GTK_WIDGET(scrubber), TRUE);
	gtk_accessible_update_property(GTK_ACCESSIBLE(scrubber), GTK_ACCESSIBLE_PROPERTY_LABEL,
		_("Position in the recording"), -1);
}
