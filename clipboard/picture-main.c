/*
 * parclose-picture decode|encode: reads the file on standard input, whole, confines itself, and
 * writes to standard output, an empty memfd, what clipboard/picture.h says. Started alone in
 * namespaces of its own (sandbox_clone_isolated()).
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clipboard/picture.h"
#include "sandbox/sandbox.h"

#define CPU_SECONDS 5
#define MEMORY_BYTES (512u << 20)

static void limit(int what, rlim_t most) {
	const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
	if (setrlimit((__rlimit_resource_t)what, &limit) != 0) {
		_exit(PICTURE_FAILED);
	}
}

int main(int argc, char *argv[]) {
	struct stat st;
	if (argc != 2 || fstat(STDIN_FILENO, &st) != 0 || st.st_size <= 0) {
		return PICTURE_FAILED;
	}
	size_t len = (size_t)st.st_size, out_len = 0;
	const void *in = mmap(NULL, len, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	bool decodes = strcmp(argv[1], "decode") == 0;
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_FSIZE, PICTURE_MAX_BYTES);
#ifndef PARCLOSE_SANITIZED // whose shadow has no bounds
	limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	struct sandbox_error err;
	if (in == MAP_FAILED || sandbox_confine_self(&err) != 0) {
		return PICTURE_FAILED;
	}
	enum picture_flaw flaw;
	char *out = decodes ? picture_decode(in, len, &out_len, &flaw)
			    : picture_encode(in, len, &out_len, &flaw);
	if (out == NULL) {
		_exit((int)flaw);
	}
	for (size_t done = 0; done < out_len;) {
		ssize_t n = write(STDOUT_FILENO, out + done, out_len - done);
		if (n <= 0) {
			_exit(PICTURE_FAILED);
		}
		done += (size_t)n;
	}
	_exit(0);
}
