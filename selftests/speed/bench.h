/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of the bench that runs in a test host.
 *
 *   main.c      the order of measurements: blocks of all paths in turns
 *   clients.c   threads that ask, each a VM of its own
 *   exchange.c  one exchange through one door
 *   servers.c   signers, daemons: who answers
 *   raw.c       bare signatures of the same key
 *   memory.c    many bindings, many connections
 *   clock.c     the clock
 *   stats.c     medians, percentiles
 *   judge.c     goals: what is compared with what
 *   table.c     what a person reads
 *
 * The processor counts instructions (4 ns each): all times are counts. One
 * processor is never idle while a block runs, so time is work.
 */
#ifndef SELFTESTS_SPEED_BENCH_H
#define SELFTESTS_SPEED_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_NS_PER_INSTRUCTION	4

/* Ends the bench: nothing measured after a failure is worth a line. */
void bench_die(const char *text, ...) __attribute__((noreturn, format(printf, 1, 2)));

enum bench_key { KEY_NULL, KEY_P_256, KEY_RSA_2048, KEY_COUNT };

enum bench_path {
	PATH_IOCTL,	/* ATTEST on /dev/azattest */
	PATH_VSOCK,	/* the module's vsock door */
	PATH_DAEMON,	/* a user-space daemon on AF_VSOCK */
	PATH_UNIX,	/* the same on AF_UNIX */
	PATH_COUNT
};

#define BENCH_CLIENTS_MAX	64
#define BENCH_DAEMON_PORT	1053
#define BENCH_SOCKET		"/run/azattest-bench.sock"

/* ---- stats.c ---- */

/* A block: a fixed number of documents, from the first question to the last answer. */
struct block {
	uint64_t docs;
	uint64_t ns;		/* in all */
	uint64_t client_ns;	/* of those, the clients' threads */
	uint64_t server_ns;	/* signers or daemons; the rest is the kernel's own threads */
};

#define BENCH_REPEATS_MAX	64

/* All blocks of one line of the table. */
struct cell {
	struct block block[BENCH_REPEATS_MAX];
	unsigned int blocks;
	uint32_t *latency;	/* ns, of all blocks */
	size_t latencies;
	size_t latency_space;
};

void stats_add(struct cell *cell, const struct block *block);
uint32_t *stats_latency_room(struct cell *cell, size_t count);
/* Medians over blocks, per document. */
double stats_ns(const struct cell *cell);
double stats_client_ns(const struct cell *cell);
double stats_server_ns(const struct cell *cell);
/* Without the clients: what the host spends. */
double stats_host_ns(const struct cell *cell);
double stats_percentile_us(struct cell *cell, double part);
/* Sorts them. */
double stats_median(double *value, unsigned int n);
/* Of the quickest block: what else runs on this machine only adds. */
double stats_best_ns(const struct cell *cell);

/* ---- clients.c and exchange.c ---- */

struct fakeguest;
struct fakeguest_conn;

struct client {
	uint32_t number;
	struct fakeguest *guest;
	int binding;			/* file that owns the VM's binding */
	struct fakeguest_conn *conn[PATH_COUNT];	/* VSOCK, DAEMON */
	int unix_fd;
	uint32_t id;
};

/* Starts `count` VMs, bound, each with a connection to the module. */
void clients_open(unsigned int count);
void clients_connect(enum bench_path path);
void clients_disconnect(enum bench_path path);
struct block clients_run(enum bench_path path, unsigned int clients, unsigned int each,
			 uint32_t *latency);

/* One document, or the end of the bench. */
void exchange(struct client *client, enum bench_path path);

/* ---- clock.c ---- */

uint64_t exchange_now_ns(void);

/* ---- servers.c ---- */

void servers_folders(const char *programs, const char *tests, const char *keys);
/* Whether null signers report their documents, as real ones do. */
void servers_journal(bool on);
void servers_start_signers(enum bench_key key, unsigned int count);
void servers_start_daemon(enum bench_key key, enum bench_path path);
void servers_stop_all(void);
/* A child that dies with the bench, and whose CPU time counts: fork(2)'s result. */
pid_t servers_fork(void);
/* What a signer with this key is told. */
struct setup;
void servers_read_setup(enum bench_key key, struct setup *setup);
/* CPU time of all that were started. */
uint64_t servers_cpu_ns(void);

/* ---- raw.c ---- */

struct block raw_run(enum bench_key key, unsigned int count);
const char *raw_key_name(enum bench_key key);

/* ---- memory.c ---- */

struct memory_result {
	unsigned int bindings, connections;
	double bytes_per_binding, bytes_per_connection;
	int kernel_threads;	/* added by bindings and connections */
};

void memory_fill(unsigned int bindings, unsigned int each, struct memory_result *result);

/* ---- judge.c ---- */

#define BENCH_SIZES	3

/* Everything that was measured with doors; sizes and keys may be missing (no blocks). */
struct results {
	struct cell cell[KEY_COUNT][BENCH_SIZES][PATH_COUNT];
	struct cell raw[KEY_COUNT];
	unsigned int clients[BENCH_SIZES];
};

void judge_doors(const struct results *results);
/* @before, @after: null signer over vsock, without and with the crowd. */
void judge_crowd(const struct memory_result *crowd, const struct cell *before,
		 const struct cell *after);

/* ---- table.c ---- */

void table_head(void);
void table_cell(enum bench_key key, unsigned int clients, const char *path, struct cell *cell);
void table_goals_head(void);
/* @whole: the ratio with the guests' own work, 0 if there is none. */
void table_ratio(const char *row, double whole, double value, double goal);
void table_limit(const char *row, double value, double most);
void table_at_most(const char *row, double value, double most);
unsigned int table_missed(void);

#endif
