// SPDX-License-Identifier: GPL-2.0
// Owns an emulator without a machine: to libvirt it is a QEMU with a vsock device, and it costs nothing.

/*
 * What it has of a QEMU is what libvirt and azattest look at: the vhost-vsock
 * descriptor on its command line, told its CID, and a monitor whose states and
 * events are those of a machine that runs, pauses and quits. What libvirt asks
 * of a kind of emulator (-machine none) the real one answers.
 */
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/vhost.h>

#define REAL	"/usr/bin/qemu-system-x86_64"

static bool running;

/* ---- the command line ---- */

static const char *option(char **argv, const char *name, const char *with)
{
	for (; argv[0] && argv[1]; argv++)
		if (!strcmp(argv[0], name) && strstr(argv[1], with))
			return argv[1];
	return NULL;
}

static int monitor(char **argv)
{
	const char *text = option(argv, "-chardev", "id=charmonitor"), *fd = text ? strstr(text, "fd=") : NULL;

	if (!fd)
		errx(1, "no -chardev id=charmonitor with a descriptor");
	return atoi(fd + 3);
}

/* As QEMU does it: libvirt has told the device its CID before. */
static void take_cid(char **argv)
{
	const char *text = option(argv, "-device", "vhost-vsock");
	json_t *device = text ? json_loads(text, 0, NULL) : NULL;
	json_int_t number;
	const char *fd;
	uint64_t cid;

	if (!text)
		return;
	if (json_unpack(device, "{s:I, s:s}", "guest-cid", &number, "vhostfd", &fd))
		errx(1, "%s: no guest-cid, no vhostfd", text);
	cid = (uint64_t)number;
	if (ioctl(atoi(fd), VHOST_SET_OWNER) || ioctl(atoi(fd), VHOST_VSOCK_SET_GUEST_CID, &cid))
		err(1, "guest-cid %llu", (unsigned long long)cid);
	json_decref(device);
}

/* ---- the monitor ---- */

static void tell(int fd, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);

	dprintf(fd, "%s\r\n", text);
	free(text);
	json_decref(message);
}

static void tell_event(int fd, const char *event)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	tell(fd, json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)now.tv_sec,
			   "microseconds", (json_int_t)now.tv_nsec / 1000, "event", event));
}

static void run(int fd, bool on)
{
	if (running == on)
		return;
	running = on;
	tell_event(fd, on ? "RESUME" : "STOP");
}

#define PROCESSOR	"/machine/unattached/device[0]"

static json_t *place(void)
{
	return json_pack("{s:i, s:i, s:i}", "core-id", 0, "thread-id", 0, "socket-id", 0);
}

static json_t *processors(void)
{
	return json_pack("[{s:i, s:s, s:i, s:s, s:o}]", "cpu-index", 0, "qom-path", PROCESSOR,
			 "thread-id", getpid(), "target", "x86_64", "props", place());
}

/* What libvirt that comes back asks for: without one the domain is lost to it. */
static json_t *processor_places(void)
{
	return json_pack("[{s:s, s:i, s:s, s:o}]", "type", "qemu64-x86_64-cpu", "vcpus-count", 1,
			 "qom-path", PROCESSOR, "props", place());
}

static json_t *status(void)
{
	return json_pack("{s:s, s:b, s:b}", "status", running ? "running" : "paused",
			 "singlestep", 0, "running", running);
}

/* What is a list at a real one; all else that is asked has nothing to say. */
static bool is_list(const char *command)
{
	static const char * const lists[] = {
		"query-block", "query-chardev", "query-named-block-nodes", "query-iothreads",
		"query-memory-devices", "query-rx-filter", "query-jobs", "query-block-jobs",
		"query-migrate-capabilities", "qom-list", "qom-get",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!strcmp(command, lists[i]))
			return true;
	return false;
}

static json_t *result(int fd, const char *command)
{
	if (!strcmp(command, "cont") || !strcmp(command, "stop"))
		run(fd, !strcmp(command, "cont"));
	if (!strcmp(command, "query-status"))
		return status();
	if (!strcmp(command, "query-cpus-fast"))
		return processors();
	if (!strcmp(command, "query-hotpluggable-cpus"))
		return processor_places();
	return is_list(command) ? json_array() : json_object();
}

static void serve(int fd)
{
	FILE *in = fdopen(fd, "r");
	json_t *question;

	tell(fd, json_pack("{s:{s:{s:{s:i, s:i, s:i}, s:s}, s:[]}}", "QMP", "version", "qemu",
			   "major", 7, "minor", 2, "micro", 0, "package", "", "capabilities"));
	while (in && (question = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL))) {
		const char *command = json_string_value(json_object_get(question, "execute"));
		bool last = command && !strcmp(command, "quit");

		tell(fd, json_pack("{s:o, s:O?}", "return", result(fd, command ?: ""), "id",
				   json_object_get(question, "id")));
		json_decref(question);
		if (last)
			exit(EXIT_SUCCESS);
	}
	if (in)
		fclose(in);
}

int main(int argc, char **argv)
{
	int listening, fd;

	if (argc < 2 || option(argv, "-machine", "none") || !strcmp(argv[1], "-help")) {
		execv(REAL, argv);
		err(1, "%s", REAL);
	}
	signal(SIGPIPE, SIG_IGN);	/* a libvirtd that is killed takes no emulator along */
	take_cid(argv);
	listening = monitor(argv);
	while ((fd = accept(listening, NULL, NULL)) >= 0)
		serve(fd);
	err(1, "monitor");
}
