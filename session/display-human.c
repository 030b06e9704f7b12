#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/display-internal.h"

/*
 * What goes to the compositor when a person has the session, and when nobody has.
 */

void display_pause(struct display *display, bool on) {
	struct channel_message message = {.type = CHANNEL_PAUSE, .pause.on = on};
	display_send(display, &message, -1);
}

void display_human(struct display *display, bool on) {
	struct channel_message message = {.type = CHANNEL_HUMAN, .human.on = on};
	display_send(display, &message, -1);
}

static int copy_bytes(int to, int untrusted_fd, size_t bytes) {
	char part[16384];
	for (size_t done = 0; done < bytes;) {
		size_t most = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
		ssize_t len = pread(untrusted_fd, part, most, (off_t)done);
		if (len <= 0 || write(to, part, (size_t)len) != len) {
			return len < 0 ? -errno : -EINVAL;
		}
		done += (size_t)len;
	}
	return 0;
}

// Does the compositor not keep up with what it is sent?
static bool is_behind(const struct display *display) {
	return display->queue_len - display->queued_steps >= MAX_QUEUE / 2;
}

int display_human_keymap(struct display *display, const struct display_keymap *keymap) {
	if (is_behind(display)) {
		return -EAGAIN;
	}
	// Only a memory file has seals, and reading one never waits for anybody.
	struct stat stat;
	if (fcntl(keymap->fd, F_GET_SEALS) < 0 || fstat(keymap->fd, &stat) != 0 ||
		stat.st_size < (off_t)keymap->bytes) {
		return -EINVAL;
	}
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	int fd = memfd_create("parclose-keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0) {
		return -errno;
	}
	int ret = copy_bytes(fd, keymap->fd, keymap->bytes);
	if (ret == 0 && fcntl(fd, F_ADD_SEALS, seals) != 0) {
		ret = -errno;
	}
	if (ret < 0) {
		close(fd);
		return ret;
	}
	struct channel_message message = {
		.type = CHANNEL_HUMAN_KEYMAP,
		.human_keymap = {keymap->bytes, keymap->group, keymap->locks},
	};
	display_send(display, &message, fd);
	return 0;
}

void display_human_input(struct display *display, const struct channel_message *message) {
	size_t waiting = display->queue_len - display->queued_steps;
	struct channel_message *last =
		display->queue_len > 0 ? &display->queue[display->queue_len - 1].message : NULL;
	if (waiting == 0) {
		display->human_lost = false;
	} else if (message->human_input.kind == CHANNEL_INPUT_MOVE &&
		   last->type == CHANNEL_HUMAN_INPUT &&
		   last->human_input.kind == CHANNEL_INPUT_MOVE) {
		*last = *message; // only the newest place of the pointer counts
		return;
	}
	if (display->human_lost) {
		return;
	}
	if (is_behind(display)) {
		display->human_lost = true;
		struct channel_message release = {.type = CHANNEL_INPUT_RELEASE};
		display_send(display, &release, -1);
		return;
	}
	display_send(display, message, -1);
}
