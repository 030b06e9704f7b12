#include "network/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct pipe *pipes_take(struct pipes *pipes) {
	struct pipe *pipe = pipes->kept;
	if (pipe != NULL) {
		pipes->kept = pipe->next;
		pipes->kept_len--;
		return pipe;
	}
	int fds[2];
	pipe = malloc(sizeof(*pipe));
	if (pipe == NULL || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(pipe);
		return NULL;
	}
	// Where the user's pipes hold too much already, this one stays as it is (pipe(7)).
	fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	*pipe = (struct pipe){.read = fds[0], .write = fds[1]};
	return pipe;
}

void pipes_end(struct pipe *pipe) {
	close(pipe->read);
	close(pipe->write);
	free(pipe);
}

void pipes_give(struct pipes *pipes, struct pipe *pipe) {
	if (pipes->kept_len == PIPES_KEPT) {
		pipes_end(pipe);
		return;
	}
	pipe->next = pipes->kept;
	pipes->kept = pipe;
	pipes->kept_len++;
}

void pipes_finish(struct pipes *pipes) {
	while (pipes->kept != NULL) {
		struct pipe *next = pipes->kept->next;
		pipes_end(pipes->kept);
		pipes->kept = next;
	}
	pipes->kept_len = 0;
}
