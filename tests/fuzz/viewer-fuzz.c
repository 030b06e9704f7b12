/*
 * Any bytes as what a supervisor says to a viewer: no crash, no descriptor lost, and what was told
 * is always fit to be shown. Built with -Dfuzz=true by clang; run as viewer-fuzz [CORPUS].
 *
 * The input is a row of messages, each after one byte that says how it comes. Its length says
 * whether they come from a session or from the player of a recording.
 */

#include <cairo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viewer/frames.h"
#include "viewer/wire.h"

#define SIDE 64 // of the largest frame that the memory has room for
#define HELD 8

enum how {
	HOW_MEMORIES = 1u << 0, // the two memories come with it
	HOW_ONE = 1u << 1, // one descriptor
	HOW_SHORT = 1u << 2, // eight bytes are missing
	HOW_COPY = 1u << 3, // then the newest frame is copied
	HOW_GIVE_BACK = 1u << 4, // then what is shown is given back
	HOW_BUMP = 1u << 5, // before it, all slots are drawn into
	HOW_GREET = 1u << 6, // a proper greeting comes first
	HOW_ITEM = 1u << 7, // the one descriptor is an item, of the size that the message says
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds) {
		abort();
	}
}

static int make_memory(size_t bytes) {
	int fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	require(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	return fd;
}

// Ends within its field, and nothing in it is a control character.
static void require_text(const char *text, size_t size) {
	const char *end = memchr(text, '\0', size);
	require(end != NULL);
	for (const char *p = text; p < end; p++) {
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void take_items(struct wire *wire) {
	for (enum view_direction direction = VIEW_IN; direction <= VIEW_OUT; direction++) {
		struct wire_item item;
		if (!wire_take_item(wire, direction, &item)) {
			continue;
		}
		struct stat st;
		require_text(item.why, sizeof(item.why));
		require(item.refused || strlen(item.sha256) == 64);
		require(item.fd < 0 || (fstat(item.fd, &st) == 0 && st.st_size == item.shown));
		if (item.fd >= 0) {
			close(item.fd);
		}
	}
}

static int make_item(uint32_t bytes) {
	int fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, bytes % 65536) == 0);
	require(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
	return fd;
}

static void require_sane(struct wire *wire) {
	const struct wire_told *told = wire_told(wire);
	require_text(told->name, sizeof(told->name));
	require_text(told->command, sizeof(told->command));
	require_text(told->title, sizeof(told->title));
	require_text(told->app_id, sizeof(told->app_id));
	require_text(told->notice, sizeof(told->notice));
	require_text(told->end_reason, sizeof(told->end_reason));
	require(told->hello == (wire_frames(wire) != NULL));
	require((told->end == WIRE_OPEN) == (wire_fd(wire) >= 0));
	const struct wire_replay *replay = &told->replay;
	require_text(replay->caption, sizeof(replay->caption));
	require(replay->on || !replay->known);
	require(replay->position_ns <= replay->duration_ns &&
		replay->caption_ns <= replay->duration_ns);
	require(!replay->known || (replay->speed >= 1 && replay->speed <= VIEW_MAX_SPEED));
	require(!replay->on || (told->title[0] == '\0' && told->notice[0] == '\0' &&
				       (told->flags & VIEW_STATE_MINE) == 0 &&
				       (!told->state || told->clipboard == VIEW_CLIPBOARD_NONE)));
	for (size_t i = 0; i < VIEW_MARKS_LEN; i++) {
		require(replay->marks[i] < 16);
	}
	if (told->state) {
		require(told->hello && told->holder >= VIEW_AGENT && told->holder <= VIEW_PAUSED);
		require((told->flags & VIEW_STATE_MINE) == 0 || told->holder != VIEW_AGENT);
	}
}

struct shown {
	const uint8_t *pixels[HELD];
	size_t len;
};

static void give_back(struct shown *shown) {
	while (shown->len > 0) {
		frames_give_back(shown->pixels[--shown->len]);
	}
}

static void copy(struct wire *wire, struct shown *shown) {
	struct frames_picture picture;
	if (wire_frames(wire) == NULL || shown->len == HELD ||
		frames_copy(wire_frames(wire), &picture) != FRAMES_COPIED) {
		return;
	}
	const struct wire_told *told = wire_told(wire);
	cairo_rectangle_int_t extents;
	cairo_region_get_extents(picture.changed, &extents);
	require(extents.x >= 0 && extents.y >= 0 && extents.x + extents.width <= (int)told->width &&
		extents.y + extents.height <= (int)told->height);
	require(picture.bytes == (size_t)told->width * told->height * 4);
	uint8_t sum = 0;
	for (size_t i = 0; i < picture.bytes; i++) {
		sum ^= picture.pixels[i];
	}
	*(volatile uint8_t *)&sum = sum;
	cairo_region_destroy(picture.changed);
	shown->pixels[shown->len++] = picture.pixels;
	free(frames_cursor(wire_frames(wire), told->cursor.width, told->cursor.height));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static int memory_fd = -1, slots_fd = -1;
	static struct view_slots *slots;
	if (memory_fd < 0) {
		memory_fd = make_memory(channel_memory_bytes(SIDE, SIDE));
		slots_fd = make_memory(sizeof(struct view_slots));
		slots = mmap(NULL, sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED, slots_fd, 0);
		require(slots != MAP_FAILED);
	}
	memset(slots, 0, sizeof(*slots));
	int pair[2];
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	struct wire *wire = wire_create(pair[0], size % 2 == 1); // or of a recording
	require(wire != NULL);
	struct shown shown = {.len = 0};
	for (bool first = true; size > 0; first = false) {
		uint8_t how = *data++;
		size--;
		struct view_message untrusted = {0};
		size_t len = size < sizeof(untrusted) ? size : sizeof(untrusted);
		memcpy(&untrusted, data, len);
		data += len;
		size -= len;
		if (first && (how & HOW_GREET) != 0) {
			const struct view_message greeting = {
				.type = VIEW_HELLO,
				.hello = {.version = VIEW_VERSION, .width = SIDE, .height = SIDE},
			};
			const int fds[] = {dup(memory_fd), dup(slots_fd)};
			require(wire_take(wire, &greeting, sizeof(greeting), fds, 2) == WIRE_HELLO);
			const struct view_message replay = {
				.type = VIEW_REPLAY, .replay.duration_ns = 1u << 30};
			if (wire_told(wire)->replay.on) {
				require(wire_take(wire, &replay, sizeof(replay), NULL, 0) ==
					WIRE_REPLAY);
			}
		}
		for (size_t i = 0; (how & HOW_BUMP) != 0 && i < CHANNEL_SLOTS; i++) {
			atomic_fetch_add(&slots->generation[i], 1);
		}
		int fds[2] = {-1, -1};
		size_t fds_len = (how & HOW_MEMORIES) != 0 ? 2 : (how & HOW_ONE) != 0 ? 1 : 0;
		for (size_t i = 0; i < fds_len; i++) {
			fds[i] = (how & HOW_ITEM) != 0 ? make_item(untrusted.item.shown)
						       : dup(i == 0 ? memory_fd : slots_fd);
		}
		bool over = wire_told(wire)->end != WIRE_OPEN;
		uint32_t news = wire_take(wire, &untrusted,
			sizeof(untrusted) - ((how & HOW_SHORT) != 0 ? 8 : 0), fds, fds_len);
		require(!over || news == 0);
		for (size_t i = 0; i < fds_len; i++) {
			require(fcntl(fds[i], F_GETFD) < 0);
		}
		require_sane(wire);
		if ((how & HOW_GIVE_BACK) != 0) {
			take_items(wire);
		}
		if ((how & HOW_COPY) != 0) {
			copy(wire, &shown);
		}
		if ((how & HOW_GIVE_BACK) != 0) {
			give_back(&shown);
		}
	}
	wire_destroy(wire);
	give_back(&shown);
	close(pair[1]);
	return 0;
}
