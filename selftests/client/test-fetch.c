// SPDX-License-Identifier: GPL-2.0
// Tests that only a right reply is believed, that every other one has its own
// name, and that no host can make a client wait longer than it wants.
#include <endian.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/azattest_frame.h>
#include <selftests/lib/tap.h>
#include <userspace/lib/azattest.h>

#define TIMEOUT_MS	20000
#define HEADER		sizeof(struct azattest_frame)

/* What the fake host does with a request. */
struct host {
	struct azattest_frame reply;	/* id and magic are filled in, then ... */
	uint32_t xor_magic, xor_id;	/* ... altered */
	size_t payload;			/* bytes sent after the header */
	size_t cut;			/* bytes left out at the end */
	size_t extra;			/* bytes sent after all */
	size_t step;			/* bytes a time; 0: all at once */
	bool silent;			/* reads, never answers */
	bool deaf;			/* answers and hangs up unasked */
};

static struct host good_host(uint8_t type, uint32_t payload)
{
	return (struct host){
		.reply = { .version = AZATTEST_FRAME_VERSION,
			   .type = type | AZATTEST_FRAME_REPLY,
			   .length = htole32(payload) },
		.payload = payload,
	};
}

static size_t make_reply(const struct host *h, uint32_t id, unsigned char *to)
{
	struct azattest_frame reply = h->reply;
	size_t i;

	reply.magic = htole32(AZATTEST_FRAME_MAGIC ^ h->xor_magic);
	reply.id = htole32(h->reply.type == AZATTEST_FRAME_REFUSED ? h->xor_id :
			   id ^ h->xor_id);
	memcpy(to, &reply, HEADER);
	for (i = 0; i < h->payload + h->extra; i++)
		to[HEADER + i] = (unsigned char)(0x30 + i * 7);
	return HEADER + h->payload + h->extra - h->cut;
}

struct stage {
	int fd;
	const struct host *host;
};

static int play(void *arg)
{
	const struct stage *stage = arg;
	const struct host *h = stage->host;
	unsigned char request[256], reply[20000];
	struct azattest_frame header = { 0 };
	size_t len, sent, step;
	ssize_t n;

	if (!h->deaf) {
		n = read(stage->fd, request, sizeof(request));
		if (n < (ssize_t)HEADER)
			return 1;
		memcpy(&header, request, HEADER);
	}
	if (h->silent)
		return read(stage->fd, request, 1) != 0;
	len = make_reply(h, le32toh(header.id), reply);
	for (sent = 0; sent < len; sent += step) {
		step = h->step && h->step < len - sent ? h->step : len - sent;
		if (send(stage->fd, reply + sent, step, MSG_NOSIGNAL) < 0)
			return 0;
		if (h->step)
			tap_pause();
	}
	return 0;
}

struct outcome {
	struct azattest_fault fault;
	unsigned char *der;
	size_t len;
};

static int fetch(int fd, uint8_t type, int timeout_ms, struct outcome *o)
{
	struct azattest_request request = { .nonce = "abc" };
	struct azattest_hello hello;

	memset(o, 0, sizeof(*o));
	o->fault.code = -1;
	if (type == AZATTEST_FRAME_HELLO)
		return azattest_fetch_hello(fd, timeout_ms, &hello, &o->fault);
	if (type == AZATTEST_FRAME_ISSUER)
		return azattest_fetch_issuer(fd, timeout_ms, &o->der, &o->len,
					     &o->fault);
	return azattest_fetch_document(fd, &request, timeout_ms, &o->der,
				       &o->len, &o->fault);
}

static int fetch_from(const struct host *h, uint8_t type, int timeout_ms,
		      struct outcome *o)
{
	int pair[2], code;
	struct stage stage;
	pid_t pid;

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	stage = (struct stage){ pair[1], h };
	pid = tap_spawn(play, &stage, pair[1]);
	close(pair[1]);
	code = fetch(pair[0], type, timeout_ms, o);
	close(pair[0]);
	tap_need_eq(tap_join(pid), 0);
	if (code)
		tap_need_eq(o->fault.code, code);
	return code;
}

static void need(const struct host *h, uint8_t type, int code)
{
	struct outcome o;
	int got = fetch_from(h, type, TIMEOUT_MS, &o);

	tap_need_msg(got == code, "type %u gives %s (%s), not %s", type,
		     azattest_code_name(got), o.fault.text,
		     azattest_code_name(code));
	free(o.der);
}

static const uint8_t types[] = {
	AZATTEST_FRAME_HELLO, AZATTEST_FRAME_ATTEST, AZATTEST_FRAME_ISSUER,
};

static uint32_t size_of(uint8_t type)
{
	return type == AZATTEST_FRAME_HELLO ?
	       sizeof(struct azattest_frame_hello) : 1500;
}

static void good_reply_accepted(void)
{
	size_t i;

	for (i = 0; i < TAP_COUNT(types); i++) {
		struct host h = good_host(types[i], size_of(types[i]));

		need(&h, types[i], AZATTEST_E_OK);
	}
}

static void payload_comes_out_whole(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST,
				  AZATTEST_FRAME_MAX - HEADER);
	struct outcome o;
	size_t i;

	tap_need_eq(fetch_from(&h, AZATTEST_FRAME_ATTEST, TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, AZATTEST_FRAME_MAX - HEADER);
	for (i = 0; i < o.len; i++)
		tap_need_eq(o.der[i], (unsigned char)(0x30 + i * 7));
	free(o.der);
}

static void reply_in_single_bytes_accepted(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 300);

	h.step = 1;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_OK);
}

static void wrong_header_fields_refused(void)
{
	uint8_t type = AZATTEST_FRAME_ATTEST;
	struct host h;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		h = good_host(type, 100);
		h.xor_magic = 1u << bit;
		need(&h, type, AZATTEST_E_REPLY);
		h = good_host(type, 100);
		h.xor_id = 1u << bit;
		need(&h, type, AZATTEST_E_REPLY);
	}
	for (bit = 0; bit < 8; bit++) {
		h = good_host(type, 100);
		h.reply.version ^= 1u << bit;
		need(&h, type, AZATTEST_E_REPLY);
		h = good_host(type, 100);
		h.reply.type ^= 1u << bit;
		need(&h, type, AZATTEST_E_REPLY);
	}
}

static void wrong_lengths_refused(void)
{
	static const uint32_t lengths[] = {
		0, AZATTEST_FRAME_MAX - HEADER + 1, AZATTEST_FRAME_MAX,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
	};
	struct host h;
	size_t i;

	for (i = 0; i < TAP_COUNT(lengths); i++) {
		h = good_host(AZATTEST_FRAME_ATTEST, 200);
		h.reply.length = htole32(lengths[i]);
		need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	}
	for (i = 0; i < 20; i++) {
		if (i == sizeof(struct azattest_frame_hello))
			continue;
		h = good_host(AZATTEST_FRAME_HELLO, (uint32_t)i);
		need(&h, AZATTEST_FRAME_HELLO, AZATTEST_E_REPLY);
	}
}

static void bytes_after_reply_refused(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 100);

	h.extra = 1;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h = good_host(AZATTEST_FRAME_ATTEST, AZATTEST_FRAME_MAX - HEADER);
	h.extra = 4000;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
}

/* A restarting host may hang up anywhere: worth another try, unlike a lie. */
static void every_cut_is_a_reset(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 40);

	for (h.cut = 1; h.cut <= HEADER + 40; h.cut++)
		need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RESET);
	tap_need(azattest_code_retryable(AZATTEST_E_RESET));
}

static void each_status_has_its_code(void)
{
	unsigned int status;

	for (status = 1; status <= AZATTEST_STATUS_MAX; status++) {
		struct host h = good_host(AZATTEST_FRAME_ATTEST, 0);

		h.reply.status = htole16(status);
		need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RETRY - 1 + (int)status);
		h.reply.type = AZATTEST_FRAME_REFUSED;
		need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RETRY - 1 + (int)status);
	}
	tap_need_eq(AZATTEST_E_RETRY - 1 + AZATTEST_STATUS_MAX,
		    AZATTEST_E_FAULT);
	tap_need_eq(AZATTEST_E_RETRY - 1 + AZATTEST_STATUS_UNBOUND,
		    AZATTEST_E_UNBOUND);
}

static void statuses_that_lie_refused(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 0);

	h.reply.status = htole16(AZATTEST_STATUS_MAX + 1);
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h.reply.status = 0xffff;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	/* a failure brings no document */
	h = good_host(AZATTEST_FRAME_ATTEST, 100);
	h.reply.status = htole16(AZATTEST_STATUS_EXPIRED);
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	/* a refusal is never a success, and answers no request */
	h = good_host(AZATTEST_FRAME_ATTEST, 100);
	h.reply.type = AZATTEST_FRAME_REFUSED;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h = good_host(AZATTEST_FRAME_ATTEST, 0);
	h.reply.type = AZATTEST_FRAME_REFUSED;
	h.reply.status = htole16(AZATTEST_STATUS_UNBOUND);
	h.xor_id = 1;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
}

/* UNBOUND comes before a word was said, and the connection is gone then. */
static void refusal_before_the_request_is_heard(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 0);
	struct outcome o;
	struct stage stage;
	int pair[2];
	pid_t pid;

	h.reply.type = AZATTEST_FRAME_REFUSED;
	h.reply.status = htole16(AZATTEST_STATUS_UNBOUND);
	h.deaf = true;
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	stage = (struct stage){ pair[1], &h };
	pid = tap_spawn(play, &stage, pair[1]);
	close(pair[1]);
	tap_need_eq(tap_join(pid), 0);
	tap_need_eq(fetch(pair[0], AZATTEST_FRAME_ATTEST, TIMEOUT_MS, &o),
		    AZATTEST_E_UNBOUND);
	close(pair[0]);
}

static void hang_up_without_a_word_is_a_reset(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 0);

	h.cut = HEADER;
	h.deaf = true;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RESET);
}

static void need_timeout(const struct host *h)
{
	int64_t begin = tap_now_ms();
	struct outcome o;

	tap_need_eq(fetch_from(h, AZATTEST_FRAME_ATTEST, 200, &o),
		    AZATTEST_E_TIMEOUT);
	tap_need(tap_now_ms() - begin >= 200);
}

static void silence_times_out(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 0);

	h.silent = true;
	need_timeout(&h);
}

/* Each byte comes in time; the whole never does. */
static void trickle_times_out(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 8000);

	h.step = 1;
	need_timeout(&h);
}

/* A wrong header is not waited out. */
static void wrong_header_is_told_at_once(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 100);
	int64_t begin = tap_now_ms();

	h.xor_magic = 1;
	h.cut = 100;
	need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	tap_need(tap_now_ms() - begin < TIMEOUT_MS);
}

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
	struct outcome o;

	tap_need_eq(fetch(-1, AZATTEST_FRAME_HELLO, 100, &o),
		    AZATTEST_E_SYSTEM);
	tap_need(strlen(o.fault.text) > 5);
}

/* A device file moves whole frames by read and write; so does this pair. */
static void whole_frames_of_a_device_are_taken(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 1500);
	struct outcome o;
	struct stage stage;
	int pair[2];
	pid_t pid;

	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	stage = (struct stage){ pair[1], &h };
	pid = tap_spawn(play, &stage, pair[1]);
	close(pair[1]);
	tap_need_eq(fetch(pair[0], AZATTEST_FRAME_ATTEST, TIMEOUT_MS, &o), 0);
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
	struct stage *stage = arg;

	stage->fd = accept(stage->fd, NULL, NULL);
	return stage->fd < 0 ? 1 : play(stage);
}

static void vsock_loopback_works(void)
{
	struct host h = good_host(AZATTEST_FRAME_ATTEST, 1500);
	struct azattest_fault fault;
	struct stage stage = { .host = &h };
	struct outcome o;
	unsigned int port;
	pid_t pid;
	int fd;

	stage.fd = listen_loopback(&port);
	pid = tap_spawn(accept_and_play, &stage, stage.fd);
	if (azattest_connect(VMADDR_CID_LOCAL, port, TIMEOUT_MS, &fd, &fault)) {
		tap_kill(pid);
		tap_skip("no vsock loopback: %s", fault.text);
	}
	tap_need_eq(fetch(fd, AZATTEST_FRAME_ATTEST, TIMEOUT_MS, &o), 0);
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
	TAP_TEST(good_reply_accepted),
	TAP_TEST(payload_comes_out_whole),
	TAP_TEST(reply_in_single_bytes_accepted),
	TAP_TEST(wrong_header_fields_refused),
	TAP_TEST(wrong_lengths_refused),
	TAP_TEST(bytes_after_reply_refused),
	TAP_TEST(every_cut_is_a_reset),
	TAP_TEST(each_status_has_its_code),
	TAP_TEST(statuses_that_lie_refused),
	TAP_TEST(refusal_before_the_request_is_heard),
	TAP_TEST(hang_up_without_a_word_is_a_reset),
	TAP_TEST(silence_times_out),
	TAP_TEST(trickle_times_out),
	TAP_TEST(wrong_header_is_told_at_once),
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
