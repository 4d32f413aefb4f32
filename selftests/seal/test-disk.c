// SPDX-License-Identifier: GPL-2.0
// Promises of a host with sealed keys whose disk takes nothing more: documents go on.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <selftests/certificate/rig.h>
#include <selftests/lib/tap.h>

static struct rig rig;

/* The state directory on a disk that only this promise and its children see. */
static void open_on_small_disk(const char *name)
{
	rig_open(&rig, name);
	tap_need_eq(rig_shell(&rig, "mkdir -m 700 state"), 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", rig_path(&rig, "state"), "tmpfs", 0, "size=512k,nr_inodes=100,mode=0700"))
		tap_skip("no tmpfs may be mounted here");
	rig.key = "level = host-key";
	rig_configure(&rig, "source = embedded\n");
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "key", "level", "host-key"));
	rig_need_document(&rig);
}

/* Each block, and each place for a name. */
static void fill_disk(void)
{
	tap_need(rig_shell(&rig, "dd if=/dev/zero of=state/filler bs=4k 2>/dev/null"));
	tap_need(rig_shell(&rig, "for i in $(seq 200); do : >state/filler-$i || exit 1; done 2>/dev/null"));
}

static void make_read_only(void)
{
	tap_need(!mount(NULL, rig_path(&rig, "state"), NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

static void start_and_sign(void)
{
	rig_start_active(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	rig_need_document(&rig);
}

static void kill_keeper_then_a_signer(void)
{
	pid_t signer = rig_signer(&rig, 0);

	tap_need_eq(rig_shell(&rig, "pkill -KILL -P %d -x azattest-keeper", rig.daemon), 0);
	kill(signer, SIGKILL);
	tap_need_wait(rig_number(&rig, "signers", "restarts") == 1 && rig_all_ready(&rig));
	rig_need_document(&rig);
}

static void restart_on_a_full_disk_ends_no_documents(void)
{
	open_on_small_disk("full");
	fill_disk();
	rig_kill(&rig);
	start_and_sign();
	kill_keeper_then_a_signer();
	rig_stop(&rig);
}

static void restart_on_a_read_only_disk_ends_no_documents(void)
{
	open_on_small_disk("read-only");
	rig_kill(&rig);
	make_read_only();
	start_and_sign();
	kill_keeper_then_a_signer();
	rig_stop(&rig);
}

/* The old one is gone: without room there is no other, and with room there is. */
static void new_key_that_finds_no_room_says_so(void)
{
	open_on_small_disk("new-key");
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "rm -r state/seal-* state/ca"), 0);
	fill_disk();
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "host", "reason", "/kek: No such file"));
	tap_need(strstr(rig_sync(&rig), "a new wrapping key is needed, and the state directory cannot be "
			"written: No space left on device"));
	tap_need_eq(rig_number(&rig, "signers", "ready"), 0);
	tap_need_eq(rig_shell(&rig, "rm state/filler*"), 0);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	tap_need_wait(rig_all_ready(&rig));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(restart_on_a_full_disk_ends_no_documents),
	TAP_TEST(restart_on_a_read_only_disk_ends_no_documents),
	TAP_TEST(new_key_that_finds_no_room_says_so),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
