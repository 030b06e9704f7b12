#ifndef PARCLOSE_SANDBOX_PATHS_H
#define PARCLOSE_SANDBOX_PATHS_H

/*
 * From the policy's file lists to a plan of what is bound where. Meaning as in MXC: the most
 * specific path wins, of two entries for one object the more restrictive one wins, symlinks are
 * resolved first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/policy.h"

struct sandbox_error;

struct path_entry {
	char *path; // canonical: absolute, no symlink in it; owned
	const struct policy_path *origin; // in the policy, not owned
	enum policy_access access;
	int fd; // O_PATH, owned; -1 for a denied path that is not there
	int mount_fd; // a detached, idmapped mount of it (as root), owned; -1 otherwise
	dev_t dev;
	ino_t ino;
	mode_t type; // S_IFDIR or S_IFREG (for denied also others)
	uid_t uid; // owner
	gid_t gid;
};

struct paths {
	struct path_entry *entries; // shallow before deep
	size_t len;
};

// Resolves, checks the invoking user's own rights, merges. On failure nothing is kept.
int paths_init(struct paths *paths, const struct policy *policy, struct sandbox_error *err);
void paths_finish(struct paths *paths);

// Is `path` the directory `dir` or beneath it? Both canonical.
bool paths_beneath(const char *path, const char *dir);

// As root: makes the detached idmapped mount of each grant, so that its owner is `uid`:`gid`
// inside.
int paths_idmap(struct paths *paths, uid_t uid, gid_t gid, struct sandbox_error *err);

#endif
