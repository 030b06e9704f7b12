#ifndef PARCLOSE_CLI_CROSSING_H
#define PARCLOSE_CLI_CROSSING_H

// What clipboard, put and get share: reading what goes in, and asking the person.

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct client;
struct client_answer;

// A sealed memfd with all of the open file `fd`, of at most `most` bytes; -1 with a complaint.
int crossing_read(int fd, const char *name, size_t most);

struct crossing_ask {
	const char *method; // of the control socket
	const char *verb; // "put" or "get"
	const char *session;
	bool yes; // do not ask
};

/*
 * Sends `params` (consumed) with `item_fd` (-1: none); where the session wants the item confirmed
 * the person is shown it and asked, on /dev/tty, and then it is approved. True: it crossed, and
 * *answer says what. False with a complaint: it did not. client_answer_finish() either way.
 */
bool crossing_perform(struct client *client, const struct crossing_ask *ask, cJSON *params,
	int item_fd, struct client_answer *answer);

#endif
