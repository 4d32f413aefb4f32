// SPDX-License-Identifier: GPL-2.0
// Owns the look at the host's own packet filters, by the programs that made them.

#include <userspace/hostd/filter.h>
#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX	(8 << 20)
#define PATIENCE_MS	3000	/* hostd does nothing else meanwhile */
#define STEP		65536

#define NFT		"/usr/sbin/nft"
#define IPTABLES_NFT	"/usr/sbin/iptables-nft-save"
#define IPTABLES_LEGACY	"/usr/sbin/iptables-legacy-save"
#define LEGACY_TABLES	"/proc/net/ip_tables_names"

/* @fd: what it writes. */
static pid_t start(char *const argv[], int *fd)
{
	static char *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int pipes[2], err;
	pid_t pid = 0;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(&pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(pipes[1]);
	*fd = pipes[0];
	if (!err)
		return pid;
	close(pipes[0]);
	return -err;
}

/* All it says until it closes its end; -ETIMEDOUT, -EFBIG. */
static ssize_t read_all(int fd, char **text)
{
	int64_t end = watch_now_ms() + PATIENCE_MS;
	size_t room = 0, size = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = end - watch_now_ms();
		ssize_t n;

		if (left <= 0 || !poll(&ready, 1, (int)left))
			return -ETIMEDOUT;
		if (room - size < STEP) {
			room += STEP * 2;
			*text = room > OUTPUT_MAX ? *text : realloc(*text, room);
			if (room > OUTPUT_MAX)
				return -EFBIG;
			if (!*text)
				abort();
		}
		n = read(fd, *text + size, room - size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(*text)[size] = '\0';
			return n ? -errno : (ssize_t)size;
		}
		size += (size_t)n;
	}
}

/* Its output, to be freed in any case; -ENOENT: it is not installed. */
static ssize_t run(char *const argv[], char **text)
{
	int status = 0, fd = -1;
	ssize_t size;
	pid_t pid;

	*text = NULL;
	pid = start(argv, &fd);
	if (pid < 0)
		return pid;
	size = read_all(fd, text);
	close(fd);
	if (size < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return size >= 0 && status ? -EIO : size;
}

static int advise_nft(const char *chain, const struct filter_packet *packet, char *advice,
		      size_t size)
{
	snprintf(advice, size,
		 "the packet filter drops what guests send to the REST door: nft insert rule %s iifname \"%s\" tcp dport %u accept",
		 chain, packet->device, packet->port);
	return 1;
}

static int advise_iptables(const char *program, const struct filter_packet *packet,
			   char *advice, size_t size)
{
	snprintf(advice, size,
		 "the packet filter drops what guests send to the REST door: %s -I INPUT -i %s -p tcp --dport %u -j ACCEPT",
		 program, packet->device, packet->port);
	return 1;
}

static int check_iptables(char *path, const char *program, const struct filter_packet *packet,
			  char *advice, size_t size)
{
	char *argv[] = { path, (char *)"-t", (char *)"filter", NULL };
	struct filter filter = { 0 };
	ssize_t err;
	char *text;

	err = run(argv, &text);
	if (err >= 0)
		err = filter_read_iptables(&filter, packet, text);
	if (!err)
		err = filter_walk(&filter, filter_chain(&filter, "ip filter INPUT"));
	if (err > 0)
		err = advise_iptables(program, packet, advice, size);
	filter_free(&filter);
	free(text);
	return (int)err;
}

static bool is_of_iptables(const struct filter *filter, const char *name)
{
	static const char prefix[] = "ip filter ";

	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return false;
	for (size_t i = 0; i < filter->chain_count; i++)
		if (filter->chains[i].unread &&
		    !strncmp(filter->chains[i].name, prefix, sizeof(prefix) - 1))
			return true;
	return false;
}

/* A packet must pass every chain that the kernel begins with: one drop decides. */
static int check_chains(const struct filter *filter, const struct filter_packet *packet,
			char *advice, size_t size)
{
	int answer = 0;

	for (size_t i = 0; i < filter->chain_count; i++) {
		const struct filter_chain *chain = &filter->chains[i];
		int err;

		if (!chain->input)
			continue;
		if (is_of_iptables(filter, chain->name)) {
			err = check_iptables((char *)IPTABLES_NFT, "iptables", packet, advice,
					     size);
		} else {
			err = filter_walk(filter, i);
			if (err > 0)
				err = advise_nft(chain->name, packet, advice, size);
		}
		if (err > 0)
			return err;
		answer = err ? err : answer;
	}
	return answer;
}

static int check_nft(const struct filter_packet *packet, char *advice, size_t size)
{
	/* Terse: sets with a name may be long, and we would not look inside. */
	char *argv[] = { (char *)NFT, (char *)"-j", (char *)"-t", (char *)"list",
			 (char *)"ruleset", NULL };
	struct filter filter = { 0 };
	ssize_t err;
	char *text;

	err = run(argv, &text);
	if (err >= 0)
		err = filter_read_nft(&filter, packet, text, (size_t)err);
	if (!err)
		err = check_chains(&filter, packet, advice, size);
	filter_free(&filter);
	free(text);
	return (int)err;
}

/* The older kind of iptables, which nft does not see. */
static bool has_legacy(void)
{
	FILE *file = fopen(LEGACY_TABLES, "re");
	char line[64];
	bool has = false;

	while (file && fgets(line, sizeof(line), file))
		has |= !strcmp(line, "filter\n");
	if (file)
		fclose(file);
	return has;
}

int net_firewall_check(struct net *net, uint16_t port, char *advice, size_t size)
{
	struct filter_packet packet = {
		.device = net->config->bridge,
		.port = port,
		.config = net->config,
	};
	int legacy = 0, err;

	advice[0] = '\0';
	err = check_nft(&packet, advice, size);
	if (err <= 0 && has_legacy())
		legacy = check_iptables((char *)IPTABLES_LEGACY, "iptables-legacy", &packet,
					advice, size);
	return legacy > 0 || !err ? legacy : err;
}
