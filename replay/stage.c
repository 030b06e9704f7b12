#include "replay/stage.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session/view-channel.h"

#define USED_SLOTS 2 // in turn; a viewer notices when it is overtaken
#define BAND 32u // rows that are compared at once

struct stage {
	uint32_t width, height;
	int frames_fd, slots_fd;
	uint8_t *memory; // mapped
	size_t memory_bytes;
	struct view_slots *slots; // mapped
	uint64_t serial; // of the newest picture, 0: none
	uint32_t cursor_serial, cursor_width, cursor_height;
};

// A memory that viewers can only read: mapped here, then sealed. -1: out of memory.
static int make_memory(const char *name, size_t bytes, void **memory) {
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0) {
		return -1;
	}
	*memory = MAP_FAILED;
	if (ftruncate(fd, (off_t)bytes) == 0) {
		*memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (*memory == MAP_FAILED || fcntl(fd, F_ADD_SEALS, seals) != 0) {
		*memory = NULL;
		close(fd);
		return -1;
	}
	return fd;
}

struct stage *stage_create(uint32_t width, uint32_t height) {
	struct stage *stage = calloc(1, sizeof(*stage));
	if (stage == NULL) {
		return NULL;
	}
	stage->width = width;
	stage->height = height;
	stage->memory_bytes = channel_memory_bytes(width, height);
	void *memory = NULL, *slots = NULL;
	stage->frames_fd = make_memory("parclose-frames", stage->memory_bytes, &memory);
	stage->slots_fd = make_memory("parclose-slots", sizeof(*stage->slots), &slots);
	stage->memory = memory;
	stage->slots = slots;
	if (stage->frames_fd < 0 || stage->slots_fd < 0) {
		stage_destroy(stage);
		return NULL;
	}
	return stage;
}

void stage_destroy(struct stage *stage) {
	if (stage == NULL) {
		return;
	}
	if (stage->memory != NULL) {
		munmap(stage->memory, stage->memory_bytes);
	}
	if (stage->slots != NULL) {
		munmap(stage->slots, sizeof(*stage->slots));
	}
	if (stage->frames_fd >= 0) {
		close(stage->frames_fd);
	}
	if (stage->slots_fd >= 0) {
		close(stage->slots_fd);
	}
	free(stage);
}

int stage_frames_fd(const struct stage *stage) {
	return stage->frames_fd;
}

int stage_slots_fd(const struct stage *stage) {
	return stage->slots_fd;
}

static uint32_t slot_of(uint64_t serial) {
	return (uint32_t)(serial % USED_SLOTS);
}

static uint8_t *slot_memory(const struct stage *stage, uint64_t serial) {
	return stage->memory + slot_of(serial) * channel_slot_bytes(stage->width, stage->height);
}

// Adds where two pictures differ, a band of rows at a time. False: nowhere.
static bool add_difference(const struct stage *stage, const uint32_t *old, const uint32_t *new,
	struct damage *damage) {
	bool any = false;
	for (uint32_t top = 0; top < stage->height; top += BAND) {
		uint32_t end = top + BAND < stage->height ? top + BAND : stage->height;
		uint32_t left = stage->width, right = 0;
		for (uint32_t y = top; y < end; y++) {
			const uint32_t *a = old + (size_t)y * stage->width;
			const uint32_t *b = new + (size_t)y * stage->width;
			if (memcmp(a, b, (size_t)stage->width * 4) == 0) {
				continue;
			}
			uint32_t from = 0, to = stage->width;
			while (a[from] == b[from]) {
				from++;
			}
			while (a[to - 1] == b[to - 1]) {
				to--;
			}
			left = from < left ? from : left;
			right = to > right ? to : right;
		}
		if (left < right) {
			damage_add(damage, &(struct channel_box){(int32_t)left, (int32_t)top,
						   (int32_t)(right - left), (int32_t)(end - top)});
			any = true;
		}
	}
	return any;
}

bool stage_show(struct stage *stage, const uint32_t *pixels, struct damage *damage) {
	const size_t row_bytes = (size_t)stage->width * 4;
	if (stage->serial == 0) {
		damage_add(damage,
			&(struct channel_box){0, 0, (int32_t)stage->width, (int32_t)stage->height});
	} else if (!add_difference(stage,
			   (const uint32_t *)(void *)slot_memory(stage, stage->serial), pixels,
			   damage)) {
		return false;
	}
	stage->serial++;
	// First: whoever copies from there has a picture that is none.
	atomic_fetch_add(&stage->slots->generation[slot_of(stage->serial)], 1);
	uint8_t *to = slot_memory(stage, stage->serial);
	for (uint32_t y = 0; y < stage->height; y++, to += row_bytes, pixels += stage->width) {
		if (memcmp(to, pixels, row_bytes) != 0) {
			memcpy(to, pixels, row_bytes);
		}
	}
	return true;
}

uint32_t stage_show_cursor(
	struct stage *stage, const struct recording_cursor *cursor, const uint32_t *image) {
	uint8_t *to =
		stage->memory + channel_slot_bytes(stage->width, stage->height) * CHANNEL_SLOTS;
	const size_t row_bytes = (size_t)cursor->width * 4;
	bool same = stage->cursor_serial > 0 && stage->cursor_width == cursor->width &&
		    stage->cursor_height == cursor->height;
	for (uint32_t y = 0; y < cursor->height; y++) {
		const uint32_t *row = image + (size_t)y * cursor->width;
		uint8_t *at = to + (size_t)y * CHANNEL_CURSOR_MAX * 4;
		if (memcmp(at, row, row_bytes) != 0) {
			memcpy(at, row, row_bytes);
			same = false;
		}
	}
	if (!same) {
		stage->cursor_serial++;
		stage->cursor_width = cursor->width;
		stage->cursor_height = cursor->height;
	}
	return stage->cursor_serial;
}

bool stage_newest(
	const struct stage *stage, uint32_t *slot, uint64_t *generation, uint64_t *serial) {
	*slot = slot_of(stage->serial);
	*generation = atomic_load(&stage->slots->generation[*slot]);
	*serial = stage->serial;
	return stage->serial > 0;
}
