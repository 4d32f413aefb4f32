// SPDX-License-Identifier: GPL-2.0
/* An honest guest at the vsock door: what it asks, it gets, and nobody else's. */
#include <selftests/vsock/door.h>

#include <endian.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/netlink/client.h>

static void attest_gets_own_document(void)
{
	struct testvm *a, *b;

	door_signer();
	a = testvm_start(1);
	b = testvm_start(2);
	testvm_attest(a, "nonce-of-a");
	testvm_attest(b, "nonce-of-b");
	testvm_attest(a, "again");
}

static void document_of_largest_size_arrives_whole(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;

	s->options.length = AZATTEST_DOCUMENT_MAX;
	tap_need_eq(ask_attest(c, 9, "n", 1, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(r.length, AZATTEST_DOCUMENT_MAX);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, "n", 1));
}

static void attest_without_nonce_says_so_to_the_signer(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;

	tap_need_eq(ask_attest(c, 1, NULL, 0, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, NULL, 0));
	tap_need_eq(s->last.nonce_len, 0);
}

static void hello_says_versions_and_largest_frame(void)
{
	struct azattest_frame_hello h;
	struct fakeguest_conn *c;
	struct ask_reply r;

	door_signer();
	c = testvm_connect(testvm_start(1));
	tap_need_eq(ask_hello(c, 77, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(r.length, sizeof(h));
	memcpy(&h, r.payload, sizeof(h));
	tap_need_eq(h.version_min, AZATTEST_FRAME_VERSION);
	tap_need_eq(h.version_max, AZATTEST_FRAME_VERSION);
	tap_need_eq(h.host_state, AZATTEST_HOST_READY);
	tap_need_eq(h.reserved, 0);
	tap_need_eq(le32toh(h.max_frame), AZATTEST_FRAME_MAX);
}

static int host_state(struct fakeguest_conn *c)
{
	struct azattest_frame_hello h;
	struct ask_reply r;

	tap_need_eq(ask_hello(c, 1, &r), 0);
	tap_need_eq(r.length, sizeof(h));
	memcpy(&h, r.payload, sizeof(h));
	return h.host_state;
}

static void hello_tells_the_newest_signers_state(void)
{
	struct fakesigner_options expired = { .host_state = AZATTEST_HOST_EXPIRED };
	struct fakeguest_conn *c;
	struct fakesigner *s;

	door_open_wide();
	c = testvm_connect(testvm_start(1));
	tap_need_eq(host_state(c), AZATTEST_HOST_NO_SIGNER);
	fakesigner_start(NULL);
	tap_need_eq(host_state(c), AZATTEST_HOST_READY);
	s = fakesigner_start(&expired);
	tap_need_eq(host_state(c), AZATTEST_HOST_EXPIRED);
	fakesigner_kill(s);
	tap_need_eq(host_state(c), AZATTEST_HOST_READY);
}

static void issuer_is_asked_of_the_signer(void)
{
	struct fakesigner_document doc;
	struct fakeguest_conn *c;
	struct ask_reply r;

	door_signer();
	c = testvm_connect(testvm_start(1));
	tap_need_eq(ask_issuer(c, 3, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need(fakesigner_parse(r.payload, r.length, &doc));
	tap_need_eq(doc.request.type, AZATTEST_FRAME_ISSUER);
	tap_need_eq(doc.request.api_version, 0);
	tap_need_eq(doc.request.nonce_len, 0);
}

static void signer_is_told_what_the_guest_asked(void)
{
	struct frames_attest a = {
		.api_version = 20991231, .timeout_ms = 1234, .nonce_len = 32,
		.nonce = "0123456789abcdefABCDEF-_zyxwvuts", .nonce_bytes = 32,
	};
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c = testvm_connect(vm);
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct ask_reply r;

	tap_need_eq(ask(c, frame, frames_attest_raw(frame, 5, &a), &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(s->last.type, AZATTEST_FRAME_ATTEST);
	tap_need_eq(s->last.transport, AZATTEST_TRANSPORT_VSOCK);
	tap_need_eq(s->last.api_version, 20991231);
	tap_need_eq(s->last.attempt, 1);
	tap_need_eq(s->last.cid, vm->cid);
	tap_need_eq(s->last.generation, vm->generation);
	tap_need(s->last.deadline_ms <= 1234);
	tap_need(!strcmp((const char *)s->last.name, "vm-1"));
}

static void reply_carries_the_requests_id(void)
{
	static const uint32_t ids[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	struct fakeguest_conn *c;
	struct ask_reply r;

	door_signer();
	c = testvm_connect(testvm_start(1));
	for (size_t i = 0; i < TAP_COUNT(ids); i++) {
		tap_need_eq(ask_hello(c, ids[i], &r), 0);
		tap_need_eq(ask_attest(c, ids[i], "n", 1, &r), 0);
	}
}

static void signers_status_reaches_the_guest(void)
{
	static const uint32_t statuses[] = {
		AZATTEST_STATUS_RETRY, AZATTEST_STATUS_EXPIRED, AZATTEST_STATUS_DENIED,
		AZATTEST_STATUS_BAD_REQUEST, AZATTEST_STATUS_UNSUPPORTED, AZATTEST_STATUS_FAULT,
	};
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c;
	struct ask_reply r;

	for (size_t i = 0; i < TAP_COUNT(statuses); i++) {
		c = testvm_connect(vm);
		s->options.status = statuses[i];
		tap_need_eq(ask_attest(c, i, "n", 1, &r), 0);
		tap_need_eq(r.status, statuses[i]);
		tap_need_eq(r.length, 0);
		fakeguest_hangup(c);
	}
}

/* The one constant frame that an unbound CID hears, then the end. */
static void hears_unbound(struct fakeguest *g)
{
	struct fakeguest_conn *c = fakeguest_connect(g, 0, testvm_port());
	struct ask_reply r;

	tap_need(c);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.type, AZATTEST_FRAME_REFUSED);
	tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
	tap_need_eq(r.id, 0);
	tap_need_eq(r.length, 0);
	door_hung_up(c, "after UNBOUND");
	fakeguest_forget(c);
}

static void unbound_cid_hears_unbound_then_end(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start_unbound(1);

	hears_unbound(vm->guest);
	hears_unbound(vm->guest);
	tap_need_eq(s->taken, 0);
}

static void cid_that_is_bound_later_works(void)
{
	struct testvm *vm;

	door_signer();
	vm = testvm_start_unbound(1);
	hears_unbound(vm->guest);
	testvm_bind(vm);
	testvm_attest(vm, "now");
}

static void cid_that_is_unbound_later_hears_unbound(void)
{
	struct testvm *vm;
	struct fakeguest_conn *c;

	door_signer();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	testvm_attest_on(vm, c, "first");
	testvm_unbind(vm);
	door_hung_up(c, "connection of an ended binding");
	hears_unbound(vm->guest);
}

static void host_process_is_never_a_vm(void)
{
	static const unsigned int cids[] = { VMADDR_CID_LOCAL, VMADDR_CID_HOST };
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK, .svm_port = testvm_port() };
	struct fakesigner *s = door_signer();
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, "n", 1);
	struct client c;
	int connected = 0;
	uint64_t refused;

	if (system("modprobe vsock_loopback"))
		tap_skip("no vsock_loopback");
	client_need(&c);
	refused = client_counter(&c, "refused_special_cid");
	for (size_t i = 0; i < TAP_COUNT(cids); i++) {
		int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

		sa.svm_cid = cids[i];
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			continue;
		connected++;
		send(fd, frame, len, MSG_NOSIGNAL);
		tap_need_msg(recv(fd, frame, 1, 0) <= 0, "CID %u: an answer", cids[i]);
		close(fd);
	}
	tap_need_wait(client_counter(&c, "refused_special_cid") > refused);
	tap_need_eq(s->taken, 0);
	tap_diag("%d of 2 addresses connect before they are closed, %llu refused", connected,
		 (unsigned long long)(client_counter(&c, "refused_special_cid") - refused));
}

static const struct tap_test tests[] = {
	TAP_TEST(attest_gets_own_document),
	TAP_TEST(document_of_largest_size_arrives_whole),
	TAP_TEST(attest_without_nonce_says_so_to_the_signer),
	TAP_TEST(hello_says_versions_and_largest_frame),
	TAP_TEST(hello_tells_the_newest_signers_state),
	TAP_TEST(issuer_is_asked_of_the_signer),
	TAP_TEST(signer_is_told_what_the_guest_asked),
	TAP_TEST(reply_carries_the_requests_id),
	TAP_TEST(signers_status_reaches_the_guest),
	TAP_TEST(unbound_cid_hears_unbound_then_end),
	TAP_TEST(cid_that_is_bound_later_works),
	TAP_TEST(cid_that_is_unbound_later_hears_unbound),
	TAP_TEST(host_process_is_never_a_vm),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
