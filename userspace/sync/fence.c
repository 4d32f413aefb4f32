// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-sync gives up: its user, its capabilities, its system calls.

#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cap-ng.h>
#include <seccomp.h>

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

int fence_drop(const struct config *config)
{
	const struct rlimit none = { 0, 0 };

	capng_clear(CAPNG_SELECT_BOTH);
	if (config->sync_uid != (uid_t)-1) {
		if (capng_change_id((int)config->sync_uid, (int)config->sync_gid,
				    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING))
			return -EPERM;
	} else if (capng_apply(CAPNG_SELECT_CAPS)) {
		return -EPERM;
	}
	/* The change of user would have cleared the first. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return 0;
}

/* Memory, time, random numbers, the descriptors that there are. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(poll),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(kill),
	SCMP_SYS(wait4), SCMP_SYS(tgkill),
};

/* What a name look-up and a connection take; files may be read. */
static const int network[] = {
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(ppoll),
	SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(uname), SCMP_SYS(stat), SCMP_SYS(access),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(sysinfo), SCMP_SYS(pread64),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < count; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return ret;
}

static int allow_reading_files(scmp_filter_ctx filter)
{
	int ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
					   O_RDONLY));

	return ret ? ret : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
					    SCMP_A1(SCMP_CMP_MASKED_EQ,
						    O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

/* Name look-up tries netlink and a Unix socket first, and goes on without either. */
static int allow_sockets(scmp_filter_ctx filter)
{
	int ret = 0;

	for (int family = 0; !ret && family < AF_MAX; family++) {
		bool internet = family == AF_INET || family == AF_INET6;

		ret = seccomp_rule_add(filter, internet ? SCMP_ACT_ALLOW :
				       SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
	}
	return ret;
}

int fence_close(enum fence_kind kind)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret;

	if (!filter)
		return -ENOMEM;
	ret = allow(filter, always, COUNT(always));
	if (!ret && kind == FENCE_NETWORK)
		ret = allow(filter, network, COUNT(network));
	if (!ret && kind == FENCE_NETWORK)
		ret = allow_reading_files(filter);
	if (!ret && kind == FENCE_NETWORK)
		ret = allow_sockets(filter);
	if (!ret)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	return ret;
}
