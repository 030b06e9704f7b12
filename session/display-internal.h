#ifndef PARCLOSE_SESSION_DISPLAY_INTERNAL_H
#define PARCLOSE_SESSION_DISPLAY_INTERNAL_H

/*
 * The display as its own files see it: display.c (life, connections, sending),
 * display-act.c (actions), display-clipboard.c, display-take.c (checking what the compositor says),
 * screenshot.c. Nothing here is for others.
 */

#include <stdio.h>

#include "session/display.h"

#define MAX_CLIENTS 256
#define MAX_WINDOWS 512
#define MAX_QUEUE 512 // messages that wait, steps of actions not counted
#define STDERR_LINE 256

struct client {
	uint32_t id;
	pid_t pid;
};

struct queued {
	struct channel_message message;
	int fd; // ours until sent, -1: none
};

struct display {
	struct wl_event_loop *loop;
	const struct display_observer *observer;
	void *data;
	struct display_options options;

	pid_t pid;
	int pidfd, channel, stderr_fd, listen_fd, memory_fd;
	struct wl_event_source *pid_source, *channel_source, *stderr_source, *listen_source;
	struct wl_event_source *end_source; // idle: says the end outside of whatever found it
	char end_reason[256]; // empty: alive

	uint8_t *memory; // mapped read-only; the compositor writes it at any time
	size_t memory_len;
	bool slot_held[CHANNEL_SLOTS]; // given to us by the compositor, not yet released
	int newest; // slot, -1: none
	uint64_t frames, serial, time_ns;
	bool ready;
	struct channel_box whole; // of the frame
	struct display_cursor cursor;

	uint32_t next_client;
	struct client clients[MAX_CLIENTS];
	size_t clients_len;
	struct display_window *windows;
	size_t windows_len, windows_size;

	struct queued *queue; // what the compositor has not taken yet
	size_t queue_len, queue_size;
	size_t queued_steps; // of them, CHANNEL_INPUT
	bool human_lost; // some of a person's input did not fit
	bool waits_to_send;

	struct {
		uint32_t token; // of the action under way, or the last one
		uint32_t steps, steps_sent;
		uint32_t characters, typed; // of its text: all, and those TYPED spoke of
		bool due_done, due_settled; // answers that are still to come
		bool cancelled;
		struct wl_event_source *watchdog; // made at first use
		uint32_t most_ms;
	} action;

	struct { // of the session's clipboard (display-clipboard.c)
		uint32_t token; // of the last request
		enum channel_type due; // that is not answered yet, 0: none
		uint32_t types; // told of the list that is due
		uint32_t put_token; // of the item that may still be said to be pasted, 0: none
	} clipboard;

	char line[STDERR_LINE];
	size_t line_len;
	unsigned int lines;
};

// Ends the display, from the next turn of the event loop on; the first reason counts.
void display_end(struct display *display, const char *reason);

// Sends in order, now or later; takes over `fd` (-1: none). A compositor that stops reading ends
// the display.
void display_send(struct display *display, const struct channel_message *message, int fd);

// Makes room for `more` messages in the queue. False: out of memory.
bool display_reserve(struct display *display, size_t more);

// The action's half of sending: a message left the queue.
void display_act_sent(struct display *display, const struct channel_message *message);

// An answer came: nothing more is due of it. Called when it is checked.
void display_act_answered(struct display *display, const struct channel_message *checked);
void display_act_finish(struct display *display); // frees what belongs to actions

// Lets the compositor draw into a slot again.
void display_release_slot(struct display *display, uint32_t slot);

// Is the box not empty, and whole within width x height?
bool display_box_inside(const struct channel_box *box, uint32_t width, uint32_t height);

// The one place where the compositor's messages are checked, and then done. False: it lies.
bool display_take(struct display *display, const struct channel_message *untrusted);

#endif
