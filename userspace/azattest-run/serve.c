// SPDX-License-Identifier: GPL-2.0
// Owns the door's life: identity, socket and child come together and go
// together; between that the loop.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "mux.h"
#include "run.h"

#define SIGNALS	MUX_FDS
#define LIFE	(MUX_FDS + 1)

struct serve {
	struct mux mux;
	struct door door;
	struct child child;
	int device;
	int signals;
};

/* Signals that end us come as words on a descriptor. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int take_identity(struct serve *s, struct run *run)
{
	s->device = device_open(false);
	if (s->device < 0)
		return s->device;
	run->bind.vhost_fd = -1;
	run->bind.life_fd = s->child.pidfd;
	return device_bind(s->device, run);
}

/* A VMM gets the signal too; without one it is the end at once. */
static bool heard_end(struct serve *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	child_stop(&s->child, (int)info.ssi_signo);
	return s->child.pidfd < 0;
}

static int loop(struct serve *s, const struct run *run)
{
	struct pollfd fds[MUX_FDS + 2];

	for (;;) {
		int timeout = mux_prepare(&s->mux, fds);

		fds[SIGNALS] = (struct pollfd){ s->signals, POLLIN, 0 };
		fds[LIFE] = (struct pollfd){ s->child.pidfd, POLLIN, 0 };
		if (poll(fds, MUX_FDS + 2, timeout) < 0 && errno != EINTR)
			return say_failed(EXIT_REFUSED, "poll: %s",
					  strerror(errno));
		if (fds[LIFE].revents)
			return child_status(&s->child);
		if (fds[SIGNALS].revents && heard_end(s))
			return 0;
		mux_step(&s->mux, fds);
		if (s->mux.ended)
			return say_failed(EXIT_REFUSED, "the binding of VM %s "
					  "has ended", run->uuid);
	}
}

static int serve(struct serve *s, struct run *run)
{
	int rc;

	if (take_identity(s, run) || socket_open(&s->door, run))
		return EXIT_REFUSED;
	child_release(&s->child);
	mux_init(&s->mux, s->device, s->door.fd);
	say("VM %s answers on %s_%u", run->uuid, run->uds,
	    AZATTEST_VSOCK_PORT);
	rc = fence_enter() ? EXIT_REFUSED : loop(s, run);
	mux_close(&s->mux);
	return rc;
}

/* The child comes first, so that its pidfd can be the binding's life. */
int serve_run(struct run *run)
{
	static struct serve s = { .child = { .pidfd = -1 } };
	int rc;

	s.door.fd = -1;
	s.door.dir = -1;
	s.signals = open_signals();
	if (s.signals < 0)
		return say_failed(EXIT_REFUSED, "signals: %s", strerror(errno));
	if (run->command && child_start(&s.child, run->command))
		return EXIT_REFUSED;
	rc = serve(&s, run);
	socket_close(&s.door);
	return rc;
}
