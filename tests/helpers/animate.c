/*
 * A program that draws as fast as the display asks for frames. Every pixel of a frame has one
 * colour, and no two successive frames have the same: a picture with two colours is torn.
 *
 *   animate [WIDTHxHEIGHT]      the window's size; without it the size the window is given
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

#define BUFFERS 3

struct buffer {
	struct wl_buffer *wl;
	uint32_t *pixels;
	bool busy;
};

static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct xdg_wm_base *shell;
static struct wl_surface *surface;
static struct buffer buffers[BUFFERS];
static int32_t width, height;
static bool fixed;
static uint32_t count;

static void handle_release(void *data, struct wl_buffer *wl) {
	struct buffer *buffer = data;
	buffer->busy = false;
}

static const struct wl_buffer_listener buffer_listener = {.release = handle_release};

static void make_buffers(void) {
	size_t bytes = (size_t)width * (size_t)height * 4;
	int fd = memfd_create("animate", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)(bytes * BUFFERS)) != 0) {
		exit(EXIT_FAILURE);
	}
	uint8_t *memory = mmap(NULL, bytes * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		exit(EXIT_FAILURE);
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, (int32_t)(bytes * BUFFERS));
	for (int i = 0; i < BUFFERS; i++) {
		buffers[i].wl = wl_shm_pool_create_buffer(
			pool, (int32_t)bytes * i, width, height, width * 4, WL_SHM_FORMAT_XRGB8888);
		buffers[i].pixels = (uint32_t *)(memory + bytes * (size_t)i);
		wl_buffer_add_listener(buffers[i].wl, &buffer_listener, &buffers[i]);
	}
	wl_shm_pool_destroy(pool);
	close(fd);
}

static void draw(void);

static void handle_frame(void *data, struct wl_callback *callback, uint32_t time) {
	wl_callback_destroy(callback);
	draw();
}

static const struct wl_callback_listener frame_listener = {.done = handle_frame};

static void draw(void) {
	struct buffer *buffer = NULL;
	for (int i = 0; i < BUFFERS; i++) {
		buffer = buffers[i].busy ? buffer : &buffers[i];
	}
	wl_callback_add_listener(wl_surface_frame(surface), &frame_listener, NULL);
	if (buffer != NULL) {
		uint32_t colour = ++count * 0x010305u & 0xffffffu;
		for (size_t i = 0; i < (size_t)width * (size_t)height; i++) {
			buffer->pixels[i] = colour;
		}
		buffer->busy = true;
		wl_surface_attach(surface, buffer->wl, 0, 0);
		wl_surface_damage_buffer(surface, 0, 0, width, height);
	}
	wl_surface_commit(surface);
}

static void handle_configure(void *data, struct xdg_surface *xdg, uint32_t serial) {
	xdg_surface_ack_configure(xdg, serial);
	if (buffers[0].wl == NULL) {
		make_buffers();
		draw();
	}
}

static const struct xdg_surface_listener xdg_listener = {.configure = handle_configure};

static void handle_size(
	void *data, struct xdg_toplevel *toplevel, int32_t w, int32_t h, struct wl_array *states) {
	if (!fixed && buffers[0].wl == NULL) {
		width = w > 0 ? w : 640;
		height = h > 0 ? h : 480;
	}
}

static void handle_close(void *data, struct xdg_toplevel *toplevel) {
	exit(EXIT_SUCCESS);
}

static void handle_bounds(void *data, struct xdg_toplevel *toplevel, int32_t w, int32_t h) {
}

static void handle_capabilities(
	void *data, struct xdg_toplevel *toplevel, struct wl_array *capabilities) {
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = handle_size,
	.close = handle_close,
	.configure_bounds = handle_bounds,
	.wm_capabilities = handle_capabilities,
};

static void handle_ping(void *data, struct xdg_wm_base *base, uint32_t serial) {
	xdg_wm_base_pong(base, serial);
}

static const struct xdg_wm_base_listener shell_listener = {.ping = handle_ping};

static void handle_global(void *data, struct wl_registry *registry, uint32_t name,
	const char *interface, uint32_t version) {
	if (strcmp(interface, wl_compositor_interface.name) == 0) {
		compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
	} else if (strcmp(interface, wl_shm_interface.name) == 0) {
		shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (strcmp(interface, xdg_wm_base_interface.name) == 0) {
		shell = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(shell, &shell_listener, NULL);
	}
}

static void handle_global_remove(void *data, struct wl_registry *registry, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {
	.global = handle_global,
	.global_remove = handle_global_remove,
};

int main(int argc, char *argv[]) {
	fixed = argc > 1 && sscanf(argv[1], "%dx%d", &width, &height) == 2;
	struct wl_display *display = wl_display_connect(NULL);
	if (display == NULL) {
		perror("animate: no display");
		return EXIT_FAILURE;
	}
	struct wl_registry *registry = wl_display_get_registry(display);
	wl_registry_add_listener(registry, &registry_listener, NULL);
	wl_display_roundtrip(display);
	surface = wl_compositor_create_surface(compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(shell, surface);
	xdg_surface_add_listener(xdg, &xdg_listener, NULL);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(xdg);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, NULL);
	xdg_toplevel_set_title(toplevel, "animate");
	wl_surface_commit(surface);
	while (wl_display_dispatch(display) >= 0) {}
	return EXIT_FAILURE;
}
