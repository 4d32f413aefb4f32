// SPDX-License-Identifier: GPL-2.0
// Owns the first step to a CA: is somebody there, and is it the one that is trusted?

#include "sync.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/http.h>

/*
 * libcrypto's CMP client takes "refused" for "not yet" and tries again until
 * its time is over. So one connection is made before, and closed.
 */
#define CONNECT_MS	10000

int probe_parse(const char *url, struct probe_url *out, struct failure *failure)
{
	int tls = 0;

	memset(out, 0, sizeof(*out));
	if (OSSL_HTTP_parse_url(url, &tls, NULL, &out->host, &out->port, NULL, &out->path, NULL,
				NULL) != 1) {
		ERR_clear_error();
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "ca-url \"%s\": is no http:// or https:// URL", url);
	}
	out->tls = tls;
	return 0;
}

void probe_free(struct probe_url *url)
{
	OPENSSL_free(url->host);
	OPENSSL_free(url->port);
	OPENSSL_free(url->path);
}

SSL_CTX *probe_tls(STACK_OF(X509) *trust)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509_STORE *store = ctx ? SSL_CTX_get_cert_store(ctx) : NULL;
	bool ok = store;

	for (int i = 0; ok && i < sk_X509_num(trust); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(trust, i)) == 1;
	if (ok && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* The URL's host: a name, with SNI, or an address. */
SSL *probe_ssl(SSL_CTX *ctx, const struct probe_url *url)
{
	X509_VERIFY_PARAM *param;
	unsigned char address[16];
	SSL *ssl = SSL_new(ctx);
	bool ok;

	if (!ssl)
		return NULL;
	param = SSL_get0_param(ssl);
	if (inet_pton(AF_INET, url->host, address) == 1 ||
	    inet_pton(AF_INET6, url->host, address) == 1)
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, url->host) == 1;
	else
		ok = X509_VERIFY_PARAM_set1_host(param, url->host, 0) == 1 &&
		     SSL_set_tlsext_host_name(ssl, url->host) == 1;
	if (ok)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static int connect_one(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -errno;
	if (!connect(fd, info->ai_addr, info->ai_addrlen))
		return fd;
	if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&wait, 1, CONNECT_MS) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error)
		return fd;
	close(fd);
	return -error;
}

static int unreachable(const char *text, const char *why, struct failure *failure)
{
	return failure_set(failure, SYNC_EXIT_UNREACHABLE, -EHOSTUNREACH,
			   "CA unreachable: tried %s: %s: check that the CA runs there and that nothing "
			   "between blocks it", text, why);
}

static int connect_any(const char *text, const struct probe_url *url, struct failure *failure)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int fd = -EHOSTUNREACH, ret = getaddrinfo(url->host, url->port, &hints, &list);

	if (ret)
		return unreachable(text, gai_strerror(ret), failure);
	for (const struct addrinfo *info = list; fd < 0 && info; info = info->ai_next)
		fd = connect_one(info);
	freeaddrinfo(list);
	return fd < 0 ? unreachable(text, strerror(-fd), failure) : fd;
}

static int handshake(const char *text, const struct probe_url *url, SSL_CTX *ctx, int fd,
		     struct failure *failure)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	SSL *ssl = probe_ssl(ctx, url);
	long verdict = X509_V_OK;
	int ret = -1;

	if (ssl && SSL_set_fd(ssl, fd) == 1)
		while ((ret = SSL_connect(ssl)) != 1 &&
		       SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ && poll(&wait, 1, CONNECT_MS) == 1)
			;
	if (ssl)
		verdict = SSL_get_verify_result(ssl);
	SSL_free(ssl);
	ERR_clear_error();
	if (ret == 1)
		return 0;
	if (verdict != X509_V_OK)
		return failure_set(failure, SYNC_EXIT_UNREACHABLE, -EKEYREJECTED,
				   "%s: is not the CA that is trusted: its TLS certificate fails (%s): "
				   "look at ca-trust, and at the name in ca-url", text,
				   X509_verify_cert_error_string(verdict));
	return unreachable(text, "no TLS there", failure);
}

int probe_run(const char *text, const struct probe_url *url, SSL_CTX *ctx,
	      struct failure *failure)
{
	int fd = connect_any(text, url, failure), ret;

	if (fd < 0)
		return fd;
	ret = ctx ? handshake(text, url, ctx, fd, failure) : 0;
	close(fd);
	return ret;
}
