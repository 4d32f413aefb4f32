/* SPDX-License-Identifier: GPL-2.0 */
/* Which state the host is in, since when, why, and what to do. */
#ifndef AZATTESTD_STATUS_H
#define AZATTESTD_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config.h"

struct azattestd;

/* status.c */

enum status_state { STATUS_INACTIVE, STATUS_ACTIVE, STATUS_EXPIRED, STATUS_ERROR };

struct status {
	enum status_state state;
	const char *sub;	/* in what way: a word that stays the same over releases */
	int64_t since;		/* seconds since 1970 */
	int64_t warned;		/* of the end, last; 0: not yet */
	char reason[800];
	char next[300];		/* what to do; "" when there is nothing to do */
};

/* Derives it anew; logs and notifies when it has changed. */
void status_update(struct azattestd *d);
const char *status_name(enum status_state state);
/* As people are told. */
const char *status_source(enum config_source source);
/* Any bytes as a JSON string: of what is no UTF-8, or cut within it, only ASCII is told. */
json_t *status_text(const char *text);
json_t *status_json(struct azattestd *d);

/* condition.c */

/* The end of a certificate is a warning from here on, or from renew-days. */
#define CONDITION_WARN_DAYS	7

/* All of @status but its times; where nothing is known it stays as it was. */
void condition_derive(const struct azattestd *d, int64_t now, struct status *status);
bool condition_ends_soon(const struct azattestd *d, int64_t now);

#endif
