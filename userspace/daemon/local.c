// SPDX-License-Identifier: GPL-2.0
// Owns the making of a daemon's own socket in its run directory.

#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Nobody can connect before mode and owner are as they shall be. The mode first: it is
 * its owner's to change, and whoever may give a file away need not have CAP_FOWNER.
 */
static int name_it(int fd, const struct local *local, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(mask);
	if (ret || chmod(local->path, local->mode) ||
	    (local->owner && chown(local->path, local->owner, (gid_t)-1)) ||
	    listen(fd, local->backlog))
		return -errno;
	return fd;
}

static int listen_at(const struct local *local)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, local->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret;

	if (fd < 0)
		return -errno;
	strcpy(address.sun_path, local->path);
	unlink(local->path);	/* of one that died: the state directory's lock is ours */
	ret = name_it(fd, local, &address);
	if (ret < 0)
		close(fd);
	return ret;
}

int local_listen(const struct local *local, const char *run, const char *name,
		 struct failure *failure)
{
	int fd;

	if ((size_t)snprintf(local->path, LOCAL_PATH_SIZE, "%s/%s", run, name) >= LOCAL_PATH_SIZE)
		return failure_set(failure, EXIT_FAILURE, -ENAMETOOLONG,
				   "%s: too long for a socket's name", run);
	if (mkdir(run, 0755) && errno != EEXIST)
		return failure_set(failure, EXIT_FAILURE, -errno, "%s: cannot be made: %s", run,
				   strerror(errno));
	fd = listen_at(local);
	if (fd < 0)
		return failure_set(failure, EXIT_FAILURE, fd, "%s: cannot listen: %s", local->path,
				   strerror(-fd));
	return fd;
}
