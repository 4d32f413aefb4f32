// SPDX-License-Identifier: GPL-2.0
// Owns the signer's working day: take a batch, answer it, say so, hand it back.

#include "signer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Reports of one write are whole, or it would tear one in two. */
#define REPORTS_PER_WRITE	(PIPE_BUF / sizeof(struct report))

static int64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

int loop_open(struct loop *loop)
{
	loop->requests = calloc(loop->slots, sizeof(*loop->requests));
	loop->reports = calloc(loop->slots, sizeof(*loop->reports));
	loop->answers = calloc(loop->slots, ANSWER_MAX);
	if (loop->requests && loop->reports && loop->answers)
		return 0;
	loop_close(loop);
	return -ENOMEM;
}

void loop_close(struct loop *loop)
{
	free(loop->requests);
	free(loop->reports);
	free(loop->answers);
}

int loop_join(struct loop *loop, uint32_t *version)
{
	struct azattest_signer_join join = {
		.size = sizeof(join),
		.version = AZATTEST_SIGNER_VERSION,
		.slots = loop->slots,
		.host_state = answer_host_state(loop->signer, now_s()),
		.generation = loop->generation,
	};

	if (ioctl(loop->device, AZATTEST_SIGNER_IOC_JOIN, &join) < 0) {
		*version = join.version;
		return -errno;
	}
	loop->host_state = join.host_state;
	return 0;
}

/* Guests hear of an ended certificate by HELLO, too; a clock may also go back. */
static int follow_host_state(struct loop *loop, int64_t now)
{
	uint32_t version;

	if (answer_host_state(loop->signer, now) == loop->host_state)
		return 0;
	return loop_join(loop, &version);
}

/* What nobody can be told of must not happen: these answers become RETRY. */
static void refuse(struct loop *loop, unsigned int first, size_t count)
{
	uint8_t *in = loop->answers, *out = in, *end = in + loop->answers_len;

	for (unsigned int i = 0; in < end; i++) {
		struct azattest_signer_answer *answer = (void *)in;
		size_t space;

		in += AZATTEST_SIGNER_ANSWER_SPACE(answer->length);
		if (i >= first && i - first < count) {
			answer->status = AZATTEST_STATUS_RETRY;
			answer->length = 0;
		}
		space = AZATTEST_SIGNER_ANSWER_SPACE(answer->length);
		memmove(out, answer, space);
		out += space;
	}
	loop->answers_len = (size_t)(out - loop->answers);
}

static void lose(struct loop *loop, unsigned int first, uint32_t count)
{
	loop->lost += count;
	if (loop->must_report)
		refuse(loop, first, count);
}

/* Never blocks: who asks for a document must not wait for who reads a log. */
static int send_reports(struct loop *loop, unsigned int count)
{
	struct report *report = loop->reports;

	if (loop->report < 0)
		return 0;
	while (count) {
		size_t some = count < REPORTS_PER_WRITE ? count : REPORTS_PER_WRITE;

		report->lost = loop->lost;
		if (write(loop->report, report, some * sizeof(*report)) > 0)
			loop->lost = 0;
		else if (errno == EPIPE)
			return -EPIPE;
		else
			lose(loop, (unsigned int)(report - loop->reports), (uint32_t)some);
		report += some;
		count -= (unsigned int)some;
	}
	return 0;
}

static int answer_batch(struct loop *loop, unsigned int count)
{
	uint8_t *out = loop->answers;
	int64_t now = now_s();

	for (unsigned int i = 0; i < count; i++)
		out += answer_make(loop->signer, &loop->requests[i], now, out, &loop->reports[i]);
	loop->answers_len = (size_t)(out - loop->answers);
	return send_reports(loop, count);
}

/* What the module did not take goes to the front. */
static void taken(struct loop *loop, size_t length)
{
	if (length > loop->answers_len)
		length = loop->answers_len;
	loop->answers_len -= length;
	if (loop->answers_len)
		memmove(loop->answers, loop->answers + length, loop->answers_len);
}

/* Requests that came, or a negative error; 0 after a signal. */
static int exchange(struct loop *loop)
{
	struct azattest_signer_exchange exchange = {
		.size = sizeof(exchange),
		.answers = (uintptr_t)loop->answers,
		.answers_len = (uint32_t)loop->answers_len,
		.requests = (uintptr_t)loop->requests,
		.requests_len = (uint32_t)(loop->slots * sizeof(*loop->requests)),
	};
	int ret = ioctl(loop->device, AZATTEST_SIGNER_IOC_EXCHANGE, &exchange);
	int error = ret < 0 ? errno : 0;

	taken(loop, exchange.answers_len);
	if (error)
		return error == EINTR ? 0 : -error;
	return (int)(exchange.requests_len / sizeof(*loop->requests));
}

/* Hands back what is done; more is not asked for. */
static int finish(struct loop *loop)
{
	while (loop->answers_len) {
		ssize_t n = write(loop->device, loop->answers, loop->answers_len);
		struct azattest_signer_answer *first = (void *)loop->answers;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOENT)	/* too late: the next may not be */
			n = (ssize_t)AZATTEST_SIGNER_ANSWER_SPACE(first->length);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		taken(loop, (size_t)n);
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	int ret;

	while (!*loop->stop) {
		ret = follow_host_state(loop, now_s());
		if (ret)
			return ret;
		ret = exchange(loop);
		if (ret > 0)
			ret = answer_batch(loop, (unsigned int)ret);
		if (ret < 0)
			return ret;
	}
	return finish(loop);
}
