// SPDX-License-Identifier: GPL-2.0
// Owns the configuration file: its keys, their rules, and what is wrong in which line.

#include "core.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <userspace/daemon/inifile.h>

/* A value's rule: NULL, or what is wrong with it. */
typedef const char *(*rule)(const char *value, void *target);

struct key {
	const char *section;
	const char *name;
	rule set;
	size_t offset;		/* in struct config */
};

struct parse {
	struct config *config;
	uint32_t given;		/* bits by index in keys[] */
};

/* rules */

static const char *set_number(const char *value, uint32_t *target, unsigned long min,
			      unsigned long max, const char *error)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)*value))
		return error;
	errno = 0;
	number = strtoul(value, &end, 10);
	if (*end || errno || number < min || number > max)
		return error;
	*target = (uint32_t)number;
	return NULL;
}

static const char *set_bridge(const char *value, void *target)
{
	size_t length = strlen(value);

	if (!length || length >= sizeof(((struct config *)0)->net.bridge) ||
	    strpbrk(value, "/: \t%") || !strcmp(value, ".") || !strcmp(value, ".."))
		return "not an interface's name of 1 to 13 characters (2 are for further bridges)";
	strcpy(target, value);
	return NULL;
}

static const char *set_address(const char *value, void *target)
{
	struct in_addr address;

	if (inet_pton(AF_INET, value, &address) != 1)
		return "not an IPv4 address";
	if (ntohl(address.s_addr) >> 16 != 0xa9fe)
		return "not in 169.254.0.0/16: guests reach only link-local addresses without a route";
	memcpy(target, &address, sizeof(address));
	return NULL;
}

static const char *set_second_address(const char *value, void *target)
{
	if (*value)
		return set_address(value, target);
	memset(target, 0, sizeof(struct in_addr));
	return NULL;
}

static const char *set_range(const char *value, void *target)
{
	struct net_config *net = target;
	const char *slash = strchr(value, '/');
	char address[INET_ADDRSTRLEN] = "";
	struct in_addr base;
	uint32_t prefix;

	if (!slash || slash - value >= (ptrdiff_t)sizeof(address))
		return "not ADDRESS/PREFIX";
	memcpy(address, value, (size_t)(slash - value));
	if (inet_pton(AF_INET, address, &base) != 1)
		return "not ADDRESS/PREFIX";
	if (set_number(slash + 1, &prefix, 19, 30, ""))
		return "its prefix is not from 19 (8191 VMs) to 30 (3 VMs)";
	if (ntohl(base.s_addr) & ((1u << (32 - prefix)) - 1))
		return "its address is not the first of the range";
	if (!(ntohl(base.s_addr) >> 24) || ntohl(base.s_addr) >> 24 == 127 ||
	    ntohl(base.s_addr) >> 28 >= 14 || ntohl(base.s_addr) >> 16 == 0xa9fe)
		return "not unicast addresses of its own";
	net->base = ntohl(base.s_addr);
	net->prefix = prefix;
	return NULL;
}

static const char *set_mtu(const char *value, void *target)
{
	return set_number(value, target, 1280, 65535, "not a number from 1280 to 65535");
}

static const char *set_port(const char *value, void *target)
{
	uint32_t port;
	const char *error = set_number(value, &port, 1, 65535, "not a port from 1 to 65535");

	if (!error)
		*(uint16_t *)target = (uint16_t)port;
	return error;
}

static const char *set_hop_limit(const char *value, void *target)
{
	uint32_t hops;
	const char *error = set_number(value, &hops, 0, 255,
				       "not a number from 1 to 255, or 0 for the system's");

	if (!error)
		*(uint8_t *)target = (uint8_t)hops;
	return error;
}

static const char *set_account(const char *value, void *target)
{
	if (!*value || strlen(value) >= sizeof(((struct config *)0)->rest_user))
		return "not a name of 1 to 32 characters";
	strcpy(target, value);
	return NULL;
}

static const char *set_connections(const char *value, void *target)
{
	return set_number(value, target, 1, 1024, "not a number from 1 to 1024");
}

static const char *set_ms(const char *value, void *target)
{
	return set_number(value, target, 10, 600000, "not milliseconds from 10 to 600000");
}

static const char *set_rate(const char *value, void *target)
{
	return set_number(value, target, 1, 100000, "not a number from 1 to 100000");
}

static const char *set_request_rate(const char *value, void *target)
{
	return set_number(value, target, 0, 100000, "not a number from 0 (no limit) to 100000");
}

static const char *set_text(const char *value, void *target)
{
	json_t *utf8;

	if (strlen(value) >= sizeof(((struct config *)0)->location))
		return "longer than 128 bytes";
	for (const char *p = value; *p; p++)
		if (iscntrl((unsigned char)*p))
			return "has control characters";
	utf8 = json_string(value);
	if (!utf8)
		return "not UTF-8";
	json_decref(utf8);
	strcpy(target, value);
	return NULL;
}

#define MEMBER(m)	offsetof(struct config, m)

static const struct key keys[] = {
	{ "network", "bridge", set_bridge, MEMBER(net.bridge) },
	{ "network", "address", set_address, MEMBER(net.address[0]) },
	{ "network", "second-address", set_second_address, MEMBER(net.address[1]) },
	{ "network", "range", set_range, MEMBER(net) },
	{ "network", "mtu", set_mtu, MEMBER(net.mtu) },
	{ "network", "port", set_port, MEMBER(port) },
	{ "network", "hop-limit", set_hop_limit, MEMBER(hop_limit) },
	{ "rest", "user", set_account, MEMBER(rest_user) },
	{ "rest", "connections-per-vm", set_connections, MEMBER(connections_per_vm) },
	{ "rest", "idle-ms", set_ms, MEMBER(idle_ms) },
	{ "rest", "request-ms", set_ms, MEMBER(request_ms) },
	{ "rest", "answer-ms", set_ms, MEMBER(answer_ms) },
	{ "rest", "request-rate", set_request_rate, MEMBER(request_rate) },
	{ "rest", "request-burst", set_rate, MEMBER(request_burst) },
	{ "rest", "syn-rate", set_rate, MEMBER(syn_rate) },
	{ "rest", "syn-burst", set_rate, MEMBER(syn_burst) },
	{ "api", "admin-group", set_account, MEMBER(admin_group) },
	{ "instance", "location", set_text, MEMBER(location) },
	{ "instance", "provider", set_text, MEMBER(provider) },
	{ "instance", "os-type", set_text, MEMBER(os_type) },
	{ "instance", "resource-group", set_text, MEMBER(resource_group) },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

void config_each_key(void (*each)(const char *section, const char *key, void *arg), void *arg)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		each(keys[i].section, keys[i].name, arg);
}

static int on_section(void *arg, const char *name, struct inifile_error *error)
{
	(void)arg;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (!strcmp(keys[i].section, name))
			return 0;
	return inifile_wrong(error, "[%s]: no such section", name);
}

static int on_key(void *arg, const char *section, const char *name, const char *value,
		  struct inifile_error *error)
{
	struct parse *parse = arg;
	const char *wrong;

	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(keys[i].section, section) || strcmp(keys[i].name, name))
			continue;
		if (parse->given & (1u << i))
			return inifile_wrong(error, "%s: given twice", name);
		parse->given |= 1u << i;
		wrong = keys[i].set(value, (char *)parse->config + keys[i].offset);
		return wrong ? inifile_wrong(error, "%s: %s", name, wrong) : 0;
	}
	return inifile_wrong(error, "%s: no such key in [%s]", name, section);
}

static void set_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	strcpy(config->net.bridge, NET_BRIDGE_NAME);
	config->net.address[0].s_addr = htonl(0xa9fea9fd);	/* 169.254.169.253 */
	config->net.base = 0xc6120000;				/* 198.18.0.0 */
	config->net.prefix = 19;
	config->net.mtu = 1500;
	config->port = 80;
	config->hop_limit = 1;
	strcpy(config->rest_user, "azattest-restd");
	config->connections_per_vm = 16;
	config->idle_ms = 30000;
	config->request_ms = 5000;
	config->answer_ms = 800;
	config->request_rate = 50;
	config->request_burst = 200;
	config->syn_rate = 50;
	config->syn_burst = 100;
	strcpy(config->admin_group, "azattest-admin");
}

/* Rules that need more than one key. */
static int check_whole(const struct config *config, const char *path, struct failure *failure)
{
	if (config->net.address[0].s_addr == config->net.address[1].s_addr)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: [network] second-address: the same as address: leave it away",
				   path);
	return 0;
}

static int resolve_names(struct config *config, const char *path, struct failure *failure)
{
	struct passwd *user = getpwnam(config->rest_user);
	struct group *group;

	if (!user)
		return failure_set(failure, EXIT_CONFIG, -ENOENT,
				   "%s: [rest] user: there is no user \"%s\": make one "
				   "(systemd-sysusers does for an installed azattest) or name another",
				   path, config->rest_user);
	config->rest_uid = user->pw_uid;
	group = getgrnam(config->admin_group);
	config->admin_gid = group ? group->gr_gid : (gid_t)-1;
	return 0;
}

int config_read(struct config *config, const char *path, struct failure *failure)
{
	static const struct inifile_rules rules = { on_section, on_key };
	struct parse parse = { .config = config };
	bool given = path;
	int ret;

	set_defaults(config);
	if (!given)
		path = CONFIG_PATH;
	ret = inifile_read(path, &rules, &parse, EXIT_CONFIG, failure);
	if (ret && (ret != -ENOENT || given))
		return ret;
	ret = check_whole(config, path, failure);
	return ret ? ret : resolve_names(config, path, failure);
}
