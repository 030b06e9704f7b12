#ifndef PARCLOSE_SESSION_OUTPUT_H
#define PARCLOSE_SESSION_OUTPUT_H

/*
 * What a detached session's command prints, kept in the session's output.log up to a bound. The
 * command writes into a pipe and never sees the file.
 */

#include <wayland-server-core.h>

struct output;

#define OUTPUT_FILE "output.log"
#define OUTPUT_MAX_BYTES (8u << 20) // what comes after is read and dropped, and the file says so

// Starts the file anew in the state directory (borrowed during the call). NULL with errno.
struct output *output_create(struct wl_event_loop *loop, int state_fd);

// The pipe's end for the command, ours until output_close_write_fd().
int output_write_fd(const struct output *output);
void output_close_write_fd(struct output *output);

// Reads what is left, frees. NULL is allowed.
void output_finish(struct output *output);

#endif
