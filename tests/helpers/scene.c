#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/helpers/scene.h"

int64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fill(struct scene *scene, struct channel_box box, uint32_t colour) {
	for (int32_t y = box.y; y < box.y + box.height; y++) {
		for (int32_t x = box.x; x < box.x + box.width; x++) {
			scene->pixels[y * WIDTH + x] = 0xff000000u | colour;
		}
	}
}

// Shows the pixels, damaging a box.
void show(struct scene *scene, struct channel_box damage) {
	uint32_t *pixels = NULL;
	struct wl_buffer *buffer = buffer_create(scene->client, WIDTH, HEIGHT, 0, &pixels);
	memcpy(pixels, scene->pixels, sizeof(scene->pixels));
	munmap(pixels, sizeof(scene->pixels));
	wl_surface_attach(scene->window->surface, buffer, 0, 0);
	wl_surface_damage_buffer(
		scene->window->surface, damage.x, damage.y, damage.width, damage.height);
	wl_surface_commit(scene->window->surface);
	wl_buffer_destroy(scene->window->buffer);
	scene->window->buffer = buffer;
}

const struct channel_box everything = {0, 0, WIDTH, HEIGHT};

void draw(struct scene *scene, struct channel_box box, uint32_t colour) {
	fill(scene, box, colour);
	show(scene, box);
}

// Lets everything run for so long, or until `token` is settled.
const struct channel_message *run(struct scene *scene, uint32_t token, int64_t ms) {
	int64_t until = now_ms() + ms;
	do {
		for (size_t i = 0; i < 4; i++) {
			struct mover *mover = &scene->movers[i];
			if (mover->every_ms > 0 && now_ms() >= mover->next_ms) {
				uint32_t n = ++mover->step;
				draw(scene, mover->box,
					mover->colours > 0 ? n % mover->colours : n * 7919 + 9);
				mover->next_ms = now_ms() + mover->every_ms;
			}
		}
		stage_run(&scene->stage, 1);
		for (size_t i = 0; i < scene->stage.messages_len; i++) {
			const struct channel_message *m = &scene->stage.messages[i];
			if (m->type == CHANNEL_SETTLED && token != 0 && m->settled.token == token) {
				return m;
			}
		}
		if (scene->stage.messages_len > STAGE_MESSAGES / 2) {
			stage_forget(&scene->stage);
		}
	} while (now_ms() < until);
	return NULL;
}

void make_opaque(struct window *window) {
	struct wl_region *region = wl_compositor_create_region(window->client->compositor);
	wl_region_add(region, 0, 0, WIDTH, HEIGHT);
	wl_surface_set_opaque_region(window->surface, region);
	wl_region_destroy(region);
	wl_surface_commit(window->surface);
	stage_settle(window->client->stage);
}

int scene_setup(void **state) {
	struct scene *scene = calloc(1, sizeof(*scene));
	if (scene == NULL) {
		return -1;
	}
	stage_init(&scene->stage, WIDTH, HEIGHT);
	stage_settle(&scene->stage);
	scene->client = client_connect(&scene->stage);
	scene->window = window_open(scene->client, 0, 0, false, NULL, "main", GREY);
	make_opaque(scene->window);
	fill(scene, everything, GREY);
	*state = scene;
	return 0;
}

int scene_teardown(void **state) {
	struct scene *scene = *state;
	if (scene->window != NULL && !scene->client->dead) {
		window_close(scene->window);
	}
	stage_finish(&scene->stage);
	free(scene);
	return 0;
}

// ---- what a supervisor says

bool ask_region(struct scene *scene, uint32_t token, uint32_t flags, uint32_t quiet_ms,
	uint32_t timeout_ms, struct channel_box region) {
	struct channel_message message = {.type = CHANNEL_SETTLE};
	message.settle.token = token;
	message.settle.flags = flags;
	message.settle.quiet_ms = message.settle.unchanged_ms = quiet_ms;
	message.settle.timeout_ms = timeout_ms;
	message.settle.region = region;
	return compositor_settle(scene->stage.compositor, &message);
}

void ask(struct scene *scene, uint32_t token, uint32_t flags, uint32_t quiet_ms,
	uint32_t timeout_ms) {
	assert_true(ask_region(scene, token, flags, quiet_ms, timeout_ms, (struct channel_box){0}));
}

void step(struct scene *scene, uint32_t token, uint32_t kind, uint32_t code, uint32_t value, int x,
	int y, bool last) {
	struct channel_message message = {.type = CHANNEL_INPUT};
	message.input.token = token;
	message.input.kind = kind;
	message.input.code = code;
	message.input.value = value;
	message.input.x = x * 256;
	message.input.y = y * 256;
	message.input.flags = last ? CHANNEL_INPUT_LAST : 0;
	assert_true(compositor_input(scene->stage.compositor, &message));
}

void click(struct scene *scene, uint32_t token) {
	step(scene, token, CHANNEL_INPUT_MOVE, 0, 0, 300, 200, false);
	step(scene, token, CHANNEL_INPUT_BUTTON, BTN_LEFT, 1, 0, 0, false);
	step(scene, token, CHANNEL_INPUT_BUTTON, BTN_LEFT, 0, 0, 0, true);
}

void assert_settled(const struct channel_message *m, enum channel_settle_reason reason) {
	assert_non_null(m);
	assert_int_equal(m->settled.reason, reason);
}

void assert_unchanged(const struct channel_message *m) {
	assert_int_equal(m->settled.changed, 0);
	assert_int_equal(m->settled.box.width, 0);
	assert_int_equal(m->settled.box.height, 0);
}

void assert_changed(const struct channel_message *m, struct channel_box box) {
	assert_int_equal(m->settled.changed, 1);
	assert_int_equal(m->settled.box.x, box.x);
	assert_int_equal(m->settled.box.y, box.y);
	assert_int_equal(m->settled.box.width, box.width);
	assert_int_equal(m->settled.box.height, box.height);
}
