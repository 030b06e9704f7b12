/*
 * sandbox/sandbox.h, the start in steps and the end with the last command, with real sandboxes.
 */

#include "sandbox/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/sandbox-helper.h"

static void spawn(struct sandbox *sandbox, uint32_t id, const char *script, int out, bool last) {
	const char *const argv[] = {"sh", "-c", script, NULL};
	const struct sandbox_command command = {.argv = argv, .stdio = {-1, out, -1}, .last = last};
	assert_int_equal(sandbox_spawn(sandbox, id, &command, NULL), 0);
}

// A command sent while pid 1 still builds runs in the finished sandbox.
static void test_command_before_the_sandbox_stands(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	const struct sandbox_options options = {.policy = &bench.policy};
	struct sandbox_error err = {{0}};
	struct sandbox *sandbox;
	assert_int_equal(sandbox_begin(&options, &sandbox, &err), 0);
	assert_int_equal(sandbox_name(sandbox, "named-later", &err), 0);
	spawn(sandbox, 1,
		"test \"$(hostname; cat /etc/hostname)\" = 'named-later\nnamed-later' && "
		"grep -q 'Seccomp:.2' /proc/self/status && exit 9",
		-1, false);
	assert_int_equal(sandbox_await(sandbox, &err), 0);
	assert_true(sandbox_enforced(sandbox)->landlock > 0);
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_STARTED);
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_EXITED);
	assert_int_equal(WEXITSTATUS(event.status), 9);
	sandbox_destroy(sandbox);

	char name[300];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sandbox_begin(&options, &sandbox, &err), 0);
	assert_int_equal(sandbox_name(sandbox, name, &err), -ENAMETOOLONG);
	sandbox_destroy(sandbox);
	// Begun and never named.
	assert_int_equal(sandbox_begin(&options, &sandbox, &err), 0);
	sandbox_destroy(sandbox);
}

static void test_last_command_ends_all(void **state) {
	(void)state;
	struct bench bench;
	bench_init(&bench);
	const struct sandbox_options options = {.policy = &bench.policy, .name = "test"};
	struct sandbox_error err = {{0}};
	struct sandbox *sandbox;
	assert_int_equal(sandbox_create(&options, &sandbox, &err), 0);
	int pair[2];
	assert_int_equal(pipe(pair), 0);
	spawn(sandbox, 1, "trap '' TERM; setsid sleep 100 & sleep 100", pair[1], false);
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_STARTED);
	spawn(sandbox, 2, "exit 3", -1, true);
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_STARTED);
	close(pair[1]);
	struct sandbox_event event = next_event(sandbox);
	assert_int_equal(event.type, SANDBOX_EVENT_EXITED);
	assert_int_equal(event.id, 2);
	assert_int_equal(WEXITSTATUS(event.status), 3);
	assert_int_equal(next_event(sandbox).type, SANDBOX_EVENT_GONE);
	struct pollfd poll_fd = {.fd = sandbox_init_pidfd(sandbox), .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	char byte;
	assert_int_equal(read(pair[0], &byte, 1), 0); // nobody holds the other end
	close(pair[0]);
	sandbox_destroy(sandbox);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_before_the_sandbox_stands),
		cmocka_unit_test(test_last_command_ends_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
