#ifndef PARCLOSE_TESTS_RECORDER_H
#define PARCLOSE_TESTS_RECORDER_H

// A client that notes down every input event it gets, and keeps the text that a program would have.

#include <xkbcommon/xkbcommon.h>

#include "tests/helpers/display-client.h"

struct zwp_text_input_manager_v3;
struct zwp_text_input_v3;

#define RECORDER_QUEUE 65536

struct recorder {
	struct client *client;
	struct wl_registry *registry;
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

	// Keys that make text wait here until recorder_catch_up(), as in a toolkit that is busy.
	bool busy;
	struct {
		char utf8[8];
	} queue[RECORDER_QUEUE];
	size_t queue_len;

	struct zwp_text_input_manager_v3 *manager;
	struct zwp_text_input_v3 *input; // NULL: recorder_take_text() was not called
	bool tells; // what its text is
	bool enabled;
	uint32_t purpose;
	char *committed; // by commit_string, until done; NULL: nothing
	int commits;
};

struct recorder *recorder_create(struct client *client);
void recorder_destroy(struct recorder *recorder);
void recorder_forget(struct recorder *recorder); // log and text so far

// Makes a text input, enabled whenever it has the keyboard. `purpose`: of zwp_text_input_v3.
void recorder_take_text(struct recorder *recorder, bool tells, uint32_t purpose);
// Deals with up to so many keys that wait.
void recorder_catch_up(struct recorder *recorder, size_t keys);

#endif
