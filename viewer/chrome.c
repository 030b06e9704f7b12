#include "viewer/chrome.h"

#include <glib/gi18n.h>

#include "viewer/hands.h"
#include "viewer/wire.h"

#define CHILD(name) {#name, G_STRUCT_OFFSET(struct chrome, name)}

void chrome_bind(GtkWidgetClass *class, gssize offset) {
	static const struct {
		const char *name;
		gssize offset;
	} children[] = {
		CHILD(name),
		CHILD(command),
		CHILD(pause_icon),
		CHILD(pause_label),
		CHILD(pause),
		CHILD(content),
		CHILD(holder_icon),
		CHILD(holder),
		CHILD(hint),
		CHILD(take_over),
		CHILD(over),
		CHILD(over_title),
		CHILD(over_text),
		CHILD(notice_revealer),
		CHILD(notice),
		CHILD(says),
		CHILD(app_title),
		CHILD(recording),
		CHILD(put_in),
		CHILD(take_out),
		CHILD(network),
		CHILD(clipboard),
		CHILD(viewers),
		CHILD(duration),
		CHILD(record),
		CHILD(stop),
		CHILD(withhold),
		CHILD(footer),
	};
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
		gtk_widget_class_bind_template_child_full(
			class, children[i].name, FALSE, offset + children[i].offset);
	}
}

// Who holds the session, with the CSS class of style.css.
static const char *holder_class(const struct wire_told *told) {
	if (told->end != WIRE_OPEN) {
		return "over";
	}
	if (!told->state) {
		return NULL;
	}
	switch (told->holder) {
	case VIEW_AGENT:
		return "agent";
	case VIEW_HUMAN:
		return (told->flags & VIEW_STATE_MINE) != 0 ? "you" : "other";
	case VIEW_PAUSED:
		return "paused";
	}
	return NULL;
}

GdkRGBA chrome_colour(const struct wire_told *told) {
	// As in style.css.
	static const struct {
		const char *class;
		GdkRGBA colour;
	} colours[] = {
		{"agent", {0x1c / 255.0f, 0x5f / 255.0f, 0xc4 / 255.0f, 1}},
		{"you", {0xb3 / 255.0f, 0x47 / 255.0f, 0, 1}},
		{"other", {0x7a / 255.0f, 0x3a / 255.0f, 0x94 / 255.0f, 1}},
	};
	const char *class = holder_class(told);
	for (size_t i = 0; i < G_N_ELEMENTS(colours); i++) {
		if (g_strcmp0(class, colours[i].class) == 0) {
			return colours[i].colour;
		}
	}
	return (GdkRGBA){0x5d / 255.0f, 0x5b / 255.0f, 0x63 / 255.0f, 1};
}

static void show_class(struct chrome *chrome, const struct wire_told *told) {
	const char *const classes[] = {"content", holder_class(told), NULL};
	gtk_widget_set_css_classes(chrome->content, (const char **)classes);
}

void chrome_show_hello(struct chrome *chrome, const struct wire_told *told) {
	gtk_label_set_text(chrome->name, told->name);
	gtk_label_set_text(chrome->command, told->command);
	gtk_widget_set_visible(GTK_WIDGET(chrome->command), told->command[0] != '\0');
}

void chrome_show_replay(struct chrome *chrome) {
	GtkWidget *const of_a_session[] = {chrome->pause, chrome->record, chrome->stop,
		chrome->withhold, chrome->take_over, chrome->footer};
	for (size_t i = 0; i < G_N_ELEMENTS(of_a_session); i++) {
		gtk_widget_set_visible(of_a_session[i], FALSE);
	}
}

// `format` with a text in place of its `%s`: it is one of several, which no compiler checks.
static char *put_in(const char *format, const char *text) {
	g_auto(GStrv) parts = g_strsplit(format, "%s", -1);
	return g_strjoinv(text, parts);
}

// What the strip says of a recording, where it stands.
static void show_past_holder(struct chrome *chrome, const struct wire_told *told) {
	const char *words = _("Agent was in control"), *icon = "parclose-agent-symbolic";
	const gint64 latest = G_MAXUINT32; // of what a calendar is asked about
	g_autoptr(GDateTime) begun =
		g_date_time_new_from_unix_local((gint64)MIN(told->replay.begun_s, (guint64)latest));
	g_autofree char *date = begun == NULL ? NULL : g_date_time_format(begun, "%x %H:%M");
	// Translators: %s is a date and time.
	const char *format = told->replay.whole
				     ? _("A recording of %s")
				     : _("A recording of %s; it was cut off, or is still being "
					 "written");
	g_autofree char *hint = put_in(format, date != NULL ? date : "?");
	if (told->holder == VIEW_PAUSED) {
		words = _("It was paused");
		icon = "parclose-pause-symbolic";
	} else if (told->holder == VIEW_HUMAN) {
		words = (told->flags & VIEW_STATE_WITHHELD) != 0
				? _("A person was in control; the screen was withheld")
				: _("A person was in control");
		icon = "parclose-you-symbolic";
	}
	gtk_label_set_text(chrome->holder, words);
	gtk_label_set_text(chrome->hint, hint);
	gtk_image_set_from_icon_name(chrome->holder_icon, icon);
}

static char *chord_label(const char *keys) {
	guint keyval;
	GdkModifierType modifiers;
	gtk_accelerator_parse(keys, &keyval, &modifiers);
	return gtk_accelerator_get_label(keyval, modifiers);
}

static void show_holder(
	struct chrome *chrome, const struct wire_told *told, bool mine, bool in, bool shown) {
	const char *words = _("Connecting…"), *hint = "", *icon = "parclose-agent-symbolic";
	g_autofree char *composed = NULL;
	g_autofree char *chord = chord_label(HANDS_HAND_BACK_KEYS);
	if (told->end != WIRE_OPEN) {
		words = _("Over");
		icon = "parclose-stop-symbolic";
	} else if (!told->state) {
		hint = "";
	} else if ((told->flags & VIEW_STATE_STOPPING) != 0) {
		words = _("Stopping…");
		hint = _("The programs of the session are asked to end");
		icon = "parclose-stop-symbolic";
	} else if (told->holder == VIEW_PAUSED) {
		words = _("Paused");
		hint = _("Nothing in the session runs");
		icon = "parclose-pause-symbolic";
	} else if (mine) {
		words = _("You are in control");
		// Translators: %s is a chord of keys, as "Ctrl+Alt+Home".
		composed =
			!in ? g_strdup_printf(
				      _("%s gives control back; click the screen to go on"), chord)
			: (told->flags & VIEW_STATE_WITHHELD) != 0
				? g_strdup_printf(
					  _("%s gives control back; the agent sees nothing"), chord)
				: g_strdup_printf(_("%s gives control back"), chord);
		hint = composed;
		icon = "parclose-you-symbolic";
	} else if (told->holder == VIEW_HUMAN) {
		words = _("A person is in control");
		hint = _("Not at this window");
		icon = "parclose-you-symbolic";
	} else {
		words = _("Agent is in control");
		hint = shown ? _("You are watching; nothing you do here reaches the session")
			     : _("The session has not drawn anything yet");
	}
	gtk_label_set_text(chrome->holder, words);
	gtk_label_set_text(chrome->hint, hint);
	// However narrow the window is, the chord can be read.
	gtk_label_set_width_chars(chrome->hint, mine ? (int)g_utf8_strlen(chord, -1) + 1 : -1);
	gtk_image_set_from_icon_name(chrome->holder_icon, icon);
}

static void show_chip(GtkLabel *chip, const char *text, const char *explanation) {
	gtk_label_set_text(chip, text);
	gtk_widget_set_tooltip_text(GTK_WIDGET(chip), explanation);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(chip), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, explanation, -1);
	gtk_widget_set_visible(GTK_WIDGET(chip), TRUE);
}

static void show_network(struct chrome *chrome, const struct wire_told *told) {
	g_autofree char *text = NULL, *counted = NULL;
	const char *words = "", *explanation = "";
	gtk_widget_remove_css_class(GTK_WIDGET(chrome->network), "loud");
	switch (told->network) {
	case VIEW_NETWORK_NONE:
		words = _("No network");
		explanation = _("The session reaches no network");
		break;
	case VIEW_NETWORK_FILTERED:
		words = _("Filtered network");
		counted = g_strdup_printf(
			ngettext("The session reaches only what %u rule of its policy names",
				"The session reaches only what %u rules of its policy name",
				told->rules),
			told->rules);
		explanation = counted;
		break;
	case VIEW_NETWORK_OPEN:
		words = _("Open network");
		explanation = _("The session reaches all that its policy does not deny, but for "
				"private networks");
		gtk_widget_add_css_class(GTK_WIDGET(chrome->network), "loud");
		break;
	}
	if (told->denied > 0) {
		// Translators: %1$s is "No network" or "Filtered network"; attempts to connect.
		text = g_strdup_printf(
			ngettext("%1$s, %2$u refused", "%1$s, %2$u refused", told->denied), words,
			told->denied);
	}
	show_chip(chrome->network, text != NULL ? text : words, explanation);
}

static void show_clipboard(struct chrome *chrome, const struct wire_told *told) {
	const char *words = "", *explanation = "";
	switch (told->clipboard) {
	case VIEW_CLIPBOARD_NONE:
		words = _("No clipboard");
		explanation =
			_("Your clipboard and the session's have nothing to do with each other");
		break;
	case VIEW_CLIPBOARD_READ:
		words = _("Clipboard in");
		explanation = _("You may put what you copied into the session; nothing comes out");
		break;
	case VIEW_CLIPBOARD_WRITE:
		words = _("Clipboard out");
		explanation = _("You may take what was copied in the session; nothing goes in");
		break;
	case VIEW_CLIPBOARD_ALL:
		words = _("Clipboard in and out");
		explanation = _("You may put what you copied into the session, and take out what "
				"was copied there");
		break;
	}
	show_chip(chrome->clipboard, words, explanation);
	bool all = told->clipboard == VIEW_CLIPBOARD_ALL;
	gtk_widget_set_visible(chrome->put_in, all || told->clipboard == VIEW_CLIPBOARD_READ);
	gtk_widget_set_visible(chrome->take_out, all || told->clipboard == VIEW_CLIPBOARD_WRITE);
}

void chrome_show_state(
	struct chrome *chrome, const struct wire_told *told, bool mine, bool in, bool shown) {
	show_class(chrome, told);
	if (told->replay.on && told->state && told->end == WIRE_OPEN) {
		show_past_holder(chrome, told);
		return;
	}
	show_holder(chrome, told, mine, in, shown);
	bool paused = told->state && told->holder == VIEW_PAUSED;
	const char *pause = paused ? _("Resume") : _("Pause");
	gtk_label_set_text(chrome->pause_label, pause);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(chrome->pause), GTK_ACCESSIBLE_PROPERTY_LABEL, pause, -1);
	gtk_image_set_from_icon_name(chrome->pause_icon,
		paused ? "parclose-resume-symbolic" : "parclose-pause-symbolic");
	gtk_widget_set_tooltip_text(
		chrome->pause, paused ? _("Let the programs of the session run again")
				      : _("Freeze every program of the session"));
	gtk_button_set_label(GTK_BUTTON(chrome->take_over), mine ? _("Hand back") : _("Take over"));
	if (!told->state) {
		return;
	}
	show_network(chrome, told);
	show_clipboard(chrome, told);
	gtk_widget_set_visible(chrome->recording, (told->flags & VIEW_STATE_RECORDING) != 0);
	g_autofree char *viewers =
		g_strdup_printf(ngettext("%u window", "%u windows", told->viewers), told->viewers);
	show_chip(chrome->viewers, viewers, _("Windows that show this session, this one included"));
	gtk_widget_set_visible(GTK_WIDGET(chrome->viewers), told->viewers > 1);
}

void chrome_show_title(struct chrome *chrome, const struct wire_told *told) {
	const char *title = told->title[0] != '\0' ? told->title : told->app_id;
	gtk_label_set_text(chrome->app_title, title);
	gtk_widget_set_tooltip_text(GTK_WIDGET(chrome->app_title), title[0] == '\0' ? NULL : title);
	gtk_widget_set_visible(chrome->says, title[0] != '\0');
}

void chrome_show_over(struct chrome *chrome, const struct wire_told *told) {
	const char *title = _("The session has ended"), *text = told->end_reason;
	g_autofree char *composed = NULL;
	if (told->replay.on) {
		title = _("The recording cannot be shown any further");
		text = text[0] != '\0' ? text : _("What reads it ended without a word.");
	} else if (told->end == WIRE_LOST) {
		title = _("The session is gone");
		text = _(
			"Its supervisor ended without a word. “parclose list --all” may know why.");
	} else if (told->end == WIRE_WRONG) {
		title = _("The connection was closed");
		// Translators: %s is an English description.
		text = composed =
			g_strdup_printf(_("The session's supervisor sent what makes no sense: %s."),
				told->end_reason);
	}
	chrome_show_notice(chrome, NULL);
	gtk_label_set_text(chrome->over_title, title);
	gtk_label_set_text(chrome->over_text, text);
	gtk_widget_set_visible(GTK_WIDGET(chrome->over_text), text[0] != '\0');
	gtk_widget_set_visible(chrome->over, TRUE);
	gtk_widget_set_visible(chrome->recording, FALSE);
}

void chrome_show_notice(struct chrome *chrome, const char *text) {
	if (text != NULL) {
		gtk_label_set_text(chrome->notice, text);
	}
	gtk_revealer_set_reveal_child(chrome->notice_revealer, text != NULL);
}

guint chrome_show_duration(struct chrome *chrome, const struct wire_told *told) {
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	gint64 seconds = MAX(0, now - (gint64)MIN(told->begun_s, (uint64_t)now));
	guint minutes = (guint)MIN(seconds / 60, G_MAXUINT / 2), hours = minutes / 60;
	g_autofree char *text = NULL;
	if (minutes == 0) {
		text = g_strdup(_("just begun"));
	} else if (hours == 0) {
		text = g_strdup_printf(ngettext("%u minute", "%u minutes", minutes), minutes);
	} else if (hours < 48) {
		// Translators: hours and minutes.
		text = g_strdup_printf(_("%u h %02u min"), hours, minutes % 60);
	} else {
		text = g_strdup_printf(ngettext("%u day", "%u days", hours / 24), hours / 24);
	}
	gtk_label_set_text(chrome->duration, text);
	gtk_widget_set_visible(GTK_WIDGET(chrome->duration), TRUE);
	return 60 - (guint)(seconds % 60);
}
