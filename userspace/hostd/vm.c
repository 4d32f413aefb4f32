// SPDX-License-Identifier: GPL-2.0
// Owns the VMs that may use REST: their records, and what an administrator asks for.

#include "core.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

#define RECORD_PREFIX	"vm-"

void vm_uuid_text(const uint8_t uuid[AZATTEST_UUID_LEN], char text[UUID_TEXT])
{
	uuid_unparse_lower(uuid, text);
}

struct vm *vm_find(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	for (struct vm *vm = hostd->vms; vm; vm = vm->next)
		if (!memcmp(vm->request.uuid, uuid, AZATTEST_UUID_LEN))
			return vm;
	return NULL;
}

static struct vm *vm_new(struct hostd *hostd, const struct vm_request *request)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->request = *request;
	vm->hostd = hostd;
	vm->watch.fd = -1;
	vm->owner = -1;
	return vm;
}

static void vm_free(struct vm *vm)
{
	vm_detach(vm);
	free(vm);
}

static void link_vm(struct hostd *hostd, struct vm *vm)
{
	vm->next = hostd->vms;
	hostd->vms = vm;
}

static void unlink_vm(struct hostd *hostd, struct vm *vm)
{
	struct vm **place = &hostd->vms;

	while (*place != vm)
		place = &(*place)->next;
	*place = vm->next;
}

void vm_close_all(struct hostd *hostd)
{
	while (hostd->vms) {
		struct vm *vm = hostd->vms;

		hostd->vms = vm->next;
		vm_free(vm);
	}
}

/* ---- records ---- */

static void record_name(const struct vm *vm, char name[UUID_TEXT + sizeof(RECORD_PREFIX)])
{
	strcpy(name, RECORD_PREFIX);
	vm_uuid_text(vm->request.uuid, name + strlen(RECORD_PREFIX));
}

static int write_record(struct hostd *hostd, const struct vm *vm, struct failure *failure)
{
	const struct vm_request *r = &vm->request;
	char name[UUID_TEXT + sizeof(RECORD_PREFIX)];
	json_t *record;
	int ret;

	record_name(vm, name);
	record = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:s}",
			   "uuid", name + strlen(RECORD_PREFIX), "tap", r->tap,
			   "pid", (json_int_t)r->pid, "pidStart", (json_int_t)vm->pid_start,
			   "name", r->name, "profile", r->profile, "added", (json_int_t)vm->added,
			   "manager", r->manager);
	if (!record)
		return failure_set(failure, EXIT_STATE, -ENOMEM, "no memory");
	ret = store_put(&hostd->store, name, record, failure);
	json_decref(record);
	return ret ? -EIO : 0;
}

static bool copy_text(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

/* A record's text is trusted no more than an administrator's words; older ones have no manager. */
static struct vm *parse_record(struct hostd *hostd, json_t *record)
{
	struct vm_request request = { 0 };
	const char *uuid, *tap, *name, *profile, *manager = "";
	json_int_t pid, start, added;
	struct vm *vm;

	if (json_unpack(record, "{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s?s !}", "uuid", &uuid,
			"tap", &tap, "pid", &pid, "pidStart", &start, "name", &name,
			"profile", &profile, "added", &added, "manager", &manager) ||
	    uuid_parse(uuid, request.uuid) || pid < 0 || pid > INT32_MAX ||
	    !copy_text(request.tap, sizeof(request.tap), tap) ||
	    !copy_text(request.name, sizeof(request.name), name) ||
	    !copy_text(request.profile, sizeof(request.profile), profile) ||
	    !copy_text(request.manager, sizeof(request.manager), manager))
		return NULL;
	request.pid = (pid_t)pid;
	if (vm_wrong_request(&request) || vm_find(hostd, request.uuid))
		return NULL;
	vm = vm_new(hostd, &request);
	if (!vm)
		return NULL;
	vm->pid_start = (uint64_t)start;
	vm->added = added;
	return vm;
}

static void load_record(const char *name, void *arg)
{
	struct hostd *hostd = arg;
	struct failure failure;
	struct vm *vm = NULL;
	json_t *record;

	if (bind_load_record(hostd, name, &failure)) {
		if (*failure.text)
			hostd_problem(hostd, PROBLEM_RECORDS, failure.text);
		return;
	}
	if (strncmp(name, RECORD_PREFIX, strlen(RECORD_PREFIX)))
		return;
	record = store_get(&hostd->store, name, &failure);
	if (record) {
		vm = parse_record(hostd, record);
		json_decref(record);
		if (!vm)
			failure_set(&failure, EXIT_STATE, -EINVAL,
				    "%s/%s.json: no VM's record: restore it, or remove it and add the VM "
				    "again", hostd->store.path, name);
	}
	if (vm)
		link_vm(hostd, vm);
	else
		hostd_problem(hostd, PROBLEM_RECORDS, failure.text);
}

/* What the service manager kept, if its record still wants it. */
static void adopt_owner(const char *name, int fd, void *arg)
{
	struct hostd *hostd = arg;
	struct module_binding binding;
	struct vm *vm = NULL;

	if (bind_adopt(hostd, name, fd))
		return;
	if (!module_info(fd, &binding) && binding.owner && !binding.ended)
		vm = vm_find(hostd, binding.uuid);
	if (vm && vm->request.pid && vm->owner < 0 &&
	    !process_gone(vm->request.pid, vm->pid_start)) {
		vm->owner = fd;
		return;
	}
	close(fd);
	fdstore_remove(name);
}

int vm_load(struct hostd *hostd, struct failure *failure)
{
	int ret = store_each(&hostd->store, load_record, hostd, failure);

	if (ret)
		return ret;
	fdstore_each(adopt_owner, hostd);
	vm_process_settle(hostd);
	return 0;
}

int vm_forget(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	char name[UUID_TEXT + sizeof(RECORD_PREFIX)];
	int ret;

	record_name(vm, name);
	ret = store_remove(&hostd->store, name, failure);
	if (ret)
		return -EIO;
	log_line(LOG_INFO, "%s: removed (%s)", name + strlen(RECORD_PREFIX), vm->request.tap);
	vm_leave_port(hostd, vm);
	if (vm->request.pid)
		fdstore_remove(name + strlen(RECORD_PREFIX));
	unlink_vm(hostd, vm);
	vm_free(vm);
	return 0;
}

/* ---- slots of a time before ours ---- */

/* The VM whose slot this still is, or NULL. */
static struct vm *still_the_same(struct hostd *hostd, const struct fence_slot *record)
{
	struct vm *vm = vm_find(hostd, record->uuid);
	struct failure failure;

	if (!vm || vm->slot || net_tap_find(hostd->net, vm->request.tap) != record->ifindex)
		return NULL;
	if (vm->watch.fd < 0 && vm_attach(vm, &failure))
		return NULL;
	return vm->binding.generation == record->generation ? vm : NULL;
}

void vm_adopt_slots(struct hostd *hostd)
{
	for (unsigned int i = 1; i < hostd->slots.count; i++) {
		struct fence_slot record;
		struct vm *vm;

		if (fence_slot_read(hostd->fence, i, &record) || slot_take_this(&hostd->slots, i))
			continue;
		vm = still_the_same(hostd, &record);
		if (vm) {
			vm->slot = i;
			vm->ifindex = record.ifindex;
			vm->port = record.ifindex;
			hostd->slots.slot[i].unclean = false;
		} else {
			drain_begin(hostd, i, record.uuid, record.generation, false, false);
		}
	}
}

/* ---- what is asked for, what happens ---- */

static int check_conflicts(struct hostd *hostd, const struct vm_request *request,
			   struct failure *failure)
{
	char uuid[UUID_TEXT];
	unsigned int records = 0;

	for (struct vm *vm = hostd->vms; vm; vm = vm->next, records++) {
		if (strcmp(vm->request.tap, request->tap))
			continue;
		vm_uuid_text(vm->request.uuid, uuid);
		return failure_set(failure, EXIT_FAILURE, -EBUSY,
				   "%s: belongs to VM %s: remove that one first", request->tap, uuid);
	}
	if (records + 1 < hostd->slots.count)
		return 0;
	return failure_set(failure, EXIT_FAILURE, -ENOSPC,
			   "%s: the range has no more than %u slots: [network] range of the configuration",
			   request->tap, hostd->slots.count - 1);
}

/* What is there already: the same is no failure, and is begun again if it has ended. */
static int add_again(struct hostd *hostd, struct vm *vm, const struct vm_request *request,
		     struct failure *failure)
{
	int ret = 0;

	if (strcmp(vm->request.tap, request->tap))
		return failure_set(failure, EXIT_FAILURE, -EBUSY,
				   "%s: the VM has %s: remove the VM first", request->tap, vm->request.tap);
	if (vm->request.pid != request->pid || strcmp(vm->request.name, request->name) ||
	    strcmp(vm->request.profile, request->profile))
		return failure_set(failure, EXIT_FAILURE, -EBUSY,
				   "%s: the VM was added with another process, name or profile: remove "
				   "it first", request->tap);
	if (request->pid)
		ret = vm_process_again(hostd, vm, failure);
	backoff_clear(&vm->backoff);
	vm_settle(hostd, vm);
	rest_pump(&hostd->rest);
	return ret;
}

/* A tap that is there must be one that can be joined; one that is not may come. */
static int join_now(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	unsigned int ifindex = net_tap_find(hostd->net, vm->request.tap), repaired;
	int ret;

	if (!ifindex || !hostd->bridge)
		return 0;
	ret = net_port_join(hostd->net, ifindex, &repaired, failure);
	if (!ret)
		vm->port = ifindex;
	return ret == -ENODEV ? 0 : ret;
}

static int begin(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	int ret = 0;

	vm->added = time(NULL);
	if (vm->request.pid)
		ret = vm_process_begin(hostd, vm, failure);
	if (!ret)
		ret = join_now(hostd, vm, failure);
	if (!ret)
		ret = write_record(hostd, vm, failure);
	return ret;
}

int vm_add(struct hostd *hostd, const struct vm_request *request, struct failure *failure)
{
	const char *wrong = vm_wrong_request(request);
	char uuid[UUID_TEXT];
	struct vm *vm;
	int ret;

	if (wrong)
		return failure_set(failure, EXIT_FAILURE, -EINVAL, "%s", wrong);
	if (!hostd->legacy)
		return failure_set(failure, EXIT_FAILURE, -EPERM,
				   "%s: REST access is off: azattestctl legacy on", request->tap);
	vm = vm_find(hostd, request->uuid);
	if (vm)
		return add_again(hostd, vm, request, failure);
	ret = check_conflicts(hostd, request, failure);
	if (ret)
		return ret;
	vm = vm_new(hostd, request);
	if (!vm)
		return failure_set(failure, EXIT_FAILURE, -EIO, "no memory");
	vm_uuid_text(request->uuid, uuid);
	ret = begin(hostd, vm, failure);
	if (ret) {
		vm_leave_port(hostd, vm);
		if (vm->owner >= 0) {
			module_end(&hostd->module, request->uuid);
			fdstore_remove(uuid);
		}
		vm_free(vm);
		return ret;
	}
	log_line(LOG_INFO, "%s: added (%s)", uuid, request->tap);
	link_vm(hostd, vm);
	vm_settle(hostd, vm);
	rest_pump(&hostd->rest);
	return 0;
}

int vm_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN], struct failure *failure)
{
	struct vm *vm = vm_find(hostd, uuid);
	int ret;

	if (!vm)
		return failure_set(failure, EXIT_FAILURE, -ENOENT, "no such VM");
	if (vm_withdraw(hostd, vm, failure))
		return -EIO;
	if (vm->owner >= 0)
		module_end(&hostd->module, uuid);
	ret = vm_forget(hostd, vm, failure);
	rest_pump(&hostd->rest);
	return ret;
}

void vm_bound(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	struct vm *vm = vm_find(hostd, uuid);

	if (!vm)
		return;
	backoff_clear(&vm->backoff);
	vm_settle(hostd, vm);
	rest_pump(&hostd->rest);
}
