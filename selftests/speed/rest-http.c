// SPDX-License-Identifier: GPL-2.0
// Owns the measurements by HTTP: rows in turns, and what their ratios have to be.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <selftests/speed/rest.h>

#define VMS		8
#define DOCUMENT	"/metadata/attested/document?api-version=2018-10-01&nonce=bench-%08x"
#define MEMORY		"/metadata/versions?bench=%08x"

#define RSA_EACH	4	/* of 8 VMs: once around RSA's blinding */

enum mode { KEEP, NEW, MODES };

/* Requests of each VM in a block. */
static const unsigned int each[MODES] = { 100, 40 };
static const char *const mode_name[MODES] = { "keep-alive", "new connection" };

/* Where a row is asked: each mode has its own VMs. */
struct place {
	struct site site;
	struct door door;
	struct rest_client *vm[MODES];
};

struct row {
	const char *name;
	struct place *place;
	bool document;
	unsigned int each;	/* requests of a VM in a block; 0: the mode's */
	struct cell cell[MODES];
};

static void add_vms(struct place *place, bool fenced)
{
	unsigned int number = 0;

	for (int mode = 0; mode < MODES; mode++) {
		place->vm[mode] = calloc(VMS, sizeof(*place->vm[mode]));
		if (!place->vm[mode])
			bench_die("memory");
		for (unsigned int i = 0; i < VMS; i++)
			site_add_vm(&place->site, &place->vm[mode][i].tap, ++number, fenced);
	}
}

static void open_restd(struct place *place, bool fenced, bool module)
{
	int files[MODES * VMS];

	site_open(&place->site);
	add_vms(place, fenced);
	if (module)
		door_attach(files, NULL, MODES * VMS);
	else
		module_start(files, MODES * VMS);
	door_open(&place->door, &place->site, fenced);
	for (unsigned int i = 0; i < MODES * VMS; i++)
		door_grant(&place->door, &place->vm[i / VMS][i % VMS].tap, i + 1, files[i]);
	door_sync(&place->door);
}

static void open_nginx(struct place *place)
{
	site_open(&place->site);
	add_vms(place, false);
	nginx_start(door_tests(), door_run());
}

/* Natively other work runs too: CPU time is what counts there, of all who work for us. */
static void run_row(struct row *row, enum mode mode, bool native)
{
	struct ask ask = {
		.path = row->document ? DOCUMENT : MEMORY, .keep = mode == KEEP,
		.want = row->document ? "\"signature\":\"" : "apiVersions",
	};
	unsigned int count = row->each ? row->each : each[mode];
	struct block block;
	uint64_t server;

	site_enter(&row->place->site);
	server = servers_cpu_ns() + door_softirq_ns();
	block = rest_clients_run(row->place->vm[mode], VMS, 1, count, &ask,
				 stats_latency_room(&row->cell[mode], VMS * count));
	block.server_ns = servers_cpu_ns() + door_softirq_ns() - server;
	if (native)
		block.ns = block.client_ns + block.server_ns;
	stats_add(&row->cell[mode], &block);
}

static void run_rows(struct row *rows, unsigned int count, unsigned int repeats, bool native)
{
	struct row warm;

	for (unsigned int i = 0; i < count; i++) {
		warm = rows[i];
		for (int mode = 0; mode < MODES; mode++)
			run_row(&warm, mode, native);
	}
	for (unsigned int r = 0; r < repeats; r++)
		for (int mode = 0; mode < MODES; mode++)
			for (unsigned int i = 0; i < count; i++)
				run_row(&rows[i], mode, native);
}

static void show(struct row *rows, unsigned int count, double unit)
{
	for (int mode = 0; mode < MODES; mode++)
		for (unsigned int i = 0; i < count; i++) {
			struct cell *cell = &rows[i].cell[mode];

			printf("%-15s %-42s %8.0f %8.1f %8.1f %8.1f %8.0f %8.0f\n",
			       mode_name[mode], rows[i].name, 1e9 / stats_ns(cell),
			       stats_ns(cell) / unit, stats_client_ns(cell) / unit,
			       stats_server_ns(cell) / unit, stats_percentile_us(cell, 0.5),
			       stats_percentile_us(cell, 0.99));
		}
	fflush(stdout);
}

static void head(const char *unit)
{
	printf("\n%-15s %-42s %8s %8s %8s %8s %8s %8s\n", "connections", "path", "req/s", unit,
	       "VMs", "servers", "p50 us", "p99 us");
}

static void judge(const char *text, const struct row *ours, const struct row *theirs, bool native,
		  double goal)
{
	char line[120];

	for (int mode = 0; mode < MODES; mode++) {
		const struct cell *us = &ours->cell[mode], *them = &theirs->cell[mode];

		snprintf(line, sizeof(line), "%s, %s", text, mode_name[mode]);
		table_ratio(line, 0, native ? stats_best_ns(them) / stats_best_ns(us) :
					      stats_ns(them) / stats_ns(us), goal);
	}
}

void http_native(unsigned int repeats)
{
	static struct place fenced, open;
	static struct row rows[] = {
		{ .name = "fence, restd, signer replaced", .place = &fenced, .document = true },
		{ .name = "no fence, restd, signer replaced", .place = &open, .document = true },
	};

	site_pin();
	open_restd(&fenced, true, false);
	open_restd(&open, false, false);
	run_rows(rows, 2, repeats, true);
	head("us");
	show(rows, 2, 1000);
	table_goals_head();
	judge("fence and restd, against no fence", &rows[0], &rows[1], true, 0.9);
	servers_stop_all();
}

void http_host(unsigned int repeats)
{
	static struct place fenced, open, nginx;
	static struct row rows[] = {
		{ .name = "fence, restd, module, null signer", .place = &fenced, .document = true },
		{ .name = "no fence, restd from memory (a)", .place = &open },
		{ .name = "nginx to a signer on AF_UNIX (b)", .place = &nginx, .document = true },
		{ .name = "nginx from memory", .place = &nginx },
	};

	servers_start_signers(KEY_NULL, 2);
	open_restd(&fenced, true, true);
	open_restd(&open, false, false);
	open_nginx(&nginx);
	run_rows(rows, 4, repeats, false);
	head("thousand");
	show(rows, 4, 1000 * BENCH_NS_PER_INSTRUCTION);
	table_goals_head();
	judge("REST against the same restd from memory (a)", &rows[0], &rows[1], false, 0.6);
	judge("REST against nginx to a user-space signer (b)", &rows[0], &rows[2], false, 1.0);
	servers_stop_all();
}

/* Eight VMs, keep-alive, against one process that does nothing but sign. */
void http_sign(unsigned int repeats)
{
	static struct place fenced;
	static struct row row = {
		.name = "fence, restd, module, signer", .place = &fenced, .document = true,
		.each = RSA_EACH,
	};
	static struct cell raw;
	struct row warm;

	servers_start_signers(KEY_RSA_2048, 2);
	open_restd(&fenced, true, true);
	warm = row;
	run_row(&warm, KEEP, false);
	for (unsigned int r = 0; r < repeats; r++) {
		struct block block = raw_run(KEY_RSA_2048, VMS * RSA_EACH);

		stats_add(&raw, &block);
		run_row(&row, KEEP, false);
	}
	table_goals_head();
	table_ratio("RSA-2048: REST against raw signatures of the same key", 0,
		    stats_ns(&raw) / stats_ns(&row.cell[KEEP]), 0.9);
	servers_stop_all();
}
