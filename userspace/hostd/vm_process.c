// SPDX-License-Identifier: GPL-2.0
// Owns the identity that a VM without vsock has by its VMM's process: made here, and made again.

#include "core.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int process_failure(pid_t pid, int error, struct failure *failure)
{
	if (error == -ESRCH)
		return failure_set(failure, EXIT_FAILURE, error, "there is no process %d", pid);
	return failure_set(failure, EXIT_FAILURE, error, "process %d cannot be looked at: %s", pid,
			   strerror(-error));
}

static int bind_process(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	char uuid[UUID_TEXT];
	int life = process_open(vm->request.pid, vm->pid_start), fd;

	if (life < 0)
		return process_failure(vm->request.pid, life, failure);
	fd = module_bind(&hostd->module, &(struct module_bind) {
		.uuid = vm->request.uuid, .name = vm->request.name, .profile = vm->request.profile,
		.pid = vm->request.pid, .life_fd = life,
	}, failure);
	close(life);
	if (fd < 0)
		return fd;
	vm->owner = fd;
	vm->not_bound.text[0] = 0;
	backoff_clear(&vm->binding_backoff);
	vm_uuid_text(vm->request.uuid, uuid);
	fdstore_put(uuid, fd);
	return 0;
}

int vm_process_begin(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	int ret = process_start(vm->request.pid, &vm->pid_start);

	return ret ? process_failure(vm->request.pid, ret, failure) : bind_process(hostd, vm, failure);
}

int vm_process_again(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	struct module_binding binding;

	if (vm->owner >= 0 && !module_info(vm->owner, &binding) && !binding.ended)
		return 0;
	vm_withdraw(hostd, vm, failure);
	vm_detach(vm);
	vm->unbound = false;
	return bind_process(hostd, vm, failure);
}

/* A module that is missing is told of when it comes; what else fails is tried again later. */
static void resume(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;
	int ret = 0;

	if (backoff_ready(&vm->binding_backoff))
		ret = bind_process(hostd, vm, &failure);
	if (ret && strcmp(vm->not_bound.text, failure.text))
		log_line(LOG_ERR, "%s: %s", vm->request.tap, failure.text);
	if (ret)
		vm->not_bound = failure;
	if (ret && ret != -ENODEV)
		backoff_failed(&vm->binding_backoff);
	if (vm->binding_backoff.failures)
		hostd_wake_at(hostd, vm->binding_backoff.next_ms);
}

void vm_process_settle(struct hostd *hostd)
{
	struct failure failure;
	struct vm *next;

	for (struct vm *vm = hostd->vms; vm; vm = next) {
		next = vm->next;
		if (!vm->request.pid || vm->owner >= 0)
			continue;
		if (!process_gone(vm->request.pid, vm->pid_start)) {
			if (!vm->unbound)
				resume(hostd, vm);
		} else if (vm_forget(hostd, vm, &failure)) {
			log_line(LOG_ERR, "%s", failure.text);
		}
	}
}
