#ifndef PARCLOSE_SESSION_RUNTIME_H
#define PARCLOSE_SESSION_RUNTIME_H

/*
 * Where a session lives on disk: $XDG_RUNTIME_DIR/parclose/NAME/{lock,control.sock} while it runs,
 * and $XDG_STATE_HOME/parclose/NAME/{session.jsonl,output.log} for good. A session's supervisor
 * holds a lock on `lock` from its first to its last breath, so a name is in use exactly while that
 * lock is held, however the supervisor ends.
 *
 * Functions return 0 or -errno and put a sentence for a person into `why`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RUNTIME_NAME_MAX 48
#define RUNTIME_WHY 384

struct runtime_why {
	char text[RUNTIME_WHY];
};

// A claimed name. Made by runtime_claim(), given back by runtime_release().
struct runtime {
	char name[RUNTIME_NAME_MAX + 1];
	int parent_fd; // $XDG_RUNTIME_DIR/parclose
	int dir_fd; // … /NAME
	int lock_fd;
	int state_fd; // $XDG_STATE_HOME/parclose/NAME
	char log_path[512];
};

// 1 to 48 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.
bool runtime_name_valid(const char *name);

// Claims `name`; with NULL the first free one of BASE, BASE-2, … -EBUSY: in use.
int runtime_claim(
	struct runtime *runtime, const char *name, const char *base, struct runtime_why *why);

// Removes the session's runtime directory and frees the name.
void runtime_release(struct runtime *runtime);

/*
 * A listening / connected stream socket of a session: paths go through /proc/self/fd, so the length
 * of $XDG_RUNTIME_DIR does not matter. runtime_connect gives -ENOENT when there is no such session
 * and -ECONNREFUSED when its supervisor is gone.
 */
int runtime_listen(const struct runtime *runtime, struct runtime_why *why);
int runtime_connect(const char *name, struct runtime_why *why);

// Calls `each` for every session directory, with whether a supervisor holds it. Returns 0 or
// -errno.
int runtime_each(void (*each)(void *data, const char *name, bool alive), void *data,
	struct runtime_why *why);

// Calls `each` for every session that ever left a log.
int runtime_each_log(
	void (*each)(void *data, const char *name), void *data, struct runtime_why *why);

/*
 * For a session whose supervisor died without a word: writes the end into its log and removes its
 * runtime directory. -EBUSY when it lives after all. *pid gets the supervisor's pid, 0 if unknown.
 */
int runtime_bury(const char *name, pid_t *pid, struct runtime_why *why);

// Opens FILE of the session's state directory for reading; -errno.
int runtime_open_state(const char *name, const char *file);

#endif
