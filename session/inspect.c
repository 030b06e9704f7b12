#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "policy/policy.h"
#include "session/act.h"
#include "session/display.h"
#include "session/internal.h"
#include "session/network.h"
#include "session/record.h"
#include "session/view.h"

bool session_display_state(struct session *session, struct display_state *state) {
	if (session->display == NULL) {
		return false;
	}
	*state = display_state(session->display);
	return true;
}

int session_window_act(struct session *session, uint32_t id, enum channel_window_verb verb) {
	return session->display == NULL ? -ENODEV
	       : session->pause.on      ? -EBUSY
					: display_window_act(session->display, id, verb);
}

static const char *state_name(enum session_state state) {
	static const char *const names[] = {"starting", "running", "stopping", "ended"};
	return names[state];
}

static cJSON *inspect_enforced(const struct session *session) {
	const struct sandbox_enforced *enforced = sandbox_enforced(session->sandbox);
	cJSON *out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "namespaces", enforced->namespaces);
	cJSON_AddStringToObject(out, "identity", enforced->identity);
	cJSON *landlock = cJSON_AddObjectToObject(out, "landlock");
	cJSON_AddNumberToObject(landlock, "abi", enforced->landlock);
	cJSON_AddBoolToObject(landlock, "abstractSockets", (enforced->landlock_scopes & 1) != 0);
	cJSON_AddBoolToObject(landlock, "signals", (enforced->landlock_scopes & 2) != 0);
	cJSON_AddBoolToObject(out, "seccomp", enforced->seccomp);
	cJSON_AddBoolToObject(out, "nestedUserNamespaces", enforced->nested_userns);
	cJSON_AddStringToObject(out, "memory", enforced->memory);
	cJSON_AddStringToObject(out, "processes", enforced->processes);
	cJSON_AddStringToObject(out, "cpus", enforced->cpus);
	cJSON_AddStringToObject(out, "pause", enforced->pause);
	cJSON_AddStringToObject(out, "network", session_network_enforced(session->network));
	return out;
}

static void inspect_display(cJSON *out, const struct display *display) {
	struct display_state state = display_state(display);
	cJSON *compositor = cJSON_AddObjectToObject(out, "compositor");
	cJSON_AddNumberToObject(compositor, "pid", state.pid);
	cJSON_AddBoolToObject(compositor, "ready", state.ready);
	cJSON *object = cJSON_AddObjectToObject(out, "display");
	cJSON_AddNumberToObject(object, "width", state.width);
	cJSON_AddNumberToObject(object, "height", state.height);
	cJSON_AddNumberToObject(object, "refresh", state.refresh);
	cJSON_AddNumberToObject(object, "frames", (double)state.frames);
	cJSON_AddNumberToObject(object, "frame", (double)state.serial);
	cJSON_AddNumberToObject(object, "clients", (double)state.clients);
	cJSON *windows = cJSON_AddArrayToObject(out, "windows");
	for (size_t i = 0; i < state.windows_len; i++) {
		const struct display_window *window = &state.windows[i];
		cJSON *item = cJSON_CreateObject();
		cJSON_AddItemToArray(windows, item);
		cJSON_AddNumberToObject(item, "id", window->id);
		cJSON_AddStringToObject(item, "title", window->title);
		cJSON_AddStringToObject(item, "appId", window->app_id);
		cJSON_AddNumberToObject(item, "pid", window->pid);
		cJSON_AddNumberToObject(item, "parent", window->parent);
		cJSON_AddBoolToObject(
			item, "focused", (window->state & CHANNEL_WINDOW_FOCUSED) != 0);
		cJSON_AddNumberToObject(item, "x", window->box.x);
		cJSON_AddNumberToObject(item, "y", window->box.y);
		cJSON_AddNumberToObject(item, "width", window->box.width);
		cJSON_AddNumberToObject(item, "height", window->box.height);
	}
}

static void format_time(char *out, size_t size, time_t when) {
	struct tm utc;
	gmtime_r(&when, &utc);
	strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

cJSON *session_inspect(struct session *session) {
	cJSON *out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "name", session->runtime.name);
	cJSON_AddStringToObject(out, "state", state_name(session->state));
	cJSON_AddStringToObject(out, "command", session->command);
	char begun[32];
	format_time(begun, sizeof(begun), session->begun);
	cJSON_AddStringToObject(out, "started", begun);
	cJSON_AddStringToObject(out, "holder", session_holder_name(session_holder(session)));
	if (session->pause.on) {
		char since[32];
		format_time(since, sizeof(since), session->pause.since);
		cJSON_AddStringToObject(out, "pausedSince", since);
	} else {
		cJSON_AddNullToObject(out, "pausedSince");
	}
	cJSON_AddNumberToObject(out, "viewers", view_viewers(session->view));
	struct recorder_state recording;
	const char *file;
	if (record_state(session, &recording, &file)) {
		cJSON *object = cJSON_AddObjectToObject(out, "recording");
		cJSON_AddStringToObject(object, "file", file);
		cJSON_AddNumberToObject(object, "bytes", (double)recording.bytes);
		cJSON_AddNumberToObject(object, "frames", (double)recording.frames);
		cJSON_AddNumberToObject(object, "ms", (double)(recording.duration_ns / 1000000));
	} else {
		cJSON_AddNullToObject(out, "recording");
	}
	cJSON *supervisor = cJSON_AddObjectToObject(out, "supervisor");
	cJSON_AddNumberToObject(supervisor, "pid", getpid());
	cJSON *init = cJSON_AddObjectToObject(out, "init");
	cJSON_AddNumberToObject(init, "pid", sandbox_init_pid(session->sandbox));
	if (session->display != NULL) {
		inspect_display(out, session->display);
	} else {
		cJSON_AddNullToObject(out, "compositor");
		cJSON_AddNullToObject(out, "display");
		cJSON_AddArrayToObject(out, "windows");
	}
	cJSON_AddItemToObject(out, "enforced", inspect_enforced(session));
	cJSON_AddItemToObject(out, "network", session_network_inspect(session));
	cJSON_AddStringToObject(out, "log", session->runtime.log_path);
	char *policy = policy_to_json(session->policy);
	cJSON_AddItemToObject(out, "policy", cJSON_CreateRaw(policy != NULL ? policy : "null"));
	free(policy);
	return out;
}
