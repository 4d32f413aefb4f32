/* SPDX-License-Identifier: GPL-2.0 */
/* What programs say of a kernel module that is not of their version. */
#ifndef AZATTEST_MISMATCH_H
#define AZATTEST_MISMATCH_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MISMATCH_WORDS	"the module is of another version: install module and programs together"

/* The errno of a call of /dev/azattest that the module does not know, or not in this size. */
static inline bool mismatch_says(int error)
{
	return error == ENOTTY || error == E2BIG;
}

static inline const char *mismatch_strerror(int error)
{
	return mismatch_says(error) ? MISMATCH_WORDS : strerror(error);
}

#endif
