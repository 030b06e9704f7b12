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

/*
 * The current directory is the new root here, "/" still the host's. Everything below is made in
 * file systems that are new and seen by no one else, so plain paths and mount(2), one call a mount,
 * are safe; the policy's paths are not (root.c).
 */

// Older distributions have real directories here, others links into /usr.
static const char *const usr_links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

struct shared {
	const char *path;
	bool display; // of use to programs with windows only
};

// Of the host's /etc only what programs need to start and to look right; nothing that tells who the
// host is.
static const struct shared etc_shared[] = {
	{"alternatives", false},
	{"bash.bashrc", false},
	{"chromium", true},
	{"chromium.d", true},
	{"firefox-esr", true},
	{"fonts", false},
	{"glvnd", true},
	{"gtk-3.0", true},
	{"gtk-4.0", true},
	{"inputrc", false},
	{"ld.so.cache", false},
	{"libreoffice", false},
	{"localtime", false},
	{"mime.types", false},
	{"os-release", false},
	{"pki/tls/certs", false},
	{"pki/ca-trust/extracted", false},
	{"services", false},
	{"ssl/certs", false},
	{"ssl/openssl.cnf", false},
	{"terminfo", false},
	{"vulkan", true},
	{"X11/xkb", true},
	{"xdg", true},
};

// A file up to this size is copied: a mount costs more, to make and again to end.
#define COPY_MAX (16u << 10)

// World-readable files of /proc that speak of the whole machine. The others of that kind are for
// root, who is not here.
static const char *const proc_hidden[] = {"proc/keys", "proc/key-users", "proc/kallsyms",
	"proc/timer_list", "proc/latency_stats", NULL};

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

static int bind(const char *source, const char *target) {
	return mount(source, target, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

static int make_tmpfs(
	struct root *root, const char *path, uint64_t size, const char *mode, unsigned long flags) {
	char options[64];
	snprintf(options, sizeof(options), "size=%llu,mode=%s", (unsigned long long)size, mode);
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | flags, options)) {
		return -errno;
	}
	return root_own(root, AT_FDCWD, path);
}

static int make_directories(const char *const *paths) {
	for (; *paths; paths++) {
		if (mkdir(*paths, 0755)) {
			return -errno;
		}
	}
	return 0;
}

static int make_node(const char *path) {
	return mknod(path, S_IFREG | 0444, 0) ? -errno : 0;
}

static int build_usr(struct root *root) {
	int ret = bind("/usr", "usr");
	for (size_t i = 0; usr_links[i] && ret == 0; i++) {
		char host[16], target[PATH_MAX];
		snprintf(host, sizeof(host), "/%s", usr_links[i]);
		ssize_t len = readlink(host, target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			ret = symlink(target, usr_links[i]) ? -errno : 0;
		} else if (errno == EINVAL) {
			ret = mkdir(usr_links[i], 0755) ? -errno : bind(host, usr_links[i]);
		}
	}
	if (ret == 0 && access("/var/cache/fontconfig", X_OK) == 0) {
		static const char *const parents[] = {"var/cache", "var/cache/fontconfig", NULL};
		ret = make_directories(parents);
		ret = ret < 0 ? ret : bind("/var/cache/fontconfig", "var/cache/fontconfig");
	}
	return ret;
}

static int build_etc_files(const struct init_context *context, int etc) {
	char machine[48], resolv[128];
	const char *resolver = context->network ? context->network->resolver : NULL;
	snprintf(resolv, sizeof(resolv), "%s%s\n", resolver ? "nameserver " : "# ",
		resolver ? resolver : "No name server: no name can be asked for in here.");
	unsigned char random[16];
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return -EIO;
	}
	for (size_t i = 0; i < sizeof(random); i++) {
		snprintf(machine + 2 * i, 3, "%02x", random[i]);
	}
	machine[32] = '\n';
	machine[33] = '\0';
	const struct {
		const char *path, *text;
	} files[] = {
		{"passwd",
			AGENT_NAME ":x:1000:1000::" AGENT_HOME ":/bin/sh\n"
				   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
		{"group", AGENT_NAME ":x:1000:\nnogroup:x:65534:\n"},
		{"machine-id", machine},
		{"resolv.conf", resolv},
		{"nsswitch.conf", resolver
					  ? "passwd: files\ngroup: files\nhosts: files dns\n"
					    "networks: files\nprotocols: files\nservices: files\n"
					  : "passwd: files\ngroup: files\nhosts: files\n"
					    "networks: files\nprotocols: files\nservices: files\n"},
	};
	int ret = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && ret == 0; i++) {
		ret = put_file(etc, files[i].path, files[i].text);
	}
	return ret == 0 && symlinkat("/proc/self/mounts", etc, "mtab") ? -errno : ret;
}

static int copy_file(const char *from, const char *to, size_t size) {
	char data[COPY_MAX];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	ssize_t len = out < 0 ? -1 : read(in, data, size);
	int ret = len < 0 || write(out, data, (size_t)len) != len ? -errno : 0;
	close_fd(&in);
	close_fd(&out);
	return ret == -EACCES ? 0 : ret; // what the user may not read is not there
}

static int share_etc(const char *name) {
	char host[64], link[PATH_MAX];
	struct stat stat_buffer;
	snprintf(host, sizeof(host), "/etc/%s", name);
	const char *target = host + 1;
	if (lstat(host, &stat_buffer)) {
		return 0; // this host has none
	}
	if (S_ISLNK(stat_buffer.st_mode)) {
		ssize_t len = readlink(host, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = '\0';
		// /usr is the same inside: the link itself serves, and costs no mount.
		if (strncmp(link, "/usr/", 5) == 0 || strncmp(link, "../usr/", 7) == 0) {
			return symlink(link, target) ? -errno : 0;
		}
		if (stat(host, &stat_buffer)) {
			return 0;
		}
	}
	if (S_ISDIR(stat_buffer.st_mode)) {
		return mkdir(target, 0755) ? -errno : bind(host, target);
	}
	if (!S_ISREG(stat_buffer.st_mode)) {
		return 0;
	}
	if (stat_buffer.st_size <= (off_t)COPY_MAX) {
		return copy_file(host, target, (size_t)stat_buffer.st_size);
	}
	int ret = make_node(target);
	return ret < 0 ? ret : bind(host, target);
}

static int build_etc(struct root *root) {
	int etc = open("etc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int ret = etc < 0 ? -errno : build_etc_files(root->context, etc);
	for (size_t i = 0; i < sizeof(etc_shared) / sizeof(etc_shared[0]) && ret == 0; i++) {
		if (root->context->wayland || !etc_shared[i].display) {
			ret = share_etc(etc_shared[i].path);
		}
	}
	close_fd(&etc);
	return ret;
}

// All that is shared so far becomes read-only in one go; the root itself is still built on.
static int seal_shared(struct root *root) {
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	int ret = sys_mount_setattr(root->fd, AT_RECURSIVE, &attr);
	attr = (struct mount_attr){.attr_clr = MOUNT_ATTR_RDONLY};
	return ret < 0 ? ret : sys_mount_setattr(root->fd, 0, &attr);
}

// Binds the host's node and makes sure that it is the device it is called.
static int share_device(const struct device *device) {
	char host[16];
	struct stat stat_buffer;
	snprintf(host, sizeof(host), "/dev/%s", device->name);
	int ret = make_node(host + 1);
	ret = ret < 0 ? ret : bind(host, host + 1);
	if (ret < 0 || lstat(host + 1, &stat_buffer)) {
		return ret < 0 ? ret : -errno;
	}
	return S_ISCHR(stat_buffer.st_mode) &&
			       stat_buffer.st_rdev == makedev(device->major, device->minor)
		       ? 0
		       : -ENODEV;
}

static int build_dev(struct root *root) {
	int ret = 0;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]) && ret == 0; i++) {
		ret = share_device(&devices[i]);
	}
	if (ret == 0 && mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
				"mode=0620,ptmxmode=0666")) {
		ret = -errno;
	}
	if (ret == 0) {
		ret = make_tmpfs(root, "dev/shm", root->context->policy->limits.tmp, "1777",
			root->noexec ? MS_NOEXEC : 0);
	}
	if (ret == 0 && (symlink("pts/ptmx", "dev/ptmx") || symlink("/proc/self/fd", "dev/fd") ||
				symlink("/proc/self/fd/0", "dev/stdin") ||
				symlink("/proc/self/fd/1", "dev/stdout") ||
				symlink("/proc/self/fd/2", "dev/stderr"))) {
		ret = -errno;
	}
	return ret;
}

static int build_proc(struct root *root) {
	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) {
		return -errno;
	}
	int ret = 0;
	for (size_t i = 0; proc_hidden[i] && (ret == 0 || ret == -ENOENT); i++) {
		ret = bind("dev/null", proc_hidden[i]);
	}
	return ret == -ENOENT ? 0 : ret;
}

static int build_private(struct root *root) {
	const uint64_t size = root->context->policy->limits.tmp;
	const unsigned long flags = root->noexec ? MS_NOEXEC : 0;
	int ret = make_tmpfs(root, "tmp", size, "1777", flags);
	if (ret == 0) {
		ret = make_tmpfs(root, &AGENT_HOME[1], size, "0700", flags);
	}
	if (ret == 0) {
		ret = make_tmpfs(root, &AGENT_RUNTIME[1], 16u << 20, "0700", MS_NOEXEC);
	}
	return ret;
}

static int build_skeleton(struct root *root) {
	static const char *const directories[] = {"usr", "etc", "etc/ssl", "dev", "dev/pts",
		"dev/shm", "proc", "tmp", "home", &AGENT_HOME[1], "run", "run/user",
		&AGENT_RUNTIME[1], "var", NULL};
	static const char *const fedora[] = {"etc/pki", "etc/pki/tls", "etc/pki/ca-trust", NULL};
	static const char *const display[] = {"etc/X11", NULL};
	int ret = make_directories(directories);
	if (ret == 0 && root->context->wayland) {
		ret = make_directories(display);
	}
	if (ret == 0 && access("/etc/pki", F_OK) == 0) {
		ret = make_directories(fedora);
	}
	if (ret == 0) {
		ret = put_file(root->fd, EMPTY_FILE, "");
	}
	return ret == 0 && (symlink("../tmp", "var/tmp") || symlink("../run", "var/run")) ? -errno
											  : ret;
}

int system_build(struct root *root, struct sandbox_error *err) {
	static const struct {
		int (*build)(struct root *root);
		const char *what, *remedy;
	} parts[] = {
		{build_skeleton, "directories", ""},
		{build_usr, "/usr", ""},
		{build_etc, "/etc", ""},
		{seal_shared, "read-only parts", ""},
		{build_private, "private directories", ""},
		{build_dev, "/dev", "; the host's /dev must have its standard nodes"},
		{build_proc, "/proc",
			"; in a container the outer /proc must not be masked (Docker: "
			"--security-opt systempaths=unconfined)"},
	};
	int ret = fchdir(root->fd) ? -errno : 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && ret == 0; i++) {
		ret = parts[i].build(root);
		if (ret < 0) {
			return sandbox_fail(err, -ret, "cannot build the sandbox's %s: %s%s",
				parts[i].what, strerror(-ret), parts[i].remedy);
		}
	}
	return ret < 0 ? sandbox_fail(err, -ret, "cannot enter the new root: %s", strerror(-ret))
		       : 0;
}

int system_name(const char *name, struct sandbox_error *err) {
	char hosts[512], hostname[512];
	snprintf(hosts, sizeof(hosts), "127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n",
		name);
	snprintf(hostname, sizeof(hostname), "%s\n", name);
	int ret = put_file(AT_FDCWD, "etc/hosts", hosts);
	if (ret == 0) {
		ret = put_file(AT_FDCWD, "etc/hostname", hostname);
	}
	return ret < 0 ? sandbox_fail(
				 err, -ret, "cannot build the sandbox's /etc: %s", strerror(-ret))
		       : 0;
}

void system_finish(struct root *root) {
	// The mounts made of it keep it alive without its name.
	(void)unlinkat(root->fd, EMPTY_FILE, 0);
}
