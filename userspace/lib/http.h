/* SPDX-License-Identifier: GPL-2.0 */
/* An HTTP/1.1 answer as bytes: taken apart without any input or output. */
#ifndef _AZ_HTTP_H
#define _AZ_HTTP_H

#include <stddef.h>

#define HTTP_HEAD_MAX	8192
#define HTTP_BODY_MAX	16384	/* the largest document in base64, and room */

struct http_answer {
	unsigned int status;
	const unsigned char *body;	/* in the data */
	size_t body_len;
};

/*
 * What the first @len bytes from a host are: 0 needs more, 1 one whole answer,
 * -1 none that we take, and @why says why. Taken is: HTTP/1.0 or 1.1, lines
 * that end in CR LF, no other control character, no folded line, exactly one
 * Content-Length, no transfer or content coding, nothing after the body.
 */
int http_check_answer(const unsigned char *data, size_t len,
		      struct http_answer *answer, const char **why);

#endif /* _AZ_HTTP_H */
