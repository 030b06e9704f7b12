#ifndef PARCLOSE_TESTS_SCENE_H
#define PARCLOSE_TESTS_SCENE_H

// A display with one window whose pixels are set one by one, and what tests of settling ask and
// assert (display-client.h). Include <cmocka.h> before.

#include "tests/helpers/display-client.h"

#define WIDTH 640
#define HEIGHT 400
#define GREY 0x808080u
#define RED 0xff0000u
#define BLUE 0x0000ffu
#define LONG_MS 20000 // what no wait here comes near, however slow the machine
#define SINCE CHANNEL_SETTLE_SINCE_ACTION

// Something in the window that moves by itself.
struct mover {
	struct channel_box box;
	int every_ms; // 0: it does not move
	uint32_t colours; // 2: to and fro; 0: always another
	uint32_t step;
	int64_t next_ms;
};

struct scene {
	struct stage stage;
	struct client *client;
	struct window *window; // fills the display
	uint32_t pixels[WIDTH * HEIGHT];
	struct mover movers[4];
};

extern const struct channel_box everything;

int64_t now_ms(void);

// For cmocka.
int scene_setup(void **state);
int scene_teardown(void **state);

void make_opaque(struct window *window); // what is under it is covered
void fill(struct scene *scene, struct channel_box box, uint32_t colour);
void show(struct scene *scene, struct channel_box damage); // the pixels
void draw(struct scene *scene, struct channel_box box, uint32_t colour); // and shows it

// Lets everything run for so long, or until `token` is settled; NULL: it was not. Token 0:
// nobody's.
const struct channel_message *run(struct scene *scene, uint32_t token, int64_t ms);

// What a supervisor says. False: it made no sense.
bool ask_region(struct scene *scene, uint32_t token, uint32_t flags, uint32_t quiet_ms,
	uint32_t timeout_ms, struct channel_box region);
void ask(struct scene *scene, uint32_t token, uint32_t flags, uint32_t quiet_ms,
	uint32_t timeout_ms);
void step(struct scene *scene, uint32_t token, uint32_t kind, uint32_t code, uint32_t value, int x,
	int y, bool last);
void click(struct scene *scene, uint32_t token); // in the middle

void assert_settled(const struct channel_message *m, enum channel_settle_reason reason);
void assert_unchanged(const struct channel_message *m);
void assert_changed(const struct channel_message *m, struct channel_box box);

#endif
