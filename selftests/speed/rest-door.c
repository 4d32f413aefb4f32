// SPDX-License-Identifier: GPL-2.0
// Owns who answers on a site: the fence, restd, and hostd's part towards both.

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/speed/rest.h>
#include <userspace/common/restlink.h>
#include <userspace/fence/fence.h>

#define RESTD		"azattest-restd"
#define PATIENCE_MS	30000

static struct {
	const char *programs, *tests;
	char run[64];
	unsigned int doors;
	uint32_t syn_rate, syn_burst;
} base = { .syn_rate = 1000000, .syn_burst = 1000000 };

void door_limit_syns(uint32_t rate, uint32_t burst)
{
	base.syn_rate = rate;
	base.syn_burst = burst;
}

/* Mounts are in a namespace of the bench's own, and gone with it. */
void door_base(const char *programs, const char *tests, const char *run)
{
	base.programs = programs;
	base.tests = tests;
	snprintf(base.run, sizeof(base.run), "%s", run);
	site_run("mount -t tmpfs -o mode=755 tmpfs %s", run);
	site_run("mkdir %s/bpf %s/cgroup", run, run);
	site_run("mount -t bpf bpf %s/bpf", run);
	site_run("mount -t cgroup2 cgroup2 %s/cgroup", run);
}

const char *door_tests(void)
{
	return base.tests;
}

const char *door_run(void)
{
	return base.run;
}

static void remove_cgroup(unsigned int number)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/cgroup/azbench-%d-%u", base.run, getpid(), number);
	rmdir(path);
}

/* After the servers have ended: what outlives their processes. */
void door_clean_up(void)
{
	while (base.doors)
		remove_cgroup(--base.doors);
	if (*base.run && !umount2(base.run, MNT_DETACH))
		rmdir(base.run);
}

/* CPU time of the threads that go on with softirqs which were too many at once. */
uint64_t door_softirq_ns(void)
{
	static int files[64] = { -1 };
	static unsigned int count;
	uint64_t sum = 0;

	if (files[0] < 0) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && (entry = readdir(proc)) && count < 64) {
			char path[300], text[32] = "";
			int fd;

			snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			if (read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "ksoftirqd/", 10)) {
				snprintf(path, sizeof(path), "/proc/%s/schedstat", entry->d_name);
				files[count++] = open(path, O_RDONLY | O_CLOEXEC);
			}
			close(fd);
		}
		if (proc)
			closedir(proc);
	}
	for (unsigned int i = 0; i < count; i++) {
		char text[64] = "";

		if (pread(files[i], text, sizeof(text) - 1, 0) > 0)
			sum += strtoull(text, NULL, 10);
	}
	return sum;
}

static bool listens(void)
{
	FILE *f = fopen("/proc/thread-self/net/tcp", "re");
	char line[256];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found = found || strstr(line, ":0050 00000000:0000 0A");
	if (f)
		fclose(f);
	return found;
}

void door_wait_port(void)
{
	struct timespec pause = { 0, 20000000 };

	for (unsigned int i = 0; i < PATIENCE_MS / 20; i++) {
		if (listens())
			return;
		nanosleep(&pause, NULL);
	}
	bench_die("nobody listens on port 80");
}

static int listen_at(const char *folder)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" RESTLINK_SOCKET, folder);
	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) || chmod(addr.sun_path, 0666) ||
	    listen(fd, 1))
		bench_die("%s: %s", addr.sun_path, strerror(errno));
	return fd;
}

/* In a cgroup of its own, as its unit starts it. */
static void start_restd(const char *folder, const char *cgroup)
{
	char program[4096], procs[300];
	FILE *f;

	if (servers_fork())
		return;
	snprintf(procs, sizeof(procs), "%s/cgroup%s/cgroup.procs", base.run, cgroup);
	f = fopen(procs, "w");
	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f))
		_exit(1);
	snprintf(program, sizeof(program), "%s/" RESTD, base.programs);
	execl(program, RESTD, "--run", folder, "--user", "nobody", NULL);
	perror(program);
	_exit(1);
}

static struct restlink receive(const struct door *door, enum restlink_kind kind, int *fd)
{
	char text[RESTLINK_TEXT_MAX + 1];
	struct restlink message;
	int ret, came;

	do {
		struct timespec pause = { 0, 1000000 };

		ret = restlink_receive(door->session, &message, text, &came);
		if (ret == -EAGAIN)
			nanosleep(&pause, NULL);
	} while (ret == -EAGAIN);
	if (ret <= 0 || message.kind != kind)
		bench_die("restd: session: %s", ret < 0 ? strerror(-ret) : "ended");
	if (fd)
		*fd = came;
	return message;
}

static void say(const struct door *door, const struct restlink *message, const char *text, int fd)
{
	int ret;

	do
		ret = restlink_send(door->session, message, text, fd);
	while (ret == -EAGAIN);
	if (ret)
		bench_die("restd: session: %s", strerror(-ret));
}

static void configure(const struct door *door)
{
	const struct restlink message = {
		.kind = RESTLINK_CONFIG,
		.config = {
			.address = { htonl(REST_SERVICE) }, .base = REST_RANGE,
			.slots = REST_SLOTS, .port = REST_PORT, .hop_limit = 1,
			.connections_per_vm = CLIENT_CONNECTIONS_MAX, .idle_ms = 3600000,
			.request_ms = 60000, .answer_ms = 30000,
		},
	};

	say(door, &message, NULL, -1);
}

static void must(int ret, const struct failure *failure)
{
	if (ret)
		bench_die("%s", failure->text);
}

struct fence *door_open_fence(const struct site *site)
{
	struct fence_config config = {
		.address = { { htonl(REST_SERVICE) } }, .port = REST_PORT,
		.base = REST_RANGE, .slots = REST_SLOTS, .syn_rate = base.syn_rate,
		.syn_burst = base.syn_burst,
	};
	static unsigned int count;
	struct failure failure;
	struct fence *fence;
	char pins[100];
	bool adopted;

	snprintf(pins, sizeof(pins), "%s/bpf/%u", base.run, count++);
	config.pin_dir = pins;
	must(fence_open(&fence, &config, &adopted, &failure), &failure);
	must(fence_set_bridge(fence, site->bridge, site->bridge_mac, true, &failure), &failure);
	return fence;
}

void door_enrol(struct fence *fence, const struct tap *tap, unsigned int slot,
		const uint8_t uuid[16])
{
	struct failure failure;

	must(fence_enrol(fence, slot, if_nametoindex(tap->name), uuid, slot, &failure), &failure);
}

void door_open(struct door *door, const struct site *site, bool fenced)
{
	char folder[80], cgroup[40];
	struct failure failure;

	site_enter(site);
	*door = (struct door) { .site = site };
	if (fenced)
		door->fence = door_open_fence(site);
	snprintf(folder, sizeof(folder), "%s/%u", base.run, base.doors);
	snprintf(cgroup, sizeof(cgroup), "/azbench-%d-%u", getpid(), base.doors++);
	site_run("mkdir %s %s/cgroup%s", folder, base.run, cgroup);
	door->listener = listen_at(folder);
	start_restd(folder, cgroup);
	door->session = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
	receive(door, RESTLINK_HELLO, &door->socket);
	if (fenced)
		must(fence_set_cgroup(door->fence, cgroup, &failure), &failure);
	configure(door);
}

void door_grant(struct door *door, const struct tap *tap, unsigned int slot, int file)
{
	struct restlink message = {
		.kind = RESTLINK_GRANT, .vm = { .slot = slot, .generation = slot },
	};

	azbind_uuid(message.vm.uuid, slot);
	site_enter(door->site);
	if (door->fence)
		door_enrol(door->fence, tap, slot, message.vm.uuid);
	say(door, &message, "{}", file);
}

void door_sync(struct door *door)
{
	const struct restlink message = { .kind = RESTLINK_SYNC };
	struct failure failure;

	say(door, &message, NULL, -1);
	receive(door, RESTLINK_SYNCED, NULL);
	if (door->fence)
		must(fence_set_socket(door->fence, door->socket, &failure), &failure);
}

void door_attach(int *files, unsigned long long *generations, unsigned int count)
{
	static unsigned int bound;
	uint8_t uuid[AZATTEST_UUID_LEN];
	uint64_t generation;

	for (unsigned int i = 0; i < count; i++) {
		int owner = azbind_new(++bound, 0, -1, -1, &generation);

		files[i] = azbind_open();
		azbind_uuid(uuid, bound);
		if (owner < 0 || files[i] < 0 ||
		    azbind_attach(files[i], uuid, AZATTEST_TRANSPORT_REST))
			bench_die("VM %u: BIND, ATTACH: %s", bound, strerror(errno));
		if (generations)
			generations[i] = generation;
	}
}
