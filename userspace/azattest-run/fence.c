// SPDX-License-Identifier: GPL-2.0
// Owns what the door gives up before it hears a VM: capabilities, new
// privileges, and all system calls but those of its loop.
#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>

#include "run.h"

static const int allowed[] = {
	/* the loop */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(sendto), SCMP_SYS(accept4), SCMP_SYS(close),
	SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	/* its end: the child, the socket's file, words */
	SCMP_SYS(kill), SCMP_SYS(wait4), SCMP_SYS(newfstatat),
	SCMP_SYS(unlinkat), SCMP_SYS(writev), SCMP_SYS(brk),
	SCMP_SYS(exit_group),
};

static int filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !rc && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

/* The bounding set is for those with CAP_SETPCAP; others have none to lose. */
static int drop_capabilities(void)
{
	bool bounds;

	if (capng_get_caps_process())
		return -EPERM;
	bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_BOTH);
	return capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) ?
	       -EPERM : 0;
}

/* 0, or a negative errno that has been told. */
int fence_enter(void)
{
	int rc;

	if (drop_capabilities())
		return say_failed(-EPERM, "cannot give up capabilities");
	prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return say_failed(-errno, "cannot give up new privileges: %s",
				  strerror(errno));
	rc = filter();
	if (rc)
		return say_failed(rc, "cannot restrict system calls: %s",
				  strerror(-rc));
	return 0;
}
