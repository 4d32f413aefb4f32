// SPDX-License-Identifier: GPL-2.0
// Owns the question whether a VM of this host has a CID now: the driver of vhost-vsock knows.

#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>

#define DEVICE	"/dev/vhost-vsock"

/* A device of ours is refused a CID that another has; one that is free it has for that moment. */
int vhost_check_cid(pid_t pid, uint32_t cid, struct failure *failure)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), error;
	uint64_t wanted = cid;

	if (fd < 0)
		return failure_set(failure, EXIT_FAILURE, -EIO, "%s: %s", DEVICE, strerror(errno));
	error = ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &wanted) ? errno : 0;
	close(fd);
	if (error == EADDRINUSE)
		return 0;
	if (error)
		return failure_set(failure, EXIT_FAILURE, -EIO, "%s: CID %u: %s", DEVICE, cid, strerror(error));
	return failure_set(failure, EXIT_FAILURE, -EINVAL, "process %d: no vsock device of this host has CID %u: "
			   "say --cid with the one that its guest has now", pid, cid);
}
