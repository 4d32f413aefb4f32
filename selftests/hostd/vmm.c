// SPDX-License-Identifier: GPL-2.0
// Owns VMMs that run already: processes with the words, the devices and the guest of one.

#include "vmm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <uuid/uuid.h>

#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/lib/tap.h>

char vmm_program[400];

struct shared {
	volatile bool ready, go, done, held;
	volatile int status;
};

/* A guest's question: the answer's status, or -errno: who is not bound is reset. */
static int hello(struct fakeguest *guest)
{
	struct fakeguest_conn *c = fakeguest_connect(guest, 0, testvm_port());
	struct ask_reply r;
	int ret;

	if (!c)
		return -errno;
	ret = ask_hello(c, 1, &r);
	fakeguest_hangup(c);
	return ret ? ret : (int)r.status;
}

/* The same on one connection, which the first question opens. */
static int hello_again(struct fakeguest *guest)
{
	static struct fakeguest_conn *c;
	static uint32_t id;
	struct ask_reply r;
	int ret;

	if (!c)
		c = fakeguest_connect(guest, 0, testvm_port());
	if (!c)
		return -errno;
	ret = ask_hello(c, ++id, &r);
	return ret ? ret : (int)r.status;
}

/* "vmm FD CID DEVICES ...": the words that follow are for whoever reads them. */
static void be_vmm(char **argv)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	struct fakeguest *guest = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < atoi(argv[4]); i++)
		guest = fakeguest_start((uint32_t)atoi(argv[3]) + (unsigned int)i * 100);
	s->ready = true;
	for (;;) {
		while (!s->go)
			tap_pause();
		s->go = false;
		s->status = !guest ? -ENODEV : s->held ? hello_again(guest) : hello(guest);
		s->done = true;
	}
}

struct started {
	char words[9][80];
	int fd;
};

static int exec_vmm(void *arg)
{
	struct started *v = arg;
	char *argv[10] = { NULL };

	for (int i = 0; i < 9 && *v->words[i]; i++)
		argv[i] = v->words[i];
	execv(vmm_program, argv);
	return 126;
}

static struct shared *last; /* of the VMM started last */

pid_t vmm_start(unsigned int number, uint32_t says, uint32_t has, unsigned int devices)
{
	static struct started v;
	uint8_t uuid[AZATTEST_UUID_LEN];
	char text[37] = "";
	pid_t pid;

	memset(&v, 0, sizeof(v));
	v.fd = memfd_create("vmm", 0);
	tap_need(!ftruncate(v.fd, 4096));
	last = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, v.fd, 0);
	azbind_uuid(uuid, number);
	uuid_unparse_lower(uuid, text);
	snprintf(v.words[0], 80, "qemu");
	snprintf(v.words[1], 80, "vmm");
	snprintf(v.words[2], 80, "%d", v.fd);
	snprintf(v.words[3], 80, "%u", has);
	snprintf(v.words[4], 80, "%u", devices);
	snprintf(v.words[5], 80, "%s", number ? "-uuid" : "-name");
	snprintf(v.words[6], 80, "%s", number ? text : "none");
	snprintf(v.words[7], 80, "-device");
	if (says)
		snprintf(v.words[8], 80, "vhost-vsock-pci,guest-cid=%u", says);
	else
		snprintf(v.words[8], 80, "virtio-net");
	pid = tap_spawn(exec_vmm, &v, v.fd);
	close(v.fd);
	tap_need_wait(last->ready);
	return pid;
}

static int ask_guest(bool held)
{
	last->held = held;
	last->done = false;
	last->go = true;
	tap_need_wait(last->done);
	return last->status;
}

int vmm_guest_hears(void)
{
	return ask_guest(false);
}

int vmm_guest_hears_again(void)
{
	return ask_guest(true);
}

void vmm_begin(int argc, char **argv)
{
	if (argc > 5 && !strcmp(argv[1], "vmm"))
		be_vmm(argv);
	if (!realpath(argv[0], vmm_program)) {
		perror(argv[0]);
		exit(1);
	}
}
