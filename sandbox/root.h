#ifndef PARCLOSE_SANDBOX_ROOT_H
#define PARCLOSE_SANDBOX_ROOT_H

// The new root while it is built: root.c has the mechanics and the policy's paths, system.c the fixed parts.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct init_context;
struct sandbox_error;

struct root {
	const struct init_context *context;
	int fd;	     // of the tmpfs that becomes "/"
	dev_t *own; // file systems made here, in which mount points may be made; owned
	size_t own_len;
	bool noexec; // whatever is writable is not executable (process.executables)
};

// A regular empty file in the root, source of the masks; gone when the root is finished.
#define EMPTY_FILE ".empty"

// All return 0 (or a descriptor) or -errno. `path` is absolute, inside the new root.
int root_filesystem(const char *type, const char *const (*options)[2], size_t len, unsigned int attr);
int root_own(struct root *root, int fd);
int root_attach(struct root *root, int mount_fd, const char *path, mode_t type);
// A new tmpfs at `path`; *keep, when asked for, is its descriptor (caller closes).
int root_tmpfs(struct root *root, const char *path, uint64_t size, const char *mode, unsigned int attr,
	int *keep);
// The tree at `source` (relative to `from`; "" for `from` itself) at `path`.
int root_bind(struct root *root, int from, const char *source, const char *path, mode_t type,
	uint64_t attr_set);

// /usr, /etc, /dev, /proc, the private directories.
int system_build(struct root *root, struct sandbox_error *err);
void system_finish(struct root *root);

#endif
