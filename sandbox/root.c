#include "sandbox/internal.h"
#include "sandbox/root.h"
#include "sandbox/syscalls.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define RESOLVE_INSIDE (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

static bool is_ours(const struct root *root, dev_t dev) {
	for (size_t i = 0; i < root->own_len; i++) {
		if (root->own[i] == dev) {
			return true;
		}
	}
	return false;
}

/*
 * Opens the place for a mount, making what is missing of it, but only in file systems that are new
 * and our own. In a granted tree, which an earlier session may have written to, nothing is ever
 * made and no link followed.
 */
static int open_target(struct root *root, const char *path, mode_t type) {
	int found = sys_openat2(root->fd, path, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
	if (found != -ENOENT) {
		return found;
	}
	int dir = dup(root->fd);
	while (dir >= 0 && *path) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		char name[NAME_MAX + 1];
		if (len == 0) {
			break;
		}
		if (len > NAME_MAX) {
			close(dir);
			return -ENAMETOOLONG;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		bool last = path[strspn(path, "/")] == '\0';
		int next = sys_openat2(dir, name, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
		struct stat stat;
		if (next == -ENOENT) {
			int ret = fstat(dir, &stat)            ? -errno
				  : is_ours(root, stat.st_dev) ? 0
							       : -ENOENT;
			if (ret == 0) {
				ret = last && type != S_IFDIR
					      ? (mknodat(dir, name, S_IFREG | 0444, 0) ? -errno : 0)
					      : (mkdirat(dir, name, 0755) ? -errno : 0);
			}
			next = ret < 0 ? ret
				       : sys_openat2(
						 dir, name, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
		}
		close(dir);
		dir = next;
	}
	return dir;
}

static int attach(struct root *root, int mount_fd, const char *path, mode_t type) {
	int target = open_target(root, path, type);
	if (target < 0) {
		return target;
	}
	int ret = sys_move_mount(mount_fd, target);
	close(target);
	return ret;
}

int root_own(struct root *root, int dir, const char *path) {
	struct stat stat;
	if (fstatat(dir, path, &stat, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) {
		return -errno;
	}
	dev_t *own = realloc(root->own, (root->own_len + 1) * sizeof(*own));
	if (!own) {
		return -ENOMEM;
	}
	root->own = own;
	root->own[root->own_len++] = stat.st_dev;
	return 0;
}

// A tmpfs, attached nowhere yet. Returns its root.
static int make_tmpfs(const char *size, unsigned int attr) {
	int context = sys_fsopen("tmpfs");
	if (context < 0) {
		return context;
	}
	int ret = sys_fsconfig(context, FSCONFIG_SET_STRING, "size", size);
	if (ret == 0) {
		ret = sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755");
	}
	if (ret == 0) {
		ret = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL);
	}
	if (ret == 0) {
		ret = sys_fsmount(context, attr);
	}
	close(context);
	return ret;
}

static int bind_tree(struct root *root, int from, const char *source, const char *path, mode_t type,
	uint64_t attr_set) {
	unsigned int flags = OPEN_TREE_CLONE | AT_RECURSIVE | (source[0] ? 0 : AT_EMPTY_PATH);
	int fd = sys_open_tree(from, source, flags);
	if (fd < 0) {
		return fd;
	}
	struct mount_attr attr = {.attr_set = attr_set};
	int ret = sys_mount_setattr(fd, AT_RECURSIVE, &attr);
	if (ret == 0) {
		ret = attach(root, fd, path, type);
	}
	close(fd);
	return ret;
}

static int set_readonly(int fd) {
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	return sys_mount_setattr(fd, 0, &attr);
}

// The object the supervisor checked, or nothing: between then and now the path may lead elsewhere.
static int reopen(const struct path_entry *entry) {
	int fd = sys_openat2(AT_FDCWD, entry->path, O_PATH | O_NOFOLLOW,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat stat;
	if (fd < 0) {
		return fd;
	}
	if (fstat(fd, &stat) || stat.st_dev != entry->dev || stat.st_ino != entry->ino ||
		(stat.st_mode & S_IFMT) != entry->type) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int bind_grant(struct root *root, const struct path_entry *entry) {
	uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	if (entry->access == POLICY_ACCESS_READONLY) {
		attr |= MOUNT_ATTR_RDONLY;
	}
	if (root->noexec && entry->access == POLICY_ACCESS_READWRITE) {
		attr |= MOUNT_ATTR_NOEXEC;
	}
	if (entry->mount_fd >= 0) {
		struct mount_attr more = {.attr_set = attr};
		int ret = sys_mount_setattr(entry->mount_fd, AT_RECURSIVE, &more);
		return ret < 0 ? ret : attach(root, entry->mount_fd, entry->path, entry->type);
	}
	int fd = reopen(entry);
	if (fd < 0) {
		return fd;
	}
	int ret = bind_tree(root, fd, "", entry->path, entry->type, attr);
	close(fd);
	return ret;
}

// The object at its place inside must be the one that was examined, or a rule would lie beside it.
static int check_target(const struct path_entry *entry, int target) {
	struct stat stat;
	if (fstat(target, &stat)) {
		return -errno;
	}
	return stat.st_dev == entry->dev && stat.st_ino == entry->ino ? 0 : -ESTALE;
}

/*
 * A rule inside a directory that the sandbox may write to would be left behind by a rename of what
 * lies above it, and the next session would find a decoy, or a link, at its place. A mount point
 * cannot be renamed: each directory on the way becomes one, a mount of itself.
 */
static int pin_way(
	struct root *root, const struct path_entry *grant, const struct path_entry *entry) {
	char way[PATH_MAX];
	size_t start = strlen(grant->path);
	if (strlen(entry->path) >= sizeof(way)) {
		return -ENAMETOOLONG;
	}
	for (const char *at = strchr(entry->path + start + 1, '/'); at; at = strchr(at + 1, '/')) {
		memcpy(way, entry->path, (size_t)(at - entry->path));
		way[at - entry->path] = '\0';
		int target = sys_openat2(
			root->fd, way, O_PATH | O_NOFOLLOW | O_DIRECTORY, RESOLVE_INSIDE);
		if (target < 0) {
			return target;
		}
		struct statx facts;
		int ret = statx(target, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &facts) ? -errno : 0;
		if (ret == 0 && !(facts.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
			int copy = sys_open_tree(
				target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
			ret = copy < 0 ? copy : sys_move_mount(copy, target);
			close_fd(&copy);
		}
		close(target);
		if (ret < 0) {
			return ret;
		}
	}
	int target = sys_openat2(root->fd, entry->path, O_PATH | O_NOFOLLOW, RESOLVE_INSIDE);
	int ret = target < 0 ? target : check_target(entry, target);
	close_fd(&target);
	return ret;
}

// The entry that decides about the place of entries[self]; they are sorted by depth.
static const struct path_entry *entry_above(const struct paths *paths, size_t self) {
	const struct path_entry *found = NULL;
	for (size_t i = 0; i < self; i++) {
		if (paths_beneath(paths->entries[self].path, paths->entries[i].path)) {
			found = &paths->entries[i];
		}
	}
	return found;
}

// A directory is covered by an empty one, anything else by an empty file.
static int mask(struct root *root, const struct path_entry *entry, int *dir_fd) {
	if (entry->type == S_IFDIR) {
		*dir_fd =
			make_tmpfs("64k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		int ret = *dir_fd < 0 ? *dir_fd : root_own(root, *dir_fd, "");
		return ret < 0 ? ret : attach(root, *dir_fd, entry->path, S_IFDIR);
	}
	return bind_tree(root, root->fd, EMPTY_FILE, entry->path, entry->type,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static int apply_entry(struct root *root, const struct paths *paths, size_t at, int *mask_fd) {
	const struct path_entry *entry = &paths->entries[at], *above = entry_above(paths, at);
	int ret = 0;
	if (above && above->access == POLICY_ACCESS_READWRITE) {
		ret = pin_way(root, above, entry);
	}
	if (ret < 0) {
		return ret;
	}
	return entry->access == POLICY_ACCESS_DENIED ? mask(root, entry, mask_fd)
						     : bind_grant(root, entry);
}

static int apply_paths(struct root *root, const struct paths *paths, struct sandbox_error *err) {
	int *masks = calloc(paths->len ? paths->len : 1, sizeof(*masks));
	if (!masks) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	int ret = 0;
	size_t done = 0;
	for (; done < paths->len && ret == 0; done++) {
		const struct path_entry *entry = &paths->entries[done];
		masks[done] = -1;
		ret = apply_entry(root, paths, done, &masks[done]);
		if (ret < 0) {
			ret = sandbox_fail(err, -ret, "%s: '%s' cannot be %s in the sandbox: %s%s",
				entry->origin->pointer, entry->path,
				entry->access == POLICY_ACCESS_DENIED ? "hidden" : "mounted",
				strerror(-ret),
				ret == -ESTALE ? " (it was replaced while the sandbox was set up)"
					       : "");
		}
	}
	// Last, since a grant inside a hidden directory needs its mount point there.
	for (size_t i = 0; i < done; i++) {
		if (masks[i] >= 0 && ret == 0) {
			ret = set_readonly(masks[i]);
			if (ret < 0) {
				ret = sandbox_fail(err, -ret, "cannot seal a hidden directory: %s",
					strerror(-ret));
			}
		}
		close_fd(&masks[i]);
	}
	free(masks);
	return ret;
}

/*
 * A path that the policy writes through a symlink works inside as written where the place is still
 * free: a link in the tmpfs. Best effort; nothing depends on it.
 */
static void link_as_written(struct root *root, const struct paths *paths) {
	for (size_t i = 0; i < paths->len; i++) {
		const struct path_entry *entry = &paths->entries[i];
		const char *written = entry->origin->path;
		if (entry->access == POLICY_ACCESS_DENIED || strcmp(written, entry->path) == 0 ||
			strlen(written) >= PATH_MAX) {
			continue;
		}
		char parent[PATH_MAX];
		snprintf(parent, sizeof(parent), "%s", written);
		size_t len = strlen(parent);
		while (len > 1 && parent[len - 1] == '/') {
			parent[--len] = '\0';
		}
		char *slash = strrchr(parent, '/');
		const char *name = slash + 1;
		if (slash == parent || strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
			continue;
		}
		*slash = '\0';
		struct stat stat;
		int dir = open_target(root, parent, S_IFDIR);
		if (dir >= 0 && fstat(dir, &stat) == 0 && is_ours(root, stat.st_dev)) {
			(void)!symlinkat(entry->path, dir, name);
		}
		close_fd(&dir);
	}
}

static int enter(int fd, struct sandbox_error *err) {
	// The old root ends up stacked on the new one and is then let go, with everything under it.
	if (fchdir(fd) || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) || chdir("/")) {
		return sandbox_fail(err, errno, "cannot enter the new root: %s", strerror(errno));
	}
	int ret = set_readonly(fd);
	return ret < 0 ? sandbox_fail(err, -ret, "cannot seal the new root: %s", strerror(-ret))
		       : 0;
}

// An empty tmpfs on top of "/". Every path still leads to the old root, until enter(). Its
// descriptor or -errno.
static int make_root(const char *size, struct sandbox_error *err) {
	// Nothing the host mounts from now on may appear in here, nor the reverse.
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		return sandbox_fail(
			err, errno, "cannot make the mounts private: %s", strerror(errno));
	}
	int fd = make_tmpfs(size, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 ? fd : top < 0 ? -errno : sys_move_mount(fd, top);
	close_fd(&top);
	if (ret < 0) {
		close_fd(&fd);
		return sandbox_fail(
			err, -ret, "cannot make the root file system: %s", strerror(-ret));
	}
	return fd;
}

int root_enter_empty(struct sandbox_error *err) {
	int fd = make_root("4k", err);
	int ret = fd < 0 ? fd : enter(fd, err);
	close_fd(&fd);
	return ret;
}

int root_begin(struct root *root, const struct init_context *context, struct sandbox_error *err) {
	*root = (struct root){
		.context = context, .noexec = context->policy->process.executables_set};
	root->fd = make_root("4m", err);
	if (root->fd < 0) {
		return root->fd;
	}
	int ret = root_own(root, root->fd, "");
	return ret < 0 ? sandbox_fail(err, -ret, "cannot examine the new root: %s", strerror(-ret))
		       : system_build(root, err);
}

int root_finish(struct root *root, const char *name, struct sandbox_error *err) {
	int ret = system_name(name, err);
	if (ret == 0) {
		ret = apply_paths(root, root->context->paths, err);
	}
	if (ret == 0) {
		link_as_written(root, root->context->paths);
		system_finish(root);
		ret = enter(root->fd, err);
	}
	return ret;
}

void root_free(struct root *root) {
	close_fd(&root->fd);
	free(root->own);
}
