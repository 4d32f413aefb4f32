// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the promise that swapping the CID in memory during BIND gains nothing:
 * a binding never has a CID that its vhost device does not own.
 *
 * The proof is a call of vhost-vsock's own ioctl with the caller's pointer, so
 * that device reads the number once more than the module does.
 */
#include "rig.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CID_A	32001u
#define CID_B	32002u
#define PARK	32999u

/*
 * No call reads a device's CID. But a CID that nobody owns can be taken by a
 * probe, and no third device owns one of these.
 */
static void need_device_owns_the_binding_cid(int fd, uint64_t *last)
{
	static int probe = -1;
	struct azattest_info info;

	if (probe < 0)
		probe = rig_vhost();
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need(info.cid == CID_A || info.cid == CID_B);
	*last = info.cid;
	if (info.flags & AZATTEST_INFO_ENDED)
		return;
	tap_need_msg(rig_set_cid(probe, info.cid) == -EADDRINUSE, "binding has CID %u, its device has not",
		     (unsigned int)info.cid);
}

static struct azattest_bind *shared_bind;
static volatile bool stop;

static void *flip(void *arg)
{
	volatile uint32_t *cid = (volatile uint32_t *)&shared_bind->cid;

	(void)arg;
	while (!stop)
		*cid ^= CID_A ^ CID_B;
	return NULL;
}

/* Binds again and again beside the hostile thread. */
static void bind_beside(void *(*hostile)(void *))
{
	unsigned int loops = tap_loops(200, 2000), bound = 0, seen[2] = { 0, 0 };
	struct azattest_bind b;
	int vhost = rig_vhost();
	pthread_t t;
	uint64_t cid;

	shared_bind = &b;
	azbind_fill_cid(&b, 300, CID_A, vhost);
	tap_need(!pthread_create(&t, NULL, hostile, NULL));
	for (unsigned int i = 0; i < loops; i++) {
		int fd = azbind_open();
		int err = azbind_bind(fd, &b);

		if (!err) {
			bound++;
			need_device_owns_the_binding_cid(fd, &cid);
			seen[cid == CID_B]++;
		}
		close(fd);
	}
	stop = true;
	pthread_join(t, NULL);
	tap_diag("%u of %u binds succeeded, %u with A and %u with B", bound, loops, seen[0],
		 seen[1]);
	tap_need(bound);
}

static void a_flipping_thread_gains_nothing(void)
{
	bind_beside(flip);
}

/*
 * Whatever the module maps for the moment of the call is put where the next
 * mapping goes: hold a page with another CID there, over and over.
 */
static void *replace(void *arg)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int file = memfd_create("cid", 0);
	uint64_t cid = CID_B;

	(void)arg;
	tap_need(at != MAP_FAILED && file >= 0);
	tap_need(!ftruncate(file, page));
	tap_need_eq(pwrite(file, &cid, sizeof(cid), 0), sizeof(cid));
	while (!stop) {
		munmap(at, page);
		sched_yield();
		mmap(at, page, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	}
	return NULL;
}

static void a_thread_that_replaces_mappings_gains_nothing(void)
{
	bind_beside(replace);
}

/*
 * The same without luck. The struct lies across two pages that user space
 * fills on demand: the first, with the CID, is filled with A. Once the module
 * asks for the second, the first is taken away again; whoever reads the CID
 * after that gets B.
 */
struct trap {
	int uffd;
	char *pages;
	size_t page;
	struct azattest_bind *b;	/* where the struct lies in the pages */
	char first[2][65536];		/* what the first page holds: A, then B */
	char second[65536];
	unsigned int first_reads;	/* not writes: the answer goes there too */
};

static void fill(struct trap *t, char *at, const char *from)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)at, .src = (uintptr_t)from, .len = t->page,
	};

	ioctl(t->uffd, UFFDIO_COPY, &c);
}

static void *serve_faults(void *arg)
{
	struct trap *t = arg;
	struct uffd_msg msg;

	while (read(t->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		char *at = (char *)(uintptr_t)(msg.arg.pagefault.address & ~(t->page - 1));
		bool write = msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE;

		if (at == t->pages) {
			fill(t, at, t->first[t->first_reads || write ? 1 : 0]);
			t->first_reads += !write;
		} else {
			madvise(t->pages, t->page, MADV_DONTNEED);
			fill(t, at, t->second);
		}
	}
	return NULL;
}

static void trap_open(struct trap *t)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;
	pthread_t thread;

	t->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (t->uffd < 0)
		tap_skip("no userfaultfd: %s", strerror(errno));
	tap_need(!ioctl(t->uffd, UFFDIO_API, &api));
	t->page = sysconf(_SC_PAGESIZE);
	t->pages = mmap(NULL, 2 * t->page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_need(t->pages != MAP_FAILED);
	reg = (struct uffdio_register) {
		.range = { (uintptr_t)t->pages, 2 * t->page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	tap_need(!ioctl(t->uffd, UFFDIO_REGISTER, &reg));
	/* size, flags and cid in the first page, the rest in the second. */
	t->b = (struct azattest_bind *)(t->pages + t->page - 16);
	tap_need(!pthread_create(&thread, NULL, serve_faults, t));
}

static void trap_load(struct trap *t, int vhost, uint32_t first, uint32_t second)
{
	struct azattest_bind b;

	azbind_fill_cid(&b, 301, first, vhost);
	memcpy(t->first[0] + t->page - 16, &b, 16);
	memcpy(t->second, (char *)&b + 16, sizeof(b) - 16);
	b.cid = second;
	memcpy(t->first[1] + t->page - 16, &b, 16);
	t->first_reads = 0;
	madvise(t->pages, 2 * t->page, MADV_DONTNEED);
}

static struct trap the_trap;

static void a_cid_swapped_between_two_reads_gains_nothing(void)
{
	struct trap *t = &the_trap;
	int vhost = rig_vhost(), fd, err;
	uint64_t cid;

	trap_open(t);
	for (int i = 0; i < 4; i++) {
		fd = azbind_open();
		trap_load(t, vhost, i & 1 ? CID_B : CID_A, i & 1 ? CID_A : CID_B);
		err = azbind_bind(fd, t->b);
		tap_diag("first page read %u times: %d", t->first_reads, err);
		if (!err)
			need_device_owns_the_binding_cid(fd, &cid);
		close(fd);
	}
	/* The trap must have been entered: page one was wanted after page two. */
	tap_need(t->first_reads >= 1);
	tap_need_eq(rig_set_cid(vhost, PARK), 0);
}

/* The second read may also fail, or find a CID that is another's. */
static void a_cid_swapped_for_a_foreign_one_is_refused(void)
{
	struct trap *t = &the_trap;
	int vhost = rig_vhost(), theirs = rig_vhost(), fd, err;
	uint64_t cid;

	tap_need_eq(rig_set_cid(theirs, CID_B), 0);
	trap_open(t);
	fd = azbind_open();
	trap_load(t, vhost, CID_A, CID_B);
	err = azbind_bind(fd, t->b);
	tap_diag("first page read %u times: %d", t->first_reads, err);
	if (!err)
		need_device_owns_the_binding_cid(fd, &cid);
	close(fd);
	/* CID_A is asked for; CID_B belongs to somebody else: B must not be had. */
	fd = azbind_open();
	trap_load(t, vhost, CID_B, CID_A);
	err = azbind_bind(fd, t->b);
	if (!err) {
		struct azattest_info info;

		tap_need_eq(azbind_info(fd, &info), 0);
		tap_need(info.cid != CID_B);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(a_flipping_thread_gains_nothing),
	TAP_TEST(a_thread_that_replaces_mappings_gains_nothing),
	TAP_TEST(a_cid_swapped_between_two_reads_gains_nothing),
	TAP_TEST(a_cid_swapped_for_a_foreign_one_is_refused),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
