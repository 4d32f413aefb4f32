// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of size-versioned structs and of memory that faults. */
#include "rig.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096u

/* One ioctl with a good struct; each call starts from the same state. */
struct call {
	const char *name;
	unsigned long number;
	size_t size;
	void (*fill)(void *p);
	int (*file)(void);
};

static char reply_room[AZATTEST_FRAME_MAX];

static void fill_bind(void *p)
{
	azbind_fill(p, 800);
}

static void fill_attach(void *p)
{
	struct azattest_attach *a = p;

	memset(a, 0, sizeof(*a));
	a->size = sizeof(*a);
	azbind_uuid(a->uuid, 801);
	a->transport = AZATTEST_TRANSPORT_REST;
}

static void fill_info(void *p)
{
	memset(p, 0, sizeof(struct azattest_info));
	((struct azattest_info *)p)->size = sizeof(struct azattest_info);
}

static void fill_attest(void *p)
{
	struct azattest_attest *a = p;

	memset(a, 0, sizeof(*a));
	a->size = sizeof(*a);
	a->flags = AZATTEST_ATTEST_NO_NONCE;
	a->reply = (uintptr_t)reply_room;
	a->reply_size = sizeof(reply_room);
}

static int bound_file(void)
{
	return rig_owner(802);
}

static const struct call calls[] = {
	{ "BIND", AZATTEST_IOC_BIND, sizeof(struct azattest_bind), fill_bind, azbind_open },
	{ "ATTACH", AZATTEST_IOC_ATTACH, sizeof(struct azattest_attach), fill_attach,
	  azbind_open },
	{ "INFO", AZATTEST_IOC_INFO, sizeof(struct azattest_info), fill_info, bound_file },
	{ "ATTEST", AZATTEST_IOC_ATTEST, sizeof(struct azattest_attest), fill_attest,
	  bound_file },
};

static int make(const struct call *c, void *p)
{
	int fd = c->file();
	int ret = ioctl(fd, c->number, p) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

/* ATTACH needs somebody to attach to, ATTEST somebody who answers. */
static void populate(void)
{
	rig_owner(801);
	fakesigner_start(NULL);
}

static char *pages(size_t count, int prot)
{
	char *p = mmap(NULL, count * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tap_need(p != MAP_FAILED);
	return p;
}

static void set_size(void *p, uint32_t size)
{
	memcpy(p, &size, sizeof(size));
}

static void sizes_out_of_range_are_einval(void)
{
	char *room = pages(3, PROT_READ | PROT_WRITE);

	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		uint32_t bad[] = {
			0, 1, 4, 8, calls[i].size - 1, calls[i].size / 2, PAGE + 1,
			2 * PAGE, 0x7fffffff, 0x80000000, 0xffffffff,
		};

		for (size_t k = 0; k < TAP_COUNT(bad); k++) {
			calls[i].fill(room);
			set_size(room, bad[k]);
			tap_need_msg(make(&calls[i], room) == -EINVAL, "%s of %u bytes: %d",
				     calls[i].name, bad[k], make(&calls[i], room));
		}
	}
}

static void a_longer_struct_with_zero_tail_is_taken(void)
{
	char *room = pages(2, PROT_READ | PROT_WRITE);

	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		uint32_t sizes[] = { calls[i].size + 1, calls[i].size + 8, 512, PAGE };

		for (size_t k = 0; k < TAP_COUNT(sizes); k++) {
			int ret;

			memset(room, 0, 2 * PAGE);
			calls[i].fill(room);
			set_size(room, sizes[k]);
			ret = make(&calls[i], room);
			tap_need_msg(!ret, "%s of %u bytes: %d", calls[i].name, sizes[k], ret);
			for (uint32_t at = calls[i].size; at < sizes[k]; at++)
				tap_need(!room[at]);
		}
	}
}

static void a_longer_struct_with_a_byte_in_its_tail_is_e2big(void)
{
	char *room = pages(2, PROT_READ | PROT_WRITE);

	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		uint32_t places[] = { calls[i].size, calls[i].size + 7, 511, PAGE - 1 };

		for (size_t k = 0; k < TAP_COUNT(places); k++) {
			int ret;

			memset(room, 0, 2 * PAGE);
			calls[i].fill(room);
			set_size(room, places[k] + 1);
			room[places[k]] = 1;
			ret = make(&calls[i], room);
			tap_need_msg(ret == -E2BIG, "%s with byte %u: %d", calls[i].name,
				     places[k], ret);
		}
	}
}

/* The byte lies behind the struct that the caller claims: nobody may look. */
static void bytes_behind_the_claimed_size_do_not_matter(void)
{
	char *room = pages(2, PROT_READ | PROT_WRITE);

	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		memset(room, 0xff, 2 * PAGE);
		calls[i].fill(room);
		tap_need_msg(make(&calls[i], room) == 0, "%s", calls[i].name);
		tap_need_eq((unsigned char)room[calls[i].size], 0xff);
	}
}

static void unmapped_structs_are_efault(void)
{
	static const uintptr_t addresses[] = { 0, 1, 64, 0xfffff000 };

	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++)
		for (size_t k = 0; k < TAP_COUNT(addresses); k++)
			tap_need_msg(make(&calls[i], (void *)addresses[k]) == -EFAULT, "%s at %lx",
				     calls[i].name, (unsigned long)addresses[k]);
	if (sizeof(long) == 8)
		for (size_t i = 0; i < TAP_COUNT(calls); i++)
			tap_need_eq(make(&calls[i], (void *)(uintptr_t)0xffff888000000000ULL),
				    -EFAULT);
}

static void a_struct_cut_by_an_unmapped_page_is_efault(void)
{
	char *room = pages(2, PROT_READ | PROT_WRITE), whole[512];

	populate();
	munmap(room + PAGE, PAGE);
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		for (size_t cut = 0; cut < calls[i].size; cut += 4) {
			calls[i].fill(whole);
			memcpy(room + PAGE - cut, whole, cut);
			tap_need_msg(make(&calls[i], room + PAGE - cut) == -EFAULT,
				     "%s cut after %zu bytes", calls[i].name, cut);
		}
		calls[i].fill(room + PAGE - calls[i].size);
		tap_need_msg(make(&calls[i], room + PAGE - calls[i].size) == 0, "%s up to the end",
			     calls[i].name);
	}
}

/*
 * The answer cannot be written: EFAULT, and no half of a binding is left. The
 * struct lies across a page that can only be read.
 */
static void a_struct_in_a_read_only_page_is_efault(void)
{
	populate();
	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		char *room = pages(1, PROT_READ | PROT_WRITE);

		calls[i].fill(room);
		mprotect(room, PAGE, PROT_READ);
		tap_need_msg(make(&calls[i], room) == -EFAULT, "%s", calls[i].name);
	}
	tap_need(rig_uuid_free(800));
}

/* What such a file is afterwards: all or nothing, and INFO tells which. */
static void a_bind_whose_answer_faults_is_all_or_nothing(void)
{
	char *room = pages(1, PROT_READ | PROT_WRITE);
	struct azattest_info info;
	int fd = azbind_open();

	fill_bind(room);
	mprotect(room, PAGE, PROT_READ);
	tap_need_eq(azbind_bind(fd, (struct azattest_bind *)room), -EFAULT);
	tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	mprotect(room, PAGE, PROT_READ | PROT_WRITE);
	tap_need_eq(azbind_bind(fd, (struct azattest_bind *)room), 0);
}

static void a_document_buffer_that_faults_is_efault(void)
{
	char *ro = pages(2, PROT_READ), *half = pages(2, PROT_READ | PROT_WRITE);
	struct azattest_attest a;
	int fd = bound_file();

	populate();
	munmap(half + PAGE, PAGE);
	uint64_t bad[] = {
		0, 1, (uintptr_t)ro, (uintptr_t)half + PAGE - 8, 0xffff888000000000ULL,
		~0ULL - 16,
	};
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		fill_attest(&a);
		a.reply = bad[i];
		a.reply_size = 4096;
		tap_need_eq(ioctl(fd, AZATTEST_IOC_ATTEST, &a), -1);
		tap_need_msg(errno == EFAULT, "buffer %zu: %d", i, errno);
	}
	fill_attest(&a);
	tap_need_eq(ioctl(fd, AZATTEST_IOC_ATTEST, &a), 0);
	tap_need_eq(a.status, AZATTEST_STATUS_OK);
}

static const struct tap_test tests[] = {
	TAP_TEST(sizes_out_of_range_are_einval),
	TAP_TEST(a_longer_struct_with_zero_tail_is_taken),
	TAP_TEST(a_longer_struct_with_a_byte_in_its_tail_is_e2big),
	TAP_TEST(bytes_behind_the_claimed_size_do_not_matter),
	TAP_TEST(unmapped_structs_are_efault),
	TAP_TEST(a_struct_cut_by_an_unmapped_page_is_efault),
	TAP_TEST(a_struct_in_a_read_only_page_is_efault),
	TAP_TEST(a_bind_whose_answer_faults_is_all_or_nothing),
	TAP_TEST(a_document_buffer_that_faults_is_efault),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
