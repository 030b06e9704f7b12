#ifndef PARCLOSE_TESTS_RECORDER_H
#define PARCLOSE_TESTS_RECORDER_H

// A client that notes down every input event it gets, and keeps the text that a program would have.

#include <xkbcommon/xkbcommon.h>

#include "tests/helpers/display-client.h"

struct recorder {
	struct client *client;
	struct wl_keyboard *keyboard;
	struct wl_pointer *pointer;
	struct wl_touch *touch;
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	struct xkb_state *state;
	int keymaps; // received
	char log[1 << 16]; // a word or some for each event, see recorder.c
	size_t log_len;
	char *text; // typed, UTF-8
	size_t text_len;
};

struct recorder *recorder_create(struct client *client);
void recorder_destroy(struct recorder *recorder);
void recorder_forget(struct recorder *recorder); // log and text so far

#endif
