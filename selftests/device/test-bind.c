// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of BIND without a CID, and of every field it takes. */
#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The same request with one thing wrong, and what is said of it. */
struct row {
	const char *what;
	void (*spoil)(struct azattest_bind *b);
	int error;
};

#define ROW(name, ...) \
	static void name(struct azattest_bind *b) { __VA_ARGS__; }

ROW(unknown_flag_2, b->flags |= 2)
ROW(unknown_flag_31, b->flags |= 1u << 31)
ROW(cid_without_flag, b->cid = 5)
ROW(vhost_without_flag, b->vhost_fd = 0)
ROW(uuid_zero, memset(b->uuid, 0, sizeof(b->uuid)))
ROW(reserved_low, b->reserved = 1)
ROW(reserved_high, b->reserved = 1ULL << 63)
ROW(name_full, memset(b->name, 'a', sizeof(b->name)))
ROW(name_garbage, b->name[sizeof(b->name) - 1] = 'x')
ROW(name_garbage_next, strcpy((char *)b->name, "vm"); b->name[3] = 'x')
ROW(name_empty_garbage, b->name[0] = 0; b->name[1] = 'x')
ROW(profile_full, memset(b->profile, 'a', sizeof(b->profile)))
ROW(profile_garbage, b->profile[sizeof(b->profile) - 1] = 'x')
ROW(life_closed, b->life_fd = 9999)
ROW(size_zero, b->size = 0)
ROW(size_short, b->size = sizeof(*b) - 1)
ROW(size_4, b->size = 4)
ROW(size_over_page, b->size = 4097)
ROW(size_huge, b->size = 0xffffffff)

static const struct row rows[] = {
	{ "unknown flag 2", unknown_flag_2, EINVAL },
	{ "unknown flag 31", unknown_flag_31, EINVAL },
	{ "cid without BIND_CID", cid_without_flag, EINVAL },
	{ "vhost_fd 0 without BIND_CID", vhost_without_flag, EINVAL },
	{ "uuid of zeros", uuid_zero, EINVAL },
	{ "reserved, low bit", reserved_low, EINVAL },
	{ "reserved, high bit", reserved_high, EINVAL },
	{ "name without NUL", name_full, EINVAL },
	{ "name with a byte at the end", name_garbage, EINVAL },
	{ "name with a byte behind the NUL", name_garbage_next, EINVAL },
	{ "empty name with a byte behind it", name_empty_garbage, EINVAL },
	{ "profile without NUL", profile_full, EINVAL },
	{ "profile with a byte at the end", profile_garbage, EINVAL },
	{ "life_fd not open", life_closed, EBADF },
	{ "size 0", size_zero, EINVAL },
	{ "size one short", size_short, EINVAL },
	{ "size 4", size_4, EINVAL },
	{ "size above a page", size_over_page, EINVAL },
	{ "size 4 GiB - 1", size_huge, EINVAL },
};

/* A page behind the struct, so that no answer is EFAULT by chance. */
static struct azattest_bind *roomy(void)
{
	static char room[2 * 4096] __attribute__((aligned(4096)));

	return (struct azattest_bind *)room;
}

static void a_field_that_breaks_a_rule_is_refused(void)
{
	struct azattest_bind *b = roomy();
	int fd = azbind_open();

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		int err;

		azbind_fill(b, 100);
		rows[i].spoil(b);
		err = azbind_bind(fd, b);
		tap_need_msg(err == -rows[i].error, "%s: %d, not %d", rows[i].what, err,
			     -rows[i].error);
	}
	azbind_fill(b, 100);
	tap_need_eq(azbind_bind(fd, b), 0);
}

static void bind_and_info_agree(void)
{
	struct azattest_bind b;
	struct azattest_info info;
	struct stat netns;
	int fd = azbind_open();

	azbind_fill(&b, 101);
	strcpy((char *)b.profile, "Gold-1.2_x");
	tap_need_eq(azbind_bind(fd, &b), 0);
	tap_need(b.generation);
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.flags, AZATTEST_INFO_OWNER);
	tap_need(!memcmp(info.uuid, b.uuid, sizeof(b.uuid)));
	tap_need(!memcmp(info.name, b.name, sizeof(b.name)));
	tap_need(!memcmp(info.profile, b.profile, sizeof(b.profile)));
	tap_need_eq(info.cid, 0);
	tap_need_eq(info.generation, b.generation);
	tap_need_eq(info.transport, AZATTEST_TRANSPORT_VMM);
	tap_need_eq(info.pid, getpid());
	tap_need(!stat("/proc/self/ns/net", &netns));
	tap_need_eq(info.netns, netns.st_ino);
}

/* Only generation is an answer: what the caller hears must be what it asked. */
static void bind_writes_nothing_but_the_generation(void)
{
	struct azattest_bind b, before;
	int fd = azbind_open();

	azbind_fill(&b, 102);
	b.generation = 0x1122334455667788;
	before = b;
	tap_need_eq(azbind_bind(fd, &b), 0);
	tap_need(b.generation != before.generation);
	before.generation = b.generation;
	tap_need(!memcmp(&b, &before, sizeof(b)));
}

static void a_generation_is_never_used_again(void)
{
	uint64_t last = 0, now;

	for (int i = 0; i < 20; i++) {
		int fd = azbind_new(103 + (i & 1), 0, -1, -1, &now);

		tap_need(fd >= 0);
		tap_need(now > last);
		last = now;
		close(fd);
	}
}

static int try_name(const char *name)
{
	struct azattest_bind b;
	int fd = azbind_open(), err;

	azbind_fill(&b, 105);
	memset(b.name, 0, sizeof(b.name));
	memcpy(b.name, name, strnlen(name, sizeof(b.name)));
	err = azbind_bind(fd, &b);
	close(fd);
	return err;
}

static void names_of_people_are_taken(void)
{
	static const char *const good[] = {
		"", "a", "web server 3", "Zo\xc3\xab", "\xe6\x9c\x8d\xe5\x8a\xa1",
		"\xf0\x9f\x90\xa7", "\xf4\x8f\xbf\xbd", "~!@#$%^&*()'\"<>\\/",
		"\xc2\xa1", "\xed\x9f\xbf", "\xee\x80\x81",
		"123456789012345678901234567890123456789012345678901234567890123",
	};

	for (size_t i = 0; i < TAP_COUNT(good); i++)
		tap_need_msg(try_name(good[i]) == 0, "good name %zu: %d", i, try_name(good[i]));
}

/* 123 is the place of "rest zero" for what does not fit before it. */
static void names_that_are_not_utf8_are_refused(void)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xff", "\xfe", "\xc0\x80", "\xc1\xbf", "a\xc3", "\xc3\x28",
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x28\xa1", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x90",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3\xab\xab",
	};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(try_name(bad[i]) == -EINVAL, "bad name %zu: %d", i,
			     try_name(bad[i]));
}

static void a_name_cut_inside_a_character_is_refused(void)
{
	char name[AZATTEST_NAME_LEN];

	memset(name, 'a', sizeof(name));
	name[AZATTEST_NAME_LEN - 2] = '\xc3';
	name[AZATTEST_NAME_LEN - 1] = 0;
	tap_need_eq(try_name(name), -EINVAL);
}

static void control_characters_in_a_name_are_refused(void)
{
	char name[4];

	for (int c = 1; c < 0x100; c++) {
		bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
		int want = control ? -EINVAL : 0;

		if (c < 0x80)
			snprintf(name, sizeof(name), "x%c", c);
		else
			snprintf(name, sizeof(name), "x%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
		tap_need_msg(try_name(name) == want, "U+%04X: %d, not %d", c, try_name(name),
			     want);
	}
}

static void only_64_and_1_byte_values_may_stand_in_a_profile(void)
{
	static const char table[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	struct azattest_bind b;

	for (int c = 1; c < 256; c++) {
		int fd = azbind_open(), want = strchr(table, c) ? 0 : -EINVAL, err;

		azbind_fill(&b, 106);
		b.profile[0] = 'p';
		b.profile[1] = c;
		err = azbind_bind(fd, &b);
		tap_need_msg(err == want, "byte %d: %d, not %d", c, err, want);
		close(fd);
	}
}

static void life_fd_that_is_no_pidfd_is_refused(void)
{
	int pipes[2], socks[2];
	struct azattest_bind b;
	int fd = azbind_open();

	tap_need(!pipe(pipes));
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	int bad[] = {
		eventfd(0, 0), azbind_open(), fd, open("/dev/null", O_RDWR), pipes[0],
		pipes[1], socks[0], open("/proc/self", O_RDONLY | O_DIRECTORY),
		open("/proc/self/status", O_RDONLY),
	};
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		azbind_fill(&b, 107);
		b.life_fd = bad[i];
		tap_need(bad[i] >= 0);
		tap_need_msg(azbind_bind(fd, &b) == -EINVAL, "descriptor %zu", i);
	}
	azbind_fill(&b, 107);
	b.life_fd = rig_pidfd(getpid());
	tap_need_eq(azbind_bind(fd, &b), 0);
}

static void life_fd_of_a_dead_process_is_esrch(void)
{
	pid_t pid = rig_sleeper();
	int life = rig_pidfd(pid);
	siginfo_t si;

	kill(pid, SIGKILL);
	tap_need(!waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	tap_need_eq(azbind_new(108, 0, -1, life, NULL), -ESRCH);
	tap_join(pid);
	tap_need_eq(azbind_new(108, 0, -1, life, NULL), -ESRCH);
	tap_need(rig_uuid_free(108));
}

static void second_bind_of_a_file_is_ealready(void)
{
	struct azattest_bind b;
	int fd = rig_owner(109);

	azbind_fill(&b, 109);
	tap_need_eq(azbind_bind(fd, &b), -EALREADY);
	azbind_fill(&b, 110);
	tap_need_eq(azbind_bind(fd, &b), -EALREADY);
	fd = rig_attached(109, AZATTEST_TRANSPORT_REST);
	tap_need_eq(azbind_bind(fd, &b), -EALREADY);
	tap_need(rig_uuid_free(110));
}

static void a_live_uuid_is_ebusy_and_free_after_close(void)
{
	int fd = rig_owner(111);

	tap_need_eq(azbind_new(111, 0, -1, -1, NULL), -EBUSY);
	tap_need_eq(close(fd), 0);
	tap_need(rig_uuid_free(111));
}

static void the_limit_of_bindings_is_enospc(void)
{
	int one, two;

	azbind_limit("bindings", 1);
	one = rig_owner(112);
	two = azbind_open();
	struct azattest_bind b;

	azbind_fill(&b, 113);
	tap_need_eq(azbind_bind(two, &b), -ENOSPC);
	close(one);
	tap_need_eq(azbind_bind(two, &b), 0);
}

static void a_refused_bind_leaves_file_and_uuid_free(void)
{
	int fd = azbind_open();
	struct azattest_bind b;
	struct azattest_info info;

	azbind_fill(&b, 114);
	b.life_fd = 9999;
	tap_need_eq(azbind_bind(fd, &b), -EBADF);
	tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	tap_need(rig_uuid_free(114));
	b.life_fd = -1;
	tap_need_eq(azbind_bind(fd, &b), 0);
}

static void unknown_ioctls_are_enotty(void)
{
	int fd = rig_owner(115);
	char room[256] = "";

	for (int nr = 0; nr < 256; nr++) {
		if (nr >= 1 && nr <= 4)
			continue;
		tap_need_eq(ioctl(fd, _IOWR(AZATTEST_IOC_MAGIC, nr, char[64]), room), -1);
		tap_need_eq(errno, ENOTTY);
	}
	tap_need_eq(ioctl(fd, _IOWR('A', 1, struct azattest_bind), room), -1);
	tap_need_eq(errno, ENOTTY);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_field_that_breaks_a_rule_is_refused),
	TAP_TEST(bind_and_info_agree),
	TAP_TEST(bind_writes_nothing_but_the_generation),
	TAP_TEST(a_generation_is_never_used_again),
	TAP_TEST(names_of_people_are_taken),
	TAP_TEST(names_that_are_not_utf8_are_refused),
	TAP_TEST(a_name_cut_inside_a_character_is_refused),
	TAP_TEST(control_characters_in_a_name_are_refused),
	TAP_TEST(only_64_and_1_byte_values_may_stand_in_a_profile),
	TAP_TEST(life_fd_that_is_no_pidfd_is_refused),
	TAP_TEST(life_fd_of_a_dead_process_is_esrch),
	TAP_TEST(second_bind_of_a_file_is_ealready),
	TAP_TEST(a_live_uuid_is_ebusy_and_free_after_close),
	TAP_TEST(the_limit_of_bindings_is_enospc),
	TAP_TEST(a_refused_bind_leaves_file_and_uuid_free),
	TAP_TEST(unknown_ioctls_are_enotty),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
