/* SPDX-License-Identifier: GPL-2.0 */
/* A host with its CA (selftests/certificate/rig.h), for all of which the test owns the time. */
#ifndef SELFTESTS_DAYS_DAYS_H
#define SELFTESTS_DAYS_DAYS_H

#include <selftests/certificate/rig.h>
#include <selftests/days/fakeclock.h>

#define DAY	86400LL
#define HOUR	3600LL

/* As rig_open(); the time is a whole hour of 2030. */
struct fakeclock *days_open(struct rig *rig, const char *name);
/* Time goes by: all clocks move. */
void days_pass(struct fakeclock *clock, int64_t seconds);
/* The host is suspended for so long. */
void days_sleep(struct fakeclock *clock, int64_t seconds);
/* Somebody sets the clock. */
void days_set(struct fakeclock *clock, int64_t wall);
/* No renewal is under way, and all signers are ready that should be. */
bool days_settled(struct rig *rig);
/*
 * Asks for a document: AZATTEST_STATUS_*. With OK it was verified as of now,
 * with the CA's root, or the host's own, and what ISSUER answers; *@expires is its end, unless NULL.
 */
uint32_t days_ask(struct rig *rig, const struct fakeclock *clock, int64_t *expires);

#endif
