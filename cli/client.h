#ifndef PARCLOSE_CLI_CLIENT_H
#define PARCLOSE_CLI_CLIENT_H

// The control socket from the outside: one request at a time, blocking.

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct client;

// Connects to a session; complains and returns NULL on failure (with `quiet`, only returns NULL).
struct client *client_open(const char *name, bool quiet);
int client_fd(const struct client *client);
void client_close(struct client *client); // NULL is allowed

struct client_answer {
	cJSON *result; // freed by client_answer_finish()
	int fd; // that came with it, -1: none; closed by client_answer_finish()
	bool failed;
	char message[512]; // why, when failed
	int exit_code; // of a command that could not be executed, else 1
};

// Sends `method` with `params` (consumed, may be NULL) and descriptors, waits for the answer.
void client_call(struct client *client, const char *method, cJSON *params, const int *fds,
	size_t fds_len, struct client_answer *answer);
void client_answer_finish(struct client_answer *answer);

// Reads the next message, of any kind; the caller frees. NULL: the session closed the connection.
cJSON *client_read(struct client *client);

// Is a whole message read already?
bool client_has_message(const struct client *client);

#endif
