#ifndef PARCLOSE_TESTS_DISPLAY_CLIENT_H
#define PARCLOSE_TESTS_DISPLAY_CLIENT_H

// A compositor and real Wayland clients in one process and one thread: every step is pumped by
// hand.

#include <stdbool.h>
#include <stdint.h>
#include <wayland-client.h>

#include "compositor/channel.h"
#include "compositor/compositor.h"
#include "xdg-shell-client-protocol.h"

#define STAGE_MESSAGES 4096

struct stage {
	struct compositor *compositor;
	struct xkb_keymap *keymap;
	struct cursor_shapes *shapes;
	uint32_t width, height;
	int memfd;
	uint8_t *memory;
	// Everything the compositor said, in order.
	struct channel_message messages[STAGE_MESSAGES];
	size_t messages_len;
	bool keep; // frames are not released by themselves
	struct client *clients[16];
	size_t clients_len;
};

struct client {
	struct stage *stage;
	uint32_t id;
	struct wl_display *display;
	struct wl_registry *registry;
	struct wl_compositor *compositor;
	struct wl_subcompositor *subcompositor;
	struct wl_shm *shm;
	struct wl_seat *seat;
	struct wl_pointer *pointer;
	struct wl_keyboard *keyboard;
	struct wl_data_device_manager *data_manager;
	struct wl_data_device *data_device;
	struct xdg_wm_base *shell;
	char globals[64][64]; // "interface version"
	size_t globals_len;
	bool dead; // the connection ended
	bool mute; // pings are not answered
	uint32_t pinged; // the serial of the last ping that was not, 0: none

	// what the seat said
	struct wl_surface *pointer_on, *keyboard_on;
	double px, py;
	uint32_t enter_serial, button_serial, key_serial;
	uint32_t button, button_state, key, key_state, buttons;
	int32_t axis_value120;
	struct wl_data_offer *selection, *dragged; // NULL: none
	int selections; // how many offers came
};

struct window {
	struct client *client;
	struct wl_surface *surface;
	struct xdg_surface *xdg;
	struct xdg_toplevel *toplevel; // or
	struct xdg_popup *popup;
	int32_t width, height; // as last configured
	int32_t popup_x, popup_y;
	bool configured, activated, maximized, fullscreen, closed;
	bool mute; // configure events are not acked
	uint32_t unacked; // the serial of the last one that was not, 0: none
	struct wl_callback *frame; // NULL: none is asked for
	int frames_done;
	struct wl_buffer *buffer;
	uint32_t *pixels;
};

void stage_init(struct stage *stage, uint32_t width, uint32_t height);
void stage_init_layout(struct stage *stage, uint32_t width, uint32_t height, const char *layout);
void stage_finish(struct stage *stage);
// Runs everything until nothing happens any more.
void stage_settle(struct stage *stage);
// Runs for so long.
void stage_run(struct stage *stage, int ms);
void stage_forget(struct stage *stage); // the messages so far
size_t stage_count(const struct stage *stage, uint32_t type);
const struct channel_message *stage_last(const struct stage *stage, uint32_t type); // NULL: none
const struct channel_message *stage_window(const struct stage *stage, uint32_t id); // its last word
uint32_t stage_pixel(const struct stage *stage, uint32_t x, uint32_t y); // of the newest frame

struct client *client_connect(struct stage *stage);
void client_close(struct client *client);

struct wl_buffer *buffer_create(
	struct client *client, int width, int height, uint32_t colour, uint32_t **pixels);

// A mapped toplevel. width 0: the size it is told. `parent` may be NULL.
struct window *window_open(struct client *client, int width, int height, bool fixed,
	struct window *parent, const char *title, uint32_t colour);
void window_draw(struct window *window, int width, int height, uint32_t colour);
void window_close(struct window *window);

#endif
