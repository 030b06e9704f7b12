#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/*
 * A user namespace that exists only for its map: on-disk `from` appears as the sandbox's `to`. Its
 * only process is a child that waits to be killed.
 */
static int map_namespace(uid_t from_uid, uid_t to_uid, gid_t from_gid, gid_t to_gid) {
	struct sys_clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
	};
	long pid = sys_clone3(&args);
	if (pid == 0) {
		for (;;) {
			pause();
		}
	}
	if (pid < 0) {
		return (int)pid;
	}
	char path[48], line[64];
	int len = snprintf(line, sizeof(line), "%" PRIu32 " %" PRIu32 " 1\n", from_uid, to_uid);
	snprintf(path, sizeof(path), "/proc/%ld/uid_map", pid);
	int ret = write_file(AT_FDCWD, path, line, (size_t)len);
	if (ret == 0) {
		len = snprintf(line, sizeof(line), "%" PRIu32 " %" PRIu32 " 1\n", from_gid, to_gid);
		snprintf(path, sizeof(path), "/proc/%ld/gid_map", pid);
		ret = write_file(AT_FDCWD, path, line, (size_t)len);
	}
	if (ret == 0) {
		snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
		ret = open(path, O_RDONLY | O_CLOEXEC);
		ret = ret < 0 ? -errno : ret;
	}
	kill((pid_t)pid, SIGKILL);
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
	return ret;
}

// A detached mount of the grant, through the map, with the grant's own restrictions.
static int map_entry(struct path_entry *entry, int userns, struct sandbox_error *err) {
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    (entry->access == POLICY_ACCESS_READONLY ? MOUNT_ATTR_RDONLY : 0),
		.userns_fd = (uint64_t)userns,
	};
	// A mount beneath it may be of a kind that takes no map; then it alone is left out.
	const unsigned int recursive[] = {AT_RECURSIVE, 0};
	int ret = -EINVAL;
	for (size_t i = 0; i < 2 && ret < 0; i++) {
		close_fd(&entry->mount_fd);
		entry->mount_fd = sys_open_tree(
			entry->fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | recursive[i]);
		ret = entry->mount_fd < 0 ? entry->mount_fd
					  : sys_mount_setattr(entry->mount_fd, recursive[i], &attr);
	}
	if (ret == 0) {
		ret = raise_fd(&entry->mount_fd);
	}
	if (ret < 0) {
		return sandbox_fail(err, -ret,
			"%s: the file system of '%s' cannot be shared under another user id "
			"(idmapped mount: "
			"%s); start as the ordinary user that owns it, or grant a directory on "
			"another file system",
			entry->origin->pointer, entry->origin->path, strerror(-ret));
	}
	return 0;
}

int paths_idmap(struct paths *paths, uid_t uid, gid_t gid, struct sandbox_error *err) {
	int userns = -1, ret = 0;
	const struct path_entry *made_for = NULL;
	for (size_t i = 0; i < paths->len && ret == 0; i++) {
		struct path_entry *entry = &paths->entries[i];
		if (entry->access == POLICY_ACCESS_DENIED) {
			continue;
		}
		if (!made_for || made_for->uid != entry->uid || made_for->gid != entry->gid) {
			close_fd(&userns);
			userns = map_namespace(entry->uid, uid, entry->gid, gid);
			if (userns < 0) {
				return sandbox_fail(err, -userns,
					"cannot make the id map for '%s': %s", entry->origin->path,
					strerror(-userns));
			}
			made_for = entry;
		}
		ret = map_entry(entry, userns, err);
	}
	close_fd(&userns);
	return ret;
}

bool idmap_works(void) {
	int userns = map_namespace(0, AGENT_ID, 0, AGENT_ID);
	int tree = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
	bool works = userns >= 0 && tree >= 0 && sys_mount_setattr(tree, 0, &attr) == 0;
	close_fd(&userns);
	close_fd(&tree);
	return works;
}
