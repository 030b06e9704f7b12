#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/network.h"
#include "sandbox/unpaced.h"
#include "session/network-internal.h"

/*
 * Ports of this machine's loopback that lead to a port inside. The supervisor listens, the broker
 * accepts.
 */

#define BACKLOG 128

// A listening socket at the loopback of `family`; or -errno, -EAFNOSUPPORT: this machine has none.
static int listen_at(int family, uint16_t port) {
	struct sockaddr_in v4 = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	// What listened here before and has ended does not stand in the way.
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	unpaced(fd);
	int ret = family == AF_INET ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
				    : bind(fd, (const struct sockaddr *)&v6, sizeof(v6));
	if (ret != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return error == EADDRNOTAVAIL ? -EAFNOSUPPORT : -error;
	}
	return fd;
}

// Ends the listening, also for the broker, which has the same sockets.
static void unpublish(struct published *published) {
	for (size_t i = 0; i < 2; i++) {
		if (published->fds[i] >= 0) {
			shutdown(published->fds[i], SHUT_RDWR);
			close(published->fds[i]);
			published->fds[i] = -1;
		}
	}
}

static bool publish(struct published *published, char *why, size_t size) {
	static const int families[] = {AF_INET, AF_INET6};
	published->fds[0] = published->fds[1] = -1;
	for (size_t i = 0; i < 2; i++) {
		published->fds[i] = listen_at(families[i], published->host);
		int error = published->fds[i] < 0 ? -published->fds[i] : 0;
		if (error == 0 || (error == EAFNOSUPPORT && families[i] == AF_INET6)) {
			continue;
		}
		snprintf(why, size,
			"/network/ingress/publish: cannot listen at port %u of %s: %s%s",
			(unsigned int)published->host, i == 0 ? "127.0.0.1" : "[::1]",
			strerror(error),
			error == EADDRINUSE ? "; end what listens there, or publish at another port"
			: error == EACCES   ? "; ports below 1024 are root's"
					    : "");
		unpublish(published);
		return false;
	}
	return true;
}

static const struct published *find(
	const struct session_network *network, const struct network_publish *wanted) {
	for (size_t i = 0; i < network->published_len; i++) {
		if (network->published[i].host == wanted->host &&
			network->published[i].port == wanted->port) {
			return &network->published[i];
		}
	}
	return NULL;
}

static void hand_over(struct session_network *network, const struct published *published) {
	for (size_t i = 0; i < 2; i++) {
		int fd = published->fds[i] < 0 ? -1 : fcntl(published->fds[i], F_DUPFD_CLOEXEC, 3);
		if (fd >= 0) {
			uplink_listen(network->uplink, BROKER_LISTEN_PUBLISH, published->host,
				published->port, fd);
		}
	}
}

bool network_publish(struct session_network *network, const struct policy_network *wanted,
	char *why, size_t size) {
	size_t len = wanted != NULL ? wanted->publish_len : 0, made = 0;
	struct published *list = calloc(len > 0 ? len : 1, sizeof(*list));
	bool *is_new = calloc(len > 0 ? len : 1, sizeof(*is_new));
	bool done = list != NULL && is_new != NULL;
	if (!done && why != NULL) {
		snprintf(why, size, "out of memory");
	}
	for (; made < len && done; made++) {
		const struct published *had = find(network, &wanted->publish[made]);
		is_new[made] = had == NULL;
		list[made] = had != NULL ? *had
					 : (struct published){.host = wanted->publish[made].host,
						   .port = wanted->publish[made].port};
		done = had != NULL || publish(&list[made], why, size);
	}
	for (size_t i = 0; i < made && !done; i++) {
		if (is_new[i]) {
			unpublish(&list[i]);
		}
	}
	if (done) {
		for (size_t i = 0; i < network->published_len; i++) {
			const struct network_publish as = {
				network->published[i].host, network->published[i].port};
			bool stays = false;
			for (size_t j = 0; j < len; j++) {
				stays = stays ||
					(list[j].host == as.host && list[j].port == as.port);
			}
			if (!stays) {
				unpublish(&network->published[i]);
			}
		}
		for (size_t i = 0; i < len; i++) {
			if (is_new[i]) {
				hand_over(network, &list[i]);
			}
		}
		free(network->published);
		network->published = list;
		network->published_len = len;
		list = NULL;
	}
	free(list);
	free(is_new);
	return done;
}
