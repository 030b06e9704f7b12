#include "sandbox/internal.h"
#include "sandbox/syscalls.h"

#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The second lock on every door: even where a mount were wrong, the domain holds. One domain is put
 * over pid 1, so that all commands of a sandbox share it and may signal each other and use each
 * other's abstract sockets.
 *
 * Handled: every file system right and both scopes of the running ABI. The exception, on purpose:
 * TCP ports. The network namespace has nothing but its own loopback, which programs use freely
 * among themselves.
 */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define CHANGE_DIR \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define FILE_RIGHTS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | WRITE_FILE | \
		LANDLOCK_ACCESS_FS_IOCTL_DEV)
#ifdef LANDLOCK_ACCESS_FS_RESOLVE_UNIX
#define RESOLVE_UNIX LANDLOCK_ACCESS_FS_RESOLVE_UNIX
#else
#define RESOLVE_UNIX (1ULL << 16)
#endif

// Rights the running kernel knows; a newer bit would be refused (landlock(7), one line an ABI).
static uint64_t handled_rights(unsigned int abi) {
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; // ABI 1: all up to MAKE_SYM
	rights |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
	rights |= abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
	rights |= abi >= 5 ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0;
	rights |= abi >= 9 ? RESOLVE_UNIX : 0;
	return rights;
}

unsigned int landlock_abi(void) {
	int abi = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi > 0 ? (unsigned int)abi : 0;
}

struct domain {
	int ruleset;
	uint64_t handled;
	uint64_t execute; // LANDLOCK_ACCESS_FS_EXECUTE, or 0 where process.executables decides
};

static int open_domain(
	struct domain *domain, struct landlock_facts *facts, struct sandbox_error *err) {
	facts->abi = landlock_abi();
	if (facts->abi == 0) {
		return sandbox_fail(err, ENOSYS,
			"this kernel has no Landlock; use Linux 5.13 or newer and boot with "
			"`lsm=landlock,...`");
	}
	facts->scopes =
		facts->abi >= 6 ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL : 0;
	domain->handled = handled_rights(facts->abi);
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = domain->handled,
		.scoped = facts->scopes,
	};
	domain->ruleset = sys_landlock_create(&attr, sizeof(attr), 0);
	if (domain->ruleset == -E2BIG) { // a kernel whose structure ends before `scoped`
		domain->ruleset = sys_landlock_create(&attr,
			facts->abi >= 4
				? 16
				: offsetof(struct landlock_ruleset_attr, handled_access_net),
			0);
	}
	return domain->ruleset < 0
		       ? sandbox_fail(err, -domain->ruleset, "cannot make the Landlock rules: %s",
				 strerror(-domain->ruleset))
		       : 0;
}

static int close_domain(struct domain *domain, struct sandbox_error *err) {
	int ret = sys_landlock_restrict(domain->ruleset, 0);
	close_fd(&domain->ruleset);
	return ret < 0 ? sandbox_fail(
				 err, -ret, "cannot enforce the Landlock rules: %s", strerror(-ret))
		       : 0;
}

// What is not there needs no rule, nor does a link: what it leads to has one.
static int allow(const struct domain *domain, const char *path, uint64_t rights) {
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;
	if (fd < 0) {
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	}
	int ret = fstat(fd, &stat) ? -errno : 0;
	if (ret == 0 && !S_ISLNK(stat.st_mode)) {
		rights &= domain->handled;
		ret = sys_landlock_beneath(
			domain->ruleset, fd, S_ISDIR(stat.st_mode) ? rights : rights & FILE_RIGHTS);
	}
	close(fd);
	return ret;
}

/*
 * A dynamic program is executed only if its interpreter may be, too (execve(2) opens both). Its
 * path stands in the program's ELF header. Returns 0 with *interpreter empty where there is none.
 */
static int read_interpreter(const char *path, char *interpreter, size_t size) {
	interpreter[0] = '\0';
	// It may be a file that the sandbox's programs wrote: opening a FIFO must not wait for
	// them.
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	Elf64_Ehdr header;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
		memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
		header.e_ident[EI_CLASS] == ELFCLASS64 &&
		header.e_phentsize == sizeof(Elf64_Phdr)) {
		for (unsigned int i = 0; i < header.e_phnum && i < 64; i++) {
			Elf64_Phdr program;
			off_t at = (off_t)(header.e_phoff + i * sizeof(program));
			if (pread(fd, &program, sizeof(program), at) == sizeof(program) &&
				program.p_type == PT_INTERP && program.p_filesz > 1 &&
				program.p_filesz <= size &&
				pread(fd, interpreter, program.p_filesz, (off_t)program.p_offset) ==
					(ssize_t)program.p_filesz) {
				interpreter[program.p_filesz - 1] = '\0';
				break;
			}
		}
	}
	close(fd);
	return 0;
}

// The same for a path that may lead through links.
static int allow_resolved(const struct domain *domain, const char *path, uint64_t rights) {
	char *resolved = realpath(path, NULL);
	int ret = resolved ? allow(domain, resolved, rights)
		  : errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0
									   : -errno;
	free(resolved);
	return ret;
}

// The name comes from the program's bytes: a directory there would open all beneath it.
static int allow_interpreter(const struct domain *domain, const char *program) {
	char interpreter[PATH_MAX];
	struct stat info;
	if (read_interpreter(program, interpreter, sizeof(interpreter)) != 0 || !interpreter[0] ||
		stat(interpreter, &info) || !S_ISREG(info.st_mode)) {
		return 0;
	}
	return allow_resolved(domain, interpreter, LANDLOCK_ACCESS_FS_EXECUTE);
}

// Each prefix, and the system's program interpreter (the one /bin/sh names, which all
// distributions' programs share).
static int allow_executables(const struct domain *domain, const struct policy *policy) {
	int ret = 0;
	for (size_t i = 0; i < policy->process.executables_len && ret == 0; i++) {
		const char *prefix = policy->process.executables[i];
		ret = allow_resolved(domain, prefix, LANDLOCK_ACCESS_FS_EXECUTE);
		if (ret == 0) {
			ret = allow_interpreter(domain, prefix);
		}
	}
	if (ret == 0 && policy->process.executables_len > 0) {
		ret = allow_interpreter(domain, "/bin/sh");
	}
	return ret;
}

int landlock_apply(const struct policy *policy, const struct paths *paths,
	struct landlock_facts *facts, struct sandbox_error *err) {
	struct domain domain = {.ruleset = -1};
	int ret = open_domain(&domain, facts, err);
	if (ret < 0) {
		return ret;
	}
	domain.execute = policy->process.executables_set ? 0 : LANDLOCK_ACCESS_FS_EXECUTE;
	const uint64_t own = READ | WRITE_FILE | CHANGE_DIR | RESOLVE_UNIX | domain.execute;
	const uint64_t node = READ | WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV;
	const struct {
		const char *path;
		uint64_t rights;
	} fixed[] = {
		{"/usr", READ | domain.execute},
		{"/bin", READ | domain.execute},
		{"/sbin", READ | domain.execute},
		{"/lib", READ | domain.execute},
		{"/lib32", READ | domain.execute},
		{"/lib64", READ | domain.execute},
		{"/libx32", READ | domain.execute},
		{"/etc", READ | domain.execute},
		{"/var/cache/fontconfig", READ},
		{"/proc", READ | WRITE_FILE},
		{"/dev", node},
		{"/dev/shm", own & ~domain.execute},
		{"/tmp", own},
		{AGENT_HOME, own},
		{AGENT_RUNTIME, own & ~domain.execute},
		// Listing "/" and the directories on the way to a grant is no secret: the sandbox
		// made them.
		{"/", LANDLOCK_ACCESS_FS_READ_DIR},
	};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]) && ret == 0; i++) {
		ret = allow(&domain, fixed[i].path, fixed[i].rights);
	}
	for (size_t i = 0; i < paths->len && ret == 0; i++) {
		const struct path_entry *entry = &paths->entries[i];
		uint64_t rights = READ | domain.execute;
		if (entry->access == POLICY_ACCESS_READWRITE) {
			rights |= WRITE_FILE | CHANGE_DIR;
		}
		if (entry->access != POLICY_ACCESS_DENIED) {
			ret = allow(&domain, entry->path, rights);
		}
	}
	if (ret == 0 && policy->process.executables_set) {
		ret = allow_executables(&domain, policy);
	}
	if (ret < 0) {
		close_fd(&domain.ruleset);
		return sandbox_fail(err, -ret, "cannot add a Landlock rule: %s", strerror(-ret));
	}
	return close_domain(&domain, err);
}

int landlock_apply_empty(struct sandbox_error *err) {
	struct domain domain = {.ruleset = -1};
	struct landlock_facts facts;
	int ret = open_domain(&domain, &facts, err);
	return ret < 0 ? ret : close_domain(&domain, err);
}
