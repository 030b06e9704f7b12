#include "viewer/screen.h"

#include <math.h>
#include <stdlib.h>

#include "viewer/frames.h"
#include "viewer/statistics.h"
#include "viewer/wire.h"

// Of the monitor, at most, when the window is new; there are panels, a title, and this window's
// own.
#define NATURAL_WIDTH 0.9
#define NATURAL_HEIGHT 0.75
#define MINIMUM 64 // units, of either side
#define MARK_RADIUS 13.0f // units, as MARK_LINE
#define MARK_LINE 2.0f
#define SNAP 0.02 // a scale this little above a whole number is taken as that number

struct _ViewerScreen {
	GtkWidget parent_instance;
	enum screen_mode mode;
	int width, height; // of the frame; 0: not known yet
	struct frames *frames;
	void (*newest)(void *data), (*first)(void *data);
	void *data;
	guint tick; // 0: nothing is awaited
	GdkTexture *texture; // NULL before the first frame
	struct statistics *statistics; // NULL: nobody wants to know
	bool over;

	struct wire_cursor cursor;
	GdkTexture *cursor_texture; // NULL: no image
	uint32_t cursor_serial;
	bool marked;
	GdkRGBA mark;

	GdkSurface *surface; // whose scale is watched, while realized
};

G_DEFINE_FINAL_TYPE(ViewerScreen, viewer_screen, GTK_TYPE_WIDGET)

// Where the frame is, in physical pixels from the widget's origin.
struct place {
	double scale; // physical pixels of one unit
	double x, y;
	double factor; // physical pixels of one frame pixel
	GskScalingFilter filter;
};

// Physical pixels for one unit of a widget's coordinates; may be fractional.
static double device_scale(GtkWidget *widget) {
	GtkNative *native = gtk_widget_get_native(widget);
	GdkSurface *surface = native == NULL ? NULL : gtk_native_get_surface(native);
	return surface == NULL ? 1.0 : gdk_surface_get_scale(surface);
}

// The widget's origin in physical pixels of its surface.
static void device_origin(GtkWidget *widget, double scale, double *x, double *y) {
	GtkNative *native = gtk_widget_get_native(widget);
	graphene_point_t origin = GRAPHENE_POINT_INIT(0, 0), out;
	*x = *y = 0;
	if (native != NULL && gtk_widget_compute_point(widget, GTK_WIDGET(native), &origin, &out)) {
		gtk_native_get_surface_transform(native, x, y);
		*x = (*x + out.x) * scale;
		*y = (*y + out.y) * scale;
	}
}

static bool place_frame(ViewerScreen *screen, struct place *place) {
	GtkWidget *widget = GTK_WIDGET(screen);
	double scale = device_scale(widget);
	double room_x = gtk_widget_get_width(widget) * scale;
	double room_y = gtk_widget_get_height(widget) * scale;
	if (screen->width == 0 || room_x < 1 || room_y < 1) {
		return false;
	}
	double factor = 1;
	if (screen->mode == SCREEN_FIT) {
		factor = fmin(room_x / screen->width, room_y / screen->height);
		if (factor >= 1 && factor - floor(factor) < SNAP) {
			factor = floor(factor);
		}
	}
	// On whole physical pixels, so that a whole factor copies pixels as they are.
	double origin_x, origin_y;
	device_origin(widget, scale, &origin_x, &origin_y);
	double left = fmax(0, (room_x - screen->width * factor) / 2);
	double top = fmax(0, (room_y - screen->height * factor) / 2);
	*place = (struct place){
		.scale = scale,
		.x = round(origin_x + left) - origin_x,
		.y = round(origin_y + top) - origin_y,
		.factor = factor,
		.filter = factor == floor(factor) ? GSK_SCALING_FILTER_NEAREST
			  : factor < 0.5          ? GSK_SCALING_FILTER_TRILINEAR
						  : GSK_SCALING_FILTER_LINEAR,
	};
	return true;
}

bool screen_to_frame(ViewerScreen *screen, double x, double y, struct screen_point *point) {
	struct place place;
	if (!place_frame(screen, &place)) {
		return false;
	}
	double frame_x = (x * place.scale - place.x) / place.factor;
	double frame_y = (y * place.scale - place.y) / place.factor;
	// The protocol counts in 1/256 pixel.
	const double last = 1.0 / 256;
	point->x = CLAMP(frame_x, 0, screen->width - last);
	point->y = CLAMP(frame_y, 0, screen->height - last);
	point->inside = point->x == frame_x && point->y == frame_y;
	return true;
}

double screen_pixels_per_unit(ViewerScreen *screen) {
	struct place place;
	return place_frame(screen, &place) ? place.scale / place.factor : 1;
}

// ---- drawing

static void draw_cursor(ViewerScreen *screen, GtkSnapshot *snapshot, const struct place *place) {
	const struct wire_cursor *cursor = &screen->cursor;
	if (!cursor->visible || screen->over) {
		return;
	}
	float factor = (float)place->factor, radius = MARK_RADIUS * (float)place->scale;
	float x = (float)cursor->x * factor, y = (float)cursor->y * factor;
	if (screen->marked) {
		GskRoundedRect ring;
		float line = MARK_LINE * (float)place->scale;
		gsk_rounded_rect_init_from_rect(&ring,
			&GRAPHENE_RECT_INIT(x - radius, y - radius, 2 * radius, 2 * radius),
			radius);
		GdkRGBA inner = screen->mark, outer = screen->mark;
		inner.alpha = 0.18f;
		outer.alpha = 0.85f;
		gtk_snapshot_push_rounded_clip(snapshot, &ring);
		gtk_snapshot_append_color(snapshot, &inner, &ring.bounds);
		gtk_snapshot_pop(snapshot);
		gtk_snapshot_append_border(snapshot, &ring, (float[4]){line, line, line, line},
			(GdkRGBA[4]){outer, outer, outer, outer});
	}
	if (screen->cursor_texture != NULL) {
		gtk_snapshot_append_scaled_texture(snapshot, screen->cursor_texture, place->filter,
			&GRAPHENE_RECT_INIT(x - (float)cursor->hot_x * factor,
				y - (float)cursor->hot_y * factor, (float)cursor->width * factor,
				(float)cursor->height * factor));
	}
}

static void viewer_screen_snapshot(GtkWidget *widget, GtkSnapshot *snapshot) {
	ViewerScreen *screen = VIEWER_SCREEN(widget);
	struct place place;
	if (screen->texture == NULL || !place_frame(screen, &place)) {
		return;
	}
	// In physical pixels: so no renderer has a reason to filter them twice.
	const graphene_rect_t frame = GRAPHENE_RECT_INIT(0, 0,
		(float)(screen->width * place.factor), (float)(screen->height * place.factor));
	gtk_snapshot_save(snapshot);
	gtk_snapshot_scale(snapshot, (float)(1 / place.scale), (float)(1 / place.scale));
	gtk_snapshot_translate(snapshot, &GRAPHENE_POINT_INIT((float)place.x, (float)place.y));
	gtk_snapshot_push_clip(snapshot, &frame);
	gtk_snapshot_append_scaled_texture(snapshot, screen->texture, place.filter, &frame);
	draw_cursor(screen, snapshot, &place);
	if (screen->over) {
		gtk_snapshot_append_color(snapshot, &(GdkRGBA){0, 0, 0, 0.6f}, &frame);
	}
	gtk_snapshot_pop(snapshot);
	gtk_snapshot_restore(snapshot);
}

// ---- frames

static void show(ViewerScreen *screen, const struct frames_picture *picture) {
	bool is_first = screen->texture == NULL;
	GBytes *bytes = g_bytes_new_with_free_func(picture->pixels, picture->bytes,
		(GDestroyNotify)frames_give_back, (gpointer)picture->pixels);
	GdkMemoryTextureBuilder *builder = gdk_memory_texture_builder_new();
	gdk_memory_texture_builder_set_bytes(builder, bytes);
	gdk_memory_texture_builder_set_stride(builder, picture->stride);
	gdk_memory_texture_builder_set_width(builder, screen->width);
	gdk_memory_texture_builder_set_height(builder, screen->height);
	gdk_memory_texture_builder_set_format(builder, GDK_MEMORY_B8G8R8A8_PREMULTIPLIED);
	if (screen->texture != NULL) {
		gdk_memory_texture_builder_set_update_texture(builder, screen->texture);
		gdk_memory_texture_builder_set_update_region(builder, picture->changed);
	}
	GdkTexture *texture = gdk_memory_texture_builder_build(builder);
	g_set_object(&screen->texture, texture);
	g_object_unref(texture);
	g_object_unref(builder);
	g_bytes_unref(bytes);
	cairo_region_destroy(picture->changed);
	statistics_note(screen->statistics, gtk_widget_get_frame_clock(GTK_WIDGET(screen)),
		picture->time_ns);
	if (is_first) {
		screen->first(screen->data);
	}
	gtk_widget_queue_draw(GTK_WIDGET(screen));
}

static gboolean handle_tick(GtkWidget *widget, GdkFrameClock *clock, gpointer data) {
	ViewerScreen *screen = VIEWER_SCREEN(widget);
	screen->newest(screen->data);
	struct frames_picture picture;
	switch (frames_copy(screen->frames, &picture)) {
	case FRAMES_COPIED:
		show(screen, &picture);
		break;
	case FRAMES_TORN:
		statistics_torn(screen->statistics);
		break;
	case FRAMES_BUSY:
		return G_SOURCE_CONTINUE;
	case FRAMES_SAME:
		break;
	}
	screen->tick = 0;
	return G_SOURCE_REMOVE;
}

void screen_announce(ViewerScreen *screen) {
	if (screen->tick == 0 && screen->frames != NULL) {
		screen->tick =
			gtk_widget_add_tick_callback(GTK_WIDGET(screen), handle_tick, NULL, NULL);
	}
}

void screen_set_frames(ViewerScreen *screen, struct frames *frames, int width, int height,
	void (*newest)(void *data), void (*first)(void *data), void *data) {
	screen->frames = frames;
	screen->width = width;
	screen->height = height;
	screen->newest = newest;
	screen->first = first;
	screen->data = data;
	gtk_widget_queue_resize(GTK_WIDGET(screen));
}

void screen_set_cursor(
	ViewerScreen *screen, const struct wire_cursor *cursor, const GdkRGBA *mark) {
	if (screen->frames != NULL && cursor->image_serial != screen->cursor_serial) {
		uint8_t *image = frames_cursor(screen->frames, cursor->width, cursor->height);
		g_clear_object(&screen->cursor_texture);
		if (image != NULL) {
			GBytes *bytes = g_bytes_new_with_free_func(
				image, (gsize)cursor->width * cursor->height * 4, free, image);
			screen->cursor_texture = gdk_memory_texture_new((int)cursor->width,
				(int)cursor->height, GDK_MEMORY_B8G8R8A8_PREMULTIPLIED, bytes,
				(gsize)cursor->width * 4);
			g_bytes_unref(bytes);
		}
		screen->cursor_serial = cursor->image_serial;
	}
	screen->cursor = *cursor;
	screen->marked = mark != NULL;
	if (mark != NULL) {
		screen->mark = *mark;
	}
	gtk_widget_queue_draw(GTK_WIDGET(screen));
}

void screen_set_mode(ViewerScreen *screen, enum screen_mode mode) {
	screen->mode = mode;
	gtk_widget_queue_resize(GTK_WIDGET(screen));
}

enum screen_mode screen_mode(ViewerScreen *screen) {
	return screen->mode;
}

void screen_set_over(ViewerScreen *screen) {
	screen->over = true;
	gtk_widget_queue_draw(GTK_WIDGET(screen));
}

bool screen_has_frame(ViewerScreen *screen) {
	return screen->texture != NULL;
}

void screen_set_statistics(ViewerScreen *screen, struct statistics *statistics) {
	screen->statistics = statistics;
}

// ---- the widget

static GtkSizeRequestMode viewer_screen_get_request_mode(GtkWidget *widget) {
	return GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

/*
 * Units of one frame pixel in a new window: sharp, about as large as the desktop's own things, and
 * no larger than the monitor has room for. The monitor is asked, because a window that is not shown
 * yet has no scale.
 */
static double natural_unit(ViewerScreen *screen) {
	GListModel *monitors = gdk_display_get_monitors(gtk_widget_get_display(GTK_WIDGET(screen)));
	g_autoptr(GdkMonitor) monitor = g_list_model_get_item(monitors, 0);
	if (monitor == NULL) {
		return 1;
	}
	GdkRectangle room;
	gdk_monitor_get_geometry(monitor, &room);
	double scale = gdk_monitor_get_scale(monitor);
	return fmin(fmax(1, floor(scale)) / scale,
		fmin(room.width * NATURAL_WIDTH / screen->width,
			room.height * NATURAL_HEIGHT / screen->height));
}

static void viewer_screen_measure(GtkWidget *widget, GtkOrientation orientation, int for_size,
	int *minimum, int *natural, int *minimum_baseline, int *natural_baseline) {
	ViewerScreen *screen = VIEWER_SCREEN(widget);
	int pixels = orientation == GTK_ORIENTATION_HORIZONTAL ? screen->width : screen->height;
	if (pixels == 0) {
		*minimum = *natural = 0;
	} else if (screen->mode == SCREEN_ACTUAL) {
		*minimum = *natural = (int)ceil(pixels / device_scale(widget));
	} else {
		*natural = (int)ceil(pixels * natural_unit(screen));
		*minimum = MIN(*natural, MINIMUM);
	}
}

static void handle_scale(ViewerScreen *screen) {
	gtk_widget_queue_resize(GTK_WIDGET(screen));
	gtk_widget_queue_draw(GTK_WIDGET(screen));
}

static void viewer_screen_realize(GtkWidget *widget) {
	ViewerScreen *screen = VIEWER_SCREEN(widget);
	GTK_WIDGET_CLASS(viewer_screen_parent_class)->realize(widget);
	screen->surface = gtk_native_get_surface(gtk_widget_get_native(widget));
	g_signal_connect_swapped(
		screen->surface, "notify::scale", G_CALLBACK(handle_scale), screen);
}

static void viewer_screen_unrealize(GtkWidget *widget) {
	ViewerScreen *screen = VIEWER_SCREEN(widget);
	g_signal_handlers_disconnect_by_data(screen->surface, screen);
	screen->surface = NULL;
	GTK_WIDGET_CLASS(viewer_screen_parent_class)->unrealize(widget);
}

static void viewer_screen_dispose(GObject *object) {
	ViewerScreen *screen = VIEWER_SCREEN(object);
	if (screen->tick != 0) {
		gtk_widget_remove_tick_callback(GTK_WIDGET(screen), screen->tick);
		screen->tick = 0;
	}
	g_clear_object(&screen->texture);
	g_clear_object(&screen->cursor_texture);
	G_OBJECT_CLASS(viewer_screen_parent_class)->dispose(object);
}

static void viewer_screen_class_init(ViewerScreenClass *class) {
	GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = viewer_screen_dispose;
	widget_class->snapshot = viewer_screen_snapshot;
	widget_class->measure = viewer_screen_measure;
	widget_class->get_request_mode = viewer_screen_get_request_mode;
	widget_class->realize = viewer_screen_realize;
	widget_class->unrealize = viewer_screen_unrealize;
	gtk_widget_class_set_css_name(widget_class, "screen");
	gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void viewer_screen_init(ViewerScreen *screen) {
	gtk_widget_set_focusable(GTK_WIDGET(screen), TRUE);
	gtk_widget_set_hexpand(GTK_WIDGET(screen), TRUE);
	gtk_widget_set_vexpand(GTK_WIDGET(screen), TRUE);
	gtk_widget_set_overflow(GTK_WIDGET(screen), GTK_OVERFLOW_HIDDEN);
}
