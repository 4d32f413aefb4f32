// SPDX-License-Identifier: GPL-2.0
// Owns the clients: VMs that ask all at once, a thread for each.

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/speed/bench.h>

static struct client all[BENCH_CLIENTS_MAX];
static unsigned int opened;

/* One thread's part of a block. */
struct run {
	struct client *client;
	enum bench_path path;
	unsigned int each;
	uint32_t *latency;
	pthread_barrier_t *barrier;
	pthread_t thread;
	uint64_t start, end, cpu;
	uint64_t *server;		/* the last at the barrier notes their CPU time */
};

static void open_client(struct client *client, uint32_t number)
{
	client->number = number;
	client->unix_fd = -1;
	client->guest = fakeguest_start(TESTVM_CID(number));
	client->binding = azbind_new(number, TESTVM_CID(number),
				     fakeguest_vhost_fd(client->guest), -1, NULL);
	if (client->binding < 0)
		bench_die("VM %u: BIND: %s", number, strerror(-client->binding));
}

void clients_open(unsigned int count)
{
	for (opened = 0; opened < count; opened++)
		open_client(&all[opened], opened);
}

static int connect_unix(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = BENCH_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (void *)&addr, sizeof(addr)))
		bench_die("%s: %s", BENCH_SOCKET, strerror(errno));
	return fd;
}

void clients_connect(enum bench_path path)
{
	uint32_t port = path == PATH_DAEMON ? BENCH_DAEMON_PORT : testvm_port();

	for (unsigned int i = 0; i < opened; i++) {
		if (path == PATH_UNIX) {
			all[i].unix_fd = connect_unix();
			continue;
		}
		all[i].conn[path] = fakeguest_connect(all[i].guest, 0, port);
		if (!all[i].conn[path])
			bench_die("VM %u: connect: %s", i, strerror(errno));
	}
}

void clients_disconnect(enum bench_path path)
{
	for (unsigned int i = 0; i < opened; i++) {
		if (path == PATH_UNIX)
			close(all[i].unix_fd);
		else
			fakeguest_hangup(all[i].conn[path]);
	}
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The first exchange warms up, and is not counted. */
static void *run_client(void *arg)
{
	struct run *run = arg;
	uint64_t now, last;

	exchange(run->client, run->path);
	if (pthread_barrier_wait(run->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
		*run->server = servers_cpu_ns();
	run->cpu = thread_cpu_ns();
	last = exchange_now_ns();
	run->start = last;
	for (unsigned int i = 0; i < run->each; i++) {
		exchange(run->client, run->path);
		now = exchange_now_ns();
		run->latency[i] = (uint32_t)(now - last);
		last = now;
	}
	run->end = last;
	run->cpu = thread_cpu_ns() - run->cpu;
	return NULL;
}

static struct block sum_up(const struct run *run, unsigned int clients)
{
	uint64_t start = run[0].start, end = run[0].end;
	struct block block = { 0 };

	for (unsigned int i = 0; i < clients; i++) {
		start = run[i].start < start ? run[i].start : start;
		end = run[i].end > end ? run[i].end : end;
		block.client_ns += run[i].cpu;
		block.docs += run[i].each;
	}
	block.ns = end - start;
	return block;
}

struct block clients_run(enum bench_path path, unsigned int clients, unsigned int each,
			 uint32_t *latency)
{
	struct run run[BENCH_CLIENTS_MAX];
	pthread_barrier_t barrier;
	struct block block;
	uint64_t server = 0;

	if (clients > opened || pthread_barrier_init(&barrier, NULL, clients))
		bench_die("%u clients of %u", clients, opened);
	for (unsigned int i = 0; i < clients; i++) {
		run[i] = (struct run) {
			.client = &all[i], .path = path, .each = each,
			.latency = latency + (size_t)i * each, .barrier = &barrier,
			.server = &server,
		};
		if (pthread_create(&run[i].thread, NULL, run_client, &run[i]))
			bench_die("thread: %s", strerror(errno));
	}
	for (unsigned int i = 0; i < clients; i++)
		pthread_join(run[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	block = sum_up(run, clients);
	block.server_ns = servers_cpu_ns() - server;
	return block;
}
