/* SPDX-License-Identifier: GPL-2.0 */
/* One request and its reply on a connected descriptor, with a deadline. */
#ifndef _AZ_EXCHANGE_H
#define _AZ_EXCHANGE_H

#include <linux/azattest_frame.h>

#include "azattest.h"
#include "frame.h"

struct exchange {
	unsigned char request[AZATTEST_REQUEST_MAX];
	size_t request_len;
	uint8_t type;
	uint32_t id;
	unsigned char reply[AZATTEST_FRAME_MAX + 1];	/* one too many shows */
	size_t reply_len;
};

/* exchange.c */
int64_t exchange_now_ms(void);
int exchange_run(int fd, struct exchange *x, int timeout_ms,
		 struct azattest_fault *fault);

#endif /* _AZ_EXCHANGE_H */
