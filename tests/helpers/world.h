#ifndef PARCLOSE_TESTS_WORLD_H
#define PARCLOSE_TESTS_WORLD_H

/*
 * Two networks for tests of the broker: the "host's", in which the calling process is from
 * world_enter() on, with addresses of its own on `lo`, and the "inside" of a session, of which it
 * gets sockets. Nothing leaves either. Works as root and as an ordinary user, single-threaded.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <wayland-server-core.h>

// Addresses of other machines, as the host's network sees them, where host_listen() may listen.
#define HOST_SERVER "203.0.113.10"
#define HOST_OTHER "203.0.113.20"
#define HOST_SERVER_V6 "2001:db8::10"
#define HOST_PRIVATE "10.1.2.3"
#define HOST_METADATA "169.254.169.254"
#define HOST_OWN "203.0.113.99" // of the host itself

// `resolv_conf`: the text of /etc/resolv.conf from now on, or NULL to leave it. Fails the test.
void world_enter(const char *resolv_conf);

// An unconnected socket of the inside network.
int inside_socket(int family, int type);
// The same, bound (type SOCK_STREAM: listening). `address` NULL: [::].
int inside_listen(int type, const char *address, uint16_t port);
// A socket of the host's network, bound and listening; *port 0: any, and set.
int host_listen(const char *address, uint16_t *port);

// Non-blocking connect from inside, begun; fails the test when it cannot be.
int inside_connect(const char *address, uint16_t port);

// The address for text of either family.
socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *out);

// ---- a resolver in the host's network, at 127.0.0.1:53, that can lie

struct fake_name {
	const char *name, *address; // of either family
	uint32_t ttl;
};

struct resolver_fake {
	const struct fake_name *names; // `names_len`; may be changed at any time
	size_t names_len;
	unsigned int asked; // queries that came
	char last[256]; // the name asked for last
	int fd;
	struct wl_event_source *source;
};
void resolver_fake_begin(struct resolver_fake *fake, struct wl_event_loop *loop);
void resolver_fake_end(struct resolver_fake *fake);

#endif
