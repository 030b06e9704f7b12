#ifndef PARCLOSE_CLI_TERMINAL_H
#define PARCLOSE_CLI_TERMINAL_H

/*
 * Between the user's terminal and one of the sandbox's own. The agent never holds the user's
 * terminal: it cannot push keys into it or change its modes, and what it prints arrives as bytes
 * through here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct terminal;

// Are standard input and output one terminal to relay? If so, its size in *rows and *columns.
bool terminal_is_wanted(uint16_t *rows, uint16_t *columns);

// Puts the user's terminal into raw mode and relays with `pty_fd` (taken over). NULL when out of
// memory.
struct terminal *terminal_create(struct wl_event_loop *loop, int pty_fd);

// Shows what is still to come out, restores the user's terminal, frees. NULL is allowed.
void terminal_destroy(struct terminal *terminal);

#endif
