#ifndef PARCLOSE_INPUT_TEXT_INPUT_H
#define PARCLOSE_INPUT_TEXT_INPUT_H

/*
 * zwp_text_input_v3: how an application says that it would take text, and gets it, without keys.
 * There is no input method but ourselves, so no global for one. What a client says about its text
 * is compared with what was typed, and otherwise not looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct text_inputs;
struct wlr_seat;

// NULL: out of memory.
struct text_inputs *text_inputs_create(struct wl_display *display, struct wlr_seat *seat);
// Before the seat is destroyed. NULL is allowed.
void text_inputs_destroy(struct text_inputs *inputs);

const struct wl_global *text_inputs_global(const struct text_inputs *inputs);

/*
 * Whether the client that has the keyboard has made itself a text input at all, and whether one is
 * enabled: text can be sent now. One that says it is a terminal's does not count: terminals are
 * made for keys, and foot 1.28 drops a text that crosses one of its own messages.
 */
bool text_inputs_known(const struct text_inputs *inputs);
bool text_inputs_enabled(const struct text_inputs *inputs);

// Puts a text, UTF-8 of at most 3000 bytes, where the cursor is. False: none is enabled.
bool text_inputs_commit(struct text_inputs *inputs, const char *text);

// When the clients last said anything of their text inputs, CLOCK_MONOTONIC in milliseconds.
uint64_t text_inputs_told_ms(const struct text_inputs *inputs);

/*
 * What the enabled one says is before its cursor: `*len` bytes, perhaps only the end of it. NULL:
 * it does not say. Valid until the event loop goes on.
 */
const char *text_inputs_untrusted_before(const struct text_inputs *inputs, size_t *len);

#endif
