// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the measurement of a flood: one VM asks as much as it can, another one
 * politely. What the flooder causes must be its own: refusals on its slot, and
 * in the module one turn for each of the polite VM's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <selftests/speed/rest.h>
#include <userspace/fence/fence.h>

#define TRACING		"/sys/kernel/tracing"
#define POLITE		1	/* slots */
#define FLOODER		2
#define CONNECTIONS	4	/* of the polite VM: it has work most of the time */
#define EACH		100
#define JUDGED		50	/* at least: else nothing was seen */
#define SYNS		20000
#define FLOODS_MAX	64

static const struct ask document = {
	.path = "/metadata/attested/document?api-version=2018-10-01&nonce=bench-%08x",
	.keep = true, .want = "\"signature\":\"",
};

static void trace_write(const char *file, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), TRACING "/%s", file);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		bench_die("%s: %s", path, strerror(errno));
}

/* ---- turns ---- */

/* Requests of the polite VM: at most one for each of its connections. */
struct cookies {
	unsigned long long cookie[CONNECTIONS];
	unsigned int count;
};

static void cookies_add(struct cookies *c, unsigned long long cookie)
{
	if (c->count == CONNECTIONS)
		bench_die("trace: more requests at once than connections: lines are missing");
	c->cookie[c->count++] = cookie;
}

/* False: it is not among them. */
static bool cookies_remove(struct cookies *c, unsigned long long cookie)
{
	for (unsigned int i = 0; i < c->count; i++) {
		if (c->cookie[i] != cookie)
			continue;
		c->cookie[i] = c->cookie[--c->count];
		return true;
	}
	return false;
}

/* What the module did since the polite VM's last turn. */
struct turns {
	unsigned long long polite;	/* generation */
	struct cookies waiting;		/* its requests in the queue */
	struct cookies early;		/* taken before the line came that they were queued */
	bool always;			/* it had one all the time */
	unsigned int judged;
	unsigned int most;		/* turns of one other VM in between */
	struct {
		unsigned long long generation;
		unsigned int turns;
	} other[FLOODS_MAX];
	unsigned int others;
};

static void turn_of_other(struct turns *t, unsigned long long generation)
{
	unsigned int i;

	for (i = 0; i < t->others && t->other[i].generation != generation; i++)
		;
	if (i == FLOODS_MAX)
		return;
	if (i == t->others)
		t->other[t->others++].turns = 0;
	t->other[i].generation = generation;
	t->other[i].turns++;
}

static void turn_of_polite(struct turns *t, unsigned long long cookie)
{
	for (unsigned int i = 0; t->always && i < t->others; i++)
		if (t->other[i].turns > t->most)
			t->most = t->other[i].turns;
	t->judged += t->always;
	t->others = 0;
	if (!cookies_remove(&t->waiting, cookie))
		cookies_add(&t->early, cookie);
	t->always = t->waiting.count > 0;
}

/* Who queues says so afterwards: on another processor it may have been taken by then. */
static void queued_by_polite(struct turns *t, unsigned long long cookie)
{
	if (!cookies_remove(&t->early, cookie))
		cookies_add(&t->waiting, cookie);
}

static void read_step(struct turns *t, const char *line)
{
	const char *at = strstr(line, "step=");
	unsigned long long generation, cookie;
	char step[16];

	if (!at || sscanf(at, "step=%15s cookie=%llx generation=%llu", step, &cookie,
			  &generation) != 3)
		return;
	if (!strcmp(step, "take") && generation != t->polite)
		turn_of_other(t, generation);
	else if (!strcmp(step, "take"))
		turn_of_polite(t, cookie);
	else if (!strcmp(step, "queue") && generation == t->polite)
		queued_by_polite(t, cookie);
	else if (!strcmp(step, "requeue") && generation == t->polite)
		cookies_add(&t->waiting, cookie);
}

static struct turns read_turns(unsigned long long polite)
{
	struct turns t = { .polite = polite };
	FILE *f = fopen(TRACING "/trace", "re");
	char line[500];

	while (f && fgets(line, sizeof(line), f))
		read_step(&t, line);
	if (!f)
		bench_die("%s: %s", TRACING "/trace", strerror(errno));
	fclose(f);
	return t;
}

/* ---- floods ---- */

/* Valid requests on all the connections that one VM may have, for ever. */
static void ask_for_ever(struct rest_client *client)
{
	static uint32_t latency[CLIENT_CONNECTIONS_MAX * 1000];
	unsigned int refused = 0;
	struct ask ask = document;

	ask.refused = &refused;
	for (;;)
		rest_clients_run(client, 1, CLIENT_CONNECTIONS_MAX, 1000, &ask, latency);
}

static void send_syns(struct rest_client *client)
{
	struct segment s = { .flags = TAP_SYN }, ignored;

	for (unsigned int i = 0; i < SYNS; i++) {
		s.port = (uint16_t)(1024 + i);
		s.seq = i;
		tap_send(&client->tap, &s);
		while (tap_receive(&client->tap, &ignored))
			;
	}
	_exit(0);
}

static pid_t start(void (*flood)(struct rest_client *client), struct rest_client *client)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (!pid) {
		flood(client);
		_exit(0);
	}
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ask_politely(struct rest_client *client, const char *what)
{
	struct cell cell = { 0 };
	struct block block = rest_clients_run(client, 1, CONNECTIONS, EACH, &document,
					      stats_latency_room(&cell, CONNECTIONS * EACH));

	stats_add(&cell, &block);
	printf("%-56s p50 %8.0f us  p99 %8.0f us\n", what, stats_percentile_us(&cell, 0.5),
	       stats_percentile_us(&cell, 0.99));
	free(cell.latency);
}

static double drops(const struct door *door, unsigned int slot)
{
	struct fence_slot record;
	double sum = 0;

	if (fence_slot_read(door->fence, slot, &record))
		bench_die("slot %u: cannot be read", slot);
	for (unsigned int i = 0; i < FENCE_REASON_COUNT; i++)
		sum += (double)record.drops[i];
	return sum;
}

static void flood_requests(struct rest_client *polite, struct rest_client *flooder,
			   unsigned long long generation)
{
	struct turns turns;
	pid_t pid;

	trace_write("buffer_size_kb", "16384");
	trace_write("trace_clock", "counter");	/* in order also between processors */
	trace_write("trace", "");
	pid = start(ask_for_ever, flooder);
	trace_write("events/azattest/azattest_request/enable", "1");
	ask_politely(polite, "a polite VM, while another floods with requests");
	trace_write("events/azattest/azattest_request/enable", "0");
	stop(pid);
	turns = read_turns(generation);
	table_ratio("flood of requests: turns of the polite VM that were judged", 0, turns.judged,
		    JUDGED);
	table_limit("flood of requests: turns of another VM between two of its own", turns.most, 1);
}

static void flood_syns(const struct door *door, struct rest_client *polite,
		       struct rest_client *flooder)
{
	pid_t pid = start(send_syns, flooder);

	ask_politely(polite, "a polite VM, while another floods with SYNs");
	waitpid(pid, NULL, 0);
	table_limit("flood of SYNs: refusals on the polite VM's slot", drops(door, POLITE), 0);
	table_ratio("flood of SYNs: of them refused on the flooder's slot", 0,
		    drops(door, FLOODER) / SYNS, 0.9);
}

void flood_host(unsigned int rounds)
{
	static struct rest_client vm[2];
	static struct site site;
	static struct door door;
	unsigned long long generations[2];
	int files[2];

	(void)rounds;
	if (access(TRACING "/trace", R_OK))
		site_run("mount -t tracefs tracefs " TRACING);
	/* One that takes longer than restd, so that requests wait and take turns. */
	servers_start_signers(KEY_P_256, 1);
	site_open(&site);
	for (unsigned int i = 0; i < 2; i++)
		site_add_vm(&site, &vm[i].tap, i + 1, true);
	door_attach(files, generations, 2);
	door_limit_syns(50, 100);
	door_open(&door, &site, true);
	for (unsigned int i = 0; i < 2; i++)
		door_grant(&door, &vm[i].tap, i + 1, files[i]);
	door_sync(&door);
	table_goals_head();
	ask_politely(&vm[0], "a polite VM alone");
	flood_syns(&door, &vm[0], &vm[1]);
	flood_requests(&vm[0], &vm[1], generations[0]);
	servers_stop_all();
}
