#include "session/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output {
	int file, read_fd, write_fd;
	struct wl_event_source *source;
	size_t written;
	bool full;
};

// One read's worth. False at the end of the pipe, or when nothing is there.
static bool copy_some(struct output *output) {
	static const char notice[] =
		"\n[parclose: the output is longer than 8 MiB; the rest is not kept]\n";
	char buffer[16384];
	ssize_t len = read(output->read_fd, buffer, sizeof(buffer));
	if (len <= 0) {
		return len < 0 && errno == EINTR;
	}
	size_t keep = (size_t)len;
	if (output->full) {
		return true;
	}
	if (output->written + keep > OUTPUT_MAX_BYTES) {
		keep = OUTPUT_MAX_BYTES - output->written;
		output->full = true;
	}
	if (write(output->file, buffer, keep) != (ssize_t)keep) {
		output->full = true; // no room: the command goes on, its words are lost
	} else if (output->full && write(output->file, notice, sizeof(notice) - 1) < 0) {
		return true;
	}
	output->written += keep;
	return true;
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct output *output = data;
	if (!copy_some(output) && (mask & WL_EVENT_HANGUP) != 0) {
		wl_event_source_remove(output->source);
		output->source = NULL;
	}
	return 0;
}

struct output *output_create(struct wl_event_loop *loop, int state_fd) {
	struct output *output = calloc(1, sizeof(*output));
	int pair[2];
	if (output == NULL || pipe2(pair, O_CLOEXEC) != 0) {
		free(output);
		return NULL;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	output->read_fd = pair[0];
	output->write_fd = pair[1];
	output->file = openat(
		state_fd, OUTPUT_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	output->source = output->file < 0 ? NULL
					  : wl_event_loop_add_fd(loop, output->read_fd,
						    WL_EVENT_READABLE, handle_readable, output);
	if (output->source == NULL) {
		output_finish(output);
		return NULL;
	}
	return output;
}

int output_write_fd(const struct output *output) {
	return output->write_fd;
}

void output_close_write_fd(struct output *output) {
	close(output->write_fd);
	output->write_fd = -1;
}

void output_finish(struct output *output) {
	if (output == NULL) {
		return;
	}
	if (output->write_fd >= 0) {
		close(output->write_fd);
	}
	// Bounded: the writers are dead, so a pipe's worth is all there can be.
	for (int i = 0; i < 8 && copy_some(output); i++) {}
	if (output->source != NULL) {
		wl_event_source_remove(output->source);
	}
	close(output->read_fd);
	if (output->file >= 0) {
		close(output->file);
	}
	free(output);
}
