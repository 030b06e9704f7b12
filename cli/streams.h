#ifndef PARCLOSE_CLI_STREAMS_H
#define PARCLOSE_CLI_STREAMS_H

/*
 * Standard input and output of a command that gets no terminal of its own. What is a terminal here
 * becomes a pipe there, carried by a small process: whoever holds a terminal can read the keys
 * meant for others and change its modes, also from the background.
 */

#include <stdbool.h>
#include <sys/types.h>

struct streams {
	int fds[3]; // for the command; 0, 1, 2 themselves where they are no terminals
	pid_t carriers[3]; // 0: none
};

bool streams_open(struct streams *streams);

// To be called once the command has its copies: ours would keep the pipes from ending.
void streams_handed_over(struct streams *streams);

// After the command's end: what it printed last is shown.
void streams_finish(struct streams *streams);

#endif
