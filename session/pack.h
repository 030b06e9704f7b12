#ifndef PARCLOSE_SESSION_PACK_H
#define PARCLOSE_SESSION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Compression with the least effort to the format of zlib (RFC 1950): by ISA-L, which takes a tenth
 * of zlib's time, where Parclose was built with its headers and the library is there; else by zlib.
 */
struct packer;

// What is to be packed and where it goes; packer_step() moves all four on.
struct packing {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len; // room
};

// `plain`: zlib, whatever else there is. NULL when out of memory.
struct packer *packer_create(bool plain);
void packer_destroy(struct packer *packer);
/*
 * Packs until all of packing->in, at least one byte at the first call of a piece, is taken and,
 * with `last`, the stream is complete: then 1. 0: there is no room left, call again with more and
 * the same `last`. -EIO when the library fails; the stream is lost.
 */
int packer_step(struct packer *packer, struct packing *packing, bool last);

#endif
