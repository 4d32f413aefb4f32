// SPDX-License-Identifier: GPL-2.0
// Owns the namespace that a promise about the host's network is tried in.

#include <selftests/hostnet/hostnet.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void hostnet_begin(void)
{
	if (geteuid())
		tap_skip_all("root alone may make network namespaces");
	/* Kernels that have these built in know no such modules. */
	if (system("modprobe -qa bridge veth tun dummy vrf sch_ingress tcp_diag inet_diag >/dev/null 2>&1"))
		tap_diag("not all modules could be loaded");
}

static char *format_command(const char *format, va_list args)
{
	char *command;

	tap_need(vasprintf(&command, format, args) > 0);
	return command;
}

static int shell(const char *format, va_list args)
{
	char *command = format_command(format, args);
	int status = system(command);

	free(command);
	return status;
}

bool hostnet_can(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = shell(format, args);
	va_end(args);
	return !status;
}

void hostnet_sh(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = shell(format, args);
	va_end(args);
	tap_need_msg(!status, "exit status %d of: %s", status, format);
}

char *hostnet_read(const char *format, ...)
{
	char *command, *text = NULL;
	size_t size = 0;
	va_list args;
	FILE *pipe;

	va_start(args, format);
	command = format_command(format, args);
	va_end(args);
	pipe = popen(command, "re");
	tap_need(pipe);
	tap_need(getdelim(&text, &size, '\0', pipe) >= 0 || feof(pipe));
	pclose(pipe);
	free(command);
	tap_need(text);
	return text;
}

void hostnet_enter(struct hostnet *host)
{
	memset(host, 0, sizeof(*host));
	host->config = (struct net_config){
		.bridge = NET_BRIDGE_NAME,
		.address = { { inet_addr("169.254.169.253") } },
		.base = BASE,
		.prefix = 19,
		.mtu = 1500,
	};
	tap_need(!unshare(CLONE_NEWNET));
	hostnet_sh("ip link set lo up");
	tap_need_msg(!net_open(&host->net, &host->config, &host->failure), "%s",
		     host->failure.text);
}

unsigned int hostnet_up(struct hostnet *host)
{
	int err = net_up(host->net, &host->repaired, &host->failure);

	tap_need_msg(!err, "net_up: %d: %s", err, host->failure.text);
	return host->repaired;
}

void hostnet_enter_up(struct hostnet *host)
{
	hostnet_enter(host);
	hostnet_up(host);
}

unsigned int hostnet_tap(struct hostnet *host, const char *name)
{
	unsigned int ifindex;

	hostnet_sh("ip tuntap add %s mode tap", name);
	ifindex = net_tap_find(host->net, name);
	tap_need(ifindex);
	return ifindex;
}

unsigned int hostnet_join(struct hostnet *host, unsigned int ifindex)
{
	unsigned int repaired;
	int err = net_port_join(host->net, ifindex, &repaired, &host->failure);

	tap_need_msg(!err, "net_port_join: %d: %s", err, host->failure.text);
	return repaired;
}

/*
 * Left out is what is no setting: timers, what a start draws at random, whether
 * there is a carrier by now, and what a device keeps of having been up once.
 */
char *hostnet_picture(void)
{
	return hostnet_read("(ip -d link | sed 's/^[0-9]*: //; s/qdisc [a-z_]*//; s/NO-CARRIER,//;"
			    " s/,LOWER_UP//; s/ state [A-Za-z]*//; s/tso_max_size [0-9]*//;"
			    " s/ [a-z_]*timer *[0-9.]*//g';"
			    " ip -o addr | sed 's/^[0-9]*: //';"
			    " ip route show table all | sed 's, linkdown,,';"
			    " ip -6 route show table all; ip rule;"
			    " grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf"
			    " /proc/sys/net/ipv4/neigh 2>/dev/null | grep -v stable_secret |"
			    " sort) 2>&1");
}

static int in_memory(const char *text)
{
	int fd = memfd_create("picture", 0);

	tap_need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

bool hostnet_same(const char *before, const char *after)
{
	char *said, *line, *save;
	int a, b;

	if (!strcmp(before, after))
		return true;
	a = in_memory(before);
	b = in_memory(after);
	said = hostnet_read("diff /proc/self/fd/%d /proc/self/fd/%d", a, b);
	for (line = strtok_r(said, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		tap_diag("%s", line);
	free(said);
	close(a);
	close(b);
	return false;
}
