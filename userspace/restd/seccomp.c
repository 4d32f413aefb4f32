// SPDX-License-Identifier: GPL-2.0
// Owns the list of system calls that restd may make; any other kills it.

#include "restd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <seccomp.h>

/*
 * Descriptors that are there, sockets that are there, memory, time. connect()
 * cannot be told apart by its address: it ends TCP connections (AF_UNSPEC) and
 * finds azattest-hostd again; a new socket can only be a Unix socket.
 */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(accept4), SCMP_SYS(connect), SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* sd_notify() says who it is. */
	SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(getgid), SCMP_SYS(geteuid), SCMP_SYS(getegid),
};

/* Of fcntl() what is needed: flags, and a second descriptor of a socket. */
static const int fcntls[] = { F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD };

static int allow_always(scmp_filter_ctx filter)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(always) / sizeof(always[0]); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
	return ret;
}

static int allow_fcntl(scmp_filter_ctx filter)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i]));
	return ret;
}

/* Memory that may be run, never. */
static int allow_memory(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int allow(scmp_filter_ctx filter)
{
	int ret = allow_always(filter);

	if (!ret)
		ret = allow_fcntl(filter);
	if (!ret)
		ret = allow_memory(filter, SCMP_SYS(mmap));
	if (!ret)
		ret = allow_memory(filter, SCMP_SYS(mprotect));
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	return ret;
}

int seccomp_close(struct failure *failure)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = filter ? allow(filter) : -ENOMEM;

	if (!ret)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret ? failure_set(failure, EXIT_FAILURE, ret, "seccomp: %s", strerror(-ret)) : 0;
}
