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

/* Why it has no identity, and when that is tried again. */
static void could_not(struct hostd *hostd, struct vm *vm, int error, const struct failure *failure)
{
	if (strcmp(vm->not_bound.text, failure->text))
		log_line(LOG_ERR, "%s: %s", vm->request.tap, failure->text);
	vm->not_bound = *failure;
	vm->bind_error = error;
	backoff_failed(&vm->binding_backoff);
	hostd_wake_at(hostd, vm->binding_backoff.next_ms);
}

static int bind_process(struct hostd *hostd, struct vm *vm, bool patient, struct failure *failure)
{
	char uuid[UUID_TEXT];
	int life = process_open(vm->request.pid, vm->pid_start), fd;

	if (life < 0)
		return process_failure(vm->request.pid, life, failure);
	fd = module_bind(&hostd->module, &(struct module_bind) {
		.uuid = vm->request.uuid, .name = vm->request.name, .profile = vm->request.profile,
		.pid = vm->request.pid, .life_fd = life, .once = !patient,
	}, failure);
	close(life);
	if (fd < 0)
		return fd;
	vm->owner = fd;
	vm->not_bound.text[0] = 0;
	vm->bind_error = 0;
	backoff_clear(&vm->binding_backoff);
	vm_uuid_text(vm->request.uuid, uuid);
	fdstore_put(uuid, fd);
	return 0;
}

int vm_process_begin(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	int ret = process_start(vm->request.pid, &vm->pid_start);

	return ret ? process_failure(vm->request.pid, ret, failure) : bind_process(hostd, vm, true, failure);
}

int vm_process_again(struct hostd *hostd, struct vm *vm, struct failure *failure)
{
	struct module_binding binding;
	int ret;

	if (vm->owner >= 0 && !module_info(vm->owner, &binding) && !binding.ended)
		return 0;
	vm_withdraw(hostd, vm, failure);
	vm_detach(vm);
	vm->unbound = false;
	ret = bind_process(hostd, vm, true, failure);
	if (ret)
		could_not(hostd, vm, ret, failure);
	return ret;
}

/* Without patience: the whole loop would have it. A module that was missing is tried as soon as it is there. */
static void resume(struct hostd *hostd, struct vm *vm)
{
	bool came = vm->bind_error == -ENODEV && module_present(&hostd->module);
	struct failure failure;
	int ret;

	if (!backoff_ready(&vm->binding_backoff) && !came) {
		hostd_wake_at(hostd, vm->binding_backoff.next_ms);
		return;
	}
	ret = bind_process(hostd, vm, false, &failure);
	if (ret)
		could_not(hostd, vm, ret, &failure);
}

/* A record that stays is told of once. */
void vm_process_ended(struct hostd *hostd, struct vm *vm)
{
	struct failure failure;

	vm_withdraw(hostd, vm, &failure);
	if (!vm_forget(hostd, vm, &failure) || !strcmp(vm->not_bound.text, failure.text))
		return;
	log_line(LOG_ERR, "%s", failure.text);
	vm->not_bound = failure;
}

/* The file of a binding that is watched tells of its process's end by itself. */
void vm_process_settle(struct hostd *hostd)
{
	struct vm *next;

	for (struct vm *vm = hostd->vms; vm; vm = next) {
		next = vm->next;
		if (!vm->request.pid || (vm->owner >= 0 && vm->watch.fd >= 0))
			continue;
		if (process_gone(vm->request.pid, vm->pid_start))
			vm_process_ended(hostd, vm);
		else if (vm->owner < 0 && !vm->unbound)
			resume(hostd, vm);
	}
}
