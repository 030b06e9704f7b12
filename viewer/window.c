#include "viewer/window.h"

#include <glib/gi18n.h>
#include <stdbool.h>

#include "viewer/chrome.h"
#include "viewer/clipboard.h"
#include "viewer/hands.h"
#include "viewer/keys.h"
#include "viewer/playback.h"
#include "viewer/remember.h"
#include "viewer/screen.h"
#include "viewer/source.h"
#include "viewer/wire.h"

#define NOTICE_SECONDS 8 // that a notice stays
#define NOTIFICATION_SECONDS 2 // at least, between two of the desktop's notifications

struct _ViewerWindow {
	GtkApplicationWindow parent_instance;
	struct chrome chrome;
	ViewerScreen *screen;
	GtkScrolledWindow *scroll;
	GtkWidget *notice_close, *menu;
	ViewerPlayback *playback;

	struct wire *wire;
	GSource *source; // NULL: nothing more comes
	struct hands *hands;
	struct clipboard *clipboard;
	char *cli; // NULL: not known
	bool handing_back; // and the supervisor has not answered yet
	guint minute, notice; // timers, 0: none
	gint64 notified_us; // when the desktop was last told something
};

G_DEFINE_FINAL_TYPE(ViewerWindow, viewer_window, GTK_TYPE_APPLICATION_WINDOW)

static void order(ViewerWindow *window, enum view_type type) {
	const struct view_message message = {.type = type};
	wire_send(window->wire, &message, -1);
}

// Has the user the wheel here, or will when a pause ends?
static bool has_wheel(ViewerWindow *window) {
	const struct wire_told *told = wire_told(window->wire);
	return told->state && told->end == WIRE_OPEN && (told->flags & VIEW_STATE_MINE) != 0 &&
	       !window->handing_back;
}

static bool is_mine(ViewerWindow *window) {
	return has_wheel(window) && wire_told(window->wire)->holder == VIEW_HUMAN;
}

static GAction *action(ViewerWindow *window, const char *name) {
	return g_action_map_lookup_action(G_ACTION_MAP(window), name);
}

static void enable(ViewerWindow *window, const char *name, bool on) {
	g_simple_action_set_enabled(G_SIMPLE_ACTION(action(window, name)), on);
}

static void set_state(ViewerWindow *window, const char *name, bool on) {
	g_simple_action_set_state(G_SIMPLE_ACTION(action(window, name)), g_variant_new_boolean(on));
}

static bool get_state(ViewerWindow *window, const char *name) {
	g_autoptr(GVariant) state = g_action_get_state(action(window, name));
	return g_variant_get_boolean(state);
}

// ---- what is shown

static void show_chrome(ViewerWindow *window) {
	if (window->hands == NULL) {
		return; // the window is going away
	}
	chrome_show_state(&window->chrome, wire_told(window->wire), is_mine(window),
		hands_are_in(window->hands), screen_has_frame(window->screen));
}

static void show_cursor(ViewerWindow *window) {
	const struct wire_told *told = wire_told(window->wire);
	GdkRGBA colour = chrome_colour(told);
	screen_set_cursor(window->screen, &told->cursor, is_mine(window) ? NULL : &colour);
}

static void hide_notice(gpointer data) {
	ViewerWindow *window = data;
	window->notice = 0;
	chrome_show_notice(&window->chrome, NULL);
}

static void handle_notice_close(ViewerWindow *window) {
	g_clear_handle_id(&window->notice, g_source_remove);
	chrome_show_notice(&window->chrome, NULL);
}

static void show_notice(ViewerWindow *window, const char *text) {
	g_clear_handle_id(&window->notice, g_source_remove);
	chrome_show_notice(&window->chrome, text);
	window->notice = g_timeout_add_seconds_once(NOTICE_SECONDS, hide_notice, window);
}

// What the user should know reaches them behind other windows, too.
static void notify_desktop(ViewerWindow *window, const char *body) {
	const struct wire_told *told = wire_told(window->wire);
	gint64 now = g_get_monotonic_time();
	GApplication *application = G_APPLICATION(gtk_window_get_application(GTK_WINDOW(window)));
	if (gtk_window_is_active(GTK_WINDOW(window)) ||
		g_application_get_dbus_connection(application) == NULL ||
		(window->notified_us != 0 &&
			now - window->notified_us < NOTIFICATION_SECONDS * G_USEC_PER_SEC)) {
		return;
	}
	window->notified_us = now;
	// Translators: %s is the name of a session.
	g_autofree char *title = g_strdup_printf(_("Session %s"), told->name);
	g_autoptr(GNotification) notification = g_notification_new(title);
	g_notification_set_body(notification, body);
	g_notification_set_priority(notification, G_NOTIFICATION_PRIORITY_HIGH);
	g_application_send_notification(application, told->name, notification);
}

static void handle_clipboard(void *data, const char *notice) {
	show_notice(data, notice);
}

static void show_minute(gpointer data) {
	ViewerWindow *window = data;
	guint seconds = chrome_show_duration(&window->chrome, wire_told(window->wire));
	window->minute = g_timeout_add_seconds_once(seconds, show_minute, window);
}

static void set_scale(ViewerWindow *window, enum screen_mode mode) {
	GtkPolicyType policy = mode == SCREEN_FIT ? GTK_POLICY_NEVER : GTK_POLICY_AUTOMATIC;
	gtk_scrolled_window_set_policy(window->scroll, policy, policy);
	screen_set_mode(window->screen, mode);
	g_simple_action_set_state(G_SIMPLE_ACTION(action(window, "scale")),
		g_variant_new_string(mode == SCREEN_FIT ? "fit" : "actual"));
}

// ---- what the supervisor says

static void drain(void *data);

static void handle_first_frame(void *data) {
	show_chrome(data);
}

static void take_hello(ViewerWindow *window) {
	const struct wire_told *told = wire_told(window->wire);
	chrome_show_hello(&window->chrome, told);
	// Translators: %s is the name of a session.
	g_autofree char *title = g_strdup_printf(
		told->replay.on ? _("%s, a recording – Parclose") : _("%s – Parclose"), told->name);
	gtk_window_set_title(GTK_WINDOW(window), title);
	g_autofree char *label = g_strdup_printf(_("Screen of the session %s"), told->name);
	gtk_accessible_update_property(
		GTK_ACCESSIBLE(window->screen), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
	screen_set_frames(window->screen, wire_frames(window->wire), (int)told->width,
		(int)told->height, drain, handle_first_frame, window);
	struct remembered remembered = remember_load((int)told->width, (int)told->height);
	if (remembered.width > 0) {
		gtk_window_set_default_size(
			GTK_WINDOW(window), remembered.width, remembered.height);
	}
	if (remembered.maximized) {
		gtk_window_maximize(GTK_WINDOW(window));
	}
	set_scale(window, remembered.mode);
}

static void take_state(ViewerWindow *window) {
	const struct wire_told *told = wire_told(window->wire);
	bool open = told->end == WIRE_OPEN && told->state && !told->replay.on;
	if ((told->flags & VIEW_STATE_MINE) == 0) {
		window->handing_back = false;
	}
	bool mine = is_mine(window), was_mine = hands_mine(window->hands);
	bool stopping = (told->flags & VIEW_STATE_STOPPING) != 0;
	bool paused = told->holder == VIEW_PAUSED;
	enable(window, "take-over", open && !stopping && (mine || !paused));
	enable(window, "hand-back", open && has_wheel(window));
	enable(window, "pause", open && !stopping);
	enable(window, "record", open && !stopping);
	enable(window, "stop", open && !stopping);
	enable(window, "withhold", open && !stopping);
	set_state(window, "record", open && (told->flags & VIEW_STATE_RECORDING) != 0);
	if (mine) {
		set_state(window, "withhold", (told->flags & VIEW_STATE_WITHHELD) != 0);
	} else if (was_mine && !has_wheel(window)) {
		set_state(window, "withhold", false); // the next time is another time
	}
	if (mine && !was_mine) {
		gtk_widget_grab_focus(GTK_WIDGET(window->screen));
	}
	hands_set_mine(window->hands, mine);
	clipboard_update(window->clipboard);
	show_chrome(window);
	show_cursor(window);
	g_clear_handle_id(&window->minute, g_source_remove);
	if (open) {
		show_minute(window);
	}
}

static void take_over_news(ViewerWindow *window) {
	const struct wire_told *told = wire_told(window->wire);
	if (window->source != NULL) {
		g_source_destroy(window->source);
		g_clear_pointer(&window->source, g_source_unref);
	}
	take_state(window);
	screen_set_over(window->screen);
	if (told->replay.on) {
		playback_end(window->playback);
	}
	chrome_show_over(&window->chrome, told);
	if (told->end != WIRE_ENDED) {
		g_message("%s: %s", told->name,
			told->end == WIRE_LOST ? "the supervisor is gone" : told->end_reason);
	}
}

static void take_news(ViewerWindow *window, uint32_t news) {
	const struct wire_told *told = wire_told(window->wire);
	if ((news & WIRE_HELLO) != 0) {
		take_hello(window);
	}
	if ((news & WIRE_FRAME) != 0) {
		screen_announce(window->screen);
	}
	if ((news & WIRE_STATE) != 0) {
		take_state(window);
	} else if ((news & WIRE_CURSOR) != 0) {
		show_cursor(window);
	}
	if ((news & WIRE_TITLE) != 0) {
		chrome_show_title(&window->chrome, told);
	}
	if ((news & WIRE_NOTICE) != 0) {
		show_notice(window, told->notice);
		if (told->notice_urgent) {
			notify_desktop(window, told->notice);
		}
	}
	if ((news & WIRE_ITEM) != 0) {
		clipboard_take(window->clipboard);
	}
	if (told->replay.on) {
		playback_show(window->playback, news);
	}
	if ((news & WIRE_OVER) != 0) {
		take_over_news(window);
	}
}

static void drain(void *data) {
	ViewerWindow *window = data;
	take_news(window, wire_receive(window->wire));
}

// ---- what the user orders

static void handle_take_over(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	if (is_mine(window)) {
		g_action_activate(action(window, "hand-back"), NULL);
		return;
	}
	window->handing_back = false;
	const struct view_message message = {
		.type = VIEW_TAKE_OVER,
		.take_over.withhold = get_state(window, "withhold"),
	};
	wire_send(window->wire, &message, -1);
}

static void handle_hand_back(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	if (has_wheel(window)) {
		order(window, VIEW_HAND_BACK);
		window->handing_back = true; // from here on nothing more goes there
		take_state(window);
	}
}

static void handle_withhold(GSimpleAction *simple, GVariant *value, gpointer data) {
	ViewerWindow *window = data;
	if (!is_mine(window)) {
		g_simple_action_set_state(simple, value); // for the next takeover
		return;
	}
	const struct view_message message = {
		.type = VIEW_TAKE_OVER,
		.take_over.withhold = g_variant_get_boolean(value),
	};
	wire_send(window->wire, &message, -1);
}

static void handle_pause(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	order(window, wire_told(window->wire)->holder == VIEW_PAUSED ? VIEW_RESUME : VIEW_PAUSE);
}

static void handle_record(GSimpleAction *simple, GVariant *value, gpointer data) {
	ViewerWindow *window = data;
	const struct view_message message = {
		.type = VIEW_RECORD,
		.record.on = g_variant_get_boolean(value),
	};
	wire_send(window->wire, &message, -1); // the state follows the session's
}

static void handle_stop_answer(GObject *dialog, GAsyncResult *result, gpointer data) {
	g_autoptr(ViewerWindow) window = data;
	if (gtk_alert_dialog_choose_finish(GTK_ALERT_DIALOG(dialog), result, NULL) == 1) {
		order(window, VIEW_STOP);
	}
}

static GtkAlertDialog *question(const char *title, const char *detail, const char *yes) {
	GtkAlertDialog *dialog = gtk_alert_dialog_new("%s", title);
	const char *const buttons[] = {_("Cancel"), yes, NULL};
	gtk_alert_dialog_set_detail(dialog, detail);
	gtk_alert_dialog_set_buttons(dialog, buttons);
	gtk_alert_dialog_set_cancel_button(dialog, 0);
	gtk_alert_dialog_set_default_button(dialog, 0);
	return dialog;
}

static void handle_stop(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	// Translators: %s is the name of a session.
	g_autofree char *title =
		g_strdup_printf(_("Stop the session %s?"), wire_told(window->wire)->name);
	g_autoptr(GtkAlertDialog) dialog = question(title,
		_("Its programs are asked to end, and shortly after made to. What they have not "
		  "saved is lost."),
		_("Stop"));
	gtk_alert_dialog_choose(
		dialog, GTK_WINDOW(window), NULL, handle_stop_answer, g_object_ref(window));
}

static void stop_all(ViewerWindow *window) {
	g_autoptr(GError) error = NULL;
	g_autoptr(GSubprocess) stop =
		window->cli == NULL ? NULL
				    : g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, window->cli,
					      "stop", "--all", "--grace", "0", NULL);
	if (stop == NULL) {
		// Better this one than none.
		order(window, VIEW_STOP);
		show_notice(window, error != NULL ? error->message
						  : _("Only this session could be stopped: the "
						      "program parclose is not known"));
	}
}

static void handle_stop_all_answer(GObject *dialog, GAsyncResult *result, gpointer data) {
	g_autoptr(ViewerWindow) window = data;
	if (gtk_alert_dialog_choose_finish(GTK_ALERT_DIALOG(dialog), result, NULL) == 1) {
		stop_all(window);
	}
}

static void handle_stop_all(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	g_autoptr(GtkAlertDialog) dialog = question(_("Stop all your sessions?"),
		_("Everything that runs in any of them is killed at once."), _("Stop All"));
	gtk_alert_dialog_choose(
		dialog, GTK_WINDOW(window), NULL, handle_stop_all_answer, g_object_ref(window));
}

static void handle_chord(void *data, enum hands_chord chord) {
	ViewerWindow *window = data;
	switch (chord) {
	case HANDS_STOP_ALL:
		stop_all(window);
		break;
	case HANDS_PUT_IN:
		g_action_activate(action(window, "put-in"), NULL);
		break;
	case HANDS_TAKE_OUT:
		g_action_activate(action(window, "take-out"), NULL);
		break;
	case HANDS_HAND_BACK:
		g_action_activate(action(window, "hand-back"), NULL);
		break;
	}
}

static void handle_scale(GSimpleAction *simple, GVariant *value, gpointer data) {
	bool fit = g_strcmp0(g_variant_get_string(value, NULL), "fit") == 0;
	set_scale(data, fit ? SCREEN_FIT : SCREEN_ACTUAL);
}

static void handle_fullscreen(GSimpleAction *simple, GVariant *value, gpointer data) {
	g_object_set(data, "fullscreened", g_variant_get_boolean(value), NULL);
}

static void handle_fullscreened(ViewerWindow *window) {
	set_state(window, "fullscreen", gtk_window_is_fullscreen(GTK_WINDOW(window)));
}

static void handle_shortcuts(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	ViewerWindow *window = data;
	keys_show(data, wire_told(window->wire)->replay.on);
}

static void handle_about(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	gtk_show_about_dialog(data, "program-name", "Parclose", "version", PARCLOSE_VERSION,
		"logo-icon-name", "org.parclose.Viewer", "comments",
		_("A desktop behind glass for programs that drive one"), "license-type",
		GTK_LICENSE_MIT_X11, NULL);
}

static void return_keyboard(gpointer data) {
	g_autoptr(ViewerWindow) window = data;
	if (window->hands != NULL && is_mine(window)) {
		gtk_widget_grab_focus(GTK_WIDGET(window->screen));
	}
}

// The keyboard goes back to where it was before the menu, when the menu has done with it.
static void handle_menu(ViewerWindow *window) {
	if (!gtk_menu_button_get_active(GTK_MENU_BUTTON(window->menu))) {
		g_idle_add_once(return_keyboard, g_object_ref(window));
	}
}

// A view that is moved lies differently on the monitor's pixels.
static void handle_scrolled(ViewerWindow *window) {
	gtk_widget_queue_draw(GTK_WIDGET(window->screen));
}

// ---- the window

static gboolean viewer_window_close_request(GtkWindow *gtk_window) {
	ViewerWindow *window = VIEWER_WINDOW(gtk_window);
	const struct wire_told *told = wire_told(window->wire);
	// Whoever closes the window is done. (One that crashes leaves the agent waiting.)
	if (has_wheel(window)) {
		order(window, VIEW_HAND_BACK);
		window->handing_back = true;
		hands_set_mine(window->hands, false);
	}
	if (told->hello) {
		struct remembered remembered = {
			.maximized = gtk_window_is_maximized(gtk_window),
			.mode = screen_mode(window->screen),
		};
		gtk_window_get_default_size(gtk_window, &remembered.width, &remembered.height);
		remember_save((int)told->width, (int)told->height, &remembered);
	}
	return GTK_WINDOW_CLASS(viewer_window_parent_class)->close_request(gtk_window);
}

static void viewer_window_dispose(GObject *object) {
	ViewerWindow *window = VIEWER_WINDOW(object);
	g_clear_handle_id(&window->minute, g_source_remove);
	g_clear_handle_id(&window->notice, g_source_remove);
	if (window->source != NULL) {
		g_source_destroy(window->source);
		g_clear_pointer(&window->source, g_source_unref);
	}
	g_clear_pointer(&window->clipboard, clipboard_destroy);
	g_clear_pointer(&window->hands, hands_destroy);
	gtk_widget_dispose_template(GTK_WIDGET(window), VIEWER_TYPE_WINDOW);
	G_OBJECT_CLASS(viewer_window_parent_class)->dispose(object);
}

static void viewer_window_finalize(GObject *object) {
	ViewerWindow *window = VIEWER_WINDOW(object);
	wire_destroy(window->wire);
	g_free(window->cli);
	G_OBJECT_CLASS(viewer_window_parent_class)->finalize(object);
}

static void viewer_window_class_init(ViewerWindowClass *class) {
	GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
	G_OBJECT_CLASS(class)->dispose = viewer_window_dispose;
	G_OBJECT_CLASS(class)->finalize = viewer_window_finalize;
	GTK_WINDOW_CLASS(class)->close_request = viewer_window_close_request;
	g_type_ensure(VIEWER_TYPE_SCREEN);
	g_type_ensure(VIEWER_TYPE_PLAYBACK);
	gtk_widget_class_set_template_from_resource(widget_class, "/org/parclose/Viewer/window.ui");
	chrome_bind(widget_class, G_STRUCT_OFFSET(ViewerWindow, chrome));
	gtk_widget_class_bind_template_child(widget_class, ViewerWindow, screen);
	gtk_widget_class_bind_template_child(widget_class, ViewerWindow, scroll);
	gtk_widget_class_bind_template_child(widget_class, ViewerWindow, notice_close);
	gtk_widget_class_bind_template_child(widget_class, ViewerWindow, menu);
	gtk_widget_class_bind_template_child(widget_class, ViewerWindow, playback);
}

static void viewer_window_init(ViewerWindow *window) {
	static const GActionEntry actions[] = {
		{.name = "take-over", .activate = handle_take_over},
		{.name = "hand-back", .activate = handle_hand_back},
		{.name = "withhold", .state = "false", .change_state = handle_withhold},
		{.name = "pause", .activate = handle_pause},
		{.name = "record", .state = "false", .change_state = handle_record},
		{.name = "stop", .activate = handle_stop},
		{.name = "stop-all", .activate = handle_stop_all},
		{.name = "scale",
			.parameter_type = "s",
			.state = "'fit'",
			.change_state = handle_scale},
		{.name = "fullscreen", .state = "false", .change_state = handle_fullscreen},
		{.name = "shortcuts", .activate = handle_shortcuts},
		{.name = "about", .activate = handle_about},
	};
	gtk_widget_init_template(GTK_WIDGET(window));
	g_action_map_add_action_entries(
		G_ACTION_MAP(window), actions, G_N_ELEMENTS(actions), window);
	g_signal_connect(window, "notify::fullscreened", G_CALLBACK(handle_fullscreened), NULL);
	g_signal_connect_swapped(gtk_scrolled_window_get_hadjustment(window->scroll),
		"value-changed", G_CALLBACK(handle_scrolled), window);
	g_signal_connect_swapped(gtk_scrolled_window_get_vadjustment(window->scroll),
		"value-changed", G_CALLBACK(handle_scrolled), window);
	g_signal_connect_swapped(
		window->notice_close, "clicked", G_CALLBACK(handle_notice_close), window);
	g_signal_connect_swapped(window->menu, "notify::active", G_CALLBACK(handle_menu), window);
}

GtkWindow *viewer_window_new(GtkApplication *application, struct wire *wire, const char *cli,
	struct statistics *statistics) {
	ViewerWindow *window = g_object_new(VIEWER_TYPE_WINDOW, "application", application, NULL);
	window->wire = wire;
	window->cli = g_strdup(cli);
	bool replay = wire_told(wire)->replay.on;
	if (replay) {
		playback_begin(window->playback, wire, G_ACTION_MAP(window));
		chrome_show_replay(&window->chrome);
	}
	keys_add_to(GTK_WINDOW(window), replay);
	screen_set_statistics(window->screen, statistics);
	window->hands =
		hands_create(GTK_WINDOW(window), window->screen, wire, handle_chord, window);
	if (window->hands == NULL) {
		g_error("out of memory");
	}
	window->clipboard = clipboard_create(GTK_WINDOW(window), wire, handle_clipboard, window);
	// After the hands', so that what is shown is how it is.
	g_signal_connect(window, "notify::is-active", G_CALLBACK(show_chrome), NULL);
	g_signal_connect(window, "notify::focus-widget", G_CALLBACK(show_chrome), NULL);
	window->source = source_new(wire, drain, window);
	take_state(window);
	drain(window); // the greeting is there already, and says how large the window should be
	gtk_window_set_focus(GTK_WINDOW(window), GTK_WIDGET(window->screen));
	return GTK_WINDOW(window);
}
