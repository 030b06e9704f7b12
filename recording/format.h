#ifndef PARCLOSE_RECORDING_FORMAT_H
#define PARCLOSE_RECORDING_FORMAT_H

// The bytes of a recording; protocols/recording.md says what they mean. Numbers are little endian.

#include <stdint.h>

#define FORMAT_MAGIC "PARCLREC"
#define FORMAT_VERSION 1u
#define FORMAT_HEADER 64u // bytes of the file's header
#define FORMAT_RECORD 24u // bytes of a record's header
#define FORMAT_TILE 32u // pixels
#define FORMAT_MAX_SIDE 8192u // pixels
#define FORMAT_MAX_PAYLOAD (256u << 20) // bytes
#define FORMAT_MAX_EVENT (1u << 20) // bytes
#define FORMAT_MAX_CURSOR 128u // pixels

enum format_type {
	FORMAT_INFO = 1, // JSON
	FORMAT_FRAME, // u64 serial, u32 flags, u32 0, a bit for each tile, deflated pixels
	FORMAT_CURSOR, // 32 bytes, then deflated pixels if the image is a new one
	FORMAT_EVENT, // JSON
	FORMAT_END, // JSON
};

#define FORMAT_FRAME_HEAD 16u
#define FORMAT_FRAME_KEY 1u // every tile is there

#define FORMAT_CURSOR_HEAD 32u
#define FORMAT_CURSOR_VISIBLE 1u
#define FORMAT_CURSOR_IMAGE 2u // pixels follow

static inline void put32(uint8_t *to, uint32_t value) {
	for (int i = 0; i < 4; i++) {
		to[i] = (uint8_t)(value >> (8 * i));
	}
}

static inline void put64(uint8_t *to, uint64_t value) {
	put32(to, (uint32_t)value);
	put32(to + 4, (uint32_t)(value >> 32));
}

static inline uint32_t get32(const uint8_t *from) {
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

static inline uint64_t get64(const uint8_t *from) {
	return get32(from) | (uint64_t)get32(from + 4) << 32;
}

static inline uint32_t format_tiles(uint32_t pixels) {
	return (pixels + FORMAT_TILE - 1) / FORMAT_TILE;
}

#endif
