/*
 * Commands inside a session, from their request to their end: who asked for each, and what pid 1
 * tells of it. What their ends mean for the session is session.c's business.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "session/internal.h"

uint32_t session_exec(struct session *session, const struct sandbox_command *command,
	const struct session_exec_observer *observer, void *data, struct sandbox_error *err) {
	if (session->state >= SESSION_STOPPING) {
		snprintf(err->message, sizeof(err->message), "the session is ending");
		return 0;
	}
	if (session->pause.on) {
		snprintf(err->message, sizeof(err->message),
			"the session is paused; to go on: parclose resume %s",
			session->runtime.name);
		return 0;
	}
	struct exec *exec = calloc(1, sizeof(*exec));
	if (exec == NULL) {
		snprintf(err->message, sizeof(err->message), "out of memory");
		return 0;
	}
	exec->id = ++session->next_id;
	exec->observer = observer;
	exec->data = data;
	if (sandbox_spawn(session->sandbox, exec->id, command, err) != 0) {
		free(exec);
		return 0;
	}
	wl_list_insert(&session->execs, &exec->link);
	exec->carries = command->carry != SANDBOX_CARRY_NONE;
	if (exec->carries) {
		return exec->id; // the gate writes down what comes of it
	}
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddNumberToObject(fields, "id", exec->id);
	cJSON *argv = cJSON_AddArrayToObject(fields, "argv");
	for (const char *const *arg = command->argv; *arg != NULL; arg++) {
		cJSON_AddItemToArray(argv, cJSON_CreateString(*arg));
	}
	session_record(session, "exec", fields);
	return exec->id;
}

int session_exec_signal(struct session *session, uint32_t id, int signal) {
	if (session->pause.on && signal == SIGCONT) {
		return -EBUSY; // others wait until the session goes on, this one would make it
	}
	return session->sandbox == NULL ? -ESRCH : sandbox_signal(session->sandbox, id, signal);
}

void session_exec_forget(struct session *session, void *data) {
	struct exec *exec;
	wl_list_for_each (exec, &session->execs, link) {
		if (exec->data == data) {
			exec->observer = NULL;
			session_exec_signal(session, exec->id, SIGHUP);
		}
	}
}

void session_exec_release(struct session *session, void *data) {
	struct exec *exec;
	wl_list_for_each (exec, &session->execs, link) {
		if (exec->data == data) {
			exec->observer = NULL;
		}
	}
}

static struct exec *find_exec(struct session *session, uint32_t id) {
	struct exec *exec;
	wl_list_for_each (exec, &session->execs, link) {
		if (exec->id == id) {
			return exec;
		}
	}
	return NULL;
}

static void record_end(
	struct session *session, const struct exec *exec, const char *event, cJSON *fields) {
	if (exec->carries) {
		cJSON_Delete(fields);
		return;
	}
	session_record(session, event, fields);
}

void exec_take_event(struct session *session, const struct sandbox_event *event) {
	struct exec *exec = find_exec(session, event->id);
	if (exec == NULL) {
		if (event->pty_fd >= 0 && event->type == SANDBOX_EVENT_STARTED) {
			close(event->pty_fd);
		}
		return;
	}
	if (event->type == SANDBOX_EVENT_STARTED) {
		exec->started = true;
		struct session_exec_result result = {.pty_fd = event->pty_fd};
		if (exec->observer != NULL) {
			exec->observer->started(exec->data, exec->id, &result);
		} else if (event->pty_fd >= 0) {
			close(event->pty_fd);
		}
		return;
	}
	wl_list_remove(&exec->link);
	cJSON *fields = cJSON_CreateObject();
	cJSON_AddNumberToObject(fields, "id", exec->id);
	if (event->type == SANDBOX_EVENT_FAILED) {
		struct session_exec_result result = {
			.failed = true,
			.pty_fd = -1,
			.exit_code = event->error == ENOENT ? SESSION_EXIT_NOT_FOUND
				     : event->error == EACCES || event->error == ENOEXEC
					     ? SESSION_EXIT_NOT_EXECUTABLE
					     : SESSION_EXIT_FAILED,
		};
		snprintf(result.message, sizeof(result.message), "%s", event->message);
		cJSON_AddStringToObject(fields, "error", event->message);
		record_end(session, exec, "exec-failed", fields);
		if (exec->observer != NULL) {
			exec->observer->started(exec->data, exec->id, &result);
		}
	} else {
		cJSON_AddNumberToObject(fields, "exitCode", session_exit_code(event->status));
		record_end(session, exec, "exited", fields);
		if (exec->observer != NULL) {
			exec->observer->exited(exec->data, exec->id, event->status);
		}
	}
	free(exec);
}

void exec_destroy_all(struct session *session) {
	struct exec *exec, *next;
	wl_list_for_each_safe (exec, next, &session->execs, link) {
		wl_list_remove(&exec->link);
		free(exec);
	}
}
