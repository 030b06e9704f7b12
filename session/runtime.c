#include "session/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "session/log.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int fail(struct runtime_why *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct runtime_why *why, int error, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return error < 0 ? error : -error;
}

bool runtime_name_valid(const char *name) {
	size_t len = strlen(name);
	if (len == 0 || len > RUNTIME_NAME_MAX) {
		return false;
	}
	static const char first[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	if (strchr(first, name[0]) == NULL) {
		return false;
	}
	for (const char *c = name; *c != '\0'; c++) {
		if (strchr(first, *c) == NULL && strchr("._-", *c) == NULL) {
			return false;
		}
	}
	return true;
}

// Opens `name` beneath dir_fd, making it 0700 when it is not there. It must be ours and private.
static int open_private_dir(
	int dir_fd, const char *name, const char *path, struct runtime_why *why) {
	if (mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST) {
		int error = errno;
		return fail(why, error, "cannot make %s: %s%s", path, strerror(error),
			error == ENOSPC ? "; free space there" : "");
	}
	int fd = openat(dir_fd, name, DIR_FLAGS);
	if (fd < 0) {
		int error = errno;
		return fail(why, error, "cannot open %s: %s", path, strerror(error));
	}
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		close(fd);
		return fail(why, EPERM,
			"%s is not a private directory of yours; remove it or chmod 700 it", path);
	}
	return fd;
}

// $XDG_RUNTIME_DIR/parclose
static int open_runtime_parent(struct runtime_why *why) {
	char fallback[64];
	const char *dir = getenv("XDG_RUNTIME_DIR");
	if (dir == NULL || dir[0] == '\0') {
		snprintf(fallback, sizeof(fallback), "/run/user/%u", (unsigned int)geteuid());
		if (access(fallback, W_OK | X_OK) != 0) {
			return fail(why, ENOENT,
				"XDG_RUNTIME_DIR is not set and %s is not there; set it to a "
				"directory of "
				"yours with mode 0700, for example: mkdir -m 700 /tmp/run-%u && "
				"export "
				"XDG_RUNTIME_DIR=/tmp/run-%u",
				fallback, (unsigned int)geteuid(), (unsigned int)geteuid());
		}
		dir = fallback;
	}
	if (dir[0] != '/') {
		return fail(
			why, EINVAL, "XDG_RUNTIME_DIR is '%s', which is not an absolute path", dir);
	}
	int base = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0) {
		int error = errno;
		return fail(why, error,
			"cannot open XDG_RUNTIME_DIR %s: %s; set it to a directory of yours with "
			"mode 0700",
			dir, strerror(error));
	}
	struct stat st;
	if (fstat(base, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		close(base);
		return fail(why, EPERM,
			"XDG_RUNTIME_DIR %s is not yours alone; it must belong to you with mode "
			"0700",
			dir);
	}
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/parclose", dir);
	int fd = open_private_dir(base, "parclose", path, why);
	close(base);
	return fd;
}

// $XDG_STATE_HOME/parclose, made with its parents when `make` is set. `path` gets its name.
static int open_state_parent(char *path, size_t size, bool make, struct runtime_why *why) {
	const char *dir = getenv("XDG_STATE_HOME");
	if (dir != NULL && dir[0] == '/') {
		snprintf(path, size, "%s", dir);
	} else {
		const char *home = getenv("HOME");
		if (home == NULL || home[0] != '/') {
			struct passwd *pw = getpwuid(geteuid());
			home = pw != NULL ? pw->pw_dir : "/";
		}
		snprintf(path, size, "%s/.local/state", home);
	}
	for (char *slash = path + 1; make && (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0700); // an error shows at the open below
		*slash = '/';
	}
	if (make) {
		mkdir(path, 0700);
	}
	int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0) {
		int error = errno;
		return fail(why, error,
			"cannot open the state directory %s: %s; set XDG_STATE_HOME to a directory "
			"of yours",
			path, strerror(error));
	}
	size_t len = strlen(path);
	snprintf(path + len, size - len, "/parclose");
	int fd = make ? open_private_dir(base, "parclose", path, why)
		      : openat(base, "parclose", DIR_FLAGS);
	close(base);
	return fd < 0 && !make ? -errno : fd;
}

/*
 * Takes the lock of a session directory. -EBUSY: a supervisor holds it. The file may have been
 * removed between open and lock by a supervisor that just ended: then it is not the one in the
 * directory any more.
 */
static int take_lock(int dir_fd) {
	for (;;) {
		int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0) {
			return -errno;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			int error = errno;
			close(fd);
			return error == EWOULDBLOCK ? -EBUSY : -error;
		}
		struct stat held, there;
		if (fstat(fd, &held) == 0 &&
			fstatat(dir_fd, "lock", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
			held.st_ino == there.st_ino) {
			return fd;
		}
		close(fd);
		struct stat dir;
		if (fstat(dir_fd, &dir) != 0 || dir.st_nlink == 0) {
			return -ESTALE;
		}
	}
}

static int claim_name(struct runtime *runtime, const char *name, struct runtime_why *why) {
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "the session directory parclose/%s", name);
	for (int attempt = 0; attempt < 8; attempt++) {
		int dir_fd = open_private_dir(runtime->parent_fd, name, path, why);
		if (dir_fd < 0) {
			return dir_fd;
		}
		int lock_fd = take_lock(dir_fd);
		if (lock_fd == -ESTALE) { // its last owner removed it meanwhile
			close(dir_fd);
			continue;
		}
		if (lock_fd < 0) {
			close(dir_fd);
			if (lock_fd == -EBUSY) {
				return fail(why, EBUSY,
					"the name '%s' is in use; choose another with --name, or "
					"end that "
					"session with: parclose stop %s",
					name, name);
			}
			return fail(why, lock_fd, "cannot lock %s: %s", path, strerror(-lock_fd));
		}
		char pid[24];
		int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
		if (ftruncate(lock_fd, 0) != 0 || pwrite(lock_fd, pid, (size_t)len, 0) != len) {
			int error = errno;
			close(lock_fd);
			close(dir_fd);
			return fail(why, error != 0 ? error : EIO, "cannot write into %s: %s", path,
				strerror(error));
		}
		unlinkat(dir_fd, "control.sock", 0); // of a supervisor that was killed
		snprintf(runtime->name, sizeof(runtime->name), "%s", name);
		runtime->dir_fd = dir_fd;
		runtime->lock_fd = lock_fd;
		return 0;
	}
	return fail(why, EAGAIN, "the name '%s' keeps changing hands; try again", name);
}

int runtime_claim(
	struct runtime *runtime, const char *name, const char *base, struct runtime_why *why) {
	*runtime = (struct runtime){.parent_fd = -1, .dir_fd = -1, .lock_fd = -1, .state_fd = -1};
	if (name != NULL && !runtime_name_valid(name)) {
		return fail(why, EINVAL,
			"'%s' is not a session name; use 1 to %d of A-Z a-z 0-9 . _ - and begin "
			"with a "
			"letter or digit",
			name, RUNTIME_NAME_MAX);
	}
	runtime->parent_fd = open_runtime_parent(why);
	if (runtime->parent_fd < 0) {
		return runtime->parent_fd;
	}
	int ret = -EBUSY;
	if (name != NULL) {
		ret = claim_name(runtime, name, why);
	} else {
		char candidate[RUNTIME_NAME_MAX + 1];
		for (unsigned int i = 1; ret == -EBUSY && i <= 4096; i++) {
			if (i == 1) {
				snprintf(candidate, sizeof(candidate), "%s", base);
			} else {
				snprintf(candidate, sizeof(candidate), "%.*s-%u",
					RUNTIME_NAME_MAX - 5, base, i);
			}
			ret = claim_name(runtime, candidate, why);
		}
	}
	if (ret != 0) {
		close(runtime->parent_fd);
		return ret;
	}
	char path[PATH_MAX];
	int state_parent = open_state_parent(path, sizeof(path), true, why);
	ret = state_parent;
	if (state_parent >= 0) {
		size_t len = strlen(path);
		snprintf(path + len, sizeof(path) - len, "/%s", runtime->name);
		ret = runtime->state_fd = open_private_dir(state_parent, runtime->name, path, why);
		close(state_parent);
	}
	if (ret < 0) {
		runtime_release(runtime);
		return ret;
	}
	snprintf(runtime->log_path, sizeof(runtime->log_path), "%.480s/session.jsonl", path);
	return 0;
}

void runtime_release(struct runtime *runtime) {
	if (runtime->lock_fd >= 0) {
		// The lock file goes last: until then nobody else may take the name.
		unlinkat(runtime->dir_fd, "control.sock", 0);
		unlinkat(runtime->dir_fd, "lock", 0);
		unlinkat(runtime->parent_fd, runtime->name, AT_REMOVEDIR);
		close(runtime->lock_fd);
		close(runtime->dir_fd);
	}
	if (runtime->parent_fd >= 0) {
		close(runtime->parent_fd);
	}
	if (runtime->state_fd >= 0) {
		close(runtime->state_fd);
	}
	*runtime = (struct runtime){.parent_fd = -1, .dir_fd = -1, .lock_fd = -1, .state_fd = -1};
}

static void control_address(struct sockaddr_un *address, int dir_fd) {
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/control.sock",
		dir_fd);
}

int runtime_listen(const struct runtime *runtime, struct runtime_why *why) {
	struct sockaddr_un address;
	control_address(&address, runtime->dir_fd);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return fail(why, errno, "cannot make a socket: %s", strerror(errno));
	}
	// The directory is 0700 and checked to be ours; the mode is a second lock on the same door.
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		fchmodat(runtime->dir_fd, "control.sock", 0600, 0) != 0 || listen(fd, 64) != 0) {
		int error = errno;
		close(fd);
		return fail(why, error, "cannot make the control socket of '%s': %s", runtime->name,
			strerror(error));
	}
	return fd;
}

int runtime_connect(const char *name, struct runtime_why *why) {
	if (!runtime_name_valid(name)) {
		return fail(why, EINVAL, "'%s' is not a session name", name);
	}
	int parent_fd = open_runtime_parent(why);
	if (parent_fd < 0) {
		return parent_fd;
	}
	int dir_fd = openat(parent_fd, name, DIR_FLAGS);
	close(parent_fd);
	if (dir_fd < 0) {
		return fail(why, ENOENT, "there is no session '%s'; see: parclose list", name);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	control_address(&address, dir_fd);
	int ret = fd < 0 ? -errno : 0;
	if (ret == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		ret = -errno;
	}
	close(dir_fd);
	if (ret == 0) {
		return fd;
	}
	if (fd >= 0) {
		close(fd);
	}
	if (ret == -ENOENT || ret == -ECONNREFUSED) {
		return fail(why, ECONNREFUSED,
			"the session '%s' is not running; its supervisor is starting or was killed "
			"(see: "
			"parclose list)",
			name);
	}
	return fail(why, ret, "cannot reach the session '%s': %s", name, strerror(-ret));
}

static int each_dir(int fd, void (*each)(void *data, int dir_fd, const char *name), void *data) {
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		int error = errno;
		close(fd);
		return -error;
	}
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		if (runtime_name_valid(entry->d_name)) {
			each(data, dirfd(dir), entry->d_name);
		}
	}
	closedir(dir);
	return 0;
}

struct each_session {
	void (*each)(void *data, const char *name, bool alive);
	void *data;
};

static void visit_session(void *data, int parent_fd, const char *name) {
	struct each_session *visit = data;
	int dir_fd = openat(parent_fd, name, DIR_FLAGS);
	if (dir_fd < 0) {
		return;
	}
	int lock_fd = openat(dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	close(dir_fd);
	// Shared, so that two who look do not see each other as a supervisor.
	bool alive = lock_fd >= 0 && flock(lock_fd, LOCK_SH | LOCK_NB) != 0;
	if (lock_fd >= 0) {
		close(lock_fd);
	}
	visit->each(visit->data, name, alive);
}

int runtime_each(void (*each)(void *data, const char *name, bool alive), void *data,
	struct runtime_why *why) {
	int fd = open_runtime_parent(why);
	if (fd < 0) {
		return fd;
	}
	struct each_session visit = {.each = each, .data = data};
	return each_dir(fd, visit_session, &visit);
}

struct each_log {
	void (*each)(void *data, const char *name);
	void *data;
};

static void visit_log(void *data, int parent_fd, const char *name) {
	struct each_log *visit = data;
	(void)parent_fd;
	visit->each(visit->data, name);
}

int runtime_each_log(
	void (*each)(void *data, const char *name), void *data, struct runtime_why *why) {
	char path[PATH_MAX];
	int fd = open_state_parent(path, sizeof(path), false, why);
	if (fd < 0) {
		return fd == -ENOENT ? 0 : fd;
	}
	struct each_log visit = {.each = each, .data = data};
	return each_dir(fd, visit_log, &visit);
}

int runtime_open_state(const char *name, const char *file) {
	struct runtime_why why;
	char path[PATH_MAX];
	if (!runtime_name_valid(name)) {
		return -EINVAL;
	}
	int parent_fd = open_state_parent(path, sizeof(path), false, &why);
	if (parent_fd < 0) {
		return parent_fd;
	}
	int dir_fd = openat(parent_fd, name, DIR_FLAGS);
	close(parent_fd);
	if (dir_fd < 0) {
		return -errno;
	}
	int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int ret = fd < 0 ? -errno : fd;
	close(dir_fd);
	return ret;
}

int runtime_bury(const char *name, pid_t *pid, struct runtime_why *why) {
	*pid = 0;
	int parent_fd = open_runtime_parent(why);
	if (parent_fd < 0) {
		return parent_fd;
	}
	int dir_fd = openat(parent_fd, name, DIR_FLAGS);
	int lock_fd = dir_fd < 0 ? -errno : openat(dir_fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0) {
		close(parent_fd);
		return lock_fd;
	}
	if (lock_fd >= 0 && flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
		close(lock_fd);
		close(dir_fd);
		close(parent_fd);
		return -EBUSY;
	}
	char text[24] = "";
	if (lock_fd >= 0 && pread(lock_fd, text, sizeof(text) - 1, 0) > 0) {
		*pid = (pid_t)strtol(text, NULL, 10);
	}
	char path[PATH_MAX];
	int state_parent = open_state_parent(path, sizeof(path), true, why);
	if (state_parent >= 0) {
		int state_fd = openat(state_parent, name, DIR_FLAGS);
		if (state_fd >= 0) {
			log_bury(state_fd, *pid);
			close(state_fd);
		}
		close(state_parent);
	}
	unlinkat(dir_fd, "control.sock", 0);
	unlinkat(dir_fd, "lock", 0);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
	if (lock_fd >= 0) {
		close(lock_fd);
	}
	close(dir_fd);
	close(parent_fd);
	return 0;
}
