// SPDX-License-Identifier: GPL-2.0
// Owns the comparison of a signed content with what the caller expects.
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "lib.h"

static const char *time_text(int64_t seconds, char text[32])
{
	time_t t = seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static int check_nonce(const struct azattest_document *d, const char *nonce,
		       struct azattest_fault *fault)
{
	char expected[AZATTEST_NONCE_SIZE];

	if (!nonce || !strcmp(d->nonce, nonce))
		return 0;
	fault_quote(expected, sizeof(expected), nonce, strlen(nonce));
	return fault_set(fault, AZATTEST_E_NONCE,
			 "nonce is \"%s\", expected \"%s\"", d->nonce, expected);
}

static int check_created(const struct azattest_document *d, int64_t now,
			 unsigned int skew, struct azattest_fault *fault)
{
	char created[32], at[32];

	if (d->created_on <= now + (int64_t)skew)
		return 0;
	return fault_set(fault, AZATTEST_E_FUTURE,
			 "createdOn is %s, more than %u s after %s",
			 time_text(d->created_on, created), skew,
			 time_text(now, at));
}

static int check_lifetime(const struct azattest_document *d,
			  struct azattest_fault *fault)
{
	int64_t life = d->expires_on - d->created_on;
	char expires[32], end[32];

	if (life <= 0 || life > AZATTEST_LIFETIME_MAX)
		return fault_set(fault, AZATTEST_E_LIFETIME,
				 "createdOn to expiresOn is %" PRId64
				 " s, not 1 to %d", life, AZATTEST_LIFETIME_MAX);
	if (d->expires_on > d->signer_not_after)
		return fault_set(fault, AZATTEST_E_LIFETIME,
				 "expiresOn is %s, past the end of the signer's "
				 "certificate %s",
				 time_text(d->expires_on, expires),
				 time_text(d->signer_not_after, end));
	return 0;
}

static int check_expiry(const struct azattest_document *d, int64_t now,
			struct azattest_fault *fault)
{
	char expires[32], at[32];

	if (now <= d->expires_on)
		return 0;
	return fault_set(fault, AZATTEST_E_STALE,
			 "expiresOn is %s, and it is %s",
			 time_text(d->expires_on, expires), time_text(now, at));
}

static int check_vm_id(const struct azattest_document *d, const char *want,
		       struct azattest_fault *fault)
{
	uuid_t have, wanted;

	if (!want)
		return 0;
	if (!uuid_parse(want, wanted) && !uuid_parse(d->vm_id, have) &&
	    !uuid_compare(have, wanted))
		return 0;
	return fault_set(fault, AZATTEST_E_VM_ID,
			 "vmId is %s, expected %.36s", d->vm_id, want);
}

int expect_check(const struct azattest_document *d,
		 const struct azattest_verify_options *options, int64_t now,
		 struct azattest_fault *fault)
{
	int rc = check_nonce(d, options->nonce, fault);

	if (!rc)
		rc = check_created(d, now, options->skew, fault);
	if (!rc)
		rc = check_lifetime(d, fault);
	if (!rc)
		rc = check_expiry(d, now, fault);
	if (!rc)
		rc = check_vm_id(d, options->vm_id, fault);
	return rc;
}
