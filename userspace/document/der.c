// SPDX-License-Identifier: GPL-2.0
// Owns DER written backwards: what is inside is there before its length is asked.

#include "document.h"

#include <errno.h>
#include <string.h>

void der_begin(struct der *der, void *buf, size_t size)
{
	der->start = buf;
	der->end = der->start + size;
	der->pos = der->end;
}

size_t der_written(const struct der *der)
{
	return der->pos ? (size_t)(der->end - der->pos) : 0;
}

void der_bytes(struct der *der, const void *bytes, size_t length)
{
	if (!der->pos || length > (size_t)(der->pos - der->start)) {
		der->pos = NULL;
		return;
	}
	der->pos -= length;
	if (length)
		memcpy(der->pos, bytes, length);
}

void der_wrap(struct der *der, uint8_t tag, size_t mark)
{
	size_t length = der_written(der) - mark;
	uint8_t head[2 + sizeof(length)];
	uint8_t *p = head + sizeof(head);
	size_t rest = length;

	if (!der->pos)
		return;
	do {
		*--p = rest & 0xff;
		rest >>= 8;
	} while (rest);
	if (length > 0x7f) {
		size_t octets = (size_t)(head + sizeof(head) - p);

		*--p = 0x80 | (uint8_t)octets;
	}
	*--p = tag;
	der_bytes(der, p, (size_t)(head + sizeof(head) - p));
}

int der_end(const struct der *der, uint8_t **first)
{
	if (!der->pos)
		return -ENOSPC;
	*first = der->pos;
	return (int)der_written(der);
}
