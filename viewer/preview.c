#include "viewer/preview.h"

#include <glib/gi18n.h>

#include "viewer/wire.h"

// What is pressed in the moment in which the window comes up was meant for another.
#define GRACE_MS 500
#define WIDTH 560
#define HEIGHT 420

struct preview {
	GtkWindow *window;
	GtkWidget *yes, *no;
	guint grace; // timer, 0: over
	void (*answer)(void *data, bool yes); // NULL: given
	void *data;
};

static void give(struct preview *preview, bool yes) {
	void (*answer)(void *data, bool yes) = preview->answer;
	void *data = preview->data;
	preview->answer = NULL;
	if (answer != NULL) {
		gtk_window_destroy(preview->window);
		answer(data, yes);
	}
}

static void handle_yes(struct preview *preview) {
	give(preview, true);
}

static gboolean handle_close(struct preview *preview) {
	give(preview, false);
	return GDK_EVENT_STOP;
}

static void handle_grace(gpointer data) {
	struct preview *preview = data;
	preview->grace = 0;
	gtk_widget_set_sensitive(preview->yes, TRUE);
}

static void free_preview(gpointer data) {
	struct preview *preview = data;
	g_clear_handle_id(&preview->grace, g_source_remove);
	g_free(preview);
}

static GtkWidget *label_of(const char *text, const char *class) {
	GtkWidget *label = gtk_label_new(text);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
	gtk_label_set_max_width_chars(GTK_LABEL(label), 60);
	if (class != NULL) {
		gtk_widget_add_css_class(label, class);
	}
	return label;
}

// Nothing in it is a link, is spelt out or is anything but characters.
static GtkWidget *text_of(GBytes *shown) {
	gsize len;
	const char *text = g_bytes_get_data(shown, &len);
	GtkWidget *view = gtk_text_view_new();
	// The supervisor's text is UTF-8; what is not is shown as such.
	g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", (gssize)len);
	gtk_text_buffer_set_text(gtk_text_view_get_buffer(GTK_TEXT_VIEW(view)), valid, -1);
	gtk_text_view_set_editable(GTK_TEXT_VIEW(view), FALSE);
	gtk_text_view_set_cursor_visible(GTK_TEXT_VIEW(view), FALSE);
	gtk_text_view_set_monospace(GTK_TEXT_VIEW(view), TRUE);
	gtk_text_view_set_wrap_mode(GTK_TEXT_VIEW(view), GTK_WRAP_WORD_CHAR);
	gtk_text_view_set_left_margin(GTK_TEXT_VIEW(view), 10);
	gtk_text_view_set_right_margin(GTK_TEXT_VIEW(view), 10);
	gtk_text_view_set_top_margin(GTK_TEXT_VIEW(view), 8);
	gtk_text_view_set_bottom_margin(GTK_TEXT_VIEW(view), 8);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_PROPERTY_LABEL, _("The item"), -1);
	return view;
}

static GtkWidget *picture_of(GBytes *shown) {
	g_autoptr(GError) error = NULL;
	g_autoptr(GdkTexture) texture = gdk_texture_new_from_bytes(shown, &error);
	if (texture == NULL) {
		return label_of(_("The picture cannot be shown here"), NULL);
	}
	GtkWidget *picture = gtk_picture_new_for_paintable(GDK_PAINTABLE(texture));
	gtk_picture_set_content_fit(GTK_PICTURE(picture), GTK_CONTENT_FIT_SCALE_DOWN);
	gtk_picture_set_alternative_text(GTK_PICTURE(picture), _("The item"));
	gtk_widget_add_css_class(picture, "checkered");
	return picture;
}

static char *describe(const struct wire_item *item) {
	g_autofree char *size = g_format_size_full(item->bytes, G_FORMAT_SIZE_LONG_FORMAT);
	if (item->kind == VIEW_ITEM_PNG) {
		// Translators: a size, then width and height.
		return g_strdup_printf(
			_("A picture, %s, %u × %u pixels, made anew from what it was"), size,
			item->width, item->height);
	}
	return g_strdup_printf(
		// Translators: a size, then how many lines.
		ngettext("Text, %s, %u line", "Text, %s, %u lines", item->lines), size,
		item->lines);
}

static void add_warnings(GtkBox *box, const struct wire_item *item, const char *origin) {
	if (origin != NULL) {
		gtk_box_append(box, label_of(origin, "note"));
	}
	if ((item->flags & VIEW_ITEM_CUT) != 0) {
		gtk_box_append(box, label_of(_("There is more of it than is shown here."), "loud"));
	}
	if (item->removed > 0) {
		g_autofree char *removed = g_strdup_printf(
			ngettext("%u control or formatting character, shown above, will not cross.",
				"%u control or formatting characters, shown above, will not cross.",
				item->removed),
			item->removed);
		gtk_box_append(box, label_of(removed, "note"));
	}
	if ((item->flags & VIEW_ITEM_ENDS_LINE) != 0) {
		gtk_box_append(
			box, label_of(_("It ends with a newline: pasted into a shell, it runs."),
				     "note"));
	}
}

static GtkWidget *buttons_of(struct preview *preview, bool in) {
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
	GtkWidget *no = gtk_button_new_with_label(_("Cancel"));
	preview->yes = gtk_button_new_with_label(in ? _("Put In") : _("Take Out"));
	gtk_widget_set_halign(box, GTK_ALIGN_END);
	gtk_widget_set_sensitive(preview->yes, FALSE);
	g_signal_connect_swapped(no, "clicked", G_CALLBACK(handle_close), preview);
	g_signal_connect_swapped(preview->yes, "clicked", G_CALLBACK(handle_yes), preview);
	gtk_box_append(GTK_BOX(box), no);
	gtk_box_append(GTK_BOX(box), preview->yes);
	preview->no = no;
	return box;
}

GtkWindow *preview_ask(GtkWindow *parent, const struct wire_item *item, GBytes *shown,
	const char *session, const char *origin, void (*answer)(void *data, bool yes), void *data) {
	struct preview *preview = g_new0(struct preview, 1);
	GtkWidget *window = gtk_window_new();
	preview->window = GTK_WINDOW(window);
	preview->answer = answer;
	preview->data = data;
	g_object_set_data_full(G_OBJECT(window), "preview", preview, free_preview);
	bool in = item->direction == VIEW_IN;
	g_autofree char *title = g_strdup_printf(
		// Translators: %s is the name of a session.
		in ? _("Put this into the session %s?") : _("Take this out of the session %s?"),
		session);
	g_autofree char *what = describe(item);
	gtk_window_set_title(preview->window, _("Clipboard"));
	gtk_window_set_transient_for(preview->window, parent);
	gtk_window_set_modal(preview->window, TRUE);
	gtk_window_set_default_size(preview->window, WIDTH, HEIGHT);
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 8);
	gtk_widget_add_css_class(box, "preview");
	gtk_box_append(GTK_BOX(box), label_of(title, "heading"));
	gtk_box_append(GTK_BOX(box), label_of(what, NULL));
	GtkWidget *scroll = gtk_scrolled_window_new();
	gtk_scrolled_window_set_has_frame(GTK_SCROLLED_WINDOW(scroll), TRUE);
	gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scroll),
		item->kind == VIEW_ITEM_PNG ? picture_of(shown) : text_of(shown));
	gtk_widget_set_vexpand(scroll, TRUE);
	gtk_box_append(GTK_BOX(box), scroll);
	add_warnings(GTK_BOX(box), item, origin);
	gtk_window_set_child(preview->window, box);
	gtk_box_append(GTK_BOX(box), buttons_of(preview, in));
	gtk_window_set_default_widget(preview->window, preview->no);
	gtk_window_set_focus(preview->window, preview->no);
	g_signal_connect_swapped(window, "close-request", G_CALLBACK(handle_close), preview);
	GtkEventController *escape = gtk_shortcut_controller_new();
	gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(escape),
		gtk_shortcut_new(gtk_shortcut_trigger_parse_string("Escape"),
			gtk_named_action_new("window.close")));
	gtk_widget_add_controller(window, escape);
	preview->grace = g_timeout_add_once(GRACE_MS, handle_grace, preview);
	gtk_window_present(preview->window);
	return preview->window;
}
