// SPDX-License-Identifier: GPL-2.0
/* /dev/azattest without memory: each call does all or nothing, and can be repeated. */
#include <selftests/faults/fault.h>

#include <signal.h>
#include <unistd.h>

#include <selftests/device/talk.h>
#include <selftests/netlink/client.h>

#define CID 4711u

/* The module holds nothing any more, and an honest call works. */
static void needs_clean(struct client *c)
{
	static struct client_status s;

	tap_need_wait(!client_status(c, &s) && !s.bindings && !s.connections && !s.queued &&
		      !s.inflight);
	tap_need(rig_uuid_free(1));
}

static void open_is_enomem_or_works(void)
{
	struct fault f;
	int fd;

	for (fault_begin(&f, "open"); fault_next(&f);) {
		fault_arm(&f);
		fd = azbind_open();
		fault_disarm(&f);
		if (fd < 0)
			tap_need_eq(fd, -ENOMEM);
		else
			close(fd);
	}
}

static void bind_is_enomem_or_works(void)
{
	struct azattest_bind b;
	struct client c;
	struct fault f;
	int fd, err;

	client_need(&c);
	tap_need_eq(client_listen(&c), 0);
	for (fault_begin(&f, "BIND"); fault_next(&f);) {
		fd = azbind_open();
		azbind_fill(&b, 1);
		fault_arm(&f);
		err = azbind_bind(fd, &b);
		fault_disarm(&f);
		if (err) {
			tap_need_eq(err, -ENOMEM);
			tap_need(rig_uuid_free(1));
			tap_need_eq(azbind_bind(fd, &b), 0);
		}
		close(fd);
	}
	client_close(&c);
	client_need(&c);
	needs_clean(&c);
}

/* The device may have taken the CID; but it is nobody's once that is closed. */
static void bind_with_cid_is_enomem_or_works(void)
{
	pid_t vmm = rig_sleeper();
	int fd, vhost, err, life = rig_pidfd(vmm);
	struct azattest_bind b;
	struct client c;
	struct fault f;

	client_need(&c);
	for (fault_begin(&f, "BIND with CID and life_fd"); fault_next(&f);) {
		fd = azbind_open();
		vhost = rig_vhost();
		azbind_fill_cid(&b, 1, CID, vhost);
		b.life_fd = life;
		fault_arm(&f);
		err = azbind_bind(fd, &b);
		fault_disarm(&f);
		if (err) {
			tap_need_eq(err, -ENOMEM);
			tap_need(rig_uuid_free(1));
			if (f.nth % 2)
				tap_need_eq(azbind_bind(fd, &b), 0);
		}
		close(fd);
		close(vhost);
		tap_need_wait(!rig_cid_owned(CID));
	}
	close(life);
	tap_kill(vmm);
	needs_clean(&c);
}

struct granted {
	struct fault f;
	unsigned int nth;
	int err;
};

/* Root without CAP_NET_ADMIN: needs the grant, and may still inject faults. */
static int bind_by_grant(void *arg)
{
	struct granted *g = arg;
	struct azattest_bind b;
	int fd = azbind_open();

	fault_begin(&g->f, "BIND with a grant");
	g->f.nth = g->nth;
	azbind_fill(&b, 1);
	fault_arm(&g->f);
	g->err = azbind_bind(fd, &b);
	fault_disarm(&g->f);
	return 0;
}

static void grant_outlives_a_bind_that_failed(void)
{
	struct granted *g = tap_shared(sizeof(*g));
	unsigned int failed = 0;
	struct client c;

	client_need(&c);
	do {
		g->nth++;
		tap_need_eq(client_grant_add(&c, 1, 0, "vm-1", NULL, 0), 0);
		tap_need_eq(rig_as(RIG_ROOT_WITHOUT, bind_by_grant, g, -1), 0);
		if (g->err) {
			tap_need_eq(g->err, -ENOMEM);
			failed++;
		}
		tap_need_eq(client_grant_del(&c, 1), g->err ? 0 : -ENOENT);
	} while (g->f.fired);
	tap_need(failed);
	needs_clean(&c);
}

static void attach_is_enomem_or_works(void)
{
	struct azattest_attach a = { .size = sizeof(a) };
	uint8_t uuid[AZATTEST_UUID_LEN];
	int owner = rig_owner(1), fd, err;
	struct fault f;

	azbind_uuid(uuid, 1);
	for (fault_begin(&f, "open and ATTACH"); fault_next(&f);) {
		fault_arm(&f);
		fd = azbind_open();
		err = fd < 0 ? fd : azbind_attach(fd, uuid, AZATTEST_TRANSPORT_REST);
		fault_disarm(&f);
		if (err)
			tap_need_eq(err, -ENOMEM);
		if (fd >= 0)
			close(fd);
	}
	close(owner);
	tap_need(rig_uuid_free(1));
}

/* Without memory for the request the answer is RETRY. */
static void attest_is_answered_or_retry(void)
{
	struct fakesigner *s = fakesigner_start(NULL);
	int owner = rig_owner(1), ret;
	unsigned int retry = 0;
	char der[AZATTEST_FRAME_MAX];
	struct fault f;
	uint32_t len;

	for (fault_begin(&f, "ATTEST"); fault_next(&f);) {
		len = sizeof(der);
		fault_arm(&f);
		ret = azbind_attest(owner, "n", 1, der, &len);
		fault_disarm(&f);
		retry += ret == AZATTEST_STATUS_RETRY;
		tap_need_msg(ret == AZATTEST_STATUS_OK || ret == AZATTEST_STATUS_RETRY,
			     "ATTEST: %d", ret);
		tap_need(ret || fakesigner_is_for(der, len, 1, "n", 1));
	}
	tap_need(retry);
	close(owner);
	fakesigner_kill(s);
}

static size_t frame_of(int kind, uint8_t *frame, uint32_t id)
{
	switch (kind) {
	case 0:
		return frames_attest(frame, id, "n", 1);
	case 1:
		return frames_issuer(frame, id);
	case 2:
		return frames_hello(frame, id);
	default:	/* a good header, a nonce that is none */
		return frames_attest(frame, id, "\n", 1);
	}
}

static void write_without_memory(int owner, int kind)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];
	static uint32_t id;
	struct frames_reply r;
	struct fault f;
	size_t len;
	int n;

	for (fault_begin(&f, "write"); fault_next(&f);) {
		len = frame_of(kind, frame, ++id);
		fault_arm(&f);
		n = talk_put(owner, frame, len);
		fault_disarm(&f);
		if (n < 0) {
			tap_need_eq(n, -ENOMEM);
			len = frame_of(kind, frame, ++id);
			tap_need_eq(talk_put(owner, frame, len), len);
		}
		r = talk_reply(owner);
		tap_need_eq(r.id, id);
		tap_need(!rig_poll(owner, POLLIN, 0));
	}
}

/*
 * A write that was taken has one reply; one that was refused has none, and
 * gives its place back: there are more turns than places.
 */
static void write_is_enomem_or_has_its_reply(void)
{
	struct fakesigner *s = fakesigner_start(NULL);
	int owner = rig_owner(1);

	for (int round = 0; round < AZATTEST_FILE_INFLIGHT; round++)
		for (int kind = 0; kind < 4; kind++)
			write_without_memory(owner, kind);
	close(owner);
	fakesigner_kill(s);
}

/* More of them than a file has places: a reply that was lost gives its place back. */
static void read_is_enomem_or_gives_the_reply(void)
{
	const struct fakesigner_options retry = { .status = AZATTEST_STATUS_RETRY };
	struct fakesigner *s = fakesigner_start(&retry);
	int owner = rig_owner(1), n;
	struct fault f;

	for (int round = 0; round < 2 * AZATTEST_FILE_INFLIGHT; round++) {
		for (fault_begin(&f, "read"); fault_next(&f);) {
			talk_ask(owner, round);
			tap_need(rig_poll(owner, POLLIN, tap_patience_ms()) & POLLIN);
			fault_arm(&f);
			n = talk_get(owner, talk_buf, sizeof(talk_buf));
			fault_disarm(&f);
			if (n < 0)
				tap_need_eq(n, -ENOMEM);
		}
	}
	talk_ask(owner, 4711);
	tap_need_eq(talk_reply(owner).id, 4711);
	close(owner);
	fakesigner_kill(s);
}

/* To end something takes no memory. */
static void close_and_death_need_no_memory(void)
{
	struct client c;
	struct fault f;
	int fd;

	client_need(&c);
	for (unsigned int nth = 1; nth < 8; nth++) {
		fd = rig_owner(1);
		talk_ask(fd, nth);
		fault_begin(&f, "close");
		f.nth = nth;
		fault_arm(&f);
		close(fd);
		fault_disarm(&f);
		close(f.fd[0]);
		tap_need(rig_uuid_free(1));
	}
	needs_clean(&c);
}

static const struct tap_test tests[] = {
	TAP_TEST(open_is_enomem_or_works),
	TAP_TEST_SLOW(bind_is_enomem_or_works, 300),
	TAP_TEST_SLOW(bind_with_cid_is_enomem_or_works, 300),
	TAP_TEST_SLOW(grant_outlives_a_bind_that_failed, 300),
	TAP_TEST(attach_is_enomem_or_works),
	TAP_TEST_SLOW(attest_is_answered_or_retry, 300),
	TAP_TEST_SLOW(write_is_enomem_or_has_its_reply, 300),
	TAP_TEST_SLOW(read_is_enomem_or_gives_the_reply, 300),
	TAP_TEST(close_and_death_need_no_memory),
};

int main(int argc, char **argv)
{
	fault_need();
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
