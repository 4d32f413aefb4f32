// SPDX-License-Identifier: GPL-2.0
/* The limits: module parameters with bounds, and the token bucket. */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "limits.h"

struct azattest_limit azattest_limits[AZATTEST_LIMIT_COUNT] = {
#define X(n, def, lo, hi, text) \
	[AZATTEST_LIMIT_##n] = { .name = #n, .value = def, .min = lo, .max = hi },
	AZATTEST_LIMITS(X)
#undef X
};

static int param_set(const char *val, const struct kernel_param *kp)
{
	struct azattest_limit *limit = kp->arg;
	unsigned int value;
	int ret;

	ret = kstrtouint(val, 0, &value);
	if (ret)
		return ret;
	if (value < limit->min || value > limit->max)
		return -ERANGE;
	WRITE_ONCE(limit->value, value);
	return 0;
}

static int param_get(char *buffer, const struct kernel_param *kp)
{
	const struct azattest_limit *limit = kp->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(limit->value));
}

static const struct kernel_param_ops param_ops = {
	.set = param_set,
	.get = param_get,
};

#define X(n, def, lo, hi, text) \
	module_param_cb(n, &param_ops, &azattest_limits[AZATTEST_LIMIT_##n], 0644); \
	MODULE_PARM_DESC(n, text " (" #lo ".." #hi ", default " #def ")");
AZATTEST_LIMITS(X)
#undef X

int azattest_limits_set(const char *name, unsigned int value)
{
	struct azattest_limit *limit;
	int i;

	for (i = 0; i < AZATTEST_LIMIT_COUNT; i++) {
		limit = &azattest_limits[i];
		if (strcmp(limit->name, name))
			continue;
		if (value < limit->min || value > limit->max)
			return -ERANGE;
		WRITE_ONCE(limit->value, value);
		return 0;
	}
	return -ENOENT;
}

bool azattest_limits_take(struct azattest_bucket *bucket, unsigned int rate, unsigned int burst)
{
	u64 now, token, full_at;

	if (!rate)
		return true;
	now = ktime_get_ns();
	token = NSEC_PER_SEC / rate;
	full_at = max(bucket->full_at, now) + token;
	if (full_at > now + burst * token)
		return false;
	bucket->full_at = full_at;
	return true;
}
