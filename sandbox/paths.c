#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool paths_beneath(const char *path, const char *dir) {
	size_t len = strlen(dir);
	if (len == 1) {
		return true; // "/"
	}
	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static size_t depth(const char *path) {
	size_t count = 0;
	for (const char *at = path; *at; at++) {
		count += *at == '/' && at[1] != '\0';
	}
	return count;
}

static int by_depth(const void *a, const void *b) {
	const struct path_entry *x = a, *y = b;
	size_t dx = depth(x->path), dy = depth(y->path);
	return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->path, y->path);
}

// What every sandbox has of its own, and what no grant can pass on without handing out the host.
static const char *const reserved[] = {"/proc", "/sys", "/dev", AGENT_RUNTIME, NULL};
// Directories full of host sockets; what lies deeper may be granted.
static const char *const too_wide[] = {"/", "/run", "/run/user", "/var", "/var/run", "/tmp", NULL};

static int check_place(const struct path_entry *entry, struct sandbox_error *err) {
	const struct policy_path *origin = entry->origin;
	for (size_t i = 0; reserved[i]; i++) {
		if (paths_beneath(entry->path, reserved[i])) {
			return sandbox_fail(err, EINVAL,
				"%s: '%s' lies in %s, of which every sandbox has its own; remove "
				"the entry",
				origin->pointer, origin->path, reserved[i]);
		}
	}
	if (entry->access == POLICY_ACCESS_DENIED) {
		return strcmp(entry->path, "/") != 0
			       ? 0
			       : sandbox_fail(err, EINVAL,
					 "%s: '/' cannot be denied: what is not "
					 "granted is denied already; remove the entry",
					 origin->pointer);
	}
	for (size_t i = 0; too_wide[i]; i++) {
		if (strcmp(entry->path, too_wide[i]) == 0) {
			return sandbox_fail(err, EINVAL,
				"%s: '%s' is too wide to be granted: it holds the host's sockets "
				"or its whole "
				"system; grant the directories beneath it that are needed",
				origin->pointer, origin->path);
		}
	}
	return 0;
}

// Reads back where `fd` is. The caller frees.
static char *canonical_of(int fd) {
	char link[32], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || (size_t)len >= sizeof(path) - 1 || path[0] != '/') {
		return NULL;
	}
	path[len] = '\0';
	return strdup(path);
}

static int take_object(struct path_entry *entry, struct sandbox_error *err) {
	const struct policy_path *origin = entry->origin;
	struct stat stat, again;
	entry->path = canonical_of(entry->fd);
	int check = entry->path ? sys_openat2(AT_FDCWD, entry->path, O_PATH | O_NOFOLLOW,
					  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
				: -ENOENT;
	int ret = check < 0 || fstat(entry->fd, &stat) || fstat(check, &again) ||
				  stat.st_dev != again.st_dev || stat.st_ino != again.st_ino
			  ? -ESTALE
			  : 0;
	close_fd(&check);
	if (ret < 0) {
		return sandbox_fail(err, ESTALE,
			"%s: '%s' has no stable place in the file system (it was moved or removed "
			"just now); "
			"try again",
			origin->pointer, origin->path);
	}
	entry->dev = stat.st_dev;
	entry->ino = stat.st_ino;
	entry->type = stat.st_mode & S_IFMT;
	entry->uid = stat.st_uid;
	entry->gid = stat.st_gid;
	return 0;
}

/*
 * A denied path that is not there (or that we cannot see) is kept by its name beneath the deepest
 * directory that is; merge() decides whether something inside could make it.
 */
static int take_missing(struct path_entry *entry, int why, struct sandbox_error *err) {
	const struct policy_path *origin = entry->origin;
	char *prefix = strdup(origin->path);
	if (!prefix) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	int dir = -ENOENT;
	char *cut = prefix + strlen(prefix);
	while (dir < 0 && cut > prefix) {
		do {
			cut--;
		} while (cut > prefix && *cut != '/');
		char kept = cut[cut == prefix];
		cut[cut == prefix] = '\0';
		dir = sys_openat2(AT_FDCWD, prefix, O_PATH, RESOLVE_NO_MAGICLINKS);
		if (dir < 0) {
			cut[cut == prefix] = kept;
		}
	}
	const char *rest = origin->path + (cut - prefix) + 1;
	while (*rest == '/') {
		rest++;
	}
	char name[NAME_MAX + 1];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
	struct stat stat;
	int ret = 0;
	char *base = dir >= 0 ? canonical_of(dir) : NULL;
	if (!base) {
		ret = sandbox_fail(err, why, "%s: '%s' cannot be examined: %s", origin->pointer,
			origin->path, strerror(why));
	} else if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(stat.st_mode)) {
		ret = sandbox_fail(err, why,
			"%s: '%s' goes through the symbolic link '%s', which leads nowhere; remove "
			"the link or "
			"create what it names",
			origin->pointer, origin->path, name);
	} else if (strstr(rest, "..")) {
		ret = sandbox_fail(err, why,
			"%s: '%s' does not exist and has '..' in it; write it plainly",
			origin->pointer, origin->path);
	} else {
		size_t len = strlen(base) + strlen(rest) + 2;
		entry->path = malloc(len);
		if (!entry->path) {
			ret = sandbox_fail(err, ENOMEM, "out of memory");
		} else {
			snprintf(entry->path, len, "%s/%s", strcmp(base, "/") == 0 ? "" : base,
				rest);
			while (entry->path[1] && entry->path[strlen(entry->path) - 1] == '/') {
				entry->path[strlen(entry->path) - 1] = '\0';
			}
		}
	}
	free(base);
	free(prefix);
	close_fd(&dir);
	return ret;
}

static int resolve(struct path_entry *entry, struct sandbox_error *err) {
	const struct policy_path *origin = entry->origin;
	if (origin->path[0] != '/') {
		return sandbox_fail(err, EINVAL, "%s: '%s' is not an absolute path",
			origin->pointer, origin->path);
	}
	entry->fd = sys_openat2(AT_FDCWD, origin->path, O_PATH, RESOLVE_NO_MAGICLINKS);
	if (entry->fd < 0) {
		int why = -entry->fd;
		entry->fd = -1;
		if (entry->access == POLICY_ACCESS_DENIED &&
			(why == ENOENT || why == EACCES || why == ENOTDIR)) {
			return take_missing(entry, why, err);
		}
		if (why == ENOENT || why == ENOTDIR) {
			return sandbox_fail(err, why,
				"%s: '%s' does not exist; create it or remove the entry",
				origin->pointer, origin->path);
		}
		return sandbox_fail(err, why, "%s: '%s' cannot be opened: %s%s", origin->pointer,
			origin->path, strerror(why),
			why == ELOOP ? "; symbolic links through /proc are not followed" : "");
	}
	int ret = take_object(entry, err);
	return ret < 0 ? ret : check_place(entry, err);
}

static int check_rights(const struct path_entry *entry, struct sandbox_error *err) {
	const struct policy_path *origin = entry->origin;
	if (entry->access == POLICY_ACCESS_DENIED) {
		return 0;
	}
	if (entry->type != S_IFDIR && entry->type != S_IFREG) {
		return sandbox_fail(err, EINVAL,
			"%s: '%s' is a socket, pipe or device; only directories and regular files "
			"can be granted",
			origin->pointer, origin->path);
	}
	const int flags = AT_EMPTY_PATH | AT_EACCESS;
	int ret = sys_faccessat2(entry->fd, "", entry->type == S_IFDIR ? R_OK | X_OK : R_OK, flags);
	if (ret < 0) {
		return sandbox_fail(err, -ret,
			"%s: '%s' is not readable by you (uid %u); a grant cannot give more than "
			"you have",
			origin->pointer, origin->path, (unsigned int)geteuid());
	}
	ret = entry->access == POLICY_ACCESS_READWRITE ? sys_faccessat2(entry->fd, "", W_OK, flags)
						       : 0;
	if (ret < 0) {
		return sandbox_fail(err, -ret,
			"%s: '%s' is not writable by you (%s); put it in readonlyPaths",
			origin->pointer, origin->path, strerror(-ret));
	}
	return 0;
}

static void drop(struct paths *paths, size_t at) {
	struct path_entry *entry = &paths->entries[at];
	close_fd(&entry->fd);
	close_fd(&entry->mount_fd);
	free(entry->path);
	memmove(entry, entry + 1, (paths->len - at - 1) * sizeof(*entry));
	paths->len--;
}

// The entry that decides about `path`, itself left out; NULL when none does. Sorted, so the last
// wins.
static const struct path_entry *parent_of(const struct paths *paths, size_t self) {
	const struct path_entry *found = NULL;
	for (size_t i = 0; i < self; i++) {
		if (paths_beneath(paths->entries[self].path, paths->entries[i].path)) {
			found = &paths->entries[i];
		}
	}
	return found;
}

static bool in_system(const char *path) {
	static const char *const visible[] = {"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32",
		"/lib64", "/libx32", "/var/cache/fontconfig", NULL};
	for (size_t i = 0; visible[i]; i++) {
		if (paths_beneath(path, visible[i])) {
			return true;
		}
	}
	return false;
}

/*
 * Beneath a directory that the sandbox may write to, an earlier session may have put a link in the
 * way of another entry: there, none is followed.
 */
static int check_links(const struct paths *paths, struct sandbox_error *err) {
	for (size_t i = 0; i < paths->len; i++) {
		const struct path_entry *entry = &paths->entries[i];
		for (size_t j = 0; j < paths->len; j++) {
			const struct path_entry *grant = &paths->entries[j];
			const char *written = entry->origin->path;
			if (i == j || entry->fd < 0 || grant->fd < 0 ||
				grant->access != POLICY_ACCESS_READWRITE ||
				grant->type != S_IFDIR) {
				continue;
			}
			const char *prefix = grant->origin->path;
			prefix = paths_beneath(written, prefix) ? prefix : grant->path;
			if (!paths_beneath(written, prefix)) {
				continue;
			}
			const char *rest = written + strlen(prefix);
			rest += strspn(rest, "/");
			int fd = sys_openat2(grant->fd, *rest ? rest : ".", O_PATH | O_NOFOLLOW,
				RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
			struct stat stat;
			bool same = fd >= 0 && fstat(fd, &stat) == 0 && stat.st_dev == entry->dev &&
				    stat.st_ino == entry->ino;
			close_fd(&fd);
			if (!same) {
				return sandbox_fail(err, ELOOP,
					"%s: '%s' goes through a symbolic link in '%s', which the "
					"sandbox may write to and could have put there; write "
					"where it "
					"leads, '%s', if that is what you mean",
					entry->origin->pointer, written, grant->origin->path,
					entry->path);
			}
		}
	}
	return 0;
}

static int merge(struct paths *paths, struct sandbox_error *err) {
	// One object under several names is under each of them what the strictest entry says.
	for (size_t i = 0; i < paths->len; i++) {
		for (size_t j = 0; j < paths->len; j++) {
			struct path_entry *a = &paths->entries[i], *b = &paths->entries[j];
			bool same = a->fd >= 0 && b->fd >= 0 ? a->dev == b->dev && a->ino == b->ino
							     : strcmp(a->path, b->path) == 0;
			if (same && b->access > a->access) {
				a->access = b->access;
			}
		}
	}
	qsort(paths->entries, paths->len, sizeof(*paths->entries), by_depth);
	for (size_t i = 1; i < paths->len;) {
		if (strcmp(paths->entries[i].path, paths->entries[i - 1].path) == 0) {
			drop(paths, i);
		} else {
			i++;
		}
	}
	for (size_t i = 0; i < paths->len;) {
		const struct path_entry *entry = &paths->entries[i];
		const struct path_entry *parent = parent_of(paths, i);
		if (entry->access != POLICY_ACCESS_DENIED) {
			i++;
		} else if (entry->fd < 0 && parent && parent->access == POLICY_ACCESS_READWRITE) {
			return sandbox_fail(err, ENOENT,
				"%s: '%s' does not exist, and lies in '%s', where the sandbox "
				"could create it; create "
				"it first, so that it can be hidden",
				entry->origin->pointer, entry->origin->path, parent->origin->path);
		} else if (entry->fd < 0 || (parent ? parent->access == POLICY_ACCESS_DENIED
						    : !in_system(entry->path))) {
			drop(paths, i); // already invisible
		} else {
			i++;
		}
	}
	return 0;
}

int paths_init(struct paths *paths, const struct policy *policy, struct sandbox_error *err) {
	*paths = (struct paths){0};
	size_t count = policy->filesystem.paths_len;
	if (count == 0) {
		return 0;
	}
	paths->entries = calloc(count, sizeof(*paths->entries));
	if (!paths->entries) {
		return sandbox_fail(err, ENOMEM, "out of memory");
	}
	int ret = 0;
	for (size_t i = 0; i < count && ret == 0; i++) {
		struct path_entry *entry = &paths->entries[paths->len++];
		entry->origin = &policy->filesystem.paths[i];
		entry->access = entry->origin->access;
		entry->fd = entry->mount_fd = -1;
		ret = resolve(entry, err);
	}
	if (ret == 0) {
		ret = check_links(paths, err);
	}
	if (ret == 0) {
		ret = merge(paths, err);
	}
	for (size_t i = 0; i < paths->len && ret == 0; i++) {
		ret = check_rights(&paths->entries[i], err);
	}
	if (ret < 0) {
		paths_finish(paths);
	}
	return ret;
}

void paths_finish(struct paths *paths) {
	while (paths->len > 0) {
		drop(paths, paths->len - 1);
	}
	free(paths->entries);
	*paths = (struct paths){0};
}
