#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>

// Above what distributions, containers and systemd hand out, below the sign bit: owns nothing on
// any host.
#define PRIVATE_ID_FIRST 0x70000000u
#define PRIVATE_ID_COUNT 0x0FFFFFFEu

/*
 * An id for the sandbox of a root user. In a container whose map ends early the highest mapped id
 * is taken. 0 when there is none but root's.
 */
static uint32_t pick_private_id(const char *map_path) {
	uint32_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
		return 0;
	}
	uint32_t wanted = PRIVATE_ID_FIRST + random % PRIVATE_ID_COUNT;
	FILE *map = fopen(map_path, "re");
	if (!map) {
		return 0;
	}
	uint32_t first, outside, count, best = 0;
	while (fscanf(map, "%" SCNu32 "%" SCNu32 "%" SCNu32, &first, &outside, &count) == 3) {
		if (count > 0 && wanted >= first && wanted - first < count) {
			best = wanted;
			break;
		}
		if (count > 0 && first + (count - 1) > best) {
			best = first + (count - 1);
		}
	}
	fclose(map);
	return best > AGENT_ID ? best : 0;
}

int identity_pick(struct identity *identity, struct sandbox_error *err) {
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid)) {
		return sandbox_fail(err, errno, "cannot read the ids of this process");
	}
	if (getauxval(AT_SECURE) || ruid != euid || euid != suid || rgid != egid || egid != sgid) {
		return sandbox_fail(err, EPERM,
			"a sandbox is not started by a set-user-ID program or with mixed ids; "
			"remove the bit "
			"from the file, it is not needed");
	}
	*identity = (struct identity){.privileged = euid == 0, .uid = euid, .gid = egid};
	if (!identity->privileged) {
		return 0;
	}
	identity->uid = pick_private_id("/proc/self/uid_map");
	identity->gid = pick_private_id("/proc/self/gid_map");
	if (identity->uid == 0 || identity->gid == 0) {
		return sandbox_fail(err, EPERM,
			"no unprivileged id is mapped in this container for the sandbox to run as; "
			"start it as "
			"an ordinary user, or map more ids");
	}
	return 0;
}

int write_file(int dir, const char *path, const char *text, size_t len) {
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return -errno;
	}
	ssize_t written = write(fd, text, len);
	int ret = written < 0 ? -errno : (size_t)written == len ? 0 : -EIO;
	close(fd);
	return ret;
}

static int write_map(int dir, const char *file, uint32_t outside) {
	char line[48];
	int len = snprintf(line, sizeof(line), "%d %" PRIu32 " 1\n", AGENT_ID, outside);
	return write_file(dir, file, line, (size_t)len);
}

int identity_write_maps(const struct identity *identity, pid_t pid, struct sandbox_error *err) {
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		return sandbox_fail(err, errno, "cannot open %s: %s; /proc must be mounted", path,
			strerror(errno));
	}
	// Without CAP_SETGID outside, the kernel takes a group map only once setgroups() is given
	// up.
	int ret = identity->privileged ? 0 : write_file(dir, "setgroups", "deny", 4);
	if (ret == 0) {
		ret = write_map(dir, "gid_map", identity->gid);
	}
	if (ret == 0) {
		ret = write_map(dir, "uid_map", identity->uid);
	}
	close(dir);
	if (ret < 0) {
		return sandbox_fail(err, -ret,
			"cannot map ids into the user namespace: %s; run `parclose doctor`, on "
			"Ubuntu this is "
			"AppArmor's restriction of user namespaces",
			strerror(-ret));
	}
	return 0;
}

int identity_assume(const struct identity *identity) {
	if (!identity->privileged) {
		return 0;
	}
	// Without the fix-up the capabilities over the own namespace survive the change of ids.
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS) ||
		setgroups(0, NULL) || setresgid(AGENT_ID, AGENT_ID, AGENT_ID) ||
		setresuid(AGENT_ID, AGENT_ID, AGENT_ID)) {
		return -errno;
	}
	// The change made this process undumpable and its /proc files root's; set-up still writes
	// to them.
	return prctl(PR_SET_DUMPABLE, 1) ? -errno : 0;
}
