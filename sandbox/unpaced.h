#ifndef PARCLOSE_SANDBOX_UNPACED_H
#define PARCLOSE_SANDBOX_UNPACED_H

/*
 * TCP that does not leave the machine. Whatever congestion control the machine has for its
 * networks, nothing is lost on a loopback, and BBR, which paces, halves what the broker carries.
 * Reno is there in every kernel and open to everybody.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define UNPACED "reno"

// Of a socket that is not connected yet, or listens: who connects to it has it too, at our end.
// Where it fails, it is only slower. Leaves errno.
static inline void unpaced(int fd) {
	const int kept = errno;
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, UNPACED, sizeof(UNPACED) - 1);
	errno = kept;
}

#endif
