#ifndef PARCLOSE_COMPOSITOR_INTERNAL_H
#define PARCLOSE_COMPOSITOR_INTERNAL_H

// What the compositor's own files share. Nobody outside this folder includes it.

#include <wayland-server-core.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_output.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/types/wlr_xdg_shell.h>
#include <wlr/util/box.h>

#include "compositor/compositor.h"

#define COMPOSITOR_MAX_GLOBALS 40
#define COMPOSITOR_MAX_CLIENTS 256

struct wlr_xdg_toplevel_decoration_v1;
struct frame_memory;
struct crossing;
struct cursor;
struct player;
struct selection;
struct settle;

enum limit_kind {
	LIMIT_OBJECTS, // all of them
	LIMIT_SURFACES,
	LIMIT_TOPLEVELS,
	LIMIT_POPUPS,
	LIMIT_POOLS,
	LIMIT_BUFFERS,
	LIMIT_REGIONS,
	LIMIT_SOURCES,
	LIMIT_TOKENS,
	LIMIT_KINDS
};

// A connection, from compositor_add_client() until its last object is gone.
struct client {
	struct compositor *compositor;
	struct wl_client *wl_client;
	uint32_t id;
	bool over_limit; // was told so
	bool ending; // is being disconnected
	uint32_t counts[LIMIT_KINDS];
	size_t offered_bytes; // names of MIME types, ever
	struct wl_list link; // compositor.clients
	struct wl_listener resource_created;
	struct wl_listener destroy, destroy_late;
};

// A toplevel: a window in the sense of the window list while it is mapped.
struct view {
	struct compositor *compositor;
	uint32_t id;
	uint32_t client_id;
	struct wlr_xdg_toplevel *toplevel;
	struct wlr_scene_tree *tree; // children: its surfaces and popups
	struct wlr_xdg_toplevel_decoration_v1 *decoration; // may be NULL
	int64_t begun_ms; // its first commit, CLOCK_MONOTONIC
	bool mapped;
	bool maximized, fullscreen; // as last configured
	bool shrunk; // was asked to fit the display
	bool told, dirty; // the window list: known to the reader; changed since
	struct wlr_box box; // of the window geometry, in the frame
	struct wl_list link; // compositor.views

	struct wl_listener map, unmap, commit, destroy;
	struct wl_listener request_maximize, request_fullscreen;
	struct wl_listener set_parent, set_title, set_app_id;
	struct wl_listener decoration_destroy, decoration_request_mode;
};

struct compositor {
	struct compositor_config config;
	struct compositor_sink sink;
	void *sink_data;
	bool failed; // FATAL was emitted

	struct wl_display *display;
	struct wl_event_loop *loop;
	struct wlr_backend *backend;
	struct wlr_renderer *renderer;
	struct frame_memory *memory;
	struct wlr_output *output;
	struct wlr_output_layout *layout;
	struct wlr_scene *scene;
	struct wlr_scene_output *scene_output;
	struct wlr_scene_tree *windows, *drags;
	uint64_t frame_serial;
	bool frame_waits; // every slot is with the reader, or the clients are paused
	bool paused;

	const struct wl_global *allowed[COMPOSITOR_MAX_GLOBALS];
	size_t allowed_len;

	struct wlr_cursor_shape_manager_v1 *cursor_shapes;

	struct seat *seat;
	struct human *human;
	struct selection *selection;
	struct crossing *crossing; // of the clipboard, to and from the supervisor
	struct cursor *cursor;
	struct settle *settle;
	struct player *player;

	struct wl_protocol_logger *request_logger;
	struct wl_list clients; // client.link
	struct wl_list views; // view.link, every toplevel, topmost first
	struct view *focused; // mapped; may be NULL
	uint32_t last_window_id;
	struct wl_event_source *window_idle, *start_idle; // NULL: none is due

	struct wl_listener output_frame, output_commit;
	struct wl_listener new_surface, new_toplevel, new_popup;
	struct wl_listener new_decoration, request_activate, new_token, start_drag;
};

// emits; `message->type` and the payload are set by the caller
void compositor_emit(struct compositor *c, const struct channel_message *message);
void compositor_fatal(struct compositor *c, const char *why);

// globals.c
const char *globals_create(struct compositor *c); // NULL or why not
void globals_finish(struct compositor *c); // before the display goes

// output.c
const char *output_create(struct compositor *c); // NULL or why not
bool output_start(struct compositor *c); // draws the first frame when the loop runs
void output_finish(struct compositor *c);
void output_released(struct compositor *c); // a slot is free again, or the clients run again

// client.c
bool limits_create(struct compositor *c);
void limits_finish(struct compositor *c);
struct client *client_from_wl(struct compositor *c, struct wl_client *wl_client);
void limits_watch_surface(struct compositor *c, struct wlr_surface *surface);

// view.c
void view_handle_new_toplevel(struct wl_listener *listener, void *data);
void view_handle_new_decoration(struct wl_listener *listener, void *data);
struct view *view_from_surface(struct wlr_surface *surface); // NULL: not of a toplevel
struct wlr_box view_bounds(const struct compositor *c); // the whole frame

// stack.c
void stack_raise(struct view *view); // with its dialogs; gives it the focus
void stack_focus(struct compositor *c, struct view *view); // NULL: nobody
void stack_unmapped(struct view *view); // gives the focus on
void stack_cycle(struct compositor *c);
void stack_pressed(struct compositor *c, struct wlr_surface *surface);
bool stack_is_child(const struct view *view, const struct view *ancestor);

// windows.c: the window list told to the supervisor, at most once per turn of the loop
void windows_changed(struct view *view);
void windows_gone(struct view *view);

// popup.c
void popup_handle_new(struct wl_listener *listener, void *data);

#endif
