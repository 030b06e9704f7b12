#include "viewer/frames.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "session/view-channel.h"

#define PICTURES 6 // what a toolkit holds at once, with some to spare
#define MAX_RECTANGLES 64 // of a region; more are taken as one

struct picture {
	struct frames *frames;
	atomic_bool shown;
	cairo_region_t *stale; // parts that are older than the newest frame
	_Alignas(64) uint8_t pixels[];
};

struct frames {
	atomic_int references; // the wire's, and one for each picture that is shown
	uint32_t width, height;
	const uint8_t *memory; // NULL: unmapped
	size_t memory_bytes;
	const struct view_slots *slots;
	struct picture *pictures[PICTURES];
	cairo_region_t *changed; // since the last picture that was handed out
	bool announced; // something newer than that picture
	uint32_t slot;
	uint64_t generation, serial, time_ns;
};

static size_t stride_of(const struct frames *frames) {
	return (size_t)frames->width * 4;
}

static void *map_sealed(int fd, size_t bytes) {
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 || st.st_size < 0 ||
		(uint64_t)st.st_size < bytes) {
		return NULL;
	}
	void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

struct frames *frames_create(int memory_fd, int slots_fd, uint32_t width, uint32_t height) {
	struct frames *frames = calloc(1, sizeof(*frames));
	if (frames == NULL) {
		return NULL;
	}
	frames->references = 1;
	frames->width = width;
	frames->height = height;
	frames->memory_bytes = channel_memory_bytes(width, height);
	frames->changed = cairo_region_create();
	frames->memory = map_sealed(memory_fd, frames->memory_bytes);
	frames->slots = map_sealed(slots_fd, sizeof(struct view_slots));
	if (frames->memory == NULL || frames->slots == NULL) {
		frames_destroy(frames);
		return NULL;
	}
	return frames;
}

static void unreference(struct frames *frames) {
	if (atomic_fetch_sub(&frames->references, 1) > 1) {
		return;
	}
	for (size_t i = 0; i < PICTURES; i++) {
		if (frames->pictures[i] != NULL) {
			cairo_region_destroy(frames->pictures[i]->stale);
			free(frames->pictures[i]);
		}
	}
	cairo_region_destroy(frames->changed);
	free(frames);
}

void frames_destroy(struct frames *frames) {
	if (frames == NULL) {
		return;
	}
	if (frames->memory != NULL) {
		munmap((void *)frames->memory, frames->memory_bytes);
	}
	if (frames->slots != NULL) {
		munmap((void *)frames->slots, sizeof(struct view_slots));
	}
	frames->memory = NULL;
	frames->slots = NULL;
	unreference(frames);
}

// A viewer that nobody sees may stand still for hours: what it missed must not grow.
static void add(cairo_region_t *region, const struct channel_box *boxes, uint32_t boxes_len) {
	for (uint32_t i = 0; i < boxes_len; i++) {
		const cairo_rectangle_int_t rectangle = {
			boxes[i].x, boxes[i].y, boxes[i].width, boxes[i].height};
		cairo_region_union_rectangle(region, &rectangle);
	}
	if (cairo_region_num_rectangles(region) > MAX_RECTANGLES) {
		cairo_rectangle_int_t extents;
		cairo_region_get_extents(region, &extents);
		cairo_region_union_rectangle(region, &extents);
	}
}

void frames_announce(struct frames *frames, uint32_t slot, uint64_t generation, uint64_t serial,
	uint64_t time_ns, const struct channel_box *boxes, uint32_t boxes_len) {
	frames->announced = true;
	frames->slot = slot;
	frames->generation = generation;
	frames->serial = serial;
	frames->time_ns = time_ns;
	add(frames->changed, boxes, boxes_len);
	for (size_t i = 0; i < PICTURES; i++) {
		if (frames->pictures[i] != NULL) {
			add(frames->pictures[i]->stale, boxes, boxes_len);
		}
	}
}

static struct picture *free_picture(struct frames *frames) {
	const cairo_rectangle_int_t whole = {0, 0, (int)frames->width, (int)frames->height};
	for (size_t i = 0; i < PICTURES; i++) {
		if (frames->pictures[i] != NULL) {
			if (!atomic_load(&frames->pictures[i]->shown)) {
				return frames->pictures[i];
			}
			continue;
		}
		size_t bytes = sizeof(struct picture) + stride_of(frames) * frames->height;
		bytes = (bytes + 63) & ~(size_t)63;
		struct picture *picture = aligned_alloc(64, bytes);
		if (picture == NULL) {
			return NULL;
		}
		picture->frames = frames;
		atomic_init(&picture->shown, false);
		picture->stale = cairo_region_create_rectangle(&whole);
		frames->pictures[i] = picture;
		return picture;
	}
	return NULL;
}

static bool is_current(const struct frames *frames) {
	return atomic_load(&frames->slots->generation[frames->slot]) == frames->generation;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pixels are little endian");

// Two pixels at once.
static void copy_opaque(uint8_t *to, const uint8_t *from, size_t pixels) {
	const uint64_t opaque = 0xff000000ff000000;
	for (; pixels >= 2; pixels -= 2, to += 8, from += 8) {
		uint64_t two;
		memcpy(&two, from, sizeof(two));
		two |= opaque;
		memcpy(to, &two, sizeof(two));
	}
	if (pixels > 0) {
		memcpy(to, from, 3);
		to[3] = 0xff;
	}
}

static void copy_stale(const struct frames *frames, struct picture *picture) {
	size_t stride = stride_of(frames);
	const uint8_t *from =
		frames->memory + frames->slot * channel_slot_bytes(frames->width, frames->height);
	int rectangles = cairo_region_num_rectangles(picture->stale);
	for (int i = 0; i < rectangles; i++) {
		cairo_rectangle_int_t box;
		cairo_region_get_rectangle(picture->stale, i, &box);
		size_t at = (size_t)box.y * stride + (size_t)box.x * 4;
		size_t rows = (size_t)box.height, pixels = (size_t)box.width;
		if (pixels == frames->width) {
			pixels *= rows;
			rows = 1;
		}
		for (; rows > 0; rows--, at += stride) {
			copy_opaque(picture->pixels + at, from + at, pixels);
		}
	}
}

enum frames_result frames_copy(struct frames *frames, struct frames_picture *out) {
	if (!frames->announced) {
		return FRAMES_SAME;
	}
	if (!is_current(frames)) {
		frames->announced = false;
		return FRAMES_TORN;
	}
	struct picture *picture = free_picture(frames);
	if (picture == NULL) {
		return FRAMES_BUSY;
	}
	copy_stale(frames, picture);
	atomic_thread_fence(memory_order_acquire);
	frames->announced = false;
	if (!is_current(frames)) {
		// What was copied stays stale, and what a newer frame changed will be added.
		return FRAMES_TORN;
	}
	cairo_region_destroy(picture->stale);
	picture->stale = cairo_region_create();
	atomic_store(&picture->shown, true);
	atomic_fetch_add(&frames->references, 1);
	*out = (struct frames_picture){
		.pixels = picture->pixels,
		.bytes = stride_of(frames) * frames->height,
		.stride = stride_of(frames),
		.serial = frames->serial,
		.time_ns = frames->time_ns,
		.changed = frames->changed,
	};
	frames->changed = cairo_region_create();
	return FRAMES_COPIED;
}

void frames_give_back(const uint8_t *pixels) {
	struct picture *picture =
		(struct picture *)(void *)(pixels - offsetof(struct picture, pixels));
	struct frames *frames = picture->frames;
	atomic_store(&picture->shown, false);
	unreference(frames);
}

uint8_t *frames_cursor(const struct frames *frames, uint32_t width, uint32_t height) {
	if (width == 0 || height == 0) {
		return NULL;
	}
	const uint8_t *from =
		frames->memory + channel_slot_bytes(frames->width, frames->height) * CHANNEL_SLOTS;
	uint8_t *image = malloc((size_t)width * height * 4);
	for (uint32_t y = 0; image != NULL && y < height; y++) {
		memcpy(image + (size_t)y * width * 4, from + (size_t)y * CHANNEL_CURSOR_MAX * 4,
			(size_t)width * 4);
	}
	return image;
}
