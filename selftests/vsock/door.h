/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of the vsock door share: wide limits, and ends that must come. */
#ifndef SELFTESTS_VSOCK_DOOR_H
#define SELFTESTS_VSOCK_DOOR_H

#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/lib/fakesigner.h>
#include <selftests/lib/frames.h>
#include <selftests/lib/tap.h>

/* For main(): module and vhost-vsock, or the program is skipped. */
void door_need(void);

/* Rates off or out of reach, for promises that are not about rates. */
void door_open_wide(void);

/* A signer that answers at once, with rates out of reach. */
struct fakesigner *door_signer(void);

/*
 * The frame is refused with `status`, and the connection closed after it;
 * `what` is said on failure.
 */
void door_refuses(struct testvm *vm, const void *frame, size_t len, uint16_t status,
		  const char *what);

/* The module hung up on c, and not a byte came. */
void door_hung_up(struct fakeguest_conn *c, const char *what);


#endif /* SELFTESTS_VSOCK_DOOR_H */
