// SPDX-License-Identifier: GPL-2.0
// Promises that nobody keeps the API from others: not by silence, by slowness or by number.

#include "rig.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_silent_client_keeps_nobody_waiting_and_is_ended(void)
{
	char text[64];
	int fd;

	rig_start();
	fd = rig_connect();
	rig_put(fd, RIG_WHOLE, 30);
	rig_need("GET", "/v1/status", "", 200, "");
	tap_need_eq(rig_take(fd, text, sizeof(text)), 0);	/* until it is hung up */
	rig_need("GET", "/v1/status", "", 200, "");
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

/* Each byte comes in good time; the whole never does. */
static void a_trickle_is_ended(void)
{
	int fd;

	rig_start();
	fd = rig_connect();
	tap_need_wait(send(fd, "G", 1, MSG_NOSIGNAL) < 0);
	close(fd);
	rig_need("GET", "/v1/status", "", 200, "");
	rig_stop();
}

static void a_client_that_does_not_read_is_ended(void)
{
	static const char request[] = "GET /v1/vms HTTP/1.1\r\nHost: x\r\n\r\n";
	struct pollfd p;
	int fd;

	rig_start();
	hostd->long_list = 8 << 20;
	fd = rig_connect();
	rig_put(fd, request, strlen(request));
	p = (struct pollfd) { .fd = fd, .events = POLLIN };
	tap_need_eq(poll(&p, 1, tap_patience_ms()), 1);
	rig_need("GET", "/v1/status", "", 200, "");
	p.events = 0;
	tap_need_eq(poll(&p, 1, tap_patience_ms()), 1);	/* hung up */
	tap_need(p.revents & POLLHUP);
	close(fd);
	rig_stop();
}

static void a_call_that_takes_long_costs_nobody_its_time(void)
{
	int fd, slow;

	rig_start();
	rig_enrol(RIG_VM);
	hostd->pause_ms = 7000;		/* longer than a client has */
	slow = rig_connect();
	fd = rig_connect();
	rig_put(fd, RIG_WHOLE, 30);
	rig_need("GET", "/v1/status", "", 200, "");	/* both have been taken in */
	rig_put(slow, "DELETE " RIG_VM " HTTP/1.1\r\nHost: x\r\n\r\n",
		strlen("DELETE " RIG_VM " HTTP/1.1\r\nHost: x\r\n\r\n"));
	rig_need_answer(rig_read(slow), "slow", 204, "");
	rig_put(fd, RIG_WHOLE + 30, strlen(RIG_WHOLE) - 30);
	rig_need_answer(rig_read(fd), "it waited", 200, "");
	rig_stop();
}

/* Opens connections as @uid until one is turned away; how many are taken in. */
static int crowd(uid_t uid, int *fds, int max)
{
	static const char begin[] = "PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
		"Expect: 100-continue\r\n\r\n";
	char first[16] = "";
	int count = 0;

	tap_need(!seteuid(uid));
	for (; count < max; count++) {
		fds[count] = rig_connect();
		tap_need(fds[count] >= 0);
		rig_put(fds[count], begin, strlen(begin));
		tap_need_eq(recv(fds[count], first, 12, MSG_PEEK | MSG_WAITALL), 12);
		if (strcmp(first, "HTTP/1.1 100"))
			break;
	}
	tap_need(!seteuid(0));
	return count;
}

static void one_user_cannot_take_all_places(void)
{
	struct rig_answer a;
	int fds[64];

	rig_need_root();
	rig_start();
	tap_need_eq(crowd(RIG_NOBODY, fds, 20), 8);
	a = rig_read(fds[8]);
	rig_need_answer(a, "the ninth", 503, "unavailable");
	rig_need_answer(rig_ask_as(1000, 1000, NULL, 0, "GET", "/v1/status", ""), "another", 200,
			"");
	rig_need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	rig_stop();
}

static void many_users_cannot_keep_root_out(void)
{
	int fds[20], count = 0;

	rig_need_root();
	rig_start();
	for (uid_t uid = 2000; uid < 2010; uid++)
		count += crowd(uid, fds, 8);
	tap_need_eq(count, 56);
	rig_need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	rig_stop();
}

static void a_place_is_free_again_at_once(void)
{
	rig_start();
	for (int i = 0; i < 300; i++) {
		int fd = rig_connect();

		if (i % 2)
			rig_put(fd, RIG_WHOLE, 40);
		close(fd);
	}
	rig_need("GET", "/v1/status", "", 200, "");
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(a_silent_client_keeps_nobody_waiting_and_is_ended),
	TAP_TEST(a_trickle_is_ended),
	TAP_TEST(a_client_that_does_not_read_is_ended),
	TAP_TEST(a_call_that_takes_long_costs_nobody_its_time),
	TAP_TEST(one_user_cannot_take_all_places),
	TAP_TEST(many_users_cannot_keep_root_out),
	TAP_TEST(a_place_is_free_again_at_once),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
