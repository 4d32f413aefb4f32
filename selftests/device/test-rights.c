// SPDX-License-Identifier: GPL-2.0
/* Owns who may open, BIND and ATTACH (T21 of the threats), and the nodes' modes. */
#include "rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int try_bind(void *arg)
{
	struct azattest_bind b;

	azbind_fill(&b, 900);
	return -azbind_bind(*(int *)arg, &b);
}

static int try_attach(void *arg)
{
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, 901);
	return -azbind_attach(*(int *)arg, uuid, AZATTEST_TRANSPORT_REST);
}

/* Both calls, on files that root opened, by a child that is somebody else. */
static void need_both(enum rig_who who, int want)
{
	int owner = rig_owner(901), fd = azbind_open();
	struct azattest_info info;

	tap_need_eq(rig_as(who, try_bind, &fd, fd), want);
	if (want)
		tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	close(fd);
	fd = azbind_open();
	tap_need_eq(rig_as(who, try_attach, &fd, fd), want);
	if (want)
		tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	tap_need(!rig_ended(owner));
}

static void nobody_may_neither_bind_nor_attach(void)
{
	need_both(RIG_NOBODY_USER, EPERM);
}

static void a_group_member_may_neither_bind_nor_attach(void)
{
	need_both(RIG_GROUP_MEMBER, EPERM);
}

static void root_of_a_user_namespace_may_neither(void)
{
	need_both(RIG_USERNS_ROOT, EPERM);
}

static void root_of_a_container_may_neither(void)
{
	need_both(RIG_CONTAINER_ROOT, EPERM);
}

static void root_without_the_capability_may_neither(void)
{
	need_both(RIG_ROOT_WITHOUT, EPERM);
}

static void the_capability_alone_is_enough_for_both(void)
{
	need_both(RIG_NET_ADMIN_ONLY, 0);
}

static int try_info(void *arg)
{
	struct azattest_info info;

	return -azbind_info(*(int *)arg, &info);
}

static int try_attest(void *arg)
{
	uint32_t len = 0;

	return -azbind_attest(*(int *)arg, "n", 1, NULL, &len);
}

static void a_file_not_opened_for_both_ways_is_eperm(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY };

	rig_owner(901);
	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		int fd = open(AZATTEST_DEVICE, modes[i] | O_CLOEXEC);

		tap_need(fd >= 0);
		tap_need_eq(try_bind(&fd), EPERM);
		tap_need_eq(try_attach(&fd), EPERM);
		tap_need_eq(try_info(&fd), EPERM);
		tap_need_eq(try_attest(&fd), EPERM);
		close(fd);
	}
	tap_need(rig_uuid_free(900));
}

/* A right that was used stays with the file: descriptors may be passed. */
static int attest(void *arg)
{
	char doc[AZATTEST_FRAME_MAX];
	uint32_t len = sizeof(doc);
	int status = azbind_attest(*(int *)arg, "n", 1, doc, &len);

	return status == 0 && fakesigner_is_for(doc, len, 901, "n", 1) ? 0 : 1;
}

static void a_passed_file_speaks_for_its_binding_and_no_other(void)
{
	int owner = rig_owner(901), fd = rig_attached(901, AZATTEST_TRANSPORT_REST);
	struct azattest_info info;

	fakesigner_start(NULL);
	tap_need_eq(rig_as(RIG_NOBODY_USER, attest, &fd, fd), 0);
	tap_need_eq(rig_as(RIG_USERNS_ROOT, attest, &owner, owner), 0);
	tap_need(rig_as(RIG_NOBODY_USER, try_bind, &fd, fd));
	tap_need(rig_as(RIG_NOBODY_USER, try_attach, &fd, fd));
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.transport, AZATTEST_TRANSPORT_REST);
	tap_need(rig_uuid_free(900));
}

/* ---- the nodes ---- */

static void need_node(const char *path, mode_t mode)
{
	struct stat st;

	tap_need(!stat(path, &st));
	tap_need(S_ISCHR(st.st_mode));
	tap_need_msg((st.st_mode & 07777) == mode, "%s has mode %o", path, st.st_mode & 07777);
	tap_need_eq(st.st_uid, 0);
	tap_need_eq(major(st.st_rdev), 10);
}

static void the_device_is_0660_and_the_signers_0600(void)
{
	need_node(AZATTEST_DEVICE, 0660);
	need_node("/dev/azattest-signer", 0600);
}

static int open_as_stranger(void *arg)
{
	(void)arg;
	tap_need_eq(azbind_open(), -EACCES);
	tap_need_eq(fakesigner_open(), -EACCES);
	return 0;
}

static int open_as_member(void *arg)
{
	int fd = azbind_open();

	(void)arg;
	tap_need(fd >= 0);
	tap_need_eq(try_bind(&fd), EPERM);
	tap_need_eq(try_attach(&fd), EPERM);
	tap_need_eq(fakesigner_open(), -EACCES);
	return 0;
}

static void the_group_may_open_the_device_and_nothing_else(void)
{
	struct stat st;
	int member, stranger;

	rig_owner(901);
	tap_need(!stat(AZATTEST_DEVICE, &st));
	tap_need(!chown(AZATTEST_DEVICE, 0, RIG_GROUP));
	member = rig_as(RIG_GROUP_MEMBER, open_as_member, NULL, -1);
	stranger = rig_as(RIG_NOBODY_USER, open_as_stranger, NULL, -1);
	tap_need(!chown(AZATTEST_DEVICE, st.st_uid, st.st_gid));
	tap_need_eq(member, 0);
	tap_need_eq(stranger, 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(nobody_may_neither_bind_nor_attach),
	TAP_TEST(a_group_member_may_neither_bind_nor_attach),
	TAP_TEST(root_of_a_user_namespace_may_neither),
	TAP_TEST(root_of_a_container_may_neither),
	TAP_TEST(root_without_the_capability_may_neither),
	TAP_TEST(the_capability_alone_is_enough_for_both),
	TAP_TEST(a_file_not_opened_for_both_ways_is_eperm),
	TAP_TEST(a_passed_file_speaks_for_its_binding_and_no_other),
	TAP_TEST(the_device_is_0660_and_the_signers_0600),
	TAP_TEST(the_group_may_open_the_device_and_nothing_else),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
