// sandbox/paths.h and what becomes of the plan in a real sandbox: who sees, reads and writes what.

#include "sandbox/paths.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sandbox-helper.h"

static struct outcome outcome;

#define RW POLICY_ACCESS_READWRITE
#define RO POLICY_ACCESS_READONLY
#define NO POLICY_ACCESS_DENIED

/*
 * tree/  work/{a.txt, secret.txt, sub/{b.txt}}  other/{c.txt}  link -> work  file -> work/a.txt
 *        dangling -> nowhere  fifo  hard (= work/a.txt)
 */
static int make_tree(void **state) {
	(void)state;
	tree_create();
	make_dir(in_tree("work"));
	make_dir(in_tree("work/sub"));
	make_dir(in_tree("other"));
	make_file(in_tree("work/a.txt"), "a");
	make_file(in_tree("work/secret.txt"), "secret");
	make_file(in_tree("work/sub/b.txt"), "b");
	make_file(in_tree("other/c.txt"), "c");
	if (symlink("work", in_tree("link")) || symlink("work/a.txt", in_tree("file")) ||
		symlink("nowhere", in_tree("dangling")) || mkfifo(in_tree("fifo"), 0644) ||
		link(in_tree("work/a.txt"), in_tree("hard"))) {
		abort();
	}
	return 0;
}

static int drop_tree(void **state) {
	(void)state;
	tree_remove();
	return 0;
}

struct entry {
	enum policy_access access;
	const char *path; // in the tree unless absolute
};

struct plan {
	const char *what;
	struct entry entries[4];
	size_t len;
	const char *expected; // "rw work, ro work/sub", or with "!" part of the error
};

static const struct plan plans[] = {
	{"one grant", {{RW, "work"}}, 1, "rw work"},
	{"a link is resolved", {{RO, "link"}}, 1, "ro work"},
	{"a link to a file is resolved", {{RO, "file"}}, 1, "ro work/a.txt"},
	{"dots and doubled slashes", {{RO, "other/..//work/./sub/"}}, 1, "ro work/sub"},
	{"shallow before deep", {{RW, "work/sub"}, {RO, "work"}}, 2, "ro work, rw work/sub"},
	{"the same twice", {{RO, "work"}, {RO, "work"}}, 2, "ro work"},
	{"readonly beats readwrite", {{RW, "work"}, {RO, "work"}}, 2, "ro work"},
	{"the order does not matter", {{RO, "work"}, {RW, "work"}}, 2, "ro work"},
	{"denied beats all, and is then invisible", {{RW, "work"}, {NO, "work"}, {RO, "work"}}, 3,
		""},
	{"denied by a link to it", {{RW, "work"}, {NO, "link"}}, 2, ""},
	{"denied child", {{RW, "work"}, {NO, "work/secret.txt"}}, 2, "rw work, no work/secret.txt"},
	{"grant in a denied parent", {{RW, "work"}, {NO, "work/sub"}, {RO, "work/sub/b.txt"}}, 3,
		"rw work, no work/sub, ro work/sub/b.txt"},
	{"denied without a grant is dropped", {{NO, "other"}, {RW, "work"}}, 2, "rw work"},
	{"denied in a denied parent is dropped",
		{{RW, "work"}, {NO, "work/sub"}, {NO, "work/sub/b.txt"}}, 3,
		"rw work, no work/sub"},
	{"a hard link is the same object", {{RW, "hard"}, {RO, "work/a.txt"}}, 2,
		"ro hard, ro work/a.txt"},
	{"a hard link to a denied file", {{RO, "work"}, {NO, "work/a.txt"}, {RW, "hard"}}, 3,
		"ro work, no work/a.txt"},
	{"missing", {{RO, "gone"}}, 1,
		"!/filesystem/readonlyPaths/0: '%s/gone' does not exist; create it"},
	{"missing beneath a file", {{RW, "work/a.txt/x"}}, 1, "!does not exist"},
	{"dangling", {{RO, "dangling"}}, 1, "!does not exist"},
	{"relative", {{RO, "./work"}}, 1, "ro work"},
	{"missing denied, no grant", {{NO, "gone"}}, 1, ""},
	{"missing denied in a readonly grant", {{RO, "work"}, {NO, "work/.env"}}, 2, "ro work"},
	{"missing denied in a readwrite grant", {{RW, "work"}, {NO, "work/.env"}}, 2,
		"!/filesystem/deniedPaths/1: '%s/work/.env' does not exist, and lies in"},
	{"missing denied, through a link", {{RW, "work"}, {NO, "link/.env"}}, 2,
		"!does not exist, and lies in"},
	{"missing denied, deep", {{RW, "work"}, {NO, "work/x/y/z"}}, 2,
		"!does not exist, and lies in"},
	{"missing denied, saved by a readonly child",
		{{RW, "work"}, {RO, "work/sub"}, {NO, "work/sub/x"}}, 3, "rw work, ro work/sub"},
	{"denied through a dangling link", {{RW, "work"}, {NO, "dangling"}}, 2, "!leads nowhere"},
	{"a fifo", {{RO, "fifo"}}, 1, "!socket, pipe or device"},
	{"a denied fifo", {{RO, "work"}, {NO, "fifo"}}, 2, "ro work"},
	{"a device", {{RW, "/dev/null"}}, 1, "!lies in /dev"},
	{"proc", {{RO, "/proc/self"}}, 1, "!lies in /proc"},
	{"through a magic link", {{RO, "/proc/self/cwd"}}, 1, "!cannot be opened"},
	{"everything", {{RO, "/"}}, 1, "!too wide"},
	{"all sockets", {{RO, "/run"}}, 1, "!too wide"},
	{"all temporary files", {{RW, "/tmp"}}, 1, "!too wide"},
	{"denied everything", {{NO, "/"}}, 1, "!'/' cannot be denied"},
};

static void describe(const struct paths *paths, const char *tree, char *text, size_t size) {
	static const char *const words[] = {"rw", "ro", "no"};
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < paths->len; i++) {
		const char *path = paths->entries[i].path;
		size_t skip = strncmp(path, tree, strlen(tree)) == 0 ? strlen(tree) : 0;
		len += (size_t)snprintf(text + len, size - len, "%s%s %s", len ? ", " : "",
			words[paths->entries[i].access], path + skip);
	}
}

static void test_plans(void **state) {
	(void)state;
	char tree[64];
	snprintf(tree, sizeof(tree), "%s", in_tree("%s", ""));
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		const struct plan *plan = &plans[i];
		struct bench bench;
		bench_init(&bench);
		for (size_t e = 0; e < plan->len; e++) {
			const char *path = plan->entries[e].path;
			bench_path(&bench, plan->entries[e].access,
				path[0] == '/' ? path : in_tree("%s", path));
		}
		struct paths paths;
		struct sandbox_error err = {{0}};
		char got[1024], wanted[512];
		int ret = paths_init(&paths, &bench.policy, &err);
		if (plan->expected[0] == '!') {
			char root[64];
			snprintf(root, sizeof(root), "%.*s", (int)strlen(tree) - 1, tree);
			const char *hole = strstr(plan->expected, "%s");
			snprintf(wanted, sizeof(wanted), "%.*s%s%s",
				hole ? (int)(hole - plan->expected - 1)
				     : (int)strlen(plan->expected + 1),
				plan->expected + 1, hole ? root : "", hole ? hole + 2 : "");
			if (ret >= 0 || !strstr(err.message, wanted)) {
				fail_msg("%s: wanted '%s', got %d '%s'", plan->what, wanted, ret,
					err.message);
			}
		} else if (ret < 0) {
			fail_msg("%s: %s", plan->what, err.message);
		} else {
			describe(&paths, tree, got, sizeof(got));
			if (strcmp(got, plan->expected) != 0) {
				fail_msg("%s: wanted '%s', got '%s'", plan->what, plan->expected,
					got);
			}
		}
		paths_finish(&paths);
	}
}

static void test_rights_of_the_user(void **state) {
	(void)state;
	if (geteuid() == 0) {
		skip();
	}
	struct bench bench;
	bench_init(&bench);
	make_file(in_tree("closed"), "x");
	chmod(in_tree("closed"), 0);
	bench_path(&bench, RO, in_tree("closed"));
	run_shell(&bench, "true", &outcome);
	assert_int_equal(outcome.code, 125);
	assert_non_null(strstr(outcome.message, "is not readable by you"));
	bench_init(&bench);
	bench_path(&bench, RW, "/usr/share");
	run_shell(&bench, "true", &outcome);
	assert_int_equal(outcome.code, 125);
	assert_non_null(strstr(outcome.message, "is not writable by you"));
}

// What a shell inside makes of each: the answer is its output, whole.
static void check(const struct bench *bench, const char *script, const char *expected) {
	run_shell(bench, script, &outcome);
	if (outcome.message[0]) {
		fail_msg("%s: %s", script, outcome.message);
	}
	if (strcmp(outcome.output, expected) != 0) {
		fail_msg("%s: wanted '%s', got '%s'", script, expected, outcome.output);
	}
}

static void test_grants_inside(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench_path(&bench, RW, in_tree("work"));
	bench_path(&bench, RO, in_tree("work/sub"));
	bench_path(&bench, NO, in_tree("work/secret.txt"));
	char script[2048];
	snprintf(script, sizeof(script),
		"cd %s && cat a.txt sub/b.txt secret.txt; echo new >new.txt; mkdir dir; stat -c "
		"%%U new.txt a.txt; "
		"echo x 2>/dev/null >sub/b.txt || echo ro; (echo x >secret.txt) 2>/dev/null || "
		"echo hidden; "
		"rm -f secret.txt 2>/dev/null || echo stays; mv secret.txt s2 2>/dev/null || echo "
		"stays; "
		"ln secret.txt s3 2>/dev/null || echo nolink; ls ..",
		in_tree("work"));
	check(&bench, script,
		"ab"
		"agent\nagent\nro\nhidden\nstays\nstays\nnolink\nwork\n");
	assert_true(file_has(in_tree("work/new.txt"), "new\n"));
	assert_true(file_has(in_tree("work/secret.txt"), "secret"));
	assert_true(file_has(in_tree("work/sub/b.txt"), "b"));
	struct stat made, parent;
	assert_int_equal(stat(in_tree("work/new.txt"), &made), 0);
	assert_int_equal(stat(in_tree("work"), &parent), 0);
	assert_int_equal(made.st_uid, parent.st_uid); // not the id the sandbox runs as
	assert_int_equal(made.st_gid, parent.st_gid);
}

static void test_masks_inside(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench_path(&bench, RW, in_tree("work"));
	bench_path(&bench, NO, in_tree("work/sub"));
	char script[512];
	snprintf(script, sizeof(script),
		"cd %s && ls -A sub; touch sub/x 2>/dev/null || echo ro; rmdir sub 2>/dev/null || "
		"echo stays",
		in_tree("work"));
	check(&bench, script, "ro\nstays\n");
	// A grant inside what is hidden.
	bench_path(&bench, RW, in_tree("work/sub/b.txt"));
	snprintf(script, sizeof(script),
		"cd %s/sub && ls -A; cat b.txt; echo B >b.txt; touch x 2>/dev/null || echo ro",
		in_tree("work"));
	check(&bench, script,
		"b.txt\nb"
		"ro\n");
	assert_true(file_has(in_tree("work/sub/b.txt"), "B\n"));
	make_file(in_tree("work/sub/b.txt"), "b");
	// A system directory.
	bench_init(&bench);
	bench_path(&bench, NO, "/usr/share/doc");
	check(&bench, "ls -A /usr/share/doc; test -d /usr/share/doc && echo there", "there\n");
}

static void test_alias_inside(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench_path(&bench, RW, in_tree("link"));
	char script[512];
	snprintf(script, sizeof(script), "cat %s/a.txt; cat %s/a.txt; readlink %s", in_tree("link"),
		in_tree("work"), in_tree("link"));
	char expected[256];
	snprintf(expected, sizeof(expected), "aa%s\n", in_tree("work"));
	check(&bench, script, expected);
}

static void test_planted_links(void **state) {
	(void)state;
	// What an earlier session left behind in the directory it could write to.
	make_dir(in_tree("outside"));
	make_file(in_tree("outside/s"), "outside");
	const char *const targets[] = {in_tree("outside"), "/proc/self/root/tmp", "/oldroot/tmp",
		"/.old/tmp", "../outside"};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		assert_int_equal(symlink(targets[i], in_tree("work/trap%zu", i)), 0);
	}
	struct bench bench;
	bench_init(&bench);
	bench_path(&bench, RW, in_tree("work"));
	char script[512];
	snprintf(script, sizeof(script),
		"cd %s; for t in trap*; do cat $t/s; touch $t/made; done 2>/dev/null; ls -d "
		"trap*/made 2>/dev/null; "
		"find / -name s -path '*outside*' 2>/dev/null; true",
		in_tree("work"));
	run_shell(&bench, script, &outcome);
	assert_null(strstr(outcome.output, "outside"));
	// As a mount point's parent: never made, outside or in.
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		bench_init(&bench);
		bench_path(&bench, RW, in_tree("work"));
		bench_path(&bench, NO, in_tree("work/trap%zu/evil", i));
		run_shell(&bench, "true", &outcome);
		assert_int_not_equal(access(in_tree("outside/evil"), F_OK), 0);
		assert_int_not_equal(access("/tmp/evil", F_OK), 0);
	}
	assert_int_not_equal(access(in_tree("outside/made"), F_OK), 0);
}

// A directory that is swapped for a link while the sandbox starts must never lead out.
static void test_swap_race(void **state) {
	(void)state;
	make_dir(in_tree("race"));
	make_dir(in_tree("race/in"));
	make_dir(in_tree("prize"));
	assert_int_equal(symlink(in_tree("prize"), in_tree("race/out")), 0);
	const char *in = in_tree("race/in"), *out = in_tree("race/out");
	pid_t racer = fork();
	if (racer == 0) {
		for (;;) {
			syscall(SYS_renameat2, AT_FDCWD, in, AT_FDCWD, out,
				2 /* RENAME_EXCHANGE */);
		}
	}
	struct bench bench;
	bench_init(&bench);
	bench_path(&bench, RO, in_tree("race"));
	bench_path(&bench, NO, in_tree("race/in"));
	char script[256];
	snprintf(script, sizeof(script), "touch %s/won", in_tree("prize"));
	for (int i = 0; i < 40; i++) {
		run_shell(&bench, script, &outcome);
		assert_int_not_equal(outcome.code, 0);
	}
	bench_init(&bench);
	bench_path(&bench, RW, in_tree("race/in/."));
	snprintf(script, sizeof(script), "touch %s/won %s/won", in_tree("prize"), in);
	int refused = 0;
	for (int i = 0; i < 40; i++) {
		run_shell(&bench, script, &outcome);
		refused += outcome.code == 125;
		// Where the link was resolved, before anything was checked, the prize was what was
		// asked for.
		if (access(in_tree("prize/won"), F_OK) == 0) {
			unlink(in_tree("prize/won"));
		}
	}
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	print_message("swapped during set-up: %d of 40 refused\n", refused);
}

static void test_no_host_places(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	check(&bench, "ls /run; ls /run/user", "user\n1000\n");
	check(&bench,
		"ls -d /sys /srv /opt /root /mnt /media /boot /work 2>/dev/null; ls /home /tmp",
		"/home:\nagent\n\n/tmp:\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plans, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_rights_of_the_user, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_grants_inside, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_masks_inside, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_alias_inside, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_planted_links, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_swap_race, make_tree, drop_tree),
		cmocka_unit_test_setup_teardown(test_no_host_places, make_tree, drop_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
