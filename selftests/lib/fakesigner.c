// SPDX-License-Identifier: GPL-2.0
/* A user of /dev/azattest-signer that has no key: honest, late, wrong, dead. */
#include <selftests/lib/fakesigner.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/lib/tap.h>

bool fakesigner_parse(const void *der, size_t len, struct fakesigner_document *doc)
{
	if (len < sizeof(*doc))
		return false;
	memcpy(doc, der, sizeof(*doc));
	return memcmp(doc->magic, FAKESIGNER_MAGIC, sizeof(doc->magic)) == 0;
}

bool fakesigner_is_for(const void *der, size_t len, uint32_t number,
		       const void *nonce, size_t nonce_len)
{
	struct fakesigner_document doc;
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	return fakesigner_parse(der, len, &doc) &&
	       !memcmp(doc.request.uuid, uuid, sizeof(uuid)) &&
	       doc.request.nonce_len == nonce_len &&
	       (!nonce_len || !memcmp(doc.request.nonce, nonce, nonce_len));
}

size_t fakesigner_document(void *der, const struct azattest_signer_request *req,
			   uint64_t serial, uint64_t signer)
{
	struct fakesigner_document doc = {
		.magic = FAKESIGNER_MAGIC,
		.request = *req,
		.serial = serial,
		.signer = signer,
	};

	memcpy(der, &doc, sizeof(doc));
	return sizeof(doc);
}

int fakesigner_open(void)
{
	int fd = open(AZATTEST_SIGNER_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int fakesigner_join(int fd, uint32_t slots, uint32_t host_state, uint64_t generation)
{
	struct azattest_signer_join j = {
		.size = sizeof(j),
		.version = AZATTEST_SIGNER_VERSION,
		.slots = slots,
		.host_state = host_state,
		.generation = generation,
	};

	return ioctl(fd, AZATTEST_SIGNER_IOC_JOIN, &j) < 0 ? -errno : 0;
}

int fakesigner_take(int fd, struct azattest_signer_request *req, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	if (n <= 0)
		return n < 0 ? -errno : 0;
	n = read(fd, req, sizeof(*req));
	if (n < 0)
		return -errno;
	return n == sizeof(*req) ? 1 : -EMSGSIZE;
}

/* An answer that claims `length` bytes of document and brings `len` of them. */
static size_t answer_put(void *out, uint64_t cookie, uint32_t status, uint32_t length,
			 const void *der, uint32_t len)
{
	struct azattest_signer_answer a = {
		.cookie = cookie, .status = status, .length = length,
	};

	memcpy(out, &a, sizeof(a));
	if (len)
		memcpy((char *)out + sizeof(a), der, len);
	return sizeof(a) + len;
}

int fakesigner_answer(int fd, uint64_t cookie, uint32_t status, const void *der, uint32_t len)
{
	char out[AZATTEST_SIGNER_ANSWER_SPACE(2 * AZATTEST_FRAME_MAX)] = "";
	size_t n = answer_put(out, cookie, status, len, der, len);

	n = AZATTEST_SIGNER_ANSWER_SPACE(len);
	return write(fd, out, n) < 0 ? -errno : 0;
}

static int write_answer(struct fakesigner *s, int fd, const void *out, size_t len)
{
	if (write(fd, out, len) == (ssize_t)len) {
		s->answered++;
		return 0;
	}
	s->refused++;
	s->last_refusal = errno;
	return -errno;
}

/* The misbehaviour of the mode, before (or instead of) the honest answer. */
static bool misbehave(struct fakesigner *s, int fd, const struct azattest_signer_request *req)
{
	char out[AZATTEST_SIGNER_ANSWER_SPACE(8)] = "";

	switch (s->options.mode) {
	case FAKESIGNER_NEVER:
		return true;
	case FAKESIGNER_DIE:
		_exit(0);
	case FAKESIGNER_LATE:
		for (int64_t end = tap_now_ms() + s->options.delay_ms; tap_now_ms() < end;)
			tap_pause();
		return false;
	case FAKESIGNER_TRUNCATED:
		answer_put(out, req->cookie, AZATTEST_STATUS_OK, 4096, "short", 5);
		write_answer(s, fd, out, sizeof(out));
		return false;
	case FAKESIGNER_FOREIGN:
		answer_put(out, req->cookie ^ 0x5a5a5a5a, AZATTEST_STATUS_OK, 5, "other", 5);
		write_answer(s, fd, out, sizeof(out));
		return false;
	case FAKESIGNER_WRONG:
		answer_put(out, req->cookie, 0xbad, 0, NULL, 0);
		write_answer(s, fd, out, sizeof(struct azattest_signer_answer));
		return false;
	default:
		return false;
	}
}

/* The honest answer, put at out; bytes up to the next one. */
static size_t make_answer(struct fakesigner *s, void *out,
			  const struct azattest_signer_request *req)
{
	char der[AZATTEST_DOCUMENT_MAX] = "";
	uint32_t status = s->options.status;
	size_t len = 0;

	if (status == AZATTEST_STATUS_OK) {
		len = fakesigner_document(der, req, s->taken, s->options.generation);
		if (s->options.length > len && s->options.length <= sizeof(der))
			len = s->options.length;
	}
	memset(out, 0, AZATTEST_SIGNER_ANSWER_SPACE(len));
	answer_put(out, req->cookie, status, len, der, len);
	return AZATTEST_SIGNER_ANSWER_SPACE(len);
}

static void note(struct fakesigner *s, const struct azattest_signer_request *req)
{
	const char *nonce = (const char *)s->trap_nonce;

	memcpy((void *)&s->last, req, sizeof(*req));
	if (nonce[0] && req->nonce_len == strlen(nonce) &&
	    !memcmp(req->nonce, nonce, req->nonce_len) &&
	    !memcmp(req->uuid, (const void *)s->trap_uuid, AZATTEST_UUID_LEN))
		s->trapped++;
	s->taken++;
}

static void serve_one(struct fakesigner *s, int fd, const struct azattest_signer_request *req)
{
	static char out[AZATTEST_SIGNER_ANSWER_SPACE(AZATTEST_DOCUMENT_MAX)];
	size_t n;

	note(s, req);
	if (misbehave(s, fd, req))
		return;
	n = make_answer(s, out, req);
	write_answer(s, fd, out, n);
	if (s->options.mode == FAKESIGNER_TWICE)
		write_answer(s, fd, out, n);
}

static int serve_by_read(struct fakesigner *s, int fd)
{
	static struct azattest_signer_request req[AZATTEST_SIGNER_SLOTS_MAX];
	ssize_t n;

	for (;;) {
		n = read(fd, req, sizeof(req));
		if (n < 0)
			return errno == EINTR ? 0 : -errno;
		for (size_t i = 0; i < n / sizeof(req[0]); i++)
			serve_one(s, fd, &req[i]);
	}
}

/* Honest only: answers of one round go with the fetch of the next. */
static int serve_by_exchange(struct fakesigner *s, int fd)
{
	enum { ROUND = 16 };
	static struct azattest_signer_request req[ROUND];
	static char out[ROUND * AZATTEST_SIGNER_ANSWER_SPACE(AZATTEST_DOCUMENT_MAX)];
	struct azattest_signer_exchange x = { .size = sizeof(x) };
	unsigned int asked = 0;

	for (;;) {
		x.answers = (uintptr_t)out;
		x.requests = (uintptr_t)req;
		x.requests_len = sizeof(req);
		x.late = 0;
		if (ioctl(fd, AZATTEST_SIGNER_IOC_EXCHANGE, &x) < 0)
			return errno == EINTR ? 0 : -errno;
		s->answered += asked - x.late;
		s->refused += x.late;
		asked = x.requests_len / sizeof(req[0]);
		x.answers_len = 0;
		for (unsigned int i = 0; i < asked; i++) {
			note(s, &req[i]);
			x.answers_len += make_answer(s, out + x.answers_len, &req[i]);
		}
	}
}

static int serve(void *arg)
{
	struct fakesigner *s = arg;
	int fd = fakesigner_open();
	int err = fd < 0 ? fd : fakesigner_join(fd, s->options.slots, s->options.host_state,
						s->options.generation);

	s->ready = err ? err : 1;
	if (err)
		return 1;
	while (!err)
		err = s->options.exchange ? serve_by_exchange(s, fd) : serve_by_read(s, fd);
	return 1;
}

struct fakesigner *fakesigner_start(const struct fakesigner_options *options)
{
	struct fakesigner *s = tap_shared(sizeof(*s));
	struct fakesigner_options o = options ? *options : (struct fakesigner_options){ 0 };

	if (!o.slots)
		o.slots = AZATTEST_SIGNER_SLOTS_MAX;
	if (!o.host_state)
		o.host_state = AZATTEST_HOST_READY;
	if (!o.generation)
		o.generation = 1;
	s->options = o;
	s->pid = tap_spawn(serve, s, -1);
	tap_need_wait(s->ready);
	tap_need_msg(s->ready == 1, "signer cannot join: errno %d", -s->ready);
	return s;
}

void fakesigner_kill(struct fakesigner *s)
{
	tap_kill(s->pid);
}
