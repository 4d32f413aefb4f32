// SPDX-License-Identifier: GPL-2.0
// Owns what restd gives up once it has its socket: the user, the capabilities, core dumps.

#include "restd.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

static int become(const char *name, struct failure *failure)
{
	struct passwd *user;

	if (geteuid()) {
		capng_clear(CAPNG_SELECT_CAPS);
		return capng_apply(CAPNG_SELECT_CAPS) ?
		       failure_set(failure, EXIT_FAILURE, -EPERM, "capabilities: not dropped") : 0;
	}
	errno = 0;
	user = getpwnam(name);
	if (!user)
		return failure_set(failure, EXIT_FAILURE, -ENOENT,
				   "user \"%s\": %s: make it (systemd-sysusers), or give --user", name,
				   errno ? strerror(errno) : "does not exist");
	if (!user->pw_uid)
		return failure_set(failure, EXIT_FAILURE, -EPERM,
				   "user \"%s\": is root: give --user another one", name);
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id((int)user->pw_uid, (int)user->pw_gid,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT))
		return failure_set(failure, EXIT_FAILURE, -EPERM, "user \"%s\": cannot become it",
				   name);
	return 0;
}

/* A change of user clears dumpable's opposite, so it is set after it. */
int rights_drop(const char *name, struct failure *failure)
{
	struct rlimit none = { 0, 0 };
	int ret = become(name, failure);

	if (ret)
		return ret;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return failure_set(failure, EXIT_FAILURE, -errno, "giving up rights: %s",
				   strerror(errno));
	return 0;
}
