#ifndef PARCLOSE_CLIPBOARD_PICTURE_H
#define PARCLOSE_CLIPBOARD_PICTURE_H

/*
 * Pictures on their way through the gate. A program parclose-picture, confined and alone, decodes
 * what the other side wrote to plain pixels; another run of it, which never sees a byte of that,
 * makes a new PNG of the pixels. So what crosses is our own encoder's, whatever the first run has
 * become: at worst it says other pixels (Qubes' "trusted picture").
 *
 * What is lost is on purpose: text, place and camera, colour profiles, all frames but the first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_MAX_SIDE 16384
#define PICTURE_MAX_PIXELS (16u << 20)

// Between the two runs: this, then height rows of width RGBA pixels, not premultiplied.
struct picture_pixels {
	uint32_t magic, width, height, reserved;
};
#define PICTURE_MAGIC 0x78697070u
#define PICTURE_MAX_BYTES (sizeof(struct picture_pixels) + (size_t)PICTURE_MAX_PIXELS * 4)

// How parclose-picture exits when it is not 0.
enum picture_flaw {
	PICTURE_NONE = 3, // neither a PNG nor a JPEG file, or a broken one
	PICTURE_TOO_LARGE = 4, // of sides or pixels
	PICTURE_FAILED = 5,
};

// Does `untrusted`, `len` bytes, hold the pixels of a picture, whole and nothing else?
bool picture_check(const void *untrusted, size_t len, uint32_t *width, uint32_t *height);

/*
 * Both return what is written by malloc(), with its length, or NULL with *flaw. decode() gives a
 * struct picture_pixels and what follows it, encode() takes such and gives a PNG file.
 */
void *picture_decode(const void *untrusted, size_t len, size_t *out_len, enum picture_flaw *flaw);
void *picture_encode(const void *pixels, size_t len, size_t *out_len, enum picture_flaw *flaw);

#endif
