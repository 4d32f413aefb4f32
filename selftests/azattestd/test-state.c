// SPDX-License-Identifier: GPL-2.0
// Promises of the state directory: who may own it, and what a crash leaves.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestd/azattestd.h>

static char top[] = "/tmp/azattest-state-XXXXXX";
static char path[64];
static struct state state;
static struct failure failure;

static void need_root(void)
{
	if (geteuid())
		tap_skip("needs root to give files to others");
}

static void fresh(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
}

static void need_refused(const char *why)
{
	memset(&failure, 0, sizeof(failure));
	tap_need(state_open(&state, path, &failure) < 0);
	tap_need_eq(failure.exit, EXIT_STATE);
	tap_need_msg(strstr(failure.text, why) && strstr(failure.text, path), "%s", failure.text);
	tap_need(!strchr(failure.text, '\n'));
}

static void new_directory_is_0700(void)
{
	struct stat st;

	fresh("new");
	umask(0);
	tap_need_eq(state_open(&state, path, &failure), 0);
	tap_need(!stat(path, &st));
	tap_need_eq(st.st_mode & 07777, 0700);
	state_close(&state);
}

static void open_to_others_is_refused(void)
{
	static const mode_t modes[] = { 0701, 0710, 0750, 0704, 0755, 0777, 0720 };

	fresh("mode");
	tap_need(!mkdir(path, 0700));
	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		tap_need(!chmod(path, modes[i]));
		need_refused("others may use");
	}
	tap_need(!chmod(path, 0700));
	tap_need_eq(state_open(&state, path, &failure), 0);
}

static void another_owner_is_refused(void)
{
	need_root();
	fresh("owner");
	tap_need(!mkdir(path, 0700) && !chown(path, 65534, 65534));
	need_refused("belongs to user 65534");
}

static void symlink_and_file_are_refused(void)
{
	fresh("link");
	tap_need(!symlink("/tmp", path));
	need_refused("cannot be opened as a directory");
	fresh("file");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	need_refused("cannot be opened as a directory");
	fresh("no/such/parent");
	need_refused("cannot be made");
}

static void second_daemon_is_refused(void)
{
	struct state second;

	fresh("lock");
	tap_need_eq(state_open(&state, path, &failure), 0);
	tap_need(state_open(&second, path, &failure) < 0);
	tap_need(strstr(failure.text, "another azattestd"));
	state_close(&state);
	tap_need_eq(state_open(&second, path, &failure), 0);
}

/* A folder "f" with the file "x". */
static void make_file(void)
{
	int dir;

	tap_need_eq(state_open(&state, path, &failure), 0);
	dir = state_begin(&state, "f", &failure);
	tap_need(dir >= 0);
	tap_need_eq(state_write(dir, "x", "hello", 5, &failure), 0);
	tap_need_eq(state_publish(&state, "f", dir, &failure), 0);
	close(dir);
}

static void written_file_is_0600_and_read_back(void)
{
	char file[128], buf[16];
	struct stat st;

	fresh("rw");
	umask(0);
	make_file();
	snprintf(file, sizeof(file), "%s/f/x", path);
	tap_need(!stat(file, &st));
	tap_need_eq(st.st_mode & 07777, 0600);
	tap_need_eq(state_read(&state, "f", "x", buf, sizeof(buf), &failure), 5);
	tap_need(!memcmp(buf, "hello", 5));
	tap_need_eq(state_read(&state, "f", "x", buf, 5, &failure), -EFBIG);
	tap_need_eq(state_read(&state, "f", "y", buf, 5, &failure), -ENOENT);
	tap_need_eq(state_read(&state, "g", "x", buf, 5, &failure), -ENOENT);
}

static void file_of_another_or_open_to_others_is_refused(void)
{
	char file[128], buf[16];

	need_root();
	fresh("files");
	make_file();
	snprintf(file, sizeof(file), "%s/f/x", path);
	tap_need(!chmod(file, 0640));
	tap_need_eq(state_read(&state, "f", "x", buf, sizeof(buf), &failure), -EPERM);
	tap_need_msg(strstr(failure.text, file) && strstr(failure.text, "0640"), "%s", failure.text);
	tap_need(!chmod(file, 0600) && !chown(file, 65534, 0));
	tap_need_eq(state_read(&state, "f", "x", buf, sizeof(buf), &failure), -EPERM);
	tap_need(!chown(file, 0, 0));
	tap_need_eq(state_read(&state, "f", "x", buf, sizeof(buf), &failure), 5);
	snprintf(file, sizeof(file), "%s/f", path);
	tap_need(!chmod(file, 0755));
	tap_need_eq(state_read(&state, "f", "x", buf, sizeof(buf), &failure), -EPERM);
	tap_need(!chmod(file, 0700));
	snprintf(file, sizeof(file), "%s/f/l", path);
	tap_need(!symlink("x", file));
	tap_need_eq(state_read(&state, "f", "l", buf, sizeof(buf), &failure), -ELOOP);
}

static void unfinished_folder_is_begun_anew(void)
{
	char buf[16];
	int dir;

	fresh("unfinished");
	tap_need_eq(state_open(&state, path, &failure), 0);
	dir = state_begin(&state, "f", &failure);
	tap_need_eq(state_write(dir, "old", "x", 1, &failure), 0);
	close(dir);
	tap_need_eq(state_read(&state, "f", "old", buf, 16, &failure), -ENOENT);
	dir = state_begin(&state, "f", &failure);
	tap_need_eq(state_write(dir, "new", "x", 1, &failure), 0);
	tap_need_eq(state_publish(&state, "f", dir, &failure), 0);
	close(dir);
	tap_need_eq(state_read(&state, "f", "new", buf, 16, &failure), 1);
	tap_need_eq(state_read(&state, "f", "old", buf, 16, &failure), -ENOENT);
}

static void make_folder(const char *name)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/%s", path, name);
	tap_need(!mkdir(folder, 0700));
}

static bool exists(const char *name)
{
	return !faccessat(state.dir, name, F_OK, 0);
}

static void newest_leaf_wins_and_prune_keeps_it(void)
{
	fresh("prune");
	tap_need_eq(state_open(&state, path, &failure), 0);
	tap_need_eq(state_newest_leaf(&state), 0);
	make_folder("leaf-000001");
	make_folder("leaf-000009");
	make_folder("leaf-000010");
	make_folder("leaf-000011.new");
	make_folder("leaf-12");
	make_folder("leaf-x");
	make_folder("ca");
	make_folder("ca.new");
	tap_need_eq(state_newest_leaf(&state), 10);
	state_prune(&state, 10);
	tap_need(exists("leaf-000010") && exists("ca") && exists("leaf-12"));
	tap_need(!exists("leaf-000001") && !exists("leaf-000009"));
	tap_need(!exists("leaf-000011.new") && !exists("ca.new"));
}

static const struct tap_test tests[] = {
	TAP_TEST(new_directory_is_0700),
	TAP_TEST(open_to_others_is_refused),
	TAP_TEST(another_owner_is_refused),
	TAP_TEST(symlink_and_file_are_refused),
	TAP_TEST(second_daemon_is_refused),
	TAP_TEST(written_file_is_0600_and_read_back),
	TAP_TEST(file_of_another_or_open_to_others_is_refused),
	TAP_TEST(unfinished_folder_is_begun_anew),
	TAP_TEST(newest_leaf_wins_and_prune_keeps_it),
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
