// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-take gives up before it reads the question.

#include <userspace/take/take.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cap-ng.h>
#include <seccomp.h>

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static const int allowed[] = {
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(getpid), SCMP_SYS(poll),
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek),
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(sendto), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
};

/* Nothing it does takes a file that can be changed. */
static int allow_reading(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC,
					O_RDONLY));
}

static int filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < COUNT(allowed); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!ret)
		ret = allow_reading(ctx);
	if (!ret)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret;
}

/* Without CAP_SYS_PTRACE it goes on: a process of its own user can be asked. */
static int keep_one_capability(void)
{
	bool bounds, has;

	if (capng_get_caps_process())
		return -EPERM;
	bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	has = capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE);
	capng_clear(CAPNG_SELECT_BOTH);
	if (has)
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_PTRACE, -1);
	return capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

int fence_enter(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || keep_one_capability())
		return -EPERM;
	/* It stays dumpable: its own fdinfo would be root's else. */
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return filter();
}
