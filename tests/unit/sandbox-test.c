/*
 * sandbox/sandbox.h with real sandboxes: commands, their ends, limits, attacks from inside, and
 * what is left. Arguments: the built tests/hostile/inside.c; or, started by itself, `--confined`.
 */

#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sandbox-helper.h"

static struct outcome outcome;
static char inside[4096]; // the attack program
static char inside_dir[4096];

static struct sandbox *create(const struct bench *bench, bool wayland) {
	const struct sandbox_options options = {
		.policy = &bench->policy, .name = "unit", .wayland = wayland};
	struct sandbox_error err = {{0}};
	struct sandbox *sandbox;
	if (sandbox_create(&options, &sandbox, &err) < 0) {
		fail_msg("%s", err.message);
	}
	return sandbox;
}

static void spawn(struct sandbox *sandbox, uint32_t id, const char *script) {
	const char *const argv[] = {"sh", "-c", script, NULL};
	const struct sandbox_command command = {.argv = argv, .stdio = {-1, -1, -1}};
	assert_int_equal(sandbox_spawn(sandbox, id, &command, NULL), 0);
}

static void check(const struct bench *bench, const char *script, int code, const char *output) {
	run_shell(bench, script, &outcome);
	if (outcome.code != code || (output && strcmp(outcome.output, output) != 0)) {
		fail_msg("%s: wanted %d '%s', got %d '%s' %s", script, code, output ? output : "",
			outcome.code, outcome.output, outcome.message);
	}
}

// ---- commands and their ends

static void test_codes(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	check(&bench, "exit 0", 0, "");
	check(&bench, "exit 7", 7, "");
	check(&bench, "kill -9 $$", 137, "");
	check(&bench, "kill -TERM $$", 143, "");
	check(&bench, "echo out; echo err >&2", 0, "out\nerr\n");
	check(&bench, "hostname; id -un; pwd; echo $(($$ < 9)); cat", 0,
		"test\nagent\n/home/agent\n1\n");
}

static void test_exec_failures(void **state) {
	(void)state;
	static const struct {
		const char *command;
		int code;
		const char *message;
	} cases[] = {
		{"no-such-command", 127,
			"'no-such-command' was not found in PATH inside the sandbox"},
		{"/no/such", 127, "'/no/such' does not exist inside the sandbox"},
		{"/etc/hosts", 126,
			"'/etc/hosts' cannot be executed inside the sandbox: Permission denied"},
		{"/usr", 126, "'/usr' cannot be executed inside the sandbox: Permission denied"},
		{"--bind", 127, "'--bind' was not found in PATH inside the sandbox"},
	};
	struct bench bench;
	bench_init(&bench);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const argv[] = {cases[i].command, NULL};
		run_command(&bench, argv, &outcome);
		assert_int_equal(outcome.code, cases[i].code);
		assert_non_null(strstr(outcome.message, cases[i].message));
	}
	bench.policy.process.cwd = strdup("/nowhere");
	run_shell(&bench, "true", &outcome);
	assert_int_equal(outcome.code, 127);
	assert_non_null(strstr(outcome.message, "cannot enter the directory '/nowhere'"));
	free(bench.policy.process.cwd);
}

static void test_environment(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	bench.env[0] = strdup("LANG=de_DE.UTF-8");
	bench.env[1] = strdup("FROM_POLICY=1");
	bench.policy.process.env_len = 2;
	struct sandbox *sandbox = create(&bench, false);
	const char *const argv[] = {"env", NULL};
	const char *const env[] = {"FROM_POLICY=2", "TERM=dumb", NULL};
	const struct sandbox_command command = {.argv = argv, .env = env, .cwd = "/tmp"};
	run_in(sandbox, 1, &command, &outcome);
	assert_string_equal(outcome.output,
		"PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/home/agent\nUSER=agent\nLOGNAME=agent\n"
		"SHELL=/bin/sh\nLANG=de_DE.UTF-8\nXDG_RUNTIME_DIR=/run/user/"
		"1000\nFROM_POLICY=2\nTERM=dumb\n");
	sandbox_destroy(sandbox);
	free(bench.env[0]);
	free(bench.env[1]);
}

static void test_many_commands(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	for (uint32_t id = 1; id <= 40; id++) {
		char script[64];
		snprintf(script, sizeof(script), "exit %u", id);
		spawn(sandbox, id, script);
	}
	bool started[41] = {0}, ended[41] = {0};
	for (int i = 0; i < 80; i++) {
		struct sandbox_event event = next_event(sandbox);
		assert_true(event.id >= 1 && event.id <= 40);
		if (event.type == SANDBOX_EVENT_STARTED) {
			started[event.id] = true;
		} else {
			assert_int_equal(event.type, SANDBOX_EVENT_EXITED);
			assert_true(started[event.id]);
			assert_false(ended[event.id]);
			assert_int_equal(WEXITSTATUS(event.status), event.id);
			ended[event.id] = true;
		}
	}
	assert_int_equal(sandbox_signal(sandbox, 5, SIGTERM), -ESRCH);
	sandbox_destroy(sandbox);
}

static void test_signals(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	spawn(sandbox, 3, "sleep 100 & wait");
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_STARTED);
	const char *const argv[] = {"true", NULL};
	const struct sandbox_command command = {.argv = argv, .stdio = {-1, -1, -1}};
	assert_int_equal(sandbox_spawn(sandbox, 3, &command, NULL), -EEXIST);
	assert_int_equal(sandbox_signal(sandbox, 3, SIGTERM), 0);
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_EXITED);
	assert_int_equal(WTERMSIG(event.status), SIGTERM);
	sandbox_destroy(sandbox);
}

static void test_too_long(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	char *text = calloc(1, SANDBOX_MAX_ARG_BYTES + 1);
	memset(text, 'x', SANDBOX_MAX_ARG_BYTES);
	const char *argv[] = {"echo", text, NULL};
	const struct sandbox_command command = {.argv = argv};
	struct sandbox_error err;
	assert_int_equal(sandbox_spawn(sandbox, 1, &command, &err), -E2BIG);
	text[SANDBOX_MAX_ARG_BYTES - 8] = '\0'; // just fits
	argv[0] = "printf";
	run_in(sandbox, 1, &command, &outcome);
	assert_int_equal(outcome.code, 0);
	sandbox_destroy(sandbox);
	free(text);
}

static void test_terminal(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	const char *const argv[] = {"sh", "-c", "tty; stty size; read x; echo got-$x; cat", NULL};
	const struct sandbox_command command = {
		.argv = argv, .pty = true, .rows = 31, .columns = 97};
	assert_int_equal(sandbox_spawn(sandbox, 1, &command, NULL), 0);
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_STARTED);
	assert_true(event.pty_fd >= 0);
	assert_int_equal(write(event.pty_fd, "line\n", 5), 5);
	char text[512];
	size_t len = 0;
	ssize_t got = 1;
	while (got > 0) {
		struct pollfd poll_fd = {.fd = event.pty_fd, .events = POLLIN};
		if (poll(&poll_fd, 1, 50) == 0) {
			// Quiet: Ctrl-C, and again, for the shell may be between two programs.
			got = memmem(text, len, "got-line", 8) ? write(event.pty_fd, "\003", 1) : 1;
		} else {
			got = read(event.pty_fd, text + len, sizeof(text) - 1 - len);
			len += got > 0 ? (size_t)got : 0;
		}
	}
	text[len] = '\0';
	assert_non_null(strstr(text, "/dev/pts/0\r\n"));
	assert_non_null(strstr(text, "31 97\r\n"));
	close(event.pty_fd);
	event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_EXITED);
	assert_int_equal(WTERMSIG(event.status), SIGINT);
	sandbox_destroy(sandbox);
}

static void test_wayland_socket(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, true);
	int fd = sandbox_take_wayland_fd(sandbox);
	assert_true(fd >= 0);
	assert_int_equal(sandbox_take_wayland_fd(sandbox), -1);
	spawn(sandbox, 1,
		"python3 -c \"import socket,os;s=socket.socket(socket.AF_UNIX);"
		"s.connect(os.environ['XDG_RUNTIME_DIR']+'/"
		"'+os.environ['WAYLAND_DISPLAY']);s.recv(1)\"");
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	int client = accept(fd, NULL, NULL);
	assert_true(client >= 0);
	close(client);
	close(fd);
	sandbox_destroy(sandbox);
}

// ---- limits

static void test_limits(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench.policy.limits.open_files = 77;
	bench.policy.limits.tmp = 1u << 20;
	check(&bench, "ulimit -n; ulimit -c", 0, "77\n0\n");
	check(&bench,
		"for d in /tmp ~ /dev/shm; do head -c 2000000 /dev/zero 2>/dev/null >$d/f || echo "
		"full; done",
		0, "full\nfull\nfull\n");
	bench_init(&bench);
	bench.policy.limits.processes = 12;
	check(&bench, "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done 2>/dev/null; echo",
		2, NULL);
	run_shell(&bench,
		"python3 -c \"\nimport os,time\nn=0\ntry:\n while True:\n  if os.fork()==0: "
		"time.sleep(9)\n  n+=1\n"
		"except OSError as e: print(n, e.errno)\n\"",
		&outcome);
	int count = 0, code = 0;
	assert_int_equal(sscanf(outcome.output, "%d %d", &count, &code), 2);
	assert_true(count >= 8 && count <= 11); // beside the shell, if it stays, and Python
	assert_int_equal(code, EAGAIN);
	bench_init(&bench);
	bench.policy.limits.cpus_milli = 1000;
	struct sandbox *sandbox = create(&bench, false);
	if (strcmp(sandbox_enforced(sandbox)->cpus, "affinity") == 0) {
		sandbox_destroy(sandbox);
		check(&bench, "nproc; taskset -p ff $$ >/dev/null 2>&1 || echo pinned", 0,
			"1\npinned\n");
	} else {
		sandbox_destroy(sandbox);
	}
}

static void test_memory_limit(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench.policy.limits.memory = 64u << 20;
	struct sandbox_probe probe;
	sandbox_probe(&probe);
	run_shell(&bench, "python3 -c \"print(len(bytearray(300<<20)))\"", &outcome);
	if (!probe.cgroup_memory) {
		assert_int_equal(outcome.code, 125);
		assert_non_null(strstr(outcome.message, "/limits/memory: needs a control group"));
		return;
	}
	assert_int_equal(outcome.code, 137);
	check(&bench, "python3 -c \"print(len(bytearray(16<<20)))\"", 0, "16777216\n");
}

static void test_require(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench.policy.require_len = 2;
	bench.require[0] = (struct policy_require){POLICY_LAYER_SECCOMP, 0};
	bench.require[1] = (struct policy_require){POLICY_LAYER_LANDLOCK, 1};
	check(&bench, "true", 0, "");
	bench.require[1].version = 999;
	run_shell(&bench, "true", &outcome);
	assert_int_equal(outcome.code, 125);
	assert_non_null(strstr(outcome.message, "/require/1: this kernel has Landlock ABI"));
}

static void test_executables(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	bench.policy.process.executables_set = true;
	bench.executables[0] = (char *)"/bin/sh";
	bench.executables[1] = (char *)"/usr/bin/cp";
	bench.executables[2] = (char *)"/usr/bin/mount";
	bench.policy.process.executables_len = 3;
	check(&bench,
		"echo a; id 2>/dev/null || echo no; cp /bin/true /tmp/t && chmod 755 /tmp/t "
		"2>/dev/null; "
		"cp /bin/true ~/t; /tmp/t 2>/dev/null || echo no; ~/t 2>/dev/null || echo no; "
		"/lib64/ld-linux-x86-64.so.2 /tmp/t 2>/dev/null || echo no",
		0, "a\nno\nno\nno\nno\n");
	bench.policy.process.executables_len = 0;
	run_shell(&bench, "true", &outcome);
	assert_int_equal(outcome.code, 126);
	assert_non_null(strstr(outcome.message, "not in process.executables"));
}

// ---- attacks

static int listen_at(const char *name, bool abstract) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path + abstract, name, strlen(name));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void attack(bool nested, bool pty) {
	char name[64], pid[16];
	tree_create();
	snprintf(name, sizeof(name), "parclose-test-%d", (int)getpid());
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	int path_fd = listen_at(in_tree("socket"), false), abstract_fd = listen_at(name, true);
	chmod(in_tree("socket"), 0777);
	make_file(in_tree("file"), "host");
	struct bench bench;
	bench_init(&bench);
	bench.policy.process.nested_sandbox = nested;
	bench_path(&bench, POLICY_ACCESS_READONLY, inside_dir);
	struct sandbox *sandbox = create(&bench, true);
	const char *const argv[] = {inside, "--file", in_tree("file"), "--file", "/etc/shadow",
		"--socket", in_tree("socket"), "--abstract", name, "--pid", pid,
		nested ? "--nested" : NULL, NULL};
	const struct sandbox_command command = {.argv = argv, .pty = pty};
	run_in(sandbox, 1, &command, &outcome);
	sandbox_destroy(sandbox);
	close(path_fd);
	close(abstract_fd);
	tree_remove();
	if (outcome.code != 0) {
		fail_msg("%d %s\n%s", outcome.code, outcome.message, outcome.output);
	}
	assert_null(strstr(outcome.output, "broken"));
	assert_non_null(strstr(outcome.output, "held openat2")); // the last one: all have run
}

static void test_attacks(void **state) {
	(void)state;
	attack(false, false);
	attack(true, false);
	attack(false, true);
}

static void test_nested(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	check(&bench, "unshare -U true 2>/dev/null || echo refused", 0, "refused\n");
	bench.policy.process.nested_sandbox = true;
	check(&bench, "unshare -Urpni --fork id -u; unshare -Urm true 2>/dev/null || echo refused",
		0, "0\nrefused\n");
}

static void test_signals_inside(void **state) {
	(void)state;
	// One Landlock domain for all: commands reach each other, nobody outside.
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	spawn(sandbox, 1, "exec sleep 100");
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_STARTED);
	char script[64];
	snprintf(script, sizeof(script), "kill -TERM %d", (int)event.pid);
	spawn(sandbox, 2, script);
	int ended = 0;
	while (ended < 2) {
		event = next_event(sandbox);
		assert_int_not_equal(event.type, SANDBOX_EVENT_NONE);
		ended += event.type == SANDBOX_EVENT_EXITED;
		if (event.type == SANDBOX_EVENT_EXITED && event.id == 1) {
			assert_int_equal(WTERMSIG(event.status), SIGTERM);
		}
	}
	sandbox_destroy(sandbox);
}

// ---- ends, and what is left

static void test_init_killed(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	struct sandbox *sandbox = create(&bench, false);
	spawn(sandbox, 1, "sleep 100");
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_STARTED);
	kill(sandbox_init_pid(sandbox), SIGKILL);
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_GONE);
	struct pollfd poll_fd = {.fd = sandbox_init_pidfd(sandbox), .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	const char *const argv[] = {"true", NULL};
	const struct sandbox_command command = {.argv = argv, .stdio = {-1, -1, -1}};
	struct sandbox_error err;
	assert_true(sandbox_spawn(sandbox, 1, &command, &err) < 0);
	sandbox_destroy(sandbox);
}

static void test_supervisor_killed(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t supervisor = fork();
	if (supervisor == 0) {
		close(pipe_fds[0]);
		struct sandbox *sandbox = create(&bench, true);
		// A tree of processes that ignores what it can.
		spawn(sandbox, 1,
			"trap '' HUP TERM INT; setsid sleep 1000 & (sleep 1000 &) ; sleep 1000");
		next_event(sandbox);
		pid_t pid = sandbox_init_pid(sandbox);
		(void)!write(pipe_fds[1], &pid, sizeof(pid));
		pause();
	}
	close(pipe_fds[1]);
	pid_t init;
	assert_int_equal(read(pipe_fds[0], &init, sizeof(init)), sizeof(init));
	kill(supervisor, SIGKILL);
	waitpid(supervisor, NULL, 0);
	// Pid 1 is reparented; it is gone, or a zombie nobody here can reap, within moments.
	bool gone = false;
	for (int i = 0; i < 500 && !gone; i++) {
		char path[64], text[512] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)init);
		int fd = open(path, O_RDONLY);
		ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		gone = fd < 0 || len <= 0 || strstr(text, ") Z ") != NULL;
		if (fd >= 0) {
			close(fd);
		}
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	assert_true(gone);
	close(pipe_fds[0]);
}

static size_t count_in(const char *directory, const char *start) {
	size_t count = 0;
	DIR *listing = opendir(directory);
	for (struct dirent *entry; listing && (entry = readdir(listing));) {
		count += strncmp(entry->d_name, start, strlen(start)) == 0;
	}
	if (listing) {
		closedir(listing);
	}
	return count;
}

static size_t count_mounts(void) {
	FILE *file = fopen("/proc/self/mountinfo", "re");
	size_t count = 0;
	for (int c; file && (c = getc(file)) != EOF;) {
		count += c == '\n';
	}
	if (file) {
		fclose(file);
	}
	return count;
}

static void test_nothing_is_left(void **state) {
	(void)state;
	tree_create();
	make_dir(in_tree("work"));
	char work[256];
	snprintf(work, sizeof(work), "%s", in_tree("work"));
	size_t fds = count_in("/proc/self/fd", ""), mounts = count_mounts();
	struct bench bench;
	for (int i = 0; i < 200; i++) {
		bench_init(&bench);
		bench_path(&bench, POLICY_ACCESS_READWRITE, work);
		if (i % 10 == 9) { // and failures on the way
			bench_path(&bench, POLICY_ACCESS_READONLY, "/no/such/path");
		}
		run_shell(&bench, "sleep 1000 & true", &outcome);
		assert_int_equal(outcome.code, i % 10 == 9 ? 125 : 0);
	}
	assert_int_equal(count_in("/proc/self/fd", ""), fds);
	assert_int_equal(count_mounts(), mounts);
	assert_int_equal(count_in(work, ""), 2);
	char prefix[48];
	snprintf(prefix, sizeof(prefix), "parclose-%d-", (int)getpid());
	assert_int_equal(count_in("/sys/fs/cgroup/memory", prefix), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child left
	tree_remove();
}

// ---- the display server's confinement

static bool refused(long result) {
	return result < 0;
}

// In a process of its own, like the compositor: returns the number of the first check that did not
// hold.
static int confined_main(void) {
	struct sandbox_error err = {{0}};
	int memory = memfd_create("pool", MFD_CLOEXEC);
	if (sandbox_confine_self(&err) < 0) {
		(void)!write(2, err.message, strlen(err.message));
		return 100;
	}
	int number = 1;
	const bool checks[] = {
		refused(open("/", O_RDONLY)),
		refused(open("/usr/bin/env", O_RDONLY)),
		refused(open("/proc/self/status", O_RDONLY)),
		refused(socket(AF_INET, SOCK_STREAM, 0)),
		refused(socket(AF_UNIX, SOCK_STREAM, 0)),
		refused((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, -1, 0)),
		ftruncate(memory, 8192) == 0,
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0) != MAP_FAILED,
		memfd_create("keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING) >= 0,
		write(2, "", 0) == 0,
	};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++, number++) {
		if (!checks[i]) {
			return number;
		}
	}
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return 101; // must not be reached
}

static void test_confined(void **state) {
	(void)state;
	int pidfd = -1, status;
	struct sandbox_error err;
	pid_t pid = sandbox_clone_isolated(&pidfd, &err);
	if (pid == 0) {
		execl("/proc/self/exe", "sandbox-test", "--confined", (char *)NULL);
		_exit(99);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(pidfd);
	if (WIFEXITED(status)) {
		fail_msg("check %d did not hold", WEXITSTATUS(status));
	}
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void test_probe(void **state) {
	(void)state;
	struct sandbox_probe probe;
	sandbox_probe(&probe);
	assert_true(probe.userns); // or no test above has passed
	assert_true(probe.proc);
	assert_true(probe.seccomp);
	assert_true(probe.landlock > 0);
	print_message(
		"cgroup %s, idmap %d, Landlock %u\n", probe.cgroup, probe.idmap, probe.landlock);
}

int main(int argc, char **argv) {
	if (argc == 2 && strcmp(argv[1], "--confined") == 0) {
		return confined_main();
	}
	if (argc < 2 || !realpath(argv[1], inside)) {
		fprintf(stderr, "usage: sandbox-test INSIDE\n");
		return 2;
	}
	snprintf(inside_dir, sizeof(inside_dir), "%s", inside);
	*strrchr(inside_dir, '/') = '\0';
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_exec_failures),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_many_commands),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_wayland_socket),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_require),
		cmocka_unit_test(test_executables),
		cmocka_unit_test(test_attacks),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_signals_inside),
		cmocka_unit_test(test_init_killed),
		cmocka_unit_test(test_supervisor_killed),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
