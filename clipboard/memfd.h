#ifndef PARCLOSE_CLIPBOARD_MEMFD_H
#define PARCLOSE_CLIPBOARD_MEMFD_H

#include <stdbool.h>
#include <stddef.h>

// A sealed memfd with these bytes, at its beginning, or -errno.
int clipboard_memfd(const void *bytes, size_t len);

// Is it a memfd that nobody can change any more? Then *len is its size.
bool clipboard_is_sealed(int fd, size_t *len);

#endif
