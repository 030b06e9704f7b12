#include "sandbox/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define CPU_PERIOD_US 100000u

enum controller {
	CONTROLLER_MEMORY,
	CONTROLLER_PIDS,
	CONTROLLER_CPU,
	CONTROLLER_COUNT,
};
static const char *const controller_names[] = {"memory", "pids", "cpu"};

// Where cgroups of our own can be made: one directory for v2, one a controller for v1. "" is none.
struct places {
	char v2[PATH_MAX];
	char v1[CONTROLLER_COUNT][PATH_MAX];
};

static bool has_word(const char *list, const char *word) {
	size_t len = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += len) {
		if ((at == list || strchr(" ,\n", at[-1])) &&
			(!at[len] || strchr(" ,\n", at[len]))) {
			return true;
		}
	}
	return false;
}

static bool read_text(const char *dir, const char *file, char *text, size_t size) {
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path)) {
		return false;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	ssize_t len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len >= 0;
}

static int write_number(const char *dir, const char *file, const char *text) {
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path)) {
		return -ENAMETOOLONG;
	}
	return write_file(AT_FDCWD, path, text, strlen(text));
}

// A path as /proc/self/cgroup has it, beneath a hierarchy's mount. Kept when we may make
// directories there.
static bool place(char *to, const char *mount, const char *group) {
	if (strstr(group, "/..") ||
		snprintf(to, PATH_MAX, "%s%s", mount, strcmp(group, "/") == 0 ? "" : group) >=
			PATH_MAX ||
		access(to, W_OK | X_OK)) {
		to[0] = '\0';
		return false;
	}
	return true;
}

// Does every cgroup made in `dir` have the controller, or can it be switched on?
static bool offers(const char *dir, const char *controller) {
	char text[512], enable[16];
	if (read_text(dir, "cgroup.subtree_control", text, sizeof(text)) &&
		has_word(text, controller)) {
		return true;
	}
	if (!read_text(dir, "cgroup.controllers", text, sizeof(text)) ||
		!has_word(text, controller)) {
		return false;
	}
	// Refused (EBUSY) where processes, such as this one, live in `dir` itself.
	snprintf(enable, sizeof(enable), "+%s", controller);
	return write_number(dir, "cgroup.subtree_control", enable) == 0;
}

static void find_places(struct places *places) {
	*places = (struct places){0};
	char text[4096];
	if (!read_text("/proc/self", "cgroup", text, sizeof(text))) {
		return;
	}
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *names = strchr(line, ':');
		char *group = names ? strchr(names + 1, ':') : NULL;
		if (!group) {
			continue;
		}
		*group++ = '\0';
		names++;
		if (!*names) {
			bool hybrid = access(CGROUP_ROOT "/unified/cgroup.procs", F_OK) == 0;
			(void)place(
				places->v2, hybrid ? CGROUP_ROOT "/unified" : CGROUP_ROOT, group);
			continue;
		}
		for (int i = 0; i < CONTROLLER_COUNT; i++) {
			char mount[64];
			snprintf(mount, sizeof(mount), CGROUP_ROOT "/%s", controller_names[i]);
			if (has_word(names, controller_names[i])) {
				(void)place(places->v1[i], mount, group);
			}
		}
	}
}

/*
 * The nearest directory, from our own cgroup upwards, that offers all of `wanted` (a bit a
 * controller). Our siblings' parent is the usual answer: a cgroup with processes in it can pass no
 * controller on.
 */
static bool find_v2(const struct places *places, unsigned int wanted, char *found) {
	if (!places->v2[0]) {
		return false;
	}
	snprintf(found, PATH_MAX, "%s", places->v2);
	while (strlen(found) >= strlen(CGROUP_ROOT) && access(found, W_OK | X_OK) == 0) {
		bool all = true;
		for (unsigned int i = 0; i < CONTROLLER_COUNT; i++) {
			all = all && (!(wanted & (1u << i)) || offers(found, controller_names[i]));
		}
		if (all) {
			return true;
		}
		*strrchr(found, '/') = '\0';
	}
	return false;
}

void limits_find(struct limits_found *found) {
	*found = (struct limits_found){0};
	struct places places;
	char dir[PATH_MAX];
	find_places(&places);
	bool *const flags[] = {&found->memory, &found->pids, &found->cpu};
	char names[32] = "";
	for (unsigned int i = 0; i < CONTROLLER_COUNT; i++) {
		if (find_v2(&places, 1u << i, dir)) {
			*flags[i] = found->v2 = true;
		} else if (places.v1[i][0]) {
			*flags[i] = found->v1 = true;
		}
		if (*flags[i]) {
			size_t len = strlen(names);
			snprintf(names + len, sizeof(names) - len, "%s%s", len ? "," : "",
				controller_names[i]);
		}
	}
	if (names[0]) {
		snprintf(found->describe, sizeof(found->describe), "%s: %s",
			found->v2 ? "v2 (writable)" : "v1", names);
	} else {
		snprintf(found->describe, sizeof(found->describe), "none");
	}
}

void limits_remove_stale(const char *dir) {
	DIR *listing = opendir(dir);
	if (!listing) {
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(listing))) {
		int pid;
		if (sscanf(entry->d_name, CGROUP_PREFIX "%d-", &pid) == 1 && pid > 0 &&
			kill(pid, 0) && errno == ESRCH) {
			(void)unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
		}
	}
	closedir(listing);
}

static int make_group(
	struct limits *limits, const char *parent, const char *name, struct sandbox_error *err) {
	limits_remove_stale(parent);
	for (unsigned int attempt = 0; attempt < 100; attempt++) {
		char path[PATH_MAX];
		int len = snprintf(path, sizeof(path), "%s/" CGROUP_PREFIX "%d-%s", parent,
			(int)getpid(), name);
		if (attempt > 0 && len > 0 && (size_t)len < sizeof(path)) {
			len += snprintf(path + len, sizeof(path) - (size_t)len, "-%u", attempt);
		}
		if (len < 0 || (size_t)len >= sizeof(path)) {
			return sandbox_fail(err, ENAMETOOLONG, "the cgroup path is too long");
		}
		if (mkdir(path, 0755) == 0) {
			char *copy = strdup(path);
			if (!copy) {
				(void)rmdir(path);
				return sandbox_fail(err, ENOMEM, "out of memory");
			}
			limits->dirs[limits->dirs_len++] = copy;
			return 0;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return sandbox_fail(
		err, errno, "cannot make a control group in %s: %s", parent, strerror(errno));
}

static int set_limit(enum controller controller, bool v2, const char *dir,
	const struct policy *policy, struct sandbox_error *err) {
	char text[48], period[16];
	int ret = 0;
	switch (controller) {
	case CONTROLLER_MEMORY:
		snprintf(text, sizeof(text), "%" PRIu64, policy->limits.memory);
		ret = write_number(dir, v2 ? "memory.max" : "memory.limit_in_bytes", text);
		// Swap would be a second helping. Not every kernel accounts for it.
		(void)(v2 ? write_number(dir, "memory.swap.max", "0")
			  : write_number(dir, "memory.memsw.limit_in_bytes", text));
		break;
	case CONTROLLER_PIDS:
		snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)policy->limits.processes + 1);
		ret = write_number(dir, "pids.max", text);
		break;
	default: {
		uint64_t quota = (uint64_t)policy->limits.cpus_milli * CPU_PERIOD_US / 1000;
		snprintf(period, sizeof(period), "%u", CPU_PERIOD_US);
		if (v2) {
			snprintf(text, sizeof(text), "%" PRIu64 " %u", quota, CPU_PERIOD_US);
			ret = write_number(dir, "cpu.max", text);
		} else {
			snprintf(text, sizeof(text), "%" PRIu64, quota);
			ret = write_number(dir, "cpu.cfs_period_us", period);
			ret = ret < 0 ? ret : write_number(dir, "cpu.cfs_quota_us", text);
		}
		break;
	}
	}
	return ret < 0 ? sandbox_fail(err, -ret, "cannot set the %s limit in %s: %s",
				 controller_names[controller], dir, strerror(-ret))
		       : 0;
}

static bool same_dir(const char *a, const char *b) {
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int use_v1(struct limits *limits, const struct places *places, enum controller controller,
	const struct policy *policy, const char *name, struct sandbox_error *err) {
	// Two controllers can share a hierarchy.
	for (size_t i = 0; i < limits->dirs_len; i++) {
		char parent[PATH_MAX];
		snprintf(parent, sizeof(parent), "%s/..", limits->dirs[i]);
		if (same_dir(parent, places->v1[controller])) {
			return set_limit(controller, false, limits->dirs[i], policy, err);
		}
	}
	int ret = make_group(limits, places->v1[controller], name, err);
	return ret < 0 ? ret
		       : set_limit(controller, false, limits->dirs[limits->dirs_len - 1], policy,
				 err);
}

static int hold_cpus(
	struct limits *limits, const struct policy *policy, struct sandbox_error *err) {
	if (policy->limits.cpus_milli % 1000 != 0) {
		return sandbox_fail(err, ENOTSUP,
			"/limits/cpus: a part of a CPU needs a control group, and none can be made "
			"here; use a "
			"whole number, or start from a systemd user session with delegation, or as "
			"root");
	}
	limits->affinity = policy->limits.cpus_milli / 1000;
	limits->cpus = LIMITS_AFFINITY;
	return 0;
}

int limits_init(struct limits *limits, const struct policy *policy, const char *name,
	struct sandbox_error *err) {
	*limits = (struct limits){0};
	const bool wanted[] = {policy->limits.memory > 0, policy->limits.processes > 0,
		policy->limits.cpus_milli > 0};
	limits->processes = wanted[CONTROLLER_PIDS] ? LIMITS_RLIMIT : LIMITS_NONE;
	bool required = false;
	for (size_t i = 0; i < policy->require_len; i++) {
		required = required || policy->require[i].layer == POLICY_LAYER_CGROUP;
	}
	// Processes alone are held by the rlimit: a cgroup would cost a start its time for nothing.
	if (!wanted[CONTROLLER_MEMORY] && !wanted[CONTROLLER_CPU] && !required) {
		return 0;
	}
	struct places places;
	char dir[PATH_MAX];
	unsigned int mask = 0;
	find_places(&places);
	enum limits_kind *const kinds[] = {&limits->memory, &limits->processes, &limits->cpus};
	for (unsigned int i = 0; i < CONTROLLER_COUNT; i++) {
		mask |= wanted[i] && find_v2(&places, 1u << i, dir) ? 1u << i : 0;
	}
	int ret = 0;
	if (mask && find_v2(&places, mask, dir)) {
		ret = make_group(limits, dir, name, err);
	} else {
		mask = 0;
	}
	for (unsigned int i = 0; i < CONTROLLER_COUNT && ret == 0; i++) {
		if (!wanted[i]) {
			continue;
		}
		if (mask & (1u << i)) {
			ret = set_limit(i, true, limits->dirs[0], policy, err);
			*kinds[i] = LIMITS_CGROUP_V2;
		} else if (places.v1[i][0]) {
			ret = use_v1(limits, &places, i, policy, name, err);
			*kinds[i] = LIMITS_CGROUP_V1;
		} else if (i == CONTROLLER_CPU) {
			ret = hold_cpus(limits, policy, err);
		} else if (i == CONTROLLER_MEMORY) {
			ret = sandbox_fail(err, ENOTSUP,
				"/limits/memory: needs a control group with the memory controller, "
				"and none can be "
				"made here; start from a systemd user session with delegation, or "
				"as root, or "
				"remove the limit");
		}
	}
	if (ret < 0) {
		limits_finish(limits);
	}
	return ret;
}

int limits_enter(struct limits *limits, pid_t pid, struct sandbox_error *err) {
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < limits->dirs_len; i++) {
		int ret = write_number(limits->dirs[i], "cgroup.procs", text);
		if (ret < 0) {
			return sandbox_fail(err, -ret, "cannot move the sandbox into %s: %s",
				limits->dirs[i], strerror(-ret));
		}
	}
	return 0;
}

void limits_remove_dir(const char *dir) {
	// The last process leaves its cgroup a moment after it has been reaped.
	for (int attempt = 0; attempt < 50 && rmdir(dir) && errno == EBUSY; attempt++) {
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

void limits_finish(struct limits *limits) {
	for (size_t i = 0; i < limits->dirs_len; i++) {
		limits_remove_dir(limits->dirs[i]);
		free(limits->dirs[i]);
	}
	*limits = (struct limits){0};
}

static int set_rlimit(int resource, rlim_t value) {
	struct rlimit old;
	if (getrlimit(resource, &old)) {
		return -errno;
	}
	// Nobody inside may raise it; more than our own limit is not ours to give.
	if (old.rlim_max != RLIM_INFINITY && value > old.rlim_max) {
		value = old.rlim_max;
	}
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
	return setrlimit(resource, &limit) ? -errno : 0;
}

static int stay_on(unsigned int count) {
	cpu_set_t now, set;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(now), &now)) {
		return -errno;
	}
	// Begin somewhere else in each sandbox, so that several do not share the first CPUs.
	unsigned int skip =
		(unsigned int)CPU_COUNT(&now) > count
			? (unsigned int)time(NULL) % ((unsigned int)CPU_COUNT(&now) - count + 1)
			: 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++) {
		if (!CPU_ISSET(cpu, &now)) {
			continue;
		}
		if (skip > 0) {
			skip--;
			continue;
		}
		CPU_SET(cpu, &set);
		count--;
	}
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/*
 * RLIMIT_NPROC counts per user and user namespace (since Linux 5.14), so pid 1 sets it before it
 * makes the inner one: both the inner and the outer count are then bound by it.
 */
int limits_apply_self(unsigned int affinity, const struct policy *policy) {
	int ret = set_rlimit(RLIMIT_CORE, 0);
	if (ret == 0 && policy->limits.open_files > 0) {
		ret = set_rlimit(RLIMIT_NOFILE, policy->limits.open_files);
	}
	if (ret == 0 && policy->limits.processes > 0) {
		ret = set_rlimit(RLIMIT_NPROC, (rlim_t)policy->limits.processes + 1); // and pid 1
	}
	return ret == 0 && affinity > 0 ? stay_on(affinity) : ret;
}
