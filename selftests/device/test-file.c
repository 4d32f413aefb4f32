// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of read, write and poll on a bound file. */
#include "talk.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- an unbound file ---- */

static void an_unbound_file_is_enotconn_and_pollerr(void)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_hello(frame, 1);
	int fd = azbind_open();

	tap_need_eq(talk_put(fd, frame, n), -ENOTCONN);
	tap_need_eq(talk_get(fd, talk_buf, sizeof(talk_buf)), -ENOTCONN);
	tap_need(rig_poll(fd, POLLIN | POLLOUT, 0) & POLLERR);
	tap_need(!(rig_poll(fd, POLLIN | POLLOUT, 0) & (POLLIN | POLLOUT | POLLHUP)));
}

static void there_is_no_mmap(void)
{
	int fd = rig_owner(600);

	tap_need(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	tap_need_eq(errno, ENODEV);
	tap_need(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
}

/* ---- what is written ---- */

static void what_is_not_one_whole_frame_is_ebadmsg(void)
{
	char frame[3 * AZATTEST_REQUEST_MAX] = "";
	int fd = rig_owner(601);
	size_t n = frames_attest(frame, 1, "nonce", 5);

	for (size_t len = 0; len < sizeof(frame); len++)
		if (len != n)
			tap_need_msg(talk_put(fd, frame, len) == -EBADMSG, "%zu of %zu bytes: %d",
				     len, n, talk_put(fd, frame, len));
	for (int bit = 0; bit < 40; bit++) {	/* magic and version */
		frame[bit / 8] ^= 1 << bit % 8;
		tap_need_msg(talk_put(fd, frame, n) == -EBADMSG, "bit %d", bit);
		frame[bit / 8] ^= 1 << bit % 8;
	}
	for (int bit = 0; bit < 32; bit++) {	/* length */
		frame[8 + bit / 8] ^= 1 << bit % 8;
		tap_need_msg(talk_put(fd, frame, n) == -EBADMSG, "length bit %d", bit);
		frame[8 + bit / 8] ^= 1 << bit % 8;
	}
	tap_need_eq(talk_put(fd, talk_buf, sizeof(talk_buf)), -EBADMSG);
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
}

static void an_unknown_type_or_a_status_is_ebadmsg(void)
{
	char frame[16];
	int fd = rig_owner(602);

	for (int type = 0; type < 256; type++) {
		if (type == AZATTEST_FRAME_HELLO || type == AZATTEST_FRAME_ISSUER)
			continue;
		frames_raw(frame, AZATTEST_FRAME_MAGIC, 1, type, 0, 0, 77);
		tap_need_eq(talk_put(fd, frame, 16), -EBADMSG);
	}
	for (int bit = 0; bit < 16; bit++) {
		frames_raw(frame, AZATTEST_FRAME_MAGIC, 1, AZATTEST_FRAME_HELLO, 1 << bit, 0, 77);
		tap_need_eq(talk_put(fd, frame, 16), -EBADMSG);
	}
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
}

static void a_broken_rule_is_answered_bad_request(void)
{
	static const struct frames_attest bad[] = {
		{ .flags = 2, .nonce_len = 1, .nonce = "n", .nonce_bytes = 1 },
		{ .flags = 1, .nonce_len = 1, .nonce = "n", .nonce_bytes = 1 },
		{ .flags = 0, .nonce_len = 0 },
		{ .nonce_len = 2, .nonce = "n", .nonce_bytes = 1 },
		{ .nonce_len = 1, .nonce = "nn", .nonce_bytes = 2 },
		{ .nonce_len = 1, .reserved = { 1 }, .nonce = "n", .nonce_bytes = 1 },
		{ .nonce_len = 2, .nonce = "n\0", .nonce_bytes = 2 },
		{ .nonce_len = 2, .nonce = "n\"", .nonce_bytes = 2 },
		{ .nonce_len = 2, .nonce = "\xc3\xab", .nonce_bytes = 2 },
	};
	struct fakesigner *s = fakesigner_start(NULL);
	char frame[AZATTEST_REQUEST_MAX];
	struct frames_reply r;
	int fd = rig_owner(603);

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		size_t n = frames_attest_raw(frame, 1000 + i, &bad[i]);

		tap_need_msg(talk_put(fd, frame, n) == (int)n, "row %zu", i);
		r = talk_reply(fd);
		tap_need_eq(r.status, AZATTEST_STATUS_BAD_REQUEST);
		tap_need_eq(r.id, 1000 + i);
		tap_need_eq(r.type, AZATTEST_FRAME_ATTEST | AZATTEST_FRAME_REPLY);
	}
	tap_need_eq(s->taken, 0);
	/* Unlike a vsock connection, the file goes on. */
	talk_ask(fd, 5);
	tap_need_eq(talk_reply(fd).status, AZATTEST_STATUS_OK);
}

/* ---- each type ---- */

static void hello_tells_versions_size_and_state(void)
{
	struct azattest_frame_hello h;
	char frame[16];
	struct frames_reply r;
	int fd = rig_owner(604), old, young;

	frames_hello(frame, 9);
	tap_need_eq(talk_put(fd, frame, 16), 16);
	r = talk_reply(fd);
	tap_need_eq(r.type, AZATTEST_FRAME_HELLO | AZATTEST_FRAME_REPLY);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(r.id, 9);
	tap_need_eq(r.length, sizeof(h));
	memcpy(&h, r.payload, sizeof(h));
	tap_need_eq(h.version_min, AZATTEST_FRAME_VERSION);
	tap_need_eq(h.version_max, AZATTEST_FRAME_VERSION);
	tap_need_eq(h.max_frame, AZATTEST_FRAME_MAX);
	tap_need_eq(h.reserved, 0);
	tap_need_eq(h.host_state, AZATTEST_HOST_NO_SIGNER);
	old = talk_signer();
	tap_need_eq(talk_put(fd, frame, 16), 16);
	tap_need_eq(talk_reply(fd).payload[2], AZATTEST_HOST_READY);
	young = fakesigner_open();
	tap_need_eq(fakesigner_join(young, 1, AZATTEST_HOST_EXPIRED, 2), 0);
	tap_need_eq(talk_put(fd, frame, 16), 16);
	tap_need_eq(talk_reply(fd).payload[2], AZATTEST_HOST_EXPIRED);
	close(young);
	tap_need_eq(talk_put(fd, frame, 16), 16);
	tap_need_eq(talk_reply(fd).payload[2], AZATTEST_HOST_READY);
	close(old);
	tap_need_eq(talk_put(fd, frame, 16), 16);
	tap_need_eq(talk_reply(fd).payload[2], AZATTEST_HOST_NO_SIGNER);
}

static void issuer_is_answered_by_the_signer(void)
{
	struct azattest_signer_request q;
	char frame[16];
	struct frames_reply r;
	int fd = rig_owner(605), signer = talk_signer();

	frames_issuer(frame, 10);
	tap_need_eq(talk_put(fd, frame, 16), 16);
	q = talk_take(signer);
	tap_need_eq(q.type, AZATTEST_FRAME_ISSUER);
	tap_need_eq(q.api_version, 0);
	tap_need_eq(q.nonce_len, 0);
	talk_answer(signer, q.cookie, "certificate");
	r = talk_reply(fd);
	tap_need_eq(r.type, AZATTEST_FRAME_ISSUER | AZATTEST_FRAME_REPLY);
	tap_need_eq(r.id, 10);
	tap_need(r.length == 11 && !memcmp(r.payload, "certificate", 11));
}

static void attest_timeout_of_a_frame_is_kept(void)
{
	char frame[AZATTEST_REQUEST_MAX];
	struct frames_reply r;
	int fd = rig_owner(606);
	size_t n = frames_attest_timeout(frame, 11, "n", 1, 200);
	int64_t begin = tap_now_ms();

	tap_need_eq(talk_put(fd, frame, n), n);
	r = talk_reply(fd);
	tap_need_eq(r.status, AZATTEST_STATUS_RETRY);
	tap_need_eq(r.id, 11);
	tap_need_eq(r.length, 0);
	tap_need(tap_now_ms() - begin >= 199);
}

/* ---- several in flight ---- */

static void replies_carry_the_ids_of_their_requests(void)
{
	struct azattest_signer_request q[10];
	int fd = rig_owner(607), signer = talk_signer();
	char frame[AZATTEST_REQUEST_MAX], nonce[3] = "a0";

	for (int i = 0; i < 10; i++) {
		nonce[1] = '0' + i;
		tap_need(talk_put(fd, frame, frames_attest(frame, 700 + i, nonce, 2)) > 0);
	}
	for (int i = 0; i < 10; i++)
		q[i] = talk_take(signer);
	for (int i = 9; i >= 0; i--) {
		char doc[AZATTEST_NONCE_MAX + 1] = "";
		struct frames_reply r;

		memcpy(doc, q[i].nonce, q[i].nonce_len);
		talk_answer(signer, q[i].cookie, doc);
		r = talk_reply(fd);
		tap_need_eq(r.id, 700 + doc[1] - '0');
		tap_need(r.length == 2 && !memcmp(r.payload, doc, 2));
	}
}

static void equal_ids_are_both_answered(void)
{
	int fd = rig_owner(608);

	fakesigner_start(NULL);
	talk_ask(fd, 42);
	talk_ask(fd, 42);
	tap_need_eq(talk_reply(fd).id, 42);
	tap_need_eq(talk_reply(fd).id, 42);
}

static void sixteen_may_be_open_then_eagain(void)
{
	int fd = rig_owner(609), signer = talk_signer();
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest(frame, 1, "n", 1);

	tap_need(rig_poll(fd, POLLOUT, 0) & POLLOUT);
	tap_need_eq(talk_fill_up(fd, 100), AZATTEST_FILE_INFLIGHT);
	tap_need_eq(rig_poll(fd, POLLOUT | POLLIN, 0), 0);
	talk_answer(signer, talk_take(signer).cookie, "d");
	tap_need_eq(talk_reply(fd).status, AZATTEST_STATUS_OK);
	tap_need(rig_poll(fd, POLLOUT, tap_patience_ms()) & POLLOUT);
	tap_need_eq(talk_put(fd, frame, n), n);
	tap_need_eq(rig_poll(fd, POLLOUT, 0), 0);
}

/* Who writes and never reads must not make the host keep documents for ever. */
static void unread_replies_are_bounded(void)
{
	struct fakesigner *s = fakesigner_start(NULL);
	int fd = rig_owner(610), all = 0, now;

	for (int i = 0; i < 200; i++) {
		now = talk_fill_up(fd, AZATTEST_FILE_INFLIGHT);
		all += now;
		tap_need_wait(s->answered == (uint64_t)all);
		if (!now)
			break;
	}
	tap_diag("%d replies wait unread", all);
	tap_need(all < 100);
}

/* Another file of the same binding has its own sixteen. */
static void the_sixteen_are_of_a_file(void)
{
	int fd = rig_owner(611), other = rig_attached(611, AZATTEST_TRANSPORT_REST);

	tap_need_eq(talk_fill_up(fd, 100), AZATTEST_FILE_INFLIGHT);
	tap_need_eq(talk_fill_up(other, AZATTEST_FILE_INFLIGHT), AZATTEST_FILE_INFLIGHT);
}

/* ---- what is read ---- */

static void a_small_buffer_is_emsgsize_and_the_frame_stays(void)
{
	int fd = rig_owner(612), signer = talk_signer();

	talk_ask(fd, 12);
	talk_answer(signer, talk_take(signer).cookie, "document");
	tap_need(rig_poll(fd, POLLIN, tap_patience_ms()) & POLLIN);
	for (size_t size = 0; size < 24; size++)
		tap_need_msg(talk_get(fd, talk_buf, size) == -EMSGSIZE, "%zu bytes: %d", size,
			     talk_get(fd, talk_buf, size));
	tap_need_eq(talk_get(fd, talk_buf, 24), 24);
	tap_need(!memcmp(talk_buf + 16, "document", 8));
}

static void with_no_reply_read_is_eagain(void)
{
	int fd = rig_owner(613), signer = talk_signer();

	talk_nonblock(fd, true);
	tap_need_eq(talk_get(fd, talk_buf, sizeof(talk_buf)), -EAGAIN);
	talk_ask(fd, 13);
	talk_take(signer);
	tap_need_eq(talk_get(fd, talk_buf, sizeof(talk_buf)), -EAGAIN);
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
}

static void a_faulty_buffer_is_efault_and_the_frame_is_lost(void)
{
	char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = rig_owner(614), signer = talk_signer();

	talk_ask(fd, 14);
	talk_answer(signer, talk_take(signer).cookie, "document");
	tap_need(rig_poll(fd, POLLIN, tap_patience_ms()) & POLLIN);
	tap_need_eq(talk_get(fd, page, 4096), -EFAULT);
	talk_nonblock(fd, true);
	tap_need_eq(talk_get(fd, talk_buf, sizeof(talk_buf)), -EAGAIN);
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
	tap_need(rig_poll(fd, POLLOUT, 0) & POLLOUT);
}

static void write_from_a_faulty_buffer_is_efault(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char frame[AZATTEST_REQUEST_MAX];
	int fd = rig_owner(615);
	size_t n = frames_attest(frame, 1, "0123456789", 10);

	munmap(page + 4096, 4096);
	for (size_t cut = 0; cut < n; cut++) {
		memcpy(page + 4096 - cut, frame, cut);
		tap_need_msg(talk_put(fd, page + 4096 - cut, n) == -EFAULT, "%zu bytes readable", cut);
	}
	tap_need_eq(talk_put(fd, NULL, n), -EFAULT);
	memcpy(page + 4096 - n, frame, n);
	tap_need_eq(talk_put(fd, page + 4096 - n, n), n);
}

static const struct tap_test tests[] = {
	TAP_TEST(an_unbound_file_is_enotconn_and_pollerr),
	TAP_TEST(there_is_no_mmap),
	TAP_TEST(what_is_not_one_whole_frame_is_ebadmsg),
	TAP_TEST(an_unknown_type_or_a_status_is_ebadmsg),
	TAP_TEST(a_broken_rule_is_answered_bad_request),
	TAP_TEST(hello_tells_versions_size_and_state),
	TAP_TEST(issuer_is_answered_by_the_signer),
	TAP_TEST(attest_timeout_of_a_frame_is_kept),
	TAP_TEST(replies_carry_the_ids_of_their_requests),
	TAP_TEST(equal_ids_are_both_answered),
	TAP_TEST(sixteen_may_be_open_then_eagain),
	TAP_TEST(unread_replies_are_bounded),
	TAP_TEST(the_sixteen_are_of_a_file),
	TAP_TEST(a_small_buffer_is_emsgsize_and_the_frame_stays),
	TAP_TEST(with_no_reply_read_is_eagain),
	TAP_TEST(a_faulty_buffer_is_efault_and_the_frame_is_lost),
	TAP_TEST(write_from_a_faulty_buffer_is_efault),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
