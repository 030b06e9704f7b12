#include "session/control.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/json.h"
#include "session/display.h"
#include "session/internal.h"

// JSON-RPC 2.0, section 5.1; the last is ours.
enum rpc_error {
	RPC_PARSE = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_FAILED = -32000,
};

#define MAX_FDS 3

struct connection {
	struct wl_list link; // control.connections
	struct control *control;
	int fd;
	struct wl_event_source *source;

	char *in; // the unfinished line
	size_t in_len, in_size;
	int fds[MAX_FDS]; // came with the current message
	size_t fds_len;

	char *out;
	size_t out_len, out_size;
	bool close_after; // when everything is written
	bool dead; // freed at the end of the turn it is handled in

	struct wl_list calls; // call.link
};

// An `exec` whose answer is due, or whose end is still to be told.
struct call {
	struct wl_list link; // connection.calls
	struct connection *connection;
	uint32_t id;
	cJSON *rpc_id; // NULL once answered
};

struct control {
	struct wl_event_loop *loop;
	struct session *session;
	int listen_fd;
	struct wl_event_source *listen_source;
	struct wl_list connections; // connection.link
	size_t connections_len;
};

static void drop_fds(struct connection *connection) {
	for (size_t i = 0; i < connection->fds_len; i++) {
		close(connection->fds[i]);
	}
	connection->fds_len = 0;
}

static void destroy_call(struct call *call) {
	wl_list_remove(&call->link);
	cJSON_Delete(call->rpc_id);
	free(call);
}

static void destroy_connection(struct connection *connection) {
	struct call *call, *next;
	wl_list_for_each_safe (call, next, &connection->calls, link) {
		session_exec_forget(connection->control->session, call);
		destroy_call(call);
	}
	drop_fds(connection);
	if (connection->source != NULL) {
		wl_event_source_remove(connection->source);
	}
	close(connection->fd);
	wl_list_remove(&connection->link);
	connection->control->connections_len--;
	free(connection->in);
	free(connection->out);
	free(connection);
}

// ---- writing

static void flush(struct connection *connection) {
	size_t done = 0;
	while (done < connection->out_len) {
		ssize_t n = send(connection->fd, connection->out + done, connection->out_len - done,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			connection->dead = connection->dead || errno != EAGAIN;
			break;
		}
		done += (size_t)n;
	}
	connection->out_len -= done;
	memmove(connection->out, connection->out + done, connection->out_len);
	if (connection->out_len == 0 && connection->close_after) {
		connection->dead = true;
	}
	if (connection->source != NULL) {
		wl_event_source_fd_update(connection->source,
			WL_EVENT_READABLE | (connection->out_len > 0 ? WL_EVENT_WRITABLE : 0));
	}
}

/*
 * Sends a message, consumed. A descriptor (taken over) goes with the first byte of its line, so it
 * is only sent when nothing waits before it; a client that asks for one and reads nothing is
 * closed.
 */
static void send_json(struct connection *connection, cJSON *message, int fd) {
	char *text = message == NULL ? NULL : cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	size_t len = text == NULL ? 0 : strlen(text);
	if (text == NULL || connection->dead ||
		connection->out_len + len + 1 > CONTROL_MAX_PENDING ||
		(fd >= 0 && connection->out_len > 0)) {
		connection->dead = true;
		goto out;
	}
	text[len++] = '\n';
	size_t sent = 0;
	if (fd >= 0) {
		struct iovec iov = {.iov_base = text, .iov_len = len};
		union {
			struct cmsghdr header;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control = {0};
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
		ssize_t n = sendmsg(connection->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0) {
			connection->dead = true;
			goto out;
		}
		sent = (size_t)n;
	}
	if (connection->out_len + len - sent > connection->out_size) {
		size_t size = connection->out_len + len - sent + 4096;
		char *out = realloc(connection->out, size);
		if (out == NULL) {
			connection->dead = true;
			goto out;
		}
		connection->out = out;
		connection->out_size = size;
	}
	if (len > sent) {
		memcpy(connection->out + connection->out_len, text + sent, len - sent);
		connection->out_len += len - sent;
	}
	flush(connection);
out:
	if (connection->dead) {
		// Wakes its own handler, which frees it: nobody may do so under whoever called
		// this.
		shutdown(connection->fd, SHUT_RDWR);
	}
	if (fd >= 0) {
		close(fd);
	}
	free(text);
}

static cJSON *new_message(const cJSON *rpc_id) {
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddItemToObject(
		message, "id", rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull());
	return message;
}

static void answer(struct connection *connection, const cJSON *rpc_id, cJSON *result, int fd) {
	cJSON *message = new_message(rpc_id);
	cJSON_AddItemToObject(message, "result", result);
	send_json(connection, message, fd);
}

// `data` (may be NULL) is consumed.
static void refuse(struct connection *connection, const cJSON *rpc_id, enum rpc_error code,
	const char *text, cJSON *data) {
	cJSON *message = new_message(rpc_id);
	cJSON *error = cJSON_AddObjectToObject(message, "error");
	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", text);
	if (data != NULL) {
		cJSON_AddItemToObject(error, "data", data);
	}
	send_json(connection, message, -1);
}

// ---- the methods

/*
 * Reads an integer parameter into *value: absent leaves it as it is. False when it is there and is
 * no integer between least and most.
 */
static bool int_param(
	const cJSON *params, const char *key, double least, double most, int32_t *value) {
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);
	if (item == NULL) {
		return true;
	}
	if (!cJSON_IsNumber(item) || item->valuedouble < least || item->valuedouble > most ||
		floor(item->valuedouble) != item->valuedouble) {
		return false;
	}
	*value = (int32_t)item->valuedouble;
	return true;
}

static void call_inspect(struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	answer(connection, rpc_id, session_inspect(connection->control->session), -1);
}

static void call_stop(struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	int32_t grace = SESSION_GRACE_MS;
	if (!int_param(params, "graceMs", 0, 600000, &grace)) {
		refuse(connection, rpc_id, RPC_INVALID_PARAMS, "/graceMs: use 0 to 600000", NULL);
		return;
	}
	answer(connection, rpc_id, cJSON_CreateObject(), -1);
	session_stop(connection->control->session, "parclose stop", (uint32_t)grace);
}

// A sealed memfd with these bytes, or -errno.
static int bytes_to_memfd(const uint8_t *bytes, size_t len) {
	int fd = memfd_create(
		"parclose-screenshot", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	size_t done = 0;
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, bytes + done, len - done);
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

static void call_screenshot(
	struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	struct display *display = session_display(connection->control->session);
	if (display == NULL) {
		refuse(connection, rpc_id, RPC_FAILED, "this session has no display", NULL);
		return;
	}
	struct display_state state = display_state(display);
	struct channel_box box = {0, 0, (int32_t)state.width, (int32_t)state.height};
	const cJSON *region = cJSON_GetObjectItemCaseSensitive(params, "region");
	if (region != NULL && (!int_param(region, "x", 0, 8192, &box.x) ||
				      !int_param(region, "y", 0, 8192, &box.y) ||
				      !int_param(region, "width", 1, 8192, &box.width) ||
				      !int_param(region, "height", 1, 8192, &box.height))) {
		refuse(connection, rpc_id, RPC_INVALID_PARAMS,
			"/region: x, y, width and height are whole pixels", NULL);
		return;
	}
	bool cursor = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(params, "cursor"));
	size_t len = 0;
	uint8_t *png = display_screenshot(display, &box, cursor, &len);
	if (png == NULL) {
		char text[160];
		if (errno == EAGAIN) {
			snprintf(text, sizeof(text), "nothing has been drawn yet; try again");
		} else if (errno == ERANGE) {
			snprintf(text, sizeof(text),
				"the region %d,%d %dx%d is not inside the display's %ux%u", box.x,
				box.y, box.width, box.height, state.width, state.height);
		} else {
			snprintf(text, sizeof(text), "out of memory");
		}
		refuse(connection, rpc_id, RPC_FAILED, text, NULL);
		return;
	}
	int fd = bytes_to_memfd(png, len);
	free(png);
	if (fd < 0) {
		refuse(connection, rpc_id, RPC_FAILED, "cannot make room for the picture", NULL);
		return;
	}
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "format", "png");
	cJSON_AddNumberToObject(result, "width", box.width);
	cJSON_AddNumberToObject(result, "height", box.height);
	cJSON_AddNumberToObject(result, "bytes", (double)len);
	cJSON_AddNumberToObject(result, "frame", (double)state.serial);
	answer(connection, rpc_id, result, fd);
}

static void call_window(struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	struct display *display = session_display(connection->control->session);
	const char *verb = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "verb"));
	int32_t id = 0;
	enum channel_window_verb act = 0;
	if (verb != NULL && strcmp(verb, "raise") == 0) {
		act = CHANNEL_WINDOW_RAISE;
	} else if (verb != NULL && strcmp(verb, "close") == 0) {
		act = CHANNEL_WINDOW_CLOSE;
	} else if (verb != NULL && strcmp(verb, "cycle") == 0) {
		act = CHANNEL_WINDOW_CYCLE;
	}
	if (act == 0 || !int_param(params, "id", 0, INT32_MAX, &id)) {
		refuse(connection, rpc_id, RPC_INVALID_PARAMS,
			"verb is raise, close or cycle, id a window's number", NULL);
	} else if (display == NULL) {
		refuse(connection, rpc_id, RPC_FAILED, "this session has no display", NULL);
	} else if (display_window_act(display, (uint32_t)id, act) != 0) {
		refuse(connection, rpc_id, RPC_FAILED, "there is no such window", NULL);
	} else {
		answer(connection, rpc_id, cJSON_CreateObject(), -1);
	}
}

static void handle_exec_started(void *data, uint32_t id, const struct session_exec_result *result) {
	struct call *call = data;
	struct connection *connection = call->connection;
	if (result->failed) {
		cJSON *info = cJSON_CreateObject();
		cJSON_AddNumberToObject(info, "exitCode", result->exit_code);
		refuse(connection, call->rpc_id, RPC_FAILED, result->message, info);
		destroy_call(call);
		return;
	}
	cJSON *info = cJSON_CreateObject();
	cJSON_AddNumberToObject(info, "id", id);
	answer(connection, call->rpc_id, info, result->pty_fd);
	cJSON_Delete(call->rpc_id);
	call->rpc_id = NULL;
}

static void handle_exec_exited(void *data, uint32_t id, int status) {
	struct call *call = data;
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddStringToObject(message, "method", "parclose/exited");
	cJSON *params = cJSON_AddObjectToObject(message, "params");
	cJSON_AddNumberToObject(params, "id", id);
	cJSON_AddNumberToObject(params, "exitCode", session_exit_code(status));
	send_json(call->connection, message, -1);
	destroy_call(call);
}

static const struct session_exec_observer exec_observer = {
	.started = handle_exec_started,
	.exited = handle_exec_exited,
};

// An array of strings as a NULL-terminated vector of borrowed pointers; NULL when it is none.
static const char **string_vector(const cJSON *array) {
	if (!cJSON_IsArray(array)) {
		return NULL;
	}
	const char **vector = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*vector));
	size_t len = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, array) {
		if (vector == NULL || !cJSON_IsString(item)) {
			free(vector);
			return NULL;
		}
		vector[len++] = item->valuestring;
	}
	return vector;
}

static void call_exec(struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	const cJSON *env_item = cJSON_GetObjectItemCaseSensitive(params, "env");
	const cJSON *cwd = cJSON_GetObjectItemCaseSensitive(params, "cwd");
	const char **argv = string_vector(cJSON_GetObjectItemCaseSensitive(params, "argv"));
	const char **env = env_item == NULL ? NULL : string_vector(env_item);
	bool pty = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(params, "tty"));
	int32_t rows = 0, columns = 0;
	struct call *call = calloc(1, sizeof(*call));
	if (call == NULL || argv == NULL || argv[0] == NULL || (env_item != NULL && env == NULL) ||
		(cwd != NULL && (!cJSON_IsString(cwd) || cwd->valuestring[0] != '/')) ||
		!int_param(params, "rows", 0, 65535, &rows) ||
		!int_param(params, "columns", 0, 65535, &columns) ||
		(!pty && connection->fds_len != 3)) {
		refuse(connection, rpc_id, RPC_INVALID_PARAMS,
			"argv (strings, at least one), env (\"KEY=VALUE\" strings), cwd "
			"(absolute), tty with "
			"rows and columns, or three descriptors for stdio",
			NULL);
		free(call);
		goto out;
	}
	struct sandbox_command command = {
		.argv = argv,
		.env = env,
		.cwd = cwd != NULL ? cwd->valuestring : NULL,
		.stdio = {-1, -1, -1},
		.pty = pty,
		.rows = (uint16_t)rows,
		.columns = (uint16_t)columns,
	};
	if (!pty) {
		memcpy(command.stdio, connection->fds, sizeof(command.stdio));
	}
	call->connection = connection;
	call->rpc_id = rpc_id != NULL ? cJSON_Duplicate(rpc_id, true) : cJSON_CreateNull();
	wl_list_insert(&connection->calls, &call->link);
	struct sandbox_error err;
	call->id = session_exec(connection->control->session, &command, &exec_observer, call, &err);
	if (call->id == 0) {
		refuse(connection, rpc_id, RPC_FAILED, err.message, NULL);
		destroy_call(call);
	}
out:
	free(argv);
	free(env);
}

static void call_signal(struct connection *connection, const cJSON *rpc_id, const cJSON *params) {
	int32_t id = 0, number = 0;
	bool ok = int_param(params, "id", 1, INT32_MAX, &id) &&
		  int_param(params, "signal", 1, 64, &number) && id > 0 && number > 0;
	bool ours = false;
	struct call *call;
	wl_list_for_each (call, &connection->calls, link) {
		ours = ours || call->id == (uint32_t)id;
	}
	if (!ok) {
		refuse(connection, rpc_id, RPC_INVALID_PARAMS, "id and signal (1 to 64) are needed",
			NULL);
	} else if (!ours ||
		   session_exec_signal(connection->control->session, (uint32_t)id, number) != 0) {
		refuse(connection, rpc_id, RPC_FAILED, "this connection has no such command", NULL);
	} else {
		answer(connection, rpc_id, cJSON_CreateObject(), -1);
	}
}

static const struct {
	const char *name;
	void (*call)(struct connection *connection, const cJSON *rpc_id, const cJSON *params);
} methods[] = {
	{"parclose/inspect", call_inspect},
	{"parclose/screenshot", call_screenshot},
	{"parclose/window", call_window},
	{"parclose/exec", call_exec},
	{"parclose/signal", call_signal},
	{"parclose/stop", call_stop},
};

static void take_line(struct connection *connection, const char *untrusted_line, size_t len) {
	struct json_error err;
	cJSON *message = json_parse(untrusted_line, len, &err);
	if (message == NULL) {
		char text[240];
		snprintf(text, sizeof(text), "column %u: %s", err.column, err.reason);
		refuse(connection, NULL, RPC_PARSE, text, NULL);
		goto out;
	}
	const cJSON *rpc_id = cJSON_GetObjectItemCaseSensitive(message, "id");
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
	const char *version =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "jsonrpc"));
	const char *method =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "method"));
	if (version == NULL || strcmp(version, "2.0") != 0 || method == NULL ||
		(rpc_id != NULL && !cJSON_IsNumber(rpc_id) && !cJSON_IsString(rpc_id)) ||
		(params != NULL && !cJSON_IsObject(params))) {
		refuse(connection, rpc_id, RPC_INVALID_REQUEST, "not a JSON-RPC 2.0 request", NULL);
		goto out;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(method, methods[i].name) == 0) {
			methods[i].call(connection, rpc_id, params);
			goto out;
		}
	}
	refuse(connection, rpc_id, RPC_UNKNOWN_METHOD, "there is no such method", NULL);
out:
	drop_fds(connection);
	cJSON_Delete(message);
}

// ---- reading

static void take_fds(struct connection *connection, struct msghdr *msg) {
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
		cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (connection->fds_len == MAX_FDS) {
				close(fd);
				connection->dead = true;
				continue;
			}
			connection->fds[connection->fds_len++] = fd;
		}
	}
}

static void read_some(struct connection *connection) {
	if (connection->in_size - connection->in_len < 4096) {
		size_t size = connection->in_size == 0 ? 8192 : connection->in_size * 2;
		char *in = realloc(connection->in, size);
		if (in == NULL) {
			connection->dead = true;
			return;
		}
		connection->in = in;
		connection->in_size = size;
	}
	struct iovec iov = {
		.iov_base = connection->in + connection->in_len,
		.iov_len = connection->in_size - connection->in_len,
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(connection->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	take_fds(connection, &msg);
	if (len <= 0 || (msg.msg_flags & MSG_CTRUNC) != 0) {
		connection->dead = true;
		return;
	}
	connection->in_len += (size_t)len;
	char *newline;
	while (!connection->dead && !connection->close_after &&
		(newline = memchr(connection->in, '\n', connection->in_len)) != NULL) {
		size_t line = (size_t)(newline - connection->in);
		take_line(connection, connection->in, line);
		connection->in_len -= line + 1;
		memmove(connection->in, newline + 1, connection->in_len);
	}
	if (connection->in_len > CONTROL_MAX_LINE) {
		connection->close_after = true;
		connection->in_len = 0;
		refuse(connection, NULL, RPC_INVALID_REQUEST, "the message is longer than 1 MiB",
			NULL);
	}
}

static int handle_connection(int fd, uint32_t mask, void *data) {
	struct connection *connection = data;
	if (mask & WL_EVENT_WRITABLE) {
		flush(connection);
	}
	if (mask & (WL_EVENT_READABLE | WL_EVENT_HANGUP | WL_EVENT_ERROR)) {
		read_some(connection);
	}
	if (connection->dead) {
		destroy_connection(connection);
	}
	return 0;
}

static int handle_listen(int fd, uint32_t mask, void *data) {
	struct control *control = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		return 0;
	}
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct connection *connection = NULL;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
		(peer.uid != geteuid() && peer.uid != 0) ||
		control->connections_len == CONTROL_MAX_CONNECTIONS ||
		(connection = calloc(1, sizeof(*connection))) == NULL) {
		close(client);
		return 0;
	}
	connection->control = control;
	connection->fd = client;
	wl_list_init(&connection->calls);
	wl_list_insert(&control->connections, &connection->link);
	control->connections_len++;
	connection->source = wl_event_loop_add_fd(
		control->loop, client, WL_EVENT_READABLE, handle_connection, connection);
	if (connection->source == NULL) {
		destroy_connection(connection);
	}
	return 0;
}

struct control *control_create(struct wl_event_loop *loop, struct session *session, int listen_fd) {
	struct control *control = calloc(1, sizeof(*control));
	if (control == NULL) {
		close(listen_fd);
		return NULL;
	}
	control->loop = loop;
	control->session = session;
	control->listen_fd = listen_fd;
	wl_list_init(&control->connections);
	control->listen_source =
		wl_event_loop_add_fd(loop, listen_fd, WL_EVENT_READABLE, handle_listen, control);
	if (control->listen_source == NULL) {
		control_destroy(control);
		return NULL;
	}
	return control;
}

void control_destroy(struct control *control) {
	if (control == NULL) {
		return;
	}
	struct connection *connection, *next;
	wl_list_for_each_safe (connection, next, &control->connections, link) {
		destroy_connection(connection);
	}
	if (control->listen_source != NULL) {
		wl_event_source_remove(control->listen_source);
	}
	close(control->listen_fd);
	free(control);
}
