#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <gtk/gtk.h>
#include <signal.h>
#include <sys/socket.h>

#include "viewer/statistics.h"
#include "viewer/window.h"
#include "viewer/wire.h"

/*
 * parclose-viewer: a window on one session. `parclose view` starts it with the session's end of the
 * view channel; alone it does nothing.
 */

struct viewer {
	int fd;
	char *cli;
	gboolean replay; // a recording is shown
	gboolean nothing; // there is no session, and a window says so
	struct wire *wire; // until the window has it
	struct statistics *statistics; // NULL: not asked for
};

// Is that descriptor a view channel? Then it is no longer one of any program that is started.
static bool take_channel(int fd) {
	int type = 0;
	socklen_t len = sizeof(type);
	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

// A signal closes the window as its button does.
static gboolean handle_signal(gpointer application) {
	GList *windows = g_list_copy(gtk_application_get_windows(application));
	for (GList *item = windows; item != NULL; item = item->next) {
		gtk_window_close(item->data);
	}
	if (windows == NULL) {
		g_application_quit(application);
	}
	g_list_free(windows);
	return G_SOURCE_CONTINUE;
}

static void startup(GtkApplication *application) {
	g_autoptr(GtkCssProvider) style = gtk_css_provider_new();
	gtk_css_provider_load_from_resource(style, "/org/parclose/Viewer/style.css");
	gtk_style_context_add_provider_for_display(gdk_display_get_default(),
		GTK_STYLE_PROVIDER(style), GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void handle_told(GObject *dialog, GAsyncResult *result, gpointer application) {
	gtk_alert_dialog_choose_finish(GTK_ALERT_DIALOG(dialog), result, NULL);
	g_application_release(application);
}

static void activate(GtkApplication *application, struct viewer *viewer) {
	if (viewer->nothing) {
		g_autoptr(GtkAlertDialog) dialog =
			gtk_alert_dialog_new("%s", _("There is no session to view"));
		gtk_alert_dialog_set_detail(dialog, _("Start one: parclose run -- COMMAND"));
		g_application_hold(G_APPLICATION(application));
		gtk_alert_dialog_choose(dialog, NULL, NULL, handle_told, application);
	}
	if (viewer->wire != NULL) {
		GtkWindow *window = viewer_window_new(
			application, viewer->wire, viewer->cli, viewer->statistics);
		viewer->wire = NULL;
		gtk_window_present(window);
	}
}

int main(int argc, char *argv[]) {
	struct viewer viewer = {.fd = -1};
	gboolean version = FALSE, statistics = FALSE;
	const GOptionEntry entries[] = {
		{"fd", 0, 0, G_OPTION_ARG_INT, &viewer.fd, N_("The view channel"), "FD"},
		{"cli", 0, 0, G_OPTION_ARG_FILENAME, &viewer.cli, N_("The parclose program"),
			"PATH"},
		{"replay", 0, 0, G_OPTION_ARG_NONE, &viewer.replay, N_("Show a recording"), NULL},
		{"nothing", 0, 0, G_OPTION_ARG_NONE, &viewer.nothing,
			N_("Say that there is no session"), NULL},
		{"statistics", 0, 0, G_OPTION_ARG_NONE, &statistics,
			N_("Print how long frames took, at the end"), NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Print the version"), NULL},
		G_OPTION_ENTRY_NULL,
	};
	setlocale(LC_ALL, "");
	bindtextdomain(GETTEXT_PACKAGE, PARCLOSE_LOCALEDIR);
	bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
	textdomain(GETTEXT_PACKAGE);

	g_autoptr(GError) error = NULL;
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_option_context_set_summary(
		context, _("Shows a session of Parclose; “parclose view NAME” starts it."));
	g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("parclose-viewer: %s\n", error->message);
		return 2;
	}
	if (version) {
		g_print("parclose-viewer %s\n", PARCLOSE_VERSION);
		return 0;
	}
	if (!viewer.nothing && !take_channel(viewer.fd)) {
		g_printerr("parclose-viewer: no session to show; use: parclose view NAME\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!gtk_init_check()) {
		g_printerr("parclose-viewer: there is no desktop to show the session on: neither "
			   "WAYLAND_DISPLAY nor DISPLAY leads to one\n");
		return 1;
	}
	viewer.wire = viewer.nothing ? NULL : wire_create(viewer.fd, viewer.replay);
	if (!viewer.nothing && viewer.wire == NULL) {
		g_printerr("parclose-viewer: out of memory\n");
		return 1;
	}
	viewer.statistics = statistics ? statistics_create() : NULL;
	g_set_prgname("org.parclose.Viewer"); // the window's app id and class
	// One process a session: no two of them are one program.
	g_autoptr(GtkApplication) application =
		gtk_application_new("org.parclose.Viewer", G_APPLICATION_NON_UNIQUE);
	g_application_set_resource_base_path(G_APPLICATION(application), "/org/parclose/Viewer");
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
		g_unix_signal_add(signals[i], handle_signal, application);
	}
	g_signal_connect(application, "startup", G_CALLBACK(startup), NULL);
	g_signal_connect(application, "activate", G_CALLBACK(activate), &viewer);
	int status = g_application_run(G_APPLICATION(application), 0, NULL);
	if (viewer.statistics != NULL) {
		statistics_print(viewer.statistics);
		statistics_destroy(viewer.statistics);
	}
	wire_destroy(viewer.wire);
	g_free(viewer.cli);
	return status;
}
