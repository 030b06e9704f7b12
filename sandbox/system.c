#include "sandbox/internal.h"
#include "sandbox/root.h"
#include "sandbox/syscalls.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SYSTEM_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define PRIVATE_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

// Older distributions have real directories here, others links into /usr.
static const char *const usr_links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

// Of the host's /etc only what programs need to start and to look right; nothing that tells who the host is.
static const char *const etc_shared[] = {"alternatives", "bash.bashrc", "ca-certificates", "chromium",
	"chromium.d", "debian_version", "firefox-esr", "fonts", "glvnd", "gtk-3.0", "gtk-4.0", "inputrc",
	"ld.so.cache", "ld.so.conf", "ld.so.conf.d", "libreoffice", "localtime", "mime.types",
	"os-release", "pki/tls/certs", "pki/ca-trust/extracted", "protocols", "services", "ssl/certs",
	"ssl/openssl.cnf", "terminfo", "vulkan", "X11/xkb", "xdg", NULL};

// World-readable or writable files of /proc that speak of the whole machine.
static const char *const proc_hidden_files[] = {
	"kcore", "keys", "key-users", "kmsg", "kallsyms", "sysrq-trigger", "timer_list", "sched_debug", "latency_stats", NULL};
static const char *const proc_hidden_dirs[] = {"acpi", "scsi", NULL};

struct device {
	const char *name;
	unsigned int major, minor;
};
static const struct device devices[] = {
	{"null", 1, 3},
	{"zero", 1, 5},
	{"full", 1, 7},
	{"random", 1, 8},
	{"urandom", 1, 9},
	{"tty", 5, 0},
};

static int put_file(int dir, const char *path, const char *text) {
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0) {
		return -errno;
	}
	size_t len = strlen(text);
	ssize_t written = write(fd, text, len);
	close(fd);
	return written == (ssize_t)len ? 0 : -EIO;
}

static int build_usr(struct root *root) {
	int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (host < 0) {
		return -errno;
	}
	int ret = root_bind(root, host, "usr", "/usr", S_IFDIR, SYSTEM_ATTR);
	for (size_t i = 0; usr_links[i] && ret == 0; i++) {
		char target[PATH_MAX];
		ssize_t len = readlinkat(host, usr_links[i], target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			ret = symlinkat(target, root->fd, usr_links[i]) ? -errno : 0;
		} else if (errno == EINVAL) {
			char path[16];
			snprintf(path, sizeof(path), "/%s", usr_links[i]);
			ret = root_bind(root, host, usr_links[i], path, S_IFDIR, SYSTEM_ATTR);
		}
	}
	close(host);
	return ret;
}

static int build_etc_files(int etc, const char *name) {
	char hosts[256], hostname[128], machine[48];
	unsigned char random[16];
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return -EIO;
	}
	for (size_t i = 0; i < sizeof(random); i++) {
		snprintf(machine + 2 * i, 3, "%02x", random[i]);
	}
	machine[32] = '\n';
	machine[33] = '\0';
	snprintf(hosts, sizeof(hosts), "127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n", name);
	snprintf(hostname, sizeof(hostname), "%s\n", name);
	const struct {
		const char *path, *text;
	} files[] = {
		{"passwd", AGENT_NAME ":x:1000:1000::" AGENT_HOME ":/bin/sh\n"
			   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"group", AGENT_NAME ":x:1000:\nnogroup:x:65534:\n"},
		{"hosts", hosts},
		{"hostname", hostname},
		{"machine-id", machine},
		{"resolv.conf", "# No name server: this sandbox has no network.\n"},
		{"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nnetworks: files\n"
				  "protocols: files\nservices: files\n"},
	};
	int ret = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && ret == 0; i++) {
		ret = put_file(etc, files[i].path, files[i].text);
	}
	return ret == 0 && symlinkat("/proc/self/mounts", etc, "mtab") ? -errno : ret;
}

static int share_etc(struct root *root, int host, int etc, const char *name) {
	char target[PATH_MAX], path[128];
	ssize_t len = readlinkat(host, name, target, sizeof(target) - 1);
	if (len > 0 && !strchr(name, '/')) {
		target[len] = '\0';
		// /usr is the same inside: the link itself serves, and costs no mount.
		if (strncmp(target, "/usr/", 5) == 0 || strncmp(target, "../usr/", 7) == 0) {
			return symlinkat(target, etc, name) ? -errno : 0;
		}
	}
	int fd = sys_openat2(host, name, O_PATH, RESOLVE_NO_MAGICLINKS);
	if (fd < 0) {
		return 0; // this host has none
	}
	struct stat stat;
	int ret = fstat(fd, &stat) ? -errno : 0;
	if (ret == 0 && (S_ISDIR(stat.st_mode) || S_ISREG(stat.st_mode))) {
		snprintf(path, sizeof(path), "/etc/%s", name);
		ret = root_bind(root, fd, "", path, stat.st_mode & S_IFMT, SYSTEM_ATTR);
	}
	close(fd);
	return ret;
}

static int build_etc(struct root *root) {
	int host = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int etc = mkdirat(root->fd, "etc", 0755)
		? -1
		: openat(root->fd, "etc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int ret = host < 0 || etc < 0 ? -errno : build_etc_files(etc, root->context->name);
	for (size_t i = 0; etc_shared[i] && ret == 0; i++) {
		ret = share_etc(root, host, etc, etc_shared[i]);
	}
	close_fd(&host);
	close_fd(&etc);
	return ret;
}

// Binds the host's node, having made sure that it is the device it is called.
static int share_device(struct root *root, int host, const struct device *device) {
	char path[32];
	struct stat stat;
	int fd = sys_openat2(host, device->name, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
	if (fd < 0) {
		return fd;
	}
	int ret = fstat(fd, &stat) ? -errno : 0;
	if (ret == 0 && (!S_ISCHR(stat.st_mode) ||
				stat.st_rdev != makedev(device->major, device->minor))) {
		ret = -ENODEV;
	}
	snprintf(path, sizeof(path), "/dev/%s", device->name);
	if (ret == 0) {
		ret = root_bind(root, fd, "", path, S_IFCHR, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	}
	close(fd);
	return ret;
}

static int build_dev(struct root *root) {
	int host = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (host < 0 || mkdirat(root->fd, "dev", 0755)) {
		return -errno;
	}
	int ret = 0;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]) && ret == 0; i++) {
		ret = share_device(root, host, &devices[i]);
	}
	close(host);
	const char *const options[][2] = {{"mode", "0620"}, {"ptmxmode", "0666"}};
	int pts = ret < 0 ? ret
			  : root_filesystem("devpts", options, 2, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (pts >= 0) {
		ret = root_attach(root, pts, "/dev/pts", S_IFDIR);
	} else {
		ret = pts;
	}
	close_fd(&pts);
	if (ret == 0) {
		ret = root_tmpfs(root, "/dev/shm", root->context->policy->limits.tmp, "1777",
			PRIVATE_ATTR | (root->noexec ? MOUNT_ATTR_NOEXEC : 0), NULL);
	}
	if (ret == 0 && (symlinkat("pts/ptmx", root->fd, "dev/ptmx") ||
				symlinkat("/proc/self/fd", root->fd, "dev/fd") ||
				symlinkat("/proc/self/fd/0", root->fd, "dev/stdin") ||
				symlinkat("/proc/self/fd/1", root->fd, "dev/stdout") ||
				symlinkat("/proc/self/fd/2", root->fd, "dev/stderr"))) {
		ret = -errno;
	}
	return ret;
}

static int hide_in_proc(struct root *root, int proc) {
	char path[48];
	struct stat stat;
	int ret = 0;
	for (size_t i = 0; proc_hidden_files[i] && ret == 0; i++) {
		if (fstatat(proc, proc_hidden_files[i], &stat, AT_SYMLINK_NOFOLLOW) == 0) {
			snprintf(path, sizeof(path), "/proc/%s", proc_hidden_files[i]);
			ret = root_bind(root, root->fd, EMPTY_FILE, path, S_IFREG,
				SYSTEM_ATTR | MOUNT_ATTR_NOEXEC);
		}
	}
	for (size_t i = 0; proc_hidden_dirs[i] && ret == 0; i++) {
		if (fstatat(proc, proc_hidden_dirs[i], &stat, AT_SYMLINK_NOFOLLOW) == 0) {
			snprintf(path, sizeof(path), "/proc/%s", proc_hidden_dirs[i]);
			ret = root_tmpfs(root, path, 4096, "0555", SYSTEM_ATTR | MOUNT_ATTR_NOEXEC, NULL);
		}
	}
	return ret;
}

static int build_proc(struct root *root) {
	int proc = root_filesystem(
		"proc", NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (proc < 0) {
		return proc;
	}
	int ret = root_attach(root, proc, "/proc", S_IFDIR);
	if (ret == 0) {
		ret = hide_in_proc(root, proc);
	}
	close(proc);
	return ret;
}

static int build_private(struct root *root) {
	const uint64_t size = root->context->policy->limits.tmp;
	const unsigned int attr = PRIVATE_ATTR | (root->noexec ? MOUNT_ATTR_NOEXEC : 0);
	int ret = root_tmpfs(root, "/tmp", size, "1777", attr, NULL);
	if (ret == 0) {
		ret = root_tmpfs(root, AGENT_HOME, size, "0700", attr, NULL);
	}
	if (ret == 0) {
		ret = root_tmpfs(root, AGENT_RUNTIME, 16u << 20, "0700", attr | MOUNT_ATTR_NOEXEC, NULL);
	}
	if (ret == 0 && (mkdirat(root->fd, "var", 0755) || symlinkat("../tmp", root->fd, "var/tmp") ||
				symlinkat("../run", root->fd, "var/run"))) {
		ret = -errno;
	}
	if (ret == 0) {
		int cache = sys_openat2(AT_FDCWD, "/var/cache/fontconfig", O_PATH | O_DIRECTORY,
			RESOLVE_NO_MAGICLINKS);
		if (cache >= 0) {
			ret = root_bind(root, cache, "", "/var/cache/fontconfig", S_IFDIR,
				SYSTEM_ATTR | MOUNT_ATTR_NOEXEC);
			close(cache);
		}
	}
	return ret;
}

int system_build(struct root *root, struct sandbox_error *err) {
	int ret = put_file(root->fd, EMPTY_FILE, "");
	const struct {
		int (*build)(struct root *root);
		const char *what, *remedy;
	} parts[] = {
		{build_private, "private directories", ""},
		{build_usr, "/usr", ""},
		{build_etc, "/etc", ""},
		{build_dev, "/dev", "; the host's /dev must have its standard nodes"},
		{build_proc, "/proc",
			"; in a container the outer /proc must not be masked (Docker: "
			"--security-opt systempaths=unconfined)"},
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && ret == 0; i++) {
		ret = parts[i].build(root);
		if (ret < 0) {
			return sandbox_fail(err, -ret, "cannot build the sandbox's %s: %s%s", parts[i].what,
				strerror(-ret), parts[i].remedy);
		}
	}
	return ret < 0 ? sandbox_fail(err, -ret, "cannot write to the new root: %s", strerror(-ret)) : 0;
}

void system_finish(struct root *root) {
	// The mounts made of it keep it alive without its name.
	(void)unlinkat(root->fd, EMPTY_FILE, 0);
}
