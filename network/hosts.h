#ifndef PARCLOSE_NETWORK_HOSTS_H
#define PARCLOSE_NETWORK_HOSTS_H

/*
 * What the host's hosts(5) says of names, read once: c-ares would read it again at each lookup,
 * which a process without files cannot.
 */

#include <stddef.h>

#include "policy/network.h"

#define HOSTS_MAX_BYTES (16u << 20)

struct hosts;

// A file that is not there, or too large, has no names. NULL: out of memory.
struct hosts *hosts_load(const char *path);
void hosts_destroy(struct hosts *hosts);

// Up to `size` addresses of a canonical name; returns how many.
size_t hosts_find(
	const struct hosts *hosts, const char *name, struct network_address *out, size_t size);

#endif
