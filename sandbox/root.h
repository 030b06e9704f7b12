#ifndef PARCLOSE_SANDBOX_ROOT_H
#define PARCLOSE_SANDBOX_ROOT_H

// The new root while it is built: root.c has the mechanics and the policy's paths, system.c the
// fixed parts.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct init_context;
struct sandbox_error;

struct root {
	const struct init_context *context;
	int fd; // of the tmpfs that becomes "/", owned
	dev_t *own; // file systems made here, in which mount points may be made; owned
	size_t own_len;
	bool noexec; // whatever is writable is not executable (process.executables)
};

// A regular empty file in the root, source of the masks; gone when the root is finished.
#define EMPTY_FILE ".empty"

// Marks the file system at `path` as made here. 0 or -errno, as all below.
int root_own(struct root *root, int dir, const char *path);

// Makes the root with the system's part of it. The caller gives it back with root_free().
int root_begin(struct root *root, const struct init_context *context, struct sandbox_error *err);
// Adds what carries the name, and the policy's paths, and moves into it.
int root_finish(struct root *root, const char *name, struct sandbox_error *err);
void root_free(struct root *root);

// /usr, /etc, /dev, /proc, the private directories.
int system_build(struct root *root, struct sandbox_error *err);
// The files of /etc with the host's name in them.
int system_name(const char *name, struct sandbox_error *err);
void system_finish(struct root *root);

#endif
