// SPDX-License-Identifier: GPL-2.0
// Owns the way to the host: a connected AF_VSOCK socket, within a deadline.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib.h"

static int connect_code(int error)
{
	switch (error) {
	case ECONNRESET:
	case ECONNREFUSED:
	case EPIPE:
		return AZATTEST_E_RESET;
	case ETIMEDOUT:
		return AZATTEST_E_TIMEOUT;
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
	case ENODEV:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EACCES:
	case EPERM:
		return AZATTEST_E_NO_VSOCK;
	default:
		return AZATTEST_E_SYSTEM;
	}
}

static int connect_failed(unsigned int cid, unsigned int port, int error,
			  struct azattest_fault *fault)
{
	return fault_set(fault, connect_code(error),
			 "cannot connect to vsock CID %u port %u: %s",
			 cid, port, strerror(error));
}

int connect_finish(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int n, error = 0;

	do {
		n = poll(&p, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if (n == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

int azattest_connect(unsigned int cid, unsigned int port, int timeout_ms,
		     int *fd, struct azattest_fault *fault)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	int s, error = 0;

	s = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return connect_failed(cid, port, errno, fault);
	if (connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno == EINPROGRESS ? connect_finish(s, timeout_ms) : errno;
	if (error) {
		close(s);
		return connect_failed(cid, port, error, fault);
	}
	*fd = s;
	return 0;
}
