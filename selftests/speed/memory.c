// SPDX-License-Identifier: GPL-2.0
// Owns the crowd: many bindings, many idle connections, and what they cost.

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/lib/slab.h>
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

static void look(struct slab_look *slab)
{
	if (slab_look(slab))
		bench_die("the kernel's slabs: %s", strerror(errno));
}

static void explain(const char *what, const struct slab_look *a, const struct slab_look *b,
		    unsigned int n)
{
	char text[512];

	slab_explain(a, b, n, text, sizeof(text));
	printf("# bytes of a %s: %s\n", what, text);
}

/* Room for all descriptors, so that the table's growth is nobody's. */
static void widen_descriptor_table(unsigned int bindings)
{
	close(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 64 + 8 * bindings));
}

void memory_fill(unsigned int bindings, unsigned int each, struct memory_result *result)
{
	static struct slab_look before, bound, connected;
	struct vm *vm = calloc(bindings, sizeof(*vm));
	int threads;

	if (!vm)
		bench_die("memory");
	widen_descriptor_table(bindings);
	start_guests(vm, bindings);
	threads = kernel_threads();
	look(&before);
	bind_guests(vm, bindings);
	look(&bound);
	connect_guests(vm, bindings, each);
	look(&connected);
	explain("binding", &before, &bound, bindings);
	explain("connection", &bound, &connected, bindings * each);
	*result = (struct memory_result) {
		.bindings = bindings,
		.connections = bindings * each,
		.bytes_per_binding = (double)(bound.bytes - before.bytes) / bindings,
		.bytes_per_connection = (double)(connected.bytes - bound.bytes) / (bindings * each),
		.kernel_threads = kernel_threads() - threads,
	};
}
