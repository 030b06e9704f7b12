#include "session/session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/policy.h"
#include "session/control.h"
#include "session/display.h"
#include "session/gate-request.h"
#include "session/internal.h"
#include "session/log.h"
#include "session/network.h"
#include "session/output.h"
#include "session/record.h"
#include "session/runtime.h"
#include "session/view.h"

int session_exit_code(int status) {
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

uint64_t session_now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

char *session_proposal(const struct session *session, size_t *left_out) {
	*left_out = session->proposal_left_out;
	return session->proposal != NULL ? strdup(session->proposal) : NULL;
}

const char *session_name(const struct session *session) {
	return session->runtime.name;
}

enum session_state session_state(const struct session *session) {
	return session->state;
}

struct wl_event_loop *session_loop(struct session *session) {
	return session->loop;
}

struct display *session_display(struct session *session) {
	return session->display;
}

// ---- the end

static void set_result(struct session *session, int exit_code, bool broken, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void set_result(
	struct session *session, int exit_code, bool broken, const char *format, ...) {
	if (session->has_result) {
		return;
	}
	session->has_result = true;
	session->result.exit_code = exit_code;
	session->result.broken = broken;
	va_list args;
	va_start(args, format);
	vsnprintf(session->result.reason, sizeof(session->result.reason), format, args);
	va_end(args);
}

// Everything inside dies here, and what stood on disk for it goes.
static void tear_down(struct session *session) {
	struct wl_event_source **sources[] = {&session->sandbox_source, &session->timeout_source,
		&session->grace_source, &session->end_source};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (*sources[i] != NULL) {
			wl_event_source_remove(*sources[i]);
			*sources[i] = NULL;
		}
	}
	gate_finish(session);
	clipboard_end(session);
	sandbox_kill(session->sandbox);
	session_network_finish(session->network);
	session->proposal = session_network_proposal(session, &session->proposal_left_out);
	record_finish(session, session->result.reason);
	view_destroy(session->view, session->result.reason);
	session->view = NULL;
	session_network_destroy(session->network);
	session->network = NULL;
	display_destroy(session->display);
	session->display = NULL;
	control_destroy(session->inside);
	session->inside = NULL;
	sandbox_destroy(session->sandbox);
	session->sandbox = NULL;
	output_finish(session->output); // after the sandbox: nobody writes any more
	session->output = NULL;
	if (session->log != NULL) {
		cJSON *fields = cJSON_CreateObject();
		cJSON_AddStringToObject(fields, "reason", session->result.reason);
		cJSON_AddNumberToObject(fields, "exitCode", session->result.exit_code);
		log_event(session->log, "ended", fields);
		log_close(session->log);
		session->log = NULL;
	}
	runtime_release(&session->runtime);
	// Whoever sees the socket close may rely on it that nothing runs and the name is free.
	control_destroy(session->control);
	session->control = NULL;
	act_queue_destroy(session->act_queue); // after the socket, which cancels what it asked for
	session->act_queue = NULL;
	exec_destroy_all(session);
	session->state = SESSION_ENDED;
}

static void handle_end(void *data) {
	struct session *session = data;
	session->end_source = NULL;
	// `parclose/exited` and the answer to `stop` are already with the kernel; the sockets may
	// close.
	tear_down(session);
	session->observer->ended(session->data, &session->result);
}

// The end comes on a turn of its own, so that nothing is freed under whoever found the reason.
static void end_soon(struct session *session) {
	if (session->end_source == NULL && session->state != SESSION_ENDED) {
		// First of all: whoever waits for an action has a turn to say how it ended.
		act_queue_end(session->act_queue, session->result.reason, session->result.broken);
		session->end_source = wl_event_loop_add_idle(session->loop, handle_end, session);
	}
}

static void break_off(struct session *session, const char *reason) {
	set_result(session, SESSION_EXIT_FAILED, true, "%s", reason);
	end_soon(session);
}

void session_record(struct session *session, const char *event, cJSON *fields) {
	record_event(session, event, fields);
	if (session->log == NULL) {
		cJSON_Delete(fields);
	} else if (!log_event(session->log, event, fields)) {
		char reason[640];
		snprintf(reason, sizeof(reason), "the audit log %s cannot be written: %s",
			session->runtime.log_path, strerror(errno));
		break_off(session, reason);
	}
}

static int handle_grace(void *data) {
	end_soon(data);
	return 0;
}

static void begin_stop(struct session *session, uint32_t grace_ms) {
	if (session->state == SESSION_STOPPING && session->grace_source != NULL) {
		// Whoever asks again may be in more of a hurry, never in less.
		if (grace_ms < session->grace_ms) {
			session->grace_ms = grace_ms;
			wl_event_source_timer_update(
				session->grace_source, grace_ms > 0 ? (int)grace_ms : 1);
		}
		return;
	}
	if (session->state >= SESSION_STOPPING) {
		return;
	}
	session->state = SESSION_STOPPING;
	view_state(session->view);
	session->grace_ms = grace_ms;
	size_t asked = 0;
	struct exec *exec;
	// What stands still cannot clean up, and must not run again to do so.
	wl_list_for_each (exec, &session->execs, link) {
		asked += !session->pause.on &&
			 sandbox_signal(session->sandbox, exec->id, SIGTERM) == 0;
	}
	session->grace_source = wl_event_loop_add_timer(session->loop, handle_grace, session);
	if (asked == 0 || grace_ms == 0 || session->grace_source == NULL) {
		end_soon(session);
		return;
	}
	wl_event_source_timer_update(session->grace_source, (int)grace_ms);
}

void session_stop(struct session *session, const char *who, uint32_t grace_ms) {
	if (session->state == SESSION_ENDED) {
		return;
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "by", who);
	session_record(session, "stop", fields);
	set_result(session, 128 + SIGTERM, false, "stopped by %s", who);
	begin_stop(session, grace_ms);
}

void session_arm_timeout(struct session *session) {
	if (session->timeout_source == NULL) {
		return;
	}
	uint64_t run_ms =
		(session_now_ns() - session->begun_ns - session->pause.total_ns) / 1000000;
	uint64_t left = run_ms < session->timeout_ms ? session->timeout_ms - run_ms : 1;
	wl_event_source_timer_update(session->timeout_source, session->pause.on ? 0 : (int)left);
}

static int handle_timeout(void *data) {
	struct session *session = data;
	set_result(session, SESSION_EXIT_TIMEOUT, false, "the time limit was reached");
	begin_stop(session, SESSION_GRACE_MS);
	return 0;
}

// ---- what runs inside

static void check_running(struct session *session) {
	if (session->state != SESSION_STARTING ||
		(session->main_id != 0 && !session->main_started) ||
		(session->display != NULL && !session->display_ready) ||
		!session_network_ready(session->network)) {
		return;
	}
	session->state = SESSION_RUNNING;
	session_record(session, "running", NULL);
}

static int handle_sandbox(int fd, uint32_t mask, void *data) {
	struct session *session = data;
	for (;;) {
		struct sandbox_event event;
		sandbox_read_event(session->sandbox, &event);
		if (event.type == SANDBOX_EVENT_NONE) {
			return 0;
		}
		if (event.type == SANDBOX_EVENT_GONE) {
			wl_event_source_remove(session->sandbox_source);
			session->sandbox_source = NULL;
			break_off(session,
				"pid 1 of the sandbox was killed, and everything inside with it");
			return 0;
		}
		if (event.type == SANDBOX_EVENT_SOCKET) {
			session_network_take_socket(session->network, &event);
			continue;
		}
		exec_take_event(session, &event);
		if (session->state == SESSION_STOPPING && wl_list_empty(&session->execs)) {
			end_soon(session);
		}
	}
}

static void handle_main_started(void *data, uint32_t id, const struct session_exec_result *result) {
	struct session *session = data;
	if (result->failed) {
		set_result(session, result->exit_code, true, "%s", result->message);
		end_soon(session);
		return;
	}
	session->main_started = true;
	session->observer->started(session->data, result->pty_fd);
	check_running(session);
}

static void handle_main_exited(void *data, uint32_t id, int status) {
	struct session *session = data;
	int exit_code = session_exit_code(status);
	session->main_exited = true;
	const char *broken = session->display != NULL ? display_check(session->display) : NULL;
	if (broken != NULL) {
		set_result(session, SESSION_EXIT_FAILED, true, "%s", broken);
	} else if (WIFSIGNALED(status)) {
		set_result(session, exit_code, false, "the command was killed by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else {
		set_result(
			session, exit_code, false, "the command exited with status %d", exit_code);
	}
	if (session->result.exit_code == 128 + SIGTERM && session->state == SESSION_STOPPING) {
		session->result.exit_code = exit_code; // how it really went, after `stop`
	}
	end_soon(session);
}

static const struct session_exec_observer main_observer = {
	.started = handle_main_started,
	.exited = handle_main_exited,
};

void session_signal(struct session *session, int signal) {
	if (session->main_id == 0 || session->main_exited) {
		if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP ||
			signal == SIGQUIT) {
			session_stop(session, strsignal(signal), SESSION_GRACE_MS);
		}
		return;
	}
	session_exec_signal(session, session->main_id, signal);
	if (signal == SIGTERM || signal == SIGHUP) {
		set_result(session, 128 + signal, false, "the supervisor got signal %d (%s)",
			signal, strsignal(signal));
		begin_stop(session, SESSION_GRACE_MS);
	}
}

// ---- the display

static void handle_display_ready(void *data) {
	struct session *session = data;
	session->display_ready = true;
	check_running(session);
}

static void handle_display_frame(void *data, const struct display_frame *frame) {
	struct session *session = data;
	view_frame(session->view, frame);
	record_frame(session, frame);
}

static void handle_display_released(void *data, uint32_t slot) {
	struct session *session = data;
	view_slot_released(session->view, slot);
	record_slot_released(session, slot);
}

static void handle_display_cursor(void *data) {
	struct session *session = data;
	view_cursor(session->view);
	record_cursor(session);
}

static void handle_display_windows(void *data) {
	struct session *session = data;
	view_windows(session->view);
}

int session_watch(struct session *session) {
	if (session->display == NULL) {
		return -ENODEV;
	}
	if (session->view == NULL && (session->view = view_create(session)) == NULL) {
		return -ENOMEM;
	}
	return view_attach(session->view);
}

static void handle_display_message(void *data, const char *text) {
	struct session *session = data;
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "text", text);
	session_record(session, "compositor", fields);
}

static void handle_display_clipboard(void *data, const struct channel_message *checked) {
	clipboard_take_answer(data, checked);
}

static void handle_display_answered(void *data, const struct channel_message *checked) {
	struct session *session = data;
	act_queue_take_answer(session->act_queue, checked);
}

static void handle_display_ended(void *data, const char *reason) {
	break_off(data, reason);
}

static const struct display_observer display_observer = {
	.ready = handle_display_ready,
	.frame = handle_display_frame,
	.released = handle_display_released,
	.cursor = handle_display_cursor,
	.windows = handle_display_windows,
	.message = handle_display_message,
	.answered = handle_display_answered,
	.clipboard = handle_display_clipboard,
	.ended = handle_display_ended,
};

// ---- the network

static void handle_network_ended(struct session *session, const char *reason) {
	break_off(session, reason);
}

// ---- the beginning

// A session name from a program's: "org.gnome.Calculator" -> itself, "/usr/bin/foot" -> "foot".
static void name_from_command(char *out, size_t size, const char *command) {
	const char *slash = strrchr(command, '/');
	const char *from = slash != NULL ? slash + 1 : command;
	size_t len = 0;
	for (; *from != '\0' && !isspace((unsigned char)*from) && len + 1 < size; from++) {
		unsigned char c = (unsigned char)*from;
		if (isascii(c) && (isalnum(c) || (len > 0 && strchr("._-", c) != NULL))) {
			out[len++] = (char)c;
		}
	}
	out[len] = '\0';
	if (len == 0) {
		snprintf(out, size, "session");
	}
}

static char *join(const char *const *argv) {
	size_t len = 1;
	for (const char *const *arg = argv; *arg != NULL; arg++) {
		len += strlen(*arg) + 1;
	}
	char *out = malloc(len);
	if (out == NULL) {
		return NULL;
	}
	size_t used = 0;
	for (const char *const *arg = argv; *arg != NULL; arg++) {
		used += (size_t)snprintf(out + used, len - used, "%s%s", used > 0 ? " " : "", *arg);
	}
	out[used] = '\0';
	return out;
}

static bool fail_start(struct session *session, const char *reason) {
	set_result(session, SESSION_EXIT_FAILED, true, "%s", reason);
	return false;
}

static bool start_display(struct session *session, const struct session_options *options) {
	const struct policy *policy = session->policy;
	struct display_options display = {
		.compositor_path = options->compositor_path,
		.width = policy->display.width,
		.height = policy->display.height,
		.refresh = policy->display.refresh,
		.layout = policy->display.keyboard_layout,
	};
	char why[512];
	session->display = display_create(
		session->loop, &display, &display_observer, session, why, sizeof(why));
	return session->display != NULL || fail_start(session, why);
}

static bool start_command(struct session *session, const struct session_options *options) {
	const char *shell[] = {"sh", "-c", session->policy->process.command_line, NULL};
	const char *const *argv = options->argv != NULL ? options->argv : shell;
	if (options->argv == NULL && session->policy->process.command_line == NULL) {
		return true; // an empty desktop that waits for `exec`
	}
	struct sandbox_command command = {
		.argv = argv,
		.env = options->env,
		.stdio = {options->stdio[0], options->stdio[1], options->stdio[2]},
		.pty = options->pty,
		.rows = options->rows,
		.columns = options->columns,
		.last = true, // see handle_main_exited()
	};
	if (options->capture_output) {
		session->output = output_create(session->loop, session->runtime.state_fd);
		if (session->output == NULL) {
			return fail_start(session, "cannot open the session's output.log");
		}
		command.stdio[1] = command.stdio[2] = output_write_fd(session->output);
	}
	struct sandbox_error err;
	session->main_id = session_exec(session, &command, &main_observer, session, &err);
	if (session->output != NULL) {
		output_close_write_fd(session->output);
	}
	return session->main_id != 0 || fail_start(session, err.message);
}

static bool start(struct session *session, const struct session_options *options) {
	char base[RUNTIME_NAME_MAX - 8];
	name_from_command(base, sizeof(base),
		options->argv != NULL ? options->argv[0]
		: session->policy->process.command_line != NULL
			? session->policy->process.command_line
			: "session");
	bool wayland = session->policy->containment == POLICY_CONTAINMENT_SESSION &&
		       !session->policy->ui.disable;
	static const struct session_network_parent network_parent = {
		.ready = check_running, .ended = handle_network_ended};
	if (!session_network_create(session, options, &network_parent, &session->network)) {
		return fail_start(session, "out of memory");
	}
	// The sandbox is built on one core while all else is done on another.
	const struct sandbox_options sandbox = {
		.policy = session->policy,
		.wayland = wayland,
		.control = wayland && session->policy->ui.injection,
		.network = session_network_sandbox(session->network),
	};
	struct sandbox_error err;
	if (sandbox_begin(&sandbox, &session->sandbox, &err) != 0) {
		return fail_start(session, err.message);
	}
	char network_why[512];
	if (session->network != NULL && !session_network_start(session->network, options,
						network_why, sizeof(network_why))) {
		return fail_start(session, network_why);
	}
	struct runtime_why why;
	if (runtime_claim(&session->runtime, options->name, base, &why) != 0) {
		return fail_start(session, why.text);
	}
	if (sandbox_name(session->sandbox, session->runtime.name, &err) != 0) {
		return fail_start(session, err.message);
	}
	session->log = log_open(session->runtime.state_fd);
	if (session->log == NULL) {
		char reason[640];
		snprintf(reason, sizeof(reason), "cannot open the audit log %s: %s",
			session->runtime.log_path, strerror(errno));
		return fail_start(session, reason);
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddStringToObject(fields, "name", session->runtime.name);
	cJSON_AddNumberToObject(fields, "supervisor", getpid());
	cJSON_AddStringToObject(fields, "command", session->command);
	char *policy = policy_to_json(session->policy);
	cJSON_AddItemToObject(fields, "policy", cJSON_CreateRaw(policy != NULL ? policy : "null"));
	free(policy);
	session_record(session, "starting", fields);
	if (session->has_result) {
		return false;
	}

	if (session->policy->containment == POLICY_CONTAINMENT_SESSION &&
		!start_display(session, options)) {
		return false;
	}
	int listen_fd = runtime_listen(&session->runtime, &why);
	if (listen_fd < 0) {
		return fail_start(session, why.text);
	}
	session->control =
		control_create(session->loop, session, listen_fd, options->service, false);
	if (session->control == NULL) {
		return fail_start(session, "out of memory");
	}
	uint32_t timeout_ms = options->timeout_ms != 0 ? options->timeout_ms
						       : session->policy->process.timeout_ms;
	session->timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
	if (timeout_ms != 0) {
		session->timeout_source =
			wl_event_loop_add_timer(session->loop, handle_timeout, session);
		if (session->timeout_source == NULL) {
			return fail_start(session, "out of memory");
		}
		session_arm_timeout(session);
	}
	struct record_why record_why;
	if (session->policy->session.record &&
		record_start(session, -1, NULL, "the policy", &record_why) != 0) {
		return fail_start(session, record_why.text);
	}
	if (!start_command(session, options)) {
		return false;
	}
	if (sandbox_await(session->sandbox, &err) != 0) {
		return fail_start(session, err.message);
	}
	if (session->network != NULL &&
		!session_network_serve(session->network, network_why, sizeof(network_why))) {
		return fail_start(session, network_why);
	}
	session->sandbox_source = wl_event_loop_add_fd(session->loop,
		sandbox_event_fd(session->sandbox), WL_EVENT_READABLE, handle_sandbox, session);
	if (session->sandbox_source == NULL ||
		(wayland && display_listen(session->display,
				    sandbox_take_wayland_fd(session->sandbox)) != 0)) {
		return fail_start(session, "out of memory");
	}
	int inside_fd = sandbox_take_control_fd(session->sandbox);
	if (inside_fd >= 0) {
		session->inside =
			control_create(session->loop, session, inside_fd, options->service, true);
		if (session->inside == NULL) {
			return fail_start(session, "out of memory");
		}
	}
	check_running(session);
	return true;
}

struct session *session_create(struct wl_event_loop *loop, const struct session_options *options,
	const struct session_observer *observer, void *data, struct session_result *result) {
	*result = (struct session_result){.exit_code = SESSION_EXIT_FAILED, .broken = true};
	struct session *session = calloc(1, sizeof(*session));
	if (session == NULL) {
		snprintf(result->reason, sizeof(result->reason), "out of memory");
		return NULL;
	}
	session->loop = loop;
	session->policy = options->policy;
	session->policy_text = options->policy_text;
	session->picture_path = options->picture_path;
	session->observer = observer;
	session->data = data;
	session->begun = time(NULL);
	session->begun_ns = session_now_ns();
	session->runtime =
		(struct runtime){.parent_fd = -1, .dir_fd = -1, .lock_fd = -1, .state_fd = -1};
	wl_list_init(&session->execs);
	session->command = options->argv != NULL
				   ? join(options->argv)
				   : strdup(options->policy->process.command_line != NULL
						     ? options->policy->process.command_line
						     : "");
	struct rlimit no_core = {0}; // a core of ours would hold the agent's screen
	setrlimit(RLIMIT_CORE, &no_core);
	session->act_queue = act_queue_create(session);
	if (session->command == NULL || session->act_queue == NULL || !start(session, options)) {
		set_result(session, SESSION_EXIT_FAILED, true, "out of memory");
		*result = session->result;
		session_destroy(session);
		return NULL;
	}
	return session;
}

void session_destroy(struct session *session) {
	if (session == NULL) {
		return;
	}
	if (session->state != SESSION_ENDED) {
		tear_down(session);
	}
	policy_destroy(session->own_policy);
	free(session->own_text);
	free(session->proposal);
	free(session->command);
	free(session);
}
