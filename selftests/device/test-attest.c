// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of ATTACH, INFO and the blocking ATTEST ioctl. */
#include "rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char document[AZATTEST_FRAME_MAX];

/* A good request for a document in `document`. */
static void fill(struct azattest_attest *a, const char *nonce)
{
	memset(a, 0, sizeof(*a));
	a->size = sizeof(*a);
	a->api_version = FRAMES_API_VERSION;
	a->nonce_len = strlen(nonce);
	memcpy(a->nonce, nonce, a->nonce_len);
	a->flags = a->nonce_len ? 0 : AZATTEST_ATTEST_NO_NONCE;
	a->reply = (uintptr_t)document;
	a->reply_size = sizeof(document);
}

static int attest(int fd, struct azattest_attest *a)
{
	return ioctl(fd, AZATTEST_IOC_ATTEST, a) < 0 ? -errno : 0;
}

/* ---- ATTACH and INFO ---- */

static int attach(int fd, uint32_t number, void (*spoil)(struct azattest_attach *a))
{
	struct azattest_attach a = { .size = sizeof(a), .transport = AZATTEST_TRANSPORT_REST };

	azbind_uuid(a.uuid, number);
	if (spoil)
		spoil(&a);
	return ioctl(fd, AZATTEST_IOC_ATTACH, &a) < 0 ? -errno : 0;
}

static void flag(struct azattest_attach *a) { a->flags = 1; }
static void top_flag(struct azattest_attach *a) { a->flags = 1u << 31; }
static void no_label(struct azattest_attach *a) { a->transport = 0; }
static void label_4(struct azattest_attach *a) { a->transport = AZATTEST_TRANSPORT_MAX + 1; }
static void label_257(struct azattest_attach *a) { a->transport = 257; }
static void reserved(struct azattest_attach *a) { a->reserved = 1; }
static void short_size(struct azattest_attach *a) { a->size--; }

static void an_attach_field_that_breaks_a_rule_is_refused(void)
{
	static void (*const spoils[])(struct azattest_attach *a) = {
		flag, top_flag, no_label, label_4, label_257, reserved, short_size,
	};
	int owner = rig_owner(500), fd = azbind_open();

	for (size_t i = 0; i < TAP_COUNT(spoils); i++)
		tap_need_msg(attach(fd, 500, spoils[i]) == -EINVAL, "row %zu", i);
	tap_need_eq(attach(fd, 500, NULL), 0);
	close(owner);
}

static void attach_to_nobody_is_enoent(void)
{
	int fd = azbind_open();

	tap_need_eq(attach(fd, 501, NULL), -ENOENT);
	close(rig_owner(501));
	tap_need_eq(attach(fd, 501, NULL), -ENOENT);
	rig_owner(501);
	tap_need_eq(attach(fd, 501, NULL), 0);
}

static void second_attach_of_a_file_is_ealready(void)
{
	int owner = rig_owner(502), fd = rig_attached(502, AZATTEST_TRANSPORT_REST);

	rig_owner(503);
	tap_need_eq(attach(owner, 502, NULL), -EALREADY);
	tap_need_eq(attach(owner, 503, NULL), -EALREADY);
	tap_need_eq(attach(fd, 502, NULL), -EALREADY);
	tap_need_eq(attach(fd, 503, NULL), -EALREADY);
}

static void a_file_whose_binding_ended_cannot_be_used_again(void)
{
	int owner = rig_owner(504), fd = rig_attached(504, AZATTEST_TRANSPORT_REST);
	struct azattest_bind b;

	close(owner);
	tap_need_wait(rig_ended(fd));
	rig_owner(504);
	tap_need_eq(attach(fd, 504, NULL), -EALREADY);
	azbind_fill(&b, 505);
	tap_need_eq(azbind_bind(fd, &b), -EALREADY);
}

static void the_signer_hears_the_label_of_the_file(void)
{
	struct fakesigner *s = fakesigner_start(NULL);
	struct azattest_attest a;
	struct azattest_info info;
	int owner = rig_owner(506);

	fill(&a, "n");
	tap_need_eq(attest(owner, &a), 0);
	tap_need_eq(s->last.transport, AZATTEST_TRANSPORT_VMM);
	for (uint32_t label = 1; label <= AZATTEST_TRANSPORT_MAX; label++) {
		int fd = rig_attached(506, label);

		tap_need_eq(azbind_info(fd, &info), 0);
		tap_need_eq(info.transport, label);
		tap_need_eq(info.flags, 0);
		fill(&a, "n");
		tap_need_eq(attest(fd, &a), 0);
		tap_need_eq(s->last.transport, label);
	}
}

static void attach_tells_the_generation(void)
{
	struct azattest_attach a = { .size = sizeof(a), .transport = AZATTEST_TRANSPORT_REST };
	struct azattest_info info;
	uint64_t generation;
	int fd = azbind_open();

	tap_need(azbind_new(507, 0, -1, -1, &generation) >= 0);
	azbind_uuid(a.uuid, 507);
	tap_need_eq(ioctl(fd, AZATTEST_IOC_ATTACH, &a), 0);
	tap_need_eq(a.generation, generation);
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.generation, generation);
	tap_need(!memcmp(info.uuid, a.uuid, sizeof(a.uuid)));
}

static void an_unbound_file_is_enotconn(void)
{
	struct azattest_info info;
	struct azattest_attest a;
	int fd = azbind_open();

	tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	fill(&a, "n");
	tap_need_eq(attest(fd, &a), -ENOTCONN);
}

/* ---- ATTEST: what may be asked ---- */

static void f_unknown(struct azattest_attest *a) { a->flags |= 2; }
static void f_both(struct azattest_attest *a) { a->flags |= AZATTEST_ATTEST_NO_NONCE; }
static void n_none(struct azattest_attest *a) { a->nonce_len = 0; memset(a->nonce, 0, 32); }
static void n_33(struct azattest_attest *a) { a->nonce_len = 33; memset(a->nonce, 'a', 32); }
static void n_255(struct azattest_attest *a) { a->nonce_len = 255; memset(a->nonce, 'a', 32); }
static void n_nul(struct azattest_attest *a) { a->nonce[1] = 0; }
static void n_quote(struct azattest_attest *a) { a->nonce[0] = '"'; }
static void n_utf8(struct azattest_attest *a) { a->nonce[2] = 0xc3; }
static void n_rest(struct azattest_attest *a) { a->nonce[31] = 'a'; }
static void n_next(struct azattest_attest *a) { a->nonce[a->nonce_len] = 'a'; }
static void r_1(struct azattest_attest *a) { a->reserved[0] = 1; }
static void r_3(struct azattest_attest *a) { a->reserved[2] = 0x80; }
static void r_last(struct azattest_attest *a) { a->reserved2 = 1; }
static void s_short(struct azattest_attest *a) { a->size--; }
static void s_long(struct azattest_attest *a) { a->size = 1u << 20; }

static void an_attest_field_that_breaks_a_rule_is_refused(void)
{
	static void (*const spoils[])(struct azattest_attest *a) = {
		f_unknown, f_both, n_none, n_33, n_255, n_nul, n_quote, n_utf8, n_rest,
		n_next, r_1, r_3, r_last, s_short, s_long,
	};
	struct fakesigner *s = fakesigner_start(NULL);
	struct azattest_attest a;
	int fd = rig_owner(510);

	for (size_t i = 0; i < TAP_COUNT(spoils); i++) {
		fill(&a, "nonce");
		spoils[i](&a);
		tap_need_msg(attest(fd, &a) == -EINVAL, "row %zu", i);
	}
	tap_need_eq(s->taken, 0);
	fill(&a, "nonce");
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(s->taken, 1);
}

static void the_signer_hears_what_was_asked(void)
{
	struct fakesigner *s = fakesigner_start(NULL);
	struct azattest_signer_request r;
	struct azattest_attest a;
	struct azattest_bind b;
	int fd = azbind_open();

	azbind_fill(&b, 511);
	strcpy((char *)b.profile, "gold");
	tap_need_eq(azbind_bind(fd, &b), 0);
	fill(&a, "0123456789-_ABCDEFGHIJabcdefghij");
	a.api_version = 20210201;
	a.timeout_ms = 0xffffffff;
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(a.status, AZATTEST_STATUS_OK);
	r = *(struct azattest_signer_request *)&s->last;
	tap_need(fakesigner_is_for(document, a.reply_size, 511, a.nonce, 32));
	tap_need_eq(r.generation, b.generation);
	tap_need_eq(r.cid, 0);
	tap_need_eq(r.type, AZATTEST_FRAME_ATTEST);
	tap_need_eq(r.attempt, 1);
	tap_need_eq(r.api_version, 20210201);
	tap_need(!memcmp(r.name, b.name, sizeof(b.name)));
	tap_need(!memcmp(r.profile, b.profile, sizeof(b.profile)));
	tap_need(!r.reserved[0] && !r.reserved[1] && !r.reserved[2]);
	/* More than the host's deadline means the host's. */
	tap_need(r.deadline_ms <= azbind_limit_get("deadline_ms"));
}

static void without_a_nonce_the_signer_hears_none(void)
{
	static const uint8_t zero[AZATTEST_NONCE_MAX];
	struct fakesigner *s = fakesigner_start(NULL);
	struct azattest_attest a;
	int fd = rig_owner(512);

	fill(&a, "");
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(s->last.nonce_len, 0);
	tap_need(!memcmp((void *)s->last.nonce, zero, sizeof(zero)));
}

/* ---- ATTEST: how it ends ---- */

static void every_status_of_the_signer_is_heard(void)
{
	static const uint32_t statuses[] = {
		AZATTEST_STATUS_RETRY, AZATTEST_STATUS_EXPIRED, AZATTEST_STATUS_DENIED,
		AZATTEST_STATUS_BAD_REQUEST, AZATTEST_STATUS_UNSUPPORTED,
		AZATTEST_STATUS_FAULT, AZATTEST_STATUS_OK,
	};
	struct fakesigner *s = fakesigner_start(NULL);
	struct azattest_attest a;
	int fd = rig_owner(513);

	for (size_t i = 0; i < TAP_COUNT(statuses); i++) {
		s->options.status = statuses[i];
		fill(&a, "n");
		tap_need_eq(attest(fd, &a), 0);
		tap_need_eq(a.status, statuses[i]);
		if (statuses[i])
			tap_need_eq(a.reply_size, 0);
	}
	tap_need(fakesigner_is_for(document, a.reply_size, 513, "n", 1));
}

static void without_a_signer_retry_comes_at_the_timeout(void)
{
	struct azattest_attest a;
	int fd = rig_owner(514);
	int64_t begin = tap_now_ms();

	fill(&a, "n");
	a.timeout_ms = 300;
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(a.status, AZATTEST_STATUS_RETRY);
	tap_need_eq(a.reply_size, 0);
	tap_need(tap_now_ms() - begin >= 299);
}

static void a_document_longer_than_the_buffer_is_emsgsize(void)
{
	struct fakesigner_options o = { .length = 5000 };
	struct azattest_attest a;
	int fd = rig_owner(515);

	fakesigner_start(&o);
	fill(&a, "n");
	a.reply_size = 4999;
	memset(document, 'u', sizeof(document));
	tap_need_eq(attest(fd, &a), -EMSGSIZE);
	tap_need_eq(a.reply_size, 5000);
	tap_need_eq(document[4999], 'u');
	fill(&a, "n");
	a.reply = 0;
	a.reply_size = 0;
	tap_need_eq(attest(fd, &a), -EMSGSIZE);
	fill(&a, "n");
	a.reply_size = 5000;
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(a.reply_size, 5000);
	tap_need_eq(document[5000], 'u');
}

static void the_largest_document_comes_through(void)
{
	struct fakesigner_options o = { .length = AZATTEST_DOCUMENT_MAX };
	struct azattest_attest a;
	int fd = rig_owner(516);

	fakesigner_start(&o);
	fill(&a, "n");
	tap_need_eq(attest(fd, &a), 0);
	tap_need_eq(a.reply_size, AZATTEST_DOCUMENT_MAX);
}

/* A signer in our own hands, with the request of the child in it. */
struct asker {
	int fd;
	volatile int *result;
};

static void on_signal(int sig)
{
	(void)sig;
}

static int ask(void *arg)
{
	struct asker *k = arg;
	struct sigaction sa = { .sa_handler = on_signal };
	struct azattest_attest a;

	sigaction(SIGUSR1, &sa, NULL);
	fill(&a, "n");
	*k->result = attest(k->fd, &a);
	return 0;
}

static pid_t start_asker(struct asker *k, int fd)
{
	*k = (struct asker) { fd, tap_shared(sizeof(int)) };
	*k->result = 1;
	return tap_spawn(ask, k, fd);
}

static int signer_with(struct azattest_signer_request *r)
{
	int signer = fakesigner_open();

	tap_need_eq(fakesigner_join(signer, 4, AZATTEST_HOST_READY, 1), 0);
	tap_need_eq(fakesigner_take(signer, r, tap_patience_ms()), 1);
	return signer;
}

static void a_signal_cancels_the_request(void)
{
	struct azattest_signer_request r;
	struct asker k;
	pid_t pid = start_asker(&k, rig_owner(517));
	int signer = signer_with(&r);

	kill(pid, SIGUSR1);
	tap_need_eq(tap_join(pid), 0);
	tap_need_eq(*k.result, -EINTR);
	tap_need_eq(fakesigner_answer(signer, r.cookie, 0, "doc", 3), -ENOENT);
}

static void a_caller_killed_while_it_waits_is_gone(void)
{
	struct azattest_signer_request r;
	struct asker k;
	int fd = rig_owner(518), signer;
	pid_t pid = start_asker(&k, fd);

	signer = signer_with(&r);
	tap_kill(pid);
	tap_need_eq(fakesigner_answer(signer, r.cookie, 0, "doc", 3), -ENOENT);
	tap_need(!rig_ended(fd));
}

static void the_end_of_the_binding_ends_the_wait(void)
{
	struct azattest_signer_request r;
	struct asker k;
	int owner = rig_owner(519), signer;
	pid_t pid = start_asker(&k, rig_attached(519, AZATTEST_TRANSPORT_REST));

	signer = signer_with(&r);
	close(owner);
	tap_need_eq(tap_join(pid), 0);
	tap_need_eq(*k.result, -ENODEV);
	tap_need_eq(fakesigner_answer(signer, r.cookie, 0, "doc", 3), -ENOENT);
}

/* ---- many at once ---- */

#define THREADS	8

static int shared_fd;

static void *ask_often(void *arg)
{
	char buf[AZATTEST_FRAME_MAX], nonce[32];
	long number = (long)arg;

	for (int i = 0; i < 20; i++) {
		uint32_t len = sizeof(buf);
		int n = snprintf(nonce, sizeof(nonce), "thread-%ld-%d", number, i);

		tap_need_eq(azbind_attest(shared_fd, nonce, n, buf, &len), 0);
		tap_need(fakesigner_is_for(buf, len, 520, nonce, n));
	}
	return NULL;
}

static void threads_on_one_file_get_their_own_documents(void)
{
	pthread_t t[THREADS];

	fakesigner_start(NULL);
	fakesigner_start(NULL);
	shared_fd = rig_owner(520);
	for (long i = 0; i < THREADS; i++)
		tap_need(!pthread_create(&t[i], NULL, ask_often, (void *)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* One bucket for all doors; time may pass, so only its bounds are promised. */
static void over_the_rate_is_busy(void)
{
	int fd, ok = 0, busy = 0;
	int64_t begin, spent;

	azbind_limit("request_burst", 3);
	azbind_limit("request_rate", 1);
	fakesigner_start(NULL);
	fd = rig_owner(521);
	begin = tap_now_ms();
	for (int i = 0; i < 2000 && busy < 20; i++) {
		uint32_t len = sizeof(document);
		int status = azbind_attest(fd, "n", 1, document, &len);

		tap_need(status == AZATTEST_STATUS_OK || status == AZATTEST_STATUS_BUSY);
		ok += status == AZATTEST_STATUS_OK;
		busy += status == AZATTEST_STATUS_BUSY;
	}
	spent = tap_now_ms() - begin;
	tap_diag("%d ok, %d busy in %d ms", ok, busy, (int)spent);
	tap_need(busy);
	tap_need(ok >= 1 && ok <= 3 + spent / 1000 + 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(an_attach_field_that_breaks_a_rule_is_refused),
	TAP_TEST(attach_to_nobody_is_enoent),
	TAP_TEST(second_attach_of_a_file_is_ealready),
	TAP_TEST(a_file_whose_binding_ended_cannot_be_used_again),
	TAP_TEST(the_signer_hears_the_label_of_the_file),
	TAP_TEST(attach_tells_the_generation),
	TAP_TEST(an_unbound_file_is_enotconn),
	TAP_TEST(an_attest_field_that_breaks_a_rule_is_refused),
	TAP_TEST(the_signer_hears_what_was_asked),
	TAP_TEST(without_a_nonce_the_signer_hears_none),
	TAP_TEST(every_status_of_the_signer_is_heard),
	TAP_TEST(without_a_signer_retry_comes_at_the_timeout),
	TAP_TEST(a_document_longer_than_the_buffer_is_emsgsize),
	TAP_TEST(the_largest_document_comes_through),
	TAP_TEST(a_signal_cancels_the_request),
	TAP_TEST(a_caller_killed_while_it_waits_is_gone),
	TAP_TEST(the_end_of_the_binding_ends_the_wait),
	TAP_TEST(threads_on_one_file_get_their_own_documents),
	TAP_TEST(over_the_rate_is_busy),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
