/*
 * A program that means harm by the clipboard of the display it is given (WAYLAND_DISPLAY):
 *
 *   clipboard-client MODE
 *
 * Prints "ready" when it has done what it can do by itself, and stays until it is killed. The modes
 * from `silent` on hold the clipboard, each in its own way.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

#define TEXT "text/plain;charset=utf-8"
#define GIB (1ull << 30)

static struct wl_display *display;
static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct wl_seat *seat;
static struct wl_data_device_manager *manager;
static struct xdg_wm_base *shell;
static struct wl_data_device *device;
static struct wl_data_offer *selection;
static const char *mode;
static uint32_t key_serial;
static int offers;

static bool is(const char *name) {
	return strcmp(mode, name) == 0;
}

static void registry_global(
	void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version) {
	const struct {
		const struct wl_interface *interface;
		uint32_t version;
		void **to;
	} wanted[] = {
		{&wl_compositor_interface, 4, (void **)&compositor},
		{&wl_shm_interface, 1, (void **)&shm},
		{&wl_seat_interface, 5, (void **)&seat},
		{&wl_data_device_manager_interface, 3, (void **)&manager},
		{&xdg_wm_base_interface, 1, (void **)&shell},
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(interface, wanted[i].interface->name) == 0) {
			*wanted[i].to =
				wl_registry_bind(r, name, wanted[i].interface, wanted[i].version);
		}
	}
	if (strstr(interface, "data_control") != NULL) {
		offers += 1000; // there must be none
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

// ---- the keyboard, for its serial

static void keymap(void *data, struct wl_keyboard *k, uint32_t format, int32_t fd, uint32_t size) {
	close(fd);
}

static void enter(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s,
	struct wl_array *keys) {
	key_serial = serial;
}

static void leave(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s) {
}

static void key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time, uint32_t code,
	uint32_t state) {
	key_serial = serial;
}

static void modifiers(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t a, uint32_t b,
	uint32_t c, uint32_t d) {
}

static void repeat(void *data, struct wl_keyboard *k, int32_t rate, int32_t delay) {
}

static const struct wl_keyboard_listener keyboard_listener = {
	keymap, enter, leave, key, modifiers, repeat};

// ---- what is offered

static void data_offer(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
	offers++;
}

static void drag_enter(void *data, struct wl_data_device *d, uint32_t serial, struct wl_surface *s,
	wl_fixed_t x, wl_fixed_t y, struct wl_data_offer *offer) {
}

static void drag_leave(void *data, struct wl_data_device *d) {
}

static void drag_motion(
	void *data, struct wl_data_device *d, uint32_t time, wl_fixed_t x, wl_fixed_t y) {
}

static void drag_drop(void *data, struct wl_data_device *d) {
}

static void handle_selection(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
	selection = offer;
}

static const struct wl_data_device_listener device_listener = {
	data_offer, drag_enter, drag_leave, drag_motion, drag_drop, handle_selection};

// ---- what is held

static void write_all(int fd, const char *bytes, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR) {
			return;
		}
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void send_slowly(int fd) {
	while (write(fd, "x", 1) == 1) {
		nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
	}
}

static void send_very_much(int fd) {
	static char zeros[1 << 16];
	for (uint64_t sent = 0; sent < GIB; sent += sizeof(zeros)) {
		if (write(fd, zeros, sizeof(zeros)) < 0) {
			return;
		}
	}
}

static void handle_send(void *data, struct wl_data_source *source, const char *type, int32_t fd) {
	if (is("silent")) {
		return; // and keeps it open
	}
	if (is("early")) {
		write_all(fd, "the beg", 7);
	} else if (is("slow")) {
		send_slowly(fd);
	} else if (is("gigabyte")) {
		send_very_much(fd);
	} else if (is("dies")) {
		write_all(fd, "the beginning of", 16);
		_exit(0);
	} else {
		write_all(fd, "an item", 7);
	}
	close(fd);
}

static void nothing(void *data, struct wl_data_source *source, const char *type) {
}

static void handle_cancelled(void *data, struct wl_data_source *source) {
}

static void handle_action(void *data, struct wl_data_source *source, uint32_t action) {
}

static const struct wl_data_source_listener source_listener = {
	nothing, handle_send, handle_cancelled, handle_cancelled, handle_cancelled, handle_action};

static struct wl_data_source *hold(void) {
	struct wl_data_source *source = wl_data_device_manager_create_data_source(manager);
	wl_data_source_add_listener(source, &source_listener, NULL);
	wl_data_source_offer(source, TEXT);
	wl_data_device_set_selection(device, source, key_serial);
	return source;
}

// ---- the ways

// A window with the keyboard.
static void open_window(void) {
	struct wl_surface *surface = wl_compositor_create_surface(compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(shell, surface);
	xdg_surface_add_listener(xdg, &surface_listener, NULL);
	struct xdg_toplevel *toplevel = xdg_surface_get_toplevel(xdg);
	xdg_toplevel_set_title(toplevel, mode);
	wl_surface_commit(surface);
	wl_display_roundtrip(display);
	int fd = memfd_create("pixels", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 64 * 64 * 4) != 0) {
		exit(3);
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, 64 * 64 * 4);
	struct wl_buffer *buffer =
		wl_shm_pool_create_buffer(pool, 0, 64, 64, 64 * 4, WL_SHM_FORMAT_XRGB8888);
	wl_surface_attach(surface, buffer, 0, 0);
	wl_surface_damage(surface, 0, 0, 64, 64);
	wl_surface_commit(surface);
	while (key_serial == 0 && wl_display_dispatch(display) >= 0) {}
}

static void flood(void) {
	for (int i = 0; i < 5000; i++) {
		struct wl_data_source *source = hold();
		if (i % 50 == 0 && wl_display_roundtrip(display) < 0) {
			return;
		}
		wl_data_source_destroy(source);
	}
	hold();
}

// Reads the item in every way that is no reading.
static void receive_badly(void) {
	while (selection == NULL && wl_display_dispatch(display) >= 0) {}
	int pipes[20][2];
	for (size_t i = 0; i < 20; i++) { // that nobody reads
		if (pipe(pipes[i]) == 0) {
			wl_data_offer_receive(selection, TEXT, pipes[i][1]);
			wl_display_flush(display);
		}
	}
	mkfifo("/tmp/fifo", 0600);
	const int fds[] = {
		pipes[0][0], // the wrong end
		epoll_create1(EPOLL_CLOEXEC),
		open("/tmp/fifo", O_RDWR | O_CLOEXEC),
		open("/tmp/regular", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
		open("/dev/full", O_WRONLY | O_CLOEXEC),
		open("/", O_PATH | O_CLOEXEC),
	};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0) {
			wl_data_offer_receive(selection, TEXT, fds[i]);
		}
	}
	int closed[2];
	if (pipe(closed) == 0) {
		close(closed[0]);
		wl_data_offer_receive(selection, TEXT, closed[1]);
	}
	wl_display_flush(display);
}

static void many_types(void) {
	struct wl_data_source *source = wl_data_device_manager_create_data_source(manager);
	char type[32];
	for (int i = 0; i < 10000 && wl_display_get_error(display) == 0; i++) {
		snprintf(type, sizeof(type), "text/x-%d", i);
		wl_data_source_offer(source, type);
		if (i % 100 == 0) {
			wl_display_roundtrip(display);
		}
	}
	wl_data_device_set_selection(device, source, key_serial);
	wl_display_roundtrip(display);
}

// A message says its own length in 16 bits, so a name of a megabyte can only be claimed.
static void long_name(void) {
	struct wl_data_source *source = wl_data_device_manager_create_data_source(manager);
	wl_display_roundtrip(display);
	static uint32_t message[1 << 18];
	memset(message, 'a', sizeof(message));
	message[0] = wl_proxy_get_id((struct wl_proxy *)source);
	message[1] = 0xfffcu << 16; // opcode 0, offer
	message[2] = 1 << 20; // of the string
	write_all(wl_display_get_fd(display), (const char *)message, sizeof(message));
	wl_display_roundtrip(display);
}

int main(int argc, char *argv[]) {
	mode = argc == 2 ? argv[1] : "";
	signal(SIGPIPE, SIG_IGN);
	display = wl_display_connect(NULL);
	if (display == NULL || mode[0] == '\0') {
		return 3;
	}
	struct wl_registry *registry = wl_display_get_registry(display);
	wl_registry_add_listener(registry, &registry_listener, NULL);
	wl_display_roundtrip(display);
	if (compositor == NULL || seat == NULL || manager == NULL || shell == NULL || shm == NULL) {
		return 3;
	}
	xdg_wm_base_add_listener(shell, &shell_listener, NULL);
	device = wl_data_device_manager_get_data_device(manager, seat);
	wl_data_device_add_listener(device, &device_listener, NULL);
	wl_keyboard_add_listener(wl_seat_get_keyboard(seat), &keyboard_listener, NULL);
	wl_display_roundtrip(display);
	if (is("background")) {
		hold(); // without the focus, by a serial that it never got
		key_serial = 1000;
		hold();
		wl_display_roundtrip(display);
	} else {
		open_window();
	}
	if (is("flood")) {
		flood();
	} else if (is("reader")) {
		receive_badly();
	} else if (is("types")) {
		many_types();
	} else if (is("name")) {
		long_name();
	} else if (!is("background")) {
		hold();
		wl_display_roundtrip(display);
	}
	puts("ready");
	fflush(stdout);
	while (wl_display_dispatch(display) >= 0) {
		if (is("background")) {
			printf("offers %d\n", offers);
			fflush(stdout);
		}
	}
	printf("disconnected\n");
	fflush(stdout);
	pause();
	return 0;
}
