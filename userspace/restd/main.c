// SPDX-License-Identifier: GPL-2.0
// Owns restd's options, its listening socket, and the order in which it gives up its rights.

#include "restd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include <userspace/common/common.h>

#define BACKLOG		4096
/* Descriptors: one for each VM and each connection, two while one lingers. */
#define FILES_MOST	65536

struct options {
	const char *run;
	const char *user;
	struct sockaddr_in listen;
};

static int usage(FILE *to)
{
	fputs("usage: azattest-restd [options]\n"
	      "Answers attestation requests of VMs over HTTP; stays in the foreground.\n"
	      "  --run DIR           where azattest-hostd's socket is (/run/azattest)\n"
	      "  --listen ADDR:PORT  169.254.169.253:80\n"
	      "  --user NAME         whom to become, if started by root (azattest-restd)\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

/* "ADDR:PORT", both as numbers. */
static int parse_listen(const char *text, struct sockaddr_in *address)
{
	const char *colon = strrchr(text, ':');
	char name[INET_ADDRSTRLEN] = "";
	unsigned long port;
	char *end;

	if (!colon || (size_t)(colon - text) >= sizeof(name) || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	memcpy(name, text, (size_t)(colon - text));
	port = strtoul(colon + 1, &end, 10);
	if (*end || !port || port > UINT16_MAX)
		return -EINVAL;
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, name, &address->sin_addr) == 1 ? 0 : -EINVAL;
}

static void take_listen(struct options *options, const char *text)
{
	if (!parse_listen(text, &options->listen))
		return;
	fprintf(stderr, "azattest-restd: --listen \"%s\": is not ADDR:PORT in numbers\n", text);
	exit(EXIT_USAGE);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "run", required_argument, NULL, 'r' },
		{ "listen", required_argument, NULL, 'l' },
		{ "user", required_argument, NULL, 'u' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'r': options->run = optarg; break;
		case 'l': take_listen(options, optarg); break;
		case 'u': options->user = optarg; break;
		case 'v':
			puts("azattest-restd " AZATTEST_PRODUCT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			exit(usage(c == 'h' ? stdout : stderr));
		}
	}
	if (optind < argc)
		exit(usage(stderr));
}

static int set_to(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int set(int fd, int level, int option)
{
	return set_to(fd, level, option, 1);
}

/*
 * In this process's own cgroup, which the socket keeps. The address need not be
 * there yet: azattest-hostd's bridge brings it, and may bring it again.
 *
 * Connections inherit what is set here. An answer follows its request at once and
 * carries the acknowledgement: one packet less, on a new connection too, where TCP
 * would send it alone first (tcp(7), TCP_QUICKACK; listen() would undo it).
 */
static int make_socket(const struct sockaddr_in *address, struct failure *failure)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[INET_ADDRSTRLEN];

	if (fd >= 0 && !set(fd, SOL_SOCKET, SO_REUSEADDR) && !set(fd, IPPROTO_IP, IP_FREEBIND) &&
	    !set(fd, IPPROTO_TCP, TCP_NODELAY) &&
	    !bind(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    !listen(fd, BACKLOG) && !set_to(fd, IPPROTO_TCP, TCP_QUICKACK, 0))
		return fd;
	inet_ntop(AF_INET, &address->sin_addr, name, sizeof(name));
	return failure_set(failure, EXIT_FAILURE, -errno, "cannot listen on %s:%u: %s%s", name,
			   ntohs(address->sin_port), strerror(errno),
			   errno == EADDRINUSE ? ": end what listens there, or give --listen" : "");
}

/* As many descriptors as we are allowed; a quarter of them may be connections. */
static unsigned int raise_files(void)
{
	struct rlimit files = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < FILES_MOST ? files.rlim_max : FILES_MOST;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	return (unsigned int)files.rlim_cur / 4;
}

static int start(const struct options *options, struct failure *failure)
{
	unsigned int connections = raise_files();
	int fd = make_socket(&options->listen, failure);
	int ret;

	if (fd < 0)
		return fd;
	ret = rights_drop(options->user, failure);
	if (ret)
		return ret;
	ret = watch_open();
	if (!ret)
		ret = conn_open(fd, connections);
	if (!ret)
		ret = http_open(2 * connections);
	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "start: %s", strerror(-ret));
	if (link_open(options->run, fd))
		return failure_set(failure, EXIT_USAGE, -EINVAL, "--run \"%s\": is too long",
				   options->run);
	/* Both read a file once; the first object and the first Date would, behind the list. */
	json_object_seed(0);
	tzset();
	return seccomp_close(failure);
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* libmicrohttpd first: what it does begins times that are looked at after it. */
static void run(void)
{
	for (;;) {
		int64_t now;
		int timeout;

		http_run();
		now = watch_now_ms();
		timeout = sooner(link_tick(now), conn_tick(now));
		timeout = sooner(timeout, count_report(now));
		watch_wait_many(sooner(timeout, http_timeout()));
	}
}

int main(int argc, char **argv)
{
	struct options options = { .run = "/run/azattest", .user = "azattest-restd" };
	struct failure failure;

	log_name = "azattest-restd";
	parse_listen("169.254.169.253:80", &options.listen);
	parse(argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (start(&options, &failure)) {
		log_line(LOG_CRIT, "%s", failure.text);
		return failure.exit;
	}
	sd_notify(0, "READY=1\nSTATUS=Waiting for azattest-hostd");
	run();
}
