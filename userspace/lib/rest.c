// SPDX-License-Identifier: GPL-2.0
// Owns the REST door as a guest sees it: the way there, two questions, what statuses mean.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"
#include "http.h"
#include "lib.h"

#define DER_MAX		8176	/* what a frame can carry: the same on all doors */

struct rest {
	struct exchange x;
	struct http_answer answer;
	char request[512];
	unsigned char reply[HTTP_HEAD_MAX + HTTP_BODY_MAX + 1];
};

/* ---- the way there ---- */

static int connect_code(int error)
{
	switch (error) {
	case ECONNRESET:
	case ECONNREFUSED:
	case ETIMEDOUT:		/* a fence answers a VM it does not know nothing */
		return AZATTEST_E_RESET;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return AZATTEST_E_NO_ROUTE;
	default:
		return AZATTEST_E_SYSTEM;
	}
}

static int bind_to(int fd, const char *interface, struct azattest_fault *fault)
{
	if (!interface || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
				      (socklen_t)strlen(interface)))
		return 0;
	return fault_set(fault, errno == ENODEV ? AZATTEST_E_NO_ROUTE :
			 AZATTEST_E_SYSTEM, "interface %.15s: %s", interface,
			 strerror(errno));
}

static int open_socket(const struct sockaddr_in *to, const char *interface,
		       int timeout_ms, int *fd, struct azattest_fault *fault)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[INET_ADDRSTRLEN];
	int rc, error = 0;

	if (s < 0)
		return fault_set(fault, errno == EAFNOSUPPORT ?
				 AZATTEST_E_NO_ROUTE : AZATTEST_E_SYSTEM,
				 "no IPv4 socket: %s", strerror(errno));
	rc = bind_to(s, interface, fault);
	if (!rc && connect(s, (const struct sockaddr *)to, sizeof(*to)) < 0)
		error = errno == EINPROGRESS ? connect_finish(s, timeout_ms) : errno;
	if (error)
		rc = fault_set(fault, connect_code(error),
			       "cannot connect to %s port %u: %s",
			       inet_ntop(AF_INET, &to->sin_addr, text,
					 sizeof(text)),
			       ntohs(to->sin_port), strerror(error));
	if (rc)
		close(s);
	else
		*fd = s;
	return rc;
}

int azattest_rest_connect(const char *address, unsigned int port,
			  const char *interface, int timeout_ms, int *fd,
			  struct azattest_fault *fault)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(port ?: AZATTEST_REST_PORT)),
	};

	if (port > UINT16_MAX ||
	    inet_pton(AF_INET, address ?: AZATTEST_REST_ADDRESS, &to.sin_addr) != 1)
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "%.64s port %u: not an IPv4 address and port",
				 address ?: AZATTEST_REST_ADDRESS, port);
	if (interface && (!*interface || strlen(interface) >= IFNAMSIZ))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "\"%.32s\": not the name of an interface",
				 interface);
	return open_socket(&to, interface, timeout_ms, fd, fault);
}

/* ---- one exchange ---- */

static int whole_answer(const struct exchange *x, const char **why)
{
	struct rest *r = (struct rest *)x;

	return http_check_answer(x->reply, x->reply_len, &r->answer, why);
}

/* The service wants to be called by the address that it is asked at. */
static void put_host(int fd, char *to, size_t size)
{
	struct sockaddr_in peer = { 0 };
	socklen_t len = sizeof(peer);
	char text[INET_ADDRSTRLEN] = AZATTEST_REST_ADDRESS;
	unsigned int port = AZATTEST_REST_PORT;

	if (!getpeername(fd, (struct sockaddr *)&peer, &len) &&
	    peer.sin_family == AF_INET) {
		inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
		port = ntohs(peer.sin_port);
	}
	if (port == AZATTEST_REST_PORT)
		snprintf(to, size, "%s", text);
	else
		snprintf(to, size, "%s:%u", text, port);
}

static struct rest *rest_new(int fd, const char *path,
			     struct azattest_fault *fault)
{
	struct rest *r = calloc(1, sizeof(*r));
	char host[32];

	if (!r) {
		fault_set(fault, AZATTEST_E_MEMORY, "no memory for a request");
		return NULL;
	}
	put_host(fd, host, sizeof(host));
	r->x = (struct exchange){
		.request = r->request, .reply = r->reply,
		.reply_size = sizeof(r->reply), .whole = whole_answer,
	};
	r->x.request_len = (size_t)snprintf(r->request, sizeof(r->request),
		"GET %s HTTP/1.1\r\nHost: %s\r\nMetadata: true\r\n"
		"Connection: close\r\n\r\n", path, host);
	return r;
}

/* ---- what statuses mean ---- */

static int status_code(unsigned int status)
{
	switch (status) {
	case 400:
		return AZATTEST_E_BAD_REQUEST;
	case 403:
		return AZATTEST_E_DENIED;
	case 404:
		return AZATTEST_E_UNSUPPORTED;
	case 410:
		return AZATTEST_E_RETRY;
	case 429:
		return AZATTEST_E_BUSY;
	case 500:
		return AZATTEST_E_FAULT;
	case 503:
		return AZATTEST_E_EXPIRED;
	default:
		return AZATTEST_E_REPLY;
	}
}

/* A version that the host does not know is told with those it does. */
static int refusal_code(const struct http_answer *answer, const json_t *body)
{
	if (answer->status == 400 && json_object_get(body, "newest-versions"))
		return AZATTEST_E_UNSUPPORTED;
	return status_code(answer->status);
}

static int refused(const struct http_answer *answer, struct azattest_fault *fault)
{
	json_t *body = json_loadb((const char *)answer->body, answer->body_len,
				  JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(body, "error"));
	int code = refusal_code(answer, body);
	char words[200] = "";

	if (text)
		fault_quote(words, sizeof(words), text, strlen(text));
	fault_set(fault, code, "the host answers %u: %s", answer->status,
		  text ? words : azattest_code_meaning(code));
	json_decref(body);
	return code;
}

static int malformed(struct azattest_fault *fault, const char *why)
{
	return fault_set(fault, AZATTEST_E_REPLY,
			 "the host's reply is malformed: %s", why);
}

/* ---- questions ---- */

typedef int take_body(const struct http_answer *answer, unsigned char **der,
		      size_t *len, struct azattest_fault *fault);

static int ask(int fd, const char *path, int timeout_ms, take_body *take,
	       unsigned char **der, size_t *len, struct azattest_fault *fault)
{
	struct rest *r = rest_new(fd, path, fault);
	int rc;

	if (!r)
		return AZATTEST_E_MEMORY;
	rc = exchange_run(fd, &r->x, timeout_ms, fault);
	if (!rc && r->answer.status != 200)
		rc = refused(&r->answer, fault);
	else if (!rc)
		rc = take(&r->answer, der, len, fault);
	free(r);
	return rc;
}

static int take_document(const struct http_answer *answer, unsigned char **der,
			 size_t *len, struct azattest_fault *fault)
{
	struct azattest_fault why;
	unsigned char *document;
	size_t size;
	int rc;

	if (!answer->body_len || answer->body[0] != '{')
		return malformed(fault, "its body is no JSON object");
	rc = azattest_decode(answer->body, answer->body_len, &document, &size, &why);
	if (rc == AZATTEST_E_ENCODING)
		return malformed(fault, why.text);
	if (rc)
		return fault_set(fault, rc, "%s", why.text);
	if (size > DER_MAX) {
		free(document);
		return malformed(fault, "the document is too long");
	}
	*der = document;
	*len = size;
	return 0;
}

int azattest_rest_fetch_document(int fd, const struct azattest_request *request,
				 int timeout_ms, unsigned char **der, size_t *len,
				 struct azattest_fault *fault)
{
	unsigned int version = request->api_version ?: API_VERSION_DEFAULT;
	char path[160];

	if (request->nonce && !azattest_nonce_valid(request->nonce))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "a nonce is 1 to 32 of A-Z a-z 0-9 - _");
	if (version > 99991231)
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "api version %u: not yyyymmdd", version);
	snprintf(path, sizeof(path), "/metadata/attested/document"
		 "?api-version=%04u-%02u-%02u%s%s", version / 10000,
		 version / 100 % 100, version % 100,
		 request->nonce ? "&nonce=" : "", request->nonce ?: "");
	return ask(fd, path, timeout_ms, take_document, der, len, fault);
}

static int take_issuer(const struct http_answer *answer, unsigned char **der,
		       size_t *len, struct azattest_fault *fault)
{
	if (!answer->body_len || answer->body_len > DER_MAX)
		return malformed(fault, "its body is no certificate");
	*der = malloc(answer->body_len);
	if (!*der)
		return fault_set(fault, AZATTEST_E_MEMORY,
				 "no memory for the reply");
	memcpy(*der, answer->body, answer->body_len);
	*len = answer->body_len;
	return 0;
}

int azattest_rest_fetch_issuer(int fd, int timeout_ms, unsigned char **der,
			       size_t *len, struct azattest_fault *fault)
{
	return ask(fd, "/metadata/attested/issuer.cer", timeout_ms, take_issuer,
		   der, len, fault);
}
