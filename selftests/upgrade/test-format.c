// SPDX-License-Identifier: GPL-2.0
// Promises of a state directory's number: who gets one, and whose is refused.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/daemon/daemon.h>

#define OURS	7
#define EXIT	4

static char top[] = "/tmp/azattest-format-XXXXXX";
static char path[64];
static struct failure failure;
static int dir;

static void begin(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
	tap_need(!mkdir(path, 0700));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tap_need(dir >= 0);
}

static void put(const char *text)
{
	int fd = openat(dir, "format", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	tap_need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void need_text(const char *want)
{
	char text[64] = "";
	int fd = openat(dir, "format", O_RDONLY);

	tap_need(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	tap_need_msg(!strcmp(text, want), "it is: %s", text);
}

static int check(void)
{
	memset(&failure, 0, sizeof(failure));
	return format_check(dir, path, OURS, EXIT, &failure);
}

static void need_refused(const char *why)
{
	tap_need(check() < 0);
	tap_need_eq(failure.exit, EXIT);
	tap_need_msg(strstr(failure.text, why) && strstr(failure.text, path), "%s", failure.text);
	tap_need(!strchr(failure.text, '\n'));
}

static void what_has_no_number_gets_ours(void)
{
	struct stat st;

	begin("none");
	umask(0);
	tap_need_eq(check(), 0);
	need_text("7\n");
	tap_need(!fstatat(dir, "format", &st, 0) && (st.st_mode & 07777) == 0600);
	tap_need(faccessat(dir, "format.new", F_OK, 0));
	tap_need_eq(check(), 0);
}

static void what_a_crash_left_is_no_number(void)
{
	begin("crash");
	close(openat(dir, "format.new", O_WRONLY | O_CREAT, 0600));
	tap_need_eq(check(), 0);
	need_text("7\n");
}

static void ours_and_older_are_taken_over(void)
{
	begin("older");
	put("7\n");
	tap_need_eq(check(), 0);
	put("1\n");
	tap_need_eq(check(), 0);
}

static void newer_is_refused_and_untouched(void)
{
	begin("newer");
	put("8\n");
	need_refused("is of format 8, this version knows those up to 7: a newer azattest has written it");
	need_text("8\n");
	put("4294967295\n");
	need_refused("is of format 4294967295");
}

static void no_number_is_refused(void)
{
	static const char *const texts[] = {
		"", "\n", "7", "0\n", "-1\n", " 7\n", "07\n", "7\n\n", "7x\n", "4294967303\n",
		"99999999999999999999999\n", "{\"format\": 7}\n",
	};

	begin("bad");
	for (size_t i = 0; i < TAP_COUNT(texts); i++) {
		put(texts[i]);
		need_refused("is no number of ours");
		need_text(texts[i]);
	}
}

static void what_is_no_file_is_refused(void)
{
	begin("folder");
	tap_need(!mkdirat(dir, "format", 0700));
	need_refused("cannot be read");
	begin("link");
	tap_need(!symlinkat("/dev/zero", dir, "format"));
	need_refused("cannot be read");
}

/* A disk that is full or read-only: the service goes on. */
static void a_number_that_cannot_be_written_stops_nobody(void)
{
	begin("blocked");
	tap_need(!mkdirat(dir, "format.new", 0700));
	tap_need_eq(check(), 0);
	tap_need(faccessat(dir, "format", F_OK, 0));
}

static const struct tap_test tests[] = {
	TAP_TEST(what_has_no_number_gets_ours),
	TAP_TEST(what_a_crash_left_is_no_number),
	TAP_TEST(ours_and_older_are_taken_over),
	TAP_TEST(newer_is_refused_and_untouched),
	TAP_TEST(no_number_is_refused),
	TAP_TEST(what_is_no_file_is_refused),
	TAP_TEST(a_number_that_cannot_be_written_stops_nobody),
};

int main(int argc, char **argv)
{
	char command[64];
	int ret;

	log_name = "test-format";
	if (!mkdtemp(top))
		return 1;
	ret = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}
