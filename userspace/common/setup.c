// SPDX-License-Identifier: GPL-2.0
// Owns how a struct setup crosses a pipe, and what makes one valid.

#include "common.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

int setup_write_bytes(int fd, const void *bytes, size_t left)
{
	const uint8_t *p = bytes;

	while (left) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

int setup_write(int fd, const struct setup *setup)
{
	return setup_write_bytes(fd, setup, sizeof(*setup));
}

int setup_read_bytes(int fd, void *bytes, size_t left)
{
	uint8_t *p = bytes;

	while (left) {
		ssize_t n = read(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

#define terminated(field) (!!memchr(field, 0, sizeof(field)))

static bool profile_ok(const struct setup_profile *profile)
{
	return terminated(profile->name) && terminated(profile->license_type) &&
	       terminated(profile->plan_name) && terminated(profile->plan_product) &&
	       terminated(profile->plan_publisher) && terminated(profile->sku);
}

static bool setup_ok(const struct setup *setup)
{
	unsigned int i;

	if (setup->magic != SETUP_MAGIC || setup->size != sizeof(*setup))
		return false;
	if (!setup->profiles || setup->profiles > 1 + SETUP_PROFILES_MAX ||
	    !setup->slots || setup->slots > AZATTEST_SIGNER_SLOTS_MAX)
		return false;
	if (setup->key_len > SETUP_KEY_MAX || setup->sealed > 1 || setup->leaf_len > SETUP_CERT_MAX ||
	    setup->issuer_len > SETUP_CERT_MAX || !terminated(setup->subscription_id))
		return false;
	for (i = 0; i < setup->profiles; i++)
		if (!profile_ok(&setup->profile[i]))
			return false;
	return true;
}

int setup_read(int fd, struct setup *setup)
{
	int ret = setup_read_bytes(fd, setup, sizeof(*setup));

	if (ret)
		return ret;
	return setup_ok(setup) ? 0 : -EPROTO;
}
