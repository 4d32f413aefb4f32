// SPDX-License-Identifier: GPL-2.0
// Promises of hostd's records: who may own them, and that a crash leaves the old one or the new one.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

static char top[] = "/tmp/azattest-store-XXXXXX";
static char path[64];
static struct store store;
static struct failure failure;

/* Steps until the crash; negative: none. */
static int steps = -1;

void store_step(void)
{
	if (steps >= 0 && !steps--)
		raise(SIGKILL);
}

/* Calls of fsync() until one fails, as a disk does; negative: none. */
static int syncs = -1;

int fsync(int fd)
{
	if (syncs >= 0 && !syncs--) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static void fresh(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
}

static void open_fresh(const char *name)
{
	fresh(name);
	tap_need_eq(store_open(&store, path, &failure), 0);
}

static void need_refused(const char *why)
{
	tap_need(store_open(&store, path, &failure) < 0);
	tap_need_eq(failure.exit, EXIT_STATE);
	tap_need_msg(strstr(failure.text, why), "%s", failure.text);
}

static void put(const char *name, int value)
{
	json_t *object = json_pack("{s:i}", "value", value);

	tap_need_eq(store_put(&store, name, object, &failure), 0);
	json_decref(object);
}

static int value_of(const char *name)
{
	json_t *object = store_get(&store, name, &failure);
	int value = object ? (int)json_integer_value(json_object_get(object, "value")) : -1;

	json_decref(object);
	return value;
}

static void a_new_directory_is_0700(void)
{
	struct stat st;

	umask(0);
	open_fresh("new");
	tap_need(!stat(path, &st));
	tap_need_eq(st.st_mode & 07777, 0700);
	put("a", 1);
	strcat(path, "/a.json");
	tap_need(!stat(path, &st));
	tap_need_eq(st.st_mode & 07777, 0600);
}

static void one_that_others_may_enter_is_refused(void)
{
	static const mode_t modes[] = { 0701, 0710, 0740, 0755, 0777 };

	fresh("mode");
	tap_need(!mkdir(path, 0700));
	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		tap_need(!chmod(path, modes[i]));
		need_refused("others may use");
	}
	tap_need(!chmod(path, 0700));
	tap_need_eq(store_open(&store, path, &failure), 0);
}

static void anothers_directory_or_none_is_refused(void)
{
	if (geteuid())
		tap_skip("needs root to give files to others");
	fresh("owner");
	tap_need(!mkdir(path, 0700) && !chown(path, 65534, 65534));
	need_refused("belongs to user 65534");
	fresh("link");
	tap_need(!symlink("/tmp", path));
	need_refused("cannot be opened as a directory");
	fresh("no/parent");
	need_refused("cannot be made");
}

static void a_second_hostd_is_refused(void)
{
	struct store second;

	open_fresh("lock");
	tap_need(store_open(&second, path, &failure) < 0);
	tap_need(strstr(failure.text, "another azattest-hostd"));
}

static void an_object_is_read_back_and_removed(void)
{
	open_fresh("rw");
	tap_need_eq(value_of("a"), -1);
	tap_need(!*failure.text);
	put("a", 1);
	put("a", 2);
	tap_need_eq(value_of("a"), 2);
	tap_need_eq(store_remove(&store, "a", &failure), 0);
	tap_need_eq(store_remove(&store, "a", &failure), 0);
	tap_need_eq(value_of("a"), -1);
}

static void write_raw(const char *name, const char *text, mode_t mode)
{
	char file[128];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	tap_need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	tap_need(!fchmod(fd, mode) && !close(fd));
}

static void what_is_no_object_of_ours_is_said(void)
{
	static const char *const texts[] = {
		"", "{", "[]", "1", "{\"a\":1,\"a\":2}", "{}x", "\xff",
	};

	open_fresh("garbage");
	for (size_t i = 0; i < TAP_COUNT(texts); i++) {
		write_raw("g.json", texts[i], 0600);
		tap_need(!store_get(&store, "g", &failure));
		tap_need_msg(strstr(failure.text, "g.json: no JSON object"), "%s", failure.text);
	}
	write_raw("g.json", "{}", 0644);
	tap_need(!store_get(&store, "g", &failure));
	tap_need(strstr(failure.text, "0644"));
}

static void note(const char *name, void *arg)
{
	strcat(arg, name);
	strcat(arg, " ");
}

static void each_file_is_listed_and_a_crashs_remains_go(void)
{
	char names[100] = "";

	open_fresh("each");
	put("a", 1);
	write_raw("b.json.new", "{", 0600);
	write_raw("other", "x", 0600);
	tap_need_eq(store_each(&store, note, names, &failure), 0);
	tap_need(!strcmp(names, "a "));
	strcat(path, "/b.json.new");
	tap_need(access(path, F_OK));
}

static int crash_in_put(void *arg)
{
	steps = *(int *)arg;
	put("a", 2);
	return 0;
}

static int crash_in_remove(void *arg)
{
	steps = *(int *)arg;
	return store_remove(&store, "a", &failure);
}

/* Crashes at each step until none is left; how many there were. */
static int crash_everywhere(int (*fn)(void *arg), int before, int after)
{
	int step = 0, status, value;

	do {
		put("a", before);
		status = tap_join(tap_spawn(fn, &step, TAP_KEEP_ALL));
		tap_need(!status || status == 128 + SIGKILL);
		value = value_of("a");
		tap_need_msg(value == before || value == after, "step %d left %d", step, value);
		step++;
	} while (status);
	tap_need_eq(value, after);
	return step;
}

static void a_crash_leaves_the_old_or_the_new_object(void)
{
	open_fresh("crash");
	tap_need(crash_everywhere(crash_in_put, 1, 2) >= 5);
	tap_need(crash_everywhere(crash_in_remove, 1, -1) >= 3);
}

/* A disk without room: the old object stays, and it is said. */
static void no_room_is_said_and_changes_nothing(void)
{
	static char big[65536];
	json_t *object;

	if (geteuid())
		tap_skip("needs root to mount a small disk");
	memset(big, 'x', sizeof(big) - 1);
	object = json_pack("{s:s}", "fill", big);
	fresh("small");
	tap_need(!mkdir(path, 0700) && !unshare(CLONE_NEWNS));
	tap_need(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	tap_need(!mount("tmpfs", path, "tmpfs", 0, "size=16k,mode=0700"));
	tap_need_eq(store_open(&store, path, &failure), 0);
	put("a", 1);
	tap_need_eq(store_put(&store, "a", object, &failure), -ENOSPC);
	tap_need_msg(strstr(failure.text, "a.json: cannot be written"), "%s", failure.text);
	tap_need_eq(value_of("a"), 1);
	put("b", 2);
	json_decref(object);
}

static int put_fails_at(const char *name, int value, int sync)
{
	json_t *object = json_pack("{s:i}", "value", value);
	int ret;

	syncs = sync;
	ret = store_put(&store, name, object, &failure);
	syncs = -1;
	json_decref(object);
	return ret;
}

/* Who was told that it failed must not find it done after the next start. */
static void a_failing_disk_is_said_and_changes_nothing(void)
{
	char names[100] = "";

	open_fresh("sync");
	put("a", 1);
	for (int sync = 0; sync < 2; sync++) {
		tap_need_eq(put_fails_at("a", 2, sync), -EIO);
		tap_need_msg(strstr(failure.text, "a.json: cannot be written"), "%s", failure.text);
		tap_need_eq(value_of("a"), 1);
		tap_need_eq(put_fails_at("b", 2, sync), -EIO);
		tap_need_eq(value_of("b"), -1);
	}
	tap_need_eq(store_each(&store, note, names, &failure), 0);
	tap_need(!strcmp(names, "a "));
	put("a", 2);
	tap_need_eq(value_of("a"), 2);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_new_directory_is_0700),
	TAP_TEST(one_that_others_may_enter_is_refused),
	TAP_TEST(anothers_directory_or_none_is_refused),
	TAP_TEST(a_second_hostd_is_refused),
	TAP_TEST(an_object_is_read_back_and_removed),
	TAP_TEST(what_is_no_object_of_ours_is_said),
	TAP_TEST(each_file_is_listed_and_a_crashs_remains_go),
	TAP_TEST(a_crash_leaves_the_old_or_the_new_object),
	TAP_TEST(no_room_is_said_and_changes_nothing),
	TAP_TEST(a_failing_disk_is_said_and_changes_nothing),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	if (!mkdtemp(top))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
