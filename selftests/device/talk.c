// SPDX-License-Identifier: GPL-2.0
/* Owns frames over a bound file, and a signer in the test's own hands. */
#include "talk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

char talk_buf[2 * AZATTEST_FRAME_MAX];

void talk_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	tap_need(!fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

int talk_put(int fd, const void *frame, size_t len)
{
	ssize_t n = write(fd, frame, len);

	return n < 0 ? -errno : n;
}

int talk_get(int fd, void *to, size_t size)
{
	ssize_t n = read(fd, to, size);

	return n < 0 ? -errno : n;
}

void talk_ask(int fd, uint32_t id)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest(frame, id, "n", 1);

	tap_need_eq(talk_put(fd, frame, n), n);
}

struct frames_reply talk_reply(int fd)
{
	struct frames_reply r;
	int n = talk_get(fd, talk_buf, sizeof(talk_buf));

	tap_need_msg(n > 0, "read: %d", n);
	tap_need_eq(frames_parse(talk_buf, n, &r), n);
	return r;
}

int talk_signer(void)
{
	int signer = fakesigner_open();

	tap_need_eq(fakesigner_join(signer, AZATTEST_SIGNER_SLOTS_MAX, AZATTEST_HOST_READY, 1), 0);
	return signer;
}

struct azattest_signer_request talk_take(int signer)
{
	struct azattest_signer_request r;

	tap_need_eq(fakesigner_take(signer, &r, tap_patience_ms()), 1);
	return r;
}

void talk_answer(int signer, uint64_t cookie, const char *doc)
{
	tap_need_eq(fakesigner_answer(signer, cookie, AZATTEST_STATUS_OK, doc, strlen(doc)), 0);
}

int talk_fill_up(int fd, int most)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest(frame, 1, "n", 1);
	int count = 0, ret = n;

	talk_nonblock(fd, true);
	while (count < most && (ret = talk_put(fd, frame, n)) == (int)n)
		count++;
	tap_need(count == most || ret == -EAGAIN);
	talk_nonblock(fd, false);
	return count;
}

bool talk_asleep(pid_t pid)
{
	char path[64], state = 0, text[512] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strrchr(text, ')'))
		state = strrchr(text, ')')[2];
	close(fd);
	return state == 'S';
}

static void on_signal(int sig)
{
	(void)sig;
}

void talk_hear_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	tap_need(!sigaction(SIGUSR1, &sa, NULL));
}
