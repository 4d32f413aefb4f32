// SPDX-License-Identifier: GPL-2.0
// Owns how qdiscs and filters of a device are read and changed over rtnetlink.

#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

/* Newer than the oldest headers that we build with. */
#define TCX_INGRESS	46
#define TCX_EGRESS	47

#define ANSWER_BYTES	32768

struct request {
	struct nlmsghdr head;
	struct tcmsg tc;
	char room[64];
};

typedef void (*answer_fn)(const struct nlmsghdr *message, void *arg);

int tc_open(struct fence *fence, struct failure *failure)
{
	fence->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fence->netlink < 0)
		return failure_set(failure, 1, -errno, "fence: rtnetlink: %m");
	return 0;
}

static struct request request_make(int type, int flags, unsigned int ifindex, uint32_t parent)
{
	return (struct request) {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
			.nlmsg_type = (uint16_t)type,
			.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		},
		.tc = {
			.tcm_family = AF_UNSPEC,
			.tcm_ifindex = (int)ifindex,
			.tcm_parent = parent,
		},
	};
}

static void request_add(struct request *request, unsigned short type, const void *value,
			size_t size)
{
	struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->head.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), value, size);
	request->head.nlmsg_len = NLMSG_ALIGN(request->head.nlmsg_len) +
				  RTA_ALIGN(attribute->rta_len);
}

/* One datagram of an answer; 1: more will come. */
static int answer_read(const char *buffer, size_t length, uint32_t sequence, answer_fn each,
		       void *arg)
{
	const struct nlmsghdr *message = (const void *)buffer;

	for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
		if (message->nlmsg_seq != sequence)
			continue;
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		if (each)
			each(message, arg);
	}
	return 1;
}

/* A datagram of the kernel's: others may send to this socket too, and are not listened to. */
static ssize_t answer_receive(struct fence *fence, char buffer[ANSWER_BYTES])
{
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n;

	do
		n = recvfrom(fence->netlink, buffer, ANSWER_BYTES, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size);
	while ((n >= 0 && from.nl_pid) || (n < 0 && errno == EINTR));
	return n;
}

/*
 * Sends it and reads the whole answer; 0, or -errno as the kernel said it. The
 * answer is there when send returns, so nothing is waited for.
 */
static int request_send(struct fence *fence, struct request *request, answer_fn each, void *arg)
{
	static uint32_t sequence;
	_Alignas(struct nlmsghdr) char buffer[ANSWER_BYTES];
	ssize_t n;
	int ret;

	request->head.nlmsg_seq = ++sequence;
	/* NLM_F_EXCL is one of the two bits of NLM_F_DUMP. */
	if ((request->head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fence->netlink, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = answer_receive(fence, buffer);
		if (n < 0)
			return -errno;
		ret = answer_read(buffer, (size_t)n, request->head.nlmsg_seq, each, arg);
	} while (ret > 0);
	return ret;
}

/* Attributes of a tc message by type, up to @max. */
static void attributes_read(const struct rtattr *attribute, size_t length,
			    const struct rtattr **table, unsigned int max)
{
	memset(table, 0, sizeof(*table) * (max + 1));
	for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
		unsigned int type = attribute->rta_type & NLA_TYPE_MASK;

		if (type <= max)
			table[type] = attribute;
	}
}

static uint32_t attribute_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static void attribute_text(const struct rtattr *attribute, char *text, size_t size)
{
	size_t length = attribute ? RTA_PAYLOAD(attribute) : 0;

	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(text, RTA_DATA(attribute), length);
	text[length] = 0;
}

/*
 * Asked whether the qdisc there is "ingress", the kernel says EINVAL if it is
 * another. If it is, it also tells everybody who listens for changes of qdiscs,
 * although nothing changed: so this must not be asked in an audit.
 */
bool tc_is_ingress(struct fence *fence, unsigned int ifindex)
{
	struct request request = request_make(RTM_GETQDISC, 0, ifindex, TC_H_INGRESS);

	request_add(&request, TCA_KIND, "ingress", sizeof("ingress"));
	return !request_send(fence, &request, NULL, NULL);
}

int tc_clsact_add(struct fence *fence, unsigned int ifindex)
{
	struct request request = request_make(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex,
					      TC_H_CLSACT);

	request.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	request_add(&request, TCA_KIND, "clsact", sizeof("clsact"));
	return request_send(fence, &request, NULL, NULL);
}

/* The kernel compares the kind: an "ingress" qdisc stays. */
int tc_clsact_delete(struct fence *fence, unsigned int ifindex)
{
	struct request request = request_make(RTM_DELQDISC, 0, ifindex, TC_H_CLSACT);

	request.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	request_add(&request, TCA_KIND, "clsact", sizeof("clsact"));
	return request_send(fence, &request, NULL, NULL);
}

struct device_list {
	unsigned int *ifindex;
	size_t count;
};

static void device_note(const struct nlmsghdr *message, void *arg)
{
	const struct tcmsg *tc = NLMSG_DATA(message);
	struct device_list *list = arg;
	unsigned int *more;

	if (message->nlmsg_type != RTM_NEWQDISC || tc->tcm_parent != TC_H_INGRESS)
		return;
	more = reallocarray(list->ifindex, list->count + 1, sizeof(*more));
	if (!more)
		return;
	list->ifindex = more;
	list->ifindex[list->count++] = (unsigned int)tc->tcm_ifindex;
}

int tc_qdisc_each(struct fence *fence, void (*each)(struct fence *fence, unsigned int ifindex))
{
	struct request request = request_make(RTM_GETQDISC, NLM_F_DUMP, 0, 0);
	struct device_list list = { 0 };
	int ret = request_send(fence, &request, device_note, &list);
	size_t i;

	for (i = 0; i < list.count; i++)
		each(fence, list.ifindex[i]);
	free(list.ifindex);
	return ret;
}

static uint32_t hook_parent(enum fence_hook hook)
{
	return TC_H_MAKE(TC_H_CLSACT, hook == FENCE_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

struct filter_list {
	struct tc_filter *filters;
	unsigned int count;
	unsigned int max;
};

static void filter_read(const struct nlmsghdr *message, struct tc_filter *filter)
{
	const struct rtattr *table[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	const struct tcmsg *tc = NLMSG_DATA(message);
	const struct rtattr *options;

	attributes_read(TCA_RTA(tc), message->nlmsg_len - NLMSG_LENGTH(sizeof(*tc)), table, TCA_MAX);
	*filter = (struct tc_filter) {
		.handle = tc->tcm_handle,
		.chain = attribute_u32(table[TCA_CHAIN]),
		.priority = (uint16_t)(TC_H_MAJ(tc->tcm_info) >> 16),
		.protocol = (uint16_t)TC_H_MIN(tc->tcm_info),
	};
	attribute_text(table[TCA_KIND], filter->kind, sizeof(filter->kind));
	options = table[TCA_OPTIONS];
	if (strcmp(filter->kind, "bpf") || !options)
		return;
	attributes_read(RTA_DATA(options), RTA_PAYLOAD(options), bpf, TCA_BPF_MAX);
	attribute_text(bpf[TCA_BPF_NAME], filter->name, sizeof(filter->name));
	filter->program = attribute_u32(bpf[TCA_BPF_ID]);
	filter->direct = attribute_u32(bpf[TCA_BPF_FLAGS]) & TCA_BPF_FLAG_ACT_DIRECT;
}

/* Without a handle it is the head of a priority, not a filter. */
static void filter_note(const struct nlmsghdr *message, void *arg)
{
	struct filter_list *list = arg;
	const struct tcmsg *tc = NLMSG_DATA(message);

	if (message->nlmsg_type != RTM_NEWTFILTER || !tc->tcm_handle)
		return;
	if (list->count < list->max)
		filter_read(message, &list->filters[list->count]);
	list->count++;
}

int tc_filter_list(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		   struct tc_filter *filters, unsigned int max)
{
	struct request request = request_make(RTM_GETTFILTER, NLM_F_DUMP, ifindex,
					      hook_parent(hook));
	struct filter_list list = { .filters = filters, .max = max };
	int ret = request_send(fence, &request, filter_note, &list);

	return ret ? ret : (int)list.count;
}

int tc_filter_delete(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		     const struct tc_filter *filter)
{
	struct request request = request_make(RTM_DELTFILTER, 0, ifindex, hook_parent(hook));

	request.tc.tcm_handle = filter->handle;
	request.tc.tcm_info = TC_H_MAKE((uint32_t)filter->priority << 16, filter->protocol);
	if (filter->chain)
		request_add(&request, TCA_CHAIN, &filter->chain, sizeof(filter->chain));
	return request_send(fence, &request, NULL, NULL);
}

unsigned int tc_tcx_count(unsigned int ifindex, enum fence_hook hook)
{
	uint32_t ids[16], count = 16;
	int ret = bpf_prog_query((int)ifindex, hook == FENCE_INGRESS ? TCX_INGRESS : TCX_EGRESS, 0,
				 NULL, ids, &count);

	return ret && ret != -ENOSPC ? 0 : count;
}
