// SPDX-License-Identifier: GPL-2.0
// Owns which slots are free, and that the one free for longest is given first.

#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void append(struct slots *slots, unsigned int number)
{
	slots->slot[number].next = 0;
	if (slots->last)
		slots->slot[slots->last].next = number;
	else
		slots->first = number;
	slots->last = number;
}

int slots_open(struct slots *slots, unsigned int count)
{
	memset(slots, 0, sizeof(*slots));
	slots->slot = calloc(count, sizeof(*slots->slot));
	if (!slots->slot)
		return -ENOMEM;
	slots->count = count;
	for (unsigned int i = 1; i < count; i++) {
		slots->slot[i].unclean = true;
		append(slots, i);
	}
	return 0;
}

void slots_close(struct slots *slots)
{
	free(slots->slot);
	slots->slot = NULL;
}

/* @before: the one in front of it, 0 if it is the first. */
static void unqueue(struct slots *slots, unsigned int number, unsigned int before)
{
	struct slot *slot = &slots->slot[number];

	if (before)
		slots->slot[before].next = slot->next;
	else
		slots->first = slot->next;
	if (slots->last == number)
		slots->last = before;
	slot->next = 0;
	slot->state = SLOT_TAKEN;
	slots->used++;
}

int slot_take(struct slots *slots)
{
	unsigned int number = slots->first;

	if (!number)
		return -ENOSPC;
	unqueue(slots, number, 0);
	return (int)number;
}

int slot_take_this(struct slots *slots, unsigned int number)
{
	unsigned int before = 0, i = slots->first;

	while (i && i != number) {
		before = i;
		i = slots->slot[i].next;
	}
	if (!i)
		return -EBUSY;
	unqueue(slots, number, before);
	return 0;
}

struct slot *slot_drain(struct slots *slots, unsigned int number)
{
	struct slot *slot = &slots->slot[number];

	slot->state = SLOT_DRAINING;
	slots->draining++;
	return slot;
}

void slot_rest(struct slots *slots, unsigned int number, int64_t until_ms)
{
	slots->slot[number].state = SLOT_RESTING;
	slots->slot[number].until_ms = until_ms;
}

void slot_free(struct slots *slots, unsigned int number)
{
	struct slot *slot = &slots->slot[number];
	bool unclean = slot->unclean && slot->state == SLOT_TAKEN;

	if (slot->state != SLOT_TAKEN)
		slots->draining--;
	slots->used--;
	memset(slot, 0, sizeof(*slot));
	slot->unclean = unclean;
	append(slots, number);
}
