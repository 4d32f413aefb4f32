// SPDX-License-Identifier: GPL-2.0
// Owns the fence as a whole: open and close, configuration, the socket, refusals, costs.

#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Above it the arithmetic of the bucket would not fit; no host needs it. */
#define SYN_MAX		1000000u

static const char *const reasons[FENCE_REASON_COUNT] = {
	[FENCE_REASON_UNENROLLED] = "unenrolled",
	[FENCE_REASON_SHORT] = "short",
	[FENCE_REASON_VLAN] = "vlan",
	[FENCE_REASON_ETHERTYPE] = "ethertype",
	[FENCE_REASON_ARP] = "arp",
	[FENCE_REASON_MAC] = "mac",
	[FENCE_REASON_IP_HEADER] = "ip-header",
	[FENCE_REASON_FRAGMENT] = "fragment",
	[FENCE_REASON_PROTOCOL] = "protocol",
	[FENCE_REASON_DESTINATION] = "destination",
	[FENCE_REASON_SOURCE] = "source",
	[FENCE_REASON_RATE] = "rate",
	[FENCE_REASON_UNMARKED] = "unmarked",
	[FENCE_REASON_NO_GUEST] = "no-guest",
	[FENCE_REASON_NOT_OURS] = "not-ours",
	[FENCE_REASON_SOCKET] = "socket",
	[FENCE_REASON_CGROUP] = "cgroup",
	[FENCE_REASON_FAULT] = "fault",
};

const char *fence_reason_name(unsigned int reason)
{
	return reason < FENCE_REASON_COUNT ? reasons[reason] : "unknown";
}

void fence_object_close(struct fence_object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	*object = (struct fence_object) { .fd = -1 };
}

int fence_object_take(struct fence_object *object, int fd)
{
	/* Maps, programs and links all begin with a type and their id. */
	struct { uint32_t type, id; } info = { 0 };
	uint32_t size = sizeof(info);
	int ret;

	fence_object_close(object);
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (ret) {
		close(fd);
		return ret;
	}
	*object = (struct fence_object) { .fd = fd, .id = info.id };
	return 0;
}

const char *fence_device(unsigned int ifindex, char name[IFNAMSIZ + 16])
{
	if (!if_indextoname(ifindex, name))
		snprintf(name, IFNAMSIZ + 16, "interface %u", ifindex);
	return name;
}

int fence_conf_read(struct fence *fence, struct fence_conf *conf)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(fence->map[FENCE_CONF].fd, &zero, conf);
}

int fence_conf_write(struct fence *fence, const struct fence_conf *conf, struct failure *failure)
{
	struct fence_conf now;
	uint32_t zero = 0;
	int ret;

	if (!fence_conf_read(fence, &now) && !memcmp(&now, conf, sizeof(now)))
		return 0;
	ret = bpf_map_update_elem(fence->map[FENCE_CONF].fd, &zero, conf, BPF_ANY);
	if (ret)
		return failure_set(failure, 1, ret, "fence: map conf: %s", strerror(-ret));
	return 0;
}

static bool in_range(const struct fence_config *config, struct in_addr address)
{
	return ntohl(address.s_addr) - config->base < config->slots;
}

static int config_check(const struct fence_config *config, struct failure *failure)
{
	if (!config->address[0].s_addr || !config->port)
		return failure_set(failure, 1, -EINVAL, "fence: no service address or port");
	if (config->slots < 2 || config->slots > FENCE_SLOTS_MAX ||
	    config->base + config->slots < config->base)
		return failure_set(failure, 1, -EINVAL, "fence: %u slots: not 2 to %u", config->slots,
				   FENCE_SLOTS_MAX);
	if (in_range(config, config->address[0]) || in_range(config, config->address[1]))
		return failure_set(failure, 1, -EINVAL,
				   "fence: a service address lies in the internal range");
	if (!config->syn_rate || config->syn_rate > SYN_MAX || !config->syn_burst ||
	    config->syn_burst > SYN_MAX)
		return failure_set(failure, 1, -EINVAL, "fence: connections a second: not 1 to %u",
				   SYN_MAX);
	return 0;
}

static int config_apply(struct fence *fence, struct failure *failure)
{
	const struct fence_config *config = &fence->config;
	struct fence_conf conf = { 0 };
	unsigned int i;
	int ret = fence_conf_read(fence, &conf);

	if (ret)
		return failure_set(failure, 1, ret, "fence: map conf: %s", strerror(-ret));
	/* Who listens was told the old range, and would take one VM's address for another's. */
	if (conf.base != config->base || conf.slots != config->slots)
		fence_clear_socket(fence);
	for (i = 0; i < FENCE_ADDRESSES; i++)
		conf.address[i] = config->address[i].s_addr;
	conf.port = htons(config->port);
	conf.base = config->base;
	conf.slots = config->slots;
	conf.syn_rate = config->syn_rate;
	conf.syn_burst = config->syn_burst;
	return fence_conf_write(fence, &conf, failure);
}

static struct fence *fence_new(const struct fence_config *config)
{
	struct fence *fence = calloc(1, sizeof(*fence));
	unsigned int i;

	if (!fence)
		return NULL;
	fence->config = *config;
	fence->netlink = -1;
	snprintf(fence->pin_dir, sizeof(fence->pin_dir), "%s",
		 config->pin_dir ? config->pin_dir : FENCE_PIN_DIR);
	fence->config.pin_dir = fence->pin_dir;
	for (i = 0; i < FENCE_PROGRAMS; i++)
		fence->program[i].fd = -1;
	for (i = 0; i < FENCE_MAPS; i++)
		fence->map[i].fd = -1;
	for (i = 0; i < FENCE_LINKS; i++)
		fence->link[i].fd = -1;
	return fence;
}

int fence_open(struct fence **fence, const struct fence_config *config, bool *adopted,
	       struct failure *failure)
{
	int ret = config_check(config, failure);
	struct fence *f;

	if (ret)
		return ret;
	f = fence_new(config);
	if (!f)
		return failure_set(failure, 1, -ENOMEM, "fence: no memory");
	libbpf_set_print(NULL);	/* failures are said in one line, by us */
	ret = tc_open(f, failure);
	if (!ret)
		ret = pins_prepare(f, failure);
	if (!ret)
		ret = load_open(f, adopted, failure);
	if (!ret)
		ret = config_apply(f, failure);
	if (!ret)
		ret = links_open(f, failure);
	if (ret) {
		fence_close(f);
		return ret;
	}
	*fence = f;
	return 0;
}

void fence_close(struct fence *fence)
{
	unsigned int i;

	if (!fence)
		return;
	for (i = 0; i < FENCE_LINKS; i++)
		fence_object_close(&fence->link[i]);
	for (i = 0; i < FENCE_PROGRAMS; i++)
		fence_object_close(&fence->program[i]);
	for (i = 0; i < FENCE_MAPS; i++)
		fence_object_close(&fence->map[i]);
	if (fence->netlink >= 0)
		close(fence->netlink);
	free(fence);
}

/* Taps first: nothing passes from then on, whatever fails after it. */
int fence_remove(struct fence *fence, struct failure *failure)
{
	int ret = filter_sweep(fence, true, failure), pins;

	links_detach(fence);
	pins = pins_remove(fence, failure);
	return ret ? ret : pins;
}

int fence_set_socket(struct fence *fence, int listening, struct failure *failure)
{
	uint64_t value = (uint64_t)listening;
	uint32_t zero = 0;
	int ret;

	ret = listening < 0 ? -EBADF :
	      bpf_map_update_elem(fence->map[FENCE_SOCK].fd, &zero, &value, BPF_ANY);
	if (ret)
		return failure_set(failure, 1, ret, "fence: socket of azattest-restd: %s",
				   strerror(-ret));
	return 0;
}

void fence_clear_socket(struct fence *fence)
{
	uint32_t zero = 0;

	bpf_map_delete_elem(fence->map[FENCE_SOCK].fd, &zero);
}

int fence_drops_read(struct fence *fence, uint64_t drops[FENCE_REASON_COUNT])
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < FENCE_REASON_COUNT && !ret; i++)
		ret = bpf_map_lookup_elem(fence->map[FENCE_GDROP].fd, &i, &drops[i]);
	return ret;
}

unsigned int fence_costs(struct fence *fence, struct fence_cost *costs, unsigned int max)
{
	struct bpf_prog_info info;
	uint32_t size;
	unsigned int i, count = 0;

	for (i = 0; i < FENCE_PROGRAMS && count < max; i++) {
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fence->program[i].fd, &info, &size))
			continue;
		snprintf(costs[count].program, sizeof(costs[count].program), "%s",
			 fence_program_names[i]);
		costs[count].verified_insns = info.verified_insns;
		costs[count++].xlated_insns = info.xlated_prog_len / sizeof(struct bpf_insn);
	}
	return count;
}
