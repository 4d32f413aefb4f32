// SPDX-License-Identifier: GPL-2.0
// Owns the way of one VM from what is to what should be: tap, binding, slot.

#include "core.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <userspace/common/mismatch.h>

__attribute__((format(printf, 2, 3)))
static bool waits(struct vm *vm, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vm->reason, sizeof(vm->reason), format, args);
	va_end(args);
	return false;
}

/* Something failed that is not just missing: not tried again at once. */
static bool fails(struct vm *vm, const struct failure *failure)
{
	if (strcmp(vm->reason, failure->text))
		log_line(LOG_ERR, "%s: %s", vm->request.tap, failure->text);
	backoff_failed(&vm->backoff);
	return waits(vm, "%s", failure->text);
}

int vm_withdraw(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	char uuid[UUID_TEXT];
	unsigned int slot = vm->slot;
	int ret = 0;

	if (!slot)
		return 0;
	vm_uuid_text(vm->request.uuid, uuid);
	if (hostd->fence)
		ret = fence_withdraw(hostd->fence, slot, failure);
	log_line(ret ? LOG_ERR : LOG_INFO, "%s: withdrawn from slot %u%s%s", uuid, slot,
		 ret ? ": " : "", ret ? failure->text : "");
	drain_begin(hostd, slot, vm->request.uuid, vm->binding.generation, vm->granted, !ret);
	vm->slot = 0;
	vm->ifindex = 0;
	vm->granted = false;
	return ret;
}

/* Where nobody waits for it: what failed is tried again while the slot drains. */
static void lose(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;

	vm_withdraw(hostd, vm, &failure);
}

/* the binding */

static void on_end(struct watch *watch, uint32_t events)
{
	struct vm *vm = watch->owner;
	struct hostd *hostd = vm->hostd;
	bool ours = vm->owner >= 0;

	if (!(events & (EPOLLHUP | EPOLLERR)))
		return;
	lose(hostd, vm);
	vm_detach(vm);
	if (vm->request.pid && process_gone(vm->request.pid, vm->pid_start)) {
		vm_process_ended(hostd, vm);
		rest_pump(&hostd->rest);
		return;
	}
	if (ours)
		vm->unbound = true;
	/* Else what somebody else had made may have stood in our way. */
	hostd_changed(hostd);
	vm_settle(hostd, vm);
	rest_pump(&hostd->rest);
}

void vm_detach(struct vm *vm)
{
	watch_close(&vm->watch);
	if (vm->owner < 0)
		return;
	close(vm->owner);
	vm->owner = -1;
}

int vm_attach(struct vm *vm, struct failure *failure)
{
	int fd = module_attach(&vm->hostd->module, vm->request.uuid, failure), ret;

	if (fd < 0)
		return fd;
	vm->watch = (struct watch) { .fd = fd, .ready = on_end, .owner = vm };
	ret = module_info(fd, &vm->binding);
	if (!ret)
		ret = watch_add(&vm->watch, 0);
	if (!ret)
		return 0;
	watch_close(&vm->watch);
	return failure_set(failure, EXIT_FAILURE, ret, "%s: INFO: %s", vm->hostd->module.device,
			   mismatch_strerror(-ret));
}

static bool have_binding(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;
	int ret;

	if (vm->watch.fd >= 0)
		return true;
	ret = vm_attach(vm, &failure);
	if (!ret)
		return true;
	lose(hostd, vm);
	if (ret == -ENODEV)
		return waits(vm, "%s", failure.text);
	if (ret != -ENOENT)
		return fails(vm, &failure);
	if (vm->request.pid)
		return waits(vm, "%s", vm->unbound || vm->owner >= 0 ?
			     "somebody has ended its binding: remove the VM and add it again" : vm->not_bound.text);
	return waits(vm, "the VM is not bound: start its VMM with azattest-run");
}

/* the tap */

static bool have_tap(struct hostd *hostd, struct vm *vm)
{
	unsigned int ifindex = net_tap_find(hostd->net, vm->request.tap), repaired = 0;
	struct failure failure;
	bool was_port;

	if (vm->slot && vm->ifindex != ifindex)
		lose(hostd, vm);
	was_port = ifindex && vm->port == ifindex;
	vm->port = 0;
	if (!ifindex)
		return waits(vm, "there is no interface %s", vm->request.tap);
	switch (net_port_join(hostd->net, ifindex, &repaired, &failure)) {
	case 0:
		vm->port = ifindex;
		if (was_port && repaired)
			hostd_repaired(hostd, repaired, vm->request.tap);
		return true;
	case -ENODEV:
		lose(hostd, vm);
		return waits(vm, "there is no interface %s", vm->request.tap);
	default:
		lose(hostd, vm);
		return fails(vm, &failure);
	}
}

void vm_leave_port(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;

	if (vm->port && net_port_leave(hostd->net, vm->port, &failure))
		log_line(LOG_ERR, "%s: %s", vm->request.tap, failure.text);
	vm->port = 0;
}

/* the slot */

static bool enrol(struct hostd *hostd, struct vm *vm, unsigned int slot, struct failure *failure)
{
	int ret = drain_clean(hostd, slot, failure);

	if (!ret)
		ret = fence_enrol(hostd->fence, slot, vm->port, vm->request.uuid,
				  vm->binding.generation, failure);
	if (ret)
		return false;
	vm->slot = slot;
	vm->ifindex = vm->port;
	return true;
}

static bool have_new_slot(struct hostd *hostd, struct vm *vm)
{
	char uuid[UUID_TEXT];
	struct failure failure;
	int slot;

	/* An earlier hostd may have told restd something that we do not know of. */
	if (hostd->rest.stale)
		return waits(vm, "azattest-restd has not come back since azattest-hostd was started");
	slot = slot_take(&hostd->slots);
	if (slot < 0)
		return waits(vm, "no slot is free");
	if (!enrol(hostd, vm, (unsigned int)slot, &failure)) {
		struct failure ignored;

		/* What it began may be there in part. */
		if (!fence_withdraw(hostd->fence, (unsigned int)slot, &ignored))
			slot_free(&hostd->slots, (unsigned int)slot);
		else
			drain_begin(hostd, (unsigned int)slot, vm->request.uuid,
				    vm->binding.generation, false, false);
		return fails(vm, &failure);
	}
	vm_uuid_text(vm->request.uuid, uuid);
	log_line(LOG_INFO, "%s: %s has slot %u", uuid, vm->request.tap, vm->slot);
	return true;
}

/* restd takes a VM with its facts only: one that has none to tell gets no slot. */
static bool have_facts(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;
	char *text;

	if (vm->slot)
		return true;
	text = facts_text(hostd, vm, &failure);
	free(text);
	return text ? true : fails(vm, &failure);
}

static bool have_slot(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;
	unsigned int slot = vm->slot;

	if (!slot)
		return have_new_slot(hostd, vm);
	if (!fence_audit_port(hostd->fence, slot))
		return true;
	if (enrol(hostd, vm, slot, &failure)) {
		hostd_repaired(hostd, 1, vm->request.tap);
		return true;
	}
	lose(hostd, vm);
	return fails(vm, &failure);
}

void vm_settle(struct hostd *hostd, struct vm *vm)
{
	if (!backoff_ready(&vm->backoff)) {
		hostd_wake_at(hostd, vm->backoff.next_ms);
		return;
	}
	if (!hostd->legacy) {
		waits(vm, "REST access is off: azattestctl legacy on");
	} else if (!hostd->fence || !hostd->bridge || *hostd->problem[PROBLEM_FENCE]) {
		waits(vm, "the bridge or its fence is missing: see problems of the status");
	} else if (have_tap(hostd, vm) && have_binding(hostd, vm) &&
		   have_facts(hostd, vm) && have_slot(hostd, vm)) {
		vm->reason[0] = 0;
		backoff_clear(&vm->backoff);
		return;
	}
	if (vm->backoff.failures && vm->backoff.next_ms > watch_now_ms())
		hostd_wake_at(hostd, vm->backoff.next_ms);
}
