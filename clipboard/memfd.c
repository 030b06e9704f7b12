#include "clipboard/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int clipboard_memfd(const void *bytes, size_t len) {
	int fd = memfd_create(
		"parclose-clipboard", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	for (size_t done = 0; fd >= 0 && done < len;) {
		ssize_t n = write(fd, (const char *)bytes + done, len - done);
		if (n <= 0) {
			int error = errno;
			close(fd);
			return -error;
		}
		done += (size_t)n;
	}
	if (fd < 0) {
		return -errno;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

bool clipboard_is_sealed(int fd, size_t *len) {
	const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	if (seals < 0 || (seals & needed) != needed || fstat(fd, &st) != 0 || st.st_size < 0) {
		return false;
	}
	*len = (size_t)st.st_size;
	return true;
}
