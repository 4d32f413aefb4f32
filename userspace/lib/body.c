// SPDX-License-Identifier: GPL-2.0
// Owns the forms a document travels in: DER, one line of base64, REST body.
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib.h"

#define DER_SEQUENCE	0x30

char *azattest_encode_base64(const unsigned char *der, size_t len)
{
	char *text;

	if (len > AZATTEST_INPUT_MAX)
		return NULL;
	text = malloc((len + 2) / 3 * 4 + 1);
	if (text)
		EVP_EncodeBlock((unsigned char *)text, der, (int)len);
	return text;
}

static size_t padding(const char *text, size_t len)
{
	return (text[len - 1] == '=') + (text[len - 2] == '=');
}

/*
 * OpenSSL's decoder skips blanks and takes what is not canonical; encoding
 * again and comparing leaves exactly one text for each document.
 */
static int decode_base64(const char *text, size_t len, unsigned char **der,
			 size_t *der_len, struct azattest_fault *fault)
{
	unsigned char *out;
	char *again;
	int n = -1;
	bool same;

	if (len < 4 || len % 4 != 0)
		return fault_set(fault, AZATTEST_E_ENCODING,
				 "not one whole line of base64");
	out = malloc(len / 4 * 3);
	if (!out)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	if (n > 0)
		n -= (int)padding(text, len);
	again = n > 0 ? azattest_encode_base64(out, (size_t)n) : NULL;
	same = again && strlen(again) == len && !memcmp(again, text, len);
	free(again);
	if (!same) {
		free(out);
		return fault_set(fault, AZATTEST_E_ENCODING,
				 "not canonical base64 on one line");
	}
	*der = out;
	*der_len = (size_t)n;
	return 0;
}

/* One line end after the line, as a shell leaves it. */
static size_t without_line_end(const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	return len;
}

static int decode_body(const char *text, size_t size, unsigned char **der,
		       size_t *len, struct azattest_fault *fault)
{
	const char *encoding, *signature;
	size_t signature_len;
	json_error_t error;
	json_t *root;
	int rc;

	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fault_set(fault, AZATTEST_E_ENCODING,
				 "the JSON body is malformed at byte %d",
				 error.position);
	rc = json_unpack_ex(root, &error, JSON_STRICT, "{s:s, s:s%}",
			    "encoding", &encoding,
			    "signature", &signature, &signature_len);
	if (rc || strcmp(encoding, "pkcs7"))
		rc = fault_set(fault, AZATTEST_E_ENCODING,
			       "the JSON body is not {\"encoding\":\"pkcs7\","
			       "\"signature\":...}");
	else
		rc = decode_base64(signature, signature_len, der, len, fault);
	json_decref(root);
	return rc;
}

static int copy_der(const void *data, size_t size, unsigned char **der,
		    size_t *len, struct azattest_fault *fault)
{
	*der = malloc(size);
	if (!*der)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	memcpy(*der, data, size);
	*len = size;
	return 0;
}

/*
 * DER begins with 0x30, so its base64 begins with 'M': the first byte tells
 * the three forms apart and none can be taken for another.
 */
int azattest_decode(const void *data, size_t size, unsigned char **der,
		    size_t *len, struct azattest_fault *fault)
{
	const unsigned char *p = data;

	if (size == 0)
		return fault_set(fault, AZATTEST_E_ENCODING, "it is empty");
	if (size > AZATTEST_INPUT_MAX)
		return fault_set(fault, AZATTEST_E_ENCODING,
				 "longer than %d bytes", AZATTEST_INPUT_MAX);
	switch (p[0]) {
	case DER_SEQUENCE:
		return copy_der(data, size, der, len, fault);
	case '{':
		return decode_body(data, size, der, len, fault);
	case 'M':
		return decode_base64(data, without_line_end(data, size), der,
				     len, fault);
	default:
		return fault_set(fault, AZATTEST_E_ENCODING,
				 "neither DER, base64 nor a JSON body");
	}
}
