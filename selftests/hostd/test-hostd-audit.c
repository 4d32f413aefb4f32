// SPDX-License-Identifier: GPL-2.0
// Promises of hostd's audits: when they come, with few VMs and with many.

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

#define VMS_MAX	1000

static struct hostd hostd;
static struct vm vms[VMS_MAX];
static int64_t now_ms;

int64_t __wrap_watch_now_ms(void);
int64_t __wrap_watch_now_ms(void)
{
	return now_ms;
}

static void plan(unsigned int audit_s, unsigned int count)
{
	hostd.audit_s = audit_s;
	hostd.vms = NULL;
	for (unsigned int i = 0; i < count; i++) {
		vms[i].next = hostd.vms;
		hostd.vms = &vms[i];
	}
	now_ms = 5000;
	audit_plan(&hostd);
}

static bool due_after(int64_t seconds)
{
	now_ms = 5000 + seconds * 1000;
	return audit_due(&hostd);
}

static void an_audit_comes_after_its_time(void)
{
	plan(30, 0);
	tap_need(!due_after(29) && due_after(30));
	plan(30, 100);
	tap_need(!due_after(29) && due_after(30));
}

static void with_many_vms_it_comes_less_often(void)
{
	plan(30, 101);
	tap_need(!due_after(59) && due_after(60));
	plan(30, 1000);
	tap_need(!due_after(299) && due_after(300));
}

static void without_audits_none_is_due(void)
{
	plan(0, 1000);
	tap_need(!due_after(0) && !due_after(1000000));
}

static const struct tap_test tests[] = {
	TAP_TEST(an_audit_comes_after_its_time),
	TAP_TEST(with_many_vms_it_comes_less_often),
	TAP_TEST(without_audits_none_is_due),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
