/*
 * Copies between programs of one display, measured.
 *
 *   copy COUNT BYTES   two programs: one holds an item of so many bytes, the other reads it COUNT
 *                      times; prints the median in milliseconds
 *   copy paste         one program with the keyboard, that reads every item it is offered whole,
 *                      and prints its length
 */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <wayland-client.h>

#include "xdg-shell-client-protocol.h"

#define TEXT "text/plain;charset=utf-8"
#define MAX_COUNT 10000

struct program {
	struct wl_display *display;
	struct wl_compositor *compositor;
	struct wl_shm *shm;
	struct wl_seat *seat;
	struct wl_data_device_manager *manager;
	struct xdg_wm_base *shell;
	struct wl_data_device *device;
	struct wl_data_offer *offer; // of the selection
	bool fresh; // it is new
	uint32_t key_serial;
};

static char *item;
static size_t item_len;

static _Noreturn void give_up(const char *what) {
	fprintf(stderr, "copy: %s\n", what);
	exit(1);
}

static void registry_global(
	void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version) {
	struct program *p = data;
	const struct {
		const struct wl_interface *interface;
		uint32_t version;
		void **to;
	} wanted[] = {
		{&wl_compositor_interface, 4, (void **)&p->compositor},
		{&wl_shm_interface, 1, (void **)&p->shm},
		{&wl_seat_interface, 5, (void **)&p->seat},
		{&wl_data_device_manager_interface, 3, (void **)&p->manager},
		{&xdg_wm_base_interface, 1, (void **)&p->shell},
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

static void ping(void *data, struct xdg_wm_base *shell, uint32_t serial) {
	xdg_wm_base_pong(shell, serial);
}

static const struct xdg_wm_base_listener shell_listener = {ping};

static void configure(void *data, struct xdg_surface *surface, uint32_t serial) {
	xdg_surface_ack_configure(surface, serial);
}

static const struct xdg_surface_listener surface_listener = {configure};

static void keymap(void *data, struct wl_keyboard *k, uint32_t format, int32_t fd, uint32_t size) {
	close(fd);
}

static void enter(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s,
	struct wl_array *keys) {
	((struct program *)data)->key_serial = serial;
}

static void leave(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s) {
}

static void key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time, uint32_t code,
	uint32_t state) {
}

static void modifiers(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t a, uint32_t b,
	uint32_t c, uint32_t d) {
}

static void repeat(void *data, struct wl_keyboard *k, int32_t rate, int32_t delay) {
}

static const struct wl_keyboard_listener keyboard_listener = {
	keymap, enter, leave, key, modifiers, repeat};

static void data_offer(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
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

static void selection(void *data, struct wl_data_device *d, struct wl_data_offer *offer) {
	struct program *p = data;
	if (p->offer != NULL) {
		wl_data_offer_destroy(p->offer);
	}
	p->offer = offer;
	p->fresh = offer != NULL;
}

static const struct wl_data_device_listener device_listener = {
	data_offer, drag_enter, drag_leave, drag_motion, drag_drop, selection};

static void target(void *data, struct wl_data_source *source, const char *type) {
}

static void send_item(void *data, struct wl_data_source *source, const char *type, int32_t fd) {
	for (size_t done = 0; done < item_len;) {
		ssize_t n = write(fd, item + done, item_len - done);
		if (n < 0 && errno != EINTR) {
			break;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	close(fd);
}

static void ignore(void *data, struct wl_data_source *source) {
}

static void action(void *data, struct wl_data_source *source, uint32_t what) {
}

static const struct wl_data_source_listener source_listener = {
	target, send_item, ignore, ignore, ignore, action};

// With a window and the keyboard, when it returns.
static void start(struct program *p, const char *title) {
	p->display = wl_display_connect(NULL);
	if (p->display == NULL) {
		give_up("no display");
	}
	wl_registry_add_listener(wl_display_get_registry(p->display), &registry_listener, p);
	wl_display_roundtrip(p->display);
	if (p->compositor == NULL || p->shm == NULL || p->seat == NULL || p->manager == NULL ||
		p->shell == NULL) {
		give_up("the display lacks something");
	}
	xdg_wm_base_add_listener(p->shell, &shell_listener, p);
	wl_keyboard_add_listener(wl_seat_get_keyboard(p->seat), &keyboard_listener, p);
	p->device = wl_data_device_manager_get_data_device(p->manager, p->seat);
	wl_data_device_add_listener(p->device, &device_listener, p);
	struct wl_surface *surface = wl_compositor_create_surface(p->compositor);
	struct xdg_surface *xdg = xdg_wm_base_get_xdg_surface(p->shell, surface);
	xdg_surface_add_listener(xdg, &surface_listener, p);
	xdg_toplevel_set_title(xdg_surface_get_toplevel(xdg), title);
	wl_surface_commit(surface);
	wl_display_roundtrip(p->display);
	int fd = memfd_create("pixels", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 64 * 64 * 4) != 0) {
		give_up("no memory file");
	}
	struct wl_shm_pool *pool = wl_shm_create_pool(p->shm, fd, 64 * 64 * 4);
	wl_surface_attach(surface,
		wl_shm_pool_create_buffer(pool, 0, 64, 64, 64 * 4, WL_SHM_FORMAT_XRGB8888), 0, 0);
	wl_surface_damage(surface, 0, 0, 64, 64);
	wl_surface_commit(surface);
	while (p->key_serial == 0) {
		if (wl_display_dispatch(p->display) < 0) {
			give_up("disconnected");
		}
	}
}

static size_t read_offer(struct program *p) {
	static char part[1 << 20];
	int ends[2];
	if (pipe(ends) != 0) {
		give_up("no pipe");
	}
	wl_data_offer_receive(p->offer, TEXT, ends[1]);
	wl_display_flush(p->display);
	close(ends[1]);
	size_t total = 0;
	ssize_t n;
	while ((n = read(ends[0], part, sizeof(part))) > 0) {
		total += (size_t)n;
	}
	close(ends[0]);
	return total;
}

// The program that holds the item, from another thread on.
static void *serve(void *data) {
	while (wl_display_dispatch(data) >= 0) {}
	return NULL;
}

static int compare(const void *a, const void *b) {
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

static double now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void measure(size_t count, size_t bytes) {
	static double took[MAX_COUNT];
	struct program holder = {0}, reader = {0};
	item_len = bytes;
	item = malloc(bytes);
	if (item == NULL || count < 1 || count > MAX_COUNT) {
		give_up("COUNT is 1 to 10000");
	}
	memset(item, 'x', bytes);
	start(&holder, "holder");
	struct wl_data_source *source = wl_data_device_manager_create_data_source(holder.manager);
	wl_data_source_add_listener(source, &source_listener, NULL);
	wl_data_source_offer(source, TEXT);
	wl_data_device_set_selection(holder.device, source, holder.key_serial);
	wl_display_roundtrip(holder.display);
	pthread_t thread;
	if (pthread_create(&thread, NULL, serve, holder.display) != 0) {
		give_up("no thread");
	}
	start(&reader, "reader");
	while (reader.offer == NULL) {
		if (wl_display_dispatch(reader.display) < 0) {
			give_up("disconnected");
		}
	}
	for (size_t i = 0; i < count; i++) {
		double begun = now_ms();
		if (read_offer(&reader) != bytes) {
			give_up("the item is not whole");
		}
		took[i] = now_ms() - begun;
	}
	qsort(took, count, sizeof(took[0]), compare);
	printf("%.4f\n", took[count / 2]);
}

static void paste(void) {
	struct program p = {0};
	start(&p, "paste");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		while (!p.fresh) {
			if (wl_display_dispatch(p.display) < 0) {
				give_up("disconnected");
			}
		}
		p.fresh = false;
		printf("%zu\n", read_offer(&p));
		fflush(stdout);
	}
}

int main(int argc, char *argv[]) {
	if (argc == 2 && strcmp(argv[1], "paste") == 0) {
		paste();
	} else if (argc == 3) {
		measure(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10));
	} else {
		give_up("usage: copy COUNT BYTES | copy paste");
	}
	return 0;
}
