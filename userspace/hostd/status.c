// SPDX-License-Identifier: GPL-2.0
// Owns the state of all this, as JSON (docs/api.md).

#include "core.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include <userspace/common/common.h>

/* ---- a VM ---- */

/* A slot of this VM that is not free yet; 0: none. */
static unsigned int draining_slot(const struct slots *slots, const uint8_t *uuid)
{
	for (unsigned int i = 1; slots->draining && i < slots->count; i++)
		if (slots->slot[i].state >= SLOT_DRAINING &&
		    !memcmp(slots->slot[i].uuid, uuid, AZATTEST_UUID_LEN))
			return i;
	return 0;
}

enum vm_state vm_state(struct hostd *hostd, const struct vm *vm, const char **reason)
{
	static char text[400];

	*reason = vm->reason;
	if (!vm->slot && draining_slot(&hostd->slots, vm->request.uuid)) {
		snprintf(text, sizeof(text), "%s%sits last slot is being cleared", vm->reason,
			 *vm->reason ? "; " : "");
		*reason = text;
		return VM_DRAINING;
	}
	if (!vm->slot)
		return VM_WAITING;
	if (vm->granted && hostd->rest.phase == REST_SYNCED && hostd->rest.in_fence)
		return VM_ACTIVE;
	*reason = vm->grants.failures ?
		"azattest-restd has no descriptor free for it: raise LimitNOFILE= of its unit" :
		"azattest-restd does not serve it yet: see problems of the status";
	return VM_WAITING;
}

static const char *state_name(enum vm_state state)
{
	switch (state) {
	case VM_ACTIVE:
		return "active";
	case VM_DRAINING:
		return "draining";
	default:
		return "waiting";
	}
}

static json_t *drops_json(const uint64_t drops[FENCE_REASON_COUNT])
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < FENCE_REASON_COUNT; i++)
		if (drops[i])
			json_object_set_new(object, fence_reason_name(i),
					    json_integer((json_int_t)drops[i]));
	return object;
}

static void note_path(const struct module_path *path, void *arg)
{
	struct vm *vm = vm_find(arg, path->uuid);

	if (vm)
		vm->path = *path;
}

static const char *path_name(uint32_t transport)
{
	static const char *const names[AZATTEST_TRANSPORT_MAX + 1] = {
		[AZATTEST_TRANSPORT_VSOCK] = "vsock", [AZATTEST_TRANSPORT_REST] = "rest",
		[AZATTEST_TRANSPORT_VMM] = "vmm",
	};

	return names[transport] ? names[transport] : "";
}

static json_t *one_json(struct hostd *hostd, const struct vm *vm)
{
	const struct vm_request *r = &vm->request;
	bool bound = vm->watch.fd >= 0;
	struct fence_slot record = { 0 };
	uint64_t drops[FENCE_REASON_COUNT];
	char uuid[UUID_TEXT];
	const char *reason;
	enum vm_state state = vm_state(hostd, vm, &reason);

	vm_uuid_text(r->uuid, uuid);
	if (vm->slot && hostd->fence)
		fence_slot_read(hostd->fence, vm->slot, &record);
	for (unsigned int i = 0; i < FENCE_REASON_COUNT; i++)
		drops[i] = record.drops[i];
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:s, s:i, s:s,"
			 " s:s, s:I, s:{s:I, s:I}, s:o}",
			 "uuid", uuid, "name", bound ? vm->binding.name : r->name, "tap", r->tap,
			 "state", state_name(state), "reason", reason, "slot", vm->slot,
			 "ifindex", vm->ifindex,
			 "generation", (json_int_t)(bound ? vm->binding.generation : 0),
			 "cid", (json_int_t)(bound ? vm->binding.cid : 0),
			 "binding", !bound ? "none" : vm->owner >= 0 ? "hostd" : "vmm",
			 "pid", r->pid, "manager", r->manager,
			 "lastPath", path_name(bound ? vm->path.transport : 0),
			 "lastAsked", (json_int_t)(bound ? vm->path.asked : 0),
			 "packets", "in", (json_int_t)record.rx_packets,
			 "out", (json_int_t)record.tx_packets,
			 "drops", drops_json(drops));
}

json_t *vm_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	struct vm *vm = vm_find(hostd, uuid);

	if (!vm)
		return NULL;
	vm->path = (struct module_path) { .transport = 0 };
	module_each_path(&hostd->module, uuid, note_path, hostd);
	return one_json(hostd, vm);
}

json_t *vm_list_json(struct hostd *hostd)
{
	json_t *list = json_array();

	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		vm->path = (struct module_path) { .transport = 0 };
	module_each_path(&hostd->module, NULL, note_path, hostd);
	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		json_array_append_new(list, one_json(hostd, vm));
	return list;
}

/* ---- the host ---- */

static json_t *problems_json(const struct hostd *hostd)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < PROBLEM_COUNT; i++)
		if (*hostd->problem[i])
			json_array_append_new(list, json_string(hostd->problem[i]));
	return list;
}

/* Beside them, in the same order: which part of it each is about. */
static json_t *problem_parts_json(const struct hostd *hostd)
{
	static const char *const parts[PROBLEM_COUNT] = {
		[PROBLEM_NETWORK] = "network", [PROBLEM_VLANS] = "vlans",
		[PROBLEM_FENCE] = "fence", [PROBLEM_REST] = "restd",
		[PROBLEM_MODULE] = "module", [PROBLEM_FIREWALL] = "firewall",
		[PROBLEM_RECORDS] = "records",
	};
	json_t *list = json_array();

	for (unsigned int i = 0; i < PROBLEM_COUNT; i++)
		if (*hostd->problem[i])
			json_array_append_new(list, json_string(parts[i]));
	return list;
}

static void address_text(struct in_addr address, char text[INET_ADDRSTRLEN])
{
	text[0] = 0;
	if (address.s_addr)
		inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

static json_t *legacy_json(const struct hostd *hostd)
{
	const struct net_config *net = &hostd->config.net;
	struct in_addr base = { htonl(net->base) };
	char first[INET_ADDRSTRLEN], second[INET_ADDRSTRLEN], range[INET_ADDRSTRLEN];
	char prefix[24];
	json_t *problems = problems_json(hostd);
	const char *state = "active";

	if (!hostd->legacy)
		state = "off";
	else if (json_array_size(problems))
		state = "degraded";
	address_text(net->address[0], first);
	address_text(net->address[1], second);
	address_text(base, range);
	snprintf(prefix, sizeof(prefix), "/%u", net->prefix);
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:i, s:s+, s:i, s:i, s:o, s:o, s:I}",
			 "enabled", hostd->legacy, "state", state, "bridge", net->bridge,
			 "address", first, "secondAddress", second, "port", hostd->config.port,
			 "range", range, prefix, "slots", hostd->slots.count - 1,
			 "used", hostd->slots.used, "problems", problems,
			 "problemParts", problem_parts_json(hostd),
			 "repairs", (json_int_t)hostd->repairs);
}

static json_t *vms_json(struct hostd *hostd)
{
	unsigned int count[3] = { 0 };
	const char *reason;

	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		count[vm_state(hostd, vm, &reason)]++;
	return json_pack("{s:i, s:i, s:i}", "active", count[VM_ACTIVE], "waiting", count[VM_WAITING],
			 "draining", count[VM_DRAINING]);
}

json_t *status_json(struct hostd *hostd)
{
	const struct rest *rest = &hostd->rest;
	bool connected = rest->phase == REST_SYNCED;
	uint64_t drops[FENCE_REASON_COUNT] = { 0 };

	if (hostd->fence)
		fence_drops_read(hostd->fence, drops);
	return json_pack("{s:s, s:I, s:o, s:{s:b, s:i, s:I}, s:{s:b}, s:o, s:o}",
			 "version", AZATTEST_PRODUCT_VERSION, "since", (json_int_t)hostd->started,
			 "legacy", legacy_json(hostd),
			 "restd", "connected", connected, "pid", connected ? rest->pid : 0,
			 "since", (json_int_t)(connected ? rest->since : 0),
			 "module", "present", module_present(&hostd->module),
			 "vms", vms_json(hostd), "drops", drops_json(drops));
}
