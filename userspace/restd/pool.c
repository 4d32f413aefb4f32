// SPDX-License-Identifier: GPL-2.0
// Owns buffers of one size that requests take and give back: of these sizes malloc() is slow.

#include "restd.h"

#include <stdlib.h>

#define SPARES	64	/* kept for the next ones */

static void *spare[SPARES];
static unsigned int spares;

void *pool_take(size_t size)
{
	if (size > POOL_SIZE)
		return NULL;
	return spares ? spare[--spares] : malloc(POOL_SIZE);
}

void pool_give(void *buffer)
{
	if (buffer && spares < SPARES)
		spare[spares++] = buffer;
	else
		free(buffer);
}
