// SPDX-License-Identifier: GPL-2.0
// Owns the question which host a CMP message claims to be from: libcrypto 3.0 has no getter.

#include "ca.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

struct cursor {
	const unsigned char *p;
	const unsigned char *end;
};

/*
 * One element: its content in @in, @at behind it. Any tag if @tag is negative;
 * context-specific tags are those from 0x100 on.
 */
static bool element(struct cursor *at, int tag, struct cursor *in)
{
	const unsigned char *p = at->p;
	int got, class, form;
	long length;

	form = ASN1_get_object(&p, &length, &got, &class, at->end - at->p);
	if (form & 0x81)	/* an error, or a length that is not told */
		return false;
	if (tag >= 0 && (tag >= 0x100) != (class == V_ASN1_CONTEXT_SPECIFIC))
		return false;
	if (tag >= 0 && got != (tag & 0xff))
		return false;
	*in = (struct cursor) { p, p + length };
	at->p = p + length;
	return true;
}

/* A reference value is a host's name; a key identifier mostly is not. */
static void copy_reference(const struct cursor *octets, char *out)
{
	size_t length = (size_t)(octets->end - octets->p);

	if (length > CA_NAME_MAX || memchr(octets->p, 0, length))
		return;
	memcpy(out, octets->p, length);
	out[length] = 0;
	if (!store_name_ok(out))
		*out = 0;
}

static int read_sender(struct cursor *header, char *out)
{
	GENERAL_NAME *sender = d2i_GENERAL_NAME(NULL, &header->p, header->end - header->p);

	if (!sender) {
		ERR_clear_error();
		return -EPROTO;
	}
	if (sender->type == GEN_DIRNAME)
		X509_NAME_get_text_by_NID(sender->d.directoryName, NID_commonName, out,
					  CA_NAME_MAX + 1);
	GENERAL_NAME_free(sender);
	return 0;
}

int message_read_from(const uint8_t *der, size_t length, struct message_from *from)
{
	struct cursor all = { der, der + length }, message, header, skipped, octets;
	struct cursor field = { NULL, NULL };

	memset(from, 0, sizeof(*from));
	if (!element(&all, V_ASN1_SEQUENCE, &message) ||
	    !element(&message, V_ASN1_SEQUENCE, &header) ||
	    !element(&header, V_ASN1_INTEGER, &skipped) || read_sender(&header, from->name) ||
	    !element(&header, -1, &skipped))
		return -EPROTO;
	/* Optional ones, in order: time [0], algorithm [1], then the one that is looked for. */
	while (header.p < header.end) {
		if (element(&header, 0x102, &field))
			break;
		if (!element(&header, -1, &skipped))
			return -EPROTO;
	}
	if (field.p && element(&field, V_ASN1_OCTET_STRING, &octets))
		copy_reference(&octets, from->reference);
	return 0;
}
