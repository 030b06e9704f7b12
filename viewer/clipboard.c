#include "viewer/clipboard.h"

#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "viewer/preview.h"
#include "viewer/targets.h"
#include "viewer/wire.h"

#define CHUNK 65536
#define DEADLINE_SECONDS 5 // for the program that holds the user's item

// What is taken out of a session bears this, with the session's name; whoever puts it into another
// one is told.
#define FROM_SESSION "application/x-parclose-session"
// Of a password manager: nobody is to keep or show the item (KDE's klipper, KeePassXC).
#define SECRET "x-kde-passwordManagerHint"

// The reading of the user's item, which may outlive the window.
struct reading {
	struct clipboard *clipboard; // NULL: nobody waits for it
	GCancellable *cancellable;
	guint deadline; // timer, 0: none
	GByteArray *bytes;
	enum view_item_kind kind;
};

struct clipboard {
	GtkWindow *window;
	struct wire *wire;
	GdkClipboard *own; // the user's
	void (*notice)(void *data, const char *text);
	void *data;
	struct targets *targets; // NULL: nothing is asked
	struct reading *reading; // NULL: none
	bool from_session; // what was read last is from one
	GtkWindow *questions[2]; // by direction less one; NULL: none
	char asked[2][65]; // the hash of what they show
};

static void tell(struct clipboard *clipboard, const char *text) {
	clipboard->notice(clipboard->data, text);
}

// ---- what the user has copied, on its way in

static void free_reading(struct reading *reading) {
	if (reading->clipboard != NULL) {
		reading->clipboard->reading = NULL;
	}
	g_clear_handle_id(&reading->deadline, g_source_remove);
	g_object_unref(reading->cancellable);
	g_byte_array_unref(reading->bytes);
	g_free(reading);
}

static void give_up(struct reading *reading, const char *why) {
	if (reading->clipboard != NULL) {
		tell(reading->clipboard, why);
	}
	free_reading(reading);
}

static void handle_deadline(gpointer data) {
	struct reading *reading = data;
	reading->deadline = 0;
	g_cancellable_cancel(reading->cancellable);
}

// A sealed memfd with the bytes, -1: there is no room.
static int seal(const GByteArray *bytes) {
	int fd = memfd_create("parclose-item", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	for (gsize done = 0; fd >= 0 && done < bytes->len;) {
		gssize n = write(fd, bytes->data + done, bytes->len - done);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (gsize)n;
	}
	if (fd >= 0) {
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	}
	return fd;
}

static void send_item(struct reading *reading) {
	const struct view_message message = {.type = VIEW_PUT_ITEM, .put_item.kind = reading->kind};
	int fd = reading->clipboard == NULL ? -1 : seal(reading->bytes);
	if (fd < 0) {
		give_up(reading, _("There is no room for what you copied"));
		return;
	}
	wire_send(reading->clipboard->wire, &message, fd);
	free_reading(reading);
}

static void read_on(GInputStream *stream, struct reading *reading);

static void handle_part(GObject *stream, GAsyncResult *result, gpointer data) {
	struct reading *reading = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) part =
		g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, &error);
	if (part == NULL) {
		give_up(reading, _("The program that holds what you copied did not give it"));
	} else if (g_bytes_get_size(part) == 0) {
		send_item(reading);
	} else if (reading->bytes->len + g_bytes_get_size(part) > VIEW_MAX_ITEM) {
		give_up(reading, _("What you copied is larger than anything that may cross"));
	} else {
		g_byte_array_append(reading->bytes, g_bytes_get_data(part, NULL),
			(guint)g_bytes_get_size(part));
		read_on(G_INPUT_STREAM(stream), reading);
	}
}

static void read_on(GInputStream *stream, struct reading *reading) {
	g_input_stream_read_bytes_async(
		stream, CHUNK, G_PRIORITY_DEFAULT, reading->cancellable, handle_part, reading);
}

static void handle_stream(GObject *own, GAsyncResult *result, gpointer data) {
	struct reading *reading = data;
	const char *type = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GInputStream) stream =
		gdk_clipboard_read_finish(GDK_CLIPBOARD(own), result, &type, &error);
	if (stream == NULL) {
		give_up(reading, _("The program that holds what you copied did not give it"));
		return;
	}
	reading->kind = g_str_has_prefix(type, "image/png")    ? VIEW_ITEM_PNG
			: g_str_has_prefix(type, "image/jpeg") ? VIEW_ITEM_JPEG
							       : VIEW_ITEM_TEXT;
	read_on(stream, reading);
}

// Whoever copies a text offers no picture; whoever copies a picture may offer its address.
static const char *const pictures[] = {"image/png", "image/jpeg", NULL};
static const char *const texts[] = {"text/plain;charset=utf-8", "UTF8_STRING", "text/plain", NULL};

static bool offers(GdkContentFormats *formats, const char *const *types) {
	for (; *types != NULL; types++) {
		if (gdk_content_formats_contain_mime_type(formats, *types)) {
			return true;
		}
	}
	return false;
}

static void handle_targets(void *data, enum targets_answer marked) {
	struct clipboard *clipboard = data;
	GdkContentFormats *formats = gdk_clipboard_get_formats(clipboard->own);
	clipboard->targets = NULL;
	bool picture = offers(formats, pictures);
	if (marked == TARGETS_SECRET || gdk_content_formats_contain_mime_type(formats, SECRET)) {
		tell(clipboard,
			_("What you copied is marked as a password by its program, and stays "
			  "outside"));
		return;
	}
	if (marked == TARGETS_UNKNOWN) {
		tell(clipboard, _("The program that holds what you copied did not give it"));
		return;
	}
	if (!picture && !offers(formats, texts)) {
		tell(clipboard, _("There is neither text nor a picture in your clipboard"));
		return;
	}
	struct reading *reading = g_new0(struct reading, 1);
	reading->clipboard = clipboard;
	reading->cancellable = g_cancellable_new();
	reading->bytes = g_byte_array_new();
	reading->deadline = g_timeout_add_seconds_once(DEADLINE_SECONDS, handle_deadline, reading);
	clipboard->reading = reading;
	clipboard->from_session = gdk_content_formats_contain_mime_type(formats, FROM_SESSION);
	gdk_clipboard_read_async(clipboard->own, (const char **)(picture ? pictures : texts),
		G_PRIORITY_DEFAULT, reading->cancellable, handle_stream, reading);
}

static void handle_put_in(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	struct clipboard *clipboard = data;
	if (clipboard->reading == NULL && clipboard->targets == NULL) {
		clipboard->targets = targets_ask(gdk_clipboard_get_display(clipboard->own), SECRET,
			handle_targets, clipboard);
	}
}

static void handle_take_out(GSimpleAction *simple, GVariant *parameter, gpointer data) {
	struct clipboard *clipboard = data;
	const struct view_message message = {.type = VIEW_GET_ITEM};
	wire_send(clipboard->wire, &message, -1);
}

// ---- what the supervisor answers

static void answer(struct clipboard *clipboard, enum view_direction direction, bool yes) {
	struct view_message message = {
		.type = VIEW_ANSWER_ITEM,
		.answer_item = {.direction = direction, .allow = yes},
	};
	memcpy(message.answer_item.sha256, clipboard->asked[direction - 1],
		sizeof(message.answer_item.sha256));
	clipboard->questions[direction - 1] = NULL;
	wire_send(clipboard->wire, &message, -1);
}

static void handle_answer_in(void *data, bool yes) {
	answer(data, VIEW_IN, yes);
}

static void handle_answer_out(void *data, bool yes) {
	answer(data, VIEW_OUT, yes);
}

// All of a sealed descriptor. NULL: it cannot be read.
static GBytes *bytes_of(const struct wire_item *item) {
	if (item->shown == 0) {
		return g_bytes_new(NULL, 0);
	}
	g_autofree char *bytes = g_malloc(item->shown);
	for (gsize done = 0; done < item->shown;) {
		gssize n = pread(item->fd, bytes + done, item->shown - done, (off_t)done);
		if (n <= 0) {
			return NULL;
		}
		done += (gsize)n;
	}
	return g_bytes_new_take(g_steal_pointer(&bytes), item->shown);
}

static void ask(struct clipboard *clipboard, const struct wire_item *item, GBytes *shown) {
	size_t at = item->direction - 1;
	if (clipboard->questions[at] != NULL) {
		gtk_window_destroy(clipboard->questions[at]); // a newer item takes its place
	}
	memcpy(clipboard->asked[at], item->sha256, sizeof(clipboard->asked[at]));
	bool in = item->direction == VIEW_IN;
	clipboard->questions[at] =
		preview_ask(clipboard->window, item, shown, wire_told(clipboard->wire)->name,
			in && clipboard->from_session ? _("It was taken out of a session.") : NULL,
			in ? handle_answer_in : handle_answer_out, clipboard);
}

// On the user's clipboard, from where the user pastes it.
static void offer(struct clipboard *clipboard, const struct wire_item *item, GBytes *bytes) {
	const char *session = wire_told(clipboard->wire)->name;
	g_autoptr(GBytes) name = g_bytes_new(session, strlen(session));
	GdkContentProvider *parts[4];
	size_t len = 0;
	if (item->kind == VIEW_ITEM_PNG) {
		parts[len++] = gdk_content_provider_new_for_bytes("image/png", bytes);
	} else {
		parts[len++] =
			gdk_content_provider_new_for_bytes("text/plain;charset=utf-8", bytes);
		parts[len++] = gdk_content_provider_new_for_bytes("text/plain", bytes);
	}
	parts[len++] = gdk_content_provider_new_for_bytes(FROM_SESSION, name);
	g_autoptr(GdkContentProvider) all = gdk_content_provider_new_union(parts, len);
	if (gdk_clipboard_set_content(clipboard->own, all)) {
		tell(clipboard, _("Taken out: it is in your clipboard now"));
	} else {
		tell(clipboard, _("Your desktop does not take the item"));
	}
}

static void take_item(struct clipboard *clipboard, const struct wire_item *item) {
	if (item->refused) {
		// Translators: %s is an English sentence without its end.
		g_autofree char *text = g_strdup_printf(_("Nothing crossed: %s"), item->why);
		tell(clipboard, text);
		return;
	}
	if (item->crossed && item->direction == VIEW_IN) {
		tell(clipboard, _("Put in: it can be pasted once"));
		return;
	}
	g_autoptr(GBytes) bytes = bytes_of(item);
	if (bytes == NULL) {
		tell(clipboard, _("The item cannot be read"));
	} else if (item->crossed) {
		offer(clipboard, item, bytes);
	} else {
		ask(clipboard, item, bytes);
	}
}

void clipboard_take(struct clipboard *clipboard) {
	for (enum view_direction direction = VIEW_IN; direction <= VIEW_OUT; direction++) {
		struct wire_item item;
		if (wire_take_item(clipboard->wire, direction, &item)) {
			take_item(clipboard, &item);
			if (item.fd >= 0) {
				close(item.fd);
			}
		}
	}
}

// ---- life

static void enable(struct clipboard *clipboard, const char *name, bool on) {
	GAction *action = g_action_map_lookup_action(G_ACTION_MAP(clipboard->window), name);
	g_simple_action_set_enabled(G_SIMPLE_ACTION(action), on);
}

void clipboard_update(struct clipboard *clipboard) {
	if (clipboard == NULL) {
		return;
	}
	const struct wire_told *told = wire_told(clipboard->wire);
	bool open =
		told->end == WIRE_OPEN && told->state && (told->flags & VIEW_STATE_STOPPING) == 0;
	bool all = told->clipboard == VIEW_CLIPBOARD_ALL;
	enable(clipboard, "put-in", open && (all || told->clipboard == VIEW_CLIPBOARD_READ));
	enable(clipboard, "take-out", open && (all || told->clipboard == VIEW_CLIPBOARD_WRITE));
	for (size_t i = 0; told->end != WIRE_OPEN && i < 2; i++) {
		g_clear_pointer(&clipboard->questions[i], gtk_window_destroy);
	}
}

struct clipboard *clipboard_create(GtkWindow *window, struct wire *wire,
	void (*notice)(void *data, const char *text), void *data) {
	struct clipboard *clipboard = g_new0(struct clipboard, 1);
	clipboard->window = window;
	clipboard->wire = wire;
	clipboard->own = gtk_widget_get_clipboard(GTK_WIDGET(window));
	clipboard->notice = notice;
	clipboard->data = data;
	const GActionEntry actions[] = {
		{.name = "put-in", .activate = handle_put_in},
		{.name = "take-out", .activate = handle_take_out},
	};
	g_action_map_add_action_entries(
		G_ACTION_MAP(window), actions, G_N_ELEMENTS(actions), clipboard);
	return clipboard;
}

void clipboard_destroy(struct clipboard *clipboard) {
	if (clipboard == NULL) {
		return;
	}
	g_action_map_remove_action(G_ACTION_MAP(clipboard->window), "put-in");
	g_action_map_remove_action(G_ACTION_MAP(clipboard->window), "take-out");
	targets_cancel(clipboard->targets);
	if (clipboard->reading != NULL) {
		clipboard->reading->clipboard = NULL; // and ends by itself
		g_cancellable_cancel(clipboard->reading->cancellable);
	}
	for (size_t i = 0; i < 2; i++) {
		g_clear_pointer(&clipboard->questions[i], gtk_window_destroy);
	}
	g_free(clipboard);
}
