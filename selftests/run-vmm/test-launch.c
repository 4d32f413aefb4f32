// SPDX-License-Identifier: GPL-2.0
// Tests what needs no module of azattest-run: its words, its command line, its
// socket file, and the VMM that waits for its identity.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattest-run/run.h>

#define UUID	"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

static void word_part_becomes_the_number(void)
{
	char one[] = "vhost-vsock-pci,vhostfd={vhostfd},guest-cid=42";
	char two[] = "{vhostfd}{vhostfd}-{vhostf}-{VHOSTFD}{vhostfd";
	char none[] = "plain", empty[] = "";
	char *words[] = { none, one, empty, two, NULL };

	tap_need_eq(words_replace(words, 4711), 2);
	tap_need(!strcmp(words[0], "plain"));
	tap_need(!strcmp(words[1],
			 "vhost-vsock-pci,vhostfd=4711,guest-cid=42"));
	tap_need(!strcmp(words[2], ""));
	tap_need(!strcmp(words[3], "47114711-{vhostf}-{VHOSTFD}{vhostfd"));
	tap_need(!words[4]);
}

static int parse(struct run *run, const char *line)
{
	static char copy[4096], *argv[64];
	int argc = 0;
	char *word;

	snprintf(copy, sizeof(copy), "azattest-run %s", line);
	for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	optind = 0;
	return options_parse(run, argc, argv);
}

static void command_line_fills_the_binding(void)
{
	struct run run;

	tap_need_eq(parse(&run, "--uuid " UUID " --cid 4294967294 --name vm-1 "
			  "--profile gold -- qemu -x --cid 3"), -1);
	tap_need_eq(run.bind.cid, 0xfffffffe);
	tap_need_eq(run.bind.flags, AZATTEST_BIND_CID);
	tap_need_eq(run.bind.uuid[0], 0x0a);
	tap_need_eq(run.bind.uuid[15], 0xf9);
	tap_need(!strcmp((char *)run.bind.name, "vm-1"));
	tap_need(!strcmp((char *)run.bind.profile, "gold"));
	tap_need(!strcmp(run.command[0], "qemu"));
	tap_need(!strcmp(run.command[3], "3"));
	tap_need_eq(parse(&run, "--uuid " UUID " --uds /x --socket-mode 0660 "
			  "--socket-owner 12:34"), -1);
	tap_need_eq(run.bind.flags, 0);
	tap_need_eq(run.socket_mode, 0660);
	tap_need_eq(run.socket_uid, 12);
	tap_need_eq(run.socket_gid, 34);
	tap_need(!run.command);
}

static void bad_command_lines_are_usage_errors(void)
{
	static const char *const bad[] = {
		"", "--cid 3 -- x", "--uuid " UUID, "--uuid " UUID " -- x",
		"--uuid " UUID " --cid 3", "--uuid " UUID " --cid 3 --uds /x -- y",
		"--uuid " UUID " --cid 2 -- x", "--uuid " UUID " --cid -1 -- x",
		"--uuid " UUID " --cid 4294967295 -- x",
		"--uuid " UUID " --cid 4294967299 -- x",
		"--uuid " UUID " --cid 99999999999999999999 -- x",
		"--uuid " UUID " --cid 3x -- x", "--uuid " UUID " --cid 0x3 -- x",
		"--uuid 0 --cid 3 -- x",
		"--uuid 00000000-0000-0000-0000-000000000000 --cid 3 -- x",
		"--uuid " UUID " --cid 3 --nonsense -- x",
		"--uuid " UUID " --uds /x --socket-mode 8",
		"--uuid " UUID " --uds /x --socket-mode 1777",
		"--uuid " UUID " --uds /x --socket-owner nobody-of-this-name",
		"--uuid " UUID " --cid 3 --profile "
		"12345678901234567890123456789012 -- x",
		"--uuid " UUID " --cid 3 --name 1234567890123456789012345678901"
		"234567890123456789012345678901234 -- x",
	};
	struct run run;
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(parse(&run, bad[i]) == EXIT_USAGE, "\"%s\" passes",
			     bad[i]);
}

/* Each errno of BIND has advice of its own. */
static void each_refusal_has_advice(void)
{
	static const int errors[] = { EPERM, EALREADY, EBUSY, EADDRINUSE,
		EINVAL, ESRCH, ENODEV, ENOSPC, ENOTTY };
	size_t i, j;

	for (i = 0; i < TAP_COUNT(errors); i++)
		for (j = 0; j < i; j++)
			tap_need(strcmp(device_bind_advice(errors[i]),
					device_bind_advice(errors[j])));
}

static void a_module_of_another_version_is_told_as_that(void)
{
	tap_need(strstr(device_bind_advice(ENOTTY), "the module is of another version: install"));
	tap_need(strstr(device_bind_advice(E2BIG), "the module is of another version: install"));
	tap_need(!strstr(device_bind_advice(EIO), "version"));
}

/* ---- the socket file ---- */

static char folder[64];

static void enter_folder(void)
{
	strcpy(folder, "/tmp/az-launch.XXXXXX");
	tap_need(mkdtemp(folder));
	tap_need(!chdir(folder));
}

static void leave_folder(void)
{
	tap_need(!chdir("/"));
	tap_need_msg(!rmdir(folder), "something was left in %s", folder);
}

static struct run run_at(const char *path)
{
	return (struct run){ .uds = path, .socket_uid = (uid_t)-1,
			     .socket_gid = (gid_t)-1, .socket_mode = 0600 };
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

static void socket_stands_at_path_253_and_goes(void)
{
	struct run run = run_at("vm.sock");
	struct door door = { 0 };
	struct stat st;
	int fd;

	enter_folder();
	run.socket_mode = 0640;
	umask(0077);
	tap_need_eq(socket_open(&door, &run), 0);
	tap_need(!lstat("vm.sock_253", &st) && S_ISSOCK(st.st_mode));
	tap_need_eq(st.st_mode & 07777, 0640);
	fd = connect_to("vm.sock_253");
	tap_need(fd >= 0);
	close(fd);
	socket_close(&door);
	tap_need_eq(connect_to("vm.sock_253"), -ENOENT);
	leave_folder();
}

static void socket_gets_its_owner(void)
{
	struct run run = run_at("vm.sock");
	struct door door = { 0 };
	struct stat st;

	if (geteuid() != 0)
		tap_skip("needs root");
	enter_folder();
	run.socket_uid = 1234;
	run.socket_gid = 5678;
	tap_need_eq(socket_open(&door, &run), 0);
	tap_need(!lstat("vm.sock_253", &st));
	tap_need_eq(st.st_uid, 1234);
	tap_need_eq(st.st_gid, 5678);
	socket_close(&door);
	leave_folder();
}

static void stale_socket_is_replaced_live_one_is_not(void)
{
	struct run run = run_at("vm.sock");
	struct door old = { 0 }, new = { 0 }, third = { 0 };
	int fd;

	enter_folder();
	tap_need_eq(socket_open(&old, &run), 0);
	tap_need_eq(socket_open(&third, &run), -EADDRINUSE);
	socket_close(&third);
	close(old.fd);		/* as if killed: the file stays */
	old.fd = -1;
	tap_need_eq(connect_to("vm.sock_253"), -ECONNREFUSED);
	tap_need_eq(socket_open(&new, &run), 0);
	socket_close(&old);	/* and takes not the other's away */
	fd = connect_to("vm.sock_253");
	tap_need(fd >= 0);
	close(fd);
	socket_close(&new);
	leave_folder();
}

static void other_files_are_left_alone(void)
{
	struct run run = run_at("vm.sock");
	struct door door = { 0 };
	struct stat st;

	enter_folder();
	close(open("vm.sock_253", O_CREAT | O_WRONLY, 0600));
	tap_need_eq(socket_open(&door, &run), -EEXIST);
	socket_close(&door);
	tap_need(!stat("vm.sock_253", &st) && S_ISREG(st.st_mode));
	tap_need(!unlink("vm.sock_253"));
	tap_need(!symlink("elsewhere", "vm.sock_253"));
	door = (struct door){ 0 };
	tap_need_eq(socket_open(&door, &run), -EEXIST);
	socket_close(&door);
	tap_need(!unlink("vm.sock_253"));
	leave_folder();
}

/* Whoever owns the folder around cannot prepare the private one. */
static void prepared_private_folder_is_refused(void)
{
	struct run run = run_at("vm.sock");
	struct door door = { 0 };
	char name[64];

	enter_folder();
	snprintf(name, sizeof(name), ".azattest-run.%d", (int)getpid());
	umask(0);
	tap_need(!mkdir(name, 0777));
	tap_need_eq(socket_open(&door, &run), -EPERM);
	socket_close(&door);
	rmdir(name);
	tap_need(!symlink("/tmp", name));
	door = (struct door){ 0 };
	tap_need_eq(socket_open(&door, &run), -EPERM);
	socket_close(&door);
	tap_need(!unlink(name));
	leave_folder();
}

static void bad_paths_are_refused(void)
{
	char longest[200];
	struct run run = run_at(longest);
	struct door door = { 0 };

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	tap_need_eq(socket_open(&door, &run), -ENAMETOOLONG);
	socket_close(&door);
	run.uds = "/nowhere/at/all/vm.sock";
	door = (struct door){ 0 };
	tap_need_eq(socket_open(&door, &run), -ENOENT);
	socket_close(&door);
}

/* Long enough that the VMM's own limit, not ours, is what counts. */
static void paths_as_long_as_a_vmm_takes_work(void)
{
	struct door door = { 0 }, again = { 0 };
	struct run run;
	char path[120];
	int n, fd;

	enter_folder();
	n = snprintf(path, sizeof(path), "%s/", folder);
	memset(path + n, 'y', (size_t)(103 - n));
	path[103] = '\0';	/* + "_253" = sun_path with its NUL */
	run = run_at(path);
	tap_need_eq(socket_open(&door, &run), 0);
	tap_need_eq(socket_open(&again, &run), -EADDRINUSE);
	socket_close(&again);
	strcat(path, "_253");
	fd = connect_to(path);
	tap_need(fd >= 0);
	close(fd);
	socket_close(&door);
	leave_folder();
}

/* ---- the child ---- */

static char sh[] = "sh", dash_c[] = "-c";

static void vmm_waits_for_its_identity(void)
{
	char script[64], file[32] = "/tmp/az-child.XXXXXX";
	char *command[] = { sh, dash_c, script, NULL };
	struct child child = { .pidfd = -1 };

	close(mkstemp(file));
	unlink(file);
	snprintf(script, sizeof(script), ": >%s; exit 7", file);
	tap_need_eq(child_start(&child, command), 0);
	usleep(50000);
	tap_need(access(file, F_OK) < 0);
	child_release(&child);
	tap_need_eq(child_status(&child), 7);
	tap_need(!unlink(file));
}

static void vmm_without_identity_never_runs(void)
{
	char script[] = "exit 7";
	char *command[] = { sh, dash_c, script, NULL };
	struct child child = { .pidfd = -1 };

	tap_need_eq(child_start(&child, command), 0);
	close(child.go);	/* as when we exit */
	tap_need_eq(child_status(&child), EXIT_REFUSED);
}

static void vmm_that_dies_or_is_missing_says_so(void)
{
	char script[] = "kill -9 $$", missing[] = "/nowhere/vmm";
	char *command[] = { sh, dash_c, script, NULL };
	char *none[] = { missing, NULL };
	struct child child = { .pidfd = -1 };

	tap_need_eq(child_start(&child, command), 0);
	child_release(&child);
	tap_need_eq(child_status(&child), 128 + SIGKILL);
	tap_need_eq(child_start(&child, none), 0);
	child_release(&child);
	tap_need_eq(child_status(&child), EXIT_NOT_FOUND);
}

static const struct tap_test tests[] = {
	TAP_TEST(word_part_becomes_the_number),
	TAP_TEST(command_line_fills_the_binding),
	TAP_TEST(bad_command_lines_are_usage_errors),
	TAP_TEST(each_refusal_has_advice),
	TAP_TEST(a_module_of_another_version_is_told_as_that),
	TAP_TEST(socket_stands_at_path_253_and_goes),
	TAP_TEST(socket_gets_its_owner),
	TAP_TEST(stale_socket_is_replaced_live_one_is_not),
	TAP_TEST(other_files_are_left_alone),
	TAP_TEST(prepared_private_folder_is_refused),
	TAP_TEST(bad_paths_are_refused),
	TAP_TEST(paths_as_long_as_a_vmm_takes_work),
	TAP_TEST(vmm_waits_for_its_identity),
	TAP_TEST(vmm_without_identity_never_runs),
	TAP_TEST(vmm_that_dies_or_is_missing_says_so),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
