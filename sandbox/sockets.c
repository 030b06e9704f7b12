#include "sandbox/internal.h"
#include "sandbox/unpaced.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Sockets that are born inside and served from outside. None has SO_REUSEPORT, and a bound
 * datagram socket no SO_REUSEADDR either: with it, a program inside could bind the same port and be
 * given what was meant for this one.
 */

#define BACKLOG 4096 // net.core.somaxconn of a new namespace

static int set(int fd, int level, int option) {
	const int on = 1;
	return setsockopt(fd, level, option, &on, sizeof(on)) ? -errno : 0;
}

// What whoever serves it has to know: the address that was dialled. TCP tells it anyway.
static int tell_destination(int fd, bool ipv6) {
	return ipv6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO) : set(fd, IPPROTO_IP, IP_PKTINFO);
}

static int bind_socket(int fd, const struct sandbox_socket *wanted, bool ipv6) {
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(wanted->port),
		.sin_addr.s_addr = wanted->address,
	};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(wanted->port)};
	if (wanted->loopback6) {
		v6.sin6_addr = in6addr_loopback;
	}
	int ret = ipv6 ? bind(fd, (const struct sockaddr *)&v6, sizeof(v6))
		       : bind(fd, (const struct sockaddr *)&v4, sizeof(v4));
	return ret ? -errno : 0;
}

int socket_make(const struct sandbox_socket *wanted, bool ipv6) {
	bool both = (ipv6 && wanted->address == INADDR_ANY) || wanted->loopback6;
	int fd = socket(both ? AF_INET6 : AF_INET,
		(int)((unsigned int)wanted->type | SOCK_CLOEXEC | SOCK_NONBLOCK), 0);
	if (fd < 0) {
		return -errno;
	}
	int ret = 0;
	if (both) {
		const int off = 0; // bindv6only of the machine does not count
		ret = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ? -errno : 0;
	}
	if (ret == 0 && wanted->type == SOCK_DGRAM) {
		ret = tell_destination(fd, both);
	}
	if (ret == 0 && wanted->every_port) {
		ret = set(fd, IPPROTO_IP, IP_TRANSPARENT);
		ret = ret == 0 && both ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT) : ret;
	}
	if (ret == 0) {
		ret = bind_socket(fd, wanted, both);
	}
	if (wanted->type == SOCK_STREAM) {
		unpaced(fd);
	}
	if (ret == 0 && wanted->type == SOCK_STREAM && listen(fd, BACKLOG)) {
		ret = -errno;
	}
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}
