/* SPDX-License-Identifier: GPL-2.0 */
/* Who makes the documents: real.c or null.c, chosen when a program is linked. */
#ifndef SELFTESTS_SPEED_ANSWERS_H
#define SELFTESTS_SPEED_ANSWERS_H

#include <userspace/signer/signer.h>

/* Makes @signer ready for answer_make(); @path: a file of bench-keys. False: could not. */
bool answers_open(struct signer *signer, const char *path);

#endif
