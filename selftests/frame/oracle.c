// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the second reading of linux/azattest_frame.h. It works on byte offsets
 * on purpose, so that a mistake in a struct or a byte order is not shared.
 */
#include "oracle.h"

#include <stdlib.h>

static const char nonce_table[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static u32 le32(const u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

static int oracle_attest(const u8 *p, u32 len, struct azattest_ask *ask)
{
	u32 flags, i;

	if (len < 16 || len > 16 + 32)
		return AZATTEST_STATUS_BAD_REQUEST;
	flags = le32(p);
	if (flags > 1 || p[13] || p[14] || p[15] || len - 16 != p[12])
		return AZATTEST_STATUS_BAD_REQUEST;
	if (flags == 1 ? p[12] != 0 : p[12] == 0)
		return AZATTEST_STATUS_BAD_REQUEST;
	for (i = 16; i < len; i++)
		if (!p[i] || !strchr(nonce_table, p[i]))
			return AZATTEST_STATUS_BAD_REQUEST;
	ask->api_version = le32(p + 4);
	ask->timeout_ms = le32(p + 8);
	ask->nonce_len = p[12];
	memcpy(ask->nonce, p + 16, p[12]);
	return 0;
}

int oracle_parse(const u8 *buf, size_t len, struct azattest_ask *ask)
{
	memset(ask, 0, sizeof(*ask));
	if (len < 16 || memcmp(buf, "AZTA", 4))
		return AZATTEST_STATUS_BAD_REQUEST;
	if (buf[4] != 1 || buf[5] < 1 || buf[5] > 3)
		return AZATTEST_STATUS_UNSUPPORTED;
	if (buf[6] || buf[7] || le32(buf + 8) != len - 16)
		return AZATTEST_STATUS_BAD_REQUEST;
	ask->type = buf[5];
	ask->id = le32(buf + 12);
	if (buf[5] == 2)
		return oracle_attest(buf + 16, len - 16, ask);
	return len == 16 ? 0 : AZATTEST_STATUS_BAD_REQUEST;
}

static bool ask_equal(const struct azattest_ask *a, const struct azattest_ask *b)
{
	return a->type == b->type && a->id == b->id &&
	       a->api_version == b->api_version &&
	       a->timeout_ms == b->timeout_ms && a->nonce_len == b->nonce_len &&
	       !memcmp(a->nonce, b->nonce, sizeof(a->nonce));
}

/*
 * What a listener sees: the same bytes one more at a time. The answer may turn
 * from "more" to a verdict once, must not turn back, and a length may be
 * promised only within the published maximum.
 */
static const char *compare_prefixes(const u8 *buf, size_t len, int whole)
{
	u32 total = 0, first = 0;
	int before = 0, ret;
	size_t have;

	for (have = 0; have <= len; have++) {
		total = 0;
		ret = azattest_frame_header(buf, have, &total);
		if (before && ret != before)
			return "a verdict on the header changed with more bytes";
		if (ret > 0 && (total < 16 || total > AZATTEST_REQUEST_MAX))
			return "header promises a length outside 16..REQUEST_MAX";
		if (before > 0 && total != first)
			return "the promised length changed with more bytes";
		if (ret < -AZATTEST_STATUS_MAX)
			return "header refused with an unknown status";
		if (ret > 0 && have < 16)
			return "sound with less than a header";
		if (!ret && have >= 16)
			return "a whole header is not enough";
		before = ret;
		first = total;
	}
	if (!whole && (before <= 0 || first != len))
		return "a good frame whose header was not sound or whole";
	return NULL;
}

static const char *compare_block(const u8 *buf, size_t len)
{
	struct azattest_ask want, got;
	int want_ret, got_ret;

	memset(&got, 0xa5, sizeof(got));
	want_ret = oracle_parse(buf, len, &want);
	got_ret = azattest_frame_parse(buf, len, &got);
	if (got_ret != want_ret && !want_ret)
		return "a good frame was refused";
	if (got_ret != want_ret && !got_ret)
		return "a bad frame was taken";
	if (got_ret != want_ret)
		return "refused with the other status";
	if (!want_ret && !ask_equal(&want, &got))
		return "fields differ";
	return compare_prefixes(buf, len, want_ret);
}

const char *oracle_compare(const u8 *buf, size_t len)
{
	u8 *block = malloc(len ? len : 1);
	const char *why;

	if (!block)
		return "no memory";
	if (len)
		memcpy(block, buf, len);
	why = compare_block(block, len);
	free(block);
	return why;
}
