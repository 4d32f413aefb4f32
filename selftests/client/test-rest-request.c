// SPDX-License-Identifier: GPL-2.0
// Tests that a client asks a REST host for what it was asked for, checks that first,
// and that each way on which nobody is met has its code.

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/lib/azattest.h>

#define TIMEOUT_MS	20000
#define SHORT_MS	300

static void the_request_on_the_wire(void)
{
	static const char want[] =
		"GET /metadata/attested/document?api-version=2018-10-01&nonce=a-Z_9 HTTP/1.1\r\n"
		"Host: 169.254.169.253\r\nMetadata: true\r\nConnection: close\r\n\r\n";
	static const char bare[] =
		"GET /metadata/attested/document?api-version=2020-09-01 HTTP/1.1\r\n";
	struct azattest_request request = { .api_version = 20181001, .nonce = "a-Z_9" };
	struct azattest_fault fault;
	unsigned char *der;
	char got[1024];
	size_t len;
	int pair[2];

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	tap_need_eq(azattest_rest_fetch_document(pair[0], &request, 20, &der, &len, &fault),
		    AZATTEST_E_TIMEOUT);
	tap_need_eq(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), strlen(want));
	tap_need(!memcmp(got, want, strlen(want)));
	request = (struct azattest_request){ 0 };
	tap_need_eq(azattest_rest_fetch_document(pair[0], &request, 20, &der, &len, &fault),
		    AZATTEST_E_TIMEOUT);
	tap_need(recv(pair[1], got, sizeof(got), MSG_DONTWAIT) > (ssize_t)strlen(bare));
	tap_need(!memcmp(got, bare, strlen(bare)));
}

static void arguments_are_checked_before_anything_is_sent(void)
{
	static const char *const bad[] = {
		"", "a b", "a&b", "a\r\nX: y", "\xc3\xa9", "123456789012345678901234567890123",
	};
	struct azattest_request version = { .api_version = 200000101 };
	struct azattest_fault fault;
	unsigned char *der;
	size_t i, len;
	int pair[2];

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (i = 0; i < TAP_COUNT(bad); i++) {
		struct azattest_request request = { .nonce = bad[i] };

		tap_need_eq(azattest_rest_fetch_document(pair[0], &request, 100, &der,
							 &len, &fault),
			    AZATTEST_E_ARGUMENT);
	}
	tap_need_eq(azattest_rest_fetch_document(pair[0], &version, 100, &der, &len, &fault),
		    AZATTEST_E_ARGUMENT);
	tap_need(recv(pair[1], &i, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* ---- the way there, over this machine's loopback only ---- */

static int listen_tcp(unsigned int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(!bind(fd, (struct sockaddr *)&address, len) && !listen(fd, 0));
	tap_need(!getsockname(fd, (struct sockaddr *)&address, &len));
	*port = ntohs(address.sin_port);
	return fd;
}

static void the_host_is_called_by_the_address_asked(void)
{
	struct azattest_request request = { .nonce = NULL };
	struct azattest_fault fault;
	char got[1024] = "", want[64];
	unsigned char *der;
	unsigned int port;
	size_t len;
	int fd, listener = listen_tcp(&port);

	tap_need_eq(azattest_rest_connect("127.0.0.1", port, "lo", TIMEOUT_MS, &fd, &fault), 0);
	tap_need_eq(azattest_rest_fetch_document(fd, &request, 50, &der, &len, &fault),
		    AZATTEST_E_TIMEOUT);
	tap_need(recv(accept(listener, NULL, NULL), got, sizeof(got) - 1, 0) > 0);
	snprintf(want, sizeof(want), "\r\nHost: 127.0.0.1:%u\r\n", port);
	tap_need_msg(strstr(got, want), "%s", got);
}

static void nobody_there_is_a_reset(void)
{
	struct azattest_fault fault;
	unsigned int port;
	int fd;

	close(listen_tcp(&port));
	tap_need_eq(azattest_rest_connect("127.0.0.1", port, NULL, TIMEOUT_MS, &fd, &fault),
		    AZATTEST_E_RESET);
	tap_need_eq(fault.code, AZATTEST_E_RESET);
}

/* As a fence does: SYNs are dropped. Here by a backlog that is full. */
static void no_answer_at_all_is_a_reset_in_time(void)
{
	struct azattest_fault fault;
	unsigned int port;
	int fd, rc = 0, listener = listen_tcp(&port);

	for (int i = 0; i < 8 && !rc; i++)
		rc = azattest_rest_connect("127.0.0.1", port, NULL, SHORT_MS, &fd, &fault);
	tap_need_eq(rc, AZATTEST_E_RESET);
	close(listener);
}

static void no_such_interface_is_no_route(void)
{
	struct azattest_fault fault;
	int fd;

	tap_need_eq(azattest_rest_connect("127.0.0.1", 1, "az-none", SHORT_MS, &fd, &fault),
		    AZATTEST_E_NO_ROUTE);
}

static void places_that_are_none_are_arguments(void)
{
	static const char *const bad[] = {
		"", "localhost", "127.1", "127.0.0.1 ", "::1", "256.0.0.1", "127.0.0.1:80",
	};
	struct azattest_fault fault;
	int fd;

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_eq(azattest_rest_connect(bad[i], 1, NULL, SHORT_MS, &fd, &fault),
			    AZATTEST_E_ARGUMENT);
	tap_need_eq(azattest_rest_connect("127.0.0.1", 65536, NULL, SHORT_MS, &fd, &fault),
		    AZATTEST_E_ARGUMENT);
	tap_need_eq(azattest_rest_connect("127.0.0.1", 1, "", SHORT_MS, &fd, &fault),
		    AZATTEST_E_ARGUMENT);
	tap_need_eq(azattest_rest_connect("127.0.0.1", 1, "a234567890123456", SHORT_MS, &fd,
					  &fault), AZATTEST_E_ARGUMENT);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_request_on_the_wire),
	TAP_TEST(arguments_are_checked_before_anything_is_sent),
	TAP_TEST(the_host_is_called_by_the_address_asked),
	TAP_TEST(nobody_there_is_a_reset),
	TAP_TEST(no_answer_at_all_is_a_reset_in_time),
	TAP_TEST(no_such_interface_is_no_route),
	TAP_TEST(places_that_are_none_are_arguments),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
