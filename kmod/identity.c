// SPDX-License-Identifier: GPL-2.0
/* Rules for what names a VM: UUID, name, profile. */
#include <linux/string.h>

#include "azattest.h"

/* NUL-terminated and nothing after the NUL: its length, or -1. */
static int text_length(const u8 *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size || memchr_inv(text + len, 0, size - len))
		return -1;
	return len;
}

/* Bytes of the UTF-8 sequence that begins here; 0 if there is none. */
static int utf8_sequence(const u8 *s)
{
	u32 c = s[0];
	int i, n;

	if (c < 0x80)
		return 1;
	n = c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	if (!n)
		return 0;
	c &= 0x7f >> n;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
		return 0;
	if (n == 4 && (c < 0x10000 || c > 0x10ffff))
		return 0;
	return n;
}

/* Printable UTF-8: no C0 or C1 control character, no DEL. */
bool azattest_identity_name_ok(const u8 *name, size_t size)
{
	int len = text_length(name, size), i = 0, n;

	while (i < len) {
		if (name[i] < 0x20 || name[i] == 0x7f)
			return false;
		if (name[i] == 0xc2 && name[i + 1] < 0xa0)
			return false;
		n = utf8_sequence(name + i);
		if (!n)
			return false;
		i += n;
	}
	return len >= 0;
}

bool azattest_identity_profile_ok(const u8 *profile, size_t size)
{
	int len = text_length(profile, size), i;

	for (i = 0; i < len; i++) {
		u8 c = profile[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
			return false;
	}
	return len >= 0;
}

bool azattest_identity_uuid_ok(const u8 *uuid)
{
	return memchr_inv(uuid, 0, AZATTEST_UUID_LEN);
}
