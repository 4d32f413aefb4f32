// SPDX-License-Identifier: GPL-2.0
// Owns azattest-ca's HTTP door: CMP messages in, answers out, issuer and CRL for everybody.

#include "ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

/*
 * A thread for each connection, few of them: one that is slow, or that a test
 * mode lets hang, is nobody else's. All CMP work is under one lock.
 */
#define BODY_MAX		65536
#define CONNECTIONS		64
#define CONNECTIONS_PER_PEER	32
#define IDLE_S			30
#define CRL_REFRESH_S		86400

static pthread_mutex_t work = PTHREAD_MUTEX_INITIALIZER;

struct body {
	size_t length;
	uint8_t bytes[BODY_MAX];
};

static enum MHD_Result send_bytes(struct MHD_Connection *connection, unsigned int status,
				  const char *type, const void *bytes, size_t length)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", type);
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status,
				 const char *text)
{
	return send_bytes(connection, status, "text/plain", text, strlen(text));
}

/* answers of test modes */

static ssize_t endless(void *arg, uint64_t at, char *buf, size_t size)
{
	(void)arg;
	(void)at;
	memset(buf, 0x30, size);
	return (ssize_t)size;
}

static ssize_t slow(void *arg, uint64_t at, char *buf, size_t size)
{
	(void)arg;
	(void)size;
	poll(NULL, 0, 200);
	*buf = at ? 0x00 : 0x30;
	return 1;
}

static enum MHD_Result send_stream(struct MHD_Connection *connection, uint64_t size,
				   MHD_ContentReaderCallback reader)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(size, 4096, reader, NULL, NULL);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/pkixcmp");
	ret = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ret;
}

/* True and *@ret: the mode answers, and CMP is not asked. */
static bool answer_wrongly(enum testmode mode, struct MHD_Connection *connection,
			   enum MHD_Result *ret)
{
	switch (mode) {
	case TESTMODE_503:
		*ret = send_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "test mode 503\n");
		return true;
	case TESTMODE_GARBAGE:
		*ret = send_bytes(connection, MHD_HTTP_OK, "application/pkixcmp", "garbage", 7);
		return true;
	case TESTMODE_ENDLESS:
		*ret = send_stream(connection, MHD_SIZE_UNKNOWN, endless);
		return true;
	case TESTMODE_SLOW:
		*ret = send_stream(connection, 1000, slow);
		return true;
	case TESTMODE_HANG:
		for (;;)
			poll(NULL, 0, -1);
	default:
		return false;
	}
}

/* requests */

static enum MHD_Result answer_post(struct server *server, struct MHD_Connection *connection,
				   const struct body *body)
{
	enum MHD_Result ret;
	size_t length = 0;
	uint8_t *der;

	if (body->length > BODY_MAX)
		return send_text(connection, MHD_HTTP_CONTENT_TOO_LARGE, "longer than a CMP message\n");
	if (answer_wrongly(server->mode, connection, &ret))
		return ret;
	pthread_mutex_lock(&work);
	der = cmp_answer(server, body->bytes, body->length, &length);
	pthread_mutex_unlock(&work);
	if (!der)
		return send_text(connection, MHD_HTTP_BAD_REQUEST, "not a CMP message\n");
	ret = send_bytes(connection, MHD_HTTP_OK, "application/pkixcmp", der, length);
	OPENSSL_free(der);
	return ret;
}

static enum MHD_Result send_issuer(struct server *server, struct MHD_Connection *connection)
{
	uint8_t *der = NULL;
	int length = i2d_X509(server->ca->issuing, &der);
	enum MHD_Result ret;

	if (length <= 0)
		return MHD_NO;
	ret = send_bytes(connection, MHD_HTTP_OK, "application/pkix-cert", der, (size_t)length);
	OPENSSL_free(der);
	return ret;
}

static int encode_crl(const char *pem, uint8_t **der)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	int size = crl ? i2d_X509_CRL(crl, der) : -1;

	X509_CRL_free(crl);
	BIO_free(bio);
	return size;
}

static enum MHD_Result send_crl(struct server *server, struct MHD_Connection *connection)
{
	struct failure failure;
	uint8_t *der = NULL;
	enum MHD_Result ret;
	char *pem;
	int length;

	pthread_mutex_lock(&work);
	pem = revoke_read_crl(server->ca, &failure);
	pthread_mutex_unlock(&work);
	length = pem ? encode_crl(pem, &der) : -1;
	free(pem);
	if (length <= 0)
		return send_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "there is no CRL\n");
	ret = send_bytes(connection, MHD_HTTP_OK, "application/pkix-crl", der, (size_t)length);
	OPENSSL_free(der);
	return ret;
}

static enum MHD_Result answer_get(struct server *server, struct MHD_Connection *connection,
				  const char *url)
{
	if (!strcmp(url, "/issuer.cer"))
		return send_issuer(server, connection);
	if (!strcmp(url, "/crl"))
		return send_crl(server, connection);
	return send_text(connection, MHD_HTTP_NOT_FOUND, "GET /issuer.cer or /crl; POST CMP messages\n");
}

static void take(struct body *body, const char *bytes, size_t length)
{
	if (body->length + length <= BODY_MAX)
		memcpy(body->bytes + body->length, bytes, length);
	body->length = body->length + length <= BODY_MAX ? body->length + length : BODY_MAX + 1;
}

static enum MHD_Result on_http(void *arg, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *bytes,
			       size_t *length, void **state)
{
	struct server *server = arg;
	struct body *body = *state;

	(void)version;
	if (!body) {
		*state = calloc(1, sizeof(*body));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*length) {
		take(body, bytes, *length);
		*length = 0;
		return MHD_YES;
	}
	if (!strcmp(method, "POST"))
		return answer_post(server, connection, body);
	if (!strcmp(method, "GET"))
		return answer_get(server, connection, url);
	return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or POST\n");
}

static void on_end(void *arg, struct MHD_Connection *connection, void **state,
		   enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	free(*state);
	*state = NULL;
}

/* start and end */

static int parse_address(const struct http_address *address, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(address->port);
		return 0;
	}
	if (inet_pton(AF_INET6, address->host, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(address->port);
	return 0;
}

static char *to_pem(EVP_PKEY *key, X509 *cert, X509 *issuer)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *bytes;
	long length;
	bool ok;

	ok = bio && (key ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 :
		     PEM_write_bio_X509(bio, cert) == 1 && PEM_write_bio_X509(bio, issuer) == 1);
	if (ok) {
		length = BIO_get_mem_data(bio, &bytes);
		text = OPENSSL_strndup(bytes, (size_t)length);
	}
	BIO_free(bio);
	return text;
}

static struct MHD_Daemon *start(struct server *server, const struct http_address *address)
{
	struct sockaddr_storage where;
	char *key = to_pem(server->key, NULL, NULL);
	char *cert = to_pem(NULL, server->cert, server->ca->issuing);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, key },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, cert },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *daemon = NULL;
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
		(address->tls ? MHD_USE_TLS : 0) | (strchr(address->host, ':') ? MHD_USE_IPv6 : 0);

	if (!address->tls)
		tls[0] = tls[2];
	if (key && cert && !parse_address(address, &where))
		daemon = MHD_start_daemon(flags, address->port, NULL, NULL, on_http, server,
			MHD_OPTION_SOCK_ADDR, &where, MHD_OPTION_ARRAY, tls,
			MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
			MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_PEER,
			MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
			MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
	OPENSSL_free(key);
	OPENSSL_free(cert);
	return daemon;
}

/* Until a signal; the CRL that is handed out never grows old. */
static void wait_for_end(struct server *server, const sigset_t *signals)
{
	const struct timespec day = { .tv_sec = CRL_REFRESH_S };
	struct failure failure;

	while (sigtimedwait(signals, NULL, &day) < 0) {
		if (errno != EAGAIN)
			continue;
		pthread_mutex_lock(&work);
		if (revoke_write_crl(server->ca, &failure))
			log_line(LOG_ERR, "%s", failure.text);
		pthread_mutex_unlock(&work);
	}
}

int http_serve(struct server *server, const struct http_address *address, struct failure *failure)
{
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int ret = revoke_write_crl(server->ca, failure);

	if (ret)
		return ret;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	daemon = start(server, address);
	if (!daemon)
		return failure_set(failure, EXIT_FAILURE, -EADDRNOTAVAIL,
				   "%s port %u: cannot listen: is the address this machine's, and the "
				   "port free?", address->host, address->port);
	log_line(LOG_INFO, "serving %s://%s:%u/", address->tls ? "https" : "http", address->host,
		 MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	wait_for_end(server, &signals);
	/* Threads that a test mode lets hang are not waited for. */
	_exit(EXIT_SUCCESS);
}
