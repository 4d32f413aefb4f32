// SPDX-License-Identifier: GPL-2.0
// Tests that a client says what it was asked to say, and fetches over every kind of
// descriptor: a stream, a device, vsock.

#include "host.h"

#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void arguments_are_checked_before_anything_is_sent(void)
{
	static const char *const bad[] = {
		"", "a b", "\"", "\xc3\xa9", "123456789012345678901234567890123",
	};
	struct azattest_fault fault;
	unsigned char *der;
	size_t i, len;
	int pair[2];

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (i = 0; i < TAP_COUNT(bad); i++) {
		struct azattest_request request = { .nonce = bad[i] };

		tap_need_eq(azattest_fetch_document(pair[0], &request, 100,
						    &der, &len, &fault),
			    AZATTEST_E_ARGUMENT);
	}
	tap_need(recv(pair[1], &i, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

/* The bytes on the wire, field by field, as the header's manual draws them. */
static void request_on_the_wire(void)
{
	struct azattest_request request = {
		.api_version = 20181001, .nonce = "abc", .host_timeout_ms = 700,
	};
	static const unsigned char want[] = {
		'A', 'Z', 'T', 'A', 1, 2, 0, 0, 19, 0, 0, 0,
	};
	static const unsigned char payload[] = {
		0, 0, 0, 0, 0x09, 0xf0, 0x33, 0x01, 0xbc, 2, 0, 0, 3, 0, 0, 0,
		'a', 'b', 'c',
	};
	unsigned char got[128];
	struct azattest_fault fault;
	unsigned char *der;
	size_t len;
	int pair[2];

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	tap_need_eq(azattest_fetch_document(pair[0], &request, 50, &der, &len,
					    &fault), AZATTEST_E_TIMEOUT);
	tap_need_eq(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 16 + 19);
	tap_need(!memcmp(got, want, sizeof(want)));
	tap_need(!memcmp(got + 16, payload, sizeof(payload)));
	request.nonce = NULL;
	tap_need_eq(azattest_fetch_document(pair[0], &request, 50, &der, &len,
					    &fault), AZATTEST_E_TIMEOUT);
	tap_need_eq(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 32);
	tap_need_eq(got[16], 1);	/* NO_NONCE */
	tap_need_eq(got[28], 0);
}

static void descriptor_that_is_none_is_a_system_error(void)
{
	struct host_outcome o;

	tap_need_eq(host_fetch(-1, AZATTEST_FRAME_HELLO, 100, &o),
		    AZATTEST_E_SYSTEM);
	tap_need(strlen(o.fault.text) > 5);
}

/* A device file moves whole frames by read and write; so does this pair. */
static void whole_frames_of_a_device_are_taken(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 1500);
	struct host_outcome o;
	struct host_stage stage;
	int pair[2];
	pid_t pid;

	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	stage = (struct host_stage){ pair[1], &h };
	pid = tap_spawn(host_play, &stage, pair[1]);
	close(pair[1]);
	tap_need_eq(host_fetch(pair[0], AZATTEST_FRAME_ATTEST, HOST_TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, 1500);
	tap_need_eq(tap_join(pid), 0);
	free(o.der);
}

/* Over AF_VSOCK's own loopback, where the kernel has it. */
static int listen_loopback(unsigned int *port)
{
	struct sockaddr_vm address = { .svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL, .svm_port = VMADDR_PORT_ANY };
	socklen_t len = sizeof(address);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		tap_skip("no AF_VSOCK");
	if (bind(fd, (struct sockaddr *)&address, len))
		tap_skip("no vsock loopback (module vsock_loopback)");
	tap_need(!listen(fd, 4));
	tap_need(!getsockname(fd, (struct sockaddr *)&address, &len));
	*port = address.svm_port;
	return fd;
}

static int accept_and_play(void *arg)
{
	struct host_stage *stage = arg;

	stage->fd = accept(stage->fd, NULL, NULL);
	return stage->fd < 0 ? 1 : host_play(stage);
}

static void vsock_loopback_works(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 1500);
	struct azattest_fault fault;
	struct host_stage stage = { .host = &h };
	struct host_outcome o;
	unsigned int port;
	pid_t pid;
	int fd;

	stage.fd = listen_loopback(&port);
	pid = tap_spawn(accept_and_play, &stage, stage.fd);
	if (azattest_connect(VMADDR_CID_LOCAL, port, HOST_TIMEOUT_MS, &fd, &fault)) {
		tap_kill(pid);
		tap_skip("no vsock loopback: %s", fault.text);
	}
	tap_need_eq(host_fetch(fd, AZATTEST_FRAME_ATTEST, HOST_TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, 1500);
	tap_need_eq(tap_join(pid), 0);
	close(fd);
	free(o.der);
}

/* Only with a loopback: without one, CID 1 would be looked for on the host. */
static void nobody_on_vsock_is_a_reset(void)
{
	struct azattest_fault fault;
	unsigned int port;
	int fd;

	close(listen_loopback(&port));
	tap_need_eq(azattest_connect(VMADDR_CID_LOCAL, port, 2000, &fd, &fault),
		    AZATTEST_E_RESET);
	tap_need_eq(fault.code, AZATTEST_E_RESET);
}

static const struct tap_test tests[] = {
	TAP_TEST(arguments_are_checked_before_anything_is_sent),
	TAP_TEST(request_on_the_wire),
	TAP_TEST(descriptor_that_is_none_is_a_system_error),
	TAP_TEST(whole_frames_of_a_device_are_taken),
	TAP_TEST(vsock_loopback_works),
	TAP_TEST(nobody_on_vsock_is_a_reset),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
