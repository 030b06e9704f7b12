#include "compositor/memory.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <wlr/interfaces/wlr_buffer.h>
#include <wlr/render/allocator.h>
#include <wlr/render/drm_format_set.h>

#include "compositor/channel.h"

struct slot {
	struct wlr_buffer base;
	struct frame_memory *memory;
	uint32_t width, height, stride, format;
	void *pixels;
	bool made; // a wlr_buffer exists on it
	bool lent; // locked for the reader
};

struct frame_memory {
	struct wlr_allocator allocator;
	int references; // the owner, the allocator, and every buffer made
	uint32_t width, height;
	void *map;
	size_t bytes;
	struct slot slots[CHANNEL_SLOTS];
	struct slot *newest; // locked for us; NULL: none
	struct slot cursor;
};

static void memory_unref(struct frame_memory *memory) {
	if (--memory->references > 0) {
		return;
	}
	munmap(memory->map, memory->bytes);
	free(memory);
}

static void slot_destroy(struct wlr_buffer *buffer) {
	struct slot *slot = wl_container_of(buffer, slot, base);
	wlr_buffer_finish(buffer);
	slot->made = false;
	slot->lent = false;
	memory_unref(slot->memory);
}

static bool slot_begin_access(
	struct wlr_buffer *buffer, uint32_t flags, void **data, uint32_t *format, size_t *stride) {
	struct slot *slot = wl_container_of(buffer, slot, base);
	*data = slot->pixels;
	*format = slot->format;
	*stride = slot->stride;
	return true;
}

static void slot_end_access(struct wlr_buffer *buffer) {
}

static const struct wlr_buffer_impl slot_impl = {
	.destroy = slot_destroy,
	.begin_data_ptr_access = slot_begin_access,
	.end_data_ptr_access = slot_end_access,
};

static void slot_make(struct slot *slot) {
	wlr_buffer_init(&slot->base, &slot_impl, (int)slot->width, (int)slot->height);
	slot->made = true;
	slot->memory->references++;
}

static struct wlr_buffer *allocator_create_buffer(struct wlr_allocator *allocator, int width,
	int height, const struct wlr_drm_format *format) {
	struct frame_memory *memory = wl_container_of(allocator, memory, allocator);
	if (width < 0 || height < 0 || (uint32_t)width != memory->width ||
		(uint32_t)height != memory->height || format->format != DRM_FORMAT_XRGB8888) {
		return NULL;
	}
	for (size_t i = 0; i < CHANNEL_SLOTS; i++) {
		if (!memory->slots[i].made) {
			slot_make(&memory->slots[i]);
			return &memory->slots[i].base;
		}
	}
	return NULL;
}

static void allocator_destroy(struct wlr_allocator *allocator) {
	struct frame_memory *memory = wl_container_of(allocator, memory, allocator);
	memory_unref(memory);
}

static const struct wlr_allocator_interface allocator_impl = {
	.create_buffer = allocator_create_buffer,
	.destroy = allocator_destroy,
};

struct frame_memory *frame_memory_create(
	int fd, uint32_t width, uint32_t height, const char **why) {
	// Without these seals the other side could shrink the memory under the renderer.
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	size_t bytes = channel_memory_bytes(width, height);
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < 0 || (size_t)st.st_size != bytes) {
		*why = "the frame memory has not the size of its frames";
		return NULL;
	}
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & needed) != needed) {
		*why = "the frame memory is not sealed";
		return NULL;
	}
	struct frame_memory *memory = calloc(1, sizeof(*memory));
	if (memory == NULL) {
		*why = "out of memory";
		return NULL;
	}
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		*why = "the frame memory cannot be mapped";
		free(memory);
		return NULL;
	}
	*memory = (struct frame_memory){
		.references = 2, .width = width, .height = height, .map = map, .bytes = bytes};
	wlr_allocator_init(&memory->allocator, &allocator_impl, WLR_BUFFER_CAP_DATA_PTR);
	for (size_t i = 0; i < CHANNEL_SLOTS; i++) {
		memory->slots[i] = (struct slot){
			.memory = memory,
			.width = width,
			.height = height,
			.stride = width * 4,
			.format = DRM_FORMAT_XRGB8888,
			.pixels = (char *)map + channel_slot_bytes(width, height) * i,
		};
	}
	memory->cursor = (struct slot){
		.memory = memory,
		.width = CHANNEL_CURSOR_MAX,
		.height = CHANNEL_CURSOR_MAX,
		.stride = CHANNEL_CURSOR_MAX * 4,
		.format = DRM_FORMAT_ARGB8888,
		.pixels = (char *)map + channel_slot_bytes(width, height) * CHANNEL_SLOTS,
	};
	slot_make(&memory->cursor);
	return memory;
}

static void keep(struct frame_memory *memory, struct slot *slot) {
	struct slot *old = memory->newest;
	if (slot != NULL) {
		wlr_buffer_lock(&slot->base);
	}
	memory->newest = slot;
	if (old != NULL) {
		wlr_buffer_unlock(&old->base);
	}
}

void frame_memory_destroy(struct frame_memory *memory) {
	if (memory == NULL) {
		return;
	}
	keep(memory, NULL);
	for (uint32_t i = 0; i < CHANNEL_SLOTS; i++) {
		frame_memory_return(memory, i);
	}
	wlr_buffer_drop(&memory->cursor.base);
	memory_unref(memory);
}

struct wlr_allocator *frame_memory_allocator(struct frame_memory *memory) {
	return &memory->allocator;
}

int frame_memory_lend(struct frame_memory *memory, struct wlr_buffer *buffer) {
	for (int i = 0; i < CHANNEL_SLOTS; i++) {
		struct slot *slot = &memory->slots[i];
		if (&slot->base == buffer && slot->made && !slot->lent) {
			wlr_buffer_lock(buffer);
			slot->lent = true;
			keep(memory, slot);
			return i;
		}
	}
	return -1;
}

bool frame_memory_return(struct frame_memory *memory, uint32_t slot) {
	if (slot >= CHANNEL_SLOTS || !memory->slots[slot].lent) {
		return false;
	}
	memory->slots[slot].lent = false;
	wlr_buffer_unlock(&memory->slots[slot].base);
	return true;
}

bool frame_memory_make_room(struct frame_memory *memory) {
	for (size_t i = 0; i < CHANNEL_SLOTS; i++) {
		if (!memory->slots[i].lent && &memory->slots[i] != memory->newest) {
			return true;
		}
	}
	if (memory->newest == NULL || memory->newest->lent) {
		return false;
	}
	keep(memory, NULL);
	return true;
}

const uint32_t *frame_memory_newest(const struct frame_memory *memory) {
	return memory->newest != NULL ? memory->newest->pixels : NULL;
}

struct wlr_buffer *frame_memory_cursor(struct frame_memory *memory) {
	return &memory->cursor.base;
}

uint32_t *frame_memory_cursor_pixels(struct frame_memory *memory) {
	return memory->cursor.pixels;
}
