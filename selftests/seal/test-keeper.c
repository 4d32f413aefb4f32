// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-keeper to who asks it: one blob's key and no other, and nothing for nonsense.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/common/keeper.h>

static char program[400];
static struct seal_kek kek;
static struct keeper_setup setup;
static struct keeper_report report;

/* Our ends, and what the new wrapping key is written to. */
static struct {
	pid_t pid;
	int ask, report, setup, new;
} keeper;

/* Its ends, before they get the numbers it knows. */
struct ends {
	int end[KEEPER_FD_KEKS + 2];
	unsigned int keks;
};

static int memory_file(const void *bytes, size_t length)
{
	int fd = memfd_create("kek", MFD_CLOEXEC);

	tap_need(fd >= 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length);
	return fd;
}

static void make_kek(void)
{
	kek = (struct seal_kek){ .level = SEAL_HOST_KEY, .id = "the one that is" };
	memset(kek.key, 7, sizeof(kek.key));
	setup = (struct keeper_setup){
		.magic = KEEPER_MAGIC, .size = sizeof(setup), .parent = getpid(),
		.uid = (uint32_t)-1, .gid = (uint32_t)-1, .level = SEAL_HOST_KEY, .pcrs = 1,
		.extend = KEEPER_NO_EXTEND, .count = 1, .required = 1, .id = "the next one",
		.tcti = "device:/nonexistent/tpm",
	};
}

static int exec_keeper(void *arg)
{
	struct ends *ends = arg;
	int high[KEEPER_FD_KEKS + 2];

	for (unsigned int i = KEEPER_FD_SETUP; i < KEEPER_FD_KEKS + ends->keks; i++)
		high[i] = fcntl(ends->end[i], F_DUPFD_CLOEXEC, 100);
	for (unsigned int i = KEEPER_FD_SETUP; i < KEEPER_FD_KEKS + ends->keks; i++)
		dup2(high[i], (int)i);
	signal(SIGPIPE, SIG_DFL);
	execl(program, "azattest-keeper", NULL);
	return 126;
}

/* With files of wrapping keys; nothing is said to it yet. */
static void start(const int *keks, unsigned int count)
{
	struct ends ends = { .keks = count };
	int in[2], sock[2], out[2];

	tap_need(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC) &&
		 !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock));
	keeper.new = memfd_create("new", MFD_CLOEXEC);
	ends.end[KEEPER_FD_SETUP] = in[0];
	ends.end[KEEPER_FD_ASK] = sock[1];
	ends.end[KEEPER_FD_REPORT] = out[1];
	ends.end[KEEPER_FD_NEW] = keeper.new;
	for (unsigned int i = 0; i < count; i++)
		ends.end[KEEPER_FD_KEKS + i] = keks[i];
	keeper.pid = tap_spawn(exec_keeper, &ends, TAP_KEEP_ALL);
	close(in[0]);
	close(sock[1]);
	close(out[1]);
	keeper.setup = in[1];
	keeper.ask = sock[0];
	keeper.report = out[0];
}

static void say_setup(const void *bytes, size_t length)
{
	tap_need_eq(write(keeper.setup, bytes, length), length);
	close(keeper.setup);
	memset(&report, 0, sizeof(report));
	tap_need_eq(read(keeper.report, &report, sizeof(report)), sizeof(report));
	tap_need_eq(report.magic, KEEPER_MAGIC);
}

static void start_with(const uint8_t *bytes, size_t length)
{
	int fd = memory_file(bytes, length);

	start(&fd, 1);
	say_setup(&setup, sizeof(setup));
	close(fd);
}

static void start_good(void)
{
	uint8_t bytes[SEAL_KEK_MAX];

	make_kek();
	start_with(bytes, seal_kek_write(&kek, bytes));
	tap_need_msg(report.ok, "%s", report.why);
	tap_need_eq(report.opened, 1);
}

/* It says why in a line, and ends. */
static void need_end(const char *words)
{
	tap_need(!report.ok);
	tap_need_msg(strstr(report.why, words), "\"%s\" lacks \"%s\"", report.why, words);
	tap_need(!strchr(report.why, '\n'));
	tap_need_eq(tap_join(keeper.pid), EXIT_FAILURE);
}

static int ask_for(const uint8_t *whose, const uint8_t *id, struct seal_grant *grant)
{
	struct seal_ask ask;
	int fd, ret;

	memcpy(ask.kek, whose, sizeof(ask.kek));
	memcpy(ask.id, id, sizeof(ask.id));
	fd = seal_grant_ask(keeper.ask, &ask);
	tap_need(fd >= 0);
	ret = seal_grant_read(fd, grant);
	close(fd);
	return ret;
}

static const uint8_t zeros[SEAL_ID_LEN], blob_id[SEAL_ID_LEN] = "the first blob..";

static void need_serves(void)
{
	struct seal_grant got, want;

	tap_need_eq(ask_for(kek.id, blob_id, &got), 0);
	tap_need(!seal_grant_make(&want, kek.id, kek.key, blob_id));
	tap_need(!memcmp(&got, &want, sizeof(got)));
}

static void the_grant_is_of_the_blob_that_was_asked_for(void)
{
	struct seal_grant got, want;
	uint8_t id[SEAL_ID_LEN];

	start_good();
	need_serves();
	for (size_t bit = 0; bit < 8 * SEAL_ID_LEN; bit++) {
		memcpy(id, blob_id, sizeof(id));
		id[bit / 8] ^= (uint8_t)(1 << bit % 8);
		tap_need_eq(ask_for(kek.id, id, &got), 0);
		tap_need(!seal_grant_make(&want, kek.id, kek.key, id));
		tap_need(!memcmp(&got, &want, sizeof(got)));
	}
}

static void a_wrapping_key_it_does_not_have_gets_no_grant(void)
{
	struct seal_grant got;
	uint8_t whose[SEAL_ID_LEN];

	start_good();
	for (size_t bit = 0; bit < 8 * SEAL_ID_LEN; bit++) {
		memcpy(whose, kek.id, sizeof(whose));
		whose[bit / 8] ^= (uint8_t)(1 << bit % 8);
		tap_need_eq(ask_for(whose, blob_id, &got), -ENOKEY);
	}
	need_serves();
}

static void a_new_blob_gets_an_id_that_none_had(void)
{
	struct seal_grant first, second;

	start_good();
	tap_need(!ask_for(zeros, zeros, &first) && !ask_for(zeros, zeros, &second));
	tap_need(!memcmp(first.kek, kek.id, sizeof(first.kek)));
	tap_need(memcmp(first.id, zeros, sizeof(first.id)));
	tap_need(memcmp(first.id, second.id, sizeof(first.id)));
	tap_need(memcmp(first.key, second.key, sizeof(first.key)));
}

/* asks that are none */

static void send_ask(size_t length, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	uint8_t bytes[2 * sizeof(struct seal_ask)] = { 0 };
	struct iovec iov = { bytes, length };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(bytes, kek.id, sizeof(kek.id));
	memcpy(bytes + SEAL_ID_LEN, blob_id, sizeof(blob_id));
	if (count) {
		struct cmsghdr *head = &control.align;

		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	tap_need_eq(sendmsg(keeper.ask, &message, MSG_NOSIGNAL), length);
}

/* Every pipe that came along is closed without a word. */
static void need_ignored(size_t length, size_t count)
{
	int end[4][2], fds[4] = { 0 };
	struct seal_grant got;

	for (size_t i = 0; i < count; i++) {
		tap_need(!pipe2(end[i], O_CLOEXEC));
		fds[i] = end[i][1];
	}
	send_ask(length, fds, count);
	for (size_t i = 0; i < count; i++) {
		close(end[i][1]);
		tap_need_eq(seal_grant_read(end[i][0], &got), -ENOKEY);
		close(end[i][0]);
	}
	need_serves();
}

static void asks_that_are_none_get_nothing_and_stop_nobody(void)
{
	start_good();
	need_ignored(1, 1);
	need_ignored(sizeof(struct seal_ask) - 1, 1);
	need_ignored(sizeof(struct seal_ask) + 1, 1);
	need_ignored(2 * sizeof(struct seal_ask), 1);
	need_ignored(sizeof(struct seal_ask), 0);
	need_ignored(sizeof(struct seal_ask), 2);
	need_ignored(sizeof(struct seal_ask), 3);
	need_ignored(sizeof(struct seal_ask), 4);
}

/* A SIGPIPE would be the end of all signers' keys. */
static void an_asker_that_went_away_stops_nobody(void)
{
	int end[2];

	start_good();
	tap_need(!pipe2(end, O_CLOEXEC));
	close(end[0]);
	send_ask(sizeof(struct seal_ask), &end[1], 1);
	close(end[1]);
	need_serves();
}

static void it_ends_with_who_it_serves(void)
{
	start_good();
	close(keeper.ask);
	tap_need_eq(tap_join(keeper.pid), EXIT_SUCCESS);
}

/* setups */

static void need_setup_refused(void)
{
	uint8_t bytes[SEAL_KEK_MAX];

	start_with(bytes, seal_kek_write(&kek, bytes));
	need_end("azattest-keeper: setup: ");
	make_kek();
}

static void a_setup_that_is_none_is_refused(void)
{
	make_kek();
	setup.magic++;
	need_setup_refused();
	setup.size--;
	need_setup_refused();
	setup.level = SEAL_AUTO + 1;
	need_setup_refused();
	setup.require = SEAL_AUTO;
	need_setup_refused();
	setup.count = setup.required = KEEPER_KEKS + 1;
	need_setup_refused();
	setup.required = setup.count + 1;
	need_setup_refused();
	setup.extend = SEAL_PCR_COUNT;
	need_setup_refused();
	memset(setup.tcti, 'x', sizeof(setup.tcti));
	need_setup_refused();
	memset(setup.credential, 'x', sizeof(setup.credential));
	need_setup_refused();
}

static void a_cut_setup_is_refused(void)
{
	make_kek();
	start(NULL, 0);
	say_setup(&setup, sizeof(setup) - 1);
	need_end("azattest-keeper: setup: ");
}

static void less_than_is_required_makes_no_key(void)
{
	make_kek();
	setup.require = SEAL_TPM;
	start_with((const uint8_t *)"", 0);
	need_end("require-level is tpm and only host-key works here");
	tap_need_eq(lseek(keeper.new, 0, SEEK_END), 0);
}

static void a_key_that_must_open_and_does_not_is_the_end(void)
{
	uint8_t bytes[SEAL_KEK_MAX + 1] = { 0 };
	size_t length;

	make_kek();
	length = seal_kek_write(&kek, bytes);
	start_with(bytes, length - 1);
	need_end("the wrapping key is damaged");
	start_with(bytes, sizeof(bytes));
	need_end("the wrapping key is damaged");
	tap_need_eq(lseek(keeper.new, 0, SEEK_END), 0);
}

/* And a new one is made, which is what is in the file. */
static void a_key_that_may_be_lost_is_replaced(void)
{
	uint8_t bytes[SEAL_KEK_MAX];
	struct seal_grant got, want;
	struct seal_kek made;
	ssize_t length;

	make_kek();
	setup.required = 0;
	start_with((const uint8_t *)"damaged", 7);
	tap_need_msg(report.ok && report.made && !report.opened, "%s", report.why);
	tap_need(!memcmp(report.id, setup.id, sizeof(report.id)));
	length = pread(keeper.new, bytes, sizeof(bytes), 0);
	tap_need(length > 0 && !seal_kek_read(&made, bytes, (size_t)length));
	tap_need(!memcmp(made.id, setup.id, sizeof(made.id)) && memcmp(made.key, kek.key, 32));
	tap_need_eq(ask_for(zeros, blob_id, &got), 0);
	tap_need(!seal_grant_make(&want, made.id, made.key, blob_id));
	tap_need(!memcmp(&got, &want, sizeof(got)));
}

static const struct tap_test tests[] = {
	TAP_TEST(the_grant_is_of_the_blob_that_was_asked_for),
	TAP_TEST(a_wrapping_key_it_does_not_have_gets_no_grant),
	TAP_TEST(a_new_blob_gets_an_id_that_none_had),
	TAP_TEST(asks_that_are_none_get_nothing_and_stop_nobody),
	TAP_TEST(an_asker_that_went_away_stops_nobody),
	TAP_TEST(it_ends_with_who_it_serves),
	TAP_TEST(a_setup_that_is_none_is_refused),
	TAP_TEST(a_cut_setup_is_refused),
	TAP_TEST(less_than_is_required_makes_no_key),
	TAP_TEST(a_key_that_must_open_and_does_not_is_the_end),
	TAP_TEST(a_key_that_may_be_lost_is_replaced),
};

int main(int argc, char **argv)
{
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 32);

	if (length < 0)
		return 1;
	strcpy(strrchr(program, '/'), "/azattest-keeper");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
