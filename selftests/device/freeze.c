// SPDX-License-Identifier: GPL-2.0
/* Owns stopping a system call in mid-copy, by userfaultfd. */
#include "freeze.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"

void freeze_open(struct freeze *f)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;

	memset(f, 0, sizeof(*f));
	f->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (f->uffd < 0)
		tap_skip("no userfaultfd: %s", strerror(errno));
	tap_need(!ioctl(f->uffd, UFFDIO_API, &api));
	f->page = mmap(NULL, FREEZE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	tap_need(f->page != MAP_FAILED);
	reg = (struct uffdio_register) {
		.range = { (uintptr_t)f->page, FREEZE_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	tap_need(!ioctl(f->uffd, UFFDIO_REGISTER, &reg));
}

void freeze_wait(struct freeze *f)
{
	struct uffd_msg msg;

	tap_need_msg(rig_poll(f->uffd, POLLIN, tap_patience_ms()), "nobody came to the page");
	tap_need_eq(read(f->uffd, &msg, sizeof(msg)), sizeof(msg));
}

void freeze_thaw(struct freeze *f)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)f->page, .src = (uintptr_t)f->content, .len = FREEZE_PAGE,
	};

	tap_need(!ioctl(f->uffd, UFFDIO_COPY, &c));
}
