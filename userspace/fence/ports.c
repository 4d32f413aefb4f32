// SPDX-License-Identifier: GPL-2.0
// Owns enrolment: which tap is which slot; and its audit.

#include "internal.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

static int slot_write(struct fence *fence, uint32_t slot, const struct fence_slot *record)
{
	return bpf_map_update_elem(fence->map[FENCE_SLOTS].fd, &slot, record, BPF_ANY);
}

static uint32_t port_read(struct fence *fence, unsigned int ifindex)
{
	uint32_t key = ifindex, slot = 0;

	return bpf_map_lookup_elem(fence->map[FENCE_PORTS].fd, &key, &slot) ? 0 : slot;
}

static int slot_check(struct fence *fence, unsigned int slot, struct failure *failure)
{
	if (slot && slot < fence->config.slots)
		return 0;
	return failure_set(failure, 1, -EINVAL, "fence: slot %u: not 1 to %u", slot,
			   fence->config.slots - 1);
}

int fence_slot_read(struct fence *fence, unsigned int slot, struct fence_slot *record)
{
	uint32_t key = slot;
	int ret;

	if (!slot || slot >= fence->config.slots)
		return -ENOENT;
	ret = bpf_map_lookup_elem_flags(fence->map[FENCE_SLOTS].fd, &key, record, BPF_F_LOCK);
	if (ret)
		return ret;
	return record->ifindex ? 0 : -ENOENT;
}

/* The slot is the VM's or nobody's, and so is the tap. */
static int claim_check(struct fence *fence, unsigned int slot, unsigned int ifindex,
		       const uint8_t uuid[16], struct failure *failure)
{
	unsigned int other = port_read(fence, ifindex);
	char name[IFNAMSIZ + 16];
	struct fence_slot record;

	if (!if_indextoname(ifindex, name))
		return failure_set(failure, 1, -ENODEV, "fence: slot %u: no interface %u", slot, ifindex);
	if (!fence_slot_read(fence, slot, &record) && memcmp(record.uuid, uuid, 16))
		return failure_set(failure, 1, -EBUSY, "fence: slot %u is another VM's", slot);
	if (other && other != slot && !fence_slot_read(fence, other, &record) &&
	    record.ifindex == ifindex)
		return failure_set(failure, 1, -EBUSY, "fence: %s has slot %u, not %u: remove that VM first",
				   name, other, slot);
	return 0;
}

static bool same_enrolment(struct fence *fence, unsigned int slot, unsigned int ifindex,
			   const uint8_t uuid[16], uint64_t generation)
{
	struct fence_slot record;

	return !fence_slot_read(fence, slot, &record) && record.ifindex == ifindex &&
	       record.generation == generation && !memcmp(record.uuid, uuid, 16);
}

/* A fresh record: no guest heard yet, nothing counted, a full bucket. */
static int record_make(struct fence *fence, unsigned int slot, unsigned int ifindex,
		       const uint8_t uuid[16], uint64_t generation, struct failure *failure)
{
	struct fence_slot record = {
		.ifindex = ifindex,
		.generation = generation,
		.tokens = fence->config.syn_burst * 1000,
	};
	int ret;

	memcpy(record.uuid, uuid, sizeof(record.uuid));
	ret = slot_write(fence, slot, &record);
	if (ret)
		return failure_set(failure, 1, ret, "fence: slot %u: %s", slot, strerror(-ret));
	return 0;
}

static int port_write(struct fence *fence, unsigned int slot, unsigned int ifindex,
		      struct failure *failure)
{
	uint32_t key = ifindex, value = slot;
	int ret = bpf_map_update_elem(fence->map[FENCE_PORTS].fd, &key, &value, BPF_ANY);

	if (ret)
		return failure_set(failure, 1, ret, "fence: slot %u: map ports: %s", slot,
				   strerror(-ret));
	return 0;
}

/*
 * On a tap that has an "ingress" qdisc (libvirt's bandwidth limits) there is no
 * place for port_out: that qdisc shows its filters under both hooks. Nothing
 * opens by that: who is not let in by port_in gets no connection, and the
 * bridge itself forwards nothing to a port.
 */
static bool filters_intact(struct fence *fence, unsigned int ifindex)
{
	return filter_intact(fence, ifindex, FENCE_INGRESS, FENCE_PORT_IN) &&
	       (filter_intact(fence, ifindex, FENCE_EGRESS, FENCE_PORT_OUT) ||
		filter_intact(fence, ifindex, FENCE_EGRESS, FENCE_PORT_IN));
}

static int filters_attach(struct fence *fence, unsigned int ifindex, struct failure *failure)
{
	char name[IFNAMSIZ + 16];
	bool egress;
	int ret;

	if (filters_intact(fence, ifindex))
		return 0;
	ret = filter_prepare(fence, ifindex, &egress, failure);
	if (!ret && egress)
		ret = filter_attach(fence, ifindex, FENCE_EGRESS, FENCE_PORT_OUT, failure);
	if (!ret)
		ret = filter_attach(fence, ifindex, FENCE_INGRESS, FENCE_PORT_IN, failure);
	if (!ret && !egress)
		log_line(LOG_NOTICE, "fence: %s has an ingress qdisc: without port_out",
			 fence_device(ifindex, name));
	return ret;
}

int fence_enrol(struct fence *fence, unsigned int slot, unsigned int ifindex,
		const uint8_t uuid[16], uint64_t generation, struct failure *failure)
{
	struct failure ignored;
	bool again;
	int ret = slot_check(fence, slot, failure);

	if (!ret)
		ret = claim_check(fence, slot, ifindex, uuid, failure);
	if (ret)
		return ret;
	again = same_enrolment(fence, slot, ifindex, uuid, generation);
	if (!again) {
		fence_withdraw(fence, slot, &ignored);
		ret = record_make(fence, slot, ifindex, uuid, generation, failure);
	}
	if (!ret)
		ret = port_write(fence, slot, ifindex, failure);
	if (!ret)
		ret = filters_attach(fence, ifindex, failure);
	if (ret && !again)
		fence_withdraw(fence, slot, &ignored);
	return ret;
}

int fence_withdraw(struct fence *fence, unsigned int slot, struct failure *failure)
{
	static const struct fence_slot nothing;
	struct fence_slot record;
	int ret = slot_check(fence, slot, failure);
	uint32_t key;

	if (ret || fence_slot_read(fence, slot, &record))
		return ret;
	ret = slot_write(fence, slot, &nothing);
	if (ret)
		return failure_set(failure, 1, ret, "fence: slot %u: %s", slot, strerror(-ret));
	key = record.ifindex;
	if (port_read(fence, key) == slot)
		bpf_map_delete_elem(fence->map[FENCE_PORTS].fd, &key);
	filter_detach(fence, key);
	return 0;
}

unsigned int fence_audit_port(struct fence *fence, unsigned int slot)
{
	struct fence_slot record;

	/* Nobody's: maps may be fresh, and whoever asks believes that it is his. */
	if (fence_slot_read(fence, slot, &record))
		return FENCE_LOST_PORT;
	return port_read(fence, record.ifindex) == slot && filters_intact(fence, record.ifindex) ?
	       0 : FENCE_LOST_PORT;
}
