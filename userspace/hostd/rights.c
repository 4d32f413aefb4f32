// SPDX-License-Identifier: GPL-2.0
// Owns hostd's capabilities: what it keeps, and what it wakes only while it loads programs.

#include "core.h"

#include <errno.h>
#include <string.h>

#include <cap-ng.h>

int rights_drop(struct failure *failure)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, -1);
	capng_updatev(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF, CAP_PERFMON, -1);
	/* nft, which firewall.c asks for the host's rules, gets this one too. */
	capng_updatev(CAPNG_ADD, CAPNG_BOUNDING_SET, CAP_NET_ADMIN, -1);
	if (!capng_apply(CAPNG_SELECT_BOTH))
		return 0;
	return failure_set(failure, EXIT_FAILURE, -EPERM,
			   "capabilities: cannot be dropped to CAP_NET_ADMIN, CAP_BPF and "
			   "CAP_PERFMON: start azattest-hostd as root with these three");
}

static void load(capng_act_t action)
{
	capng_updatev(action, CAPNG_EFFECTIVE, CAP_BPF, CAP_PERFMON, -1);
	capng_apply(CAPNG_SELECT_CAPS);
}

void rights_load_begin(void)
{
	capng_get_caps_process();
	load(CAPNG_ADD);
}

void rights_load_end(void)
{
	load(CAPNG_DROP);
}
