#include "network/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/clock.h"

#define FIRST_HELD 4096
#define ROUNDS 4 // of reading and writing before others have their turn

static enum relay_side other(enum relay_side side) {
	return side == RELAY_INSIDE ? RELAY_OUTSIDE : RELAY_INSIDE;
}

// Always false, for its callers to say that the relay is over.
static bool end(struct relay *relay, enum relay_end how) {
	if (!relay->over) {
		relay->over = true;
		relay->handler->ended(relay->data, how);
	}
	return false;
}

static bool again(int error) {
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// ---- one direction

static void held_free(struct relay_flow *flow) {
	free(flow->held);
	flow->held = NULL;
	flow->held_size = 0;
}

// Takes the connection outside away. Who asked for another one has read all that came by this one,
// and sent all that went before; else it is broken off. False: the relay is over.
static bool renew(struct relay *relay) {
	struct relay_flow *in = &relay->flows[RELAY_OUTSIDE], *out = &relay->flows[RELAY_INSIDE];
	struct relay_port *port = &relay->ports[RELAY_OUTSIDE];
	if (in->piped > 0 || in->held_len > 0 || in->eof || out->pass > 0) {
		return end(relay, RELAY_RESET);
	}
	if (port->source != NULL) {
		wl_event_source_remove(port->source);
		port->source = NULL;
	}
	if (port->fd >= 0) {
		close(port->fd);
		port->fd = -1;
	}
	*in = (struct relay_flow){.checked = true, .bytes = in->bytes};
	out->blocked = false;
	return relay->handler->fresh(relay->data);
}

static bool show(struct relay *relay, enum relay_side from) {
	struct relay_flow *flow = &relay->flows[from];
	size_t pass = 0;
	enum relay_word word = relay->handler->check(relay->data, from,
		flow->held != NULL ? flow->held + flow->pass : (const unsigned char *)"",
		flow->held_len - flow->pass, flow->eof, &pass);
	if (word == RELAY_REFUSE) {
		return end(relay, RELAY_REFUSED);
	}
	if (word == RELAY_FRESH) {
		flow->pass += pass;
		return renew(relay);
	}
	relay->freed = relay->freed || word == RELAY_FREE;
	flow->pass = word == RELAY_FREE ? flow->held_len : flow->pass + pass;
	flow->checked = word != RELAY_FREE;
	return true;
}

static bool held_grow(struct relay *relay, struct relay_flow *flow) {
	if (flow->held_len < flow->held_size) {
		return true;
	}
	size_t size = flow->held_size == 0 ? FIRST_HELD : flow->held_size * 4;
	unsigned char *held = realloc(flow->held, size);
	if (held == NULL) {
		return end(relay, RELAY_FAILED);
	}
	flow->held = held;
	flow->held_size = size;
	return true;
}

// Reads into the buffer, and has it checked. *moved: something came.
static bool read_held(struct relay *relay, enum relay_side from, bool *moved) {
	struct relay_flow *flow = &relay->flows[from];
	if (flow->held_len == RELAY_HELD_MAX) {
		return true;
	}
	if (!held_grow(relay, flow)) {
		return false;
	}
	ssize_t n = recv(relay->ports[from].fd, flow->held + flow->held_len,
		flow->held_size - flow->held_len, MSG_DONTWAIT);
	if (n < 0) {
		return again(errno) || end(relay, RELAY_RESET);
	}
	*moved = true;
	flow->held_len += (size_t)n;
	flow->eof = n == 0;
	return show(relay, from);
}

static bool write_held(struct relay *relay, enum relay_side from, bool *moved) {
	struct relay_flow *flow = &relay->flows[from];
	while (flow->pass > 0 && !flow->blocked) {
		ssize_t n = send(relay->ports[other(from)].fd, flow->held, flow->pass,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !again(errno)) {
			return end(relay, RELAY_RESET);
		}
		flow->blocked = n < 0;
		if (n > 0) {
			*moved = true;
			flow->bytes += (size_t)n;
			flow->pass -= (size_t)n;
			flow->held_len -= (size_t)n;
			memmove(flow->held, flow->held + n, flow->held_len);
		}
	}
	if (flow->held_len == 0) {
		held_free(flow);
	}
	return true;
}

static bool read_pipe(struct relay *relay, enum relay_side from, bool *moved) {
	struct relay_flow *flow = &relay->flows[from];
	if (flow->pipe == NULL) {
		flow->pipe = pipes_take(relay->pipes);
	}
	if (flow->pipe == NULL) {
		return end(relay, RELAY_FAILED);
	}
	ssize_t n = splice(relay->ports[from].fd, NULL, flow->pipe->write, NULL, PIPE_BYTES,
		SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && !again(errno)) {
		return end(relay, RELAY_RESET);
	}
	if (n >= 0) {
		*moved = true;
		flow->eof = n == 0;
		flow->piped += (size_t)n;
	}
	return true;
}

static bool write_pipe(struct relay *relay, enum relay_side from, bool *moved) {
	struct relay_flow *flow = &relay->flows[from];
	while (flow->piped > 0 && !flow->blocked) {
		ssize_t n = splice(flow->pipe->read, NULL, relay->ports[other(from)].fd, NULL,
			flow->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && !again(errno)) {
			return end(relay, RELAY_RESET);
		}
		flow->blocked = n < 0;
		if (n > 0) {
			*moved = true;
			flow->piped -= (size_t)n;
			flow->bytes += (size_t)n;
		}
	}
	if (flow->piped == 0 && flow->pipe != NULL) {
		pipes_give(relay->pipes, flow->pipe);
		flow->pipe = NULL;
	}
	return true;
}

// Moves what can be moved in one direction. False: the relay is over.
static bool pump(struct relay *relay, enum relay_side from) {
	struct relay_flow *flow = &relay->flows[from];
	const struct relay_port *source = &relay->ports[from], *target = &relay->ports[other(from)];
	bool moved = source->fd >= 0;
	for (int round = 0; round < ROUNDS && moved; round++) {
		moved = false;
		if (!flow->eof && flow->checked) {
			if (!read_held(relay, from, &moved)) {
				return false;
			}
		} else if (!flow->eof && flow->held_len == 0 && flow->piped == 0 &&
			   target->fd >= 0) {
			if (!read_pipe(relay, from, &moved)) {
				return false;
			}
		}
		if (target->fd >= 0 &&
			(!write_held(relay, from, &moved) || !write_pipe(relay, from, &moved))) {
			return false;
		}
		if (moved) {
			relay->active_ms = clock_ms();
		}
	}
	if (flow->eof && flow->held_len == 0 && flow->piped == 0 && !flow->shut &&
		target->fd >= 0) {
		flow->shut = true;
		shutdown(target->fd, SHUT_WR);
	}
	return true;
}

// ---- events

static uint32_t wanted(const struct relay *relay, enum relay_side side) {
	const struct relay_flow *in = &relay->flows[side], *out = &relay->flows[other(side)];
	bool room = in->checked ? in->held_len < RELAY_HELD_MAX
				: in->held_len == 0 && in->piped == 0 &&
					  relay->ports[other(side)].fd >= 0;
	return (!in->eof && room ? WL_EVENT_READABLE : 0) | (out->blocked ? WL_EVENT_WRITABLE : 0);
}

static int handle_event(int fd, uint32_t mask, void *data);

static bool watch(struct relay *relay, enum relay_side side) {
	struct relay_port *port = &relay->ports[side];
	if (port->fd < 0) {
		return true;
	}
	uint32_t mask = wanted(relay, side);
	if (port->source == NULL) {
		if (mask == 0) {
			return true;
		}
		port->source =
			wl_event_loop_add_fd(relay->loop, port->fd, mask, handle_event, port);
		port->mask = mask;
		return port->source != NULL || end(relay, RELAY_FAILED);
	}
	if (mask != port->mask) {
		port->mask = mask;
		wl_event_source_fd_update(port->source, mask);
	}
	return true;
}

// What one direction said may be what the bytes of the other wait for. False: the relay is over.
static bool settle(struct relay *relay) {
	while (relay->freed) {
		relay->freed = false;
		for (int side = 0; side < 2; side++) {
			struct relay_flow *flow = &relay->flows[side];
			if (flow->checked && relay->ports[side].fd >= 0 &&
				(!show(relay, (enum relay_side)side) ||
					!pump(relay, (enum relay_side)side))) {
				return false;
			}
		}
	}
	if (relay->flows[RELAY_INSIDE].shut && relay->flows[RELAY_OUTSIDE].shut) {
		return end(relay, RELAY_DONE);
	}
	return watch(relay, RELAY_INSIDE) && watch(relay, RELAY_OUTSIDE);
}

static int handle_event(int fd, uint32_t mask, void *data) {
	struct relay_port *port = data;
	struct relay *relay = port->relay;
	enum relay_side side = port->side;
	if ((mask & WL_EVENT_ERROR) != 0) {
		if (pump(relay, side)) { // what came before the end
			end(relay, RELAY_RESET);
		}
		return 0;
	}
	// The kernel tells a hang-up whether asked or not: with nothing to do about it yet, it must
	// not be told again and again.
	if ((mask & WL_EVENT_HANGUP) != 0 && port->mask == 0) {
		wl_event_source_remove(port->source);
		port->source = NULL;
		return 0;
	}
	if ((mask & WL_EVENT_WRITABLE) != 0) {
		relay->flows[other(side)].blocked = false;
		if (!pump(relay, other(side))) {
			return 0;
		}
	}
	if ((mask & (WL_EVENT_READABLE | WL_EVENT_HANGUP)) != 0 && !pump(relay, side)) {
		return 0;
	}
	settle(relay);
	return 0;
}

// ---- life

void relay_init(struct relay *relay, struct wl_event_loop *loop, struct pipes *pipes,
	const struct relay_handler *handler, void *data) {
	*relay = (struct relay){
		.loop = loop,
		.pipes = pipes,
		.handler = handler,
		.data = data,
		.active_ms = clock_ms(),
	};
	for (int side = 0; side < 2; side++) {
		relay->ports[side] = (struct relay_port){
			.relay = relay, .side = (enum relay_side)side, .fd = -1};
		relay->flows[side].checked = true;
	}
}

void relay_put(struct relay *relay, enum relay_side side, int fd) {
	relay->ports[side].fd = fd;
}

bool relay_watch(struct relay *relay, enum relay_side side) {
	struct relay_port *port = &relay->ports[side];
	port->mask = WL_EVENT_READABLE;
	port->source =
		wl_event_loop_add_fd(relay->loop, port->fd, WL_EVENT_READABLE, handle_event, port);
	return port->source != NULL;
}

void relay_attach(struct relay *relay, enum relay_side side, int fd) {
	relay_put(relay, side, fd);
	relay->freed = true; // what waited for it is shown again
	if (pump(relay, other(side)) && pump(relay, side)) {
		settle(relay);
	}
}

void relay_recheck(struct relay *relay) {
	relay->freed = true;
	settle(relay);
}

uint64_t relay_bytes(const struct relay *relay, enum relay_side side) {
	return relay->flows[side].bytes;
}

void relay_finish(struct relay *relay, bool reset) {
	relay->over = true;
	for (int side = 0; side < 2; side++) {
		struct relay_port *port = &relay->ports[side];
		struct relay_flow *flow = &relay->flows[side];
		if (port->source != NULL) {
			wl_event_source_remove(port->source);
			port->source = NULL;
		}
		if (port->fd >= 0) {
			// Zero seconds to linger: the peer sees a reset instead of an end (tcp(7)).
			const struct linger now = {.l_onoff = 1, .l_linger = 0};
			if (reset) {
				setsockopt(port->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
			}
			close(port->fd);
			port->fd = -1;
		}
		held_free(flow);
		if (flow->pipe != NULL) {
			pipes_end(flow->pipe);
			flow->pipe = NULL;
		}
	}
}
