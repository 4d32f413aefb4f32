// SPDX-License-Identifier: GPL-2.0
// Promises of the audit journal's files: bounds, full disks, ends of every kind, and what follows.

#include "journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL	65536		/* the smallest file that can be configured */

static struct trail trail;

static const char *file_in(const char *folder, uint32_t number)
{
	static char path[128];
	char name[AUDIT_NAME_SIZE];

	audit_file_name(number, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

static void say(const char *event)
{
	struct audit_text text;

	audit_text_begin(&text, event);
	audit_text_string(&text, "reason", "test");
	trail_add(&trail, 1700000000, &text);
}

static void rotation_keeps_chain_and_bounds(void)
{
	const char *folder = journal_folder();
	struct audit_verify verify;

	srand(1);
	journal_open(&trail, folder, SMALL, 3, NULL);
	for (int i = 0; i < 40; i++) {
		journal_fill(&trail, 50);
		trail_flush(&trail);
		for (uint32_t number = 1; number <= trail.number; number++) {
			off_t size = size_of(file_in(folder, number));

			tap_need(size <= SMALL);
			tap_need_eq(size >= 0, number + 3 > trail.number);
		}
	}
	trail_close(&trail);
	tap_need(trail.number > 6);
	verify = journal_verify(folder);
	tap_need_msg(!*verify.wrong, "%s", verify.wrong);
	tap_need_eq(verify.files, 3);
	tap_need_eq(verify.lines, 1 + verify.last.seq - verify.first.seq);
	tap_need_eq(verify.last.seq, 2000 + trail.number);
}

static void removed_files_are_found(void)
{
	const char *folder = journal_folder();

	for (uint32_t gone = 0; gone < 3; gone++) {
		folder = journal_folder();
		srand(2);
		journal_open(&trail, folder, SMALL, 4, NULL);
		journal_fill(&trail, 800);
		trail_close(&trail);
		tap_need(trail.number >= 4 && journal_whole(folder));
		tap_need(!unlink(file_in(folder, trail.oldest + gone)));
		tap_need(!journal_whole(folder));
	}
}

static void fewer_files_are_kept_after_a_new_configuration(void)
{
	const char *folder = journal_folder();
	uint32_t number;

	journal_open(&trail, folder, SMALL, 100, NULL);
	journal_fill(&trail, 800);
	number = trail.number;
	trail.max_files = 2;
	while (trail.number == number)
		journal_fill(&trail, 1);
	trail_close(&trail);
	tap_need_eq(journal_verify(folder).files, 2);
	tap_need(journal_whole(folder));
}

static void chain_goes_on_after_a_clean_end(void)
{
	const char *folder = journal_folder();
	struct trail_resume resume;

	journal_open(&trail, folder, SMALL, 4, &resume);
	tap_need(resume.fresh && !resume.cut);
	say("stop");
	trail_close(&trail);
	for (int i = 0; i < 3; i++) {
		journal_open(&trail, folder, SMALL, 4, &resume);
		tap_need(!resume.fresh && resume.closed && !resume.cut && !*resume.damage);
		journal_fill(&trail, 10);
		say("stop");
		trail_close(&trail);
		tap_need(journal_whole(folder));
	}
	tap_need_eq(journal_verify(folder).last.seq, 2 + 3 * 11);
}

/* What a crash may leave of the last file: any of its beginnings. */
static void every_torn_end_is_cut_and_the_chain_goes_on(void)
{
	static char bytes[SMALL];
	const char *folder = journal_folder(), *path = file_in(folder, 1);
	struct trail_resume resume;
	ssize_t length;
	int fd;

	srand(3);
	journal_open(&trail, folder, SMALL, 4, NULL);
	journal_fill(&trail, 2);
	trail_close(&trail);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, bytes, sizeof(bytes));
	close(fd);
	for (ssize_t at = 0; at < length; at++) {
		bool torn = at && bytes[at - 1] != '\n';

		fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
		tap_need(write(fd, bytes, (size_t)at) == at && !close(fd));
		journal_open(&trail, folder, SMALL, 4, &resume);
		tap_need_eq(!!resume.cut, torn);
		tap_need(!resume.closed && !*resume.damage);
		say("start");
		trail_close(&trail);
		tap_need_msg(journal_whole(folder), "cut to %zd bytes", at);
	}
}

static void append_bytes(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	tap_need(write(fd, bytes, length) == (ssize_t)length && !close(fd));
}

/* Blocks that a power cut left unwritten. */
static void zeros_at_the_end_are_cut(void)
{
	static const char zeros[20000];
	const char *folder = journal_folder();
	struct trail_resume resume;

	journal_open(&trail, folder, SMALL, 4, NULL);
	journal_fill(&trail, 3);
	trail_close(&trail);
	append_bytes(file_in(folder, 1), zeros, sizeof(zeros));
	journal_open(&trail, folder, SMALL, 4, &resume);
	tap_need_eq(resume.cut, sizeof(zeros));
	journal_fill(&trail, 3);
	trail_close(&trail);
	tap_need(journal_whole(folder));
}

static void empty_file_of_a_crash_in_rotation_is_taken_away(void)
{
	const char *folder = journal_folder();
	struct trail_resume resume;
	uint32_t last;

	journal_open(&trail, folder, SMALL, 4, NULL);
	journal_fill(&trail, 300);
	trail_close(&trail);
	last = trail.number;
	close(open(file_in(folder, last + 1), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	journal_open(&trail, folder, SMALL, 4, &resume);
	tap_need_eq(trail.number, last);
	journal_fill(&trail, 300);
	trail_close(&trail);
	tap_need(journal_whole(folder));
}

/* Nothing is cut that is a line: whoever looks into it must find it. */
static void damaged_file_stays_and_the_chain_goes_on_in_the_next(void)
{
	const char *folder = journal_folder(), *path;
	struct trail_resume resume;
	off_t size;
	int fd;

	srand(4);
	journal_open(&trail, folder, SMALL, 4, NULL);
	journal_fill(&trail, 6);
	trail_close(&trail);
	path = file_in(folder, 1);
	size = size_of(path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	tap_need(pwrite(fd, "X", 1, size - 100) == 1 && !close(fd));
	journal_open(&trail, folder, SMALL, 4, &resume);
	tap_need(strstr(resume.damage, "audit-000001.jsonl:7: "));
	say("start");
	trail_close(&trail);
	tap_need_eq(size_of(file_in(folder, 1)), size);
	tap_need(size_of(file_in(folder, 2)) > 0);
	tap_need(strstr(journal_verify(folder).wrong, "audit-000001.jsonl:7: "));
}

/* Space is back, and it is time to try again. */
static void recover(void)
{
	trail.retry_ms = 0;
	trail_tick(&trail);
	tap_need_eq(trail.error, 0);
}

/* A disk that is full for a while, at every place of a line. */
static void full_disk_makes_a_gap_that_is_counted(void)
{
	const char *folder = journal_folder();
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct audit_verify verify;
	uint64_t lost = 0;

	signal(SIGXFSZ, SIG_IGN);
	srand(5);
	journal_open(&trail, folder, 1 << 20, 4, NULL);
	for (rlim_t room = 0; room < 900; room += 31) {
		journal_fill(&trail, 2);
		trail_flush(&trail);
		limit.rlim_cur = trail.size + room;
		tap_need(!setrlimit(RLIMIT_FSIZE, &limit));
		journal_fill(&trail, 3);
		trail_flush(&trail);
		journal_fill(&trail, 2);
		lost += trail.missing;
		tap_need(!trail.error == !trail.missing);
		/* what is in the file is whole lines all the time */
		tap_need(journal_whole(folder));
		limit.rlim_cur = RLIM_INFINITY;
		tap_need(!setrlimit(RLIMIT_FSIZE, &limit));
		recover();
	}
	trail_close(&trail);
	verify = journal_verify(folder);
	tap_need_msg(!*verify.wrong, "%s", verify.wrong);
	tap_need(lost > 60);
	tap_need_eq(verify.lost, lost);
}

/* No room for the next file: the first line of it comes with the gap. */
static void full_disk_at_a_rotation_recovers(void)
{
	const char *folder = journal_folder();
	struct rlimit limit = { .rlim_cur = SMALL / 2, .rlim_max = RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	srand(6);
	journal_open(&trail, folder, SMALL, 4, NULL);
	while (trail.size + trail.length + AUDIT_LINE_MAX < SMALL)
		journal_fill(&trail, 1);
	limit.rlim_cur = 20;
	trail_flush(&trail);
	tap_need(!setrlimit(RLIMIT_FSIZE, &limit));
	while (!trail.error)
		journal_fill(&trail, 1);
	tap_need_eq(trail.number, 2);
	limit.rlim_cur = RLIM_INFINITY;
	tap_need(!setrlimit(RLIMIT_FSIZE, &limit));
	recover();
	journal_fill(&trail, 5);
	trail_close(&trail);
	tap_need(journal_whole(folder));
	tap_need_eq(journal_verify(folder).lost, 1);
}

static void file_of_another_or_open_to_others_is_refused(void)
{
	const char *folder = journal_folder();
	struct trail_resume resume;
	struct failure failure;

	if (geteuid())
		tap_skip("needs root to give files away");
	journal_open(&trail, folder, SMALL, 4, NULL);
	say("stop");
	trail_close(&trail);
	tap_need(!chmod(file_in(folder, 1), 0640));
	tap_need(trail_resume(&trail, open(folder, O_RDONLY | O_CLOEXEC), folder, &resume, &failure));
	tap_need(strstr(failure.text, "audit-000001.jsonl: mode is 0640"));
	tap_need(!chmod(file_in(folder, 1), 0600) && !chown(file_in(folder, 1), 65534, 65534));
	tap_need(trail_resume(&trail, open(folder, O_RDONLY | O_CLOEXEC), folder, &resume, &failure));
	tap_need(strstr(failure.text, "belongs to user 65534"));
	tap_need(!unlink(file_in(folder, 1)) && !symlink("/etc/passwd", file_in(folder, 1)));
	tap_need(trail_resume(&trail, open(folder, O_RDONLY | O_CLOEXEC), folder, &resume, &failure));
	tap_need(!unlink(file_in(folder, 1)));
	journal_open(&trail, folder, SMALL, 4, NULL);
	say("stop");
	trail_close(&trail);
}

static const struct tap_test tests[] = {
	TAP_TEST(rotation_keeps_chain_and_bounds),
	TAP_TEST(removed_files_are_found),
	TAP_TEST(fewer_files_are_kept_after_a_new_configuration),
	TAP_TEST(chain_goes_on_after_a_clean_end),
	TAP_TEST(every_torn_end_is_cut_and_the_chain_goes_on),
	TAP_TEST(zeros_at_the_end_are_cut),
	TAP_TEST(empty_file_of_a_crash_in_rotation_is_taken_away),
	TAP_TEST(damaged_file_stays_and_the_chain_goes_on_in_the_next),
	TAP_TEST_SLOW(full_disk_makes_a_gap_that_is_counted, 400),
	TAP_TEST(full_disk_at_a_rotation_recovers),
	TAP_TEST(file_of_another_or_open_to_others_is_refused),
};

int main(int argc, char **argv)
{
	return journal_main(tests, TAP_COUNT(tests), argc, argv);
}
