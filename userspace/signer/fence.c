// SPDX-License-Identifier: GPL-2.0
// Owns what the signer gives up: its user, its capabilities, its system calls.

#include "signer.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include <userspace/common/keeper.h>

static int forbid_dumps(void)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none))
		return -errno;
	return 0;
}

int fence_begin(unsigned int last_fd)
{
	if (syscall(SYS_close_range, last_fd + 1, ~0u, 0))
		return -errno;
	return forbid_dumps();
}

/* Without the right to do it there is nothing to give up. */
static void empty_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int empty_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

static int become(uid_t uid, gid_t gid)
{
	if (uid == (uid_t)-1)
		return 0;
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

int fence_drop(uid_t uid, gid_t gid, pid_t parent)
{
	int ret;

	empty_bounding_set();
	ret = become(uid, gid);
	if (!ret)
		ret = empty_capabilities();
	if (ret)
		return ret;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A change of user clears both, so they are set after it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -errno;
	ret = forbid_dumps();
	if (ret)
		return ret;
	return getppid() == parent ? 0 : -ESRCH;
}

/*
 * getpid: libcrypto's random generator asks whether it was forked. The clocks
 * are read without a system call where the processor's counter is trusted.
 */
static const int always[] = {
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),
};

static int allow_always(scmp_filter_ctx filter)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(always) / sizeof(always[0]); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
	return ret;
}

static int allow_on(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd));
}

static int allow_ioctl(scmp_filter_ctx filter, unsigned int command)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2,
				SCMP_A0(SCMP_CMP_EQ, SIGNER_FD_DEVICE),
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, command));
}

static int allow_signing(scmp_filter_ctx filter)
{
	int ret;

	ret = allow_ioctl(filter, AZATTEST_SIGNER_IOC_EXCHANGE);
	if (!ret)
		ret = allow_ioctl(filter, AZATTEST_SIGNER_IOC_JOIN);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(write), SIGNER_FD_DEVICE);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(write), SIGNER_FD_REPORT);
	return ret;
}

static int allow_making(scmp_filter_ctx filter)
{
	int ret;

	ret = allow_on(filter, SCMP_SYS(write), SIGNER_FD_KEY_FILE);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(fsync), SIGNER_FD_KEY_FILE);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(write), SIGNER_FD_REQUEST);
	return ret;
}

/* The pipe of an ask gets the number that the setup had. */
static int allow_keeping(scmp_filter_ctx filter)
{
	int ret;

	ret = allow_on(filter, SCMP_SYS(recvmsg), KEEPER_FD_ASK);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(write), KEEPER_FD_SETUP);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(close), KEEPER_FD_SETUP);
	if (!ret)
		ret = allow_on(filter, SCMP_SYS(write), KEEPER_FD_REPORT);
	return ret;
}

int fence_close(enum fence_kind kind)
{
	static int (*const allow[])(scmp_filter_ctx filter) = {
		[FENCE_SIGN] = allow_signing,
		[FENCE_MAKE_KEY] = allow_making,
		[FENCE_KEEP] = allow_keeping,
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret;

	if (!filter)
		return -ENOMEM;
	ret = allow_always(filter);
	if (!ret)
		ret = allow[kind](filter);
	if (!ret)
		ret = seccomp_load(filter);
	/* Kept until the end: giving memory back is a system call too. */
	return ret;
}
