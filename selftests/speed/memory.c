// SPDX-License-Identifier: GPL-2.0
// Owns the crowd: many bindings, many idle connections, and what they cost.

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/speed/bench.h>

/* Numbers of the crowd's VMs: above those of the clients. */
#define CROWD_FIRST	1000

struct vm {
	struct fakeguest *guest;
	int binding;
};

/* Kernel threads have no command line. Workers of the shared pools come and go. */
static bool is_kernel_thread(const char *pid)
{
	char path[300], buf[64] = "";
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	if (n)
		return false;
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	return n && strncmp(buf, "kworker/", 8);
}

static int kernel_threads(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && is_kernel_thread(entry->d_name))
			n++;
	if (proc)
		closedir(proc);
	return n;
}

/* Bytes in the kernel's slabs: all that a binding or a connection is made of. */
static double slab(void)
{
	char line[128];
	double kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Slab:", 5))
			kb = atof(line + 5);
	if (f)
		fclose(f);
	return kb * 1024;
}

static void start_guests(struct vm *vm, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		vm[i].guest = fakeguest_start(TESTVM_CID(CROWD_FIRST + i));
}

static void bind_guests(struct vm *vm, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		vm[i].binding = azbind_new(CROWD_FIRST + i, TESTVM_CID(CROWD_FIRST + i),
					   fakeguest_vhost_fd(vm[i].guest), -1, NULL);
		if (vm[i].binding < 0)
			bench_die("VM %u of the crowd: BIND: %s", i, strerror(-vm[i].binding));
	}
}

static void connect_guests(struct vm *vm, unsigned int count, unsigned int each)
{
	for (unsigned int i = 0; i < count * each; i++)
		if (!fakeguest_connect(vm[i / each].guest, 0, testvm_port()))
			bench_die("VM %u of the crowd: connect: %s", i / each, strerror(errno));
}

void memory_fill(unsigned int bindings, unsigned int each, struct memory_result *result)
{
	struct vm *vm = calloc(bindings, sizeof(*vm));
	double before, bound, connected;
	int threads;

	if (!vm)
		bench_die("memory");
	start_guests(vm, bindings);
	threads = kernel_threads();
	before = slab();
	bind_guests(vm, bindings);
	bound = slab();
	connect_guests(vm, bindings, each);
	connected = slab();
	*result = (struct memory_result) {
		.bindings = bindings,
		.connections = bindings * each,
		.bytes_per_binding = (bound - before) / bindings,
		.bytes_per_connection = (connected - bound) / (bindings * each),
		.kernel_threads = kernel_threads() - threads,
	};
}
