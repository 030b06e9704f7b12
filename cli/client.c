#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "policy/json.h"
#include "session/runtime.h"

struct client {
	int fd;
	int next_id;
	char *in;
	size_t in_len, in_size;
	int received_fd; // not yet handed out, -1: none
};

struct client *client_open(const char *name, bool quiet) {
	struct runtime_why why;
	int fd = runtime_connect(name, &why);
	struct client *client = fd < 0 ? NULL : calloc(1, sizeof(*client));
	if (client == NULL) {
		if (!quiet) {
			complain("%s", fd < 0 ? why.text : "out of memory");
		}
		if (fd >= 0) {
			close(fd);
		}
		return NULL;
	}
	client->fd = fd;
	client->received_fd = -1;
	return client;
}

int client_fd(const struct client *client) {
	return client->fd;
}

void client_close(struct client *client) {
	if (client == NULL) {
		return;
	}
	if (client->received_fd >= 0) {
		close(client->received_fd);
	}
	close(client->fd);
	free(client->in);
	free(client);
}

static bool send_all(
	struct client *client, const char *text, size_t len, const int *fds, size_t fds_len) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	size_t done = 0;
	while (done < len) {
		struct iovec iov = {.iov_base = (char *)text + done, .iov_len = len - done};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		if (done == 0 && fds_len > 0) {
			msg.msg_control = &control;
			msg.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
			struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
			memcpy(CMSG_DATA(cmsg), fds, fds_len * sizeof(int));
		}
		ssize_t n = sendmsg(client->fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool read_more(struct client *client) {
	if (client->in_size - client->in_len < 4096) {
		size_t size = client->in_size == 0 ? 8192 : client->in_size * 2;
		char *in = realloc(client->in, size);
		if (in == NULL) {
			return false;
		}
		client->in = in;
		client->in_size = size;
	}
	struct iovec iov = {
		.iov_base = client->in + client->in_len,
		.iov_len = client->in_size - client->in_len,
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;
	do {
		n = recvmsg(client->fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); n > 0 && cmsg != NULL;
		cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
			if (client->received_fd >= 0) {
				close(client->received_fd);
			}
			memcpy(&client->received_fd, CMSG_DATA(cmsg), sizeof(int));
		}
	}
	if (n <= 0) {
		return false;
	}
	client->in_len += (size_t)n;
	return true;
}

bool client_has_message(const struct client *client) {
	return client->in_len > 0 && memchr(client->in, '\n', client->in_len) != NULL;
}

cJSON *client_read(struct client *client) {
	while (!client_has_message(client)) {
		if (!read_more(client)) {
			return NULL;
		}
	}
	char *newline = memchr(client->in, '\n', client->in_len);
	size_t len = (size_t)(newline - client->in);
	struct json_error err;
	cJSON *message = json_parse(client->in, len, &err);
	client->in_len -= len + 1;
	memmove(client->in, newline + 1, client->in_len);
	return message;
}

void client_call(struct client *client, const char *method, cJSON *params, const int *fds,
	size_t fds_len, struct client_answer *answer) {
	*answer = (struct client_answer){.fd = -1, .failed = true, .exit_code = 1};
	snprintf(answer->message, sizeof(answer->message), "the session ended before it answered");
	int id = ++client->next_id;
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(request, "id", id);
	cJSON_AddStringToObject(request, "method", method);
	if (params != NULL) {
		cJSON_AddItemToObject(request, "params", params);
	}
	char *text = cJSON_PrintUnformatted(request);
	cJSON_Delete(request);
	if (text == NULL) {
		return;
	}
	size_t len = strlen(text);
	text[len++] = '\n';
	bool sent = send_all(client, text, len, fds, fds_len);
	free(text);
	cJSON *message = NULL;
	while (sent && (message = client_read(client)) != NULL) {
		const cJSON *answered = cJSON_GetObjectItemCaseSensitive(message, "id");
		if (cJSON_IsNumber(answered) && answered->valueint == id) {
			break;
		}
		cJSON_Delete(message);
	}
	if (!sent || message == NULL) {
		return;
	}
	cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
	if (error != NULL) {
		const char *why =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
		const cJSON *code = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(error, "data"), "exitCode");
		snprintf(answer->message, sizeof(answer->message), "%s", why != NULL ? why : "?");
		answer->exit_code = cJSON_IsNumber(code) ? code->valueint : 1;
	} else {
		answer->failed = false;
		answer->result = cJSON_DetachItemFromObjectCaseSensitive(message, "result");
		answer->fd = client->received_fd;
		client->received_fd = -1;
	}
	cJSON_Delete(message);
}

void client_answer_finish(struct client_answer *answer) {
	cJSON_Delete(answer->result);
	if (answer->fd >= 0) {
		close(answer->fd);
	}
	*answer = (struct client_answer){.fd = -1};
}
