// SPDX-License-Identifier: GPL-2.0
// Owns strictness: whether bytes are one DER value and nothing else.
//
// OpenSSL reads BER and keeps some parts (certificates, names) as they came,
// so comparing with its own re-encoding does not see what is loose in there.
#include "lib.h"

#define DEPTH_MAX	32

#define TAG_CONSTRUCTED	0x20
#define TAG_CLASS	0xc0
#define TAG_NUMBER	0x1f
#define TAG_BOOLEAN	0x01
#define TAG_INTEGER	0x02
#define TAG_NULL	0x05
#define TAG_ENUMERATED	0x0a
#define TAG_SEQUENCE	0x10
#define TAG_SET		0x11

struct value {
	unsigned char tag;
	const unsigned char *data;
	size_t len;
};

/* Length octets at *p, not past @end; true: minimal and within. */
static bool take_length(const unsigned char **p, const unsigned char *end,
			size_t *len)
{
	unsigned int i, octets;

	if (*p == end)
		return false;
	*len = *(*p)++;
	if (*len < 0x80)
		return *len <= (size_t)(end - *p);
	octets = *len & 0x7f;
	if (octets < 1 || octets > 4 || octets > (size_t)(end - *p))
		return false;
	if (**p == 0)
		return false;
	for (*len = 0, i = 0; i < octets; i++)
		*len = *len << 8 | *(*p)++;
	return *len >= 0x80 && *len <= (size_t)(end - *p);
}

static bool take_value(const unsigned char **p, const unsigned char *end,
		       struct value *v)
{
	v->tag = *(*p)++;
	if (v->tag == 0 || (v->tag & TAG_NUMBER) == TAG_NUMBER)
		return false;
	if (!take_length(p, end, &v->len))
		return false;
	v->data = *p;
	*p += v->len;
	return true;
}

/* Of universal types only SEQUENCE and SET have parts, and always. */
static bool check_form(const struct value *v)
{
	unsigned char number = v->tag & TAG_NUMBER;
	bool parts = number == TAG_SEQUENCE || number == TAG_SET;

	if (v->tag & TAG_CLASS)
		return true;
	return parts == !!(v->tag & TAG_CONSTRUCTED);
}

static bool check_primitive(const struct value *v)
{
	switch (v->tag) {
	case TAG_BOOLEAN:
		return v->len == 1 && (v->data[0] == 0 || v->data[0] == 0xff);
	case TAG_NULL:
		return v->len == 0;
	case TAG_INTEGER:
	case TAG_ENUMERATED:
		if (v->len < 2)
			return v->len == 1;
		return !(v->data[0] == 0 && v->data[1] < 0x80) &&
		       !(v->data[0] == 0xff && v->data[1] >= 0x80);
	default:
		return true;
	}
}

static bool check_values(const unsigned char *p, size_t len, int depth)
{
	const unsigned char *end = p + len;
	struct value v;

	if (depth > DEPTH_MAX)
		return false;
	while (p < end) {
		if (!take_value(&p, end, &v) || !check_form(&v))
			return false;
		if (v.tag & TAG_CONSTRUCTED) {
			if (!check_values(v.data, v.len, depth + 1))
				return false;
		} else if (!check_primitive(&v)) {
			return false;
		}
	}
	return true;
}

int der_check(const unsigned char *der, size_t len, const char **why)
{
	const unsigned char *p = der;
	struct value v;

	*why = "it is not one DER value";
	if (len == 0 || !take_value(&p, der + len, &v))
		return AZATTEST_E_DER;
	*why = "there are bytes after it";
	if (p != der + len)
		return AZATTEST_E_DER;
	*why = "a part of it is not DER";
	return check_values(der, len, 0) ? 0 : AZATTEST_E_DER;
}
