#ifndef PARCLOSE_TESTS_BROKER_H
#define PARCLOSE_TESTS_BROKER_H

/*
 * The broker in this process, between the two networks of world.h, and what its tests do with it.
 * Everything here fails the test when it cannot be done.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "network/broker.h"
#include "tests/helpers/world.h"

#define PORT 8443 // the one that the broker serves
#define MAX_DECISIONS 40000

struct state {
	struct wl_event_loop *loop;
	struct broker *broker;
	struct resolver_fake fake;
	int dns;
	struct broker_decision *decisions;
	size_t decisions_len;
	uint32_t need_token, need_family;
};

#define ALLOW(to) \
	"{\"egress\": {\"allow\": [{\"to\": [" to "], \"ports\": [{\"protocol\": \"tcp\", " \
	"\"port\": 8443}]}]}}"
#define ALLOW_EXAMPLES ALLOW("{\"domain\": \"*.example\"}")

// A broker for a policy with this "network", which may name what "*.example" does in broker.c.
struct state *bench_begin(const char *network);
extern uint32_t bench_patience_ms; // of the brokers that begin, broker_config.patience_ms
struct state *bench_begin_with(const char *network, bool learn, size_t connections);
void bench_end(struct state *state);
// Has the broker work for so long.
void bench_run(struct state *state, uint64_t ms);
struct policy *bench_policy(const char *network);
void listen_at(struct state *state, enum broker_listen_kind kind, uint32_t port,
	uint32_t inside_port, int fd);

bool is_readable(int fd);
// Has the broker work until `fd` has something to read; false: it had not for two seconds.
bool wait_readable(struct state *state, int fd);

// The first decision of its kind since decisions_len was 0; NULL: there is none.
const struct broker_decision *find(const struct state *state, enum broker_decision_kind kind);
const struct broker_decision *wait_decision(struct state *state, enum broker_decision_kind kind);

// Asks DNS inside; returns the code, and the address as text (empty: none), 64 bytes.
unsigned int look_up(struct state *state, const char *name, uint16_t type, char *address);
// A client inside that connects to a name.
int connect_to(struct state *state, const char *name, uint16_t port);
int accept_from(struct state *state, int server);
void say(int fd, const char *text);
void expect(struct state *state, int fd, const char *text);
void expect_reset(struct state *state, int fd); // without a byte before
void expect_end(struct state *state, int fd);

#endif
