#ifndef PARCLOSE_TESTS_ACTING_H
#define PARCLOSE_TESTS_ACTING_H

// A display, a window whose client records what it gets, and the steps of actions as a supervisor
// sends them. Include <cmocka.h> before.

#include "tests/helpers/recorder.h"

#define LAST CHANNEL_INPUT_LAST
#define LONG_MS 20000 // what nothing here comes near, however slow the machine

struct acting {
	struct stage stage;
	struct recorder *recorder;
	struct window *window;
	uint32_t token; // of the steps below
};

// For cmocka; the second with a keyboard layout.
int acting_setup(void **state);
int acting_setup_layout(void **state, const char *layout);
int acting_teardown(void **state);

struct channel_message step_of(struct acting *acting, uint32_t kind, uint32_t flags);
void send_step(struct acting *acting, const struct channel_message *message);
void send_move(struct acting *acting, double x, double y, uint32_t flags);
void send_button(struct acting *acting, uint32_t code, bool down, uint32_t flags);
void send_scroll(struct acting *acting, double x, double y, bool pixels, uint32_t flags);
void send_key(struct acting *acting, const char *name, bool down, uint32_t flags);
void send_touch(
	struct acting *acting, uint32_t point, uint32_t what, double x, double y, uint32_t flags);
void send_value(struct acting *acting, uint32_t kind, uint32_t value, uint32_t flags);
void send_text(struct acting *acting, const char *text); // an action of its own; counts token up

// What was said when `token` was done; NULL: it is not yet.
const struct channel_message *done(struct acting *acting, uint32_t token);
// Runs everything until it is.
const struct channel_message *wait_done(struct acting *acting, uint32_t token);
void assert_done(struct acting *acting, uint32_t token, uint32_t status, uint32_t step);

// Types and waits; asserts that all of it went out and arrived in the recorder.
void assert_typed(struct acting *acting, const char *text);
// How many characters of the action went this way.
uint32_t typed_by(struct acting *acting, uint32_t token, uint32_t way);

#endif
