#ifndef PARCLOSE_COMPOSITOR_MEMORY_H
#define PARCLOSE_COMPOSITOR_MEMORY_H

/*
 * The supervisor's frame memory as a wlr_allocator: each buffer *is* a slot, drawn into in place. A
 * slot is with the renderer, or with the reader, or free.
 */

#include <stdbool.h>
#include <stdint.h>

struct frame_memory;
struct wlr_allocator;
struct wlr_buffer;

/*
 * Maps `fd` (not taken over) after checking its size and seals. NULL with *why set otherwise.
 * Buffers hold a reference on the mapping, so destroying in any order is safe.
 */
struct frame_memory *frame_memory_create(int fd, uint32_t width, uint32_t height, const char **why);
void frame_memory_destroy(struct frame_memory *memory);

// Owned by the memory until the caller destroys it with wlr_allocator_destroy(), once.
struct wlr_allocator *frame_memory_allocator(struct frame_memory *memory);

// Hands a drawn buffer to the reader and says its slot; -1: not a buffer of this memory.
int frame_memory_lend(struct frame_memory *memory, struct wlr_buffer *buffer);
bool frame_memory_return(struct frame_memory *memory, uint32_t slot);
// Whether a frame can be drawn. Gives frame_memory_newest() up when that is the only way.
bool frame_memory_make_room(struct frame_memory *memory);

// The pixels of the frame that was lent last, unchanged until the next one is drawn even if the
// reader is done with it. NULL: there is none, or it was given up.
const uint32_t *frame_memory_newest(const struct frame_memory *memory);

// The cursor area, CHANNEL_CURSOR_MAX squared, as a buffer to draw into; owned by the memory.
struct wlr_buffer *frame_memory_cursor(struct frame_memory *memory);
// Its pixels, rows of CHANNEL_CURSOR_MAX.
uint32_t *frame_memory_cursor_pixels(struct frame_memory *memory);

#endif
