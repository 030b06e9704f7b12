#include "sandbox/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

const char *file_words(int error) {
	switch (error) {
	case EINVAL:
		return "is no name of a file; an absolute path without '..' is needed";
	case ELOOP:
		return "is a link, or lies behind one, and links are not followed; name the file "
		       "itself";
	case EISDIR:
		return "is a directory; name the files in it";
	case ESPIPE:
		return "is no regular file";
	case EEXIST:
		return "is there already, and nothing is overwritten; see --force";
	case ENOTDIR:
		return "lies in something that is no directory";
	default:
		return strerror(error);
	}
}

// O_NOFOLLOW with O_PATH opens a link itself; so what was opened is looked at.
static int open_part(int dir, const char *name, mode_t kind) {
	struct stat st;
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int error = errno;
		if (fd >= 0) {
			close(fd);
		}
		return -error;
	}
	if ((st.st_mode & S_IFMT) == kind) {
		return fd;
	}
	close(fd);
	return S_ISLNK(st.st_mode)   ? -ELOOP
	       : kind == S_IFDIR     ? -ENOTDIR
	       : S_ISDIR(st.st_mode) ? -EISDIR
				     : -ESPIPE;
}

static bool is_name(const char *name, size_t len) {
	return len > 0 && len <= FILE_MAX_NAME && !(len == 2 && memcmp(name, "..", 2) == 0) &&
	       !(len == 1 && name[0] == '.');
}

// Walks `len` bytes of an absolute path.
static int open_directory(const char *path, size_t len) {
	if (len == 0 || path[0] != '/') {
		return -EINVAL;
	}
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return -errno;
	}
	for (size_t at = 0; at < len;) {
		char name[FILE_MAX_NAME + 1];
		size_t end = at;
		while (end < len && path[end] != '/') {
			end++;
		}
		size_t part = end - at;
		bool skipped = part == 0 || (part == 1 && path[at] == '.');
		if (!skipped && !is_name(path + at, part)) {
			close(dir);
			return part > FILE_MAX_NAME ? -ENAMETOOLONG : -EINVAL;
		}
		if (!skipped) {
			memcpy(name, path + at, part);
			name[part] = '\0';
			int next = open_part(dir, name, S_IFDIR);
			close(dir);
			if (next < 0) {
				return next;
			}
			dir = next;
		}
		at = end + 1;
	}
	return dir;
}

int file_open_directory(const char *path) {
	return open_directory(path, strlen(path));
}

int file_open_parent(const char *path, char name[FILE_MAX_NAME + 1]) {
	const char *slash = strrchr(path, '/');
	if (slash == NULL || !is_name(slash + 1, strlen(slash + 1))) {
		return -EINVAL;
	}
	snprintf(name, FILE_MAX_NAME + 1, "%s", slash + 1);
	return open_directory(path, (size_t)(slash - path) + 1);
}

int file_open_in(int dir, const char *name, uint64_t *bytes) {
	struct stat first, st;
	int found = open_part(dir, name, S_IFREG);
	if (found < 0) {
		return found;
	}
	int ret = fstat(found, &first) == 0 ? 0 : -errno;
	close(found);
	// Non-blocking in case that it is something else by now.
	int fd = ret < 0 ? -1
			 : openat(dir, name,
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (ret == 0 && (fd < 0 || fstat(fd, &st) != 0)) {
		ret = -errno;
	} else if (ret == 0 && (!S_ISREG(st.st_mode) || st.st_dev != first.st_dev ||
				       st.st_ino != first.st_ino)) {
		ret = -EAGAIN;
	}
	if (ret < 0) {
		if (fd >= 0) {
			close(fd);
		}
		return ret;
	}
	*bytes = (uint64_t)st.st_size;
	return fd;
}

static int write_all(int fd, const char *bytes, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int file_pour(int from, int to) {
	char chunk[CHUNK];
	for (;;) {
		ssize_t n = read(from, chunk, sizeof(chunk));
		if (n == 0) {
			return 0;
		}
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		int ret = n > 0 ? write_all(to, chunk, (size_t)n) : 0;
		if (ret < 0) {
			return ret;
		}
	}
}

static int copy(int from, int to, uint64_t bytes) {
	char chunk[CHUNK];
	int ret = 0;
	for (uint64_t done = 0; ret == 0 && done < bytes;) {
		size_t part = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;
		ssize_t n = pread(from, chunk, part, (off_t)done);
		if (n == 0) {
			return -EIO; // shorter than it was said to be
		}
		if (n < 0) {
			ret = errno == EINTR ? 0 : -errno;
			continue;
		}
		ret = write_all(to, chunk, (size_t)n);
		done += (uint64_t)n;
	}
	return ret;
}

static int give_name(int dir, const char *temporary, const char *name, bool replace) {
	if (renameat2(dir, temporary, dir, name, replace ? 0 : RENAME_NOREPLACE) == 0) {
		return 0;
	}
	if (replace || (errno != EINVAL && errno != ENOSYS)) {
		return -errno;
	}
	// The file system knows no such promise (NFS); a second name is one as well.
	if (linkat(dir, temporary, dir, name, 0) != 0) {
		return -errno;
	}
	unlinkat(dir, temporary, 0);
	return 0;
}

int file_write_in(int dir, const char *name, int from, uint64_t bytes, bool replace) {
	uint64_t number;
	char temporary[40];
	struct stat st;
	if (!is_name(name, strlen(name)) || strchr(name, '/') != NULL) {
		return -EINVAL;
	}
	if (!replace && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		return -EEXIST; // said before the work; give_name() is what holds
	}
	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		return -EIO;
	}
	snprintf(temporary, sizeof(temporary), ".parclose-%016llx", (unsigned long long)number);
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		return -errno;
	}
	int ret = copy(from, fd, bytes);
	if (close(fd) != 0 && ret == 0) {
		ret = -errno;
	}
	if (ret == 0) {
		ret = give_name(dir, temporary, name, replace);
	}
	if (ret < 0) {
		unlinkat(dir, temporary, 0);
	}
	return ret;
}
