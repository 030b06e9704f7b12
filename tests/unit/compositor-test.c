// The compositor as a library against real Wayland clients (tests/helpers/display-client.h).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compositor/shapes.h"
#include "input/seat.h"
#include "tests/helpers/display-client.h"

#define RED 0xff0000u
#define GREEN 0x00ff00u
#define BLUE 0x0000ffu

static int setup(void **state) {
	struct stage *stage = calloc(1, sizeof(*stage));
	if (stage == NULL) {
		return -1;
	}
	stage_init(stage, 640, 400);
	stage_settle(stage);
	*state = stage;
	return 0;
}

static int teardown(void **state) {
	struct stage *stage = *state;
	stage_finish(stage);
	free(stage);
	return 0;
}

static struct seat *seat_of(struct stage *stage) {
	return compositor_seat(stage->compositor);
}

static void click(struct stage *stage, double x, double y) {
	seat_pointer_move(seat_of(stage), x, y);
	stage_settle(stage);
	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, true));
	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, false));
	stage_settle(stage);
}

static void assert_box(const struct channel_message *m, int x, int y, int width, int height) {
	assert_non_null(m);
	assert_int_equal(m->window.box.x, x);
	assert_int_equal(m->window.box.y, y);
	assert_int_equal(m->window.box.width, width);
	assert_int_equal(m->window.box.height, height);
}

// ---- what a client sees

static int compare_lines(const void *a, const void *b) {
	return strcmp(a, b);
}

static void test_globals_are_the_golden_list(void **state) {
	struct client *client = client_connect(*state);
	if (getenv("GOLDEN_PRINT") != NULL) {
		for (size_t n = 0; n < client->globals_len; n++) {
			printf("%s\n", client->globals[n]);
		}
	}
	qsort(client->globals, client->globals_len, sizeof(client->globals[0]), compare_lines);
	FILE *golden = fopen(GOLDEN_GLOBALS, "r");
	assert_non_null(golden);
	char line[256];
	size_t i = 0;
	while (fgets(line, sizeof(line), golden) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0') {
			continue;
		}
		assert_true(i < client->globals_len);
		assert_string_equal(client->globals[i], line);
		i++;
	}
	fclose(golden);
	assert_int_equal(i, client->globals_len);
}

// ---- frame memory

static void test_memory_that_could_shrink_is_refused(void **state) {
	struct stage *stage = *state;
	size_t bytes = channel_memory_bytes(640, 400);
	const struct {
		size_t bytes;
		int seals;
	} cases[] = {
		{bytes, 0},
		{bytes, F_SEAL_GROW | F_SEAL_SEAL},
		{bytes, F_SEAL_SHRINK | F_SEAL_GROW},
		{bytes - 4096, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL},
		{bytes + 4096, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = memfd_create("bad", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fd, (off_t)cases[i].bytes), 0);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
		struct compositor_config config = {640, 400, 60, fd, stage->keymap, stage->shapes};
		const struct compositor_sink sink = {0};
		const char *why = NULL;
		assert_null(compositor_create(&config, &sink, NULL, &why));
		assert_non_null(why);
		close(fd);
	}
}

static void test_first_frame_is_whole(void **state) {
	struct stage *stage = *state;
	const struct channel_message *m = stage_last(stage, CHANNEL_FRAME);
	assert_non_null(m);
	assert_int_equal(m->frame.serial, 1);
	assert_int_equal(m->frame.boxes_len, 1);
	assert_int_equal(m->frame.boxes[0].width, 640);
	assert_int_equal(m->frame.boxes[0].height, 400);
}

static void test_a_static_screen_is_silent(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "w", RED);
	stage_run(stage, 100);
	stage_forget(stage);
	stage_run(stage, 300);
	assert_int_equal(stage->messages_len, 0);
	window_close(window);
}

static void test_damage_is_said_exactly(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "w", RED);
	assert_int_equal(stage_pixel(stage, 320, 200), RED);
	stage_forget(stage);
	uint32_t *pixels = NULL;
	struct wl_buffer *buffer = buffer_create(window->client, 640, 400, RED, &pixels);
	for (int y = 20; y < 60; y++) {
		for (int x = 10; x < 40; x++) {
			pixels[y * 640 + x] = 0xff000000u | GREEN;
		}
	}
	munmap(pixels, 640 * 400 * 4);
	wl_surface_attach(window->surface, buffer, 0, 0);
	wl_surface_damage_buffer(window->surface, 10, 20, 30, 40);
	wl_surface_commit(window->surface);
	stage_settle(stage);
	assert_int_equal(stage_count(stage, CHANNEL_FRAME), 1);
	const struct channel_message *m = stage_last(stage, CHANNEL_FRAME);
	assert_int_equal(m->frame.boxes_len, 1);
	assert_int_equal(m->frame.boxes[0].x, 10);
	assert_int_equal(m->frame.boxes[0].y, 20);
	assert_int_equal(m->frame.boxes[0].width, 30);
	assert_int_equal(m->frame.boxes[0].height, 40);
	assert_int_equal(stage_pixel(stage, 12, 22), GREEN);
	assert_int_equal(stage_pixel(stage, 320, 200), RED);
	wl_buffer_destroy(buffer);
	window_close(window);
}

static void test_many_damaged_places_become_few_boxes(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "w", RED);
	stage_forget(stage);
	struct wl_buffer *buffer = buffer_create(window->client, 640, 400, GREEN, NULL);
	wl_surface_attach(window->surface, buffer, 0, 0);
	for (int i = 0; i < 20; i++) {
		wl_surface_damage_buffer(window->surface, i * 30, i * 19, 4, 4);
	}
	wl_surface_commit(window->surface);
	stage_settle(stage);
	const struct channel_message *m = stage_last(stage, CHANNEL_FRAME);
	assert_non_null(m);
	assert_true(m->frame.boxes_len >= 1 && m->frame.boxes_len <= CHANNEL_BOXES);
	for (int i = 0; i < 20; i++) {
		bool covered = false;
		for (uint32_t b = 0; b < m->frame.boxes_len; b++) {
			const struct channel_box *box = &m->frame.boxes[b];
			covered |= box->x <= i * 30 && box->y <= i * 19 &&
				   box->x + box->width >= i * 30 + 4 &&
				   box->y + box->height >= i * 19 + 4;
			assert_true(box->x >= 0 && box->x + box->width <= 640);
			assert_true(box->y >= 0 && box->y + box->height <= 400);
		}
		assert_true(covered);
	}
	wl_buffer_destroy(buffer);
	window_close(window);
}

static void test_frames_wait_for_their_reader(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "w", RED);
	stage_forget(stage);
	stage->keep = true;
	for (int i = 0; i < 10; i++) {
		window_draw(window, 640, 400, (uint32_t)i);
		stage_settle(stage);
	}
	assert_int_equal(stage_count(stage, CHANNEL_FRAME), CHANNEL_SLOTS);
	bool held[CHANNEL_SLOTS] = {false};
	for (size_t i = 0; i < stage->messages_len; i++) {
		if (stage->messages[i].type == CHANNEL_FRAME) {
			assert_false(held[stage->messages[i].frame.slot]);
			held[stage->messages[i].frame.slot] = true;
		}
	}
	// The clients were not asked for more than there is room for.
	int done = window->frames_done;
	stage_forget(stage);
	assert_false(compositor_release(stage->compositor, CHANNEL_SLOTS));
	assert_true(compositor_release(stage->compositor, 2));
	assert_false(compositor_release(stage->compositor, 2));
	stage_settle(stage);
	assert_int_equal(stage_count(stage, CHANNEL_FRAME), 1);
	assert_int_equal(stage_last(stage, CHANNEL_FRAME)->frame.slot, 2);
	assert_int_equal(stage_pixel(stage, 5, 5), 9); // the newest state, not the oldest
	assert_true(window->frames_done > done);
	stage->keep = false;
	for (uint32_t i = 0; i < CHANNEL_SLOTS; i++) {
		compositor_release(stage->compositor, i);
	}
	window_close(window);
}

// ---- windows

static void test_a_main_window_fills_the_display(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "main", RED);
	assert_int_equal(window->width, 640);
	assert_int_equal(window->height, 400);
	assert_true(window->maximized);
	assert_true(window->activated);
	const struct channel_message *m = stage_window(stage, 1);
	assert_box(m, 0, 0, 640, 400);
	assert_string_equal(m->window.untrusted_title, "main");
	assert_int_equal(m->window.client, window->client->id);
	assert_int_equal(m->window.state, CHANNEL_WINDOW_MAPPED | CHANNEL_WINDOW_FOCUSED);
	window_close(window);
	assert_int_equal(stage_window(stage, 1)->window.state & CHANNEL_WINDOW_MAPPED, 0);
}

static void test_a_fixed_window_is_centred(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 200, 100, true, NULL, "f", RED);
	assert_false(window->maximized);
	assert_box(stage_window(stage, 1), 220, 150, 200, 100);
	assert_int_equal(stage_pixel(stage, 221, 151), RED);
	assert_int_not_equal(stage_pixel(stage, 219, 151), RED);
	window_close(window);
}

static void test_a_window_that_becomes_fixed_is_given_its_size(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 0, 0, false, NULL, "f", RED);
	assert_true(window->maximized);
	xdg_toplevel_set_min_size(window->toplevel, 100, 100);
	xdg_toplevel_set_max_size(window->toplevel, 100, 100);
	wl_surface_commit(window->surface);
	stage_settle(stage);
	assert_false(window->maximized);
	assert_int_equal(window->width, 0);
	window_close(window);
}

static void test_a_dialog_is_over_its_parent(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *main = window_open(client, 0, 0, false, NULL, "main", RED);
	struct window *small = window_open(client, 300, 200, true, main, "small", GREEN);
	assert_box(stage_window(stage, 2), 170, 100, 300, 200);
	assert_int_equal(stage_window(stage, 2)->window.parent, 1);
	assert_true(stage_window(stage, 2)->window.state & CHANNEL_WINDOW_DIALOG);
	struct window *large = window_open(client, 630, 390, false, small, "large", BLUE);
	assert_false(large->maximized);
	assert_box(stage_window(stage, 3), 5, 5, 630, 390);
	// Raising the main window takes its dialogs along.
	assert_true(compositor_window_act(stage->compositor, 1, CHANNEL_WINDOW_RAISE));
	stage_settle(stage);
	assert_int_equal(stage_pixel(stage, 320, 200), BLUE);
	compositor_window_act(stage->compositor, 3, CHANNEL_WINDOW_RAISE);
	stage_settle(stage);
	assert_true(large->activated);
	window_close(large);
	assert_true(small->activated); // the focus goes back to the parent
	window_close(small);
	assert_true(main->activated);
	assert_ptr_equal(client->keyboard_on, main->surface);
	window_close(main);
}

static void test_a_dialog_follows_a_parent_off_the_centre(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *wide = window_open(client, 900, 100, true, NULL, "wide", RED);
	assert_box(stage_window(stage, 1), 0, 150, 900, 100);
	struct window *dialog = window_open(client, 100, 50, true, wide, "d", GREEN);
	assert_box(stage_window(stage, 2), 400, 175, 100, 50);
	window_close(dialog);
	window_close(wide);
}

static void test_a_dialog_too_large_is_asked_to_fit(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *main = window_open(client, 0, 0, false, NULL, "main", RED);
	struct window *dialog = window_open(client, 500, 900, false, main, "large", GREEN);
	assert_int_equal(dialog->width, 500);
	assert_int_equal(dialog->height, 400);
	// One that does not listen is not asked for ever.
	stage_forget(stage);
	dialog->configured = false;
	window_draw(dialog, 500, 901, GREEN);
	stage_settle(stage);
	assert_false(dialog->configured);
	window_draw(dialog, dialog->width, dialog->height, BLUE);
	stage_settle(stage);
	assert_box(stage_window(stage, 2), 70, 0, 500, 400);
	window_close(dialog);
	window_close(main);
}

static void popup_configure(
	void *data, struct xdg_popup *p, int32_t x, int32_t y, int32_t width, int32_t height) {
	struct window *window = data;
	window->popup_x = x;
	window->popup_y = y;
	window->width = width;
	window->height = height;
}

static void popup_done(void *data, struct xdg_popup *p) {
	struct window *window = data;
	window->closed = true;
}

static void popup_repositioned(void *data, struct xdg_popup *p, uint32_t token) {
}

static const struct xdg_popup_listener popup_listener = {
	.configure = popup_configure,
	.popup_done = popup_done,
	.repositioned = popup_repositioned,
};

static void popup_xdg_configure(void *data, struct xdg_surface *xdg, uint32_t serial) {
	struct window *window = data;
	window->configured = true;
	xdg_surface_ack_configure(xdg, serial);
}

static const struct xdg_surface_listener popup_xdg_listener = {.configure = popup_xdg_configure};

static struct window *popup_open(
	struct window *parent, int x, int y, int width, int height, bool grab) {
	struct client *client = parent->client;
	struct window *window = calloc(1, sizeof(*window));
	assert_non_null(window);
	window->client = client;
	window->surface = wl_compositor_create_surface(client->compositor);
	window->xdg = xdg_wm_base_get_xdg_surface(client->shell, window->surface);
	xdg_surface_add_listener(window->xdg, &popup_xdg_listener, window);
	struct xdg_positioner *positioner = xdg_wm_base_create_positioner(client->shell);
	xdg_positioner_set_size(positioner, width, height);
	xdg_positioner_set_anchor_rect(positioner, x, y, 1, 1);
	xdg_positioner_set_anchor(positioner, XDG_POSITIONER_ANCHOR_BOTTOM_RIGHT);
	xdg_positioner_set_gravity(positioner, XDG_POSITIONER_GRAVITY_BOTTOM_RIGHT);
	xdg_positioner_set_constraint_adjustment(
		positioner, XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_X |
				    XDG_POSITIONER_CONSTRAINT_ADJUSTMENT_SLIDE_Y);
	window->popup = xdg_surface_get_popup(window->xdg, parent->xdg, positioner);
	xdg_popup_add_listener(window->popup, &popup_listener, window);
	xdg_positioner_destroy(positioner);
	if (grab) {
		xdg_popup_grab(window->popup, client->seat, client->button_serial);
	}
	wl_surface_commit(window->surface);
	stage_settle(client->stage);
	assert_true(window->configured);
	window_draw(window, window->width, window->height, BLUE);
	stage_settle(client->stage);
	return window;
}

static void test_a_popup_stays_on_the_screen(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *main = window_open(client, 0, 0, false, NULL, "main", RED);
	struct window *popup = popup_open(main, 630, 390, 120, 80, false);
	assert_int_equal(popup->popup_x, 640 - 120);
	assert_int_equal(popup->popup_y, 400 - 80);
	assert_int_equal(stage_pixel(stage, 639, 399), BLUE);
	window_close(popup);
	// In a window that does not begin at the corner, the same.
	struct window *dialog = window_open(client, 100, 100, true, main, "d", GREEN);
	popup = popup_open(dialog, 90, 90, 400, 300, false);
	assert_int_equal(270 + popup->popup_x, 640 - 400);
	assert_int_equal(150 + popup->popup_y, 400 - 300);
	window_close(popup);
	window_close(dialog);
	window_close(main);
}

static void test_a_menu_is_dismissed_by_a_click_elsewhere(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *main = window_open(client, 0, 0, false, NULL, "main", RED);
	struct client *other = client_connect(stage);
	struct window *second = window_open(other, 100, 100, true, NULL, "second", GREEN);
	compositor_window_act(stage->compositor, 1, CHANNEL_WINDOW_RAISE);
	seat_pointer_move(seat_of(stage), 50, 50);
	stage_settle(stage);
	seat_pointer_button(seat_of(stage), BTN_RIGHT, true);
	stage_settle(stage);
	struct window *menu = popup_open(main, 50, 50, 60, 60, true);
	seat_pointer_button(seat_of(stage), BTN_RIGHT, false);
	stage_settle(stage);
	assert_false(menu->closed);
	// Another window coming up closes it as well: it would keep the keys.
	compositor_window_act(stage->compositor, 2, CHANNEL_WINDOW_RAISE);
	stage_settle(stage);
	assert_true(menu->closed);
	assert_ptr_equal(other->keyboard_on, second->surface);
	window_close(menu);
	window_close(second);
	window_close(main);
}

static void test_windows_stack_cycle_and_close(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", RED);
	struct window *two = window_open(b, 0, 0, false, NULL, "two", GREEN);
	assert_int_equal(stage_pixel(stage, 5, 5), GREEN);
	assert_true(two->activated);
	assert_false(one->activated);
	assert_ptr_equal(b->keyboard_on, two->surface);
	assert_null(a->keyboard_on);
	assert_true(compositor_window_act(stage->compositor, 0, CHANNEL_WINDOW_CYCLE));
	stage_settle(stage);
	assert_int_equal(stage_pixel(stage, 5, 5), RED);
	assert_true(one->activated);
	assert_true(compositor_window_act(stage->compositor, 2, CHANNEL_WINDOW_RAISE));
	stage_settle(stage);
	assert_true(two->activated);
	assert_true(compositor_window_act(stage->compositor, 2, CHANNEL_WINDOW_CLOSE));
	stage_settle(stage);
	assert_true(two->closed);
	assert_false(one->closed);
	assert_true(compositor_window_act(stage->compositor, 77, CHANNEL_WINDOW_CLOSE));
	assert_false(compositor_window_act(stage->compositor, 1, 99));
	window_close(two);
	assert_true(one->activated);
	assert_ptr_equal(a->keyboard_on, one->surface);
	window_close(one);
}

static void test_fullscreen_is_the_display(void **state) {
	struct stage *stage = *state;
	struct window *window = window_open(client_connect(stage), 100, 80, true, NULL, "f", RED);
	xdg_toplevel_set_fullscreen(window->toplevel, NULL);
	stage_settle(stage);
	assert_true(window->fullscreen);
	assert_int_equal(window->width, 640);
	xdg_toplevel_unset_fullscreen(window->toplevel);
	stage_settle(stage);
	assert_false(window->fullscreen);
	window_close(window);
}

static void test_a_toplevel_can_be_made_again(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *window = window_open(client, 0, 0, false, NULL, "w", RED);
	for (int i = 0; i < 3; i++) {
		wl_surface_attach(window->surface, NULL, 0, 0);
		wl_surface_commit(window->surface);
		stage_settle(stage);
		assert_int_not_equal(stage_pixel(stage, 5, 5), RED);
		wl_surface_commit(window->surface);
		stage_settle(stage);
		window_draw(window, 640, 400, RED);
		stage_settle(stage);
		assert_int_equal(stage_pixel(stage, 5, 5), RED);
	}
	assert_false(client->dead);
	window_close(window);
}

static void test_silly_geometry_harms_nobody(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *window = window_open(client, 0, 0, false, NULL, "w", RED);
	xdg_surface_set_window_geometry(
		window->xdg, -2147483647, -2147483647, 2147483647, 2147483647);
	window_draw(window, 640, 400, GREEN);
	stage_settle(stage);
	const struct channel_message *m = stage_window(stage, 1);
	assert_true(m->window.box.width <= 640 * 4 && m->window.box.height <= 400 * 4);
	struct window *next = window_open(client_connect(stage), 0, 0, false, NULL, "n", BLUE);
	assert_int_equal(stage_pixel(stage, 5, 5), BLUE);
	window_close(next);
	window_close(window);
}

// ---- input

static void test_the_pointer_finds_its_surface(void **state) {
	struct stage *stage = *state;
	struct client *client = client_connect(stage);
	struct window *window = window_open(client, 200, 100, true, NULL, "f", RED);
	seat_pointer_move(seat_of(stage), 230, 160);
	stage_settle(stage);
	assert_ptr_equal(client->pointer_on, window->surface);
	assert_true(client->px == 10 && client->py == 10);
	// A press holds the events to its surface, wherever the pointer goes.
	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, true));
	assert_false(seat_pointer_button(seat_of(stage), BTN_LEFT, true));
	seat_pointer_move(seat_of(stage), 10, 10);
	stage_settle(stage);
	assert_ptr_equal(client->pointer_on, window->surface);
	assert_true(client->px == -210 && client->py == -140);
	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, false));
	stage_settle(stage);
	assert_null(client->pointer_on);
	assert_int_equal(client->buttons, 2);
	seat_pointer_move(seat_of(stage), 1e9, -1e9);
	double x, y;
	seat_pointer_position(seat_of(stage), &x, &y);
	assert_true(x == 639 && y == 0);
	window_close(window);
}

static void test_a_click_raises(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *under = window_open(a, 0, 0, false, NULL, "under", RED);
	struct window *over = window_open(b, 100, 100, true, NULL, "over", GREEN);
	assert_true(over->activated);
	click(stage, 10, 10);
	assert_true(under->activated);
	assert_int_equal(a->button, BTN_LEFT);
	assert_int_equal(stage_pixel(stage, 320, 200), RED);
	window_close(over);
	window_close(under);
}

static void test_keys_go_to_the_focus(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", RED);
	struct window *two = window_open(b, 0, 0, false, NULL, "two", GREEN);
	assert_true(seat_key(seat_of(stage), KEY_A, true));
	assert_false(seat_key(seat_of(stage), KEY_A, true));
	stage_settle(stage);
	assert_int_equal(b->key, KEY_A);
	assert_int_equal(b->key_state, 1);
	assert_int_equal(a->key, 0);
	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, true));
	seat_release_all(seat_of(stage));
	stage_settle(stage);
	assert_int_equal(b->key_state, 0);
	assert_int_equal(b->button_state, 0);
	assert_false(seat_key(seat_of(stage), KEY_A, false));
	seat_pointer_scroll(seat_of(stage), false, 1.5);
	stage_settle(stage);
	assert_int_equal(b->axis_value120, 180);
	window_close(two);
	window_close(one);
}

// ---- cursor

static void test_the_cursor_is_the_focused_clients(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", RED);
	seat_pointer_move(seat_of(stage), 30, 40);
	stage_settle(stage);
	const struct channel_message *m = stage_last(stage, CHANNEL_CURSOR);
	assert_int_equal(m->cursor.x, 30);
	assert_int_equal(m->cursor.y, 40);
	assert_true(m->cursor.visible);
	struct wl_surface *image = wl_compositor_create_surface(a->compositor);
	struct wl_buffer *buffer = buffer_create(a, 200, 16, GREEN, NULL);
	wl_surface_attach(image, buffer, 0, 0);
	wl_surface_commit(image);
	wl_pointer_set_cursor(a->pointer, a->enter_serial, image, 500, 3);
	stage_settle(stage);
	m = stage_last(stage, CHANNEL_CURSOR);
	assert_int_equal(m->cursor.width, CHANNEL_CURSOR_MAX);
	assert_int_equal(m->cursor.height, 16);
	assert_int_equal(m->cursor.hot_x, CHANNEL_CURSOR_MAX - 1);
	assert_int_equal(m->cursor.hot_y, 3);
	const uint32_t *pixels =
		(const uint32_t *)(stage->memory + channel_slot_bytes(640, 400) * CHANNEL_SLOTS);
	assert_int_equal(pixels[0] & 0xffffff, GREEN);
	assert_int_equal(pixels[17 * CHANNEL_CURSOR_MAX], 0);
	// Who has not the pointer has no say.
	stage_forget(stage);
	wl_pointer_set_cursor(b->pointer, a->enter_serial, NULL, 0, 0);
	stage_settle(stage);
	assert_null(stage_last(stage, CHANNEL_CURSOR));
	wl_pointer_set_cursor(a->pointer, a->enter_serial, NULL, 0, 0);
	stage_settle(stage);
	assert_false(stage_last(stage, CHANNEL_CURSOR)->cursor.visible);
	wl_surface_destroy(image);
	wl_buffer_destroy(buffer);
	window_close(one);
	// The window is gone: the arrow is back.
	assert_true(stage_last(stage, CHANNEL_CURSOR)->cursor.visible);
}

// ---- selection

static struct wl_data_source *source_create(struct client *client, int types) {
	struct wl_data_source *source =
		wl_data_device_manager_create_data_source(client->data_manager);
	for (int i = 0; i < types; i++) {
		char type[64];
		snprintf(type, sizeof(type), "text/plain;charset=utf-8;x=%d", i);
		wl_data_source_offer(source, type);
	}
	return source;
}

static void test_only_the_focused_client_sets_the_selection(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", RED);
	uint32_t old_serial = a->key_serial;
	struct window *two = window_open(b, 0, 0, false, NULL, "two", GREEN);
	b->selections = 0;

	// `a` got this serial, but the keyboard has moved on.
	struct wl_data_source *mine = source_create(a, 1);
	wl_data_device_set_selection(a->data_device, mine, old_serial);
	stage_settle(stage);
	assert_int_equal(b->selections, 0);
	wl_data_source_destroy(mine);
	// Nor with a serial of `b`'s.
	mine = source_create(a, 1);
	wl_data_device_set_selection(a->data_device, mine, b->key_serial);
	stage_settle(stage);
	assert_int_equal(b->selections, 0);
	wl_data_source_destroy(mine);
	// The focused client, with a serial nobody gave it.
	struct wl_data_source *theirs = source_create(b, 1);
	wl_data_device_set_selection(b->data_device, theirs, b->key_serial + 1000);
	stage_settle(stage);
	assert_null(b->selection);
	wl_data_source_destroy(theirs);
	// More types than anybody has.
	theirs = source_create(b, 300);
	wl_data_device_set_selection(b->data_device, theirs, b->key_serial);
	stage_settle(stage);
	assert_null(b->selection);
	wl_data_source_destroy(theirs);

	theirs = source_create(b, 1);
	wl_data_device_set_selection(b->data_device, theirs, b->key_serial);
	stage_settle(stage);
	assert_non_null(b->selection);
	assert_null(a->selection); // not before it has the focus
	compositor_window_act(stage->compositor, 1, CHANNEL_WINDOW_RAISE);
	stage_settle(stage);
	assert_non_null(a->selection);
	// The one that lost the focus cannot clear it any more.
	wl_data_device_set_selection(b->data_device, NULL, b->key_serial);
	stage_settle(stage);
	assert_non_null(a->selection);
	wl_data_source_destroy(theirs);
	stage_settle(stage);
	window_close(two);
	window_close(one);
}

static void test_a_drag_needs_a_pressed_button(void **state) {
	struct stage *stage = *state;
	struct client *a = client_connect(stage), *b = client_connect(stage);
	struct window *other = window_open(b, 100, 100, true, NULL, "other", GREEN);
	struct window *one = window_open(a, 0, 0, false, NULL, "one", RED);
	click(stage, 50, 50);
	struct wl_data_source *source = source_create(a, 1);
	wl_data_device_start_drag(a->data_device, source, one->surface, NULL, a->button_serial);
	stage_settle(stage);
	assert_ptr_equal(a->pointer_on, one->surface); // still an ordinary pointer
	wl_data_source_destroy(source);

	assert_true(seat_pointer_button(seat_of(stage), BTN_LEFT, true));
	stage_settle(stage);
	source = source_create(a, 1);
	wl_data_source_set_actions(source, WL_DATA_DEVICE_MANAGER_DND_ACTION_COPY);
	struct wl_surface *icon = wl_compositor_create_surface(a->compositor);
	struct wl_buffer *buffer = buffer_create(a, 16, 16, BLUE, NULL);
	wl_data_device_start_drag(a->data_device, source, one->surface, icon, a->button_serial);
	wl_surface_attach(icon, buffer, 0, 0);
	wl_surface_damage_buffer(icon, 0, 0, 16, 16);
	wl_surface_commit(icon);
	seat_pointer_move(seat_of(stage), 100, 100);
	stage_settle(stage);
	assert_null(a->pointer_on); // the pointer is the drag's
	assert_int_equal(stage_pixel(stage, 102, 102), BLUE); // its icon follows
	// The focus moves while the drag holds the keyboard: it is given when the drag ends.
	compositor_window_act(stage->compositor, 1, CHANNEL_WINDOW_RAISE);
	stage_settle(stage);
	assert_null(b->keyboard_on);
	seat_release_all(seat_of(stage));
	stage_settle(stage);
	assert_int_equal(stage_pixel(stage, 102, 102), RED);
	assert_ptr_equal(b->keyboard_on, other->surface);
	assert_null(a->keyboard_on);
	window_close(other);
	wl_data_source_destroy(source);
	wl_surface_destroy(icon);
	wl_buffer_destroy(buffer);
	window_close(one);
}

// ---- floods

static void assert_only_it_died(
	struct stage *stage, struct client *flooder, struct window *bystander) {
	stage_settle(stage);
	assert_true(flooder->dead);
	const struct channel_message *gone = stage_last(stage, CHANNEL_CLIENT_GONE);
	assert_non_null(gone);
	assert_int_equal(gone->client.id, flooder->id);
	assert_false(bystander->client->dead);
	window_draw(bystander, 640, 400, BLUE);
	stage_settle(stage);
	assert_int_equal(stage_pixel(stage, 5, 5), BLUE);
}

static void test_a_flood_of_surfaces_ends_its_client_alone(void **state) {
	struct stage *stage = *state;
	struct window *bystander = window_open(client_connect(stage), 0, 0, false, NULL, "b", RED);
	struct client *flooder = client_connect(stage);
	struct wl_surface **surfaces = calloc(2100, sizeof(*surfaces));
	assert_non_null(surfaces);
	for (int i = 0; i < 2100; i++) {
		surfaces[i] = wl_compositor_create_surface(flooder->compositor);
		if (i % 100 == 0) {
			stage_run(stage, 2);
		}
	}
	assert_only_it_died(stage, flooder, bystander);
	for (int i = 0; i < 2100; i++) {
		wl_proxy_destroy((struct wl_proxy *)surfaces[i]);
	}
	free(surfaces);
	window_close(bystander);
}

// bottom_up: each link makes the tree taller from above, so that no single step is deep
static void deep_subsurfaces(struct stage *stage, bool bottom_up, bool sync, int depth, bool dies) {
	struct window *bystander = window_open(client_connect(stage), 0, 0, false, NULL, "b", RED);
	struct client *flooder = client_connect(stage);
	struct wl_surface *surfaces[64];
	struct wl_subsurface *subs[64];
	for (int i = 0; i <= depth; i++) {
		surfaces[i] = wl_compositor_create_surface(flooder->compositor);
	}
	for (int n = 0; n < depth; n++) {
		int i = bottom_up ? depth - 1 - n : n;
		subs[i] = wl_subcompositor_get_subsurface(
			flooder->subcompositor, surfaces[i + 1], surfaces[i]);
		if (!sync) {
			wl_subsurface_set_desync(subs[i]);
		}
		wl_surface_commit(surfaces[i]);
		stage_run(stage, 2);
	}
	if (dies) {
		assert_only_it_died(stage, flooder, bystander);
	} else {
		stage_settle(stage);
		assert_false(flooder->dead);
	}
	for (int i = 0; i < depth; i++) {
		wl_proxy_destroy((struct wl_proxy *)subs[i]);
	}
	for (int i = 0; i <= depth; i++) {
		wl_proxy_destroy((struct wl_proxy *)surfaces[i]);
	}
	client_close(flooder);
	window_close(bystander);
}

static void test_subsurfaces_have_a_depth(void **state) {
	deep_subsurfaces(*state, false, false, 32, false);
	deep_subsurfaces(*state, false, false, 40, true);
	deep_subsurfaces(*state, false, true, 40, true); // nothing of it is applied yet
	deep_subsurfaces(*state, true, false, 40, true);
}

// ---- cursor files

static void put32(uint8_t *p, uint32_t v) {
	for (int i = 0; i < 4; i++) {
		p[i] = (uint8_t)(v >> (8 * i));
	}
}

static void test_cursor_files_are_read_with_care(void **state) {
	uint8_t good[16 + 12 + 36 + 2 * 2 * 4] = "Xcur";
	put32(good + 4, 16);
	put32(good + 8, 0x10000);
	put32(good + 12, 1);
	put32(good + 16, 0xfffd0002);
	put32(good + 20, 24);
	put32(good + 24, 28);
	uint8_t *chunk = good + 28;
	const uint32_t fields[] = {36, 0xfffd0002, 24, 1, 2, 2, 1, 1, 0};
	for (size_t i = 0; i < 9; i++) {
		put32(chunk + 4 * i, fields[i]);
	}
	put32(chunk + 36, 0xff123456);
	struct cursor_image image;
	assert_true(cursor_image_parse(good, sizeof(good), 24, &image));
	assert_int_equal(image.width, 2);
	assert_int_equal(image.hot_x, 1);
	assert_int_equal(image.pixels[0], 0xff123456);
	free(image.pixels);
	for (size_t len = 0; len < sizeof(good); len++) {
		uint8_t *cut = malloc(len + 1); // exactly as long, for the sanitizer
		assert_non_null(cut);
		memcpy(cut, good, len);
		assert_false(cursor_image_parse(cut, len, 24, &image));
		free(cut);
	}
	// Each field in turn with numbers that overflow something.
	const uint32_t bad[] = {0, 0x7fffffff, 0x80000000, 0xffffffff, 0x40000000};
	for (size_t at = 4; at < 28 + 36; at += 4) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			uint8_t broken[sizeof(good)];
			memcpy(broken, good, sizeof(good));
			put32(broken + at, bad[i]);
			if (cursor_image_parse(broken, sizeof(broken), 24, &image)) {
				free(image.pixels);
			}
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_globals_are_the_golden_list),
		TEST(test_memory_that_could_shrink_is_refused),
		TEST(test_first_frame_is_whole),
		TEST(test_a_static_screen_is_silent),
		TEST(test_damage_is_said_exactly),
		TEST(test_many_damaged_places_become_few_boxes),
		TEST(test_frames_wait_for_their_reader),
		TEST(test_a_main_window_fills_the_display),
		TEST(test_a_fixed_window_is_centred),
		TEST(test_a_window_that_becomes_fixed_is_given_its_size),
		TEST(test_a_dialog_is_over_its_parent),
		TEST(test_a_dialog_follows_a_parent_off_the_centre),
		TEST(test_a_dialog_too_large_is_asked_to_fit),
		TEST(test_a_popup_stays_on_the_screen),
		TEST(test_a_menu_is_dismissed_by_a_click_elsewhere),
		TEST(test_windows_stack_cycle_and_close),
		TEST(test_fullscreen_is_the_display),
		TEST(test_a_toplevel_can_be_made_again),
		TEST(test_silly_geometry_harms_nobody),
		TEST(test_the_pointer_finds_its_surface),
		TEST(test_a_click_raises),
		TEST(test_keys_go_to_the_focus),
		TEST(test_the_cursor_is_the_focused_clients),
		TEST(test_only_the_focused_client_sets_the_selection),
		TEST(test_a_drag_needs_a_pressed_button),
		TEST(test_a_flood_of_surfaces_ends_its_client_alone),
		TEST(test_subsurfaces_have_a_depth),
		cmocka_unit_test(test_cursor_files_are_read_with_care),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
