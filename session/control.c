#include "session/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "session/control-internal.h"
#include "session/service.h"

struct control {
	struct wl_event_loop *loop;
	struct session *session;
	const struct session_service *service;
	bool inside;
	int listen_fd;
	struct wl_event_source *listen_source;
	struct wl_list peers; // session_peer.link
	size_t peers_len;
	// Of `inside`: CPU time that may still be worked, as of then; see CONTROL_INSIDE_PART.
	int64_t left_ns;
	uint64_t left_at_ns;
	bool counting; // a message is worked for, and all of that is counted when it is done
	bool held; // nothing is read until `rest` rings
	struct wl_event_source *rest;
};

void control_answer(struct session_peer *peer, const cJSON *rpc_id, cJSON *result, int fd) {
	connection_send_fd(peer->connection, rpc_result(rpc_id, result), fd);
}

void control_refuse(struct session_peer *peer, const cJSON *rpc_id, enum rpc_code code,
	const char *text, cJSON *data) {
	connection_send_json(peer->connection, rpc_error(rpc_id, code, text, data));
}

// The service counts an answer as due until it has been sent: only afterwards is it known.
static void handle_due(void *data) {
	struct session_peer *peer = data;
	peer->due_source = NULL;
	if (peer->service_state == NULL || peer->control->service->due(peer->service_state) == 0) {
		connection_finish(peer->connection);
	}
}

static void look_for_due(struct session_peer *peer) {
	if (peer->ended && peer->due_source == NULL) {
		peer->due_source = wl_event_loop_add_idle(peer->control->loop, handle_due, peer);
	}
}

void session_peer_send(struct session_peer *peer, cJSON *message) {
	look_for_due(peer);
	uint64_t begun_ns = session_cpu_ns();
	connection_send_json(peer->connection, message);
	session_peer_worked(peer, session_cpu_ns() - begun_ns);
}

size_t session_peer_pending(const struct session_peer *peer) {
	return connection_pending(peer->connection);
}

// ---- what the inside may cost

uint64_t session_cpu_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void hold(struct control *control, bool held) {
	control->held = held;
	wl_event_source_fd_update(control->listen_source, held ? 0 : WL_EVENT_READABLE);
	struct session_peer *peer;
	wl_list_for_each (peer, &control->peers, link) {
		connection_hold(peer->connection, held);
	}
}

// Brings what is left up to now, and holds or lets go accordingly.
static void account(struct control *control) {
	uint64_t now_ns = session_now_ns();
	control->left_ns += (int64_t)((now_ns - control->left_at_ns) / CONTROL_INSIDE_PART);
	control->left_at_ns = now_ns;
	if (control->left_ns > CONTROL_INSIDE_AHEAD_NS) {
		control->left_ns = CONTROL_INSIDE_AHEAD_NS;
	}
	if (control->left_ns <= 0) {
		int64_t ms = -control->left_ns * CONTROL_INSIDE_PART / 1000000 + 10;
		wl_event_source_timer_update(control->rest, (int)(ms < 60000 ? ms : 60000));
	}
	if (control->held != (control->left_ns <= 0)) {
		hold(control, control->left_ns <= 0);
	}
}

static int handle_rest(void *data) {
	account(data);
	return 0;
}

static void worked(struct control *control, uint64_t ns) {
	if (control->inside && !control->counting) {
		control->left_ns -= (int64_t)ns;
		account(control);
	}
}

void session_peer_worked(struct session_peer *peer, uint64_t ns) {
	worked(peer->control, ns);
}

bool session_peer_rested(const struct session_peer *peer) {
	return !peer->control->held;
}

// Frees what belongs to a peer; its connection is the caller's.
static void free_peer(struct session_peer *peer) {
	control_forget_calls(peer);
	control_forget_shots(peer);
	if (peer->due_source != NULL) {
		wl_event_source_remove(peer->due_source);
	}
	control_forget_clips(peer);
	control_forget_policy(peer);
	if (peer->service_state != NULL) {
		peer->control->service->close(peer->service_state);
	}
	wl_list_remove(&peer->link);
	peer->control->peers_len--;
	free(peer);
}

// ---- what is said

static const struct {
	const char *name;
	control_method call;
} methods[] = {
	{"parclose/inspect", control_inspect},
	{"parclose/screenshot", control_screenshot},
	{"parclose/window", control_window},
	{"parclose/clipboard", control_clipboard},
	{"parclose/file", control_file},
	{"parclose/exec", control_exec},
	{"parclose/signal", control_signal},
	{"parclose/view", control_view},
	{"parclose/takeover", control_takeover},
	{"parclose/release", control_release},
	{"parclose/pause", control_pause},
	{"parclose/resume", control_resume},
	{"parclose/record", control_record},
	{"parclose/policyUpdate", control_policy_update},
	{"parclose/stop", control_stop},
};

static control_method find_method(const char *name) {
	for (size_t i = 0; name != NULL && i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(name, methods[i].name) == 0) {
			return methods[i].call;
		}
	}
	return NULL;
}

// JSON-RPC 2.0, section 4; of `params` only objects, and of ids no null.
static bool is_request(const cJSON *message) {
	const cJSON *rpc_id = cJSON_GetObjectItemCaseSensitive(message, "id");
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
	const char *version =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "jsonrpc"));
	return version != NULL && strcmp(version, "2.0") == 0 &&
	       cJSON_IsString(cJSON_GetObjectItemCaseSensitive(message, "method")) &&
	       (rpc_id == NULL || cJSON_IsNumber(rpc_id) || cJSON_IsString(rpc_id)) &&
	       (params == NULL || cJSON_IsObject(params));
}

static void give_to_service(struct session_peer *peer, const cJSON *message) {
	const struct session_service *service = peer->control->service;
	if (peer->service_state == NULL) {
		peer->service_state = service->open(peer->session, peer, peer->control->inside);
	}
	if (peer->service_state == NULL) {
		connection_send_json(peer->connection, NULL);
		return;
	}
	service->message(peer->service_state, message);
}

static void take_message(struct session_peer *peer, const char *untrusted_line, size_t len) {
	cJSON *error;
	cJSON *message = rpc_parse(untrusted_line, len, &error);
	if (message == NULL) {
		connection_send_json(peer->connection, error);
		return;
	}
	const cJSON *rpc_id = cJSON_GetObjectItemCaseSensitive(message, "id");
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "method"));
	control_method call = peer->control->inside ? NULL : find_method(name);
	bool hidden = peer->control->inside && name != NULL && strncmp(name, "parclose/", 9) == 0;
	if (call == NULL && peer->control->service != NULL && !hidden) {
		give_to_service(peer, message);
	} else if (!is_request(message)) {
		bool has_id = cJSON_IsNumber(rpc_id) || cJSON_IsString(rpc_id);
		control_refuse(peer, has_id ? rpc_id : NULL, RPC_INVALID_REQUEST,
			"not a JSON-RPC 2.0 request", NULL);
	} else if (call == NULL) {
		control_refuse(peer, rpc_id, RPC_UNKNOWN_METHOD, "there is no such method", NULL);
	} else {
		call(peer, rpc_id, cJSON_GetObjectItemCaseSensitive(message, "params"));
	}
	cJSON_Delete(message);
}

static void handle_line(void *data, const char *untrusted_line, size_t len) {
	struct session_peer *peer = data;
	uint64_t begun_ns = session_cpu_ns();
	peer->control->counting = true;
	take_message(peer, untrusted_line, len);
	peer->control->counting = false;
	worked(peer->control, session_cpu_ns() - begun_ns + CONTROL_INSIDE_MESSAGE_NS);
}

static void handle_ended(void *data) {
	struct session_peer *peer = data;
	peer->ended = true;
	look_for_due(peer);
}

static void handle_closed(void *data) {
	free_peer(data);
}

static const struct connection_handler handler = {
	.line = handle_line,
	.ended = handle_ended,
	.closed = handle_closed,
};

// ---- who speaks

// The socket inside has no other way to it than from inside.
static bool may_speak(const struct control *control, int fd) {
	struct ucred peer;
	socklen_t len = sizeof(peer);
	return control->inside || (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
					  (peer.uid == geteuid() || peer.uid == 0));
}

static int handle_listen(int fd, uint32_t mask, void *data) {
	struct control *control = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		return 0;
	}
	worked(control, CONTROL_INSIDE_MESSAGE_NS);
	size_t most = control->inside ? CONTROL_MAX_INSIDE : CONTROL_MAX_CONNECTIONS;
	struct session_peer *peer = NULL;
	if (!may_speak(control, client) || control->peers_len == most ||
		(peer = calloc(1, sizeof(*peer))) == NULL) {
		close(client);
		return 0;
	}
	peer->control = control;
	peer->session = control->session;
	wl_list_init(&peer->calls);
	wl_list_init(&peer->shots);
	wl_list_init(&peer->clips);
	struct ucred who = {0};
	socklen_t len = sizeof(who);
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
		peer->pid = who.pid;
	}
	peer->connection = connection_create(control->loop, client, client, &handler, peer);
	if (peer->connection == NULL) {
		free(peer);
		return 0;
	}
	wl_list_insert(&control->peers, &peer->link);
	control->peers_len++;
	connection_hold(peer->connection, control->held);
	return 0;
}

struct control *control_create(struct wl_event_loop *loop, struct session *session, int listen_fd,
	const struct session_service *service, bool inside) {
	struct control *control = calloc(1, sizeof(*control));
	if (control == NULL) {
		close(listen_fd);
		return NULL;
	}
	control->loop = loop;
	control->session = session;
	control->service = service;
	control->inside = inside;
	control->listen_fd = listen_fd;
	wl_list_init(&control->peers);
	control->left_ns = CONTROL_INSIDE_AHEAD_NS;
	control->left_at_ns = session_now_ns();
	control->rest = wl_event_loop_add_timer(loop, handle_rest, control);
	control->listen_source =
		wl_event_loop_add_fd(loop, listen_fd, WL_EVENT_READABLE, handle_listen, control);
	if (control->listen_source == NULL || control->rest == NULL) {
		control_destroy(control);
		return NULL;
	}
	return control;
}

void control_destroy(struct control *control) {
	if (control == NULL) {
		return;
	}
	struct session_peer *peer, *next;
	wl_list_for_each_safe (peer, next, &control->peers, link) {
		struct connection *connection = peer->connection;
		free_peer(peer);
		connection_destroy(connection);
	}
	if (control->rest != NULL) {
		wl_event_source_remove(control->rest);
	}
	if (control->listen_source != NULL) {
		wl_event_source_remove(control->listen_source);
	}
	close(control->listen_fd);
	free(control);
}
