// SPDX-License-Identifier: GPL-2.0
// Owns the start of a VMM with a CID: binds, then becomes it, so that both
// descriptors live and die with it.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static int bind_self(struct run *run, int device, int vhost)
{
	int life = device_pidfd(getpid());
	int rc;

	if (life < 0)
		return life;
	run->bind.vhost_fd = vhost;
	run->bind.life_fd = life;
	rc = device_bind(device, run);
	close(life);
	return rc;
}

static int become(char **command)
{
	int error;

	execvp(command[0], command);
	error = errno;
	return say_failed(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
			  "cannot run %s: %s: give the VMM's path after --",
			  command[0], strerror(error));
}

int launch_run(struct run *run)
{
	int device, vhost, changed;

	device = device_open(true);
	if (device < 0)
		return EXIT_REFUSED;
	vhost = device_open_vhost();
	if (vhost < 0)
		return EXIT_REFUSED;
	if (bind_self(run, device, vhost))
		return EXIT_REFUSED;
	changed = words_replace(run->command, vhost);
	if (changed < 0)
		return say_failed(EXIT_REFUSED, "no memory for the command");
	if (!changed)
		say("no word of the command has " WORDS_VHOSTFD
		    ": descriptor %d is the VM's vhost-vsock", vhost);
	return become(run->command);
}
