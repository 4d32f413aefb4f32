// SPDX-License-Identifier: GPL-2.0
// Promises of azattestd's signers as they run: they answer everything, they may do
// nothing else, and whoever dies is replaced.

#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void every_request_gets_its_answer(void)
{
	struct azattest_signer_request odd = {
		.type = 9, .attempt = 1, .api_version = 20181001, .transport = 1,
	};
	int place;

	rig_start_ready("answers", RIG_P256 "[profile gold]\nsku = x\n");
	tap_need_eq(rig_ask_status(20201001, "abc-_123", ""), AZATTEST_STATUS_OK);
	tap_need_eq(rig_ask_status(20201001, "", ""), AZATTEST_STATUS_OK);
	tap_need_eq(rig_ask_status(20201001, "a", "gold"), AZATTEST_STATUS_OK);
	tap_need_eq(rig_ask_status(20201001, "a", "default"), AZATTEST_STATUS_OK);
	tap_need_eq(rig_ask_status(20201001, "a", "silver"), AZATTEST_STATUS_DENIED);
	tap_need_eq(rig_ask_status(20180402, "a", ""), AZATTEST_STATUS_UNSUPPORTED);
	tap_need_eq(rig_ask_status(0, "a", ""), AZATTEST_STATUS_UNSUPPORTED);
	tap_need_eq(rig_ask_status(20201001, "a\"b", ""), AZATTEST_STATUS_BAD_REQUEST);
	place = fakemodule_queue(rig_module, &odd);
	tap_need_wait(fakemodule_answered(rig_module, place));
	tap_need_eq(rig_module->request[place].answer.status, AZATTEST_STATUS_UNSUPPORTED);
	odd.type = AZATTEST_FRAME_ISSUER;
	place = fakemodule_queue(rig_module, &odd);
	tap_need_wait(fakemodule_answered(rig_module, place));
	tap_need_eq(rig_module->request[place].answer.status, AZATTEST_STATUS_OK);
	tap_need_wait(rig_number("counters", "issued") == 4 && rig_number("counters", "issuer") == 1);
	tap_need_eq(json_integer_value(json_object_get(rig_member(rig_status(), "counters", "refused"),
						       "denied")), 1);
	rig_need_log("issued vm=aabb0100-0000-0000-0000-000000000000 name=\"test vm\" cid=42 binding=7 "
		     "via=vsock api-version=2020-10-01 nonce=given attempt=1 expires=");
	rig_need_log("status=denied");
	rig_stop();
}

/* As many at once as there are places; one of them is looked into. */
static void sign_batch(void)
{
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		tap_need(fakemodule_ask(rig_module, 20201001, "n", "") == i);
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		tap_need_wait(fakemodule_answered(rig_module, i));
	tap_need(rig_is_document(0));
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++) {
		tap_need_eq(rig_module->request[i].answer.status, AZATTEST_STATUS_OK);
		fakemodule_free(rig_module, i);
	}
}

/* A signer tells of its losses with its next report, so both have to answer again. */
static bool one_more_and_all_counted(unsigned int *batches)
{
	sign_batch();
	(*batches)++;
	tap_pause();
	return rig_number("counters", "lines_lost") > 0 &&
	       rig_number("counters", "lines_lost") + rig_number("counters", "issued") ==
	       *batches * FAKEMODULE_REQUESTS;
}

static void stopped_journal_never_stops_signing(void)
{
	unsigned int batches;

	rig_start_ready("journal", RIG_P256 "[journal]\ndocuments = none\n");
	kill(rig_daemon, SIGSTOP);
	for (batches = 0; batches < 40; batches++)	/* two pipes hold 16 to 25 of them */
		sign_batch();
	kill(rig_daemon, SIGCONT);
	tap_need_wait(one_more_and_all_counted(&batches));
	rig_need_log("lines about documents were lost");
	rig_stop();
}

/*
 * P-256 reseeds its generator after 65,536 calls, RSA renews its blinding after
 * 32: both are system calls that a shorter test would not meet.
 */
static void sign_many(const char *name, const char *config, unsigned int count)
{
	rig_start_ready(name, config);
	for (unsigned int done = 0; done < count; done += FAKEMODULE_REQUESTS)
		sign_batch();
	tap_need_eq(rig_number("signers", "restarts"), 0);
	rig_stop();
}

static void filter_allows_140000_p256_signatures(void)
{
	sign_many("many-p256", RIG_P256 "[journal]\ndocuments = none\n", 140000);
}

static void filter_allows_hundreds_of_rsa_signatures(void)
{
	sign_many("many-rsa", "[host]\nname = a.b\n[signer]\nuser = nobody\nprocesses = 2\n", 300);
}

static void forbidden_call_kills_the_signer(void)
{
	char name[32];

	for (uint32_t defect = FAKEMODULE_DEFECT_OPEN; defect <= FAKEMODULE_DEFECT_MMAP; defect++) {
		snprintf(name, sizeof(name), "filter-%u", defect);
		rig_start_ready(name, RIG_P256);
		rig_module->defect = defect;
		fakemodule_wake(rig_module);
		tap_need_wait(rig_number("signers", "restarts") >= 1 || rig_module->defect == UINT32_MAX);
		tap_need_msg(rig_module->defect == defect, "call %u was allowed", defect);
		rig_need_log("made a system call that its filter forbids");
		rig_stop();
	}
}

static long status_line(pid_t pid, const char *file, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, field, strlen(field)))
			value = strtol(line + strlen(field), NULL, 16);
	if (in)
		fclose(in);
	return value;
}

static int count_fds(pid_t pid)
{
	char command[64];
	FILE *in;
	int count = -1;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", pid);
	in = popen(command, "r");
	if (in && fscanf(in, "%d", &count) != 1)
		count = -1;
	if (in)
		pclose(in);
	return count;
}

static void signer_has_no_rights(void)
{
	static const char *const zero[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char path[64];
	struct stat st;
	pid_t pid;

	rig_start_ready("rights", RIG_P256);
	pid = rig_signer(0);
	for (size_t i = 0; i < TAP_COUNT(zero); i++)
		tap_need_eq(status_line(pid, "status", zero[i]), 0);
	tap_need_eq(status_line(pid, "status", "Uid:"), 0x65534);
	tap_need_eq(status_line(pid, "status", "NoNewPrivs:"), 1);
	tap_need_eq(status_line(pid, "status", "Seccomp:"), 2);
	tap_need(status_line(pid, "status", "VmLck:") > 0);
	tap_need_eq(count_fds(pid), 5);
	/* not dumpable: its files under /proc are root's */
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	tap_need(!stat(path, &st) && st.st_uid == 0);
	rig_stop();
}

static void killed_signer_is_replaced_and_its_request_answered(void)
{
	pid_t victim;
	int place;

	rig_start_ready("replaced", RIG_P256);
	victim = rig_signer(0);
	kill(victim, SIGSTOP);
	place = fakemodule_ask(rig_module, 20201001, "x", "");
	kill(victim, SIGKILL);
	tap_need_wait(rig_number("signers", "restarts") == 1 && rig_all_ready());
	fakemodule_requeue(rig_module, victim);
	tap_need_wait(fakemodule_answered(rig_module, place));
	tap_need(rig_signer(0) != victim && rig_signer(1) != victim);
	rig_need_log("killed by signal 9");
	rig_stop();
}

static void signers_that_always_die_are_said_and_not_hurried(void)
{
	rig_prepare("always-die", RIG_P256);
	rig_module->defect = FAKEMODULE_DEFECT_DIE_IN_JOIN;
	rig_start();
	rig_need_log("signers end again and again");
	tap_need_wait(rig_host_is("Error"));
	tap_need(rig_number("signers", "restarts") < 40);
	rig_module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(rig_all_ready());
	rig_stop();
}

/* Gone, or dead and not yet buried by whoever inherited it. */
static bool is_dead(pid_t pid)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	rig_read(fd, text, sizeof(text) - 1);
	close(fd);
	return strstr(text, ") Z");
}

static void dead_daemon_takes_its_signers_along(void)
{
	pid_t first, second;

	rig_start_ready("orphans", RIG_P256);
	first = rig_signer(0);
	second = rig_signer(1);
	tap_kill(rig_daemon);
	tap_need_wait(is_dead(first) && is_dead(second));
}

static const struct tap_test tests[] = {
	TAP_TEST(every_request_gets_its_answer),
	TAP_TEST(stopped_journal_never_stops_signing),
	TAP_TEST(filter_allows_140000_p256_signatures),
	TAP_TEST(filter_allows_hundreds_of_rsa_signatures),
	TAP_TEST(forbidden_call_kills_the_signer),
	TAP_TEST(signer_has_no_rights),
	TAP_TEST(killed_signer_is_replaced_and_its_request_answered),
	TAP_TEST(signers_that_always_die_are_said_and_not_hurried),
	TAP_TEST(dead_daemon_takes_its_signers_along),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
