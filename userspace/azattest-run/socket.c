// SPDX-License-Identifier: GPL-2.0
// Owns the socket file PATH_253: made where nobody else can touch it, then
// moved into place with owner and mode set.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run.h"

#define MADE_NAME	"s"

/* Splits PATH_253 into an open folder and a name. */
static int open_folder(struct door *door, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[108] = ".";
	int n;

	n = snprintf(door->name, sizeof(door->name), "%s_%u",
		     slash ? slash + 1 : path, AZATTEST_VSOCK_PORT);
	if (n >= (int)sizeof(door->name) || strlen(path) >= sizeof(folder) - 4)
		return say_failed(-ENAMETOOLONG, "--uds %s: longer than a "
				  "socket's path may be", path);
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s",
			 (int)(slash == path ? 1 : slash - path), path);
	door->dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (door->dir < 0)
		return say_failed(-errno, "--uds %s: cannot open folder %s: %s",
				  path, folder, strerror(errno));
	return 0;
}

/* Through /proc a path is short, whatever the folder is called. */
static struct sockaddr_un address_of(int fd, const char *below)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d%s", fd, below);
	return address;
}

static bool answers(int file)
{
	struct sockaddr_un address = address_of(file, "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool live;

	live = fd < 0 ||
	       !connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	       errno != ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return live;
}

/* Does anybody listen there? In doubt yes. */
static bool is_live(const struct door *door)
{
	int file = openat(door->dir, door->name,
			  O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool live;

	if (file < 0)
		return errno != ENOENT;
	live = answers(file);
	close(file);
	return live;
}

/* A socket left by one who was killed may be replaced, nothing else. */
static int check_old(const struct door *door)
{
	struct stat st;

	if (fstatat(door->dir, door->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 :
		       say_failed(-errno, "%s: %s", door->name, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return say_failed(-EEXIST, "%s exists and is no socket: move "
				  "it away", door->name);
	if (is_live(door))
		return say_failed(-EADDRINUSE, "%s: somebody listens there: is "
				  "the VM running?", door->name);
	return 0;
}

/* A folder that only we can enter, whoever owns the one around it. */
static int make_private(const struct door *door, char *name, size_t size)
{
	struct stat st;
	int fd;

	snprintf(name, size, ".azattest-run.%d", (int)getpid());
	if (mkdirat(door->dir, name, 0700) < 0 && errno != EEXIST)
		return say_failed(-errno, "cannot make a folder beside %s: %s",
				  door->name, strerror(errno));
	fd = openat(door->dir, name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) == 0700)
		return fd;
	if (fd >= 0)
		close(fd);
	return say_failed(-EPERM, "%s beside %s is not ours: remove it", name,
			  door->name);
}

static int listen_in(struct door *door, int private, const struct run *run)
{
	struct sockaddr_un address = address_of(private, "/" MADE_NAME);

	unlinkat(private, MADE_NAME, 0);
	door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	if (door->fd < 0 ||
	    bind(door->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(door->fd, 64) < 0 ||
	    fchmodat(private, MADE_NAME, run->socket_mode, 0) < 0 ||
	    fchownat(private, MADE_NAME, run->socket_uid, run->socket_gid,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return say_failed(-errno, "cannot make socket %s: %s",
				  door->name, strerror(errno));
	return 0;
}

static int publish(struct door *door, int private)
{
	struct stat st;

	if (fstatat(private, MADE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    renameat(private, MADE_NAME, door->dir, door->name) < 0)
		return say_failed(-errno, "cannot put socket %s in place: %s",
				  door->name, strerror(errno));
	door->dev = st.st_dev;
	door->ino = st.st_ino;
	return 0;
}

static int make(struct door *door, const struct run *run)
{
	char name[64];
	int private = make_private(door, name, sizeof(name));
	int rc;

	if (private < 0)
		return private;
	rc = listen_in(door, private, run);
	if (!rc)
		rc = publish(door, private);
	if (rc)
		unlinkat(private, MADE_NAME, 0);
	close(private);
	unlinkat(door->dir, name, AT_REMOVEDIR);
	return rc;
}

/* 0, or a negative errno that has been told. */
int socket_open(struct door *door, const struct run *run)
{
	int rc;

	door->fd = -1;
	door->dir = -1;
	rc = open_folder(door, run->uds);
	if (!rc)
		rc = check_old(door);
	if (!rc)
		rc = make(door, run);
	return rc;
}

/* Removes the file if it is still ours. */
void socket_close(struct door *door)
{
	struct stat st;

	if (door->ino &&
	    !fstatat(door->dir, door->name, &st, AT_SYMLINK_NOFOLLOW) &&
	    st.st_dev == door->dev && st.st_ino == door->ino)
		unlinkat(door->dir, door->name, 0);
	close(door->fd);
	close(door->dir);
}
