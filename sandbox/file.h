#ifndef PARCLOSE_SANDBOX_FILE_H
#define PARCLOSE_SANDBOX_FILE_H

/*
 * Regular files by names that somebody else may have laid traps under. Every part of a path is
 * opened by itself and no link is followed; nothing but a regular file is opened; and what is
 * written appears under its name when it is whole, or not at all. Used inside by the worker that
 * carries a file (worker.c), and outside for what was taken out (cli/file.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_MAX_PATH 4096
#define FILE_MAX_NAME 255

/*
 * Functions return 0 or a descriptor, or -errno, for which file_words() has a sentence's end.
 * -EINVAL: ".." in a path, or a name that is none; -ELOOP: a link; -EISDIR, -ESPIPE: no
 * regular file.
 */
const char *file_words(int error);

// The directory `path`, absolute. O_PATH, the caller closes.
int file_open_directory(const char *path);

// The last part of `path`, in `name`; the directory that it lies in is opened and returned.
int file_open_parent(const char *path, char name[FILE_MAX_NAME + 1]);

// The file `name` in `dir`, for reading, with its size. The caller closes.
int file_open_in(int dir, const char *name, uint64_t *bytes);

/*
 * Writes `bytes` bytes of `from`, from its beginning, to a new file `name` in `dir` with the mode
 * 0666 less the umask. -EEXIST: something has that name, unless `replace`: then it is the new file
 * afterwards, and what a link pointed to is left alone.
 */
int file_write_in(int dir, const char *name, int from, uint64_t bytes, bool replace);

// Writes all of `from` to `to`, a pipe; waits for its reader. 0 or -errno.
int file_pour(int from, int to);

#endif
