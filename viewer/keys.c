#include "viewer/keys.h"

#include <glib/gi18n.h>

#include "viewer/hands.h"

enum where {
	EVERYWHERE,
	SESSION, // a window that shows one
	REPLAY, // a window that shows a recording
};

static const struct {
	const char *group; // a new one begins; NULL: the same
	const char *keys, *action; // action NULL: caught elsewhere
	const char *words;
	enum where where;
} table[] = {
	{N_("Control"), "<Control>t", "win.take-over", N_("Take over"), SESSION},
	{NULL, HANDS_HAND_BACK_KEYS, NULL, N_("Hand back, at any time"), SESSION},
	{NULL, "<Control>h", "win.withhold", N_("Hide from the agent what you do"), SESSION},
	{N_("Session"), "<Control>p", "win.pause", N_("Pause or resume"), SESSION},
	{NULL, "<Control>r", "win.record", N_("Start or stop recording"), SESSION},
	{NULL, "<Control><Shift>q", "win.stop", N_("Stop"), SESSION},
	{NULL, HANDS_STOP_ALL_KEYS, NULL, N_("Stop all sessions at once, at any time"), SESSION},
	{N_("Clipboard"), HANDS_PUT_IN_KEYS, NULL, N_("Put what you copied into the session"),
		SESSION},
	{NULL, HANDS_TAKE_OUT_KEYS, NULL, N_("Take out what was copied in the session"), SESSION},
	{N_("Recording"), "space", "win.play", N_("Play or hold"), REPLAY},
	{NULL, "Left", "win.back", N_("Five seconds back"), REPLAY},
	{NULL, "Right", "win.forward", N_("Five seconds forward"), REPLAY},
	{NULL, "comma", "win.previous-picture", N_("Previous picture"), REPLAY},
	{NULL, "period", "win.next-picture", N_("Next picture"), REPLAY},
	{NULL, "p", "win.previous-mark", N_("What was done before"), REPLAY},
	{NULL, "n", "win.next-mark", N_("What was done next"), REPLAY},
	{NULL, "Home", "win.to-begin", N_("To the beginning"), REPLAY},
	{NULL, "End", "win.to-end", N_("To the end"), REPLAY},
	{NULL, "plus", "win.faster", N_("Faster"), REPLAY},
	{NULL, "minus", "win.slower", N_("Slower"), REPLAY},
	{NULL, "s", "win.skip", N_("Skip what stands still"), REPLAY},
	{N_("Window"), "<Control>0", "win.scale::fit", N_("Fit to the window"), EVERYWHERE},
	{NULL, "<Control>1", "win.scale::actual", N_("Actual size"), EVERYWHERE},
	{NULL, "F11", "win.fullscreen", N_("Full screen"), EVERYWHERE},
	{NULL, "<Control>question", "win.shortcuts", N_("Keyboard shortcuts"), EVERYWHERE},
	{NULL, "F10", NULL, N_("Main menu"), EVERYWHERE},
	{NULL, "<Control>w", "window.close", N_("Close the window; the session goes on"), SESSION},
	{NULL, "<Control>w", "window.close", N_("Close the window"), REPLAY},
};

static bool is_there(size_t i, bool replay) {
	return table[i].where == EVERYWHERE || (table[i].where == REPLAY) == replay;
}

static gboolean activate(GtkWidget *widget, GVariant *arguments, gpointer data) {
	const char *detailed = data;
	g_autofree char *name = NULL;
	g_autoptr(GVariant) target = NULL;
	return g_action_parse_detailed_name(detailed, &name, &target, NULL) &&
	       gtk_widget_activate_action_variant(widget, name, target);
}

void keys_add_to(GtkWindow *window, bool replay) {
	GtkEventController *controller = gtk_shortcut_controller_new();
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		if (table[i].action != NULL && is_there(i, replay)) {
			gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(controller),
				gtk_shortcut_new(gtk_shortcut_trigger_parse_string(table[i].keys),
					gtk_callback_action_new(
						activate, (gpointer)table[i].action, NULL)));
		}
	}
	gtk_widget_add_controller(GTK_WIDGET(window), controller);
}

static GtkWidget *label_of(const char *text, const char *class) {
	GtkWidget *label = gtk_label_new(text);
	gtk_label_set_xalign(GTK_LABEL(label), 0);
	if (class != NULL) {
		gtk_widget_add_css_class(label, class);
	}
	return label;
}

void keys_show(GtkWindow *parent, bool replay) {
	GtkWidget *window = gtk_window_new(), *grid = gtk_grid_new();
	gtk_window_set_title(GTK_WINDOW(window), _("Keyboard Shortcuts"));
	gtk_window_set_transient_for(GTK_WINDOW(window), parent);
	gtk_window_set_modal(GTK_WINDOW(window), TRUE);
	gtk_window_set_resizable(GTK_WINDOW(window), FALSE);
	gtk_widget_add_css_class(grid, "keys");
	gtk_grid_set_row_spacing(GTK_GRID(grid), 8);
	gtk_grid_set_column_spacing(GTK_GRID(grid), 24);
	int row = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		if (!is_there(i, replay)) {
			continue;
		}
		if (table[i].group != NULL) {
			gtk_grid_attach(GTK_GRID(grid), label_of(_(table[i].group), "heading"), 0,
				row++, 2, 1);
		}
		guint keyval;
		GdkModifierType modifiers;
		gtk_accelerator_parse(table[i].keys, &keyval, &modifiers);
		g_autofree char *text = gtk_accelerator_get_label(keyval, modifiers);
		GtkWidget *key = label_of(text, "key"), *words = label_of(_(table[i].words), NULL);
		gtk_widget_set_halign(key, GTK_ALIGN_START);
		gtk_grid_attach(GTK_GRID(grid), key, 0, row, 1, 1);
		gtk_grid_attach(GTK_GRID(grid), words, 1, row++, 1, 1);
	}
	gtk_window_set_child(GTK_WINDOW(window), grid);
	GtkEventController *controller = gtk_shortcut_controller_new();
	gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(controller),
		gtk_shortcut_new(gtk_shortcut_trigger_parse_string("Escape"),
			gtk_named_action_new("window.close")));
	gtk_widget_add_controller(window, controller);
	gtk_window_present(GTK_WINDOW(window));
}
