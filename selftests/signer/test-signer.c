// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of JOIN, read and write on the signer device, row by row. */
#include <selftests/device/talk.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096u

static int join_raw(int fd, struct azattest_signer_join *j)
{
	return ioctl(fd, AZATTEST_SIGNER_IOC_JOIN, j) < 0 ? -errno : 0;
}

static struct azattest_signer_join good_join(void)
{
	return (struct azattest_signer_join) {
		.size = sizeof(struct azattest_signer_join),
		.version = AZATTEST_SIGNER_VERSION,
		.slots = 8,
		.host_state = AZATTEST_HOST_READY,
		.generation = 7,
	};
}

static char *pages(size_t count)
{
	char *p = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tap_need(p != MAP_FAILED);
	return p;
}

/* ---- JOIN ---- */

static void before_join_nothing_works(void)
{
	struct azattest_signer_exchange x = { .size = sizeof(x) };
	char buf[256] = "";
	int fd = fakesigner_open();

	tap_need_eq(talk_get(fd, buf, sizeof(buf)), -ENOTCONN);
	tap_need_eq(talk_put(fd, buf, 24), -ENOTCONN);
	x.flags = AZATTEST_EXCHANGE_NOWAIT;
	x.requests = (uintptr_t)buf;
	x.requests_len = sizeof(buf);
	tap_need_eq(ioctl(fd, AZATTEST_SIGNER_IOC_EXCHANGE, &x), -1);
	tap_need_eq(errno, ENOTCONN);
}

static void another_version_is_eproto_and_told_ours(void)
{
	static const uint32_t versions[] = { 0, 2, 0x101, 0xffffffff };
	char buf[256];
	int fd = fakesigner_open();

	for (size_t i = 0; i < TAP_COUNT(versions); i++) {
		struct azattest_signer_join j = good_join();

		j.version = versions[i];
		tap_need_eq(join_raw(fd, &j), -EPROTO);
		tap_need_eq(j.version, AZATTEST_SIGNER_VERSION);
		tap_need_eq(talk_get(fd, buf, sizeof(buf)), -ENOTCONN);
	}
}

static void a_join_field_that_breaks_a_rule_is_refused(void)
{
	static const struct {
		uint32_t size, slots, state;
		int error;
	} rows[] = {
		{ 24, 0, 1, EINVAL }, { 24, 65, 1, EINVAL }, { 24, 0xffffffff, 1, EINVAL },
		{ 24, 8, 0, EINVAL }, { 24, 8, 3, EINVAL }, { 24, 8, 257, EINVAL },
		{ 23, 8, 1, EINVAL }, { 0, 8, 1, EINVAL }, { 4097, 8, 1, EINVAL },
		{ 24, 1, 1, 0 }, { 24, 64, 2, 0 },
	};
	struct azattest_signer_join *room = (void *)pages(2);
	int fd = fakesigner_open();

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		*room = good_join();
		room->size = rows[i].size;
		room->slots = rows[i].slots;
		room->host_state = rows[i].state;
		tap_need_msg(join_raw(fd, room) == -rows[i].error, "row %zu", i);
	}
}

static void join_is_versioned_by_its_size(void)
{
	char *room = pages(2);
	struct azattest_signer_join *j = (void *)room;
	int fd = fakesigner_open();

	*j = good_join();
	j->size = PAGE;
	room[PAGE - 1] = 1;
	tap_need_eq(join_raw(fd, j), -E2BIG);
	room[PAGE - 1] = 0;
	tap_need_eq(join_raw(fd, j), 0);
	tap_need_eq(join_raw(fd, NULL), -EFAULT);
	*(struct azattest_signer_join *)(room + PAGE - sizeof(*j)) = good_join();
	munmap(room + PAGE, PAGE);
	tap_need_eq(join_raw(fd, (void *)(room + PAGE - sizeof(*j))), 0);
	memcpy(room + PAGE - 8, room + PAGE - sizeof(*j), 8);
	tap_need_eq(join_raw(fd, (void *)(room + PAGE - 8)), -EFAULT);
}

static void unknown_ioctls_are_enotty(void)
{
	char room[256] = "";
	int fd = talk_signer();

	for (int nr = 0; nr < 256; nr++) {
		if (nr == 16 || nr == 17)
			continue;
		tap_need_eq(ioctl(fd, _IOWR(AZATTEST_IOC_MAGIC, nr, char[64]), room), -1);
		tap_need_eq(errno, ENOTTY);
	}
	tap_need_eq(ioctl(fd, AZATTEST_IOC_BIND, room), -1);
	tap_need_eq(errno, ENOTTY);
}

/* ---- read ---- */

static void read_smaller_than_a_request_is_einval(void)
{
	struct azattest_signer_request r;
	int owner = rig_owner(1000), fd = talk_signer();

	talk_ask(owner, 1);
	for (size_t size = 0; size < sizeof(r); size++)
		tap_need_eq(talk_get(fd, &r, size), -EINVAL);
	tap_need_eq(talk_get(fd, &r, sizeof(r)), sizeof(r));
	tap_need_eq(r.attempt, 1);
}

static void with_nothing_to_take_read_is_eagain(void)
{
	struct azattest_signer_request r;
	int fd = talk_signer();

	talk_nonblock(fd, true);
	tap_need_eq(talk_get(fd, &r, sizeof(r)), -EAGAIN);
	tap_need_eq(rig_poll(fd, POLLIN | POLLOUT, 0), POLLOUT);
}

static int blocked_read(void *arg)
{
	struct azattest_signer_request r;
	int n = talk_get(*(int *)arg, &r, sizeof(r));

	return n < 0 ? -n : 0;
}

static void a_signal_ends_a_blocked_read(void)
{
	int fd = talk_signer();
	pid_t pid;

	talk_hear_signals();
	pid = tap_spawn(blocked_read, &fd, fd);
	tap_need_wait(talk_asleep(pid));
	kill(pid, SIGUSR1);
	tap_need_eq(tap_join(pid), EINTR);
}

static void a_request_wakes_a_blocked_read(void)
{
	int owner = rig_owner(1001), fd = talk_signer();
	pid_t pid = tap_spawn(blocked_read, &fd, fd);

	tap_need_wait(talk_asleep(pid));
	talk_ask(owner, 1);
	tap_need_eq(tap_join(pid), 0);
}

static void read_takes_as_many_as_fit(void)
{
	struct azattest_signer_request r[12];
	int owner = rig_owner(1002), fd = talk_signer();

	for (int i = 0; i < 12; i++)
		talk_ask(owner, i);
	tap_need_eq(talk_get(fd, r, 3 * sizeof(r[0]) + 100), 3 * sizeof(r[0]));
	tap_need_eq(talk_get(fd, r, sizeof(r)), 9 * sizeof(r[0]));
	for (int i = 0; i < 8; i++)
		tap_need(r[i].cookie != r[i + 1].cookie);
}

/* Five times: a signer that cannot be written to must not use up the tries. */
static void what_a_faulty_read_took_goes_back(void)
{
	struct azattest_signer_request r[4];
	char *room = pages(3);
	int owner = rig_owner(1003), fd = talk_signer();

	for (int i = 0; i < 4; i++)
		talk_ask(owner, 100 + i);
	munmap(room + PAGE, PAGE);
	for (int i = 0; i < 5; i++) {
		tap_need_eq(talk_get(fd, NULL, sizeof(r)), -EFAULT);
		tap_need_eq(talk_get(fd, room + PAGE - 100, sizeof(r)), -EFAULT);
		tap_need_eq(talk_get(fd, room + PAGE - sizeof(r[0]) - 8, sizeof(r)), -EFAULT);
	}
	tap_need_eq(talk_get(fd, r, sizeof(r)), sizeof(r));
	for (int i = 0; i < 4; i++) {
		talk_answer(fd, r[i].cookie, "d");
		tap_need_eq(talk_reply(owner).id, 100 + i);
	}
}

/* ---- write ---- */

/* One answer at out; the bytes up to the next one. */
static size_t put_answer(char *out, uint64_t cookie, uint32_t status, uint32_t claimed,
			 const char *doc)
{
	struct azattest_signer_answer a = { cookie, status, claimed };

	memset(out, 0, AZATTEST_SIGNER_ANSWER_SPACE(strlen(doc)));
	memcpy(out, &a, sizeof(a));
	memcpy(out + sizeof(a), doc, strlen(doc));
	return AZATTEST_SIGNER_ANSWER_SPACE(strlen(doc));
}

static void an_answer_that_breaks_a_rule_is_refused(void)
{
	static const struct {
		uint32_t status, claimed;
		const char *doc;
		int error;
	} rows[] = {
		{ 0, 0, "", EBADMSG },			/* OK without document */
		{ 0, 17, "sixteen bytes...", EBADMSG },	/* truncated */
		{ 0, AZATTEST_DOCUMENT_MAX + 1, "x", EBADMSG },
		{ 0, 0x7fffffff, "x", EBADMSG },
		{ 0, 0xffffffff, "x", EBADMSG },
		{ 0, 0xfffffff0, "x", EBADMSG },
		{ AZATTEST_STATUS_RETRY, 1, "x", EBADMSG },
		{ AZATTEST_STATUS_EXPIRED, 8, "12345678", EBADMSG },
		{ AZATTEST_STATUS_FAULT, 1, "x", EBADMSG },
		{ AZATTEST_STATUS_BUSY, 0, "", EINVAL },
		{ AZATTEST_STATUS_UNBOUND, 0, "", EINVAL },
		{ AZATTEST_STATUS_MAX + 1, 0, "", EINVAL },
		{ 0x10000, 0, "", EINVAL },
		{ 0x80000001, 0, "", EINVAL },
		{ 0xffffffff, 0, "", EINVAL },
	};
	char out[256];
	int owner = rig_owner(1004), fd = talk_signer();
	struct azattest_signer_request r;

	talk_ask(owner, 9);
	r = talk_take(fd);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		size_t n = put_answer(out, r.cookie, rows[i].status, rows[i].claimed,
				      rows[i].doc);
		int ret = talk_put(fd, out, n);

		tap_need_msg(ret == -rows[i].error, "row %zu: %d", i, ret);
	}
	for (size_t len = 1; len < 16; len++)
		tap_need_eq(talk_put(fd, out, len), -EBADMSG);
	/* It is still this signer's, and nobody was told anything. */
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
	talk_answer(fd, r.cookie, "document");
	tap_need_eq(talk_reply(owner).length, 8);
}

static void documents_of_every_length_round_eight_come_through(void)
{
	static char doc[AZATTEST_DOCUMENT_MAX];
	static const uint32_t lengths[] = {
		1, 7, 8, 9, 15, 16, 17, 4079, 4080, 4081, AZATTEST_DOCUMENT_MAX - 1,
		AZATTEST_DOCUMENT_MAX,
	};
	int owner = rig_owner(1005), fd = talk_signer();
	struct frames_reply p;

	for (size_t i = 0; i < sizeof(doc); i++)
		doc[i] = i * 7;
	for (size_t i = 0; i < TAP_COUNT(lengths); i++) {
		talk_ask(owner, i);
		tap_need_eq(fakesigner_answer(fd, talk_take(fd).cookie, 0, doc, lengths[i]), 0);
		p = talk_reply(owner);
		tap_need_eq(p.status, 0);
		tap_need_eq(p.length, lengths[i]);
		tap_need(!memcmp(p.payload, doc, lengths[i]));
	}
}

static void an_answer_nobody_waits_for_is_enoent(void)
{
	int owner = rig_owner(1006), fd = talk_signer(), other = talk_signer();
	struct azattest_signer_request r;

	talk_ask(owner, 1);
	r = talk_take(fd);
	tap_need_eq(fakesigner_answer(fd, r.cookie + 1, 0, "d", 1), -ENOENT);
	tap_need_eq(fakesigner_answer(fd, 0, 0, "d", 1), -ENOENT);
	tap_need_eq(fakesigner_answer(fd, ~0ULL, 0, "d", 1), -ENOENT);
	tap_need_eq(fakesigner_answer(other, r.cookie, 0, "foreign", 7), -ENOENT);
	talk_answer(fd, r.cookie, "mine");
	tap_need_eq(fakesigner_answer(fd, r.cookie, 0, "twice", 5), -ENOENT);
	tap_need(!memcmp(talk_reply(owner).payload, "mine", 4));
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

static void a_batch_is_taken_up_to_the_first_refusal(void)
{
	char out[512];
	struct azattest_signer_request r[3];
	int owner = rig_owner(1007), fd = talk_signer();
	size_t first, second, third;

	for (int i = 0; i < 3; i++)
		talk_ask(owner, 50 + i);
	tap_need_eq(talk_get(fd, r, sizeof(r)), sizeof(r));
	first = put_answer(out, r[0].cookie, 0, 5, "first");
	second = put_answer(out + first, r[0].cookie ^ 1ULL << 40, 0, 9, "nobody's!");
	third = put_answer(out + first + second, r[2].cookie, 0, 5, "third");
	tap_need_eq(talk_put(fd, out, first + second + third), first);
	tap_need_eq(talk_put(fd, out + first, second + third), -ENOENT);
	tap_need_eq(talk_put(fd, out + first + second, third), third);
	tap_need_eq(talk_reply(owner).id, 50);
	tap_need_eq(talk_reply(owner).id, 52);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
	/* Half an answer behind a whole one: the whole one counts. */
	first = put_answer(out, r[1].cookie, 0, 6, "second");
	tap_need_eq(talk_put(fd, out, first + 12), first);
	tap_need_eq(talk_reply(owner).id, 51);
}

static void a_whole_batch_is_taken_at_once(void)
{
	static char out[64 * 64];
	struct azattest_signer_request r[48];
	size_t n = 0;
	int owners[3], fd = talk_signer();

	for (int i = 0; i < 3; i++) {
		owners[i] = rig_owner(1010 + i);
		for (int k = 0; k < 16; k++)
			talk_ask(owners[i], k);
	}
	tap_need_eq(talk_get(fd, r, sizeof(r)), sizeof(r));
	for (int i = 0; i < 48; i++)
		n += put_answer(out + n, r[i].cookie, i % 3 ? AZATTEST_STATUS_DENIED : 0,
				i % 3 ? 0 : 1 + i % 5, i % 3 ? "" : &"abcde"[4 - i % 5]);
	tap_need_eq(talk_put(fd, out, n), n);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 16; k++)
			talk_reply(owners[i]);
}

static void a_faulty_answer_is_efault_and_stays_open(void)
{
	char *room = pages(2);
	int owner = rig_owner(1013), fd = talk_signer();
	struct azattest_signer_request r;
	char out[64];
	size_t n;

	munmap(room + PAGE, PAGE);
	talk_ask(owner, 3);
	r = talk_take(fd);
	n = put_answer(out, r.cookie, 0, 20, "twenty bytes of text");
	for (size_t cut = 0; cut < 16 + 20; cut += 4) {
		memcpy(room + PAGE - cut, out, cut);
		tap_need_msg(talk_put(fd, room + PAGE - cut, n) == -EFAULT, "cut %zu", cut);
	}
	tap_need_eq(talk_put(fd, NULL, n), -EFAULT);
	tap_need_eq(talk_put(fd, out, n), n);
	tap_need_eq(talk_reply(owner).length, 20);
}

static const struct tap_test tests[] = {
	TAP_TEST(before_join_nothing_works),
	TAP_TEST(another_version_is_eproto_and_told_ours),
	TAP_TEST(a_join_field_that_breaks_a_rule_is_refused),
	TAP_TEST(join_is_versioned_by_its_size),
	TAP_TEST(unknown_ioctls_are_enotty),
	TAP_TEST(read_smaller_than_a_request_is_einval),
	TAP_TEST(with_nothing_to_take_read_is_eagain),
	TAP_TEST(a_signal_ends_a_blocked_read),
	TAP_TEST(a_request_wakes_a_blocked_read),
	TAP_TEST(read_takes_as_many_as_fit),
	TAP_TEST(what_a_faulty_read_took_goes_back),
	TAP_TEST(an_answer_that_breaks_a_rule_is_refused),
	TAP_TEST(documents_of_every_length_round_eight_come_through),
	TAP_TEST(an_answer_nobody_waits_for_is_enoent),
	TAP_TEST(a_batch_is_taken_up_to_the_first_refusal),
	TAP_TEST(a_whole_batch_is_taken_at_once),
	TAP_TEST(a_faulty_answer_is_efault_and_stays_open),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
