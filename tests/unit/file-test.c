// Files by names under which somebody else has laid traps (sandbox/file.h).

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <dirent.h>

#include "sandbox/file.h"

static char dir_path[] = "/tmp/file-test-XXXXXX";
static int dir;

static void write_file(const char *name, const char *text) {
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_holds(const char *name, const char *text) {
	char found[64] = "";
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
	assert_string_equal(found, text);
	close(fd);
}

static size_t count_names(void) {
	size_t count = 0;
	DIR *names = opendir(dir_path);
	while (readdir(names) != NULL) {
		count++;
	}
	closedir(names);
	return count - 2;
}

static int item_of(const char *text) {
	int fd = memfd_create("item", MFD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static int set_up(void **state) {
	assert_non_null(mkdtemp(dir_path));
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_file("real", "real");
	assert_int_equal(mkdirat(dir, "sub", 0755), 0);
	write_file("sub/deep", "deep");
	assert_int_equal(symlinkat("real", dir, "link"), 0);
	assert_int_equal(symlinkat("sub", dir, "sublink"), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir, "away"), 0);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	return 0;
}

static int tear_down(void **state) {
	static const char *const names[] = {
		"real", "sub/deep", "link", "sublink", "away", "fifo", "new", "target"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlinkat(dir, names[i], 0);
	}
	unlinkat(dir, "sub", AT_REMOVEDIR);
	close(dir);
	assert_int_equal(rmdir(dir_path), 0);
	memcpy(strrchr(dir_path, '-') + 1, "XXXXXX", 6);
	return 0;
}

// What comes of reading `path`, beneath the directory.
static int read_path(const char *path) {
	char whole[FILE_MAX_PATH], name[FILE_MAX_NAME + 1];
	uint64_t bytes = 0;
	snprintf(whole, sizeof(whole), "%s/%s", dir_path, path);
	int parent = file_open_parent(whole, name);
	if (parent < 0) {
		return parent;
	}
	int fd = file_open_in(parent, name, &bytes);
	close(parent);
	if (fd >= 0) {
		close(fd);
		assert_int_equal(bytes, 4);
	}
	return fd < 0 ? fd : 0;
}

static void test_reading(void **state) {
	assert_int_equal(read_path("real"), 0);
	assert_int_equal(read_path("sub/deep"), 0);
	assert_int_equal(read_path("./sub//./deep"), 0);
	assert_int_equal(read_path("link"), -ELOOP);
	assert_int_equal(read_path("away"), -ELOOP);
	assert_int_equal(read_path("sublink/deep"), -ELOOP);
	assert_int_equal(read_path("sub"), -EISDIR);
	assert_int_equal(read_path("fifo"), -ESPIPE);
	assert_int_equal(read_path("real/deep"), -ENOTDIR);
	assert_int_equal(read_path("none"), -ENOENT);
	assert_int_equal(read_path("sub/../real"), -EINVAL);
	assert_int_equal(read_path("sub/.."), -EINVAL);
	assert_int_equal(read_path("sub/."), -EINVAL);
	assert_int_equal(read_path("sub/"), -EINVAL);
	char name[FILE_MAX_NAME + 1], longest[FILE_MAX_NAME + 3];
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(file_open_parent(longest, name), -EINVAL);
	assert_int_equal(file_open_parent("relative/path", name), -EINVAL);
	assert_int_equal(file_open_parent("none", name), -EINVAL);
	assert_int_equal(file_open_directory(""), -EINVAL);
	for (int error = 1; error < 140; error++) {
		assert_true(file_words(error)[0] != '\0');
	}
}

static void test_writing(void **state) {
	size_t before = count_names();
	int item = item_of("item");
	assert_int_equal(file_write_in(dir, "new", item, 4, false), 0);
	assert_holds("new", "item");
	assert_int_equal(file_write_in(dir, "new", item, 4, false), -EEXIST);
	assert_int_equal(file_write_in(dir, "link", item, 4, false), -EEXIST);
	assert_int_equal(file_write_in(dir, "fifo", item, 4, false), -EEXIST);
	assert_int_equal(file_write_in(dir, "sub", item, 4, true), -EISDIR);
	assert_int_equal(file_write_in(dir, "..", item, 4, true), -EINVAL);
	assert_int_equal(file_write_in(dir, "sub/new", item, 4, true), -EINVAL);
	assert_int_equal(file_write_in(dir, "", item, 4, true), -EINVAL);
	// Shorter than it was said to be: nothing appears.
	assert_int_equal(file_write_in(dir, "target", item, 5, false), -EIO);
	assert_int_equal(faccessat(dir, "target", F_OK, 0), -1);
	// What a link points to is left alone.
	assert_int_equal(file_write_in(dir, "link", item, 4, true), 0);
	assert_holds("link", "item");
	assert_holds("real", "real");
	struct stat st;
	assert_int_equal(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(count_names(), before + 1); // of the temporary ones none is left
	close(item);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reading, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
