// SPDX-License-Identifier: GPL-2.0
// Owns audit journals of random events for tests.

#include "journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/azattest-audit-XXXXXX";

const char *journal_folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/XXXXXX", top);
	tap_need(mkdtemp(path));
	return path;
}

int journal_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[80];
	int ret;

	if (!mkdtemp(top))
		return 1;
	ret = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}

void journal_open(struct trail *trail, const char *folder, unsigned int max_bytes,
		  unsigned int max_files, struct trail_resume *resume)
{
	struct trail_resume unused;
	struct failure failure;
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(trail, 0, sizeof(*trail));
	trail->max_bytes = max_bytes;
	trail->max_files = max_files;
	if (trail_resume(trail, dir, folder, resume ? resume : &unused, &failure))
		tap_fail(__FILE__, __LINE__, "%s", failure.text);
}

static void put_text(struct audit_text *text)
{
	static const char *const words[] = {
		"", "web1", "a\"b", "\\", "\",\"event\":\"stop\",\"", "\xff\xfe", "\n\r\t", "\x7f",
		"h\xc3\xa4user", "\xc3", "\",\"hash\":\"0", "x\\\"", "[1m",
	};
	char longest[1200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	audit_text_string(text, "name", words[(unsigned int)rand() % TAP_COUNT(words)]);
	if (rand() % 8 == 0)
		audit_text_string(text, "reason", longest);
}

void journal_fill(struct trail *trail, unsigned int count)
{
	static const char *const events[] = {
		"issued", "refused", "certificate", "renewal-failed", "state", "lost",
	};
	struct audit_text text;

	while (count--) {
		audit_text_begin(&text, events[(unsigned int)rand() % TAP_COUNT(events)]);
		audit_text_number(&text, "cid", (uint64_t)rand());
		put_text(&text);
		audit_text_hash(&text, "nonce_sha256", "nonce", 5);
		trail_add(trail, 1700000000LL + rand(), &text);
	}
}

static void verify_file(struct audit_verify *verify, int dir, uint32_t number)
{
	char name[AUDIT_NAME_SIZE];

	audit_file_name(number, name);
	audit_verify_file(verify, name, openat(dir, name, O_RDONLY | O_CLOEXEC));
}

struct audit_verify journal_verify(const char *folder)
{
	struct audit_verify verify = { .whole = true };
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t *numbers;
	size_t count;

	tap_need(dir >= 0 && !audit_files(dir, &numbers, &count));
	for (size_t i = 0; i < count && !*verify.wrong; i++)
		verify_file(&verify, dir, numbers[i]);
	if (!*verify.wrong)
		audit_verify_end(&verify);
	free(numbers);
	close(dir);
	return verify;
}

bool journal_whole(const char *folder)
{
	struct audit_verify verify = journal_verify(folder);

	if (*verify.wrong)
		tap_diag("%s", verify.wrong);
	return !*verify.wrong;
}
