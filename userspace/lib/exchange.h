/* SPDX-License-Identifier: GPL-2.0 */
/* One request and its reply on a connected descriptor, with a deadline. */
#ifndef _AZ_EXCHANGE_H
#define _AZ_EXCHANGE_H

#include "azattest.h"

struct exchange;

/*
 * What the first reply_len bytes are: 0 needs more, > 0 a whole reply, -1 none
 * that the protocol allows, and @why says why. Tells it as early as it can.
 */
typedef int exchange_whole(const struct exchange *x, const char **why);

struct exchange {
	const void *request;
	size_t request_len;
	unsigned char *reply;
	size_t reply_size;	/* one more than a reply may have: that shows */
	size_t reply_len;
	exchange_whole *whole;
};

/* exchange.c */
int64_t exchange_now_ms(void);
int exchange_run(int fd, struct exchange *x, int timeout_ms,
		 struct azattest_fault *fault);

#endif /* _AZ_EXCHANGE_H */
