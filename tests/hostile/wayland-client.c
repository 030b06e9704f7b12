/*
 * A program that means harm to the display it is given (WAYLAND_DISPLAY). One way of it per run:
 *
 *   wayland-client MODE
 *
 * It exits 0 when it did its worst, connected or not; 3 when it could not even begin. What counts
 * is what is left of the others afterwards.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

static struct wl_display *display;
static struct wl_registry *registry;
static struct wl_compositor *compositor;
static struct wl_subcompositor *subcompositor;
static struct wl_shm *shm;
static struct wl_seat *seat;
static struct wl_data_device_manager *data_manager;
static struct xdg_wm_base *shell;

static void begin_failed(const char *what) {
	fprintf(stderr, "wayland-client: %s\n", what);
	exit(3);
}

static void registry_global(
	void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version) {
	const struct {
		const struct wl_interface *interface;
		uint32_t version;
		void **to;
	} wanted[] = {
		{&wl_compositor_interface, 4, (void **)&compositor},
		{&wl_subcompositor_interface, 1, (void **)&subcompositor},
		{&wl_shm_interface, 1, (void **)&shm},
		{&wl_seat_interface, 5, (void **)&seat},
		{&wl_data_device_manager_interface, 3, (void **)&data_manager},
		{&xdg_wm_base_interface, 1, (void **)&shell},
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(interface, wanted[i].interface->name) == 0) {
			*wanted[i].to =
				wl_registry_bind(r, name, wanted[i].interface, wanted[i].version);
		}
	}
}

static void registry_remove(void *data, struct wl_registry *r, uint32_t name) {
}

static const struct wl_registry_listener registry_listener = {registry_global, registry_remove};

static void ping(void *data, struct xdg_wm_base *s, uint32_t serial) {
	xdg_wm_base_pong(s, serial);
}

static const struct xdg_wm_base_listener shell_listener = {ping};

static void configure(void *data, struct xdg_surface *surface, uint32_t serial) {
	xdg_surface_ack_configure(surface, serial);
}

static const struct xdg_surface_listener surface_listener = {configure};

static void toplevel_configure(
	void *data, struct xdg_toplevel *t, int32_t w, int32_t h, struct wl_array *states) {
}

static void toplevel_close(void *data, struct xdg_toplevel *t) {
}

static const struct xdg_toplevel_listener toplevel_listener = {
	.configure = toplevel_configure, .close = toplevel_close};

struct window {
	struct wl_surface *surface;
	struct xdg_surface *xdg;
	struct xdg_toplevel *toplevel;
};

static struct window window_open(void) {
	struct window w;
	w.surface = wl_compositor_create_surface(compositor);
	w.xdg = xdg_wm_base_get_xdg_surface(shell, w.surface);
	xdg_surface_add_listener(w.xdg, &surface_listener, NULL);
	w.toplevel = xdg_surface_get_toplevel(w.xdg);
	xdg_toplevel_add_listener(w.toplevel, &toplevel_listener, NULL);
	wl_surface_commit(w.surface);
	wl_display_roundtrip(display);
	return w;
}

static struct wl_buffer *buffer_of(
	int fd, int32_t pool_bytes, int32_t width, int32_t height, int32_t stride) {
	struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, pool_bytes);
	struct wl_buffer *buffer =
		wl_shm_pool_create_buffer(pool, 0, width, height, stride, WL_SHM_FORMAT_XRGB8888);
	wl_shm_pool_destroy(pool);
	return buffer;
}

static int file_of(off_t bytes) {
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, bytes) != 0) {
		begin_failed("no memory file");
	}
	return fd;
}

static void show(struct wl_surface *surface, struct wl_buffer *buffer) {
	wl_surface_attach(surface, buffer, 0, 0);
	wl_surface_damage(surface, 0, 0, INT32_MAX, INT32_MAX);
	wl_surface_commit(surface);
}

// Keeps reading and writing for so long, or until the connection ends.
static void linger(int ms) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t until = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		int64_t left = until - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
		if (left <= 0 || wl_display_get_error(display) != 0) {
			return;
		}
		while (wl_display_prepare_read(display) != 0) {
			wl_display_dispatch_pending(display);
		}
		wl_display_flush(display);
		struct pollfd fd = {wl_display_get_fd(display), POLLIN, 0};
		if (poll(&fd, 1, (int)left) > 0) {
			wl_display_read_events(display);
			wl_display_dispatch_pending(display);
		} else {
			wl_display_cancel_read(display);
		}
	}
}

// ---- the modes

// The buffer shrinks while it is on the screen, and while it is drawn from.
static void shm_truncate(void) {
	struct window w = window_open();
	const int32_t bytes = 1280 * 800 * 4;
	for (int i = 0; i < 20 && wl_display_get_error(display) == 0; i++) {
		int fd = file_of(bytes);
		show(w.surface, buffer_of(fd, bytes, 1280, 800, 1280 * 4));
		wl_display_flush(display);
		if (i % 2 == 0) {
			linger(20);
		}
		if (ftruncate(fd, 0) != 0) {
			begin_failed("ftruncate");
		}
		wl_surface_damage(w.surface, 0, 0, 1280, 800);
		wl_surface_commit(w.surface);
		linger(20);
		close(fd);
	}
}

// A pool that claims more than its file has.
static void shm_lie(void) {
	struct window w = window_open();
	int fd = file_of(4096);
	show(w.surface, buffer_of(fd, 1 << 28, 4096, 4096, 4096 * 4));
	linger(300);
}

static void many_surfaces(void) {
	for (int i = 0; i < 10000; i++) {
		wl_compositor_create_surface(compositor);
		if (i % 200 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
	}
	linger(300);
}

static void many_windows(void) {
	const int32_t bytes = 64 * 64 * 4;
	int fd = file_of(bytes);
	for (int i = 0; i < 1000 && wl_display_get_error(display) == 0; i++) {
		struct window w = window_open();
		show(w.surface, buffer_of(fd, bytes, 64, 64, 64 * 4));
	}
	linger(300);
}

static void many_pools(void) {
	int fd = file_of(4096);
	for (int i = 0; i < 10000; i++) {
		wl_shm_create_pool(shm, fd, 4096);
		if (i % 20 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
	}
}

// 2^31 bytes and more than 2^29 pixels, shown.
static void huge_surface(void) {
	const int32_t side = 23168; // side * side * 4 is just below 2^31
	int fd = file_of((off_t)side * side * 4);
	struct window w = window_open();
	show(w.surface, buffer_of(fd, side * side * 4, side, side, side * 4));
	linger(1000);
}

// 2^31 pixels wide, of one row; and the scale that would make them overflow.
static void huge_numbers(void) {
	const int32_t width = INT32_MAX / 4;
	int fd = file_of((off_t)width * 4);
	struct window w = window_open();
	xdg_surface_set_window_geometry(w.xdg, -INT32_MAX, -INT32_MAX, INT32_MAX, INT32_MAX);
	wl_surface_damage_buffer(w.surface, -INT32_MAX, -INT32_MAX, INT32_MAX, INT32_MAX);
	show(w.surface, buffer_of(fd, width * 4, width, 1, width * 4));
	xdg_toplevel_set_min_size(w.toplevel, INT32_MAX, INT32_MAX);
	xdg_toplevel_set_max_size(w.toplevel, INT32_MAX, INT32_MAX);
	wl_surface_commit(w.surface);
	linger(500);
}

// Bytes that are no requests: random ones, and headers with impossible sizes, objects and opcodes.
static void bad_requests(void) {
	int fd = wl_display_get_fd(display);
	const uint32_t shapes[][3] = {
		{1, 8 << 16 | 77, 0}, // no such request
		{0xdeadbeef, 12 << 16, 0}, // no such object
		{1, 3 << 16, 0}, // shorter than its header
		{1, 0xffffu << 16, 0}, // longer than any buffer
		{1, 12 << 16 | 1, 0}, // get_registry with the id of nothing
		{1, 12 << 16 | 1, 0xff000001}, // with an id of the other side
	};
	unsigned int seed = 1;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (send(fd, shapes[i], sizeof(shapes[i]), MSG_NOSIGNAL) < 0) {
			break;
		}
	}
	for (int i = 0; i < 1000; i++) {
		uint32_t noise[64];
		for (size_t k = 0; k < 64; k++) {
			seed = seed * 1103515245u + 12345u;
			noise[k] = seed;
		}
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) < 0) {
			break;
		}
	}
}

// Requests that are well-formed and wrong: each must end in a protocol error, none in the server.
static void wrong_order(void) {
	struct wl_surface *surface = wl_compositor_create_surface(compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(shell, surface);
	int fd = file_of(4096);
	xdg_surface_ack_configure(xdg, 12345);
	xdg_surface_get_toplevel(xdg);
	show(surface, buffer_of(fd, 4096, 16, 16, 64));
	xdg_surface_destroy(xdg);
	linger(300);
}

static void deep_subsurfaces(void) {
	struct wl_surface *parent = wl_compositor_create_surface(compositor);
	for (int i = 0; i < 1900; i++) {
		struct wl_surface *child = wl_compositor_create_surface(compositor);
		wl_subcompositor_get_subsurface(subcompositor, child, parent);
		wl_surface_commit(parent);
		parent = child;
		if (i % 100 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
	}
	linger(300);
}

// Asks for more and more, and never reads an answer.
static void never_read(void) {
	for (int i = 0; i < 500000; i++) {
		wl_display_sync(display);
		if (i % 100 != 0) {
			continue;
		}
		while (wl_display_flush(display) < 0) {
			struct pollfd writable = {wl_display_get_fd(display), POLLOUT, 0};
			if (errno != EAGAIN || poll(&writable, 1, 2000) <= 0 ||
				(writable.revents & (POLLERR | POLLHUP)) != 0) {
				return;
			}
		}
	}
}

static void selection_flood(void) {
	struct window w = window_open();
	int fd = file_of(4096);
	show(w.surface, buffer_of(fd, 4096, 16, 16, 64));
	struct wl_data_device *device = wl_data_device_manager_get_data_device(data_manager, seat);
	for (uint32_t i = 0; i < 20000; i++) {
		struct wl_data_source *source =
			wl_data_device_manager_create_data_source(data_manager);
		for (int k = 0; i < 10 && k < 2000; k++) {
			char type[4000];
			int n = snprintf(type, sizeof(type), "x/%u-%d-", i, k);
			memset(type + n, 'A', sizeof(type) - 1 - (size_t)n);
			type[sizeof(type) - 1] = '\0';
			wl_data_source_offer(source, type);
			if (k % 10 == 0 && wl_display_roundtrip(display) < 0) {
				return;
			}
		}
		wl_data_device_set_selection(device, source, i);
		if (i % 50 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
	}
}

static void big_title(void) {
	struct window w = window_open();
	int fd = file_of(4096);
	show(w.surface, buffer_of(fd, 4096, 16, 16, 64));
	char title[4000];
	for (int i = 0; i < 20000 && wl_display_get_error(display) == 0; i++) {
		for (size_t k = 0; k < sizeof(title) - 1; k++) {
			title[k] = (char)(1 + (k + (size_t)i) % 127); // escapes, newlines
		}
		title[sizeof(title) - 1] = '\0';
		xdg_toplevel_set_title(w.toplevel, title);
		xdg_toplevel_set_app_id(w.toplevel, title);
		wl_display_flush(display);
		if (i % 100 == 0) {
			wl_display_roundtrip(display);
		}
	}
}

static void bad_title(void) {
	struct window w = window_open();
	xdg_toplevel_set_title(w.toplevel, "\xff\xfe\xc0\x80 not UTF-8 \xed\xa0\x80");
	linger(300);
}

static void configure_storm(void) {
	struct window w = window_open();
	int fd = file_of(4096);
	show(w.surface, buffer_of(fd, 4096, 16, 16, 64));
	for (int i = 0; i < 100000 && wl_display_get_error(display) == 0; i++) {
		if (i % 2 == 0) {
			xdg_toplevel_set_fullscreen(w.toplevel, NULL);
		} else {
			xdg_toplevel_unset_fullscreen(w.toplevel);
		}
		xdg_toplevel_set_maximized(w.toplevel);
		if (i % 20 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{"shm-truncate", shm_truncate},
	{"shm-lie", shm_lie},
	{"many-surfaces", many_surfaces},
	{"many-windows", many_windows},
	{"many-pools", many_pools},
	{"huge-surface", huge_surface},
	{"huge-numbers", huge_numbers},
	{"bad-requests", bad_requests},
	{"wrong-order", wrong_order},
	{"deep-subsurfaces", deep_subsurfaces},
	{"never-read", never_read},
	{"selection-flood", selection_flood},
	{"big-title", big_title},
	{"bad-title", bad_title},
	{"configure-storm", configure_storm},
};

int main(int argc, char **argv) {
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) != 0) {
			continue;
		}
		display = wl_display_connect(NULL);
		if (display == NULL) {
			begin_failed("no display");
		}
		registry = wl_display_get_registry(display);
		wl_registry_add_listener(registry, &registry_listener, NULL);
		wl_display_roundtrip(display);
		if (!compositor || !subcompositor || !shm || !seat || !data_manager || !shell) {
			begin_failed("a global is missing");
		}
		xdg_wm_base_add_listener(shell, &shell_listener, NULL);
		modes[i].run();
		printf("%s: %s\n", argv[1],
			wl_display_get_error(display) != 0 ? "disconnected" : "still connected");
		return 0;
	}
	fprintf(stderr, "usage: wayland-client MODE, one of:\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		fprintf(stderr, "  %s\n", modes[i].name);
	}
	return 2;
}
