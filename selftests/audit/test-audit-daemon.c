// SPDX-License-Identifier: GPL-2.0
// Promises of the audit journal of a daemon at work: which lines, when, and what may be missing.

#include "host.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define VM	"aabb0100-0000-0000-0000-000000000000"	/* fakemodule_ask()'s */

static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

static void need_text(const char *event, const char *key, const char *want)
{
	json_t *line = host_event(event);

	tap_need_msg(!strcmp(text_of(line, key), want), "%s of %s is \"%s\"", key, event,
		     text_of(line, key));
	json_decref(line);
}

static const char *journal(void)
{
	return host_path("state/audit");
}

static void need_whole(void)
{
	int end = host_audit("verify --closed %s", journal());

	tap_need_msg(!end, "%d: %s", end, host_said);
}

static void documents_and_certificates_have_their_lines(void)
{
	char serial[80];

	host_make("");
	host_start_ready();
	tap_need_eq(host_ask("secret-nonce", ""), AZATTEST_STATUS_OK);
	tap_need_eq(host_ask("a", "silver"), AZATTEST_STATUS_DENIED);
	snprintf(serial, sizeof(serial), "%s", host_text("certificate", "serial"));
	kill(host_pid, SIGHUP);
	tap_need_wait(host_log_has("reloaded"));
	host_stop();
	need_whole();
	need_text("start", "after", "new");
	need_text("certificate", "serial", serial);
	need_text("certificate", "source", "embedded");
	need_text("live", "serial", serial);
	need_text("state", "to", "Active");
	need_text("issued", "vm", VM);
	need_text("issued", "name", "test vm");
	need_text("issued", "via", "vsock");
	need_text("issued", "api_version", "2020-10-01");
	need_text("issued", "serial", serial);
	/* printf secret-nonce | sha256sum */
	need_text("issued", "nonce_sha256",
		  "4e7e571c0f5e19c0d6afb4798c217c51beb91ab1256f11ab6203fc92e2a7f931");
	need_text("refused", "reason", "denied");
	need_text("stop", "reason", "SIGTERM");
	tap_need_eq(host_events("reload"), 1);
	tap_need_eq(host_events("issued"), 1);
	tap_need(host_audit("show %s", journal()) == 0 && !strstr(host_said, "secret-nonce"));
}

static void line_is_in_the_pipe_before_its_answer_is_in_the_module(void)
{
	host_make("");
	host_start_ready();
	kill(host_pid, SIGSTOP);
	for (int i = 0; i < 10; i++)
		host_ask_many();
	tap_need_eq(host_module->early, 0);
	kill(host_pid, SIGCONT);
	tap_need_wait(host_events("issued") == 10 * FAKEMODULE_REQUESTS);
	host_stop();
	need_whole();
}

static void lines_that_no_pipe_took_are_counted(void)
{
	unsigned int asked = 0, issued;
	json_t *line;

	host_make("");
	host_start_ready();
	kill(host_pid, SIGSTOP);
	for (int i = 0; i < 40; i++, asked += FAKEMODULE_REQUESTS)
		host_ask_many();
	kill(host_pid, SIGCONT);
	while (!host_number("counters", "lines_lost") ||
	       host_number("counters", "lines_lost") + host_number("counters", "issued") != asked) {
		host_ask_many();
		asked += FAKEMODULE_REQUESTS;
		tap_pause();
	}
	host_stop();
	need_whole();
	line = host_event("lost");
	tap_need(json_integer_value(json_object_get(line, "lines")) > 0);
	json_decref(line);
	issued = host_events("issued");
	tap_need_eq(host_audit("verify %s", journal()), 0);
	tap_need_eq(strtoul(strstr(host_said, "itself that ") + 12, NULL, 10), asked - issued);
}

/* Requests in flight, as many as there are places, asked again and again until it is killed. */
static void load_and_kill(void)
{
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		fakemodule_free(host_module, i);
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		fakemodule_ask(host_module, 20201001, "n", "");
	usleep((useconds_t)(rand() % 60000));
	tap_kill(host_pid);
}

static void kill_9_under_load_leaves_a_torn_end_at_most(void)
{
	unsigned int loops = tap_loops(8, 80);

	srand(11);
	host_make("audit-max-bytes = 65536\naudit-files = 100\n");
	for (unsigned int i = 0; i < loops; i++) {
		int end;

		host_start_ready();
		load_and_kill();
		end = host_audit("verify %s", journal());
		tap_need_msg(!end || end == 7, "%d: %s", end, host_said);
		tap_need(host_audit("verify --closed %s", journal()) == 7);
	}
	host_start_ready();
	host_stop();
	need_whole();
	snprintf(host_said, 100, "without a closing line %u times", loops);
	tap_need_eq(host_audit("verify %s | grep -q '%s'", journal(), strdupa(host_said)), 0);
	need_text("start", "after", "crash");
}

/* The state directory in a small tmpfs that only this promise and its children see. */
static void mount_small_disk(void)
{
	const char *state = host_path("state");

	tap_need(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	tap_need(!mkdir(state, 0700) && !mount("none", state, "tmpfs", 0, "size=2m,mode=0700"));
}

static void fill_disk(void)
{
	static const char zeros[4096];
	int fd = open(host_path("state/filler"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	while (write(fd, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros))
		;
	tap_need_eq(errno, ENOSPC);
	close(fd);
}

static void full_disk_loses_lines_and_no_document(void)
{
	host_make("");
	mount_small_disk();
	host_start_ready();
	host_ask_many();
	fill_disk();
	for (int i = 0; i < 20; i++)
		host_ask_many();
	tap_need_wait(host_number("audit", "failing_since") && host_number("audit", "missing"));
	tap_need(!strcmp(host_text("audit", "error"), "No space left on device"));
	tap_need(host_ready());
	tap_need_eq(host_ask("x", ""), AZATTEST_STATUS_OK);
	tap_need(!unlink(host_path("state/filler")));
	tap_need_wait(!host_number("audit", "failing_since"));
	host_ask_many();
	host_stop();
	need_whole();
	need_text("gap", "reason", "No space left on device");
	tap_need_eq(host_events("gap"), 1);
	tap_need(host_log_has("cannot be written: No space left on device"));
	tap_need(host_log_has("lines are missing"));
}

/* One by one: what is asked when documents have ended waits for them. */
static void ask_until_failing(void)
{
	while (!host_number("audit", "failing_since")) {
		int place = fakemodule_ask(host_module, 20201001, "x", "");

		tap_need(place >= 0);
		tap_need_wait(fakemodule_answered(host_module, place) ||
			      host_number("audit", "failing_since"));
		fakemodule_free(host_module, place);
	}
}

static void required_journal_on_a_full_disk_ends_documents_until_there_is_space(void)
{
	int place;

	host_make("audit-required = yes\n");
	mount_small_disk();
	host_start_ready();
	fill_disk();
	ask_until_failing();
	tap_need_wait(!strcmp(host_text("host", "state"), "Error"));
	tap_need(strstr(host_text("host", "reason"), "the audit journal cannot be written"));
	tap_need_wait(!host_number("signers", "ready"));
	place = fakemodule_ask(host_module, 20201001, "x", "");
	tap_need(!unlink(host_path("state/filler")));
	tap_need_wait(host_ready());
	tap_need_wait(fakemodule_answered(host_module, place));
	tap_need_eq(host_module->request[place].answer.status, AZATTEST_STATUS_OK);
	host_stop();
	need_whole();
}

static void required_journal_with_a_full_pipe_says_retry(void)
{
	unsigned int batches = 0, refused;

	host_make("audit-required = yes\n");
	host_start_ready();
	kill(host_pid, SIGSTOP);
	do
		refused = host_ask_many();
	while (!refused && ++batches < 200);
	tap_need(refused);
	kill(host_pid, SIGCONT);
	tap_need_wait(host_ask("n", "") == AZATTEST_STATUS_OK);
	tap_need_eq(host_module->early, 0);
	host_stop();
	need_whole();
}

static void second_daemon_does_not_touch_the_journal(void)
{
	pid_t first;

	host_make("");
	host_start_ready();
	first = host_pid;
	host_start();
	host_need_end(4);
	tap_need(host_log_has("another azattestd uses it"));
	tap_need_eq(host_events("start"), 1);
	host_pid = first;
	tap_need_eq(host_ask("x", ""), AZATTEST_STATUS_OK);
	host_stop();
	need_whole();
}

static void journal_open_to_others_is_refused(void)
{
	host_make("");
	host_start_ready();
	host_stop();
	tap_need(!chmod(journal(), 0750));
	host_start();
	host_need_end(4);
	tap_need(host_log_has("/audit: mode is 0750"));
	tap_need(!chmod(journal(), 0700) && !chmod(host_path("state/audit/audit-000001.jsonl"), 0644));
	host_start();
	host_need_end(4);
	tap_need(host_log_has("audit-000001.jsonl: mode is 0644"));
	tap_need(!chmod(host_path("state/audit/audit-000001.jsonl"), 0600));
	host_start_ready();
	host_stop();
	need_whole();
}

static void reload_turns_it_off_and_on_again(void)
{
	host_make("audit = no\n");
	host_start_ready();
	tap_need(access(journal(), F_OK));
	host_configure("");
	kill(host_pid, SIGHUP);
	tap_need_wait(!access(journal(), F_OK) && host_ready());
	tap_need_wait(host_ask("x", "") == AZATTEST_STATUS_OK && host_events("issued"));
	host_configure("audit = no\n");
	kill(host_pid, SIGHUP);
	tap_need_wait(host_events("stop") == 1);
	host_stop();
	need_whole();
}

static void command_finds_what_was_changed_removed_or_rewritten(void)
{
	char head[100];

	host_make("");
	host_start_ready();
	host_ask_many();
	tap_need_wait(host_events("issued") == FAKEMODULE_REQUESTS);
	tap_need_eq(host_audit("head %s", journal()), 0);
	snprintf(head, sizeof(head), "%.*s", (int)strcspn(host_said, "\n"), host_said);
	host_stop();
	tap_need_eq(host_audit("verify --head %s %s", head, journal()), 0);
	tap_need(strstr(host_said, "audit: whole: "));
	tap_need_eq(host_audit("verify --head 3%s %s", strchr(head, ':'), journal()), 6);
	tap_need_eq(host_audit("verify --head 99999%s %s", strchr(head, ':'), journal()), 6);
	tap_need_eq(host_audit("verify --head 3:abc %s", journal()), 2);
	tap_need_eq(host_audit("show --since 2h --vm %s %s | wc -l | grep -qx %d", VM, journal(),
			       FAKEMODULE_REQUESTS), 0);
	tap_need_eq(host_audit("show --since 2100-01-01 %s", journal()), 0);
	tap_need(!*host_said);
	tap_need_eq(host_audit("show --since yesterday %s", journal()), 2);
	tap_need_eq(host_audit("show --vm web1 %s", journal()), 2);
	tap_need_eq(host_audit("verify %s", host_path("nowhere")), 1);
	/* a copy, for somebody who is not root and has no daemon */
	snprintf(head, sizeof(head), "%s", host_path("copy"));
	tap_need_eq(host_audit("verify %s; cp -r %s %s && chmod -R a+rX %s", journal(), journal(), head,
			       head), 0);
	tap_need_eq(host_audit("verify --closed %s", head), 0);
	tap_need_eq(host_audit("verify %s/audit-000001.jsonl", head), 0);
	tap_need_eq(host_audit("verify %s; sed -i 's/denied/denjed/; 9s/issued/issved/' %s/*", head, head), 0);
	tap_need_eq(host_audit("verify %s", head), 6);
	tap_need(strstr(host_said, "audit-000001.jsonl:9: was changed"));
	tap_need_eq(host_audit("show %s", head), 6);
	tap_need_eq(host_audit("show %s >/dev/null; cp %s/* %s/; truncate -s -9 %s/*", journal(),
			       journal(), head, head), 0);
	tap_need_eq(host_audit("verify %s", head), 7);
	tap_need(strstr(host_said, "torn line"));
}

static const struct tap_test tests[] = {
	TAP_TEST(documents_and_certificates_have_their_lines),
	TAP_TEST(line_is_in_the_pipe_before_its_answer_is_in_the_module),
	TAP_TEST(lines_that_no_pipe_took_are_counted),
	TAP_TEST(kill_9_under_load_leaves_a_torn_end_at_most),
	TAP_TEST(full_disk_loses_lines_and_no_document),
	TAP_TEST(required_journal_on_a_full_disk_ends_documents_until_there_is_space),
	TAP_TEST(required_journal_with_a_full_pipe_says_retry),
	TAP_TEST(second_daemon_does_not_touch_the_journal),
	TAP_TEST(journal_open_to_others_is_refused),
	TAP_TEST(reload_turns_it_off_and_on_again),
	TAP_TEST(command_finds_what_was_changed_removed_or_rewritten),
};

int main(int argc, char **argv)
{
	return host_main(tests, TAP_COUNT(tests), argc, argv);
}
