// SPDX-License-Identifier: GPL-2.0
/* Many VMs with idle connections: none is forgotten, none costs a thread. */
#include <selftests/lib/slab.h>
#include <selftests/vsock/door.h>

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <selftests/netlink/client.h>

#define EACH	10	/* connections of a VM */
#define WORKERS	10	/* processes, since guests close faster in parallel */

enum phase { START, BOUND, CONNECTED, ANSWERED, PHASES };

struct crowd {
	unsigned int vms;		/* of each worker */
	volatile int phase;		/* the last one that may begin */
	volatile int done[PHASES];	/* workers that are through with it */
	volatile unsigned int full;	/* connects that found the accept queue full */
	pid_t pid[WORKERS];
};

struct worker {
	struct crowd *crowd;
	unsigned int index;
};

static void reach(struct crowd *c, enum phase phase)
{
	__atomic_fetch_add(&c->done[phase], 1, __ATOMIC_SEQ_CST);
	while (c->phase <= (int)phase)
		tap_pause();
}

/*
 * Ten processes connect faster than a busy kernel gives the listener its turn:
 * beyond the backlog the kernel resets, and a guest asks again.
 */
static void connect_one(struct crowd *crowd, struct testvm *vm)
{
	while (!fakeguest_connect(vm->guest, 0, testvm_port())) {
		tap_need_eq(errno, ECONNRESET);
		__atomic_fetch_add(&crowd->full, 1, __ATOMIC_SEQ_CST);
		tap_pause();
	}
}

static int work(void *arg)
{
	struct worker *w = arg;
	struct crowd *crowd = w->crowd;
	struct testvm **vm = calloc(crowd->vms, sizeof(*vm));
	struct fakeguest_conn *c;

	tap_need(vm);
	/* Room for all descriptors, so that the table's growth is no binding's. */
	close(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 64 + 8 * crowd->vms));
	for (unsigned int i = 0; i < crowd->vms; i++)
		vm[i] = testvm_start_unbound(1 + w->index * crowd->vms + i);
	reach(crowd, START);
	for (unsigned int i = 0; i < crowd->vms; i++)
		testvm_bind(vm[i]);
	reach(crowd, BOUND);
	for (unsigned int i = 0; i < crowd->vms; i++)
		for (int k = 0; k < EACH; k++)
			connect_one(crowd, vm[i]);
	reach(crowd, CONNECTED);
	for (unsigned int i = 0; i < crowd->vms; i++)
		for (c = vm[i]->guest->conns; c; c = c->next)
			testvm_attest_on(vm[i], c, "awake");
	reach(crowd, ANSWERED);
	return 0;
}

/* Kernel threads that bear our name; workers of shared queues do not count. */
static unsigned int our_threads(void)
{
	DIR *d = opendir("/proc");
	char path[300], comm[64];
	unsigned int n = 0;
	struct dirent *e;
	FILE *f;

	tap_need(d);
	while ((e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strncmp(comm, "azattest", 8))
			n++;
		fclose(f);
	}
	closedir(d);
	return n;
}

struct usage {
	struct slab_look slab;
	unsigned int threads;
	int64_t ms;
};

static void enter(struct crowd *c, enum phase phase, struct usage *u)
{
	int64_t end = tap_now_ms() + 1000LL * (tap_long() ? 600 : 100);

	while (c->done[phase] < WORKERS) {
		tap_need_msg((tap_pause(), tap_now_ms() < end), "phase %d: %d of %d workers",
			     phase, c->done[phase], WORKERS);
		for (unsigned int i = 0; i < WORKERS; i++)
			tap_need_msg(!waitpid(c->pid[i], NULL, WNOHANG), "worker %u has ended", i);
	}
	u->ms = tap_now_ms();
	u->threads = our_threads();
	tap_need_eq(slab_look(&u->slab), 0);
	c->phase = phase + 1;
}

/* Kernel objects that live on, the caller's open file included. */
static void say(const char *what, const struct usage *a, const struct usage *b, unsigned int n)
{
	char text[512];

	slab_explain(&a->slab, &b->slab, n, text, sizeof(text));
	tap_diag("%u %s: %lld ms, %lld B each: %s", n, what, (long long)(b->ms - a->ms),
		 (long long)(b->slab.bytes - a->slab.bytes) / n, text);
}

static void idle_connections_are_all_answered_and_cost_no_thread(void)
{
	struct crowd *crowd = tap_shared(sizeof(*crowd));
	struct worker w[WORKERS];
	static struct usage u[PHASES];
	unsigned int vms;
	uint64_t accepted;
	struct client c;

	door_signer();
	client_need(&c);
	accepted = client_counter(&c, "accepted");
	crowd->vms = tap_loops(20, 1000 / WORKERS);
	vms = WORKERS * crowd->vms;
	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){ .crowd = crowd, .index = i };
		crowd->pid[i] = tap_spawn(work, &w[i], -1);
	}
	for (enum phase p = START; p < PHASES; p++)
		enter(crowd, p, &u[p]);
	for (unsigned int i = 0; i < WORKERS; i++)
		tap_need_eq(tap_join(crowd->pid[i]), 0);
	say("bindings", &u[START], &u[BOUND], vms);
	say("idle connections", &u[BOUND], &u[CONNECTED], vms * EACH);
	say("documents", &u[CONNECTED], &u[ANSWERED], vms * EACH);
	tap_diag("our kernel threads: %u, %u with connections", u[START].threads,
		 u[CONNECTED].threads);
	tap_need_eq(u[CONNECTED].threads, u[START].threads);
	tap_need_msg(crowd->full <= vms * EACH / 10, "%u connects found the accept queue full",
		     crowd->full);
	tap_need_eq(client_counter(&c, "accepted") - accepted, vms * EACH);
	client_close(&c);
}

/* What they held is free: the same crowd comes again. */
static void all_places_are_free_afterwards(void)
{
	struct testvm *vm;

	door_signer();
	azbind_limit("connections", EACH);
	azbind_limit("bindings", 1);
	vm = testvm_start(1);
	for (int k = 0; k < EACH; k++)
		testvm_attest_on(vm, testvm_connect(vm), "n");
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(idle_connections_are_all_answered_and_cost_no_thread, 400),
	TAP_TEST(all_places_are_free_afterwards),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
