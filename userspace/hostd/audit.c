// SPDX-License-Identifier: GPL-2.0
// Owns when everything is looked at, whether or not an event was seen.

#include "core.h"

/*
 * An audit costs some 300,000 instructions for each VM. With more VMs than these
 * it comes less often, so that hostd at rest takes the same little of a core
 * however many there are. Accidents are mended on their events, not by audits.
 */
#define VMS_IN_TIME	100

static unsigned int times_longer(const struct hostd *hostd)
{
	unsigned int count = 0;

	for (const struct vm *vm = hostd->vms; vm; vm = vm->next)
		count++;
	return count > VMS_IN_TIME ? (count + VMS_IN_TIME - 1) / VMS_IN_TIME : 1;
}

void audit_plan(struct hostd *hostd)
{
	hostd->audit_ms = watch_now_ms() + hostd->audit_s * 1000LL * times_longer(hostd);
}

bool audit_due(const struct hostd *hostd)
{
	return hostd->audit_s && watch_now_ms() >= hostd->audit_ms;
}
