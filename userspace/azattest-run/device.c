// SPDX-License-Identifier: GPL-2.0
// Owns the devices: opening them, BIND, and what to do about each refusal.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <userspace/common/mismatch.h>

#include "run.h"

#define VHOST_VSOCK	"/dev/vhost-vsock"

/*
 * A binding that has just ended frees CID and UUID a few milliseconds after
 * its VMM was reaped, so a restart may come too early.
 */
#define BIND_TRIES	20
#define BIND_PAUSE_MS	5

static int open_device(const char *path, int flags, const char *advice)
{
	int fd = open(path, O_RDWR | flags);

	if (fd < 0)
		say("cannot open %s: %s: %s", path, strerror(errno),
		    errno == ENOENT || errno == ENODEV || errno == ENXIO ?
		    advice : "run as root or join the group that owns it");
	return fd;
}

/* @inherited: the program that we become keeps it, and so the binding. */
int device_open(bool inherited)
{
	return open_device(AZATTEST_DEVICE,
			   inherited ? 0 : O_CLOEXEC | O_NONBLOCK,
			   "load the azattest module");
}

int device_open_vhost(void)
{
	return open_device(VHOST_VSOCK, 0, "load the vhost_vsock module");
}

int device_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		say("cannot watch process %d: %s", (int)pid, strerror(errno));
	return fd;
}

const char *device_bind_advice(int error)
{
	switch (error) {
	case EPERM:
		return "not allowed: needs CAP_NET_ADMIN, or a grant for this "
		       "UUID and this user (and its CID, name and profile): "
		       "an administrator makes one with azattestctl grant";
	case EALREADY:
		return "this file is bound already: report a bug";
	case EBUSY:
		return "this UUID is bound already, or a BIND of it or of the "
		       "CID is under way: is the VM running?";
	case EADDRINUSE:
		return "another VM has this CID: choose another or end that VM";
	case EINVAL:
		return "a value is refused: check UUID, CID, name and profile";
	case ESRCH:
		return "the VMM has ended";
	case ENODEV:
		return "the module does not listen on vsock: load vsock and "
		       "vhost_vsock before azattest";
	case ENOSPC:
		return "the host's limit \"bindings\" is reached: raise it or "
		       "end other VMs";
	default:
		return mismatch_says(error) ? MISMATCH_WORDS :
		       "see the reason given";
	}
}

/* ENOSPC reads as a full disk, EBUSY as a busy device: say the object. */
static void say_refused(const struct run *run, int error)
{
	if (run->bind.flags & AZATTEST_BIND_CID)
		say("cannot bind VM %s to CID %llu: %s: %s", run->uuid,
		    (unsigned long long)run->bind.cid, strerror(error),
		    device_bind_advice(error));
	else
		say("cannot bind VM %s: %s: %s", run->uuid, strerror(error),
		    device_bind_advice(error));
}

static int bind_once(int device, struct azattest_bind *bind)
{
	struct azattest_bind copy = *bind;

	copy.size = sizeof(copy);
	if (ioctl(device, AZATTEST_IOC_BIND, &copy) < 0)
		return errno;
	bind->generation = copy.generation;
	return 0;
}

static bool may_pass(int error)
{
	return error == EADDRINUSE || error == EBUSY || error == EINTR;
}

/* 0, or a negative errno that has been told. */
int device_bind(int device, struct run *run)
{
	struct timespec pause = { .tv_nsec = BIND_PAUSE_MS * 1000000L };
	int i, error = 0;

	for (i = 0; i < BIND_TRIES; i++) {
		error = bind_once(device, &run->bind);
		if (!may_pass(error))
			break;
		nanosleep(&pause, NULL);
	}
	if (error)
		say_refused(run, error);
	return -error;
}
