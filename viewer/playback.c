#include "viewer/playback.h"

#include <glib/gi18n.h>

#include "viewer/scrubber.h"
#include "viewer/wire.h"

#define JUMP_NS ((guint64)5000000000) // back and forward
#define FULL 100 // percent

// What can be chosen; as in playback.ui.
static const guint speeds[] = {25, 50, 100, 200, 400, 800, 1600};

struct _ViewerPlayback {
	GtkBox parent_instance;
	ViewerScrubber *scrubber;
	GtkWidget *play;
	GtkImage *play_icon;
	GtkLabel *time, *caption;
	GtkWidget *says, *damaged;
	GtkMenuButton *speed;

	struct wire *wire; // NULL: not begun
	GActionMap *actions; // the window's
};

G_DEFINE_FINAL_TYPE(ViewerPlayback, viewer_playback, GTK_TYPE_BOX)

static const struct wire_replay *replay_of(ViewerPlayback *playback) {
	return &wire_told(playback->wire)->replay;
}

// ---- what is asked of the player

static void seek(void *data, guint64 time_ns) {
	ViewerPlayback *playback = data;
	const struct view_message message = {.type = VIEW_SEEK, .seek.time_ns = time_ns};
	wire_send(playback->wire, &message, -1);
}

static void play(ViewerPlayback *playback, gboolean on, guint speed, gboolean skip) {
	const struct view_message message = {
		.type = VIEW_PLAY,
		.play = {.on = on, .speed = speed, .skip = skip},
	};
	wire_send(playback->wire, &message, -1);
}

static gboolean is_playing(ViewerPlayback *playback) {
	return (replay_of(playback)->position_flags & VIEW_POSITION_PLAYING) != 0;
}

static void step(ViewerPlayback *playback, enum view_step what, gboolean back) {
	const struct view_message message = {
		.type = VIEW_STEP,
		.step = {.what = what, .back = back},
	};
	wire_send(playback->wire, &message, -1);
}

static void handle_play(GSimpleAction *action, GVariant *parameter, gpointer data) {
	const struct wire_replay *replay = replay_of(data);
	play(data, !is_playing(data), replay->speed, replay->skip);
}

static void handle_skip(GSimpleAction *action, GVariant *value, gpointer data) {
	play(data, is_playing(data), replay_of(data)->speed, g_variant_get_boolean(value));
}

static void handle_speed(GSimpleAction *action, GVariant *value, gpointer data) {
	gint32 speed = g_variant_get_int32(value);
	if (speed >= 1 && speed <= VIEW_MAX_SPEED) {
		play(data, is_playing(data), (guint)speed, replay_of(data)->skip);
	}
}

// To the next speed of the table, up or down.
static void change_speed(ViewerPlayback *playback, gboolean up) {
	const struct wire_replay *replay = replay_of(playback);
	guint speed = replay->speed;
	for (size_t i = 0; i < G_N_ELEMENTS(speeds); i++) {
		size_t at = up ? i : G_N_ELEMENTS(speeds) - 1 - i;
		if (up ? speeds[at] > speed : speeds[at] < speed) {
			play(playback, is_playing(playback), speeds[at], replay->skip);
			return;
		}
	}
}

static void handle_faster(GSimpleAction *action, GVariant *parameter, gpointer data) {
	change_speed(data, TRUE);
}

static void handle_slower(GSimpleAction *action, GVariant *parameter, gpointer data) {
	change_speed(data, FALSE);
}

static void handle_previous_picture(GSimpleAction *action, GVariant *parameter, gpointer data) {
	step(data, VIEW_STEP_PICTURE, TRUE);
}

static void handle_next_picture(GSimpleAction *action, GVariant *parameter, gpointer data) {
	step(data, VIEW_STEP_PICTURE, FALSE);
}

static void handle_previous_mark(GSimpleAction *action, GVariant *parameter, gpointer data) {
	step(data, VIEW_STEP_MARK, TRUE);
}

static void handle_next_mark(GSimpleAction *action, GVariant *parameter, gpointer data) {
	step(data, VIEW_STEP_MARK, FALSE);
}

static void handle_back(GSimpleAction *action, GVariant *parameter, gpointer data) {
	guint64 now = replay_of(data)->position_ns;
	seek(data, now > JUMP_NS ? now - JUMP_NS : 0);
}

static void handle_forward(GSimpleAction *action, GVariant *parameter, gpointer data) {
	const struct wire_replay *replay = replay_of(data);
	seek(data, MIN(replay->position_ns + JUMP_NS, replay->duration_ns));
}

static void handle_to_begin(GSimpleAction *action, GVariant *parameter, gpointer data) {
	seek(data, 0);
}

static void handle_to_end(GSimpleAction *action, GVariant *parameter, gpointer data) {
	seek(data, replay_of(data)->duration_ns);
}

static const GActionEntry entries[] = {
	{.name = "play", .activate = handle_play},
	{.name = "skip", .state = "false", .change_state = handle_skip},
	{.name = "speed", .parameter_type = "i", .state = "100", .change_state = handle_speed},
	{.name = "faster", .activate = handle_faster},
	{.name = "slower", .activate = handle_slower},
	{.name = "previous-picture", .activate = handle_previous_picture},
	{.name = "next-picture", .activate = handle_next_picture},
	{.name = "previous-mark", .activate = handle_previous_mark},
	{.name = "next-mark", .activate = handle_next_mark},
	{.name = "back", .activate = handle_back},
	{.name = "forward", .activate = handle_forward},
	{.name = "to-begin", .activate = handle_to_begin},
	{.name = "to-end", .activate = handle_to_end},
};

// ---- what the player says

static void set_state(ViewerPlayback *playback, const char *name, GVariant *value) {
	GAction *action = g_action_map_lookup_action(playback->actions, name);
	g_simple_action_set_state(G_SIMPLE_ACTION(action), value);
}

static void show_speed(ViewerPlayback *playback, guint speed) {
	g_autofree char *text = speed % FULL == 0   ? g_strdup_printf("%u×", speed / FULL)
				: speed == FULL / 4 ? g_strdup("¼×")
				: speed == FULL / 2 ? g_strdup("½×")
						    : g_strdup_printf("%u %%", speed);
	gtk_menu_button_set_label(playback->speed, text);
	set_state(playback, "speed", g_variant_new_int32((gint32)speed));
}

static void show_position(ViewerPlayback *playback) {
	const struct wire_replay *replay = replay_of(playback);
	g_autofree char *now = scrubber_time(replay->position_ns);
	g_autofree char *end = scrubber_time(replay->duration_ns);
	g_autofree char *text = g_strdup_printf("%s / %s", now, end);
	gtk_label_set_text(playback->time, text);
	scrubber_show_position(playback->scrubber);
	gboolean playing = is_playing(playback);
	const char *words = playing ? _("Hold") : _("Play");
	gtk_image_set_from_icon_name(playback->play_icon,
		playing ? "parclose-pause-symbolic" : "parclose-resume-symbolic");
	gtk_widget_set_tooltip_text(playback->play, words);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(playback->play), GTK_ACCESSIBLE_PROPERTY_LABEL, words, -1);
	gtk_widget_set_visible(
		playback->damaged, (replay->position_flags & VIEW_POSITION_DAMAGED) != 0);
	set_state(playback, "skip", g_variant_new_boolean(replay->skip));
	show_speed(playback, replay->speed);
}

static void show_caption(ViewerPlayback *playback) {
	const struct wire_replay *replay = replay_of(playback);
	gboolean any = replay->caption_kinds != 0;
	g_autofree char *time = scrubber_time(replay->caption_ns);
	g_autofree char *text =
		any ? g_strdup_printf("%s  %s", time, replay->caption) : g_strdup("");
	gtk_label_set_text(playback->caption, text);
	gtk_widget_set_tooltip_text(GTK_WIDGET(playback->caption), any ? text : NULL);
	gtk_widget_set_visible(playback->says, any);
}

void playback_show(ViewerPlayback *playback, guint news) {
	if ((news & (WIRE_REPLAY | WIRE_POSITION)) != 0) {
		show_position(playback);
	}
	if ((news & WIRE_MARKS) != 0) {
		scrubber_show_marks(playback->scrubber);
	}
	if ((news & WIRE_CAPTION) != 0) {
		show_caption(playback);
	}
}

void playback_begin(ViewerPlayback *playback, struct wire *wire, GActionMap *actions) {
	playback->wire = wire;
	playback->actions = actions;
	g_action_map_add_action_entries(actions, entries, G_N_ELEMENTS(entries), playback);
	scrubber_begin(playback->scrubber, replay_of(playback), seek, playback);
	show_position(playback);
	gtk_widget_set_visible(GTK_WIDGET(playback), TRUE);
}

void playback_end(ViewerPlayback *playback) {
	for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
		g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(
						    playback->actions, entries[i].name)),
			FALSE);
	}
	gtk_widget_set_sensitive(GTK_WIDGET(playback), FALSE);
}

// ---- the widget

static void viewer_playback_dispose(GObject *object) {
	gtk_widget_dispose_template(GTK_WIDGET(object), VIEWER_TYPE_PLAYBACK);
	G_OBJECT_CLASS(viewer_playback_parent_class)->dispose(object);
}

static void viewer_playback_class_init(ViewerPlaybackClass *class) {
	GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = viewer_playback_dispose;
	g_type_ensure(VIEWER_TYPE_SCRUBBER);
	gtk_widget_class_set_template_from_resource(
		widget_class, "/org/parclose/Viewer/playback.ui");
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, scrubber);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, play);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, play_icon);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, time);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, caption);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, says);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, damaged);
	gtk_widget_class_bind_template_child(widget_class, ViewerPlayback, speed);
}

static void viewer_playback_init(ViewerPlayback *playback) {
	gtk_widget_init_template(GTK_WIDGET(playback));
}
